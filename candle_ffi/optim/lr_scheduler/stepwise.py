"""Schedules that change the learning rate at certain steps, or at each by the same factor."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable

from candle_ffi.optim.lr_scheduler.base import LRScheduler
from candle_ffi.optim.optimizer import Optimizer

__all__ = ["ConstantLR", "ExponentialLR", "MultiStepLR", "StepLR"]


class StepLR(LRScheduler):
    """Multiplies the learning rate with `gamma` every `step_size` steps.

    Parameters
    ----------
    optimizer : Optimizer
        The optimizer.
    step_size : int
        The number of steps from one change to the next.
    gamma : float, default 0.1
        The factor.
    last_epoch : int, default -1
        The number of the last step before; -1 to begin.

    Notes
    -----
    `torch.optim.lr_scheduler.StepLR`

    Examples
    --------
    >>> import candle_ffi as cf
    >>> optimizer = cf.optim.SGD([cf.ones(1, requires_grad=True)], lr=1.0)
    >>> schedule = cf.optim.lr_scheduler.StepLR(optimizer, step_size=2, gamma=0.5)
    >>> for _ in range(4):
    ...     optimizer.step()
    ...     schedule.step()
    >>> schedule.get_last_lr()
    [0.25]
    """

    def __init__(
        self, optimizer: Optimizer, step_size: int, gamma: float = 0.1, last_epoch: int = -1
    ) -> None:
        self.step_size = step_size
        self.gamma = gamma
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        """Return the learning rates after this step."""
        self._warn_outside_step()
        if self.last_epoch == 0 or self.last_epoch % self.step_size != 0:
            return self._lrs()
        return self._scaled(self.gamma)

    def _get_closed_form_lr(self) -> list[float]:
        return [lr * self.gamma ** (self.last_epoch // self.step_size) for lr in self.base_lrs]


class MultiStepLR(LRScheduler):
    """Multiplies the learning rate with `gamma` at each milestone.

    Parameters
    ----------
    optimizer : Optimizer
        The optimizer.
    milestones : iterable of int
        The numbers of the steps; one that is there twice counts twice.
    gamma : float, default 0.1
        The factor.
    last_epoch : int, default -1
        The number of the last step before; -1 to begin.

    Notes
    -----
    `torch.optim.lr_scheduler.MultiStepLR`

    Examples
    --------
    >>> import candle_ffi as cf
    >>> optimizer = cf.optim.SGD([cf.ones(1, requires_grad=True)], lr=1.0)
    >>> schedule = cf.optim.lr_scheduler.MultiStepLR(optimizer, milestones=[2, 3], gamma=0.5)
    """

    def __init__(
        self,
        optimizer: Optimizer,
        milestones: Iterable[int],
        gamma: float = 0.1,
        last_epoch: int = -1,
    ) -> None:
        self.milestones = Counter(milestones)
        self.gamma = gamma
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        """Return the learning rates after this step."""
        self._warn_outside_step()
        if self.last_epoch not in self.milestones:
            return self._lrs()
        return self._scaled(self.gamma ** self.milestones[self.last_epoch])

    def _get_closed_form_lr(self) -> list[float]:
        passed = bisect_right(sorted(self.milestones.elements()), self.last_epoch)
        return [lr * self.gamma**passed for lr in self.base_lrs]


class ConstantLR(LRScheduler):
    """Multiplies the learning rate with `factor` until `total_iters` steps are done.

    Parameters
    ----------
    optimizer : Optimizer
        The optimizer.
    factor : float, default 1/3
        The factor, from 0 to 1.
    total_iters : int, default 5
        The number of steps.
    last_epoch : int, default -1
        The number of the last step before; -1 to begin.

    Raises
    ------
    ValueError
        The factor is not from 0 to 1.

    Notes
    -----
    `torch.optim.lr_scheduler.ConstantLR`

    Examples
    --------
    >>> import candle_ffi as cf
    >>> optimizer = cf.optim.SGD([cf.ones(1, requires_grad=True)], lr=1.0)
    >>> schedule = cf.optim.lr_scheduler.ConstantLR(optimizer, factor=0.5, total_iters=4)
    >>> schedule.get_last_lr()
    [0.5]
    """

    def __init__(
        self,
        optimizer: Optimizer,
        factor: float = 1.0 / 3,
        total_iters: int = 5,
        last_epoch: int = -1,
    ) -> None:
        if factor > 1.0 or factor < 0:
            raise ValueError("Constant multiplicative factor expected to be between 0 and 1.")
        self.factor = factor
        self.total_iters = total_iters
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        """Return the learning rates after this step."""
        self._warn_outside_step()
        if self.last_epoch == 0:
            return self._scaled(self.factor)
        if self.last_epoch != self.total_iters:
            return self._lrs()
        return self._scaled(1.0 / self.factor)

    def _get_closed_form_lr(self) -> list[float]:
        done = self.last_epoch >= self.total_iters
        return [lr * (self.factor + done * (1 - self.factor)) for lr in self.base_lrs]


class ExponentialLR(LRScheduler):
    """Multiplies the learning rate with `gamma` in every step.

    Parameters
    ----------
    optimizer : Optimizer
        The optimizer.
    gamma : float
        The factor.
    last_epoch : int, default -1
        The number of the last step before; -1 to begin.

    Notes
    -----
    `torch.optim.lr_scheduler.ExponentialLR`

    Examples
    --------
    >>> import candle_ffi as cf
    >>> optimizer = cf.optim.SGD([cf.ones(1, requires_grad=True)], lr=1.0)
    >>> schedule = cf.optim.lr_scheduler.ExponentialLR(optimizer, gamma=0.9)
    """

    def __init__(self, optimizer: Optimizer, gamma: float, last_epoch: int = -1) -> None:
        self.gamma = gamma
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        """Return the learning rates after this step."""
        self._warn_outside_step()
        return self._lrs() if self._is_initial else self._scaled(self.gamma)

    def _get_closed_form_lr(self) -> list[float]:
        return [lr * self.gamma**self.last_epoch for lr in self.base_lrs]
