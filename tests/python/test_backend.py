"""`candle_backend_load`: another library does the calls of a program than it is linked with."""

from __future__ import annotations

import filecmp
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from test_c_programs import CC, STRICT, TESTS, needs_cc, run

from candle_ffi.__main__ import flags, library

ROOT = Path(__file__).resolve().parents[2]

pytestmark = [
    needs_cc,
    pytest.mark.skipif(sys.platform == "win32", reason="no library is loaded there"),
]

#: What a candle_ffi looks like that is older than this one, and one that lacks what this one has.
OLDER = """
const char *candle_ffi_version(void) { return "0.0.1"; }
int candle_ffi_abi_version(void) { return 0; }
"""
LACKING = OLDER.replace("return 0;", "return 1000000;")


def compiled(text: str, name: str, folder: Path) -> Path:
    source = folder / f"{name}.c"
    source.write_text(text)
    made = folder / f"lib{name}.so"
    run(CC, "-shared", "-fPIC", source, "-o", made, folder=folder)
    return made


def arguments(folder: Path) -> list[Path]:
    """Return what the program is told, made in a folder."""
    (folder / "copies").mkdir()
    copies = [folder / "copies" / f"{number}-{library().name}" for number in (1, 2)]
    for copy in copies:
        shutil.copy(library(), copy)
    text = folder / "text.so"
    text.write_text("This is no library.\n")
    stranger = compiled("int stranger(void) { return 1; }\n", "stranger", folder)
    older, lacking = compiled(OLDER, "older", folder), compiled(LACKING, "lacking", folder)
    return [*copies, folder / "nothing.so", text, stranger, older, lacking]


def checked(program: Path, folder: Path) -> None:
    printed = run(program, *arguments(folder), folder=folder)
    assert re.search(r"^6 tests, 0 failures$", printed, re.M), printed


def test_a_program_of_the_shared_library_loads_another(tmp_path: Path) -> None:
    program = tmp_path / "backend"
    options = ["-std=c99", *STRICT, "-Wno-pedantic", f"-I{TESTS}", *flags(True, False)]
    libraries = [*flags(False, True), "-lm", "-ldl"]
    run(CC, *options, TESTS / "backend.c", "-o", program, *libraries, folder=tmp_path)
    checked(program, tmp_path)


def static_library() -> Path | None:
    """Return the static library that was built with the package's, where it is in the tree."""
    folders = (ROOT / "target" / profile for profile in ("release", "quick"))
    for folder in folders:
        shared, static = folder / library().name.removesuffix(".0"), folder / "libcandle_ffi.a"
        if static.exists() and shared.exists() and filecmp.cmp(shared, library(), shallow=False):
            return static
    return None


def test_a_program_with_the_library_inside_loads_another(tmp_path: Path) -> None:
    static = static_library()
    if static is None:
        pytest.skip("there is no static library that was built with that of the package")
    program = tmp_path / "backend"
    options = ["-std=c99", *STRICT, "-Wno-pedantic", f"-I{TESTS}", *flags(True, False)]
    libraries = [static, "-lm", "-lpthread", "-ldl"]
    run(CC, *options, TESTS / "backend.c", "-o", program, *libraries, folder=tmp_path)
    checked(program, tmp_path)


def test_a_library_loads_itself_without_harm(tmp_path: Path) -> None:
    source = tmp_path / "itself.c"
    source.write_text(
        '#include "harness.h"\n'
        "int main(int count, char **words) {\n"
        "    CandleTensor *one = NULL;\n"
        "    CHECK_OK(candle_tensor_from_double(1.0, &one, &error));\n"
        "    CHECK_OK(candle_backend_load(words[count - 1], &error));\n"
        "    CHECK_NEAR(take_item(one), 1.0, 0);\n"
        "    return FINISH();\n"
        "}\n"
    )
    program = tmp_path / "itself"
    options = ["-std=c99", *STRICT, f"-I{TESTS}", *flags(True, False)]
    run(CC, *options, source, "-o", program, *flags(False, True), "-lm", folder=tmp_path)
    assert "0 failures" in run(program, library(), folder=tmp_path)
    done = subprocess.run([program, tmp_path / "none.so"], capture_output=True, text=True)
    assert done.returncode == 1 and "none.so" in done.stdout
