"""Each example program runs, and says what it should."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import backend
import pytest

if backend.IS_TORCH:
    pytest.skip("the examples are candle_ffi's", allow_module_level=True)

PNG = b"\x89PNG\r\n\x1a\n"


def example(name: str, folder: Path, *arguments: str) -> str:
    """The output of one example, run in an empty folder."""
    command = [sys.executable, "-W", "error", "-m", f"candle_ffi.examples.{name}", *arguments]
    run = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300)
    assert run.returncode == 0, run.stdout + run.stderr
    return run.stdout


def check_png(path: Path) -> None:
    content = path.read_bytes()
    assert content.startswith(PNG) and b"IEND" in content[-12:]
    width, height = (int.from_bytes(content[at : at + 4], "big") for at in (16, 20))
    assert width >= 300 and height >= 200
    assert len(content) > 5000, "a picture with something in it"


def test_simple_nn(tmp_path: Path) -> None:
    output = example("simple_nn", tmp_path)
    assert re.search(r"\(3, \d+\)", output), "shapes of three rows are printed"
    assert len(re.findall(r"-?\d+\.\d+", output)) >= 3, "results are printed"


def test_train_regression(tmp_path: Path) -> None:
    output = example("train_regression", tmp_path)
    losses = [
        float(text) for text in re.findall(r"(?im)^.*epoch.*loss\D*([\d.]+(?:e-?\d+)?)", output)
    ]
    assert len(losses) >= 10, "the loss every ten epochs"
    assert losses[-1] < losses[0] / 50 and losses[-1] < 0.02
    prediction = [line for line in output.splitlines() if "0.5" in line and "2.5" in line]
    assert prediction, "the prediction for [0.5, 0.5] is set against 2.5"
    numbers = [float(text) for text in re.findall(r"\d+\.\d+", prediction[-1])]
    assert any(abs(n - 2.5) < 0.1 and n != 2.5 for n in numbers), prediction


def test_char_lstm(tmp_path: Path) -> None:
    output = example("char_lstm", tmp_path)
    losses = [float(text) for text in re.findall(r"step +\d+  loss ([\d.]+)", output)]
    assert len(losses) == 10 and losses[-1] < losses[0] / 2
    assert "two and three is five." in output
    (right,) = re.findall(r"(\d+) of 36 sums are right", output)
    assert int(right) >= 34, output


def test_ecosystem(tmp_path: Path) -> None:
    pytest.importorskip("pandas")
    pytest.importorskip("sklearn")
    pytest.importorskip("matplotlib")
    example("ecosystem", tmp_path)
    pictures = list(tmp_path.rglob("*.png"))
    assert len(pictures) == 1
    check_png(pictures[0])
    assert list(tmp_path.rglob("*.csv")), "the CSV that pandas reads"


def test_digits(tmp_path: Path) -> None:
    pytest.importorskip("sklearn")
    pytest.importorskip("matplotlib")
    pytest.importorskip("tqdm")
    output = example("digits", tmp_path)
    shares = re.findall(r"(?i)(train|test)[^\n\d]*accuracy\D*(\d+(?:\.\d+)?)\s*(%?)", output)
    accuracy = {name.lower(): float(n) / (100 if percent else 1) for name, n, percent in shares}
    assert accuracy["test"] >= 0.97, output
    assert accuracy["train"] >= accuracy["test"] - 0.02
    check_png(tmp_path / "training.png")
    weights = list(tmp_path.rglob("*.safetensors"))
    assert len(weights) == 1

    import candle_ffi as cf

    assert all(name.endswith(("weight", "bias")) for name in cf.load_file(weights[0]))
