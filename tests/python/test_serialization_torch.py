"""Files that PyTorch has written, read without it."""

from __future__ import annotations

import io
import json
import tarfile
import zipfile
from collections import Counter, OrderedDict, defaultdict
from pathlib import Path
from typing import Any

import backend
import numpy as np
import pytest
from backend import cf
from torch_pickles import pickled, storage, tensor, value, write_zip

if backend.IS_TORCH:
    pytest.skip("PyTorch reads its own files", allow_module_level=True)

FOLDER = Path(__file__).parent.parent / "reference" / "torch"
TENSORS = ["tensors.pt", "tensors_legacy.pth", "tensors_protocol_5.pt"]
CONTAINERS = ["containers.pt", "containers_legacy.pth", "containers_protocol_5.pt"]


@pytest.mark.parametrize("name", TENSORS)
def test_tensors_of_every_dtype_and_stride(name: str) -> None:
    found = cf.load(FOLDER / name)
    with np.load(FOLDER / "expected.npz") as expected:
        about = json.loads(expected["about"].tobytes())
        newer = {"uint16", "uint32", "float8_e4m3fn", "float8_e5m2"}
        assert found.keys() == (about.keys() if name == "tensors.pt" else about.keys() - newer)
        for key, x in found.items():
            plain = x.long() if x.dtype is cf.bool else x
            assert x.dtype.name == about[key]["dtype"], key
            assert x.requires_grad == about[key]["requires_grad"], key
            assert tuple(x.shape) == expected[key].shape, key
            # Lists tell -0.0 from 0.0 by their text.
            assert str(plain.tolist()) == str(expected[key].tolist()), key


@pytest.mark.parametrize("name", CONTAINERS)
def test_what_is_around_tensors(name: str) -> None:
    found = cf.load(FOLDER / name)
    assert type(found["state_dict"]) is OrderedDict
    assert list(found["state_dict"])[-1] == "1.num_batches_tracked"
    assert type(found["ordered"]) is OrderedDict and list(found["ordered"]) == ["b", "a"]
    assert type(found["counter"]) is Counter and found["counter"] == Counter("aab")
    assert type(found["default"]) is defaultdict and found["default"]["new"] == []
    assert found["sets"] == [{1, 2}, frozenset(["a"])]
    assert found["tuples"] == (1, (2.5, ("ü", b"\x00\xff"), ()), True)
    assert found["numbers"] == [2**100, -1, 1e-300, 1j, float("inf")]
    assert found["keys"] == {1: "a", (2, "b"): "c", None: "d"}
    assert type(found["size"]) is cf.Size and found["size"] == (2, 3)
    assert found["dtypes"] == [cf.float32, cf.bfloat16]
    assert found["devices"] == ["cpu", "cuda:1"]
    assert found["same list"][0] is found["same list"][1]
    number, rows, columns, truth = found["numpy"]
    assert type(number) is np.float64 and number == 0.1
    assert rows.tolist() == [[0, 1, 2], [3, 4, 5]] and rows.dtype == np.int64
    assert columns.flags.f_contiguous and columns.shape == (2, 3) and truth.dtype == np.bool_
    rows[0, 0] = 5


@pytest.mark.parametrize("device", ["cpu", *(["cuda"] if cf.cuda.is_available() else [])])
def test_what_is_tied_stays_so_on_a_device(tmp_path: Path, device: str) -> None:
    # One tensor twice, and another that shows its memory, as tied weights in a state dict.
    once, alike = tensor() + b"q\xc8", tensor()
    state = b"}(" + value("a") + once + value("b") + b"h\xc8" + value("c") + alike
    rest = value("d") + tensor((2,), (1,), 2) + b"u"
    write_zip(tmp_path / "a.pt", pickled(state + rest), {"0": np.arange(4, dtype="<f4").tobytes()})
    found = cf.load(tmp_path / "a.pt", device=device)
    assert found["a"] is found["b"] and found["a"].device.type == device
    found["a"][0] = 7.0
    assert found["c"].tolist() == [7.0, 1.0, 2.0, 3.0] and found["d"].tolist() == [2.0, 3.0]


@pytest.mark.parametrize("name", CONTAINERS)
def test_shared_memory_stays_shared(name: str) -> None:
    whole, again, part, turned = cf.load(FOLDER / name)["shared"]
    whole[3] = 33.0
    assert again[3].item() == part[1].item() == turned[0, 1].item() == 33.0
    part += 1
    assert whole.tolist() == [0.0, 1.0, 3.0, 34.0, 4.0, 5.0]


def test_the_parts_of_a_training_go_in(tmp_path: Path) -> None:
    found = cf.load(FOLDER / "containers.pt")
    model = cf.nn.Sequential(cf.nn.Linear(2, 3), cf.nn.BatchNorm1d(3))
    model.load_state_dict(found["state_dict"])
    assert model[0].weight.tolist() == found["state_dict"]["0.weight"].tolist()
    optimizer = cf.optim.Adam([cf.ones(2, requires_grad=True)])
    optimizer.load_state_dict(found["optimizer"])
    assert optimizer.param_groups[0]["lr"] == 0.1
    assert optimizer.state_dict()["state"][0]["exp_avg"].tolist() == pytest.approx([0.1, 0.1])


def test_the_other_order_of_bytes() -> None:
    found = cf.load(FOLDER / "big_endian.pt")
    assert found["x"].tolist() == [1.5, -2.0] and found["n"].item() == 7.0


def test_a_device_may_be_named() -> None:
    found = cf.load(FOLDER / "containers.pt", device="cpu")
    assert found["shared"][0].device == cf.device("cpu") and type(found["tuples"]) is tuple


@pytest.mark.parametrize("suffix", [".pt", ".pth", ".bin", ".ckpt", ".PT"])
def test_names_of_files(tmp_path: Path, suffix: str) -> None:
    (tmp_path / f"a{suffix}").write_bytes((FOLDER / "small.pt").read_bytes())
    found = cf.load(str(tmp_path / f"a{suffix}"))
    assert found["x"].tolist() == [0.0, 1.0, 2.0] and found["y"] == [1, "two"]


class TestModule:
    def test_loads_weights(self, tmp_path: Path) -> None:
        state = b"}" + b"(" + value("weight") + tensor((2, 1), (1, 1), of=storage(count=2))
        state += value("bias") + tensor((1,), (1,), of=storage(key="1", count=1)) + b"u"
        data = {"0": np.float32([1, 2]).tobytes(), "1": np.float32([3]).tobytes()}
        write_zip(tmp_path / "a.pt", pickled(state), data)
        model = cf.nn.Linear(1, 2, bias=False)
        assert model.load(tmp_path / "a.pt", strict=False).weight.tolist() == [[1.0], [2.0]]

    def test_more_than_weights(self) -> None:
        with pytest.raises(cf.FileFormatError, match=r"'x', 'y'.*candle_ffi\.load\(path\)\[name\]"):
            cf.nn.Linear(1, 1).load(FOLDER / "small.pt")


REFUSED = {
    "model.pt": r"torch\.nn\.modules\.container\.Sequential.*torch\.save\(model\.state_dict",
    "own_model.pt": r"__main__\.Net.*whole model.*torch\.save\(model\.state_dict",
    "sparse.pt": r"_rebuild_sparse_tensor.*save a dense",
    "storage.pt": "a storage itself",
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_tensor_is_refused_with_advice(name: str) -> None:
    with pytest.raises(cf.FileFormatError, match=REFUSED[name]) as caught:
        cf.load(FOLDER / name)
    assert name in str(caught.value)


def test_dtypes_that_nothing_holds() -> None:
    with pytest.raises(cf.DTypeError, match=r"complex\.pt.*complex64.*real and the imaginary"):
        cf.load(FOLDER / "complex.pt")


def refused(path: Path, content: bytes, message: str) -> None:
    path.write_bytes(content)
    with pytest.raises(cf.FileFormatError, match=message) as caught:
        cf.load(path)
    assert path.name in str(caught.value)


class TestOtherFiles:
    def test_tar(self, tmp_path: Path) -> None:
        """The format of the very first versions."""
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as archive:
            archive.addfile(tarfile.TarInfo("sys_info"))
        refused(tmp_path / "a.pt", buffer.getvalue(), "tar archive.*save it again")

    def test_what_it_seems_to_be(self, tmp_path: Path) -> None:
        seen = {
            b"": "an empty file",
            b"<!DOCTYPE html>": "web page",
            b"version https://git-lfs.github.com/spec/v1\noid": "git lfs pull",
            b"\x93NUMPY\x01\x00": r"array of NumPy",
            b"\x89HDF\r\n\x1a\n": "HDF5",
            b"GGUF" + bytes(20): "GGUF",
            b"\x1f\x8b" + bytes(20): "gzip",
            bytes(100): "something unknown",
        }
        for content, message in seen.items():
            refused(tmp_path / "a.pt", content, message)

    def test_safetensors_under_another_name(self, tmp_path: Path) -> None:
        cf.save_file({"x": cf.ones(2)}, tmp_path / "a.bin")
        assert cf.load(tmp_path / "a.bin")["x"].tolist() == [1.0, 1.0]
        assert cf.nn.Linear(2, 1).load(tmp_path / "a.bin", strict=False)

    def test_a_zip_archive_of_something_else(self, tmp_path: Path) -> None:
        with zipfile.ZipFile(tmp_path / "b.zip", "w") as archive:
            archive.writestr("readme", "text")
        refused(tmp_path / "a.pt", (tmp_path / "b.zip").read_bytes(), r"no record data\.pkl")

    def test_a_program(self, tmp_path: Path) -> None:
        write_zip(tmp_path / "a.pt", pickled(b"N"), **{"constants.pkl": pickled(b")")})
        with pytest.raises(cf.FileFormatError, match="TorchScript"):
            cf.load(tmp_path / "a.pt")

    def test_no_file(self, tmp_path: Path) -> None:
        for suffix in ("pt", "npz", "npy", "safetensors"):
            with pytest.raises(cf.MissingFileError, match="nothing"):
                cf.load(tmp_path / f"nothing.{suffix}")
        (tmp_path / "folder.pt").mkdir()
        with pytest.raises(cf.FileError, match="folder"):
            cf.load(tmp_path / "folder.pt")


def equal(left: Any, right: Any) -> bool:
    return bool(
        left.keys() == right.keys()
        and left["x"].dtype == right["x"].dtype
        and left["x"].tolist() == right["x"].tolist()
        and left["y"] == right["y"]
    )


class TestDamage:
    """Any change of a file is refused, or does not matter."""

    def test_changed_bytes_of_a_zip_archive(self, tmp_path: Path) -> None:
        content = (FOLDER / "small.pt").read_bytes()
        right, path = cf.load(FOLDER / "small.pt"), tmp_path / "a.pt"
        refusals = 0
        for place, byte in enumerate(content):
            change = (1, 0x80, 0xFF)[place % 3]
            path.write_bytes(content[:place] + bytes([byte ^ change]) + content[place + 1 :])
            try:
                found = cf.load(path)
            except cf.FileFormatError:
                refusals += 1
                continue
            assert equal(found, right), place
        assert refusals > len(content) / 3

    def test_changed_bytes_of_the_format_before(self, tmp_path: Path) -> None:
        """It has no checksum: values may change, nothing else happens."""
        content = (FOLDER / "small_legacy.pth").read_bytes()
        path, refusals = tmp_path / "a.pt", 0
        for place in range(len(content)):
            for other in range(place % 23, 256, 23):
                path.write_bytes(content[:place] + bytes([other]) + content[place + 1 :])
                try:
                    cf.load(path)
                except (cf.FileFormatError, cf.DTypeError):
                    refusals += 1
        assert refusals > 3 * len(content)

    @pytest.mark.parametrize("name", ["small.pt", "small_legacy.pth"])
    def test_every_length(self, tmp_path: Path, name: str) -> None:
        content = (FOLDER / name).read_bytes()
        for length in range(len(content)):
            refused(tmp_path / "a.pt", content[:length], r"a\.pt")

    def test_something_behind_the_last_storage(self, tmp_path: Path) -> None:
        content = (FOLDER / "small_legacy.pth").read_bytes()
        refused(tmp_path / "a.pt", content + b"\0", "something follows")
