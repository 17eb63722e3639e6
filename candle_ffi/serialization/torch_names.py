"""The names that PyTorch's files may use, and what they mean here; any other is refused."""

from __future__ import annotations

from collections import Counter, OrderedDict, defaultdict
from collections.abc import Callable
from typing import Any, Final

import numpy as np

from candle_ffi import dtype as dtypes
from candle_ffi.dtype import DType
from candle_ffi.errors import DTypeError, FileFormatError
from candle_ffi.serialization.pickles import Maker, plain_key
from candle_ffi.serialization.torch_storage import Storage
from candle_ffi.tensor import Size, Tensor

__all__ = ["StorageKind", "check_value", "find"]


class StorageKind(Maker):
    """The class of a storage.

    Parameters
    ----------
    name : str
        Its name.
    dtype : str or None
        The dtype of its elements; None where the tensors state it.
    """

    __slots__ = ("dtype",)

    def __init__(self, name: str, dtype: str | None) -> None:
        super().__init__(name, self._refused)
        self.dtype = dtype

    def _refused(self, *_: Any) -> Any:
        raise FileFormatError("it holds a storage without a tensor; save tensors")


class OtherDType:
    """A dtype that tensors do not have, though a larger one may hold its values.

    Parameters
    ----------
    name : str
        PyTorch's name.
    """

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name


def find(module: str, name: str) -> Any:
    """Return what a name means.

    Parameters
    ----------
    module, name : str
        The name as a pickle has it.

    Raises
    ------
    FileFormatError
        It is not in the list.
    """
    full = f"{module}.{name}"
    found = _NAMES.get(full)
    if found is not None:
        return found
    if module == "torch" and name in _DTYPES:
        return dtypes.BY_NAME.get(name) or OtherDType(name)
    raise FileFormatError(f"its pickle asks for {full}, which is refused: {_advice(full)}")


def _advice(full: str) -> str:
    if full.startswith(("torch.nn.", "__main__.", "torchvision.", "__torch__.")):
        return (
            "it holds a whole model, with its code; save its weights instead, where the model is "
            "known: torch.save(model.state_dict(), path)"
        )
    if full in ("argparse.Namespace", "types.SimpleNamespace"):
        return "turn it into a dictionary before saving: vars(options)"
    if full.startswith("torch.") and ("sparse" in full or "qtensor" in full):
        return "save a dense, unquantised tensor instead"
    return "only tensors and plain containers are read"


def check_value(value: Any) -> None:
    """Raise for a value that no file can hold on its own.

    Parameters
    ----------
    value : object
        What a pickle holds somewhere.

    Raises
    ------
    DTypeError
        A dtype that tensors do not have.
    FileFormatError
        A storage, or a name without use.
    """
    if isinstance(value, OtherDType):
        raise DTypeError(f"it holds the dtype {value.name}, which tensors do not have")
    if isinstance(value, (Maker, Storage)):
        name = value.name if isinstance(value, Maker) else "a storage"
        raise FileFormatError(f"it holds {name} itself, and only tensors and containers are read")


# Tensors --------------------------------------------------------------------------------------


def _tensor(storage: Any, offset: Any, size: Any, stride: Any, *rest: Any) -> Tensor:
    # What follows: whether it requires a gradient, hooks, and metadata of other devices.
    return _view(storage, offset, size, stride, bool(rest and rest[0] is True), None)


def _tensor_of_dtype(
    storage: Any, offset: Any, size: Any, stride: Any, grad: Any, hooks: Any, dtype: Any, *_: Any
) -> Tensor:
    if not isinstance(dtype, (DType, OtherDType)):
        raise FileFormatError("it has a tensor without a dtype")
    return _view(storage, offset, size, stride, grad is True, dtype.name)


def _view(
    storage: Any, offset: Any, size: Any, stride: Any, requires_grad: bool, dtype: str | None
) -> Tensor:
    if not isinstance(storage, Storage):
        raise FileFormatError("it has a tensor without a storage")
    return _with_grad(storage.tensor(offset, size, stride, dtype), requires_grad)


def _parameter(data: Any, requires_grad: Any = True, *_: Any) -> Tensor:
    if not isinstance(data, Tensor):
        raise FileFormatError("it has a parameter that is no tensor")
    return _with_grad(data, requires_grad is True)


def _with_grad(tensor: Tensor, requires_grad: bool) -> Tensor:
    if tensor.requires_grad == requires_grad or not tensor.dtype.is_floating_point:
        return tensor
    # A tensor of its own, which shares its elements with others that may require none.
    own = tensor.detach()
    own.requires_grad = requires_grad
    return own


def _from_type(make: Any, kind: Any, arguments: Any, state: Any = None) -> Any:
    # A tensor with Python attributes, which are left out.
    if make not in _TENSORS or kind not in (_TENSOR, _PARAMETER):
        raise FileFormatError("it has a tensor of a class of its own, which is refused")
    return make.make(*arguments)


# Containers and NumPy -------------------------------------------------------------------------


def _listed(items: Any) -> Any:
    # A tensor is as long as it says, which need not be what a file holds.
    if type(items) not in (list, tuple):
        raise FileFormatError(f"it has a container made of a {type(items).__name__}")
    return items


def _mapping(kind: type[dict[Any, Any]]) -> Callable[..., Any]:
    def make(items: Any = ()) -> Any:
        pairs = items.items() if isinstance(items, dict) else _listed(items)
        return kind({plain_key(key): value for key, value in pairs})

    return make


def _default_dict(factory: Any = None, items: Any = ()) -> Any:
    makers = {"list": list, "dict": dict, "set": set, "int": int, "float": float}
    name = factory.name if isinstance(factory, Maker) else None
    if factory is not None and name not in makers:
        raise FileFormatError("it has a defaultdict with a function of its own, which is refused")
    made: defaultdict[Any, Any] = defaultdict(None if name is None else makers[name])
    made.update(_mapping(dict)(items))
    return made


def _collection(kind: Callable[[Any], Any]) -> Callable[..., Any]:
    def make(items: Any = ()) -> Any:
        return kind(map(plain_key, _listed(items)))

    return make


def _size(sizes: Any) -> Size:
    if not all(type(size) is int for size in _listed(sizes)):
        raise FileFormatError("it has a shape of something else than numbers")
    return Size(sizes)


def _device(kind: Any, index: Any = None) -> str:
    """Return a device as text: it need not be there."""
    if type(kind) is not str or not (index is None or type(index) is int):
        raise FileFormatError("it has a device without a name")
    return kind if index is None else f"{kind}:{index}"


def _encode(text: Any, encoding: Any = "utf-8") -> bytes:
    if type(text) is not str or encoding not in ("latin1", "latin-1", "utf-8", "ascii"):
        raise FileFormatError("it has bytes in an encoding that is not read")
    return text.encode(encoding)


def _bytearray(content: Any = b"", encoding: Any = "latin-1") -> bytearray:
    return bytearray(content if type(content) is bytes else _encode(content, encoding))


def _dtype(name: Any, *_: Any) -> np.dtype[Any]:
    found = _NUMPY.get(name)
    if found is None:
        raise FileFormatError(f"it has an array of dtype {name!r}, which is refused")
    return found


def _array(kind: Any, shape: Any, code: Any) -> np.ndarray[Any, Any]:
    return np.empty(0, np.uint8)


def _from_buffer(
    data: Any, dtype: Any, shape: Any, order: Any, axes: Any = None
) -> np.ndarray[Any, Any]:
    """Return the array of protocol 5."""
    if type(data) not in (bytes, bytearray) or type(shape) is not tuple or len(shape) > 32:
        raise FileFormatError("it has an array without a shape")
    array: np.ndarray[Any, Any] = np.array(np.frombuffer(data, dtype))
    if order == "K" and axes is not None:
        return np.asarray(array.reshape(shape).transpose(axes))
    return np.asarray(array.reshape(shape, order=order))


def _scalar(dtype: Any, data: Any) -> Any:
    if not isinstance(dtype, np.dtype) or type(data) is not bytes or len(data) != dtype.itemsize:
        raise FileFormatError("it has a number of a dtype that is not read")
    return np.frombuffer(data, dtype)[0]


# The list -------------------------------------------------------------------------------------

_NUMPY: Final[dict[Any, np.dtype[Any]]] = {
    name: np.dtype(name)
    for name in (
        *("b1", "i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8"),
        *("f2", "f4", "f8", "c8", "c16"),
    )
}
_DTYPES: Final = frozenset(
    (
        *("bool", "uint8", "int8", "int16", "int32", "int64", "uint16", "uint32", "uint64"),
        *("float16", "bfloat16", "float32", "float64", "complex32", "complex64", "complex128"),
        *("float8_e4m3fn", "float8_e5m2", "float8_e4m3fnuz", "float8_e5m2fnuz", "float8_e8m0fnu"),
        *("float4_e2m1fn_x2", "qint8", "quint8", "qint32", "quint4x2", "quint2x4"),
    )
)
_STORAGES: Final = {
    "FloatStorage": "float32",
    "DoubleStorage": "float64",
    "HalfStorage": "float16",
    "BFloat16Storage": "bfloat16",
    "LongStorage": "int64",
    "IntStorage": "int32",
    "ShortStorage": "int16",
    "CharStorage": "int8",
    "ByteStorage": "uint8",
    "BoolStorage": "bool",
    "ComplexFloatStorage": "complex64",
    "ComplexDoubleStorage": "complex128",
    "QInt8Storage": "qint8",
    "QUInt8Storage": "quint8",
    "QInt32Storage": "qint32",
    "UntypedStorage": None,
}


def _type_only(*_: Any) -> Any:
    raise FileFormatError("it makes an object that is neither a tensor nor a container")


_TENSOR: Final = Maker("torch.Tensor", _type_only)
_PARAMETER: Final = Maker("torch.nn.Parameter", _type_only)
_REBUILD: Final[dict[str, Callable[..., Any]]] = {
    "_rebuild_tensor": _tensor,
    "_rebuild_tensor_v2": _tensor,
    "_rebuild_tensor_v3": _tensor_of_dtype,
    "_rebuild_parameter": _parameter,
    "_rebuild_parameter_with_state": _parameter,
}
_MAKERS: Final[dict[str, Maker]] = {
    f"torch._utils.{name}": Maker(name, make) for name, make in _REBUILD.items()
}
_TENSORS: Final = frozenset(_MAKERS.values())
_BUILTINS: Final[dict[str, Callable[..., Any]]] = {
    "set": _collection(set),
    "frozenset": _collection(frozenset),
    "complex": complex,
    "bytearray": _bytearray,
    # The factories of a defaultdict.
    **dict.fromkeys(("list", "dict", "int", "float"), _type_only),
}
_MULTIARRAY: Final[dict[str, Callable[..., Any]]] = {"_reconstruct": _array, "scalar": _scalar}
_NAMES: Final[dict[str, Maker]] = {
    **_MAKERS,
    **{
        f"{module}.{name}": StorageKind(name, dtype)
        for module in ("torch", "torch.storage", "torch.cuda")
        for name, dtype in _STORAGES.items()
    },
    "torch._tensor._rebuild_from_type_v2": Maker("_rebuild_from_type_v2", _from_type),
    "torch._tensor._rebuild_from_type": Maker("_rebuild_from_type", _from_type),
    **dict.fromkeys(("torch.Tensor", "torch._tensor.Tensor", "torch.tensor.Tensor"), _TENSOR),
    **dict.fromkeys(("torch.nn.Parameter", "torch.nn.parameter.Parameter"), _PARAMETER),
    "torch.Size": Maker("torch.Size", _size),
    "torch.device": Maker("torch.device", _device),
    "collections.OrderedDict": Maker("collections.OrderedDict", _mapping(OrderedDict)),
    "collections.Counter": Maker("collections.Counter", _mapping(Counter)),
    "collections.defaultdict": Maker("collections.defaultdict", _default_dict),
    "_codecs.encode": Maker("_codecs.encode", _encode),
    **{
        f"{module}.{name}": Maker(name, make)
        for module in ("builtins", "__builtin__")
        for name, make in _BUILTINS.items()
    },
    "numpy.dtype": Maker("numpy.dtype", _dtype),
    "numpy.ndarray": Maker("numpy.ndarray", _type_only),
    **{
        f"{module}.multiarray.{name}": Maker(name, make)
        for module in ("numpy.core", "numpy._core")
        for name, make in _MULTIARRAY.items()
    },
    **{
        f"{module}.numeric._frombuffer": Maker("_frombuffer", _from_buffer)
        for module in ("numpy.core", "numpy._core")
    },
}
