"""Links between Markdown files of the repository, as links between pages of the site."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path

from pages import ROOT, texts

FENCED = re.compile(r"^(```+|~~~+).*?^\1`*\s*$", re.MULTILINE | re.DOTALL)
#: A link, or code in a line, which may look like one.
LINK = re.compile(
    r"(?P<ticks>`+)[^`](?:.*?[^`])??(?P=ticks)(?!`)"
    r"|(?<!!)\[(?P<words>(?:[^\[\]`]|`[^`]*`)*)\]\((?P<target>[^()\s]+)\)",
    re.DOTALL,
)
#: Folders and files that have a page in place of their own text.
PLACES = {
    "docs/decisions": "decisions",
    "docs": "index",
    "bindings/cpp": "cpp",
    "bindings/go": "go",
    "bindings/java": "java",
    "bindings/node": "node",
    "include/candle_ffi.h": "reference/c",
    "include/candle_ffi.hpp": "reference/c",
    "include/candle_ffi": "reference/c",
}
GENERATED = {"reference/c"}
LANGUAGES = {".c": "c", ".cpp": "cpp", ".h": "c", ".py": "python", ".rs": "rust", ".toml": "toml"}


class Links:
    """Rewrites links, and remembers the files that they lead to."""

    def __init__(self) -> None:
        self.pages = PLACES | {path: name for name, path in texts().items()}
        self.files: set[str] = set()

    def rewrite(self, page: str, path: str) -> str:
        """Return the text of a file of the repository as that page of the site."""
        text = (ROOT / path).read_text()
        folder = Path(path).parent

        def link(match: re.Match[str]) -> str:
            words, target = match["words"], match["target"]
            if target is None or re.match(r"\w+:|#", target):
                return match[0]
            name, _, anchor = target.partition("#")
            place = os.path.normpath(folder / name)
            if not (ROOT / place).exists():
                raise SystemExit(f"{path}: there is no {place}, to which [{words}] leads")
            goal = self.goal(place)
            if goal is None:
                return words
            file = f"{goal}.rst" if goal in GENERATED else f"{goal}.md"
            there = os.path.relpath(file, Path(page).parent)
            return f"[{words}]({there}{'#' + anchor if anchor else ''})"

        return outside_fences(text, lambda part: LINK.sub(link, part))

    def goal(self, place: str) -> str | None:
        """Return the page for a path in the repository; a folder without one has none."""
        if place in self.pages:
            return self.pages[place]
        if (ROOT / place).is_dir():
            return None
        self.files.add(place)
        return f"files/{place}"


def outside_fences(text: str, change: Callable[[str], str]) -> str:
    """Return the text with all but its fenced blocks changed."""
    parts, at = [], 0
    for fence in FENCED.finditer(text):
        parts += [change(text[at : fence.start()]), fence[0]]
        at = fence.end()
    return "".join([*parts, change(text[at:])])


def file_page(path: str) -> str:
    """Return the page that shows a file of the repository."""
    language = LANGUAGES.get(Path(path).suffix, "text")
    text = (ROOT / path).read_text()
    return f"---\norphan: true\n---\n\n# {path}\n\n`````{language}\n{text}`````\n"
