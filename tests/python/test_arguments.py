"""Arguments at the border of what is allowed: what is refused, and what is not, as in PyTorch.

With PyTorch as the backend the same tables say that it refuses and accepts the same.
"""

# ruff: noqa: E501 (one row is one line)

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import backend
import pytest
from backend import cf

F = cf.nn.functional
NAN, INF = float("nan"), float("inf")


def image() -> Any:
    return cf.arange(16.0).reshape(1, 1, 4, 4)


def volume() -> Any:
    return cf.ones(1, 1, 4, 4, 4)


def halves(*shape: int) -> Any:
    return cf.full(shape or (2,), 0.5)


def margin(*labels: int) -> Any:
    return F.multilabel_margin_loss(cf.tensor([[0.1, 0.2, 0.4, 0.8]]), cf.tensor([labels]))


def ctc(inputs: Any, targets: Any) -> Any:
    return F.ctc_loss(cf.zeros(4, 1, 3).log_softmax(-1), cf.tensor([[1, 2]]), inputs, targets)


def binary(target: Any, **options: Any) -> Any:
    return F.binary_cross_entropy(halves(), target, **options)


def logits(**options: Any) -> Any:
    return F.binary_cross_entropy_with_logits(halves(), halves(), **options)


def classes(**options: Any) -> Any:
    probabilities = cf.tensor([[0.5, 0.5], [0.1, 0.9]])
    return F.cross_entropy(probabilities, probabilities, **options)


REFUSED: list[tuple[str, Callable[[], Any], str, str]] = [
    ("uniform from beyond float32", lambda: cf.zeros(2).uniform_(-1e39, 0.0), "InvalidArgumentError", "float32"),
    ("uniform to beyond float32", lambda: cf.zeros(2).uniform_(0.0, 1e39), "InvalidArgumentError", "1e39"),
    ("uniform over more than float32", lambda: cf.zeros(2).uniform_(-3e38, 3e38), "InvalidArgumentError", "distance"),
    ("uniform to beyond float16", lambda: cf.zeros(2, dtype=cf.float16).uniform_(0.0, 1e5), "InvalidArgumentError", "65504|6.5504e4"),
    ("uniform over more than float16", lambda: cf.zeros(2, dtype=cf.float16).uniform_(-4e4, 4e4), "InvalidArgumentError", "float16"),
    ("uniform to beyond bfloat16", lambda: cf.zeros(2, dtype=cf.bfloat16).uniform_(0.0, 1e39), "InvalidArgumentError", "bfloat16"),
    ("uniform over more than float64", lambda: cf.zeros(2, dtype=cf.float64).uniform_(-1e308, 1e308), "InvalidArgumentError", "float64"),
    ("uniform from NaN", lambda: cf.zeros(2).uniform_(NAN, 1.0), "InvalidArgumentError", "NaN"),
    ("uniform, initial, from NaN", lambda: cf.nn.init.uniform_(cf.zeros(2), NAN, 1.0), "InvalidArgumentError", "NaN"),
    ("truncated normal of integers", lambda: cf.nn.init.trunc_normal_(cf.zeros(2, 2, dtype=cf.int64)), "DTypeError", "int64"),
    ("truncated normal of bools", lambda: cf.nn.init.trunc_normal_(cf.zeros(2, 2, dtype=cf.bool)), "DTypeError", "bool"),
    ("truncated normal from NaN", lambda: cf.nn.init.trunc_normal_(cf.zeros(2), a=NAN), "ValueError", "nan"),
    ("truncated normal to NaN", lambda: cf.nn.init.trunc_normal_(cf.zeros(2), b=NAN), "ValueError", "nan"),
    ("truncated normal to below its beginning", lambda: cf.nn.init.trunc_normal_(cf.zeros(2), a=1.5, b=0.5), "ValueError", "1.5 and 0.5"),
    ("orthogonal of integers", lambda: cf.nn.init.orthogonal_(cf.zeros(2, 2, dtype=cf.int64)), "DTypeError", "int64"),
    ("orthogonal of bools", lambda: cf.nn.init.orthogonal_(cf.zeros(2, 2, dtype=cf.bool)), "DTypeError", "bool"),
    ("pooling by the power 0, one dimension", lambda: F.lp_pool1d(cf.ones(1, 1, 4), 0, 2), "InvalidArgumentError", "norm_type"),
    ("pooling by the power 0, two dimensions", lambda: F.lp_pool2d(image(), 0.0, 2), "InvalidArgumentError", "norm_type"),
    ("pooling by the power 0, three dimensions", lambda: F.lp_pool3d(volume(), 0.0, 2), "InvalidArgumentError", "norm_type"),
    ("lengths of steps that are floats", lambda: ctc([4.0], [2]), "TypeError", "integer"),
    ("lengths of targets that are floats", lambda: ctc([4], [2.5]), "TypeError", "integer"),
    ("a tensor of lengths of floats", lambda: ctc(cf.tensor([4.0]), cf.tensor([2])), "DTypeError", "input_lengths.*float32"),
    ("a tensor of lengths of bools", lambda: ctc(cf.tensor([4]), cf.tensor([True])), "DTypeError", "target_lengths.*bool"),
    ("a target of NaN", lambda: binary(cf.tensor([NAN, 1.0])), "InvalidArgumentError", "target.*probabilities"),
    ("an infinite target", lambda: binary(cf.tensor([INF, 1.0])), "InvalidArgumentError", "target.*probabilities"),
    ("a target above 1", lambda: binary(cf.tensor([2.0, 1.0])), "InvalidArgumentError", "target.*from 1 to 2"),
    ("a target below 0", lambda: binary(cf.tensor([-1.0, 1.0])), "InvalidArgumentError", "target.*from -1 to 1"),
    ("an input of NaN", lambda: F.binary_cross_entropy(cf.tensor([NAN, 1.0]), halves()), "InvalidArgumentError", "input.*probabilities"),
    ("a weight of more dimensions", lambda: binary(halves(), weight=cf.ones(3, 2)), "ShapeError", r"weight.*\[3, 2\].*\[2\]"),
    ("a weight of one more dimension", lambda: binary(halves(), weight=cf.ones(1, 2)), "ShapeError", r"weight.*\[1, 2\]"),
    ("a weight of more, no reduction", lambda: binary(halves(), weight=cf.ones(3, 2), reduction="none"), "ShapeError", "weight"),
    ("a weight of more elements", lambda: F.binary_cross_entropy(halves(1), halves(1), weight=cf.ones(3)), "ShapeError", r"weight.*\[3\]"),
    ("logits, a weight of more dimensions", lambda: logits(weight=cf.ones(3, 2)), "ShapeError", r"weight.*\[3, 2\]"),
    ("logits, a pos_weight of more dimensions", lambda: logits(pos_weight=cf.ones(1, 2)), "ShapeError", r"pos_weight.*\[1, 2\]"),
    ("a label below -1", lambda: margin(3, 0, -2, 1), "CandleIndexError", "-2"),
    ("a label below -1 behind the end", lambda: margin(3, 0, -1, -2), "CandleIndexError", "-2"),
    ("a label that is no class behind the end", lambda: margin(3, -1, -1, 4), "CandleIndexError", "4 classes"),
    ("one size for two dimensions", lambda: F.interpolate(image(), size=(2,)), "InvalidArgumentError", "size.* 2 spatial"),
    ("one factor for two dimensions", lambda: F.interpolate(image(), scale_factor=[2.0]), "InvalidArgumentError", "scale_factor.* 2 spatial"),
    ("one size for two dimensions, a layer", lambda: cf.nn.Upsample(size=(2,))(image()), "InvalidArgumentError", "size.* 2 spatial"),
    ("one size for two dimensions, averages", lambda: F.adaptive_avg_pool2d(image(), (2,)), "InvalidArgumentError", r"output_size.*\(2,\)"),
    ("one size for two dimensions, maxima", lambda: F.adaptive_max_pool2d(image(), [2]), "InvalidArgumentError", r"output_size.*\(2,\)"),
    ("one size for three dimensions, averages", lambda: F.adaptive_avg_pool3d(volume(), (2,)), "InvalidArgumentError", "output_size"),
    ("one size for three dimensions, maxima", lambda: F.adaptive_max_pool3d(volume(), (2,)), "InvalidArgumentError", "output_size"),
    ("one size for two dimensions, a layer of averages", lambda: cf.nn.AdaptiveAvgPool2d((2,))(image()), "InvalidArgumentError", "output_size"),
    ("probabilities, and a class to ignore", lambda: classes(ignore_index=1), "InvalidArgumentError", "ignore_index 1"),
    ("filling beyond the end", lambda: cf.index_fill(cf.zeros(3), 0, cf.tensor([3]), 1.0), "CandleIndexError", "3"),
    ("filling before the beginning", lambda: cf.index_fill(cf.zeros(3), 0, cf.tensor([0, -4]), 1.0), "CandleIndexError", "-4"),
    ("bags without width of a number that is not there", lambda: F.embedding_bag(cf.tensor([[0, 9]]), cf.zeros(3, 0)), "CandleIndexError", "9"),
    ("root mean square of integers", lambda: F.rms_norm(cf.tensor([[1, 7]]), [2], cf.ones(2)), "DTypeError", "int64"),
]  # fmt: skip


@pytest.mark.parametrize(
    "call, error, message", [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED]
)
def test_refused(call: Callable[[], Any], error: str, message: str) -> None:
    if backend.IS_TORCH:
        with pytest.raises((RuntimeError, ValueError, TypeError, IndexError)):
            call()
        return
    kind = getattr(cf, error, None) or {"ValueError": ValueError, "TypeError": TypeError}[error]
    with pytest.raises(kind, match=message):
        call()


ACCEPTED: list[tuple[str, Callable[[], Any], Any]] = [
    ("pooling by an infinite power", lambda: F.lp_pool1d(cf.tensor([[-3.0, 1.0, 2.0, 4.0]]), INF, 2), [[3.0, 4.0]]),
    ("pooling by the least power", lambda: F.lp_pool1d(cf.tensor([[-3.0, 1.0, 2.0, 4.0]]), -INF, 2), [[1.0, 2.0]]),
    ("in two dimensions", lambda: F.lp_pool2d(-image(), INF, 2, stride=(1, 2)), [[[[5.0, 7.0], [9.0, 11.0], [13.0, 15.0]]]]),
    ("in three dimensions", lambda: F.lp_pool3d(-volume(), -INF, 3, ceil_mode=True), [[[[[1.0, 1.0]] * 2] * 2]]),
    ("labels up to -1", lambda: margin(3, 0, -1, 1), pytest.approx(0.85)),
    ("one size", lambda: F.interpolate(image(), 2), [[[[0.0, 2.0], [8.0, 10.0]]]]),
    ("one factor", lambda: F.interpolate(image(), scale_factor=0.5), [[[[0.0, 2.0], [8.0, 10.0]]]]),
    ("one size for one dimension", lambda: F.interpolate(cf.tensor([[[1.0, 2.0]]]), (1,)), [[[1.0]]]),
    ("windows of one size", lambda: F.adaptive_avg_pool2d(image(), 1), [[[[7.5]]]]),
    ("windows of the input's size", lambda: F.adaptive_max_pool2d(image(), (1, None)), [[[[12.0, 13.0, 14.0, 15.0]]]]),
    ("probabilities, with the class that is ignored by default", lambda: classes(ignore_index=-100), pytest.approx(0.57212394)),
    ("probabilities, with another one below 0", lambda: classes(ignore_index=-1), pytest.approx(0.57212394)),
    ("filling from the end", lambda: cf.index_fill(cf.zeros(3), 0, cf.tensor([-1, 0]), 1.0), [1.0, 0.0, 1.0]),
    ("filling from the end of columns", lambda: cf.index_fill(cf.zeros(2, 3), -1, cf.tensor([-3]), 1.0), [[1.0, 0.0, 0.0]] * 2),
    ("filling from the end in place", lambda: cf.zeros(3).index_fill_(0, cf.tensor([-3]), 1.0), [1.0, 0.0, 0.0]),
    ("filling a number", lambda: cf.index_fill(cf.tensor(5.0), 0, cf.tensor([-1]), 1.0), 1.0),
    ("bags without width, sums", lambda: F.embedding_bag(cf.tensor([[0, 1]]), cf.zeros(3, 0), mode="sum"), [[]]),
    ("bags without width, means", lambda: F.embedding_bag(cf.tensor([[0, 1]]), cf.zeros(3, 0), mode="mean"), [[]]),
    ("bags without width, maxima", lambda: F.embedding_bag(cf.tensor([[0, 1]]), cf.zeros(3, 0), mode="max"), [[]]),
    ("a weight of one element", lambda: binary(halves(), weight=cf.ones(1)), pytest.approx(0.6931472)),
    ("targets of both ends", lambda: binary(cf.tensor([0.0, 1.0])), pytest.approx(0.6931472)),
]  # fmt: skip


@pytest.mark.parametrize(
    "call, expected", [row[1:] for row in ACCEPTED], ids=[row[0] for row in ACCEPTED]
)
def test_accepted(call: Callable[[], Any], expected: Any) -> None:
    assert call().tolist() == expected


@pytest.mark.parametrize("weight", ["float64", "float32", "float16", "int64"])
@pytest.mark.parametrize("name", ["float64", "float32", "float16", "bfloat16"])
def test_the_weight_of_a_root_mean_square_may_have_another_dtype(name: str, weight: str) -> None:
    x = cf.tensor([[1.0, 7.0], [3.0, 4.0]]).to(getattr(cf, name)).requires_grad_()
    factors = cf.tensor([1.5, 2.0]).to(getattr(cf, weight))
    factors.requires_grad_(factors.dtype.is_floating_point)
    result = F.rms_norm(x, [2], factors)
    assert result.dtype == x.dtype
    exact = cf.tensor([[1.0, 7.0], [3.0, 4.0]], dtype=cf.float64).requires_grad_()
    scale = factors.detach().double().requires_grad_()
    wanted = exact / (exact.square().mean(-1, keepdim=True)).sqrt() * scale
    rounding = {"float64": 1e-6, "float32": 1e-6, "float16": 2e-3, "bfloat16": 1e-2}
    for output, inputs in ((result, (x, factors)), (wanted, (exact, scale))):
        (output * cf.tensor([[1.0, -2.0], [0.5, 3.0]]).to(output.dtype)).sum().backward()
        assert inputs[0].grad.dtype == inputs[0].dtype
    pairs = [(result, wanted), (x.grad, exact.grad)]
    if factors.requires_grad:
        assert factors.grad.dtype == factors.dtype
        pairs.append((factors.grad, scale.grad))
    bound = max(rounding[name], rounding.get(weight, 0.0))
    for found, right in pairs:
        close = cf.allclose(found.detach().double(), right.detach(), rtol=bound, atol=bound)
        assert close, (found, right)


@pytest.mark.skipif(backend.IS_TORCH, reason="PyTorch has no gradient of that")
def test_filling_from_the_end_has_a_gradient() -> None:
    x = cf.ones(3, requires_grad=True)
    value = cf.tensor(2.0, requires_grad=True)
    (cf.index_fill(x, 0, cf.tensor([-1]), value) * cf.tensor([1.0, 2.0, 3.0])).sum().backward()
    assert (x.grad.tolist(), value.grad.tolist()) == ([1.0, 2.0, 0.0], 3.0)


@pytest.mark.skipif(
    backend.IS_TORCH, reason="PyTorch takes one bag without width, and fails at two"
)
@pytest.mark.parametrize("mode", ["sum", "mean", "max"])
def test_several_bags_without_width(mode: str) -> None:
    weight = cf.zeros(3, 0, requires_grad=True)
    bags = F.embedding_bag(cf.tensor([0, 1, 1, 2]), weight, cf.tensor([0, 1, 1]), mode=mode)
    assert tuple(bags.shape) == (3, 0)
    bags.sum().backward()
    assert tuple(weight.grad.shape) == (3, 0)
