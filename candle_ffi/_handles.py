"""Handles of the native library as Python holds them: tensors, numbers, and lists of both."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from operator import index
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from candle_ffi._lib import ffi, lib, take_error
from candle_ffi.errors import InvalidArgumentError

if TYPE_CHECKING:
    from candle_ffi.tensor import Tensor

__all__ = [
    "NULL",
    "Number",
    "TensorBase",
    "as_list",
    "choice",
    "collect",
    "float_tuple",
    "handles",
    "int_tuple",
    "operand",
    "operand_or_none",
    "padding_sizes",
    "tensor_of",
    "wrap",
]

NULL: Any = ffi.NULL
Number: TypeAlias = bool | int | float

_new = object.__new__
_float, _int, _bool = lib.py_from_double, lib.py_from_int64, lib.py_from_bool


class TensorBase:
    """What owns the handle of a tensor; everything else of a tensor is in the classes below it."""

    __slots__ = ("__weakref__", "_handle")

    _handle: Any

    # The default argument keeps the function alive until the last tensor is gone, also while the
    # interpreter clears its modules.
    def __del__(self, free: Callable[[Any], None] = lib.candle_tensor_free) -> None:
        """Free the handle."""
        try:
            handle = self._handle
        except AttributeError:
            return
        free(handle)


def wrap(handle: Any) -> Tensor:
    """Return the tensor that owns a new handle, or raise the error of the call that gave none."""
    if handle:
        result: Tensor = _new(Tensor)
        result._handle = handle
        return result
    raise take_error()


# Numbers that were operands before: `x * 2` in a loop makes its tensor once. Values that are equal
# but not the same (0.0 and -0.0, 1 and True) are kept apart by their types and by leaving out zero.
_numbers: dict[tuple[type, Any], Tensor] = {}
_MOST_NUMBERS = 256


def operand(value: Any, operation: str = "", name: str = "") -> Tensor:
    """Return a tensor unchanged, and a number as a tensor that does not promote."""
    tensor = operand_or_none(value)
    if tensor is None:
        raise _wrong_type("a tensor or a number", value, operation, name)
    return tensor


def tensor_of(value: Any, operation: str, name: str) -> Tensor:
    """Return a tensor unchanged, and raise for anything else."""
    if isinstance(value, TensorBase):
        return value  # type: ignore[return-value]
    raise _wrong_type("a tensor", value, operation, name)


def _wrong_type(wanted: str, value: Any, operation: str, name: str) -> TypeError:
    where = f"{operation}: {name} must be" if name else "expected"
    return TypeError(f"{where} {wanted}, not {type(value).__name__}")


def operand_or_none(value: Any) -> Tensor | None:
    """Return the same as `operand`, and None for what is neither tensor nor number."""
    kind = type(value)
    if kind is float or kind is int or kind is bool:
        key = (kind, value)
        tensor = _numbers.get(key)
        if tensor is None:
            tensor = _number(value)
            if value:
                if len(_numbers) >= _MOST_NUMBERS:
                    _numbers.clear()
                _numbers[key] = tensor
        return tensor
    if isinstance(value, TensorBase):
        return value  # type: ignore[return-value]
    if isinstance(value, np.generic):
        # A NumPy scalar is a number here, as in PyTorch.
        value = value.item()
        return _number(value) if isinstance(value, (bool, int, float)) else None
    if isinstance(value, np.ndarray):
        from candle_ffi.interop import from_array

        return from_array(value)
    return _number(value) if isinstance(value, (int, float)) else None


def _number(value: bool | int | float) -> Tensor:
    if isinstance(value, bool):
        return wrap(_bool(value))
    if isinstance(value, int):
        try:
            return wrap(_int(value))
        except OverflowError:
            raise OverflowError(f"the integer {value} is outside the range of int64") from None
    return wrap(_float(value))


def as_list(tensors: Sequence[Tensor], operation: str, name: str) -> list[Tensor]:
    """Return the tensors as a list, which keeps them alive during a call."""
    if isinstance(tensors, TensorBase):
        raise _wrong_type("a sequence of tensors", tensors, operation, name)
    try:
        found = list(tensors)
    except TypeError:
        raise _wrong_type("a sequence of tensors", tensors, operation, name) from None
    for tensor in found:
        if not isinstance(tensor, TensorBase):
            raise _wrong_type("a sequence of tensors", tensor, operation, f"an element of {name}")
    return found


def handles(tensors: Sequence[Tensor]) -> list[Any]:
    """Return the handles of tensors, as a call takes them."""
    try:
        return [tensor._handle for tensor in tensors]
    except AttributeError:
        kinds = sorted(
            {type(tensor).__name__ for tensor in tensors if not isinstance(tensor, TensorBase)}
        )
        raise TypeError(f"expected tensors, but found {', '.join(kinds)}") from None


def int_tuple(value: int | Sequence[int]) -> tuple[int, ...]:
    """Return sizes or dims as a tuple; a single one may stand alone."""
    if type(value) is int:
        return (value,)
    try:
        return tuple(value)  # type: ignore[arg-type]
    except TypeError:
        return (index(value),)  # type: ignore[arg-type]


def float_tuple(value: float | Sequence[float]) -> tuple[float, ...]:
    """Return numbers as a tuple; a single one may stand alone."""
    try:
        return tuple(value)  # type: ignore[arg-type]
    except TypeError:
        return (float(value),)  # type: ignore[arg-type]


_PADDINGS = {"same": (lib.CANDLE_PADDING_SAME,), "valid": (lib.CANDLE_PADDING_VALID,)}


def padding_sizes(value: int | Sequence[int] | str, operation: str) -> tuple[int, ...]:
    """Return a padding as it crosses: sizes, or the constant of a name."""
    if isinstance(value, str):
        if value in _PADDINGS:
            return _PADDINGS[value]
        raise InvalidArgumentError(
            f"{operation}: padding must be sizes, 'same' or 'valid', not {value!r}",
            operation=operation,
        )
    sizes = int_tuple(value)
    if any(size < 0 for size in sizes):
        raise InvalidArgumentError(
            f"{operation}: negative padding is not supported: {value!r}", operation=operation
        )
    return sizes


def choice(value: str, operation: str, name: str, values: Mapping[str, int]) -> int:
    """Return the number of an option, or raise an error that names those that exist."""
    try:
        return values[value]
    except (KeyError, TypeError):
        known = ", ".join(repr(known) for known in values)
        raise InvalidArgumentError(
            f"{operation}: {name} must be one of {known}, not {value!r}", operation=operation
        ) from None


def collect(function: Callable[..., int], *arguments: Any) -> list[Tensor]:
    """Call an operation that gives a list of tensors."""
    count = ffi.new("size_t *")
    cells = ffi.new("CandleTensor *[]", 16)
    status = function(*arguments, cells, len(cells), count)
    if status == lib.CANDLE_ERROR_BUFFER_TOO_SMALL:
        cells = ffi.new("CandleTensor *[]", count[0])
        status = function(*arguments, cells, len(cells), count)
    if status:
        raise take_error()
    return [wrap(cells[number]) for number in range(count[0])]


# Set by candle_ffi.tensor, which derives the class from the one above.
if not TYPE_CHECKING:
    Tensor: Any = None
