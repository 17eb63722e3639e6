"""Record the present ABI, as a release does: `python tests/python/record_abi.py`.

Writes tests/abi/version-N, where N is `CANDLE_FFI_ABI_VERSION`: the header, the lists of symbols
and layouts, and what abidw (Debian's abigail-tools) says. All later versions are held against it,
so nothing is ever written over. A program.c beside them, by hand, is run with later libraries.
"""

from __future__ import annotations

import gzip
import shutil
import sys
import tempfile
from pathlib import Path

import abi

ABIDW = ["--no-show-locs", "--no-comp-dir-path", "--no-corpus-path", "--type-id-style", "hash"]
COMMENT = "Written once, by tests/python/record_abi.py; later versions have these lines too."


def description(library: Path, folder: Path) -> str:
    """What abidw says of a library."""
    made = folder / "described.abi"
    abi.run("abidw", *ABIDW, "--out-file", made, library)
    return made.read_text(encoding="utf-8")


def record(folder: Path, number: int) -> None:
    """Write the present ABI into a folder that is not there yet."""
    with tempfile.TemporaryDirectory() as name:
        here = Path(name)
        layouts = abi.layouts(abi.HEADER, here)
        library = abi.described_library(abi.HEADER, abi.SYMBOLS, here / "described")
        told = description(library, here)
    folder.mkdir()
    comment = f"# Version {number} of the ABI. {COMMENT}"
    shutil.copyfile(abi.HEADER, folder / "candle_ffi.h")
    for name, lines in (("symbols", abi.lines_of(abi.SYMBOLS)), ("layouts", layouts)):
        (folder / f"{name}.txt").write_text("\n".join([comment, *lines]) + "\n", encoding="utf-8")
    packed = gzip.compress(told.encode(), mtime=0)
    (folder / "types.abi.gz").write_bytes(packed)


def main() -> int:
    """Record, or say why not."""
    number = abi.version(abi.SYMBOLS)
    folder = abi.RECORDS / f"version-{number}"
    if folder.exists():
        print(
            f"{folder.name} is recorded already. A release that adds anything has a higher "
            f"{abi.VERSION}: raise it in crates/candle-ffi/src/version.rs.",
            file=sys.stderr,
        )
        return 1
    record(folder, number)
    print(f"wrote {folder}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
