"""A training that can be killed at any moment and goes on from its last checkpoint.

Run as a program by the tests: it tells each step, writes a checkpoint every few steps, and in the
end writes the weights.
"""

from __future__ import annotations

import random
import sys
from pathlib import Path
from typing import Any

import numpy as np

import candle_ffi as cf
from candle_ffi import nn

EPOCHS = 4
STEPS_BETWEEN = 5


def augmented(images: cf.Tensor) -> cf.Tensor:
    """Noise of this package, a shift of Python's, a scale of NumPy's: each goes on as well."""
    shift = random.randrange(-1, 2)
    scale = float(np.random.uniform(0.9, 1.1))  # noqa: NPY002
    return cf.roll(images, shift, 1) * scale + 0.1 * cf.randn(*images.shape)


def main(checkpoint: Path, weights: Path) -> None:
    from sklearn.datasets import load_digits

    digits = load_digits()
    images = (digits.data[:500] / 16).astype(np.float32)
    dataset = cf.data.TensorDataset(images, digits.target[:500])
    seed = 0
    cf.manual_seed(seed)
    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002
    loader: Any = cf.data.DataLoader(dataset, batch_size=32, shuffle=True)
    model = nn.Sequential(
        nn.Linear(64, 32), nn.BatchNorm1d(32), nn.ReLU(), nn.Dropout(0.3), nn.Linear(32, 10)
    )
    optimizer = cf.optim.Adam(model.parameters(), lr=1e-2)
    scheduler = cf.optim.lr_scheduler.OneCycleLR(optimizer, 1e-2, total_steps=EPOCHS * len(loader))
    parts = {"model": model, "optimizer": optimizer, "scheduler": scheduler, "loader": loader}
    first, losses = 0, []
    if checkpoint.exists():
        found = cf.checkpoint.load(checkpoint, **parts)
        first, losses = found.epoch, found.extra["losses"]
    print("begin", len(losses), flush=True)
    for epoch in range(first, EPOCHS):
        for x, y in loader:
            optimizer.zero_grad()
            loss = nn.functional.cross_entropy(model(augmented(x)), y)
            loss.backward()
            optimizer.step()
            scheduler.step()
            losses.append(loss.item())
            if len(losses) % STEPS_BETWEEN == 0:
                cf.checkpoint.save(checkpoint, epoch=epoch, extra={"losses": losses}, **parts)
            print("step", len(losses), flush=True)
        cf.checkpoint.save(checkpoint, epoch=epoch + 1, extra={"losses": losses}, **parts)
    cf.save({**model.state_dict(), "losses": cf.tensor(losses, dtype=cf.float64)}, weights)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
