"""Build a wheel from a source distribution and nothing else, as where there is no network.

`python -m tools.build_sources dist/candle_ffi-0.1.0.tar.gz`: Cargo has an empty folder of its own
and may fetch nothing, pip has no index. What is needed is this environment's setuptools,
setuptools-rust and cffi, and the Rust toolchain. The wheel is then used.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

from tools.pythons import tried


def build(archive: Path, folder: Path) -> Path:
    """Unpack and build in a folder, and return the path of the wheel."""
    with tarfile.open(archive) as content:
        if sys.version_info >= (3, 12):
            content.extractall(folder, filter="data")
        else:
            content.extractall(folder)
    (sources,) = folder.iterdir()
    command = [sys.executable, "-m", "pip", "wheel", "--no-build-isolation", "--no-deps"]
    command += ["--no-index", "--wheel-dir", str(folder / "made"), str(sources)]
    alone = {
        "CARGO_HOME": str(folder / "cargo"),
        "CARGO_NET_OFFLINE": "true",
        # One that has built this before would hide what is missing.
        "CARGO_TARGET_DIR": str(folder / "target"),
    }
    subprocess.run(command, cwd=folder, env={**os.environ, **alone}, check=True)
    (wheel,) = (folder / "made").glob("*.whl")
    return wheel


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="python -m tools.build_sources", description=__doc__)
    parser.add_argument("archive", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        wheel = build(options.archive.resolve(), Path(folder))
        print(wheel.name, tried(wheel, Path(sys.executable), needs=False), sep="\n")


if __name__ == "__main__":
    main()
