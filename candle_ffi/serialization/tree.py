"""Nested states as tensors with names and a text that says where they belong.

The text is JSON. What JSON has no word for is an object with a single key that says what it is:
``{"tuple": [1, 2]}``, ``{"float": "inf"}``, ``{"tensor": "model.weight"}``. Dictionaries are such
objects as well, so nothing that a state holds can be mistaken for one.
"""

from __future__ import annotations

import base64
import json
import math
from collections import Counter, OrderedDict, defaultdict
from collections.abc import Callable
from typing import Any, Final

import numpy as np

from candle_ffi import dtype as dtypes
from candle_ffi import interop
from candle_ffi.device import Device
from candle_ffi.dtype import DType
from candle_ffi.random import Generator
from candle_ffi.tensor import Size, Tensor

__all__ = ["flatten", "unflatten"]

#: Containers within containers; more would be a loop, or harm the reader.
MOST_LEVELS: Final = 100

_HOW = (
    "kept are None, bool, int, float, complex, str, bytes, tensors, NumPy's arrays and numbers, "
    "dtypes, devices, generators, and lists, tuples, sets and dictionaries of these"
)
#: NumPy's numbers, texts and times.
_KINDS: Final = "biufcSUmM"
_MAPPINGS: Final[dict[type, str]] = {dict: "dict", OrderedDict: "ordered", Counter: "counter"}
_SEQUENCES: Final[dict[type, str]] = {
    tuple: "tuple", Size: "size", set: "set", frozenset: "frozenset"
}  # fmt: skip
_MADE: Final[dict[str, Callable[[Any], Any]]] = {
    **{name: kind for kind, name in _MAPPINGS.items()},
    **{name: kind for kind, name in _SEQUENCES.items()},
}


def flatten(value: Any, name: str) -> tuple[str, dict[str, Tensor]]:
    """Return a state as a text, and its tensors by their names.

    Parameters
    ----------
    value : object
        The state.
    name : str
        What a message calls it.

    Returns
    -------
    tuple of str and dict of str to Tensor
        What `unflatten` takes.

    Raises
    ------
    TypeError
        The state holds something that cannot be kept; the message says where.
    ValueError
        Containers are nested too deeply, or an integer has thousands of digits.
    """
    flattener = _Flattener(name)
    tree = flattener.describe(value, ())
    try:
        text = json.dumps(tree, separators=(",", ":"), allow_nan=False)
    except ValueError as error:
        raise ValueError(f"{name} holds a number that cannot be kept: {error}") from None
    return text, flattener.tensors


def unflatten(text: str, tensors: dict[str, Tensor]) -> Any:
    """Return the state that `flatten` was given.

    Parameters
    ----------
    text : str
        What it is like.
    tensors : dict of str to Tensor
        Its tensors.

    Raises
    ------
    ValueError
        The text is not what `flatten` returns, or a tensor is missing.
    """
    try:
        return _made(json.loads(text), tensors)
    except (KeyError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        kind = type(error).__name__
        raise ValueError(f"the description of the state is not valid ({kind}: {error})") from None


class _Flattener:
    """Collects the tensors of a state."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.tensors: dict[str, Tensor] = {}

    def describe(self, value: Any, path: tuple[Any, ...]) -> Any:
        kind = type(value)
        if value is None or kind in (bool, int, str):
            return value
        if kind is float:
            # JSON has neither infinity nor "not a number"; other floats return as they were.
            return value if value - value == 0 else {"float": str(value)}
        if len(path) > MOST_LEVELS:
            raise ValueError(f"{self.name} is nested in more than {MOST_LEVELS} levels")
        if kind is list:
            return self._all(value, path)
        if kind in _SEQUENCES:
            return {_SEQUENCES[kind]: self._all(value, path)}
        if kind in _MAPPINGS or kind is defaultdict:
            return {_MAPPINGS.get(kind, "dict"): self._mapping(value, path)}
        return self._leaf(value, path)

    def _all(self, values: Any, path: tuple[Any, ...]) -> list[Any]:
        return [self.describe(value, (*path, place)) for place, value in enumerate(values)]

    def _mapping(self, value: dict[Any, Any], path: tuple[Any, ...]) -> Any:
        if all(type(key) is str for key in value):
            return {key: self.describe(item, (*path, key)) for key, item in value.items()}
        return [
            [self.describe(key, (*path, key)), self.describe(item, (*path, key))]
            for key, item in value.items()
        ]

    def _leaf(self, value: Any, path: tuple[Any, ...]) -> Any:
        if isinstance(value, Tensor):
            return {"tensor": self._keep(value.detach(), path)}
        if isinstance(value, np.generic):
            numbers = _plain(np.asarray(value))
            if numbers is not None:
                return {"number": [numbers.dtype.str, numbers.tobytes().hex()]}
        elif isinstance(value, np.ndarray):
            array = _plain(value)
            if array is not None:
                return {"array": self._array(array, path)}
        elif isinstance(value, bytes):
            return {"bytes": base64.b64encode(value).decode()}
        elif isinstance(value, complex):
            return {"complex": [self.describe(part, path) for part in (value.real, value.imag)]}
        elif isinstance(value, DType):
            return {"dtype": value.name}
        elif isinstance(value, Device):
            return {"device": str(value)}
        elif isinstance(value, Generator):
            return {"generator": [int(word) for word in value.get_state()]}
        raise TypeError(
            f"{self._place(path)} is a {type(value).__name__}, which cannot be kept; {_HOW}"
        )

    def _array(self, array: np.ndarray[Any, Any], path: tuple[Any, ...]) -> Any:
        if array.dtype.name in dtypes.BY_NAME and array.dtype.isnative:
            return {"tensor": self._keep(interop.from_array(array), path)}
        # Tensors have no such dtype: the bytes are kept.
        flat = np.ndarray(array.nbytes, np.uint8, array.tobytes())
        return {
            "tensor": self._keep(interop.from_array(flat), path),
            "dtype": array.dtype.str,
            "shape": list(array.shape),
        }

    def _keep(self, tensor: Tensor, path: tuple[Any, ...]) -> str:
        name = ".".join(str(step) for step in path).replace("\0", "?")
        name = plain = name.encode("utf-8", "replace").decode()
        # Names can meet: a key with a dot in it, the number 1 beside the string "1".
        number = 1
        while name in self.tensors:
            number += 1
            name = f"{plain}~{number}"
        self.tensors[name] = tensor
        return name

    def _place(self, path: tuple[Any, ...]) -> str:
        return self.name + "".join(f"[{step!r}]" for step in path)


def _plain(array: np.ndarray[Any, Any]) -> np.ndarray[Any, Any] | None:
    """Return an array whose bytes are all there is to it, or None."""
    if type(array) is np.memmap:
        array = np.asarray(array)
    dtype = array.dtype
    kept = dtype.kind in _KINDS and dtype.itemsize > 0 and np.dtype(dtype.str) == dtype
    return array if kept and type(array) is np.ndarray else None


def _made(tree: Any, tensors: dict[str, Tensor]) -> Any:
    if isinstance(tree, list):
        return [_made(part, tensors) for part in tree]
    if not isinstance(tree, dict):
        return tree
    ((kind, content),) = tree.items()
    if kind in ("dict", "ordered", "counter"):
        if isinstance(content, list):
            pairs = [(_made(key, tensors), _made(item, tensors)) for key, item in content]
        else:
            pairs = [(key, _made(item, tensors)) for key, item in content.items()]
        return _MADE[kind](dict(pairs))
    if kind in _MADE:
        return _MADE[kind](_made(part, tensors) for part in content)
    return _LEAVES[kind](content, tensors)


def _array_of(content: Any, tensors: dict[str, Tensor]) -> np.ndarray[Any, Any]:
    array = tensors[content["tensor"]].to_numpy()
    if "dtype" not in content:
        return array
    dtype, shape = _dtype(content["dtype"]), tuple(content["shape"])
    if array.nbytes != dtype.itemsize * math.prod(shape):
        raise ValueError(
            f"an array of shape {shape} and dtype {dtype} has not {array.nbytes} bytes"
        )
    made: np.ndarray[Any, Any] = np.empty(shape, dtype)
    made[...] = np.ndarray(shape, dtype, array.tobytes())
    return made


def _number_of(content: Any, tensors: dict[str, Tensor]) -> Any:
    dtype, digits = content
    return np.frombuffer(bytes.fromhex(digits), _dtype(dtype))[0]


def _dtype(name: str) -> np.dtype[Any]:
    dtype = np.dtype(name)
    if dtype.kind not in _KINDS:
        raise ValueError(f"a dtype {name!r} is not kept")
    return dtype


def _generator_of(content: Any, tensors: dict[str, Tensor]) -> Generator:
    generator = Generator()
    generator.set_state(np.array(content, np.uint64))
    return generator


_LEAVES: Final[dict[str, Callable[[Any, dict[str, Tensor]], Any]]] = {
    "tensor": lambda content, tensors: tensors[content],
    "array": _array_of,
    "number": _number_of,
    "float": lambda content, tensors: float(content),
    "complex": lambda content, tensors: complex(*(_made(part, tensors) for part in content)),
    "bytes": lambda content, tensors: base64.b64decode(content, validate=True),
    "dtype": lambda content, tensors: dtypes.BY_NAME[content],
    "device": lambda content, tensors: Device(content),
    "generator": _generator_of,
}
