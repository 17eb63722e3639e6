"""The page that leads into Doxygen's reference of the C and C++ headers."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

from pages import ROOT

#: Where Doxygen's HTML is on the site.
FOLDER = "reference/headers"
GROUP = re.compile(r"@defgroup (\w+) (.*)")


def groups() -> list[tuple[str, str]]:
    """Return the sections of the header: Doxygen's names for them, and their titles."""
    path = ROOT / "docs" / "reference" / "filter.py"
    spec = importlib.util.spec_from_file_location("header_filter", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    text: str = module.groups((ROOT / "include" / "candle_ffi.h").read_text())
    return GROUP.findall(text)


def page(reference: Path | None) -> str:
    """Return the page; a section whose HTML is not there is an error."""
    links = [
        ("index.html", "The whole reference"),
        ("contract.html", "The contract"),
        ("namespacecandle.html", "The C++ namespace candle"),
    ]
    text = "C and C++\n=========\n\nThe headers, function by function, as Doxygen shows them.\n\n"
    sections = [(f"group__{name.replace('_', '__')}.html", title) for name, title in groups()]
    for heading, entries in (("", links), ("Sections of ``candle_ffi.h``", sections)):
        text += f"{heading}\n{'-' * len(heading)}\n\n" if heading else ""
        for file, title in entries:
            if reference is not None and not (reference / file).exists():
                raise SystemExit(f"Doxygen has not written {file}; make reference does")
            text += f"- `{title} <headers/{file}>`__\n"
        text += "\n"
    return text + ":doc:`/cpp` shows how the C++ headers are used.\n"
