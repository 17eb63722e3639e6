"""How the library with CUDA is built; neither CUDA nor a GPU is needed."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import fat_binary
import pytest
from installed import ROOT

from candle_ffi import _backend, _cuda_library

sys.path.insert(0, str(ROOT))
from tools import backend, cuda, cuda_toolkit
from tools.cuda_toolkit import Toolkit

sys.path.remove(str(ROOT))

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="CUDA is built on Linux"),
    pytest.mark.skipif(shutil.which("cc") is None, reason="no C compiler"),
]
VARIABLES = ("CUDA_HOME", "CUDA_COMPUTE_CAPS", "CANDLE_FFI_CUDA", "CANDLE_FFI_FEATURES")
# Answers as nvcc does, writes down with what it was called, and fails where it is told to.
NVCC = """#!/bin/sh
case "$1" in
  --version) printf 'nvcc\\nCuda compilation tools, release 13.0, V13.0.88\\n' ;;
  --list-gpu-code) printf 'sm_75\\nsm_80\\nsm_90\\nsm_100\\n' ;;
  *) printf '%s\\n' "$@" > "$(dirname "$0")/called"
     if [ "$NVCC_FAILS" ]; then echo '#error -- unsupported GNU version!' >&2; exit 1; fi ;;
esac
"""


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without what this machine's environment says of CUDA."""
    for name in (*VARIABLES, "NVCC_CCBIN", "LIBRARY_PATH", "CC"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def found(tmp_path: Path) -> Toolkit:
    """A toolkit, with a compiler that only answers."""
    made = Toolkit(tmp_path / "cuda", stays=True)
    for folder in ("bin", "lib64"):
        (made.home / folder).mkdir(parents=True)
    made.nvcc.write_text(NVCC)
    made.nvcc.chmod(0o755)
    for name in ("libcudart.so.13", "libcublas.so.13", "libcublasLt.so.13.1.2"):
        (made.home / "lib64" / name).touch()
    return made


def test_every_wheel_of_cuda_is_pinned() -> None:
    names = {}
    for line in cuda_toolkit.requirements():
        name, version = re.match(r"(nvidia-[a-z-]+)(\S+);", line).groups()
        names[name] = version
    assert names.pop("nvidia-curand") == "<11"
    assert set(names.values()) == {"==13.0.*"}
    assert {"nvidia-cuda-nvcc", "nvidia-nvvm", "nvidia-cublas", "nvidia-cuda-runtime"} <= set(names)


def test_a_build_asks_for_the_compiler_only_where_it_is_wanted(
    found: Toolkit, monkeypatch: pytest.MonkeyPatch
) -> None:
    hooks = ("get_requires_for_build_wheel", "get_requires_for_build_editable")
    for hook in hooks:
        monkeypatch.setattr(backend.build_meta, hook, lambda settings: ["setuptools"])

    def asked() -> list[list[str]]:
        answers = [getattr(backend, hook)() for hook in hooks]
        assert all(answer.pop(0) == "setuptools" for answer in answers)
        return answers

    assert asked() == [[], []]
    monkeypatch.setenv("CANDLE_FFI_CUDA", "1")
    assert asked() == [cuda_toolkit.requirements()] * 2
    monkeypatch.setenv("CUDA_HOME", str(found.home))
    assert asked() == [[], []]


def test_what_is_wanted_is_said_clearly(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not cuda.wanted()
    monkeypatch.setenv("CANDLE_FFI_CUDA", "yes")
    with pytest.raises(SystemExit, match=r"CANDLE_FFI_CUDA is 1, 0 or not set, not 'yes'"):
        cuda.wanted()


@pytest.mark.parametrize(
    ("stated", "meant"),
    [
        ("", ["80", "86", "89", "90", "100"]),
        ("90;80", ["80", "90"]),
        ("8.0, 12.0 9.0", ["80", "90", "120"]),
        ("90a", ["90a"]),
    ],
)
def test_capabilities(stated: str, meant: list[str]) -> None:
    assert cuda_toolkit.capabilities(stated) == meant


def test_capabilities_that_are_none(found: Toolkit) -> None:
    with pytest.raises(SystemExit, match=r"CUDA_COMPUTE_CAPS is such as 80;90, not ampere"):
        cuda_toolkit.capabilities("80;ampere")
    cuda_toolkit.check_capabilities(found, ["80", "90a"])
    with pytest.raises(SystemExit, match=r"not compile for 60, only for 75 80 90 100"):
        cuda_toolkit.check_capabilities(found, ["60", "80"])


def test_ptx_is_for_later_gpus_too(found: Toolkit, tmp_path: Path) -> None:
    """That of 9.0a is for no other, and cannot be assembled for one."""
    cuda_toolkit.write_wrapper(found, tmp_path / "wrapper", ["90a", "100a"])
    for word, expected in {
        "--ptx": ["arch=compute_90,code=compute_90"],
        "--fatbin": [
            "arch=compute_90a,code=sm_90a",
            "arch=compute_100a,code=sm_100a",
            "arch=compute_100,code=compute_100",
        ],
    }.items():
        subprocess.run([tmp_path / "wrapper", word, "-gencode=arch=of_candle"], check=True)
        called = (found.nvcc.parent / "called").read_text()
        assert re.findall(r"-gencode=(\S+)", called) == expected


def test_other_kernels_are_built_in_another_folder(
    found: Toolkit, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """What builds kernels does not see that the compiler or the capabilities have changed."""
    monkeypatch.setenv("CARGO_TARGET_DIR", str(tmp_path))
    monkeypatch.setenv("CUDA_COMPUTE_CAPS", "90;80")
    two = cuda.target(found)
    assert two == tmp_path / "cuda" / "13.0-80-90"
    monkeypatch.setenv("CUDA_COMPUTE_CAPS", "80")
    assert cuda.target(found) == tmp_path / "cuda" / "13.0-80"
    found.nvcc.write_text(NVCC.replace("13.0", "12.8"))
    assert cuda.target(found) == tmp_path / "cuda" / "12.8-80"
    # In a shell that has evaluated the variables.
    monkeypatch.setenv("CARGO_TARGET_DIR", cuda.variables_for(found)["CARGO_TARGET_DIR"])
    assert cuda.target(found) == tmp_path / "cuda" / "12.8-80"


def test_a_toolkit_that_is_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_HOME", str(tmp_path))
    with pytest.raises(SystemExit, match=r"CUDA_HOME is .*, but there is no .*bin/nvcc"):
        cuda_toolkit.toolkit()
    monkeypatch.delenv("CUDA_HOME")
    monkeypatch.setattr(cuda_toolkit, "_namespace", lambda python: [str(tmp_path)])
    with pytest.raises(SystemExit, match=r"set CUDA_HOME .* make cuda, .*'nvidia-cublas==13"):
        cuda_toolkit.toolkit()


def test_a_named_toolkit_comes_before_wheels(
    found: Toolkit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CUDA_HOME", str(found.home))
    assert cuda_toolkit.toolkit() == found
    assert found.version() == 13000


def test_links_for_the_linker(found: Toolkit, tmp_path: Path) -> None:
    folder = tmp_path / "links"
    cuda_toolkit.links(found, folder)
    assert (folder / "libcublas.so").resolve().name == "libcublas.so.13"
    assert (folder / "libcublasLt.so").resolve().name == "libcublasLt.so.13.1.2"
    dynamic = ["readelf", "--dynamic", folder / "libcuda.so"]
    told = subprocess.run(dynamic, capture_output=True, text=True, check=True).stdout
    assert "[libcuda.so.1]" in told


def test_a_compiler_for_c_that_nvcc_refuses(
    found: Toolkit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cuda_toolkit.check_compiler(found, tmp_path)
    monkeypatch.setenv("NVCC_FAILS", "1")
    with pytest.raises(SystemExit, match=r"does not take the C\+\+ compiler .*NVCC_CCBIN=g\+\+-13"):
        cuda_toolkit.check_compiler(found, tmp_path)
    monkeypatch.setenv("NVCC_CCBIN", "g++-99")
    with pytest.raises(SystemExit, match=r"does not take g\+\+-99.*\n#error -- unsupported GNU"):
        cuda_toolkit.check_compiler(found, tmp_path)


def called(found: Toolkit, compiler: Path, *arguments: str) -> list[str]:
    """With what nvcc is called in the end."""
    subprocess.run([compiler, *arguments], check=True)
    return (found.nvcc.parent / "called").read_text().splitlines()


def test_one_call_compiles_for_all_capabilities(found: Toolkit, tmp_path: Path) -> None:
    """Candle's build gives one capability; from 90 on with a suffix that no other GPU takes."""
    variables = cuda_toolkit.prepared(found, tmp_path, ["80", "90", "100"])
    assert variables["CUDA_COMPUTE_CAP"] == "80"
    assert variables["CUDA_COMPUTE_CAPS"] == "80;90;100"
    assert variables["CUDA_HOME"] == str(found.home)
    compiler = Path(variables["NVCC"])
    ptx = called(found, compiler, "-gencode=arch=compute_80,code=sm_80", "--ptx", "a b.cu")
    assert ptx == ["-gencode=arch=compute_80,code=compute_80", "--ptx", "a b.cu"]
    linked = called(found, compiler, "-gencode=arch=compute_80,code=sm_80", "-c", "a b.cu")
    assert linked == [
        "-gencode=arch=compute_80,code=sm_80",
        "-gencode=arch=compute_90,code=sm_90",
        "-gencode=arch=compute_100,code=sm_100",
        "-gencode=arch=compute_100,code=compute_100",
        "--compress-mode=size",
        "-c",
        "a b.cu",
    ]
    assert called(found, compiler, "--lib", "-o", "x.a") == ["--lib", "-o", "x.a"]


KERNEL = """
__global__ void kernel(float *x) { x[0] = 1; }
void launch(float *x) { kernel<<<1, 1>>>(x); }
"""


def test_nvcc_compiles_for_all_capabilities(tmp_path: Path) -> None:
    python = cuda.ENVIRONMENT / "bin" / "python"
    if not python.exists():
        pytest.skip("there is no .venv-cuda; make cuda brings it")
    try:
        found = cuda_toolkit.toolkit(python)
    except SystemExit as error:
        pytest.skip(str(error))
    variables = cuda_toolkit.prepared(found, tmp_path, ["80", "90", "100"])
    (tmp_path / "kernel.cu").write_text(KERNEL)
    given = [variables["NVCC"], "-gencode=arch=compute_80,code=sm_80"]
    for rest in (["-c", "-o", "kernel.o"], ["--ptx", "-o", "kernel.ptx"]):
        environment = {**os.environ, **variables}
        subprocess.run([*given, *rest, "kernel.cu"], cwd=tmp_path, env=environment, check=True)
    linked = fat_binary.codes(tmp_path / "kernel.o")
    assert linked == {"sm_80", "sm_90", "sm_100", "compute_100"}
    assert fat_binary.targets(tmp_path / "kernel.ptx") == {"sm_80"}


def test_one_capability_is_what_candle_makes(found: Toolkit, tmp_path: Path) -> None:
    assert "NVCC" not in cuda_toolkit.prepared(found, tmp_path, ["80"])
    later = cuda_toolkit.prepared(found, tmp_path, ["90"])
    ptx = called(found, Path(later["NVCC"]), "-gencode=arch=compute_90a,code=sm_90a", "--ptx")
    assert ptx == ["-gencode=arch=compute_90,code=compute_90", "--ptx"]


def test_the_library_is_put_beside_the_other(
    found: Toolkit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    empty = tmp_path / "empty.c"
    empty.touch()
    libraries = [found.home / "lib64" / name for name in ("libcublas.so.13", "libcudart.so.13")]
    for path in libraries:
        make = ["cc", "-shared", f"-Wl,-soname,{path.name}", "-o", path, empty]
        subprocess.run(make, check=True)
    library = tmp_path / "libcandle_ffi.so"
    make = ["cc", "-shared", "-Wl,--no-as-needed", "-o", library, empty, *libraries]
    subprocess.run(make, check=True)
    monkeypatch.setenv("CUDA_COMPUTE_CAPS", "80")
    placed = cuda.place(library, found, tmp_path / "candle_ffi")
    assert placed == tmp_path / "candle_ffi" / "lib" / "cuda" / _backend.LIBRARY
    described = json.loads((placed.parent / _cuda_library.DESCRIPTION).read_text())
    assert described == {
        "cuda": 13000,
        "capabilities": ["80"],
        "libraries": ["libcudart.so.13", "libcublas.so.13"],
        "header": _cuda_library.header_digest(str(ROOT / "include" / "candle_ffi.h")),
        "toolkit": str(found.home / "lib64"),
    }
    assert cuda.DESCRIPTION == _cuda_library.DESCRIPTION
    # One that asks for none of CUDA's libraries needs no folder of theirs.
    subprocess.run(["cc", "-shared", "-o", library, empty], check=True)
    plain = cuda.description(library, found)
    assert plain["libraries"] == [] and "toolkit" not in plain
