"""Install what `cargo build --release -p candle-ffi` has built: `make install` runs this.

Libraries, headers, and what pkg-config and CMake read, below a prefix. Nothing that is written
knows the prefix, so that the tree can be packed and moved.
"""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from tools.layout import INCLUDE, LICENCES, ROOT, Names, descriptions, headers, names
from tools.reduce import reduce

DOCUMENTS = PurePosixPath("share", "doc", "candle_ffi")


@dataclass(frozen=True)
class Places:
    """Where things go: folders below the prefix, which is below `destdir` while packing."""

    prefix: str = "/usr/local"
    destdir: str = ""
    libdir: str = "lib"
    includedir: str = "include"

    def root(self) -> Path:
        """Return the folder that stands for the prefix now."""
        if not self.prefix.startswith("/"):
            raise SystemExit(f"the prefix is not absolute: {self.prefix}")
        return Path(f"{self.destdir}{self.prefix}") if self.destdir else Path(self.prefix)

    def below(self, folder: str) -> str:
        """Return a folder as seen from the prefix; both ways of naming it are in use."""
        path = PurePosixPath(folder)
        if not path.is_absolute():
            return str(path)
        if not path.is_relative_to(self.prefix):
            raise SystemExit(f"{folder} is not below the prefix {self.prefix}")
        return str(path.relative_to(self.prefix))


def host() -> str:
    """Return the target that Rust builds for when none is named; without Rust a good guess."""
    if shutil.which("rustc") is None:
        system = "apple-darwin" if platform.system() == "Darwin" else "unknown-linux-gnu"
        return f"{platform.machine().replace('arm64', 'aarch64')}-{system}"
    told = subprocess.run(["rustc", "-vV"], capture_output=True, text=True, check=True).stdout
    return next(line.split()[1] for line in told.splitlines() if line.startswith("host: "))


def built(target: str | None) -> Path:
    """Return the folder where Cargo leaves what it has built."""
    folder = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    return folder / target / "release" if target else folder / "release"


def files(places: Places, library: Names) -> dict[PurePosixPath, Path | str]:
    """Return every file below the prefix: where it comes from, or what a link points to."""
    lib = PurePosixPath(places.below(places.libdir))
    include = PurePosixPath(places.below(places.includedir))
    made: dict[PurePosixPath, Path | str] = {lib / library.real: Path(library.built)}
    made[lib / library.soname] = library.real
    made[lib / library.plain] = library.soname
    made[lib / library.static] = Path(library.static)
    for header in headers():
        made[include / header] = INCLUDE / header
    for licence in LICENCES:
        made[DOCUMENTS / licence] = ROOT / licence
    return made


def install(places: Places, target: str, folder: Path, shared: Path | None = None) -> list[Path]:
    """Install from Cargo's folder and return the files; `shared` names the shared library."""
    library = names(target)
    written = []
    for path, source in files(places, library).items():
        goal = places.root() / path
        goal.parent.mkdir(parents=True, exist_ok=True)
        # A library that is in use stays what it is for those who use it.
        goal.unlink(missing_ok=True)
        if isinstance(source, str):
            goal.symlink_to(source)
        elif source.name == library.static:
            reduce(_there(folder / source), goal, target)
            goal.chmod(0o644)
        else:
            is_library = source.name == library.built
            shutil.copyfile(_there((shared or folder / source) if is_library else source), goal)
            goal.chmod(0o755 if is_library else 0o644)
        written.append(goal)
    for path, text in _described(places, target).items():
        goal = places.root() / path
        goal.parent.mkdir(parents=True, exist_ok=True)
        goal.write_text(text, encoding="utf-8")
        goal.chmod(0o644)
        written.append(goal)
    return written


def uninstall(places: Places, target: str) -> list[Path]:
    """Remove what `install` with the same arguments has written, and folders of its own."""
    paths = [*files(places, names(target)), *_described(places, target)]
    removed = []
    for path in paths:
        goal = places.root() / path
        if goal.is_symlink() or goal.exists():
            goal.unlink()
            removed.append(goal)
    for folder in {places.root() / path.parent for path in paths}:
        if folder.name == "candle_ffi" and folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()
    return removed


def _described(places: Places, target: str) -> dict[PurePosixPath, str]:
    lib, include = places.below(places.libdir), places.below(places.includedir)
    return descriptions(target, libdir=lib, includedir=include)


def _there(path: Path) -> Path:
    if not path.exists():
        raise SystemExit(f"{path} is missing: build it with `cargo build --release -p candle-ffi`")
    return path


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="python -m tools.install", description=__doc__)
    parser.add_argument("--prefix", default="/usr/local")
    parser.add_argument("--destdir", default="", help="a folder that is put before the prefix")
    parser.add_argument("--libdir", default="lib", help="below the prefix")
    parser.add_argument("--includedir", default="include", help="below the prefix")
    parser.add_argument(
        "--target", help="the triple that was built for; this machine's when not given"
    )
    parser.add_argument("--built", type=Path, help="the folder with Cargo's libraries")
    parser.add_argument(
        "--shared", type=Path, help="the shared library, where it is not Cargo's own"
    )
    parser.add_argument("--uninstall", action="store_true", help="remove what was installed")
    options = parser.parse_args()
    places = Places(options.prefix, options.destdir, options.libdir, options.includedir)
    target = options.target or host()
    if options.uninstall:
        paths = uninstall(places, target)
    else:
        folder = options.built or built(options.target)
        paths = install(places, target, folder, options.shared)
    for path in paths:
        print(path)


if __name__ == "__main__":
    main()
