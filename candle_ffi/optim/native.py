"""Optimizers of the native library, as Python holds them."""

from __future__ import annotations

import functools
import operator
import threading
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, ClassVar, Final

import numpy as np

from candle_ffi._handles import handles, wrap
from candle_ffi._lib import check, ffi, lib, take_error
from candle_ffi.autograd import enable_grad
from candle_ffi.errors import UnsupportedError
from candle_ffi.optim.optimizer import Group, Optimizer, State, as_parameters, check_parameters
from candle_ffi.tensor import Tensor

__all__ = ["Native", "NativeOptimizer", "states_on_host"]

#: Where a number of the library stands in an option of several.
_PARTS: Final = {
    "beta1": ("betas", 0),
    "beta2": ("betas", 1),
    "etaminus": ("etas", 0),
    "etaplus": ("etas", 1),
    "step_size_min": ("step_sizes", 0),
    "step_size_max": ("step_sizes", 1),
}
_SWITCHES: Final = frozenset(
    ("nesterov", "maximize", "amsgrad", "decoupled_weight_decay", "centered")
)


#: Of each thread: whether states are wanted on the host.
_asked = threading.local()


@contextmanager
def states_on_host() -> Iterator[None]:
    """Let what optimizers tell of their state be on the CPU, tensor by tensor.

    A copy of all of it beside the original would need as much memory of the device again.
    """
    before = getattr(_asked, "on_host", False)
    _asked.on_host = True
    try:
        yield
    finally:
        _asked.on_host = before


class NativeOptimizer(Optimizer):
    """Base of the optimizers that the library makes; a subclass states its name and its options.

    Parameters
    ----------
    params : iterable of Tensor or of dict or None
        As in `Optimizer`.
    defaults : dict
        The options of groups that do not state them.
    learning_rate : float, optional
        Another name of the option ``lr``.
    """

    #: The function of the library that makes the optimizer.
    _make: ClassVar[str]

    def __init__(
        self,
        params: Iterable[Any] | None,
        defaults: dict[str, Any],
        learning_rate: float | None = None,
    ) -> None:
        if learning_rate is not None:
            defaults["lr"] = learning_rate
        self._native: list[Native] = []
        super().__init__(params, defaults)
        # Without parameters the options would be checked at the first step only.
        if params is None:
            self._check_options(self.defaults)

    def add_param_group(self, param_group: Group) -> None:
        """Add a group of parameters.

        Parameters
        ----------
        param_group : dict
            ``"params"``, and the options that differ from the defaults.

        Raises
        ------
        TypeError
            An option is no number.
        ValueError
            A parameter is in a group already, is no leaf, or an option is outside its domain.
        """
        super().add_param_group(param_group)
        added = self.param_groups[-1]
        try:
            self._native.append(Native(self, added))
        except BaseException:
            self.param_groups.pop()
            raise

    def step(self, closure: Callable[[], Any] | Iterable[Tensor] | None = None) -> Any:
        """Change the parameters by their gradients.

        Parameters
        ----------
        closure : callable or iterable of Tensor, optional
            A function that computes the loss anew; or the parameters, for an optimizer that was
            made without them.

        Returns
        -------
        Tensor or None
            What the function returned.

        Raises
        ------
        ValueError
            The optimizer was made without parameters, and none are given.
        """
        loss = None
        if callable(closure):
            with enable_grad():
                loss = closure()
        elif closure is not None:
            self._take(closure)
        if not self.param_groups:
            raise ValueError("step: this optimizer has no parameters; give them: step(params)")
        for native in self._current():
            native.step()
        return loss

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients of all parameters.

        Parameters
        ----------
        set_to_none : bool, default True
            False fills them with zeros instead.
        """
        if set_to_none:
            for native in self._current():
                native.zero_grad()
        else:
            super().zero_grad(set_to_none=False)

    @property
    def state(self) -> defaultdict[Any, State]:
        """What is remembered, by parameter: a copy; assign a dictionary to change it."""
        state: defaultdict[Any, State] = defaultdict(dict)
        for place, native in enumerate(self._current()):
            for index, param in enumerate(native.params):
                found = self._state_of(place, index)
                if found:
                    state[param] = found
        return state

    @state.setter
    def state(self, state: dict[Any, State]) -> None:
        for place, native in enumerate(self._current()):
            for index, param in enumerate(native.params):
                fitting = self._fitting(state.get(param, {}), param, "a parameter")
                self._set_state_of(place, index, fitting)

    def _take(self, params: Iterable[Tensor]) -> None:
        """Add those of the parameters that are not known yet, as the short form gives them."""
        known = {id(param) for group in self.param_groups for param in group["params"]}
        new = [param for param in as_parameters(params) if id(param) not in known]
        if new:
            self.add_param_group({"params": new})

    def _current(self) -> list[Native]:
        """Return the native optimizers, made anew where somebody has changed the groups."""
        natives = self._native
        if len(natives) == len(self.param_groups):
            for group, native in zip(self.param_groups, natives):  # noqa: B905  # in each step
                if group is not native.group or list(map(id, group["params"])) != native.ids:
                    break
            else:
                return natives
        return self._renew()

    def _renew(self) -> list[Native]:
        check_parameters(self.param_groups)
        known = {
            id(param): native.state(index)
            for native in self._native
            for index, param in enumerate(native.params)
        }
        renewed = [Native(self, group) for group in self.param_groups]
        for native in renewed:
            for index, param in enumerate(native.params):
                native.set_state(index, known.get(id(param), {}))
        self._native = renewed
        return renewed

    @classmethod
    def _number(cls, name: str, value: Any) -> float:
        """Return an option as the number that the library knows it by."""
        try:
            if isinstance(value, (str, bytes)):
                raise TypeError
            # Switches are whole numbers in C, and true and false are numbers in Python.
            return bool(value) if name in _SWITCHES else float(value)
        except (TypeError, ValueError):
            raise TypeError(f"{cls.__name__}: {name} must be a number, not {value!r}") from None

    def _check_options(self, group: Group) -> None:
        Native(self, {**group, "params": []})

    def _state_of(self, group: int, index: int) -> State:
        return self._current()[group].state(index)

    def _set_state_of(self, group: int, index: int, state: State) -> None:
        self._current()[group].set_state(index, state)

    def _fitting(self, state: State, param: Tensor, name: str) -> State:
        known = layout_of(self._make).states
        fitting: State = {}
        for key, value in state.items():
            if value is None:
                continue
            if key not in known:
                raise ValueError(
                    f"{type(self).__name__} remembers {', '.join(known)}, but the state of {name} "
                    f"has {key!r}: it belongs to another optimizer"
                )
            fitting[key] = fit(key, value, (), param.shape, name)
        return fitting

    # A copy gets native optimizers of its own, around its own parameters.

    def __getstate__(self) -> dict[str, Any]:
        kept = [
            [native.state(index) for index in range(len(native.params))]
            for native in self._current()
        ]
        return {**super().__getstate__(), "_native": kept}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._native = [Native(self, group) for group in self.param_groups]
        for native, kept in zip(self._native, state["_native"], strict=True):
            for index, remembered in enumerate(kept):
                native.set_state(index, remembered)


def fit(key: str, value: Any, one: tuple[int, ...], shape: Any, name: str) -> Tensor:
    """Return a copy of something remembered as a tensor, or raise where it cannot be remembered.

    Parameters
    ----------
    key : str
        What is remembered.
    value : Tensor, array or number
        Its value.
    one, shape : tuple of int
        The shape of a number, and that of anything else.
    name : str
        What a message calls the parameter.

    Returns
    -------
    Tensor
        The copy.

    Raises
    ------
    ValueError
        It is no tensor, or of another shape.
    """
    if isinstance(value, (int, float, np.ndarray, np.generic)):
        value = Tensor(value)
    expected = one if key in _NUMBERS else tuple(shape)
    if not isinstance(value, Tensor) or tuple(value.shape) != expected:
        found = tuple(value.shape) if isinstance(value, Tensor) else type(value).__name__
        raise ValueError(
            f"load_state_dict: {key} of {name} must be a tensor of shape {expected}, not {found}"
        )
    return value.detach().clone()


#: What is remembered as one number.
_NUMBERS: Final = frozenset(("step", "mu_product", "eta", "mu"))


class Layout:
    """The options and the state of one kind of optimizer, as the library names them.

    Parameters
    ----------
    make : str
        The function of the library that makes the optimizer.
    """

    def __init__(self, make: str) -> None:
        self.make = getattr(lib, make)
        handle = self.make([], 0, ffi.NULL)
        if not handle:
            raise take_error()
        names = _names(lib.candle_optimizer_option_name, handle)
        self.states = _names(lib.candle_optimizer_state_name, handle)
        lib.candle_optimizer_free(handle)
        # As C reads them; the list keeps the texts alive.
        self._texts = [ffi.new("char[]", name.encode()) for name in names]
        self.names = ffi.new("char *[]", self._texts)
        self.places = [(name, *_PARTS.get(name, (name, None))) for name in names]
        self.keys = tuple(dict.fromkeys(key for _, key, _ in self.places))
        self.read = operator.itemgetter(*self.keys)


@functools.cache
def layout_of(make: str) -> Layout:
    """Return the layout of a kind of optimizer.

    Parameters
    ----------
    make : str
        The function of the library that makes the optimizer.

    Returns
    -------
    Layout
        Its options and its state.
    """
    return Layout(make)


def _names(tell: Callable[..., int], handle: Any) -> list[str]:
    """Return all names that a function of the library tells by number."""
    names: list[str] = []
    room = ffi.new("char[]", 64)
    while tell(handle, len(names), room, len(room)):
        names.append(ffi.string(room).decode())
    return names


class Native:
    """The native optimizer of one group.

    Parameters
    ----------
    optimizer : NativeOptimizer
        The optimizer that it belongs to.
    group : dict
        The group.
    """

    __slots__ = ("_handle", "_layout", "_number", "_seen", "group", "ids", "params")

    def __init__(self, optimizer: NativeOptimizer, group: Group) -> None:
        self._handle = ffi.NULL  # so that one that could not be made can be freed
        self._layout = layout_of(optimizer._make)
        self._number = optimizer._number
        self.group = group
        self.params: list[Tensor] = list(group["params"])
        self.ids = list(map(id, self.params))
        _refuse(type(optimizer).__name__, group)
        numbers = self._numbers()
        self._handle = self._layout.make(handles(self.params), len(self.params), ffi.NULL)
        if not self._handle:
            raise take_error()
        self._set(numbers)

    def __del__(self, free: Any = lib.candle_optimizer_free) -> None:
        free(self._handle)

    def step(self) -> None:
        """Change the parameters that have gradients."""
        self.refresh()
        if lib.py_optimizer_step(self._handle):
            raise take_error()

    def search(self, callback: Any, pointer: Any) -> None:
        """Make a step that computes the loss by a function.

        Parameters
        ----------
        callback, pointer : cdata
            The function, and what it is called with.
        """
        self.refresh()
        check(lib.py_lbfgs_step(self._handle, callback, pointer, ffi.NULL))

    def refresh(self) -> None:
        """Tell the library what somebody has changed in the group, as schedules do."""
        if self._layout.read(self.group) != self._seen:
            self._set(self._numbers())

    def zero_grad(self) -> None:
        """Forget the gradients."""
        check(lib.py_optimizer_zero_grad(self._handle))

    def state(self, index: int) -> dict[str, Tensor]:
        """Return what is remembered of a parameter.

        Parameters
        ----------
        index : int
            Its place in the group.

        Returns
        -------
        dict of str to Tensor
            Copies of what is there.
        """
        cell = ffi.new("CandleTensor **")
        found: dict[str, Tensor] = {}
        for name in self._layout.states:
            check(lib.py_optimizer_get_state(self._handle, 0, index, name.encode(), cell))
            if cell[0]:
                copied = wrap(cell[0])
                found[name] = copied.cpu() if getattr(_asked, "on_host", False) else copied
        return found

    def set_state(self, index: int, state: dict[str, Tensor]) -> None:
        """Remember other things of a parameter.

        Parameters
        ----------
        index : int
            Its place in the group.
        state : dict of str to Tensor
            All that shall be remembered.
        """
        for name in self._layout.states:
            value = state.get(name)
            handle = ffi.NULL if value is None else value._handle
            check(lib.py_optimizer_set_state(self._handle, 0, index, name.encode(), handle))

    def _set(self, numbers: list[float]) -> None:
        check(
            lib.py_optimizer_set_options(self._handle, 0, self._layout.names, numbers, len(numbers))
        )
        seen = self._layout.read(self.group)
        # What could change without being another object is looked at in each step.
        self._seen = None if any(isinstance(value, (Tensor, list)) for value in seen) else seen

    def _numbers(self) -> list[float]:
        numbers = []
        for name, key, part in self._layout.places:
            value = self.group.get(key)
            if part is not None:
                try:
                    value = tuple(value)  # type: ignore[arg-type]
                    if len(value) != 2:
                        raise TypeError
                except TypeError:
                    raise TypeError(f"{key} must be a pair of numbers, not {value!r}") from None
                value = value[part]
            numbers.append(self._number(key if part is not None else name, value))
        return numbers


def _refuse(name: str, group: Group) -> None:
    """Raise for what PyTorch can do and this library cannot."""
    if group.get("foreach") and group.get("fused"):
        raise RuntimeError(f"{name}: `fused` and `foreach` cannot be True together")
    for switch in ("capturable", "differentiable"):
        if group.get(switch):
            raise UnsupportedError(
                f"{name}: {switch}=True is not supported; steps are not recorded, neither in a "
                "graph of gradients nor in one of a device",
                operation=name,
            )
