"""Weights that are computed from other tensors: parametrizations of a module's tensors."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

from candle_ffi.autograd import no_grad
from candle_ffi.errors import ShapeError
from candle_ffi.nn.container import ModuleDict, ModuleList
from candle_ffi.nn.module import Module
from candle_ffi.nn.parameter import Parameter
from candle_ffi.tensor import Tensor

__all__ = [
    "ParametrizationList",
    "is_parametrized",
    "register_parametrization",
    "remove_parametrizations",
]


class ParametrizationList(ModuleList):
    """The parametrizations of one tensor, and the tensors that it is computed from.

    Parameters
    ----------
    modules : sequence of Module
        The parametrizations, called one after the other.
    original : Tensor or Parameter
        The tensor as it was.

    Notes
    -----
    `torch.nn.utils.parametrize.ParametrizationList`. The tensors are called ``original``, or
    ``original0``, ``original1``, … where a `right_inverse` gives several.
    """

    def __init__(self, modules: Sequence[Module], original: Tensor) -> None:
        super().__init__(modules)
        values = self._inverse(original)
        self.names = (
            tuple(f"original{place}" for place in range(len(values)))
            if isinstance(values, tuple)
            else ("original",)
        )
        for name, value in zip(self.names, _as_tuple(values), strict=True):
            if not isinstance(original, Parameter):
                self.register_buffer(name, value)
            elif isinstance(values, tuple):
                self.register_parameter(name, Parameter(value, original.requires_grad))
            else:  # the same parameter, which an optimizer may know
                original._become(value.detach())
                self.register_parameter(name, original)

    def _inverse(self, value: Any) -> Any:
        with no_grad():
            for module in reversed(list(self)):
                inverse = getattr(module, "right_inverse", None)
                if inverse is not None:
                    value = inverse(value)
        return value

    def assign(self, value: Tensor) -> None:
        """Set the tensors so that the computed one becomes this value."""
        with no_grad():
            for name, part in zip(self.names, _as_tuple(self._inverse(value)), strict=True):
                getattr(self, name)._become(part.detach().clone())

    def forward(self) -> Tensor:
        """Return the computed tensor."""
        originals = [getattr(self, name) for name in self.names]
        modules = list(self)
        value = modules[0](*originals)
        for module in modules[1:]:
            value = module(value)
        return value  # type: ignore[no-any-return]


def _as_tuple(value: Any) -> tuple[Any, ...]:
    return value if isinstance(value, tuple) else (value,)


def register_parametrization(
    module: Module, tensor_name: str, parametrization: Module, *, unsafe: bool = False
) -> Module:
    """Compute a parameter or buffer of a module by another module from now on.

    Parameters
    ----------
    module : Module
        The module; its class becomes one derived from its class.
    tensor_name : str
        The name of the parameter or buffer.
    parametrization : Module
        Called with the original tensor, or with what its `right_inverse` makes of it.
    unsafe : bool, default False
        Whether shape and dtype may change.

    Returns
    -------
    Module
        The module.

    Raises
    ------
    ValueError
        The module has no such tensor, or its shape or dtype changes.

    Notes
    -----
    `torch.nn.utils.parametrize.register_parametrization`

    Examples
    --------
    >>> import candle_ffi as cf
    >>> class Positive(cf.nn.Module):
    ...     def forward(self, x):
    ...         return x.exp()
    >>> from candle_ffi.nn.utils import parametrize
    >>> layer = parametrize.register_parametrization(cf.nn.Linear(2, 2), "weight", Positive())
    >>> bool((layer.weight > 0).all()), list(layer.state_dict())
    (True, ['bias', 'parametrizations.weight.original'])
    """
    if is_parametrized(module, tensor_name):
        module.parametrizations[tensor_name].append(parametrization)
        return module
    home = next((h for h in (module._parameters, module._buffers) if tensor_name in h), None)
    original = None if home is None else home[tensor_name]
    if home is None or original is None:
        raise ValueError(
            f"Module '{type(module).__name__}' does not have a parameter, a buffer, or a "
            f"parametrized element with name '{tensor_name}'"
        )
    made = ParametrizationList([parametrization], original)
    if not unsafe:
        _check(made, original, tensor_name)
    del home[tensor_name]
    if not hasattr(type(module), "_parametrized"):
        module.__class__ = _derived(type(module))
        module.parametrizations = ModuleDict()
    module.parametrizations[tensor_name] = made
    setattr(type(module), tensor_name, _computed(tensor_name))
    return module


def _check(made: ParametrizationList, original: Tensor, name: str) -> None:
    with no_grad():
        value = made()
    if value.shape != original.shape:
        raise ShapeError(
            f"the parametrization changes the shape of '{name}' from {original.shape} to "
            f"{value.shape}; say unsafe=True where that is meant",
            operation="register_parametrization",
            shapes=[original.shape, value.shape],
        )
    if value.dtype is not original.dtype:
        raise ValueError(
            f"the parametrization changes the dtype of '{name}' from {original.dtype} to "
            f"{value.dtype}; say unsafe=True where that is meant"
        )


def _derived(base: type[Module]) -> type[Module]:
    """Return a class for one parametrized module, where the computed tensors become properties."""

    def deepcopy(self: Any, memo: dict[int, Any]) -> Any:
        copied = object.__new__(_derived(base))
        memo[id(self)] = copied
        copied.__dict__.update(copy.deepcopy(self.__dict__, memo))
        for name in copied.parametrizations:
            setattr(type(copied), name, _computed(name))
        return copied

    def refuse(self: Any, protocol: Any = None) -> Any:
        raise RuntimeError(
            "a parametrized module cannot be pickled, as its class is made at run time; "
            "keep its state_dict() instead"
        )

    members = {"_parametrized": base, "__deepcopy__": deepcopy, "__reduce_ex__": refuse}
    return type(f"Parametrized{base.__name__}", (base,), members)


def _computed(name: str) -> property:
    def get(self: Any) -> Tensor:
        return self.parametrizations[name]()  # type: ignore[no-any-return]

    def assign(self: Any, value: Tensor) -> None:
        self.parametrizations[name].assign(value)

    return property(get, assign)


def is_parametrized(module: Module, tensor_name: str | None = None) -> bool:
    """Return whether a module has a parametrized tensor, or this one.

    Parameters
    ----------
    module : Module
        The module.
    tensor_name : str, optional
        The name of a tensor.

    Notes
    -----
    `torch.nn.utils.parametrize.is_parametrized`
    """
    known = module._modules.get("parametrizations")
    if not isinstance(known, ModuleDict) or not hasattr(type(module), "_parametrized"):
        return False
    return len(known) > 0 if tensor_name is None else tensor_name in known


def remove_parametrizations(
    module: Module, tensor_name: str, leave_parametrized: bool = True
) -> Module:
    """Make a computed tensor an ordinary one again.

    Parameters
    ----------
    module : Module
        The module.
    tensor_name : str
        The name of the tensor.
    leave_parametrized : bool, default True
        Whether it keeps the computed value, and not the original one.

    Returns
    -------
    Module
        The module.

    Raises
    ------
    ValueError
        The tensor is not parametrized, or there are several originals to choose from.

    Notes
    -----
    `torch.nn.utils.parametrize.remove_parametrizations`
    """
    if not is_parametrized(module, tensor_name):
        raise ValueError(f"'{type(module).__name__}' has no parametrization on '{tensor_name}'")
    made = module.parametrizations[tensor_name]
    original = getattr(made, made.names[0])
    if not leave_parametrized and len(made.names) > 1:
        raise ValueError(
            "leave_parametrized=False needs a tensor that is computed from one original, and "
            f"'{tensor_name}' is computed from {len(made.names)}"
        )
    with no_grad():
        value = made().detach().clone() if leave_parametrized else original.detach()
    delattr(type(module), tensor_name)
    del module.parametrizations[tensor_name]
    if len(module.parametrizations) == 0:
        base = type(module)._parametrized  # type: ignore[attr-defined]
        del module.parametrizations
        module.__class__ = base
    if isinstance(original, Parameter):
        if len(made.names) == 1:  # the same parameter, which an optimizer may know
            original._become(value)
            module.register_parameter(tensor_name, original)
        else:
            module.register_parameter(tensor_name, Parameter(value, original.requires_grad))
    else:
        module.register_buffer(tensor_name, value)
    return module
