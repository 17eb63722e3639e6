"""Settings that all tests share."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from counting import Counts

# Two threads wherever the tests run: results must not depend on the machine.
os.environ.setdefault("CANDLE_FFI_NUM_THREADS", "2")
# Pictures go into files.
os.environ.setdefault("MPLBACKEND", "Agg")

# Another device than the CPU, whose operations are tested.
DEVICE = os.environ.get("CANDLE_FFI_TEST_DEVICE")
if DEVICE:
    import devices

    devices.prepare()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Choose what is run for another device than the CPU."""
    if DEVICE:
        devices.choose(config, items)


@pytest.fixture(scope="session")
def prefix(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the C library is installed, for the packages of other languages."""
    from installed import install

    return install(tmp_path_factory.mktemp("installed"))


@pytest.fixture
def counts() -> Counts:
    """What the emulated driver was asked to do; with another, or none, the test is skipped."""
    import counting

    return counting.counts()
