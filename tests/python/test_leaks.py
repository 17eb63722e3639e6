"""What is made is freed: handles back to the start, memory flat over a long training."""

from __future__ import annotations

import gc
import subprocess
import sys
from typing import Any

import backend
import pytest
from backend import cf

if backend.IS_TORCH:
    pytest.skip("PyTorch does not count its handles", allow_module_level=True)


def live() -> Any:
    gc.collect()
    return cf.live_handles()


def small_training(steps: int) -> float:
    x, y = cf.rand(16, 3), cf.rand(16, 1)
    model = cf.nn.Sequential(cf.nn.Linear(3, 8), cf.nn.ReLU(), cf.nn.Linear(8, 1))
    optimizer = cf.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
    value = cf.zeros(())
    for _ in range(steps):
        optimizer.zero_grad()
        value = cf.nn.functional.mse_loss(model(x), y)
        value.backward()
        optimizer.step()
    return float(value.item())


def everything_once() -> None:
    """One of each way to make a handle, also those that end in an error."""
    x = cf.rand(3, 4, requires_grad=True)
    y = (x @ x.T).softmax(1).split(2)[0][0, 1:]
    (g,) = cf.autograd.grad((y * y).sum(), [x], create_graph=True)
    g.sum().backward()
    x.max(1)
    cf.nn.functional.cross_entropy(x, cf.tensor([0, 1, 2])).backward()
    generator = cf.Generator().manual_seed(1)
    cf.rand(3, generator=generator)
    for _ in range(3):
        with pytest.raises(cf.ShapeError):
            x @ x
        with pytest.raises(cf.CandleIndexError):
            x[7]
    with cf.no_grad():
        x += 1
    x.detach().numpy()
    list(x)
    small_training(3)


def test_handles_return_to_the_start() -> None:
    everything_once()  # fills caches of scalars and the like
    before = live()
    for _ in range(5):
        everything_once()
    assert live() == before


def test_files_leave_no_handles(tmp_path: Any) -> None:
    cf.save_file({"x": cf.ones(3)}, tmp_path / "a")
    before = live()
    for _ in range(5):
        cf.save_file({"x": cf.ones(3)}, tmp_path / "a")
        cf.load_file(tmp_path / "a")
        with pytest.raises(cf.FileError):
            cf.load_file(tmp_path / "b")
    assert live() == before


def test_tensors_die_without_the_collector() -> None:
    """Memory must not wait for the garbage collector."""

    def train_once() -> None:
        x = cf.ones(10, requires_grad=True)
        y = (x * 2).sum()
        y.backward()

    train_once()  # the number 2 stays, for the next time
    gc.collect()
    gc.disable()
    try:
        before = cf.live_handles()
        for _ in range(100):
            train_once()
        assert cf.live_handles() == before
    finally:
        gc.enable()


PROGRAM = """
import gc, os, sys
import candle_ffi as cf

def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")

{body}

step(500)
gc.collect()
first = resident()
step({count})
gc.collect()
print(resident() - first)
"""

TRAINING = """
x, y = cf.rand(16, 3), cf.rand(16, 1)
model = cf.nn.Sequential(cf.nn.Linear(3, 8), cf.nn.ReLU(), cf.nn.Linear(8, 1))
optimizer = cf.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)

def step(count):
    for _ in range(count):
        optimizer.zero_grad()
        cf.nn.functional.mse_loss(model(x), y).backward()
        optimizer.step()
"""

ERRORS = """
x = cf.ones(2, 3)

def step(count):
    for _ in range(count):
        try:
            x @ x
        except cf.ShapeError:
            pass
"""

ARRAYS = """
import numpy as np
array = np.ones((256, 256), dtype=np.float32)

def step(count):
    for _ in range(count):
        cf.from_numpy(array).T.numpy()
"""

GRAPHS = """
x = cf.ones(64, requires_grad=True)

def step(count):
    for _ in range(count):
        (x.exp() * x).sum()
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize(
    "body, count",
    [(TRAINING, 10_000), (ERRORS, 10_000), (ARRAYS, 2_000), (GRAPHS, 10_000)],
    ids=["training", "errors", "arrays", "graphs never walked"],
)
def test_memory_stays_flat(body: str, count: int) -> None:
    program = PROGRAM.format(body=body, count=count)
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    assert int(run.stdout) < 2 * 2**20, f"grew by {int(run.stdout) / 2**20:.1f} MiB"
