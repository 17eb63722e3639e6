"""Unpack Debian packages into a folder, without installing them, as `make test` does.

With a package comes what it needs and the system lacks. Its programs are in `bin` of the folder,
as scripts that tell the loader where their libraries are. Nothing is written elsewhere, and nobody
has to be root.
"""

from __future__ import annotations

import argparse
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

PROGRAM = """#!/bin/sh
LD_LIBRARY_PATH={libraries}${{LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}} exec {program} "$@"
"""


class PackageError(Exception):
    """A command of Debian's failed, with what it printed."""


def run(*command: str, folder: Path | None = None) -> str:
    """Return what a command prints."""
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise PackageError(f"{shlex.join(command)}: {(done.stderr or done.stdout).strip()}")
    return done.stdout


def missing(packages: list[str]) -> list[str]:
    """Return those of the packages that are not installed, and what they need and is not either."""
    simulated = run("apt-get", "--simulate", "--no-install-recommends", "install", *packages)
    return re.findall(r"^Inst (\S+)", simulated, re.M)


def download(packages: list[str], folder: Path) -> None:
    """Fetch packages, those that the system lacks with all that they need."""
    wanted = missing(packages)
    if wanted:
        run("apt-get", "--quiet", "--quiet", "download", *wanted, folder=folder)


def link_programs(folder: Path) -> None:
    """Write a script into `bin` for each program of the packages."""
    libraries = {path.parent for path in (folder / "usr" / "lib").rglob("*.so*")}
    (folder / "bin").mkdir(exist_ok=True)
    for program in sorted((folder / "usr" / "bin").glob("*")):
        script = folder / "bin" / program.name
        joined = ":".join(map(str, sorted(libraries)))
        text = PROGRAM.format(libraries=shlex.quote(joined), program=shlex.quote(str(program)))
        script.write_text(text, encoding="utf-8")
        script.chmod(0o755)


def unpack(packages: list[str], folder: Path) -> None:
    """Replace the folder with the contents of the packages."""
    with tempfile.TemporaryDirectory(dir=folder.parent) as work:
        fetched, made = Path(work) / "fetched", Path(work) / "made"
        fetched.mkdir()
        made.mkdir()
        try:
            download(packages, fetched)
        except PackageError:
            # The lists of packages may be old, or not there yet.
            run("apt-get", "--quiet", "--quiet", "update")
            download(packages, fetched)
        for package in sorted(fetched.glob("*.deb")):
            run("dpkg-deb", "--extract", str(package), str(made))
        shutil.rmtree(folder, ignore_errors=True)
        made.rename(folder)
    link_programs(folder)


def main() -> int:
    """Unpack what the arguments name; where that cannot be, say so."""
    parser = argparse.ArgumentParser(prog="python -m tools.debian", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("packages", nargs="+")
    arguments = parser.parse_args()
    try:
        unpack(arguments.packages, arguments.folder.absolute())
    except (PackageError, OSError) as error:
        print(f"{error}\ntests that need {' or '.join(arguments.packages)} will be skipped")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
