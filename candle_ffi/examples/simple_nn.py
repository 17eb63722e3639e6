"""A forward pass of a small network on three rows.

Run it with `python -m candle_ffi.examples.simple_nn`.
"""

from __future__ import annotations

import candle_ffi as cf


def main() -> None:
    """Make a network, call it, print what goes in and what comes out."""
    cf.manual_seed(0)
    model = cf.nn.SimpleNN(in_features=4, hidden_size=8, out_features=2)
    rows = cf.tensor(
        [
            [1.0, 2.0, 3.0, 4.0],
            [0.5, -1.0, 0.0, 2.0],
            [-2.0, 1.5, 0.25, 0.0],
        ]
    )
    with cf.no_grad():
        result = model(rows)
    print(model)
    print("input shape: ", rows.shape)
    print("output shape:", result.shape)
    print(result)


if __name__ == "__main__":
    main()
