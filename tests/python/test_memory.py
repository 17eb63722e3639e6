"""Memory that arrays and tensors share: both ways, how long it lives, and when it is copied."""

from __future__ import annotations

import gc
import subprocess
import sys
import threading
import warnings
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import candle_ffi as cf

NAMES = ["bool", "uint8", "int16", "int32", "int64", "uint32", "float16", "float32", "float64"]


def sample(name: str, *shape: int) -> np.ndarray:
    values = np.random.RandomState(0).randint(0, 2 if name == "bool" else 100, shape)
    return values.astype(name)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("shape", [(5,), (), (2, 3, 4), (1, 1)], ids=str)
def test_writes_are_seen_on_the_other_side(name: str, shape: tuple[int, ...]) -> None:
    array = sample(name, *shape) if shape else np.array(1, name)
    x = cf.from_numpy(array)
    back = x.numpy()
    assert x.data_ptr() == array.ctypes.data == back.ctypes.data
    assert (x.dtype.name, tuple(x.shape)) == (name, shape)
    array[...] = 1 - array.astype(bool)
    np.testing.assert_array_equal(back, array, strict=True)
    x.zero_()
    assert not array.any()
    back[...] = 1
    assert x.tolist() == np.ones(shape, name).tolist()


def test_array_of_a_tensor_of_ours_is_its_memory() -> None:
    x = cf.zeros(2, 3)
    for array in (x.numpy(), np.asarray(x), np.asarray(x, copy=False), x.detach().numpy()):
        assert array.ctypes.data == x.data_ptr() and array.flags.writeable
        array += 1
    assert x.tolist() == [[4.0] * 3] * 2
    copy = x.to_numpy()
    copy[:] = 0
    np.array(x)[:] = 0
    np.array(x, copy=True)[:] = 0
    np.asarray(x, dtype=np.float64)[:] = 0
    assert x[0, 0].item() == 4.0
    with pytest.raises(ValueError, match="float64 without a copy"):
        np.asarray(x, dtype=np.float64, copy=False)


def test_views_of_tensors_are_views_of_memory() -> None:
    x = cf.arange(24).reshape(2, 3, 4)
    expected = np.arange(24).reshape(2, 3, 4)
    pairs: list[tuple[cf.Tensor, np.ndarray]] = [
        (x[1], expected[1]),
        (x[:, 1:, ::2], expected[:, 1:, ::2]),
        (x.permute(2, 0, 1), expected.transpose(2, 0, 1)),
        (x[1, 2, 3], expected[1, 2, 3, ...]),
        (x[:, :1].expand(2, 3, 4), np.broadcast_to(expected[:, :1], (2, 3, 4))),
        (x[2:], expected[2:]),
    ]
    for tensor, wanted in pairs:
        np.testing.assert_array_equal(tensor.numpy(), wanted, strict=True)
        if wanted.size:
            assert tensor.numpy().ctypes.data == tensor.data_ptr()
    x[:, 1:, ::2].numpy()[:] = -1
    assert x.tolist()[1][2] == [-1, 21, -1, 23]


@pytest.mark.parametrize("order", [(1, 0, 2), (2, 1, 0), (0, 2, 1)], ids=str)
def test_permuted_arrays_are_shared(order: tuple[int, ...]) -> None:
    array = sample("float32", 2, 3, 4).transpose(order)
    x = cf.from_numpy(array)
    assert x.data_ptr() == array.ctypes.data
    assert [4 * step for step in x.stride()] == list(array.strides)
    np.testing.assert_array_equal(x.to_numpy(), array)
    np.testing.assert_allclose((x * 2 + x.sum()).to_numpy(), array * 2 + array.sum())
    x += 1
    np.testing.assert_array_equal(x.to_numpy(), array)


def record() -> np.ndarray:
    pairs = np.zeros(4, dtype=[("a", "u1"), ("b", "<f4")])
    return pairs["b"]


def read_only() -> np.ndarray:
    array = np.arange(4.0)
    array.flags.writeable = False
    return array


COPIED: dict[str, tuple[Callable[[], np.ndarray], str]] = {
    "read-only": (read_only, "read-only"),
    "broadcast": (lambda: np.broadcast_to(np.ones(3), (2, 3)), "read-only"),
    "backwards": (lambda: np.arange(4.0)[::-1], "strides"),
    "gaps": (lambda: np.arange(8.0)[::2], "strides"),
    "overlap": (
        lambda: np.lib.stride_tricks.as_strided(np.arange(4.0), (3, 2), (8, 8), writeable=True),
        "strides",
    ),
    "big-endian": (lambda: np.arange(4.0).astype(">f8"), "byte order"),
    "unaligned": (lambda: np.frombuffer(bytearray(17), np.float64, 2, 1), "aligned"),
    "odd bools": (lambda: np.array([0, 1, 7], np.uint8).view(np.bool_), "neither 0 nor 1"),
    "unaligned with gaps": (record, "aligned|strides"),
}


@pytest.mark.parametrize("name", COPIED)
def test_what_cannot_be_shared_is_copied_and_said(name: str) -> None:
    make, reason = COPIED[name]
    array = make()
    with pytest.warns(UserWarning, match=rf"from_numpy: the array is copied, because .*{reason}"):
        x = cf.from_numpy(array)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        same = cf.as_tensor(array)
    for tensor in (x, same):
        assert tensor.data_ptr() != array.ctypes.data
        np.testing.assert_array_equal(tensor.numpy(), array.astype(array.dtype.newbyteorder("=")))


def test_as_tensor_shares_and_tensor_copies() -> None:
    array = np.zeros(3, np.float32)
    assert cf.as_tensor(array).data_ptr() == array.ctypes.data
    assert cf.as_tensor(array, dtype=cf.float32).data_ptr() == array.ctypes.data
    assert cf.as_tensor(array, dtype=cf.float64).dtype == cf.float64
    for made in (cf.tensor(array), cf.Tensor(array), cf.as_tensor([0.0, 0.0, 0.0])):
        made += 1
    assert not array.any()


@pytest.mark.parametrize("shape", [(0,), (3, 0), (0, 2)], ids=str)
def test_nothing_is_shared_of_nothing(shape: tuple[int, ...]) -> None:
    array = np.empty(shape, np.int16)
    x = cf.from_numpy(array)
    assert tuple(x.shape) == shape and x.data_ptr() == 0
    dead = weakref.ref(array)
    del array
    gc.collect()
    assert dead() is None
    assert x.numpy().shape == shape


def test_an_array_lives_as_long_as_its_tensors() -> None:
    array = sample("float32", 100)
    expected = array.copy()
    dead = weakref.ref(array)
    x = cf.from_numpy(array)
    view = x[10:20]
    del array
    gc.collect()
    assert dead() is not None
    np.testing.assert_array_equal(x.to_numpy(), expected)
    del x
    gc.collect()
    np.testing.assert_array_equal(view.to_numpy(), expected[10:20])
    assert dead() is not None
    del view
    gc.collect()
    assert dead() is None


def test_a_tensor_lives_as_long_as_its_arrays() -> None:
    before = cf.live_handles()
    x = cf.arange(1000)
    array = x.numpy()[5:]
    del x
    gc.collect()
    cf.zeros(1000)
    assert array.sum() == sum(range(5, 1000))
    del array
    gc.collect()
    assert cf.live_handles() == before


def test_a_graph_keeps_the_array() -> None:
    array = np.full(3, 2.0, np.float32)
    dead = weakref.ref(array)
    w = cf.ones(3, requires_grad=True)
    loss = (w * cf.from_numpy(array)).sum()
    del array
    gc.collect()
    assert dead() is not None
    loss.backward()
    del loss
    gc.collect()
    assert dead() is None
    assert w.grad is not None and w.grad.tolist() == [2.0, 2.0, 2.0]


def test_one_array_adopted_twice() -> None:
    array = sample("float32", 10)
    dead = weakref.ref(array)
    x, y, part = cf.from_numpy(array), cf.from_numpy(array), cf.from_numpy(array[:5])
    del array
    for _ in range(2):
        x, y = y, x
        x += 1
        assert (y - x).abs().max().item() == 0
    del x
    gc.collect()
    assert dead() is not None
    part += 1
    del y, part
    gc.collect()
    assert dead() is None


def test_there_and_back_and_there() -> None:
    """A tensor in an array in a tensor: each holds the one before."""
    x = cf.ones(50)
    y = cf.from_numpy(x.numpy())
    z = cf.from_numpy(y.numpy())
    del x, y
    gc.collect()
    junk = [cf.zeros(50) for _ in range(20)]
    z += 1
    assert z.tolist() == [2.0] * 50 and len(junk) == 20


def test_data_is_replaced_and_the_array_keeps_the_old() -> None:
    x = cf.zeros(3)
    array = x.numpy()
    x.data = cf.ones(3)
    array += 5
    assert x.tolist() == [1.0] * 3 and array.tolist() == [5.0] * 3
    source = np.zeros(3, np.float32)
    dead = weakref.ref(source)
    y = cf.from_numpy(source)
    del source
    y.data = cf.ones(3)
    gc.collect()
    assert dead() is None


def test_a_hook_that_returns_an_array_of_its_own_does_not_see_it_change() -> None:
    mine = np.full(3, 7.0, np.float32)
    x = cf.ones(3, requires_grad=True)
    y = x * 1
    y.register_hook(lambda grad: cf.from_numpy(mine))
    (y.sum() + (y * 2).sum()).backward()
    (x * 3).sum().backward()
    assert mine.tolist() == [7.0] * 3
    assert x.grad is not None and x.grad.tolist() == [10.0] * 3


def test_training_changes_the_array() -> None:
    array = np.zeros(2, np.float32)
    w = cf.from_numpy(array).requires_grad_()
    optimizer = cf.optim.SGD([w], lr=0.5)
    (w * cf.tensor([1.0, 2.0])).sum().backward()
    optimizer.step()
    assert array.tolist() == [-0.5, -1.0]
    with pytest.raises(RuntimeError, match="detach"):
        w.numpy()
    assert w.numpy(force=True).tolist() == [-0.5, -1.0]


@pytest.mark.parametrize("mode", ["r", "r+", "c"])
def test_memory_mapped_files(mode: str, tmp_path: Path) -> None:
    path = tmp_path / "values"
    np.arange(1000, dtype=np.float32).tofile(path)
    mapped: Any = np.memmap(path, np.float32, mode)  # type: ignore[call-overload]
    if mode == "r":
        with pytest.warns(UserWarning, match="read-only"):
            x = cf.from_numpy(mapped)
    else:
        x = cf.from_numpy(mapped)
    del mapped
    gc.collect()
    assert x.sum().item() == 499500.0
    x[0] = 500.0
    del x
    gc.collect()
    assert np.fromfile(path, np.float32)[0] == (500.0 if mode == "r+" else 0.0)


def test_sharing_needs_no_memory(tmp_path: Path) -> None:
    path, count = tmp_path / "large", 1 << 37
    with path.open("wb") as file:
        file.truncate(4 * count)
    mapped: Any = np.memmap(path, np.float32, "r+")
    for x in (cf.from_numpy(mapped), cf.from_dlpack(np.asarray(mapped))):
        assert x.shape == (count,)
        x[-1] += 1.5
    assert mapped[-1] == 3.0
    with pytest.raises(MemoryError):
        cf.from_dlpack(np.asarray(mapped), copy=True)


def test_columns_of_a_data_frame() -> None:
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"a": np.arange(5.0), "b": np.arange(5.0, 10.0), "c": range(5)})
    for column in frame.columns:
        x = cf.as_tensor(frame[column].to_numpy())
        assert x.tolist() == frame[column].tolist()
    whole = frame[["a", "b"]].to_numpy()
    np.testing.assert_array_equal(cf.as_tensor(whole).to_numpy(), whole)
    assert cf.tensor(frame["c"]).tolist() == [0, 1, 2, 3, 4]


def test_dtypes_of_ml_dtypes() -> None:
    ml_dtypes = pytest.importorskip("ml_dtypes")
    for name in ("bfloat16", "float8_e4m3fn"):
        array = np.arange(4).astype(getattr(ml_dtypes, name)).reshape(2, 2).T
        x = cf.from_numpy(array)
        assert x.dtype.name == name and x.data_ptr() == array.ctypes.data
        assert x.float().tolist() == [[0.0, 2.0], [1.0, 3.0]]


def resident() -> int:
    """Bytes of memory that this process has."""
    pages = Path("/proc/self/statm").read_text().split()[1]
    return int(pages) * 4096


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="reads Linux's files")
def test_memory_stays_flat() -> None:
    array = np.ones((100, 100), np.float32)

    def cycle(count: int) -> None:
        for _ in range(count):
            cf.from_numpy(array)
            cf.from_numpy(array.T).numpy()
            cf.zeros(1000).numpy()

    cycle(2000)
    references, before = sys.getrefcount(array), resident()
    cycle(100_000)
    assert sys.getrefcount(array) == references
    assert resident() - before < 4 << 20


def test_threads_share_and_drop_at_once() -> None:
    arrays = [np.full(500 + n, float(n), np.float32) for n in range(8)]
    references = [sys.getrefcount(array) for array in arrays]
    box: list[cf.Tensor] = []
    wrong = []

    def work(seed: int) -> None:
        for number in range(1500):
            array = arrays[(seed + number) % 8]
            box.append(cf.from_numpy(array))
            try:
                # A tensor of another thread, which dies here.
                values = box.pop(0).numpy()
            except IndexError:
                continue
            if values[0] != values[-1]:
                wrong.append(seed)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    box.clear()
    gc.collect()
    assert not wrong
    assert [sys.getrefcount(array) for array in arrays] == references


def test_the_interpreter_ends_with_memory_shared() -> None:
    program = """
import sys, numpy as np, candle_ffi as cf
x = cf.from_numpy(np.ones(1000))
y = cf.zeros(1000).numpy()
z = cf.from_dlpack(np.ones(1000))
capsule = x.__dlpack__(max_version=(1, 0))
old = x.__dlpack__()
sys.kept = [cf.from_numpy(np.ones(10)), cf.ones(3).numpy(), x.__dlpack__()]
sys.modules["kept"] = sys.kept
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, timeout=120)
    assert (done.returncode, done.stderr) == (0, b"")
