"""Schedules that let learning rate and momentum go up and down against each other."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from candle_ffi.optim.lr_scheduler.base import (
    LRScheduler,
    as_optimizer,
    function_states,
    load_function_states,
    per_group,
)
from candle_ffi.optim.optimizer import Group, Optimizer

__all__ = ["CyclicLR", "OneCycleLR"]


class _WithMomentum(LRScheduler):
    """A schedule that changes the momentum, or the first of `betas`, too."""

    cycle_momentum: bool
    use_beta1: bool

    def _begin_momentum(
        self, optimizer: Optimizer, base: Any, largest: Any, last_epoch: int
    ) -> tuple[list[float], list[float]]:
        """Check that there is a momentum, and set the largest one to begin with."""
        if "momentum" not in optimizer.defaults and "betas" not in optimizer.defaults:
            raise ValueError(
                "optimizer must support momentum or beta1 with `cycle_momentum` option enabled"
            )
        self.use_beta1 = "betas" in optimizer.defaults
        least = per_group("base_momentum", optimizer, base)
        most = per_group("max_momentum", optimizer, largest)
        if last_epoch == -1:
            for group, low, high in zip(optimizer.param_groups, least, most, strict=True):
                self._set_momentum(group, high)
                group["max_momentum"] = high
                group["base_momentum"] = low
        return least, most

    def _set_momentum(self, group: Group, momentum: float) -> None:
        if self.use_beta1:
            group["betas"] = (momentum, *group["betas"][1:])
        else:
            group["momentum"] = momentum


class CyclicLR(_WithMomentum):
    """Lets the learning rate go up and down between two values in straight lines.

    Parameters
    ----------
    optimizer : Optimizer
        The optimizer.
    base_lr, max_lr : float or list of float
        The bottom and the top, for all groups or for each.
    step_size_up : int, default 2000
        The number of steps on the way up.
    step_size_down : int, optional
        The number of steps on the way down; as many as up by default.
    mode : str, default "triangular"
        ``"triangular"``, ``"triangular2"`` with a height that is halved in each cycle, or
        ``"exp_range"`` with one that is multiplied with `gamma` in each step.
    gamma : float, default 1.0
        See `mode`.
    scale_fn : callable, optional
        What the height is multiplied with, in place of `mode`.
    scale_mode : str, default "cycle"
        Whether `scale_fn` is called with the number of the ``"cycle"`` or of ``"iterations"``.
    cycle_momentum : bool, default True
        Whether the momentum goes down while the learning rate goes up.
    base_momentum, max_momentum : float or list of float, default 0.8 and 0.9
        The bottom and the top of the momentum.
    last_epoch : int, default -1
        The number of the last step before; -1 to begin.

    Raises
    ------
    ValueError
        The mode is unknown, a list has another length than the groups, or there is no momentum.

    Notes
    -----
    `torch.optim.lr_scheduler.CyclicLR`. Source: Smith, "Cyclical learning rates for training neural
    networks", 2015.

    Examples
    --------
    >>> import candle_ffi as cf
    >>> optimizer = cf.optim.SGD([cf.ones(1, requires_grad=True)], lr=1.0, momentum=0.9)
    >>> schedule = cf.optim.lr_scheduler.CyclicLR(optimizer, base_lr=0.1, max_lr=1.0)
    >>> schedule.get_last_lr()
    [0.1]
    """

    def __init__(
        self,
        optimizer: Optimizer,
        base_lr: float | list[float],
        max_lr: float | list[float],
        step_size_up: int = 2000,
        step_size_down: int | None = None,
        mode: str = "triangular",
        gamma: float = 1.0,
        scale_fn: Callable[[float], float] | None = None,
        scale_mode: str = "cycle",
        cycle_momentum: bool = True,
        base_momentum: float | list[float] = 0.8,
        max_momentum: float | list[float] = 0.9,
        last_epoch: int = -1,
    ) -> None:
        self.optimizer = as_optimizer(optimizer)
        base_lrs = per_group("base_lr", optimizer, base_lr)
        if last_epoch == -1:
            for group, lr in zip(optimizer.param_groups, base_lrs, strict=True):
                group["lr"] = lr
        self.max_lrs = per_group("max_lr", optimizer, max_lr)
        up = float(step_size_up)
        down = up if step_size_down is None else float(step_size_down)
        self.total_size = up + down
        self.step_ratio = up / self.total_size
        if mode not in ("triangular", "triangular2", "exp_range") and scale_fn is None:
            raise ValueError("mode is invalid and scale_fn is None")
        self.mode = mode
        self.gamma = gamma
        self._scale_fn_custom = scale_fn
        self.scale_mode = scale_mode
        if scale_fn is None:
            self.scale_mode = "iterations" if mode == "exp_range" else "cycle"
        self.cycle_momentum = cycle_momentum
        if cycle_momentum:
            self.base_momentums, self.max_momentums = self._begin_momentum(
                optimizer, base_momentum, max_momentum, last_epoch
            )
        super().__init__(optimizer, last_epoch)
        self.base_lrs = base_lrs

    def scale_fn(self, x: float) -> float:
        """Return what the height is multiplied with.

        Parameters
        ----------
        x : float
            The number of the cycle, or of the step.

        Returns
        -------
        float
            The factor.
        """
        if self._scale_fn_custom is not None:
            return self._scale_fn_custom(x)
        if self.mode == "triangular2":
            return float(1 / (2.0 ** (x - 1)))
        return float(self.gamma**x) if self.mode == "exp_range" else 1.0

    def get_lr(self) -> list[float]:
        """Return the learning rates after this step, and set the momentum."""
        self._warn_outside_step()
        cycle = math.floor(1 + self.last_epoch / self.total_size)
        x = 1.0 + self.last_epoch / self.total_size - cycle
        height = x / self.step_ratio if x <= self.step_ratio else (x - 1) / (self.step_ratio - 1)
        at = cycle if self.scale_mode == "cycle" else self.last_epoch
        lrs = []
        for low, high in zip(self.base_lrs, self.max_lrs, strict=True):
            base_height = (high - low) * height
            lrs.append(low + base_height * self.scale_fn(at))
        if self.cycle_momentum:
            groups = self.optimizer.param_groups
            bounds = zip(groups, self.base_momentums, self.max_momentums, strict=True)
            for group, low, high in bounds:
                base_height = (high - low) * height
                self._set_momentum(group, high - base_height * self.scale_fn(at))
        return lrs

    def state_dict(self) -> dict[str, Any]:
        """Return all that the schedule remembers; of a `scale_fn` its attributes.

        Returns
        -------
        dict
            What `load_state_dict` takes.
        """
        state = super().state_dict()
        if self._scale_fn_custom is not None:
            (state["_scale_fn_custom"],) = function_states([self._scale_fn_custom])
        return state

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on where `state_dict` was called, with the `scale_fn` of this schedule.

        Parameters
        ----------
        state_dict : dict
            What `state_dict` returned.
        """
        own = {name: value for name, value in state_dict.items() if name != "_scale_fn_custom"}
        super().load_state_dict(own)
        load_function_states([self._scale_fn_custom], [state_dict.get("_scale_fn_custom")])


class OneCycleLR(_WithMomentum):
    """Lets the learning rate go up to `max_lr` and down to nearly nothing, once.

    Parameters
    ----------
    optimizer : Optimizer
        The optimizer.
    max_lr : float or list of float
        The top, for all groups or for each.
    total_steps : int, optional
        The number of steps; or else `epochs` and `steps_per_epoch` are given.
    epochs, steps_per_epoch : int, optional
        Two numbers whose product is the number of steps.
    pct_start : float, default 0.3
        The part of the steps on the way up.
    anneal_strategy : str, default "cos"
        ``"cos"`` for the curve of a cosine, ``"linear"`` for a straight line.
    cycle_momentum : bool, default True
        Whether the momentum goes down while the learning rate goes up.
    base_momentum, max_momentum : float or list of float, default 0.85 and 0.95
        The bottom and the top of the momentum.
    div_factor : float, default 25.0
        What `max_lr` is divided by to begin with.
    final_div_factor : float, default 1e4
        What the first learning rate is divided by in the end.
    three_phase : bool, default False
        Whether the way down has a part of its own back to the first learning rate.
    last_epoch : int, default -1
        The number of the last step before; -1 to begin.

    Raises
    ------
    ValueError
        The number of steps is not given or not positive, `pct_start` is not from 0 to 1, the
        strategy is unknown, a list has another length than the groups, there is no momentum, or
        there are more steps than were said.

    Notes
    -----
    `torch.optim.lr_scheduler.OneCycleLR`. Source: Smith and Topin, "Super-convergence: very fast
    training of neural networks using large learning rates", 2017.

    Examples
    --------
    >>> import candle_ffi as cf
    >>> optimizer = cf.optim.SGD([cf.ones(1, requires_grad=True)], lr=1.0, momentum=0.9)
    >>> schedule = cf.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=1.0, total_steps=100)
    >>> round(schedule.get_last_lr()[0], 6)
    0.04
    """

    def __init__(
        self,
        optimizer: Optimizer,
        max_lr: float | list[float],
        total_steps: int | None = None,
        epochs: int | None = None,
        steps_per_epoch: int | None = None,
        pct_start: float = 0.3,
        anneal_strategy: str = "cos",
        cycle_momentum: bool = True,
        base_momentum: float | list[float] = 0.85,
        max_momentum: float | list[float] = 0.95,
        div_factor: float = 25.0,
        final_div_factor: float = 1e4,
        three_phase: bool = False,
        last_epoch: int = -1,
    ) -> None:
        self.optimizer = as_optimizer(optimizer)
        if total_steps is not None:
            self.total_steps = _positive("total_steps", total_steps)
        elif epochs is not None and steps_per_epoch is not None:
            self.total_steps = _positive("epochs", epochs) * _positive(
                "steps_per_epoch", steps_per_epoch
            )
        else:
            raise ValueError("You must define either total_steps OR (epochs AND steps_per_epoch)")
        if not isinstance(pct_start, float) or pct_start < 0 or pct_start > 1:
            raise ValueError(f"Expected float between 0 and 1 pct_start, but got {pct_start}")
        if anneal_strategy not in ("cos", "linear"):
            raise ValueError(
                f"anneal_strategy must be one of 'cos' or 'linear', instead got {anneal_strategy}"
            )
        self._schedule_phases = _phases(self.total_steps, pct_start, three_phase)
        self._anneal_func_type = anneal_strategy
        tops = per_group("max_lr", optimizer, max_lr)
        if last_epoch == -1:
            for group, top in zip(optimizer.param_groups, tops, strict=True):
                group["initial_lr"] = top / div_factor
                group["max_lr"] = top
                group["min_lr"] = group["initial_lr"] / final_div_factor
        self.cycle_momentum = cycle_momentum
        if cycle_momentum:
            self._begin_momentum(optimizer, base_momentum, max_momentum, last_epoch)
        super().__init__(optimizer, last_epoch)

    def _between(self, start: float, end: float, part: float) -> float:
        if self._anneal_func_type == "cos":
            return end + (start - end) / 2.0 * (math.cos(math.pi * part) + 1)
        return (end - start) * part + start

    def get_lr(self) -> list[float]:
        """Return the learning rates after this step, and set the momentum."""
        self._warn_outside_step()
        step = self.last_epoch
        if step > self.total_steps:
            raise ValueError(
                f"Tried to step {step} times. The specified number of total steps is "
                f"{self.total_steps}"
            )
        start = 0.0
        for phase in self._schedule_phases:
            if step <= phase["end_step"] or phase is self._schedule_phases[-1]:
                break
            start = phase["end_step"]
        part = (step - start) / (phase["end_step"] - start)
        lrs = []
        for group in self.optimizer.param_groups:
            lrs.append(self._between(group[phase["start_lr"]], group[phase["end_lr"]], part))
            if self.cycle_momentum:
                low, high = group[phase["start_momentum"]], group[phase["end_momentum"]]
                self._set_momentum(group, self._between(low, high, part))
        return lrs


def _positive(name: str, value: int) -> int:
    if not isinstance(value, int) or value <= 0:
        raise ValueError(f"Expected positive integer {name}, but got {value}")
    return value


def _phases(total_steps: int, pct_start: float, three: bool) -> list[dict[str, Any]]:
    """Return where each part of the cycle ends, and between which options of the group it goes."""

    def phase(end: float, *names: str) -> dict[str, Any]:
        keys = ("start_lr", "end_lr", "start_momentum", "end_momentum")
        return {"end_step": end, **dict(zip(keys, names, strict=True))}

    up = phase(
        float(pct_start * total_steps) - 1, "initial_lr", "max_lr", "max_momentum", "base_momentum"
    )
    last = total_steps - 1
    if not three:
        return [up, phase(last, "max_lr", "min_lr", "base_momentum", "max_momentum")]
    middle = float(2 * pct_start * total_steps) - 2
    return [
        up,
        phase(middle, "max_lr", "initial_lr", "base_momentum", "max_momentum"),
        phase(last, "initial_lr", "min_lr", "max_momentum", "max_momentum"),
    ]
