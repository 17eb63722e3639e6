"""Indexing against NumPy, with shapes and indices made up by Hypothesis."""

from __future__ import annotations

from typing import Any

import backend
import numpy as np
import pytest
from backend import cf, to_numpy
from hypothesis import given, settings
from hypothesis import strategies as st

settings.register_profile("tests", deadline=None, max_examples=150, derandomize=True)
settings.load_profile("tests")

SHAPES = st.lists(st.integers(0, 4), min_size=0, max_size=4).map(tuple)


def numbered(shape: tuple[int, ...]) -> np.ndarray:
    return np.arange(int(np.prod(shape)), dtype=np.float64).reshape(shape)


def tensor(array: np.ndarray, requires_grad: bool = False) -> Any:
    return backend.to_tensor(cf, array, "float64", requires_grad)


@st.composite
def shape_and_index(draw: st.DrawFn) -> tuple[tuple[int, ...], Any]:
    """A shape and a basic index that is valid for it."""
    shape = draw(SHAPES)
    used = draw(st.integers(0, len(shape)))
    ellipsis_at = draw(st.integers(0, used)) if draw(st.booleans()) else None
    items: list[Any] = []
    for position in range(used):
        if position == ellipsis_at:
            items.append(...)
        dim = (
            position
            if ellipsis_at is None or position < ellipsis_at
            else len(shape) - used + position
        )
        size = shape[dim]
        bound = st.none() | st.integers(-size - 2, size + 2)
        choices = [st.builds(slice, bound, bound, st.none() | st.integers(1, 3))]
        if size:
            choices.append(st.integers(-size, size - 1))
        items.append(draw(st.one_of(choices)))
    if ellipsis_at == used:
        items.append(...)
    for _ in range(draw(st.integers(0, 2))):
        items.insert(draw(st.integers(0, len(items))), None)
    index = items[0] if len(items) == 1 and draw(st.booleans()) else tuple(items)
    return shape, index


@given(shape_and_index())
def test_reading(case: tuple[tuple[int, ...], Any]) -> None:
    shape, index = case
    array = numbered(shape)
    got = tensor(array)[index]
    assert tuple(got.shape) == array[index].shape
    np.testing.assert_array_equal(to_numpy(got), array[index])


@given(shape_and_index())
def test_reading_a_transposed_tensor(case: tuple[tuple[int, ...], Any]) -> None:
    shape, index = case
    array = numbered(shape[::-1]).transpose()
    got = tensor(numbered(shape[::-1])).permute(tuple(reversed(range(len(shape)))))[index]
    np.testing.assert_array_equal(to_numpy(got), array[index])


@given(shape_and_index())
def test_gradient_lands_where_it_was_read(case: tuple[tuple[int, ...], Any]) -> None:
    shape, index = case
    x = tensor(numbered(shape), requires_grad=True)
    (x[index] * 2).sum().backward()
    expected = np.zeros(shape)
    expected[index] = 2
    np.testing.assert_array_equal(to_numpy(x.grad), expected)


@given(shape_and_index(), st.booleans())
def test_writing(case: tuple[tuple[int, ...], Any], number: bool) -> None:
    shape, index = case
    array = numbered(shape)
    x = tensor(array)
    window = array[index].shape
    value = -1.0 if number else -1 - numbered(window[1:])
    x[index] = value if number else tensor(np.asarray(value))
    array[index] = value
    np.testing.assert_array_equal(to_numpy(x), array)


@given(shape_and_index(), st.data())
def test_views_of_views(case: tuple[tuple[int, ...], Any], data: st.DataObject) -> None:
    shape, index = case
    array, x = numbered(shape)[index], tensor(numbered(shape))[index]
    for _ in range(2):
        if not array.ndim:
            return
        dim = data.draw(st.integers(0, array.ndim - 1))
        step = data.draw(st.integers(1, 2))
        pick = (slice(None),) * dim + (slice(None, None, step),)
        array, x = array[pick], x[pick]
        if array.ndim > 1:
            array, x = array.swapaxes(0, -1), x.transpose(0, -1)
    np.testing.assert_array_equal(to_numpy(x * 1), array)
    np.testing.assert_array_equal(to_numpy(x.reshape(-1)), array.reshape(-1))


@given(SHAPES, st.data())
def test_gather_and_index_select(shape: tuple[int, ...], data: st.DataObject) -> None:
    if not shape or not all(shape):
        return
    dim = data.draw(st.integers(0, len(shape) - 1))
    wanted = data.draw(st.lists(st.integers(0, shape[dim] - 1), max_size=5))
    array, index = numbered(shape), np.array(wanted, dtype=np.int64)
    picked = cf.index_select(tensor(array), dim, cf.from_numpy(index))
    np.testing.assert_array_equal(to_numpy(picked), np.take(array, index, axis=dim))
    full = np.moveaxis(
        np.broadcast_to(index, (*shape[:dim], *shape[dim + 1 :], len(wanted))), -1, dim
    )
    full = full.copy()
    gathered = cf.gather(tensor(array), dim, cf.from_numpy(full))
    np.testing.assert_array_equal(to_numpy(gathered), np.take_along_axis(array, full, axis=dim))


def test_iteration_length_and_membership() -> None:
    x = cf.tensor([[1.0, 2.0], [3.0, 4.0]])
    assert len(x) == 2
    assert [row.tolist() for row in x] == [[1.0, 2.0], [3.0, 4.0]]
    _first, second = x
    assert second.tolist() == [3.0, 4.0]
    assert 3.0 in x and 5.0 not in x


def test_a_tensor_of_one_element_is_an_index() -> None:
    x = cf.tensor([1.0, 2.0, 3.0])
    assert x[cf.tensor(1)].item() == 2.0
    assert [10, 20, 30][cf.tensor(2)] == 30
    assert x[np.int64(1)].item() == 2.0


def test_writing_a_row_broadcasts_and_casts() -> None:
    x = cf.zeros(2, 3)
    x[0] = cf.tensor([1, 2, 3])
    x[:, 1] = 7
    assert x.tolist() == [[1.0, 7.0, 3.0], [0.0, 7.0, 0.0]]


def test_writing_is_differentiable() -> None:
    x = cf.zeros(3)
    w = cf.tensor([2.0], requires_grad=True)
    x = x * 1
    x[1:2] = w * 3
    (x * cf.tensor([1.0, 10.0, 100.0])).sum().backward()
    assert w.grad.tolist() == [30.0]


def test_augmented_assignment_through_an_index() -> None:
    x = cf.tensor([[1.0, 2.0], [3.0, 4.0]])
    x[0] += 10
    x[:, 1] *= 2
    assert x.tolist() == [[11.0, 24.0], [3.0, 8.0]]


ERRORS: list[tuple[Any, str, str]] = [
    (5, "CandleIndexError", r"5.*(dimension|dim|size)"),
    (-4, "CandleIndexError", r"-4"),
    ((0, 0, 0), "CandleIndexError", r"(?i)(indices|dim)"),
    (slice(None, None, -1), "InvalidArgumentError", r"(?i)step"),
    (slice(None, None, 0), "InvalidArgumentError", r"(?i)step"),
]


@pytest.mark.parametrize("index, exception, message", ERRORS, ids=lambda value: str(value))
def test_wrong_indices(index: Any, exception: str, message: str) -> None:
    x = cf.zeros(3, 2)
    match = None if backend.IS_TORCH else message
    with pytest.raises(backend.error(exception), match=match):
        x[index]
    with pytest.raises(backend.error(exception), match=match):
        x[index] = 1.0


@pytest.mark.parametrize("index", ["a", 1.5, {}, object()], ids=str)
def test_things_that_are_no_index(index: Any) -> None:
    with pytest.raises((TypeError, IndexError)):
        cf.zeros(3, 2)[index]


def test_a_scalar_has_no_elements_to_pick() -> None:
    with pytest.raises(IndexError):
        cf.tensor(1.0)[0]
    with pytest.raises(TypeError):
        len(cf.tensor(1.0))
    with pytest.raises(TypeError):
        iter(cf.tensor(1.0))


def test_a_value_that_does_not_fit() -> None:
    with pytest.raises(backend.error("ShapeError"), match=r"3"):
        cf.zeros(3, 2)[0] = cf.ones(3)


class TestAdvanced:
    """Integer arrays, lists and boolean masks."""

    @pytest.mark.parametrize(
        "index",
        [[0, 2], np.array([2, 0, 0]), np.array([[0, 1], [2, -1]]), np.array([True, False, True])],
        ids=["list", "array", "2-d", "mask"],
    )
    def test_along_the_first_dimension(self, index: Any) -> None:
        array = numbered((3, 2))
        x = tensor(array, requires_grad=True)
        given_index = cf.from_numpy(index) if isinstance(index, np.ndarray) else index
        got = x[given_index]
        np.testing.assert_array_equal(to_numpy(got), array[index])
        got.sum().backward()
        expected = np.zeros_like(array)
        np.add.at(expected, index if isinstance(index, np.ndarray) else np.array(index), 1.0)
        np.testing.assert_array_equal(to_numpy(x.grad), expected)

    def test_a_full_mask(self) -> None:
        array = numbered((3, 2))
        x = tensor(array)
        np.testing.assert_array_equal(to_numpy(x[x > 2]), array[array > 2])

    def test_writing_through_a_mask(self) -> None:
        array = numbered((3, 2))
        x = tensor(array)
        x[x > 2] = 0.0
        array[array > 2] = 0.0
        np.testing.assert_array_equal(to_numpy(x), array)

    def test_writing_through_a_list(self) -> None:
        array = numbered((3, 2))
        x = tensor(array)
        x[[2, 0]] = cf.tensor([9.0, 8.0], dtype=cf.float64)
        array[[2, 0]] = [9.0, 8.0]
        np.testing.assert_array_equal(to_numpy(x), array)

    def test_out_of_range(self) -> None:
        with pytest.raises(backend.error("CandleIndexError"), match="7"):
            cf.zeros(3)[[0, 7]]


def test_masks_are_measured_behind_an_ellipsis_too() -> None:
    x = cf.arange(12).reshape(3, 4)
    assert x[..., cf.tensor([True, False, False, True])].tolist() == [[0, 3], [4, 7], [8, 11]]
    assert x[..., cf.tensor([True, False, True]), 1:].shape == (2, 3)
    for mask in ([True, False], [True, False, True]):
        with pytest.raises(IndexError, match="mask"):
            x[..., cf.tensor(mask)]
    with pytest.raises(TypeError, match="uint8"):
        x[cf.tensor([1, 0, 1], dtype=cf.uint8)]
