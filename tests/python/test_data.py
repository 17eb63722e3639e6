"""Datasets, samplers, and the loader in one process."""

from __future__ import annotations

import gc
import threading
import time
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import backend
import numpy as np
import pytest
from backend import cf
from hypothesis import given, settings
from hypothesis import strategies as st

if backend.IS_TORCH:
    pytest.skip("test_parity_data.py compares", allow_module_level=True)

from candle_ffi.data import (
    BatchSampler,
    ChainDataset,
    ConcatDataset,
    DataLoader,
    Dataset,
    IterableDataset,
    RandomSampler,
    Sampler,
    SequentialSampler,
    Subset,
    SubsetRandomSampler,
    TensorDataset,
    WeightedRandomSampler,
    random_split,
)


class Stream(IterableDataset[int]):
    def __init__(self, size: int) -> None:
        self.size = size

    def __iter__(self) -> Iterator[int]:
        return iter(range(self.size))

    def __len__(self) -> int:
        return self.size


def seed(number: int) -> Any:
    return cf.Generator().manual_seed(number)


def numbers(batches: Any) -> list[list[int]]:
    """The values of one-tensor batches, or of the first tensor of each."""
    return [(b[0] if isinstance(b, (list, tuple)) else b).tolist() for b in batches]


# Datasets -----------------------------------------------------------------------------------------


def test_rows_of_arrays_and_tensors() -> None:
    images = np.arange(24, dtype=np.uint8).reshape(4, 2, 3)
    dataset = TensorDataset(images, cf.tensor([1.0, 2.0, 3.0, 4.0]), [5, 6, 7, 8])
    x, y, z = dataset[-1]
    assert x.dtype is cf.uint8 and x.tolist() == images[3].tolist()
    assert (y.item(), z.item(), z.dtype) == (4.0, 8, cf.int64)
    assert dataset[1:3][2].tolist() == [6, 7]
    assert len(dataset) == 4
    with pytest.raises(IndexError):
        dataset[4]


@pytest.mark.parametrize(
    "source",
    [
        np.arange(40, dtype=np.int64).reshape(10, 4)[::-1],
        np.arange(40, dtype=np.float32).reshape(4, 10).T,
        np.arange(40, dtype=">i4").reshape(10, 4),
        np.arange(80, dtype=np.int16).reshape(10, 8)[:, ::2],
        np.arange(10) % 2 == 0,
        np.zeros((10, 0), np.float64),
        cf.rand(10, 3, dtype=cf.float64),
        cf.rand(3, 10).T,
        cf.rand(10, 2).to(cf.bfloat16),
    ],
)
def test_batches_are_the_rows_of_their_indices(source: Any) -> None:
    indices = [3, 0, 9, 9, -1]
    (batch,) = TensorDataset(source).gather(indices)
    rows = [TensorDataset(source)[index][0] for index in indices]
    assert batch.dtype is rows[0].dtype
    assert batch.float().tolist() == [row.float().tolist() for row in rows]
    assert list(batch.shape) == [5, *source.shape[1:]]


def test_a_memory_mapped_file(tmp_path: Path) -> None:
    values = np.random.default_rng(0).integers(0, 255, (100, 7), np.uint8)
    np.save(tmp_path / "x.npy", values)
    dataset = TensorDataset(np.load(tmp_path / "x.npy", mmap_mode="r"))
    assert isinstance(dataset.tensors[0], np.memmap)
    loader = DataLoader(dataset, 32, shuffle=True, generator=0)
    found = np.concatenate([x.to_numpy() for (x,) in loader])
    assert sorted(map(tuple, found)) == sorted(map(tuple, values))


def test_tensor_datasets_that_cannot_be() -> None:
    with pytest.raises(cf.ShapeError, match=r"\[3, 2\], \[4\]"):
        TensorDataset(np.zeros((3, 2)), np.zeros(4))
    with pytest.raises(cf.ShapeError):
        TensorDataset(np.float32(1))
    with pytest.raises(cf.ShapeError):
        TensorDataset()
    with pytest.raises(cf.DTypeError, match="complex"):
        TensorDataset(np.zeros(3, complex))
    with pytest.raises(cf.DTypeError):
        TensorDataset(np.array(["a", "b"]))
    for index in (5, -6):
        with pytest.raises(IndexError, match=f"{index} is out of range for 5"):
            TensorDataset(np.zeros(5)).gather([0, index])


def test_subsets_and_concatenations() -> None:
    whole = TensorDataset(np.arange(10) * 10)
    part = Subset(Subset(whole, [9, 7, 5, 3]), [0, 2])
    assert [x.item() for (x,) in part] == [90, 50]
    assert [x.item() for (x,) in part.__getitems__([1, 0])] == [50, 90]
    assert part.gather is not None and part.gather([1])[0].tolist() == [50]
    both = part + Subset(range(5), [4])
    assert len(both) == 3 and both[2] == 4 and both[-3][0].item() == 90
    for index in (3, -4):
        with pytest.raises(IndexError):
            both[index]
    with pytest.raises(ValueError):
        ConcatDataset([])
    with pytest.raises(ValueError, match="ChainDataset"):
        ConcatDataset([Stream(2)])
    chain = Stream(2) + Stream(3)
    assert isinstance(chain, ChainDataset) and len(chain) == 5
    assert list(chain) == [0, 1, 0, 1, 2]
    with pytest.raises(IndexError):
        part.gather([2])
    with pytest.raises(IndexError):
        next(iter(DataLoader(Subset(whole, [10]), 1)))


def test_random_split() -> None:
    parts = random_split(range(10), [3, 7], seed(1))
    assert [len(part) for part in parts] == [3, 7]
    assert sorted([*parts[0], *parts[1]]) == list(range(10))
    again = random_split(range(10), [3, 7], seed(1))
    assert [list(part) for part in parts] == [list(part) for part in again]
    assert [len(part) for part in random_split(range(11), [0.3, 0.3, 0.4])] == [4, 3, 4]
    with pytest.warns(UserWarning, match="Length of split at index 1 is 0"):
        assert len(random_split(range(1), [0.5, 0.5])[1]) == 0
    with pytest.raises(ValueError, match="Sum of input lengths"):
        random_split(range(10), [3, 8])
    with pytest.raises(ValueError, match="negative"):
        random_split(range(10), [12, -2])


# Samplers -----------------------------------------------------------------------------------------


def test_samplers_draw_what_they_should() -> None:
    assert list(SequentialSampler("abc")) == [0, 1, 2]
    order = list(RandomSampler(range(100), generator=seed(0)))
    assert sorted(order) == list(range(100)) != order
    assert order == list(RandomSampler(range(100), generator=seed(0)))
    long = list(RandomSampler(range(3), num_samples=7))
    assert sorted(long[:3]) == sorted(long[3:6]) == [0, 1, 2] and len(long) == 7
    drawn = np.bincount(list(RandomSampler(range(4), True, 4000, seed(3))), minlength=4)
    assert (abs(drawn - 1000) < 150).all()
    assert sorted(SubsetRandomSampler([5, 8, 1])) == [1, 5, 8]
    counts = np.bincount(list(WeightedRandomSampler([1, 0, 3], 4000, generator=seed(1))))
    assert counts[1] == 0 and abs(counts[2] - 3000) < 150
    chosen = list(WeightedRandomSampler([1e-9, 5, 5, 0], 2, False, seed(1)))
    assert sorted(chosen) == [1, 2]
    firsts = [next(iter(WeightedRandomSampler([1, 3], 2, False, seed(n)))) for n in range(500)]
    assert abs(sum(firsts) - 375) < 50
    assert list(BatchSampler(range(5), 2, True)) == [[0, 1], [2, 3]]
    assert len(BatchSampler(range(5), 2, False)) == 3


@pytest.mark.parametrize(
    ("make", "error"),
    [
        (lambda: RandomSampler([]), "num_samples"),
        (lambda: RandomSampler([1], num_samples=0), "num_samples"),
        (lambda: WeightedRandomSampler([1], 0), "num_samples"),
        (lambda: WeightedRandomSampler([1], True), "num_samples"),
        (lambda: WeightedRandomSampler([-1, 2], 1), "negative"),
        (lambda: WeightedRandomSampler([float("nan")], 1), "finite"),
        (lambda: WeightedRandomSampler([0, 0], 1), "above zero"),
        (lambda: WeightedRandomSampler([1, 0], 2, False), "above zero"),
        (lambda: WeightedRandomSampler([[1]], 1), "1d"),
        (lambda: BatchSampler([1], 0, False), "batch_size"),
        (lambda: BatchSampler([1], 2, 1), "drop_last"),
    ],
)
def test_samplers_refuse(make: Any, error: str) -> None:
    with pytest.raises(ValueError, match=error):
        make()


# The loader ---------------------------------------------------------------------------------------


class Items(Dataset[int]):
    """Items without `gather`."""

    def __init__(self, size: int) -> None:
        self.size = size

    def __len__(self) -> int:
        return self.size

    def __getitem__(self, index: int) -> int:
        if not -self.size <= index < self.size:
            raise IndexError(f"index {index}")
        return index


def rows(size: int) -> TensorDataset:
    return TensorDataset(np.arange(size))


@settings(deadline=None, max_examples=60)
@given(
    st.integers(0, 40),
    st.integers(1, 50),
    st.booleans(),
    st.booleans(),
    st.sampled_from([Items, rows, Stream]),
    st.sampled_from([0, 1, 2, 5, None]),
)
def test_every_item_comes_once(
    size: int, batch: int, shuffle: bool, drop_last: bool, make: Any, ahead: int | None
) -> None:
    shuffle = shuffle and size > 0 and make is not Stream
    ahead = ahead if make is rows else None
    loader = DataLoader(
        make(size), batch, shuffle, drop_last=drop_last, generator=3, prefetch_factor=ahead
    )
    batches = numbers(loader)
    flat = [value for values in batches for value in values]
    assert len(batches) == len(loader)
    assert all(len(values) == batch for values in batches[: -1 if not drop_last else None])
    kept = size // batch * batch if drop_last else size
    assert len(flat) == kept == len(set(flat)) and set(flat) <= set(range(size))
    if not shuffle:
        assert flat == list(range(kept))


def test_the_order_depends_on_the_generator_alone() -> None:
    orders = []
    for dataset, depths in ((rows(50), (0, 1, 4)), (Items(50), (None,))):
        for ahead in depths:
            generator = seed(5)
            loader = DataLoader(dataset, 7, True, generator=generator, prefetch_factor=ahead)
            orders.append([numbers(loader), numbers(loader), generator.get_state().tolist()])
            cf.rand(3)
    assert all(order == orders[0] for order in orders)
    assert orders[0][0] != orders[0][1]
    cf.manual_seed(8)
    one = numbers(DataLoader(rows(50), 7, True))
    cf.manual_seed(8)
    assert numbers(DataLoader(Items(50), 7, True)) == one
    assert numbers(DataLoader(Items(50), 7, True)) != one
    assert numbers(DataLoader(Items(9), 4, True, generator=2)) == numbers(
        DataLoader(Items(9), 4, True, generator=seed(2))
    )


def test_without_batches() -> None:
    items = list(DataLoader([{"x": np.ones(2), "name": "a"}], batch_size=None))
    assert items[0]["x"].tolist() == [1.0, 1.0] and items[0]["name"] == "a"
    assert list(DataLoader(Stream(3), batch_size=None)) == [0, 1, 2]
    assert len(DataLoader(Stream(3), batch_size=None)) == 3


def test_batch_samplers_and_samplers_of_ones_own() -> None:
    class Pairs(Sampler[list[int]]):
        def __iter__(self) -> Iterator[list[int]]:
            return iter([[0, 2], [1]])

    for dataset in (rows(3), Items(3)):
        assert numbers(DataLoader(dataset, batch_sampler=Pairs())) == [[0, 2], [1]]
        assert numbers(DataLoader(dataset, 2, sampler=[2, 1, 1])) == [[2, 1], [1]]
        assert numbers(DataLoader(dataset, 2, sampler=iter([]))) == []
        with pytest.raises(IndexError, match="7"):
            numbers(DataLoader(dataset, 2, sampler=[0, 7]))
        with pytest.raises((TypeError, ValueError)):
            numbers(DataLoader(dataset, 2, sampler=["a"]))
        arrays = DataLoader(dataset, batch_sampler=[np.array([2, 0]), cf.tensor([1])])
        assert numbers(arrays) == [[2, 0], [1]]
    for wrong in ([0.5], [True], [[1]]):
        with pytest.raises(TypeError, match="must be integers"):
            next(iter(DataLoader(rows(3), 1, sampler=wrong)))
    with pytest.raises(TypeError):
        len(DataLoader(Items(3), batch_sampler=Pairs()))


def test_a_sampler_that_fails_does_so_after_the_batches_before() -> None:
    def broken() -> Iterator[int]:
        yield from (0, 1, 2)
        raise OSError("broken")

    for dataset in (rows(5), Items(5)):
        seen = []
        with pytest.raises(OSError, match="broken"):
            for batch in DataLoader(dataset, 1, sampler=broken()):
                seen += numbers([batch])
        assert seen == [[0], [1], [2]]


def test_methods_for_many_items() -> None:
    class Many(Items):
        calls = 0

        def __getitems__(self, indices: list[int]) -> list[int]:
            self.calls += 1
            return [10 * index for index in indices]

    class Changed(Many):
        def __getitem__(self, index: int) -> int:
            return -index

    class ChangedRows(TensorDataset):
        def __getitem__(self, index: Any) -> Any:
            return super().__getitem__(index)[0] + 100

    many = Many(4)
    assert numbers(DataLoader(many, 2)) == [[0, 10], [20, 30]] and many.calls == 2
    assert numbers(DataLoader(Subset(many, [3, 1]), 2)) == [[30, 10]]
    assert numbers(DataLoader(Changed(4), 4)) == [[0, -1, -2, -3]]
    changed = ChangedRows(np.arange(3))
    assert numbers(DataLoader(changed, 3)) == [[100, 101, 102]]
    assert numbers(DataLoader(Subset(changed, [2]), 3)) == [[102]]


def test_collate_fn_is_given_the_items() -> None:
    loader = DataLoader(rows(3), 2, collate_fn=lambda items: [type(items[0]), len(items)])
    assert list(loader) == [[tuple, 2], [tuple, 1]]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"num_workers": -1}, "non-negative"),
        ({"timeout": -1}, "non-negative"),
        ({"prefetch_factor": 2}, "multiprocessing"),
        ({"prefetch_factor": -2}, "non-negative"),
        ({"prefetch_factor": 0, "num_workers": 1}, "at least 1"),
        ({"persistent_workers": True}, "num_workers > 0"),
        ({"multiprocessing_context": "fork"}, "num_workers > 0"),
        ({"multiprocessing_context": "thread", "num_workers": 1}, "valid start method"),
        ({"shuffle": True, "sampler": [0]}, "mutually exclusive"),
        ({"batch_sampler": [[0]], "batch_size": 2}, "mutually exclusive"),
        ({"batch_sampler": [[0]], "shuffle": True}, "mutually exclusive"),
        ({"batch_sampler": [[0]], "sampler": [0]}, "mutually exclusive"),
        ({"batch_sampler": [[0]], "drop_last": True}, "mutually exclusive"),
        ({"batch_size": None, "drop_last": True}, "mutually exclusive"),
        ({"batch_size": 0}, "positive"),
        ({"dataset": Stream(2), "shuffle": True}, "shuffle"),
        ({"dataset": Stream(2), "sampler": [0]}, "sampler"),
        ({"dataset": Stream(2), "batch_sampler": [[0]]}, "batch_sampler"),
    ],
)
def test_options_that_contradict(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        DataLoader(options.pop("dataset", Items(2)), **options)


def test_a_number_of_workers_is_a_number() -> None:
    for number in (None, "2", 1.5):
        with pytest.raises(TypeError, match="num_workers option should be an integer"):
            DataLoader(Items(2), num_workers=number)  # type: ignore[arg-type]


def test_generators() -> None:
    assert numbers(DataLoader(Items(9), 4, True, generator=np.int64(2))) == numbers(
        DataLoader(Items(9), 4, True, generator=seed(2))
    )
    with pytest.raises(TypeError, match="generator"):
        DataLoader(Items(9), generator="seed")


def test_what_is_fixed() -> None:
    loader = DataLoader(Items(4), 2)
    for name in ("batch_size", "sampler", "batch_sampler", "dataset", "drop_last"):
        with pytest.raises(ValueError, match=name):
            setattr(loader, name, 3)
    loader.timeout = 4
    assert (loader.batch_size, loader.num_workers, loader.timeout) == (2, 0, 4)


# The thread ---------------------------------------------------------------------------------------


def threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if "prefetch" in thread.name]


class Watched(TensorDataset):
    """Knows which batches were asked for, and by whom; fails at a row."""

    def __init__(self, size: int, bad: int = -1) -> None:
        super().__init__(np.arange(size))
        self.asked: list[list[int]] = []
        self.bad = bad

    def gather(self, indices: Any) -> Any:
        assert threading.current_thread() is not threading.main_thread()
        self.asked.append(indices.tolist())
        if self.bad in indices:
            raise ZeroDivisionError(f"row {self.bad}")
        return super().gather(indices)


def test_the_thread_is_ahead_and_ends() -> None:
    dataset = Watched(10)
    batches = iter(DataLoader(dataset, 1, prefetch_factor=3))
    assert not dataset.asked
    next(batches)
    end = time.monotonic() + 30
    while len(dataset.asked) < 4 and time.monotonic() < end:
        time.sleep(0.01)
    assert dataset.asked == [[0], [1], [2], [3]]
    assert len(numbers(batches)) == 9
    for thread in threads():
        thread.join(10)
    assert not threads()


@pytest.mark.parametrize("how", ["break", "raise", "drop"])
def test_the_thread_ends_when_the_loop_is_left(how: str) -> None:
    try:
        batches = iter(DataLoader(rows(1000), 2))
        for _ in batches:
            if how == "raise":
                raise ValueError
            break
    except ValueError:
        pass
    del batches
    gc.collect()
    for thread in threads():
        thread.join(10)
    assert not threads()


def test_threads_that_share_an_iterator_take_turns() -> None:
    batches = iter(DataLoader(rows(400), 2))
    found: list[list[Any]] = []

    def walk() -> None:
        found.extend(numbers(batches))

    walkers = [threading.Thread(target=walk, daemon=True) for _ in range(4)]
    for walker in walkers:
        walker.start()
    for walker in walkers:
        walker.join(30)
        assert not walker.is_alive()
    assert sorted(number for batch in found for number in batch) == list(range(400))


def test_what_the_thread_raises_has_its_traceback() -> None:
    batches = iter(DataLoader(Watched(6, bad=3), 1))
    assert numbers([next(batches) for _ in range(3)]) == [[0], [1], [2]]
    with pytest.raises(ZeroDivisionError, match="row 3") as caught:
        next(batches)
    assert "in gather" in "".join(traceback.format_exception(caught.value))
    assert numbers(batches) == [[4], [5]]


def test_batches_of_leaves_know_where_they_are_from() -> None:
    weight = cf.rand(6, 2, requires_grad=True)
    for (batch,) in DataLoader(TensorDataset(weight), 4):
        batch.sum().backward()
    assert weight.grad.tolist() == [[1.0, 1.0]] * 6
    with cf.no_grad():
        assert not any(b.requires_grad for (b,) in DataLoader(TensorDataset(weight), 4))


def test_stop_iteration_in_a_dataset_is_no_end() -> None:
    class Bad(Items):
        def __getitem__(self, index: int) -> int:
            raise StopIteration

    with pytest.raises(RuntimeError, match="StopIteration"):
        list(DataLoader(Bad(3)))
