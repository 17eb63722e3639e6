"""Files that are replaced as a whole, by the native library and by Python, which take turns."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import backend
import pytest
from backend import cf

if backend.IS_TORCH:
    pytest.skip("PyTorch writes its files in place", allow_module_level=True)

from candle_ffi import checkpoint
from candle_ffi.serialization import room
from candle_ffi.serialization.replace import replacing

LONG_AGO = 2 * 60 * 60
#: What writes each kind of file: the native library, Python, and both.
WRITERS = {
    "native": (cf.save_file, "x.safetensors"),
    "python": (cf.save, "x.npz"),
    "both": (lambda tensors, path: checkpoint.save(path, extra=tensors), "x.safetensors"),
}

KILLED = """
import resource, signal, sys
import numpy as np
import candle_ffi as cf
tensors, how, path = {"x": cf.zeros(1_000_000)}, sys.argv[1], sys.argv[2]
# The system ends this process in the middle of the file.
signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, 1_000_000))
if how == "both":
    cf.checkpoint.save(path, extra=tensors)
else:
    (cf.save_file if how == "native" else cf.save)(tensors, path)
"""


def kill_a_writer(how: str, path: Path) -> None:
    killed = subprocess.run([sys.executable, "-c", KILLED, how, str(path)], check=False)
    assert killed.returncode == -signal.SIGXFSZ


def age(folder: Path) -> None:
    """Make all in a folder look as if nobody had been there for long."""
    then = time.time() - LONG_AGO
    for path in [*folder.rglob("*"), folder]:
        os.utime(path, (then, then))


@pytest.mark.skipif(sys.platform == "win32", reason="needs limits of files")
@pytest.mark.parametrize("next_one", WRITERS)
@pytest.mark.parametrize("how", WRITERS)
def test_a_killed_writer_leaves_the_old_file_and_nothing_for_good(
    tmp_path: Path, how: str, next_one: str
) -> None:
    write, name = WRITERS[how]
    write({"x": cf.ones(2)}, tmp_path / name)
    before = (tmp_path / name).read_bytes()
    kill_a_writer(how, tmp_path / name)
    kill_a_writer(how, tmp_path / name)
    left = [path for path in tmp_path.iterdir() if path.name != name]
    assert len(left) == 1 and left[0].is_dir() and (tmp_path / name).read_bytes() == before
    # The next writer of the file removes it at once, and that of another one after a while.
    other = tmp_path / f"other{os.path.splitext(WRITERS[next_one][1])[1]}"
    WRITERS[next_one][0]({"x": cf.ones(2)}, other)
    assert left[0].exists()
    age(left[0])
    WRITERS[next_one][0]({"x": cf.ones(2)}, other)
    assert sorted(os.listdir(tmp_path)) == sorted([name, other.name])
    kill_a_writer(how, tmp_path / name)
    write({"x": cf.ones(3)}, tmp_path / name)
    assert sorted(os.listdir(tmp_path)) == sorted([name, other.name])
    assert (tmp_path / name).read_bytes() != before


@pytest.mark.parametrize("how", WRITERS)
def test_python_and_the_library_have_one_room_for_a_file(tmp_path: Path, how: str) -> None:
    write, name = WRITERS[how]
    written = threading.Event()

    def save() -> None:
        write({"x": cf.ones(2)}, tmp_path / name)
        written.set()

    writer = threading.Thread(target=save)
    with replacing(tmp_path / name) as staged:
        staged.write_bytes(b"first")
        writer.start()
        # It waits for this one, however long; and another file has another room.
        write({"x": cf.ones(2)}, tmp_path / f"other-{name}")
        assert not written.is_set() and len(os.listdir(staged.parent)) == 2
    writer.join()
    assert (tmp_path / name).read_bytes() != b"first"
    assert sorted(os.listdir(tmp_path)) == sorted([name, f"other-{name}"])


def test_a_room_is_let_alone_while_somebody_is_there(tmp_path: Path) -> None:
    with replacing(tmp_path / "x") as staged:
        staged.write_bytes(b"content")
        age(staged.parent)
        for write, name in WRITERS.values():
            write({"x": cf.ones(2)}, tmp_path / f"other-{name}")
        assert staged.exists()
    assert (tmp_path / "x").read_bytes() == b"content"


def test_names_are_those_of_the_library() -> None:
    assert room._hash(b"") == 0xCBF29CE484222325
    assert room._hash(b"foobar") == 0x85944171F73967E8


@pytest.mark.parametrize("how", WRITERS)
def test_what_is_no_room_is_let_alone(tmp_path: Path, how: str) -> None:
    write, name = WRITERS[how]
    start = room._hash(name.encode())
    places = [tmp_path / f".candle_ffi-{(start + at) % 2**64:016x}.tmp" for at in range(8)]
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "kept").touch()
    places[0].write_bytes(b"a file")
    places[1].symlink_to(tmp_path / "mine")
    write({"x": cf.ones(2)}, tmp_path / name)
    assert places[0].read_bytes() == b"a file" and (tmp_path / "mine" / "kept").exists()
    assert sorted(os.listdir(tmp_path)) == sorted(["mine", name, places[0].name, places[1].name])
    for place in places[2:]:
        place.touch()
    with pytest.raises(cf.FileError, match="x"):
        write({"x": cf.ones(3)}, tmp_path / name)
    assert set(cf.load(tmp_path / name)) != set()


@pytest.mark.skipif(sys.platform == "win32", reason="needs links")
@pytest.mark.parametrize("how", WRITERS)
def test_links_in_a_room_lead_nowhere(tmp_path: Path, how: str) -> None:
    write, name = WRITERS[how]
    place = tmp_path / f".candle_ffi-{room._hash(name.encode()):016x}.tmp"
    place.mkdir()
    (tmp_path / "mine").write_bytes(b"mine")
    (place / "lock").symlink_to(tmp_path / "mine")
    # The names that a writer would choose next.
    for number in range(200):
        (place / f"content-{os.getpid()}-{number}").symlink_to(tmp_path / "mine")
    write({"x": cf.ones(2)}, tmp_path / name)
    assert (tmp_path / "mine").read_bytes() == b"mine"
    assert not (tmp_path / name).is_symlink() and set(cf.load(tmp_path / name)) != set()


@pytest.mark.skipif(sys.platform == "win32", reason="needs links")
@pytest.mark.parametrize("how", WRITERS)
def test_a_circle_of_links_is_an_error(tmp_path: Path, how: str) -> None:
    write, name = WRITERS[how]
    (tmp_path / name).symlink_to(tmp_path / "other")
    (tmp_path / "other").symlink_to(tmp_path / name)
    with pytest.raises((cf.FileError, OSError)):
        write({"x": cf.ones(2)}, tmp_path / name)
    assert (tmp_path / name).is_symlink()


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="needs another user")
@pytest.mark.parametrize("how", WRITERS)
def test_the_room_of_another_user_is_let_alone(tmp_path: Path, how: str) -> None:
    write, name = WRITERS[how]
    tmp_path.chmod(0o1777)
    place = tmp_path / f".candle_ffi-{room._hash(name.encode()):016x}.tmp"
    place.mkdir()
    (place / "lock").touch()
    os.chown(place, 12345, 12345)
    with open(place / "lock", "rb") as lock:
        fcntl = pytest.importorskip("fcntl")
        fcntl.flock(lock, fcntl.LOCK_EX)  # who waits for it waits for ever
        write({"x": cf.ones(2)}, tmp_path / name)
    assert set(cf.load(tmp_path / name)) != set() and place.exists()


@pytest.mark.parametrize("how", WRITERS)
def test_links_and_permissions_stay(tmp_path: Path, how: str) -> None:
    write, name = WRITERS[how]
    (tmp_path / "far").mkdir()
    link = tmp_path / name
    link.symlink_to(Path("far") / name)
    write({"x": cf.ones(2)}, link)  # to nothing yet
    ordinary = tmp_path / "ordinary"
    ordinary.touch()
    assert link.is_symlink() and mode(link) == mode(ordinary)
    os.chmod(link, 0o640)
    write({"x": cf.ones(3)}, link)
    assert link.is_symlink() and mode(link) == 0o640
    assert os.listdir(tmp_path / "far") == [name]


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


@pytest.mark.skipif(sys.platform == "win32", reason="needs named pipes")
@pytest.mark.parametrize("how", WRITERS)
def test_a_pipe_is_written_to_and_not_replaced(tmp_path: Path, how: str) -> None:
    write, name = WRITERS[how]
    os.mkfifo(tmp_path / name)
    reader = os.open(tmp_path / name, os.O_RDONLY | os.O_NONBLOCK)
    try:
        # An archive, and a digest in its own file, need a file in which one can go back.
        with contextlib.suppress(cf.FileError, OSError):
            write({"x": cf.ones(2)}, tmp_path / name)
        assert (tmp_path / name).is_fifo() and os.listdir(tmp_path) == [name]
    finally:
        os.close(reader)


def test_many_write_one_file(tmp_path: Path) -> None:
    path, failures = tmp_path / "x.safetensors", []

    def write(how: str, number: int) -> None:
        try:
            for _ in range(10):
                WRITERS[how][0]({"x": cf.full((1000,), float(number))}, path)
                # Opens the file once: the next writer may write one of the other kind.
                found: Any = cf.load_file(path)
                whole = next(x for key, x in found.items() if tuple(x.shape) == (1000,))
                assert whole.min().item() == whole.max().item()
        except BaseException as error:
            failures.append(error)

    threads = [
        threading.Thread(target=write, args=(how, number))
        for number, how in enumerate(("native", "both", "native", "both"))
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures and os.listdir(tmp_path) == ["x.safetensors"]
