"""Build the wheel that is released, as `make wheel`, and check it.

On Linux it is linked with Zig against an old glibc; elsewhere it is what `pip wheel` makes.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
from pathlib import Path

from tools import zig
from tools.check_wheel import check
from tools.install import built
from tools.layout import ROOT
from tools.pythons import found


def build(folder: Path, environment: dict[str, str]) -> Path:
    """Build a wheel with the tools of this environment and return its path."""
    # What an earlier build left there would come into the wheel, or not be compiled again.
    shutil.rmtree(ROOT / "build", ignore_errors=True)
    made = folder / "made"
    shutil.rmtree(made, ignore_errors=True)
    command = [sys.executable, "-m", "pip", "wheel", "--no-build-isolation", "--no-deps"]
    _run([*command, "--wheel-dir", made, ROOT], environment)
    (wheel,) = made.glob("*.whl")
    return wheel


def label(wheel: Path, output: Path, glibc: str) -> Path:
    """Give a wheel its platform's tag, which auditwheel refuses when it is not true."""
    machine = zig.rust_target().split("-")[0]
    tag = f"manylinux_{glibc.replace('.', '_')}_{machine}"
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    command = [sys.executable, "-m", "auditwheel", "repair", "--only-plat", "--plat", tag]
    _run([*command, "--wheel-dir", output, wheel], {**os.environ, "PATH": path})
    (labelled,) = output.glob(f"{wheel.name.rpartition('-')[0]}-*{tag}*.whl")
    return labelled


def _run(command: list[object], environment: dict[str, str]) -> None:
    done = subprocess.run([str(word) for word in command], cwd=ROOT, env=environment, check=False)
    if done.returncode != 0:
        raise SystemExit(done.returncode)


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="python -m tools.wheel", description=__doc__)
    parser.add_argument("--output", type=Path, default=ROOT / "dist")
    parser.add_argument("--glibc", default=zig.GLIBC, help="the oldest one that it shall run with")
    parser.add_argument(
        "--python", type=Path, action="append", default=[], help="another one to try it with"
    )
    options = parser.parse_args()
    folder = built(None).parent / "wheel"
    options.output.mkdir(parents=True, exist_ok=True)
    if sys.platform == "linux":
        wheel = build(folder, zig.environment(folder, options.glibc))
        wheel = label(wheel, options.output, options.glibc)
    else:
        wheel = Path(shutil.move(build(folder, dict(os.environ)), options.output))
    check(wheel, found(options.python))


if __name__ == "__main__":
    main()
