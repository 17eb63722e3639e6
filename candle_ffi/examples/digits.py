"""Handwritten digits, from pixels to a trained network and back from its file.

Run it with `python -m candle_ffi.examples.digits`; it writes digits.safetensors and training.png
into the current folder, or into the one given as the argument.
"""

from __future__ import annotations

import math
import sys
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from tqdm import tqdm

import candle_ffi as cf

matplotlib.use("Agg")  # a picture into a file needs no screen
import matplotlib.pyplot as plt

EPOCHS = 40
BATCH = 32
RATE = 0.05
History = dict[str, list[float]]


def make_model() -> cf.nn.Module:
    """Return an untrained network for images of 8×8 pixels.

    Returns
    -------
    Module
        From ``[n, 64]`` pixels to ``[n, 10]`` scores.
    """
    return cf.nn.Sequential(
        cf.nn.Linear(64, 128),
        cf.nn.ReLU(),
        cf.nn.Dropout(0.2),
        cf.nn.Linear(128, 64),
        cf.nn.ReLU(),
        cf.nn.Linear(64, 10),
    )


def predict(model: cf.nn.Module, images: cf.Tensor) -> cf.Tensor:
    """Return the digit that the network sees in each image.

    Parameters
    ----------
    model : Module
        The network.
    images : Tensor
        ``[n, 64]`` pixels.

    Returns
    -------
    Tensor
        ``[n]`` digits.
    """
    model.eval()
    with cf.no_grad():
        scores: cf.Tensor = model(images)
    return scores.argmax(dim=1)


def accuracy(model: cf.nn.Module, images: cf.Tensor, labels: cf.Tensor) -> float:
    """Return the part of the images that the network reads right.

    Parameters
    ----------
    model : Module
        The network.
    images, labels : Tensor
        ``[n, 64]`` pixels and ``[n]`` digits.

    Returns
    -------
    float
        Between 0 and 1.
    """
    return float((predict(model, images) == labels).float().mean())


def train(
    model: cf.nn.Module,
    train_set: tuple[cf.Tensor, cf.Tensor],
    test_set: tuple[cf.Tensor, cf.Tensor],
) -> History:
    """Train with stochastic gradient descent.

    Parameters
    ----------
    model : Module
        The network; it is changed.
    train_set, test_set : tuple of Tensor
        Images and labels.

    Returns
    -------
    dict
        Loss and accuracies after each epoch.
    """
    images, labels = train_set
    optimizer = cf.optim.SGD(model.parameters(), lr=RATE, momentum=0.9, weight_decay=1e-4)
    history: History = {"loss": [], "train": [], "test": []}
    progress = tqdm(range(EPOCHS), desc="training", unit="epoch")
    for epoch in progress:
        model.train()
        # The learning rate falls from its start to zero along a cosine.
        optimizer.param_groups[0]["lr"] = RATE * (1 + math.cos(math.pi * epoch / EPOCHS)) / 2
        order = cf.randperm(len(images))
        total = 0.0
        for start in range(0, len(images), BATCH):
            rows = order[start : start + BATCH]
            loss = cf.nn.functional.cross_entropy(model(images[rows]), labels[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item() * len(rows)
        history["loss"].append(total / len(images))
        history["train"].append(accuracy(model, *train_set))
        history["test"].append(accuracy(model, *test_set))
        progress.set_postfix(loss=f"{history['loss'][-1]:.4f}", test=f"{history['test'][-1]:.3f}")
    return history


def plot(
    history: History, images: np.ndarray, labels: np.ndarray, seen: np.ndarray, path: Path
) -> None:
    """Draw the course of the training, and some test images with what the network saw in them.

    Parameters
    ----------
    history : dict
        As `train` returns it.
    images, labels, seen : ndarray
        ``[n, 64]`` pixels, ``[n]`` true digits, ``[n]`` predicted digits.
    path : Path
        The PNG file.
    """
    figure = plt.figure(figsize=(11, 6.5), layout="constrained")
    panels: Any = figure.subfigures(1, 2, width_ratios=(1, 1.15))
    left, right = panels
    top, bottom = left.subplots(2, 1, sharex=True)
    epochs = range(1, len(history["loss"]) + 1)
    top.plot(epochs, history["loss"], color="tab:red")
    top.set(ylabel="training loss", yscale="log")
    bottom.plot(epochs, history["train"], label="train")
    bottom.plot(epochs, history["test"], label="test")
    bottom.set(xlabel="epoch", ylabel="accuracy")
    bottom.legend()

    # The mistakes come first: they are what one wants to see.
    order = np.argsort(seen == labels, kind="stable")
    right.suptitle("Test images: predicted digit, red where it is wrong")
    for axes, index in zip(right.subplots(5, 6).flat, order, strict=False):
        wrong = seen[index] != labels[index]
        title = f"{seen[index]} (is {labels[index]})" if wrong else str(seen[index])
        axes.imshow(images[index].reshape(8, 8), cmap="gray_r")
        axes.set_title(title, color="tab:red" if wrong else "black", fontsize=10)
        axes.axis("off")
    figure.savefig(path, dpi=110)
    plt.close(figure)


def main(folder: Path) -> None:
    """Train, save, load into a new network, and draw.

    Parameters
    ----------
    folder : Path
        Where the files go.
    """
    digits = load_digits()
    pixels, labels = (digits.data / 16.0).astype(np.float32), digits.target.astype(np.int64)
    split = train_test_split(pixels, labels, test_size=0.2, stratify=labels, random_state=42)
    x_train, x_test, y_train, y_test = (cf.tensor(part) for part in split)

    cf.manual_seed(0)
    model = make_model()
    history = train(model, (x_train, y_train), (x_test, y_test))
    print(f"train accuracy: {history['train'][-1]:.4f} on {len(x_train)} images")
    print(f"test accuracy:  {history['test'][-1]:.4f} on {len(x_test)} images")

    weights = folder / "digits.safetensors"
    model.save(weights)
    restored = make_model().load(weights)
    seen = predict(model, x_test)
    same = (predict(restored, x_test) == seen).all().item()
    print(f"wrote {weights}; a new network with these weights predicts the same: {same}")
    if not same:
        raise SystemExit("the restored network differs")

    picture = folder / "training.png"
    plot(history, split[1], split[3], seen.numpy(), picture)
    print(f"wrote {picture}")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "."))
