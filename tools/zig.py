"""A C compiler and linker for old systems: Zig knows the symbols of every version of glibc.

What it links needs no newer glibc than the one that is named, whatever the machine has on which it
is built. `make wheel` installs Zig and cargo-zigbuild, which hands rustc's arguments on to it.

`python -m tools.zig make dist TARGET=x86_64-unknown-linux-gnu` runs a command so.
"""

from __future__ import annotations

import importlib.util
import os
import platform
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

from tools.layout import ROOT

# The glibc that manylinux_2_28 promises: RHEL 8, Debian 10, Ubuntu 18.10 and later.
GLIBC = "2.28"
MACHINES = ("x86_64", "aarch64")


def rust_target() -> str:
    """Return the target to build for: that of this machine."""
    machine = platform.machine()
    if sys.platform != "linux" or machine not in MACHINES:
        raise SystemExit(f"only for Linux on {' and '.join(MACHINES)}")
    return f"{machine}-unknown-linux-gnu"


def environment(folder: Path, glibc: str = GLIBC) -> dict[str, str]:
    """Return the variables with which Cargo and setuptools link against a version of glibc.

    A script that calls the linker is written into `folder`, as rustc wants a program's name.
    """
    wrapper = shutil.which("cargo-zigbuild", path=os.path.dirname(sys.executable))
    if wrapper is None or importlib.util.find_spec("ziglang") is None:
        raise SystemExit("cargo-zigbuild or ziglang is missing: make wheel installs them")
    target = rust_target()
    zig = f"{target.split('-')[0]}-linux-gnu.{glibc}"
    folder.mkdir(parents=True, exist_ok=True)
    script = folder / f"cc-{zig}"
    words = shlex.join([wrapper, "zig", "cc", "--", "-target", zig])
    script.write_text(f'#!/bin/sh\nexec {words} "$@"\n', encoding="utf-8")
    script.chmod(0o755)
    linker = f"CARGO_TARGET_{target.upper().replace('-', '_')}_LINKER"
    return {
        **os.environ,
        # A target that is named has a folder of its own: what was linked otherwise stays apart.
        "CARGO_BUILD_TARGET": target,
        linker: str(script),
        # The extension is compiled and linked by it too, without symbols that nobody reads.
        "CC": str(script),
        "LDSHARED": f"{script} -shared -s",
        "CARGO_ZIGBUILD_PYTHON_PATH": sys.executable,
    }


if __name__ == "__main__":
    variables = environment(ROOT / "target" / "wheel")
    sys.exit(subprocess.run(sys.argv[1:], env=variables, check=False).returncode)
