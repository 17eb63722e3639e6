"""A machine that reads pickles without running anything.

Python's `pickle` calls what a pickle names. This one takes the instructions from `pickletools`,
which only parses, and knows a meaning for those that make plain containers. A name is looked up in
a closed list, and what can be called is what that list holds; nothing is imported, no attribute is
set, and no number of a pickle says how much memory is taken.
"""

from __future__ import annotations

import math
import pickletools
import warnings
from collections.abc import Callable
from typing import Any, BinaryIO, Final

import numpy as np

from candle_ffi.errors import CandleError, FileFormatError

__all__ = ["Machine", "Maker"]

#: Containers within containers.
MOST_LEVELS: Final = 200


class Maker:
    """What a name of a pickle means: a function of ours that may be called for it.

    Parameters
    ----------
    name : str
        The name, for messages.
    make : callable
        The function.
    """

    __slots__ = ("make", "name")

    def __init__(self, name: str, make: Callable[..., Any]) -> None:
        self.name = name
        self.make = make


class _Bounded:
    """A stream that takes no memory for what a file does not hold."""

    __slots__ = ("_file", "_length", "tell")

    def __init__(self, file: BinaryIO, length: int) -> None:
        self._file = file
        self._length = length
        self.tell = file.tell

    def read(self, count: int) -> bytes:
        if count > 1024:
            count = min(count, self._length - self.tell())
        return self._file.read(count)

    def readline(self) -> bytes:
        return self._file.readline(1 << 20)


class Machine:
    """Reads one pickle from a stream.

    Parameters
    ----------
    stream : binary file
        Where the pickle begins; after `run`, where it has ended.
    find : callable
        ``find(module, name)`` returns the `Maker` or the value of a name, or raises.
    persistent : callable
        ``persistent(id)`` returns what lies outside of the pickle.
    length : int
        The size of the file, which bounds how much is copied.
    """

    def __init__(
        self,
        stream: BinaryIO,
        find: Callable[[str, str], Any],
        persistent: Callable[[Any], Any],
        length: int,
    ) -> None:
        self._stream = _Bounded(stream, length)
        self._find = find
        self._persistent = persistent
        self._stack: list[Any] = []
        # The stacks below the marks.
        self._below: list[list[Any]] = []
        self._memo: dict[int, Any] = {}
        self._copies = 4 * length

    def run(self) -> Any:
        """Return what the pickle holds.

        Raises
        ------
        FileFormatError
            It is no pickle, or one that does more than hold tensors and plain containers.
        """
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of texts with odd escapes
                self._run()
            if len(self._stack) != 1 or self._below:
                raise FileFormatError("its pickle ends in the middle")
            return self._stack.pop()
        except (IndexError, KeyError) as error:
            raise FileFormatError(f"its pickle is damaged ({type(error).__name__})") from None
        except (ValueError, TypeError, OverflowError, AttributeError) as error:
            if isinstance(error, CandleError):
                raise
            raise FileFormatError(f"its pickle is damaged: {error}") from None

    def _run(self) -> None:
        stream: Any = self._stream
        for opcode, argument, _ in pickletools.genops(stream):
            if opcode.name == "STOP":
                return
            step = _STEPS.get(opcode.name)
            if step is None:
                raise FileFormatError(
                    f"its pickle has the instruction {opcode.name}, which is refused: "
                    "tensors and plain containers do not need it"
                )
            step(self, argument)

    # Stack and memo ---------------------------------------------------------------------------

    def _push(self, value: Any) -> None:
        self._stack.append(value)

    def _mark(self, _: Any) -> None:
        if len(self._below) >= MOST_LEVELS:
            raise FileFormatError(f"its pickle is nested in more than {MOST_LEVELS} levels")
        self._below.append(self._stack)
        self._stack = []

    def _to_mark(self) -> list[Any]:
        values, self._stack = self._stack, self._below.pop()
        return values

    def _pop(self, _: Any) -> None:
        if self._stack:
            self._stack.pop()
        else:
            self._to_mark()

    def _pop_mark(self, _: Any) -> None:
        self._to_mark()

    def _keep(self, place: Any) -> None:
        self._memo[len(self._memo) if place is None else place] = self._stack[-1]

    # Containers -------------------------------------------------------------------------------

    def _append(self, values: list[Any]) -> None:
        target = self._stack[-1]
        if type(target) is not list:
            raise FileFormatError(f"its pickle appends to a {type(target).__name__}")
        target.extend(values)

    def _set_items(self, values: list[Any]) -> None:
        target = self._stack[-1]
        if not isinstance(target, dict) or len(values) % 2:
            raise FileFormatError(f"its pickle sets items of a {type(target).__name__}")
        for key, value in zip(values[::2], values[1::2], strict=True):
            target[plain_key(key)] = value

    def _set_item(self, _: Any) -> None:
        value, key = self._stack.pop(), self._stack.pop()
        self._set_items([key, value])

    def _dict(self, _: Any) -> None:
        values = self._to_mark()
        self._push({})
        self._set_items(values)

    def _add_items(self, values: list[Any]) -> None:
        target = self._stack[-1]
        if type(target) is not set:
            raise FileFormatError(f"its pickle adds items to a {type(target).__name__}")
        target.update(map(plain_key, values))

    # Names ------------------------------------------------------------------------------------

    def _global(self, argument: str) -> None:
        module, name = argument.split(" ", 1)
        self._push(self._find(module, name))

    def _stack_global(self, _: Any) -> None:
        name, module = self._stack.pop(), self._stack.pop()
        if type(name) is not str or type(module) is not str:
            raise FileFormatError("its pickle names something by what is no text")
        self._push(self._find(module, name))

    def _old_instance(self, argument: str) -> None:
        self._global(argument)
        self._refuse_object(self._stack.pop())

    def _old_object(self, _: Any) -> None:
        self._refuse_object(self._to_mark()[0])

    def _refuse_object(self, kind: Any) -> None:
        name = kind.name if isinstance(kind, Maker) else type(kind).__name__
        raise FileFormatError(f"its pickle makes an object of {name}, which is refused")

    def _reduce(self, _: Any) -> None:
        arguments, maker = self._stack.pop(), self._stack.pop()
        if not isinstance(maker, Maker) or type(arguments) is not tuple:
            raise FileFormatError(f"its pickle calls a {type(maker).__name__}, which is refused")
        # A container that is copied again and again would take more memory than the file.
        for argument in arguments:
            if isinstance(argument, (list, tuple, dict, set, str, bytes)):
                self._copies -= len(argument)
        if self._copies < 0:
            raise FileFormatError("its pickle copies more than the file holds")
        self._push(maker.make(*arguments))

    def _build(self, _: Any) -> None:
        state, target = self._stack.pop(), self._stack[-1]
        if isinstance(target, np.ndarray):
            _fill_array(target, state)
        elif isinstance(target, np.dtype):
            _check_dtype_state(target, state)
        elif not (isinstance(target, dict) and type(state) is dict):
            # What PyTorch keeps as an attribute of a state dict (its versions) is left out.
            name = target.name if isinstance(target, Maker) else type(target).__name__
            raise FileFormatError(f"its pickle sets attributes of a {name}, which is refused")

    def _external(self, key: Any) -> None:
        self._push(self._persistent(key))


def plain_key(key: Any, levels: int = 4) -> Any:
    """Return a key, or raise unless its hash is quick: deep tuples would overflow the stack.

    Parameters
    ----------
    key : object
        The key of a dictionary or a member of a set.
    levels : int, default 4
        How deep tuples may be.
    """
    if type(key) is tuple and levels:
        for part in key:
            plain_key(part, levels - 1)
    elif key is not None and not isinstance(key, (str, int, float, complex, bytes, np.generic)):
        raise FileFormatError(f"its pickle has a {type(key).__name__} as a key, which is refused")
    return key


def _fill_array(array: np.ndarray[Any, Any], state: Any) -> None:
    _, shape, dtype, by_column, data = state
    if not isinstance(dtype, np.dtype) or dtype.kind not in "biufc" or type(data) is not bytes:
        raise FileFormatError("its pickle has an array of something else than numbers")
    if type(shape) is not tuple or len(shape) > 32:
        raise FileFormatError("its pickle has an array without a shape")
    if not all(type(size) is int and 0 <= size < 2**60 for size in shape):
        raise FileFormatError(f"its pickle has an array of shape {shape}")
    count = math.prod(shape)
    if count * dtype.itemsize != len(data):
        raise FileFormatError(f"its pickle has an array of shape {shape} of {len(data)} bytes")
    restored: Any = array
    restored.__setstate__((1, shape, dtype, bool(by_column), data))


def _check_dtype_state(dtype: np.dtype[Any], state: Any) -> None:
    # The dtype itself is complete: little-endian numbers without fields.
    if type(state) is not tuple or len(state) < 5 or state[1] not in ("<", "|", "="):
        raise FileFormatError("its pickle has an array of a dtype that is not read")


def _pushes(value: Callable[[], Any]) -> Callable[[Machine, Any], None]:
    return lambda machine, _: machine._push(value())


def _tuple(count: int) -> Callable[[Machine, Any], None]:
    def step(machine: Machine, _: Any) -> None:
        values = [machine._stack.pop() for _ in range(count)]
        machine._push(tuple(reversed(values)))

    return step


_STEPS: Final[dict[str, Callable[[Machine, Any], None]]] = {
    **dict.fromkeys(("PROTO", "FRAME"), lambda machine, _: None),
    **dict.fromkeys(
        (
            *("INT", "LONG", "BININT", "BININT1", "BININT2", "LONG1", "LONG4", "FLOAT", "BINFLOAT"),
            *("STRING", "BINSTRING", "SHORT_BINSTRING", "BINBYTES", "SHORT_BINBYTES", "BINBYTES8"),
            *("UNICODE", "BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8", "BYTEARRAY8"),
        ),
        Machine._push,
    ),
    "NONE": _pushes(lambda: None),
    "NEWTRUE": _pushes(lambda: True),
    "NEWFALSE": _pushes(lambda: False),
    "EMPTY_TUPLE": _pushes(tuple),
    "EMPTY_LIST": _pushes(list),
    "EMPTY_DICT": _pushes(dict),
    "EMPTY_SET": _pushes(set),
    "MARK": Machine._mark,
    "POP": Machine._pop,
    "POP_MARK": Machine._pop_mark,
    "DUP": lambda machine, _: machine._push(machine._stack[-1]),
    **dict.fromkeys(("PUT", "BINPUT", "LONG_BINPUT", "MEMOIZE"), Machine._keep),
    **dict.fromkeys(
        ("GET", "BINGET", "LONG_BINGET"), lambda machine, at: machine._push(machine._memo[at])
    ),
    "TUPLE": lambda machine, _: machine._push(tuple(machine._to_mark())),
    "TUPLE1": _tuple(1),
    "TUPLE2": _tuple(2),
    "TUPLE3": _tuple(3),
    "LIST": lambda machine, _: machine._push(machine._to_mark()),
    "DICT": Machine._dict,
    "FROZENSET": lambda machine, _: machine._push(frozenset(map(plain_key, machine._to_mark()))),
    "APPEND": lambda machine, _: machine._append([machine._stack.pop()]),
    "APPENDS": lambda machine, _: machine._append(machine._to_mark()),
    "SETITEM": Machine._set_item,
    "SETITEMS": lambda machine, _: machine._set_items(machine._to_mark()),
    "ADDITEMS": lambda machine, _: machine._add_items(machine._to_mark()),
    "GLOBAL": Machine._global,
    "STACK_GLOBAL": Machine._stack_global,
    "INST": Machine._old_instance,
    "OBJ": Machine._old_object,
    **dict.fromkeys(("REDUCE", "NEWOBJ"), Machine._reduce),
    "BUILD": Machine._build,
    "BINPERSID": lambda machine, _: machine._external(machine._stack.pop()),
}
