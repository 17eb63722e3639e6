"""The best and the last state of a training, in files."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from candle_ffi.training.callback import Callback
from candle_ffi.training.monitor import Monitor

if TYPE_CHECKING:
    from candle_ffi.training.trainer import Trainer

__all__ = ["ModelCheckpoint"]


class ModelCheckpoint(Callback):
    """Write the whole state of the training into files: after its best epoch, and after the last.

    Each file appears whole or not at all. Training goes on from one with
    ``trainer.fit(…, resume=checkpoint.last)``; the weights alone come back with
    ``candle_ffi.checkpoint.load(checkpoint.best, strict=False, random_state=False, model=model)``.

    Parameters
    ----------
    folder : str or path
        Where ``best.safetensors`` and ``last.safetensors`` are written; made when it is not there.
    monitor : str, optional
        The name of the number that says which epoch is the best; ``"val_loss"`` when not given, or
        ``"loss"`` without validation.
    mode : {"auto", "min", "max"}, default "auto"
        Whether lower or higher is better; by the name for ``"auto"``.
    save_best, save_last : bool, default True
        Which of the files are written.
    every_n_epochs : int, default 1
        After how many epochs the last state is written; always after the last epoch of all.
    every_n_steps : int, optional
        After how many batches the last state is written too, for epochs that are long.

    Attributes
    ----------
    best, last : Path
        The files.
    best_value : float or None
        The best value.

    Raises
    ------
    ValueError
        The mode is unknown, or `every_n_epochs` or `every_n_steps` is below 1.

    Notes
    -----
    `lightning.pytorch.callbacks.ModelCheckpoint`; PyTorch has no such thing.
    """

    # What the other callbacks change belongs into the file.
    order = 100

    def __init__(
        self,
        folder: str | os.PathLike[str],
        monitor: str | None = None,
        mode: str = "auto",
        save_best: bool = True,
        save_last: bool = True,
        every_n_epochs: int = 1,
        every_n_steps: int | None = None,
    ) -> None:
        for name, count in (("every_n_epochs", every_n_epochs), ("every_n_steps", every_n_steps)):
            if count is not None and count < 1:
                raise ValueError(f"{name} must be at least 1, and it is {count}")
        self.folder = Path(folder)
        self.best = self.folder / "best.safetensors"
        self.last = self.folder / "last.safetensors"
        self.save_best = save_best
        self.save_last = save_last
        self.every_n_epochs = every_n_epochs
        self.every_n_steps = every_n_steps
        self._due = False
        self._monitor = Monitor(monitor, mode)

    @property
    def best_value(self) -> float | None:
        """The best value."""
        return self._monitor.best

    def on_fit_begin(self, trainer: Trainer) -> None:
        """Forget an earlier training, unless this one goes on with it."""
        self.folder.mkdir(parents=True, exist_ok=True)
        if not trainer.resumed:
            self._monitor.best = None

    def on_batch_end(self, trainer: Trainer, logs: dict[str, Any]) -> None:
        """Write the last state in the middle of an epoch, where that is wanted."""
        if self.every_n_steps is None or not self.save_last:
            return
        self._due = self._due or trainer.step % self.every_n_steps == 0
        # Batches whose gradients are gathered belong to one step.
        if self._due and trainer.is_between_steps:
            trainer.save_checkpoint(self.last)
            self._due = False

    def on_epoch_end(self, trainer: Trainer, logs: dict[str, Any]) -> None:
        """Write what is due."""
        if self.save_best and self._monitor.update(logs):
            trainer.save_checkpoint(self.best)
        if self.save_last and (trainer.epoch % self.every_n_epochs == 0 or trainer.is_last_epoch):
            trainer.save_checkpoint(self.last)

    def state_dict(self) -> dict[str, Any]:
        """Return the best value."""
        return {"best": self.best_value}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on where `state_dict` was called.

        Parameters
        ----------
        state_dict : dict
            What `state_dict` returned.
        """
        self._monitor.best = state_dict["best"]
