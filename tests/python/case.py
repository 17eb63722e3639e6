"""What a row of the table of cases is, and how its inputs are made.

A row is written as the call it stands for: `Row("sum", t(2, 3), dim=1)` is `sum(t, dim=1)`. Inputs
are described, not stored: the same numbers come out for every library, dtype and layout.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import backend
import numpy as np

#: Stands in a row for the dtype that the row is being run with.
DTYPE = object()


@dataclass(frozen=True)
class Input:
    """One tensor: its shape, the interval of its values, and whether a gradient is wanted."""

    shape: tuple[int, ...]
    low: float = -3.0
    high: float = 3.0
    gap: float = 0.0  # no value lies closer to zero than this
    dtype: str | None = None  # None: the dtype of the row
    values: Any = None  # these very values instead of seeded ones
    grad: bool = True

    def array(self, seed: int, dtype: str) -> np.ndarray:
        """The values in float64: all different, in random order, exact in `dtype` where it can."""
        dtype = self.dtype or dtype
        if self.values is not None:
            return np.asarray(self.values, dtype=np.float64).reshape(self.shape)
        generator = np.random.RandomState(seed)  # its stream is frozen, unlike default_rng's
        count = int(np.prod(self.shape))
        steps = generator.permutation(count) + 0.25 + 0.5 * generator.random_sample(count)
        values = self.low + (self.high - self.low) * steps / max(count, 1)
        values = np.where(np.abs(values) < self.gap, np.copysign(self.gap, values) + values, values)
        if dtype == "bool":
            values = (generator.random_sample(count) < 0.6).astype(np.float64)
        elif dtype.startswith("uint"):
            values = np.ceil(np.abs(values)) if self.gap else np.floor(np.abs(values))
        elif dtype.startswith("int"):
            values = np.copysign(np.ceil(np.abs(values)), values) if self.gap else np.floor(values)
        else:
            values = np.round(values, 4)
        return values.reshape(self.shape)

    def differentiable(self, dtype: str) -> bool:
        """Whether a gradient of this input is compared when the row runs with `dtype`."""
        return self.grad and self.dtype is None and dtype in backend.FLOATS


def t(*shape: int, **options: Any) -> Input:
    """Real numbers of both signs."""
    return Input(shape, **options)


def positive(*shape: int, **options: Any) -> Input:
    """Numbers well above zero."""
    return Input(shape, low=0.3, high=3.5, gap=0.25, **options)


def nonzero(*shape: int, **options: Any) -> Input:
    """Numbers of both signs, none near zero: away from kinks and poles."""
    return Input(shape, gap=0.4, **options)


def probability(*shape: int, **options: Any) -> Input:
    """Numbers inside (0, 1)."""
    return Input(shape, low=0.05, high=0.95, **options)


def index(*shape: int, below: int, **options: Any) -> Input:
    """int64 indices in [0, below)."""
    return Input(shape, low=0.0, high=below, dtype="int64", **options)


def integers(values: Any, dtype: str = "int64") -> Input:
    """These integers."""
    return Input(np.shape(values), dtype=dtype, values=values)


def booleans(*shape: int) -> Input:
    """True and False in random order."""
    return Input(shape, dtype="bool")


def values(content: Any, **options: Any) -> Input:
    """These numbers, in the row's dtype."""
    return Input(np.shape(content), values=content, **options)


def _label(argument: Any) -> str:
    if isinstance(argument, Input):
        kind = argument.dtype or ("t" if argument.values is None else "values")
        return f"{kind}{'x'.join(map(str, argument.shape)) or '0d'}"
    if isinstance(argument, (list, tuple)):
        return "(" + " ".join(_label(item) for item in argument) + ")"
    return "dtype" if argument is DTYPE else str(argument)


@dataclass(frozen=True, init=False)
class Row:
    """One call of one operation.

    `numeric`: the gradient is also compared with finite differences (off at kinks and ties);
    `second`: so is the gradient of the gradient. `compare`: False compares shape and dtype alone.
    `unsupported`: dtypes that PyTorch has and this package refuses, with `DTypeError`.
    `covers`: the generated operation behind the public name, where that name has several.
    """

    op: str
    arguments: tuple[Any, ...]
    options: dict[str, Any]
    dtypes: tuple[str, ...]
    call: Callable[..., Any] | None
    label: str
    gradient: bool
    numeric: bool
    second: bool
    compare: bool
    tolerance: float
    unsupported: tuple[str, ...]
    covers: str

    def __init__(
        self,
        op: str,
        *arguments: Any,
        dtypes: tuple[str, ...] = backend.FLOATS,
        call: Callable[..., Any] | None = None,
        label: str = "",
        gradient: bool = True,
        numeric: bool = True,
        second: bool = True,
        compare: bool = True,
        tolerance: float = 1.0,
        unsupported: tuple[str, ...] = (),
        covers: str = "",
        **options: Any,
    ) -> None:
        fields = {
            "op": op, "arguments": arguments, "options": options, "dtypes": dtypes,
            "call": call, "label": label, "gradient": gradient, "numeric": numeric,
            "second": second, "compare": compare, "tolerance": tolerance,
            "unsupported": unsupported, "covers": covers or op,
        }  # fmt: skip
        for name, value in fields.items():
            object.__setattr__(self, name, value)

    @property
    def id(self) -> str:
        """`sum[2x3 dim=1]`, the name of the row in test reports and stored references."""
        words = [self.label] if self.label else []
        words += [_label(argument) for argument in self.arguments]
        words += [f"{name}={_label(value)}" for name, value in self.options.items()]
        return f"{self.op}[{' '.join(words)}]"

    def inputs(self) -> list[Input]:
        """The inputs in the order of the call."""
        return list(_walk([*self.arguments, *self.options.values()]))

    def arrays(self, dtype: str) -> list[np.ndarray]:
        """The values of the inputs."""
        seed = zlib.crc32(self.id.encode())
        return [
            item.array((seed + 7919 * i) % 2**32, dtype) for i, item in enumerate(self.inputs())
        ]

    def tensors(
        self, library: ModuleType, dtype: str, layout: str = "contiguous", grad: bool = False,
        arrays: list[np.ndarray] | None = None,
    ) -> list[Any]:  # fmt: skip
        """The inputs as tensors of `library`, leaves where a gradient is wanted."""
        arrays = self.arrays(dtype) if arrays is None else arrays
        return [
            _laid_out(
                library, array, item.dtype or dtype, layout, grad and item.differentiable(dtype)
            )
            for item, array in zip(self.inputs(), arrays, strict=True)
        ]

    def run(self, library: ModuleType, tensors: list[Any], dtype: str) -> list[Any]:
        """The results of the call as a list of tensors."""
        left = iter(tensors)

        def fill(value: Any) -> Any:
            if isinstance(value, Input):
                return next(left)
            if isinstance(value, (list, tuple)):
                return type(value)(fill(item) for item in value)
            return backend.dtype(library, dtype) if value is DTYPE else value

        function = self.call
        arguments = [fill(argument) for argument in self.arguments]
        options = {name: fill(value) for name, value in self.options.items()}
        if function is None:
            result = resolve(library, self.op)(*arguments, **options)
        else:
            result = function(library, *arguments, **options)
        return list(_flat(result, backend.tensor_type(library)))


def resolve(library: ModuleType, op: str) -> Callable[..., Any]:
    """The public function called `op`: that of `nn.functional` where there is one.

    PyTorch's top level lacks many of them, or has them with other parameters.
    """
    functional = library.nn.functional
    return getattr(functional if hasattr(functional, op) else library, op)  # type: ignore[no-any-return]


def _walk(value: Any) -> Iterator[Input]:
    if isinstance(value, Input):
        yield value
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from _walk(item)


def _flat(result: Any, tensor: type) -> Iterator[Any]:
    if isinstance(result, tensor):
        yield result
    elif isinstance(result, (list, tuple)):
        for item in result:
            yield from _flat(item, tensor)


def _laid_out(library: ModuleType, array: np.ndarray, dtype: str, layout: str, grad: bool) -> Any:
    """The tensor as asked, or as a view of a larger or a transposed one with the same values."""
    if layout == "transposed" and array.ndim > 1:
        base = backend.to_tensor(library, array.transpose(), dtype, grad)
        return base.permute(*reversed(range(array.ndim)))
    if layout == "sliced" and array.ndim:
        room = np.full([2 * size + 1 for size in array.shape], 77.0)
        window = tuple(slice(1, 2 * size + 1, 2) for size in array.shape)
        room[window] = array
        return backend.to_tensor(library, room, dtype, grad)[window]
    return backend.to_tensor(library, array, dtype, grad)
