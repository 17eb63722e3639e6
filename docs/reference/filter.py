"""Doxygen's filter for `candle_ffi.h`: its sections become groups with their introductions."""

from __future__ import annotations

import re
import sys
from pathlib import Path

RULE = "-" * 96
CONTRACT = re.compile(r"/\*\n( \* candle_ffi: .*?) \*/\n", re.DOTALL)
SECTION = re.compile(rf"/\*\n \* {RULE}\n(.*?) \* {RULE}\n \*/\n", re.DOTALL)


def groups(text: str) -> str:
    """Return the header with a group for each section, and its contract as a page."""
    names: list[str] = []

    def opening(match: re.Match[str]) -> str:
        title, *introduction = [line[2:].strip() for line in match[1].splitlines()]
        name = re.sub(r"\W+", "_", title.lower())[:60].strip("_")
        # Operations and layers may have sections of one title.
        names.append(f"{name}_{len(names)}" if name in names else name)
        lines = [f"@defgroup {names[-1]} {title.rstrip('.')}", *introduction, "@{"]
        comment = "/**\n" + "".join(f" * {line}".rstrip() + "\n" for line in lines) + " */\n"
        return ("" if len(names) == 1 else "/** @} */\n") + comment

    text = SECTION.sub(opening, text)
    page = "@page contract The contract of the C interface"
    text, found = CONTRACT.subn(rf"/**\n * {page}\n * @verbatim\n\1 * @endverbatim\n */\n", text)
    if not names or found != 1:
        raise SystemExit("the header has no longer the form that this filter knows")
    # What only the preprocessor sees stays outside.
    return text.replace("#ifdef __cplusplus\n} /*", "/** @} */\n#ifdef __cplusplus\n} /*")


if __name__ == "__main__":
    path = Path(sys.argv[1])
    text = path.read_text()
    sys.stdout.write(groups(text) if path.name == "candle_ffi.h" else text)
