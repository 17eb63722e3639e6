"""What is called while a trainer trains."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, Final

from candle_ffi.errors import CallbackError

if TYPE_CHECKING:
    from candle_ffi.training.trainer import Trainer

__all__ = ["Callback", "Callbacks"]


class Callback:
    """Base of what is called while a trainer trains; a subclass defines the methods that it needs.

    All are called with the trainer, which tells ``trainer.epoch`` (from 1), ``trainer.step`` (the
    batches so far), ``trainer.history``, ``trainer.model``, and takes ``trainer.stop()``.

    Notes
    -----
    As the callbacks of Keras and Lightning; PyTorch has none.

    Examples
    --------
    >>> import candle_ffi as cf
    >>> from candle_ffi.training import Callback, Trainer
    >>> class Tell(Callback):
    ...     def on_epoch_end(self, trainer, logs):
    ...         print(f"epoch {trainer.epoch}: {sorted(logs)}")
    >>> model = cf.nn.Linear(1, 1)
    >>> trainer = Trainer(
    ...     model, cf.SGD(model.parameters()), cf.mse_loss, callbacks=[Tell()], progress=False
    ... )
    >>> _ = trainer.fit([(cf.ones(4, 1), cf.ones(4, 1))], epochs=1)
    epoch 1: ['loss', 'lr']
    """

    #: Callbacks of a higher order are called later; those of the same in the order of the list.
    order: int = 0

    def on_fit_begin(self, trainer: Trainer) -> None:
        """Before the first epoch, after a checkpoint was loaded."""

    def on_fit_end(self, trainer: Trainer) -> None:
        """After the last epoch, but not after an exception."""

    def on_exception(self, trainer: Trainer, error: BaseException) -> None:
        """When anything has raised, Ctrl-C included; the exception goes on afterwards."""

    def on_epoch_begin(self, trainer: Trainer) -> None:
        """Before the first batch of an epoch."""

    def on_batch_end(self, trainer: Trainer, logs: dict[str, Any]) -> None:
        """After each batch; `logs` has its ``"loss"``, and ``"size"``, the number of its rows."""

    def on_validation_begin(self, trainer: Trainer) -> None:
        """After the last batch of an epoch, before its validation."""

    def on_validation_end(self, trainer: Trainer, logs: dict[str, Any]) -> None:
        """After the validation of an epoch; `logs` has its numbers, as ``"val_loss"``."""

    def on_epoch_end(self, trainer: Trainer, logs: dict[str, Any]) -> None:
        """After an epoch, its validation and the schedule; `logs` has all of its numbers."""

    def state_dict(self) -> dict[str, Any]:
        """Return what a checkpoint keeps of the callback: numbers, texts, lists and tensors."""
        return {}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on where `state_dict` was called.

        Parameters
        ----------
        state_dict : dict
            What `state_dict` returned.
        """


HOOKS: Final = tuple(name for name in vars(Callback) if name.startswith("on_"))


class Callbacks:
    """The callbacks of a trainer, and for each method those that define it.

    Parameters
    ----------
    callbacks : iterable of Callback
        The callbacks.
    """

    def __init__(self, callbacks: Iterable[Any]) -> None:
        self.all: list[Any] = sorted(callbacks, key=lambda each: getattr(each, "order", 0))
        self.of: dict[str, list[tuple[Any, Callable[..., Any]]]] = {}
        for hook in HOOKS:
            methods = [(each, getattr(each, hook, None)) for each in self.all]
            self.of[hook] = [
                (each, method)
                for each, method in methods
                if method is not None
                and getattr(method, "__func__", None) is not getattr(Callback, hook)
            ]

    def call(self, hook: str, trainer: Trainer, *args: Any) -> None:
        """Call a method of those callbacks that define it.

        Parameters
        ----------
        hook : str
            The name of the method.
        trainer : Trainer
            What it is called with.
        *args
            What it is called with besides.

        Raises
        ------
        CallbackError
            A callback has raised; what it has raised is the cause.
        """
        for callback, method in self.of[hook]:
            try:
                method(trainer, *args)
            except Exception as error:
                raise CallbackError(
                    f"{type(callback).__name__}.{hook} failed in epoch {trainer.epoch}, step "
                    f"{trainer.step}: {type(error).__name__}: {error}"
                ) from error

    def state_dict(self) -> dict[str, dict[str, Any]]:
        """Return the states of the callbacks that have one, by their names."""
        states = {name: each.state_dict() for name, each in self._named() if _is_stateful(each)}
        return {name: state for name, state in states.items() if state}

    def load_state_dict(self, states: dict[str, dict[str, Any]]) -> None:
        """Give back the states of those callbacks that are here now.

        Parameters
        ----------
        states : dict of str to dict
            What `state_dict` returned.
        """
        for name, each in self._named():
            if name in states and _is_stateful(each):
                each.load_state_dict(states[name])

    def _named(self) -> list[tuple[str, Any]]:
        """Return the callbacks with names: that of the class, and a number from the second on."""
        named: dict[str, Any] = {}
        for each in self.all:
            kind = type(each).__name__
            count = sum(type(other).__name__ == kind for other in named.values())
            named[kind if count == 0 else f"{kind}-{count + 1}"] = each
        return list(named.items())


def _is_stateful(callback: Any) -> bool:
    return hasattr(callback, "state_dict") and hasattr(callback, "load_state_dict")
