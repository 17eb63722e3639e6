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
        given = list(params)
        if not given:
            raise ValueError("the optimizer got an empty list of parameters")
        groups = given if isinstance(given[0], dict) else [{"params": given}]
        for group in groups:
            self.add_param_group(group)

    def add_param_group(self, group: Group) -> None:
        """Add a group of parameters.

        Parameters
        ----------
        group : dict
            ``"params"``, and the options that differ from the defaults.

        Raises
        ------
        ValueError
            A parameter is in a group already, or it is no leaf.
        """
        params = group["params"]
        params = [params] if isinstance(params, Tensor) else list(params)
        known = {id(param) for other in self.param_groups for param in other["params"]}
        for param in params:
            if not isinstance(param, Tensor):
                raise TypeError(f"an optimizer changes tensors, not {type(param).__name__}")
            if not param.is_leaf:
                raise ValueError(
                    "can't optimize a tensor that is no leaf: it is computed from others"
                )
            if id(param) in known:
                raise ValueError("some parameters appear in more than one parameter group")
            known.add(id(param))
        self.param_groups.append({**self.defaults, **group, "params": params})

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

        Parameters
        ----------
        state_dict : dict
            What `state_dict` returned.

        Raises
        ------
        ValueError
            The groups are others.
        """
        given = state_dict["param_groups"]
        sizes = [len(group["params"]) for group in self.param_groups]
        if [len(group["params"]) for group in given] != sizes:
            raise ValueError(
                f"load_state_dict: the groups have {[len(group['params']) for group in given]} "
                f"parameters, and those of this optimizer {sizes}"
            )
        for place, (group, saved) in enumerate(zip(self.param_groups, given, strict=True)):
            group.update({name: saved[name] for name in saved if name != "params"})
            for index, at in enumerate(saved["params"]):
                self._set_state_of(place, index, state_dict["state"].get(at, {}))

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
