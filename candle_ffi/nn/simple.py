"""A small ready-made network."""

from __future__ import annotations

from candle_ffi.nn import functional as F  # noqa: N812
from candle_ffi.nn.linear import Linear
from candle_ffi.nn.module import Module
from candle_ffi.tensor import Tensor

__all__ = ["SimpleNN"]


class SimpleNN(Module):
    """Two linear layers with a ReLU between them: ``fc2(relu(fc1(x)))``.

    Parameters
    ----------
    in_features : int
        Numbers in a row of the input.
    hidden_size : int
        Numbers between the layers.
    out_features : int
        Numbers in a row of the result.

    Examples
    --------
    >>> import candle_ffi as cf
    >>> model = cf.nn.SimpleNN(in_features=4, hidden_size=8, out_features=2)
    >>> model(cf.zeros(3, 4)).shape
    (3, 2)
    >>> list(model.state_dict())
    ['fc1.weight', 'fc1.bias', 'fc2.weight', 'fc2.bias']
    """

    def __init__(self, in_features: int, hidden_size: int, out_features: int) -> None:
        super().__init__()
        self.fc1 = Linear(in_features, hidden_size)
        self.fc2 = Linear(hidden_size, out_features)

    def forward(self, input: Tensor) -> Tensor:
        """Return ``[…, out_features]`` for ``[…, in_features]``."""
        return self.fc2(F.relu(self.fc1(input)))  # type: ignore[no-any-return]
