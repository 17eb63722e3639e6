"""A step of a training: gradients of a batch or several, clipped, and the optimizer's step."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

from candle_ffi.autograd import no_grad
from candle_ffi.nn.utils import clip_grad_norm_, clip_grad_value_
from candle_ffi.optim import LBFGS
from candle_ffi.tensor import Tensor
from candle_ffi.training.losses import Losses

if TYPE_CHECKING:
    from candle_ffi.training.trainer import Trainer

__all__ = ["Step"]


class Step:
    """The steps of one epoch.

    Parameters
    ----------
    trainer : Trainer
        Whose model is trained.
    losses : Losses
        Where the losses go.
    """

    def __init__(self, trainer: Trainer, losses: Losses) -> None:
        self._trainer = trainer
        self._optimizer = trainer.optimizer
        self._losses = losses
        self._accumulate = trainer.accumulate_steps
        self._searching = isinstance(trainer.optimizer, LBFGS)
        self._clipping = trainer.clip_grad_norm is not None or trainer.clip_grad_value is not None
        by_step = trainer.scheduler_interval == "step"
        self._scheduler: Any = trainer.scheduler if by_step else None
        self.batches = 0
        self._waiting = 0  # batches whose gradients are there, but no step yet
        self._first = 0  # rows of the first of these
        self._weight = 0.0  # rows of all of them, in those of the first
        self._looked = trainer.epoch > 1  # at the shapes

    @property
    def is_whole(self) -> bool:
        """Whether no batch waits for others."""
        return self._waiting == 0

    def state(self) -> dict[str, Any]:
        """Return how far the epoch is."""
        return {"batches": self.batches, "losses": self._losses.state()}

    def restore(self, state: dict[str, Any]) -> None:
        """Go on where `state` was called.

        Parameters
        ----------
        state : dict
            What it returned.
        """
        self.batches = state["batches"]
        self._losses.restore(state["losses"])

    def __call__(self, inputs: Any, targets: Any, rows: int) -> Any:
        """Take in a batch.

        Parameters
        ----------
        inputs, targets : object
            The batch.
        rows : int
            The number of its rows.

        Returns
        -------
        object
            What the model has made of it.
        """
        number = self.batches = self.batches + 1
        if self._searching:
            return self._search(inputs, targets, rows, number)
        trainer = self._trainer
        outputs = trainer.forward(inputs)
        loss = trainer.compute_loss(outputs, targets)
        if not self._looked:
            self._look(outputs, targets)
        self._losses.add(loss, rows, number)
        if self._waiting == 0:
            self._optimizer.zero_grad()
        if self._accumulate == 1:
            loss.backward()
            self._update()
            return outputs
        # Weighted by rows, so that the step is that of one batch with all of them.
        if self._waiting == 0:
            self._first, self._weight = rows, 0.0
        weight = rows / self._first
        (loss * weight).backward()
        self._weight += weight
        self._waiting += 1
        if self._waiting == self._accumulate:
            self.finish()
        return outputs

    def finish(self) -> None:
        """Make the step of those batches that wait for more."""
        if self._waiting:
            with no_grad():
                for parameter in self._parameters():
                    if (gradient := parameter.grad) is not None:
                        gradient.mul_(1.0 / self._weight)
            self._waiting = 0
            self._update()

    def _update(self) -> None:
        if self._clipping:
            self._clip()
        self._optimizer.step()
        if self._scheduler is not None:
            self._scheduler.step()

    def _search(self, inputs: Any, targets: Any, rows: int, number: int) -> Any:
        """Make a step of an optimizer that computes the loss several times."""
        trainer = self._trainer
        first: list[Any] = []

        def closure() -> Tensor:
            self._optimizer.zero_grad()
            outputs = trainer.forward(inputs)
            loss: Tensor = trainer.compute_loss(outputs, targets)
            if not first:
                first.append(outputs)
                self._losses.add(loss, rows, number)
                if not self._looked:
                    self._look(outputs, targets)
            loss.backward()
            if self._clipping:
                self._clip()
            return loss

        self._optimizer.step(closure)
        if self._scheduler is not None:
            self._scheduler.step()
        return first[0]

    def _clip(self) -> None:
        trainer, parameters = self._trainer, self._parameters()
        if trainer.clip_grad_value is not None:
            clip_grad_value_(parameters, trainer.clip_grad_value)
        if trainer.clip_grad_norm is not None:
            clip_grad_norm_(parameters, trainer.clip_grad_norm)

    def _parameters(self) -> list[Tensor]:
        return [each for group in self._optimizer.param_groups for each in group["params"]]

    def _look(self, outputs: Any, targets: Any) -> None:
        """Warn of a column against a vector, which broadcast to a matrix."""
        self._looked = True
        if not isinstance(outputs, Tensor) or not isinstance(targets, Tensor):
            return
        pair = tuple(outputs.shape), tuple(targets.shape)
        one, other = pair
        if targets.is_floating_point() and (one == (*other, 1) or other == (*one, 1)):
            warnings.warn(
                f"the outputs have shape {one} and the targets {other}: most losses take each with "
                "each; reshape one of them, as in y.reshape(-1, 1)",
                stacklevel=5,
            )
