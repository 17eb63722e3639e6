"""What a network has learned, as pictures: the classes it confuses, and what it says of images."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
import numpy.typing as npt

matplotlib.use("Agg")  # a picture into a file needs no screen
import matplotlib.pyplot as plt

__all__ = ["draw_confusion", "draw_predictions"]

Array = npt.NDArray[Any]


def draw_confusion(
    true: Array, seen: Array, classes: Sequence[str], path: Path, title: str
) -> None:
    """Draw how often each class was taken for each other.

    Parameters
    ----------
    true, seen : ndarray
        ``[n]`` labels, and what the network says.
    classes : sequence of str
        The names of the classes.
    path : Path
        The PNG file.
    title : str
        What stands above.
    """
    count = len(classes)
    table = np.zeros((count, count), np.int64)
    np.add.at(table, (true, seen), 1)
    shares = table / np.maximum(table.sum(1, keepdims=True), 1)
    figure, axes = plt.subplots(figsize=(9.5, 8.5), layout="constrained")
    image = axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    for row, column in np.ndindex(count, count):
        if table[row, column]:
            dark = shares[row, column] > 0.5
            axes.text(
                column, row, f"{table[row, column]}", ha="center", va="center", fontsize=10,
                color="white" if dark else "black", weight="bold" if row == column else "normal",
            )  # fmt: skip
    right = np.diag(shares)
    names = [f"{name}  {share:.0%}" for name, share in zip(classes, right, strict=True)]
    axes.set_xticks(range(count), classes, rotation=40, ha="right", rotation_mode="anchor")
    axes.set_yticks(range(count), names)
    axes.set(xlabel="what the network says", ylabel="what it is, and how much of it is found")
    axes.set_title(title, pad=12)
    figure.colorbar(image, ax=axes, label="share of the row", shrink=0.85)
    figure.savefig(path, dpi=110)
    plt.close(figure)


def draw_predictions(
    images: Array, true: Array, probabilities: Array, classes: Sequence[str], path: Path
) -> None:
    """Draw images with what the network says: at the left right ones, at the right mistakes.

    Parameters
    ----------
    images : ndarray
        ``[n, 1, h, w]`` bytes.
    true : ndarray
        ``[n]`` labels.
    probabilities : ndarray
        ``[n, classes]``.
    classes : sequence of str
        The names of the classes.
    path : Path
        The PNG file.
    """
    seen = probabilities.argmax(1)
    wrong = np.flatnonzero(seen != true)
    # The mistakes of which the network was surest are those that tell the most.
    wrong = wrong[np.argsort(-probabilities[wrong, seen[wrong]], kind="stable")]
    halves = {
        "Right: the first ones of the test": (np.flatnonzero(seen == true), "tab:green"),
        "Wrong: the mistakes it was surest of": (wrong, "tab:red"),
    }
    figure = plt.figure(figsize=(13, 8), layout="constrained")
    panels: Any = figure.subfigures(1, 2, wspace=0.04)
    for panel, (title, (chosen, color)) in zip(panels, halves.items(), strict=True):
        panel.suptitle(title, fontsize=13)
        for place, axes in enumerate(panel.subplots(4, 4).flat):
            axes.axis("off")
            if place >= len(chosen):
                continue
            index = chosen[place]
            axes.imshow(images[index, 0], cmap="gray")
            said = f"{classes[seen[index]]} {probabilities[index, seen[index]]:.0%}"
            is_right = seen[index] == true[index]
            text = said if is_right else f"{said}\nis {classes[true[index]]}"
            axes.set_title(text, fontsize=9.5, color=color)
    figure.savefig(path, dpi=110)
    plt.close(figure)
