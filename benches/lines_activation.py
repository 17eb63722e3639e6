"""Activations, dropout and losses: forward and backward over a million elements."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np
from lines import Function, Line, array

SIZE = 1_000_000


def _step(call: Callable[[Any, Any], Any]) -> Callable[[ModuleType], Function]:
    """Forward and backward of `call(functional, x)`."""

    def make(library: ModuleType) -> Function:
        x = library.from_numpy(array(SIZE)).requires_grad_()
        grad = library.from_numpy(array(SIZE))

        def step() -> None:
            x.grad = None
            call(library.nn.functional, x).backward(grad)

        return step

    return make


def _loss(call: Callable[[Any, Any, Any], Any]) -> Callable[[ModuleType], Function]:
    """Forward and backward of `call(functional, x, target)` with numbers between 0 and 1."""

    def make(library: ModuleType) -> Function:
        generator = np.random.RandomState(0)
        x, target = (
            library.from_numpy(generator.uniform(0.05, 0.95, SIZE).astype(np.float32))
            for _ in range(2)
        )
        x.requires_grad_()

        def step() -> None:
            x.grad = None
            call(library.nn.functional, x, target).backward()

        return step

    return make


def _ctc(library: ModuleType) -> Function:
    logits = library.from_numpy(array(100, 16, 30)).requires_grad_()
    targets = library.from_numpy(np.random.RandomState(0).randint(1, 30, (16, 20)))
    functional = library.nn.functional

    def step() -> None:
        logits.grad = None
        log_probs = functional.log_softmax(logits, -1)
        functional.ctc_loss(log_probs, targets, (100,) * 16, (20,) * 16).backward()

    return step


LINES = [
    *[
        Line(f"{name} and its gradient, 1M", _step(call), 0.7)
        for name, call in (
            ("leaky_relu", lambda f, x: f.leaky_relu(x)),
            ("elu", lambda f, x: f.elu(x)),
            ("mish", lambda f, x: f.mish(x)),
            ("softplus", lambda f, x: f.softplus(x)),
            ("hardswish", lambda f, x: f.hardswish(x)),
            ("dropout", lambda f, x: f.dropout(x, 0.5)),
        )
    ],
    *[
        Line(f"{name} and its gradient, 1M", _loss(call), 0.7)
        for name, call in (
            ("smooth_l1_loss", lambda f, x, t: f.smooth_l1_loss(x, t)),
            ("binary_cross_entropy", lambda f, x, t: f.binary_cross_entropy(x, t)),
            (
                "binary_cross_entropy_with_logits",
                lambda f, x, t: f.binary_cross_entropy_with_logits(x, t),
            ),
            ("kl_div", lambda f, x, t: f.kl_div(x, t, reduction="sum")),
        )
    ],
    Line("log_softmax and ctc_loss with gradient, 100 steps x 16 x 30", _ctc, 0.7),
]
