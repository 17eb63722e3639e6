"""The C programs: the tests in tests/c and the examples, compiled strictly and run."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from candle_ffi.__main__ import flags, library

ROOT = Path(__file__).resolve().parents[2]
TESTS = ROOT / "tests" / "c"
EXAMPLES = ROOT / "examples" / "c"
HEADER = ROOT / "include" / "candle_ffi.h"
STRICT = ["-Wall", "-Wextra", "-Werror", "-pedantic"]
# A program is its file, and the units that it names in its comment.
PROGRAMS = sorted(TESTS.glob("test_*.c"))
UNITS = {"test_two_units": [TESTS / "two_units.c"]}

CC = shutil.which(os.environ.get("CC", "cc"))
CXX = shutil.which(os.environ.get("CXX", "c++"))
VALGRIND = shutil.which("valgrind")

needs_cc = pytest.mark.skipif(CC is None, reason="there is no C compiler")


def run(*command: object, folder: Path) -> str:
    """Run a command and return what it prints; a failure shows that too."""
    done = subprocess.run(
        [str(word) for word in command], cwd=folder, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, f"{' '.join(map(str, command))}\n{done.stdout}{done.stderr}"
    return done.stdout


def build(source: Path, folder: Path, standard: str = "c99") -> Path:
    """Compile a program against the package's own header and library."""
    program = folder / source.stem
    sources = [source, *UNITS.get(source.stem, [])]
    compiler = [CC, f"-std={standard}", *STRICT, f"-I{TESTS}", *flags(True, False)]
    # The libraries last: a linker takes from them what the sources before want.
    run(*compiler, *sources, "-o", program, *flags(False, True), "-lm", "-lpthread", folder=folder)
    return program


def test_the_package_has_the_header_of_the_tree() -> None:
    installed = Path(flags(True, False)[0].removeprefix("-I")) / "candle_ffi.h"
    assert installed.read_text() == HEADER.read_text()


@needs_cc
@pytest.mark.parametrize("standard", ["c99", "c11"])
@pytest.mark.parametrize("source", PROGRAMS, ids=lambda path: path.stem)
def test_program(source: Path, standard: str, tmp_path: Path) -> None:
    printed = run(build(source, tmp_path, standard), folder=tmp_path)
    assert re.search(r"^[1-9]\d* tests, 0 failures$", printed, re.M), printed


@needs_cc
@pytest.mark.skipif(VALGRIND is None, reason="there is no valgrind")
@pytest.mark.parametrize("name", ["test_tensor", "test_autograd", "test_errors", "test_files"])
def test_program_under_valgrind(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Valgrind knows no AVX-512, and takes what the workers of the pool keep for lost.
    monkeypatch.setenv("CANDLE_FFI_NUM_THREADS", "1")
    program = build(TESTS / f"{name}.c", tmp_path)
    options = ["-q", "--error-exitcode=9", "--leak-check=full", "--errors-for-leak-kinds=definite"]
    printed = run(VALGRIND, *options, program, folder=tmp_path)
    assert "0 failures" in printed


@needs_cc
@pytest.mark.parametrize("standard", ["c99", "c11", "c17"])
def test_the_header_alone_is_c(standard: str, tmp_path: Path) -> None:
    run(CC, f"-std={standard}", *STRICT, "-fsyntax-only", "-x", "c", HEADER, folder=tmp_path)


@pytest.mark.skipif(CXX is None, reason="there is no C++ compiler")
@pytest.mark.parametrize("standard", ["c++17", "c++20"])
def test_the_header_alone_is_cpp(standard: str, tmp_path: Path) -> None:
    run(CXX, f"-std={standard}", *STRICT, "-fsyntax-only", "-x", "c++", HEADER, folder=tmp_path)


@needs_cc
def test_hello(tmp_path: Path) -> None:
    printed = run(build(EXAMPLES / "hello.c", tmp_path), folder=tmp_path)
    assert "[14 32]\n[32 77]\n" in printed
    assert "as expected, matmul" in printed


@needs_cc
def test_train_regression(tmp_path: Path) -> None:
    printed = run(build(EXAMPLES / "train_regression.c", tmp_path), folder=tmp_path)
    losses = [float(loss) for loss in re.findall(r"^epoch +\d+  loss (\S+)$", printed, re.M)]
    assert len(losses) == 10
    assert losses[-1] < 0.01 < losses[0]
    prediction = re.search(r"prediction for \[0\.5, 0\.5\]: (\S+)", printed)
    assert prediction is not None
    assert float(prediction[1]) == pytest.approx(2.5, abs=0.05)


@pytest.mark.skipif(shutil.which("nm") is None, reason="there is no nm")
@pytest.mark.skipif(sys.platform != "linux", reason="reads an ELF library")
def test_the_library_exports_what_the_list_says_and_nothing_else(tmp_path: Path) -> None:
    listed = (ROOT / "tests" / "abi" / "symbols.txt").read_text().splitlines()
    promised = {line.split("\t")[0] for line in listed if line.startswith("candle_")}
    printed = run("nm", "-D", "--defined-only", library(), folder=tmp_path)
    exported = {line.split()[-1] for line in printed.splitlines()}
    assert {name for name in exported if name.startswith("candle_")} == promised
    # Names that Rust's runtime needs to be seen are not ours, and are few.
    assert {name for name in exported if not name.startswith("candle_")} <= {"rust_eh_personality"}
