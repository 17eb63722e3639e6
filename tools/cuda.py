"""Build the library with CUDA and put it beside that of the CPU: `make cuda` runs this.

python -m tools.cuda                 into the package of the sources
eval "$(python -m tools.cuda env)"   the variables, for Cargo by hand: --features cuda
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from tools.cuda_toolkit import Toolkit, capabilities, environment, exports, prepared, toolkit
from tools.layout import INCLUDE, ROOT, wheel_names

ENVIRONMENT = ROOT / ".venv-cuda"
DESCRIPTION = "library.json"
# In the order in which they are loaded: some need others, and do not find them by themselves.
LIBRARIES = ("libcudart", "libcublasLt", "libcublas", "libcurand", "libnvrtc")


def wanted() -> bool:
    """Return whether a build of the package is to have the library with CUDA."""
    stated = os.environ.get("CANDLE_FFI_CUDA", "")
    if stated not in ("", "0", "1"):
        raise SystemExit(f"CANDLE_FFI_CUDA is 1, 0 or not set, not {stated!r}")
    if stated == "1" and sys.platform != "linux":
        raise SystemExit(f"CANDLE_FFI_CUDA=1: CUDA is built on Linux, not on {sys.platform}")
    return stated == "1"


def features() -> list[str]:
    """Return the Cargo features: CUDA, and those that CANDLE_FFI_FEATURES names."""
    named = os.environ.get("CANDLE_FFI_FEATURES", "").replace(",", " ").split()
    return sorted({"cuda", *named})


def target(found: Toolkit) -> Path:
    """Return Cargo's folder for a toolkit and the capabilities that are wanted.

    It is another than that of the CPU, as the libraries have the same name; and one for each
    toolkit and set of capabilities, as builds of kernels do not see that either has changed.
    """
    base = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")).resolve()
    major, minor = divmod(found.version() // 10, 100)
    place = Path("cuda", "-".join([f"{major}.{minor}", *capabilities()]))
    # The variables may have been set by `env`.
    return base if base.parts[-2:] == place.parts else base / place


def cargo(variables: dict[str, str]) -> Path:
    """Run Cargo with the variables of `variables_for` and return the library that it has built."""
    profile = os.environ.get("SETUPTOOLS_RUST_CARGO_PROFILE", "release")
    command = ["cargo", "build", "--locked", "--package", "candle-ffi", "--profile", profile]
    command += ["--features", ",".join(features())]
    subprocess.run(command, cwd=ROOT, env={**os.environ, **variables}, check=True)
    folder = "debug" if profile == "dev" else profile
    return Path(variables["CARGO_TARGET_DIR"]) / folder / "libcandle_ffi.so"


def variables_for(found: Toolkit) -> dict[str, str]:
    """Make what Cargo needs for a build with CUDA, and return the variables that name it."""
    folder = target(found)
    folder.mkdir(parents=True, exist_ok=True)
    return {**prepared(found, folder, capabilities()), "CARGO_TARGET_DIR": str(folder)}


def needed(library: Path) -> list[str]:
    """Return the names of the shared libraries that a library asks for."""
    command = ["readelf", "--dynamic", "--wide", str(library)]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return re.findall(r"\(NEEDED\).*\[(.+)\]", told)


def description(library: Path, found: Toolkit) -> dict[str, object]:
    """Return what the package must know to load the library."""
    names = needed(library)
    ordered = [name for stem in LIBRARIES for name in names if name.partition(".so")[0] == stem]
    described: dict[str, object] = {
        "cuda": found.version(),
        "capabilities": capabilities(),
        "libraries": ordered,
        # Tells the interface of one build from that of another.
        "header": hashlib.sha256((INCLUDE / "candle_ffi.h").read_bytes()).hexdigest(),
    }
    folders = [
        str(folder)
        for folder in found.library_folders()
        if any((folder / name).exists() for name in ordered[:1])
    ]
    if found.stays and folders:
        described["toolkit"] = folders[0]
    return described


def place(library: Path, found: Toolkit, package: Path) -> Path:
    """Put the library into the package, without symbols that nobody needs."""
    goal = package / "lib" / "cuda" / wheel_names("linux")[0]
    shutil.rmtree(goal.parent, ignore_errors=True)
    goal.parent.mkdir(parents=True)
    shutil.copyfile(library, goal)
    goal.chmod(0o755)
    subprocess.run([os.environ.get("STRIP", "strip"), "--strip-unneeded", goal], check=True)
    text = json.dumps(description(goal, found), indent=1)
    (goal.parent / DESCRIPTION).write_text(text + "\n", encoding="utf-8")
    return goal


def build(package: Path, python: Path | None = None) -> Path:
    """Build the library into a package and return its path.

    Parameters
    ----------
    package : Path
        The folder `candle_ffi`.
    python : Path, optional
        The interpreter of the environment with the compiler's wheels; this one when not given.
    """
    found = toolkit(python)
    return place(cargo(variables_for(found)), found, package)


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m tools.cuda",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("command", nargs="?", choices=["build", "env"], default="build")
    parser.add_argument("--environment", type=Path, default=ENVIRONMENT, help="for the wheels")
    options = parser.parse_args()
    # The environment is not needed where there is a toolkit.
    python = None if os.environ.get("CUDA_HOME") else environment(options.environment)
    if options.command == "env":
        print(exports(variables_for(toolkit(python))))
        return
    made = build(ROOT / "candle_ffi", python)
    print(f"{made}: {made.stat().st_size / 2**20:.1f} MiB, for {' '.join(capabilities())}")


if __name__ == "__main__":
    main()
