"""Workers and threads of a loader that are killed, interrupted or left: no hang, no orphan."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import backend
import pytest
from processes import Program

if backend.IS_TORCH:
    pytest.skip("of this package", allow_module_level=True)
if not Path("/proc/self/stat").exists():
    pytest.skip("looks for processes in /proc", allow_module_level=True)

START = """
import os, sys, time
import numpy as np
import candle_ffi as cf
from candle_ffi.data import DataLoader, Dataset, IterableDataset, TensorDataset

class Numbers(Dataset):
    def __init__(self, seconds, size=100_000): self.seconds, self.size = seconds, size
    def __len__(self): return 1_000_000
    def __getitem__(self, index):
        time.sleep(self.seconds)
        return np.full(self.size, index, np.float32), os.getpid()

def loader(seconds=0.01, **options):
    return DataLoader(Numbers(seconds), 2, num_workers=2, multiprocessing_context=METHOD, **options)

"""

Run = Callable[..., Program]


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Run]:
    """Run the main part of a program with workers that start by a method."""
    started = []

    def start(method: str, *lines: str) -> Program:
        body = "\n".join("    " + line for line in ("if True:", *("    " + li for li in lines)))
        code = f"METHOD = {method!r}\n{START}\nif __name__ == '__main__':\n{body}\n"
        started.append(Program(tmp_path, code))
        return started[-1]

    yield start
    for program in started:
        program.clean()


every_method = pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])


@every_method
def test_a_killed_worker_is_named(run: Run, method: str) -> None:
    program = run(
        method,
        "batches = iter(loader())",
        "pids = {pid for _ in range(4) for pid in next(batches)[1].tolist()}",
        "print('pids', *pids, 'end')",
        "try:",
        "    for batch in batches: pass",
        "except RuntimeError as error: print('error', error)",
        "print(len(__import__('multiprocessing').active_children()), 'left')",
    )
    pids = [int(word) for word in program.until("end").split()[1:-1]]
    assert not program.uses_named_memory()
    os.kill(pids[0], signal.SIGKILL)
    start = time.monotonic()
    output = program.until("error")
    assert time.monotonic() - start < 10
    assert program.wait() == 0
    assert f"(pid {pids[0]}) was killed by SIGKILL" in program.output, output
    assert "0 left" in program.output
    assert program.is_gone()


def test_a_killed_worker_is_named_while_another_is_busy(run: Run) -> None:
    program = run(
        "fork",
        "import multiprocessing",
        "batches = iter(loader(seconds=1000))",
        "print('pids', *(child.pid for child in multiprocessing.active_children()), 'end')",
        "next(batches)",
    )
    pids = [int(word) for word in program.until("end").split()[1:-1]]
    os.kill(pids[1], signal.SIGKILL)
    start = time.monotonic()
    assert program.wait() == 1
    assert time.monotonic() - start < 10
    assert f"(pid {pids[1]}) was killed by SIGKILL" in program.errors
    assert program.is_gone()


@every_method
def test_ctrl_c_while_waiting_for_a_batch(run: Run, method: str) -> None:
    program = run(
        method,
        "for batch in loader(persistent_workers=True): break",
        "print('ready')",
        "for batch in loader(seconds=30): pass",
    )
    program.until("ready")
    time.sleep(0.5)
    program.interrupt()
    assert program.wait() == -signal.SIGINT
    assert "KeyboardInterrupt" in program.errors
    assert program.errors.count("Traceback") == 1, program.errors
    assert program.is_gone()


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_ctrl_c_in_the_body_of_the_loop(run: Run, method: str) -> None:
    program = run(
        method,
        "import multiprocessing",
        "try:",
        "    for batch in loader():",
        "        print('ready')",
        "        time.sleep(100)",
        "except KeyboardInterrupt:",
        "    print('interrupted,', len(multiprocessing.active_children()), 'left')",
    )
    program.until("ready")
    program.interrupt()
    assert program.wait() == 0
    assert "interrupted, 0 left" in program.output
    assert program.errors == ""
    assert program.is_gone()


@every_method
def test_workers_end_when_their_parent_is_killed(run: Run, method: str) -> None:
    program = run(
        method,
        "first, second = iter(loader()), iter(loader(seconds=1000))",
        "next(first)",
        "print('ready')",
        "time.sleep(100)",
    )
    program.until("ready")
    assert len(program.members()) >= 5
    program.process.kill()
    program.wait()
    assert program.is_gone()


@every_method
def test_exit_in_the_middle_of_an_epoch(run: Run, method: str) -> None:
    program = run(
        method,
        "batches, kept = iter(loader()), loader(persistent_workers=True)",
        "next(batches), next(iter(kept))",
        "print('ready')",
    )
    program.until("ready")
    start = time.monotonic()
    assert program.wait() == 0
    assert time.monotonic() - start < 30
    assert program.errors == ""
    assert program.is_gone()


def test_an_exception_in_the_body_ends_the_workers(run: Run) -> None:
    program = run("fork", "for batch in loader(): raise ValueError('body')")
    assert program.wait() == 1
    assert program.errors.strip().endswith("ValueError: body")
    assert program.is_gone()


def test_a_worker_that_is_busy_does_not_hold_up_the_end(run: Run) -> None:
    program = run(
        "fork",
        "batches = iter(loader(seconds=0))",
        "next(batches)",
        "batches = iter(loader(seconds=1000))",
        "del batches",
        "print('ended')",
    )
    start = time.monotonic()
    program.until("ended")
    assert program.wait() == 0
    assert time.monotonic() - start < 30
    assert program.is_gone()


def test_a_forked_child_leaves_the_workers_alone(run: Run) -> None:
    program = run(
        "fork",
        "kept = loader(persistent_workers=True, seconds=0)",
        "batches = iter(kept)",
        "next(batches)",
        "child = os.fork()",
        "if child == 0:",
        "    del batches, kept",
        "    os._exit(0)",
        "assert os.waitpid(child, 0)[1] == 0",
        "print(next(batches)[0].shape)",
    )
    assert program.wait() == 0, program.errors
    assert "(2, 100000)" in program.output


def test_a_forked_child_starts_workers_of_its_own(run: Run) -> None:
    program = run(
        "fork",
        "kept = loader(persistent_workers=True, seconds=0)",
        "next(iter(kept))",
        "child = os.fork()",
        "print(next(iter(kept))[0].shape)",
        "if child: sys.exit(os.waitpid(child, 0)[1])",
        "del kept",
        "os._exit(0)",
    )
    assert program.wait() == 0, program.errors
    assert program.output.count("(2, 100000)") == 2
    assert program.is_gone()


THREAD = "x = TensorDataset(np.zeros((1000, 10), np.float32))"


def test_exit_with_a_thread_that_has_batches_ready(run: Run) -> None:
    program = run("fork", THREAD, "batches = iter(DataLoader(x, 2)); next(batches)")
    assert program.wait() == 0
    assert program.errors == ""


def test_ctrl_c_while_waiting_for_the_thread(run: Run) -> None:
    program = run(
        "fork",
        "class Slow(TensorDataset):",
        "    def gather(self, indices):",
        "        print('ready')",
        "        time.sleep(1000)",
        "for batch in DataLoader(Slow(np.zeros((1000, 10))), 2): pass",
    )
    program.until("ready")
    program.interrupt()
    assert program.wait() == -signal.SIGINT
    assert program.errors.count("Traceback") == 1, program.errors


def test_a_forked_child_goes_on_without_the_thread(run: Run) -> None:
    program = run(
        "fork",
        "batches = iter(DataLoader(TensorDataset(np.arange(8)), 2))",
        "next(batches)",
        "child = os.fork()",
        "rest = [batch.tolist() for (batch,) in batches]",
        # One after the other, so that the lines stay whole.
        "status = os.waitpid(child, 0)[1] if child else 0",
        "print(rest)",
        "sys.stdout.flush()",
        "sys.exit(status)",
    )
    assert program.wait() == 0, program.errors
    assert program.output == "[[2, 3], [4, 5], [6, 7]]\n" * 2
