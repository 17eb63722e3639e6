"""A program in C that starts on the library of the CPU and goes on with the one with CUDA."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import backend
import pytest
from test_c_programs import CC, STRICT, TESTS, needs_cc, run

if backend.IS_TORCH:
    pytest.skip("it is this library's own", allow_module_level=True)

import candle_ffi as cf
from candle_ffi import _backend, _cuda_library
from candle_ffi.__main__ import flags, library

CUDA = Path(_backend.cuda_library())

pytestmark = [
    needs_cc,
    pytest.mark.skipif(not CUDA.exists(), reason="there is no library with CUDA"),
    pytest.mark.skipif(not cf.cuda.is_available(), reason="there is no CUDA device"),
]


def environment() -> dict[str, str]:
    """Return where the program's loader finds what the library with CUDA needs."""
    told = json.loads((CUDA.parent / _cuda_library.DESCRIPTION).read_text())
    toolkit = told.get("toolkit")
    places = [next(_cuda_library._places(name, toolkit), None) for name in told["libraries"]]
    folders = [os.environ.get("LD_LIBRARY_PATH", "")]
    folders += [os.path.dirname(place) for place in places if place is not None]
    return {**os.environ, "LD_LIBRARY_PATH": ":".join(filter(None, folders))}


def test_a_program_of_the_cpu_goes_on_with_cuda(tmp_path: Path) -> None:
    program, other = tmp_path / "backend_cuda", tmp_path / library().name
    options = ["-std=c99", *STRICT, f"-I{TESTS}", *flags(True, False)]
    libraries = [*flags(False, True), "-lm"]
    run(CC, *options, TESTS / "backend_cuda.c", "-o", program, *libraries, folder=tmp_path)
    shutil.copy(library(), other)
    done = subprocess.run(
        [program, other], env=environment(), capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"^5 tests, 0 failures$", done.stdout, re.M), done.stdout
