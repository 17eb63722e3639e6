"""PyTorch's further spellings, and small functions made of operations."""

from __future__ import annotations

import math

import pytest
from backend import cf


def test_products_of_given_ranks() -> None:
    matrix, vector = cf.tensor([[1.0, 2.0], [3.0, 4.0]]), cf.tensor([1.0, 10.0])
    assert cf.mm(matrix, matrix).tolist() == [[7.0, 10.0], [15.0, 22.0]]
    assert cf.mv(matrix, vector).tolist() == [21.0, 43.0]
    assert cf.dot(vector, vector).item() == vector.dot(vector).item() == 101.0
    assert cf.outer(vector, vector).tolist() == [[1.0, 10.0], [10.0, 100.0]]
    for call in (lambda: cf.mm(matrix, vector), lambda: cf.mv(vector, vector),
                 lambda: cf.dot(matrix, vector), lambda: cf.outer(matrix, vector)):  # fmt: skip
        with pytest.raises((RuntimeError, ValueError), match=r"2|1"):
            call()


def test_joining_and_taking_apart() -> None:
    a, b = cf.tensor([1.0, 2.0]), cf.tensor([3.0, 4.0])
    assert cf.hstack([a, b]).tolist() == cf.concat([a, b]).tolist() == [1.0, 2.0, 3.0, 4.0]
    assert cf.vstack([a, b]).tolist() == [[1.0, 2.0], [3.0, 4.0]]
    assert cf.hstack([cf.vstack([a, b])] * 2).tolist() == [[1.0, 2.0] * 2, [3.0, 4.0] * 2]
    assert [x.tolist() for x in cf.vstack([a, b]).unbind(1)] == [[1.0, 3.0], [2.0, 4.0]]


def test_dimensions_move() -> None:
    x = cf.zeros(2, 3, 4, 5)
    assert tuple(cf.movedim(x, 0, -1).shape) == (3, 4, 5, 2)
    assert tuple(cf.movedim(x, (3, 0), (0, 1)).shape) == (5, 2, 3, 4)
    assert tuple(x.swapaxes(0, 2).shape) == (4, 3, 2, 5)
    assert tuple(cf.zeros(3, 1).broadcast_to((2, 3, 4)).shape) == (2, 3, 4)
    with pytest.raises((IndexError, RuntimeError)):
        cf.movedim(x, 4, 0)
    with pytest.raises((ValueError, RuntimeError)):
        cf.movedim(x, (0, 0), (1, 2))


def test_grids() -> None:
    x, y = cf.tensor([1, 2, 3]), cf.tensor([4, 5])
    rows, columns = cf.meshgrid(x, y, indexing="ij")
    assert rows.tolist() == [[1, 1], [2, 2], [3, 3]] and columns.tolist() == [[4, 5]] * 3
    rows, columns = cf.meshgrid([x, y], indexing="xy")
    assert rows.tolist() == [[1, 2, 3]] * 2 and columns.tolist() == [[4] * 3, [5] * 3]


def test_the_rest() -> None:
    x = cf.tensor([-2.0, 0.5, 3.0])
    assert x.clip(-1, 1).tolist() == cf.clip(x, min=-1, max=1).tolist() == [-1.0, 0.5, 1.0]
    assert x.where(x > 0, cf.zeros(3)).tolist() == [0.0, 0.5, 3.0]
    assert cf.is_tensor(x) and not cf.is_tensor([1]) and cf.numel(x) == 3
    assert (cf.pi, cf.inf, cf.e) == (math.pi, math.inf, math.e) and math.isnan(cf.nan)
    with cf.inference_mode():
        assert not (cf.ones(1, requires_grad=True) * 2).requires_grad

    @cf.inference_mode()
    def double(y):  # type: ignore[no-untyped-def]
        return y * 2

    assert not double(cf.ones(1, requires_grad=True)).requires_grad


def test_hyperbolic_functions_to_the_end_of_their_range() -> None:
    for name, slope in (("sinh", math.cosh), ("cosh", math.sinh)):
        for x in (88.0, -88.0, -50.0):
            leaf = cf.tensor(x, requires_grad=True)
            result = getattr(cf, name)(leaf)
            result.backward()
            assert result.item() == pytest.approx(getattr(math, name)(x), rel=1e-4)
            assert leaf.grad.item() == pytest.approx(slope(x), rel=1e-4)
        # Just below the largest float32, and above half of it.
        largest = getattr(cf, name)(cf.tensor(89.0)).item()
        assert largest == pytest.approx(getattr(math, name)(89.0), rel=1e-4)
    assert cf.sinh(cf.tensor(1e-6)).item() == pytest.approx(1e-6, rel=1e-6)
