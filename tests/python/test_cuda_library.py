"""The library that `make cuda` has left: what it needs, and that the CPU does without a GPU."""

from __future__ import annotations

import ctypes
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import fat_binary
import pytest
from installed import ROOT, needs

from candle_ffi import _backend, _cuda_library

sys.path.insert(0, str(ROOT))
from tools import cuda, cuda_toolkit

sys.path.remove(str(ROOT))

pytestmark = needs("nm", "readelf", "cc")


@pytest.fixture(scope="module")
def library() -> Path:
    path = Path(_backend.cuda_library())
    if not path.exists():
        pytest.skip("there is no library with CUDA; make cuda brings it")
    return path


def test_it_needs_the_driver_cuda_and_the_system_alone(library: Path) -> None:
    names = {name.partition(".so")[0] for name in cuda.needed(library)}
    assert {"libcuda", "libcudart", "libcublas", "libcurand"} <= names
    system = {"libc", "libm", "libgcc_s", "libstdc++", "libpthread", "libdl", "librt"}
    others = {name for name in names if not name.startswith("ld-linux")} - system
    assert others == {"libcuda", *stems(library)}


def test_the_wheels_of_the_extra_have_all_of_these(library: Path) -> None:
    # libcurand.so.10 is in nvidia-curand, libcudart in nvidia-cuda-runtime.
    wheels = {"libcublas": "cublas", "libcurand": "curand", "libcudart": "cuda-runtime"}
    wheels |= {"libcublasLt": "cublas"}
    extra = " ".join(cuda_toolkit.requirements("cuda"))
    assert all(f"nvidia-{wheels[stem]}" in extra for stem in stems(library))


def test_every_undefined_symbol_is_of_these(library: Path) -> None:
    """Libraries say in a name's version whose it is; the driver does not, and has `cu…` alone."""
    system = r"@(GLIBC|GLIBCXX|CXXABI|GCC)_"
    owners = "|".join(re.escape(name) for name in described(library)["libraries"])
    strange = [
        name
        for name in undefined(library)
        if not re.search(rf"{system}|@({owners})$", name) and not re.fullmatch(r"cu[A-Z]\w+", name)
    ]
    assert not strange
    assert {"cuInit", "cuLaunchKernel"} <= undefined(library)


def test_the_emulator_has_every_function_of_these(library: Path) -> None:
    """A program that is linked to the library may ask for all of them when it starts."""
    try:
        driver = ctypes.CDLL("libcuda.so.1")
    except OSError:
        pytest.skip("there is no driver")
    if not hasattr(driver, "cuda_emulator_count"):
        pytest.skip("the driver is a real one")
    names = {name.partition("@")[0] for name in undefined(library)}
    wanted = {name for name in names if re.match(r"(__)?cu(da|blas|rand|[A-Z])", name)}
    assert "__cudaRegisterFatBinary" in wanted
    assert not [name for name in sorted(wanted) if not hasattr(driver, name)]


def test_it_has_code_for_what_it_says(library: Path) -> None:
    """Candle's kernels as PTX of the lowest, those that it links for each, ours both ways."""
    capabilities = described(library)["capabilities"]
    machine = {f"sm_{capability}" for capability in capabilities}
    linked = fat_binary.codes(library)
    assert {code for code in linked if code.startswith("sm_")} == machine
    if len(capabilities) > 1:
        assert f"compute_{capabilities[-1]}" in linked
    assert fat_binary.targets(library) == {f"sm_{capabilities[0]}"}
    ours = list((ROOT / "crates/candle-ffi-cuda/src/kernels").glob("*.cu"))
    both = [images for images in fat_binary.binaries(library) if machine < images]
    assert both.count({*machine, f"compute_{capabilities[0]}"}) >= len(ours)


def test_no_symbol_is_left_that_nobody_needs(library: Path) -> None:
    sections = ["readelf", "--sections", "--wide", library]
    told = subprocess.run(sections, capture_output=True, text=True, check=True).stdout
    assert ".dynsym" in told and ".symtab" not in told and ".debug" not in told


def test_the_package_computes_on_the_cpu_with_it(library: Path, tmp_path: Path) -> None:
    """A driver that has every function and no device: the library is loaded all the same."""
    libraries = [place for place in cuda_libraries(library) if place is not None]
    if len(libraries) < len(described(library)["libraries"]):
        pytest.skip("the libraries of CUDA are not there; pip install 'candle-ffi[cuda]'")
    names = sorted(name for name in undefined(library) if re.fullmatch(r"cu[A-Z]\w+", name))
    lines = [f"int {name}(void) {{ return 100; }}" for name in names if "Version" not in name]
    lines.append("int cuDriverGetVersion(int *version) { *version = 13000; return 0; }")
    source = tmp_path / "driver.c"
    source.write_text("\n".join(lines))
    make = ["cc", "-shared", "-fPIC", "-Wl,-soname,libcuda.so.1", source]
    subprocess.run([*make, "-o", tmp_path / "libcuda.so.1"], check=True)
    code = (
        "import candle_ffi as cf\n"
        "from candle_ffi import _backend\n"
        "print(_backend.in_use()[0], cf.cuda.is_available())\n"
        "print((cf.ones(2, 2) @ cf.ones(2, 2)).sum().item())\n"
        "try:\n    cf.zeros(1, device='cuda')\nexcept cf.DeviceError as error:\n    print(error)\n"
    )
    for folder, first in ((tmp_path, "cuda False"), (tmp_path / "none", "cpu False")):
        environment = {**os.environ, "LD_LIBRARY_PATH": str(folder)}
        if first.startswith("cpu") and has_driver():
            continue
        done = subprocess.run(
            [sys.executable, "-c", code], env=environment, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        choice, result, why = done.stdout.split("\n", 2)
        assert (choice, result) == (first, "8.0")
        reason = "finds no GPU" if choice.startswith("cuda") else "there is no NVIDIA driver"
        assert reason in why


def undefined(library: Path) -> set[str]:
    """The names that a library takes from others."""
    names = ["nm", "--dynamic", "--undefined-only", "--format=posix", library]
    told = subprocess.run(names, capture_output=True, text=True, check=True).stdout
    return {line.split()[0] for line in told.splitlines() if line.split()[1] == "U"}


def stems(library: Path) -> set[str]:
    """The names of the libraries of CUDA that are loaded before it."""
    return {name.partition(".so")[0] for name in described(library)["libraries"]}


def described(library: Path) -> dict:
    return json.loads((library.parent / _cuda_library.DESCRIPTION).read_text())


def cuda_libraries(library: Path) -> list[str | None]:
    """Where the wheels or the toolkit have each of the libraries of CUDA."""
    told = described(library)
    toolkit = told.get("toolkit")
    return [next(_cuda_library._places(name, toolkit), None) for name in told["libraries"]]


def has_driver() -> bool:
    try:
        _cuda_library.driver_version()
    except _backend.UnusableError:
        return False
    return True
