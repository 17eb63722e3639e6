"""What mixed precision does to the table of cases: the dtypes of results within `autocast`.

PyTorch's are stored, with the losses of trainings in mixed precision (`make parity` stores them).
Those of a GPU need none: PyTorch's fake tensors have a device and a dtype, and no elements.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from types import ModuleType
from typing import Any

import backend
import numpy as np
import training
from case import Row
from cases import GROUPS
from reference import FOLDER

PATH = FOLDER / "autocast.npz"
#: The lower dtype in a scope of each device.
LOWER = {"cpu": "bfloat16", "cuda": "float16"}
MODELS = ("mlp", "cnn", "transformer")


def rows(device: str) -> list[tuple[Row, str]]:
    """Each row of the table with each dtype that its inputs may have in a scope of the device."""
    return [
        (row, given)
        for group in GROUPS.values()
        for row in group
        for given in ("float32", LOWER[device])
        if given in row.dtypes
    ]


@contextmanager
def scope(library: ModuleType, device: str) -> Iterator[None]:
    """Mixed precision on a device, which PyTorch has without its being there."""
    with ExitStack() as stack:
        stack.enter_context(library.no_grad())
        lower = backend.dtype(library, LOWER[device])
        if device != "cuda" or library.__name__ != "torch":
            stack.enter_context(library.autocast(device, dtype=lower))
        else:
            from torch._subclasses.fake_tensor import FakeTensorMode

            # Refusals are told by their exceptions.
            logging.getLogger("torch._subclasses.fake_tensor").setLevel(logging.CRITICAL)
            stack.enter_context(FakeTensorMode(allow_non_fake_inputs=True))
            # What `autocast` does where there is a driver.
            library.set_autocast_dtype(device, lower)
            library.set_autocast_enabled(device, True)
            stack.callback(library.set_autocast_enabled, device, False)
            library.autocast_increment_nesting()
            stack.callback(library.autocast_decrement_nesting)
        yield


def observe(library: ModuleType, row: Row, given: str, device: str) -> str:
    """The dtypes of the results, with commas between; `refused` where there are none."""
    tensors = row.tensors(library, given)
    refusals: tuple[type[BaseException], ...] = (RuntimeError, TypeError, ValueError)
    if library.__name__ != "torch":
        refusals = (library.CandleError,)
    try:
        with scope(library, device):
            moved = [tensor.to(device) for tensor in tensors]
            return ",".join(map(backend.dtype_name, row.run(library, moved, given)))
    except refusals:
        return "refused"


def table(library: ModuleType) -> dict[str, dict[str, str]]:
    """The same for all rows, by device."""
    return {
        device: {
            f"{row.id} {given}": observe(library, row, given, device) for row, given in rows(device)
        }
        for device in LOWER
    }


def write(library: Any) -> None:
    """Store PyTorch's."""
    text = json.dumps({"torch": library.__version__, "dtypes": table(library)})
    losses = {model: training.losses(library, model, "SGD", LOWER["cpu"]) for model in MODELS}
    np.savez_compressed(PATH, index=np.frombuffer(text.encode(), dtype=np.uint8), **losses)


def read() -> tuple[dict[str, dict[str, str]], dict[str, np.ndarray]]:
    """The stored dtypes, by device, and losses."""
    with np.load(PATH) as file:
        index = json.loads(file["index"].tobytes())
        return index["dtypes"], {model: file[model] for model in MODELS}
