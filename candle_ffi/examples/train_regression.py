"""Learn y = 2·x₁ + 3·x₂ from 100 random points.

Run it with `python -m candle_ffi.examples.train_regression`.
"""

from __future__ import annotations

import candle_ffi as cf

EPOCHS = 100


def main() -> None:
    """Train, print the loss every ten epochs, and predict one point."""
    cf.manual_seed(0)
    x = cf.rand(100, 2)
    y = 2 * x[:, :1] + 3 * x[:, 1:]

    model = cf.nn.SimpleNN(in_features=2, hidden_size=10, out_features=1)
    loss_function = cf.nn.MSELoss()
    optimizer = cf.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)

    for epoch in range(1, EPOCHS + 1):
        loss = loss_function(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if epoch % 10 == 0:
            print(f"epoch {epoch:3d}  loss {loss.item():.6f}")

    with cf.no_grad():
        predicted = model(cf.tensor([[0.5, 0.5]])).item()
    print(f"prediction for [0.5, 0.5]: {predicted:.3f} (the formula gives 2.500)")


if __name__ == "__main__":
    main()
