"""Items into batches."""

from __future__ import annotations

from collections import OrderedDict, UserDict, namedtuple
from decimal import Decimal
from types import MappingProxyType
from typing import Any

import backend
import numpy as np
import pytest
from backend import cf

if backend.IS_TORCH:
    pytest.skip("test_parity_data.py compares", allow_module_level=True)

from candle_ffi.data import default_collate, default_convert

Point = namedtuple("Point", "x y")


@pytest.mark.parametrize(
    ("items", "dtype", "values"),
    [
        ([1, 2], "int64", [1, 2]),
        ([True, False], "bool", [True, False]),
        ([1.5, 2.0], "float64", [1.5, 2.0]),
        ([1, 2.5], "float32", [1.0, 2.5]),
        ([np.float32(1), np.float32(2)], "float32", [1.0, 2.0]),
        ([np.int16(1), np.int16(2)], "int16", [1, 2]),
        ([np.bool_(True)], "bool", [True]),
        ([np.ones(2, np.uint8), np.zeros(2, np.uint8)], "uint8", [[1, 1], [0, 0]]),
        ([cf.tensor([1.0]), cf.tensor([2.0])], "float32", [[1.0], [2.0]]),
        ([np.ones(1, np.int64), np.ones(1, np.float32)], "float32", [[1.0], [1.0]]),
        ([np.array(3), np.array(4)], "int64", [3, 4]),
    ],
)
def test_leaves(items: list[Any], dtype: str, values: list[Any]) -> None:
    batch = default_collate(items)
    assert batch.dtype.name == dtype and batch.tolist() == values


def test_containers() -> None:
    batch = default_collate([Point(1, {"a": ("x", [2])}), Point(3, {"a": ("y", [4])})])
    assert isinstance(batch, Point) and batch.x.tolist() == [1, 3]
    assert batch.y["a"][0] == ("x", "y")
    assert isinstance(batch.y["a"], list)
    assert [column.tolist() for column in batch.y["a"][1]] == [[2, 4]]
    for kind in (OrderedDict, UserDict, MappingProxyType):
        made = default_collate([kind({"b": 1, "a": 2}), kind({"a": 3, "b": 4})])
        assert type(made) is kind and list(made) == ["b", "a"]
        assert made["b"].tolist() == [1, 4]
    assert default_collate([b"x", b"y"]) == [b"x", b"y"]
    assert default_collate([[], []]) == []
    assert [c.tolist() for c in default_collate([range(2), range(2)])] == [[0, 0], [1, 1]]


def test_arrays_of_any_library() -> None:
    class Foreign:
        def __array__(self, dtype: Any = None, copy: Any = None) -> np.ndarray:
            return np.arange(3)

    class Lent:
        def __dlpack__(self, **options: Any) -> Any:
            return np.arange(2.0).__dlpack__()

        def __dlpack_device__(self) -> tuple[int, int]:
            return (1, 0)

    assert default_collate([Foreign(), Foreign()]).tolist() == [[0, 1, 2]] * 2
    assert default_collate([Lent()]).tolist() == [[0.0, 1.0]]
    assert default_convert({"a": Foreign()})["a"].tolist() == [0, 1, 2]


def test_shapes_that_differ_are_both_named() -> None:
    for make in (np.zeros, cf.zeros):
        with pytest.raises(cf.ShapeError, match=r"item 0 is \[2, 3\] and item 2 is \[2, 4\]") as e:
            default_collate([make((2, 3)), make((2, 3)), make((2, 4))])
        assert e.value.shapes == ((2, 3), (2, 4))
    with pytest.raises(cf.ShapeError, match="item 0 has 2 and item 1 has 1"):
        default_collate([[1, 2], [3]])


@pytest.mark.parametrize(
    "items",
    [
        [None],
        [object()],
        [Decimal(1)],
        [np.array(["a"])],
        [np.array([None])],
        [1, "a"],
        [1.0, None],
        [np.float32(1), None],
    ],
)
def test_what_cannot_be_collated(items: list[Any]) -> None:
    with pytest.raises(TypeError, match="found"):
        default_collate(items)


def test_missing_keys_and_dtypes() -> None:
    with pytest.raises(KeyError, match="b"):
        default_collate([{"a": 1, "b": 2}, {"a": 1}])
    with pytest.raises(cf.DTypeError, match="complex"):
        default_collate([np.zeros(2, complex)])
    with pytest.raises(TypeError):
        default_collate([cf.ones(1), 3])
    with pytest.raises(OverflowError):
        default_collate([2**70])


def test_numbers_of_numpy_and_python_mix() -> None:
    assert default_collate([np.float32(1), 2, True]).tolist() == [1.0, 2.0, 1.0]


def test_conversion_of_single_items() -> None:
    item = default_convert(Point(np.ones(2), ["a", 3, None]))
    assert isinstance(item, Point) and item.x.tolist() == [1.0, 1.0] and item.y == ["a", 3, None]
    strings = np.array(["a"])
    assert default_convert(strings) is strings
    assert default_convert(np.float32(2)).item() == 2.0
    assert default_convert((1, np.zeros(1)))[0] == 1
