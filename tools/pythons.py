"""The CPythons of this machine, and a wheel tried with one of them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from tools.layout import ROOT

OLDEST, NEWEST = (3, 10), (3, 15)
SMOKE = ROOT / "tools" / "smoke.py"
ASKED = (
    "import platform, sys, sysconfig; "
    "print(platform.python_implementation(), *sys.version_info[:2], "
    "sysconfig.get_config_var('Py_GIL_DISABLED') or 0)"
)


def asked(python: Path) -> tuple[str, tuple[int, int], bool] | None:
    """Return kind, version and whether there is no GIL; nothing where it does not run."""
    try:
        command = [python, "-I", "-c", ASKED]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
        kind, major, minor, free = done.stdout.split()
    except (OSError, ValueError, subprocess.TimeoutExpired):
        return None
    return kind, (int(major), int(minor)), free == "1"


def found(more: list[Path]) -> list[Path]:
    """Return a CPython of each version that the wheel is for: of PATH, of pyenv, those named."""
    folder = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    paths = [*more, Path(sys.executable), *sorted(folder.glob("3.*/bin/python3"))]
    for minor in range(OLDEST[1], NEWEST[1] + 1):
        paths += [Path(path) for path in [shutil.which(f"python3.{minor}")] if path]
    chosen: dict[tuple[int, int], Path] = {}
    for path in paths:
        known = asked(path)
        if known is None and path in more:
            raise SystemExit(f"{path} is no Python that runs")
        if known and known[0] == "CPython" and known[1] >= OLDEST and not known[2]:
            chosen.setdefault(known[1], path)
    return [chosen[number] for number in sorted(chosen)]


def tried(wheel: Path, python: Path, *, needs: bool = True) -> str:
    """Install a wheel for a Python into a folder, use it from another, and return what it says.

    Without `needs` the Python has what the wheel needs, and nothing is fetched.
    """
    with tempfile.TemporaryDirectory() as name:
        site, desk = Path(name, "site"), Path(name, "desk")
        empty = desk / "bin"
        empty.mkdir(parents=True)
        install: list[object] = [
            sys.executable,
            "-m",
            "pip",
            "--python",
            python,
            "install",
            "--quiet",
        ]
        # What it needs as a wheel too: nothing may be compiled.
        install += ["--only-binary", ":all:"] if needs else ["--no-deps", "--no-index"]
        _run([*install, "--target", site, wheel], desk, dict(os.environ))
        shutil.copy(SMOKE, desk)
        alone = {"PATH": str(empty), "PYTHONPATH": str(site), "HOME": str(desk)}
        told = _run([python, "smoke.py"], desk, alone).strip()
        what, _, where = told.partition(", in ")
        if Path(where).parent.resolve() != site.resolve():
            raise SystemExit(f"{python} has used another package: {told}")
        return what


def _run(command: list[object], folder: Path, environment: dict[str, str]) -> str:
    done = subprocess.run(
        [str(word) for word in command],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(map(str, command))}\n{done.stdout}{done.stderr}")
    return done.stdout
