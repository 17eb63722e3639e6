"""The two libraries side by side, on random shapes, where PyTorch is installed.

What the stored references check on small fixed inputs is checked here on larger and odder ones.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import backend
import numpy as np
import pytest
import reference
from backend import cf

torch = pytest.importorskip(
    "torch", reason="PyTorch is not installed; stored references serve instead"
)
if backend.IS_TORCH:
    pytest.skip("PyTorch would be compared with itself", allow_module_level=True)

ROUNDS = int(os.environ.get("CANDLE_FFI_PARITY_ROUNDS", "20"))
pytestmark = pytest.mark.filterwarnings("ignore:.*degrees of freedom")
Call = Callable[..., Any]


class Draw:
    """Random shapes and choices."""

    def __init__(self, seed: int) -> None:
        self.random = np.random.RandomState(seed)

    def size(self, most: int = 9) -> int:
        """Often small, now and then zero, one or large."""
        kind = self.random.randint(12)
        if kind == 0:
            return 0
        return 1 if kind < 3 else int(self.random.randint(1, most * (8 if kind == 11 else 1) + 1))

    def shape(self, rank: int | None = None, most: int = 9) -> tuple[int, ...]:
        rank = int(self.random.randint(0, 5)) if rank is None else rank
        return tuple(self.size(most) for _ in range(rank))

    def filled(self, rank: int | None = None, most: int = 9) -> tuple[int, ...]:
        """A shape without a zero."""
        return tuple(max(size, 1) for size in self.shape(rank, most))

    def broadcast(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """A shape that broadcasts to `shape`."""
        kept = shape[self.random.randint(len(shape) + 1) :]
        return tuple(1 if self.random.rand() < 0.3 else size for size in kept)

    def pick(self, choices: Any) -> Any:
        return choices[self.random.randint(len(choices))]

    def numbers(self, shape: tuple[int, ...], low: float = -3, high: float = 3) -> np.ndarray:
        return self.random.uniform(low, high, shape)

    def dims(self, rank: int) -> Any:
        """None, a number or a tuple."""
        if rank == 0 or self.random.rand() < 0.2:
            return None
        some = [int(d) for d in self.random.permutation(rank)[: self.random.randint(1, rank + 1)]]
        some = [d - rank if self.random.rand() < 0.3 else d for d in some]
        return some[0] if len(some) == 1 else tuple(some)


def answers(
    library: Any,
    call: Call,
    arrays: list[np.ndarray],
    dtype: str,
    view: int,
    indices: tuple[np.ndarray, ...],
) -> list[reference.Stored]:
    """The results and gradients of `call` in one library."""
    tensors = [laid_out(library, array, dtype, view) for array in arrays]
    extra = [library.from_numpy(array.copy()) for array in indices]
    result = call(library, *tensors, *extra)
    outputs = list(result) if isinstance(result, (list, tuple)) else [result]
    stored = [reference.Stored.of(y) for y in outputs]
    used = [(i, y) for i, y in enumerate(outputs) if y.requires_grad]
    if used:
        starts = [
            backend.to_tensor(library, reference.weights(i, tuple(y.shape)), backend.dtype_name(y))
            for i, y in used
        ]
        found = library.autograd.grad([y for _, y in used], tensors, starts, allow_unused=True)
        stored += [reference.Stored.of(g) for g in found if g is not None]
    return stored


def same(
    call: Call,
    arrays: list[np.ndarray],
    dtype: str,
    tolerance: float,
    view: int,
    indices: tuple[np.ndarray, ...] = (),
) -> None:
    """Both libraries agree, or this one is at least as near to PyTorch's answer in float64."""
    got = answers(cf, call, arrays, dtype, view, indices)
    expected = answers(torch, call, arrays, dtype, view, indices)
    assert len(got) == len(expected)
    for position, (ours, theirs) in enumerate(zip(got, expected, strict=True)):
        problem = reference.difference(ours, theirs, tolerance)
        if problem is None:
            continue
        rounded = [backend.to_numpy(backend.to_tensor(torch, array, dtype)) for array in arrays]
        exact = answers(torch, call, rounded, "float64", view, indices)[position].values
        errors = [np.abs(stored.values - exact).max() for stored in (ours, theirs)]
        assert ours.dtype == theirs.dtype and errors[0] <= errors[1], (
            f"result {position}: {problem}\nshapes {[x.shape for x in arrays]}, "
            f"errors against float64: {errors[0]:.3g}, PyTorch's {errors[1]:.3g}"
        )


def laid_out(library: Any, array: np.ndarray, dtype: str, view: int) -> Any:
    """A leaf, or a view of one with the same values."""
    if view == 1 and array.ndim > 1:
        return backend.to_tensor(library, array.swapaxes(0, -1), dtype, True).transpose(0, -1)
    if view == 2 and array.ndim:
        return backend.to_tensor(library, np.concatenate([array, array]), dtype, True)[: len(array)]
    return backend.to_tensor(library, array, dtype, True)


def elementwise(draw: Draw) -> tuple[Call, list[np.ndarray]]:
    op = draw.pick(["exp", "sin", "cos", "tanh", "sigmoid", "relu", "abs", "neg"])
    return lambda lib, x: getattr(lib, op)(x), [draw.numbers(draw.shape(most=20))]


def activation(draw: Draw) -> tuple[Call, list[np.ndarray]]:
    op = draw.pick(["gelu", "silu", "relu"])
    return lambda lib, x: getattr(lib.nn.functional, op)(x), [
        draw.numbers(draw.shape(most=20), -6, 6)
    ]


def broadcasting(draw: Draw) -> tuple[Call, list[np.ndarray]]:
    op, shape = draw.pick(["add", "sub", "mul", "div", "maximum", "minimum"]), draw.shape()
    return lambda lib, x, y: getattr(lib, op)(x, y), [
        draw.numbers(shape),
        draw.numbers(draw.broadcast(shape), 0.5, 3),
    ]


def three(draw: Draw) -> tuple[Call, list[np.ndarray]]:
    shape = draw.shape()
    arrays = [
        draw.numbers(shape),
        draw.numbers(draw.broadcast(shape)),
        draw.numbers(draw.broadcast(shape)),
    ]
    return lambda lib, c, x, y: lib.where(c > 0, x, y), arrays


def product(draw: Draw) -> tuple[Call, list[np.ndarray]]:
    m, k, n = draw.size(40), draw.size(40), draw.size(40)
    batch = draw.shape(int(draw.random.randint(0, 3)), 4)
    left = (*draw.broadcast(batch), m, k) if draw.random.rand() < 0.8 else (k,)
    right = (*batch, k, n) if draw.random.rand() < 0.8 else (k,)
    return lambda lib, x, y: x @ y, [draw.numbers(left), draw.numbers(right)]


def reduction(draw: Draw) -> tuple[Call, list[np.ndarray]]:
    op, shape = (
        draw.pick(["sum", "mean", "amax", "amin", "var", "std", "logsumexp"]),
        draw.filled(most=30),
    )
    dim, keep = draw.dims(len(shape)), bool(draw.random.randint(2))
    if dim is None and op == "logsumexp":
        dim = tuple(range(len(shape)))
    if dim is None and op in ("amax", "amin"):
        return lambda lib, x: getattr(lib, op)(x), [draw.numbers(shape)]
    if dim is None and op in ("sum", "mean"):
        return lambda lib, x: getattr(lib, op)(x), [draw.numbers(shape)]
    return lambda lib, x: getattr(lib, op)(x, dim=dim, keepdim=keep), [draw.numbers(shape)]


def selection(draw: Draw) -> tuple[Call, list[np.ndarray]]:
    op, shape = (
        draw.pick(["max", "min", "softmax", "log_softmax", "argmax"]),
        draw.filled(int(draw.random.randint(1, 4)), 30),
    )
    dim = int(draw.random.randint(-len(shape), len(shape)))
    return lambda lib, x: getattr(lib, op)(x, dim=dim), [draw.numbers(shape)]


def rearrangement(draw: Draw) -> tuple[Call, list[np.ndarray]]:
    shape = draw.filled(int(draw.random.randint(1, 5)))
    order = tuple(int(d) for d in draw.random.permutation(len(shape)))
    dim = int(draw.random.randint(len(shape)))
    pieces = int(draw.random.randint(1, 4))

    def call(lib: Any, x: Any) -> Any:
        y = x.permute(order).reshape(-1).reshape(shape)
        return [
            *lib.split(y, pieces, dim=dim),
            lib.cat([y, x * 2], dim=dim),
            lib.stack([y, x], dim=dim),
        ]

    return call, [draw.numbers(shape)]


def norm(draw: Draw) -> tuple[Call, list[np.ndarray]]:
    shape = (*draw.shape(int(draw.random.randint(1, 3))), max(draw.size(60), 4))
    arrays = [draw.numbers(shape), draw.numbers(shape[-1:]), draw.numbers(shape[-1:])]
    return lambda lib, x, w, b: lib.nn.functional.layer_norm(x, shape[-1:], w, b), arrays


def regression(draw: Draw) -> tuple[Call, list[np.ndarray]]:
    op, how, shape = (
        draw.pick(["mse_loss", "l1_loss"]),
        draw.pick(["mean", "sum", "none"]),
        draw.filled(most=20),
    )
    return lambda lib, x, y: getattr(lib.nn.functional, op)(x, y, reduction=how), [
        draw.numbers(shape),
        draw.numbers(shape),
    ]


def dense(draw: Draw) -> tuple[Call, list[np.ndarray]]:
    rows, fan_in, out = draw.size(40), max(draw.size(40), 1), max(draw.size(40), 1)
    arrays = [draw.numbers((rows, fan_in)), draw.numbers((out, fan_in)), draw.numbers((out,))]
    return lambda lib, x, w, b: lib.nn.functional.linear(x, w, b), arrays


FAMILIES = [
    elementwise, activation, broadcasting, three, product, reduction, selection, rearrangement,
    norm, regression, dense,
]  # fmt: skip


@pytest.mark.parametrize("dtype", ["float64", "float32", "bfloat16", "float16"])
@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.__name__)
def test_random_shapes(family: Callable[[Draw], tuple[Call, list[np.ndarray]]], dtype: str) -> None:
    for number in range(ROUNDS):
        draw = Draw(1000 * FAMILIES.index(family) + number)
        call, arrays = family(draw)
        same(
            call,
            arrays,
            dtype,
            tolerance=40 if family in (product, dense, reduction, norm) else 10,
            view=number % 3,
        )


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_classification(dtype: str) -> None:
    for number in range(ROUNDS):
        draw = Draw(77_000 + number)
        rows, classes = draw.size(40) or 1, max(draw.size(20), 2)
        labels = draw.random.randint(0, classes, rows)
        labels[draw.random.rand(rows) < 0.1] = -100
        labels[0] = 0
        options = {
            "reduction": draw.pick(["mean", "sum", "none"]),
            "label_smoothing": draw.pick([0.0, 0.1]),
        }

        def call(lib: Any, x: Any, target: Any, options: dict = options) -> Any:
            return lib.nn.functional.cross_entropy(x, target, **options)

        same(call, [draw.numbers((rows, classes))], dtype, 10, number % 3, (labels,))


@pytest.mark.parametrize("dtype", ["float64", "float32", "bfloat16"])
def test_lookups(dtype: str) -> None:
    for number in range(ROUNDS):
        draw = Draw(88_000 + number)
        shape = draw.filled(int(draw.random.randint(1, 4)))
        dim = int(draw.random.randint(len(shape)))
        index = draw.random.randint(0, shape[dim], draw.size(9))
        smaller = tuple(int(draw.random.randint(0, size + 1)) for size in shape)
        spread = draw.random.randint(0, shape[dim], smaller)

        def call(lib: Any, x: Any, i: Any, j: Any, dim: int = dim) -> Any:
            return [lib.index_select(x, dim, i), lib.gather(x, dim, j)]

        same(call, [draw.numbers(shape)], dtype, 4, number % 3, (index, spread))


def test_a_training_step_for_step() -> None:
    """Two networks with the same weights stay the same."""
    models = []
    for library in (torch, cf):
        nn = library.nn
        models.append(
            (
                library,
                nn.Sequential(nn.Linear(5, 16), nn.GELU(), nn.LayerNorm(16), nn.Linear(16, 3)),
            )
        )
    state = {k: v.detach().numpy().copy() for k, v in models[0][1].state_dict().items()}
    models[1][1].load_state_dict({k: cf.from_numpy(v) for k, v in state.items()})
    draw = Draw(5)
    x, labels = draw.numbers((32, 5)).astype(np.float32), draw.random.randint(0, 3, 32)
    curves = []
    for library, model in models:
        optimizer = library.optim.SGD(
            model.parameters(), lr=0.1, momentum=0.9, nesterov=True, weight_decay=1e-3
        )
        curve = []
        for _ in range(50):
            optimizer.zero_grad()
            out = model(library.from_numpy(x.copy()))
            loss = library.nn.functional.cross_entropy(out, library.from_numpy(labels.copy()))
            loss.backward()
            optimizer.step()
            curve.append(loss.item())
        curves.append(curve)
    np.testing.assert_allclose(curves[1], curves[0], rtol=1e-4, atol=1e-5)
