"""An installed library as a C developer has it, with ordinary tools and nothing else."""

from __future__ import annotations

import filecmp
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from candle_ffi.__main__ import library

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "examples" / "c"
PROGRAMS = ("hello", "train_regression")
# What a compiler, pkg-config and CMake call in turn. There is neither Rust nor Python among them.
COMPILING = ["cc", "c++", "as", "ld", "ar", "nm", "ranlib", "objcopy", "strip", "sh", "uname"]
TOOLS = [*COMPILING, "pkg-config", "cmake", "make", "ninja"]

PROJECT = """
cmake_minimum_required(VERSION 3.16)
project(user LANGUAGES C)
find_package(candle_ffi 0.1 REQUIRED)
foreach(program hello train_regression)
  add_executable(${program}_shared ${program}.c)
  target_link_libraries(${program}_shared PRIVATE candle_ffi::candle_ffi)
  if(TARGET candle_ffi::candle_ffi_static)
    add_executable(${program}_static ${program}.c)
    target_link_libraries(${program}_static PRIVATE candle_ffi::candle_ffi_static)
  endif()
endforeach()
"""


def needs(*tools: str) -> pytest.MarkDecorator:
    """Skip with the names of the tools that are missing."""
    missing = [tool for tool in tools if shutil.which(tool) is None]
    return pytest.mark.skipif(bool(missing), reason=f"there is no {', '.join(missing)}")


class Desk:
    """An empty folder, and an environment with a developer's tools alone."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        tools = folder / ".tools"
        tools.mkdir(parents=True)
        for tool in TOOLS:
            if path := shutil.which(tool):
                (tools / tool).symlink_to(path)
        self.path = str(tools)
        assert not any(shutil.which(name, path=self.path) for name in ("python3", "cargo", "rustc"))

    def run(self, *command: object, fails: bool = False, **variables: object) -> str:
        """Run a command that must succeed, or fail, with no variables but those given."""
        words = [str(word) for word in command]
        # Not the PATH of this process, where a bare name would be looked up.
        words[0] = shutil.which(words[0], path=self.path) or words[0]
        done = subprocess.run(
            words,
            cwd=self.folder,
            env={"PATH": self.path, **{name: str(value) for name, value in variables.items()}},
            capture_output=True,
            text=True,
            timeout=300,
        )
        assert (done.returncode != 0) is fails, f"{' '.join(words)}\n{done.stdout}{done.stderr}"
        return done.stdout + done.stderr

    def compile(self, program: str, name: str, *flags: str) -> Path:
        """Compile an example; the libraries stand behind it, as a linker wants them."""
        shutil.copy(EXAMPLES / f"{program}.c", self.folder)
        self.run("cc", "-O1", f"{program}.c", "-o", name, *flags)
        return self.folder / name

    def configure(self, project: str, folder: str, packages: Path, *, fails: bool = False) -> str:
        """Configure a CMake project that finds candle_ffi in a folder."""
        source = self.folder / folder
        source.mkdir()
        (source / "CMakeLists.txt").write_text(project)
        for program in PROGRAMS:
            shutil.copy(EXAMPLES / f"{program}.c", source)
        maker = "Ninja" if shutil.which("ninja") else "Unix Makefiles"
        where = ["-S", source, "-B", source / "build", "-G", maker]
        found = [f"-Dcandle_ffi_DIR={packages}", "-DCMAKE_BUILD_TYPE=Release"]
        return self.run("cmake", *where, *found, fails=fails)


def cargo_folder() -> Path:
    """Cargo's folder, of whatever profile, with both libraries of the build that is in place."""
    target = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    name = "libcandle_ffi.dylib" if sys.platform == "darwin" else "libcandle_ffi.so"
    for shared in sorted(target.glob(f"*/{name}")):
        if filecmp.cmp(shared, library(), shallow=False):
            if not shared.with_suffix(".a").exists():
                pytest.skip(f"{shared.parent} has no static library; make library brings it")
            return shared.parent
    pytest.skip(f"{target} has not the library that is in place; make build brings it")


def tool(module: str, *arguments: object, **variables: str) -> str:
    """Run one of the project's tools and return what it prints."""
    done = subprocess.run(
        [sys.executable, "-m", f"tools.{module}", *map(str, arguments)],
        cwd=ROOT,
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, f"{module} {arguments}\n{done.stdout}{done.stderr}"
    return done.stdout


def install(stage: Path, *arguments: str) -> Path:
    """Install below a folder, as a packager does, and return the prefix in it."""
    places = ["--prefix", "/opt/candle", "--destdir", stage, "--built", cargo_folder()]
    tool("install", *places, *arguments)
    return stage / "opt" / "candle"


def write_digits(folder: Path) -> Path:
    """Write the table of handwritten digits that the programs read."""
    pytest.importorskip("sklearn")
    path = folder / "digits.csv"
    tool("digits", path)
    return path
