"""How far the training is, for people: a bar, or plain lines."""

from __future__ import annotations

import importlib.util
import sys
import time
from typing import TYPE_CHECKING, Any, TextIO

from candle_ffi.training.callback import Callback

if TYPE_CHECKING:
    from candle_ffi.training.trainer import Trainer

__all__ = ["ProgressBar", "ProgressLines", "progress_of"]


class ProgressLines(Callback):
    """Print a line for each epoch.

    Parameters
    ----------
    file : file, optional
        Where to; the standard error when not given.
    """

    order = -100

    def __init__(self, file: TextIO | None = None) -> None:
        self._file = file
        self._begun = 0.0

    def on_epoch_begin(self, trainer: Trainer) -> None:
        """Look at the clock."""
        self._begun = time.perf_counter()

    def on_epoch_end(self, trainer: Trainer, logs: dict[str, Any]) -> None:
        """Print the line."""
        passed = time.perf_counter() - self._begun
        numbers = "  ".join(f"{name} {text}" for name, text in texts(logs).items())
        print(
            f"epoch {trainer.epoch}/{trainer.total_epochs}  {passed:.1f} s  {numbers}",
            file=self._file or sys.stderr,
            flush=True,
        )


class ProgressBar(Callback):
    """Show a bar for each epoch, which moves with the batches.

    Parameters
    ----------
    leave : bool, default True
        Whether the bars of past epochs stay.

    Raises
    ------
    ImportError
        tqdm is not installed.

    Notes
    -----
    Needs tqdm; `Trainer` shows lines instead where it is not installed.
    """

    order = -100

    def __init__(self, leave: bool = True) -> None:
        try:
            from tqdm.auto import tqdm
        except ImportError as error:
            raise ImportError("ProgressBar needs tqdm: pip install tqdm") from error
        self._make = tqdm
        self._leave = leave
        self._bar: Any = None

    def on_epoch_begin(self, trainer: Trainer) -> None:
        """Begin a bar."""
        self._bar = self._make(
            total=trainer.num_batches,
            desc=f"epoch {trainer.epoch}/{trainer.total_epochs}",
            unit="batch",
            leave=self._leave,
        )

    def on_batch_end(self, trainer: Trainer, logs: dict[str, Any]) -> None:
        """Move the bar."""
        # The text is made for those batches alone at which the bar is drawn anew.
        if self._bar.update():
            self._bar.set_postfix_str(f"loss={logs['loss']:.4g}", refresh=False)

    def on_epoch_end(self, trainer: Trainer, logs: dict[str, Any]) -> None:
        """End the bar with the numbers of the epoch."""
        self._bar.set_postfix(texts(logs), refresh=True)
        self._close()

    def on_exception(self, trainer: Trainer, error: BaseException) -> None:
        """End the bar where it is."""
        self._close()

    def _close(self) -> None:
        if self._bar is not None:
            self._bar.close()
            self._bar = None


def progress_of(progress: bool | str) -> list[Callback]:
    """Return the callbacks that show progress.

    Parameters
    ----------
    progress : bool or {"bar", "lines"}
        False for none; True for a bar where tqdm is installed, else lines.

    Returns
    -------
    list of Callback
        At most one.

    Raises
    ------
    ValueError
        It is something else.
    """
    if progress is False:
        return []
    if progress is True:
        progress = "bar" if importlib.util.find_spec("tqdm") else "lines"
    if progress == "bar":
        return [ProgressBar()]
    if progress == "lines":
        return [ProgressLines()]
    raise ValueError(f"progress must be True, False, 'bar' or 'lines', not {progress!r}")


def texts(logs: dict[str, Any]) -> dict[str, str]:
    """Return the numbers of an epoch as short texts.

    Parameters
    ----------
    logs : dict of str to float
        The numbers; what is no number is left out.

    Returns
    -------
    dict of str to str
        The texts.
    """
    return {
        name: f"{value:.4g}"
        for name, value in logs.items()
        if isinstance(value, (int, float)) and not isinstance(value, bool)
    }
