"""Data from pandas, Hugging Face datasets and JAX goes in as it is."""

from __future__ import annotations

from typing import Any

import backend
import numpy as np
import pytest
from backend import cf

if backend.IS_TORCH:
    pytest.skip("of this package", allow_module_level=True)

from candle_ffi.data import DataLoader, Subset, TensorDataset, default_collate, random_split

# Libraries with threads of their own, and Python since 3.12, warn of every fork.
pytestmark = [
    pytest.mark.filterwarnings("ignore:os.fork"),
    pytest.mark.filterwarnings("ignore:This process .* is multi-threaded"),
]


def test_columns_of_pandas() -> None:
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(
        {
            "height": [1.5, 2.5, 3.5],
            "width": [1.0, 2.0, 3.0],
            "label": [2, 0, 1],
            "name": list("abc"),
        }
    )
    dataset = TensorDataset(frame[["height", "width"]], frame["label"])
    ((x, y),) = DataLoader(dataset, 3)
    assert x.dtype is cf.float64 and x.tolist() == [[1.5, 1.0], [2.5, 2.0], [3.5, 3.0]]
    assert y.dtype is cf.int64 and y.tolist() == [2, 0, 1]
    narrow = TensorDataset(frame[["height"]].astype("float32"))
    assert narrow[2][0].dtype is cf.float32
    with pytest.raises(cf.DTypeError):
        TensorDataset(frame)  # of texts too
    missing = TensorDataset(pandas.Series([1.0, None]))
    assert np.isnan(missing[1][0].item())
    sample = frame.sample(frac=1, random_state=1)  # its index is not its order
    assert TensorDataset(sample["label"])[0][0].item() == sample["label"].iloc[0]


@pytest.fixture(scope="module")
def rows() -> Any:
    datasets = pytest.importorskip("datasets")
    datasets.disable_progress_bars()
    return datasets.Dataset.from_dict(
        {"x": [[i, i + 0.5] for i in range(6)], "label": list(range(6)), "text": list("abcdef")}
    )


@pytest.mark.parametrize("workers", [0, 2])
def test_rows_of_hugging_face(rows: Any, workers: int) -> None:
    batches = list(DataLoader(rows, 4, num_workers=workers))
    assert [len(batch["text"]) for batch in batches] == [4, 2]
    assert batches[0]["label"].tolist() == [0, 1, 2, 3]
    assert batches[1]["text"] == ["e", "f"]
    assert [column.tolist() for column in batches[1]["x"]] == [[4.0, 5.0], [4.5, 5.5]]


def test_rows_of_hugging_face_as_arrays(rows: Any) -> None:
    numpy = rows.remove_columns("text").with_format("numpy")
    (first, _) = DataLoader(numpy, 4, shuffle=True, generator=0)
    assert first["x"].shape == (4, 2)
    assert first["x"][:, 0].tolist() == first["label"].tolist()
    train, test = random_split(numpy, [0.5, 0.5], cf.Generator().manual_seed(0))
    labels = [b["label"].tolist() for part in (train, test) for b in DataLoader(part, 3)]
    assert sorted(label for batch in labels for label in batch) == list(range(6))


def test_streams_of_hugging_face(rows: Any) -> None:
    stream = rows.to_iterable_dataset()
    labels = [batch["label"].tolist() for batch in DataLoader(stream, 4)]
    assert labels == [[0, 1, 2, 3], [4, 5]]


@pytest.mark.parametrize(("shards", "workers"), [(1, 2), (2, 2), (3, 2), (2, 3)])
def test_streams_of_hugging_face_are_divided(rows: Any, shards: int, workers: int) -> None:
    stream = rows.to_iterable_dataset(num_shards=shards)
    batches = DataLoader(stream, 2, num_workers=workers, persistent_workers=True)
    for _ in range(2):
        labels = [label for batch in batches for label in batch["label"].tolist()]
        assert sorted(labels) == list(range(6))


def test_arrays_of_jax() -> None:
    jax = pytest.importorskip("jax.numpy")
    x = jax.arange(12.0).reshape(4, 3)
    ((batch,),) = DataLoader(TensorDataset(x), 4)
    assert batch.dtype is cf.float32 and batch.tolist() == x.tolist()
    assert default_collate([x[0], x[1]]).tolist() == x[:2].tolist()
    half = default_collate([jax.ones(2, jax.bfloat16)])
    assert half.dtype is cf.bfloat16 and half.float().tolist() == [[1.0, 1.0]]


def test_digits_of_scikit_learn() -> None:
    learn = pytest.importorskip("sklearn.datasets")
    x, y = learn.load_digits(return_X_y=True)
    dataset = TensorDataset(x.astype(np.float32), y)
    train, test = random_split(dataset, [0.8, 0.2])
    assert (len(train), len(test)) == (1438, 359)
    seen = [label for _, labels in DataLoader(train, 64, True) for label in labels.tolist()]
    assert sorted(seen) == sorted(y[train.indices])
    assert len(list(DataLoader(Subset(dataset, range(10)), 3))) == 4
