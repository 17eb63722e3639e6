"""Schedules that let the learning rate go from one value to another."""

from __future__ import annotations

import math

from candle_ffi.optim.lr_scheduler.base import LRScheduler
from candle_ffi.optim.optimizer import Optimizer

__all__ = ["CosineAnnealingLR", "CosineAnnealingWarmRestarts", "LinearLR", "PolynomialLR"]


class LinearLR(LRScheduler):
    """Lets the factor of the learning rate go from one number to another, in a straight line.

    Parameters
    ----------
    optimizer : Optimizer
        The optimizer.
    start_factor : float, default 1/3
        The first factor, above 0 and at most 1.
    end_factor : float, default 1.0
        The last factor, from 0 to 1.
    total_iters : int, default 5
        The number of steps.
    last_epoch : int, default -1
        The number of the last step before; -1 to begin.

    Raises
    ------
    ValueError
        A factor is outside its domain.

    Notes
    -----
    `torch.optim.lr_scheduler.LinearLR`

    Examples
    --------
    >>> import candle_ffi as cf
    >>> optimizer = cf.optim.SGD([cf.ones(1, requires_grad=True)], lr=1.0)
    >>> schedule = cf.optim.lr_scheduler.LinearLR(optimizer, start_factor=0.5, total_iters=4)
    >>> schedule.get_last_lr()
    [0.5]
    """

    def __init__(
        self,
        optimizer: Optimizer,
        start_factor: float = 1.0 / 3,
        end_factor: float = 1.0,
        total_iters: int = 5,
        last_epoch: int = -1,
    ) -> None:
        if start_factor > 1.0 or start_factor <= 0:
            raise ValueError(
                "Starting multiplicative factor expected to be greater than 0 and less or equal "
                "to 1."
            )
        if end_factor > 1.0 or end_factor < 0:
            raise ValueError("Ending multiplicative factor expected to be between 0 and 1.")
        self.start_factor = start_factor
        self.end_factor = end_factor
        self.total_iters = total_iters
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        """Return the learning rates after this step."""
        self._warn_outside_step()
        if self.last_epoch == 0:
            return self._scaled(self.start_factor)
        if self._is_initial or self.last_epoch > self.total_iters:
            return self._lrs()
        rise = self.end_factor - self.start_factor
        before = self.total_iters * self.start_factor + (self.last_epoch - 1) * rise
        return self._scaled(1.0 + rise / before)

    def _get_closed_form_lr(self) -> list[float]:
        done = min(self.total_iters, self.last_epoch)
        rise = self.end_factor - self.start_factor
        return [lr * (self.start_factor + rise * done / self.total_iters) for lr in self.base_lrs]


class PolynomialLR(LRScheduler):
    """Lets the learning rate fall to zero as a power of the steps that are left.

    Parameters
    ----------
    optimizer : Optimizer
        The optimizer.
    total_iters : int, default 5
        The number of steps.
    power : float, default 1.0
        The power.
    last_epoch : int, default -1
        The number of the last step before; -1 to begin.

    Notes
    -----
    `torch.optim.lr_scheduler.PolynomialLR`

    Examples
    --------
    >>> import candle_ffi as cf
    >>> optimizer = cf.optim.SGD([cf.ones(1, requires_grad=True)], lr=1.0)
    >>> schedule = cf.optim.lr_scheduler.PolynomialLR(optimizer, total_iters=4, power=1.0)
    """

    def __init__(
        self,
        optimizer: Optimizer,
        total_iters: int = 5,
        power: float = 1.0,
        last_epoch: int = -1,
    ) -> None:
        self.total_iters = total_iters
        self.power = power
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        """Return the learning rates after this step."""
        self._warn_outside_step()
        if self._is_initial or self.last_epoch > self.total_iters:
            return self._lrs()
        now = 1.0 - self.last_epoch / self.total_iters
        before = 1.0 - (self.last_epoch - 1) / self.total_iters
        return self._scaled((now / before) ** self.power)

    def _get_closed_form_lr(self) -> list[float]:
        left = 1.0 - min(self.total_iters, self.last_epoch) / self.total_iters
        return [lr * left**self.power for lr in self.base_lrs]


class CosineAnnealingLR(LRScheduler):
    """Lets the learning rate go up and down between `eta_min` and its first value as a cosine.

    Parameters
    ----------
    optimizer : Optimizer
        The optimizer.
    T_max : int
        The number of steps from the top to the bottom.
    eta_min : float, default 0.0
        The bottom.
    last_epoch : int, default -1
        The number of the last step before; -1 to begin.

    Notes
    -----
    `torch.optim.lr_scheduler.CosineAnnealingLR`. Source: Loshchilov and Hutter, "SGDR: stochastic
    gradient descent with warm restarts", 2016.

    Examples
    --------
    >>> import candle_ffi as cf
    >>> optimizer = cf.optim.SGD([cf.ones(1, requires_grad=True)], lr=1.0)
    >>> schedule = cf.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=10)
    """

    def __init__(
        self,
        optimizer: Optimizer,
        T_max: int,  # noqa: N803  # PyTorch's name
        eta_min: float = 0.0,
        last_epoch: int = -1,
    ) -> None:
        self.T_max = T_max
        self.eta_min = eta_min
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        """Return the learning rates after this step."""
        self._warn_outside_step()
        if self._is_initial:
            return self._lrs()
        if self._step_count == 1 and self.last_epoch > 0:
            top = 1 + math.cos(self.last_epoch * math.pi / self.T_max)
            return [self.eta_min + (lr - self.eta_min) * top / 2 for lr in self.base_lrs]
        if (self.last_epoch - 1 - self.T_max) % (2 * self.T_max) == 0:
            # From the bottom, where a factor would be zero.
            rise = 1 - math.cos(math.pi / self.T_max)
            pairs = zip(self._lrs(), self.base_lrs, strict=True)
            return [now + (lr - self.eta_min) * rise / 2 for now, lr in pairs]
        above = 1 + math.cos(math.pi * self.last_epoch / self.T_max)
        before = 1 + math.cos(math.pi * (self.last_epoch - 1) / self.T_max)
        return [above / before * (lr - self.eta_min) + self.eta_min for lr in self._lrs()]

    def _get_closed_form_lr(self) -> list[float]:
        top = 1 + math.cos(math.pi * self.last_epoch / self.T_max)
        return [self.eta_min + (lr - self.eta_min) * top / 2 for lr in self.base_lrs]


class CosineAnnealingWarmRestarts(LRScheduler):
    """Lets the learning rate fall to `eta_min` as a cosine, and begins at the top again.

    Parameters
    ----------
    optimizer : Optimizer
        The optimizer.
    T_0 : int
        The number of steps of the first fall.
    T_mult : int, default 1
        What the number of steps is multiplied with at each restart.
    eta_min : float, default 0.0
        The bottom.
    last_epoch : int, default -1
        The number of the last step before; -1 to begin.

    Raises
    ------
    ValueError
        `T_0` or `T_mult` is no positive integer, or `eta_min` no number.

    Notes
    -----
    `torch.optim.lr_scheduler.CosineAnnealingWarmRestarts`. Source: Loshchilov and Hutter, "SGDR:
    stochastic gradient descent with warm restarts", 2016.

    Examples
    --------
    >>> import candle_ffi as cf
    >>> optimizer = cf.optim.SGD([cf.ones(1, requires_grad=True)], lr=1.0)
    >>> schedule = cf.optim.lr_scheduler.CosineAnnealingWarmRestarts(optimizer, T_0=10, T_mult=2)
    """

    def __init__(
        self,
        optimizer: Optimizer,
        T_0: int,  # noqa: N803  # PyTorch's name
        T_mult: int = 1,  # noqa: N803  # PyTorch's name
        eta_min: float = 0.0,
        last_epoch: int = -1,
    ) -> None:
        if not isinstance(T_0, int) or T_0 <= 0:
            raise ValueError(f"Expected positive integer T_0, but got {T_0}")
        if not isinstance(T_mult, int) or T_mult < 1:
            raise ValueError(f"Expected integer T_mult >= 1, but got {T_mult}")
        if not isinstance(eta_min, (float, int)):
            raise ValueError(
                f"Expected float or int eta_min, but got {eta_min} of type {type(eta_min)}"
            )
        self.T_0 = T_0
        self.T_i = T_0
        self.T_mult = T_mult
        self.eta_min = eta_min
        self.T_cur: float = last_epoch
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        """Return the learning rates after this step."""
        self._warn_outside_step()
        top = 1 + math.cos(math.pi * self.T_cur / self.T_i)
        return [self.eta_min + (lr - self.eta_min) * top / 2 for lr in self.base_lrs]

    def step(self, epoch: float | None = None) -> None:
        """Set the learning rates of the next step of the optimizer.

        Parameters
        ----------
        epoch : float, optional
            The step to go to, which may be a fraction: ``epoch + batch / batches``.

        Raises
        ------
        ValueError
            It is negative.
        """
        if epoch is None and self.last_epoch < 0:
            epoch = 0
        if epoch is None:
            epoch = self.last_epoch + 1
            self.T_cur += 1
            if self.T_cur >= self.T_i:
                self.T_cur %= self.T_i
                self.T_i *= self.T_mult
        elif epoch < 0:
            raise ValueError(f"Expected non-negative epoch, but got {epoch}")
        elif epoch < self.T_0:
            self.T_i = self.T_0
            self.T_cur = epoch
        elif self.T_mult == 1:
            self.T_cur = epoch % self.T_0
        else:
            restarts = int(math.log(epoch / self.T_0 * (self.T_mult - 1) + 1, self.T_mult))
            grown = self.T_mult**restarts
            self.T_cur = epoch - self.T_0 * (grown - 1) / (self.T_mult - 1)
            self.T_i = self.T_0 * grown
        self.last_epoch = math.floor(epoch)
        self._get_lr_called_within_step = True
        try:
            values = self.get_lr()
        finally:
            self._get_lr_called_within_step = False
        self._set(values)
