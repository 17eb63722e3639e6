"""What a trainer takes as data: batches of many forms, arrays, frames, datasets."""

from __future__ import annotations

from collections import namedtuple
from typing import Any

import backend
import numpy as np
import pandas as pd
import pytest

if backend.IS_TORCH:
    pytest.skip("PyTorch has no trainer", allow_module_level=True)

import candle_ffi as cf
from candle_ffi.data import Subset, TensorDataset
from candle_ffi.training import Trainer

RANDOM = np.random.default_rng(0)
ONE = RANDOM.normal(size=(20, 2)).astype(np.float32)
TWO = RANDOM.normal(size=(20, 3)).astype(np.float32)
TARGETS = (ONE.sum(axis=1, keepdims=True) - TWO[:, :1]).astype(np.float32)


class Both(cf.nn.Module):
    """A model of two inputs."""

    def __init__(self) -> None:
        super().__init__()
        cf.manual_seed(0)
        self.one = cf.nn.Linear(2, 1)
        self.two = cf.nn.Linear(3, 1)

    def forward(self, one: cf.Tensor, two: cf.Tensor) -> cf.Tensor:
        return self.one(one) + self.two(two)


class Named(cf.nn.Module):
    """A model of one input that has a name, and results that have names."""

    def __init__(self) -> None:
        super().__init__()
        cf.manual_seed(0)
        self.layer = cf.nn.Linear(2, 1)

    def forward(self, one: cf.Tensor) -> dict[str, cf.Tensor]:
        return {"row": self.layer(one), "mean": self.layer(one).mean(dim=1)}


def trained(data: Any, **options: Any) -> tuple[Trainer, float]:
    model = Both()
    trainer = Trainer(model, cf.SGD(model.parameters(), lr=0.1), cf.mse_loss, progress=False)
    history = trainer.fit(data, 2, batch_size=8, shuffle=False, **options)
    return trainer, history["loss"][-1]


def cut(*arrays: np.ndarray) -> list[list[np.ndarray]]:
    return [[array[start : start + 8] for array in arrays] for start in (0, 8, 16)]


Row = namedtuple("Row", ["first", "second", "right"])

FORMS: dict[str, Any] = {
    "three arrays": (ONE, TWO, TARGETS),
    "a pair of arrays and targets": ((ONE, TWO), TARGETS),
    "names": {"one": ONE, "two": TWO, "labels": TARGETS},
    "names and targets": ({"one": ONE, "two": TWO}, TARGETS),
    "tensors": (cf.tensor(ONE), cf.tensor(TWO), cf.tensor(TARGETS)),
    "float64": (ONE.astype(float), TWO.astype(float), TARGETS.astype(float)),
    "a frame": (pd.DataFrame(ONE), TWO, pd.DataFrame(TARGETS)),
    "a dataset": TensorDataset(ONE, TWO, TARGETS),
    "batches of arrays": [tuple(parts) for parts in cut(ONE, TWO, TARGETS)],
    "batches that are lists": cut(ONE, TWO, TARGETS),
    "batches of tensors": [tuple(map(cf.tensor, parts)) for parts in cut(ONE, TWO, TARGETS)],
    "batches with names": [
        {"one": one, "two": two, "target": y} for one, two, y in cut(ONE, TWO, TARGETS)
    ],
    "batches that are pairs": [((one, two), y) for one, two, y in cut(ONE, TWO, TARGETS)],
    "named tuples": [Row(*parts) for parts in cut(ONE, TWO, TARGETS)],
}


@pytest.mark.parametrize("form", FORMS)
def test_all_forms_train_the_same(form: str) -> None:
    trainer, loss = trained(FORMS[form])
    _, expected = trained(FORMS["three arrays"])
    assert loss == pytest.approx(expected, rel=1e-6)
    found = trainer.evaluate(FORMS[form], batch_size=7)
    outputs = trainer.predict(FORMS[form], batch_size=7)
    assert outputs.shape == (20, 1)
    mean = float(((outputs.numpy() - TARGETS) ** 2).mean())
    assert found == {"loss": pytest.approx(mean, rel=1e-5)}


def test_predictions_without_targets() -> None:
    trainer, _ = trained(FORMS["three arrays"])
    expected = trainer.predict(FORMS["three arrays"]).tolist()
    assert trainer.predict({"one": ONE, "two": TWO}).tolist() == expected
    assert trainer.predict(((ONE, TWO),)).tolist() == expected
    parts = trainer.predict(((ONE, TWO),), batch_size=3)
    np.testing.assert_allclose(parts.tolist(), expected, rtol=1e-5)


def test_results_with_names_are_joined() -> None:
    model = Named()
    trainer = Trainer(model, cf.SGD(model.parameters(), lr=0.1), cf.mse_loss, progress=False)
    found = trainer.predict({"one": ONE}, batch_size=6)
    assert {name: tensor.shape for name, tensor in found.items()} == {
        "row": (20, 1),
        "mean": (20,),
    }
    assert trainer.predict(ONE)["row"].shape == (20, 1)


def test_losses_without_targets() -> None:
    model = cf.nn.Linear(2, 2)
    trainer = Trainer(
        model, cf.SGD(model.parameters(), lr=0.1), lambda x: x.square().mean(), progress=False
    )
    history = trainer.fit(ONE, 20)
    assert history["loss"][-1] < history["loss"][0] / 2
    trainer.fit([cf.tensor(ONE)], 1)
    trainer.fit([(cf.tensor(ONE),)], 1)


def test_whole_numbers_stay_whole() -> None:
    model = cf.nn.Embedding(5, 2)
    trainer = Trainer(
        model, cf.SGD(model.parameters(), lr=1.0), cf.nn.CrossEntropyLoss(), progress=False
    )
    words = RANDOM.integers(0, 5, 30)
    trainer.fit((words, words % 2), 30, batch_size=10)
    assert trainer.predict(words).argmax(dim=1).tolist() == (words % 2).tolist()


def test_arrays_get_the_dtype_of_the_model() -> None:
    model = Both().double()
    trainer = Trainer(model, cf.SGD(model.parameters(), lr=0.1), cf.mse_loss, progress=False)
    trainer.fit((ONE, TWO, TARGETS), 1)
    assert trainer.predict(((ONE, TWO),)).dtype is cf.float64


@pytest.mark.parametrize("form", ["three arrays", "names", "a dataset", "tensors"])
def test_a_part_is_kept_for_validation(form: str) -> None:
    rows = np.arange(20, dtype=np.float32).reshape(-1, 1)
    data = FORMS[form]
    seen: dict[bool, list[float]] = {True: [], False: []}

    class Watched(Both):
        def forward(self, one: cf.Tensor, two: cf.Tensor) -> cf.Tensor:
            seen[self.training] += one[:, 0].tolist()
            return super().forward(one, two)

    if form == "a dataset":
        data = TensorDataset(np.hstack([rows, rows]), TWO, TARGETS)
    elif form == "names":
        data = {**data, "one": np.hstack([rows, rows])}
    else:
        kind = cf.tensor if form == "tensors" else np.asarray
        data = (kind(np.hstack([rows, rows])), *data[1:])
    model = Watched()
    trainer = Trainer(model, cf.SGD(model.parameters(), lr=0.0), cf.mse_loss, progress=False)
    trainer.fit(data, 2, validation=0.25, batch_size=4)
    assert len(set(seen[False])) == 5
    assert len(set(seen[True])) == 15
    assert not set(seen[True]) & set(seen[False])
    # The same rows again, whatever the random numbers.
    kept = set(seen[False])
    seen[False].clear()
    cf.manual_seed(123)
    trainer.fit(data, 1, validation=0.25)
    assert set(seen[False]) == kept


def test_parts_that_cannot_be() -> None:
    with pytest.raises(TypeError, match="a fraction needs arrays or a dataset"):
        trained([(cf.tensor(ONE), cf.tensor(TWO), cf.tensor(TARGETS))], validation=0.5)
    for fraction in (0.0, 1.0, 0.001, -0.5):
        with pytest.raises(ValueError, match="leaves nothing to one part"):
            trained((ONE, TWO, TARGETS), validation=fraction)
    with pytest.raises(cf.ShapeError, match="first sizes"):
        trained((ONE, TWO, TARGETS[:5]))


def test_subsets_keep_the_form() -> None:
    trainer, _ = trained(Subset(TensorDataset(ONE, TWO, TARGETS), [3, 1, 4, 1, 5]))
    assert trainer.num_batches == 1
