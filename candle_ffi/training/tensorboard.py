"""The numbers of a training as event files of TensorBoard."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from candle_ffi.training.callback import Callback

if TYPE_CHECKING:
    from candle_ffi.training.trainer import Trainer

__all__ = ["TensorBoard"]


class TensorBoard(Callback):
    """Write the numbers of each epoch to event files, which ``tensorboard --logdir`` shows.

    The numbers are called ``loss/train``, ``loss/val``, ``accuracy/train``, …, and ``lr``.

    Parameters
    ----------
    folder : str or path
        The folder of the event files, one for each training.
    every_n_steps : int, default 0
        After how many batches the loss of the batch is written too, as ``loss/batch``; never for 0.
    histograms : bool, default False
        Whether the parameters are written as histograms after each epoch; needs tensorboardX.

    Attributes
    ----------
    writer : object
        What writes; tensorboardX's ``SummaryWriter`` where that is installed, with which pictures
        and texts of one's own can be written. There during the training only.

    Raises
    ------
    ImportError
        Neither tensorboardX nor tensorboard is installed.

    Notes
    -----
    As `torch.utils.tensorboard.SummaryWriter`, by tensorboardX or tensorboard's own writer.
    """

    def __init__(
        self,
        folder: str | os.PathLike[str],
        every_n_steps: int = 0,
        histograms: bool = False,
    ) -> None:
        self.folder = Path(folder)
        self.every_n_steps = every_n_steps
        self.histograms = histograms
        self.writer: Any = None
        self._make = _writer()

    def on_fit_begin(self, trainer: Trainer) -> None:
        """Open a new event file."""
        self.folder.mkdir(parents=True, exist_ok=True)
        # A training that goes on replaces what an interrupted one wrote after its checkpoint; but
        # numbers of batches have other steps than those of epochs.
        purged = trainer.resumed and not self.every_n_steps
        self.writer = self._make(str(self.folder), trainer.history.epochs + 1 if purged else None)

    def on_batch_end(self, trainer: Trainer, logs: dict[str, Any]) -> None:
        """Write the loss of the batch, where that is wanted."""
        if self.every_n_steps and trainer.step % self.every_n_steps == 0:
            self.writer.add_scalar("loss/batch", logs["loss"], trainer.step)

    def on_epoch_end(self, trainer: Trainer, logs: dict[str, Any]) -> None:
        """Write the numbers of the epoch."""
        for name, value in logs.items():
            if not isinstance(value, (int, float)):
                continue
            if name.startswith("val_"):
                name = f"{name.removeprefix('val_')}/val"
            elif name != "lr":
                name = f"{name}/train"
            self.writer.add_scalar(name, value, trainer.epoch)
        if self.histograms:
            for name, parameter in trainer.model.named_parameters():
                values = parameter.detach().float().to_numpy()
                self.writer.add_histogram(name, values, trainer.epoch)
        self.writer.flush()

    def on_fit_end(self, trainer: Trainer) -> None:
        """Close the event file."""
        self._close()

    def on_exception(self, trainer: Trainer, error: BaseException) -> None:
        """Close the event file, which then has all whole epochs."""
        self._close()

    def _close(self) -> None:
        if self.writer is not None:
            self.writer.close()
            self.writer = None


def _writer() -> Any:
    """Return the function that opens an event file."""
    try:
        from tensorboardX import SummaryWriter
    except ImportError:
        try:
            import tensorboard  # noqa: F401
        except ImportError as error:
            raise ImportError(
                "TensorBoard needs a writer of event files: pip install tensorboardX"
            ) from error
        return _EventWriter

    def open_file(folder: str, purge_step: int | None) -> Any:
        # The name has the second; two files of one second would be one.
        return SummaryWriter(folder, purge_step=purge_step, filename_suffix=f".{time.time_ns()}")

    return open_file


class _EventWriter:
    """The part of a ``SummaryWriter`` that numbers need, by tensorboard's own writer."""

    def __init__(self, folder: str, purge_step: int | None) -> None:
        from tensorboard.compat.proto.event_pb2 import Event, SessionLog
        from tensorboard.compat.proto.summary_pb2 import Summary
        from tensorboard.summary.writer.event_file_writer import EventFileWriter

        self._event, self._summary = Event, Summary
        self._file = EventFileWriter(folder)
        if purge_step is not None:
            began = SessionLog(status=SessionLog.START)
            self._add(purge_step, file_version="brain.Event:2")
            self._add(purge_step, session_log=began)

    def _add(self, step: int, **content: Any) -> None:
        self._file.add_event(self._event(step=step, wall_time=time.time(), **content))

    def add_scalar(self, name: str, value: float, step: int) -> None:
        number = self._summary.Value(tag=name, simple_value=value)
        self._add(step, summary=self._summary(value=[number]))

    def add_histogram(self, name: str, values: Any, step: int) -> None:
        raise ImportError("histograms need tensorboardX: pip install tensorboardX")

    def flush(self) -> None:
        self._file.flush()

    def close(self) -> None:
        self._file.close()
