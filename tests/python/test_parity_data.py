"""The loader beside PyTorch's: the same batches, the same refusals, and its datasets go in."""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Iterator
from typing import Any

import backend
import numpy as np
import pytest

torch = pytest.importorskip("torch")
if backend.IS_TORCH:
    pytest.skip("compares both by itself", allow_module_level=True)

import torch.utils.data as theirs  # noqa: E402

import candle_ffi as cf  # noqa: E402
import candle_ffi.data as ours  # noqa: E402

# Libraries with threads of their own, and Python since 3.12, warn of every fork.
pytestmark = [
    pytest.mark.filterwarnings("ignore:os.fork"),
    pytest.mark.filterwarnings("ignore:This process .* is multi-threaded"),
]

Point = namedtuple("Point", "x y")


def plain(value: Any) -> Any:
    """Values, dtypes and containers, whichever library they are of."""
    if isinstance(value, (cf.Tensor, torch.Tensor)):
        return (backend.dtype_name(value), value.tolist())
    if isinstance(value, dict):
        return {key: plain(part) for key, part in value.items()}
    if isinstance(value, tuple):
        return (type(value).__name__, [plain(part) for part in value])
    return [plain(part) for part in value] if isinstance(value, list) else value


BATCHES = [
    [1, 2],
    [1.5, 2.5],
    [True, False],
    [1, 2.5],
    [np.float32(1), np.float32(2)],
    [np.arange(3, dtype=np.uint8), np.arange(3, dtype=np.uint8)],
    [(1, "a"), (2, "b")],
    [[1, 2.0], [3, 4.0]],
    [{"a": 1, "b": [2, (3, b"x")]}, {"a": 4, "b": [5, (6, b"y")]}],
    [Point(1, np.ones(2)), Point(2, np.zeros(2))],
    [np.ones(1, np.int64), np.ones(1, np.float32)],
]


@pytest.mark.parametrize("batch", BATCHES)
def test_collated_alike(batch: list[Any]) -> None:
    assert plain(ours.default_collate(batch)) == plain(theirs.default_collate(batch))
    item = batch[0]
    assert plain(ours.default_convert(item)) == plain(theirs.default_convert(item))


WRONG = [[None], [object()], [np.array(["a"])], [[1], [1, 2]], [np.ones(1), np.ones(2)], []]


@pytest.mark.parametrize("batch", WRONG)
def test_refused_alike(batch: list[Any]) -> None:
    errors = (TypeError, RuntimeError, ValueError, IndexError)
    for library in (ours, theirs):
        with pytest.raises(errors):
            library.default_collate(batch)


OPTIONS: list[dict[str, Any]] = [
    {},
    {"batch_size": 3},
    {"batch_size": 3, "drop_last": True},
    {"batch_size": None},
    {"batch_size": 20},
    {"sampler": [4, 2, 2], "batch_size": 2},
    {"batch_sampler": [[1, 0], [5]]},
    {"batch_size": 4, "num_workers": 2},
    {"shuffle": True, "sampler": [1]},
    {"batch_size": 0},
    {"batch_size": -1},
    {"batch_size": True},
    {"batch_size": None, "drop_last": True},
    {"batch_sampler": [[0]], "batch_size": 2},
    {"batch_sampler": [[0]], "shuffle": True},
    {"num_workers": -1},
    {"timeout": -1},
    {"prefetch_factor": 2},
    {"persistent_workers": True},
    {"multiprocessing_context": "fork"},
    {"sampler": [0, 99]},
]


class Items:
    def __len__(self) -> int:
        return 10

    def __getitem__(self, index: int) -> tuple[int, np.ndarray]:
        if index >= 10:
            raise IndexError(index)
        return index, np.full(3, index, np.float32)


@pytest.mark.parametrize("options", OPTIONS)
def test_loaded_alike(options: dict[str, Any]) -> None:
    results = []
    for library in (ours, theirs):
        try:
            loader = library.DataLoader(Items(), **options)
            results.append((len(loader), [plain(batch) for batch in loader]))
        except Exception as error:
            results.append(type(error))
    assert results[0] == results[1]


def test_split_alike() -> None:
    for lengths in ([0.5, 0.5], [0.3, 0.3, 0.4], [3, 8], [11]):
        sizes = [len(part) for part in theirs.random_split(range(11), lengths)]
        assert [len(part) for part in ours.random_split(range(11), lengths)] == sizes
    for lengths in ([3, 3], [0.5, 0.4], [-1, 12]):
        for library in (ours, theirs):
            if lengths[0] != -1 or library is ours:
                with pytest.raises(ValueError):
                    library.random_split(range(11), lengths)


class Stream(theirs.IterableDataset):  # type: ignore[misc]
    def __iter__(self) -> Iterator[Any]:
        info = theirs.get_worker_info()
        first, step = (0, 1) if info is None else (info.id, info.num_workers)
        return (torch.tensor([float(n)]) for n in range(first, 6, step))


@pytest.mark.parametrize("workers", [0, 2])
def test_datasets_of_pytorch(workers: int) -> None:
    x = torch.arange(12.0).reshape(6, 2)
    y = torch.arange(6)
    whole = theirs.TensorDataset(x, y)
    for dataset, indices in (
        (whole, range(6)),
        (theirs.Subset(whole, [4, 1]), [4, 1]),
        (whole + whole, [*range(6), *range(6)]),
        (theirs.random_split(whole, [2, 4], torch.Generator().manual_seed(0))[0], None),
    ):
        batches = list(ours.DataLoader(dataset, 4, num_workers=workers))
        assert all(isinstance(part, cf.Tensor) for batch in batches for part in batch)
        found = [label for _, labels in batches for label in labels.tolist()]
        assert indices is None or found == list(indices)
        assert [row for rows, _ in batches for row in rows.tolist()] == x[found].tolist()
    stream = [plain(batch) for batch in ours.DataLoader(Stream(), 2, num_workers=workers)]
    assert stream == [plain(b) for b in theirs.DataLoader(Stream(), 2, num_workers=workers)]


def test_tensors_of_pytorch() -> None:
    weight = torch.rand(4, 3, requires_grad=True)
    ((rows,),) = ours.DataLoader(ours.TensorDataset(weight), 4)
    assert rows.tolist() == weight.tolist()
    assert ours.default_collate([weight[0]]).tolist() == weight[:1].tolist()
    assert ours.default_convert(weight).tolist() == weight.tolist()


def test_samplers_of_pytorch() -> None:
    sampler = theirs.RandomSampler(range(6), generator=torch.Generator().manual_seed(1))
    found = [i for batch in ours.DataLoader(Items(), 2, sampler=sampler) for i in batch[0].tolist()]
    assert len(found) == 6 and set(found) < set(range(10))
    weighted = theirs.WeightedRandomSampler([0.0, 1.0], 3)
    assert next(iter(ours.DataLoader(Items(), 3, sampler=weighted)))[0].tolist() == [1, 1, 1]


def test_our_samplers_and_datasets_in_pytorchs_loader() -> None:
    sampler = ours.BatchSampler(ours.RandomSampler(range(6)), 4, True)
    ((indices, _),) = theirs.DataLoader(Items(), batch_sampler=sampler)
    assert len(set(indices.tolist())) == 4


@pytest.mark.parametrize("name", ["Dataset", "DataLoader", "RandomSampler", "random_split"])
def test_arguments_have_pytorchs_order(name: str) -> None:
    import inspect

    mine = inspect.signature(getattr(ours, name)).parameters
    others = inspect.signature(getattr(theirs, name)).parameters
    both = [key for key in others if key in mine]
    assert list(mine) == both
    for key in both:
        if key not in ("generator", "self"):
            assert mine[key].default == others[key].default and mine[key].kind == others[key].kind
