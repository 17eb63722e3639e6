"""Checkpoints that are damaged, cut off, half written, or written by two at once."""

from __future__ import annotations

import os
import random
import resource
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
    pytest.skip("PyTorch has no such checkpoints", allow_module_level=True)

from candle_ffi import checkpoint, nn
from candle_ffi.serialization import digest


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """A checkpoint with weights, true and false, texts and numbers."""
    model = nn.BatchNorm1d(2)
    extra = {"mask": cf.tensor([True, False]), "note": "ü", "rates": [0.1, float("nan")]}
    path = tmp_path / "small.safetensors"
    checkpoint.save(path, epoch=1, extra=extra, model=model)
    checkpoint.load(path, model=model)
    return path


def refused(path: Path) -> None:
    with pytest.raises(cf.FileFormatError) as caught:
        checkpoint.read(path)
    assert path.name in str(caught.value)


def test_every_changed_byte_is_noticed(small: Path) -> None:
    content = small.read_bytes()
    handle = os.open(small, os.O_WRONLY)
    for place, byte in enumerate(content):
        for change in (1, 0x20 if place % 2 else 0x80):
            os.pwrite(handle, bytes([byte ^ change]), place)
            refused(small)
        os.pwrite(handle, bytes([byte]), place)
    os.close(handle)
    assert small.read_bytes() == content and checkpoint.read(small).epoch == 1


def test_every_length_is_noticed(small: Path) -> None:
    length = small.stat().st_size
    (small.parent / "longer").write_bytes(small.read_bytes() + b"\0")
    refused(small.parent / "longer")
    for cut in range(length - 1, -1, -1):
        os.truncate(small, cut)
        refused(small)


@pytest.mark.parametrize("place", [20, 1000, -1])
def test_nothing_changes_when_a_file_is_refused(small: Path, place: int) -> None:
    content = bytearray(small.read_bytes())
    content[place] ^= 1
    small.write_bytes(content)
    model = nn.BatchNorm1d(2)
    before = {name: x.tolist() for name, x in model.state_dict().items()}
    state = cf.get_rng_state().tolist()
    with pytest.raises(cf.FileFormatError, match=r"small\.safetensors"):
        checkpoint.load(small, model=model)
    # Neither do the others that read such files take it.
    with pytest.raises(cf.FileFormatError, match=r"small\.safetensors"):
        cf.load(small)
    with pytest.raises(cf.FileFormatError, match=r"small\.safetensors"):
        model.load(small)
    assert {name: x.tolist() for name, x in model.state_dict().items()} == before
    assert cf.get_rng_state().tolist() == state


@pytest.mark.parametrize("text", ["", "[", '{"odd":1}', '{"dict":{}}', "[" * 100_000, "3"])
def test_a_state_that_only_looks_whole(small: Path, text: str) -> None:
    """The digest is right, and what it is of is nonsense."""
    metadata = {"candle_ffi.checkpoint": "1", "state": text, "sha256": digest.UNSET}
    cf.save_file({"x": cf.ones(1)}, small, metadata)
    digest.seal(small)
    refused(small)


def test_a_later_form_is_named(small: Path) -> None:
    metadata = {"candle_ffi.checkpoint": "2", "state": "{}", "sha256": digest.UNSET}
    cf.save_file({}, small, metadata)
    digest.seal(small)
    with pytest.raises(cf.FileFormatError, match="its form is '2', and this version reads '1'"):
        checkpoint.read(small)


def test_another_kind_of_file(tmp_path: Path) -> None:
    for content in (b"", b"PK\x03\x04" + bytes(100), b"\x80\x02}q\x00." + bytes(60), bytes(50)):
        (tmp_path / "other").write_bytes(content)
        refused(tmp_path / "other")


# Writing --------------------------------------------------------------------------------------

WRITER = """
import sys
import candle_ffi as cf
size, path = int(sys.argv[1]), sys.argv[2]
number = 0
while True:
    number += 1
    cf.checkpoint.save(path, epoch=number, extra=cf.full((size,), float(number)))
    print(number, flush=True)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="needs SIGKILL")
def test_a_killed_process_leaves_a_whole_file(tmp_path: Path) -> None:
    path = tmp_path / "last"
    generator = random.Random(0)
    for _ in range(8):
        process = subprocess.Popen(
            [sys.executable, "-c", WRITER, "500000", str(path)], stdout=subprocess.PIPE
        )
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(generator.random() * 0.03)
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stdout.close()
        found = checkpoint.read(path)
        assert found.epoch >= 1 and (found.extra == found.epoch).all().item()
        # What was being written is in one place, and does not pile up.
        assert len(os.listdir(tmp_path)) <= 2
    checkpoint.save(path, epoch=0)
    assert os.listdir(tmp_path) == ["last"]


def test_what_a_killed_process_left_is_removed(tmp_path: Path) -> None:
    path = tmp_path / "last"
    program = (
        "import os, signal, sys\n"
        "import candle_ffi as cf\n"
        "from candle_ffi import checkpoint\n"
        "checkpoint.seal = lambda path: os.kill(os.getpid(), signal.SIGKILL)\n"
        "checkpoint.save(sys.argv[1], epoch=2)\n"
    )
    checkpoint.save(path, epoch=1)
    for _ in range(3):
        killed = subprocess.run([sys.executable, "-c", program, str(path)], check=False)
        assert killed.returncode == -signal.SIGKILL
    assert len(os.listdir(tmp_path)) == 2 and checkpoint.read(path).epoch == 1
    checkpoint.save(path, epoch=3)
    assert os.listdir(tmp_path) == ["last"] and checkpoint.read(path).epoch == 3


def limited(call: Any, size: int) -> None:
    """Call with files limited to a size, as a full disk limits them."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        call()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("suffix", ["safetensors", "npz"])
def test_no_room_leaves_the_old_file(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"last.{suffix}"
    big = {"x": cf.zeros(100_000)}

    def save() -> None:
        if suffix == "npz":
            cf.save(big, path)
        else:
            checkpoint.save(path, extra=big)

    save()
    before = path.read_bytes()
    big["x"] += 1
    with pytest.raises(cf.FileError, match=rf"last\.{suffix}.*too large"):
        limited(save, 50_000)
    assert path.read_bytes() == before and os.listdir(tmp_path) == [path.name]
    save()
    assert path.read_bytes() != before


def test_a_folder_that_may_not_be_written(tmp_path: Path) -> None:
    if os.geteuid() == 0:
        pytest.skip("root may write anywhere")
    checkpoint.save(tmp_path / "last", epoch=1)
    os.chmod(tmp_path, 0o500)
    try:
        with pytest.raises(cf.FilePermissionError, match="last"):
            checkpoint.save(tmp_path / "last", epoch=2)
    finally:
        os.chmod(tmp_path, 0o700)
    assert checkpoint.read(tmp_path / "last").epoch == 1


def test_two_that_write_the_same_file(tmp_path: Path) -> None:
    path = tmp_path / "last"
    failures: list[BaseException] = []

    def write(number: int) -> None:
        try:
            for _ in range(15):
                checkpoint.save(path, epoch=number, extra=cf.full((1000,), float(number)))
                found = checkpoint.read(path)
                assert (found.extra == found.epoch).all().item()
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=write, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    assert os.listdir(tmp_path) == ["last"]
