"""Steps of optimizers: one large parameter, and many small ones."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

from lines import Function, Line, array, put


def step(
    kind: str, shapes: list[tuple[int, ...]], **options: Any
) -> Callable[[ModuleType], Function]:
    """A step of an optimizer over parameters of these shapes."""

    def make(library: ModuleType) -> Function:
        parameters = [put(library, array(*shape)).requires_grad_() for shape in shapes]
        for parameter in parameters:
            parameter.grad = put(library, array(*parameter.shape))
        optimizer = getattr(library.optim, kind)(parameters, lr=1e-6, **options)
        return lambda: optimizer.step()

    return make


def clip(shapes: list[tuple[int, ...]]) -> Callable[[ModuleType], Function]:
    """Gradients whose norm is limited: each time they are a little too long."""

    def make(library: ModuleType) -> Function:
        parameters = [put(library, array(*shape)).requires_grad_() for shape in shapes]
        for parameter in parameters:
            parameter.grad = put(library, array(*parameter.shape))
        function = library.nn.utils.clip_grad_norm_
        limit = function(parameters, float("inf")).item()

        def call() -> None:
            nonlocal limit
            limit *= 1 - 1e-6
            function(parameters, limit)

        return call

    return make


ONE = [(1024, 1024)]
MANY = [(100,)] * 100
LINES = [
    Line("Adam step, 1M elements", step("Adam", ONE), bar=0.7),
    Line("Adam step, 100 tensors of 100", step("Adam", MANY), bar=0.7),
    Line("AdamW amsgrad step, 1M elements", step("AdamW", ONE, amsgrad=True)),
    Line("SGD momentum step, 1M elements", step("SGD", ONE, momentum=0.9)),
    Line("SGD momentum step, 100 tensors of 100", step("SGD", MANY, momentum=0.9)),
    Line("RMSprop step, 1M elements", step("RMSprop", ONE)),
    Line("NAdam step, 1M elements", step("NAdam", ONE)),
    Line("Adagrad step, 1M elements", step("Adagrad", ONE)),
    Line("Adadelta step, 1M elements", step("Adadelta", ONE)),
    Line("clip_grad_norm_, 1M elements", clip(ONE)),
    Line("clip_grad_norm_, 100 tensors of 100", clip(MANY)),
]
