"""The mean of the losses of an epoch, and the end of a training whose loss is no number."""

from __future__ import annotations

import math

from candle_ffi._ops import stack
from candle_ffi.errors import CandleError
from candle_ffi.tensor import Tensor

__all__ = ["Losses", "NonFiniteLossError"]


class NonFiniteLossError(CandleError, FloatingPointError):
    """A loss that is NaN or infinite."""


class Losses:
    """The mean of losses, each weighted by the rows of its batch.

    Losses on the CPU are read at once; those of a device are read many at a time, since each
    reading waits for the device.

    Parameters
    ----------
    every : int
        How many losses are read at a time.
    finite : str, optional
        What is trained, for the message, where a loss that is NaN or infinite is an error.
    """

    __slots__ = ("_every", "_finite", "_sum", "_waiting", "last", "rows")

    def __init__(self, every: int, finite: str = "") -> None:
        self._every = every
        self._finite = finite
        self._sum = 0.0
        self.rows = 0
        self._waiting: list[tuple[Tensor, int, int]] = []
        self.last = math.nan

    def add(self, loss: Tensor, rows: int, step: int) -> None:
        """Take in the loss of a batch.

        Parameters
        ----------
        loss : Tensor
            A mean over its rows.
        rows, step : int
            The number of rows, and of the step within the epoch.

        Raises
        ------
        NonFiniteLossError
            It is NaN or infinite.
        TypeError
            It is no tensor of one element.
        """
        if not isinstance(loss, Tensor) or loss.numel() != 1:
            found = f"of shape {list(loss.shape)}" if isinstance(loss, Tensor) else repr(loss)
            raise TypeError(
                "the loss must be a tensor of one element, a mean over the rows of the batch, and "
                f"is {found}"
            )
        if self._every == 1:
            self._take(loss.item(), rows, step)
            return
        self._waiting.append((loss.detach(), rows, step))
        if len(self._waiting) >= self._every:
            self._read()

    def _read(self) -> None:
        waiting, self._waiting = self._waiting, []
        if waiting:
            values = stack([loss.reshape(()) for loss, _, _ in waiting]).tolist()
            for value, (_, rows, step) in zip(values, waiting, strict=True):
                self._take(value, rows, step)

    def _take(self, value: float, rows: int, step: int) -> None:
        if self._finite and not math.isfinite(value):
            raise NonFiniteLossError(
                f"the loss is {value} in {self._finite}, step {step}; a smaller learning rate, "
                "clip_grad_norm=1.0 or a look at the data may help, and terminate_on_nan=False "
                "goes on nevertheless"
            )
        self.last = value
        self._sum += value * rows
        self.rows += rows

    def state(self) -> list[float]:
        """Return what `restore` takes."""
        self._read()
        return [self._sum, float(self.rows), self.last]

    def restore(self, state: list[float]) -> None:
        """Go on where `state` was called.

        Parameters
        ----------
        state : list of float
            What it returned.
        """
        self._sum, self.rows, self.last = state[0], int(state[1]), state[2]

    def mean(self) -> float:
        """Return the mean so far; NaN before the first."""
        self._read()
        return self._sum / self.rows if self.rows else math.nan
