"""`python -m candle_ffi config` tells what a C compiler needs, `info` what is installed."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from candle_ffi import _backend

FOLDER = Path(__file__).resolve().parent


def library() -> Path:
    """Return the path of the shared library in the package."""
    return FOLDER / "lib" / _backend.LIBRARY


def flags(cflags: bool, libs: bool) -> list[str]:
    """Return the arguments of a C compiler that find the header and the library.

    Parameters
    ----------
    cflags : bool
        Whether those for compiling are wanted.
    libs : bool
        Whether those for linking are wanted; the program finds the library where it lies now,
        but for Windows.

    Returns
    -------
    list of str
        The arguments.
    """
    path = library()
    found = [f"-I{FOLDER / 'include'}"] if cflags else []
    if libs and sys.platform == "win32":
        # Windows links to the file beside it, and looks for the library in PATH.
        return [*found, f"{path}.lib"]
    return found + ([str(path), f"-Wl,-rpath,{path.parent}"] if libs else [])


def cmake_dir() -> Path:
    """Return the folder to name as `candle_ffi_DIR` for CMake's `find_package(candle_ffi)`."""
    return FOLDER / "lib" / "cmake" / "candle_ffi"


def pkg_config_dir() -> Path:
    """Return the folder to name in `PKG_CONFIG_PATH`."""
    return FOLDER / "lib" / "pkgconfig"


def main(arguments: list[str] | None = None) -> int:
    """Run the command line.

    Parameters
    ----------
    arguments : list of str, optional
        The arguments; those of the process when not given.

    Returns
    -------
    int
        The exit status.
    """
    parser = argparse.ArgumentParser(prog="python -m candle_ffi", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    config = commands.add_parser("config", help="print what a C compiler needs")
    config.add_argument("--cflags", action="store_true", help="the folder of the header")
    config.add_argument("--libs", action="store_true", help="the library, and where to find it")
    config.add_argument("--prefix", action="store_true", help="the folder of the package")
    config.add_argument("--cmake-dir", action="store_true", help="the folder for candle_ffi_DIR")
    config.add_argument("--pkg-config-dir", action="store_true", help="for PKG_CONFIG_PATH")
    commands.add_parser("info", help="print versions and devices")
    options = parser.parse_args(arguments)
    if options.command == "info":
        print(_info())
        return 0
    asked = [
        (options.prefix, FOLDER),
        (options.cmake_dir, cmake_dir()),
        (options.pkg_config_dir, pkg_config_dir()),
    ]
    folders = [folder for wanted, folder in asked if wanted]
    for folder in folders:
        print(folder)
    found = flags(options.cflags, options.libs)
    if found:
        print(" ".join(_quoted(flag) for flag in found))
    if not (found or folders):
        config.print_usage(sys.stderr)
        return 2
    return 0


def _quoted(flag: str) -> str:
    import shlex

    return shlex.quote(flag)


def _info() -> str:
    # Only here: `config` must answer even where the library cannot be loaded.
    from candle_ffi import device_count, threads
    from candle_ffi._lib import lib, text

    counts = {kind: device_count(kind) for kind in ("cpu", "cuda", "metal")}
    devices = ", ".join(f"{count} {kind}" for kind, count in counts.items())
    backend, path = _backend.in_use()
    reason = _backend.why_not()
    return os.linesep.join(
        [
            text(lib.candle_ffi_build_info()),
            f"backend: {backend}" + (f" ({reason})" if reason else _versions()),
            f"cuDNN: {_cudnn()}",
            f"devices: {devices}" + (_why_none() if not counts["cuda"] else ""),
            f"threads: {threads.get_num_threads()}",
            f"library: {path}",
        ]
    )


def _why_none() -> str:
    """Return why there is no CUDA device though its library is in use, which says why it is not."""
    if _backend.why_not() is not None:
        return ""
    from candle_ffi._cuda_library import expect_devices

    try:
        expect_devices()
    except _backend.UnusableError as why:
        return f" ({why})"
    return ""


def _cudnn() -> str:
    from candle_ffi.backends import cudnn

    version = cudnn.version()
    if version is not None:
        spelled = f"{version // 10000}.{version // 100 % 100}.{version % 100}"
        return spelled if cudnn.enabled else f"{spelled} (switched off)"
    # Without CUDA there is nothing to be said about it that has not been said.
    reason = cudnn.why_not() if _backend.why_not() is None else None
    return f"not in use ({reason})" if reason else "not in use"


def _versions() -> str:
    from candle_ffi._cuda_library import driver_version, spelled

    return f" (driver for CUDA {spelled(driver_version())})"


if __name__ == "__main__":
    sys.exit(main())
