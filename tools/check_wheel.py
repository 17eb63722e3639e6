"""Check what is released: `python -m tools.check_wheel dist/*.whl dist/*.tar.gz`.

A wheel's platform (auditwheel), stable ABI (abi3audit), size, content, metadata (twine), and that
it works with every CPython that is found, in an empty folder and without a compiler. Of a source
distribution the metadata and the content.
"""

from __future__ import annotations

import argparse
import base64
import csv
import hashlib
import io
import json
import re
import subprocess
import sys
import tarfile
import zipfile
from email.parser import HeaderParser
from pathlib import Path

from tools.contents import BILL, LICENCES
from tools.layout import INCLUDE, headers, version, wheel_names
from tools.pythons import found, tried

LIMIT = 15 * 2**20
# What programs and the extension look for; a repaired wheel must not have renamed it.
LIBRARY = f"candle_ffi/lib/{wheel_names(sys.platform)[0]}"


class CheckError(Exception):
    """What is released is not as it must be."""


def expect(true: object, message: str) -> None:
    """Say what is wrong."""
    if not true:
        raise CheckError(message)


def tool(*command: object) -> str:
    """Return what a tool of this environment prints; it must succeed."""
    words = [sys.executable, "-m", *map(str, command)]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    expect(done.returncode == 0, f"{' '.join(words[2:])}\n{done.stdout}{done.stderr}")
    return done.stdout


def check_platform(wheel: Path) -> str:
    """Check that auditwheel finds the platform that the name states, or an older one."""
    stated = wheel.stem.split("-")[4].split(".")
    if stated[0].startswith(("macosx_", "win_")):
        return f"platform: {stated[0]}"
    expect(stated[0].startswith("manylinux"), f"{wheel.name}: not a manylinux wheel")
    told = tool("auditwheel", "show", wheel)
    tags = re.findall(r"manylinux_\d+_\d+_\w+", " ".join(told.split()))
    expect(tags, told)

    def glibc(tag: str) -> tuple[int, ...]:
        return tuple(map(int, tag.split("_")[1:3]))

    wanted = min(map(glibc, filter(lambda tag: tag.startswith("manylinux_"), stated)))
    expect(glibc(tags[0]) <= wanted, f"the name says {stated}, auditwheel says {tags[0]}")
    return f"auditwheel: {tags[0]}"


def check_stable_abi(wheel: Path) -> str:
    """Check that the extension uses only what every CPython from 3.10 on has."""
    python, abi = wheel.stem.split("-")[2:4]
    if abi == f"{python}t":
        return f"for the free-threaded {python} alone, which has no stable ABI"
    expect((python, abi) == ("cp310", "abi3"), f"{wheel.name}: not for all of CPython")
    tool("abi3audit", "--strict", wheel)
    return "abi3audit: nothing outside of the stable ABI"


def check_size(wheel: Path) -> str:
    """Check the size: a wheel is downloaded often."""
    size = wheel.stat().st_size
    expect(size <= LIMIT, f"{size} bytes, {LIMIT} are allowed")
    return f"size: {size / 2**20:.1f} MiB"


def check_content(wheel: Path) -> str:
    """Check that it has what it must have, listed as it is, and nothing of the build."""
    with zipfile.ZipFile(wheel) as archive:
        files = {name: archive.read(name) for name in archive.namelist() if name[-1] != "/"}
    (info,) = {name.partition("/")[0] for name in files if ".dist-info/" in name}
    check_record(files, info)
    needed = {LIBRARY, "candle_ffi/py.typed", f"{info}/licenses/{LICENCES}", f"{info}/sboms/{BILL}"}
    needed |= {f"{info}/licenses/LICENSE-{name}" for name in ("APACHE", "MIT")}
    needed |= {f"candle_ffi/include/{header}" for header in headers()}
    if sys.platform != "win32":
        described = ("pkgconfig/candle_ffi.pc", "cmake/candle_ffi/candle_ffi-config.cmake")
        needed |= {f"candle_ffi/lib/{name}" for name in described}
    expect(needed <= files.keys(), f"missing: {sorted(needed - files.keys())}")
    strange = [name for name in files if not name.startswith(("candle_ffi/", f"{info}/"))]
    strange += [name for name in files if name.endswith((".rs", ".cdef", ".c", ".o", ".a", ".pyc"))]
    expect(not strange, f"in the wheel by accident: {strange}")
    for header in headers():
        same = files[f"candle_ffi/include/{header}"] == (INCLUDE / header).read_bytes()
        expect(same, f"{header} is not that of the sources")
    metadata = HeaderParser().parsestr(files[f"{info}/METADATA"].decode())
    expect(metadata["Version"] == version(), f"version {metadata['Version']}, not {version()}")
    expect(LICENCES in (metadata.get_all("License-File") or []), f"{LICENCES} is not stated")
    crates = check_bill(files[f"{info}/sboms/{BILL}"], files)
    licences = files[f"{info}/licenses/{LICENCES}"].decode()
    absent = [crate for crate in crates if f"{crate} " not in licences]
    expect(not absent, f"no licence of {absent}")
    return f"content: {len(files)} files, licences of {len(crates)} crates, bill of materials"


def check_record(files: dict[str, bytes], info: str) -> None:
    """Check that each file is in RECORD with its digest."""
    rows = list(csv.reader(io.StringIO(files[f"{info}/RECORD"].decode())))
    listed = {name: digest for name, digest, _ in rows}
    expect(listed.keys() == files.keys(), f"RECORD: {sorted(listed.keys() ^ files.keys())}")
    for name, content in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
        expect(name.endswith("/RECORD") or listed[name] == f"sha256={digest}", f"RECORD: {name}")


def check_bill(text: bytes, files: dict[str, bytes]) -> list[str]:
    """Check that the bill is of the libraries in the wheel, and return the crates in them."""
    bill = json.loads(text)
    stated = {
        f"candle_ffi/lib/{file['name']}": file["hashes"][0]["content"]
        for file in bill["metadata"]["component"]["components"]
    }
    there = {
        name: hashlib.sha256(content).hexdigest()
        for name, content in files.items()
        if name.endswith(LIBRARY.rpartition("/")[2])
    }
    expect(stated == there, "the bill is of another library")
    crates = [f"{entry['name']} {entry['version']}" for entry in bill["components"]]
    expect(any(crate.startswith("candle-core ") for crate in crates), "Candle is not in the bill")
    return crates


def check_metadata(path: Path) -> str:
    """Check that PyPI will take it."""
    tool("twine", "check", "--strict", path)
    return "twine: passed"


def check_sources(archive: Path) -> str:
    """Check that sources have all that building needs, also without a network."""
    with tarfile.open(archive) as content:
        names = {name.partition("/")[2] for name in content.getnames()}
        top = archive.name.removesuffix(".tar.gz")
        config = content.extractfile(f"{top}/.cargo/config.toml")
        vendored = config is not None and b"vendored-sources" in config.read()
    needed = {"Cargo.toml", "Cargo.lock", "pyproject.toml", "setup.py", "build.py", "LICENSE-MIT"}
    needed |= {f"include/{header}" for header in headers()}
    expect(needed <= names, f"missing: {sorted(needed - names)}")
    crates = {name.split("/")[2] for name in names if name.startswith(".cargo/vendor/")}
    locked = re.findall(r'\nsource = "', (INCLUDE.parent / "Cargo.lock").read_text())
    expect(vendored and len(crates) == len(locked), f"{len(crates)} of {len(locked)} crates")
    return f"content: {len(crates)} crates, {archive.stat().st_size / 2**20:.1f} MiB"


CHECKS = {
    "platform": check_platform,
    "abi": check_stable_abi,
    "size": check_size,
    "content": check_content,
    "metadata": check_metadata,
}


def check(path: Path, pythons: list[Path], only: list[str] | None = None) -> None:
    """Check one file, all of it or what is named, and print what was found."""
    print(path.name, flush=True)
    if path.name.endswith(".tar.gz"):
        print(f"  {check_metadata(path)}\n  {check_sources(path)}", flush=True)
        return
    for name, function in CHECKS.items():
        if only is None or name in only:
            print(f"  {function(path)}", flush=True)
    for python in pythons if only is None else []:
        print(f"  {tried(path, python)}", flush=True)


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="python -m tools.check_wheel", description=__doc__)
    parser.add_argument("files", type=Path, nargs="+", help="wheels and source distributions")
    parser.add_argument(
        "--python", type=Path, action="append", default=[], help="another one to try"
    )
    parser.add_argument(
        "--only", action="append", choices=CHECKS, help="check only this, and no Python"
    )
    options = parser.parse_args()
    pythons = [] if options.only else found(options.python)
    try:
        for path in options.files:
            check(path.resolve(), pythons, options.only)
    except CheckError as error:
        raise SystemExit(f"  wrong: {error}") from None


if __name__ == "__main__":
    main()
