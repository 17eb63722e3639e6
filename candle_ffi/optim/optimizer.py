"""What all optimizers share: groups of parameters, their options, their state and hooks."""

from __future__ import annotations

import copy
import functools
from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from candle_ffi.hooks import RemovableHandle, registered
from candle_ffi.tensor import Tensor

__all__ = ["Optimizer"]

Group = dict[str, Any]
State = dict[str, Any]


class Optimizer:
    """Base of the optimizers: parameters in groups, each group with its options.

    An optimizer of one's own calls ``super().__init__(params, defaults)``, defines `step`, and
    keeps what it remembers of a parameter in ``self.state[parameter]``.

    Parameters
    ----------
    params : iterable of Tensor, of (str, Tensor) or of dict, or None
        The parameters, which may have names; or groups of them, each a dictionary with
        ``"params"`` and its options; or None, for an optimizer whose `step` takes them.
    defaults : dict
        The options of groups that do not state them.

    Attributes
    ----------
    param_groups : list of dict
        The groups; an option that is changed here holds from the next step on.
    state : dict
        What is remembered, by parameter.

    Notes
    -----
    `torch.optim.Optimizer`

    Examples
    --------
    >>> import candle_ffi as cf
    >>> class Half(cf.optim.Optimizer):
    ...     def __init__(self, params):
    ...         super().__init__(params, {})
    ...
    ...     @cf.no_grad()
    ...     def step(self):
    ...         for group in self.param_groups:
    ...             for p in group["params"]:
    ...                 p.mul_(0.5)
    >>> x = cf.tensor([1.0], requires_grad=True)
    >>> Half([x]).step()
    >>> x
    tensor([0.5000], requires_grad=True)
    """

    #: Whether `step` was called since a schedule has begun to watch.
    _opt_called: bool

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        if "step" in cls.__dict__:
            setattr(cls, "step", _with_hooks(cls.__dict__["step"]))  # noqa: B010  # a method

    def __init__(self, params: Iterable[Any] | None, defaults: dict[str, Any]) -> None:
        self.defaults = defaults
        self.param_groups: list[Group] = []
        self._state: defaultdict[Any, State] = defaultdict(dict)
        self._hooks: dict[str, dict[Any, Callable[..., Any]]] = {}
        if params is None:
            return
        if isinstance(params, Tensor):
            raise TypeError(
                "params must be an iterable of tensors or groups, as model.parameters() gives it, "
                "not one tensor"
            )
        given = as_parameters(params)
        if not given:
            raise ValueError("the optimizer got an empty list of parameters")
        grouped = any(isinstance(entry, dict) for entry in given)
        for group in given if grouped else [{"params": given}]:
            self.add_param_group(group)

    @property
    def state(self) -> defaultdict[Any, State]:
        """What is remembered, by parameter."""
        return self._state

    @state.setter
    def state(self, state: dict[Any, State]) -> None:
        self._state = defaultdict(dict, state)

    def add_param_group(self, param_group: Group) -> None:
        """Add a group of parameters.

        Parameters
        ----------
        param_group : dict
            ``"params"``, and the options that differ from the defaults.

        Raises
        ------
        TypeError
            The group is no dictionary, or it holds something else than tensors.
        ValueError
            It has no ``"params"``, a parameter is in a group already, or it is no leaf.
        """
        if not isinstance(param_group, dict):
            raise TypeError(f"a parameter group is a dictionary, not {type(param_group).__name__}")
        if "params" not in param_group:
            raise ValueError(
                f"a parameter group needs 'params', and this one has only {sorted(param_group)}"
            )
        given = dict(param_group)
        if "learning_rate" in given:
            given["lr"] = given.pop("learning_rate")
        added = {**self.defaults, **given, "params": as_parameters(param_group["params"])}
        _take_names(added, self.param_groups)
        check_parameters([*self.param_groups, added])
        self.param_groups.append(added)

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients of all parameters.

        Parameters
        ----------
        set_to_none : bool, default True
            False fills them with zeros instead.
        """
        for group in self.param_groups:
            for param in group["params"]:
                if set_to_none:
                    param.grad = None
                elif (gradient := param.grad) is not None:
                    gradient.detach().zero_()

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Change the parameters by their gradients; each optimizer defines it.

        Raises
        ------
        NotImplementedError
            The class has no `step`.
        """
        raise NotImplementedError(f"{type(self).__name__} has no step")

    # State ------------------------------------------------------------------------------------

    def state_dict(self) -> dict[str, Any]:
        """Return the options and all that is remembered, with numbers in place of the parameters.

        Returns
        -------
        dict
            ``"state"``, by the numbers of the parameters, and ``"param_groups"``.
        """
        for hook in self._hooks_of("state_dict_pre"):
            hook(self)
        groups, state, number = [], {}, 0
        for place, group in enumerate(self.param_groups):
            numbers = list(range(number, number + len(group["params"])))
            number += len(numbers)
            groups.append({**{k: v for k, v in group.items() if k != "params"}, "params": numbers})
            for index, at in enumerate(numbers):
                found = self._state_of(place, index)
                if found:
                    state[at] = found
        result = {"state": state, "param_groups": groups}
        for hook in self._hooks_of("state_dict_post"):
            changed = hook(self, result)
            result = result if changed is None else changed
        return result

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on where `state_dict` was called, with the parameters of this optimizer.

        Nothing is changed when anything does not fit. A state that PyTorch has saved fits too,
        with its tensors as NumPy arrays.

        Parameters
        ----------
        state_dict : dict
            What `state_dict` returned.

        Raises
        ------
        ValueError
            The groups are others, an option is outside its domain, or something remembered has
            another shape than its parameter.
        """
        for hook in self._hooks_of("load_state_dict_pre"):
            changed = hook(self, state_dict)
            state_dict = state_dict if changed is None else changed
        try:
            given, remembered = list(state_dict["param_groups"]), state_dict["state"]
            found = [len(group["params"]) for group in given]
        except (KeyError, TypeError, IndexError):
            raise ValueError("load_state_dict: this is not what state_dict() returns") from None
        sizes = [len(group["params"]) for group in self.param_groups]
        if found != sizes:
            raise ValueError(
                f"load_state_dict: the groups have {found} parameters, and those of this "
                f"optimizer {sizes}"
            )
        options: list[Group] = []
        states: list[tuple[int, int, State]] = []
        for place, (group, saved) in enumerate(zip(self.param_groups, given, strict=True)):
            options.append({k: copy.deepcopy(v) for k, v in saved.items() if k != "params"})
            self._check_options({**group, **options[-1]})
            for index, (param, at) in enumerate(zip(group["params"], saved["params"], strict=True)):
                fitting = self._fitting(remembered.get(at, {}), param, f"parameter {at}")
                states.append((place, index, fitting))
        for group, new in zip(self.param_groups, options, strict=True):
            params, names = group["params"], group.get("param_names")
            group.clear()
            group.update({**self.defaults, **new, "params": params})
            if names is not None:
                group.setdefault("param_names", names)
        for place, index, state in states:
            self._set_state_of(place, index, state)
        for hook in self._hooks_of("load_state_dict_post"):
            hook(self)

    def _check_options(self, group: Group) -> None:
        """Raise where an option of a group is of a wrong type or outside its domain."""

    def _state_of(self, group: int, index: int) -> State:
        """Return what is remembered of a parameter."""
        return self._state.get(self.param_groups[group]["params"][index], {})

    def _set_state_of(self, group: int, index: int, state: State) -> None:
        """Remember what `_state_of` returned."""
        self._state[self.param_groups[group]["params"][index]] = state

    def _fitting(self, state: State, param: Tensor, name: str) -> State:
        """Return a copy of what shall be remembered of a parameter, or raise where it cannot be."""
        return {key: _moved(key, value, param) for key, value in state.items()}

    # Hooks ------------------------------------------------------------------------------------

    def _hooks_of(self, kind: str) -> list[Callable[..., Any]]:
        return list(self._hooks.get(kind, {}).values())

    def _register(
        self, kind: str, hook: Callable[..., Any], first: bool = False
    ) -> RemovableHandle:
        if not callable(hook):
            raise TypeError(f"a hook must be callable, not {type(hook).__name__}")
        return registered(self._hooks.setdefault(kind, {}), hook, first)

    def register_step_pre_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Have a function called before each step.

        Parameters
        ----------
        hook : callable
            ``hook(optimizer, args, kwargs)`` returns None, or new arguments as a pair of both.

        Returns
        -------
        RemovableHandle
            What removes the hook.
        """
        return self._register("step_pre", hook)

    def register_step_post_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Have a function called after each step.

        Parameters
        ----------
        hook : callable
            ``hook(optimizer, args, kwargs)``.

        Returns
        -------
        RemovableHandle
            What removes the hook.
        """
        return self._register("step_post", hook)

    def register_state_dict_pre_hook(
        self, hook: Callable[..., Any], prepend: bool = False
    ) -> RemovableHandle:
        """Have a function called before `state_dict`.

        Parameters
        ----------
        hook : callable
            ``hook(optimizer)``.
        prepend : bool, default False
            Whether it is called before the hooks that are there.

        Returns
        -------
        RemovableHandle
            What removes the hook.
        """
        return self._register("state_dict_pre", hook, prepend)

    def register_state_dict_post_hook(
        self, hook: Callable[..., Any], prepend: bool = False
    ) -> RemovableHandle:
        """Have a function called with what `state_dict` is about to return.

        Parameters
        ----------
        hook : callable
            ``hook(optimizer, state_dict)`` returns None, or what is returned instead.
        prepend : bool, default False
            Whether it is called before the hooks that are there.

        Returns
        -------
        RemovableHandle
            What removes the hook.
        """
        return self._register("state_dict_post", hook, prepend)

    def register_load_state_dict_pre_hook(
        self, hook: Callable[..., Any], prepend: bool = False
    ) -> RemovableHandle:
        """Have a function called with what `load_state_dict` is about to load.

        Parameters
        ----------
        hook : callable
            ``hook(optimizer, state_dict)`` returns None, or what is loaded instead.
        prepend : bool, default False
            Whether it is called before the hooks that are there.

        Returns
        -------
        RemovableHandle
            What removes the hook.
        """
        return self._register("load_state_dict_pre", hook, prepend)

    def register_load_state_dict_post_hook(
        self, hook: Callable[..., Any], prepend: bool = False
    ) -> RemovableHandle:
        """Have a function called after `load_state_dict`.

        Parameters
        ----------
        hook : callable
            ``hook(optimizer)``.
        prepend : bool, default False
            Whether it is called before the hooks that are there.

        Returns
        -------
        RemovableHandle
            What removes the hook.
        """
        return self._register("load_state_dict_post", hook, prepend)

    # Copies share no hooks, as in PyTorch.

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_hooks": {}}

    def __repr__(self) -> str:
        lines = [f"{type(self).__name__} ("]
        for number, group in enumerate(self.param_groups):
            lines.append(f"Parameter Group {number}")
            lines += [f"    {name}: {group[name]}" for name in sorted(group) if name != "params"]
        return "\n".join([*lines, ")"])


def _with_hooks(step: Callable[..., Any]) -> Callable[..., Any]:
    """Return a `step` that calls the hooks, and tells schedules that it was called."""

    @functools.wraps(step)
    def hooked(self: Optimizer, *args: Any, **kwargs: Any) -> Any:
        self._opt_called = True
        if not self._hooks:
            return step(self, *args, **kwargs)
        for hook in self._hooks_of("step_pre"):
            changed = hook(self, args, kwargs)
            if changed is not None:
                if not isinstance(changed, tuple) or len(changed) != 2:
                    raise RuntimeError(
                        f"a hook before a step returns None or a pair (args, kwargs), not {changed}"
                    )
                args, kwargs = changed
        result = step(self, *args, **kwargs)
        for hook in self._hooks_of("step_post"):
            hook(self, args, kwargs)
        return result

    hooked.tells_schedules = True  # type: ignore[attr-defined]
    return hooked


def as_parameters(params: Any) -> list[Any]:
    """Return what stands for parameters as a list.

    Parameters
    ----------
    params : Tensor or iterable
        The parameters.

    Returns
    -------
    list
        The parameters.

    Raises
    ------
    TypeError
        It is no iterable, or one without an order.
    """
    if isinstance(params, Tensor):
        return [params]
    if isinstance(params, (set, frozenset)):
        raise TypeError("parameters need an order, which a set has not: use a list")
    try:
        return list(params)
    except TypeError:
        raise TypeError(
            f"expected an iterable of parameters, not {type(params).__name__}"
        ) from None


def _take_names(group: Group, others: list[Group]) -> None:
    """Part pairs of names and parameters, as `named_parameters` gives them."""
    named = [entry for entry in group["params"] if isinstance(entry, tuple) and len(entry) == 2]
    if named and len(named) != len(group["params"]):
        raise ValueError("all parameters of an optimizer have names, or none has")
    if named:
        group["param_names"] = [name for name, _ in named]
        group["params"] = [param for _, param in named]
    if any(("param_names" in group) != ("param_names" in other) for other in others):
        raise ValueError("the parameters of all groups have names, or none has")


def check_parameters(groups: list[Group]) -> None:
    """Raise unless the groups hold leaves, each of them once.

    Parameters
    ----------
    groups : list of dict
        The groups.

    Raises
    ------
    TypeError
        Something is no tensor.
    ValueError
        A tensor is no leaf, or there twice.
    """
    known: set[int] = set()
    for group in groups:
        for param in group["params"]:
            if not isinstance(param, Tensor):
                raise TypeError(f"an optimizer changes tensors, not {type(param).__name__}")
            if not param.is_leaf:
                raise ValueError(
                    "can't optimize a tensor that is no leaf: it is computed from others"
                )
            if id(param) in known:
                raise ValueError("some parameters appear more than once")
            known.add(id(param))


def _moved(key: str, value: Any, param: Tensor) -> Any:
    """Return a copy of something remembered; tensors become like the parameter."""
    if isinstance(value, np.ndarray):
        value = Tensor(value)
    if isinstance(value, Tensor):
        if key == "step":
            return value.detach().clone()
        floating = param.dtype.is_floating_point and value.dtype.is_floating_point
        return value.detach().to(param.device, param.dtype if floating else value.dtype, copy=True)
    if isinstance(value, dict):
        return {name: _moved(name, part, param) for name, part in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(_moved(key, part, param) for part in value)
    return copy.deepcopy(value)
