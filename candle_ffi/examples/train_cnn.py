"""Train a small convolutional network (LeNet's form) on images of digits.

Run it with ``python -m candle_ffi.examples.train_cnn``, and two files in MNIST's IDX format or one
CSV file with lines of 64 pixels of 8 x 8 images, 0 to 16, then the label.
``examples/c/train_cnn.c`` is the same program in C; with the same seed it prints the same losses.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import numpy.typing as npt

import candle_ffi as cf
from candle_ffi import nn
from candle_ffi.data.idx import read_idx

Floats = npt.NDArray[np.float32]
Integers = npt.NDArray[np.int64]


def read_digits(files: list[Path]) -> tuple[Floats, Integers]:
    """Return images with pixels between 0 and 1, and their labels."""
    if len(files) == 2:
        try:
            images, labels = read_idx(files[0], 3), read_idx(files[1], 1)
        except cf.CandleError as error:
            raise SystemExit(str(error)) from None
        if len(images) != len(labels):
            raise SystemExit(f"{len(images)} images, but {len(labels)} labels")
        pixels = images.astype(np.float32) / np.float32(255)
        return pixels[:, None], labels.astype(np.int64)
    table = np.loadtxt(files[0], np.float32, delimiter=",", ndmin=2)
    if table.shape[1] != 65 or table.min() < 0 or table.max() > 16:
        raise SystemExit(f"{files[0]}: expected lines of 64 pixels from 0 to 16, then the label")
    pixels = table[:, :64] / np.float32(16)
    return pixels.reshape(-1, 1, 8, 8), table[:, 64].astype(np.int64)


def make_model(height: int, width: int) -> nn.Sequential:
    """Return the network for images of this size."""
    return nn.Sequential(
        nn.Conv2d(1, 6, 5, padding=2),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(6, 16, 5, padding=2),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(16 * (height // 4) * (width // 4), 120),
        nn.ReLU(),
        nn.Linear(120, 10),
    )


def main() -> None:
    """Read the digits, train, and count what is right of the last tenth."""
    parser = argparse.ArgumentParser(prog="train_cnn", description="Train a CNN on digits.")
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--lr", type=float, default=0.02)
    parser.add_argument("--momentum", type=float, default=0.9)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--every", type=int, default=10, help="steps between printed losses")
    parser.add_argument("files", type=Path, nargs="+", help="IDX images and labels, or a CSV")
    options = parser.parse_args()
    if len(options.files) > 2:
        parser.error("one file too many")

    pixels, numbers = read_digits(options.files)
    height, width = pixels.shape[2:]
    if len(pixels) < 10 or min(height, width) < 4:
        raise SystemExit(f"10 images of at least 4 x 4 pixels are needed: {list(pixels.shape)}")
    tests = len(pixels) // 10
    training = len(pixels) - tests
    print(f"{training} images of {height} x {width} for training, {tests} for the test")
    images, labels = cf.tensor(pixels), cf.tensor(numbers)

    cf.manual_seed(options.seed)
    model = make_model(height, width)
    loss_function = nn.CrossEntropyLoss()
    optimizer = cf.optim.SGD(model.parameters(), lr=options.lr, momentum=options.momentum)
    for epoch in range(1, options.epochs + 1):
        losses = []
        for step, batch in enumerate(cf.randperm(training).split(options.batch), 1):
            loss = loss_function(model(images[batch]), labels[batch])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
            if options.every and step % options.every == 0:
                print(f"epoch {epoch}  step {step}  loss {losses[-1]:.8f}")
        print(f"epoch {epoch}  mean loss {sum(losses) / len(losses):.8f}")

    right = 0
    with cf.no_grad():
        for start in range(training, len(pixels), options.batch):
            rows = slice(start, start + options.batch)
            right += int((model(images[rows]).argmax(1) == labels[rows]).sum().item())
    print(f"right: {right} of {tests}")


if __name__ == "__main__":
    main()
