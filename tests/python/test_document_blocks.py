"""Blocks of the documents that are no programs of Python or C: commands, quotations, settings.

What is in another language belongs to a page whose own tests run it; in one that nobody knows it is
an error, since nothing would notice when it gets out of date.
"""

from __future__ import annotations

import importlib.util
import json
import re
import shlex
import shutil
import subprocess
import sys
import textwrap
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import backend
import pytest

if backend.IS_TORCH:
    pytest.skip("the documents are candle_ffi's", allow_module_level=True)

from documents import PAGES, ROOT, Block, blocks

#: What only readers read.
TEXT = {"text", "output"}
#: Run by `test_readme.py`.
RUN = {"python", "pycon", "c"}
#: Checked below.
CHECKED = {"sh", "cmake", "xml", "json"}
#: Run by the tests of a language, which take them out of these pages.
OWNED = {
    "cpp": ("README.md", "bindings/cpp/README.md"),
    "go": ("bindings/go/README.md",),
    "java": ("bindings/java/README.md",),
    "js": ("bindings/node/README.md",),
    "javascript": ("bindings/node/README.md",),
    "ts": ("bindings/node/README.md",),
    "typescript": ("bindings/node/README.md",),
}
ALL = [block for page in PAGES for block in blocks(page)]


def of(*languages: str) -> list[object]:
    """Return the blocks in some languages, as parameters of a test."""
    return [pytest.param(b, id=b.where) for b in ALL if b.language in languages and not b.origin]


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_somebody_runs_or_checks_each_block(page: Path) -> None:
    for block in blocks(page):
        if block.origin or block.language in TEXT | RUN | CHECKED:
            continue
        owners = OWNED.get(block.language, ())
        assert str(page) in owners, f"{block.where}: nobody runs {block.language or 'no language'}"
        tests = ROOT / "tests" / "python" / f"test_{page.parent.name or 'cpp'}_programs.py"
        assert "README.md" in tests.read_text(), f"{tests.name} does not run {page}"


@pytest.mark.parametrize("block", [pytest.param(b, id=b.where) for b in ALL if b.origin])
def test_a_quotation_is_in_its_file(block: Block) -> None:
    # Parts of a file may be joined; each paragraph is there as it is, but for where it is set in.
    text = (ROOT / block.origin).read_text()
    lines = {line.strip() for line in text.splitlines()}
    for part in block.code.strip().split("\n\n"):
        indents = [textwrap.indent(part, " " * n) for n in (0, 4, 8, 12)]
        changed = [line for line in part.splitlines() if line.strip() not in lines]
        assert any(shown in text for shown in indents), f"not in {block.origin}: {changed or part}"


@pytest.mark.parametrize("block", of("xml", "json"))
def test_settings_can_be_read(block: Block) -> None:
    if block.language == "json":
        json.loads(block.code)
    else:
        ElementTree.fromstring(f"<all>{block.code}</all>")


@pytest.mark.parametrize("block", of("cmake"))
def test_cmake(block: Block, tmp_path: Path) -> None:
    if shutil.which("cmake") is None:
        pytest.skip("there is no CMake")
    from candle_ffi.__main__ import cmake_dir

    if not cmake_dir().exists():
        pytest.skip("the library in place has no CMake package; make build brings it")
    head = "cmake_minimum_required(VERSION 3.16)\nproject(user)\nadd_executable(program p.c)\n"
    (tmp_path / "CMakeLists.txt").write_text(head + block.code)
    (tmp_path / "p.c").write_text("int main(void) { return 0; }\n")
    command = ["cmake", "-S", ".", "-B", "build", f"-Dcandle_ffi_DIR={cmake_dir()}"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr


# Commands ---------------------------------------------------------------------------------------

MAKEFILE = (ROOT / "Makefile").read_text()
PROJECT = (ROOT / "pyproject.toml").read_text()
TARGETS = set(" ".join(re.findall(r"^([\w .-]+):(?!=)", MAKEFILE, re.M)).split())


def make(words: list[str], page: Path) -> None:
    for word in words:
        name, equals, _ = word.partition("=")
        known = rf"^{name}\s*\?=|\$\(if \$\({name}\)|\$\({name}\)" if equals else None
        assert re.search(known, MAKEFILE, re.M) if known else name in TARGETS, f"make has no {name}"


def python(words: list[str], page: Path) -> None:
    if words[:2] == ["-m", "candle_ffi"]:
        done = subprocess.run([sys.executable, *words], capture_output=True, text=True, timeout=60)
        assert done.returncode == 0 and done.stdout.strip(), done.stderr
    elif words[0] == "-m":
        module = words[1]
        if module in ("pip", "pytest", "venv"):
            {"pip": pip, "pytest": paths, "venv": ignored}[module](words[2:], page)
            return
        spec = importlib.util.find_spec(module)
        assert spec is not None and spec.origin is not None, f"there is no module {module}"
        sources = "".join(path.read_text() for path in Path(spec.origin).parent.glob("*.py"))
        for option in words[2:]:
            assert not option.startswith("--") or f'"{option}"' in sources, f"no {option}"
    else:
        paths(words, page)


def pip(words: list[str], page: Path) -> None:
    assert words[0] in ("install", "wheel", "download")
    for word in words[1:]:
        name, _, extras = word.rstrip("]").partition("[")
        if not word.startswith("-"):
            assert name in (".", "candle-ffi") or name in PROJECT + MAKEFILE, f"no package {name}"
            for extra in filter(None, extras.split(",")):
                assert re.search(rf"^{extra} = \[", PROJECT, re.M), f"there is no extra {extra}"


def paths(words: list[str], page: Path) -> None:
    """Files that are named are there, beside the page or at the top."""
    for word in words:
        if "/" in word and not word.startswith(("-", "/", "build/", "target/", "dist/")):
            assert (ROOT / word).exists() or (ROOT / page.parent / word).exists(), f"no {word}"


def compiler(words: list[str], page: Path) -> None:
    folders = [word[2:] for word in words if word.startswith(("-I", "-L"))]
    paths([f"{folder}/" for folder in folders], page)


def pkg_config(words: list[str], page: Path) -> None:
    name = words[-1]
    assert (ROOT / "tools" / "templates" / f"{name}.pc.in").exists(), f"no package {name}"


def cargo(words: list[str], page: Path) -> None:
    if words[0] == "xtask":
        assert f'"{words[1]}"' in (ROOT / "crates" / "xtask" / "src" / "main.rs").read_text()
    for option, name in pairwise(words):
        assert option not in ("-p", "--package") or name in ("xtask", *crates()), f"no crate {name}"


def crates() -> list[str]:
    return [path.name for path in (ROOT / "crates").iterdir()]


def go(words: list[str], page: Path) -> None:
    paths([word for word in words[1:] if word.startswith("./") and not word.endswith("...")], page)


def ignored(words: list[str], page: Path) -> None:
    """Tools of others, whose words say nothing of this project."""


COMMANDS: dict[str, Callable[[list[str], Path], None]] = {
    "make": make,
    "python": python,
    "python3": python,
    "pip": pip,
    "cc": compiler,
    "c++": compiler,
    "pkg-config": pkg_config,
    "cargo": cargo,
    "cd": paths,
    "go": go,
    "node": paths,
    "java": paths,
    "bash": paths,
    "cmake": ignored,
    "ctest": ignored,
    "mvn": ignored,
    "npm": ignored,
    "npx": ignored,
    "git": ignored,
    "twine": ignored,
    "auditwheel": ignored,
    "abi3audit": ignored,
}


def commands(code: str) -> list[str]:
    """Return the commands of a block, those inside `$(…)` too."""
    code = code.replace("\\\n", " ")
    found = []
    for line in code.splitlines():
        line = re.sub(r"(^|\s)#.*", "", line).removeprefix("$ ")
        inner = re.findall(r"\$\(([^()]*)\)", line)
        line = re.sub(r"\$\([^()]*\)", "", line)
        found += [part.strip() for part in re.split(r"&&|\|\||[;|]", line)] + inner
    return [command for command in found if command]


@pytest.mark.parametrize("block", of("sh"))
def test_commands_are_there(block: Block) -> None:
    for command in commands(block.code):
        words = shlex.split(command)
        words = words[1:] if words[0] == "export" else words
        while words and re.match(r"\w+=", words[0]):
            words = words[1:]
        if not words:
            continue
        tool = Path(words[0]).name
        if words[0].startswith(("build/", "./")):
            examples = (ROOT / block.page.parent).glob(f"examples/**/{tool}.*")
            assert any(examples), f"{block.page} has no program {tool}"
        else:
            assert tool in COMMANDS, f"nobody checks {tool}"
            COMMANDS[tool](words[1:], block.page)
