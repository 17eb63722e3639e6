"""NumPy's archives: there and back, and files made to do harm."""

from __future__ import annotations

import io
import os
import zipfile
from pathlib import Path

import backend
import numpy as np
import pytest
from backend import cf

if backend.IS_TORCH:
    pytest.skip("PyTorch has no archives of NumPy", allow_module_level=True)

NAMES = [name for name in backend.ALL if name not in ("bfloat16", "float8_e4m3fn")]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("shape", [(2, 3), (), (0, 4)], ids=str)
def test_there_and_back(tmp_path: Path, name: str, shape: tuple[int, ...]) -> None:
    x = backend.to_tensor(cf, (np.arange(int(np.prod(shape))) % 5).reshape(shape), name)
    cf.save({"x": x, "a/b.c ü": x}, tmp_path / "a.npz")
    found = cf.load(tmp_path / "a.npz")
    assert list(found) == ["x", "a/b.c ü"]
    assert found["x"].dtype == x.dtype and found["x"].tolist() == x.tolist()
    with np.load(tmp_path / "a.npz") as theirs:
        assert theirs["x"].dtype == np.dtype(name) and theirs["x"].tolist() == x.tolist()


@pytest.mark.parametrize("write", [np.savez, np.savez_compressed])
def test_what_numpy_writes(tmp_path: Path, write: object) -> None:
    arrays = {
        "rows": np.arange(6.0).reshape(2, 3),
        "columns": np.asfortranarray(np.arange(6.0).reshape(2, 3)),
        "other order": np.arange(3, dtype=">i4"),
        "file": np.float32(2.5),
        "zeros": np.zeros(100_000),
    }
    with open(tmp_path / "a.npz", "wb") as file:
        write(file, **{k: v for k, v in arrays.items() if k != "file"})  # type: ignore[operator]
    for name, x in cf.load(tmp_path / "a.npz").items():
        assert x.dtype.name == arrays[name].dtype.name
        assert x.tolist() == arrays[name].tolist()


def test_what_becomes_larger(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", a=np.int8([-128, 127]), b=np.uint16([0, 65535]))
    found = cf.load(tmp_path / "a.npz")
    assert found["a"].dtype is cf.int16 and found["a"].tolist() == [-128, 127]
    assert found["b"].dtype is cf.int32 and found["b"].tolist() == [0, 65535]


def test_a_single_array(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.arange(6).reshape(2, 3))
    assert cf.load(tmp_path / "a.npy").tolist() == [[0, 1, 2], [3, 4, 5]]


def test_the_same_tensors_give_the_same_file(tmp_path: Path) -> None:
    for name in ("a.npz", "b.npz"):
        cf.save({"x": cf.ones(3)}, tmp_path / name)
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()


def test_modules_and_arrays(tmp_path: Path) -> None:
    model = cf.nn.Linear(2, 3)
    model.save(tmp_path / "a.npz")
    assert cf.nn.Linear(2, 3).load(tmp_path / "a.npz").weight.tolist() == model.weight.tolist()
    cf.save({"x": np.ones(2)}, tmp_path / "b.safetensors")
    assert cf.load(tmp_path / "b.safetensors")["x"].tolist() == [1.0, 1.0]


class TestRefusals:
    @pytest.mark.parametrize("dtype", [cf.bfloat16, cf.float8_e4m3fn])
    def test_dtypes_that_numpy_lacks(self, tmp_path: Path, dtype: cf.DType) -> None:
        cf.save({"x": cf.zeros(2)}, tmp_path / "a.npz")
        before = (tmp_path / "a.npz").read_bytes()
        with pytest.raises(cf.DTypeError, match=r"'x' is of dtype .*cast it first.*safetensors"):
            cf.save({"x": cf.ones(2).to(dtype)}, tmp_path / "a.npz")
        assert (tmp_path / "a.npz").read_bytes() == before

    @pytest.mark.parametrize(
        "array",
        [np.ones(2, np.uint64), np.ones(2, complex), np.array(["a"]), np.array(["2020"], "M8[D]")],
        ids=lambda array: array.dtype.name,
    )
    def test_dtypes_that_tensors_lack(self, tmp_path: Path, array: np.ndarray) -> None:
        np.savez(tmp_path / "a.npz", x=array)
        with pytest.raises(cf.DTypeError, match=r"a\.npz: the array 'x' has dtype ") as caught:
            cf.load(tmp_path / "a.npz")
        assert array.dtype.name in str(caught.value)

    @pytest.mark.parametrize("suffix", ["npz", "npy"])
    def test_objects(self, tmp_path: Path, suffix: str) -> None:
        """They would be pickles."""
        array = np.array([{"a": 1}, None])
        (np.savez if suffix == "npz" else np.save)(tmp_path / f"a.{suffix}", array)
        with pytest.raises(cf.FileFormatError, match=rf"a\.{suffix}.*Python objects"):
            cf.load(tmp_path / f"a.{suffix}")

    def test_suffixes(self, tmp_path: Path) -> None:
        for suffix in (".pt", ".pth", ".bin", ".ckpt"):
            with pytest.raises(ValueError, match=rf"{suffix} files .*write \.safetensors"):
                cf.save({}, tmp_path / f"a{suffix}")
            with pytest.raises(ValueError, match=r"write \.safetensors"):
                cf.nn.Linear(1, 1).save(tmp_path / f"a{suffix}")
        for name in ("a", "a.h5", ".npz"):
            with pytest.raises(ValueError, match=r"must end with \.safetensors or \.npz"):
                cf.save({}, tmp_path / name)
            with pytest.raises(ValueError, match=r"must end with .*\.npy.*\.pth"):
                cf.load(tmp_path / name)
        assert os.listdir(tmp_path) == []

    def test_what_is_no_mapping_of_tensors(self, tmp_path: Path) -> None:
        with pytest.raises(TypeError, match=r"not a Linear; use \.state_dict\(\)"):
            cf.save(cf.nn.Linear(1, 1), tmp_path / "a.npz")  # type: ignore[arg-type]
        with pytest.raises(TypeError, match=r"'x' is a dict, not a tensor.*checkpoint\.save"):
            cf.save({"x": {}}, tmp_path / "a.npz")
        with pytest.raises(TypeError, match="1 is a Tensor"):
            cf.save({1: cf.ones(1)}, tmp_path / "a.npz")  # type: ignore[dict-item]
        with pytest.raises(ValueError, match="cannot be a name"):
            cf.save({"a\0b": cf.ones(1)}, tmp_path / "a.npz")

    def test_other_files(self, tmp_path: Path) -> None:
        for content, message in ((b"", "empty"), (b"{}", "JSON"), (bytes(50), "unknown")):
            for name in ("a.npz", "a.npy"):
                (tmp_path / name).write_bytes(content)
                with pytest.raises(cf.FileFormatError, match=rf"a\.np.: it is no .*{message}"):
                    cf.load(tmp_path / name)
        with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
            archive.writestr("readme", "text")
        with pytest.raises(cf.FileFormatError, match="none of NumPy"):
            cf.load(tmp_path / "a.npz")

    def test_a_size_that_is_only_said(self, tmp_path: Path) -> None:
        header = io.BytesIO()
        description = {"descr": "<f8", "fortran_order": False, "shape": (2**50,)}
        np.lib.format.write_array_header_1_0(header, description)
        (tmp_path / "a.npy").write_bytes(header.getvalue() + bytes(8))
        with pytest.raises(cf.FileFormatError, match="bytes, and 8 are there"):
            cf.load(tmp_path / "a.npy")
        with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
            archive.writestr("x.npy", header.getvalue())
        with pytest.raises(cf.FileFormatError, match="bytes, and 0 are there"):
            cf.load(tmp_path / "a.npz")

    def test_changed_bytes(self, tmp_path: Path) -> None:
        cf.save({"x": cf.arange(3.0), "y": cf.tensor([1, 2])}, tmp_path / "a.npz")
        content = (tmp_path / "a.npz").read_bytes()
        refusals = 0
        for place, byte in enumerate(content):
            changed = content[:place] + bytes([byte ^ (1, 0x80, 0xFF)[place % 3]])
            (tmp_path / "b.npz").write_bytes(changed + content[place + 1 :])
            try:
                found = cf.load(tmp_path / "b.npz")
            except cf.FileFormatError:
                refusals += 1
                continue
            values = sorted(str(x.tolist()) for x in found.values())
            assert values == ["[0.0, 1.0, 2.0]", "[1, 2]"], place
        assert refusals > len(content) / 3
        for length in range(len(content)):
            (tmp_path / "b.npz").write_bytes(content[:length])
            with pytest.raises(cf.FileFormatError, match=r"b\.npz"):
                cf.load(tmp_path / "b.npz")
