"""What an installed library is made of: its names on each system, and the files that describe it.

setup.py puts the same files into the wheel, so that all ways of installing have one source.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

ROOT = Path(__file__).resolve().parents[1]
TEMPLATES = ROOT / "tools" / "templates"
INCLUDE = ROOT / "include"
# The one for C, and those for C++ where the tree has them.
HEADERS = ("candle_ffi.h", "candle_ffi.hpp", "candle_ffi/*.hpp")
LICENCES = ("LICENSE-APACHE", "LICENSE-MIT")
# The ABI's major version: that of the SONAME in crates/candle-ffi/build.rs.
MAJOR = 0


def version() -> str:
    """Return the version of the Cargo workspace."""
    found = re.search(r'^version = "([^"]+)"', (ROOT / "Cargo.toml").read_text(), re.MULTILINE)
    if found is None:
        raise SystemExit("Cargo.toml states no version")
    return found.group(1)


def headers() -> list[Path]:
    """Return the headers of the tree, as paths below `INCLUDE`."""
    return [path.relative_to(INCLUDE) for name in HEADERS for path in sorted(INCLUDE.glob(name))]


@dataclass(frozen=True)
class Names:
    """The names of a library's files on one system."""

    built: str  # what Cargo calls the shared library
    real: str  # the file, with the whole version
    soname: str  # what programs look for
    plain: str  # what the linker looks for
    static: str
    private: tuple[str, ...]  # the libraries that the static one needs


def names(target: str, release: str | None = None) -> Names:
    """Return the names for a target, such as `x86_64-unknown-linux-gnu`."""
    release = release or version()
    if "windows" in target:
        raise SystemExit(f"{target}: only Linux and macOS have this layout; Windows has the wheel")
    if "apple" in target:
        stem, static = "libcandle_ffi", "libcandle_ffi.a"
        plain = f"{stem}.dylib"
        return Names(
            plain, f"{stem}.{release}.dylib", f"{stem}.{MAJOR}.dylib", plain, static, ("m",)
        )
    plain = "libcandle_ffi.so"
    private = ("m", "pthread", "dl")
    return Names(plain, f"{plain}.{release}", f"{plain}.{MAJOR}", plain, "libcandle_ffi.a", private)


def wheel_names(platform: str) -> tuple[str, str]:
    """Return what the wheel calls the library on a `sys.platform`, and what is linked to.

    A wheel cannot hold links, so the library has one name in it: that which programs look for.
    """
    if platform == "win32":
        return "candle_ffi.dll", "candle_ffi.dll.lib"
    soname = names("apple-darwin" if platform == "darwin" else "linux").soname
    return soname, soname


def _upwards(folder: PurePosixPath) -> str:
    """Return the way from a folder below the prefix back to the prefix."""
    return "/".join(".." for _ in folder.parts)


def descriptions(
    target: str,
    *,
    libdir: str = "lib",
    includedir: str = "include",
    wheel: bool = False,
) -> dict[PurePosixPath, str]:
    """Return what pkg-config and CMake read, by path below the prefix.

    Every path in them is found from their own place, so that the tree can be moved. A wheel has the
    shared library under its SONAME alone, as it cannot hold links, and no static one.
    """
    library = names(target)
    folders = {
        "pkgconfig": PurePosixPath(libdir, "pkgconfig"),
        "cmake": PurePosixPath(libdir, "cmake", "candle_ffi"),
    }
    real = library.soname if wheel else library.real
    values = {
        "version": version(),
        "major": str(MAJOR),
        "libdir": libdir,
        "includedir": includedir,
        "real": real,
        "soname": library.soname,
        "static": library.static,
        "libs": f"${{libdir}}/{real} -Wl,-rpath,${{libdir}}"
        if wheel
        else "-L${libdir} -lcandle_ffi",
        "private": " ".join(f"-l{name}" for name in library.private),
        "private_list": ";".join(library.private),
        "to_prefix_from_pkgconfig": _upwards(folders["pkgconfig"]),
        "to_prefix_from_cmake": _upwards(folders["cmake"]),
    }
    made = {}
    for template in sorted(TEMPLATES.iterdir()):
        name = template.name.removesuffix(".in")
        if wheel and "static" in name:
            continue
        folder = folders["pkgconfig" if name.endswith(".pc") else "cmake"]
        made[folder / name] = re.sub(
            r"@(\w+)@", lambda found: values[found[1]], template.read_text(encoding="utf-8")
        )
    return made
