"""Use an installed package as its users do: computing, training, files, threads, what C needs.

Run with every Python that a wheel is for, from a folder where there is nothing of the sources.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import numpy as np

import candle_ffi as cf
from candle_ffi import nn
from candle_ffi.__main__ import library


def trained() -> nn.Module:
    """Return a model that has learned a plane."""
    cf.manual_seed(0)
    x = cf.rand(100, 2)
    y = 2 * x[:, :1] + 3 * x[:, 1:]
    model = nn.Sequential(nn.Linear(2, 16), nn.ReLU(), nn.Linear(16, 1))
    optimizer = cf.optim.AdamW(model.parameters(), lr=0.02)
    for _ in range(200):
        optimizer.zero_grad()
        loss = cf.mse_loss(model(x), y)
        loss.backward()
        optimizer.step()
    assert loss.item() < 1e-2, loss
    return model


def check_arrays() -> None:
    """Move numbers in and out; memory is shared where it says so."""
    array = np.arange(6, dtype=np.float32).reshape(2, 3)
    shared = cf.from_numpy(array)
    shared.mul_(2)
    assert array.sum() == 30
    product = (cf.tensor(array) @ cf.tensor(array).T).numpy()
    assert np.allclose(product, array @ array.T)


def check_errors() -> None:
    """Make a mistake: the exception tells of it."""
    try:
        cf.ones(2, 3) @ cf.ones(4, 5)
    except cf.ShapeError as error:
        assert error.operation == "matmul" and list(error.shapes) == [(2, 3), (4, 5)], error
    else:
        raise AssertionError("no error")


def check_files(model: nn.Module) -> None:
    """Save and load a model."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "model.safetensors")
        model.save(path)
        other = nn.Sequential(nn.Linear(2, 16), nn.ReLU(), nn.Linear(16, 1))
        other.load(path)
        x = cf.ones(1, 2)
        assert other(x).item() == model(x).item()


def check_threads() -> None:
    """Compute on several threads at once."""
    results = []

    def work() -> None:
        x = cf.ones(64, 64, requires_grad=True)
        (x @ x).sum().backward()
        results.append(x.grad.sum().item())

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [2 * 64.0**3] * 8, results


def check_command() -> None:
    """Ask what a C compiler needs; the files are there."""
    command = [sys.executable, "-m", "candle_ffi", "config", "--prefix"]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert Path(told.strip(), "include", "candle_ffi.h").exists(), told
    assert library().exists(), library()


def main() -> None:
    """Run all of it and tell with what."""
    check_arrays()
    check_errors()
    check_files(trained())
    check_threads()
    check_command()
    python = f"Python {sys.version.split()[0]}, {sys.platform}"
    print(f"{python}: candle_ffi {cf.__version__} works, in {Path(cf.__file__).parent}")


if __name__ == "__main__":
    main()
