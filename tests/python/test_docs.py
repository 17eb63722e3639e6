"""The documentation site: its navigation, its links, its reference, and that it can be built."""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import subprocess
import sys
from pathlib import Path

import backend
import pytest

if backend.IS_TORCH:
    pytest.skip("the documents are candle_ffi's", allow_module_level=True)

import candle_ffi as cf

ROOT = Path(__file__).resolve().parents[2]
SITE = ROOT / "docs" / "site"
NEEDED = ("sphinx", "myst_parser", "furo", "sphinx_copybutton")
MISSING = [name for name in NEEDED if importlib.util.find_spec(name) is None]


@pytest.fixture(autouse=True)
def modules_of_the_site(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(SITE))


def test_every_document_has_a_place() -> None:
    pages = importlib.import_module("pages")
    assert pages.unlisted() == [], "docs/site/pages.py lists what is on the site"
    listed = list(pages.texts().values())
    assert [path for path in listed if not (ROOT / path).exists()] == []
    assert len(set(listed)) == len(listed), "no text is there twice"


def test_links_between_documents_lead_somewhere() -> None:
    links = importlib.import_module("links").Links()
    pages = importlib.import_module("pages").texts()
    made = {name: links.rewrite(name, path) for name, path in pages.items()}
    assert "](install.md)" in made["overview"]
    assert "](benchmarks.md)" in made["performance"]
    assert "examples/c/hello.c" in links.files


def test_a_broken_link_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    links = importlib.import_module("links")
    monkeypatch.setattr(links, "ROOT", tmp_path)
    (tmp_path / "a.md").write_text("`a[b](c)` [there](nowhere.md).\n\n```c\nx[0](y)\n```\n")
    with pytest.raises(SystemExit, match=r"a\.md: there is no nowhere\.md"):
        links.Links().rewrite("a", "a.md")


def test_the_reference_has_every_public_name_once() -> None:
    pytest.importorskip("sklearn")
    module = importlib.import_module("python_reference")
    text = "\n".join(module.Reference().pages.values())
    assert "<module" not in text and " object at 0x" not in text
    shown = [line.split()[-1] for line in text.splitlines() if line.startswith(".. auto")]
    assert len(set(shown)) == len(shown)
    resolved = {id(resolve(name)) for name in shown if not name.startswith("candle_ffi.Tensor.")}
    for package in ["", *module.PACKAGES]:
        home = importlib.import_module(f"candle_ffi.{package}".rstrip("."))
        for name in home.__all__:
            thing = getattr(home, name)
            if inspect.ismodule(thing) or not (callable(thing) or inspect.isclass(thing)):
                continue
            if not isinstance(thing, cf.DType):
                assert id(thing) in resolved, f"{home.__name__}.{name}"


def resolve(name: str) -> object:
    """Return the thing that a documented name stands for."""
    parts = name.split(".")
    thing: object = cf
    for at, part in enumerate(parts[1:], 2):
        if not hasattr(thing, part):
            importlib.import_module(".".join(parts[:at]))
        thing = getattr(thing, part)
    return thing


@pytest.mark.skipif(bool(MISSING), reason=f"no {', '.join(MISSING)}: make docs installs them")
def test_the_site_is_built_without_warnings(tmp_path: Path) -> None:
    # Everything but writing the HTML: pages are read, and names and links resolved.
    command = [sys.executable, SITE / "build.py", "--output", tmp_path, "--builder", "dummy"]
    done = subprocess.run(
        [str(word) for word in command], cwd=ROOT, capture_output=True, text=True, timeout=900
    )
    assert done.returncode == 0, done.stdout + done.stderr
