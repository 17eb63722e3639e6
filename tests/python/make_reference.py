"""Compute every row of the table with PyTorch and store the results in tests/reference.

Run by `make parity` in the environment that has PyTorch:

    python tests/python/make_reference.py          write
    python tests/python/make_reference.py --check  fail when stored numbers differ
"""

from __future__ import annotations

import json
import os
import sys
import warnings

os.environ["CANDLE_FFI_TEST_BACKEND"] = "torch"

import layers
import mixed
import numpy as np
import promotion
import reference
import torch
import training
import trajectories
from case import Row
from cases import GROUPS


def entry(row: Row, dtype: str) -> dict[str, object]:
    """PyTorch's outputs and gradients for one row and dtype, or the class of what it raises."""
    try:
        tensors = row.tensors(torch, dtype, grad=row.gradient)
        outputs = row.run(torch, tensors, dtype)
        gradients = reference.gradients(torch, row, dtype, tensors, outputs) if row.gradient else []
    except (RuntimeError, TypeError, ValueError, NotImplementedError) as problem:
        return {"refused": f"{type(problem).__name__}: {problem}".splitlines()[0][:160]}
    return {
        "inputs": reference.checksum(row, dtype),
        "outputs": [reference.Stored.of(output, row.compare) for output in outputs],
        "gradients": [g and reference.Stored.of(g[0], row.compare) for g in gradients],
    }


def main() -> int:
    """Write or check all groups."""
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    stale = []
    for group, rows in GROUPS.items():
        entries = {f"{row.id} {dtype}": entry(row, dtype) for row in rows for dtype in row.dtypes}
        if "--check" not in sys.argv:
            reference.write(group, torch.__version__, entries)
        elif not reference.same(group, entries):
            stale.append(group)
        refused = sum("refused" in item for item in entries.values())
        print(f"{group}: {len(rows)} rows, {len(entries)} cases, {refused} refused by PyTorch")
    paths = trajectories.table(torch)
    print(f"trajectories: {len(paths)} arrays")
    path = reference.FOLDER / "trajectories.npz"
    if "--check" not in sys.argv:
        np.savez_compressed(path, torch=np.array(torch.__version__), **paths)
    elif not all(np.array_equal(np.load(path)[name], values) for name, values in paths.items()):
        stale.append("trajectories")
    observed = {case.id: layers.observe(torch, case) for case in layers.LAYERS}
    print(f"layers: {len(observed)} cases")
    if "--check" not in sys.argv:
        layers.write(torch.__version__, observed)
    elif layers.read().keys() != observed.keys() or any(
        layers.differences(observed[name], layers.read()[name]) for name in observed
    ):
        stale.append("layers")
    followed = training.observe(torch)
    print(f"training: {len(followed)} cases")
    if "--check" not in sys.argv:
        np.savez_compressed(training.PATH, torch=np.array(torch.__version__), **followed)
    elif not all(
        np.allclose(np.load(training.PATH)[name], values, rtol=1e-5)
        for name, values in followed.items()
    ):
        stale.append("training")
    if "--check" not in sys.argv:
        mixed.write(torch)
    elif mixed.read()[0] != mixed.table(torch):
        stale.append("autocast")
    dtypes = promotion.table(torch)
    path = reference.FOLDER / "promotion.json"
    if "--check" not in sys.argv:
        text = json.dumps({"torch": torch.__version__, "dtypes": dtypes}, indent=0)
        path.write_text(text + "\n")
    elif json.loads(path.read_text())["dtypes"] != dtypes:
        stale.append("promotion")
    if stale:
        print("differ from PyTorch: " + ", ".join(stale) + "; run `make parity`")
    size = sum(path.stat().st_size for path in reference.FOLDER.iterdir())
    print(f"{size / 1e6:.2f} MB in {reference.FOLDER.name}")
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main())
