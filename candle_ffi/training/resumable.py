"""The state of a training, in a file and back."""

from __future__ import annotations

import os
from typing import Any

from candle_ffi import checkpoint
from candle_ffi.nn.module import Module
from candle_ffi.optim import Optimizer
from candle_ffi.optim.lr_scheduler import LRScheduler
from candle_ffi.training.callback import Callbacks
from candle_ffi.training.evaluator import Evaluator
from candle_ffi.training.history import History
from candle_ffi.training.step import Step

__all__ = ["Resumable", "is_stateful"]


class Resumable(Evaluator):
    """The part of a trainer that keeps its state, between epochs and in the middle of one."""

    optimizer: Optimizer
    scheduler: LRScheduler | None
    callbacks: list[Any]
    history: History
    epoch: int
    step: int
    should_stop: bool

    def __init__(self) -> None:
        self._begun = 0  # epochs before this fit
        self._loader: Any = None
        self._order: Any = None  # the state of the loader of the last fit
        self._rate = float("nan")  # of the epoch
        self._step: Step | None = None  # of the epoch that is under way
        self._part: dict[str, Any] | None = None  # of an epoch, from a checkpoint
        self._between = False  # a step and the end of its epoch, when there is nothing to keep

    @property
    def is_between_steps(self) -> bool:
        """Whether `save_checkpoint` can be called: not while batches wait for a common step."""
        return not self._between and (self._step is None or self._step.is_whole)

    def save_checkpoint(self, path: str | os.PathLike[str]) -> None:
        """Write all that the training needs to go on, as `candle_ffi.checkpoint.save` does.

        Called after a batch, in `on_batch_end`, the training goes on in the middle of the epoch.

        Parameters
        ----------
        path : str or path
            The file, which appears whole or not at all.

        Raises
        ------
        FileError
            The file cannot be written.
        RuntimeError
            The training is neither between two steps nor between two epochs.
        """
        if not self.is_between_steps:
            raise RuntimeError(
                "save_checkpoint: the training is in the middle of a step or of a validation; save "
                "in on_epoch_end, or in on_batch_end where trainer.is_between_steps"
            )
        checkpoint.save(path, epoch=self.epoch, **self._parts())

    def load_checkpoint(self, path: str | os.PathLike[str]) -> None:
        """Take the state of a training from a file; where it does not fit, nothing changes.

        Parameters
        ----------
        path : str or path
            What `save_checkpoint` wrote.

        Raises
        ------
        FileError, FileFormatError
            The file cannot be read.
        StateDictError
            It is of another training.
        """
        checkpoint.load(path, **self._parts())

    def _parts(self) -> dict[str, Any]:
        parts = {"model": self.model, "optimizer": self.optimizer, "trainer": self}
        if self.scheduler is not None:
            parts["scheduler"] = self.scheduler
        if isinstance(self.loss, Module) and next(self.loss.parameters(), None) is not None:
            parts["loss"] = self.loss
        return parts

    def state_dict(self) -> dict[str, Any]:
        """Return how far the training is, its history and the states of the callbacks."""
        return {
            "epoch": self.history.epochs if self._step is None else self.epoch,
            "step": self.step,
            "begun": self._begun,
            "should_stop": self.should_stop,
            "part": self._state_of_epoch(),
            "loader": self._loader.state_dict() if is_stateful(self._loader) else self._order,
            "history": {name: list(column) for name, column in self.history.items()},
            "callbacks": Callbacks(self.callbacks).state_dict(),
        }

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on where `state_dict` was called.

        Parameters
        ----------
        state_dict : dict
            What `state_dict` returned.
        """
        history = History(state_dict["history"])
        epoch, step, begun = (int(state_dict[name]) for name in ("epoch", "step", "begun"))
        part = state_dict["part"]
        if part is not None and part["metrics"].keys() != self.metrics.keys():
            raise ValueError(
                f"the checkpoint is of the middle of an epoch that measures "
                f"{sorted(part['metrics'])}, and this training measures {sorted(self.metrics)}"
            )
        order = state_dict["loader"]
        if order is not None and is_stateful(self._loader):
            self._loader.load_state_dict(order)
            if part is not None:
                part = {**part, "loader": True}
        Callbacks(self.callbacks).load_state_dict(state_dict["callbacks"])
        self._part = part
        self.should_stop = bool(state_dict["should_stop"])
        self.epoch, self.step, self._begun = epoch, step, begun
        # Those who hold the history see what has become of it.
        self.history.clear()
        self.history.update(history)

    def _state_of_epoch(self) -> dict[str, Any] | None:
        if self._step is None:
            return None
        metrics = {name: metric.state_dict() for name, metric in self.metrics.items()}
        return {**self._step.state(), "metrics": metrics, "lr": self._rate, "loader": False}


def is_stateful(thing: Any) -> bool:
    """Return whether something has a state to be kept.

    Parameters
    ----------
    thing : object
        Anything.
    """
    return hasattr(thing, "state_dict") and hasattr(thing, "load_state_dict")
