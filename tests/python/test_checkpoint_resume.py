"""A training that is killed and goes on ends with the very same weights."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import backend
import pytest

if backend.IS_TORCH:
    pytest.skip("PyTorch has no such checkpoints", allow_module_level=True)

from candle_ffi import checkpoint

pytest.importorskip("sklearn")
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs SIGKILL")

PROGRAM = Path(__file__).with_name("interrupted_training.py")
STEPS = 4 * 16


def start(folder: Path, name: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, str(PROGRAM), str(folder / "last"), str(folder / name)],
        stdout=subprocess.PIPE,
        text=True,
    )


def first_step(process: subprocess.Popen[str]) -> int:
    assert process.stdout is not None
    return int(process.stdout.readline().split()[1])


def kill_after(process: subprocess.Popen[str], step: int) -> None:
    """Kill when a step is told; what follows it may or may not have happened."""
    assert process.stdout is not None
    for line in process.stdout:
        if line.split() == ["step", str(step)]:
            break
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    process.stdout.close()


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    folder = tmp_path_factory.mktemp("uninterrupted")
    process = start(folder, "weights.safetensors")
    process.communicate()
    assert process.returncode == 0
    return (folder / "weights.safetensors").read_bytes()


def test_killed_in_the_middle_of_epochs(tmp_path: Path, uninterrupted: bytes) -> None:
    """Right after a checkpoint, before one, at the end of an epoch, and twice in one place."""
    begun = 0
    for step in (3, 12, 30, 32, 33, 58):
        process = start(tmp_path, "weights.safetensors")
        begun = first_step(process)
        assert begun <= step and (begun % 5 == 0 or begun % 16 == 0)
        kill_after(process, step)
    process = start(tmp_path, "weights.safetensors")
    assert first_step(process) > begun
    process.communicate()
    assert process.returncode == 0
    assert (tmp_path / "weights.safetensors").read_bytes() == uninterrupted
    found = checkpoint.read(tmp_path / "last")
    assert found.epoch == 4 and len(found.extra["losses"]) == STEPS
    assert sorted(os.listdir(tmp_path)) == ["last", "weights.safetensors"]


def test_the_seed_matters(tmp_path: Path, uninterrupted: bytes) -> None:
    """The comparison can fail: other random numbers give other weights."""
    program = PROGRAM.read_text().replace("seed = 0", "seed = 1")
    assert "seed = 1" in program
    (tmp_path / "other.py").write_text(program)
    subprocess.run(
        [sys.executable, tmp_path / "other.py", tmp_path / "last", tmp_path / "a.safetensors"],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    assert (tmp_path / "a.safetensors").read_bytes() != uninterrupted
