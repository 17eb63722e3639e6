"""Pickles made to do harm: each is refused, and nothing of it runs."""

from __future__ import annotations

import os
import pickle
import struct
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import backend
import numpy as np
import pytest
from backend import cf
from torch_pickles import (
    call,
    name,
    pickled,
    storage,
    tensor,
    value,
    write_legacy,
    write_zip,
)

if backend.IS_TORCH:
    pytest.skip("PyTorch reads its own files", allow_module_level=True)

FOUR = {"0": np.arange(4, dtype=np.float32).tobytes()}


@pytest.fixture(params=["zip", "legacy"])
def write(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[..., Path]:
    """Writes a pickle into a file of one of the two formats."""

    def written(content: bytes, storages: dict[str, bytes] | None = None) -> Path:
        path = tmp_path / "evil.pt"
        write_of = write_zip if request.param == "zip" else write_legacy
        write_of(path, content, storages)
        return path

    written.legacy = request.param == "legacy"  # type: ignore[attr-defined]
    return written


def refused(path: Path, message: str | None = None) -> None:
    with pytest.raises(cf.FileFormatError, match=message) as caught:
        cf.load(path)
    assert path.name in str(caught.value)


class Run:
    """What a pickle of Python itself does."""

    def __init__(self, function: Any, *arguments: Any) -> None:
        self.call = (function, arguments)

    def __reduce__(self) -> Any:
        return self.call


def is_harmless(content: bytes, marker: Path) -> bool:
    """Whether Python's own pickle leaves no trace: then a test with it would prove nothing."""
    code = "import pickle, sys; pickle.loads(sys.stdin.buffer.read())"
    subprocess.run([sys.executable, "-c", code], input=content, capture_output=True, check=False)
    existed = marker.exists()
    marker.unlink(missing_ok=True)
    return not existed


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("place", ["alone", "in a list", "as a key", "in a state dict"])
def test_a_command_of_the_system(
    write: Callable[..., Path], tmp_path: Path, protocol: int, place: str
) -> None:
    marker = tmp_path / "ran"
    evil: Any = Run(os.system, f"touch {marker}")
    evil = {
        "alone": evil,
        "in a list": [1, [evil]],
        "as a key": {(evil, 1): 2},
        "in a state dict": {"weight": 1, "bias": evil},
    }[place]
    content = pickle.dumps(evil, protocol)
    if place == "alone" and protocol == 2:
        assert not is_harmless(content, marker)
    refused(write(content), rf"asks for {os.system.__module__}\.system, which is refused")
    assert not marker.exists()


COMMAND = value("touch ran")
EVIL: dict[str, tuple[bytes, str]] = {
    "GLOBAL": (call(name("os", "system"), COMMAND), r"os\.system"),
    "STACK_GLOBAL": (
        value("os") + value("system") + b"\x93" + COMMAND + b"\x85R",
        r"os\.system",
    ),
    "STACK_GLOBAL of numbers": (b"K\x01K\x02\x93", "no text"),
    "INST": (b"(" + COMMAND + b"ios\nsystem\n", r"os\.system"),
    "INST of a known name": (b"(icollections\nOrderedDict\n", "makes an object of"),
    "OBJ": (b"(" + name("os", "system") + COMMAND + b"o", r"os\.system"),
    "OBJ of a known name": (b"(" + name("collections", "OrderedDict") + b"o", "makes an object"),
    "OBJ of nothing": (b"(o", "damaged"),
    "NEWOBJ": (name("subprocess", "Popen") + COMMAND + b"\x85\x81", r"subprocess\.Popen"),
    "NEWOBJ_EX": (
        name("collections", "OrderedDict") + b")}\x92",
        "NEWOBJ_EX, which is refused",
    ),
    "EXT1": (b"\x82\x01", "EXT1, which is refused"),
    "EXT2": (b"\x83\x01\x01", "EXT2"),
    "EXT4": (b"\x84\x01\x00\x00\x00", "EXT4"),
    "PERSID": (b"Pos.system\n", "PERSID, which is refused"),
    "in a persistent id": (
        call(name("os", "system"), COMMAND) + b"Q",
        r"os\.system",
    ),
    "a storage by another id": (b"(" + value("elsewhere") + b"tQ", "something else than a storage"),
    "a persistent id that is a list": (b"]Q", "something else than a storage"),
    "a storage of no kind": (
        b"(" + b"".join(map(value, ("storage", "FloatStorage", "0", "cpu", 4))) + b"tQ",
        "in a way that is not known",
    ),
    "a module by an id": (
        b"(" + b"".join(map(value, ("module", 1, "f", "s"))) + b"tQ",
        "state_dict",
    ),
    "builtins": (call(name("builtins", "eval"), value("1")), r"builtins\.eval"),
    "builtins of Python 2": (call(name("__builtin__", "eval"), value("1")), r"__builtin__\.eval"),
    "getattr": (call(name("builtins", "getattr"), b"N", value("x")), r"builtins\.getattr"),
    "a path through modules": (
        value("collections") + value("OrderedDict.__init__.__globals__") + b"\x93",
        "refused",
    ),
    "an unknown function of torch": (
        call(name("torch", "load"), value("a.pt")),
        r"torch\.load",
    ),
    "bytes that torch would load": (
        call(name("torch.storage", "_load_from_bytes"), value(b"x")),
        r"_load_from_bytes",
    ),
    "a number that is called": (b"K\x01)R", "calls a int"),
    "a text that is called": (value("os.system") + b")R", "calls a str"),
    "arguments that are no tuple": (name("collections", "OrderedDict") + b"]R", "calls"),
    "attributes of a function": (
        name("torch._utils", "_rebuild_tensor_v2") + value({"__code__": 1}) + b"b",
        "sets attributes of a _rebuild_tensor_v2",
    ),
    "attributes of a class": (
        name("collections", "OrderedDict") + b"N" + value({"x": 1}) + b"\x86b",
        "sets attributes",
    ),
    "attributes of a tensor": (tensor() + value({"_handle": 1}) + b"b", "sets attributes"),
    "attributes of a number": (b"K\x01" + value({"x": 1}) + b"b", "sets attributes of a int"),
    "a function alone": (name("torch._utils", "_rebuild_tensor_v2"), "itself"),
    "a function in a list": (b"](" + name("collections", "Counter") + b"e", "itself"),
    "a storage alone": (storage(), "a storage itself"),
    "a storage that is called": (storage() + b")R", "calls a"),
    "a kind of storage that is called": (call(name("torch", "FloatStorage")), "without a tensor"),
    "a kind that is called": (call(name("torch", "Tensor")), "neither a tensor nor a container"),
    "a default of one's own": (
        call(name("collections", "defaultdict"), name("os", "system")),
        r"os\.system",
    ),
    "a default that is a tensor's": (
        call(name("collections", "defaultdict"), name("torch", "Size")),
        "function of its own",
    ),
    "a dtype that is none": (call(name("numpy", "dtype"), value("O")), "'O'"),
    "a dtype of fields": (
        call(name("numpy", "dtype"), value([("a", "O")])),
        "damaged|refused",
    ),
    "an array of objects": (
        call(name("numpy.core.multiarray", "_reconstruct"), name("numpy", "ndarray"), b")", b"N")
        + value((1, (1,), "O", False, [1]))
        + b"b",
        "something else than numbers",
    ),
    "an array larger than its bytes": (
        call(name("numpy.core.multiarray", "_reconstruct"), name("numpy", "ndarray"), b")", b"N")
        + b"("
        + value(1)
        + value((2**40,))
        + call(name("numpy", "dtype"), value("f8"))
        + b"\x89"
        + value(b"12345678")
        + b"tb",
        "of shape",
    ),
    "a shape of texts": (call(name("torch", "Size"), value(["a"])), "something else than numbers"),
    "a set of a huge tensor": (
        call(name("builtins", "set"), tensor((2**40,), (0,))),
        "made of a Tensor",
    ),
    "many bytes": (call(name("builtins", "bytearray"), value(2**40)), "in an encoding"),
    "a list as a key": (b"}]K\x01s", "a list as a key"),
    "a tuple of tuples as a key": (
        b"}" + b")" + b"\x85" * 100_000 + b"K\x01s",
        "a tuple as a key",
    ),
    "items of a list": (b"]K\x01K\x02s", "sets items of a list"),
    "something appended to a number": (b"K\x01K\x02a", "appends to a int"),
    "something added to a list": (b"](K\x01\x90", "adds items to a list"),
    "an odd number of items": (b"}(K\x01u", "sets items"),
    "nothing on the stack": (b"R", "damaged"),
    "nothing to take": (b"0", "damaged"),
    "no mark": (b"t", "damaged"),
    "a mark too many": (b"(N", "ends in the middle"),
    "two results": (b"NN", "ends in the middle"),
    "an empty place": (b"h\x07", "damaged"),
    "a place that is a text": (b"gx\n", "damaged"),
    "unknown instruction": (b"\xff", "damaged"),
    "a number that is none": (b"Ix\n", "damaged"),
    "a text that is no UTF-8": (b"X\x01\x00\x00\x00\xff", "damaged"),
    "no end": (b"]" * 10, "ends in the middle"),
}


@pytest.mark.parametrize("kind", EVIL)
def test_each_way_is_closed(
    write: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    content, found = EVIL[kind]
    message: str | None = found
    monkeypatch.chdir(tmp_path)
    path = write(pickled(content), FOUR if b"FloatStorage" in content else {})
    if write.legacy and b"FloatStorage" in content:  # type: ignore[attr-defined]
        message = None  # its storages end elsewhere, which may be noticed first
    refused(path, message)
    assert os.listdir(tmp_path) == ["evil.pt"]


def test_the_tools_of_this_file_make_what_loads(write: Callable[..., Path]) -> None:
    """So that the refusals above are those of what is evil."""
    legacy = write.legacy  # type: ignore[attr-defined]
    whole = tensor((2, 2), (2, 1), of=storage(legacy=legacy))
    found = cf.load(write(pickled(b"](" + whole + value([1, "ü", (2.5,)]) + b"e"), FOUR))
    assert found[0].tolist() == [[0.0, 1.0], [2.0, 3.0]] and found[1] == [1, "ü", (2.5,)]


GEOMETRY: dict[str, tuple[Any, Any, Any]] = {
    "one too many": ((5,), (1,), 0),
    "offset beyond the end": ((1,), (1,), 4),
    "stride beyond the end": ((2,), (4,), 0),
    "negative size": ((-1,), (1,), 0),
    "negative stride": ((2,), (-1,), 1),
    "negative offset": ((1,), (1,), -1),
    "huge size": ((2**62,), (1,), 0),
    "size beyond all numbers": ((2**300,), (1,), 0),
    "sizes whose product overflows": ((2**32, 2**32, 2**32), (0, 0, 0), 0),
    "strides that overflow": ((2, 2), (2**63, 2**63), 0),
    "other numbers of sizes and strides": ((2, 2), (1,), 0),
    "a size that is true": ((True,), (1,), 0),
    "a size with a point": ((2.0,), (1,), 0),
    "a size that is a text": ("4", (1,), 0),
    "a size that is a number": (4, (1,), 0),
    "an offset that is a text": ((4,), (1,), "0"),
    "thousands of dimensions": ((1,) * 5000, (1,) * 5000, 0),
    "nothing at all": (None, None, None),
}


@pytest.mark.parametrize("kind", GEOMETRY)
def test_tensors_beyond_their_storage(write: Callable[..., Path], kind: str) -> None:
    size, stride, offset = GEOMETRY[kind]
    legacy = write.legacy  # type: ignore[attr-defined]
    content = tensor(size, stride, offset, storage(legacy=legacy))
    refused(write(pickled(content), FOUR), "tensor")


def test_an_expanded_tensor_takes_no_memory(write: Callable[..., Path]) -> None:
    legacy = write.legacy  # type: ignore[attr-defined]
    content = tensor((2**40, 2), (0, 1), 1, storage(legacy=legacy))
    found = cf.load(write(pickled(content), FOUR))
    assert tuple(found.shape) == (2**40, 2) and found[2**39].tolist() == [1.0, 2.0]


def test_overlaps_that_take_far_more_than_the_file(tmp_path: Path) -> None:
    many = {"0": bytes(4 * 40_000)}
    content = tensor((20_000, 20_000), (1, 1), 0, storage(count=40_000))
    write_zip(tmp_path / "evil.pt", pickled(content), many)
    refused(tmp_path / "evil.pt", "overlap so much")


class TestStorages:
    @pytest.mark.parametrize("length", [0, 15, 17, 32])
    def test_of_another_size(self, write: Callable[..., Path], length: int) -> None:
        legacy = write.legacy  # type: ignore[attr-defined]
        refused(write(pickled(tensor(of=storage(legacy=legacy))), {"0": bytes(length)}))

    @pytest.mark.parametrize("count", [2**40, 2**62, 2**70, -1, 3.0, "4"])
    def test_of_a_size_that_cannot_be(self, write: Callable[..., Path], count: Any) -> None:
        content = tensor(of=storage(count=count, legacy=write.legacy))  # type: ignore[attr-defined]
        refused(write(pickled(content), FOUR))

    def test_missing(self, write: Callable[..., Path]) -> None:
        content = tensor(of=storage(key="7", legacy=write.legacy))  # type: ignore[attr-defined]
        refused(write(pickled(content), FOUR))

    def test_with_two_dtypes(self, write: Callable[..., Path]) -> None:
        legacy = write.legacy  # type: ignore[attr-defined]
        both = b"](" + tensor(of=storage(legacy=legacy))
        both += tensor(of=storage("IntStorage", legacy=legacy)) + b"e"
        refused(write(pickled(both), FOUR), "two dtypes")

    def test_that_climb_out_of_the_archive(self, tmp_path: Path) -> None:
        write_zip(tmp_path / "evil.pt", pickled(tensor(of=storage(key="../data.pkl"))), FOUR)
        refused(tmp_path / "evil.pt", "missing")

    def test_a_list_of_storages_that_is_damaged(self, tmp_path: Path) -> None:
        path = tmp_path / "evil.pt"
        content = pickled(tensor(of=storage(legacy=True)))
        write_legacy(path, content, FOUR)
        good = path.read_bytes()
        keys = pickle.dumps(["0"], 2)
        for other in (["0", "0"], "0", None, ["1"], [["0"]], {"0": 1}):
            path.write_bytes(good.replace(keys, pickle.dumps(other, 2)))
            refused(path)
        path.write_bytes(good[:-24] + struct.pack("<q", 5) + good[-16:])
        refused(path, "has 5 elements")


class TestArchives:
    def content(self) -> bytes:
        return pickled(tensor())

    def test_compressed_records(self, tmp_path: Path) -> None:
        """A bomb would be small here and large in memory."""
        path = tmp_path / "evil.pt"
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("a/data.pkl", self.content())
            archive.writestr("a/data/0", bytes(16))
        refused(path, "compressed, which torch.save never does")

    def test_records_that_are_there_twice(self, tmp_path: Path) -> None:
        path = tmp_path / "evil.pt"
        write_zip(path, self.content(), FOUR)
        with pytest.warns(UserWarning, match="Duplicate"), zipfile.ZipFile(path, "a") as archive:
            archive.writestr("archive/data/0", bytes(16))
        refused(path, "twice")

    def test_records_that_lie_on_one_another(self, tmp_path: Path) -> None:
        """Two entries of the directory may name the same bytes, and a thousand may as well."""
        path = tmp_path / "evil.pt"
        write_zip(path, self.content(), {"0": bytes(4000), "1": bytes(4000)})
        content = path.read_bytes()
        first, second = (content.rindex(f"archive/data/{key}".encode()) - 46 for key in "01")
        # The place of a record is at byte 42 of its entry.
        changed = bytearray(content)
        changed[second + 42 : second + 46] = changed[first + 42 : first + 46]
        start = content.index(b"archive/data/1") - 30
        end = content.index(b"PK\x01\x02")
        del changed[start:end]
        # Where the directory begins.
        at = changed.rindex(b"PK\x05\x06") + 16
        changed[at : at + 4] = struct.pack("<I", start)
        path.write_bytes(changed)
        refused(path, "larger than the file")

    def test_an_order_of_bytes_that_is_none(self, tmp_path: Path) -> None:
        write_zip(tmp_path / "evil.pt", self.content(), FOUR, byteorder=b"middle")
        refused(tmp_path / "evil.pt", "order of bytes")

    def test_an_encrypted_record(self, tmp_path: Path) -> None:
        path = tmp_path / "evil.pt"
        write_zip(path, self.content(), FOUR)
        content = bytearray(path.read_bytes())
        for signature, at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
            place = content.index(signature)
            while place >= 0:
                content[place + at] |= 1
                place = content.find(signature, place + 4)
        path.write_bytes(content)
        refused(path, "damaged")


SMALL = {
    "a text": b"X\xff\xff\xff\x7f",
    "a longer text": b"\x8d" + struct.pack("<Q", 2**40),
    "bytes": b"\x8e" + struct.pack("<Q", 2**40),
    "a byte array": b"\x96" + struct.pack("<Q", 2**40),
    "a number": b"\x8b" + struct.pack("<i", 2**31 - 1),
    "a frame": b"\x95" + struct.pack("<Q", 2**40),
    "a place in the memo": b"Nr\xff\xff\xff\x7f0",
    "a shape": call(name("torch", "Size"), value([2**60])) + b"0",
    "an array": call(
        name("numpy.core.multiarray", "_reconstruct"),
        *(name("numpy", "ndarray"), value((2**40,)), value(b"b")),
    ),
}


class TestMemory:
    """Small files that ask for gigabytes get an error at once."""

    def test_sizes_that_are_only_said(self, tmp_path: Path) -> None:
        paths = []
        for number, content in enumerate(SMALL.values()):
            for write in (write_zip, write_legacy):
                paths.append(tmp_path / f"{write.__name__}_{number}.pt")
                write(paths[-1], pickled(content + b"]"))
        limited(*paths)

    def test_a_copy_of_a_copy(self, write: Callable[..., Path]) -> None:
        """A container that is copied thousands of times."""
        content = b"](" + b"K\x01" * 5_000 + b"eq\x010"
        content += b"](" + call(name("builtins", "frozenset"), b"h\x01") * 5_000 + b"e"
        limited(write(pickled(content)))

    @pytest.mark.parametrize("opening", [b"](", b"(", b"}(N"], ids=["lists", "tuples", "dicts"])
    def test_containers_in_containers(self, write: Callable[..., Path], opening: bytes) -> None:
        limited(write(pickled(opening * 20_000)))

    @pytest.mark.parametrize("step", [b"\x85", b"]q\x010h\x01h\x01a"], ids=["tuples", "loops"])
    def test_depth_without_marks(self, write: Callable[..., Path], step: bytes) -> None:
        path = write(pickled(b")" + step * 20_000))
        limited(path)

    def test_a_list_within_itself(self, write: Callable[..., Path]) -> None:
        """This is no harm, and stays what it is."""
        found = cf.load(write(pickled(b"]q\x00h\x00a")))
        assert type(found) is list and found[0] is found

    def test_doubling(self, write: Callable[..., Path]) -> None:
        """Shared parts are counted once: a hundred doublings are not 2 ** 100 things."""
        content = b")" + b"q\x00h\x00\x86" * 100
        found = cf.load(write(pickled(content)))
        assert found[0] is found[1]
        moved = cf.load(write(pickled(content)), device="cpu")
        assert moved[0] is moved[1]


def limited(*paths: Path) -> None:
    """Have a process with little memory refuse files, or read them where they do no harm."""
    code = (
        "import resource, sys\n"
        "import candle_ffi as cf\n"
        "resource.setrlimit(resource.RLIMIT_DATA, (1 << 30, 1 << 30))\n"
        "for path in sys.argv[1:]:\n"
        "    try:\n"
        "        cf.load(path)\n"
        "    except cf.FileFormatError as error:\n"
        "        assert path in str(error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *map(str, paths)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
