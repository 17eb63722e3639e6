"""The licences of the crates inside the library, each text once."""

from __future__ import annotations

from pathlib import Path

from tools.inventory import Crate
from tools.layout import LICENCES, ROOT

RULE = "=" * 100


def texts(crates: list[Crate], rust: str, sysroot: Path) -> str:
    """Return one text: who is inside under which licence, then every licence with who states it."""
    rows, users = [], {}
    for crate in crates:
        rows.append((crate.name, crate.version, crate.licence))
        for path in _files(crate, crates):
            _add(users, path.read_text(encoding="utf-8", errors="replace"), crate.key)
    rows.append(("rust-std", rust, "MIT OR Apache-2.0"))
    for path in _rust_files(sysroot):
        _add(users, path.read_text(encoding="utf-8", errors="replace"), f"rust-std@{rust}")
    width = max(len(f"{name} {version}") for name, version, _ in rows) + 2
    lines = ["What is inside libcandle_ffi, and under which licences it may be used.", ""]
    lines += [f"{f'{name} {version}':<{width}}{licence}" for name, version, licence in rows]
    for text, names in sorted(users.items(), key=lambda entry: (-len(entry[1]), entry[1])):
        lines += ["", RULE, ", ".join(names), RULE, "", text]
    return "\n".join(lines) + "\n"


def _add(users: dict[str, list[str]], text: str, name: str) -> None:
    # Texts that differ only in the ends of lines are the same.
    text = "\n".join(line.rstrip() for line in text.strip().splitlines())
    known = users.setdefault(text, [])
    if name not in known:
        known.append(name)


def _files(crate: Crate, crates: list[Crate]) -> list[Path]:
    """Return the crate's files, or those of a sister from the same repository where it has none."""
    if crate.checksum is None:
        return [ROOT / name for name in LICENCES]
    if found := crate.licence_files():
        return found
    for sister in crates:
        if sister.checksum and sister.repository == crate.repository and sister.licence_files():
            return sister.licence_files()
    raise SystemExit(f"{crate.key} has no licence file, and no crate of its repository has one")


def _rust_files(sysroot: Path) -> list[Path]:
    """Return the texts that a Rust toolchain brings; this tree's are the same licences."""
    folder = sysroot / "share" / "doc" / "rust" / "licenses"
    found = [folder / f"{name}.txt" for name in ("Apache-2.0", "MIT")]
    return found if all(path.exists() for path in found) else [ROOT / name for name in LICENCES]
