"""Processes that are forked from one that has used CUDA, and those that are started anew.

They are skipped where there is no device; an emulated one serves.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import candle_ffi as cf

pytestmark = [
    pytest.mark.skipif(not cf.cuda.is_available(), reason="there is no CUDA device"),
    pytest.mark.skipif(sys.platform != "linux", reason="fork is Linux's way of starting a process"),
]


def run(folder: Path, code: str) -> list[str]:
    """The lines that a program prints; in this process no other test must meet a fork."""
    script = folder / "program.py"
    script.write_text(code)
    command = [sys.executable, "-W", "ignore", str(script)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.splitlines()


def test_a_forked_child_is_told_why_and_the_parent_goes_on(tmp_path: Path) -> None:
    code = """
import os
import candle_ffi as cf

x = cf.ones(4, device="cuda")
print((x + x).sum().item(), flush=True)
tries = [
    lambda: cf.zeros(2, device="cuda"),
    lambda: cf.ones(2).to("cuda"),
    lambda: x + x,
    lambda: x.cpu(),
    lambda: cf.cuda.synchronize(),
]
child = os.fork()
if child == 0:
    for number, attempt in enumerate(tries):
        try:
            print(number, "works", attempt(), flush=True)
        except cf.DeviceError as error:
            print(number, "spawn" in str(error), flush=True)
        except Exception as error:
            print(number, type(error), error, flush=True)
    # What is on the CPU works, and what is freed does no harm.
    del x
    print((cf.ones(3) * 2).sum().item(), flush=True)
    os._exit(0)
status = os.waitpid(child, 0)[1]
assert status == 0, status
print((x + x).sum().item())
"""
    told = [f"{number} True" for number in range(5)]
    assert run(tmp_path, code) == ["8.0", *told, "6.0", "8.0"]


@pytest.mark.parametrize("method", ["spawn", "forkserver"])
def test_a_process_that_is_started_anew_uses_it(method: str, tmp_path: Path) -> None:
    code = f"""
import multiprocessing
import candle_ffi as cf

def work(number):
    return cf.full((2,), number, device="cuda").sum().item()

if __name__ == "__main__":
    print(work(1.0))
    with multiprocessing.get_context("{method}").Pool(1) as pool:
        print(pool.map(work, [2.0, 3.0]))
"""
    assert run(tmp_path, code) == ["2.0", "[4.0, 6.0]"]


def test_an_import_leaves_cuda_to_forked_children(tmp_path: Path) -> None:
    code = """
import multiprocessing
import candle_ffi as cf

def work(number):
    return cf.full((2,), number, device="cuda").sum().item()

with multiprocessing.get_context("fork").Pool(1) as pool:
    print(pool.map(work, [2.0, 3.0]))
"""
    assert run(tmp_path, code) == ["[4.0, 6.0]"]


def test_forked_workers_of_a_loader_prepare_data_on_the_cpu(tmp_path: Path) -> None:
    code = """
import candle_ffi as cf
from candle_ffi.data import DataLoader

if __name__ == "__main__":
    weight = cf.ones(2, device="cuda")
    loader = DataLoader(
        [cf.full((2,), float(n)) for n in range(4)],
        batch_size=2, num_workers=1, multiprocessing_context="fork",
    )
    print([(batch.to("cuda") * weight).sum().item() for batch in loader])
"""
    assert run(tmp_path, code) == ["[2.0, 10.0]"]
