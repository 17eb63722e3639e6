"""What was measured in each epoch, as lists and as a picture."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

__all__ = ["History"]


class History(dict[str, list[float]]):
    """The numbers of each epoch by their names: a dictionary of lists of the same length.

    A number that an epoch does not have is NaN, so ``pandas.DataFrame(history)`` is a table.

    Parameters
    ----------
    columns : mapping of str to sequence of float, optional
        What is there already.

    Raises
    ------
    ValueError
        The columns have different lengths.

    Examples
    --------
    >>> from candle_ffi.training import History
    >>> history = History()
    >>> history.add({"loss": 0.5})
    >>> history.add({"loss": 0.25, "val_loss": 0.5})
    >>> history["val_loss"], history.epochs
    ([nan, 0.5], 2)
    """

    def __init__(self, columns: Mapping[str, Any] | None = None) -> None:
        super().__init__({name: list(column) for name, column in (columns or {}).items()})
        lengths = {name: len(column) for name, column in self.items()}
        if len(set(lengths.values())) > 1:
            raise ValueError(f"the columns of a history have one length, not {lengths}")

    @property
    def epochs(self) -> int:
        """The number of epochs."""
        return max(map(len, self.values()), default=0)

    def add(self, logs: Mapping[str, Any]) -> None:
        """Add an epoch.

        Parameters
        ----------
        logs : mapping of str to float
            Its numbers; what is no number is left out.
        """
        before = self.epochs
        numbers = {name: float(n) for name, n in logs.items() if isinstance(n, (int, float))}
        for name in numbers:
            self.setdefault(name, [math.nan] * before)
        for name, column in self.items():
            column.append(numbers.get(name, math.nan))

    def plot(self, path: str | os.PathLike[str]) -> Path:
        """Draw all numbers over the epochs, those of training and validation together.

        Parameters
        ----------
        path : str or path
            The picture, whose suffix says its kind, as ``.png``.

        Returns
        -------
        Path
            The picture.

        Raises
        ------
        ImportError
            matplotlib is not installed.
        ValueError
            There is no epoch yet.

        Notes
        -----
        Needs matplotlib.
        """
        if not self.epochs:
            raise ValueError("plot: the history has no epoch yet")
        try:
            from matplotlib.figure import Figure
            from matplotlib.ticker import MaxNLocator
        except ImportError as error:
            raise ImportError("plot needs matplotlib: pip install matplotlib") from error
        names = list(dict.fromkeys(name.removeprefix("val_") for name in self))
        across = min(3, len(names))
        down = -(-len(names) // across)
        figure = Figure(figsize=(4.5 * across, 3.2 * down), layout="constrained")
        axes = figure.subplots(down, across, squeeze=False).ravel()
        epochs = range(1, self.epochs + 1)
        for name, axis in zip(names, axes, strict=False):
            for column, label in ((name, "training"), (f"val_{name}", "validation")):
                if column in self:
                    # One epoch alone is a point, which a line would not show.
                    axis.plot(epochs, self[column], label=label, marker="." * (self.epochs < 20))
            axis.set(title=name, xlabel="epoch")
            axis.xaxis.set_major_locator(MaxNLocator(integer=True))
            axis.grid(alpha=0.3)
            if f"val_{name}" in self:
                axis.legend()
        for axis in axes[len(names) :]:
            axis.set_axis_off()
        figure.savefig(path, dpi=120)
        return Path(path)
