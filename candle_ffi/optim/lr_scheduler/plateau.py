"""A schedule that waits until something measured does not get better."""

from __future__ import annotations

import math
from typing import Any, SupportsFloat

from candle_ffi.optim.lr_scheduler.base import LRScheduler, as_optimizer, warn_of_epoch
from candle_ffi.optim.optimizer import Optimizer

__all__ = ["ReduceLROnPlateau"]


class ReduceLROnPlateau(LRScheduler):
    """Multiplies the learning rate with `factor` when a measure has not got better for some steps.

    Parameters
    ----------
    optimizer : Optimizer
        The optimizer.
    mode : str, default "min"
        ``"min"`` where smaller is better, ``"max"`` where larger is.
    factor : float, default 0.1
        The factor, less than 1.
    patience : int, default 10
        The number of steps without improvement that are allowed.
    threshold : float, default 1e-4
        How much better counts.
    threshold_mode : str, default "rel"
        ``"rel"`` for a part of the best measure, ``"abs"`` for a difference.
    cooldown : int, default 0
        The number of steps after a change in which nothing is counted.
    min_lr : float or list of float, default 0
        The smallest learning rate, for all groups or for each.
    eps : float, default 1e-8
        A change that would be smaller is left out.

    Raises
    ------
    ValueError
        The factor is not less than 1, a mode is unknown, or `min_lr` has not one number a group.

    Notes
    -----
    `torch.optim.lr_scheduler.ReduceLROnPlateau`

    Examples
    --------
    >>> import candle_ffi as cf
    >>> optimizer = cf.optim.SGD([cf.ones(1, requires_grad=True)], lr=1.0)
    >>> schedule = cf.optim.lr_scheduler.ReduceLROnPlateau(optimizer, patience=0)
    >>> for loss in (2.0, 1.0, 1.0):
    ...     optimizer.step()
    ...     schedule.step(loss)
    >>> schedule.get_last_lr()
    [0.1]
    """

    def __init__(
        self,
        optimizer: Optimizer,
        mode: str = "min",
        factor: float = 0.1,
        patience: int = 10,
        threshold: float = 1e-4,
        threshold_mode: str = "rel",
        cooldown: int = 0,
        min_lr: list[float] | float = 0,
        eps: float = 1e-8,
    ) -> None:
        # No measure is there yet, so there is no first step as in other schedules.
        if factor >= 1.0:
            raise ValueError("Factor should be < 1.0.")
        self.factor = factor
        self.optimizer = as_optimizer(optimizer)
        if isinstance(min_lr, (list, tuple)):
            if len(min_lr) != len(optimizer.param_groups):
                raise ValueError(
                    f"expected {len(optimizer.param_groups)} min_lrs, got {len(min_lr)}"
                )
            self.default_min_lr: float | None = None
            self.min_lrs = list(min_lr)
        else:
            self.default_min_lr = min_lr
            self.min_lrs = [min_lr] * len(optimizer.param_groups)
        self.patience = patience
        self.cooldown = cooldown
        self.eps = eps
        self.last_epoch = 0
        self._last_lr = self._lrs()
        self._init_is_better(mode, threshold, threshold_mode)
        self._reset()

    def _init_is_better(self, mode: str, threshold: float, threshold_mode: str) -> None:
        if mode not in ("min", "max"):
            raise ValueError(f"mode {mode} is unknown!")
        if threshold_mode not in ("rel", "abs"):
            raise ValueError(f"threshold mode {threshold_mode} is unknown!")
        self.mode_worse = math.inf if mode == "min" else -math.inf
        self.mode = mode
        self.threshold = threshold
        self.threshold_mode = threshold_mode

    def _reset(self) -> None:
        self.best = self.mode_worse
        self.cooldown_counter = 0
        self.num_bad_epochs = 0

    def step(self, metrics: SupportsFloat, epoch: int | None = None) -> None:  # type: ignore[override]
        """Take in a measure, and change the learning rates where it is due.

        Parameters
        ----------
        metrics : float or Tensor
            The measure.
        epoch : int, optional
            The number of the step, in place of the next one; deprecated in PyTorch.
        """
        current = float(metrics)
        if epoch is None:
            epoch = self.last_epoch + 1
        else:
            warn_of_epoch(stacklevel=2)
        self.last_epoch = epoch
        if self._is_better(current, self.best):
            self.best = current
            self.num_bad_epochs = 0
        else:
            self.num_bad_epochs += 1
        if self.in_cooldown:
            self.cooldown_counter -= 1
            self.num_bad_epochs = 0
        if self.num_bad_epochs > self.patience:
            self._reduce_lr()
            self.cooldown_counter = self.cooldown
            self.num_bad_epochs = 0
        self._last_lr = self._lrs()

    def _reduce_lr(self) -> None:
        groups = self.optimizer.param_groups
        if len(groups) != len(self.min_lrs):
            if self.default_min_lr is None:
                raise RuntimeError(
                    f"the optimizer has {len(groups)} groups, and had {len(self.min_lrs)} when the "
                    "schedule was made: set min_lrs to one for each"
                )
            self.min_lrs = [self.default_min_lr] * len(groups)
        for group, least in zip(groups, self.min_lrs, strict=True):
            before = float(group["lr"])
            after = max(before * self.factor, least)
            if before - after > self.eps:
                group["lr"] = after

    @property
    def in_cooldown(self) -> bool:
        """Whether nothing is counted now."""
        return self.cooldown_counter > 0

    def _is_better(self, measure: float, best: float) -> bool:
        if self.mode == "min":
            relative = self.threshold_mode == "rel"
            return measure < (best * (1.0 - self.threshold) if relative else best - self.threshold)
        if self.threshold_mode == "rel":
            return measure > best * (self.threshold + 1.0)
        return measure > best + self.threshold

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on where `state_dict` was called.

        Parameters
        ----------
        state_dict : dict
            What `state_dict` returned.
        """
        super().load_state_dict(state_dict)
        self._init_is_better(self.mode, self.threshold, self.threshold_mode)
