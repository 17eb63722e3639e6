"""The Rust crates that are inside the library, as Cargo.lock pins them."""

from __future__ import annotations

import json
import re
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

from tools.layout import ROOT

OURS = "candle-ffi"
LICENCE_FILE = re.compile(r"(licen[sc]e|copying|notice|unlicense|copyright)", re.IGNORECASE)


@dataclass(frozen=True)
class Crate:
    """A crate that is compiled into the library."""

    name: str
    version: str
    licence: str  # an SPDX expression
    folder: Path
    repository: str | None
    description: str | None
    checksum: str | None  # SHA-256 of the published archive; none for the crates of this tree
    needs: tuple[str, ...] = field(compare=False)  # keys of other crates

    @property
    def key(self) -> str:
        """Name and version, which together are unique."""
        return f"{self.name}@{self.version}"

    def licence_files(self) -> list[Path]:
        """Return the files in which the crate states its licence."""
        found = [path for path in self.folder.iterdir() if LICENCE_FILE.match(path.name)]
        inside = [path for folder in found if folder.is_dir() for path in folder.iterdir()]
        return sorted(path for path in [*found, *inside] if path.is_file())


def crates(target: str, features: str = "") -> list[Crate]:
    """Return the crates of a library, sorted; macros and build scripts leave nothing in it."""
    command = ["cargo", "metadata", "--locked", "--format-version", "1"]
    command += ["--filter-platform", target]
    wanted = " ".join(f"{OURS}/{name}" for name in features.replace(",", " ").split())
    command += ["--features", wanted] if wanted else []
    told = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if told.returncode != 0:
        raise SystemExit(told.stderr)
    metadata = json.loads(told.stdout)
    packages = {package["id"]: package for package in metadata["packages"]}
    nodes = {node["id"]: node for node in metadata["resolve"]["nodes"]}
    checksums = _checksums()
    waiting = [key for key, package in packages.items() if package["name"] == OURS]
    found: dict[str, Crate] = {}
    while waiting:
        key = waiting.pop()
        if key in found:
            continue
        package = packages[key]
        needs = [entry["pkg"] for entry in nodes[key]["deps"] if _linked(entry, packages)]
        waiting += needs
        found[key] = Crate(
            name=package["name"],
            version=package["version"],
            # Cargo's former way of writing "or".
            licence=(package["license"] or "").replace("/", " OR "),
            folder=Path(package["manifest_path"]).parent,
            repository=package["repository"],
            description=package["description"],
            checksum=checksums.get((package["name"], package["version"])),
            needs=tuple(sorted(f"{packages[n]['name']}@{packages[n]['version']}" for n in needs)),
        )
    return sorted(found.values(), key=lambda crate: (crate.name, crate.version))


def rust() -> tuple[str, Path]:
    """Return the version of Rust, whose standard library is inside too, and its root folder."""
    version = subprocess.run(["rustc", "-vV"], capture_output=True, text=True, check=True).stdout
    root = subprocess.run(
        ["rustc", "--print", "sysroot"], capture_output=True, text=True, check=True
    ).stdout
    release = next(line.split()[1] for line in version.splitlines() if line.startswith("release: "))
    return release, Path(root.strip())


def _linked(entry: dict, packages: dict) -> bool:
    normal = any(kind["kind"] is None for kind in entry["dep_kinds"])
    kinds = {kind for part in packages[entry["pkg"]]["targets"] for kind in part["kind"]}
    return normal and "proc-macro" not in kinds


def _checksums() -> dict[tuple[str, str], str]:
    text = (ROOT / "Cargo.lock").read_text(encoding="utf-8")
    pattern = r'name = "([^"]+)"\nversion = "([^"]+)"\nsource = "[^"]+"\nchecksum = "([0-9a-f]+)"'
    return {(name, version): sum_ for name, version, sum_ in re.findall(pattern, text)}
