"""The end of a training that has stopped to get better."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from candle_ffi.tensor import Tensor
from candle_ffi.training.callback import Callback
from candle_ffi.training.monitor import Monitor

if TYPE_CHECKING:
    from candle_ffi.training.trainer import Trainer

__all__ = ["EarlyStopping"]


class EarlyStopping(Callback):
    """Stop when a number has not become better for some epochs.

    Parameters
    ----------
    monitor : str, optional
        The name of the number; ``"val_loss"`` when not given, or ``"loss"`` without validation.
    mode : {"auto", "min", "max"}, default "auto"
        Whether lower or higher is better; by the name for ``"auto"``.
    patience : int, default 5
        How many epochs in a row may pass without a better value before training stops.
    min_delta : float, default 0.0
        By how much a value must be better to count.
    restore_best : bool, default False
        Whether the model gets back the weights of its best epoch when the training ends, early or
        not.

    Attributes
    ----------
    best : float or None
        The best value.
    best_epoch : int
        Its epoch; 0 before the first.
    stopped_epoch : int
        The epoch after which training was stopped; 0 where it was not.

    Raises
    ------
    ValueError
        The mode is unknown, or `patience` or `min_delta` is negative.

    Notes
    -----
    `keras.callbacks.EarlyStopping`; PyTorch has no such thing.

    Examples
    --------
    >>> import candle_ffi as cf
    >>> from candle_ffi.training import EarlyStopping, Trainer
    >>> model = cf.nn.Linear(1, 1)
    >>> stopping = EarlyStopping(patience=2)
    >>> trainer = Trainer(
    ...     model, cf.SGD(model.parameters(), lr=0.0), cf.mse_loss,
    ...     callbacks=[stopping], progress=False,
    ... )
    >>> trainer.fit([(cf.ones(4, 1), cf.ones(4, 1))], epochs=100).epochs
    3
    """

    def __init__(
        self,
        monitor: str | None = None,
        mode: str = "auto",
        patience: int = 5,
        min_delta: float = 0.0,
        restore_best: bool = False,
    ) -> None:
        if patience < 0:
            raise ValueError(f"patience must not be negative, and it is {patience}")
        self._monitor = Monitor(monitor, mode, min_delta)
        self.patience = patience
        self.restore_best = restore_best
        self._begin()

    def _begin(self) -> None:
        self._monitor.best = None
        self.best_epoch = 0
        self.stopped_epoch = 0
        self._waited = 0
        self._weights: dict[str, Tensor] = {}

    @property
    def best(self) -> float | None:
        """The best value."""
        return self._monitor.best

    def on_fit_begin(self, trainer: Trainer) -> None:
        """Forget an earlier training, unless this one goes on with it."""
        if not trainer.resumed:
            self._begin()

    def on_epoch_end(self, trainer: Trainer, logs: dict[str, Any]) -> None:
        """Look at the number."""
        if self._monitor.update(logs):
            self.best_epoch = trainer.epoch
            self._waited = 0
            if self.restore_best:
                self._weights = {
                    name: tensor.detach().clone()
                    for name, tensor in trainer.model.state_dict().items()
                }
            return
        self._waited += 1
        if self._waited >= self.patience:
            self.stopped_epoch = trainer.epoch
            trainer.stop()

    def on_fit_end(self, trainer: Trainer) -> None:
        """Give the model its best weights back."""
        if self.restore_best and self._weights:
            trainer.model.load_state_dict(self._weights)

    def state_dict(self) -> dict[str, Any]:
        """Return the best value, its epoch and weights, and how long there was no better one."""
        return {
            "best": self.best,
            "best_epoch": self.best_epoch,
            "stopped_epoch": self.stopped_epoch,
            "waited": self._waited,
            "weights": dict(self._weights),
        }

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on where `state_dict` was called.

        Parameters
        ----------
        state_dict : dict
            What `state_dict` returned.
        """
        self._monitor.best = state_dict["best"]
        self.best_epoch = int(state_dict["best_epoch"])
        self.stopped_epoch = int(state_dict["stopped_epoch"])
        self._waited = int(state_dict["waited"])
        self._weights = dict(state_dict.get("weights", {}))
