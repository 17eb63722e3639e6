"""Check that a tag can be released, and print what is new: `python -m tools.release v0.1.0`."""

from __future__ import annotations

import re
import sys

from tools.layout import ROOT, version


def news(tag: str, changelog: str, stated: str) -> str:
    """Return the part of the changelog that is about a tag, or say what does not agree."""
    number = tag.removeprefix("v")
    if number != stated:
        raise SystemExit(f"the tag is {tag}, but Cargo.toml states {stated}")
    parts = re.split(r"^## \[([^]]+)\].*$", changelog, flags=re.MULTILINE)
    entries = dict(zip(parts[1::2], parts[2::2], strict=True))
    if not entries.get(number, "").strip():
        raise SystemExit(f"CHANGELOG.md has nothing under [{number}]")
    if entries.get("Unreleased", "").strip():
        raise SystemExit("CHANGELOG.md still has something under [Unreleased]")
    return entries[number].strip() + "\n"


def main() -> None:
    """Run the command line."""
    if len(sys.argv) != 2:
        raise SystemExit("usage: python -m tools.release TAG")
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    print(news(sys.argv[1], changelog, version()), end="")


if __name__ == "__main__":
    main()
