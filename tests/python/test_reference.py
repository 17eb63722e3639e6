"""The reference of the headers: Doxygen makes it without a warning, and with every function."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
DOXYGEN = shutil.which("doxygen")

pytestmark = pytest.mark.skipif(DOXYGEN is None, reason="there is no doxygen")


def doxygen(root: Path, output: Path) -> subprocess.CompletedProcess[str]:
    """Make the reference of a tree."""
    output.mkdir()
    return subprocess.run(
        [str(DOXYGEN), "Doxyfile"],
        cwd=root / "docs" / "reference",
        env={**os.environ, "OUTPUT": str(output)},
        capture_output=True,
        text=True,
        timeout=300,
    )


def test_the_reference_has_every_function(tmp_path: Path) -> None:
    done = doxygen(ROOT, tmp_path / "html")
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    pages = "".join(path.read_text() for path in (tmp_path / "html").glob("group__*.html"))
    titles = re.findall(r'class="memtitle">.*?</span>(\w+)\(\)', pages)
    listed = (ROOT / "tests" / "abi" / "symbols.txt").read_text().splitlines()
    promised = [line.split("\t")[0] for line in listed if line.startswith("candle_")]
    assert sorted(titles) == sorted(promised)
    assert (tmp_path / "html" / "contract.html").exists()
    assert (tmp_path / "html" / "namespacecandle.html").exists()
    assert (tmp_path / "html" / "namespacecandle_1_1nn.html").exists()


@pytest.mark.parametrize("header", ["candle_ffi.h", "candle_ffi/tensor.hpp"])
def test_what_has_no_comment_is_an_error(header: str, tmp_path: Path) -> None:
    for folder in ("include", "docs/reference"):
        shutil.copytree(ROOT / folder, tmp_path / folder)
    path = tmp_path / "include" / header
    before = {
        "candle_ffi.h": "/**\n * The number of dimensions.\n */\n",
        "candle_ffi/tensor.hpp": "/// The number of dimensions.\n",
    }[header]
    text = path.read_text()
    assert text.count(before) == 1
    path.write_text(text.replace(before, ""))
    done = doxygen(tmp_path, tmp_path / "html")
    assert done.returncode != 0
    assert "rank" in done.stderr
    assert "is not documented" in done.stderr
