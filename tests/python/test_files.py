"""safetensors files: every dtype there and back, atomic writing, and files made to do harm."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import struct
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import backend
import numpy as np
import pytest
from backend import cf, to_numpy

if backend.IS_TORCH:
    pytest.skip("PyTorch has no safetensors files", allow_module_level=True)


def file_of(
    header: Any, data: bytes = b"", path: Path | None = None, length: int | None = None
) -> bytes:
    """A file with this header, right or wrong."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    content = struct.pack("<Q", len(text) if length is None else length) + text + data
    if path is not None:
        path.write_bytes(content)
    return content


def entry(
    dtype: str = "F32", shape: list[int] | None = None, start: int = 0, end: int = 8
) -> dict[str, Any]:
    return {"dtype": dtype, "shape": [2] if shape is None else shape, "data_offsets": [start, end]}


@pytest.mark.parametrize("name", backend.ALL)
@pytest.mark.parametrize("shape", [(2, 3), (), (0, 4)], ids=str)
def test_every_dtype_there_and_back(tmp_path: Path, name: str, shape: tuple[int, ...]) -> None:
    count = int(np.prod(shape))
    x = backend.to_tensor(cf, (np.arange(count) % 5).reshape(shape), name)
    cf.save_file({"x": x}, tmp_path / "a.safetensors")
    y = cf.load_file(tmp_path / "a.safetensors")["x"]
    assert y.dtype == x.dtype and tuple(y.shape) == shape
    np.testing.assert_array_equal(to_numpy(y), to_numpy(x))


def test_many_tensors_and_odd_names(tmp_path: Path) -> None:
    names = ["a", "a.b.c", "Ünïcode 名", 'quote"\\', "", "x" * 1000, "__metadata"]
    tensors = {name: cf.full((2,), float(i)) for i, name in enumerate(names)}
    cf.save_file(tensors, str(tmp_path / "a.safetensors"))
    loaded = cf.load_file(str(tmp_path / "a.safetensors"))
    assert sorted(loaded) == sorted(names)
    for name, x in tensors.items():
        assert loaded[name].tolist() == x.tolist()


def test_views_and_gradients(tmp_path: Path) -> None:
    base = cf.arange(6.0).reshape(2, 3)
    cf.save_file({"t": base.T, "g": cf.ones(2, requires_grad=True) * 2}, tmp_path / "a.safetensors")
    loaded = cf.load_file(tmp_path / "a.safetensors")
    assert loaded["t"].tolist() == [[0.0, 3.0], [1.0, 4.0], [2.0, 5.0]]
    assert loaded["g"].tolist() == [2.0, 2.0] and not loaded["g"].requires_grad


def test_nothing_at_all(tmp_path: Path) -> None:
    cf.save_file({}, tmp_path / "a.safetensors")
    assert cf.load_file(tmp_path / "a.safetensors") == {}


class TestOtherImplementation:
    """The files are those of the `safetensors` package."""

    def test_ours_there(self, tmp_path: Path) -> None:
        safetensors = pytest.importorskip("safetensors.numpy")
        cf.save_file(
            {"x": cf.tensor([[1.5, 2.0]]), "i": cf.tensor([1, 2]), "b": cf.tensor([True])},
            tmp_path / "a",
        )
        loaded = safetensors.load_file(tmp_path / "a")
        assert loaded["x"].dtype == np.float32 and loaded["x"].tolist() == [[1.5, 2.0]]
        assert loaded["i"].dtype == np.int64 and loaded["b"].dtype == np.bool_

    def test_theirs_here(self, tmp_path: Path) -> None:
        safetensors = pytest.importorskip("safetensors.numpy")
        arrays = {
            name: np.arange(4).astype(name)
            for name in (
                "bool",
                "uint8",
                "int16",
                "int32",
                "int64",
                "uint32",
                "float16",
                "float32",
                "float64",
            )
        }
        safetensors.save_file(arrays, tmp_path / "a", metadata={"format": "np"})
        loaded = cf.load_file(tmp_path / "a")
        assert loaded.keys() == arrays.keys()
        for name, array in arrays.items():
            assert backend.dtype_name(loaded[name]) == name
            np.testing.assert_array_equal(loaded[name].numpy(), array)

    def test_dtypes_this_package_lacks(self, tmp_path: Path) -> None:
        file_of({"x": entry("I8", [8])}, bytes(8), tmp_path / "a")
        with pytest.raises(
            (cf.DTypeError, cf.FileFormatError, cf.UnsupportedError), match=r"I8|int8"
        ):
            cf.load_file(tmp_path / "a")


HOSTILE: dict[str, bytes] = {
    "empty file": b"",
    "seven bytes": bytes(7),
    "no header": struct.pack("<Q", 0),
    "header beyond the file": struct.pack("<Q", 100) + b"{}",
    "enormous header length": struct.pack("<Q", 2**63) + b"{}",
    "largest header length": struct.pack("<Q", 2**64 - 1) + b"{}",
    "no JSON": file_of(b"nonsense"),
    "JSON of another kind": file_of(b"[1, 2]"),
    "not UTF-8": file_of(b'{"\xff": 1}'),
    "entry of another kind": file_of({"x": 3}),
    "no dtype": file_of({"x": {"shape": [2], "data_offsets": [0, 8]}}, bytes(8)),
    "no offsets": file_of({"x": {"dtype": "F32", "shape": [2]}}, bytes(8)),
    "unknown dtype": file_of({"x": entry("F33")}, bytes(8)),
    "dtype of another kind": file_of({"x": entry(32)}, bytes(8)),  # type: ignore[arg-type]
    "data beyond the file": file_of({"x": entry(end=800, shape=[200])}, bytes(8)),
    "data cut short": file_of({"x": entry()}, bytes(7)),
    "data left over": file_of({"x": entry()}, bytes(9)),
    "offsets reversed": file_of({"x": entry(start=8, end=0)}, bytes(8)),
    "negative offset": file_of({"x": entry(start=-8, end=0)}, bytes(8)),
    "offsets of the wrong size": file_of({"x": entry(end=4)}, bytes(4)),
    "overlap": file_of({"x": entry(), "y": entry(start=4, end=12)}, bytes(12)),
    "same data twice": file_of({"x": entry(), "y": entry()}, bytes(8)),
    "hole": file_of({"x": entry(), "y": entry(start=12, end=20)}, bytes(20)),
    "negative size": file_of({"x": entry(shape=[-2])}, bytes(8)),
    "shape overflow": file_of({"x": entry(shape=[2**32, 2**32, 2**32], end=0)}),
    "shape overflow to the right size": file_of({"x": entry(shape=[2**62, 4, 2], end=0)}),
    "fractional size": file_of(
        {"x": {"dtype": "F32", "shape": [2.5], "data_offsets": [0, 8]}}, bytes(8)
    ),
    "huge numbers": file_of(
        b'{"x":{"dtype":"F32","shape":[1e400],"data_offsets":[0,8]}}', bytes(8)
    ),
    "three offsets": file_of(
        {"x": {"dtype": "F32", "shape": [2], "data_offsets": [0, 4, 8]}}, bytes(8)
    ),
    "deep nesting": file_of(b"[" * 200_000),
    "deep object": file_of(b'{"a":' * 100_000 + b"1" + b"}" * 100_000),
    "text metadata": file_of({"__metadata__": "text", "x": entry()}, bytes(8)),
    "zip archive": b"PK\x03\x04" + bytes(60),
    "pickle": b"\x80\x02}q\x00." + bytes(60),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_hostile_files(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "a.safetensors"
    path.write_bytes(HOSTILE[kind])
    with pytest.raises(cf.FileFormatError) as caught:
        cf.load_file(path)
    assert "a.safetensors" in str(caught.value)


def test_a_name_given_twice(tmp_path: Path) -> None:
    """JSON leaves open which one counts, so neither may be chosen in silence."""
    one = b'"x":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}'
    two = b'"x":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}'
    file_of(b"{" + one + b"," + two + b"}", bytes(8), tmp_path / "a")
    with pytest.raises(cf.FileFormatError):
        cf.load_file(tmp_path / "a")


def test_a_hundred_megabytes_of_json(tmp_path: Path) -> None:
    """The format limits a header to 100 MB; refused at once, without building it in memory."""
    path = tmp_path / "a"
    text = b'{"x":[' + b"1," * (55 * 2**20) + b"1]}"
    file_of(text, b"", path)
    start = time.perf_counter()
    with pytest.raises(cf.FileFormatError):
        cf.load_file(path)
    assert time.perf_counter() - start < 10


def test_truncation_anywhere_is_noticed(tmp_path: Path) -> None:
    cf.save_file({"x": cf.arange(10.0), "y": cf.arange(3)}, tmp_path / "a")
    content = (tmp_path / "a").read_bytes()
    for length in range(0, len(content), 7):
        (tmp_path / "b").write_bytes(content[:length])
        with pytest.raises(cf.FileFormatError):
            cf.load_file(tmp_path / "b")


def test_changed_bytes_never_crash(tmp_path: Path) -> None:
    cf.save_file({"x": cf.arange(10.0), "y": cf.arange(3)}, tmp_path / "a")
    content = (tmp_path / "a").read_bytes()
    generator = np.random.RandomState(0)
    header = 8 + struct.unpack("<Q", content[:8])[0]
    for _ in range(400):
        changed = bytearray(content)
        for place in generator.randint(0, header, generator.randint(1, 4)):
            changed[place] = generator.randint(0, 256)
        (tmp_path / "b").write_bytes(bytes(changed))
        with contextlib.suppress(cf.FileFormatError, cf.DTypeError, cf.UnsupportedError):
            cf.load_file(tmp_path / "b")


class TestPaths:
    def test_missing(self, tmp_path: Path) -> None:
        with pytest.raises(cf.FileError, match=r"nothing\.safetensors") as caught:
            cf.load_file(tmp_path / "nothing.safetensors")
        assert isinstance(caught.value, OSError)

    def test_a_folder(self, tmp_path: Path) -> None:
        with pytest.raises((cf.FileError, cf.FileFormatError)):
            cf.load_file(tmp_path)

    def test_no_folder_to_write_into(self, tmp_path: Path) -> None:
        with pytest.raises(cf.FileError):
            cf.save_file({"x": cf.ones(1)}, tmp_path / "no" / "a")

    def test_wrong_arguments(self, tmp_path: Path) -> None:
        with pytest.raises(TypeError):
            cf.save_file({"x": 1}, tmp_path / "a")
        with pytest.raises(TypeError):
            cf.save_file({1: cf.ones(1)}, tmp_path / "a")
        with pytest.raises((TypeError, ValueError)):
            cf.load_file("a\0b")
        assert not (tmp_path / "a").exists()


class TestAtomicWriting:
    def test_a_failed_write_leaves_the_old_file(self, tmp_path: Path) -> None:
        path = tmp_path / "a"
        cf.save_file({"x": cf.ones(1)}, path)
        with pytest.raises(TypeError):
            cf.save_file({"x": cf.zeros(1), "y": "text"}, path)
        assert cf.load_file(path)["x"].tolist() == [1.0]

    def test_nothing_else_is_left_behind(self, tmp_path: Path) -> None:
        for _ in range(3):
            cf.save_file({"x": cf.ones(1)}, tmp_path / "a")
        assert os.listdir(tmp_path) == ["a"]

    @pytest.mark.skipif(sys.platform == "win32", reason="needs SIGKILL")
    def test_a_killed_process_leaves_a_whole_file(self, tmp_path: Path) -> None:
        path = tmp_path / "a"
        program = (
            "import sys, candle_ffi as cf\n"
            "n = 0\n"
            "while True:\n"
            "    n += 1\n"
            "    cf.save_file({'x': cf.full((2_000_000,), float(n))}, sys.argv[1])\n"
            "    print(n, flush=True)\n"
        )
        for delay in (0.0, 0.003, 0.007, 0.011, 0.017):
            process = subprocess.Popen(
                [sys.executable, "-c", program, str(path)], stdout=subprocess.PIPE
            )
            assert process.stdout is not None
            process.stdout.readline()
            time.sleep(delay)
            process.send_signal(signal.SIGKILL)
            process.wait()
            process.stdout.close()
            x = to_numpy(cf.load_file(path)["x"])
            assert x.shape == (2_000_000,) and x[0] >= 1 and (x == x[0]).all()

    def test_overwriting_a_file_that_is_in_use(self, tmp_path: Path) -> None:
        path = tmp_path / "a"
        cf.save_file({"x": cf.ones(1000)}, path)
        loaded = cf.load_file(path)
        cf.save_file({"x": cf.zeros(1000)}, path)
        assert loaded["x"].sum().item() == 1000.0
