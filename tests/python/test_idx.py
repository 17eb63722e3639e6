"""IDX files: what they hold comes back, and what is damaged is refused with its reason."""

from __future__ import annotations

import gzip
import os
from pathlib import Path

import backend
import numpy as np
import pytest

if backend.IS_TORCH:
    pytest.skip("PyTorch reads no IDX files", allow_module_level=True)

import candle_ffi as cf
from candle_ffi.data.idx import DTYPES, read_idx

#: Where Debian has Fashion-MNIST, or where a person has it.
FASHION = Path(os.environ.get("CANDLE_FFI_FASHION_MNIST", "/usr/share/datasets/fashion-mnist"))


def content(values: np.ndarray) -> bytes:
    code = next(c for c, name in DTYPES.items() if np.dtype(name) == values.dtype)
    sizes = b"".join(size.to_bytes(4, "big") for size in values.shape)
    return bytes([0, 0, code, values.ndim]) + sizes + values.tobytes()


@pytest.mark.parametrize("dtype", DTYPES.values())
@pytest.mark.parametrize("shape", [(5,), (2, 3, 4), (3, 0)])
@pytest.mark.parametrize("name", ["numbers", "numbers.gz"])
def test_what_was_written_comes_back(
    dtype: str, shape: tuple[int, ...], name: str, tmp_path: Path
) -> None:
    values = (np.random.default_rng(0).random(shape) * 100).astype(dtype)
    written = content(values)
    (tmp_path / name).write_bytes(gzip.compress(written) if name.endswith("gz") else written)
    got = read_idx(tmp_path / name)
    assert got.dtype == np.dtype(dtype).newbyteorder("=") and got.dtype.isnative
    np.testing.assert_array_equal(got, values)


GOOD = content(np.arange(24, dtype=np.uint8).reshape(2, 3, 4))
DAMAGED = {
    "nothing": (b"", "the header is cut off"),
    "magic": (GOOD[:3], "the header is cut off"),
    "header": (GOOD[:14], "the header is cut off"),
    "cut": (GOOD[:-1], r"23 bytes for sizes \[2, 3, 4\], which take 24"),
    "long": (GOOD + b"\0", r"25 bytes for sizes \[2, 3, 4\], which take 24"),
    "labels": (
        content(np.zeros(4, np.uint8)),
        "begins with 0x00000801, but should with 0x00000803",
    ),
    "zip": (b"PK\x03\x04" + GOOD, "begins with 0x504B0304, but should with 0x00000803"),
    "huge": (GOOD[:4] + b"\xff" * 12 + GOOD[16:], r"24 bytes for sizes \[4294967295, "),
    "packed": (gzip.compress(GOOD), "is compressed; its name should then end with .gz"),
    "cut.gz": (gzip.compress(GOOD)[:-9], "the compressed content is damaged"),
    "flipped.gz": (gzip.compress(GOOD)[:15] + b"\xff\0" + gzip.compress(GOOD)[17:], "damaged"),
    "plain.gz": (GOOD, "the compressed content is damaged"),
}


@pytest.mark.parametrize("name", DAMAGED)
def test_what_is_damaged_is_refused(name: str, tmp_path: Path) -> None:
    written, message = DAMAGED[name]
    path = tmp_path / name
    path.write_bytes(written)
    with pytest.raises(cf.FileFormatError, match=message) as caught:
        read_idx(path, 3)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("start", [b"\x89PNG", b"\0\0\x07\x01", b"\0\1\x08\x01", b"\0\0\x08\0"])
def test_other_files_are_told_apart(start: bytes, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(start + bytes(100))
    with pytest.raises(cf.FileFormatError, match=f"begins with 0x{start.hex().upper()}, as no IDX"):
        read_idx(tmp_path / "file")


def test_what_is_not_there(tmp_path: Path) -> None:
    for name in ("missing", "missing.gz"):
        with pytest.raises(cf.MissingFileError, match=f"{name}: No such file"):
            read_idx(tmp_path / name)
    with pytest.raises(cf.FileError, match="directory"):
        read_idx(tmp_path)


@pytest.mark.skipif(not FASHION.is_dir(), reason="Fashion-MNIST is not installed")
def test_fashion_mnist() -> None:
    images = read_idx(FASHION / "t10k-images-idx3-ubyte.gz", 3)
    labels = read_idx(FASHION / "t10k-labels-idx1-ubyte.gz", 1)
    assert images.shape == (10_000, 28, 28) and images.dtype == np.uint8
    assert np.bincount(labels).tolist() == [1000] * 10
    assert abs(images.mean() - 73.1) < 0.1
