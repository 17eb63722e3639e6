"""Pack what `make install` installs, with licences and a bill of materials, as `make dist`.

The same tree gives the same archive: names are sorted, owners are 0, and times are
SOURCE_DATE_EPOCH or that of the last commit.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import io
import tarfile
import tempfile
from pathlib import Path

from tools.contents import contents, moment
from tools.install import DOCUMENTS, Places, built, host, install
from tools.layout import ROOT, version

PAGES = ("README.md", "CHANGELOG.md", "docs/abi.md")


def pack(folder: Path, archive: Path, when: int) -> None:
    """Write a `.tar.gz` of a folder, which is the only one at the top of it."""
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for path in sorted([folder, *folder.rglob("*")], key=str):
            entry = tar.gettarinfo(path, f"{folder.name}/{path.relative_to(folder)}".rstrip("/."))
            entry.uid = entry.gid = 0
            entry.uname = entry.gname = ""
            entry.mtime = when
            # What the user's umask is must not be seen.
            entry.mode = 0o755 if entry.isdir() or entry.mode & 0o100 else 0o644
            if entry.isfile():
                with path.open("rb") as file:
                    tar.addfile(entry, file)
            else:
                tar.addfile(entry)
    with (
        archive.open("wb") as raw,
        gzip.GzipFile(filename="", fileobj=raw, mode="wb", compresslevel=6, mtime=when) as packed,
    ):
        packed.write(content.getvalue())


def dist(
    output: Path, target: str, folder: Path, features: str, shared: Path | None = None
) -> Path:
    """Write the archive of a target into a folder and return its path."""
    name = f"candle_ffi-{version()}-{target}"
    with tempfile.TemporaryDirectory() as stage:
        install(Places(prefix=f"/{name}", destdir=stage), target, folder, shared)
        tree = Path(stage) / name
        listed = sorted((tree / "lib").iterdir())
        libraries = [path for path in listed if path.is_file() and not path.is_symlink()]
        documents = tree / DOCUMENTS
        for file, text in contents(target, features, libraries).items():
            (documents / file).write_text(text, encoding="utf-8")
        for page in PAGES:
            goal = documents / Path(page).name
            goal.write_text((ROOT / page).read_text(encoding="utf-8"), encoding="utf-8")
        output.mkdir(parents=True, exist_ok=True)
        archive = output / f"{name}.tar.gz"
        pack(tree, archive, moment())
    digest = hashlib.sha256(archive.read_bytes()).hexdigest()
    (output / f"{archive.name}.sha256").write_text(f"{digest}  {archive.name}\n", encoding="utf-8")
    return archive


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="python -m tools.dist", description=__doc__)
    parser.add_argument("--output", type=Path, default=ROOT / "dist")
    parser.add_argument(
        "--target", help="the triple that was built for; this machine's when not given"
    )
    parser.add_argument("--features", default="", help="the Cargo features that were built")
    parser.add_argument("--built", type=Path, help="the folder with Cargo's libraries")
    parser.add_argument(
        "--shared", type=Path, help="the shared library, where it is not Cargo's own"
    )
    options = parser.parse_args()
    folder = options.built or built(options.target)
    target = options.target or host()
    print(dist(options.output, target, folder, options.features, options.shared))


if __name__ == "__main__":
    main()
