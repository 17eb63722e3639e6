"""For which GPUs a file has code: fat binaries, which nvcc and our build leave, and PTX in strings.

The layout is not documented. It is read here because `cuobjdump` is not in the compiler's wheels.
"""

from __future__ import annotations

import re
import struct
from pathlib import Path

MAGIC = struct.pack("<IHH", 0xBA55ED50, 1, 16)
KINDS = {1: "compute", 2: "sm"}


def binaries(path: Path) -> list[set[str]]:
    """What each fat binary has: `sm_80` for machine code, `compute_80` for PTX."""
    data, found, at = path.read_bytes(), [], 0
    while (at := data.find(MAGIC, at)) >= 0:
        (size,) = struct.unpack_from("<Q", data, at + 8)
        entry, at, images = at + 16, at + 16 + size, set()
        while entry < at:
            kind, _, header, content = struct.unpack_from("<HHIQ", data, entry)
            (capability,) = struct.unpack_from("<I", data, entry + 28)
            images.add(f"{KINDS[kind]}_{capability}")
            entry += header + content
        found.append(images)
    return found


def codes(path: Path) -> set[str]:
    """What there is in any of them."""
    return set().union(*binaries(path))


def targets(path: Path) -> set[str]:
    """What the texts in PTX are for, such as `sm_80`."""
    return {text.decode() for text in re.findall(rb"\n\.target (sm_\w+)\n", path.read_bytes())}
