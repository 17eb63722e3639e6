"""New tensors: filled, counted, or made of values that Python has."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np

from candle_ffi import _cuda_array, _ops, _sharing
from candle_ffi import dtype as dtypes
from candle_ffi.device import Device, as_device
from candle_ffi.dtype import DType
from candle_ffi.shape import numbers
from candle_ffi.tensor import Tensor

__all__ = [
    "arange",
    "as_tensor",
    "empty",
    "eye",
    "from_numpy",
    "full",
    "linspace",
    "ones",
    "tensor",
    "zeros",
]

Place = Device | str | None


def _leaf(made: Tensor, requires_grad: bool, pin_memory: bool = False) -> Tensor:
    made = made.pin_memory() if pin_memory else made
    return made.requires_grad_() if requires_grad else made


def _float(dtype: DType | None) -> DType:
    return dtypes.get_default_dtype() if dtype is None else dtypes.as_dtype(dtype)


def tensor(
    data: Any,
    dtype: DType | None = None,
    device: Place = None,
    requires_grad: bool = False,
    *,
    pin_memory: bool = False,
) -> Tensor:
    """Copy values into a new tensor.

    Parameters
    ----------
    data : array-like
        A number, nested lists, a NumPy array or what becomes one, a tensor, or an array of CUDA
        with `__cuda_array_interface__`.
    dtype : DType, optional
        The dtype; that of `data` when not given, where Python floats have the default dtype.
    device : Device or str, optional
        The device; that of `data`, or the default one where it has none, when not given.
    requires_grad : bool, default False
        Whether gradients are accumulated in `grad`.
    pin_memory : bool, default False
        Whether the memory is pinned, as by `Tensor.pin_memory`, which needs a CUDA device.

    Returns
    -------
    Tensor
        With memory of its own.

    Raises
    ------
    DTypeError
        `data` holds objects, strings or another kind of value that tensors have not.
    ShapeError
        Nested lists have different lengths.

    Notes
    -----
    `torch.tensor`

    Examples
    --------
    >>> import candle_ffi as cf
    >>> cf.tensor([[1, 2], [3, 4]])
    tensor([[1, 2],
            [3, 4]])
    """
    return _leaf(Tensor(data, dtype, device), requires_grad, pin_memory)


def as_tensor(data: Any, dtype: DType | None = None, device: Place = None) -> Tensor:
    """Return a tensor of these values: `data` itself where it is one and nothing changes.

    Parameters
    ----------
    data : array-like
        As for `tensor`.
    dtype : DType, optional
        The dtype; that of `data` when not given.
    device : Device or str, optional
        The device; that of `data`, or the default one where it has none, when not given.

    Returns
    -------
    Tensor
        Without a copy for a tensor; in the memory of a NumPy array where `from_numpy` shares it,
        and in that of an array with `__cuda_array_interface__` (CuPy, Numba) where it may be
        written; else, without a warning, with a copy.

    Notes
    -----
    `torch.as_tensor`

    Examples
    --------
    >>> import candle_ffi as cf
    >>> x = cf.ones(2)
    >>> cf.as_tensor(x) is x
    True
    """
    if isinstance(data, Tensor):
        return data.to(dtype=dtype, device=device)
    if isinstance(data, np.ndarray):
        return _sharing.share_or_copy(data)[0].to(dtype=dtype, device=as_device(device))
    if (interface := _cuda_array.interface_of(data)) is not None:
        return _cuda_array.from_interface(data, interface, None).to(dtype=dtype, device=device)
    return Tensor(data, dtype, device)


def from_numpy(array: np.ndarray[Any, Any]) -> Tensor:
    """Return a tensor in the memory of a NumPy array.

    What is written into the tensor is seen in the array, and the reverse. An array that is
    read-only, unaligned, in the other byte order, or that has gaps or negative strides is copied,
    with a warning that says so.

    Parameters
    ----------
    array : ndarray
        The array.

    Returns
    -------
    Tensor
        Of the same shape and dtype. Bytes of a bool array must stay 0 and 1.

    Raises
    ------
    DTypeError
        Tensors have no such dtype.
    TypeError
        `array` is no NumPy array.

    Notes
    -----
    `torch.from_numpy`, which shares read-only memory and refuses what is copied here. Use
    `as_tensor` to copy without a warning, and `tensor` to copy always.

    Examples
    --------
    >>> import candle_ffi as cf, numpy as np
    >>> array = np.arange(6)
    >>> cf.from_numpy(array)[0] = 7
    >>> array
    array([7, 1, 2, 3, 4, 5])
    """
    if not isinstance(array, np.ndarray):
        raise TypeError(f"from_numpy: a NumPy array is needed, not {type(array).__name__}")
    tensor, reason = _sharing.share_or_copy(array)
    if reason:
        warnings.warn(
            f"from_numpy: the array is copied, because {reason}; tensor() copies without a warning",
            stacklevel=2,
        )
    return tensor


def zeros(
    *size: Any,
    dtype: DType | None = None,
    device: Place = None,
    requires_grad: bool = False,
    pin_memory: bool = False,
) -> Tensor:
    """Return a tensor full of zeros.

    Parameters
    ----------
    *size : int or sequence of int
        The shape.
    dtype : DType, optional
        The dtype; the default one when not given.
    device : Device or str, optional
        The device; the default one when not given.
    requires_grad : bool, default False
        Whether gradients are accumulated in `grad`.
    pin_memory : bool, default False
        Whether the memory is pinned, as by `Tensor.pin_memory`, which needs a CUDA device.

    Returns
    -------
    Tensor
        Of that shape.

    Notes
    -----
    `torch.zeros`

    Examples
    --------
    >>> import candle_ffi as cf
    >>> cf.zeros(2, 3)
    tensor([[0., 0., 0.],
            [0., 0., 0.]])
    """
    made = _ops.zeros(numbers(size), _float(dtype), as_device(device))
    return _leaf(made, requires_grad, pin_memory)


def ones(
    *size: Any,
    dtype: DType | None = None,
    device: Place = None,
    requires_grad: bool = False,
    pin_memory: bool = False,
) -> Tensor:
    """Return a tensor full of ones.

    Parameters
    ----------
    *size : int or sequence of int
        The shape.
    dtype : DType, optional
        The dtype; the default one when not given.
    device : Device or str, optional
        The device; the default one when not given.
    requires_grad : bool, default False
        Whether gradients are accumulated in `grad`.
    pin_memory : bool, default False
        Whether the memory is pinned, as by `Tensor.pin_memory`, which needs a CUDA device.

    Returns
    -------
    Tensor
        Of that shape.

    Notes
    -----
    `torch.ones`

    Examples
    --------
    >>> import candle_ffi as cf
    >>> cf.ones(2)
    tensor([1., 1.])
    """
    made = _ops.ones(numbers(size), _float(dtype), as_device(device))
    return _leaf(made, requires_grad, pin_memory)


def empty(
    *size: Any,
    dtype: DType | None = None,
    device: Place = None,
    requires_grad: bool = False,
    pin_memory: bool = False,
) -> Tensor:
    """Return a tensor for values to come; it holds zeros.

    Parameters
    ----------
    *size : int or sequence of int
        The shape.
    dtype : DType, optional
        The dtype; the default one when not given.
    device : Device or str, optional
        The device; the default one when not given.
    requires_grad : bool, default False
        Whether gradients are accumulated in `grad`.
    pin_memory : bool, default False
        Whether the memory is pinned, as by `Tensor.pin_memory`, which needs a CUDA device.

    Returns
    -------
    Tensor
        Of that shape.

    Notes
    -----
    `torch.empty`

    Examples
    --------
    >>> import candle_ffi as cf
    >>> cf.empty(2, 3).shape
    (2, 3)
    """
    made = _ops.zeros(numbers(size), _float(dtype), as_device(device))
    return _leaf(made, requires_grad, pin_memory)


def full(
    size: int | Sequence[int],
    fill_value: float,
    *,
    dtype: DType | None = None,
    device: Place = None,
    requires_grad: bool = False,
    pin_memory: bool = False,
) -> Tensor:
    """Return a tensor full of one value.

    Parameters
    ----------
    size : int or sequence of int
        The shape.
    fill_value : float, int or bool
        The value.
    dtype : DType, optional
        The dtype; that of the value when not given.
    device : Device or str, optional
        The device; the default one when not given.
    requires_grad : bool, default False
        Whether gradients are accumulated in `grad`.
    pin_memory : bool, default False
        Whether the memory is pinned, as by `Tensor.pin_memory`, which needs a CUDA device.

    Returns
    -------
    Tensor
        Of that shape.

    Notes
    -----
    `torch.full`

    Examples
    --------
    >>> import candle_ffi as cf
    >>> cf.full((2, 2), 7)
    tensor([[7, 7],
            [7, 7]])
    """
    value = Tensor(fill_value, dtype, device)
    made = _ops.clone(_ops.expand(value, numbers((size,))))
    return _leaf(made, requires_grad, pin_memory)


def arange(
    start: float,
    end: float | None = None,
    step: float = 1,
    *,
    dtype: DType | None = None,
    device: Place = None,
    requires_grad: bool = False,
    pin_memory: bool = False,
) -> Tensor:
    """Return the numbers from `start` on in steps, up to and without `end`.

    Parameters
    ----------
    start : float or int
        The first number; the end, and 0 the first, where `end` is not given.
    end : float or int, optional
        What the numbers stay below.
    step : float or int, default 1
        The distance; not zero.
    dtype : DType, optional
        The dtype; `int64` for integers, else the default one.
    device : Device or str, optional
        The device; the default one when not given.
    requires_grad : bool, default False
        Whether gradients are accumulated in `grad`.
    pin_memory : bool, default False
        Whether the memory is pinned, as by `Tensor.pin_memory`, which needs a CUDA device.

    Returns
    -------
    Tensor
        ``[ceil((end - start) / step)]`` numbers.

    Raises
    ------
    InvalidArgumentError
        The step is zero, or leads away from the end.

    Notes
    -----
    `torch.arange`

    Examples
    --------
    >>> import candle_ffi as cf
    >>> cf.arange(1, 7, 2)
    tensor([1, 3, 5])
    """
    if end is None:
        start, end = 0, start
    if dtype is None:
        whole = not any(isinstance(bound, float) for bound in (start, end, step))
        dtype = dtypes.int64 if whole else dtypes.get_default_dtype()
    made = _ops.arange(start, end, step, dtypes.as_dtype(dtype), as_device(device))
    return _leaf(made, requires_grad, pin_memory)


def linspace(
    start: float,
    end: float,
    steps: int,
    *,
    dtype: DType | None = None,
    device: Place = None,
    requires_grad: bool = False,
    pin_memory: bool = False,
) -> Tensor:
    """Return numbers at equal distances from `start` to `end`, both included.

    Parameters
    ----------
    start, end : float
        The first and the last number.
    steps : int
        How many.
    dtype : DType, optional
        The dtype; the default one when not given.
    device : Device or str, optional
        The device; the default one when not given.
    requires_grad : bool, default False
        Whether gradients are accumulated in `grad`.
    pin_memory : bool, default False
        Whether the memory is pinned, as by `Tensor.pin_memory`, which needs a CUDA device.

    Returns
    -------
    Tensor
        ``[steps]`` numbers.

    Notes
    -----
    `torch.linspace`

    Examples
    --------
    >>> import candle_ffi as cf
    >>> cf.linspace(0, 1, 3)
    tensor([0.0000, 0.5000, 1.0000])
    """
    made = _ops.linspace(start, end, steps, _float(dtype), as_device(device))
    return _leaf(made, requires_grad, pin_memory)


def eye(
    n: int,
    m: int | None = None,
    *,
    dtype: DType | None = None,
    device: Place = None,
    requires_grad: bool = False,
    pin_memory: bool = False,
) -> Tensor:
    """Return a matrix with ones on its diagonal and zeros elsewhere.

    Parameters
    ----------
    n : int
        Rows.
    m : int, optional
        Columns; as many as rows when not given.
    dtype : DType, optional
        The dtype; the default one when not given.
    device : Device or str, optional
        The device; the default one when not given.
    requires_grad : bool, default False
        Whether gradients are accumulated in `grad`.
    pin_memory : bool, default False
        Whether the memory is pinned, as by `Tensor.pin_memory`, which needs a CUDA device.

    Returns
    -------
    Tensor
        ``[n, m]``.

    Notes
    -----
    `torch.eye`

    Examples
    --------
    >>> import candle_ffi as cf
    >>> cf.eye(2)
    tensor([[1., 0.],
            [0., 1.]])
    """
    made = _ops.eye(n, n if m is None else m, _float(dtype), as_device(device))
    return _leaf(made, requires_grad, pin_memory)
