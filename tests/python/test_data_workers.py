"""Batches made by worker processes: order, random numbers, streams, failures."""

from __future__ import annotations

import multiprocessing
import os
import random
import time
from collections.abc import Iterator
from typing import Any

import backend
import numpy as np
import pytest
from backend import cf

if backend.IS_TORCH:
    pytest.skip("test_parity_data.py compares", allow_module_level=True)

from candle_ffi.data import DataLoader, Dataset, IterableDataset, TensorDataset, get_worker_info
from candle_ffi.data.channel import Channel, channel_pair

# Libraries with threads of their own, and Python since 3.12, warn of every fork.
pytestmark = [
    pytest.mark.filterwarnings("ignore:os.fork"),
    pytest.mark.filterwarnings("ignore:This process .* is multi-threaded"),
]

METHODS = ["fork", "spawn", "forkserver"]


class Drawn(Dataset[Any]):
    """Items with random numbers of all kinds."""

    def __len__(self) -> int:
        return 30

    def __getitem__(self, index: int) -> dict[str, Any]:
        return {
            "index": index,
            "python": random.random(),
            "numpy": np.random.rand(2),  # noqa: NPY002
            "candle": cf.rand(1),
            "worker": getattr(get_worker_info(), "id", -1),
        }


class Share(IterableDataset[int]):
    """Each worker's part of a stream."""

    def __init__(self, sizes: dict[int, int]) -> None:
        self.sizes = sizes

    def __iter__(self) -> Iterator[int]:
        info = get_worker_info()
        assert info is not None and info.dataset is self and info.num_workers == len(self.sizes)
        return iter(range(100 * info.id, 100 * info.id + self.sizes[info.id]))


class StrangeError(Exception):
    """An exception that a message alone does not make."""

    def __init__(self, one: int, two: int) -> None:
        super().__init__(f"{one} and {two}")


class Broken(Dataset[int]):
    """Fails at some indices, in ways of their own."""

    def __len__(self) -> int:
        return 8

    def __getitem__(self, index: int) -> Any:
        if index == 1:
            raise KeyError("a key")
        if index == 2:
            raise StrangeError(1, 2)
        if index == 3:
            raise StopIteration
        if index == 4:
            raise cf.ShapeError("of a shape")
        if index == 5:
            return lambda: 0  # cannot be sent
        return index


class Slow(Dataset[int]):
    """The first items take longest."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds

    def __len__(self) -> int:
        return 8

    def __getitem__(self, index: int) -> int:
        time.sleep(self.seconds if index < 2 else 0)
        return index


class Exits(Dataset[int]):
    def __len__(self) -> int:
        return 4

    def __getitem__(self, index: int) -> int:
        os._exit(7)


class Kinds(Dataset[Any]):
    def __len__(self) -> int:
        return 3

    def __getitem__(self, index: int) -> Any:
        return np.full((300, 200), index, np.float32), index, f"item {index}", cf.ones(2) * index


def keep(items: list[Any]) -> list[Any]:
    """A collate_fn that leaves arrays what they are."""
    return items


def initialise(number: int) -> None:
    random.seed(1000 + number)


def fail(number: int) -> None:
    raise OSError(f"no worker {number}")


def pids(items: list[Any]) -> int:
    return os.getpid()


def no_children() -> bool:
    end = time.monotonic() + 30
    while multiprocessing.active_children() and time.monotonic() < end:
        time.sleep(0.05)
    return not multiprocessing.active_children()


def lists(loader: DataLoader[Any], *names: str) -> list[Any]:
    return [[batch[name].tolist() for name in names] for batch in loader]


@pytest.mark.parametrize("method", METHODS)
def test_the_same_batches_from_any_number_of_workers(method: str) -> None:
    found = []
    for workers in (1, 2) if method == "fork" else (2,):
        loader: DataLoader[Any] = DataLoader(
            Drawn(),
            4,
            True,
            num_workers=workers,
            generator=6,
            multiprocessing_context=method,
            persistent_workers=True,
        )
        found += [[lists(loader, "index", "python", "numpy", "candle") for _ in range(2)]]
        assert {w for (ids,) in lists(loader, "worker") for w in ids} == set(range(workers))
    assert all(batches == found[0] for batches in found)
    (first, second) = found[0]
    assert sorted(i for batch in first for i in batch[0]) == list(range(30))
    assert len({number for batch in first + second for number in batch[1]}) == 60
    alone = lists(DataLoader(Drawn(), 4, True, generator=6), "index")
    assert [batch[:1] for batch in first] == alone


def test_seeds_once_where_there_is_an_init_function() -> None:
    loader = DataLoader(Drawn(), 3, num_workers=2, worker_init_fn=initialise)
    batches = lists(loader, "python", "worker")
    for number in (0, 1):
        stream = random.Random(1000 + number)
        mine = [batch[0] for batch in batches if batch[1][0] == number]
        assert mine == [[stream.random() for _ in range(3)] for _ in mine]


def test_seeds_of_workers() -> None:
    class Seeds(IterableDataset[int]):
        def __iter__(self) -> Iterator[int]:
            info = get_worker_info()
            assert info is not None
            return iter([info.seed - info.id])

    first = [batch.item() for batch in DataLoader(Seeds(), num_workers=2, generator=1)]
    assert len(first) == 2 and first[0] == first[1]
    assert first == [batch.item() for batch in DataLoader(Seeds(), num_workers=2, generator=1)]
    assert first != [batch.item() for batch in DataLoader(Seeds(), num_workers=2, generator=2)]
    assert get_worker_info() is None


@pytest.mark.parametrize("persistent", [False, True])
def test_streams_in_parts(persistent: bool) -> None:
    loader = DataLoader(Share({0: 5, 1: 0, 2: 2}), 2, num_workers=3, persistent_workers=persistent)
    for _ in range(2):
        assert [b.tolist() for b in loader] == [[0, 1], [200, 201], [2, 3], [4]]
    full = DataLoader(Share({0: 5, 1: 0, 2: 2}), 2, num_workers=3, drop_last=True)
    assert [b.tolist() for b in full] == [[0, 1], [200, 201], [2, 3]]
    single = DataLoader(Share({0: 2, 1: 1}), None, num_workers=2)
    assert list(single) == [0, 100, 1]


@pytest.mark.parametrize("method", METHODS)
def test_what_goes_through_shared_memory(method: str) -> None:
    options: dict[str, Any] = {"num_workers": 2, "multiprocessing_context": method}
    ((x, index, name, y),) = DataLoader(Kinds(), 3, **options)
    assert x.shape == (3, 300, 200) and x.dtype is cf.float32
    assert x[:, 0, 0].tolist() == index.tolist() == [0, 1, 2]
    assert name == ("item 0", "item 1", "item 2") and y.tolist() == [[0, 0], [1, 1], [2, 2]]
    ((items,),) = [list(DataLoader(Kinds(), 3, collate_fn=keep, **options))]
    array = items[2][0]
    assert type(array) is np.ndarray and (array == 2).all()
    array += 1  # it is the caller's
    assert items[1][3].tolist() == [1.0, 1.0]
    rows = TensorDataset(np.arange(10.0), cf.arange(10))
    batches = list(DataLoader(rows, 4, **options))
    assert [y.tolist() for _, y in batches] == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]
    assert batches[0][0].dtype is cf.float64


def test_exceptions_keep_class_and_traceback() -> None:
    batches = iter(DataLoader(Broken(), num_workers=2))
    assert next(batches).item() == 0
    expected = [
        (KeyError, "Caught KeyError in DataLoader worker process 1"),
        (RuntimeError, "Caught StrangeError"),
        (RuntimeError, "StopIteration"),
        (cf.ShapeError, "of a shape"),
    ]
    for kind, message in expected:
        with pytest.raises(kind, match=message) as caught:
            next(batches)
        assert type(caught.value) is kind
        assert "__getitem__" in str(caught.value) and "test_data_workers.py" in str(caught.value)
    with pytest.raises(TypeError, match="function"):
        next(batches)
    assert [batch.item() for batch in batches] == [6, 7]


def test_what_cannot_be_sent_back() -> None:
    with pytest.raises(Exception, match="pickle"):
        list(DataLoader(Broken(), sampler=[5], collate_fn=keep, num_workers=1))


def test_init_functions_that_fail() -> None:
    batches = iter(DataLoader(Kinds(), num_workers=2, worker_init_fn=fail))
    for number in (0, 1):
        with pytest.raises(OSError, match=f"no worker {number}"):
            next(batches)


def test_workers_that_exit() -> None:
    loader = DataLoader(Exits(), num_workers=2, persistent_workers=True)
    for _ in range(2):  # new workers start
        with pytest.raises(RuntimeError, match=r"worker \d \(pid \d+\) exited .* exit code 7"):
            list(loader)
    assert no_children()


@pytest.mark.parametrize("method", ["spawn", "forkserver"])
def test_what_cannot_be_sent_to_workers(method: str) -> None:
    class Local(Slow):
        pass

    for options, name in (
        ({"dataset": Local(0)}, r"dataset \(Local\)"),
        ({"collate_fn": lambda items: items}, r"collate_fn \(function\)"),
        ({"worker_init_fn": lambda number: None}, r"worker_init_fn \(function\)"),
    ):
        loader = DataLoader(
            **{"dataset": Slow(0), **options}, num_workers=2, multiprocessing_context=method
        )
        with pytest.raises(Exception, match=f"{name} cannot be pickled.*num_workers=0"):
            iter(loader)
    assert no_children()


def test_a_timeout() -> None:
    loader = DataLoader(Slow(100), 1, num_workers=2, timeout=0.3)
    with pytest.raises(RuntimeError, match=r"timed out after 0\.3 seconds"):
        next(iter(loader))
    assert no_children()
    assert len(list(DataLoader(Slow(0), 1, num_workers=2, timeout=100))) == 8


def test_order_is_kept_where_workers_differ() -> None:
    assert [b.item() for b in DataLoader(Slow(0.3), num_workers=3)] == list(range(8))


def test_persistent_workers_stay_and_others_do_not() -> None:
    loader = DataLoader(Slow(0), 1, num_workers=2, persistent_workers=True, collate_fn=pids)
    first = set(loader)
    left = iter(loader)
    next(left)
    assert set(loader) == first and len(first) == 2
    with pytest.raises(RuntimeError, match="another epoch"):
        next(left)
    del loader, left
    assert no_children()
    fresh = DataLoader(Slow(0), 1, num_workers=2, collate_fn=pids)
    assert not set(fresh) & set(fresh)
    assert no_children()


def test_many_batches_ahead_with_large_indices() -> None:
    """Neither side may wait for the other while its own channel is full."""
    order = [list(range(8)) * 2000] * 12
    loader = DataLoader(
        range(8), batch_sampler=order, num_workers=1, prefetch_factor=12, collate_fn=keep
    )
    assert [len(batch) for batch in loader] == [16000] * 12


@pytest.mark.parametrize("workers", [0, 1])
def test_single_items(workers: int) -> None:
    def first(**options: Any) -> Any:
        return next(iter(DataLoader([[np.ones(3), 2]], None, num_workers=workers, **options)))

    array, number = first()
    assert type(array) is cf.Tensor and array.shape == (3,) and number == 2
    assert type(first(collate_fn=keep)[0]) is np.ndarray
    (batch,) = next(
        iter(DataLoader([[(1, 2)]], None, num_workers=workers, collate_fn=cf.data.default_collate))
    )[:1]
    assert batch.tolist() == [1]


def test_an_empty_dataset() -> None:
    assert list(DataLoader([], 3, num_workers=2)) == []


def test_a_channel_ends_with_its_other_end() -> None:
    ours, end = channel_pair()
    theirs = Channel(end)
    for message in ("small", np.arange(100_000), {"empty": np.zeros((0, 3))}, b"x" * 4096):
        theirs.send(message)
        received = ours.receive()
        assert type(received) is type(message)
    theirs.close()
    with pytest.raises(EOFError):
        ours.receive()
    with pytest.raises(OSError):
        ours.send("x")
    ours.close()


class Answered(IterableDataset[Any]):
    """Each item after the first is made once the one before has been seen."""

    def __init__(self, context: Any) -> None:
        self.seen = context.Semaphore(1)

    def __iter__(self) -> Iterator[Any]:
        for number in range(4):
            assert self.seen.acquire(timeout=5)
            yield np.array(number)


@pytest.mark.parametrize("options", [{}, {"device": "cpu"}, {"pin_memory": True}])
def test_a_batch_does_not_wait_for_the_one_after_it(options: dict[str, Any]) -> None:
    dataset = Answered(multiprocessing.get_context("fork"))
    loader = DataLoader(
        dataset, None, num_workers=1, multiprocessing_context="fork", timeout=60, **options
    )
    found = []
    for number in loader:
        found.append(number.item())
        dataset.seen.release()
    assert found == [0, 1, 2, 3]


@pytest.mark.parametrize("sizes", [{0: 3, 1: 0}, {0: 0, 1: 4}, {0: 5, 1: 2}])
def test_streams_that_are_moved_end_one_after_another(sizes: dict[int, int]) -> None:
    plain = DataLoader(Share(sizes), 1, num_workers=2)
    moved = DataLoader(Share(sizes), 1, num_workers=2, device="cpu")
    assert [batch.tolist() for batch in moved] == [batch.tolist() for batch in plain]
