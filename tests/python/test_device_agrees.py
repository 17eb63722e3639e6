"""A device computes what the CPU does, for layouts and numbers that the tables do not have."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import backend
import devices
import numpy as np
import pytest
from backend import cf
from counting import Counts

pytestmark = pytest.mark.skipif(backend.IS_CPU, reason="compares another device with the CPU")

DEVICE = backend.DEVICE_NAME
TOLERANCE = {"float16": 2e-3, "bfloat16": 1.6e-2, "float32": 4e-6, "float64": 1e-13}
SPECIAL = [
    0.0,
    -0.0,
    float("inf"),
    -float("inf"),
    float("nan"),
    1.0,
    -1.0,
    0.5,
    1e-30,
    3e38,
    2.5,
    -2.5,
]
#: Numbers without room in some dtype.
WIDE = [*SPECIAL, 300.7, -1e10, 1e20, 464.0, 480.0, 0.3, 0.001, 0.0019, 65520.0]


def drawn(shape: tuple[int, ...], dtype: str, low: float = -3.0) -> Any:
    """A tensor of the CPU; `low` is where its numbers begin."""
    numbers = np.random.default_rng(len(shape)).uniform(low, 3.0, shape)
    if dtype in backend.INTEGERS or dtype in ("uint32", "bool"):
        numbers = np.floor(numbers if dtype not in ("uint8", "uint32") else np.abs(numbers))
    return cf.tensor(numbers, dtype=cf.float64, device="cpu").to(backend.dtype(cf, dtype))


def layouts(tensor: Any) -> Iterator[Any]:
    """A matrix as it is, turned, with steps, and from its second row on."""
    yield tensor
    yield tensor.t()
    yield tensor[:, ::2]
    yield tensor[1:]


def agree(function: Callable[..., Any], *inputs: Any, exact: bool = False) -> None:
    """Assert that results on the device are those of the CPU."""
    here, there = function(*inputs), function(*(tensor.to(DEVICE) for tensor in inputs))
    devices.check_place(there)
    assert (here.dtype, here.shape) == (there.dtype, there.shape)
    expected, found = backend.to_numpy(here), backend.to_numpy(there.to("cpu"))
    tolerance = 0.0 if exact else TOLERANCE.get(backend.dtype_name(here), 0.0)
    np.testing.assert_allclose(found, expected, rtol=tolerance, atol=tolerance, equal_nan=True)


UNARY = [
    "neg",
    "abs",
    "sign",
    "square",
    "sqrt",
    "rsqrt",
    "reciprocal",
    "exp",
    "expm1",
    "log",
    "log1p",
    "sin",
    "cos",
    "tanh",
    "sigmoid",
    "relu",
    "erf",
    "floor",
    "ceil",
    "round",
    "trunc",
]


@pytest.mark.parametrize("dtype", backend.FLOATS)
@pytest.mark.parametrize("name", UNARY)
def test_functions_of_any_layout(name: str, dtype: str) -> None:
    """Values without gaps, with gaps, of odd lengths, none, and special ones."""
    low = 0.1 if name in ("sqrt", "rsqrt", "log", "log1p", "reciprocal") else -3.0
    for view in layouts(drawn((5, 7), dtype, low)):
        agree(getattr(cf, name), view)
    agree(getattr(cf, name), drawn((0, 3), dtype))
    agree(getattr(cf, name), cf.tensor(SPECIAL, device="cpu").to(backend.dtype(cf, dtype)))


BINARY = [
    "add",
    "sub",
    "mul",
    "div",
    "maximum",
    "minimum",
    "pow",
    "remainder",
    "floor_divide",
    "eq",
    "ne",
    "lt",
    "le",
    "gt",
    "ge",
]
SHAPES = [
    ((5, 7), (5, 7)),
    ((5, 7), (7,)),
    ((5, 1), (1, 7)),
    ((5, 7), ()),
    ((), (5, 7)),
    ((0, 3), (3,)),
    ((), ()),
]


@pytest.mark.parametrize("dtype", backend.NUMBERS)
@pytest.mark.parametrize("name", BINARY)
def test_pairs_of_any_layout(name: str, dtype: str) -> None:
    """Shapes that broadcast, strides, and numbers of the host, which travel with the launch."""
    function = getattr(cf, name)
    low = 0.6 if name == "pow" else -3.0
    for left, right in SHAPES:
        agree(function, drawn(left, dtype, low), drawn(right, dtype, 1.0))
    for left in layouts(drawn((8, 8), dtype, low)):
        for right in layouts(drawn((8, 8), dtype, 1.0)):
            if left.shape == right.shape:
                agree(function, left, right)
    for number in (2, 3, 0.5):
        agree(lambda x, number=number: function(x, number), drawn((5, 7), dtype, low))
    agree(lambda x: function(cf.tensor(2, device="cpu"), x), drawn((5, 7), dtype, 1.0))


@pytest.mark.parametrize("name", BINARY)
def test_pairs_of_special_numbers(name: str) -> None:
    """Each with each: infinities, NaN, zeros of both signs."""
    special = cf.tensor(SPECIAL, dtype=cf.float64, device="cpu")
    agree(lambda x: getattr(cf, name)(x.reshape(-1, 1), x.reshape(1, -1)), special)


@pytest.mark.parametrize("dtype", backend.INTEGERS)
def test_integers_wrap_and_are_not_divided_by_zero(dtype: str) -> None:
    """The least number by -1, and an error for a zero wherever it is."""
    kind = np.iinfo(dtype)
    edge = cf.tensor(np.array([kind.min, kind.max, kind.min], dtype), device="cpu")
    minus = cf.tensor(np.array([-1, -1, 2]).astype(dtype), device="cpu")
    for name in ("add", "sub", "mul", "floor_divide", "remainder"):
        agree(getattr(cf, name), edge, minus)
    divisor = cf.tensor(np.array([1, 0, 3], dtype), device=DEVICE)
    for zero in (divisor, 0):
        with pytest.raises(ValueError, match="zero"):
            cf.floor_divide(edge.to(DEVICE), zero)


@pytest.mark.parametrize("source", backend.ALL)
def test_conversions_are_those_of_the_cpu(source: str) -> None:
    """Bit for bit, also where a number has no room."""
    values = (
        drawn((5, 7), source) if source in backend.BOOL + backend.INTEGERS + ("uint32",) else None
    )
    if values is None:
        wide = np.array(WIDE if source in ("float32", "float64") else SPECIAL * 2)
        values = (
            cf.tensor(wide[:20], dtype=cf.float64, device="cpu")
            .to(backend.dtype(cf, source))
            .reshape(4, 5)
        )
    for target in backend.ALL:
        for view in layouts(values):
            agree(lambda x, target=target: x.to(backend.dtype(cf, target)), view, exact=True)


@pytest.mark.parametrize("dtype", ["uint8", "float16", "float32", "float64"])
def test_copies_of_any_order(dtype: str) -> None:
    """Every order of three dimensions, whole squares and parts of them, steps, and repetition."""
    values = drawn((3, 40, 50), dtype)
    for order in [(0, 1, 2), (0, 2, 1), (1, 0, 2), (1, 2, 0), (2, 0, 1), (2, 1, 0)]:
        agree(lambda x, order=order: x.permute(*order).contiguous(), values, exact=True)
    agree(lambda x: x[:, ::3, 1:].contiguous(), values, exact=True)
    agree(lambda x: x[:1].expand(4, 40, 50).contiguous(), values, exact=True)
    for diagonal in (-1, 0, 2):
        agree(lambda x, diagonal=diagonal: cf.tril(x, diagonal), values, exact=True)
        agree(lambda x, diagonal=diagonal: cf.triu(x, diagonal), values, exact=True)


@pytest.mark.parametrize("dtype", ["int64", "float16", "float32"])
def test_views_are_changed_in_place(dtype: str) -> None:
    """What is written into a strided view arrives, and nothing else changes."""

    def change(x: Any) -> Any:
        result = x.clone()
        result[1:, ::2, 3] = x[:2, ::2, 4]
        result[:, 1] = x[:, 2, :]
        result.permute(2, 0, 1)[3:7] = x.permute(2, 0, 1)[4:8]
        result[:, :, 5].fill_(2)
        result[:, ::2] *= 2
        result.permute(2, 0, 1)[1] -= x.permute(2, 0, 1)[2]
        result[:, :, ::7] += x[:, :, ::7]
        return result

    agree(change, drawn((3, 8, 20), dtype))


@pytest.mark.parametrize("dtype", backend.FLOATS)
@pytest.mark.parametrize("before", [0, 3])
def test_random_numbers_are_those_of_the_cpu(dtype: str, before: int) -> None:
    """Bit for bit: wherever a generator stands, and however many are drawn."""

    def draw(device: str) -> list[np.ndarray]:
        cf.manual_seed(5)
        cf.rand(before, device=device)
        options: dict[str, Any] = {"dtype": backend.dtype(cf, dtype), "device": device}
        made = [make(count, **options) for count in (1, 2, 3, 4097) for make in (cf.rand, cf.randn)]
        made.append(cf.randint(-5, 1000, (777,), device=device))
        return [backend.to_numpy(tensor.to("cpu")) for tensor in made]

    for expected, found in zip(draw("cpu"), draw(DEVICE), strict=True):
        np.testing.assert_array_equal(found, expected)


OPTIMIZERS: dict[str, list[dict[str, Any]]] = {
    "SGD": [{"lr": 0.1}, {"lr": 0.1, "momentum": 0.9, "nesterov": True, "weight_decay": 0.1}],
    "Adam": [{"weight_decay": 0.1}, {"amsgrad": True, "maximize": True}],
    "AdamW": [{}],
    "Adamax": [{}],
    "NAdam": [{}],
    "RAdam": [{}],
    "RMSprop": [{}, {"momentum": 0.9}, {"centered": True}, {"momentum": 0.9, "centered": True}],
    "Adagrad": [{}],
    "Adadelta": [{}],
    "Rprop": [{}],
    "ASGD": [{"t0": 2, "weight_decay": 0.1}],
}


def stepped(
    name: str, options: dict[str, Any], device: str, dtype: str, sizes: list[int], steps: int
) -> list[Any]:
    """Parameters after some steps, with gradients that depend on them."""
    params = [drawn((size,), dtype).to(device).requires_grad_() for size in sizes]
    optimizer = getattr(cf.optim, name)(params, **options)
    for _ in range(steps):
        optimizer.zero_grad()
        sum(
            ((param * param).sum() for param in params), start=cf.zeros((), device=device)
        ).backward()
        optimizer.step()
    return [backend.to_numpy(param.to("cpu")) for param in params]


@pytest.mark.parametrize("dtype", ["float32", "float64", "bfloat16"])
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_optimizers_step_as_on_the_cpu(name: str, dtype: str) -> None:
    """Parameters of one element, of none, of more than a block does at a time."""
    tolerance = {"float32": 1e-4, "float64": 1e-10, "bfloat16": 2e-2}[dtype]
    for options in OPTIMIZERS[name]:
        sizes = [1, 0, 7, 4097]
        expected = stepped(name, options, "cpu", dtype, sizes, 7)
        for here, there in zip(
            expected, stepped(name, options, DEVICE, dtype, sizes, 7), strict=True
        ):
            np.testing.assert_allclose(there, here, rtol=tolerance, atol=tolerance)


def test_one_launch_steps_all_parameters(counts: Counts) -> None:
    """As many launches as tables of 90 parameters, and nothing that waits."""
    params = [cf.ones(5, device=DEVICE).requires_grad_() for _ in range(100)]
    for param in params:
        param.grad = cf.ones(5, device=DEVICE)
    optimizer = cf.optim.Adam(params, lr=0.5)
    optimizer.step()
    counts.reset()
    optimizer.step()
    assert [counts[what] for what in ("launch", "synchronize", "host_to_device")] == [2, 0, 0]
    for param in params:
        np.testing.assert_allclose(backend.to_numpy(param.to("cpu")), 0.0, atol=1e-6)


def test_clipping_does_not_wait(counts: Counts) -> None:
    """The norm of gradients of several dtypes is the CPU's, and stays on the device."""

    def clipped(device: str) -> list[Any]:
        params = [
            drawn((size,), dtype).to(device)
            for size in (3, 5000)
            for dtype in ("float32", "float64")
        ]
        for param in params:
            param.grad = param.clone()
            param.requires_grad_()
        norm = cf.nn.utils.clip_grad_norm_(params, 1.0)
        return [norm, *(param.grad for param in params)]

    clipped(DEVICE)
    counts.reset()
    there = clipped(DEVICE)
    assert counts["device_to_host"] == 0
    for expected, found in zip(clipped("cpu"), there, strict=True):
        np.testing.assert_allclose(
            backend.to_numpy(found.to("cpu")), backend.to_numpy(expected), rtol=1e-5, atol=1e-7
        )
