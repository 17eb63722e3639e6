"""Activations made of straight lines."""

from __future__ import annotations

from candle_ffi import _ops
from candle_ffi.device import Device
from candle_ffi.dtype import DType
from candle_ffi.errors import InvalidArgumentError
from candle_ffi.nn.module import Module
from candle_ffi.nn.native import factory, initial, size
from candle_ffi.nn.parameter import Parameter
from candle_ffi.tensor import Tensor

__all__ = [
    "Hardshrink",
    "Hardsigmoid",
    "Hardswish",
    "Hardtanh",
    "LeakyReLU",
    "PReLU",
    "RReLU",
    "ReLU",
    "ReLU6",
    "Softshrink",
    "Threshold",
]


class ReLU(Module):
    """``max(0, x)``.

    Parameters
    ----------
    inplace : bool, default False
        Accepted for PyTorch's sake; the input is never changed.

    Notes
    -----
    `torch.nn.ReLU`

    Examples
    --------
    >>> import candle_ffi as cf
    >>> cf.nn.ReLU()(cf.tensor([-1.0, 2.0]))
    tensor([0., 2.])
    """

    def __init__(self, inplace: bool = False) -> None:
        super().__init__()
        self.inplace = inplace

    def forward(self, input: Tensor) -> Tensor:
        """Apply it to each element."""
        return _ops.relu(input)

    def extra_repr(self) -> str:
        """Return the options."""
        return "inplace=True" if self.inplace else ""


class ReLU6(Module):
    """``min(max(0, x), 6)``.

    Parameters
    ----------
    inplace : bool, default False
        Accepted for PyTorch's sake; the input is never changed.

    Notes
    -----
    `torch.nn.ReLU6`

    Examples
    --------
    >>> import candle_ffi as cf
    >>> cf.nn.ReLU6()(cf.tensor([-1.0, 2.0, 7.0]))
    tensor([0., 2., 6.])
    """

    def __init__(self, inplace: bool = False) -> None:
        super().__init__()
        self.inplace = inplace

    def forward(self, input: Tensor) -> Tensor:
        """Apply it to each element."""
        return _ops.relu6(input)

    def extra_repr(self) -> str:
        """Return the options."""
        return "inplace=True" if self.inplace else ""


class LeakyReLU(Module):
    """``x`` where positive, else ``negative_slope · x``.

    Parameters
    ----------
    negative_slope : float, default 0.01
        The slope below zero.
    inplace : bool, default False
        Accepted for PyTorch's sake; the input is never changed.

    Notes
    -----
    `torch.nn.LeakyReLU`

    Examples
    --------
    >>> import candle_ffi as cf
    >>> cf.nn.LeakyReLU(0.1)(cf.tensor([-1.0, 2.0]))
    tensor([-0.1000,  2.0000])
    """

    def __init__(self, negative_slope: float = 0.01, inplace: bool = False) -> None:
        super().__init__()
        self.negative_slope = negative_slope
        self.inplace = inplace

    def forward(self, input: Tensor) -> Tensor:
        """Apply it to each element."""
        return _ops.leaky_relu(input, self.negative_slope)

    def extra_repr(self) -> str:
        """Return the options."""
        inplace = ", inplace=True" if self.inplace else ""
        return f"negative_slope={self.negative_slope}{inplace}"


class PReLU(Module):
    """``x`` where positive, else ``weight · x``, with a weight that is learnt.

    Parameters
    ----------
    num_parameters : int, default 1
        1, or the number of channels: the size of the second dimension of the input.
    init : float, default 0.25
        What the weight starts as.
    device : Device or str, optional
        Where the weight is made.
    dtype : DType, optional
        Its dtype; the default one when not given.

    Attributes
    ----------
    weight : Parameter
        ``[num_parameters]``.

    Raises
    ------
    ShapeError
        An input has another number of channels.

    Notes
    -----
    `torch.nn.PReLU`. Source: He and others, "Delving deep into rectifiers", 2015.

    Examples
    --------
    >>> import candle_ffi as cf
    >>> with cf.no_grad():
    ...     cf.nn.PReLU()(cf.tensor([-1.0, 2.0]))
    tensor([-0.2500,  2.0000])
    """

    weight: Parameter

    def __init__(
        self,
        num_parameters: int = 1,
        init: float = 0.25,
        device: Device | str | None = None,
        dtype: DType | None = None,
    ) -> None:
        super().__init__()
        self.num_parameters = size(num_parameters, "PReLU", "num_parameters")
        self.init = init
        place = factory(dtype, device)
        made = initial(("weight",), "py_prelu_new", self.num_parameters, float(init), *place)
        self.weight = made["weight"]

    def forward(self, input: Tensor) -> Tensor:
        """Apply it to each element."""
        return _ops.prelu(input, self.weight)

    def extra_repr(self) -> str:
        """Return the options."""
        return f"num_parameters={self.num_parameters}"


class RReLU(Module):
    """``x`` where positive, else ``a · x`` with a random slope ``a``.

    Parameters
    ----------
    lower : float, default 1.0 / 8
        The least slope.
    upper : float, default 1.0 / 3
        The greatest slope; each element has one of its own.
    inplace : bool, default False
        Accepted for PyTorch's sake; the input is never changed.

    Notes
    -----
    `torch.nn.RReLU`. In evaluation the slope is the mean of the two.
    Source: Xu and others, 2015

    Examples
    --------
    >>> import candle_ffi as cf
    >>> cf.nn.RReLU(0.1, 0.3).eval()(cf.tensor([-1.0, 2.0]))
    tensor([-0.2000,  2.0000])
    """

    def __init__(
        self, lower: float = 1.0 / 8, upper: float = 1.0 / 3, inplace: bool = False
    ) -> None:
        super().__init__()
        self.lower = lower
        self.upper = upper
        self.inplace = inplace

    def forward(self, input: Tensor) -> Tensor:
        """Apply it to each element; in training with random slopes."""
        return _ops.rrelu(input, self.lower, self.upper, self.training)

    def extra_repr(self) -> str:
        """Return the options."""
        inplace = ", inplace=True" if self.inplace else ""
        return f"lower={self.lower}, upper={self.upper}{inplace}"


class Hardtanh(Module):
    """``min(max(x, min_val), max_val)``.

    Parameters
    ----------
    min_val : float, default -1.0
        The lower bound.
    max_val : float, default 1.0
        The upper bound.
    inplace : bool, default False
        Accepted for PyTorch's sake; the input is never changed.

    Raises
    ------
    InvalidArgumentError
        `max_val` is not larger than `min_val`.

    Notes
    -----
    `torch.nn.Hardtanh`

    Examples
    --------
    >>> import candle_ffi as cf
    >>> cf.nn.Hardtanh()(cf.tensor([-2.0, 0.5]))
    tensor([-1.0000,  0.5000])
    """

    def __init__(self, min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False) -> None:
        super().__init__()
        if not max_val > min_val:
            raise InvalidArgumentError(
                f"max_val {max_val} must be larger than min_val {min_val}", operation="Hardtanh"
            )
        self.min_val = min_val
        self.max_val = max_val
        self.inplace = inplace

    def forward(self, input: Tensor) -> Tensor:
        """Apply it to each element."""
        return _ops.hardtanh(input, self.min_val, self.max_val)

    def extra_repr(self) -> str:
        """Return the options."""
        inplace = ", inplace=True" if self.inplace else ""
        return f"min_val={self.min_val}, max_val={self.max_val}{inplace}"


class Hardswish(Module):
    """``x · min(max(x + 3, 0), 6) / 6``.

    Parameters
    ----------
    inplace : bool, default False
        Accepted for PyTorch's sake; the input is never changed.

    Notes
    -----
    `torch.nn.Hardswish`. Source: Howard and others, 2019

    Examples
    --------
    >>> import candle_ffi as cf
    >>> cf.nn.Hardswish()(cf.tensor([-1.0, 2.0]))
    tensor([-0.3333,  1.6667])
    """

    def __init__(self, inplace: bool = False) -> None:
        super().__init__()
        self.inplace = inplace

    def forward(self, input: Tensor) -> Tensor:
        """Apply it to each element."""
        return _ops.hardswish(input)


class Hardsigmoid(Module):
    """``min(max(x + 3, 0), 6) / 6``.

    Parameters
    ----------
    inplace : bool, default False
        Accepted for PyTorch's sake; the input is never changed.

    Notes
    -----
    `torch.nn.Hardsigmoid`

    Examples
    --------
    >>> import candle_ffi as cf
    >>> cf.nn.Hardsigmoid()(cf.tensor([-4.0, 0.0]))
    tensor([0.0000, 0.5000])
    """

    def __init__(self, inplace: bool = False) -> None:
        super().__init__()
        self.inplace = inplace

    def forward(self, input: Tensor) -> Tensor:
        """Apply it to each element."""
        return _ops.hardsigmoid(input)


class Hardshrink(Module):
    """``x`` farther than `lambd` from zero, else 0.

    Parameters
    ----------
    lambd : float, default 0.5
        The border.

    Notes
    -----
    `torch.nn.Hardshrink`

    Examples
    --------
    >>> import candle_ffi as cf
    >>> cf.nn.Hardshrink()(cf.tensor([0.3, 2.0]))
    tensor([0., 2.])
    """

    def __init__(self, lambd: float = 0.5) -> None:
        super().__init__()
        self.lambd = lambd

    def forward(self, input: Tensor) -> Tensor:
        """Apply it to each element."""
        return _ops.hardshrink(input, self.lambd)

    def extra_repr(self) -> str:
        """Return the options."""
        return f"{self.lambd}"


class Softshrink(Module):
    """``x`` moved toward zero by `lambd`, at most to zero.

    Parameters
    ----------
    lambd : float, default 0.5
        By how much; not negative.

    Notes
    -----
    `torch.nn.Softshrink`

    Examples
    --------
    >>> import candle_ffi as cf
    >>> cf.nn.Softshrink()(cf.tensor([0.3, 2.0]))
    tensor([0.0000, 1.5000])
    """

    def __init__(self, lambd: float = 0.5) -> None:
        super().__init__()
        self.lambd = lambd

    def forward(self, input: Tensor) -> Tensor:
        """Apply it to each element."""
        return _ops.softshrink(input, self.lambd)

    def extra_repr(self) -> str:
        """Return the options."""
        return f"{self.lambd}"


class Threshold(Module):
    """``x`` above a threshold, else a value.

    Parameters
    ----------
    threshold : float
        The threshold.
    value : float
        What stands in the place of others.
    inplace : bool, default False
        Accepted for PyTorch's sake; the input is never changed.

    Notes
    -----
    `torch.nn.Threshold`

    Examples
    --------
    >>> import candle_ffi as cf
    >>> cf.nn.Threshold(0.1, 20.0)(cf.tensor([0.0, 2.0]))
    tensor([20.,  2.])
    """

    def __init__(self, threshold: float, value: float, inplace: bool = False) -> None:
        super().__init__()
        self.threshold = threshold
        self.value = value
        self.inplace = inplace

    def forward(self, input: Tensor) -> Tensor:
        """Apply it to each element."""
        return _ops.threshold(input, self.threshold, self.value)

    def extra_repr(self) -> str:
        """Return the options."""
        inplace = ", inplace=True" if self.inplace else ""
        return f"threshold={self.threshold}, value={self.value}{inplace}"
