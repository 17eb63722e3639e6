"""The programs in the README and the guides run as they are printed."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import backend
import pytest

if backend.IS_TORCH:
    pytest.skip("the README is candle_ffi's", allow_module_level=True)

ROOT = Path(__file__).parents[2]
FENCE = re.compile(r"^```(\w+)[^\n]*\n(.*?)^```", re.MULTILINE | re.DOTALL)

#: Pages of programs alone.
WHOLE = {"README.md", "profiling.md"}
#: In the other guides a block may show a part of a file; a program brings what it needs.
COMPLETE = re.compile(r"^(import|from) |^>>> |^#include ", re.MULTILINE)


def blocks(language: str) -> list[object]:
    """The fenced programs in that language, each with the place where it stands."""
    found = []
    for path in [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]:
        text = path.read_text() if path.exists() else ""
        for match in FENCE.finditer(text):
            fragment = path.name not in WHOLE and not COMPLETE.search(match[2])
            if match[1] == language and not fragment:
                line = text[: match.start()].count("\n") + 1
                found.append(pytest.param(match[2], id=f"{path.name}:{line}"))
    return found


def test_the_readme_shows_both_languages() -> None:
    names = [param.id for language in ("python", "c") for param in blocks(language)]  # type: ignore[attr-defined]
    assert sum(name.startswith("README.md") for name in names) >= 2


@pytest.mark.parametrize("program", blocks("python"))
def test_python(program: str, tmp_path: Path) -> None:
    if ">>>" in program:
        call = f"run_docstring_examples({program!r}, {{}}, optionflags=ELLIPSIS)"
        program = f"from doctest import ELLIPSIS, run_docstring_examples\n{call}"
    run = subprocess.run(
        [sys.executable, "-W", "error", "-c", program], cwd=tmp_path, capture_output=True, text=True
    )
    assert run.returncode == 0 and "Failed example" not in run.stdout, run.stdout + run.stderr


@pytest.mark.parametrize("program", blocks("c"))
def test_c(program: str, tmp_path: Path) -> None:
    compiler = shutil.which(os.environ.get("CC", "cc"))
    if compiler is None:
        pytest.skip("no C compiler")
    if "main(" not in program:
        program = f"#include <candle_ffi.h>\nint main(void) {{\n{program}\nreturn 0; }}\n"
    (tmp_path / "program.c").write_text(program)
    command = [sys.executable, "-m", "candle_ffi", "config", "--cflags", "--libs"]
    flags = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    build = [
        compiler,
        "-std=c99",
        "-Wall",
        "-Wextra",
        "-Werror",
        "program.c",
        "-o",
        "program",
        *flags,
    ]
    subprocess.run(build, cwd=tmp_path, check=True)
    folders = [flag[2:] for flag in flags if flag.startswith("-L")]
    environment = {**os.environ, "LD_LIBRARY_PATH": os.pathsep.join(folders)}
    run = subprocess.run(
        ["./program"], cwd=tmp_path, env=environment, capture_output=True, text=True
    )
    assert run.returncode == 0, run.stdout + run.stderr
