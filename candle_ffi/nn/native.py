"""What a layer starts with: the initial weights, which the native library makes."""

from __future__ import annotations

import operator
from collections.abc import Iterable
from typing import Any

from candle_ffi import dtype as dtypes
from candle_ffi._handles import wrap
from candle_ffi._lib import ffi, lib, take_error
from candle_ffi.device import Device, as_device
from candle_ffi.dtype import DType
from candle_ffi.errors import InvalidArgumentError
from candle_ffi.nn.parameter import Parameter

__all__ = ["factory", "initial", "size"]


def factory(dtype: DType | None, device: Device | str | None) -> tuple[int, int, int]:
    """Return how the library is told where and of what dtype weights are made.

    Parameters
    ----------
    dtype : DType or None
        The dtype; the default one when None.
    device : Device, str or None
        The device; the default one when None.

    Returns
    -------
    tuple of int
        Dtype, kind of device, index of device.
    """
    chosen = dtypes.get_default_dtype() if dtype is None else dtypes.as_dtype(dtype)
    place = as_device(device)
    return chosen.code, place.kind, place.index


def size(value: Any, layer: str, name: str) -> int:
    """Return a size that a layer is made with as an integer.

    Parameters
    ----------
    value : object
        The size.
    layer, name : str
        What a message calls the layer and its parameter.

    Returns
    -------
    int
        The size.

    Raises
    ------
    TypeError
        It is no integer.
    InvalidArgumentError
        It is negative, or larger than any tensor.
    """
    try:
        number = operator.index(value)
    except TypeError:
        raise TypeError(f"{layer}: {name} must be an integer, not {type(value).__name__}") from None
    if not 0 <= number < 2**63:
        raise InvalidArgumentError(f"{layer}: {name} is no size: {number}", operation=layer)
    return number


def initial(names: Iterable[str], new: str, *arguments: Any) -> dict[str, Parameter]:
    """Return the weights that a layer of the library starts with.

    Parameters
    ----------
    names : iterable of str
        The names of the weights; looked at once the layer is made.
    new : str
        The function that makes the layer.
    *arguments
        Its arguments, None for NULL.

    Returns
    -------
    dict of str to Parameter
        The weights by their names.
    """
    made = [ffi.NULL if argument is None else argument for argument in arguments]
    layer = getattr(lib, new)(*made)
    if not layer:
        raise take_error()
    try:
        return {
            name: Parameter._adopt(wrap(lib.py_module_get_parameter(layer, name.encode())))
            for name in names
        }
    finally:
        # The weights stay: a layer and its parameters share them.
        lib.candle_module_free(layer)
