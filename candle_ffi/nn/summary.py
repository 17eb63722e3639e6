"""A table of what a model is made of: layers, shapes, parameters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from candle_ffi import dtype as dtypes
from candle_ffi.autograd import no_grad
from candle_ffi.creation import zeros
from candle_ffi.dtype import DType
from candle_ffi.nn.module import Module
from candle_ffi.tensor import Tensor

__all__ = ["LayerSummary", "ModelSummary", "summary"]

MEGABYTE = 1e6
HEADINGS = ("Layer (type)", "Input shape", "Output shape", "Parameters", "Trainable")


@dataclass
class LayerSummary:
    """One line: a module, as it was called.

    Attributes
    ----------
    name : str
        Its dotted name; empty for the model.
    kind : str
        The name of its class.
    depth : int
        How many modules it is inside of.
    parameters, trainable : int
        The elements of its own parameters, and of those that require gradients.
    input_shapes, output_shapes : list of tuple of int
        The shapes of the tensors that went in and came out; empty when it was not called.
    """

    name: str
    kind: str
    depth: int
    parameters: int
    trainable: int
    input_shapes: list[tuple[int, ...]] = field(default_factory=list)
    output_shapes: list[tuple[int, ...]] = field(default_factory=list)
    output_bytes: int = 0
    is_leaf: bool = True


@dataclass
class ModelSummary:
    """A summary; as text it is a table.

    Attributes
    ----------
    layers : list of LayerSummary
        The modules, each below the one that it is in.
    total_parameters, trainable_parameters : int
        The elements of all parameters, shared ones counted once.
    parameter_bytes, output_bytes : int
        The memory of parameters and buffers, and of what the layers gave.
    """

    layers: list[LayerSummary]
    total_parameters: int
    trainable_parameters: int
    parameter_bytes: int
    output_bytes: int

    def __str__(self) -> str:
        rows = [_row(layer) for layer in self.layers]
        widths = [max(len(row[column]) for row in [HEADINGS, *rows]) for column in range(5)]
        line = "-" * (sum(widths) + 2 * len(widths) - 2)
        other = self.total_parameters - self.trainable_parameters
        return "\n".join(
            [
                _aligned(HEADINGS, widths),
                line,
                *(_aligned(row, widths) for row in rows),
                line,
                f"Parameters: {self.total_parameters:,} "
                f"({self.trainable_parameters:,} trainable, {other:,} not)",
                f"Memory: parameters and buffers {self.parameter_bytes / MEGABYTE:.2f} MB, "
                f"outputs {self.output_bytes / MEGABYTE:.2f} MB",
            ]
        )

    __repr__ = __str__


def summary(
    model: Module,
    input_size: Sequence[Any] | None = None,
    input_data: Any = None,
    *,
    dtypes: Sequence[DType] | None = None,
    verbose: bool = True,
) -> ModelSummary:
    """Run a model once, in evaluation and without gradients, and print what it is made of.

    Parameters
    ----------
    model : Module
        The model; it is left as it was.
    input_size : tuple of int or sequence of such tuples, optional
        The shape of the input, the batch included, or of each of several inputs.
    input_data : Tensor or sequence of Tensor, optional
        The inputs themselves, in place of their shapes.
    dtypes : sequence of DType, optional
        The dtypes of the inputs; the dtype of the first parameter when not given.
    verbose : bool, default True
        Whether the table is printed.

    Returns
    -------
    ModelSummary
        What was found; without an input the shapes are missing.

    Notes
    -----
    As `torchinfo.summary`; PyTorch has no such function.

    Examples
    --------
    >>> import candle_ffi as cf
    >>> model = cf.nn.Sequential(cf.nn.Linear(4, 8), cf.nn.ReLU(), cf.nn.Linear(8, 2))
    >>> _ = cf.summary(model, (16, 4))
    Layer (type)   Input shape  Output shape  Parameters  Trainable
    ---------------------------------------------------------------
    Sequential     [16, 4]      [16, 2]
    ├─ 0 (Linear)  [16, 4]      [16, 8]               40        yes
    ├─ 1 (ReLU)    [16, 8]      [16, 8]
    ├─ 2 (Linear)  [16, 8]      [16, 2]               18        yes
    ---------------------------------------------------------------
    Parameters: 58 (58 trainable, 0 not)
    Memory: parameters and buffers 0.00 MB, outputs 0.00 MB
    """
    layers = {id(module): _layer(name, module) for name, module in model.named_modules()}
    inputs = _inputs(model, input_size, input_data, dtypes)
    if inputs is not None:
        _run(model, inputs, layers)
    parameters = list(model.parameters())
    found = ModelSummary(
        layers=list(layers.values()),
        total_parameters=sum(parameter.numel() for parameter in parameters),
        trainable_parameters=sum(p.numel() for p in parameters if p.requires_grad),
        parameter_bytes=sum(_bytes(tensor) for tensor in [*parameters, *model.buffers()]),
        output_bytes=sum(layer.output_bytes for layer in layers.values() if layer.is_leaf),
    )
    if verbose:
        print(found)
    return found


def _layer(name: str, module: Module) -> LayerSummary:
    own = list(module.parameters(recurse=False))
    return LayerSummary(
        name=name,
        kind=type(module).__name__,
        depth=name.count(".") + 1 if name else 0,
        parameters=sum(parameter.numel() for parameter in own),
        trainable=sum(parameter.numel() for parameter in own if parameter.requires_grad),
        is_leaf=next(module.children(), None) is None,
    )


def _inputs(model: Module, size: Any, data: Any, kinds: Sequence[DType] | None) -> list[Any] | None:
    if data is not None:
        return [data] if isinstance(data, Tensor) else list(data)
    if size is None:
        return None
    several = len(size) > 0 and isinstance(size[0], (tuple, list))
    sizes = [tuple(one) for one in size] if several else [tuple(size)]
    first = next(model.parameters(), None)
    kind = dtypes.get_default_dtype() if first is None else first.dtype
    chosen = [kind] * len(sizes) if kinds is None else list(kinds)
    if len(chosen) != len(sizes):
        raise ValueError(f"summary: {len(sizes)} inputs need as many dtypes, not {len(chosen)}")
    place = None if first is None else first.device
    return [zeros(*one, dtype=d, device=place) for one, d in zip(sizes, chosen, strict=True)]


def _run(model: Module, inputs: list[Any], layers: dict[int, LayerSummary]) -> None:
    def hook(module: Module, args: Any, kwargs: Any, output: Any) -> None:
        layer = layers[id(module)]
        layer.input_shapes = [tuple(tensor.shape) for tensor in _tensors([args, kwargs])]
        outputs = _tensors(output)
        layer.output_shapes = [tuple(tensor.shape) for tensor in outputs]
        layer.output_bytes = sum(_bytes(tensor) for tensor in outputs)

    modes = [(module, module.training) for module in model.modules()]
    handles = [module.register_forward_hook(hook, with_kwargs=True) for module in model.modules()]
    try:
        model.eval()
        with no_grad():
            model(*inputs)
    finally:
        for handle in handles:
            handle.remove()
        for module, mode in modes:
            module.training = mode


def _tensors(value: Any) -> list[Tensor]:
    if isinstance(value, Tensor):
        return [value]
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, (list, tuple)):
        return [tensor for item in value for tensor in _tensors(item)]
    return []


def _bytes(tensor: Tensor) -> int:
    return int(tensor.numel() * tensor.dtype.itemsize)


def _row(layer: LayerSummary) -> tuple[str, ...]:
    short = layer.name.rpartition(".")[2]
    label = f"{short} ({layer.kind})" if short else layer.kind
    trained = "yes" if layer.trainable == layer.parameters else "partly"
    return (
        "   " * (layer.depth - 1) + "├─ " * (layer.depth > 0) + label,
        _shapes(layer.input_shapes),
        _shapes(layer.output_shapes),
        f"{layer.parameters:,}" if layer.parameters else "",
        ("no" if not layer.trainable else trained) if layer.parameters else "",
    )


def _shapes(shapes: list[tuple[int, ...]]) -> str:
    return ", ".join(str(list(shape)) for shape in shapes)


def _aligned(row: Sequence[str], widths: Sequence[int]) -> str:
    texts = [text.ljust(width) for text, width in zip(row[:3], widths[:3], strict=True)]
    numbers = [text.rjust(width) for text, width in zip(row[3:], widths[3:], strict=True)]
    return "  ".join([*texts, *numbers]).rstrip()
