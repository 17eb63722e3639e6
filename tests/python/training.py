"""Four models and every optimizer: the losses of fifty steps, for either library.

Weights and batches are the same for both, so the losses must be too. PyTorch's are stored.
"""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

import backend
import numpy as np
from layers import weight
from reference import FOLDER

PATH = FOLDER / "training.npz"
STEPS, BATCHES, BATCH, CLASSES = 50, 5, 12, 4
DTYPE = "float32"


def mlp(nn: Any) -> Any:
    """Two layers between which tanh is smooth."""
    return nn.Sequential(nn.Linear(10, 16), nn.Tanh(), nn.Linear(16, 16), nn.ReLU(),
                         nn.Linear(16, CLASSES))  # fmt: skip


def cnn(nn: Any) -> Any:
    """Convolutions with batch normalization and both poolings."""
    return nn.Sequential(
        nn.Conv2d(1, 4, 3, padding=1, bias=False), nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(4, 6, 3, stride=2), nn.BatchNorm2d(6), nn.ReLU(), nn.AdaptiveAvgPool2d(1),
        nn.Flatten(), nn.Linear(6, CLASSES),
    )  # fmt: skip


def lstm(nn: Any) -> Any:
    """Two layers, both directions; the last step is classified."""

    class Classifier(nn.Module):  # type: ignore[name-defined,misc]
        def __init__(self) -> None:
            super().__init__()
            self.lstm = nn.LSTM(5, 8, num_layers=2, batch_first=True, bidirectional=True)
            self.head = nn.Linear(16, CLASSES)

        def forward(self, x: Any) -> Any:
            output, _ = self.lstm(x)
            return self.head(output[:, -1])

    return Classifier()


def transformer(nn: Any) -> Any:
    """An encoder of two layers; the mean over the steps is classified."""

    class Classifier(nn.Module):  # type: ignore[name-defined,misc]
        def __init__(self) -> None:
            super().__init__()
            layer = nn.TransformerEncoderLayer(8, 2, 16, dropout=0.0, batch_first=True)
            self.encoder = nn.TransformerEncoder(layer, 2)
            self.head = nn.Linear(8, CLASSES)

        def forward(self, x: Any) -> Any:
            return self.head(self.encoder(x).mean(1))

    return Classifier()


#: Each model, and the shape of one of its inputs.
MODELS: dict[str, tuple[Callable[[Any], Any], tuple[int, ...]]] = {
    "mlp": (mlp, (10,)),
    "cnn": (cnn, (1, 9, 9)),
    "lstm": (lstm, (6, 5)),
    "transformer": (transformer, (6, 8)),
}

#: Each optimizer, and options with which it learns and does not jump about.
OPTIMIZERS: dict[str, dict[str, Any]] = {
    "SGD": {"lr": 0.05, "momentum": 0.9, "nesterov": True, "weight_decay": 1e-3},
    "Adam": {"lr": 3e-3, "amsgrad": True},
    "AdamW": {"lr": 3e-3, "weight_decay": 0.1},
    "Adamax": {"lr": 3e-3},
    "NAdam": {"lr": 3e-3},
    "RAdam": {"lr": 3e-3},
    "RMSprop": {"lr": 1e-3, "centered": True, "momentum": 0.5},
    "Adagrad": {"lr": 1e-2},
    "Adadelta": {"lr": 1.0},
    "ASGD": {"lr": 1e-2},
    "Rprop": {"lr": 1e-3},
    "Lion": {"lr": 1e-3, "weight_decay": 0.1},
    # Larger steps are chaotic: a difference in the last place is a large one ten steps on.
    "LBFGS": {"lr": 0.03, "max_iter": 2, "history_size": 4},
}


def optimizer_of(library: ModuleType, name: str) -> Any:
    """The class of an optimizer; PyTorch has no Lion, so there it is made of its formula."""
    if hasattr(library.optim, name):
        return getattr(library.optim, name)

    class Lion(library.optim.Optimizer):  # type: ignore[name-defined,misc]
        def __init__(self, params: Any, lr: float, weight_decay: float) -> None:
            super().__init__(params, {"lr": lr, "weight_decay": weight_decay})

        def step(self) -> None:
            with library.no_grad():
                for group in self.param_groups:
                    for p in group["params"]:
                        average = self.state[p].setdefault("exp_avg", library.zeros_like(p))
                        p.mul_(1 - group["lr"] * group["weight_decay"])
                        p.sub_(group["lr"] * (0.9 * average + 0.1 * p.grad).sign())
                        average.mul_(0.99).add_(0.01 * p.grad)

    return Lion


def losses(library: ModuleType, model: str, optimizer: str, lower: str | None = None) -> np.ndarray:
    """The loss before each step; with `lower`, a dtype, forward passes are of mixed precision."""
    make, shape = MODELS[model]
    module = make(library.nn)
    state = module.state_dict()
    module.load_state_dict({
        name: backend.to_tensor(library, weight(name, x), backend.dtype_name(x))
        for name, x in state.items()
    })  # fmt: skip
    random = np.random.RandomState(7)
    xs = random.standard_normal((BATCHES, BATCH, *shape)).astype(np.float32)
    ys = random.randint(0, CLASSES, (BATCHES, BATCH))
    data = [
        (backend.to_tensor(library, x, DTYPE), backend.to_tensor(library, y, "int64"))
        for x, y in zip(xs, ys, strict=True)
    ]
    device = backend.DEVICE_NAME.partition(":")[0]
    chosen = optimizer_of(library, optimizer)(module.parameters(), **OPTIMIZERS[optimizer])
    found = []
    for step in range(STEPS):
        x, y = data[step % BATCHES]

        def closure(x: Any = x, y: Any = y) -> Any:
            chosen.zero_grad()
            dtype = lower and getattr(library, lower)
            with library.autocast(device, dtype=dtype, enabled=bool(lower)):
                loss = library.nn.functional.cross_entropy(module(x), y)
            loss.backward()
            return loss

        if optimizer == "LBFGS":
            loss = chosen.step(closure)
        else:
            loss = closure()
            chosen.step()
        found.append(float(loss.item()))
    return np.array(found)


NAMES = [f"{model} {optimizer}" for model in MODELS for optimizer in OPTIMIZERS]


def observe(library: ModuleType) -> dict[str, np.ndarray]:
    """The losses of all models with all optimizers."""
    return {name: losses(library, *name.split()) for name in NAMES}
