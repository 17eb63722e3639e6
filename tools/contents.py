"""What is inside the library, for those who get it: licences and the bill of materials.

Archives of `make dist` and wheels carry the same texts.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
from collections.abc import Iterable
from pathlib import Path

from tools.inventory import crates, rust
from tools.layout import ROOT
from tools.licences import texts
from tools.sbom import bill

BILL = "candle_ffi.cdx.json"
LICENCES = "THIRD-PARTY-LICENSES.txt"


def moment() -> int:
    """Return the time that what is packed gets, in seconds since 1970."""
    if "SOURCE_DATE_EPOCH" in os.environ:
        return int(os.environ["SOURCE_DATE_EPOCH"])
    told = subprocess.run(
        ["git", "log", "-1", "--format=%ct"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    return int(told.stdout) if told.returncode == 0 and told.stdout.strip() else 0


def contents(target: str, features: str, libraries: Iterable[Path]) -> dict[str, str]:
    """Return the texts by the names of their files."""
    inside, (release, sysroot) = crates(target, features), rust()
    digests = {_label(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in libraries}
    return {
        BILL: bill(inside, target, release, moment(), digests),
        LICENCES: texts(inside, release, sysroot),
    }


def _label(path: Path) -> str:
    """Return a name that is unique: the libraries with and without CUDA are called the same."""
    return f"cuda/{path.name}" if path.parent.name == "cuda" else path.name
