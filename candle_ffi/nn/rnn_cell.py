"""Single steps of recurrent layers."""

from __future__ import annotations

from typing import Any

from candle_ffi import _ops
from candle_ffi.creation import zeros
from candle_ffi.device import Device
from candle_ffi.dtype import DType
from candle_ffi.errors import InvalidArgumentError, ShapeError
from candle_ffi.nn.module import Module
from candle_ffi.nn.native import factory, initial, size
from candle_ffi.nn.parameter import Parameter
from candle_ffi.tensor import Tensor

__all__ = [
    "NONLINEARITIES",
    "GRUCell",
    "LSTMCell",
    "RNNCell",
    "RNNCellBase",
    "check_nonlinearity",
]

#: The functions by the library's numbers.
NONLINEARITIES = {"tanh": 0, "relu": 1}


def check_nonlinearity(nonlinearity: str) -> None:
    """Fail for a function that there is not.

    Parameters
    ----------
    nonlinearity : str
        The name of the function.

    Raises
    ------
    InvalidArgumentError
        It is neither "tanh" nor "relu".
    """
    if nonlinearity not in NONLINEARITIES:
        raise InvalidArgumentError(
            f"Unknown nonlinearity {nonlinearity!r}. Select from 'tanh' or 'relu'."
        )


class RNNCellBase(Module):
    """What `RNNCell`, `LSTMCell` and `GRUCell` share.

    Parameters
    ----------
    new : str
        The library's constructor.
    options : tuple
        What it takes after `bias`.
    input_size : int
        Size of the last dimension of the input.
    hidden_size : int
        Size of the state.
    bias : bool
        Whether there are biases.
    device : Device or str, optional
        Where the weights are made.
    dtype : DType, optional
        Their dtype; the default one when not given.
    """

    weight_ih: Parameter
    weight_hh: Parameter
    bias_ih: Parameter | None
    bias_hh: Parameter | None

    def __init__(
        self,
        new: str,
        options: tuple[Any, ...],
        input_size: int,
        hidden_size: int,
        bias: bool,
        device: Device | str | None,
        dtype: DType | None,
    ) -> None:
        super().__init__()
        name = type(self).__name__
        self.input_size = size(input_size, name, "input_size")
        self.hidden_size = size(hidden_size, name, "hidden_size")
        self.bias = bool(bias)
        names = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
        weights = initial(
            names if bias else names[:2],
            new,
            self.input_size,
            self.hidden_size,
            self.bias,
            *options,
            *factory(dtype, device),
            None,
        )
        for key in names:
            self.register_parameter(key, weights.get(key))

    def _weights(self) -> tuple[Any, ...]:
        return self.weight_ih, self.weight_hh, self.bias_ih, self.bias_hh

    def _check(self, input: Tensor, states: list[Tensor]) -> None:
        """Check the shapes of input and state."""
        shape, name = tuple(input.shape), type(self).__name__
        if len(shape) not in (1, 2):
            raise ShapeError(
                f"{name}: Expected input to be 1D or 2D, got {len(shape)}D instead: its shape is "
                f"{shape}",
                shapes=(shape,),
            )
        if shape[-1] != self.input_size:
            raise ShapeError(
                f"{name}: input has inconsistent input_size: got {shape[-1]}, expected "
                f"{self.input_size}",
                shapes=(shape,),
            )
        for at, state in enumerate(states):
            found = tuple(state.shape)
            if len(found) != len(shape):
                raise ShapeError(
                    f"{name}: Expected hx[{at}] to be {len(shape)}D as the input, got "
                    f"{len(found)}D instead: its shape is {found}",
                    shapes=(shape, found),
                )
            if found[:-1] != shape[:-1]:
                raise ShapeError(
                    f"{name}: Input batch size {shape[0]} doesn't match hidden{at} batch size "
                    f"{found[0]}",
                    shapes=(shape, found),
                )
            if found[-1] != self.hidden_size:
                raise ShapeError(
                    f"{name}: hidden{at} has inconsistent hidden_size: got {found[-1]}, expected "
                    f"{self.hidden_size}",
                    shapes=(found,),
                )

    def _zeros(self, input: Tensor) -> Tensor:
        """Return a state of zeros."""
        shape = (*tuple(input.shape)[:-1], self.hidden_size)
        return zeros(shape, dtype=input.dtype, device=input.device)

    def extra_repr(self) -> str:
        """Return the options that are not the defaults."""
        text = f"{self.input_size}, {self.hidden_size}"
        if not self.bias:
            text += f", bias={self.bias}"
        if getattr(self, "nonlinearity", "tanh") != "tanh":
            text += f", nonlinearity={self.nonlinearity}"
        return text


class RNNCell(RNNCellBase):
    """One step of `RNN`: ``h' = tanh(W_ih x + b_ih + W_hh h + b_hh)``, or with a ReLU.

    Parameters
    ----------
    input_size : int
        Size of the last dimension of the input.
    hidden_size : int
        Size of the state.
    bias : bool, default True
        Whether there are biases.
    nonlinearity : {"tanh", "relu"}
        The function.
    device : Device or str, optional
        Where the weights are made.
    dtype : DType, optional
        Their dtype; the default one when not given.

    Attributes
    ----------
    weight_ih, weight_hh : Parameter
        ``[hidden_size, input_size]`` and ``[hidden_size, hidden_size]``, at the start uniform
        within ``±1/√hidden_size``.
    bias_ih, bias_hh : Parameter or None
        ``[hidden_size]``, likewise.

    Raises
    ------
    ShapeError
        Input or state have another shape.

    Notes
    -----
    `torch.nn.RNNCell`

    Examples
    --------
    >>> import candle_ffi as cf
    >>> cf.nn.RNNCell(3, 4)(cf.zeros(2, 3)).shape
    (2, 4)
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        nonlinearity: str = "tanh",
        device: Device | str | None = None,
        dtype: DType | None = None,
    ) -> None:
        check_nonlinearity(nonlinearity)
        options = (NONLINEARITIES[nonlinearity],)
        super().__init__("py_rnn_cell_new", options, input_size, hidden_size, bias, device, dtype)
        self.nonlinearity = nonlinearity

    def forward(self, input: Tensor, hx: Tensor | None = None) -> Tensor:
        """Return the next state for ``[sequences, input_size]`` or ``[input_size]``."""
        state = self._zeros(input) if hx is None else hx
        self._check(input, [state])
        step = _ops.rnn_relu_cell if self.nonlinearity == "relu" else _ops.rnn_tanh_cell
        return step(input, state, *self._weights())


class LSTMCell(RNNCellBase):
    """One step of `LSTM`.

    Parameters
    ----------
    input_size : int
        Size of the last dimension of the input.
    hidden_size : int
        Size of the states.
    bias : bool, default True
        Whether there are biases.
    device : Device or str, optional
        Where the weights are made.
    dtype : DType, optional
        Their dtype; the default one when not given.

    Attributes
    ----------
    weight_ih, weight_hh : Parameter
        ``[4 * hidden_size, input_size]`` and ``[4 * hidden_size, hidden_size]``, at the start
        uniform within ``±1/√hidden_size``.
    bias_ih, bias_hh : Parameter or None
        ``[4 * hidden_size]``, likewise.

    Raises
    ------
    ShapeError
        Input or states have another shape.

    Notes
    -----
    `torch.nn.LSTMCell`

    Examples
    --------
    >>> import candle_ffi as cf
    >>> h, c = cf.nn.LSTMCell(3, 4)(cf.zeros(2, 3))
    >>> h.shape, c.shape
    ((2, 4), (2, 4))
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        device: Device | str | None = None,
        dtype: DType | None = None,
    ) -> None:
        super().__init__("py_lstm_cell_new", (), input_size, hidden_size, bias, device, dtype)

    def forward(
        self, input: Tensor, hx: tuple[Tensor, Tensor] | None = None
    ) -> tuple[Tensor, Tensor]:
        """Return the next states for ``[sequences, input_size]`` or ``[input_size]``."""
        states = [self._zeros(input)] * 2 if hx is None else list(hx)
        self._check(input, states)
        h, c = _ops.lstm_cell(input, states, *self._weights())
        return h, c


class GRUCell(RNNCellBase):
    """One step of `GRU`.

    Parameters
    ----------
    input_size : int
        Size of the last dimension of the input.
    hidden_size : int
        Size of the state.
    bias : bool, default True
        Whether there are biases.
    device : Device or str, optional
        Where the weights are made.
    dtype : DType, optional
        Their dtype; the default one when not given.

    Attributes
    ----------
    weight_ih, weight_hh : Parameter
        ``[3 * hidden_size, input_size]`` and ``[3 * hidden_size, hidden_size]``, at the start
        uniform within ``±1/√hidden_size``.
    bias_ih, bias_hh : Parameter or None
        ``[3 * hidden_size]``, likewise.

    Raises
    ------
    ShapeError
        Input or state have another shape.

    Notes
    -----
    `torch.nn.GRUCell`

    Examples
    --------
    >>> import candle_ffi as cf
    >>> cf.nn.GRUCell(3, 4)(cf.zeros(2, 3)).shape
    (2, 4)
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        device: Device | str | None = None,
        dtype: DType | None = None,
    ) -> None:
        super().__init__("py_gru_cell_new", (), input_size, hidden_size, bias, device, dtype)

    def forward(self, input: Tensor, hx: Tensor | None = None) -> Tensor:
        """Return the next state for ``[sequences, input_size]`` or ``[input_size]``."""
        state = self._zeros(input) if hx is None else hx
        self._check(input, [state])
        return _ops.gru_cell(input, state, *self._weights())
