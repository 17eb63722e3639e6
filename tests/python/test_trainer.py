"""The trainer does what a loop written by hand does, and measures what it says."""

from __future__ import annotations

import contextlib
import pickle
from typing import Any

import backend
import numpy as np
import pytest

if backend.IS_TORCH:
    pytest.skip("PyTorch has no trainer", allow_module_level=True)

from sklearn.datasets import load_diabetes, load_digits

import candle_ffi as cf
from candle_ffi.data import DataLoader, TensorDataset
from candle_ffi.optim import lr_scheduler
from candle_ffi.training import (
    Accuracy,
    Callback,
    ConfusionMatrix,
    EarlyStopping,
    History,
    MeanAbsoluteError,
    NonFiniteLossError,
    Trainer,
)

F = cf.nn.functional
DIGITS, LABELS = load_digits(return_X_y=True)
DIGITS = DIGITS / 16


def network() -> cf.nn.Module:
    cf.manual_seed(0)
    return cf.nn.Sequential(cf.nn.Linear(3, 8), cf.nn.Tanh(), cf.nn.Linear(8, 1))


def batches(count: int = 6, rows: int = 4) -> list[tuple[cf.Tensor, cf.Tensor]]:
    random = np.random.default_rng(1)
    made = []
    for number in range(count):
        x = random.normal(size=(rows + number % 2, 3)).astype(np.float32)
        made.append((cf.tensor(x), cf.tensor(x.sum(axis=1, keepdims=True))))
    return made


def quiet(model: Any, optimizer: Any, loss: Any = cf.mse_loss, **options: Any) -> Trainer:
    return Trainer(model, optimizer, loss, progress=False, **options)


def weights(model: cf.nn.Module) -> list[Any]:
    return [parameter.tolist() for parameter in model.parameters()]


def test_it_makes_the_steps_of_a_loop() -> None:
    data = batches()
    by_hand = network()
    optimizer = cf.optim.Adam(by_hand.parameters(), lr=0.01)
    schedule = lr_scheduler.StepLR(optimizer, 2, 0.5)
    means = []
    for _ in range(5):
        total = rows = 0
        for x, y in data:
            optimizer.zero_grad()
            loss = cf.mse_loss(by_hand(x), y)
            loss.backward()
            cf.nn.utils.clip_grad_value_(by_hand.parameters(), 0.5)
            cf.nn.utils.clip_grad_norm_(by_hand.parameters(), 0.1)
            optimizer.step()
            total += loss.item() * len(x)
            rows += len(x)
        means.append(total / rows)
        schedule.step()

    model = network()
    optimizer = cf.optim.Adam(model.parameters(), lr=0.01)
    schedule = lr_scheduler.StepLR(optimizer, 2, 0.5)
    trainer = quiet(model, optimizer, scheduler=schedule, clip_grad_norm=0.1, clip_grad_value=0.5)
    history = trainer.fit(data, 5)
    assert weights(model) == weights(by_hand)
    assert history["loss"] == means
    assert history["lr"] == [0.01, 0.01, 0.005, 0.005, 0.0025]
    assert (trainer.epoch, trainer.step, trainer.num_batches) == (5, 30, 6)


def test_it_learns_digits() -> None:
    cf.manual_seed(0)
    model = cf.nn.Sequential(cf.nn.Linear(64, 64), cf.nn.ReLU(), cf.nn.Linear(64, 10))
    trainer = quiet(
        model,
        cf.optim.Adam(model.parameters(), lr=0.01),
        cf.nn.CrossEntropyLoss(),
        metrics=[Accuracy()],
    )
    history = trainer.fit((DIGITS[:1500], LABELS[:1500]), 15, validation=0.1)
    assert history["val_accuracy"][-1] > 0.92
    found = trainer.evaluate((DIGITS[1500:], LABELS[1500:]), metrics=[ConfusionMatrix()])
    matrix = found["confusion_matrix"]
    assert matrix.sum() == len(DIGITS) - 1500
    said = trainer.predict(DIGITS[1500:]).argmax(dim=1).numpy()
    assert (said == LABELS[1500:]).sum() == np.trace(matrix)
    assert np.trace(matrix) / matrix.sum() > 0.9


def test_it_learns_diabetes() -> None:
    x, y = load_diabetes(return_X_y=True)
    y = ((y - y.mean()) / y.std()).reshape(-1, 1)
    cf.manual_seed(0)
    model = cf.nn.Sequential(cf.nn.Linear(10, 16), cf.nn.ReLU(), cf.nn.Linear(16, 1))
    trainer = quiet(
        model, cf.optim.Adam(model.parameters(), lr=0.01), metrics=[MeanAbsoluteError()]
    )
    trainer.fit((x, y), 30, batch_size=64, validation=0.2)
    assert trainer.history["val_loss"][-1] < 0.65  # the mean alone has 1
    assert trainer.history["mean_absolute_error"][-1] < 0.65


def test_means_are_weighted_by_rows() -> None:
    model = cf.nn.Identity()
    trainer = quiet(cf.nn.Linear(1, 1), cf.SGD(lr=0.0))
    trainer.model = model
    data = [(cf.zeros(3, 1), cf.zeros(3, 1)), (cf.zeros(1, 1), cf.ones(1, 1))]
    found = trainer.evaluate(data, metrics={"error": cf.nn.functional.l1_loss})
    assert found == {"loss": 0.25, "error": 0.25}


def test_gathered_gradients_are_those_of_one_batch() -> None:
    data = batches(5)
    for size in (2, 5, 7):
        many = network()
        quiet(many, cf.SGD(many.parameters(), lr=0.1), accumulate_steps=size).fit(data)
        one = network()
        joined = [
            tuple(cf.cat(list(parts)) for parts in zip(*data[start : start + size], strict=True))
            for start in range(0, len(data), size)
        ]
        quiet(one, cf.SGD(one.parameters(), lr=0.1)).fit(joined)
        for left, right in zip(many.parameters(), one.parameters(), strict=True):
            np.testing.assert_allclose(left.tolist(), right.tolist(), rtol=1e-4, atol=1e-6)


def test_gathered_gradients_make_fewer_steps() -> None:
    model = network()
    optimizer = cf.SGD(model.parameters(), lr=0.1)
    schedule = lr_scheduler.StepLR(optimizer, 1, 0.5)
    trainer = quiet(
        model, optimizer, accumulate_steps=4, scheduler=schedule, scheduler_interval="step"
    )
    trainer.fit(batches(6))
    assert trainer.step == 6
    assert schedule.last_epoch == 2


def test_lbfgs_computes_the_loss_again() -> None:
    model = network()
    data = [tuple(cf.cat(list(parts)) for parts in zip(*batches(), strict=True))]
    trainer = quiet(model, cf.optim.LBFGS(model.parameters(), line_search_fn="strong_wolfe"))
    history = trainer.fit(data, 10)
    assert history["loss"][-1] < 1e-3 < history["loss"][0]
    with pytest.raises(ValueError, match="LBFGS"):
        quiet(model, cf.optim.LBFGS(model.parameters()), accumulate_steps=2)


def test_schedules_of_each_step() -> None:
    model = network()
    optimizer = cf.SGD(model.parameters(), lr=0.1)
    schedule = lr_scheduler.OneCycleLR(optimizer, max_lr=0.1, total_steps=12)
    quiet(model, optimizer, scheduler=schedule).fit(batches(6), 2)
    assert schedule.last_epoch == 12


def test_plateaus_look_at_the_number_that_is_named() -> None:
    model = network()
    data = batches()
    for monitor, validation in ((None, data), ("val_bias", data), (None, None)):
        optimizer = cf.SGD(model.parameters(), lr=0.0)
        schedule = lr_scheduler.ReduceLROnPlateau(optimizer, patience=1)
        optimizer.param_groups[0]["lr"] = 1e-6
        trainer = quiet(
            model,
            optimizer,
            scheduler=schedule,
            monitor=monitor,
            metrics={"bias": lambda preds, target: 1.0},
        )
        trainer.fit(data, 2, validation=validation)
        looked = trainer.history[monitor or ("val_loss" if validation else "loss")]
        assert schedule.best == pytest.approx(min(looked), rel=1e-3)
    with pytest.raises(ValueError, match=r"no 'val_x' to monitor; this training has loss"):
        quiet(model, optimizer, scheduler=schedule, monitor="val_x").fit(data)


def test_modes_and_gradients_are_as_before() -> None:
    model = cf.nn.Sequential(cf.nn.Linear(3, 4), cf.nn.BatchNorm1d(4), cf.nn.Dropout(0.5))
    model.append(cf.nn.Linear(4, 1))
    seen = []

    class Watch(cf.nn.Module):
        def forward(self, x: cf.Tensor) -> cf.Tensor:
            seen.append((self.training, cf.is_grad_enabled()))
            return x

    model.append(Watch())
    trainer = quiet(model, cf.SGD(model.parameters(), lr=0.1))
    model[1].eval()  # a layer that somebody has frozen
    before = [module.training for module in model.modules()]
    first = trainer.predict(cf.ones(5, 3))
    assert first.tolist() == trainer.predict(cf.ones(5, 3)).tolist()
    trainer.evaluate(batches(2))
    assert [module.training for module in model.modules()] == before
    assert set(seen) == {(False, False)}
    with contextlib.suppress(cf.ShapeError):
        trainer.predict(cf.ones(5, 4))
    assert [module.training for module in model.modules()] == before
    assert cf.is_grad_enabled()
    seen.clear()
    trainer.fit(batches(2), 1, validation=batches(1))
    assert seen == [(True, True), (True, True), (False, False)]
    assert model.training


def test_layers_frozen_in_the_beginning_stay_frozen() -> None:
    model = cf.nn.Sequential(cf.nn.Linear(3, 4), cf.nn.BatchNorm1d(4), cf.nn.Linear(4, 1))

    class Freeze(Callback):
        def on_fit_begin(self, trainer: Trainer) -> None:
            trainer.model[1].eval()

    quiet(model, cf.SGD(model.parameters(), lr=0.1), callbacks=[Freeze()]).fit(
        batches(3), 2, validation=batches(1)
    )
    assert model[1].num_batches_tracked.item() == 0


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_a_loss_that_is_no_number(bad: float) -> None:
    model = network()
    before = weights(model)
    data = batches(3)
    data[2] = (data[2][0], data[2][1] * bad)
    trainer = quiet(model, cf.SGD(model.parameters(), lr=0.0))
    trainer.fit(data[:2], 1)
    with pytest.raises(NonFiniteLossError, match=rf"{bad} in epoch 2, step 3") as caught:
        trainer.fit(data, 1)
    assert isinstance(caught.value, FloatingPointError)
    assert trainer.history.epochs == 1
    assert weights(model) == before
    trainer = quiet(model, cf.SGD(model.parameters(), lr=0.1), terminate_on_nan=False)
    assert not np.isfinite(trainer.fit(data, 1)["loss"][0])


def test_it_goes_on_where_it_was() -> None:
    data = batches()
    twice, once = network(), network()
    trainer = quiet(twice, cf.SGD(twice.parameters(), lr=0.1, momentum=0.9))
    trainer.fit(data, 2)
    trainer.fit(data, 3)
    other = quiet(once, cf.SGD(once.parameters(), lr=0.1, momentum=0.9))
    other.fit(data, 5)
    assert weights(twice) == weights(once)
    assert trainer.history == other.history
    assert trainer.fit(data, 0).epochs == 5


def test_an_optimizer_without_parameters_gets_those_of_the_model() -> None:
    model = network()
    before = weights(model)
    quiet(model, cf.SGD(learning_rate=0.1)).fit(batches())
    assert weights(model) != before


def test_losses_weight_classes() -> None:
    loss = cf.nn.CrossEntropyLoss(weight=cf.tensor([0.0, 1.0]))
    model = cf.nn.Linear(1, 2)
    trainer = quiet(model, cf.SGD(model.parameters(), lr=1.0), loss, metrics=[Accuracy()])
    trainer.fit((cf.randn(64, 1), cf.tensor([0] * 60 + [1] * 4)), 20, batch_size=64)
    assert trainer.predict(cf.randn(64, 1)).argmax(dim=1).tolist() == [1] * 64


def test_a_column_against_a_vector_is_noticed() -> None:
    model = network()
    trainer = quiet(model, cf.SGD(model.parameters(), lr=0.1))
    with pytest.warns(UserWarning, match=r"\(4, 1\) and the targets \(4,\)"):
        trainer.fit([(cf.ones(4, 3), cf.ones(4))] * 3, 2)


def test_a_trainer_can_be_kept() -> None:
    model = network()
    trainer = quiet(model, cf.optim.Adam(model.parameters()), metrics=[MeanAbsoluteError()])
    trainer.fit(batches(), 2)
    twin = pickle.loads(pickle.dumps(trainer))
    assert twin.fit(batches(), 1) == trainer.fit(batches(), 1)
    assert weights(twin.model) == weights(model)


def test_parts_can_be_defined_anew() -> None:
    class Autoencoder(Trainer):
        def unpack(self, batch: Any) -> tuple[Any, Any]:
            return batch["pixels"], batch["pixels"]

        def compute_loss(self, outputs: Any, targets: Any) -> Any:
            return super().compute_loss(outputs, targets) * 2

    model = cf.nn.Linear(2, 2)
    data = [{"pixels": cf.ones(3, 2), "labels": cf.zeros(3)}]
    trainer = Autoencoder(model, cf.SGD(model.parameters(), lr=0.1), cf.mse_loss, progress=False)
    expected = 2 * cf.mse_loss(model(cf.ones(3, 2)), cf.ones(3, 2)).item()
    assert trainer.fit(data)["loss"] == [expected]


def test_generators_decide_the_order() -> None:
    def trained(seed: int) -> list[Any]:
        model = network()
        generator = cf.Generator().manual_seed(seed)
        x, y = np.random.default_rng(0).normal(size=(40, 3)), np.ones((40, 1))
        quiet(model, cf.SGD(model.parameters(), lr=0.1)).fit(
            (x, y), 2, batch_size=4, generator=generator
        )
        return weights(model)

    assert trained(1) == trained(1) != trained(2)


def test_what_cannot_be_is_refused() -> None:
    model = network()
    optimizer = cf.SGD(model.parameters(), lr=0.1)
    with pytest.raises(TypeError, match="model must be a Module, not int"):
        Trainer(3, optimizer, cf.mse_loss)
    with pytest.raises(TypeError, match="optimizer must be an Optimizer, not str"):
        Trainer(model, "adam", cf.mse_loss)
    with pytest.raises(TypeError, match="loss must be a function or a module"):
        Trainer(model, optimizer, cf.nn.MSELoss)
    with pytest.raises(TypeError, match="a metric is an object such as"):
        Trainer(model, optimizer, cf.mse_loss, metrics=[Accuracy])
    with pytest.raises(TypeError, match="must be a list or a dictionary"):
        Trainer(model, optimizer, cf.mse_loss, metrics=Accuracy())
    with pytest.raises(ValueError, match="there is a metric 'accuracy' already"):
        Trainer(model, optimizer, cf.mse_loss, metrics=[Accuracy(), Accuracy()])
    with pytest.raises(ValueError, match="accumulate_steps must be at least 1"):
        Trainer(model, optimizer, cf.mse_loss, accumulate_steps=0)
    with pytest.raises(ValueError, match="scheduler_interval must be"):
        Trainer(model, optimizer, cf.mse_loss, scheduler_interval="batch")
    with pytest.raises(ValueError, match="progress must be"):
        Trainer(model, optimizer, cf.mse_loss, progress="loud")
    trainer = quiet(model, optimizer)
    with pytest.raises(ValueError, match="epochs must not be negative"):
        trainer.fit(batches(), -1)
    with pytest.raises(TypeError, match="epochs must be a whole number"):
        trainer.fit(batches(), 1.0)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"EarlyStopping\(\), not a class"):
        quiet(model, optimizer, callbacks=[EarlyStopping])
    for loss, message in ((lambda a, b: 3.0, "is 3.0"), (cf.sub, r"of shape \[4, 1\]")):
        with pytest.raises(TypeError, match=f"a tensor of one element.*{message}"):
            quiet(model, optimizer, loss).fit(batches())
    with pytest.raises(TypeError, match="not int"):
        trainer.fit(3)
    with pytest.raises(ValueError, match="no batches in epoch 1"):
        trainer.fit([])
    with pytest.raises(ValueError, match="no batches in epoch 2; an iterator can be walked only"):
        trainer.fit(iter(batches()), 2)
    with pytest.raises(ValueError, match="evaluate: there are no batches"):
        trainer.evaluate([])
    with pytest.raises(ValueError, match="predict: there are no batches"):
        trainer.predict([])


def test_a_history_is_a_table(tmp_path: Any) -> None:
    history = History({"loss": [1.0, 0.5]})
    history.add({"loss": 0.25, "val_loss": 0.5, "confusion": np.eye(2)})
    assert dict(history) == {
        "loss": [1.0, 0.5, 0.25],
        "val_loss": pytest.approx([np.nan] * 2 + [0.5], nan_ok=True),
    }
    assert pickle.loads(pickle.dumps(history)).epochs == 3
    picture = history.plot(tmp_path / "history.png")
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert picture.stat().st_size > 5000
    with pytest.raises(ValueError, match="no epoch yet"):
        History().plot(tmp_path / "none.png")
    with pytest.raises(ValueError, match="one length"):
        History({"loss": [1.0], "lr": []})


def test_loaders_and_datasets() -> None:
    x, y = (
        np.random.default_rng(0).normal(size=(20, 3)).astype(np.float32),
        np.ones((20, 1), np.float32),
    )
    dataset = TensorDataset(x, y)
    losses = []
    for data in (dataset, DataLoader(dataset, batch_size=8), (x, y), (cf.tensor(x), cf.tensor(y))):
        model = network()
        trainer = quiet(model, cf.SGD(model.parameters(), lr=0.1))
        losses.append(trainer.fit(data, 2, batch_size=8, shuffle=False)["loss"])
    assert losses[0] == losses[1] == losses[2] == losses[3]
