"""Make of Cargo's static library one that a C program wants.

Cargo's archive has each object of every crate, with the bitcode of link-time optimization and the
debug information of Rust's standard library, and all of Rust's symbols are global in it: two such
archives in one program are at odds. Here what the exported functions reach becomes one object in
which only those functions are global. Sections stay apart, so that `-Wl,--gc-sections` still takes
only what a program uses.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from tools.layout import ROOT

BITCODE = ("--remove-section=.llvmbc", "--remove-section=.llvmcmd")


def exported() -> list[str]:
    """Return the names of the functions of the C interface."""
    lines = (ROOT / "tests" / "abi" / "symbols.txt").read_text(encoding="utf-8").splitlines()
    return [line.split("\t")[0] for line in lines if line.startswith("candle_")]


def reduce(source: Path, target: Path, triple: str) -> str:
    """Write the reduced library, or a copy where tools are missing, and return what was done.

    `LD`, `OBJCOPY` and `AR` name the tools, as for a library of another machine.
    """
    tools = {
        name: shutil.which(os.environ.get(name.upper(), name)) for name in ("ld", "objcopy", "ar")
    }
    missing = [name for name, path in tools.items() if path is None]
    if "linux" not in triple or missing:
        shutil.copyfile(source, target)
        return f"as Cargo made it: no {', '.join(missing)}" if missing else "as Cargo made it"
    with tempfile.TemporaryDirectory() as folder:
        here = Path(folder)
        plain, joined, made = here / "plain.a", here / "joined.o", here / "candle_ffi.o"
        (here / "symbols").write_text("\n".join(exported()) + "\n")
        # Response files: so many names are too long for a command line.
        (here / "wanted").write_text("\n".join(f"-u {name}" for name in exported()) + "\n")
        _run(tools["objcopy"], "--strip-debug", *BITCODE, source, plain)
        _run(tools["ld"], "-r", "--gc-sections", f"@{here / 'wanted'}", "-o", joined, plain)
        keep = f"--keep-global-symbols={here / 'symbols'}"
        _run(tools["objcopy"], keep, "--strip-unneeded", joined, made)
        # D: no times and owners, so that the same objects give the same archive.
        archive = here / target.name
        _run(tools["ar"], "rcsD", archive, made)
        shutil.copyfile(archive, target)
    return "reduced to what the exported functions reach"


def _run(*command: object) -> None:
    done = subprocess.run(
        [str(word) for word in command], capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(map(str, command))}\n{done.stderr}")
