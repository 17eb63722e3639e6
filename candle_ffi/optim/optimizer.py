"""What all optimizers share: groups of parameters, their options and their state."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from candle_ffi.tensor import Tensor

__all__ = ["Optimizer"]

Group = dict[str, Any]


class Optimizer:
    """Base of the optimizers: parameters in groups, each group with its options.

    Parameters
    ----------
    params : iterable of Tensor or of dict or None
        The parameters; or groups of them, each a dictionary with ``"params"`` and its options;
        or None, for an optimizer whose `step` takes them.
    defaults : dict
        The options of groups that do not state them.

    Attributes
    ----------
    param_groups : list of dict
        The groups; an option that is changed here holds from the next step on.

    Notes
    -----
    `torch.optim.Optimizer`
    """

    def __init__(self, params: Iterable[Any] | None, defaults: dict[str, Any]) -> None:
        self.defaults = defaults
        self.param_groups: list[Group] = []
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

    def add_param_group(self, group: Group) -> None:
        """Add a group of parameters.

        Parameters
        ----------
        group : dict
            ``"params"``, and the options that differ from the defaults.

        Raises
        ------
        TypeError
            The group is no dictionary, or it holds something else than tensors.
        ValueError
            It has no ``"params"``, a parameter is in a group already, or it is no leaf.
        """
        if not isinstance(group, dict):
            raise TypeError(f"a parameter group is a dictionary, not {type(group).__name__}")
        if "params" not in group:
            raise ValueError(
                f"a parameter group needs 'params', and this one has only {sorted(group)}"
            )
        given = dict(group)
        if "learning_rate" in given:
            given["lr"] = given.pop("learning_rate")
        added = {**self.defaults, **given, "params": as_parameters(group["params"])}
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

    def step(self, closure: Callable[[], Tensor] | None = None) -> Tensor | None:
        """Change the parameters by their gradients; each optimizer defines it."""
        raise TypeError(f"{type(self).__name__} has no step")

    def state_dict(self) -> dict[str, Any]:
        """Return the options and all that is remembered, with numbers in place of the parameters.

        Returns
        -------
        dict
            ``"state"``, by the numbers of the parameters, and ``"param_groups"``.
        """
        groups, state, number = [], {}, 0
        for place, group in enumerate(self.param_groups):
            numbers = list(range(number, number + len(group["params"])))
            number += len(numbers)
            groups.append({**group, "params": numbers})
            for index, at in enumerate(numbers):
                found = self._state_of(place, index)
                if found:
                    state[at] = found
        return {"state": state, "param_groups": groups}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on where `state_dict` was called, with the parameters of this optimizer.

        Nothing is changed when anything does not fit.

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
        states: list[tuple[int, int, dict[str, Tensor]]] = []
        for place, (group, saved) in enumerate(zip(self.param_groups, given, strict=True)):
            options.append({name: saved[name] for name in saved if name != "params"})
            self._check_options({**group, **options[-1]})
            for index, (param, at) in enumerate(zip(group["params"], saved["params"], strict=True)):
                state = remembered.get(at, {})
                states.append((place, index, _fitting(state, param, f"{at}")))
        for group, changed in zip(self.param_groups, options, strict=True):
            group.update(changed)
        for place, index, state in states:
            self._set_state_of(place, index, state)

    def _check_options(self, group: Group) -> None:
        """Raise where an option of a group is of a wrong type or outside its domain."""

    def _state_of(self, group: int, index: int) -> dict[str, Tensor]:
        """Return what is remembered of a parameter."""
        return {}

    def _set_state_of(self, group: int, index: int, state: dict[str, Tensor]) -> None:
        """Remember what `_state_of` returned."""

    def __repr__(self) -> str:
        lines = [f"{type(self).__name__} ("]
        for number, group in enumerate(self.param_groups):
            lines.append(f"Parameter Group {number}")
            lines += [f"    {name}: {group[name]}" for name in sorted(group) if name != "params"]
        return "\n".join([*lines, ")"])


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


def _fitting(state: Any, param: Tensor, name: str) -> dict[str, Tensor]:
    """Return copies of what is remembered of a parameter, in its dtype and on its device."""
    copied: dict[str, Tensor] = {}
    for key, value in state.items():
        if value is None:
            continue
        if not isinstance(value, Tensor) or value.shape != param.shape:
            found = value.shape if isinstance(value, Tensor) else type(value).__name__
            raise ValueError(
                f"load_state_dict: {key} of parameter {name} must be a tensor of shape "
                f"{param.shape}, not {found}"
            )
        copied[key] = value.detach().to(param.device, param.dtype, copy=True)
    return copied
