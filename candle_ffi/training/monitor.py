"""Whether a number has become better."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Final

__all__ = ["Monitor"]

#: Parts of the names of numbers that are better when they are higher.
_RISING: Final = ("acc", "precision", "recall", "f1", "r2", "auc", "score")


class Monitor:
    """The best value of one of the numbers of an epoch.

    Parameters
    ----------
    monitor : str, optional
        The name of the number; ``"val_loss"`` when not given, or ``"loss"`` without validation.
    mode : {"auto", "min", "max"}, default "auto"
        Whether lower or higher is better; by the name for ``"auto"``.
    min_delta : float, default 0.0
        By how much a value must be better to count.

    Raises
    ------
    ValueError
        The mode is unknown, or `min_delta` is negative.

    Examples
    --------
    >>> from candle_ffi.training.monitor import Monitor
    >>> monitor = Monitor("val_accuracy")
    >>> [monitor.update({"val_accuracy": value}) for value in (0.5, 0.75, 0.625)]
    [True, True, False]
    >>> monitor.best
    0.75
    """

    def __init__(
        self, monitor: str | None = None, mode: str = "auto", min_delta: float = 0.0
    ) -> None:
        if mode not in ("auto", "min", "max"):
            raise ValueError(f"mode must be 'auto', 'min' or 'max', not {mode!r}")
        if not min_delta >= 0:
            raise ValueError(f"min_delta must not be negative, and it is {min_delta}")
        self.name = monitor
        self.mode = mode
        self.min_delta = min_delta
        self.best: float | None = None

    def update(self, logs: Mapping[str, Any]) -> bool:
        """Take in the numbers of an epoch, and return whether the one that counts is the best.

        Parameters
        ----------
        logs : mapping of str to float
            The numbers.

        Returns
        -------
        bool
            True for the first that is not NaN, and for better ones.

        Raises
        ------
        ValueError
            The number is not among them.
        """
        value = self.value(logs)
        if math.isnan(value):
            return False
        if self.best is not None:
            gain = value - self.best if self._rises(self._chosen(logs)) else self.best - value
            if not gain > self.min_delta:
                return False
        self.best = value
        return True

    def value(self, logs: Mapping[str, Any]) -> float:
        """Return the number that counts.

        Parameters
        ----------
        logs : mapping of str to float
            The numbers of an epoch.

        Returns
        -------
        float
            The number.

        Raises
        ------
        ValueError
            It is not among them.
        """
        name = self._chosen(logs)
        if name not in logs:
            raise ValueError(
                f"there is no {name!r} to monitor; this training has {', '.join(sorted(logs))}"
            )
        return float(logs[name])

    def _chosen(self, logs: Mapping[str, Any]) -> str:
        return self.name or ("val_loss" if "val_loss" in logs else "loss")

    def _rises(self, name: str) -> bool:
        if self.mode != "auto":
            return self.mode == "max"
        return any(part in name.lower() for part in _RISING)
