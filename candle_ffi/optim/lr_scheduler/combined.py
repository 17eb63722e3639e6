"""Schedules made of schedules."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from typing import Any

from candle_ffi.optim.lr_scheduler.base import LRScheduler
from candle_ffi.optim.lr_scheduler.plateau import ReduceLROnPlateau
from candle_ffi.optim.optimizer import Optimizer

__all__ = ["ChainedScheduler", "SequentialLR"]


class _Combined(LRScheduler):
    """A schedule that has others."""

    _schedulers: Sequence[LRScheduler]

    def _check(self, schedulers: Sequence[LRScheduler], optimizer: Optimizer) -> None:
        name = type(self).__name__
        for number, scheduler in enumerate(schedulers):
            if not hasattr(scheduler, "optimizer"):
                raise TypeError(
                    f"{name} at index {number} should have `optimizer` as its attribute."
                )
            if isinstance(scheduler, ReduceLROnPlateau):
                raise ValueError(
                    f"{name} does not support `ReduceLROnPlateau`, whose step needs a measure, but "
                    f"got one at index {number}"
                )
            if optimizer is not scheduler.optimizer:
                raise ValueError(
                    f"{name} expects all schedulers to belong to the same optimizer, but the "
                    f"{type(scheduler).__name__} at index {number} has another one"
                )

    def state_dict(self) -> dict[str, Any]:
        """Return all that the schedules remember, without the optimizer.

        Returns
        -------
        dict
            What `load_state_dict` takes.
        """
        states = [scheduler.state_dict() for scheduler in self._schedulers]
        return {**super().state_dict(), "_schedulers": states}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on where `state_dict` was called.

        Parameters
        ----------
        state_dict : dict
            What `state_dict` returned.
        """
        own = {name: value for name, value in state_dict.items() if name != "_schedulers"}
        super().load_state_dict(own)
        for scheduler, state in zip(self._schedulers, state_dict["_schedulers"], strict=True):
            scheduler.load_state_dict(state)


class SequentialLR(_Combined):
    """Follows one schedule after the other.

    Parameters
    ----------
    optimizer : Optimizer
        The optimizer.
    schedulers : list of LRScheduler
        The schedules, of this optimizer.
    milestones : list of int
        The numbers of the steps at which the next schedule begins: one less than schedules.
    last_epoch : int, default -1
        The number of the last step before; -1 to begin.

    Raises
    ------
    ValueError
        The numbers do not fit, or a schedule belongs to another optimizer.

    Notes
    -----
    `torch.optim.lr_scheduler.SequentialLR`

    Examples
    --------
    >>> import candle_ffi as cf
    >>> from candle_ffi.optim.lr_scheduler import ConstantLR, ExponentialLR, SequentialLR
    >>> optimizer = cf.optim.SGD([cf.ones(1, requires_grad=True)], lr=1.0)
    >>> first, second = ConstantLR(optimizer, 0.1, 20), ExponentialLR(optimizer, 0.9)
    >>> schedule = SequentialLR(optimizer, [first, second], milestones=[20])
    >>> schedule.get_last_lr()
    [0.1]
    """

    def __init__(
        self,
        optimizer: Optimizer,
        schedulers: list[LRScheduler],
        milestones: list[int],
        last_epoch: int = -1,
    ) -> None:
        if len(schedulers) < 1:
            raise ValueError(
                f"{type(self).__name__} expects at least one scheduler, but got no scheduler."
            )
        self._check(schedulers, optimizer)
        if len(milestones) != len(schedulers) - 1:
            raise ValueError(
                "Sequential Schedulers expects number of schedulers provided to be one more than "
                f"the number of milestone points, but got number of schedulers {len(schedulers)} "
                f"and the number of milestones to be equal to {len(milestones)}"
            )
        self._schedulers = schedulers
        self._milestones = milestones
        self.last_epoch = last_epoch + 1
        self.optimizer = optimizer
        # Making the schedules has made a first step of each: only that of the first counts.
        for group in optimizer.param_groups:
            group["lr"] = group["initial_lr"]
        self.recursive_undo()
        active = schedulers[bisect_right(milestones, 0)]
        active._initial_step()
        self._last_lr = active.get_last_lr()

    def recursive_undo(self, sched: LRScheduler | None = None) -> None:
        """Take back the first step of all schedules.

        Parameters
        ----------
        sched : LRScheduler, optional
            Where to begin; with this schedule by default.
        """
        schedule = self if sched is None else sched
        if isinstance(schedule, _Combined):
            for below in schedule._schedulers:
                self.recursive_undo(below)
        else:
            schedule.last_epoch -= 1

    def step(self) -> None:  # type: ignore[override]
        """Set the learning rates of the next step of the optimizer."""
        self.last_epoch += 1
        at = bisect_right(self._milestones, self.last_epoch)
        active = self._schedulers[at]
        if at > 0 and self._milestones[at - 1] == self.last_epoch:
            active._update_lr(0)
        else:
            active.step()
        self._last_lr = active.get_last_lr()


class ChainedScheduler(_Combined):
    """Follows several schedules at once, each of which changes what the one before has set.

    Parameters
    ----------
    schedulers : sequence of LRScheduler
        The schedules, of one optimizer.
    optimizer : Optimizer, optional
        Their optimizer.

    Raises
    ------
    ValueError
        There is none, or they belong to several optimizers.

    Notes
    -----
    `torch.optim.lr_scheduler.ChainedScheduler`

    Examples
    --------
    >>> import candle_ffi as cf
    >>> from candle_ffi.optim.lr_scheduler import ChainedScheduler, ConstantLR, ExponentialLR
    >>> optimizer = cf.optim.SGD([cf.ones(1, requires_grad=True)], lr=1.0)
    >>> schedule = ChainedScheduler([ConstantLR(optimizer, 0.1), ExponentialLR(optimizer, 0.9)])
    """

    def __init__(
        self, schedulers: Sequence[LRScheduler], optimizer: Optimizer | None = None
    ) -> None:
        if len(schedulers) < 1:
            raise ValueError(
                f"{type(self).__name__} expects at least one scheduler to be chained, but got no "
                "scheduler."
            )
        optimizer = optimizer or schedulers[0].optimizer
        self._check(schedulers, optimizer)
        self._schedulers = schedulers
        self.optimizer = optimizer
        self._last_lr = self._lrs()

    def step(self) -> None:  # type: ignore[override]
        """Set the learning rates of the next step of the optimizer."""
        for scheduler in self._schedulers:
            scheduler.step()
        self._last_lr = self._lrs()
