"""The types of elements: `candle_ffi.float32` and the others, and how NumPy calls them."""

from __future__ import annotations

import builtins
from typing import Any, Final

import numpy as np

from candle_ffi._lib import check, lib
from candle_ffi.errors import DTypeError

__all__ = [
    "DType",
    "bfloat16",
    "bool",
    "double",
    "float",
    "float8_e4m3fn",
    "float16",
    "float32",
    "float64",
    "get_default_dtype",
    "half",
    "int",
    "int16",
    "int32",
    "int64",
    "long",
    "set_default_dtype",
    "short",
    "uint8",
    "uint32",
]


class DType:
    """The type of a tensor's elements; the objects are made here, once.

    Attributes
    ----------
    name : str
        PyTorch's name, such as ``"float32"``.
    code : int
        The number of the C interface (`CANDLE_DTYPE_*`).
    itemsize : int
        Bytes of one element.
    is_floating_point : bool
        Whether tensors of this dtype can require gradients.

    Examples
    --------
    >>> import candle_ffi as cf
    >>> cf.float32, cf.float is cf.float32, cf.float32.itemsize
    (candle_ffi.float32, True, 4)
    """

    __slots__ = ("code", "is_floating_point", "itemsize", "name")

    name: Final[str]
    code: Final[builtins.int]
    itemsize: Final[builtins.int]
    is_floating_point: Final[builtins.bool]

    def __init__(
        self,
        name: str,
        code: builtins.int,
        itemsize: builtins.int,
        is_floating_point: builtins.bool,
    ) -> None:
        self.name = name
        self.code = code
        self.itemsize = itemsize
        self.is_floating_point = is_floating_point

    def __repr__(self) -> str:
        return f"candle_ffi.{self.name}"

    def __reduce__(self) -> str:
        return self.name

    @property
    def is_signed(self) -> builtins.bool:
        """Whether negative numbers can be held."""
        return self not in (bool, uint8, uint32)


bool: Final = DType("bool", 1, 1, False)
uint8: Final = DType("uint8", 2, 1, False)
int16: Final = DType("int16", 5, 2, False)
uint32: Final = DType("uint32", 6, 4, False)
int32: Final = DType("int32", 7, 4, False)
int64: Final = DType("int64", 9, 8, False)
float8_e4m3fn: Final = DType("float8_e4m3fn", 16, 1, True)
float16: Final = DType("float16", 17, 2, True)
bfloat16: Final = DType("bfloat16", 18, 2, True)
float32: Final = DType("float32", 19, 4, True)
float64: Final = DType("float64", 20, 8, True)

short: Final = int16
int: Final = int32
long: Final = int64
half: Final = float16
float: Final = float32
double: Final = float64

ALL: Final = (
    bool,
    uint8,
    int16,
    uint32,
    int32,
    int64,
    float8_e4m3fn,
    float16,
    bfloat16,
    float32,
    float64,
)
BY_CODE: Final[dict[builtins.int, DType]] = {dtype.code: dtype for dtype in ALL}
BY_NAME: Final[dict[str, DType]] = {dtype.name: dtype for dtype in ALL}

# What NumPy itself can hold; it has no bfloat16 and no 8-bit float.
TO_NUMPY: Final[dict[DType, np.dtype[Any]]] = {
    dtype: np.dtype(dtype.name) for dtype in ALL if dtype not in (float8_e4m3fn, bfloat16)
}
# PyTorch's reading of Python's own types.
FROM_PYTHON: Final[dict[type, DType]] = {
    builtins.bool: bool,
    builtins.int: int64,
    builtins.float: float64,
}

_default = float32


def get_default_dtype() -> DType:
    """Return the dtype that Python floats get, and integers in a division: at first `float32`.

    Examples
    --------
    >>> import candle_ffi as cf
    >>> cf.get_default_dtype()
    candle_ffi.float32
    """
    return _default


def set_default_dtype(dtype: DType) -> None:
    """Set the dtype that Python floats get, and integers in a division, for the whole process.

    Parameters
    ----------
    dtype : DType
        `float16`, `bfloat16`, `float32` or `float64`.

    Raises
    ------
    DTypeError
        Another dtype.

    Examples
    --------
    >>> import candle_ffi as cf
    >>> cf.set_default_dtype(cf.float64)
    >>> cf.tensor(1.0).dtype
    candle_ffi.float64
    >>> cf.set_default_dtype(cf.float32)
    """
    global _default
    chosen = as_dtype(dtype)
    check(lib.py_set_default_dtype(chosen.code))
    _default = chosen


def as_dtype(dtype: Any) -> DType:
    """Return the dtype that is meant: ours, Python's `float`, `int` or `bool`, or NumPy's."""
    if isinstance(dtype, DType):
        return dtype
    if isinstance(dtype, type) and dtype in FROM_PYTHON:
        return FROM_PYTHON[dtype]
    try:
        name = np.dtype(dtype).name
    except TypeError:
        name = repr(dtype)
    found = BY_NAME.get(name)
    if found is None:
        raise DTypeError(
            f"there is no dtype {name}; dtypes are {', '.join(BY_NAME)}",
            dtypes=[name],
        )
    return found


def dtype_code(dtype: Any) -> builtins.int:
    """Return the number of the C interface for `dtype`; None is 0, "not given"."""
    if dtype is None:
        return 0
    return as_dtype(dtype).code
