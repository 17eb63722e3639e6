"""Convolutions by cuDNN: what it computes, what it is told, and what happens where it is not there.

On the emulated device (`make test-cuda`), which convolves as cuDNN does. Each test makes its
machine: a folder of links to the emulator, with `libcudnn.so.9`, without it, or with one made here.
"""

from __future__ import annotations

import ctypes
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import candle_ffi as cf
from candle_ffi.backends import cudnn

NAME = "libcudnn.so.9"
#: What every program begins with: the driver's counts, and the last convolution as a dictionary.
BEGIN = """
import ctypes, json, threading
import candle_ffi as cf
from candle_ffi.backends import cudnn
F = cf.nn.functional
driver = ctypes.CDLL("libcuda.so.1")
driver.cuda_emulator_count.restype = ctypes.c_uint64
def count(what="convolution"):
    return driver.cuda_emulator_count(what.encode())
def text(function):
    buffer = ctypes.create_string_buffer(1 << 16)
    getattr(driver, function)(buffer, ctypes.c_size_t(len(buffer)))
    return buffer.value.decode()
def last():
    told = text("cuda_emulator_last_convolution")
    return dict(word.split("=") for word in told.split())
def kernels():
    return text("cuda_emulator_last_kernels")
def numbers(*shape, seed=0, dtype=cf.float32, device="cuda"):
    generator = cf.Generator().manual_seed(seed)
    return cf.randn(*shape, generator=generator).to(dtype).to(device)
def far(one, other):
    return (one.cpu().to(cf.float64) - other.cpu().to(cf.float64)).abs().max().item()
def plain(*arguments, **options):
    with cudnn.flags(enabled=False):
        return F.conv2d(*arguments, **options)
x, w = numbers(2, 4, 9, 9), numbers(6, 4, 3, 3, seed=1)
"""


@pytest.fixture(scope="module")
def emulator() -> Path:
    """The folder with the links to the emulator that this process uses."""
    try:
        driver = ctypes.CDLL("libcuda.so.1")
        found = driver.cuda_emulator_last_convolution
    except (OSError, AttributeError):
        pytest.skip("there is no emulated device; make test-cuda")
    for folder in os.environ.get("LD_LIBRARY_PATH", "").split(":"):
        if folder and found and (Path(folder) / "libcuda.so.1").exists():
            return Path(folder)
    pytest.skip("the emulator is not in LD_LIBRARY_PATH")


Machine = Callable[..., Any]


@pytest.fixture
def machine(emulator: Path, tmp_path: Path) -> Machine:
    """Runs a program on a machine with a cuDNN, and returns what it prints, as JSON."""

    def run(code: str, library: Path | str | None = "emulated", **variables: str) -> Any:
        folder = tmp_path / f"machine{len(list(tmp_path.iterdir()))}"
        folder.mkdir()
        for link in emulator.iterdir():
            if link.name != NAME:
                (folder / link.name).symlink_to(link.resolve())
        if library == "emulated":
            (folder / NAME).symlink_to((emulator / "libcuda.so.1").resolve())
        elif library is not None:
            (folder / NAME).symlink_to(library)
        kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        package = str(Path(cf.__file__).parents[1])
        done = subprocess.run(
            [sys.executable, "-c", BEGIN + code],
            env={
                **kept,
                "PYTHONPATH": package,
                "LD_LIBRARY_PATH": str(folder),
                "CANDLE_FFI_BACKEND": "cuda",
                **variables,
            },
            capture_output=True,
            text=True,
            timeout=300,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        # The emulator says there what a program must not do.
        assert "cuda-emulator:" not in done.stderr, done.stderr
        return json.loads(done.stdout)

    return run


#: Input, weight, options of a convolution, and how many of its three products cuDNN computes.
CASES: list[tuple[str, str, list[int], list[int], dict[str, Any], int]] = [
    ("line", "conv1d", [3, 2, 17], [5, 2, 3], {"padding": 1}, 3),
    ("line, far apart", "conv1d", [2, 3, 16], [4, 3, 3], {"dilation": 3, "stride": 2}, 3),
    ("square", "conv2d", [2, 3, 8, 8], [4, 3, 3, 3], {"padding": 1}, 3),
    ("oblong", "conv2d", [2, 3, 9, 7], [4, 3, 3, 2], {"padding": [0, 1], "stride": [2, 1]}, 3),
    ("steps", "conv2d", [2, 3, 11, 11], [2, 3, 2, 2], {"stride": [3, 4]}, 3),
    ("dilated", "conv2d", [2, 2, 12, 12], [4, 2, 3, 3], {"dilation": [2, 3], "padding": 2}, 3),
    ("five", "conv2d", [2, 2, 9, 9], [3, 2, 5, 5], {"padding": 2}, 3),
    ("points", "conv2d", [3, 6, 5, 5], [4, 6, 1, 1], {}, 3),
    ("groups", "conv2d", [2, 6, 6, 6], [9, 2, 3, 3], {"groups": 3, "padding": 1}, 3),
    ("box", "conv3d", [2, 3, 4, 5, 6], [2, 3, 2, 3, 2], {"stride": [2, 1, 2], "padding": 1}, 3),
    ("back, line", "conv_transpose1d", [2, 4, 7], [4, 3, 3], {"stride": 2, "output_padding": 1}, 3),
    ("back", "conv_transpose2d", [2, 4, 5, 5], [4, 3, 3, 3], {"stride": 2, "padding": 1}, 3),
    ("back, groups", "conv_transpose2d", [2, 4, 5, 5], [4, 3, 3, 3], {"groups": 2}, 3),
    ("back, box", "conv_transpose3d", [1, 2, 3, 3, 3], [2, 3, 2, 2, 2], {"stride": 2}, 3),
    # cuDNN has as many zeros on either side, and sizes that follow from the options.
    ("uneven zeros", "conv2d", [2, 3, 8, 8], [4, 3, 4, 4], {"padding": "same"}, 0),
    ("longer", "conv_transpose2d", [1, 2, 4, 4], [2, 3, 2, 2],
     {"dilation": 3, "output_padding": 2}, 0),
    # Our own kernels are for these.
    ("depthwise", "conv2d", [2, 6, 8, 8], [6, 1, 3, 3], {"groups": 6}, 0),
]  # fmt: skip

TABLE = """
tolerances = {"float64": 1e-12, "float32": 2e-5, "float16": 2e-2, "bfloat16": 1.5e-1}
cudnn.allow_tf32 = False
told = []
for name, function, of_x, of_w, options, products in json.loads('CASES'):
    channels = of_w[0] if "transpose" not in function else of_w[1] * options.get("groups", 1)
    for dtype, tolerance in tolerances.items():
        found = []
        for device in ("cpu", "cuda"):
            make = lambda shape, seed: numbers(
                *shape, seed=seed, dtype=getattr(cf, dtype), device=device
            ).requires_grad_()
            x, w, b = make(of_x, 1), make(of_w, 2), make([channels], 3)
            driver.cuda_emulator_reset_counts()
            y = getattr(F, function)(x, w, b, **options)
            (y * y).sum().backward()
            found.append([y, x.grad, w.grad, b.grad])
        for part, one, other in zip(["result", "of x", "of w", "of b"], *found):
            assert one.shape == other.shape and one.dtype == other.dtype
            size = max(1.0, one.detach().to(cf.float64).abs().max().item())
            if far(one.detach(), other.detach()) > tolerance * size:
                told.append(f"{name}, {dtype}, {part}: {far(one.detach(), other.detach())}")
        if count() != products:
            told.append(f"{name}, {dtype}: {count()} of {products} products by cuDNN")
        if products and "columns" in kernels():
            told.append(f"{name}, {dtype}: {kernels()}")
print(json.dumps(told))
"""


def test_results_are_those_of_the_cpu(machine: Machine) -> None:
    assert machine(TABLE.replace("CASES", json.dumps(CASES))) == []


def test_results_are_those_of_the_cpu_when_measured(machine: Machine) -> None:
    cases = [(*case[:-1], 0) for case in CASES if case[-1]]
    code = TABLE.replace("CASES", json.dumps(cases)).replace("if count() != products:", "if False:")
    assert machine("cudnn.benchmark = True\n" + code) == []


def test_a_step_neither_waits_nor_copies(machine: Machine) -> None:
    code = """
net = cf.nn.Sequential(cf.nn.Conv2d(4, 6, 3), cf.nn.ReLU(), cf.nn.Conv2d(6, 2, 3)).to("cuda")
def step():
    net(x).sum().backward()
step()
driver.cuda_emulator_reset_counts()
step()
print(json.dumps([count(), *map(count, ("synchronize", "host_to_device", "device_to_host"))]))
"""
    # The first layer's input needs no gradient.
    assert machine(code) == [5, 0, 0, 0]


def test_float32_may_be_of_tf32(machine: Machine) -> None:
    code = """
exact = plain(x.cpu(), w.cpu())
found = []
for allowed in (True, False, True):
    cudnn.allow_tf32 = allowed
    y = F.conv2d(x, w)
    found.append([last()["math"], far(y, exact)])
y = F.conv2d(x.to(cf.float64), w.to(cf.float64))
found.append([last()["math"], far(y, exact)])
cf.backends.cuda.matmul.allow_tf32 = True
found.append([cudnn.allow_tf32, plain(x, w).sum().item() != 0])
cudnn.allow_tf32 = False
found.append([cf.backends.cuda.matmul.allow_tf32, True])
print(json.dumps(found))
"""
    reduced, exact, again, double, *separate = machine(code)
    assert reduced == again and reduced[0] == "0" and 1e-5 < reduced[1] < 2e-2
    assert exact[0] == "3" and exact[1] < 1e-5
    assert double[0] == "0" and double[1] < 1e-5
    assert separate == [[True, True], [True, True]]


def test_only_algorithms_that_always_give_the_same(machine: Machine) -> None:
    code = """
def algorithm():
    y = F.conv2d(x, w.detach().requires_grad_())
    y.sum().backward()
    return last()["function"], last()["algorithm"]
first = algorithm()
with cudnn.flags(enabled=True, deterministic=True):
    second = algorithm()
print(json.dumps([first, second, algorithm()]))
"""
    name = "cudnnConvolutionBackwardFilter"
    # 0 and 3 add by atomic operations.
    assert machine(code) == [[name, "3"], [name, "1"], [name, "3"]]


def test_algorithms_are_measured_once(machine: Machine) -> None:
    code = """
exact = plain(x.cpu(), w.cpu())
cudnn.benchmark, cudnn.allow_tf32 = True, False
told = []
for shape in (9, 9, 7, 9, 7):
    driver.cuda_emulator_reset_counts()
    y = F.conv2d(x[:, :, :shape].contiguous(), w)
    told.append([count(), count("synchronize"), far(y, exact[:, :, : shape - 2]) < 1e-5])
cudnn.benchmark = False
driver.cuda_emulator_reset_counts()
F.conv2d(x[:, :, :7].contiguous(), w)
told.append([count(), count("synchronize"), True])
print(json.dumps(told))
"""
    first, second, third, *others = machine(code)
    # All that support the problem, and the one that is wanted; the host waits for the former.
    assert first[0] == first[1] + 1 > 3 and third == first and first[2]
    assert second == [1, 0, True] and others == [[1, 0, True]] * 3


def test_switched_off(machine: Machine) -> None:
    code = """
driver.cuda_emulator_reset_counts()
exact = plain(x.cpu(), w.cpu())
cudnn.enabled = False
y = F.conv2d(x, w)
print(json.dumps([count(), "conv_to_columns" in kernels(), far(y, exact) < 1e-5, cudnn.version()]))
"""
    assert machine(code) == [0, True, True, 92801]


def test_flags_are_set_for_a_block() -> None:
    names = ["enabled", "benchmark", "deterministic", "allow_tf32"]
    state = lambda: [getattr(cudnn, name) for name in names]  # noqa: E731
    before = state()
    assert before[:3] == [True, False, False]
    with pytest.raises(KeyError), cudnn.flags(benchmark=True, deterministic=True, allow_tf32=False):
        assert state() == [False, True, True, False]
        raise KeyError
    assert state() == before
    for name in names:
        value = getattr(cudnn, name)
        setattr(cudnn, name, not value)
        changed = [held != was for held, was in zip(state(), before, strict=True)]
        assert changed == [name == other for other in names]
        setattr(cudnn, name, value)
    with pytest.raises(AttributeError, match="'benchmrak'; its switches are enabled, benchmark"):
        cudnn.benchmrak = True  # type: ignore[attr-defined]
    with pytest.raises(TypeError):
        # PyTorch's third is no switch that is here.
        cudnn.flags(True, False, 10)  # type: ignore[misc]


def test_memory_that_is_short(machine: Machine) -> None:
    code = """
cudnn.allow_tf32 = False
x, w = numbers(16, 32, 8, 8), numbers(32, 32, 3, 3, seed=1)
exact = plain(x.cpu(), w.cpu(), padding=1)
y = F.conv2d(x, w, padding=1)
told = [[last()["algorithm"], far(y, exact) < 1e-4]]
del y
cf.cuda.empty_cache()
free = cf.cuda.mem_get_info()[0]
filler = cf.zeros((free - (200 << 10)) // 4, device="cuda")
y = F.conv2d(x, w, padding=1)
told.append([last()["algorithm"], far(y, exact) < 1e-4])
del filler
F.conv2d(x, w, padding=1)
told.append([last()["algorithm"], True])
print(json.dumps(told))
"""
    # 7 wants 0.3 MB, 1 a few bytes.
    found = machine(code, CUDA_EMULATOR_MEMORY=str(8 << 20))
    assert found == [["7", True], ["1", True], ["7", True]]


def test_elements_that_begin_anywhere(machine: Machine) -> None:
    code = """
shared = numbers(2 * 4 * 9 * 9 + 1, dtype=cf.float16)
off = shared[1:].reshape(2, 4, 9, 9)
half = w.to(cf.float16)
y = F.conv2d(off, half)
told = [count(), far(y, plain(off.cpu(), half.cpu())) < 2e-2]
turned = numbers(2, 9, 9, 4).permute(0, 3, 1, 2)
cudnn.allow_tf32 = False
told += [far(F.conv2d(turned, w), plain(turned.cpu(), w.cpu())) < 1e-5, count()]
print(json.dumps(told))
"""
    assert machine(code) == [1, True, True, 2]


def test_two_threads_and_two_devices(machine: Machine) -> None:
    code = """
cudnn.allow_tf32 = False
wrong = []
def work(device, seed):
    x, w = numbers(2, 4, 9, 9, seed=seed, device=device), numbers(6, 4, 3, 3, device=device)
    exact = plain_of(x.cpu(), w.cpu())
    for step in range(20):
        y = F.conv2d(x, w, padding=step % 3)
        if step % 3 == 0 and far(y, exact) > 1e-5:
            wrong.append([device, step])
plain_of = F.conv2d
threads = [threading.Thread(target=work, args=(f"cuda:{n % 2}", n)) for n in range(4)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
print(json.dumps([wrong, count()]))
"""
    # The emulator reports two threads on one handle, and a handle that is not the current device's.
    assert machine(code, CUDA_EMULATOR_DEVICES="2") == [[], 80]


# Prints what there is of cuDNN before and after a convolution, and whether that was right.
AROUND = """
exact = plain(x.cpu(), w.cpu())
told = [cudnn.version(), cudnn.is_available(), cudnn.why_not()]
right = all(far(F.conv2d(x, w), exact) < 1e-5 for _ in range(2))
told += [right, "conv_to_columns" in kernels(), cudnn.is_available(), cudnn.why_not()]
print(json.dumps(told))
"""


def test_without_cudnn(machine: Machine) -> None:
    version, available, why, right, own, after, _ = machine(AROUND, library=None)
    assert (version, available, right, own, after) == (None, False, True, True, False)
    assert why.startswith("cuDNN 9 cannot be loaded (") and "pip install 'candle-ffi[cudnn]'" in why
    info = "from candle_ffi.__main__ import _info\nprint(json.dumps(_info()))"
    assert "\ncuDNN: not in use (cuDNN 9 cannot be loaded (" in machine(info, library=None)
    assert "\ncuDNN: 9.28.1\n" in machine(info)
    off = "cudnn.enabled = False\n" + info
    assert "\ncuDNN: 9.28.1 (switched off)\n" in machine(off)


STUB = """
#include <stddef.h>
size_t cudnnGetVersion(void) { return VERSION; }
const char *cudnnGetErrorString(int status) { return status == 1001 ? "NOT_INITIALIZED" : "?"; }
"""
#: The functions that are called, but for those that a library is made to differ in.
FUNCTIONS = [
    "Create", "SetStream", "CreateTensorDescriptor", "DestroyTensorDescriptor",
    "SetTensorNdDescriptor", "CreateFilterDescriptor", "DestroyFilterDescriptor",
    "SetFilterNdDescriptor", "CreateConvolutionDescriptor", "DestroyConvolutionDescriptor",
    "SetConvolutionNdDescriptor", "SetConvolutionGroupCount", "SetConvolutionMathType",
    "GetConvolutionForwardAlgorithm_v7", "FindConvolutionForwardAlgorithmEx", "ConvolutionForward",
    "GetConvolutionBackwardDataAlgorithm_v7", "FindConvolutionBackwardDataAlgorithmEx",
    "ConvolutionBackwardData", "GetConvolutionBackwardFilterAlgorithm_v7",
    "FindConvolutionBackwardFilterAlgorithmEx", "ConvolutionBackwardFilter",
]  # fmt: skip


def stub(folder: Path, version: int = 92801, statuses: dict[str, int] | None = None) -> Path:
    """A library that does nothing but answer; without `statuses` it has not the functions."""
    if shutil.which("cc") is None:
        pytest.skip("no C compiler makes a library")
    lines = [STUB.replace("VERSION", str(version))]
    for name in FUNCTIONS if statuses is not None else ():
        status = (statuses or {}).get(name, 0)
        # Counted by name, for those who ask.
        lines.append(
            f"int calls_{name}; int cudnn{name}(void) {{ calls_{name}++; return {status}; }}"
        )
    source, library = folder / "stub.c", folder / "stub.so"
    source.write_text("\n".join(lines))
    subprocess.run(["cc", "-shared", "-fPIC", "-o", library, source], check=True)
    return library


def test_no_library(machine: Machine, tmp_path: Path) -> None:
    broken = tmp_path / "broken.so"
    broken.write_text("no library")
    version, _, why, right, own, *_ = machine(AROUND, library=broken)
    assert (version, right, own) == (None, True, True)
    assert "cannot be loaded" in why and ("ELF" in why or "too short" in why)


def test_another_version(machine: Machine, tmp_path: Path) -> None:
    version, _, why, right, own, *_ = machine(AROUND, library=stub(tmp_path, 8907, {}))
    assert (version, right, own) == (None, True, True)
    assert why == "libcudnn.so.9 is of version 8907, not of cuDNN 9"


def test_functions_that_are_missing(machine: Machine, tmp_path: Path) -> None:
    version, _, why, right, own, *_ = machine(AROUND, library=stub(tmp_path))
    assert (version, right, own) == (None, True, True)
    assert why == "libcudnn.so.9 has no function cudnnCreate"


def test_it_does_not_start(machine: Machine, tmp_path: Path) -> None:
    library = stub(tmp_path, statuses={"Create": 1001})
    version, _, why, right, own, after, reason = machine(AROUND, library=library)
    # Only a convolution starts it.
    assert (version, why, right, own, after) == (92801, None, True, True, False)
    assert reason == "cuDNN 9.28.1 does not work on cuda:0 (NOT_INITIALIZED)"


@pytest.mark.parametrize(("status", "asked"), [(2000, 1), (3000, 1), (4003, 2)])
def test_what_it_refuses_is_computed_all_the_same(
    machine: Machine, tmp_path: Path, status: int, asked: int
) -> None:
    refusing = dict.fromkeys((name for name in FUNCTIONS if "Algorithm_v7" in name), status)
    code = AROUND.replace(
        "print(",
        f'told.append(ctypes.c_int.in_dll(ctypes.CDLL("{NAME}"), "calls_Create").value)\n'
        f'called = "calls_GetConvolutionForwardAlgorithm_v7"\n'
        f'told.append(ctypes.c_int.in_dll(ctypes.CDLL("{NAME}"), called).value)\nprint(',
    )
    found = machine(code, library=stub(tmp_path, statuses=refusing))
    # It is asked once, and then known to refuse; but a shortage of memory may pass.
    assert found == [92801, True, None, True, True, True, None, 1, asked]


def test_what_fails_on_the_device_is_an_error(machine: Machine, tmp_path: Path) -> None:
    failing = dict.fromkeys((name for name in FUNCTIONS if "Algorithm_v7" in name), 5000)
    code = """
try:
    F.conv2d(x, w)
except cf.CandleError as error:
    print(json.dumps(str(error)))
"""
    told = machine(code, library=stub(tmp_path, statuses=failing))
    assert "cuDNN 9.28.1 failed on cuda:0" in told
