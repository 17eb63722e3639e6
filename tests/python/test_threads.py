"""Threads share tensors freely, run at the same time, and never bring the process down."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import backend
import numpy as np
import pytest
from backend import cf, to_numpy

WORKERS = 8


def everywhere(function: Any, workers: int = WORKERS) -> list[Any]:
    """Run in many threads that start together; exceptions come out."""
    barrier = threading.Barrier(workers)

    def work(number: int) -> Any:
        barrier.wait(30)
        return function(number)

    with ThreadPoolExecutor(workers) as pool:
        return list(pool.map(work, range(workers)))


def test_shared_tensors_are_read_by_many() -> None:
    x = cf.rand(64, 64, dtype=cf.float64)
    expected = to_numpy((x @ x.T).exp().sum(0))

    def work(_: int) -> bool:
        return all(np.array_equal(to_numpy((x @ x.T).exp().sum(0)), expected) for _ in range(50))

    assert all(everywhere(work))


def test_large_operations_side_by_side() -> None:
    x = cf.rand(700, 700)
    expected = to_numpy((x * 2 + 1).sum())

    def work(_: int) -> bool:
        return all(np.array_equal(to_numpy((x * 2 + 1).sum()), expected) for _ in range(10))

    assert all(everywhere(work))


def test_a_shared_leaf_collects_all_gradients() -> None:
    x = cf.ones(16, requires_grad=True)

    def work(_: int) -> None:
        for _ in range(50):
            while True:
                try:
                    (x * 2).sum().backward()
                    break
                except backend.error("BusyError"):
                    time.sleep(0)

    everywhere(work)
    assert x.grad.tolist() == [2.0 * 50 * WORKERS] * 16


def test_graphs_over_shared_leaves() -> None:
    w = cf.rand(8, 8, requires_grad=True)

    def work(number: int) -> float:
        x = cf.full((8, 8), float(number))
        (g,) = cf.autograd.grad((w @ x).sum(), [w])
        return float(g[0, 0].item())

    assert everywhere(work) == [8.0 * n for n in range(WORKERS)]


def test_writers_and_readers_of_one_tensor() -> None:
    """A conflict may be an error, but a value is either old or new."""
    x = cf.zeros(1000)

    def work(number: int) -> None:
        for _ in range(200):
            try:
                if number % 2:
                    with cf.no_grad():
                        x.add_(1.0)
                else:
                    values = to_numpy(x * 1)
                    assert (values >= 0).all()
            except backend.error("BusyError"):
                pass

    everywhere(work)
    assert np.unique(to_numpy(x)).size >= 1


def test_tensors_freed_in_other_threads() -> None:
    def work(_: int) -> None:
        for _ in range(200):
            tensors = [cf.ones(3, requires_grad=True) * 2 for _ in range(5)]
            thread = threading.Thread(target=tensors.clear)
            del tensors
            thread.start()
            thread.join()

    everywhere(work, 4)


def test_each_thread_trains_its_own_model() -> None:
    def work(number: int) -> float:
        generator = cf.Generator().manual_seed(number)
        x = cf.rand(32, 2, generator=generator)
        y = x.sum(1, keepdim=True)
        model = cf.nn.Linear(2, 1)
        optimizer = cf.optim.SGD(model.parameters(), lr=0.3)
        for _ in range(200):
            optimizer.zero_grad()
            loss = cf.nn.functional.mse_loss(model(x), y)
            loss.backward()
            optimizer.step()
        return float(loss.item())

    assert max(everywhere(work)) < 1e-3


def test_one_optimizer_in_many_threads_never_crashes() -> None:
    model = cf.nn.Linear(4, 4)
    optimizer = cf.optim.SGD(model.parameters(), lr=1e-6)
    model(cf.ones(1, 4)).sum().backward()

    def work(_: int) -> None:
        for _ in range(100):
            try:
                optimizer.step()
            except backend.error("BusyError"):
                pass

    everywhere(work)
    assert np.isfinite(to_numpy(model.weight)).all()


def test_other_threads_run_during_an_operation() -> None:
    """The interpreter's lock is released: a counter moves on while a product is computed."""
    x = cf.rand(1500, 1500)
    running = threading.Event()
    stop = threading.Event()
    ticks = 0

    def count() -> None:
        nonlocal ticks
        running.set()
        while not stop.is_set():
            ticks += 1
            time.sleep(0.0005)

    thread = threading.Thread(target=count)
    thread.start()
    running.wait(10)
    try:
        before, start = ticks, time.perf_counter()
        for _ in range(3):
            x @ x
        seconds, during = time.perf_counter() - start, ticks - before
    finally:
        stop.set()
        thread.join()
    assert during > 20 * seconds, f"{during} ticks in {seconds:.3f} s"


@pytest.mark.skipif(backend.IS_TORCH, reason="of this package")
@pytest.mark.skipif(not hasattr(__import__("os"), "fork"), reason="needs fork")
def test_a_forked_child_can_compute() -> None:
    program = """
import os, warnings
warnings.simplefilter("ignore")
import candle_ffi as cf
x = cf.rand(600, 600)
expected = (x @ x).sum().item()
child = os.fork()
if child == 0:
    product = (x @ x).sum().item()
    total = (cf.ones(2_000_000) + 1).sum().item()
    os._exit(0 if abs(product - expected) < 1e-3 * abs(expected) and total == 4e6 else 1)
_, status = os.waitpid(child, 0)
print(os.waitstatus_to_exitcode(status))
"""
    run = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60
    )
    assert run.stdout.strip() == "0", run.stderr


@pytest.mark.skipif(backend.IS_TORCH, reason="of this package")
def test_exit_with_live_tensors_and_threads() -> None:
    program = """
import threading, candle_ffi as cf
keep = [cf.ones(10, requires_grad=True) * 2 for _ in range(100)]
cycle = []; cycle.append((cycle, cf.rand(1000, 1000)))
def work():
    while True:
        cf.rand(300, 300) @ cf.rand(300, 300)
for _ in range(3):
    threading.Thread(target=work, daemon=True).start()
"""
    for _ in range(5):
        run = subprocess.run(
            [sys.executable, "-c", program], capture_output=True, text=True, timeout=60
        )
        assert run.returncode == 0, run.stderr
        assert run.stderr == ""


def test_number_of_threads_can_be_set() -> None:
    before = cf.get_num_threads()
    try:
        for count in (1, 2, 4):
            cf.set_num_threads(count)
            assert cf.get_num_threads() == count
            x = cf.ones(2_000_000)
            assert (x + x).sum().item() == 4e6
        with pytest.raises((*backend.error("InvalidArgumentError"), ValueError, RuntimeError)):
            cf.set_num_threads(0)
    finally:
        cf.set_num_threads(before)


@pytest.mark.skipif(backend.IS_TORCH, reason="handles are candle_ffi's")
def test_properties_can_be_read_during_a_change_in_place() -> None:
    x = cf.zeros(1_000_000)
    done = threading.Event()

    def change() -> None:
        while not done.is_set():
            x.add_(1)

    thread = threading.Thread(target=change)
    thread.start()
    try:
        seen = {(tuple(x.shape), x.dtype, x.numel(), x.is_leaf) for _ in range(2000)}
    finally:
        done.set()
        thread.join()
    assert seen == {((1_000_000,), cf.float32, 1_000_000, True)}


@pytest.mark.skipif(backend.IS_TORCH, reason="shims are candle_ffi's")
def test_an_error_waits_while_another_is_raised_and_taken() -> None:
    """A signal handler may fail between a failure and its exception."""
    from candle_ffi._lib import lib, take_error

    wide, short = cf.zeros(2, 3), cf.zeros(2)
    assert not lib.py_matmul(wide._handle, wide._handle)
    assert not lib.py_softmax(short._handle, 7, 0)
    assert isinstance(take_error(), cf.CandleIndexError)
    assert isinstance(take_error(), cf.ShapeError)
