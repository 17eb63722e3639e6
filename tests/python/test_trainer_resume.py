"""An interrupted training goes on to the weights and the history of one that was not."""

from __future__ import annotations

import functools
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import backend
import numpy as np
import pytest

if backend.IS_TORCH:
    pytest.skip("PyTorch has no trainer", allow_module_level=True)

from sklearn.datasets import load_digits

import candle_ffi as cf
from candle_ffi import checkpoint
from candle_ffi.data import DataLoader, TensorDataset
from candle_ffi.optim import lr_scheduler
from candle_ffi.training import (
    Accuracy,
    Callback,
    EarlyStopping,
    F1Score,
    MeanMetric,
    Metric,
    ModelCheckpoint,
    Trainer,
)

X, Y = load_digits(return_X_y=True)
X, Y = (X[:240] / 16).astype(np.float32), Y[:240]
EPOCHS = 5


class Interrupt(Callback):
    """Ctrl-C after a batch, or after an epoch."""

    order = 200

    def __init__(self, step: int = 0, epoch: int = 0) -> None:
        self.step, self.epoch = step, epoch

    def on_batch_end(self, trainer: Trainer, logs: dict[str, Any]) -> None:
        if trainer.step == self.step:
            raise KeyboardInterrupt

    def on_epoch_end(self, trainer: Trainer, logs: dict[str, Any]) -> None:
        if trainer.epoch == self.epoch:
            raise KeyboardInterrupt


def arrays() -> Any:
    return (X, Y)


def loader() -> Any:
    generator = cf.Generator().manual_seed(7)
    return DataLoader(TensorDataset(X, Y), batch_size=32, shuffle=True, generator=generator)


def batches() -> Any:
    return [(X[start : start + 32], Y[start : start + 32]) for start in range(0, 240, 32)]


def dataset() -> Any:
    return TensorDataset(cf.tensor(X), cf.tensor(Y))


def trainer_of(seed: int, *callbacks: Callback, **options: Any) -> Trainer:
    cf.manual_seed(seed)
    np.random.seed(seed)  # noqa: NPY002  # what a transform of somebody may use
    model = cf.nn.Sequential(
        cf.nn.Linear(64, 24),
        cf.nn.BatchNorm1d(24),
        cf.nn.ReLU(),
        cf.nn.Dropout(0.3),
        cf.nn.Linear(24, 10),
    )
    optimizer = cf.optim.AdamW(model.parameters(), lr=0.01)
    return Trainer(
        model,
        optimizer,
        cf.nn.CrossEntropyLoss(),
        metrics=[Accuracy(), F1Score(), MeanMetric(lambda a, b: a.mean(), name="mean")],
        scheduler=lr_scheduler.OneCycleLR(optimizer, 0.01, total_steps=500),
        callbacks=callbacks,
        progress=False,
        **options,
    )


def outcome(trainer: Trainer) -> tuple[Any, Any, Any]:
    weights = {name: tensor.tolist() for name, tensor in trainer.model.state_dict().items()}
    return weights, dict(trainer.history), cf.get_rng_state().tolist()


@functools.cache
def straight(data: Callable[[], Any]) -> tuple[Any, Any, Any]:
    """What a training that nobody interrupts comes to."""
    trainer = trainer_of(0)
    trainer.fit(data(), EPOCHS, validation=(X[:50], Y[:50]))
    return outcome(trainer)


def resumed(data: Callable[[], Any], path: Path) -> tuple[Any, Any, Any]:
    trainer = trainer_of(99)
    trainer.fit(data(), EPOCHS, validation=(X[:50], Y[:50]), resume=path)
    assert trainer.resumed
    return outcome(trainer)


@pytest.mark.parametrize("data", [arrays, loader, batches, dataset])
@pytest.mark.parametrize("epoch", [1, 4])
def test_after_an_epoch(data: Callable[[], Any], epoch: int, tmp_path: Path) -> None:
    kept = ModelCheckpoint(tmp_path)
    trainer = trainer_of(0, kept, Interrupt(epoch=epoch))
    with pytest.raises(KeyboardInterrupt):
        trainer.fit(data(), EPOCHS, validation=(X[:50], Y[:50]))
    assert checkpoint.read(kept.last).epoch == epoch
    assert resumed(data, kept.last) == straight(data)


@pytest.mark.parametrize("data", [arrays, loader, batches, dataset])
@pytest.mark.parametrize("step", [3, 8, 21])
def test_in_the_middle_of_an_epoch(data: Callable[[], Any], step: int, tmp_path: Path) -> None:
    kept = ModelCheckpoint(tmp_path, every_n_steps=1)
    with pytest.raises(KeyboardInterrupt):
        trainer_of(0, kept, Interrupt(step=step)).fit(data(), EPOCHS, validation=(X[:50], Y[:50]))
    assert resumed(data, kept.last) == straight(data)


class Median(Metric):
    """A metric that keeps the outputs of all batches."""

    def reset(self) -> None:
        self.outputs: list[cf.Tensor] = []

    def update(self, preds: cf.Tensor, target: cf.Tensor) -> None:
        self.outputs.append(preds)

    def compute(self) -> float:
        return cf.cat(self.outputs).median().item()


def test_metrics_that_keep_lists(tmp_path: Path) -> None:
    def made(seed: int, *callbacks: Callback) -> Trainer:
        trainer = trainer_of(seed, *callbacks)
        trainer.metrics = {"median": Median()}
        return trainer

    kept = ModelCheckpoint(tmp_path, every_n_steps=1)
    with pytest.raises(KeyboardInterrupt):
        made(0, kept, Interrupt(step=11)).fit(loader(), 2)
    found, expected = made(1), made(0)
    expected.fit(loader(), 2)
    found.fit(loader(), 2, resume=kept.last)
    assert outcome(found)[:2] == outcome(expected)[:2]


def test_gathered_gradients_are_kept_whole(tmp_path: Path) -> None:
    kept = ModelCheckpoint(tmp_path, every_n_steps=4)
    options = {"accumulate_steps": 3}
    with pytest.raises(KeyboardInterrupt):
        trainer_of(0, kept, Interrupt(step=15), **options).fit(arrays(), EPOCHS)
    assert checkpoint.read(kept.last).states["trainer"]["step"] == 14  # 8, and 6 of the next epoch
    found = trainer_of(1, **options)
    found.fit(arrays(), EPOCHS, resume=kept.last)
    expected = trainer_of(0, **options)
    expected.fit(arrays(), EPOCHS)
    assert outcome(found) == outcome(expected)


def test_an_early_stop_goes_on_too(tmp_path: Path) -> None:
    def callbacks() -> tuple[EarlyStopping, ModelCheckpoint]:
        stopping = EarlyStopping(patience=2, min_delta=0.2, restore_best=True)
        return stopping, ModelCheckpoint(tmp_path)

    stopping, _ = callbacks()
    first = trainer_of(0, stopping)
    first.fit(arrays(), 50, validation=(X[:50], Y[:50]))
    assert 2 < stopping.stopped_epoch < 50
    for epoch in (2, stopping.stopped_epoch - 1, stopping.stopped_epoch):
        with pytest.raises(KeyboardInterrupt):
            trainer_of(0, *callbacks(), Interrupt(epoch=epoch)).fit(
                arrays(), 50, validation=(X[:50], Y[:50])
            )
        again, kept = callbacks()
        second = trainer_of(5, kept, again)
        second.fit(arrays(), 50, validation=(X[:50], Y[:50]), resume=kept.last)
        assert outcome(second)[:2] == outcome(first)[:2]
        assert (again.best, again.best_epoch) == (stopping.best, stopping.best_epoch)


def test_best_and_last(tmp_path: Path) -> None:
    kept = ModelCheckpoint(tmp_path / "states", every_n_epochs=3)
    trainer = trainer_of(0, kept)
    history = trainer.fit(arrays(), EPOCHS, validation=(X[:50], Y[:50]))
    best = int(np.argmin(history["val_loss"])) + 1
    assert checkpoint.read(kept.best).epoch == best
    assert checkpoint.read(kept.last).epoch == EPOCHS
    assert kept.best_value == min(history["val_loss"])
    model = trainer_of(1).model
    state = cf.get_rng_state().tolist()
    checkpoint.load(kept.best, strict=False, random_state=False, model=model)
    assert cf.get_rng_state().tolist() == state
    other = trainer_of(2)
    other.load_checkpoint(kept.best)
    assert other.epoch == best
    assert other.evaluate((X[:50], Y[:50]))["loss"] == pytest.approx(kept.best_value)


def test_only_what_is_wanted_is_written(tmp_path: Path) -> None:
    trainer_of(0, ModelCheckpoint(tmp_path / "a", save_last=False)).fit(arrays(), 1)
    trainer_of(0, ModelCheckpoint(tmp_path / "b", save_best=False)).fit(arrays(), 1)
    assert os.listdir(tmp_path / "a") == ["best.safetensors"]
    assert os.listdir(tmp_path / "b") == ["last.safetensors"]


@pytest.mark.parametrize("by_callback", [True, False])
def test_a_checkpoint_after_an_interrupt(by_callback: bool, tmp_path: Path) -> None:
    """It has the weights as they are, and begins the epoch anew."""
    path = tmp_path / "mine.safetensors"

    class Save(Callback):
        def on_exception(self, trainer: Trainer, error: BaseException) -> None:
            if by_callback:
                trainer.save_checkpoint(path)

    trainer = trainer_of(0, Interrupt(step=11), Save())
    with pytest.raises(KeyboardInterrupt):
        trainer.fit(arrays(), EPOCHS)
    if not by_callback:
        trainer.save_checkpoint(path)
    assert path.exists()
    other = trainer_of(1)
    other.fit(arrays(), EPOCHS, resume=path)
    assert other.history.epochs == EPOCHS
    assert other.history["loss"][0] == trainer.history["loss"][0]
    assert other.step == 11 + 4 * 8


def test_checkpoints_at_the_wrong_moment(tmp_path: Path) -> None:
    class Save(Callback):
        def on_validation_end(self, trainer: Trainer, logs: dict[str, Any]) -> None:
            trainer.save_checkpoint(tmp_path / "x.safetensors")

    with pytest.raises(cf.CallbackError, match="in the middle of a step or of a validation"):
        trainer_of(0, Save()).fit(arrays(), 1, validation=(X, Y))
    assert not list(tmp_path.iterdir())


def test_checkpoints_of_other_trainings_change_nothing(tmp_path: Path) -> None:
    kept = ModelCheckpoint(tmp_path)
    trainer_of(0, kept).fit(arrays(), 2)
    other = trainer_of(3)
    other.model[0] = cf.nn.Linear(64, 25)
    before = outcome(other)
    with pytest.raises(cf.StateDictError):
        other.fit(arrays(), 3, resume=kept.last)
    assert outcome(other) == before
    assert other.epoch == 0
    with pytest.raises(cf.MissingFileError):
        other.fit(arrays(), 3, resume=tmp_path / "nowhere.safetensors")
    damaged = bytearray(kept.last.read_bytes())
    damaged[len(damaged) // 2] ^= 1
    kept.last.write_bytes(damaged)
    with pytest.raises(cf.FileFormatError):
        trainer_of(0).fit(arrays(), 3, resume=kept.last)


PROGRAM = """
import sys
from pathlib import Path
sys.path.insert(0, {tests!r})
import test_trainer_resume as tests
from candle_ffi.training import ModelCheckpoint

class Tell(tests.Callback):
    order = 200
    def on_batch_end(self, trainer, logs):
        print(trainer.step, flush=True)
        sys.stdin.readline()

kept = ModelCheckpoint(Path(sys.argv[1]), every_n_steps=1)
validation = (tests.X[:50], tests.Y[:50])
tests.trainer_of(0, kept, Tell()).fit(tests.loader(), tests.EPOCHS, validation=validation)
"""


@pytest.mark.parametrize("way", [signal.SIGKILL, signal.SIGINT])
def test_a_process_that_is_killed(way: signal.Signals, tmp_path: Path) -> None:
    code = PROGRAM.format(tests=str(Path(__file__).parent))
    with subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdin is not None and process.stdout is not None
        for _ in range(18):
            assert process.stdout.readline()
            process.stdin.write("\n")
            process.stdin.flush()
        assert process.stdout.readline().strip() == "19"
        time.sleep(0.05)
        process.send_signal(way)
        _, errors = process.communicate(timeout=60)
    assert process.returncode == -way
    if way == signal.SIGINT:
        assert "KeyboardInterrupt" in errors
    assert sorted(os.listdir(tmp_path)) == ["best.safetensors", "last.safetensors"]
    assert resumed(loader, tmp_path / "last.safetensors") == straight(loader)
