"""Rows of arrays gathered into tensors: the one copy between a data set and a batch."""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
import pytest

import candle_ffi as cf
from candle_ffi.interop import gather_rows

NAMES = ["bool", "uint8", "int16", "int32", "int64", "uint32", "float16", "float32", "float64"]


def sample(name: str, *shape: int) -> np.ndarray:
    values = np.random.RandomState(0).randint(0, 2 if name == "bool" else 100, shape)
    return values.astype(name)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("shape", [(7,), (7, 3), (7, 2, 5), (7, 0), (1, 9), (7, 784)], ids=str)
def test_rows_are_those_that_numpy_takes(name: str, shape: tuple[int, ...]) -> None:
    array = sample(name, *shape)
    indices = np.random.RandomState(1).randint(0, shape[0], 20)
    batch = gather_rows(array, indices)
    assert batch.dtype.name == name
    np.testing.assert_array_equal(batch.to_numpy(), array[indices], strict=True)


def layouts() -> dict[str, np.ndarray]:
    base = sample("float32", 12, 4, 6)
    record = np.zeros((12, 5), dtype=[("a", "u1"), ("b", "<f4")])
    record["b"] = base[:, 0, :5]
    return {
        "every other row": base[::2],
        "rows backwards": base[::-1],
        "rows backwards, some": base[10:1:-3],
        "rows that are all one": np.broadcast_to(base[0], (9, 4, 6)),
        "rows that overlap": np.lib.stride_tricks.sliding_window_view(base[0, 0], 3),
        "transposed": base.T,
        "rows with gaps inside": base[:, ::2, 1:],
        "fortran": np.asfortranarray(base),
        "big-endian": base.astype(">f4"),
        "unaligned": record["b"],
        "unaligned, in order": np.frombuffer(b"x" + base[0].tobytes(), "<f4", 24, 1).reshape(4, 6),
        "read-only": np.frombuffer(base.tobytes(), "<f4").reshape(12, 24),
        "of Fortran's rows": np.zeros((3, 1, 1), np.float32),
    }


@pytest.mark.parametrize("name", layouts())
def test_layouts(name: str) -> None:
    array = layouts()[name]
    for indices in ([0, len(array) - 1, 0, 2], list(range(len(array))), [], [1]):
        batch = gather_rows(array, np.array(indices, np.int64))
        expected = array[np.array(indices, np.int64)]
        np.testing.assert_array_equal(batch.to_numpy(), expected)


@pytest.mark.parametrize("step", [1, -1, 2])
def test_memory_mapped_files(tmp_path: Path, step: int) -> None:
    expected = sample("uint8", 100, 28, 28)
    expected.tofile(tmp_path / "images")
    mapped = np.memmap(tmp_path / "images", np.uint8, "r", shape=(100, 28, 28))[::step]
    indices = np.random.RandomState(1).permutation(len(mapped))
    batch = gather_rows(mapped, indices)
    del mapped
    np.testing.assert_array_equal(batch.to_numpy(), expected[::step][indices])


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("wrong", [5, -1, 2**62, -(2**63)])
def test_an_index_out_of_range_is_named(wrong: int, order: str) -> None:
    array = np.asarray(sample("float32", 5, 3, 2), order=order)  # type: ignore[call-overload]
    with pytest.raises(IndexError, match=rf"gather_rows: index {wrong} at position 2 .* 5 rows"):
        gather_rows(array, np.array([0, 4, wrong, 7]))
    with pytest.raises(IndexError, match="for 0 rows"):
        gather_rows(array[:0], np.array([0]))


def test_what_cannot_be_gathered_is_refused() -> None:
    rows = np.array([0])
    with pytest.raises(cf.DTypeError, match="complex64"):
        gather_rows(np.zeros(3, np.complex64), rows)
    with pytest.raises(cf.DTypeError, match="float64"):
        gather_rows(np.zeros(3), np.zeros(1))
    with pytest.raises(cf.ShapeError, match="one dimension or more"):
        gather_rows(np.zeros(()), rows)
    with pytest.raises(cf.ShapeError, match="one dimension or more"):
        gather_rows(np.zeros(3), rows[None])


def test_other_integers_are_indices_too() -> None:
    array = np.arange(10.0)
    for name in ("int8", "uint8", "int32", "uint64", ">i8"):
        assert gather_rows(array, np.array([3, 1], name)).tolist() == [3.0, 1.0]
    assert gather_rows(array, np.arange(9)[::-4]).tolist() == [8.0, 4.0, 0.0]


def test_bytes_that_are_no_truth_become_one() -> None:
    array = np.array([[0, 2], [255, 1]], np.uint8).view(np.bool_)
    assert gather_rows(array, np.array([1, 0])).to_numpy().view(np.uint8).tolist() == [
        [1, 1],
        [0, 1],
    ]


def test_dtypes_of_ml_dtypes() -> None:
    ml_dtypes = pytest.importorskip("ml_dtypes")
    for name in ("bfloat16", "float8_e4m3fn"):
        array = np.arange(12).astype(getattr(ml_dtypes, name)).reshape(6, 2)
        batch = gather_rows(array, np.array([5, 0]))
        assert batch.dtype.name == name
        assert batch.tolist() == [[10.0, 11.0], [0.0, 1.0]]


def test_the_batch_is_a_copy() -> None:
    array = np.ones((3, 2))
    batch = gather_rows(array, np.array([0, 1]))
    array[:] = 5
    assert batch.tolist() == [[1.0, 1.0], [1.0, 1.0]]
    assert batch.is_contiguous() and not batch.requires_grad


def test_threads_gather_at_once() -> None:
    array = sample("float32", 1000, 100)
    wrong = []

    def work(seed: int) -> None:
        for number in range(50):
            indices = np.random.RandomState(seed + number).randint(0, 1000, 64)
            if not np.array_equal(gather_rows(array, indices).to_numpy(), array[indices]):
                wrong.append(seed)

    threads = [threading.Thread(target=work, args=(1000 * n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
