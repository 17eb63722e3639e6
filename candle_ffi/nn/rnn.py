"""Recurrent layers."""

from __future__ import annotations

import numbers
import warnings
from collections.abc import Iterator
from typing import Any

from candle_ffi import _ops
from candle_ffi._ops import index_select
from candle_ffi.creation import zeros
from candle_ffi.device import Device
from candle_ffi.dtype import DType
from candle_ffi.errors import DTypeError, InvalidArgumentError, ShapeError
from candle_ffi.nn.module import Module
from candle_ffi.nn.native import factory, initial, size
from candle_ffi.nn.parameter import Parameter
from candle_ffi.nn.rnn_cell import NONLINEARITIES, check_nonlinearity
from candle_ffi.nn.utils.rnn import PackedSequence
from candle_ffi.tensor import Tensor

__all__ = ["GRU", "LSTM", "RNN", "RNNBase"]


class RNNBase(Module):
    """What `RNN`, `LSTM` and `GRU` share.

    Parameters
    ----------
    mode : {"RNN_TANH", "RNN_RELU", "LSTM", "GRU"}
        Which of them.
    input_size : int
        Size of the last dimension of the input.
    hidden_size : int
        Size of a state.
    num_layers : int, default 1
        How many layers there are, each fed with the outputs of the one before.
    bias : bool, default True
        Whether there are biases.
    batch_first : bool, default False
        Whether input and output are ``[sequences, steps, *]`` and not ``[steps, sequences, *]``.
    dropout : float, default 0.0
        The probability with which elements between layers are zeroed in training.
    bidirectional : bool, default False
        Whether each layer also goes from the last step to the first.
    proj_size : int, default 0
        The size that the states of an LSTM are projected to; 0 for no projection.
    device : Device or str, optional
        Where the weights are made.
    dtype : DType, optional
        Their dtype; the default one when not given.

    Raises
    ------
    InvalidArgumentError
        A size is not positive, `dropout` is no probability, or there is no such projection.

    Notes
    -----
    `torch.nn.RNNBase`
    """

    def __init__(
        self,
        mode: str,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        proj_size: int = 0,
        device: Device | str | None = None,
        dtype: DType | None = None,
    ) -> None:
        super().__init__()
        name = type(self).__name__
        if (
            not isinstance(dropout, numbers.Number)
            or isinstance(dropout, bool)
            or not 0 <= dropout <= 1
        ):
            raise InvalidArgumentError(
                "dropout should be a number in range [0, 1] representing the probability of an "
                f"element being zeroed, and is {dropout!r}"
            )
        if dropout > 0 and num_layers == 1:
            warnings.warn(
                "dropout option adds dropout after all but last recurrent layer, so non-zero "
                f"dropout expects num_layers greater than 1, but got dropout={dropout} and "
                f"num_layers={num_layers}",
                stacklevel=3,
            )
        if proj_size and mode != "LSTM":
            raise InvalidArgumentError(
                "proj_size argument is only supported for LSTM, not RNN or GRU"
            )
        self.mode = mode
        self.input_size = size(input_size, name, "input_size")
        self.hidden_size = size(hidden_size, name, "hidden_size")
        self.num_layers = size(num_layers, name, "num_layers")
        self.bias = bool(bias)
        self.batch_first = bool(batch_first)
        self.dropout = float(dropout)
        self.bidirectional = bool(bidirectional)
        self.proj_size = size(proj_size, name, "proj_size")
        weights = initial(self._names(), *self._constructor(), *factory(dtype, device), None)
        for key, weight in weights.items():
            self.register_parameter(key, weight)

    def _constructor(self) -> tuple[Any, ...]:
        """Return the library's constructor and its arguments up to the dtype."""
        sizes = (self.input_size, self.hidden_size, self.num_layers)
        rest = (self.bias, self.batch_first, self.dropout, self.bidirectional)
        if self.mode == "LSTM":
            return ("py_lstm_new", *sizes, *rest, self.proj_size)
        if self.mode == "GRU":
            return ("py_gru_new", *sizes, *rest)
        return ("py_rnn_new", *sizes, NONLINEARITIES[self.mode[4:].lower()], *rest)

    def _names(self) -> Iterator[str]:
        """Iterate over the names of the weights, layer by layer and direction by direction."""
        kinds = ["weight_ih", "weight_hh"]
        if self.bias:
            kinds += ["bias_ih", "bias_hh"]
        if self.proj_size:
            kinds.append("weight_hr")
        ways = ("", "_reverse") if self.bidirectional else ("",)
        return (
            f"{kind}_l{layer}{way}"
            for layer in range(self.num_layers)
            for way in ways
            for kind in kinds
        )

    @property
    def all_weights(self) -> list[list[Parameter]]:
        """The weights of each layer and direction."""
        names = list(self._names())
        each = len(names) // (self.num_layers * (2 if self.bidirectional else 1))
        return [
            [getattr(self, name) for name in names[at : at + each]]
            for at in range(0, len(names), each)
        ]

    def flatten_parameters(self) -> None:
        """Do nothing: weights need no common memory here."""

    def _weights(self) -> list[Tensor]:
        """Return the weights in the order of the operation."""
        return [getattr(self, name) for name in self._names()]

    def _state_size(self) -> int:
        return self.proj_size or self.hidden_size

    def _zeros(self, input: Tensor, sequences: int | None, width: int) -> Tensor:
        """Return a state of zeros."""
        count = self.num_layers * (2 if self.bidirectional else 1)
        shape = (count, width) if sequences is None else (count, sequences, width)
        return zeros(shape, dtype=input.dtype, device=input.device)

    def _check_input(self, input: Tensor, dims: tuple[int, ...]) -> None:
        """Check dtype, rank and size of what the layer is given."""
        if not isinstance(input, Tensor):
            kind = type(self).__name__
            raise TypeError(f"{kind}: input must be a tensor, not {type(input).__name__}")
        weight = self._parameters.get("weight_ih_l0")
        if weight is not None and input.dtype != weight.dtype:
            raise DTypeError(
                f"input must have the type {weight.dtype}, got type {input.dtype}",
                dtypes=(str(weight.dtype), str(input.dtype)),
            )
        shape = tuple(input.shape)
        if len(shape) not in dims:
            expected = " or ".join(f"{count}D" for count in dims)
            raise ShapeError(
                f"{type(self).__name__}: Expected input to be {expected}, got {len(shape)}D "
                f"instead: its shape is {shape}",
                shapes=(shape,),
            )
        if shape[-1] != self.input_size:
            raise ShapeError(
                f"input.size(-1) must be equal to input_size. Expected {self.input_size}, "
                f"got {shape[-1]}",
                shapes=(shape,),
            )

    def _check_hidden(self, hx: Tensor, sequences: int | None, width: int, name: str) -> None:
        """Check the shape of a state."""
        count = self.num_layers * (2 if self.bidirectional else 1)
        expected = (count, width) if sequences is None else (count, sequences, width)
        found = tuple(hx.shape)
        if len(found) != len(expected):
            kind = "unbatched 2-D" if sequences is None else "batched 3-D"
            raise ShapeError(
                f"For {kind} input, {name} should also be {len(expected)}-D but got "
                f"{len(found)}-D tensor of shape {found}",
                shapes=(found,),
            )
        if found != expected:
            raise ShapeError(
                f"Expected {name} size {expected}, got {list(found)}", shapes=(expected, found)
            )

    def _run(self, input: Tensor | PackedSequence, hx: Any) -> tuple[Any, list[Tensor]]:
        """Return the output and the last states."""
        lstm = self.mode == "LSTM"
        sizes: Tensor | None = None
        order: Tensor | None = None
        back: Tensor | None = None
        sequences: int | None
        if isinstance(input, PackedSequence):
            data, sizes, order, back = input
            self._check_input(data, (2,))
            sequences = int(sizes[0])
        else:
            data = input
            self._check_input(data, (2, 3))
            shape = tuple(data.shape)
            sequences = None if len(shape) == 2 else shape[0 if self.batch_first else 1]
        widths = [self._state_size(), self.hidden_size] if lstm else [self._state_size()]
        if hx is None:
            states = [self._zeros(data, sequences, width) for width in widths]
        else:
            states = list(hx) if lstm else [hx]
            if len(states) != len(widths):
                raise InvalidArgumentError(f"an LSTM has two states, and {len(states)} were given")
            for at, (state, width) in enumerate(zip(states, widths, strict=True)):
                self._check_hidden(state, sequences, width, f"hidden[{at}]" if lstm else "hidden")
            if order is not None:
                states = [index_select(state, 1, order) for state in states]
        first: Any = (states,) if lstm else tuple(states)
        options = (
            self._weights(),
            self.bias,
            self.num_layers,
            self.dropout,
            self.training,
            self.bidirectional,
        )
        name = self.mode.lower()
        if sizes is None:
            result = getattr(_ops, name)(data, *first, *options, self.batch_first)
            return result[0], list(result[1:])
        result = getattr(_ops, f"{name}_packed")(data, sizes, *first, *options)
        last = list(result[1:])
        if back is not None:
            last = [index_select(state, 1, back) for state in last]
        return PackedSequence(result[0], sizes, order, back), last

    def extra_repr(self) -> str:
        """Return the options that are not the defaults."""
        text = f"{self.input_size}, {self.hidden_size}"
        for name, default in (
            ("proj_size", 0),
            ("num_layers", 1),
            ("bias", True),
            ("batch_first", False),
            ("dropout", 0.0),
            ("bidirectional", False),
        ):
            if getattr(self, name) != default:
                text += f", {name}={getattr(self, name)}"
        return text


class RNN(RNNBase):
    """A recurrent layer: ``h' = tanh(W_ih x + b_ih + W_hh h + b_hh)``, or with a ReLU.

    Parameters
    ----------
    input_size : int
        Size of the last dimension of the input.
    hidden_size : int
        Size of a state.
    num_layers : int, default 1
        How many layers there are, each fed with the outputs of the one before.
    nonlinearity : {"tanh", "relu"}
        The function.
    bias : bool, default True
        Whether there are biases.
    batch_first : bool, default False
        Whether input and output are ``[sequences, steps, *]`` and not ``[steps, sequences, *]``.
    dropout : float, default 0.0
        The probability with which elements between layers are zeroed in training.
    bidirectional : bool, default False
        Whether each layer also goes from the last step to the first.
    device : Device or str, optional
        Where the weights are made.
    dtype : DType, optional
        Their dtype; the default one when not given.

    Attributes
    ----------
    weight_ih_l0, weight_hh_l0, bias_ih_l0, bias_hh_l0 : Parameter
        Those of the first layer; ``_l1`` and so on for the others, ``_reverse`` for the other
        direction. At the start uniform within ``±1/√hidden_size``.

    Raises
    ------
    ShapeError
        Input or state have another shape.
    InvalidArgumentError
        A size is not positive, or `dropout` is no probability.

    Notes
    -----
    `torch.nn.RNN`. Source: Elman, "Finding structure in time", 1990.

    Examples
    --------
    >>> import candle_ffi as cf
    >>> output, h_n = cf.nn.RNN(3, 4)(cf.zeros(5, 2, 3))
    >>> output.shape, h_n.shape
    ((5, 2, 4), (1, 2, 4))
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        nonlinearity: str = "tanh",
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        device: Device | str | None = None,
        dtype: DType | None = None,
    ) -> None:
        check_nonlinearity(nonlinearity)
        super().__init__(
            f"RNN_{nonlinearity.upper()}", input_size, hidden_size, num_layers, bias, batch_first,
            dropout, bidirectional, 0, device, dtype,
        )  # fmt: skip
        self.nonlinearity = nonlinearity

    def forward(
        self, input: Tensor | PackedSequence, hx: Tensor | None = None
    ) -> tuple[Any, Tensor]:
        """Return the outputs of the last layer, and the last state of each layer.

        Parameters
        ----------
        input : Tensor or PackedSequence
            ``[steps, sequences, input_size]``, for one sequence ``[steps, input_size]``.
        hx : Tensor, optional
            The first state, ``[num_layers * directions, sequences, hidden_size]``; zeros when
            not given.
        """
        output, (h_n,) = self._run(input, hx)
        return output, h_n


class LSTM(RNNBase):
    """Long short-term memory.

    With gates ``i``, ``f``, ``g`` and ``o``, each a map of input and state:
    ``c' = σ(f) c + σ(i) tanh(g)`` and ``h' = σ(o) tanh(c')``.

    Parameters
    ----------
    input_size : int
        Size of the last dimension of the input.
    hidden_size : int
        Size of a state.
    num_layers : int, default 1
        How many layers there are, each fed with the outputs of the one before.
    bias : bool, default True
        Whether there are biases.
    batch_first : bool, default False
        Whether input and output are ``[sequences, steps, *]`` and not ``[steps, sequences, *]``.
    dropout : float, default 0.0
        The probability with which elements between layers are zeroed in training.
    bidirectional : bool, default False
        Whether each layer also goes from the last step to the first.
    proj_size : int, default 0
        The size that the states are projected to; 0 for no projection.
    device : Device or str, optional
        Where the weights are made.
    dtype : DType, optional
        Their dtype; the default one when not given.

    Attributes
    ----------
    weight_ih_l0, weight_hh_l0, bias_ih_l0, bias_hh_l0, weight_hr_l0 : Parameter
        Those of the first layer, the last one with a projection; ``_l1`` and so on for the
        others, ``_reverse`` for the other direction. At the start uniform within
        ``±1/√hidden_size``.

    Raises
    ------
    ShapeError
        Input or states have another shape.
    InvalidArgumentError
        A size is not positive, `dropout` is no probability, or `proj_size` is not smaller than
        `hidden_size`.

    Notes
    -----
    `torch.nn.LSTM`. Source: Hochreiter and Schmidhuber, "Long short-term memory", 1997.

    Examples
    --------
    >>> import candle_ffi as cf
    >>> output, (h_n, c_n) = cf.nn.LSTM(3, 4, num_layers=2)(cf.zeros(5, 2, 3))
    >>> output.shape, h_n.shape, c_n.shape
    ((5, 2, 4), (2, 2, 4), (2, 2, 4))
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        proj_size: int = 0,
        device: Device | str | None = None,
        dtype: DType | None = None,
    ) -> None:
        super().__init__(
            "LSTM", input_size, hidden_size, num_layers, bias, batch_first, dropout,
            bidirectional, proj_size, device, dtype,
        )  # fmt: skip

    def forward(
        self, input: Tensor | PackedSequence, hx: tuple[Tensor, Tensor] | None = None
    ) -> tuple[Any, tuple[Tensor, Tensor]]:
        """Return the outputs of the last layer, and the last states of each layer.

        Parameters
        ----------
        input : Tensor or PackedSequence
            ``[steps, sequences, input_size]``, for one sequence ``[steps, input_size]``.
        hx : tuple of Tensor, optional
            The first state, ``[num_layers * directions, sequences, proj_size or hidden_size]``,
            and cell state, ``[num_layers * directions, sequences, hidden_size]``; zeros when not
            given.
        """
        output, (h_n, c_n) = self._run(input, hx)
        return output, (h_n, c_n)


class GRU(RNNBase):
    """Gated recurrent units.

    With gates ``r`` and ``z``, and the map of the state inside:
    ``n = tanh(W_in x + b_in + r (W_hn h + b_hn))`` and ``h' = (1 - z) n + z h``.

    Parameters
    ----------
    input_size : int
        Size of the last dimension of the input.
    hidden_size : int
        Size of a state.
    num_layers : int, default 1
        How many layers there are, each fed with the outputs of the one before.
    bias : bool, default True
        Whether there are biases.
    batch_first : bool, default False
        Whether input and output are ``[sequences, steps, *]`` and not ``[steps, sequences, *]``.
    dropout : float, default 0.0
        The probability with which elements between layers are zeroed in training.
    bidirectional : bool, default False
        Whether each layer also goes from the last step to the first.
    device : Device or str, optional
        Where the weights are made.
    dtype : DType, optional
        Their dtype; the default one when not given.

    Attributes
    ----------
    weight_ih_l0, weight_hh_l0, bias_ih_l0, bias_hh_l0 : Parameter
        Those of the first layer; ``_l1`` and so on for the others, ``_reverse`` for the other
        direction. At the start uniform within ``±1/√hidden_size``.

    Raises
    ------
    ShapeError
        Input or state have another shape.
    InvalidArgumentError
        A size is not positive, or `dropout` is no probability.

    Notes
    -----
    `torch.nn.GRU`. Source: Cho and others, "Learning phrase representations using RNN
    encoder-decoder for statistical machine translation", 2014.

    Examples
    --------
    >>> import candle_ffi as cf
    >>> output, h_n = cf.nn.GRU(3, 4, bidirectional=True)(cf.zeros(5, 2, 3))
    >>> output.shape, h_n.shape
    ((5, 2, 8), (2, 2, 4))
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        device: Device | str | None = None,
        dtype: DType | None = None,
    ) -> None:
        super().__init__(
            "GRU", input_size, hidden_size, num_layers, bias, batch_first, dropout,
            bidirectional, 0, device, dtype,
        )  # fmt: skip

    def forward(
        self, input: Tensor | PackedSequence, hx: Tensor | None = None
    ) -> tuple[Any, Tensor]:
        """Return the outputs of the last layer, and the last state of each layer.

        Parameters
        ----------
        input : Tensor or PackedSequence
            ``[steps, sequences, input_size]``, for one sequence ``[steps, input_size]``.
        hx : Tensor, optional
            The first state, ``[num_layers * directions, sequences, hidden_size]``; zeros when
            not given.
        """
        output, (h_n,) = self._run(input, hx)
        return output, h_n
