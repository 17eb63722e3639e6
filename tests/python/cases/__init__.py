"""The table of cases: at least one row per operation.

A new operation gets its rows in the file of its family, as `rows()`; nothing else needs to be
written for it. `test_ops.py` runs every row: results and gradients against the stored ones of
PyTorch (`make parity` stores them), gradients against finite differences, in several memory
layouts, for every dtype of the row.
"""

from __future__ import annotations

import importlib
import pkgutil

from case import Row

GROUPS: dict[str, list[Row]] = {
    name: importlib.import_module(f"{__name__}.{name}").rows()
    for _, name, _ in sorted(pkgutil.iter_modules(__path__), key=lambda found: found[1])
    if name != "common"
}
CASES: list[Row] = [row for rows in GROUPS.values() for row in rows]
