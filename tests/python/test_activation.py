"""Activations: what bad arguments say, randomness, and layers against functions."""

from __future__ import annotations

import backend
import numpy as np
import pytest
from backend import cf

if backend.IS_TORCH:
    pytest.skip("exception classes are candle_ffi's", allow_module_level=True)

nn = cf.nn
F = cf.nn.functional


@pytest.mark.parametrize(
    "call, error, words",
    [
        (lambda x: F.prelu(x, cf.ones(2)), "ShapeError", ["[2, 3]", "[2]", "3 channels"]),
        (lambda x: F.prelu(x, cf.ones(3, 1)), "ShapeError", ["[2, 3]", "[3, 1]"]),
        (lambda x: F.prelu(x, cf.ones(3, dtype=cf.float64)), "DTypeError", ["float64", "float32"]),
        (lambda x: F.glu(x), "ShapeError", ["[2, 3]", "dimension 1"]),
        (lambda x: F.glu(cf.tensor(1.0)), "ShapeError", ["odd"]),
        (lambda x: F.glu(x, dim=2), "CandleIndexError", ["dimension 2"]),
        (lambda x: F.hardtanh(x, 2.0, 1.0), "InvalidArgumentError", ["min_val 2"]),
        (lambda x: F.hardtanh(x, float("nan")), "InvalidArgumentError", ["NaN"]),
        (lambda x: F.hardtanh(x > 0), "DTypeError", ["bool"]),
        (lambda x: F.relu6(x > 0), "DTypeError", ["bool"]),
        (lambda x: F.softsign(x > 0), "DTypeError", ["bool"]),
        (lambda x: F.celu(x, 0.0), "InvalidArgumentError", ["alpha"]),
        (lambda x: F.softshrink(x, -1.0), "InvalidArgumentError", ["-1"]),
        (lambda x: F.rrelu(x, 0.5, 0.2), "InvalidArgumentError", ["0.5", "0.2"]),
        (lambda x: F.elu(x.long()), "DTypeError", ["elu", "int64"]),
        (lambda x: F.softmin(x, dim=5), "CandleIndexError", ["dimension 5"]),
        (lambda x: F.gumbel_softmax(x.long()), "DTypeError", ["gumbel_softmax", "int64"]),
        (lambda x: nn.Softmax2d()(x), "ShapeError", ["(2, 3)"]),
        (lambda x: nn.Hardtanh(1.0, 1.0), "InvalidArgumentError", ["max_val"]),
        (lambda x: nn.PReLU(-1), "InvalidArgumentError", ["num_parameters"]),
        (lambda x: nn.PReLU(2)(x), "ShapeError", ["[2, 3]", "[2]"]),
    ],
)
def test_bad_arguments(call: object, error: str, words: list[str]) -> None:
    with pytest.raises(backend.error(error)) as caught:
        call(cf.ones(2, 3))  # type: ignore[operator]
    for word in words:
        assert word in str(caught.value)


@pytest.mark.parametrize(
    "call",
    [
        lambda x, inplace: F.relu(x, inplace),
        lambda x, inplace: F.leaky_relu(x, 0.2, inplace),
        lambda x, inplace: F.elu(x, inplace=inplace),
        lambda x, inplace: F.hardtanh(x, -1.0, 1.0, inplace),
        lambda x, inplace: F.threshold(x, 0.1, 2.0, inplace),
        lambda x, inplace: F.silu(x, inplace=inplace),
    ],
)
def test_in_place_changes_the_input_and_keeps_its_gradient(call: object) -> None:
    results = []
    for inplace in (False, True):
        leaf = cf.tensor([-2.0, -0.3, 0.4, 3.0], requires_grad=True)
        x = leaf * 1.0
        y = call(x, inplace)  # type: ignore[operator]
        assert (y is x) == inplace
        (y * cf.tensor([1.0, 2.0, 3.0, 4.0])).sum().backward()
        results.append((y.tolist(), leaf.grad.tolist()))
    assert results[0] == results[1]


def test_rrelu_draws_slopes_in_its_range() -> None:
    x = -cf.ones(4000)
    x.requires_grad_()
    generator = cf.Generator().manual_seed(3)
    y = F.rrelu(x, 0.2, 0.6, training=True, generator=generator)
    slopes = -y.detach().numpy()
    assert slopes.min() >= 0.2 and slopes.max() < 0.6 and abs(slopes.mean() - 0.4) < 0.02
    y.sum().backward()
    np.testing.assert_array_equal(x.grad.numpy(), slopes)
    again = F.rrelu(x, 0.2, 0.6, training=True, generator=generator.manual_seed(3))
    np.testing.assert_array_equal(again.detach().numpy(), y.detach().numpy())
    layer = nn.RReLU(0.2, 0.6)
    assert float(layer(x).detach().numpy().std()) > 0.05
    np.testing.assert_allclose(layer.eval()(x).detach().numpy(), -0.4, rtol=1e-6)


def test_gumbel_softmax_samples_by_probability() -> None:
    probabilities = np.array([0.1, 0.2, 0.7])
    logits = cf.tensor(np.log(probabilities).astype(np.float32)).expand(20000, 3)
    hard = F.gumbel_softmax(logits, hard=True, generator=cf.Generator().manual_seed(1)).numpy()
    assert set(np.unique(hard).tolist()) <= {0.0, 1.0} and (hard.sum(1) == 1).all()
    np.testing.assert_allclose(hard.mean(0), probabilities, atol=0.015)
    soft = F.gumbel_softmax(logits, tau=5.0).numpy()
    np.testing.assert_allclose(soft.sum(1), 1.0, rtol=1e-5)
    assert soft.max() < 0.95


def test_a_hard_sample_has_the_gradient_of_the_soft_one() -> None:
    gradients = []
    for hard in (False, True):
        logits = cf.tensor([[0.3, -0.2, 1.0]], requires_grad=True)
        sample = F.gumbel_softmax(logits, 0.7, hard, generator=cf.Generator().manual_seed(5))
        (sample * cf.tensor([1.0, 2.0, 4.0])).sum().backward()
        gradients.append(logits.grad.tolist())
    assert gradients[0] == gradients[1] and any(gradients[0][0])


def test_a_dimension_that_is_not_given_is_chosen_with_a_warning() -> None:
    for shape, dim in (((3,), 0), ((2, 3), 1), ((2, 3, 4), 0), ((1, 2, 3, 4), 1)):
        x = cf.rand(*shape)
        with pytest.warns(UserWarning, match="Implicit dimension choice for softmax"):
            y = nn.Softmax()(x)
        np.testing.assert_array_equal(y.numpy(), F.softmax(x, dim).numpy())


@pytest.mark.parametrize(
    "layer, text",
    [
        (lambda: nn.ReLU(), "ReLU()"),
        (lambda: nn.ReLU6(True), "ReLU6(inplace=True)"),
        (lambda: nn.LeakyReLU(0.1, True), "LeakyReLU(negative_slope=0.1, inplace=True)"),
        (lambda: nn.PReLU(3), "PReLU(num_parameters=3)"),
        (lambda: nn.RReLU(), "RReLU(lower=0.125, upper=0.3333333333333333)"),
        (lambda: nn.ELU(2.0), "ELU(alpha=2.0)"),
        (lambda: nn.CELU(1.0, True), "CELU(alpha=1.0, inplace=True)"),
        (lambda: nn.GELU(), "GELU(approximate='none')"),
        (lambda: nn.Softplus(2, 10), "Softplus(beta=2, threshold=10)"),
        (lambda: nn.Softshrink(), "Softshrink(0.5)"),
        (lambda: nn.Hardshrink(0.2), "Hardshrink(0.2)"),
        (lambda: nn.Hardtanh(-2, 2.0, True), "Hardtanh(min_val=-2, max_val=2.0, inplace=True)"),
        (lambda: nn.Hardswish(True), "Hardswish()"),
        (lambda: nn.GLU(1), "GLU(dim=1)"),
        (lambda: nn.Softmax(), "Softmax(dim=None)"),
        (lambda: nn.LogSoftmax(1), "LogSoftmax(dim=1)"),
        (lambda: nn.Threshold(0.1, 20), "Threshold(threshold=0.1, value=20)"),
        (lambda: nn.Softsign(), "Softsign()"),
    ],
)
def test_layers_are_shown_as_in_pytorch(layer: object, text: str) -> None:
    assert repr(layer()) == text  # type: ignore[operator]


def test_prelu_learns_its_slope() -> None:
    layer = nn.PReLU(3, 0.1)
    assert list(layer.state_dict()) == ["weight"] and layer.weight.tolist() == pytest.approx(
        [0.1] * 3
    )
    x = -cf.ones(4, 3, 2)
    layer(x).sum().backward()
    assert layer.weight.grad.tolist() == [-8.0, -8.0, -8.0]
    assert nn.PReLU(dtype=cf.float64).weight.dtype == cf.float64


def test_half_precision_is_rounded_once() -> None:
    x = np.linspace(-4, 4, 97).astype(np.float16)
    for op in (F.mish, F.softplus, F.elu, F.hardswish):
        narrow = op(cf.tensor(x)).numpy()
        wide = op(cf.tensor(x.astype(np.float32))).numpy()
        np.testing.assert_array_equal(narrow, wide.astype(np.float16))
