"""Which steps of a long training are profiled."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum

__all__ = ["ProfilerAction", "schedule"]


class ProfilerAction(Enum):
    """What the profiler does in a step."""

    #: Nothing.
    NONE = 0
    #: Nothing yet; here for programs written for PyTorch.
    WARMUP = 1
    #: Records.
    RECORD = 2
    #: Records, and hands the profile over at the end of the step.
    RECORD_AND_SAVE = 3


def schedule(
    *, wait: int, warmup: int, active: int, repeat: int = 0, skip_first: int = 0
) -> Callable[[int], ProfilerAction]:
    """Return a plan for `profile`: which steps are recorded.

    Parameters
    ----------
    wait, warmup : int
        How many steps of each cycle pass before those that are recorded.
    active : int
        How many are recorded, as one profile.
    repeat : int, default 0
        After how many cycles it ends; 0 for never.
    skip_first : int, default 0
        How many steps pass before the first cycle.

    Returns
    -------
    callable
        What gives the `ProfilerAction` of a step, counted from 0.

    Raises
    ------
    ValueError
        A number is negative, or no step is active.

    Notes
    -----
    `torch.profiler.schedule`

    Examples
    --------
    >>> from candle_ffi.profiler import schedule
    >>> [schedule(wait=1, warmup=1, active=2)(step).name for step in range(4)]
    ['NONE', 'WARMUP', 'RECORD', 'RECORD_AND_SAVE']
    """
    if min(wait, warmup, repeat, skip_first) < 0 or active < 1:
        raise ValueError(
            "schedule: wait, warmup, repeat and skip_first must not be negative, and active must "
            f"be at least 1: {wait=}, {warmup=}, {active=}, {repeat=}, {skip_first=}"
        )
    length = wait + warmup + active

    def action(step: int) -> ProfilerAction:
        cycle, place = divmod(step - skip_first, length)
        if cycle < 0 or (repeat and cycle >= repeat) or place < wait:
            return ProfilerAction.NONE
        if place < wait + warmup:
            return ProfilerAction.WARMUP
        return ProfilerAction.RECORD if place < length - 1 else ProfilerAction.RECORD_AND_SAVE

    return action
