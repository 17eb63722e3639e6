"""Averages of weights: a model beside the one that is trained."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable
from copy import deepcopy
from typing import Any

from candle_ffi.autograd import no_grad
from candle_ffi.creation import tensor
from candle_ffi.device import Device
from candle_ffi.dtype import int64
from candle_ffi.nn.module import Module
from candle_ffi.optim.lr_scheduler.base import LRScheduler, per_group
from candle_ffi.optim.optimizer import Optimizer
from candle_ffi.tensor import Tensor

__all__ = [
    "SWALR",
    "AveragedModel",
    "get_ema_avg_fn",
    "get_ema_multi_avg_fn",
    "get_swa_avg_fn",
    "get_swa_multi_avg_fn",
    "update_bn",
]

Average = Callable[[Tensor, Tensor, Any], Any]
ManyAverages = Callable[[list[Tensor], list[Tensor], Any], Any]


def get_ema_avg_fn(decay: float = 0.999) -> Average:
    """Return a function that takes the exponential moving average of weights.

    Parameters
    ----------
    decay : float, default 0.999
        How much of the average stays, from 0 to 1.

    Returns
    -------
    callable
        For the `avg_fn` of `AveragedModel`.

    Raises
    ------
    ValueError
        The decay is not from 0 to 1.

    Notes
    -----
    `torch.optim.swa_utils.get_ema_avg_fn`
    """
    _check_decay(decay)

    def ema_update(ema_param: Tensor, current_param: Tensor, num_averaged: Any) -> Tensor:
        with no_grad():
            updated: Tensor = decay * ema_param + (1 - decay) * current_param
        return updated

    return ema_update


def get_swa_avg_fn() -> Average:
    """Return a function that takes the mean of all weights so far.

    Returns
    -------
    callable
        For the `avg_fn` of `AveragedModel`.

    Notes
    -----
    `torch.optim.swa_utils.get_swa_avg_fn`
    """

    def swa_update(averaged_param: Tensor, current_param: Tensor, num_averaged: Any) -> Tensor:
        with no_grad():
            difference = current_param - averaged_param
            updated: Tensor = averaged_param + difference / (num_averaged + 1)
        return updated

    return swa_update


def get_ema_multi_avg_fn(decay: float = 0.999) -> ManyAverages:
    """Return a function that changes a list of averages to the exponential moving ones.

    Parameters
    ----------
    decay : float, default 0.999
        How much of the average stays, from 0 to 1.

    Returns
    -------
    callable
        For the `multi_avg_fn` of `AveragedModel`.

    Raises
    ------
    ValueError
        The decay is not from 0 to 1.

    Notes
    -----
    `torch.optim.swa_utils.get_ema_multi_avg_fn`
    """
    _check_decay(decay)

    def ema_update(ema_param_list: list[Tensor], current_param_list: list[Tensor], _: Any) -> None:
        with no_grad():
            for average, now in zip(ema_param_list, current_param_list, strict=True):
                if average.dtype.is_floating_point:
                    average.add_((now - average) * (1 - decay))
                else:
                    average.copy_(average * decay + now * (1 - decay))

    return ema_update


def get_swa_multi_avg_fn() -> ManyAverages:
    """Return a function that changes a list of averages to the means of all weights so far.

    Returns
    -------
    callable
        For the `multi_avg_fn` of `AveragedModel`.

    Notes
    -----
    `torch.optim.swa_utils.get_swa_multi_avg_fn`
    """

    def swa_update(
        averaged_param_list: list[Tensor], current_param_list: list[Tensor], num_averaged: Any
    ) -> None:
        part = 1 / (float(num_averaged) + 1)
        with no_grad():
            for average, now in zip(averaged_param_list, current_param_list, strict=True):
                if average.dtype.is_floating_point:
                    average.add_((now - average) * part)
                else:
                    average.copy_(average + (now - average) * part)

    return swa_update


def _check_decay(decay: float) -> None:
    if decay < 0.0 or decay > 1.0:
        raise ValueError(
            f"Invalid decay value {decay} provided. Please provide a value in [0,1] range."
        )


class AveragedModel(Module):
    """A copy of a model whose weights are averages of that model's weights.

    Parameters
    ----------
    model : Module
        The model.
    device : Device or str, optional
        Where the averages are kept; where the model is by default.
    avg_fn : callable, optional
        ``avg_fn(average, weight, number)`` returns the new average of a weight; the mean of all by
        default.
    multi_avg_fn : callable, optional
        ``multi_avg_fn(averages, weights, number)`` changes all averages in place.
    use_buffers : bool, default False
        Whether buffers are averaged too; they are copied otherwise.

    Notes
    -----
    `torch.optim.swa_utils.AveragedModel`

    Examples
    --------
    >>> import candle_ffi as cf
    >>> from candle_ffi.optim.swa_utils import AveragedModel, get_ema_avg_fn
    >>> model = cf.nn.Linear(2, 1)
    >>> average = AveragedModel(model, avg_fn=get_ema_avg_fn(0.9))
    >>> average.update_parameters(model)
    >>> average(cf.ones(1, 2)).shape
    (1, 1)
    """

    n_averaged: Tensor

    def __init__(
        self,
        model: Module,
        device: Device | str | None = None,
        avg_fn: Average | None = None,
        multi_avg_fn: ManyAverages | None = None,
        use_buffers: bool = False,
    ) -> None:
        super().__init__()
        if avg_fn is not None and multi_avg_fn is not None:
            raise AssertionError("Only one of avg_fn and multi_avg_fn should be provided")
        self.module = deepcopy(model)
        if device is not None:
            self.module = self.module.to(device)
        self.register_buffer("n_averaged", tensor(0, dtype=int64, device=device))
        self.avg_fn = avg_fn
        self.multi_avg_fn = multi_avg_fn
        self.use_buffers = use_buffers

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """Compute with the averages.

        Parameters
        ----------
        *args, **kwargs
            What the model takes.
        """
        return self.module(*args, **kwargs)

    def update_parameters(self, model: Module) -> None:
        """Take the weights of a model into the averages.

        Parameters
        ----------
        model : Module
            The model that is trained.
        """
        averages, weights = self._pairs(model)
        number = int(self.n_averaged.item())
        with no_grad():
            if number == 0:
                for average, weight in zip(averages, weights, strict=True):
                    average.copy_(weight)
            elif self.avg_fn is not None:
                for average, weight in zip(averages, weights, strict=True):
                    average.copy_(self.avg_fn(average, weight, self.n_averaged.to(average.device)))
            else:
                (self.multi_avg_fn or get_swa_multi_avg_fn())(averages, weights, self.n_averaged)
            if not self.use_buffers:
                for kept, now in zip(self.module.buffers(), model.buffers(), strict=True):
                    kept.detach().copy_(now.detach().to(kept.device))
            self.n_averaged.add_(1)

    def _pairs(self, model: Module) -> tuple[list[Tensor], list[Tensor]]:
        """Return the averages, and what they are averages of on the same devices."""

        def of(module: Module) -> list[Tensor]:
            buffers = module.buffers() if self.use_buffers else ()
            return [part.detach() for part in itertools.chain(module.parameters(), buffers)]

        averages, weights = of(self.module), of(model)
        if len(averages) != len(weights):
            raise ValueError(
                f"update_parameters: the model has {len(weights)} weights, and the one that was "
                f"given first {len(averages)}"
            )
        return averages, [w.to(a.device) for a, w in zip(averages, weights, strict=True)]


def update_bn(loader: Iterable[Any], model: Module, device: Device | str | None = None) -> None:
    """Compute the running statistics of batch normalisation anew.

    Parameters
    ----------
    loader : iterable
        Batches; of a list or tuple, the first part is the input of the model.
    model : Module
        The model.
    device : Device or str, optional
        Where the inputs are moved to.

    Notes
    -----
    `torch.optim.swa_utils.update_bn`
    """
    norms: list[Any] = [module for module in model.modules() if _is_batch_norm(module)]
    momenta = [module.momentum for module in norms]
    if not norms:
        return
    was_training = model.training
    for module in norms:
        module.reset_running_stats()
        # The mean over all batches.
        module.momentum = None
    model.train()
    try:
        with no_grad():
            for batch in loader:
                found = batch[0] if isinstance(batch, (list, tuple)) else batch
                model(found if device is None else found.to(device))
    finally:
        for module, momentum in zip(norms, momenta, strict=True):
            module.momentum = momentum
        model.train(was_training)


def _is_batch_norm(module: Module) -> bool:
    return any("BatchNorm" in kind.__name__ for kind in type(module).__mro__) and hasattr(
        module, "reset_running_stats"
    )


class SWALR(LRScheduler):
    """Lets the learning rate go to one value, and stay there.

    Parameters
    ----------
    optimizer : Optimizer
        The optimizer.
    swa_lr : float or list of float
        The last learning rate, for all groups or for each.
    anneal_epochs : int, default 10
        The number of steps until then.
    anneal_strategy : str, default "cos"
        ``"cos"`` for the curve of a cosine, ``"linear"`` for a straight line.
    last_epoch : int, default -1
        The number of the last step before; -1 to begin.

    Raises
    ------
    ValueError
        The strategy is unknown, or `anneal_epochs` is negative.

    Notes
    -----
    `torch.optim.swa_utils.SWALR`. Source: Izmailov and others, "Averaging weights leads to wider
    optima and better generalization", 2018.

    Examples
    --------
    >>> import candle_ffi as cf
    >>> optimizer = cf.optim.SGD([cf.ones(1, requires_grad=True)], lr=1.0)
    >>> schedule = cf.optim.swa_utils.SWALR(optimizer, swa_lr=0.5, anneal_epochs=1)
    >>> optimizer.step()
    >>> schedule.step()
    >>> schedule.get_last_lr()
    [0.5]
    """

    def __init__(
        self,
        optimizer: Optimizer,
        swa_lr: float | list[float],
        anneal_epochs: int = 10,
        anneal_strategy: str = "cos",
        last_epoch: int = -1,
    ) -> None:
        rates = per_group("swa_lr", optimizer, swa_lr)
        for group, rate in zip(optimizer.param_groups, rates, strict=True):
            group["swa_lr"] = rate
        if anneal_strategy not in ("cos", "linear"):
            raise ValueError(
                f"anneal_strategy must be one of 'cos' or 'linear', instead got {anneal_strategy}"
            )
        if not isinstance(anneal_epochs, int) or anneal_epochs < 0:
            raise ValueError(f"anneal_epochs must be equal or greater than 0, got {anneal_epochs}")
        self._anneal_strategy = anneal_strategy
        self.anneal_epochs = anneal_epochs
        super().__init__(optimizer, last_epoch)

    def _share(self, step: float) -> float:
        """Return how much of the last learning rate is in that of a step."""
        part = max(0, min(1, step / max(1, self.anneal_epochs)))
        return part if self._anneal_strategy == "linear" else (1 - math.cos(math.pi * part)) / 2

    def get_lr(self) -> list[float]:
        """Return the learning rates after this step."""
        self._warn_outside_step()
        step = self._step_count - 1
        if self.anneal_epochs == 0:
            step = max(1, step)
        before, now = self._share(step - 1), self._share(step)
        lrs = []
        for group in self.optimizer.param_groups:
            last = group["swa_lr"]
            # What the learning rate was in the beginning, from what it is now.
            first = last if before == 1 else (group["lr"] - before * last) / (1 - before)
            lrs.append(last * now + first * (1 - now))
        return lrs
