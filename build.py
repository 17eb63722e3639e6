"""The cffi builder of `candle_ffi._cffi`, used by setup.py.

Run by hand, `python build.py` builds the native library and the extension in place.
The PyPA tool of the same name is not hidden by accident: `pip wheel .` makes a wheel.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(os.path.abspath(__file__)).parent
HEADER = ROOT / "include" / "candle_ffi.h"
SHIMS = ROOT / "candle_ffi" / "_shims.h"
MEMORY = ROOT / "candle_ffi" / "_memory.h"
DECLARATIONS = (
    ROOT / "include" / "candle_ffi.cdef",
    ROOT / "candle_ffi" / "_shims.cdef",
    ROOT / "candle_ffi" / "_callbacks.cdef",
    ROOT / "candle_ffi" / "_memory.cdef",
)


def make_builder():  # type: ignore[no-untyped-def]  # cffi is there only in a build environment
    """Return the FFI that describes the extension: the C interface and the shims on it."""
    from cffi import FFI

    linking = []
    # On Windows _lib.py tells where the library is.
    if sys.platform != "win32":
        origin = "@loader_path" if sys.platform == "darwin" else "$ORIGIN"
        linking = [f"-Wl,-rpath,{origin}/lib"]
    builder = FFI()
    for declarations in DECLARATIONS:
        builder.cdef(declarations.read_text(encoding="utf-8"))
    builder.set_source(
        "candle_ffi._cffi",
        '#include "candle_ffi.h"\n#include "_shims.h"\n#include "_memory.h"\n',
        include_dirs=[str(HEADER.parent), str(SHIMS.parent)],
        depends=[str(path) for path in (HEADER, SHIMS, MEMORY, *DECLARATIONS)],
        extra_compile_args=["-O2"],
        extra_link_args=linking,
        py_limited_api=True,
    )
    return builder


def build_in_place() -> int:
    """Build the library and the extension into the source tree, as far as they have changed."""
    command = [sys.executable, "setup.py", "--quiet", "build_ext", "--inplace"]
    return subprocess.run(command, cwd=ROOT, check=False).returncode


def main(arguments: list[str]) -> int:
    """Build in place, or say what to type for what the PyPA tool `build` would have done."""
    if not arguments:
        return build_in_place()
    print(
        "build.py builds candle_ffi in place, for development, and takes no arguments.\n"
        "For a wheel:                   pip wheel --no-deps --wheel-dir dist .\n"
        "For a source distribution:     python setup.py sdist --vendor-crates\n"
        "For the PyPA tool `build`:     run `python -m build PATH` from another folder.",
        file=sys.stderr,
    )
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
else:
    ffibuilder = make_builder
