"""The programs in the README and the guides run as they are printed, page by page in order."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import backend
import pytest

if backend.IS_TORCH:
    pytest.skip("the README is candle_ffi's", allow_module_level=True)

from documents import ROOT, Block, blocks, pages

PYTHON = ("python", "pycon")
STRICT = ["-std=c99", "-Wall", "-Wextra", "-Werror"]


def run(*command: object, folder: Path, given: str | None = None, **variables: str) -> str:
    """Run a command that must succeed and return what it prints."""
    done = subprocess.run(
        [str(word) for word in command],
        cwd=folder,
        env={**os.environ, **variables},
        input=given,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_readme_shows_both_languages() -> None:
    assert {"python", "c"} <= {block.language for block in blocks(Path("README.md"))}


@pytest.mark.parametrize("page", pages("python", "pycon"), ids=str)
def test_python(page: Path, tmp_path: Path) -> None:
    shown, last = [], ""
    for block in blocks(page):
        if block.language == "output":
            shown += [block] if last in PYTHON else []
        elif block.language != "text" and not block.origin:
            last = block.language
            shown += [block] if last in PYTHON else []
    given = json.dumps([(b.note or b.language, b.code, b.where) for b in shown])
    program = Path(__file__).with_name("run_page.py")
    run(sys.executable, "-W", "error", program, folder=tmp_path, given=given)


def program_of(block: Block) -> str:
    """Return the program that a block of C is, or that it is a part of."""
    if "main(" in block.code:
        return block.code
    body = f"{block.before}\n{block.code}"
    return f"#include <candle_ffi.h>\n#include <stdio.h>\nint main(void) {{\n{body}\nreturn 0; }}\n"


def programs() -> list[object]:
    """Return the programs in C, each with the block `output` that follows it, if one does."""
    found = []
    for page in pages("c"):
        shown = [block for block in blocks(page) if block.language != "text"]
        for block, after in zip(shown, [*shown[1:], None], strict=True):
            if block.language == "c" and not block.origin:
                output = after.code if after is not None and after.language == "output" else None
                found.append(pytest.param(block, output, id=block.where))
    return found


@pytest.mark.parametrize(("block", "output"), programs())
def test_c(block: Block, output: str | None, tmp_path: Path) -> None:
    compiler = shutil.which(os.environ.get("CC", "cc"))
    if compiler is None:
        pytest.skip("no C compiler")
    (tmp_path / "program.c").write_text(program_of(block))
    config = [sys.executable, "-m", "candle_ffi", "config", "--cflags", "--libs"]
    flags = run(*config, folder=ROOT).split()
    run(compiler, *STRICT, "program.c", "-o", "program", *flags, "-lpthread", folder=tmp_path)
    folders = [flag[2:] for flag in flags if flag.startswith("-L")]
    printed = run("./program", folder=tmp_path, LD_LIBRARY_PATH=os.pathsep.join(folders))
    assert output in (None, printed)
