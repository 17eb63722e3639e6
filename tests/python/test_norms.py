"""Errors and edge cases of normalisation, of order, and of writing by indices."""

# ruff: noqa: E501 (one case is one line)

from __future__ import annotations

from typing import Any

import backend
import numpy as np
import pytest
from backend import cf

F = cf.nn.functional
SHAPE, ARGUMENT, INDEX, DTYPE = (
    "ShapeError",
    "InvalidArgumentError",
    "CandleIndexError",
    "DTypeError",
)


@pytest.mark.parametrize(
    "call, kind, words",
    [
        (lambda: F.batch_norm(cf.zeros(1, 3), None, None, training=True), SHAPE,
         ["more than 1 value per channel", "1, 3"]),
        (lambda: F.batch_norm(cf.zeros(3), None, None, training=True), SHAPE, ["batch", "[3]"]),
        (lambda: F.batch_norm(cf.zeros(2, 3), cf.zeros(2), cf.ones(3)), SHAPE, ["running_mean", "[2]", "2, 3"]),
        (lambda: F.batch_norm(cf.zeros(2, 3), None, None), ARGUMENT, ["running_mean", "training"]),
        (lambda: F.batch_norm(cf.zeros(2, 3), cf.zeros(3), None), ARGUMENT, ["running_var"]),
        (lambda: F.batch_norm(cf.zeros(2, 3), None, None, cf.ones(4), training=True), SHAPE, ["weight", "[4]"]),
        (lambda: F.batch_norm(cf.zeros(2, 3), None, None, cf.ones(3).double(), training=True), DTYPE,
         ["weight", "float64"]),
        (lambda: F.batch_norm(cf.zeros(2, 3).long(), None, None, training=True), DTYPE, ["int64"]),
        (lambda: F.instance_norm(cf.zeros(2, 3, 1)), SHAPE, ["more than 1 spatial element", "2, 3, 1"]),
        (lambda: F.instance_norm(cf.zeros(2, 3, 4), use_input_stats=False), ARGUMENT, ["running_mean"]),
        (lambda: F.group_norm(cf.zeros(2, 3), 2), SHAPE, ["divisible", "2, 3", "num_groups=2"]),
        (lambda: F.group_norm(cf.zeros(2, 3), 0), ARGUMENT, ["num_groups", "0"]),
        (lambda: F.group_norm(cf.zeros(2, 4), 2, cf.ones(3)), SHAPE, ["weight", "[3]"]),
        (lambda: F.group_norm(cf.zeros(1, 1), 1), SHAPE, ["more than 1 value"]),
        (lambda: F.rms_norm(cf.zeros(2, 4), (3,)), SHAPE, ["2, 4", "[3]"]),
        (lambda: F.local_response_norm(cf.zeros(2, 4), 2), SHAPE, ["3D", "2 dimensions"]),
        (lambda: F.normalize(cf.zeros(2, 4), dim=2), INDEX, ["dimension 2"]),
        (lambda: cf.norm(cf.zeros(2).long()), DTYPE, ["int64"]),
        (lambda: cf.cumsum(cf.zeros(2), 1), INDEX, ["dimension 1"]),
        (lambda: cf.sort(cf.zeros(2), 3), INDEX, ["dimension 3"]),
        (lambda: cf.topk(cf.zeros(2, 3), 4), ARGUMENT, ["4", "size 3"]),
        (lambda: cf.topk(cf.zeros(2, 3), -1), ARGUMENT, ["-1"]),
        (lambda: cf.kthvalue(cf.zeros(2, 3), 0), ARGUMENT, ["0", "size 3"]),
        (lambda: cf.median(cf.zeros(2, 0), 1), SHAPE, ["2, 0"]),
        (lambda: cf.scatter(cf.zeros(3), 0, cf.tensor([3]), 1.0), INDEX, ["3", "size 3"]),
        (lambda: cf.scatter(cf.zeros(3), 0, cf.tensor([-1]), 1.0), INDEX, ["-1"]),
        (lambda: cf.scatter(cf.zeros(3), 0, cf.tensor([0, 1]), cf.zeros(1)), SHAPE, ["[2]", "[1]"]),
        (lambda: cf.scatter(cf.zeros(3), 0, cf.tensor([0]), cf.zeros(1).double()), DTYPE, ["float64"]),
        (lambda: cf.index_copy(cf.zeros(3), 0, cf.tensor([0]), cf.zeros(2)), SHAPE, ["[1]", "[2]"]),
        (lambda: cf.index_fill(cf.zeros(3), 0, cf.tensor([5]), 1.0), INDEX, ["5"]),
        (lambda: cf.tril(cf.zeros(3)), SHAPE, ["[3]"]),
        (lambda: cf.flip(cf.zeros(2, 3), (0, 0)), ARGUMENT, ["more than once"]),
        (lambda: cf.roll(cf.zeros(2, 3), (1, 2), (0,)), ARGUMENT, ["1, 2", "0"]),
        (lambda: cf.zeros(2, 3).repeat(2), SHAPE, ["[2]", "[2, 3]"]),
        (lambda: cf.zeros(2).repeat(2**62), SHAPE, [str(2**63)]),
        (lambda: cf.repeat_interleave(cf.zeros(3), cf.tensor([1, 2]), dim=0), SHAPE, ["[2]", "size 3"]),
        (lambda: cf.repeat_interleave(cf.zeros(3), -1), ARGUMENT, ["-1"]),
        (lambda: cf.diagonal(cf.zeros(2, 3), 0, 1, 1), ARGUMENT, ["1"]),
        (lambda: cf.diag(cf.zeros(2, 3, 4)), SHAPE, ["2, 3, 4"]),
        (lambda: cf.diag(cf.zeros(2), 2**62), ARGUMENT, [str(2**62)]),
        (lambda: cf.bmm(cf.zeros(2, 3), cf.zeros(2, 3)), SHAPE, ["2, 3"]),
        (lambda: cf.bmm(cf.zeros(2, 3, 4), cf.zeros(3, 4, 5)), SHAPE, ["2, 3, 4", "3, 4, 5"]),
        (lambda: cf.addmm(cf.zeros(4), cf.zeros(2, 3), cf.zeros(3, 5)), SHAPE, ["[4]", "[2, 5]"]),
        (lambda: cf.einsum("ij,jk", cf.zeros(2, 3), cf.zeros(4, 5)), SHAPE, ["'j'", "3", "4"]),
        (lambda: cf.einsum("ij,jk", cf.zeros(2, 3)), ARGUMENT, ["ij,jk", "1"]),
        (lambda: cf.einsum("ij->ik", cf.zeros(2, 3)), ARGUMENT, ["ik"]),
        (lambda: cf.einsum("ijk->i", cf.zeros(2, 3)), SHAPE, ["ijk", "2"]),
    ],
)  # fmt: skip
def test_errors_say_what_is_wrong(call: Any, kind: str, words: list[str]) -> None:
    with pytest.raises(backend.error(kind)) as caught:
        call()
    if not backend.IS_TORCH:
        assert all(word in str(caught.value) for word in words), caught.value


@pytest.mark.parametrize(
    "equation, shapes",
    [
        ("ij,jk->ik", [(2, 3), (3, 4)]),
        ("ij,jk", [(2, 3), (3, 4)]),
        ("bij,bjk->bik", [(2, 3, 4), (2, 4, 5)]),
        ("...ij,...jk->...ik", [(2, 1, 3, 4), (5, 4, 2)]),
        ("i,i", [(3,), (3,)]),
        ("i,j->ij", [(3,), (2,)]),
        ("ii->i", [(3, 3)]),
        ("ii", [(3, 3)]),
        ("ij->ji", [(2, 3)]),
        ("ij->", [(2, 3)]),
        ("bhqd,bhkd->bhqk", [(2, 2, 3, 4), (2, 2, 5, 4)]),
        ("a,ab,abc->abc", [(2,), (2, 3), (2, 3, 4)]),
        ("i,ij,jk,k->", [(2,), (2, 3), (3, 4), (4,)]),
        ("...->...", [(2, 3)]),
        ("b...,...b->...", [(2, 3), (3, 2)]),
    ],
)
def test_einsum_equals_numpy(equation: str, shapes: list[tuple[int, ...]]) -> None:
    random = np.random.RandomState(0)
    arrays = [random.standard_normal(shape) for shape in shapes]
    tensors = [cf.from_numpy(array).requires_grad_() for array in arrays]
    result = cf.einsum(equation, *tensors)
    np.testing.assert_allclose(backend.to_numpy(result), np.einsum(equation, *arrays), rtol=1e-12)
    result.sum().backward()
    step = 1e-6
    for array, tensor in zip(arrays, tensors, strict=True):
        array.flat[0] += step
        above = np.einsum(equation, *arrays).sum()
        array.flat[0] -= 2 * step
        slope = (above - np.einsum(equation, *arrays).sum()) / (2 * step)
        array.flat[0] += step
        np.testing.assert_allclose(backend.to_numpy(tensor.grad).flat[0], slope, atol=1e-7)


@pytest.mark.parametrize("shape", [(1000, 70), (64, 5, 3), (16, 8, 40), (4, 3, 70, 70)])
def test_large_batches_have_the_statistics_of_numpy(shape: tuple[int, ...]) -> None:
    x = np.random.RandomState(0).standard_normal(shape) * 3 + 100
    over = tuple(at for at in range(len(shape)) if at != 1)
    mean, var = cf.zeros(shape[1], dtype=cf.float64), cf.ones(shape[1], dtype=cf.float64)
    y = F.batch_norm(cf.from_numpy(x), mean, var, training=True, momentum=1.0, eps=0.0)
    center, deviation = x.mean(over, keepdims=True), x.std(over, keepdims=True)
    np.testing.assert_allclose(backend.to_numpy(y), (x - center) / deviation, atol=1e-9)
    np.testing.assert_allclose(backend.to_numpy(mean), center.reshape(-1), rtol=1e-12)
    np.testing.assert_allclose(backend.to_numpy(var), x.var(over, ddof=1), rtol=1e-10)


@pytest.mark.parametrize("dim", [0, 1])
def test_long_lines_are_sorted(dim: int) -> None:
    values = np.random.RandomState(1).randint(-50, 50, (300, 200)).astype(np.float32)
    x = cf.from_numpy(values)
    for descending in (False, True):
        found, places = cf.sort(x, dim, descending, stable=True)
        key = -values if descending else values
        expected = np.argsort(key, axis=dim, kind="stable")
        np.testing.assert_array_equal(backend.to_numpy(places), expected)
        np.testing.assert_array_equal(
            backend.to_numpy(found), np.take_along_axis(values, expected, dim)
        )
        best = cf.topk(x, 7, dim, largest=descending).values
        np.testing.assert_array_equal(
            backend.to_numpy(best), np.take(backend.to_numpy(found), range(7), dim)
        )


def test_statistics_that_were_changed_do_not_change_a_gradient() -> None:
    """The running statistics of an earlier call in evaluation are those of that call."""
    x = cf.tensor([[1.0], [2.0]], requires_grad=True)
    mean, var = cf.zeros(1), cf.ones(1)
    y = F.batch_norm(x, mean, var, eps=0.0)
    if not backend.IS_TORCH:  # PyTorch refuses
        var.fill_(100.0)
    y.sum().backward()
    np.testing.assert_array_equal(backend.to_numpy(x.grad), [[1.0], [1.0]])


def test_running_statistics_of_every_dtype_that_goes() -> None:
    x = cf.tensor([[1.0, 2.0], [3.0, 6.0]]).to(cf.bfloat16)
    for dtype in (cf.float32, cf.bfloat16):
        mean, var = cf.zeros(2, dtype=dtype), cf.ones(2, dtype=dtype)
        weight = cf.ones(2, dtype=dtype).requires_grad_()
        y = F.batch_norm(x, mean, var, weight, training=True, momentum=0.5)
        y.sum().backward()
        assert (y.dtype, mean.dtype, weight.grad.dtype) == (cf.bfloat16, dtype, dtype)
        np.testing.assert_array_equal(backend.to_numpy(mean), [1.0, 2.0])
