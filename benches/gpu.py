"""What `--device cuda` needs besides lines: whether there is a GPU, which, precision, waiting.

    python benches/gpu.py

says why there is none, before anything is built for it.
"""

from __future__ import annotations

import ctypes
import subprocess
import sys
from collections.abc import Callable
from types import ModuleType

EMULATED = (
    "there is no GPU: the driver is the emulator, whose times mean nothing. "
    "`--tiny` (make bench-cuda TINY=1) runs every line on it once"
)
ROUND_SECONDS = 0.05  # waiting for the device at the end of a round is then nothing beside it


def missing() -> str:
    """Why the driver has no GPU for us; empty where it has one. Needs neither library."""
    try:
        driver = ctypes.CDLL("libcuda.so.1")
    except OSError as problem:
        return f"there is no GPU: there is no NVIDIA driver ({problem})"
    count = ctypes.c_int()
    if driver.cuInit(0) or driver.cuDeviceGetCount(ctypes.byref(count)) or not count.value:
        return "there is no GPU: the NVIDIA driver finds none (see CUDA_VISIBLE_DEVICES)"
    return EMULATED if emulated() else ""


def emulated() -> bool:
    """Whether the driver is crates/cuda-emulator, whose times mean nothing."""
    try:
        return hasattr(ctypes.CDLL("libcuda.so.1"), "cuda_emulator_count")
    except OSError:
        return False


def refusal(ours: ModuleType, theirs: ModuleType | None, tiny: bool = False) -> str:
    """Why nothing can be measured (or, of `tiny` sizes, run) here; empty where it can."""
    try:
        ours.zeros(1, device="cuda")
    except RuntimeError as problem:
        return f"candle_ffi has no GPU here. {problem}"
    if tiny:
        return ""
    if emulated():
        return EMULATED
    if theirs is not None and not theirs.cuda.is_available():
        return (
            f"PyTorch {theirs.__version__} (built for CUDA {theirs.version.cuda}) cannot use the "
            "GPU, so there is nothing to compare with"
        )
    return ""


def exactness(library: ModuleType, tf32: bool) -> None:
    """Let float32 products and convolutions be of TF32 in a library, or not.

    PyTorch's convolutions are of TF32 when nothing is said, so both are always told.
    """
    library.backends.cuda.matmul.allow_tf32 = tf32
    library.backends.cudnn.allow_tf32 = tf32


def waiting(library: ModuleType) -> Callable[[], object]:
    """The function that waits for all that a library has asked of its device."""

    def wait() -> None:
        library.cuda.synchronize()

    return wait


def release(*libraries: ModuleType) -> None:
    """Give the memory of a line back, so that the next one has all of it, whichever is first."""
    for library in libraries:
        library.cuda.empty_cache()


def about(ours: ModuleType, theirs: ModuleType) -> dict[str, str]:
    """The GPU, its driver and the libraries of CUDA, for the head of the results."""
    cudnn = ours.backends.cudnn
    properties = theirs.cuda.get_device_properties(0)
    return {
        "GPU": theirs.cuda.get_device_name(0),
        "memory": f"{properties.total_memory / 2**30:.0f} GiB",
        "compute capability": ".".join(map(str, theirs.cuda.get_device_capability(0))),
        "driver": driver(),
        "CUDA (PyTorch's)": str(theirs.version.cuda),
        "cuDNN (PyTorch's)": str(theirs.backends.cudnn.version()),
        "cuDNN (ours)": str(cudnn.version() or f"none, {cudnn.why_not()}"),
    }


def driver() -> str:
    """The version of the driver, and of the CUDA that it is for."""
    number = ctypes.c_int()
    ctypes.CDLL("libcuda.so.1").cuDriverGetVersion(ctypes.byref(number))
    cuda = f"CUDA {number.value // 1000}.{number.value % 1000 // 10}"
    command = ["nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader", "--id=0"]
    try:
        told = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    except (OSError, subprocess.SubprocessError):
        return f"for {cuda}"
    return f"{told.stdout.strip()} (for {cuda})"


if __name__ == "__main__":
    why = missing()
    sys.exit(f"bench-cuda: {why}" if why else 0)
