"""`make bench-cuda` without PyTorch: its lines run on a device, its tools do what they say."""

from __future__ import annotations

import itertools
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from backend import cf

from candle_ffi import creation
from candle_ffi._lib import lib

FOLDER = Path(__file__).parents[2] / "benches"
if str(FOLDER) not in sys.path:
    sys.path.append(str(FOLDER))

cuda_basic = pytest.importorskip("cuda_basic")
import cuda_copies  # noqa: E402
import cuda_products  # noqa: E402
import cuda_training  # noqa: E402
import gpu  # noqa: E402
import lines  # noqa: E402
import report  # noqa: E402
import timing  # noqa: E402

FILES = (cuda_basic, cuda_copies, cuda_products, cuda_training)
TINY = [line for file in FILES for line in file.lines(True)]
FULL = [line for file in FILES for line in file.lines(False)]


@pytest.fixture
def on_cuda(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    if not cf.cuda.is_available():
        pytest.skip("there is no CUDA device")
    monkeypatch.setitem(lines.DEVICES, "candle_ffi", "cuda")
    # Lines of copies begin on the host, also where tests make their numbers on the device.
    monkeypatch.setattr(cf, "from_numpy", creation.from_numpy)
    before = lib.candle_fallback_count()
    yield
    assert lib.candle_fallback_count() == before, "the host has computed a part of this line"
    gpu.exactness(cf, False)


@pytest.mark.parametrize("line", TINY, ids=lambda line: line.name)
def test_every_line_runs_on_the_device(on_cuda: None, line: Any) -> None:
    gpu.exactness(cf, line.tf32)
    function = line.make(cf)
    function()
    result = function()
    gpu.waiting(cf)()
    if isinstance(result, cf.Tensor):
        assert result.is_cuda != ("to the host" in line.name)


def test_the_files_are_those_that_are_measured() -> None:
    assert {file.__name__ for file in FILES} == {path.stem for path in FOLDER.glob("cuda_*.py")}
    assert len(TINY) > 80
    for found in (TINY, FULL):
        assert len({line.name for line in found}) == len(found)


def test_lines_have_the_bars_that_are_agreed() -> None:
    bars = {"add, one element": 1.0, "matmul": 0.95, "training step": 0.8}
    for line in FULL:
        expected = next((bar for name, bar in bars.items() if line.name.startswith(name)), None)
        assert line.bar == expected, line.name
    for size, kind in itertools.product((1024, 4096, 8192), ("f32", "TF32", "f16", "bf16")):
        (found,) = (line for line in FULL if line.name == f"matmul {size}x{size}x{size}, {kind}")
        assert found.tf32 == (kind == "TF32") and found.work == 2 * size**3 / 1e12


def test_a_round_ends_when_the_device_is_done() -> None:
    asked: dict[str, int] = {"ours": 0, "theirs": 0}
    waited: list[tuple[str, int]] = []

    def function(name: str) -> Any:
        def call() -> None:
            asked[name] += 1

        return call

    def wait(name: str) -> Any:
        def call() -> None:
            waited.append((name, asked[name]))

        return call

    names = ("ours", "theirs")
    timing.race({n: function(n) for n in names}, 2, {n: wait(n) for n in names}, 1e-4)
    for name in names:
        # Waiting is the last thing of all, and before and after each round.
        assert [calls for who, calls in waited if who == name][-1] == asked[name]
        assert len([who for who, _ in waited if who == name]) >= 2 * (1 + 1 + 2)


def test_the_report_has_times_rates_bars_and_failures() -> None:
    row = {
        "line": "matmul", "against": "torch", "candle_ffi_us": 10.0, "other_us": 8.0, "ratio": 0.8,
        "bar": 0.95, "met": False, "work": 2e-3, "rate": "TFLOP/s",
    }  # fmt: skip
    failed = {"line": "conv", "bar": 0.8, "met": False, "error": "OutOfMemoryError: none left"}
    text = report.markdown([row, failed], {"GPU": "some GPU", "driver": "580"}, "cuda")
    assert "GPU some GPU, driver 580" in text
    assert "| matmul | 10.00 µs | 8.00 µs | 200.0 TFLOP/s, 250.0 TFLOP/s | 0.80 | 0.95 ✗ |" in text
    assert "| conv | failed: OutOfMemoryError: none left |" in text
    assert report.printed(failed).endswith("FAILED: OutOfMemoryError: none left")
    assert "0.95 MISSED" in report.printed(row)


def test_without_a_gpu_it_is_refused_with_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    def zeros(*_: Any, **__: Any) -> None:
        raise cf.DeviceError("there is no NVIDIA driver")

    none = SimpleNamespace(zeros=zeros)
    for tiny in (True, False):
        assert "no NVIDIA driver" in gpu.refusal(none, None, tiny)
    some = SimpleNamespace(zeros=lambda *_, **__: None)
    monkeypatch.setattr(gpu, "emulated", lambda: True)
    assert gpu.refusal(some, None) == gpu.EMULATED and not gpu.refusal(some, None, tiny=True)
    monkeypatch.setattr(gpu, "emulated", lambda: False)
    torch = SimpleNamespace(
        __version__="2", version=SimpleNamespace(cuda=None), cuda=SimpleNamespace()
    )
    torch.cuda.is_available = lambda: False
    assert "PyTorch 2 (built for CUDA None) cannot use the GPU" in gpu.refusal(some, torch)
    torch.cuda.is_available = lambda: True
    assert not gpu.refusal(some, torch)


def test_the_program_says_it_before_anything_is_built() -> None:
    if not gpu.missing():
        pytest.skip("there is a GPU")
    command = [sys.executable, str(FOLDER / "gpu.py")]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode != 0 and "bench-cuda: there is no GPU" in done.stderr
