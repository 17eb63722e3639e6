"""Files of PyTorch that the tests read without it, and what they hold.

Run in the environment of PyTorch, as `make parity` does; files that are there are left alone.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections import Counter, OrderedDict, defaultdict
from pathlib import Path
from typing import Any

import numpy as np

FOLDER = Path(__file__).parent.parent / "reference" / "torch"
# What becomes larger where there is no such dtype.
LARGER = {"int8": "int16", "uint16": "int32", "float8_e5m2": "float16"}


def tensors(torch: Any) -> dict[str, Any]:
    """Tensors of every dtype and of every way to lie in a storage."""
    torch.manual_seed(0)
    base = torch.arange(24.0).reshape(2, 3, 4)
    found = {
        "float32": torch.tensor([[1.5, -0.0], [float("inf"), 3e-45]]),
        "float64": torch.tensor([1 / 3, 1e300], dtype=torch.float64),
        "float16": torch.tensor([1.5, 65504.0, 6e-8], dtype=torch.float16),
        "bfloat16": torch.tensor([1.5, 3e38, -2.0], dtype=torch.bfloat16),
        "int64": torch.tensor([2**62, -1]),
        "int32": torch.tensor([2**31 - 1, -1], dtype=torch.int32),
        "int16": torch.tensor([-(2**15), 7], dtype=torch.int16),
        "int8": torch.tensor([-128, 127], dtype=torch.int8),
        "uint8": torch.tensor([0, 255], dtype=torch.uint8),
        "bool": torch.tensor([True, False, True]),
        "number": torch.tensor(3.25),
        "empty": torch.zeros(0, 3),
        "transposed": base.transpose(0, 2),
        "column": base[:, 1, ::2],
        "offset": base[1],
        "middle": base[1:, 1:2],
        "expanded": torch.tensor([[1.0], [2.0]]).expand(2, 1000),
        "windows": torch.arange(6.0).unfold(0, 3, 1),
        "channels_last": torch.arange(24.0).reshape(1, 2, 3, 4).contiguous(
            memory_format=torch.channels_last
        ),
        "parameter": torch.nn.Parameter(torch.tensor([1.0, 2.0])),
        "requires_grad": torch.tensor([4.0], requires_grad=True),
    }  # fmt: skip
    found["attribute"] = torch.tensor([5.0])
    found["attribute"].tag = "left out"
    return found


def newer_tensors(torch: Any) -> dict[str, Any]:
    """Tensors of dtypes that older versions of PyTorch lack."""
    return {
        "uint16": torch.tensor([0, 65535], dtype=torch.uint16),
        "uint32": torch.tensor([0, 2**32 - 1], dtype=torch.uint32),
        "float8_e4m3fn": torch.tensor([1.5, -448.0]).to(torch.float8_e4m3fn),
        "float8_e5m2": torch.tensor([1.5, -57344.0, float("inf")]).to(torch.float8_e5m2),
    }


def containers(torch: Any) -> dict[str, Any]:
    """What is around tensors."""
    shared = torch.arange(6.0)
    listed: list[Any] = [1, 2]
    return {
        "state_dict": torch.nn.Sequential(
            torch.nn.Linear(2, 3), torch.nn.BatchNorm1d(3)
        ).state_dict(),
        "shared": [shared, shared, shared[2:4], shared.reshape(2, 3).T],
        "same list": [listed, listed],
        "ordered": OrderedDict([("b", 1), ("a", None)]),
        "counter": Counter("aab"),
        "default": defaultdict(list, a=[1]),
        "sets": [{1, 2}, frozenset(["a"])],
        "tuples": (1, (2.5, ("ü", b"\x00\xff"), ()), True),
        "numbers": [2**100, -1, 1e-300, 1j, float("inf")],
        "keys": {1: "a", (2, "b"): "c", None: "d"},
        "size": shared.reshape(2, 3).shape,
        "dtypes": [torch.float32, torch.bfloat16],
        "devices": [torch.device("cpu"), torch.device("cuda", 1)],
        "numpy": [
            np.float64(0.1),
            np.arange(6).reshape(2, 3),
            np.asfortranarray(np.ones((2, 3))),
            np.array([True]),
        ],
        "optimizer": optimizer(torch).state_dict(),
    }


def optimizer(torch: Any) -> Any:
    """An optimizer after a step."""
    weight = torch.nn.Parameter(torch.ones(2))
    made = torch.optim.Adam([weight], lr=0.1)
    weight.sum().backward()
    made.step()
    return made


def swapped(content: bytes) -> bytes:
    """What a machine with the other order of bytes writes."""
    changed = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(changed, "w") as new:
        for info in old.infolist():
            record = old.read(info)
            if info.filename.endswith("byteorder"):
                record = b"big"
            if "/data/" in info.filename:
                record = np.frombuffer(record, np.float32).byteswap().tobytes()
            new.writestr(zipfile.ZipInfo(info.filename), record)
    return changed.getvalue()


def main() -> None:
    import torch

    class Net(torch.nn.Module):
        pass

    Net.__module__, Net.__qualname__ = "__main__", "Net"
    globals()["Net"] = Net
    FOLDER.mkdir(parents=True, exist_ok=True)

    def write(name: str, value: Any, **options: Any) -> None:
        if not (FOLDER / name).exists():
            torch.save(value, FOLDER / name, **options)

    old = {"_use_new_zipfile_serialization": False}
    write("tensors.pt", {**tensors(torch), **newer_tensors(torch)})
    write("tensors_legacy.pth", tensors(torch), **old)
    write("tensors_protocol_5.pt", tensors(torch), pickle_protocol=5)
    write("containers.pt", containers(torch))
    write("containers_legacy.pth", containers(torch), **old)
    write("containers_protocol_5.pt", containers(torch), pickle_protocol=5)
    write("small.pt", {"x": torch.arange(3.0), "y": [1, "two"]})
    write("small_legacy.pth", {"x": torch.arange(3.0), "y": [1, "two"]}, **old)
    write("model.pt", torch.nn.Sequential(torch.nn.Linear(1, 1)))
    write("own_model.pt", Net())
    write("complex.pt", {"z": torch.tensor([1j])})
    write("sparse.pt", {"s": torch.eye(2).to_sparse()})
    write("storage.pt", torch.ones(2).untyped_storage())
    if not (FOLDER / "big_endian.pt").exists():
        buffer = io.BytesIO()
        torch.save({"x": torch.tensor([1.5, -2.0]), "n": torch.tensor(7.0)}, buffer)
        (FOLDER / "big_endian.pt").write_bytes(swapped(buffer.getvalue()))

    arrays, about = {}, {}
    for name, x in {**tensors(torch), **newer_tensors(torch)}.items():
        dtype = str(x.dtype).removeprefix("torch.")
        plain = x.detach()
        wide = plain.double() if plain.is_floating_point() else plain.to(torch.int64)
        arrays[name] = wide.numpy()
        about[name] = {"dtype": LARGER.get(dtype, dtype), "requires_grad": x.requires_grad}
    text = np.frombuffer(json.dumps(about).encode(), np.uint8)
    np.savez_compressed(FOLDER / "expected.npz", about=text, **arrays)


if __name__ == "__main__":
    main()
