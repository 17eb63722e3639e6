"""Builds the site: `make docs`, or `python docs/site/build.py --output FOLDER`.

The pages are the Markdown files of the repository, which are read there as well: here they are
copied to one folder with links from page to page, beside the pages of the Python reference, and
Sphinx makes HTML of all. A warning is an error.
"""

from __future__ import annotations

import argparse
import re
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import headers
from links import Links, file_page
from pages import NAVIGATION, decisions, texts, unlisted
from python_reference import Reference

HERE = Path(__file__).resolve().parent


def operation(reference: Reference) -> Callable[[re.Match[str]], str]:
    """Return what makes a link of the name of an operation."""
    return lambda match: f"| {{py:func}}`{match[1]} <{reference.function(match[1])}>` |"


def toctree(entries: list[str], caption: str | None = None) -> str:
    """Return the part of a Markdown page that is the navigation."""
    named = f":caption: {caption}\n" if caption else ""
    return "\n```{toctree}\n:hidden:\n" + named + "\n" + "\n".join(entries) + "\n```\n"


def pages(html: Path | None) -> dict[str, str]:
    """Return every page of the site: its file's name, and its text."""
    if missing := unlisted():
        raise SystemExit(f"docs/site/pages.py has no place for {', '.join(missing)}")
    reference = Reference()
    links = Links()
    made = {f"{name}.md": links.rewrite(name, path) for name, path in texts().items()}
    made["overview.md"] = made["overview.md"].replace("# candle_ffi\n", "# Overview\n", 1)
    # The tables of operations and layers lead to the reference.
    made["ops.md"] = re.sub(r"(?m)^\| `(\w+)` \|", operation(reference), made["ops.md"])
    layer = r"| {py:class}`\1 <candle_ffi.nn.\1>` |"
    made["layers.md"] = re.sub(r"(?m)^\| `torch\.nn\.(\w+)` \|", layer, made["layers.md"])
    for caption, listed in NAVIGATION:
        entries = [f"{title} <{name}>" if title else name for name, _, title in listed]
        made["index.md"] += toctree(entries, caption)
    made["decisions.md"] = "# Decisions\n\nWhy things are as they are, half a page each.\n"
    for name, path in decisions().items():
        heading = (HERE.parents[1] / path).read_text().splitlines()[0].lstrip("# ")
        made["decisions.md"] += f"\n- [{heading}]({name}.md)"
    made["decisions.md"] += "\n" + toctree(list(decisions()))
    made |= {f"files/{path}.md": file_page(path) for path in links.files}
    made |= {f"{name}.rst": text for name, text in reference.pages.items()}
    made["reference/c.rst"] = headers.page(html)
    return made


def write(folder: Path, made: dict[str, str]) -> None:
    """Write the pages that have changed, so that Sphinx reads no other again."""
    for name, text in made.items():
        path = folder / name
        if not path.exists() or path.read_text() != text:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
    for path in [*folder.rglob("*.md"), *folder.rglob("*.rst")]:
        if str(path.relative_to(folder)) not in made:
            path.unlink()


def main() -> int:
    """Build the site, and return Sphinx's exit status."""
    parser = argparse.ArgumentParser(description="Build the documentation site.")
    parser.add_argument("--output", type=Path, required=True, help="folder of html")
    parser.add_argument("--reference", type=Path, help="what make reference has written")
    parser.add_argument("--builder", default="html", help="Sphinx's builder")
    options = parser.parse_args()
    source, target = options.output / "source", options.output / options.builder
    write(source, pages(options.reference))
    from sphinx.cmd.build import main as sphinx

    # All pages are written, since each has the navigation.
    strict = ["-a", "-W", "--keep-going", "-n", "-q", "-j", "auto"]
    where = ["-c", str(HERE), "-d", str(options.output / "trees"), str(source), str(target)]
    status = sphinx([*strict, "-b", options.builder, *where])
    if status == 0 and options.reference and options.builder == "html":
        shutil.copytree(options.reference, target / headers.FOLDER, dirs_exist_ok=True)
    return status


if __name__ == "__main__":
    sys.exit(main())
