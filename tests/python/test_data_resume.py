"""A loader goes on where another one was, to the same batches."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from itertools import islice
from typing import Any

import backend
import numpy as np
import pytest
from backend import cf

if backend.IS_TORCH:
    pytest.skip("of this package", allow_module_level=True)

from candle_ffi.data import (
    DataLoader,
    Dataset,
    IterableDataset,
    RandomSampler,
    Sampler,
    SubsetRandomSampler,
    TensorDataset,
    WeightedRandomSampler,
)

# Libraries with threads of their own, and Python since 3.12, warn of every fork.
pytestmark = [
    pytest.mark.filterwarnings("ignore:os.fork"),
    pytest.mark.filterwarnings("ignore:This process .* is multi-threaded"),
]

SIZE = 23


class Items(Dataset[Any]):
    def __len__(self) -> int:
        return SIZE

    def __getitem__(self, index: int) -> tuple[int, float]:
        return index, random.random()


class Stream(IterableDataset[int]):
    def __iter__(self) -> Iterator[int]:
        return iter(cf.randperm(SIZE).tolist())


class Lazy(Sampler[int]):
    """Draws from a generator of its own each time that it is asked."""

    def __init__(self) -> None:
        self.generator = cf.Generator()

    def __iter__(self) -> Iterator[int]:
        for _ in range(SIZE):
            yield cf.randint(0, SIZE, (), generator=self.generator).item()

    def __len__(self) -> int:
        return SIZE


def rows() -> TensorDataset:
    return TensorDataset(np.arange(SIZE))


def own() -> Any:
    return cf.Generator().manual_seed(4)


LOADERS = {
    "in order": lambda: DataLoader(rows(), 4),
    "shuffled": lambda: DataLoader(rows(), 4, True, generator=own()),
    "shuffled without a generator": lambda: DataLoader(rows(), 4, True),
    "shuffled items": lambda: DataLoader(Items(), 4, True),
    "drop_last": lambda: DataLoader(rows(), 4, True, drop_last=True),
    "with the default generator": lambda: DataLoader(
        rows(), 4, True, generator=cf.random.default_generator
    ),
    "a sampler's generator": lambda: DataLoader(
        rows(), 4, sampler=RandomSampler(rows(), True, 40, own())
    ),
    "a sampler without one": lambda: DataLoader(
        Items(), 4, sampler=SubsetRandomSampler(range(SIZE))
    ),
    "weighted": lambda: DataLoader(
        rows(), 4, sampler=WeightedRandomSampler(range(SIZE), SIZE, generator=own())
    ),
    "drawn as it goes": lambda: DataLoader(rows(), 4, sampler=Lazy()),
    "batches": lambda: DataLoader(
        rows(), batch_sampler=cf.data.BatchSampler(RandomSampler(rows()), 4, False)
    ),
    "a stream": lambda: DataLoader(Stream(), 4, generator=own()),
    "two workers": lambda: DataLoader(Items(), 4, True, num_workers=2),
    "persistent workers": lambda: DataLoader(
        Items(), 4, True, num_workers=1, persistent_workers=True
    ),
}


def plain(batch: Any) -> Any:
    return batch.tolist() if hasattr(batch, "tolist") else [plain(part) for part in batch]


def taken(batches: Any) -> list[Any]:
    """The batches, with random numbers drawn in between as a training does."""
    found = []
    for batch in batches:
        found.append(plain(batch))
        cf.rand(3)
    return found


@pytest.mark.parametrize("name", LOADERS)
@pytest.mark.parametrize("place", [0, 1, 3, 5, None])
def test_the_same_batches_follow(name: str, place: int | None) -> None:
    cf.manual_seed(1)
    random.seed(2)
    loader = LOADERS[name]()
    taken(loader)
    if place is not None:
        batches = iter(loader)
        taken(islice(batches, place))
    state = json.loads(json.dumps(loader.state_dict()))
    default, python = cf.get_rng_state(), random.getstate()
    rest = [] if place is None else taken(batches)
    expected = [rest, taken(loader), taken(loader)]

    cf.manual_seed(77)
    other = LOADERS[name]()
    taken(islice(other, 2))
    cf.set_rng_state(default)
    random.setstate(python)
    other.load_state_dict(state)
    assert other.state_dict() == state
    found = [[] if place is None else taken(other), taken(other), taken(other)]
    assert found == expected


def test_what_is_left_of_an_epoch_that_failed() -> None:
    class Once(Items):
        failing = True

        def __getitem__(self, index: int) -> Any:
            if index == 5 and self.failing:
                raise OSError
            return index

    dataset = Once()
    loader = DataLoader(dataset, 2)
    with pytest.raises(OSError):
        list(loader)
    state = loader.state_dict()
    dataset.failing = False
    other = DataLoader(dataset, 2)
    other.load_state_dict(state)
    assert plain(next(iter(other))) == [4, 5]


def test_states_that_do_not_fit() -> None:
    loader = DataLoader(rows(), 4, True)
    batches = iter(loader)
    next(batches)
    state = loader.state_dict()
    with pytest.raises(cf.StateDictError, match=r"\[4, 23\].*\[5, 23\]"):
        DataLoader(rows(), 5, True).load_state_dict(state)
    with pytest.raises(cf.StateDictError, match="start is missing"):
        loader.load_state_dict({key: state[key] for key in state if key != "start"})
    with pytest.raises(cf.StateDictError, match="sampler"):
        DataLoader(rows(), 4, sampler=Lazy()).load_state_dict(state)
    assert len(taken(batches)) == 5
