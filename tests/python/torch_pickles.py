"""Files as `torch.save` writes them, made by hand: to say what PyTorch itself never would."""

from __future__ import annotations

import pickle
import struct
import zipfile
from pathlib import Path
from typing import Any

MAGIC = 0x1950A86A20F9469CFC6C
PROTO, STOP, MARK, TUPLE, REDUCE = b"\x80\x02", b".", b"(", b"t", b"R"


def value(thing: Any) -> bytes:
    """The instructions that put a plain value on the stack."""
    return pickle.dumps(thing, 2)[2:-1]


def name(module: str, what: str) -> bytes:
    return b"c" + module.encode() + b"\n" + what.encode() + b"\n"


def call(function: bytes, *arguments: bytes) -> bytes:
    return function + MARK + b"".join(arguments) + TUPLE + REDUCE


def storage(
    kind: str = "FloatStorage", key: str = "0", count: int = 4, legacy: bool = False
) -> bytes:
    parts = [value("storage"), name("torch", kind), value(key), value("cpu"), value(count)]
    if legacy:
        parts.append(b"N")
    return MARK + b"".join(parts) + TUPLE + b"Q"


def tensor(size: Any = (4,), stride: Any = (1,), offset: Any = 0, of: bytes | None = None) -> bytes:
    return call(
        name("torch._utils", "_rebuild_tensor_v2"),
        storage() if of is None else of,
        value(offset),
        value(size),
        value(stride),
        b"\x89",
        call(name("collections", "OrderedDict")),
    )


def pickled(instructions: bytes) -> bytes:
    return PROTO + instructions + STOP


def write_zip(
    path: Path, content: bytes, storages: dict[str, bytes] | None = None, **records: bytes
) -> None:
    """A file of the zip format around a pickle."""
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("archive/data.pkl", content)
        for record, data in {"byteorder": b"little", "version": b"3\n", **records}.items():
            archive.writestr(f"archive/{record}", data)
        for key, data in (storages or {}).items():
            archive.writestr(f"archive/data/{key}", data)


def write_legacy(path: Path, content: bytes, storages: dict[str, bytes] | None = None) -> None:
    """A file of the format before, around a pickle; storages are of four bytes an element."""
    found = storages or {}
    path.write_bytes(
        pickle.dumps(MAGIC, 2)
        + pickle.dumps(1001, 2)
        + pickle.dumps({"little_endian": True}, 2)
        + content
        + pickle.dumps(list(found), 2)
        + b"".join(struct.pack("<q", len(data) // 4) + data for data in found.values())
    )
