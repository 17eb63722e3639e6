"""From the parameters of an estimator to a network, its optimizer and its schedule."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from typing import Any, Final

from candle_ffi import nn, optim
from candle_ffi.dtype import DType
from candle_ffi.nn.module import Module
from candle_ffi.optim import Optimizer
from candle_ffi.optim.lr_scheduler import CosineAnnealingLR, LRScheduler, ReduceLROnPlateau
from candle_ffi.tensor import Tensor

__all__ = ["make_module", "make_optimizer", "make_scheduler", "weights_of"]

ACTIVATIONS: Final[dict[str, Callable[[], Module]]] = {
    "identity": nn.Identity,
    "logistic": nn.Sigmoid,
    "tanh": nn.Tanh,
    "relu": nn.ReLU,
    "gelu": nn.GELU,
    "silu": nn.SiLU,
}
SOLVERS: Final = ("adam", "adamw", "sgd", "lbfgs")
RATES: Final = ("constant", "cosine", "adaptive")


def make_module(
    module: Any,
    hidden_layer_sizes: Any,
    activation: Any,
    inputs: Any,
    outputs: int,
    dtype: DType,
) -> Module:
    """Return an untrained network.

    Parameters
    ----------
    module : Module or callable, optional
        One's own network, of which a copy is returned; or ``module(inputs, outputs)`` that makes
        one.
    hidden_layer_sizes : sequence of int or int
        The layers between input and output, where `module` is not given.
    activation : str or callable
        What follows each of them: a name, or a class of modules.
    inputs : int or tuple of int
        The number of features, or the shape of a row.
    outputs : int
        The number of outputs.
    dtype : DType
        The dtype of the parameters, where `module` is not given.

    Returns
    -------
    Module
        The network.

    Raises
    ------
    TypeError
        `module` is no network and makes none.
    ValueError
        A layer has no unit, or the activation is unknown.
    """
    if isinstance(module, Module):
        return copy.deepcopy(module)
    if module is not None:
        made = module(inputs, outputs)
        if not isinstance(made, Module):
            raise TypeError(f"module(inputs, outputs) made a {type(made).__name__}, not a Module")
        return made
    sizes = hidden_layer_sizes
    sizes = list(sizes) if isinstance(sizes, Sequence) or hasattr(sizes, "__iter__") else [sizes]
    if any(size < 1 for size in sizes):
        raise ValueError(f"hidden_layer_sizes must be > 0, got {sizes}.")
    kind = ACTIVATIONS.get(activation) if isinstance(activation, str) else activation
    if not callable(kind):
        raise ValueError(f"activation must be one of {sorted(ACTIVATIONS)}, not {activation!r}")
    layers: list[Module] = []
    before = inputs
    for size in sizes:
        layers += [nn.Linear(before, size), kind()]
        before = size
    return nn.Sequential(*layers, nn.Linear(before, outputs)).to(dtype)


def weights_of(module: Module) -> list[Tensor]:
    """Return what is kept small: the parameters but for biases and the like.

    Parameters
    ----------
    module : Module
        The network.

    Returns
    -------
    list of Tensor
        The parameters of two and more dimensions.
    """
    return [each for each in module.parameters() if each.ndim > 1]


def make_optimizer(
    solver: Any, module: Module, rate: float, momentum: float, decay: float
) -> Optimizer:
    """Return an optimizer of a network.

    Parameters
    ----------
    solver : str or callable
        The name; or ``solver(groups)``, which is given groups of parameters with their
        ``weight_decay``.
    module : Module
        The network.
    rate, momentum, decay : float
        The learning rate; what SGD keeps of its last step; how much weights shrink.

    Returns
    -------
    Optimizer
        The optimizer.

    Raises
    ------
    ValueError
        The solver is unknown.
    """
    groups = [
        {"params": weights_of(module), "weight_decay": decay},
        {"params": [each for each in module.parameters() if each.ndim < 2], "weight_decay": 0.0},
    ]
    groups = [group for group in groups if group["params"]]
    if solver == "adam":
        return optim.Adam(groups, lr=rate)
    if solver == "adamw":
        # Here the decay is times the learning rate, as in the other solvers.
        return optim.AdamW(groups, lr=rate)
    if solver == "sgd":
        return optim.SGD(groups, lr=rate, momentum=momentum, nesterov=momentum > 0)
    if solver == "lbfgs":
        # An epoch is one iteration, with as many evaluations as its search along a line takes.
        return optim.LBFGS(
            module.parameters(),
            max_iter=1,
            max_eval=25,
            history_size=10,
            line_search_fn="strong_wolfe",
        )
    if not callable(solver):
        raise ValueError(f"solver must be one of {sorted(SOLVERS)} or a function, not {solver!r}")
    made = solver(groups)
    if not isinstance(made, Optimizer):
        raise TypeError(f"solver(groups) made a {type(made).__name__}, not an Optimizer")
    return made


def make_scheduler(learning_rate: str, optimizer: Optimizer, epochs: int) -> LRScheduler | None:
    """Return what changes the learning rate from epoch to epoch.

    Parameters
    ----------
    learning_rate : {"constant", "cosine", "adaptive"}
        How.
    optimizer : Optimizer
        Whose learning rate.
    epochs : int
        The most epochs.

    Returns
    -------
    LRScheduler or None
        The schedule; None where nothing changes.

    Raises
    ------
    ValueError
        It is none of these.
    """
    if learning_rate not in RATES:
        raise ValueError(f"learning_rate must be one of {sorted(RATES)}, not {learning_rate!r}")
    if learning_rate == "cosine":
        return CosineAnnealingLR(optimizer, max(epochs, 1))
    if learning_rate == "adaptive":
        return ReduceLROnPlateau(optimizer, factor=0.2, patience=2)
    return None
