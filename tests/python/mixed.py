"""What mixed precision does to the table of cases: the dtypes of results within `autocast("cpu")`.

PyTorch's are stored, with the losses of trainings in mixed precision (`make parity` stores them).
"""

from __future__ import annotations

import json
from types import ModuleType
from typing import Any

import backend
import numpy as np
import training
from case import Row
from cases import GROUPS
from reference import FOLDER

PATH = FOLDER / "autocast.npz"
LOWER = "bfloat16"
#: The dtypes that inputs have.
GIVEN = ("float32", LOWER)
MODELS = ("mlp", "cnn", "transformer")


def rows() -> list[tuple[Row, str]]:
    """Each row of the table with each dtype that its inputs may have."""
    return [
        (row, given)
        for group in GROUPS.values()
        for row in group
        for given in GIVEN
        if given in row.dtypes
    ]


def observe(library: ModuleType, row: Row, given: str) -> str:
    """The dtypes of the results, with commas between; `refused` where there are none."""
    tensors = row.tensors(library, given)
    refusals: tuple[type[BaseException], ...] = (RuntimeError, TypeError, ValueError)
    if library.__name__ != "torch":
        refusals = (library.CandleError,)
    try:
        with library.autocast("cpu", dtype=backend.dtype(library, LOWER)), library.no_grad():
            return ",".join(map(backend.dtype_name, row.run(library, tensors, given)))
    except refusals:
        return "refused"


def table(library: ModuleType) -> dict[str, str]:
    """The same for all rows."""
    return {f"{row.id} {given}": observe(library, row, given) for row, given in rows()}


def write(library: Any) -> None:
    """Store PyTorch's."""
    text = json.dumps({"torch": library.__version__, "dtypes": table(library)})
    losses = {model: training.losses(library, model, "SGD", LOWER) for model in MODELS}
    np.savez_compressed(PATH, index=np.frombuffer(text.encode(), dtype=np.uint8), **losses)


def read() -> tuple[dict[str, str], dict[str, np.ndarray]]:
    """The stored dtypes and losses."""
    with np.load(PATH) as file:
        index = json.loads(file["index"].tobytes())
        return index["dtypes"], {model: file[model] for model in MODELS}
