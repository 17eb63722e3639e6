"""The compiler of CUDA and the libraries to link to: those of `CUDA_HOME`, or wheels from PyPI.

No GPU and no installed CUDA is needed. What the wheels lack for a linker is made here: names
without a version, and a stub of the driver, which comes with a GPU only.
"""

from __future__ import annotations

import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tools.layout import ROOT

# The lowest has PTX, from which a driver compiles for every later one.
CAPABILITIES = "80;86;89;90;100"
STUB = "int cuInit(unsigned flags) { return 34; } /* CUDA_ERROR_STUB_LIBRARY */\n"


def requirements(only: str | None = None) -> list[str]:
    """Return the wheels to build with, as pyproject.toml pins them, or those of an extra."""
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        from setuptools.compat.py310 import tomllib
    stated = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    extras = stated["project"]["optional-dependencies"]
    return extras[only] if only else [*extras["cuda"], *stated["dependency-groups"]["cuda"]]


def environment(folder: Path) -> Path:
    """Make an environment with the wheels, unless it is there, and return its Python."""
    stamp, wanted = folder / "candle_ffi.json", json.dumps(requirements())
    python = folder / "bin" / "python"
    if not stamp.exists() or stamp.read_text() != wanted:
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        install = [python, "-m", "pip", "install", "--quiet", *requirements()]
        subprocess.run(install, check=True)
        stamp.write_text(wanted)
    return python


@dataclass(frozen=True)
class Toolkit:
    """A folder with the compiler, the headers and the libraries."""

    home: Path
    # Whether it stays where it is, so that programs can load its libraries.
    stays: bool

    @property
    def nvcc(self) -> Path:
        """The compiler."""
        return self.home / "bin" / "nvcc"

    def library_folders(self) -> list[Path]:
        """Return where its libraries are, as systems, conda and wheels have them."""
        found = [self.home / "lib64", self.home / "lib", *self.home.glob("targets/*-linux/lib")]
        return [folder for folder in found if folder.is_dir()]

    def version(self) -> int:
        """Return its version as CUDA counts: 13000 is 13.0."""
        told = _output(self.nvcc, "--version")
        found = re.search(r"release (\d+)\.(\d+)", told)
        if found is None:
            raise SystemExit(f"{self.nvcc} does not tell its version:\n{told}")
        return int(found[1]) * 1000 + int(found[2]) * 10


def toolkit(python: Path | None = None) -> Toolkit:
    """Return the toolkit that `CUDA_HOME` names, or that of the wheels.

    Parameters
    ----------
    python : Path, optional
        The interpreter of the environment with the wheels; this one when not given.
    """
    if os.environ.get("CUDA_HOME"):
        found = Toolkit(Path(os.environ["CUDA_HOME"]), stays=True)
        if not found.nvcc.exists():
            raise SystemExit(f"CUDA_HOME is {found.home}, but there is no {found.nvcc}")
        return found
    for folder in _namespace(python):
        for nvcc in sorted(Path(folder).glob("*/bin/nvcc")):
            # Those of an environment that pip has made for one build are gone after it.
            return Toolkit(nvcc.parents[1], stays=python is not None)
    wheels = " ".join(repr(line.partition(";")[0]) for line in requirements())
    raise SystemExit(
        "the compiler of CUDA is not there: set CUDA_HOME to a toolkit, use make cuda, or install "
        f"its wheels: pip install {wheels}"
    )


def _namespace(python: Path | None) -> list[str]:
    """Return the folders `nvidia` of an interpreter."""
    if python is None:
        try:
            found = importlib.util.find_spec("nvidia")
        except (ImportError, ValueError):
            return []
        return list((found and found.submodule_search_locations) or [])
    code = "import json, nvidia; print(json.dumps(list(nvidia.__path__)))"
    return list(json.loads(_output(python, "-c", code)))


def capabilities(stated: str | None = None) -> list[str]:
    """Return the compute capabilities to compile for, the lowest first: `80`, `86`, ….

    Parameters
    ----------
    stated : str, optional
        Separated by semicolons, commas or spaces, also as `8.0`; the variable
        `CUDA_COMPUTE_CAPS` when not given.
    """
    text = os.environ.get("CUDA_COMPUTE_CAPS", "") if stated is None else stated
    words = re.split(r"[;,\s]+", text.strip() or CAPABILITIES)
    found = {word.replace(".", "") for word in words if word}
    strange = sorted(word for word in found if not re.fullmatch(r"\d{2,3}[af]?", word))
    if strange:
        raise SystemExit(f"CUDA_COMPUTE_CAPS is such as 80;90, not {', '.join(strange)}")
    return sorted(found, key=lambda word: (int(word.rstrip("af")), word))


def check_capabilities(found: Toolkit, wanted: list[str]) -> None:
    """Check that the compiler knows them."""
    known = {line.removeprefix("sm_") for line in _output(found.nvcc, "--list-gpu-code").split()}
    strange = [word for word in wanted if word not in known and word.rstrip("af") not in known]
    if strange:
        raise SystemExit(
            f"{found.nvcc} does not compile for {', '.join(strange)}, only for "
            f"{' '.join(sorted(known, key=int))}: set CUDA_COMPUTE_CAPS"
        )


def check_compiler(found: Toolkit, folder: Path) -> None:
    """Check that the compiler of CUDA takes the one for C++, by trying it."""
    source = folder / "try.cu"
    source.write_text("#include <cuda_runtime.h>\n__global__ void nothing() {}\n")
    named = os.environ.get("NVCC_CCBIN")
    # As cudaforge calls it.
    chosen = ["-allow-unsupported-compiler", "-ccbin", named] if named else []
    command = [found.nvcc, *chosen, "-c", "-o", folder / "try.o", source]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        name = named or "the C++ compiler of this machine (g++)"
        raise SystemExit(
            f"nvcc does not take {name}; NVCC_CCBIN=g++-13 names another one:\n"
            f"{done.stdout}{done.stderr}"
        )


def links(found: Toolkit, folder: Path) -> None:
    """Fill a folder with what a linker looks for: names without a version, and the driver."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for libraries in found.library_folders():
        for library in sorted(libraries.glob("lib*.so*")):
            link = folder / f"{library.name.partition('.so')[0]}.so"
            if not link.is_symlink():
                link.symlink_to(library.resolve())
    source = folder / "cuda.c"
    source.write_text(STUB)
    stub = folder / "libcuda.so"
    stub.unlink(missing_ok=True)
    compiler = os.environ.get("CC", "cc").split()
    flags = ["-shared", "-fPIC", "-Wl,-soname,libcuda.so.1"]
    subprocess.run([*compiler, *flags, "-o", stub, source], check=True)


def write_wrapper(found: Toolkit, path: Path, wanted: list[str]) -> None:
    """Write a compiler that is called for one capability, as Candle's build does, and serves all.

    Kernels that Candle gives to the driver as PTX get that of the lowest capability, without the
    suffixes that later GPUs would refuse. Those that are linked get machine code for each
    capability, and PTX of the highest for later ones.
    """
    lowest, highest = (word.rstrip("af") for word in (wanted[0], wanted[-1]))
    ptx = _gencode(lowest, f"compute_{lowest}")
    linked = [_gencode(word, f"sm_{word}") for word in wanted]
    linked.append(_gencode(highest, f"compute_{highest}"))
    # Five of them are then as large as one without. Compilers write it since 12.8.
    linked += ["--compress-mode=size"] if found.version() >= 12080 else []
    path.write_text(
        f"""#!/bin/sh
# Written by tools/cuda_toolkit.py: nvcc for the compute capabilities {" ".join(wanted)}.
set_of="{" ".join(linked)}"
for word do
  [ "$word" = --ptx ] && set_of="{ptx}"
done
for word do
  shift
  case "$word" in
    -gencode=*) set -- "$@" $set_of ;;
    *) set -- "$@" "$word" ;;
  esac
done
exec "{found.nvcc}" "$@"
""",
        encoding="utf-8",
    )
    path.chmod(0o755)


def _gencode(capability: str, code: str) -> str:
    return f"-gencode=arch=compute_{capability},code={code}"


def prepared(found: Toolkit, folder: Path, wanted: list[str]) -> dict[str, str]:
    """Check and make what Cargo needs in a folder, and return the variables that name it."""
    check_capabilities(found, wanted)
    links(found, folder / "links")
    check_compiler(found, folder)
    before = os.environ.get("LIBRARY_PATH")
    variables = {
        "CUDA_HOME": str(found.home),
        "CUDA_COMPUTE_CAP": wanted[0],
        # For which the kernels of candle-ffi-cuda have machine code.
        "CUDA_COMPUTE_CAPS": ";".join(wanted),
        "LIBRARY_PATH": os.pathsep.join([str(folder / "links"), *([before] if before else [])]),
        # Some crates look for nvcc here.
        "PATH": f"{found.nvcc.parent}{os.pathsep}{os.environ['PATH']}",
    }
    # One capability below 90 is what Candle's build makes by itself.
    if len(wanted) > 1 or not wanted[0].isdigit() or int(wanted[0]) >= 90:
        write_wrapper(found, folder / "nvcc", wanted)
        variables["NVCC"] = str(folder / "nvcc")
    return variables


def _output(*command: object) -> str:
    words = [str(word) for word in command]
    return subprocess.run(words, capture_output=True, text=True, check=True).stdout


def exports(variables: Mapping[str, str]) -> str:
    """Return lines for a shell that set the variables."""
    import shlex

    return "\n".join(f"export {name}={shlex.quote(text)}" for name, text in variables.items())
