"""Settings that all tests share."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

# Two threads wherever the tests run: results must not depend on the machine.
os.environ.setdefault("CANDLE_FFI_NUM_THREADS", "2")
# Pictures go into files.
os.environ.setdefault("MPLBACKEND", "Agg")


@pytest.fixture(scope="session")
def prefix(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the C library is installed, for the packages of other languages."""
    from installed import install

    return install(tmp_path_factory.mktemp("installed"))
