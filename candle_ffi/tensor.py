"""The tensor: attributes, conversions, operators and gradients; the operations come from `_ops`."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator
from typing import Any, Final

import numpy as np

from candle_ffi import _cuda_array, _handles, _ops, interop
from candle_ffi import dtype as dtypes
from candle_ffi._handles import wrap
from candle_ffi._lib import check, ffi, lib, take_error
from candle_ffi.arithmetic import Arithmetic
from candle_ffi.casts import Casts
from candle_ffi.device import CPU, Device, as_device
from candle_ffi.device import of as device_of
from candle_ffi.dtype import DType
from candle_ffi.errors import CandleIndexError, DTypeError, GraphError, ShapeError
from candle_ffi.gradients import Gradients
from candle_ffi.indexing import get_item, set_item
from candle_ffi.memory import Memory
from candle_ffi.reduce import Reductions
from candle_ffi.repr import tensor_repr
from candle_ffi.restoring import restored_device
from candle_ffi.scatter import Scattering
from candle_ffi.shape import Shapes
from candle_ffi.spellings import Spellings

__all__ = ["Size", "Tensor", "wrap"]

_new: Final = object.__new__
_rank: Final = lib.candle_tensor_rank
_py_shape: Final = lib.py_shape
_py_select: Final = lib.py_select
_INT64S: Final = ffi.typeof("int64_t[]")
_INT64: Final = ffi.typeof("int64_t *")
_DOUBLE: Final = ffi.typeof("double *")


class Size(tuple[int, ...]):
    """The sizes of a tensor: a tuple, which may also be called.

    Examples
    --------
    >>> import candle_ffi as cf
    >>> x = cf.zeros(2, 3)
    >>> x.shape, x.shape(), x.shape[0], x.shape.numel()
    ((2, 3), (2, 3), 2, 6)
    """

    __slots__ = ()

    def __call__(self) -> Size:
        """Return the sizes, for those who write ``x.shape()``."""
        return self

    def numel(self) -> int:
        """Return the number of elements."""
        return int(np.prod(self, dtype=object))


def _binary(name: str, reflected: bool = False, whole: bool = False) -> Callable[[Any, Any], Any]:
    """Return the operator of a native operation; a whole one, as ``@``, takes no numbers."""
    native, operand_or_none = getattr(lib, f"py_{name}"), _handles.operand_or_none

    def operation(self: Any, other: Any) -> Any:
        if type(other) is Tensor:
            handle = native(self._handle, other._handle)
        else:
            operand = operand_or_none(other)
            if operand is None or (whole and operand.ndim == 0):
                return NotImplemented
            first, second = (operand, self) if reflected else (self, operand)
            handle = native(first._handle, second._handle)
        if handle:
            result = _new(Tensor)
            result._handle = handle
            return result
        raise take_error()

    return operation


def _logic(symbol: str, name: str) -> Callable[..., Any]:
    """Return the operator of a logical operation, which is for bools alone."""
    function = getattr(_ops, name)

    def operation(*operands: Any) -> Any:
        tensors = [_handles.operand_or_none(operand) for operand in operands]
        if any(tensor is None for tensor in tensors):
            return NotImplemented
        names = [tensor.dtype.name for tensor in tensors if tensor is not None]
        wrong = [name for name in names if name != "bool"]
        if wrong:
            raise DTypeError(
                f"{symbol} is for bools, not for {' and '.join(wrong)}; "
                "compare first, as in (x > 0) & (y > 0)",
                operation=name,
                dtypes=wrong,
            )
        return function(*tensors)

    return operation


def _in_place(function: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    """Return the operator that changes its left side, which stays the same object."""

    def operation(self: Any, other: Any) -> Any:
        if not hasattr(other, "_handle") and _handles.operand_or_none(other) is None:
            return NotImplemented
        function(self, other)
        return self

    return operation


def _stored(function: Callable[..., Any]) -> Callable[[Any, Any], Any]:
    """Return an operation that writes its result into its left side."""
    return lambda left, right: _ops.copy_(left, function(left, right))


class Tensor(Arithmetic, Casts, Gradients, Memory, Reductions, Scattering, Shapes, Spellings):
    """An n-dimensional array that can take part in a graph of operations.

    Parameters
    ----------
    data : array-like
        A number, nested lists, a NumPy array or what becomes one, or a tensor; it is copied.
    dtype : DType, optional
        The dtype; that of `data` when not given, where Python floats have the default dtype.
    device : Device or str, optional
        The device; the default one when not given.
    requires_grad : bool, default False
        Whether gradients are accumulated in `grad`.

    Raises
    ------
    DTypeError
        `data` holds objects, strings or another kind of value that tensors have not.
    ShapeError
        Nested lists have different lengths.

    Notes
    -----
    `torch.Tensor`, `torch.tensor`

    Examples
    --------
    >>> import candle_ffi as cf
    >>> x = cf.Tensor([[1, 2], [3, 4]], dtype=cf.float32)
    >>> x @ x + 0.5
    tensor([[ 7.5000, 10.5000],
            [15.5000, 22.5000]])
    """

    __slots__ = ()
    # NumPy leaves `array + tensor` to us.
    __array_priority__ = 1000

    def __new__(
        cls,
        data: Any,
        dtype: DType | None = None,
        device: Device | str | None = None,
        requires_grad: bool = False,
    ) -> Tensor:
        """Copy `data`."""
        if isinstance(data, Tensor):
            target = data.device if device is None else as_device(device)
            made = data.detach().clone().to(device=target)
        elif (interface := _cuda_array.interface_of(data)) is not None:
            made = _cuda_array.from_interface(data, interface, True)
            made = made if device is None else made.to(device=as_device(device))
        else:
            made = interop.from_array(interop.array_of(data), as_device(device))
        if dtype is not None:
            made = made.to(dtypes.as_dtype(dtype))
        tensor: Tensor = _new(cls)
        # The handle moves over, so that a subclass is one from the start.
        tensor._handle, made._handle = made._handle, ffi.NULL
        if requires_grad:
            tensor.requires_grad = True
        return tensor

    # Attributes -------------------------------------------------------------------------------

    @property
    def shape(self) -> Size:
        """The sizes; a tuple that may also be called."""
        return Size(self._sizes(_py_shape))

    def size(self, dim: int | None = None) -> Any:
        """Return the sizes, or the size of one dimension.

        Parameters
        ----------
        dim : int, optional
            The dimension; negative ones count from the end.
        """
        if dim is None:
            return self.shape
        try:
            return self.shape[dim]
        except IndexError:
            raise CandleIndexError(
                f"size: dimension {dim} is out of range for a tensor of {self.ndim} dimensions",
                operation="size",
                shapes=[self.shape],
            ) from None

    def _sizes(self, read: Any) -> list[int]:
        rank = _rank(self._handle)
        if rank == 0:
            return []
        cells = ffi.new(_INT64S, rank)
        read(self._handle, cells, rank)
        return list(ffi.unpack(cells, rank))

    @property
    def ndim(self) -> int:
        """The number of dimensions."""
        return _rank(self._handle)  # type: ignore[no-any-return]

    def dim(self) -> int:
        """Return the number of dimensions."""
        return self.ndim

    def numel(self) -> int:
        """Return the number of elements."""
        return int(lib.candle_tensor_num_elements(self._handle))

    nelement = numel

    @property
    def nbytes(self) -> int:
        """The number of bytes of all elements."""
        return self.numel() * self.itemsize

    @property
    def itemsize(self) -> int:
        """The number of bytes of one element."""
        return self.dtype.itemsize

    def element_size(self) -> int:
        """Return the number of bytes of one element."""
        return self.itemsize

    @property
    def dtype(self) -> DType:
        """The type of the elements."""
        return dtypes.BY_CODE[lib.candle_tensor_dtype(self._handle)]

    @property
    def device(self) -> Device:
        """Where the elements are."""
        kind = lib.candle_tensor_device(self._handle)
        return CPU if kind == 1 else device_of(kind, lib.candle_tensor_device_index(self._handle))

    @property
    def is_cuda(self) -> bool:
        """Whether the elements are on a CUDA device."""
        return self.device.type == "cuda"

    def get_device(self) -> int:
        """Return the index of the device that the elements are on; -1 for the CPU."""
        device = self.device
        return -1 if device == CPU else device.index

    @property
    def strides(self) -> tuple[int, ...]:
        """The distance in elements between neighbours along each dimension."""
        return tuple(self._sizes(lib.py_strides))

    def stride(self, dim: int | None = None) -> Any:
        """Return the distances in elements between neighbours, or that along one dimension.

        Parameters
        ----------
        dim : int, optional
            The dimension; negative ones count from the end.
        """
        return self.strides if dim is None else self.strides[dim]

    def is_contiguous(self) -> bool:
        """Return whether the elements lie in row-major order without gaps."""
        return bool(lib.candle_tensor_is_contiguous(self._handle))

    def is_floating_point(self) -> bool:
        """Return whether the dtype is a floating-point one."""
        return self.dtype.is_floating_point

    @property
    def T(self) -> Tensor:  # noqa: N802
        """The tensor with its dimensions in reversed order."""
        return _ops.permute(self, list(range(self.ndim))[::-1])

    @property
    def mT(self) -> Tensor:  # noqa: N802
        """The tensor with its last two dimensions swapped."""
        return _ops.transpose(self, -2, -1)

    # Data -------------------------------------------------------------------------------------

    @property
    def data(self) -> Tensor:
        """The same elements without history; setting it replaces them."""
        return self.detach()

    @data.setter
    def data(self, value: Tensor) -> None:
        self._become(_handles.tensor_of(value, "data", "the new value"))

    def _become(self, other: Tensor) -> None:
        """Take over the elements of `other` and keep identity, gradient and history."""
        if other is not self:
            check(lib.py_set_data(self._handle, other._handle))

    # Conversions ------------------------------------------------------------------------------

    def tolist(self) -> Any:
        """Return the elements as nested lists of Python numbers, or one number."""
        tensor = self if self.dtype in dtypes.TO_NUMPY else self.detach().to(dtypes.float32)
        return interop.to_array(tensor).tolist()

    def item(self) -> Any:
        """Return the one element as a Python number.

        Raises
        ------
        ShapeError
            There is not exactly one element.
        """
        dtype = self.dtype
        if dtype.is_floating_point:
            cell = ffi.new(_DOUBLE)
            check(lib.py_item_double(self._handle, cell))
        else:
            cell = ffi.new(_INT64)
            check(lib.py_item_int64(self._handle, cell))
        return bool(cell[0]) if dtype is dtypes.bool else cell[0]

    def __bool__(self) -> bool:
        if self.numel() != 1:
            raise ShapeError(
                f"the truth value of a tensor of shape {self.shape} is ambiguous; "
                "use x.any() or x.all()",
                operation="bool",
                shapes=[self.shape],
            )
        return bool(self.item())

    def __int__(self) -> int:
        return int(self.item())

    def __float__(self) -> float:
        return float(self.item())

    def __index__(self) -> int:
        if self.dtype.is_floating_point or self.numel() != 1:
            raise TypeError("only integer tensors of a single element can be an index")
        return operator.index(self.item())

    def __len__(self) -> int:
        if self.ndim == 0:
            raise TypeError("len() of a 0-d tensor")
        return self.shape[0]

    def __iter__(self) -> Iterator[Tensor]:
        if self.ndim == 0:
            raise TypeError("iteration over a 0-d tensor")
        return (_ops.select(self, 0, row) for row in range(self.shape[0]))

    def __contains__(self, value: Any) -> bool:
        return bool((self == value).any().item())

    def __format__(self, spec: str) -> str:
        return format(self.item(), spec) if spec and self.ndim == 0 else format(str(self), spec)

    def __repr__(self) -> str:
        return tensor_repr(self)

    def __getitem__(self, index: Any) -> Tensor:
        if type(index) is int:
            row = _py_select(self._handle, 0, index)
            if row:
                return wrap(row)  # one row is what loops ask for, so it takes no detour
            take_error()  # told below, in the words of an index
        return get_item(self, index)

    def __setitem__(self, index: Any, value: Any) -> None:
        set_item(self, index, value)

    # Copies -----------------------------------------------------------------------------------

    def __copy__(self) -> Tensor:
        return self._as_own_class(wrap(lib.py_share(self._handle)))

    def __deepcopy__(self, memo: dict[int, Any]) -> Tensor:
        if not self.is_leaf:
            raise GraphError(
                "deepcopy: only leaves can be copied deeply; use x.detach().clone()",
                operation="deepcopy",
            )
        copied = self._as_own_class(self.detach().clone())
        copied.requires_grad = self.requires_grad
        gradient = self.grad
        if gradient is not None:
            copied.grad = gradient.detach().clone()
        memo[id(self)] = copied
        return copied

    def _as_own_class(self, made: Tensor) -> Tensor:
        if type(self) is Tensor:
            return made
        copied: Tensor = _new(type(self))
        copied._handle, made._handle = made._handle, ffi.NULL
        return copied

    def __reduce__(self) -> tuple[Any, ...]:
        values = self.detach()
        if self.dtype not in dtypes.TO_NUMPY:
            values = values.to(dtypes.float32)
        array = values.to_numpy()
        place = () if self.device == CPU else (str(self.device),)
        return (_restore, (type(self), array, self.dtype, self.requires_grad, *place))

    # Operators --------------------------------------------------------------------------------

    __hash__ = object.__hash__

    __add__ = _binary("add")
    __radd__ = _binary("add", reflected=True)
    __sub__ = _binary("sub")
    __rsub__ = _binary("sub", reflected=True)
    __mul__ = _binary("mul")
    __rmul__ = _binary("mul", reflected=True)
    __truediv__ = _binary("div")
    __rtruediv__ = _binary("div", reflected=True)
    __floordiv__ = _binary("floor_divide")
    __rfloordiv__ = _binary("floor_divide", reflected=True)
    __mod__ = _binary("remainder")
    __rmod__ = _binary("remainder", reflected=True)
    __pow__ = _binary("pow")
    __rpow__ = _binary("pow", reflected=True)
    __matmul__ = _binary("matmul", whole=True)
    __rmatmul__ = _binary("matmul", reflected=True, whole=True)
    __eq__ = _binary("eq")
    __ne__ = _binary("ne")
    __lt__ = _binary("lt")
    __le__ = _binary("le")
    __gt__ = _binary("gt")
    __ge__ = _binary("ge")
    __and__ = __rand__ = _logic("&", "logical_and")
    __or__ = __ror__ = _logic("|", "logical_or")
    __xor__ = __rxor__ = _logic("^", "logical_xor")

    __neg__ = _ops.neg
    __abs__ = _ops.abs
    __invert__ = _logic("~", "logical_not")

    def __pos__(self) -> Tensor:
        return self

    __iadd__ = _in_place(_ops.add_)
    __isub__ = _in_place(_ops.sub_)
    __imul__ = _in_place(_ops.mul_)
    __itruediv__ = _in_place(_ops.div_)
    __ifloordiv__ = _in_place(_ops.floor_divide_)
    __imod__ = _in_place(_ops.remainder_)
    __ipow__ = _in_place(_ops.pow_)
    __iand__ = _in_place(_stored(__and__))
    __ior__ = _in_place(_stored(__or__))
    __ixor__ = _in_place(_stored(__xor__))


def _restore(
    cls: type[Tensor],
    array: np.ndarray[Any, Any],
    dtype: DType,
    requires_grad: bool,
    device: str = "cpu",
) -> Tensor:
    tensor = interop.from_array(array).to(dtype=dtype, device=restored_device(device))
    restored: Tensor = _new(cls)
    restored._handle, tensor._handle = tensor._handle, ffi.NULL
    restored.requires_grad = requires_grad
    return restored


# The modules below this one make tensors without importing it.
vars(_ops)["Tensor"] = vars(_handles)["Tensor"] = Tensor
