"""What the emulated CUDA driver has been asked to do (crates/cuda-emulator counts)."""

from __future__ import annotations

import ctypes

import pytest
from backend import cf


class Counts:
    """How often the driver has done things since the last reset; its README names them."""

    def __init__(self, driver: ctypes.CDLL) -> None:
        self.driver = driver
        driver.cuda_emulator_count.restype = ctypes.c_uint64
        driver.cuda_emulator_count.argtypes = [ctypes.c_char_p]

    def reset(self) -> None:
        self.driver.cuda_emulator_reset_counts()

    def __getitem__(self, what: str) -> int:
        return int(self.driver.cuda_emulator_count(what.encode()))


def counts() -> Counts:
    """The counts; a test is skipped without a CUDA device, and on a real one."""
    if not cf.cuda.is_available():
        pytest.skip("there is no CUDA device")
    driver = ctypes.CDLL("libcuda.so.1")
    if not hasattr(driver, "cuda_emulator_count"):
        pytest.skip("a real driver does not count")
    return Counts(driver)
