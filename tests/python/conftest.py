"""Settings that all tests share."""

from __future__ import annotations

import os

# Two threads wherever the tests run: results must not depend on the machine.
os.environ.setdefault("CANDLE_FFI_NUM_THREADS", "2")
# Pictures go into files.
os.environ.setdefault("MPLBACKEND", "Agg")
