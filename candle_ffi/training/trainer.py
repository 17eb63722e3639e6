"""The trainer: what is fitted, with what, and how far it is."""

from __future__ import annotations

import math
import os
import warnings
from collections.abc import Callable, Iterable
from itertools import islice
from typing import Any

import numpy as np

from candle_ffi.autograd import no_grad
from candle_ffi.errors import CallbackError
from candle_ffi.nn.module import Module
from candle_ffi.optim import LBFGS, Optimizer
from candle_ffi.optim.lr_scheduler import CyclicLR, LRScheduler, OneCycleLR, ReduceLROnPlateau
from candle_ffi.training.batches import as_dataset, detached, rows_of, split, to_tensors
from candle_ffi.training.callback import Callback, Callbacks
from candle_ffi.training.evaluator import results
from candle_ffi.training.history import History
from candle_ffi.training.losses import Losses
from candle_ffi.training.metric import Given, as_metrics
from candle_ffi.training.monitor import Monitor
from candle_ffi.training.progress import progress_of
from candle_ffi.training.resumable import Resumable, is_stateful
from candle_ffi.training.step import Step

__all__ = ["Trainer"]


class Trainer(Resumable):
    """Fits a model to data by an optimizer and a loss.

    Data is whole, as in ``(x, y)``: tensors, NumPy arrays or pandas frames, which are cut into
    batches; or a dataset; or any iterable of batches, as a `DataLoader` or a list. A batch is
    ``(inputs, targets)``, or ``(first, second, targets)`` for a model of several inputs, or a
    dictionary, whose targets have a key such as ``"labels"``, and whose other values go to the
    model by their names.

    Parameters
    ----------
    model : Module
        What is fitted.
    optimizer : Optimizer
        What changes the parameters; one that was made without any gets those of the model.
    loss : callable
        ``loss(outputs, targets)``, a mean over the batch: a function or module, which may weight
        classes; without targets ``loss(outputs)``.
    metrics : list or dict of Metric or callable, optional
        What else is measured; functions of outputs and targets are averaged.
    scheduler : LRScheduler, optional
        What changes the learning rate.
    scheduler_interval : {"epoch", "step"}, optional
        When; each step for `OneCycleLR` and `CyclicLR` where it is not given, else each epoch.
    monitor : str, optional
        Which number `ReduceLROnPlateau` looks at; ``"val_loss"`` when not given, or ``"loss"``
        without validation.
    callbacks : iterable of Callback, optional
        What is called between steps and epochs.
    clip_grad_norm, clip_grad_value : float, optional
        The largest norm of all gradients together, and the largest element of each.
    accumulate_steps : int, default 1
        Of how many batches the gradients make a step; the mean over all of their rows, so that the
        step is the one of a batch as large as all of them.
    terminate_on_nan : bool, default True
        Whether a loss that is NaN or infinite ends the training with an error; on the CPU before
        it changes any parameter.
    progress : bool or {"bar", "lines"}, default True
        False for silence; True for a bar where tqdm is installed, else a line for each epoch.

    Attributes
    ----------
    history : History
        The numbers of all epochs that have ended.
    epoch, step : int
        The number of the epoch, from 1, and of the batches so far; 0 before the first.
    total_epochs : int
        The number of the epoch with which the training ends.
    num_batches : int or None
        The number of batches of an epoch, where the loader knows.
    should_stop : bool
        Whether the training ends after this epoch.
    resumed : bool
        Whether the training goes on from a checkpoint.

    Raises
    ------
    TypeError
        Something is not what it must be.
    ValueError
        An option is outside its domain.

    Notes
    -----
    As Lightning's and Keras' trainers; PyTorch has none. A subclass may define `unpack`, `forward`
    and `compute_loss` anew.

    Examples
    --------
    >>> import candle_ffi as cf
    >>> from candle_ffi.training import Accuracy, Trainer
    >>> _ = cf.manual_seed(0)
    >>> x = cf.randn(200, 2)
    >>> y = (x[:, 0] > x[:, 1]).long()
    >>> model = cf.nn.Linear(2, 2)
    >>> trainer = Trainer(
    ...     model,
    ...     cf.optim.Adam(model.parameters(), lr=0.1),
    ...     cf.nn.CrossEntropyLoss(),
    ...     metrics=[Accuracy()],
    ...     progress=False,
    ... )
    >>> history = trainer.fit((x, y), epochs=10, validation=0.2)
    >>> sorted(history), history["val_accuracy"][-1] > 0.9
    (['accuracy', 'loss', 'lr', 'val_accuracy', 'val_loss'], True)
    """

    def __init__(
        self,
        model: Module,
        optimizer: Optimizer,
        loss: Callable[..., Any],
        *,
        metrics: Given = None,
        scheduler: LRScheduler | None = None,
        scheduler_interval: str | None = None,
        monitor: str | None = None,
        callbacks: Iterable[Callback] = (),
        clip_grad_norm: float | None = None,
        clip_grad_value: float | None = None,
        accumulate_steps: int = 1,
        terminate_on_nan: bool = True,
        progress: bool | str = True,
    ) -> None:
        if not callable(model) or not hasattr(model, "parameters"):
            raise TypeError(f"Trainer: model must be a Module, not {type(model).__name__}")
        if not hasattr(optimizer, "step") or not hasattr(optimizer, "param_groups"):
            raise TypeError(
                f"Trainer: optimizer must be an Optimizer, not {type(optimizer).__name__}"
            )
        if not callable(loss) or isinstance(loss, type):
            raise TypeError(
                "Trainer: loss must be a function or a module, as cf.nn.CrossEntropyLoss(), "
                f"not {loss!r}"
            )
        if type(accumulate_steps) is not int or accumulate_steps < 1:
            raise ValueError(
                f"Trainer: accumulate_steps must be at least 1, and it is {accumulate_steps}"
            )
        if isinstance(optimizer, LBFGS) and accumulate_steps > 1:
            raise ValueError("Trainer: LBFGS computes the loss of one batch again and again")
        if scheduler_interval not in (None, "epoch", "step"):
            raise ValueError(
                f"Trainer: scheduler_interval must be 'epoch' or 'step', not {scheduler_interval!r}"
            )
        if not optimizer.param_groups:
            optimizer.add_param_group({"params": list(model.parameters())})
        super().__init__()
        self.model = model
        self.optimizer = optimizer
        self.loss = loss
        self.metrics = as_metrics(metrics)
        self.scheduler = scheduler
        if scheduler_interval is None:
            by_step = isinstance(scheduler, (OneCycleLR, CyclicLR))
            scheduler_interval = "step" if by_step else "epoch"
        self.scheduler_interval = scheduler_interval
        self.callbacks = list(callbacks)
        for callback in self.callbacks:
            if isinstance(callback, type):
                raise TypeError(
                    f"Trainer: a callback is an object such as {callback.__name__}(), not a class"
                )
        self.clip_grad_norm = clip_grad_norm
        self.clip_grad_value = clip_grad_value
        self.accumulate_steps = accumulate_steps
        self.terminate_on_nan = terminate_on_nan
        self._progress = progress_of(progress)
        self._plateau = Monitor(monitor)
        self.history = History()
        self.epoch = 0
        self.step = 0
        self.total_epochs = 0
        self.num_batches: int | None = None
        self.should_stop = False
        self.resumed = False

    def fit(
        self,
        data: Any,
        epochs: int = 1,
        *,
        validation: Any = None,
        batch_size: int = 32,
        shuffle: bool = True,
        generator: Any = None,
        resume: str | os.PathLike[str] | None = None,
    ) -> History:
        """Train, and go on where an earlier call has ended.

        Parameters
        ----------
        data : object
            Whole data, a dataset, or an iterable of batches.
        epochs : int, default 1
            How many times the data is walked.
        validation : object, optional
            Data like `data` on which loss and metrics are measured after each epoch; or, between
            0 and 1, the part of whole data that is kept for this, always the same rows.
        batch_size : int, default 32
            The rows of a batch of whole data.
        shuffle : bool, default True
            Whether whole data is walked in another order in each epoch.
        generator : Generator, optional
            The source of the order; the default one when not given.
        resume : str or path, optional
            A checkpoint, as `ModelCheckpoint` and `save_checkpoint` write it. The same call with
            it goes on to the same end, bit by bit, as the one that was interrupted.

        Returns
        -------
        History
            The numbers of all epochs.

        Raises
        ------
        NonFiniteLossError
            The loss is NaN or infinite; the message names epoch and step.
        CallbackError
            A callback has raised; the message names it.
        TypeError
            `epochs` is no whole number, or the loss no tensor of one element.
        ValueError
            There are no batches, or `epochs` is negative.
        FileError, FileFormatError
            The checkpoint cannot be read.
        StateDictError
            The checkpoint is of another training.
        """
        if not isinstance(epochs, (int, np.integer)):
            raise TypeError(f"fit: epochs must be a whole number, not {epochs!r}")
        if epochs < 0:
            raise ValueError(f"fit: epochs must not be negative, and it is {epochs}")
        epochs = int(epochs)
        dataset = as_dataset(data, self._dtype())
        if isinstance(validation, float):
            dataset, validation = split(dataset, validation)
        loader = data if dataset is None else self._cut(dataset, batch_size, shuffle, generator)
        if validation is not None:
            validation = self._batches(validation, batch_size)
        self._loader = loader
        self.should_stop, self.resumed, self._begun = False, resume is not None, self.history.epochs
        self.epoch, self._part, self._order = self._begun, None, None
        self.num_batches = len(loader) if hasattr(loader, "__len__") else None
        if resume is not None:
            self.load_checkpoint(resume)
        self.total_epochs = self._begun + epochs
        callbacks = Callbacks([*self._progress, *self.callbacks])
        try:
            self.model.train()
            callbacks.call("on_fit_begin", self)
            while self._part or (self.epoch < self.total_epochs and not self.should_stop):
                if not self._part:
                    self.epoch += 1
                self._fit_epoch(loader, validation, callbacks)
            callbacks.call("on_fit_end", self)
            if is_stateful(loader):
                self._order = loader.state_dict()
        except BaseException as error:
            # What is kept from now on begins the epoch anew.
            self._loader, self._step, self._between = None, None, False
            try:
                callbacks.call("on_exception", self, error)
            except CallbackError as failed:  # what happened first is what is told
                warnings.warn(str(failed), stacklevel=2)
            raise
        finally:
            self._loader = None
            self.epoch = self.history.epochs
        return self.history

    def stop(self) -> None:
        """End the training after this epoch."""
        self.should_stop = True

    @property
    def is_last_epoch(self) -> bool:
        """Whether the training ends with this epoch, as far as is known."""
        return self.should_stop or self.epoch >= self.total_epochs

    def _fit_epoch(self, loader: Any, validation: Any, callbacks: Callbacks) -> None:
        self._between = True
        callbacks.call("on_epoch_begin", self)
        logs = self._train(loader, callbacks)
        if validation is not None:
            callbacks.call("on_validation_begin", self)
            measured = self._measure(validation, self.metrics)
            found = {f"val_{name}": value for name, value in measured.items()}
            callbacks.call("on_validation_end", self, found)
            logs.update(found)
        logs["lr"] = self._rate
        if self.scheduler is not None and self.scheduler_interval == "epoch":
            if isinstance(self.scheduler, ReduceLROnPlateau):
                self.scheduler.step(self._plateau.value(logs))
            else:
                self.scheduler.step()
        self.history.add(logs)
        self._between = False
        callbacks.call("on_epoch_end", self, logs)

    def _train(self, loader: Any, callbacks: Callbacks) -> dict[str, Any]:
        """Walk the data once, or the rest of it; return loss and metrics."""
        place = f"epoch {self.epoch}" if self.terminate_on_nan else ""
        losses = Losses(self._read_every(), place)
        metrics = list(self.metrics.values())
        for metric in metrics:
            metric.reset()
        step = Step(self, losses)
        self._rate = float(self.optimizer.param_groups[0].get("lr", math.nan))
        if self._part:
            step.restore(self._part)
            self._rate = self._part["lr"]
            for name, state in self._part["metrics"].items():
                self.metrics[name].load_state_dict(state)
            if not self._part["loader"]:
                loader = islice(loader, step.batches, None)
        self._part, self._step, self._between = None, step, False
        listened = bool(callbacks.of["on_batch_end"])
        device = self._device()
        for batch in loader:
            inputs, targets = self.unpack(batch)
            inputs, targets = to_tensors(inputs, device), to_tensors(targets, device)
            rows = rows_of(inputs)
            outputs = step(inputs, targets, rows)
            self.step += 1
            if metrics:
                seen = detached(outputs)
                with no_grad():
                    for metric in metrics:
                        metric.update(seen, targets)
            if listened:
                callbacks.call("on_batch_end", self, {"loss": losses.last, "size": rows})
        step.finish()
        self._step, self._between = None, True
        mean = losses.mean()
        if not losses.rows:
            raise ValueError(
                f"fit: there are no batches in epoch {self.epoch}; an iterator can be walked only "
                "once: give a list, a DataLoader or arrays"
            )
        return {"loss": mean, **results(self.metrics)}

    def __repr__(self) -> str:
        return (
            f"Trainer({type(self.model).__name__}, {type(self.optimizer).__name__}, "
            f"epoch={self.epoch})"
        )
