"""Callbacks, progress, early stopping, and event files."""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import backend
import numpy as np
import pytest

if backend.IS_TORCH:
    pytest.skip("PyTorch has no trainer", allow_module_level=True)

import candle_ffi as cf
from candle_ffi.training import (
    Callback,
    EarlyStopping,
    ModelCheckpoint,
    ProgressBar,
    ProgressLines,
    TensorBoard,
    Trainer,
)

X = cf.tensor(np.random.default_rng(0).normal(size=(12, 2)).astype(np.float32))
Y = X.sum(dim=1, keepdim=True)
BATCHES = [(X[:5], Y[:5]), (X[5:], Y[5:])]


def trainer_of(*callbacks: Any, lr: float = 0.1, **options: Any) -> Trainer:
    cf.manual_seed(0)
    model = cf.nn.Linear(2, 1)
    options = {"progress": False, **options}
    optimizer = cf.SGD(model.parameters(), lr=lr)
    return Trainer(model, optimizer, cf.mse_loss, callbacks=callbacks, **options)


class Recorder(Callback):
    """Writes down what is called."""

    def __init__(self) -> None:
        self.calls: list[str] = []

    def on_fit_begin(self, trainer: Trainer) -> None:
        self.calls.append(f"fit {trainer.total_epochs}")

    def on_fit_end(self, trainer: Trainer) -> None:
        self.calls.append("fit end")

    def on_exception(self, trainer: Trainer, error: BaseException) -> None:
        self.calls.append(type(error).__name__)

    def on_epoch_begin(self, trainer: Trainer) -> None:
        self.calls.append(f"epoch {trainer.epoch}")

    def on_batch_end(self, trainer: Trainer, logs: dict[str, Any]) -> None:
        assert np.isfinite(logs["loss"])
        self.calls.append(f"batch {trainer.step} of {logs['size']}")

    def on_validation_begin(self, trainer: Trainer) -> None:
        self.calls.append("validation")

    def on_validation_end(self, trainer: Trainer, logs: dict[str, Any]) -> None:
        self.calls.append(f"validated {sorted(logs)}")

    def on_epoch_end(self, trainer: Trainer, logs: dict[str, Any]) -> None:
        assert trainer.history["loss"][-1] == logs["loss"]
        self.calls.append(f"epoch end {sorted(logs)}")


def test_the_order_of_calls() -> None:
    recorder = Recorder()
    trainer_of(recorder).fit(BATCHES, 2, validation=BATCHES)
    epoch = ["validation", "validated ['val_loss']", "epoch end ['loss', 'lr', 'val_loss']"]
    assert recorder.calls == [
        "fit 2",
        "epoch 1",
        "batch 1 of 5",
        "batch 2 of 7",
        *epoch,
        "epoch 2",
        "batch 3 of 5",
        "batch 4 of 7",
        *epoch,
        "fit end",
    ]


def test_a_callback_may_be_any_object() -> None:
    class Anything:
        epochs = 0

        def on_epoch_end(self, trainer: Trainer, logs: dict[str, Any]) -> None:
            self.epochs += 1

    anything = Anything()
    trainer_of(anything).fit(BATCHES, 3)
    assert anything.epochs == 3


def test_a_callback_that_fails_is_named() -> None:
    class Broken(Callback):
        def on_batch_end(self, trainer: Trainer, logs: dict[str, Any]) -> None:
            if trainer.step == 3:
                raise KeyError("lost")

    recorder = Recorder()
    trainer = trainer_of(recorder, Broken())
    with pytest.raises(cf.CallbackError, match=r"Broken\.on_batch_end .* epoch 2, step 3.*lost"):
        trainer.fit(BATCHES, 3)
    assert recorder.calls[-1] == "CallbackError"
    assert trainer.history.epochs == 1


def test_the_cause_of_a_failure_is_kept() -> None:
    class Broken(Callback):
        def on_fit_begin(self, trainer: Trainer) -> None:
            raise OSError("no room")

        def on_exception(self, trainer: Trainer, error: BaseException) -> None:
            raise ValueError("here too")

    with (
        pytest.warns(UserWarning, match=r"Broken\.on_exception.*here too"),
        pytest.raises(cf.CallbackError, match="no room") as caught,
    ):
        trainer_of(Broken()).fit(BATCHES)
    assert isinstance(caught.value.__cause__, OSError)


def test_an_interrupt_passes_on() -> None:
    class Interrupt(Callback):
        def on_batch_end(self, trainer: Trainer, logs: dict[str, Any]) -> None:
            if trainer.step == 4:
                raise KeyboardInterrupt

    recorder = Recorder()
    trainer = trainer_of(Interrupt(), recorder)
    with pytest.raises(KeyboardInterrupt):
        trainer.fit(BATCHES, 3)
    assert recorder.calls[-1] == "KeyboardInterrupt"
    assert trainer.history.epochs == 1
    assert trainer.fit(BATCHES, 1).epochs == 2


def test_training_stops_when_a_callback_says_so() -> None:
    class Stop(Callback):
        def on_epoch_end(self, trainer: Trainer, logs: dict[str, Any]) -> None:
            if trainer.epoch == 2:
                assert not trainer.is_last_epoch
                trainer.stop()
                assert trainer.is_last_epoch

    trainer = trainer_of(Stop())
    assert trainer.fit(BATCHES, 9).epochs == 2
    assert trainer.fit(BATCHES, 1).epochs == 3  # the next one begins anew


class Scripted(Callback):
    """Puts numbers of its own in place of the measured ones."""

    order = -1

    def __init__(self, name: str, values: list[float]) -> None:
        self.name, self.values = name, values

    def on_epoch_end(self, trainer: Trainer, logs: dict[str, Any]) -> None:
        logs[self.name] = self.values[trainer.epoch - 1]


@pytest.mark.parametrize(
    ("values", "options", "stopped", "best"),
    [
        ([3, 2, 1, 1, 1, 0], {"patience": 2}, 5, 3),
        ([3, 2, 1, 1, 1, 0], {"patience": 3}, 0, 6),
        ([3, 2.5, 2.6, 2.3, 0, 0], {"patience": 2, "min_delta": 0.5}, 3, 1),
        ([1, 2, 3, 2, 2, 2], {"patience": 2, "mode": "max"}, 5, 3),
        ([float("nan")] * 6, {"patience": 4}, 4, 0),
        ([3, 2, 2, 2, 2, 2], {"patience": 1}, 3, 2),
    ],
)
def test_early_stopping(
    values: list[float], options: dict[str, Any], stopped: int, best: int
) -> None:
    stopping = EarlyStopping("loss", **options)
    trainer = trainer_of(Scripted("loss", values), stopping)
    assert trainer.fit(BATCHES, 6).epochs == (stopped or 6)
    assert (stopping.stopped_epoch, stopping.best_epoch) == (stopped, best)
    if best:
        assert stopping.best == values[best - 1]


def test_higher_scores_are_better() -> None:
    stopping = EarlyStopping("val_accuracy", patience=1)
    trainer_of(Scripted("val_accuracy", [0.5, 0.6, 0.7, 0.6]), stopping).fit(BATCHES, 4)
    assert (stopping.stopped_epoch, stopping.best) == (4, 0.7)


@pytest.mark.parametrize("epochs", [4, 9])
def test_the_best_weights_come_back(epochs: int) -> None:
    kept: dict[int, Any] = {}

    class Keep(Callback):
        def on_epoch_end(self, trainer: Trainer, logs: dict[str, Any]) -> None:
            kept[trainer.epoch] = trainer.model.weight.tolist()

    script = Scripted("loss", [3, 1, 2, 2, 2, 2, 2, 2, 2])
    trainer = trainer_of(script, Keep(), EarlyStopping(patience=3, restore_best=True))
    trainer.fit(BATCHES, epochs)
    assert trainer.model.weight.tolist() == kept[2] != kept[max(kept)]


def test_what_cannot_be_monitored() -> None:
    with pytest.raises(cf.CallbackError, match=r"EarlyStopping.*no 'f1' to monitor.*loss, lr"):
        trainer_of(EarlyStopping("f1")).fit(BATCHES)
    for options in ({"mode": "up"}, {"patience": -1}, {"min_delta": -1.0}):
        with pytest.raises(ValueError, match=next(iter(options))):
            EarlyStopping(**options)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="every_n_epochs"):
        ModelCheckpoint("nowhere", every_n_epochs=0)


# Progress -----------------------------------------------------------------------------------------


def test_lines() -> None:
    file = io.StringIO()
    trainer_of(ProgressLines(file)).fit(BATCHES, 2, validation=BATCHES)
    lines = file.getvalue().splitlines()
    assert len(lines) == 2
    assert re.fullmatch(r"epoch 2/2  \d+\.\d s  loss \S+  val_loss \S+  lr 0\.1", lines[1])


def test_bars(capsys: pytest.CaptureFixture[str]) -> None:
    trainer_of(progress="bar").fit(BATCHES, 2)
    text = capsys.readouterr().err
    assert "epoch 2/2: 100%" in text
    assert "2/2" in text
    assert "loss=" in text


def test_bars_of_unknown_length(capsys: pytest.CaptureFixture[str]) -> None:
    trainer_of(ProgressBar(leave=False)).fit(iter(BATCHES))
    assert "epoch 1/1" in capsys.readouterr().err


def test_bars_end_with_an_error(capsys: pytest.CaptureFixture[str]) -> None:
    trainer = trainer_of(progress="bar")
    with pytest.raises(cf.ShapeError):
        trainer.fit([*BATCHES, (cf.ones(2, 5), cf.ones(2, 1))])
    assert capsys.readouterr().err.endswith("\n")


def test_silence(capsys: pytest.CaptureFixture[str]) -> None:
    trainer_of().fit(BATCHES, 2)
    assert capsys.readouterr() == ("", "")


PROGRAM = """
import sys
for name in {missing}:
    sys.modules[name] = None
import candle_ffi as cf
from candle_ffi.training import History, ProgressBar, TensorBoard, Trainer
model = cf.nn.Linear(1, 1)
Trainer(model, cf.SGD(model.parameters(), lr=0.1), cf.mse_loss).fit(
    [(cf.ones(2, 1), cf.ones(2, 1))], 2
)
for make in (ProgressBar, lambda: TensorBoard("x"), lambda: History({{"loss": [1.0]}}).plot("x")):
    try:
        make()
    except ImportError as error:
        print(error)
"""


def test_without_the_packages_that_are_optional() -> None:
    missing = ["tqdm", "tensorboard", "tensorboardX", "matplotlib", "sklearn"]
    code = PROGRAM.format(missing=missing)
    found = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=True
    )
    lines = found.stderr.splitlines()
    assert [line.split("  ")[0] for line in lines] == ["epoch 1/2", "epoch 2/2"]
    assert found.stdout.splitlines() == [
        "ProgressBar needs tqdm: pip install tqdm",
        "TensorBoard needs a writer of event files: pip install tensorboardX",
        "plot needs matplotlib: pip install matplotlib",
    ]


# Event files --------------------------------------------------------------------------------------


def scalars(folder: Path) -> dict[str, list[tuple[int, float]]]:
    """What TensorBoard reads."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(folder))
    events.Reload()
    return {
        name: [(event.step, event.value) for event in events.Scalars(name)]
        for name in events.Tags()["scalars"]
    }


@pytest.fixture(params=["tensorboardX", "tensorboard"])
def writer(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Any:
    """One of the two packages that write event files."""
    if request.param == "tensorboard":
        monkeypatch.setitem(sys.modules, "tensorboardX", None)
    return request.param


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_event_files(writer: str, tmp_path: Path) -> None:
    board = TensorBoard(tmp_path, every_n_steps=2)
    trainer = trainer_of(board, metrics={"bias": lambda preds, target: 0.5})
    history = trainer.fit(BATCHES, 3, validation=BATCHES)
    found = scalars(tmp_path)
    assert set(found) == {
        "loss/train",
        "loss/val",
        "bias/train",
        "bias/val",
        "lr",
        "loss/batch",
    }
    for name, column in (("loss/train", "loss"), ("loss/val", "val_loss"), ("lr", "lr")):
        assert [step for step, _ in found[name]] == [1, 2, 3]
        assert [value for _, value in found[name]] == pytest.approx(history[column])
    assert [step for step, _ in found["loss/batch"]] == [2, 4, 6]
    assert board.writer is None


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_event_files_of_a_training_that_goes_on(writer: str, tmp_path: Path) -> None:
    """What was written after the checkpoint is replaced."""

    class Interrupt(Callback):
        order = 200

        def on_epoch_end(self, trainer: Trainer, logs: dict[str, Any]) -> None:
            if trainer.epoch == 3:
                raise KeyboardInterrupt

    checkpoint = ModelCheckpoint(tmp_path / "states", every_n_epochs=2)
    with pytest.raises(KeyboardInterrupt):
        trainer_of(TensorBoard(tmp_path / "board"), checkpoint, Interrupt()).fit(BATCHES, 4)
    trainer = trainer_of(TensorBoard(tmp_path / "board"), checkpoint)
    history = trainer.fit(BATCHES, 4, resume=checkpoint.last)
    found = scalars(tmp_path / "board")["loss/train"]
    assert [step for step, _ in found] == [1, 2, 3, 4]
    assert [value for _, value in found] == pytest.approx(history["loss"])
    assert len(list((tmp_path / "board").iterdir())) == 2


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_histograms_and_interrupts(tmp_path: Path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    class Interrupt(Callback):
        def on_epoch_begin(self, trainer: Trainer) -> None:
            if trainer.epoch == 3:
                raise KeyboardInterrupt

    board = TensorBoard(tmp_path, histograms=True)
    with pytest.raises(KeyboardInterrupt):
        trainer_of(board, Interrupt()).fit(BATCHES, 5)
    assert board.writer is None
    events = EventAccumulator(str(tmp_path))
    events.Reload()
    assert set(events.Tags()["histograms"]) == {"weight", "bias"}
    assert len(events.Scalars("loss/train")) == 2


def test_folders_are_made(tmp_path: Path) -> None:
    trainer_of(TensorBoard(tmp_path / "a" / "b")).fit(BATCHES)
    assert len(os.listdir(tmp_path / "a" / "b")) == 1
