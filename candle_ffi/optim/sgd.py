"""Stochastic gradient descent."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable
from typing import Any, Final

from candle_ffi._handles import handles, wrap
from candle_ffi._lib import check, ffi, lib, take_error
from candle_ffi.autograd import enable_grad
from candle_ffi.optim.optimizer import Group, Optimizer, as_parameters, check_parameters
from candle_ffi.tensor import Tensor

__all__ = ["SGD"]

OPTIONS: Final = ("lr", "momentum", "dampening", "weight_decay", "nesterov", "maximize")
SWITCHES: Final = frozenset(("nesterov", "maximize"))
_READ: Final = operator.itemgetter(*OPTIONS)
# As C reads them; the list keeps the texts alive.
_TEXTS: Final = [ffi.new("char[]", name.encode()) for name in OPTIONS]
_NAMES: Final = ffi.new("char *[]", _TEXTS)
_BUFFER: Final = b"momentum_buffer"


class SGD(Optimizer):
    """Stochastic gradient descent with momentum.

    With the gradient ``g`` (plus ``weight_decay · p``), the buffer ``b`` starts as ``g`` and then
    is ``momentum · b + (1 - dampening) · g``; the step is ``p -= lr · b``, with Nesterov's momentum
    ``p -= lr · (g + momentum · b)``, and without momentum ``p -= lr · g``.

    Parameters
    ----------
    params : iterable of Tensor or of dict, optional
        The parameters, or groups of them; when not given, `step` takes them.
    lr : float, default 1e-3
        The learning rate.
    momentum : float, default 0.0
        The part of the buffer that stays.
    dampening : float, default 0.0
        The part of the gradient that does not enter the buffer.
    weight_decay : float, default 0.0
        The factor of the parameter that is added to its gradient.
    nesterov : bool, default False
        Whether Nesterov's momentum is used.
    maximize : bool, default False
        Whether the step goes up.
    learning_rate : float, optional
        Another name of `lr`.

    Raises
    ------
    ValueError
        An option is outside its domain, or there are no parameters.

    Notes
    -----
    `torch.optim.SGD`. Source: Sutskever and others, "On the importance of initialization and
    momentum in deep learning", 2013.

    Examples
    --------
    >>> import candle_ffi as cf
    >>> x = cf.tensor([1.0], requires_grad=True)
    >>> optimizer = cf.optim.SGD([x], lr=0.1)
    >>> (x * x).sum().backward()
    >>> optimizer.step()
    >>> x
    tensor([0.8000], requires_grad=True)
    """

    def __init__(
        self,
        params: Iterable[Any] | None = None,
        lr: float = 1e-3,
        momentum: float = 0.0,
        dampening: float = 0.0,
        weight_decay: float = 0.0,
        nesterov: bool = False,
        *,
        maximize: bool = False,
        learning_rate: float | None = None,
    ) -> None:
        defaults = {
            "lr": lr if learning_rate is None else learning_rate,
            "momentum": momentum,
            "dampening": dampening,
            "weight_decay": weight_decay,
            "nesterov": nesterov,
            "maximize": maximize,
        }
        self._native: list[_Native] = []
        super().__init__(params, defaults)
        # Without parameters the options would be checked at the first step only.
        if params is None:
            self._check_options(self.defaults)

    def add_param_group(self, group: Group) -> None:
        """Add a group of parameters.

        Parameters
        ----------
        group : dict
            ``"params"``, and the options that differ from the defaults.

        Raises
        ------
        TypeError
            An option is no number.
        ValueError
            A parameter is in a group already, is no leaf, or an option is outside its domain.
        """
        super().add_param_group(group)
        added = self.param_groups[-1]
        try:
            self._native.append(_Native(added))
        except BaseException:
            self.param_groups.pop()
            raise

    def step(self, closure: Callable[[], Tensor] | Iterable[Tensor] | None = None) -> Tensor | None:
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

    def _take(self, params: Iterable[Tensor]) -> None:
        """Add those of the parameters that are not known yet, as the short form gives them."""
        known = {id(param) for group in self.param_groups for param in group["params"]}
        new = [param for param in as_parameters(params) if id(param) not in known]
        if new:
            self.add_param_group({"params": new})

    def _current(self) -> list[_Native]:
        """Return the native optimizers, made anew where somebody has changed the groups."""
        natives = self._native
        if len(natives) == len(self.param_groups):
            for group, native in zip(self.param_groups, natives):  # noqa: B905  # in each step
                if group is not native.group or list(map(id, group["params"])) != native.ids:
                    break
            else:
                return natives
        return self._renew()

    def _renew(self) -> list[_Native]:
        check_parameters(self.param_groups)
        known = {
            id(param): native.buffer(index)
            for native in self._native
            for index, param in enumerate(native.params)
        }
        renewed = [_Native(group) for group in self.param_groups]
        for native in renewed:
            for index, param in enumerate(native.params):
                native.set_buffer(index, known.get(id(param)))
        self._native = renewed
        return renewed

    def _check_options(self, group: Group) -> None:
        _Native({**group, "params": []})

    # A copy gets native optimizers of its own, around its own parameters.

    def __getstate__(self) -> dict[str, Any]:
        buffers = [
            [native.buffer(index) for index in range(len(native.params))]
            for native in self._current()
        ]
        return {**self.__dict__, "_native": buffers}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        buffers = state["_native"]
        self._native = [_Native(group) for group in self.param_groups]
        for native, kept in zip(self._native, buffers, strict=True):
            for index, buffer in enumerate(kept):
                native.set_buffer(index, buffer)

    def _state_of(self, group: int, index: int) -> dict[str, Tensor]:
        buffer = self._current()[group].buffer(index)
        return {} if buffer is None else {"momentum_buffer": buffer}

    def _set_state_of(self, group: int, index: int, state: dict[str, Tensor]) -> None:
        self._current()[group].set_buffer(index, state.get("momentum_buffer"))


class _Native:
    """The native optimizer of one group."""

    __slots__ = ("_handle", "_options", "group", "ids", "params")

    def __init__(self, group: Group) -> None:
        self._handle = ffi.NULL  # so that one that could not be made can be freed
        self.group = group
        self.params: list[Tensor] = list(group["params"])
        self.ids = list(map(id, self.params))
        self._options = _numbers(group)
        cells = ffi.new("CandleSgdOptions *", [ffi.sizeof("CandleSgdOptions"), *self._options])
        self._handle = lib.py_sgd_new(handles(self.params), len(self.params), cells)
        if not self._handle:
            raise take_error()

    def __del__(self, free: Any = lib.candle_optimizer_free) -> None:
        free(self._handle)

    def step(self) -> None:
        if _READ(self.group) != self._options:
            # Somebody has changed the group, as schedules of the learning rate do.
            options = _numbers(self.group)
            check(lib.py_optimizer_set_options(self._handle, 0, _NAMES, options, len(options)))
            self._options = options
        if lib.py_optimizer_step(self._handle):
            raise take_error()

    def zero_grad(self) -> None:
        check(lib.py_optimizer_zero_grad(self._handle))

    def buffer(self, index: int) -> Tensor | None:
        cell = ffi.new("CandleTensor **")
        check(lib.py_optimizer_get_state(self._handle, 0, index, _BUFFER, cell))
        return wrap(cell[0]) if cell[0] else None

    def set_buffer(self, index: int, value: Tensor | None) -> None:
        handle = ffi.NULL if value is None else value._handle
        check(lib.py_optimizer_set_state(self._handle, 0, index, _BUFFER, handle))


def _numbers(group: Group) -> tuple[float, ...]:
    """Return the options of a group as numbers."""
    numbers = []
    for name in OPTIONS:
        value: Any = group.get(name)
        try:
            if isinstance(value, (str, bytes)):
                raise TypeError
            # Switches are whole numbers in C, and true and false are numbers in Python.
            numbers.append(bool(value) if name in SWITCHES else float(value))
        except (TypeError, ValueError):
            raise TypeError(f"SGD: {name} must be a number, not {value!r}") from None
    return tuple(numbers)
