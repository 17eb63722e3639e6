"""The device that is tested: `CANDLE_FFI_TEST_DEVICE=cuda python -m pytest` runs the tests on it.

The files named below are run, with tensors and layers made there; results are compared on the host.
Where the device is missing every test is skipped and says why. Nothing changes on the CPU.
"""

from __future__ import annotations

import os
from functools import cache
from typing import TYPE_CHECKING, Any

import backend
from backend import cf
from case import Row

if TYPE_CHECKING:
    import pytest

#: What is run for another device than the CPU; the others test the host's memory, files or tools.
FILES = {
    "test_activation", "test_attention", "test_autocast", "test_autograd", "test_bench_cuda",
    "test_clip_grad", "test_conv", "test_conv_layers", "test_device_agrees", "test_dropout",
    "test_embedding", "test_hooks", "test_indexing", "test_init",
    "test_layers", "test_loss", "test_lr_scheduler", "test_module", "test_nn",
    "test_norm_layers", "test_normalized_weights", "test_norms", "test_ops", "test_optim",
    "test_optimizers", "test_promotion", "test_random", "test_recurrent", "test_spatial",
    "test_spatial_layers", "test_spellings", "test_training",
}  # fmt: skip

#: How many times the CPU's tolerance a device is given, by its type and the dtype.
LENIENCE: dict[str, dict[str, float]] = {
    # Sums are made in another order, and library functions differ in their last places.
    "cuda": {"float64": 8.0, "float32": 8.0, "float16": 2.0, "bfloat16": 2.0},
}

KIND = backend.DEVICE_NAME.partition(":")[0]


def lenience(dtype: str) -> float:
    """What a tolerance is multiplied with for results of this dtype."""
    return LENIENCE.get(KIND, {}).get(dtype, 1.0)


@cache
def missing() -> str:
    """Why the device cannot be tested; empty where it can."""
    try:
        if not backend.IS_CPU:
            cf.zeros(1, device=backend.DEVICE_NAME)
    except (RuntimeError, AssertionError) as problem:
        return f"no device {backend.DEVICE_NAME}: {problem}"
    return ""


def prepare() -> None:
    """Make the device the one where tensors and layers are made."""
    if backend.IS_CPU:
        return
    # What has no kernel there is computed by the host. That is right, and counted by other tests.
    os.environ.setdefault("CANDLE_FFI_DEVICE_FALLBACK", "silent")
    # A device reports an index that is not there when it is waited for; tests expect it at once.
    os.environ.setdefault("CUDA_LAUNCH_BLOCKING", "1")
    if missing():
        return
    cf.set_default_device(backend.DEVICE_NAME)
    # Tolerances are those of float32, and not of TF32.
    cf.backends.cudnn.allow_tf32 = False
    # Tests make their numbers with NumPy; what is made of them is wanted on the device.
    share = cf.from_numpy
    cf.from_numpy = lambda array: share(array).to(backend.DEVICE_NAME)


def choose(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Keep the tests that speak of devices, and skip them where the device is missing."""
    if backend.IS_CPU:
        return
    chosen = [item for item in items if item.path.stem in FILES]
    config.hook.pytest_deselected(items=[item for item in items if item.path.stem not in FILES])
    items[:] = chosen
    if missing():
        import pytest

        for item in items:
            item.add_marker(pytest.mark.skip(reason=missing()))


def host_only(reason: str) -> pytest.MarkDecorator:
    """Mark a test that is of the CPU alone."""
    import pytest

    return pytest.mark.skipif(not backend.IS_CPU, reason=f"of the CPU alone: {reason}")


#: Operations whose result is in memory that the host has already.
ON_HOST = {"from_numpy"}


def check_place(tensor: Any, row: Row | None = None) -> None:
    """Assert that a result is on the device that is tested, unless its row asks for the host."""
    if backend.IS_CPU or (row and (row.op in ON_HOST or "cpu" in row.arguments)):
        return
    wanted = cf.device(backend.DEVICE_NAME)
    assert tensor.device == wanted, f"a result is on {tensor.device}, not on {wanted}"
