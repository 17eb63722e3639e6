"""The device that is taken when none is named, and how the tests are run for one."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import candle_ffi as cf

ROOT = Path(__file__).parent.parent.parent
MISSING = "cuda:63"


def test_the_default_device_is_the_cpu() -> None:
    assert cf.get_default_device() == cf.device("cpu") == cf.zeros(1).device
    cf.set_default_device("cpu")
    cf.set_default_device(None)
    assert cf.nn.Linear(2, 2).weight.device == cf.get_default_device() == cf.device("cpu")


def test_a_default_device_that_is_not_there_is_refused() -> None:
    with pytest.raises(cf.DeviceError, match=r"cuda|CUDA"):
        cf.set_default_device(MISSING)
    assert cf.get_default_device() == cf.device("cpu")


def test_a_device_has_pytorchs_arguments_and_is_a_scope() -> None:
    assert (
        cf.device(type="cpu") is cf.device("cpu") and cf.device(type="cpu", index=0).type == "cpu"
    )
    with cf.device("cpu") as chosen, cf.device(type="cpu"):
        assert chosen == cf.get_default_device() == cf.zeros(1).device


@pytest.mark.skipif(cf.cuda.device_count() < 2, reason="there are no two CUDA devices")
def test_the_default_follows_the_current_device_and_the_scope() -> None:
    code = """
import threading
import candle_ffi as cf

def made():
    assert cf.zeros(3).device == cf.nn.Linear(1, 1).weight.device == cf.get_default_device()
    return str(cf.zeros(3).device)

cf.set_default_device("cuda")
cf.cuda.set_device(1)
print(made())
with cf.device("cuda:0"):
    print(made())
    with cf.device("cpu"), cf.cuda.device(0):
        print(made())
    thread = threading.Thread(target=lambda: print(made()))  # has neither the block nor the device
    thread.start()
    thread.join()
    print(made())
print(made())
cf.set_default_device("cuda:0")
print(made())
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    places = ["cuda:1", "cuda:0", "cpu", "cuda:0", "cuda:0", "cuda:1", "cuda:0"]
    assert done.stdout.split() == places


def test_tests_of_a_missing_device_are_skipped_with_the_reason() -> None:
    command = [sys.executable, "-m", "pytest", "-rs", "tests/python/test_norms.py", __file__]
    environment = {**os.environ, "CANDLE_FFI_TEST_DEVICE": MISSING}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"no device {MISSING}: " in done.stdout and " passed" not in done.stdout
    assert "deselected" in done.stdout  # this file, which is of the host
