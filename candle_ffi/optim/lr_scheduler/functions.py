"""Schedules that a function of the step makes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from candle_ffi.optim.lr_scheduler.base import (
    LRScheduler,
    function_states,
    load_function_states,
)
from candle_ffi.optim.optimizer import Optimizer

__all__ = ["LambdaLR", "MultiplicativeLR"]

Factor = Callable[[int], float]


class _OfFunctions(LRScheduler):
    """A schedule with a function for each group."""

    def __init__(
        self, optimizer: Optimizer, lr_lambda: Factor | Sequence[Factor], last_epoch: int
    ) -> None:
        groups = len(optimizer.param_groups)
        if isinstance(lr_lambda, (list, tuple)):
            if len(lr_lambda) != groups:
                raise ValueError(f"Expected {groups} lr_lambdas, but got {len(lr_lambda)}")
            self.lr_lambdas: list[Any] = list(lr_lambda)
        else:
            self.lr_lambdas = [lr_lambda] * groups
        for function in self.lr_lambdas:
            if not callable(function):
                raise TypeError(f"lr_lambda must be a function, not {type(function).__name__}")
        super().__init__(optimizer, last_epoch)

    def state_dict(self) -> dict[str, Any]:
        """Return all that the schedule remembers; of functions, the attributes of objects only.

        Returns
        -------
        dict
            What `load_state_dict` takes.
        """
        return {**super().state_dict(), "lr_lambdas": function_states(self.lr_lambdas)}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on where `state_dict` was called, with the functions of this schedule.

        Parameters
        ----------
        state_dict : dict
            What `state_dict` returned.
        """
        own = {name: value for name, value in state_dict.items() if name != "lr_lambdas"}
        super().load_state_dict(own)
        load_function_states(self.lr_lambdas, state_dict["lr_lambdas"])


class LambdaLR(_OfFunctions):
    """Multiplies the first learning rate with a function of the step.

    Parameters
    ----------
    optimizer : Optimizer
        The optimizer.
    lr_lambda : callable or list of callable
        Called with the number of the step; one for each group, or one for all.
    last_epoch : int, default -1
        The number of the last step before; -1 to begin.

    Raises
    ------
    ValueError
        There are not as many functions as groups.
    TypeError
        Something is no function.

    Notes
    -----
    `torch.optim.lr_scheduler.LambdaLR`

    Examples
    --------
    >>> import candle_ffi as cf
    >>> optimizer = cf.optim.SGD([cf.ones(1, requires_grad=True)], lr=1.0)
    >>> schedule = cf.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 1 / (1 + step))
    >>> optimizer.step()
    >>> schedule.step()
    >>> schedule.get_last_lr()
    [0.5]
    """

    def __init__(
        self,
        optimizer: Optimizer,
        lr_lambda: Factor | Sequence[Factor],
        last_epoch: int = -1,
    ) -> None:
        super().__init__(optimizer, lr_lambda, last_epoch)

    def get_lr(self) -> list[float]:
        """Return the learning rates after this step."""
        self._warn_outside_step()
        pairs = zip(self.base_lrs, self.lr_lambdas, strict=True)
        return [lr * function(self.last_epoch) for lr, function in pairs]


class MultiplicativeLR(_OfFunctions):
    """Multiplies the learning rate in every step with a function of the step.

    Parameters
    ----------
    optimizer : Optimizer
        The optimizer.
    lr_lambda : callable or list of callable
        Called with the number of the step; one for each group, or one for all.
    last_epoch : int, default -1
        The number of the last step before; -1 to begin.

    Raises
    ------
    ValueError
        There are not as many functions as groups.
    TypeError
        Something is no function.

    Notes
    -----
    `torch.optim.lr_scheduler.MultiplicativeLR`

    Examples
    --------
    >>> import candle_ffi as cf
    >>> optimizer = cf.optim.SGD([cf.ones(1, requires_grad=True)], lr=1.0)
    >>> schedule = cf.optim.lr_scheduler.MultiplicativeLR(optimizer, lambda step: 0.5)
    """

    def __init__(
        self,
        optimizer: Optimizer,
        lr_lambda: Factor | Sequence[Factor],
        last_epoch: int = -1,
    ) -> None:
        super().__init__(optimizer, lr_lambda, last_epoch)

    def get_lr(self) -> list[float]:
        """Return the learning rates after this step."""
        self._warn_outside_step()
        if self._is_initial:
            return self._lrs()
        pairs = zip(self._lrs(), self.lr_lambdas, strict=True)
        return [lr * function(self.last_epoch) for lr, function in pairs]
