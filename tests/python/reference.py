"""PyTorch's numbers for the table of cases: how they are stored, and how they are compared.

One `.npz` per group of rows holds one flat array per dtype, and an index (JSON) that says where
each result lies. dtypes that NumPy lacks are stored as float32, which holds them exactly.
"""

from __future__ import annotations

import json
import zlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import backend
import devices
import numpy as np
from case import Row

FOLDER = Path(__file__).parent.parent / "reference"


@dataclass
class Stored:
    """One result: its dtype, its shape, and its values unless they are random."""

    dtype: str
    shape: tuple[int, ...]
    values: np.ndarray | None

    @classmethod
    def of(cls, tensor: Any, with_values: bool = True) -> Stored:
        """What to store of a tensor."""
        array = backend.to_numpy(tensor)
        return cls(backend.dtype_name(tensor), array.shape, array if with_values else None)


def checksum(row: Row, dtype: str) -> int:
    """Changes with the inputs of the row, so that a stale reference is noticed."""
    return zlib.crc32(b"".join(array.tobytes() for array in row.arrays(dtype)))


def weights(position: int, shape: tuple[int, ...]) -> np.ndarray:
    """What the gradient of an output starts from: not constant, exact in any dtype."""
    count = int(np.prod(shape))
    return (((np.arange(count) * 5 + 3 * position) % 7 - 2.5) / 2).reshape(shape)


def gradients(
    library: ModuleType, row: Row, dtype: str, tensors: list[Any], outputs: list[Any],
    create_graph: bool = False,
) -> list[tuple[Any] | None]:  # fmt: skip
    """The gradient of each input that has one, in a tuple; None for an input that has none."""
    wanted = [
        x for x, item in zip(tensors, row.inputs(), strict=True) if item.differentiable(dtype)
    ]
    used = [(i, y) for i, y in enumerate(outputs) if y.requires_grad]
    if not wanted or not used:
        return [None] * len(wanted)
    starts = [
        backend.to_tensor(library, weights(i, tuple(y.shape)), backend.dtype_name(y))
        for i, y in used
    ]
    found = library.autograd.grad(
        [y for _, y in used], wanted, starts, create_graph=create_graph, allow_unused=True
    )
    return [None if g is None else (g,) for g in found]


def write(group: str, version: str, entries: dict[str, dict[str, Any]]) -> None:
    """Store one group."""
    pools: dict[str, list[np.ndarray]] = {}
    lengths: dict[str, int] = {}

    def place(item: Stored | None) -> Any:
        if item is None or item.values is None:
            return item and [item.dtype, list(item.shape)]
        pool = str(item.values.dtype)
        start = lengths.get(pool, 0)
        pools.setdefault(pool, []).append(item.values.ravel())
        lengths[pool] = start + item.values.size
        return [item.dtype, list(item.shape), start]

    index = {
        name: item if "refused" in item else {
            "inputs": item["inputs"],
            "outputs": [place(x) for x in item["outputs"]],
            "gradients": [place(x) for x in item["gradients"]],
        }
        for name, item in entries.items()
    }  # fmt: skip
    text = json.dumps({"torch": version, "entries": index}, separators=(",", ":"))
    arrays = {name: np.concatenate(parts) for name, parts in pools.items()}
    FOLDER.mkdir(exist_ok=True)
    np.savez_compressed(
        FOLDER / f"{group}.npz", index=np.frombuffer(text.encode(), dtype=np.uint8), **arrays
    )


@cache
def read(group: str) -> dict[str, dict[str, Any]]:
    """One group as it was stored."""
    with np.load(FOLDER / f"{group}.npz") as file:
        pools = {name: file[name] for name in file.files}
    index = json.loads(pools.pop("index").tobytes())

    def fetch(item: Any) -> Stored | None:
        if item is None:
            return None
        dtype, shape, *start = item
        if not start:
            return Stored(dtype, tuple(shape), None)
        pool = pools[backend.WITHOUT_NUMPY.get(dtype, dtype)]
        count = int(np.prod(shape))
        return Stored(dtype, tuple(shape), pool[start[0] : start[0] + count].reshape(shape))

    return {
        name: item if "refused" in item else {
            "inputs": item["inputs"],
            "outputs": [fetch(x) for x in item["outputs"]],
            "gradients": [fetch(x) for x in item["gradients"]],
        }
        for name, item in index["entries"].items()
    }  # fmt: skip


#: Relative and absolute tolerance by dtype: a few units in the last place of numbers of order one.
TOLERANCES = {
    "float64": (1e-13, 1e-14),
    "float32": (2e-6, 5e-7),
    "float16": (2e-3, 1e-3),
    "bfloat16": (1.6e-2, 8e-3),
    "float8_e4m3fn": (0.13, 0.02),
}


def difference(got: Stored, expected: Stored, tolerance: float = 1.0) -> str | None:
    """What is wrong with `got`, in words; None when it is right."""
    if got.dtype != expected.dtype:
        return f"dtype {got.dtype}, expected {expected.dtype}"
    if tuple(got.shape) != tuple(expected.shape):
        return f"shape {tuple(got.shape)}, expected {tuple(expected.shape)}"
    if got.values is None or expected.values is None:
        return None
    relative, absolute = TOLERANCES.get(expected.dtype, (0.0, 0.0))
    tolerance *= devices.lenience(expected.dtype)
    try:
        np.testing.assert_allclose(
            got.values, expected.values, rtol=relative * tolerance, atol=absolute * tolerance
        )
    except AssertionError as problem:
        return str(problem).strip()
    return None


def same(group: str, entries: dict[str, dict[str, Any]]) -> bool:
    """Whether the stored group says what `entries` say."""
    if not (FOLDER / f"{group}.npz").exists():
        return False
    stored = read(group)
    if stored.keys() != entries.keys():
        return False
    for name, item in entries.items():
        for part in ("outputs", "gradients"):
            pairs = zip(stored[name].get(part, []), item.get(part, []), strict=True)
            if any(b is not None and (a is None or difference(a, b)) for a, b in pairs):
                return False
    return True
