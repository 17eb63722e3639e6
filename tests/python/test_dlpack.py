"""DLPack: tensors from and to NumPy and JAX, capsules of both forms, and what is refused."""

from __future__ import annotations

import ctypes
import gc
import sys
import threading
import weakref
from typing import Any

import numpy as np
import pytest

import candle_ffi as cf

NAMES = ["bool", "uint8", "int16", "int32", "int64", "uint32", "float16", "float32", "float64"]
OURS = [*NAMES, "bfloat16", "float8_e4m3fn"]


class Exporter:
    """An array of a library with ways of its own."""

    def __init__(self, array: np.ndarray, **changes: Any) -> None:
        self.array, self.changes = array, changes

    def __dlpack_device__(self) -> tuple[int, int]:
        return self.changes.get("device", (1, 0))  # type: ignore[no-any-return]

    def __dlpack__(self, **keywords: Any) -> Any:
        if self.changes.get("old") and keywords:
            raise TypeError("no keywords here")
        capsule = self.array.__dlpack__(**keywords)
        for name, value in self.changes.get("fields", {}).items():
            change(capsule, name, value)
        return capsule


class View(ctypes.Structure):
    _fields_ = [
        ("data", ctypes.c_void_p),
        ("device_type", ctypes.c_int32),
        ("device_id", ctypes.c_int32),
        ("ndim", ctypes.c_int32),
        ("code", ctypes.c_uint8),
        ("bits", ctypes.c_uint8),
        ("lanes", ctypes.c_uint16),
        ("shape", ctypes.POINTER(ctypes.c_int64)),
        ("strides", ctypes.POINTER(ctypes.c_int64)),
        ("byte_offset", ctypes.c_uint64),
    ]


class Versioned(ctypes.Structure):
    _fields_ = [
        ("major", ctypes.c_uint32),
        ("minor", ctypes.c_uint32),
        ("context", ctypes.c_void_p),
        ("deleter", ctypes.c_void_p),
        ("flags", ctypes.c_uint64),
        ("view", View),
    ]


def inside(capsule: Any) -> Versioned:
    """The structure that a versioned capsule has."""
    get = ctypes.PYFUNCTYPE(ctypes.c_void_p, ctypes.py_object, ctypes.c_char_p)(
        ("PyCapsule_GetPointer", ctypes.pythonapi)
    )
    return Versioned.from_address(get(capsule, b"dltensor_versioned"))


def change(capsule: Any, name: str, value: Any) -> None:
    managed = inside(capsule)
    setattr(managed if hasattr(managed, name) else managed.view, name, value)


def sample(name: str) -> np.ndarray:
    values = np.arange(12).reshape(3, 4)
    return (values % 2 if name == "bool" else values).astype(name)


@pytest.mark.parametrize("old", [False, True])
@pytest.mark.parametrize("name", NAMES)
def test_from_numpy(name: str, old: bool) -> None:
    array = sample(name)
    x = cf.from_dlpack(Exporter(array, old=old))
    assert x.dtype.name == name and x.data_ptr() == array.ctypes.data
    np.testing.assert_array_equal(x.to_numpy(), array, strict=True)
    array[1, 2] = 0
    assert x[1, 2].item() == 0
    x[0, 0] = 1
    assert array[0, 0] == 1


@pytest.mark.parametrize("name", NAMES)
def test_to_numpy(name: str) -> None:
    x = cf.tensor(sample(name))
    array = np.from_dlpack(x)
    assert array.ctypes.data == x.data_ptr()
    np.testing.assert_array_equal(array, sample(name), strict=True)
    x[1, 2] = 0
    assert array[1, 2] == 0
    np.testing.assert_array_equal(np.from_dlpack(x.T), x.to_numpy().T)


def test_shapes_and_strides_that_only_look_odd() -> None:
    base = np.arange(24.0).reshape(2, 3, 4)
    for array in (
        base.T,
        base[:1, :, :1].transpose(2, 1, 0),
        np.array(3.0),
        base[1:],
        base[:, 0:0],
    ):
        x = cf.from_dlpack(array)
        np.testing.assert_array_equal(x.to_numpy(), array, strict=True)
    odd = np.lib.stride_tricks.as_strided(base, (1, 4, 1), (-56, 8, 1000), writeable=True)
    assert cf.from_dlpack(odd).data_ptr() == base.ctypes.data
    for tensor in (cf.arange(24).reshape(2, 3, 4).permute(2, 0, 1), cf.tensor(3.0), cf.zeros(0, 2)):
        np.testing.assert_array_equal(np.from_dlpack(tensor), tensor.to_numpy(), strict=True)
    view = cf.arange(10)[2:9:3]
    assert np.from_dlpack(view).tolist() == [2, 5, 8]


@pytest.mark.parametrize("name", OURS)
def test_every_dtype_comes_back(name: str) -> None:
    x = cf.tensor([[0.0, 1.0], [2.0, 3.0]]).to(getattr(cf, name))
    for version in (None, (1, 0), (1, 3)):
        y = cf.from_dlpack(x.__dlpack__(max_version=version))
        assert y.dtype == x.dtype and y.data_ptr() == x.data_ptr()
        assert y.tolist() == x.tolist()


def test_jax_both_ways() -> None:
    jax = pytest.importorskip("jax")
    jnp = jax.numpy
    for name in (*NAMES, "bfloat16"):
        if name in ("int64", "float64"):
            continue  # JAX narrows these unless it is told otherwise
        x = cf.tensor(sample("int32")).to(getattr(cf, name))
        theirs = jnp.from_dlpack(x)
        assert str(theirs.dtype) == name
        assert theirs.astype(jnp.float32).tolist() == x.float().tolist()
        back = cf.from_dlpack(theirs)
        assert back.dtype == x.dtype and back.tolist() == x.tolist()
    made = jnp.arange(6.0).reshape(2, 3)
    ours = cf.from_dlpack(made)
    del made
    gc.collect()
    assert ours.tolist() == [[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]]


def test_lifetimes() -> None:
    array = np.arange(100.0)
    dead = weakref.ref(array)
    x = cf.from_dlpack(array)[10:]
    del array
    gc.collect()
    assert dead() is not None and x[0].item() == 10.0
    del x
    gc.collect()
    assert dead() is None
    before = cf.live_handles()
    y = cf.ones(100)
    array = np.from_dlpack(y)
    y.data = cf.zeros(100)
    del y
    gc.collect()
    assert array.sum() == 100.0
    assert cf.live_handles() == before


@pytest.mark.parametrize("version", [None, (1, 0)])
def test_a_capsule_that_nobody_takes_frees_its_tensor(version: Any) -> None:
    array = np.ones(10)
    dead = weakref.ref(array)
    capsule = cf.from_numpy(array).__dlpack__(max_version=version)
    del array
    gc.collect()
    assert dead() is not None
    del capsule
    gc.collect()
    assert dead() is None


@pytest.mark.parametrize("version", [None, (1, 0)])
def test_a_capsule_is_taken_once(version: Any) -> None:
    x = cf.ones(3)
    capsule = x.__dlpack__(max_version=version)
    y = cf.from_dlpack(capsule)
    with pytest.raises(TypeError, match="taken out before"):
        cf.from_dlpack(capsule)
    del capsule, x
    gc.collect()
    assert y.tolist() == [1.0] * 3
    taken = np.ones(2).__dlpack__()
    assert "used_dltensor" not in repr(taken)
    cf.from_dlpack(taken)
    assert "used_dltensor" in repr(taken)


@pytest.mark.parametrize("version", [None, (1, 0)])
def test_one_of_several_threads_takes_a_capsule(version: Any) -> None:
    def take(capsule: Any, start: threading.Barrier, got: list[Any]) -> None:
        start.wait()
        try:
            got.append(cf.from_dlpack(capsule))
        except TypeError as error:
            got.append(error)

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        for _ in range(200):
            array = np.ones(40)
            capsule, start, got = array.__dlpack__(max_version=version), threading.Barrier(3), []
            threads = [threading.Thread(target=take, args=(capsule, start, got)) for _ in range(3)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            assert sum(isinstance(found, cf.Tensor) for found in got) == 1
    finally:
        sys.setswitchinterval(interval)


def test_a_capsule_that_cannot_be_taken_keeps_its_tensor() -> None:
    array = np.ones(10)
    dead = weakref.ref(array)
    capsule = Exporter(array[::2]).__dlpack__(max_version=(1, 0))
    with pytest.raises(cf.InvalidArgumentError):
        cf.from_dlpack(capsule, copy=False)
    assert cf.from_dlpack(capsule).tolist() == [1.0] * 5
    del array, capsule
    gc.collect()
    assert dead() is None


def test_read_only_memory_is_copied() -> None:
    array = np.arange(3.0)
    array.flags.writeable = False
    x = cf.from_dlpack(array)
    x += 1
    assert (x.tolist(), array.tolist()) == ([1.0, 2.0, 3.0], [0.0, 1.0, 2.0])
    with pytest.raises(ValueError, match="read-only"):
        cf.from_dlpack(array, copy=False)


@pytest.mark.parametrize(
    "pick", [np.s_[::2], np.s_[:, ::-1], np.s_[::-2, 1:], np.s_[:, None, 1:2]], ids=str
)
def test_gaps_and_negative_strides_are_copied(pick: Any) -> None:
    array = np.arange(12.0).reshape(3, 4)[pick]
    np.testing.assert_array_equal(cf.from_dlpack(array).to_numpy(), array)
    with pytest.raises(ValueError, match="dense"):
        cf.from_dlpack(array, copy=False)
    dead = weakref.ref(array)
    copy = cf.from_dlpack(array)
    del array
    gc.collect()
    assert dead() is None and copy.numel() > 0, "a copy lets the array go"


def test_copy_says_what_happens() -> None:
    array = np.zeros(3)
    assert cf.from_dlpack(array, copy=False).data_ptr() == array.ctypes.data
    assert cf.from_dlpack(array, copy=True).data_ptr() != array.ctypes.data
    x = cf.zeros(3)
    managed = inside(shared := x.__dlpack__(max_version=(1, 1), copy=False))
    assert (managed.major, managed.flags, managed.view.data) == (1, 0, x.data_ptr())
    managed = inside(copied := x.__dlpack__(max_version=(1, 1), copy=True))
    assert (managed.flags, managed.view.data != x.data_ptr()) == (2, True)
    del shared, copied
    assert not np.shares_memory(np.from_dlpack(x, copy=True), x.numpy())


def test_an_offset_and_missing_strides() -> None:
    array = np.arange(12.0)
    fields: dict[str, Any] = {"byte_offset": 16, "strides": None}
    capsule = Exporter(array[:4], fields=fields).__dlpack__(max_version=(1, 0))
    x = cf.from_dlpack(capsule)
    assert x.tolist() == [2.0, 3.0, 4.0, 5.0] and x.data_ptr() == array.ctypes.data + 16


@pytest.mark.parametrize("name", ["int8", "uint16", "uint64", "complex64", "complex128"])
def test_dtypes_that_tensors_lack_are_named(name: str) -> None:
    with pytest.raises(cf.DTypeError, match=rf"no dtype {name};"):
        cf.from_dlpack(np.zeros(2, name))


@pytest.mark.parametrize(
    ("fields", "error", "match"),
    [
        ({"lanes": 2}, cf.DTypeError, "float64x2"),
        ({"code": 12, "bits": 8}, cf.DTypeError, "float8_e5m2"),
        ({"code": 77}, cf.DTypeError, "code 77"),
        ({"device_type": 2}, cf.DeviceError, "no device cuda:0|no memory of CUDA"),
        ({"device_type": 99}, cf.DeviceError, "type 99"),
        ({"major": 2}, cf.UnsupportedError, "DLPack 2"),
        ({"ndim": -1}, cf.InvalidArgumentError, "negative"),
        ({"data": None}, cf.InvalidArgumentError, "data"),
        ({"byte_offset": 4}, cf.InvalidArgumentError, "aligned"),
    ],
    ids=str,
)
def test_what_is_refused_stays_with_its_owner(
    fields: dict[str, Any], error: type[Exception], match: str
) -> None:
    array = np.zeros(4)
    dead = weakref.ref(array)
    capsule = Exporter(array[:2], fields=fields).__dlpack__(max_version=(1, 0))
    with pytest.raises(error, match=match):
        cf.from_dlpack(capsule, copy=False)
    del array
    gc.collect()
    assert dead() is not None, "the capsule still has it"
    assert "used_" not in repr(capsule)
    del capsule
    gc.collect()
    assert dead() is None


def test_bools_of_other_bytes_are_copied() -> None:
    array = np.array([0, 1, 9], np.uint8).view(np.bool_)
    assert cf.from_dlpack(array).numpy().view(np.uint8).tolist() == [0, 1, 1]
    with pytest.raises(ValueError, match="neither 0 nor 1"):
        cf.from_dlpack(array, copy=False)


def test_other_devices_and_other_things() -> None:
    with pytest.raises(cf.DeviceError, match="cuda"):
        cf.from_dlpack(Exporter(np.zeros(1), device=(2, 3)))
    with pytest.raises(TypeError, match="not list"):
        cf.from_dlpack([1.0])
    with pytest.raises(cf.DeviceError):
        cf.from_dlpack(np.zeros(1), device="cuda:7")
    assert cf.from_dlpack(np.zeros(1), device="cpu").tolist() == [0.0]


def test_what_a_tensor_does_not_export() -> None:
    x = cf.ones(2)
    assert x.__dlpack_device__() == (1, 0)
    with pytest.raises(BufferError, match="detach"):
        cf.ones(2, requires_grad=True).__dlpack__()
    with pytest.raises(BufferError, match="stream"):
        x.__dlpack__(stream=1)
    with pytest.raises(BufferError, match="CPU"):
        x.__dlpack__(dl_device=(2, 0))
    x.__dlpack__(dl_device=(1, 0), stream=None)
