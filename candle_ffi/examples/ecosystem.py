"""candle_ffi among its neighbours: pandas reads, scikit-learn splits, matplotlib shows.

Run it with `python -m candle_ffi.examples.ecosystem`; it writes houses.csv and predictions.png into
the current folder, or into the one given as the argument.
"""

from __future__ import annotations

import sys
from pathlib import Path

import matplotlib
import numpy as np
import pandas as pd
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

import candle_ffi as cf

matplotlib.use("Agg")  # a picture into a file needs no screen
import matplotlib.pyplot as plt

EPOCHS = 300


def write_csv(path: Path) -> None:
    """Write a table of made-up houses.

    Parameters
    ----------
    path : Path
        The file.
    """
    random = np.random.default_rng(0)
    area = random.uniform(40, 200, 400)
    rooms = np.round(area / 30 + random.normal(0, 0.7, 400)).clip(1, None)
    age = random.uniform(0, 80, 400)
    price = 3.1 * area + 12 * rooms - 0.9 * age + random.normal(0, 12, 400)
    table = pd.DataFrame({"area": area, "rooms": rooms, "age": age, "price": price})
    table.round(2).to_csv(path, index=False)


def main(folder: Path) -> None:
    """Read the table, train, and plot predicted against actual prices.

    Parameters
    ----------
    folder : Path
        Where the files go.
    """
    write_csv(folder / "houses.csv")
    table = pd.read_csv(folder / "houses.csv")
    features = table[["area", "rooms", "age"]].to_numpy(np.float32)
    prices = table[["price"]].to_numpy(np.float32)
    split = train_test_split(features, prices, test_size=0.25, random_state=0)
    x_train, x_test, y_train, y_test = split
    x_scaler, y_scaler = StandardScaler().fit(x_train), StandardScaler().fit(y_train)

    cf.manual_seed(0)
    x, y = cf.tensor(x_scaler.transform(x_train)), cf.tensor(y_scaler.transform(y_train))
    model = cf.nn.Sequential(cf.nn.Linear(3, 32), cf.nn.ReLU(), cf.nn.Linear(32, 1))
    optimizer = cf.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    for epoch in range(1, EPOCHS + 1):
        loss = cf.nn.functional.mse_loss(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if epoch % 100 == 0:
            print(f"epoch {epoch}  loss {loss.item():.4f}")

    with cf.no_grad():
        scaled = model(cf.tensor(x_scaler.transform(x_test))).numpy()
    predicted = y_scaler.inverse_transform(scaled)
    error = float(np.abs(predicted - y_test).mean())
    print(f"mean error on {len(y_test)} test houses: {error:.1f} (prices up to {prices.max():.0f})")
    plot(y_test, predicted, folder / "predictions.png")


def plot(actual: np.ndarray, predicted: np.ndarray, path: Path) -> None:
    """Draw predicted against actual prices.

    Parameters
    ----------
    actual, predicted : ndarray
        Prices, one for each house.
    path : Path
        The PNG file.
    """
    figure, axes = plt.subplots(figsize=(5, 5), layout="constrained")
    axes.scatter(actual, predicted, s=14, alpha=0.7)
    limits = [float(min(actual.min(), predicted.min())), float(max(actual.max(), predicted.max()))]
    axes.plot(limits, limits, color="gray", linewidth=1)
    axes.set(xlabel="actual price", ylabel="predicted price", title="Houses of the test set")
    figure.savefig(path, dpi=120)
    plt.close(figure)
    print(f"wrote {path}")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "."))
