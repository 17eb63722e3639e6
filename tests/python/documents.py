"""The blocks of code in the documents: the README files and everything in `docs`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGES = [
    path.relative_to(ROOT)
    for path in [
        *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "ARCHITECTURE.md")),
        *sorted((ROOT / "docs").rglob("*.md")),
        *sorted((ROOT / "bindings").glob("*/README.md")),
    ]
]
#: A comment that no reader sees may stand before a block: `from PATH`, of what it is a part of,
#: `before` and what it needs, or `about` before an output whose numbers depend on the processor.
BLOCK = re.compile(
    r"(?:^<!--\s*(?P<note>(?:from|before|about)\b[^>]*?)\s*-->\n+)?"
    r"^```(?P<language>[\w+]*)[^\n]*\n(?P<code>.*?)^```",
    re.MULTILINE | re.DOTALL,
)


@dataclass(frozen=True)
class Block:
    """A fenced block."""

    page: Path
    line: int
    language: str
    code: str
    note: str

    @property
    def where(self) -> str:
        return f"{self.page}:{self.line}"

    @property
    def origin(self) -> str:
        """The file that the block quotes, if it does."""
        return self.note[4:].strip() if self.note.startswith("from") else ""

    @property
    def before(self) -> str:
        """The code that the block needs and does not show."""
        return self.note[6:].strip() if self.note.startswith("before") else ""


def blocks(page: Path) -> list[Block]:
    """Return the blocks of a page in order."""
    text = (ROOT / page).read_text()
    found = []
    for match in BLOCK.finditer(text):
        line = text[: match.start("language")].count("\n") + 1
        found.append(Block(page, line, match["language"], match["code"], match["note"] or ""))
    return found


def pages(*languages: str) -> list[Path]:
    """Return the pages with a block that is to be run, in one of the languages."""
    return [
        page
        for page in PAGES
        if any(block.language in languages and not block.origin for block in blocks(page))
    ]
