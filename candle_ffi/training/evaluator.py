"""What a model makes of data, and how good that is: measuring and predicting, without training."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from candle_ffi.autograd import no_grad
from candle_ffi.data import DataLoader
from candle_ffi.dtype import DType
from candle_ffi.nn.module import Module
from candle_ffi.training.batches import (
    as_dataset,
    is_several,
    joined,
    rows_of,
    split_batch,
    to_tensors,
)
from candle_ffi.training.losses import Losses
from candle_ffi.training.metric import Given, Metric, as_metrics, as_number

__all__ = ["Evaluator", "results"]

#: How many losses of a device are read at a time.
_READ_EVERY: Final = 32


class Evaluator:
    """The part of a trainer that looks at a model and does not change it."""

    model: Module
    loss: Callable[..., Any]
    metrics: dict[str, Metric]

    def unpack(self, batch: Any) -> tuple[Any, Any]:
        """Return inputs and targets of a batch.

        Parameters
        ----------
        batch : object
            What the loader gives.

        Returns
        -------
        inputs : Tensor, tuple or dict
            The input, or several, or those that have names.
        targets : object
            The targets; None where there are none.
        """
        return split_batch(batch)

    def forward(self, inputs: Any) -> Any:
        """Return what the model makes of inputs.

        Parameters
        ----------
        inputs : Tensor, tuple or dict
            The input, or several, or those that have names.
        """
        if isinstance(inputs, tuple) and is_several(inputs):
            return self.model(*inputs)
        if isinstance(inputs, dict):
            return self.model(**inputs)
        return self.model(inputs)

    def compute_loss(self, outputs: Any, targets: Any) -> Any:
        """Return the loss of a batch, a mean over its rows.

        Parameters
        ----------
        outputs, targets : object
            What the model has made of the inputs, and what is right.
        """
        return self.loss(outputs) if targets is None else self.loss(outputs, targets)

    def evaluate(
        self, data: Any, *, metrics: Given = None, batch_size: int = 256
    ) -> dict[str, Any]:
        """Measure loss and metrics in evaluation mode and without gradients.

        Parameters
        ----------
        data : object
            Whole data, a dataset, or an iterable of batches.
        metrics : list or dict of Metric or callable, optional
            What is measured; that of the training when not given.
        batch_size : int, default 256
            The rows of a batch of whole data.

        Returns
        -------
        dict of str to object
            ``"loss"``, the mean over all rows, and the metrics by their names.

        Raises
        ------
        ValueError
            There are no batches.

        Examples
        --------
        >>> import candle_ffi as cf
        >>> from candle_ffi.training import MeanAbsoluteError, Trainer
        >>> model = cf.nn.Linear(1, 1)
        >>> trainer = Trainer(model, cf.SGD(model.parameters()), cf.mse_loss)
        >>> sorted(trainer.evaluate((cf.ones(4, 1), cf.ones(4, 1)), metrics=[MeanAbsoluteError()]))
        ['loss', 'mean_absolute_error']
        """
        wanted = self.metrics if metrics is None else as_metrics(metrics)
        return self._measure(self._batches(data, batch_size), wanted)

    def _measure(self, loader: Any, metrics: Mapping[str, Metric]) -> dict[str, Any]:
        # Metrics of their own, since this may happen in the middle of an epoch.
        own = {name: metric.clone() for name, metric in metrics.items()}
        losses = Losses(self._read_every())
        device = self._device()
        with _evaluating(self.model), no_grad():
            for number, batch in enumerate(loader, start=1):
                inputs, targets = self.unpack(batch)
                inputs, targets = to_tensors(inputs, device), to_tensors(targets, device)
                outputs = self.forward(inputs)
                losses.add(self.compute_loss(outputs, targets), rows_of(inputs), number)
                for metric in own.values():
                    metric.update(outputs, targets)
        mean = losses.mean()
        if not losses.rows:
            raise ValueError(
                "evaluate: there are no batches; an iterator can be walked only once: give a list, "
                "a DataLoader or arrays"
            )
        return {"loss": mean, **results(own)}

    def predict(self, data: Any, *, batch_size: int = 256) -> Any:
        """Return what the model makes of all rows, in evaluation mode and without gradients.

        Parameters
        ----------
        data : object
            Whole data, a dataset, or an iterable of batches, with targets as `fit` takes it, or
            inputs alone: ``x``; ``((first, second),)`` for a model of several.
        batch_size : int, default 256
            The rows of a batch of whole data.

        Returns
        -------
        Tensor, tuple or dict
            The results of the batches, joined.

        Raises
        ------
        ValueError
            There are no batches.
        """
        device = self._device()
        parts = []
        with _evaluating(self.model), no_grad():
            for batch in self._batches(data, batch_size):
                inputs, _ = self.unpack(batch)
                parts.append(self.forward(to_tensors(inputs, device)))
        if not parts:
            raise ValueError("predict: there are no batches")
        return joined(parts)

    def _cut(self, dataset: Any, batch_size: int, shuffle: bool, generator: Any = None) -> Any:
        # The thread that makes batches ahead also brings them to the model's device.
        return DataLoader(
            dataset,
            batch_size=batch_size,
            shuffle=shuffle,
            generator=generator,
            device=self._device(),
        )

    def _batches(self, data: Any, batch_size: int) -> Any:
        """Return the batches of data, in its order."""
        dataset = as_dataset(data, self._dtype())
        return data if dataset is None else self._cut(dataset, batch_size, shuffle=False)

    def _dtype(self) -> DType | None:
        """Return the dtype of the model: that of its first parameter of floats."""
        for parameter in self.model.parameters():
            if parameter.is_floating_point():
                return parameter.dtype
        return None

    def _device(self) -> Any:
        """Return the device of the model; None for the CPU."""
        parameter = next(self.model.parameters(), None)
        return None if parameter is None or parameter.device.type == "cpu" else parameter.device

    def _read_every(self) -> int:
        return 1 if self._device() is None else _READ_EVERY


class _evaluating:  # noqa: N801  # reads as a verb
    """A scope in which a model is in evaluation mode; then each part is as it was."""

    def __init__(self, model: Module) -> None:
        self._model = model

    def __enter__(self) -> None:
        self._before = [(module, module.training) for module in self._model.modules()]
        self._model.eval()

    def __exit__(self, *exception: object) -> None:
        for module, training in self._before:
            module.training = training


def results(metrics: Mapping[str, Metric]) -> dict[str, Any]:
    """Return what metrics have gathered, by their names.

    Parameters
    ----------
    metrics : mapping of str to Metric
        The metrics.

    Returns
    -------
    dict of str to object
        Their results; numbers are Python's.
    """
    return {name: as_number(metric.compute()) for name, metric in metrics.items()}
