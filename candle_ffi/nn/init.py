"""Initial values of weights: functions that fill a tensor in place and return it.

None of them is recorded, whatever the mode of gradients.
"""

from __future__ import annotations

import math
import warnings
from typing import Literal

import numpy as np

from candle_ffi import _ops
from candle_ffi import dtype as dtypes
from candle_ffi._ops import clamp, copy_, erf, exp, log, sign, sqrt
from candle_ffi.autograd import no_grad
from candle_ffi.creation import as_tensor, eye
from candle_ffi.device import CPU
from candle_ffi.errors import DTypeError
from candle_ffi.random import Generator
from candle_ffi.sampling import rand, randn, randperm
from candle_ffi.tensor import Tensor

__all__ = [
    "calculate_gain",
    "constant_",
    "dirac_",
    "eye_",
    "kaiming_normal_",
    "kaiming_uniform_",
    "normal_",
    "ones_",
    "orthogonal_",
    "sparse_",
    "trunc_normal_",
    "uniform_",
    "xavier_normal_",
    "xavier_uniform_",
    "zeros_",
]

Mode = Literal["fan_in", "fan_out"]

_GAINS: dict[str, float] = {
    **dict.fromkeys(
        (
            "linear",
            "conv1d",
            "conv2d",
            "conv3d",
            "conv_transpose1d",
            "conv_transpose2d",
            "conv_transpose3d",
            "sigmoid",
        ),
        1.0,
    ),
    "tanh": 5.0 / 3.0,
    "relu": math.sqrt(2.0),
    "selu": 0.75,
}


def calculate_gain(nonlinearity: str, param: float | None = None) -> float:
    """Return by how much the values before a nonlinearity are scaled to keep their variance.

    Parameters
    ----------
    nonlinearity : str
        The name of its function in `nn.functional`, such as ``"relu"`` or ``"leaky_relu"``.
    param : float, optional
        The negative slope of ``"leaky_relu"``; 0.01 when not given.

    Returns
    -------
    float
        The gain.

    Raises
    ------
    ValueError
        The nonlinearity is not known.

    Notes
    -----
    `torch.nn.init.calculate_gain`

    Examples
    --------
    >>> import candle_ffi as cf
    >>> cf.nn.init.calculate_gain("leaky_relu", 0.2)
    1.3867504905630728
    """
    if nonlinearity == "leaky_relu":
        if param is not None and (isinstance(param, bool) or not isinstance(param, (int, float))):
            raise ValueError(f"negative_slope {param!r} not a valid number")
        slope = 0.01 if param is None else param
        return math.sqrt(2.0 / (1.0 + slope**2))
    try:
        return _GAINS[nonlinearity]
    except KeyError:
        known = ", ".join([*_GAINS, "leaky_relu"])
        raise ValueError(
            f"Unsupported nonlinearity {nonlinearity}: the gains of {known} are known"
        ) from None


@no_grad
def uniform_(
    tensor: Tensor, a: float = 0.0, b: float = 1.0, generator: Generator | None = None
) -> Tensor:
    """Fill a tensor uniformly within ``[a, b)``.

    Parameters
    ----------
    tensor : Tensor
        The tensor.
    a, b : float
        The bounds.
    generator : Generator, optional
        The source of random numbers.

    Notes
    -----
    `torch.nn.init.uniform_`
    """
    return _ops.uniform_(tensor, a, b, generator)


@no_grad
def normal_(
    tensor: Tensor, mean: float = 0.0, std: float = 1.0, generator: Generator | None = None
) -> Tensor:
    """Fill a tensor with normal numbers.

    Parameters
    ----------
    tensor : Tensor
        The tensor.
    mean, std : float
        Mean and deviation.
    generator : Generator, optional
        The source of random numbers.

    Notes
    -----
    `torch.nn.init.normal_`
    """
    return _ops.normal_(tensor, mean, std, generator)


@no_grad
def constant_(tensor: Tensor, val: float) -> Tensor:
    """Fill a tensor with a number.

    Parameters
    ----------
    tensor : Tensor
        The tensor.
    val : float
        The number.

    Notes
    -----
    `torch.nn.init.constant_`
    """
    return _ops.fill_(tensor, val)


def ones_(tensor: Tensor) -> Tensor:
    """Fill a tensor with ones.

    Parameters
    ----------
    tensor : Tensor
        The tensor.

    Notes
    -----
    `torch.nn.init.ones_`
    """
    return constant_(tensor, 1.0)


def zeros_(tensor: Tensor) -> Tensor:
    """Fill a tensor with zeros.

    Parameters
    ----------
    tensor : Tensor
        The tensor.

    Notes
    -----
    `torch.nn.init.zeros_`
    """
    return constant_(tensor, 0.0)


@no_grad
def eye_(tensor: Tensor) -> Tensor:
    """Fill a matrix with ones on its diagonal and zeros elsewhere.

    Parameters
    ----------
    tensor : Tensor
        The matrix.

    Raises
    ------
    ValueError
        It is no matrix.

    Notes
    -----
    `torch.nn.init.eye_`
    """
    if tensor.ndim != 2:
        raise ValueError("Only tensors with 2 dimensions are supported")
    return copy_(tensor, eye(*tensor.shape, dtype=tensor.dtype, device=tensor.device))


@no_grad
def dirac_(tensor: Tensor, groups: int = 1) -> Tensor:
    """Fill the weight of a convolution so that it passes on as many channels as it can.

    Parameters
    ----------
    tensor : Tensor
        The weight, of 3 to 5 dimensions.
    groups : int, default 1
        The number of groups, in each of which channels are passed on.

    Raises
    ------
    ValueError
        The tensor has another number of dimensions, or the groups do not divide its first size.

    Notes
    -----
    `torch.nn.init.dirac_`
    """
    if tensor.ndim not in (3, 4, 5):
        raise ValueError("Only tensors with 3, 4, or 5 dimensions are supported")
    if tensor.shape[0] % groups:
        raise ValueError("dim 0 must be divisible by groups")
    values = np.zeros(tensor.shape)
    per_group = tensor.shape[0] // groups
    middle = tuple(size // 2 for size in tensor.shape[2:])
    for group in range(groups):
        for channel in range(min(per_group, tensor.shape[1])):
            place = (group * per_group + channel, channel, *middle)
            values[place] = 1.0
    return copy_(tensor, as_tensor(values, device=CPU).to(tensor.device, tensor.dtype))


def _fans(tensor: Tensor) -> tuple[int, int]:
    if tensor.ndim < 2:
        raise ValueError(
            "Fan in and fan out can not be computed for tensor with fewer than 2 dimensions"
        )
    field = math.prod(tensor.shape[2:])
    return tensor.shape[1] * field, tensor.shape[0] * field


def _fan(tensor: Tensor, mode: str) -> int:
    modes = ("fan_in", "fan_out")
    chosen = mode.lower()
    if chosen not in modes:
        raise ValueError(f"Mode {mode} not supported, please use one of {list(modes)}")
    return _fans(tensor)[modes.index(chosen)]


def xavier_uniform_(
    tensor: Tensor, gain: float = 1.0, generator: Generator | None = None
) -> Tensor:
    """Fill a weight uniformly within ``±gain · √(6 / (fan_in + fan_out))``.

    Parameters
    ----------
    tensor : Tensor
        The weight, of 2 dimensions or more.
    gain : float, default 1.0
        A factor, as `calculate_gain` gives it.
    generator : Generator, optional
        The source of random numbers.

    Notes
    -----
    `torch.nn.init.xavier_uniform_`. Source: Glorot and Bengio, "Understanding the difficulty of
    training deep feedforward neural networks", 2010.

    Examples
    --------
    >>> import candle_ffi as cf
    >>> bool((cf.nn.init.xavier_uniform_(cf.empty(3, 5)).abs() <= (6 / 8) ** 0.5).all())
    True
    """
    bound = gain * math.sqrt(6.0 / sum(_fans(tensor)))
    return uniform_(tensor, -bound, bound, generator=generator)


def xavier_normal_(tensor: Tensor, gain: float = 1.0, generator: Generator | None = None) -> Tensor:
    """Fill a weight with normal numbers of deviation ``gain · √(2 / (fan_in + fan_out))``.

    Parameters
    ----------
    tensor : Tensor
        The weight, of 2 dimensions or more.
    gain : float, default 1.0
        A factor, as `calculate_gain` gives it.
    generator : Generator, optional
        The source of random numbers.

    Notes
    -----
    `torch.nn.init.xavier_normal_`. Source: Glorot and Bengio, 2010.
    """
    deviation = gain * math.sqrt(2.0 / sum(_fans(tensor)))
    return normal_(tensor, 0.0, deviation, generator=generator)


def kaiming_uniform_(
    tensor: Tensor,
    a: float = 0,
    mode: Mode = "fan_in",
    nonlinearity: str = "leaky_relu",
    generator: Generator | None = None,
) -> Tensor:
    """Fill a weight uniformly within ``±gain · √(3 / fan)``.

    Parameters
    ----------
    tensor : Tensor
        The weight, of 2 dimensions or more.
    a : float, default 0
        The negative slope, for ``"leaky_relu"``.
    mode : {"fan_in", "fan_out"}
        Whether the variance is kept forwards or backwards.
    nonlinearity : str, default "leaky_relu"
        What follows the weight; see `calculate_gain`.
    generator : Generator, optional
        The source of random numbers.

    Notes
    -----
    `torch.nn.init.kaiming_uniform_`. Source: He and others, "Delving deep into rectifiers", 2015.
    """
    if _is_empty(tensor):
        return tensor
    bound = calculate_gain(nonlinearity, a) * math.sqrt(3.0 / _fan(tensor, mode))
    return uniform_(tensor, -bound, bound, generator=generator)


def kaiming_normal_(
    tensor: Tensor,
    a: float = 0,
    mode: Mode = "fan_in",
    nonlinearity: str = "leaky_relu",
    generator: Generator | None = None,
) -> Tensor:
    """Fill a weight with normal numbers of deviation ``gain / √fan``.

    Parameters
    ----------
    tensor : Tensor
        The weight, of 2 dimensions or more.
    a : float, default 0
        The negative slope, for ``"leaky_relu"``.
    mode : {"fan_in", "fan_out"}
        Whether the variance is kept forwards or backwards.
    nonlinearity : str, default "leaky_relu"
        What follows the weight; see `calculate_gain`.
    generator : Generator, optional
        The source of random numbers.

    Notes
    -----
    `torch.nn.init.kaiming_normal_`. Source: He and others, 2015.
    """
    if _is_empty(tensor):
        return tensor
    deviation = calculate_gain(nonlinearity, a) / math.sqrt(_fan(tensor, mode))
    return normal_(tensor, 0.0, deviation, generator=generator)


def _is_empty(tensor: Tensor) -> bool:
    if 0 in tensor.shape:
        warnings.warn("Initializing zero-element tensors is a no-op", stacklevel=3)
        return True
    return False


def _require_float(tensor: Tensor, name: str) -> None:
    if not tensor.dtype.is_floating_point:
        raise DTypeError(
            f"{name}: random numbers need a tensor of a floating dtype, not {tensor.dtype.name}",
            operation=name,
            dtypes=[tensor.dtype.name],
        )


@no_grad
def trunc_normal_(
    tensor: Tensor,
    mean: float = 0.0,
    std: float = 1.0,
    a: float = -2.0,
    b: float = 2.0,
    generator: Generator | None = None,
) -> Tensor:
    """Fill a tensor with normal numbers, drawn again as it were until they lie within bounds.

    Parameters
    ----------
    tensor : Tensor
        The tensor.
    mean, std : float
        Mean and deviation of the normal distribution.
    a, b : float
        The bounds.
    generator : Generator, optional
        The source of random numbers.

    Raises
    ------
    DTypeError
        The tensor is not floating.
    ValueError
        The bounds are not numbers in ascending order.

    Notes
    -----
    `torch.nn.init.trunc_normal_`
    """
    _require_float(tensor, "trunc_normal_")
    if not a <= b:
        raise ValueError(f"trunc_normal_: a must not be larger than b, and they are {a} and {b}")
    if mean < a - 2 * std or mean > b + 2 * std:
        warnings.warn(
            "mean is more than 2 std from [a, b] in nn.init.trunc_normal_. "
            "The distribution of values may be incorrect.",
            stacklevel=2,
        )

    def below(x: float) -> float:
        return math.erf((x - mean) / std / math.sqrt(2.0))

    low, high = below(a), below(b)
    # The inverse of the distribution function takes uniform numbers to normal ones.
    drawn = rand(*tensor.shape, generator=generator, dtype=dtypes.float64) * (high - low) + low
    values = _erfinv(drawn) * (std * math.sqrt(2.0)) + mean
    return copy_(tensor, clamp(values, a, b).to(tensor.device, tensor.dtype))


def _erfinv(y: Tensor) -> Tensor:
    """Return the inverse of the error function, by Newton's method from Winitzki's guess."""
    y = clamp(y, -1 + 1e-15, 1 - 1e-15)
    half = log(1 - y * y) / 2
    part = 2 / (math.pi * 0.147) + half
    x: Tensor = sign(y) * sqrt(sqrt(part * part - half * (2 / 0.147)) - part)
    for _ in range(3):
        x = x - (erf(x) - y) * exp(x * x) * (math.sqrt(math.pi) / 2)
    return x


@no_grad
def orthogonal_(tensor: Tensor, gain: float = 1, generator: Generator | None = None) -> Tensor:
    """Fill a weight so that its rows, or its columns if those are fewer, are orthonormal.

    Parameters
    ----------
    tensor : Tensor
        The weight, of 2 dimensions or more; those after the first count as one.
    gain : float, default 1
        A factor.
    generator : Generator, optional
        The source of random numbers.

    Raises
    ------
    DTypeError
        The tensor is not floating.
    ValueError
        The tensor has fewer than 2 dimensions.

    Notes
    -----
    `torch.nn.init.orthogonal_`. Source: Saxe and others, "Exact solutions to the nonlinear dynamics
    of learning in deep linear neural networks", 2013.
    """
    if tensor.ndim < 2:
        raise ValueError("Only tensors with 2 or more dimensions are supported")
    _require_float(tensor, "orthogonal_")
    if tensor.numel() == 0:
        return tensor
    rows, columns = tensor.shape[0], tensor.numel() // tensor.shape[0]
    drawn = randn(rows, columns, generator=generator, dtype=dtypes.float64, device=CPU).numpy()
    q, r = np.linalg.qr(drawn.T if rows < columns else drawn)
    q = q * np.sign(np.diag(r))  # which makes the distribution uniform
    values = (q.T if rows < columns else q).reshape(tensor.shape) * gain
    return copy_(tensor, as_tensor(values, device=CPU).to(tensor.device, tensor.dtype))


@no_grad
def sparse_(
    tensor: Tensor, sparsity: float, std: float = 0.01, generator: Generator | None = None
) -> Tensor:
    """Fill a matrix with normal numbers, and a fraction of each column with zeros.

    Parameters
    ----------
    tensor : Tensor
        The matrix.
    sparsity : float
        The fraction of zeros.
    std : float, default 0.01
        The deviation of the others.
    generator : Generator, optional
        The source of random numbers.

    Raises
    ------
    ValueError
        The tensor is no matrix.

    Notes
    -----
    `torch.nn.init.sparse_`. Source: Martens, "Deep learning via Hessian-free optimization", 2010.
    """
    if tensor.ndim != 2:
        raise ValueError("Only tensors with 2 dimensions are supported")
    rows, columns = tensor.shape
    zeros = math.ceil(sparsity * rows)
    normal_(tensor, 0.0, std, generator=generator)
    keep = np.ones((rows, columns), dtype=bool)
    for column in range(columns):
        keep[randperm(rows, generator=generator, device=CPU).numpy()[:zeros], column] = False
    return _ops.mul_(tensor, as_tensor(keep, device=CPU).to(tensor.device, tensor.dtype))
