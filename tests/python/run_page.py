"""Runs the blocks of a page, given as JSON, one after the other in one namespace.

What a block prints is compared with the block `output` after it, where `...` stands for anything;
with one that is `about` right, numbers may be off by a third.
"""

from __future__ import annotations

import contextlib
import doctest
import io
import json
import re
import sys
from typing import Any

NUMBER = re.compile(r"-?\d+(?:\.\d+)?")
FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


def run(code: str, where: str, names: dict[str, Any]) -> None:
    """Run a program, or a session with prompts, which shows what it gives itself."""
    if not code.lstrip().startswith(">>>"):
        # The lines of a traceback are those of the page.
        path, _, line = where.rpartition(":")
        exec(compile("\n" * int(line) + code, path, "exec"), names)
        return
    session = doctest.DocTestParser().get_doctest(code, names, where, where, 0)
    runner = doctest.DocTestRunner(optionflags=FLAGS)
    if runner.run(session, out=sys.stderr.write, clear_globs=False).failed:
        raise SystemExit(f"{where}: what is shown is not what comes")
    names.update(session.globs)


def near(shown: str, printed: str) -> bool:
    """Return whether two texts are the same but for numbers that are not far apart."""
    pairs = [[float(number) for number in NUMBER.findall(text)] for text in (shown, printed)]
    if NUMBER.sub("#", shown).split() != NUMBER.sub("#", printed).split():
        return False
    return all(abs(a - b) <= max(abs(a), abs(b)) / 3 for a, b in zip(*pairs, strict=True))


def main() -> None:
    names: dict[str, Any] = {"__name__": "__main__"}
    printed = ""
    for language, code, where in json.load(sys.stdin):
        if language in ("output", "about"):
            same = doctest.OutputChecker().check_output(code, printed, FLAGS)
            if not (same or (language == "about" and near(code, printed))):
                raise SystemExit(f"{where}: not what is printed:\n{printed}")
            continue
        shown = io.StringIO()
        with contextlib.redirect_stdout(shown):
            run(code, where, names)
        printed = shown.getvalue()


main()
