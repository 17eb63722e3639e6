"""Lines of recurrent layers: LSTM and GRU, forward and a training step."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType

from lines import Function, Line, array

STEPS, BATCH, INPUT, HIDDEN = 64, 32, 64, 128


def training(
    kind: str, hidden: int = HIDDEN, batch: int = BATCH
) -> Callable[[ModuleType], Function]:
    """A training step: forward, mean squared error of all outputs, backward, SGD."""

    def make(library: ModuleType) -> Function:
        model = getattr(library.nn, kind)(INPUT, hidden)
        optimizer = library.optim.SGD(model.parameters(), lr=0.01)
        x = library.from_numpy(array(STEPS, batch, INPUT))
        target = library.from_numpy(array(STEPS, batch, hidden))

        def step() -> None:
            optimizer.zero_grad()
            library.nn.functional.mse_loss(model(x)[0], target).backward()
            optimizer.step()

        return step

    return make


def forward(kind: str) -> Callable[[ModuleType], Function]:
    """The outputs alone, without a graph."""

    def make(library: ModuleType) -> Function:
        model = getattr(library.nn, kind)(INPUT, HIDDEN).eval()
        x = library.from_numpy(array(STEPS, BATCH, INPUT))

        def run() -> None:
            with library.no_grad():
                model(x)

        return run

    return make


def cell(library: ModuleType) -> Function:
    """One step of a cell."""
    model = library.nn.LSTMCell(INPUT, HIDDEN)
    x = library.from_numpy(array(BATCH, INPUT))

    def run() -> None:
        with library.no_grad():
            model(x)

    return run


LINES = [
    Line("training step, LSTM 128, 64 steps, batch 32", training("LSTM"), 0.7),
    Line("training step, GRU 128, 64 steps, batch 32", training("GRU"), 0.7),
    Line("training step, LSTM 16, 64 steps, batch 2", training("LSTM", 16, 2), 0.7),
    Line("LSTM 128, 64 steps, batch 32", forward("LSTM"), 0.7),
    Line("GRU 128, 64 steps, batch 32", forward("GRU"), 0.7),
    Line("LSTM cell 128, batch 32", cell),
]
