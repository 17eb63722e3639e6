"""The base of all layers and models."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple, TypeVar

from candle_ffi import dtype as dtypes
from candle_ffi.autograd import no_grad
from candle_ffi.errors import StateDictError
from candle_ffi.io import load_file, save_file
from candle_ffi.nn.parameter import Parameter
from candle_ffi.tensor import Tensor

__all__ = ["Misfits", "Module"]

M = TypeVar("M", bound="Module")


class Misfits(NamedTuple):
    """Names that a state and a module do not share."""

    missing_keys: list[str]
    unexpected_keys: list[str]


class Module:
    """A part of a model: parameters, buffers and other modules, and a `forward` that uses them.

    A subclass calls ``super().__init__()``, sets its parts as attributes and defines `forward`.

    Attributes
    ----------
    training : bool
        True in training, False in evaluation; dropout and batch normalisation differ between them.

    Notes
    -----
    `torch.nn.Module`

    Examples
    --------
    >>> import candle_ffi as cf
    >>> class Scale(cf.nn.Module):
    ...     def __init__(self):
    ...         super().__init__()
    ...         self.factor = cf.nn.Parameter(cf.tensor(3.0))
    ...
    ...     def forward(self, x):
    ...         return x * self.factor
    >>> model = Scale()
    >>> model(cf.tensor([1.0, 2.0]))
    tensor([3., 6.], grad_fn=<MulBackward0>)
    >>> list(model.state_dict())
    ['factor']
    """

    training: bool
    _parameters: dict[str, Parameter | None]
    _buffers: dict[str, Tensor | None]
    _modules: dict[str, Module | None]
    _transient: set[str]

    def __init__(self) -> None:
        # The ordinary way of setting would look for a home among what is made here.
        own = self.__dict__
        own["training"] = True
        own["_parameters"] = {}
        own["_buffers"] = {}
        own["_modules"] = {}
        own["_transient"] = set()

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """Compute the result; each subclass defines it.

        Raises
        ------
        NotImplementedError
            The subclass has no `forward`.
        """
        raise NotImplementedError(f"{type(self).__name__} has no forward: define it in the class")

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call `forward`."""
        return self.forward(*args, **kwargs)

    # Parts ------------------------------------------------------------------------------------

    def __setattr__(self, name: str, value: Any) -> None:
        own = self.__dict__
        if "_parameters" not in own:
            if isinstance(value, (Parameter, Module)):
                raise AttributeError(
                    f"{type(self).__name__}.__init__ must call super().__init__() first"
                )
            own[name] = value
        elif isinstance(value, (Parameter, Module)):
            home: dict[str, Any] = (
                self._parameters if isinstance(value, Parameter) else self._modules
            )
            # One that is replaced keeps its place in the order.
            if name not in home:
                self._forget(name)
            home[name] = value
        elif name in self._parameters and value is not None:
            raise TypeError(
                f"{type(self).__name__}.{name} is a parameter: set it to a Parameter or to None, "
                f"not to {type(value).__name__}"
            )
        elif name in self._parameters:
            self._parameters[name] = None
        elif name in self._modules and value is None:
            self._modules[name] = None
        elif name in self._buffers and (value is None or isinstance(value, Tensor)):
            self._buffers[name] = value
        else:
            object.__setattr__(self, name, value)

    def __getattr__(self, name: str) -> Any:
        own = self.__dict__
        for kind in ("_parameters", "_modules", "_buffers"):
            if name in own.get(kind, ()):
                return own[kind][name]
        raise AttributeError(f"{type(self).__name__} has no attribute {name!r}")

    def __delattr__(self, name: str) -> None:
        if not self._forget(name):
            object.__delattr__(self, name)

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *self._parameters, *self._buffers, *self._modules})

    def _forget(self, name: str) -> bool:
        homes = (self._parameters, self._buffers, self._modules, self.__dict__)
        found = [home for home in homes if name in home]
        for home in found:
            del home[name]
        self._transient.discard(name)
        return bool(found)

    def register_parameter(self, name: str, parameter: Parameter | None) -> None:
        """Add a parameter under a name; None keeps the name free for one.

        Parameters
        ----------
        name : str
            The attribute's name.
        parameter : Parameter or None
            The parameter.
        """
        self._check_name(name)
        _check_kind("register_parameter", name, parameter, Parameter)
        self._parameters[name] = parameter

    def register_buffer(self, name: str, tensor: Tensor | None, persistent: bool = True) -> None:
        """Add a tensor that belongs to the state but is not trained.

        Parameters
        ----------
        name : str
            The attribute's name.
        tensor : Tensor or None
            The tensor.
        persistent : bool, default True
            Whether it is part of `state_dict`.
        """
        self._check_name(name)
        _check_kind("register_buffer", name, tensor, Tensor)
        self._buffers[name] = tensor
        if not persistent:
            self._transient.add(name)

    def add_module(self, name: str, module: Module | None) -> None:
        """Add a module under a name.

        Parameters
        ----------
        name : str
            The attribute's name.
        module : Module or None
            The module.
        """
        self._check_name(name)
        _check_kind("add_module", name, module, Module)
        self._modules[name] = module

    register_module = add_module

    def _check_name(self, name: str) -> None:
        if not isinstance(name, str):
            raise TypeError(f"a name is a string, not {type(name).__name__}")
        if not name or "." in name:
            raise KeyError(f"a name must not be empty nor contain a dot: {name!r}")
        if hasattr(self, name):
            raise KeyError(f"{type(self).__name__} has an attribute {name!r} already")

    # Walking ----------------------------------------------------------------------------------

    def children(self) -> Iterator[Module]:
        """Iterate over the modules directly below this one."""
        return (module for _, module in self.named_children())

    def named_children(self) -> Iterator[tuple[str, Module]]:
        """Iterate over the modules directly below this one, with their names."""
        seen: set[int] = set()
        for name, module in self._modules.items():
            if module is not None and id(module) not in seen:
                seen.add(id(module))
                yield name, module

    def modules(self) -> Iterator[Module]:
        """Iterate over this module and all below it, each once."""
        return (module for _, module in self.named_modules())

    def named_modules(
        self, memo: set[int] | None = None, prefix: str = ""
    ) -> Iterator[tuple[str, Module]]:
        """Iterate over this module and all below it, each once, with dotted names.

        Parameters
        ----------
        memo : set of int, optional
            The ids of modules that are left out.
        prefix : str, default ""
            What the names start with.
        """
        seen = set() if memo is None else memo
        if id(self) in seen:
            return
        seen.add(id(self))
        yield prefix, self
        for name, module in self._modules.items():
            if module is not None:
                yield from module.named_modules(seen, f"{prefix}.{name}" if prefix else name)

    def parameters(self, recurse: bool = True) -> Iterator[Parameter]:
        """Iterate over the parameters, each once.

        Parameters
        ----------
        recurse : bool, default True
            Whether those of the modules below are included.
        """
        return (parameter for _, parameter in self.named_parameters(recurse=recurse))

    def named_parameters(
        self, prefix: str = "", recurse: bool = True
    ) -> Iterator[tuple[str, Parameter]]:
        """Iterate over the parameters, each once, with dotted names.

        Parameters
        ----------
        prefix : str, default ""
            What the names start with.
        recurse : bool, default True
            Whether those of the modules below are included.
        """
        return self._named("_parameters", prefix, recurse)

    def buffers(self, recurse: bool = True) -> Iterator[Tensor]:
        """Iterate over the buffers, each once.

        Parameters
        ----------
        recurse : bool, default True
            Whether those of the modules below are included.
        """
        return (buffer for _, buffer in self.named_buffers(recurse=recurse))

    def named_buffers(self, prefix: str = "", recurse: bool = True) -> Iterator[tuple[str, Tensor]]:
        """Iterate over the buffers, each once, with dotted names.

        Parameters
        ----------
        prefix : str, default ""
            What the names start with.
        recurse : bool, default True
            Whether those of the modules below are included.
        """
        return self._named("_buffers", prefix, recurse)

    def _named(self, kind: str, prefix: str, recurse: bool) -> Iterator[tuple[str, Any]]:
        seen: set[int] = set()
        homes = self.named_modules(prefix=prefix) if recurse else iter([(prefix, self)])
        for path, module in homes:
            for name, tensor in module.__dict__[kind].items():
                if tensor is not None and id(tensor) not in seen:
                    seen.add(id(tensor))
                    yield (f"{path}.{name}" if path else name), tensor

    def get_submodule(self, target: str) -> Module:
        """Return the module of a dotted name; the empty name is this module.

        Parameters
        ----------
        target : str
            The name, as in `named_modules`.

        Raises
        ------
        AttributeError
            There is no such module.
        """
        module: Module = self
        for name in target.split(".") if target else ():
            below = module._modules.get(name)
            if below is None:
                raise AttributeError(f"{type(module).__name__} has no module {name!r}")
            module = below
        return module

    def get_parameter(self, target: str) -> Parameter:
        """Return the parameter of a dotted name.

        Parameters
        ----------
        target : str
            The name, as in `named_parameters`.

        Raises
        ------
        AttributeError
            There is no such parameter.
        """
        path, _, name = target.rpartition(".")
        module = self.get_submodule(path)
        parameter = module._parameters.get(name)
        if parameter is None:
            raise AttributeError(f"{type(module).__name__} has no parameter {name!r}")
        return parameter

    def apply(self: M, function: Callable[[Module], Any]) -> M:
        """Call a function with every module below this one, and then with this one.

        Parameters
        ----------
        function : callable
            Called with a module.

        Returns
        -------
        Module
            This module.
        """
        for module in self.children():
            module.apply(function)
        function(self)
        return self

    # State ------------------------------------------------------------------------------------

    def state_dict(self, prefix: str = "", keep_vars: bool = False) -> dict[str, Tensor]:
        """Return parameters and persistent buffers by their dotted names.

        Parameters
        ----------
        prefix : str, default ""
            What the names start with.
        keep_vars : bool, default False
            Whether the dictionary has the parameters themselves.

        Returns
        -------
        dict of str to Tensor
            The tensors share the module's memory and track no gradients.
        """
        state = self._state(prefix)
        return {name: tensor if keep_vars else tensor.detach() for name, tensor in state}

    def _state(self, prefix: str = "") -> Iterator[tuple[str, Tensor]]:
        for name, parameter in self._parameters.items():
            if parameter is not None:
                yield prefix + name, parameter
        for name, buffer in self._buffers.items():
            if buffer is not None and name not in self._transient:
                yield prefix + name, buffer
        for name, module in self._modules.items():
            if module is not None:
                yield from module._state(f"{prefix}{name}.")

    def load_state_dict(self, state_dict: Mapping[str, Tensor], strict: bool = True) -> Misfits:
        """Copy tensors into the parameters and buffers of the same names.

        Nothing is changed when anything does not fit.

        Parameters
        ----------
        state_dict : mapping of str to Tensor
            The tensors by their dotted names.
        strict : bool, default True
            Whether every name must be there, and no other. Shapes must fit in any case.

        Returns
        -------
        Misfits
            The names that one side has and the other has not.

        Raises
        ------
        StateDictError
            Names or shapes do not fit; the message lists all of them.
        """
        if not isinstance(state_dict, Mapping):
            raise TypeError(
                f"load_state_dict: expected a mapping of names to tensors, "
                f"not {type(state_dict).__name__}"
            )
        own = dict(self._state())
        missing = [name for name in own if name not in state_dict]
        unexpected = [name for name in state_dict if name not in own]
        problems = []
        if strict and missing:
            problems.append(f"Missing key(s) in state_dict: {_quoted(missing)}.")
        if strict and unexpected:
            problems.append(f"Unexpected key(s) in state_dict: {_quoted(unexpected)}.")
        shared = {name: state_dict[name] for name in own if name in state_dict}
        for name, tensor in shared.items():
            if not isinstance(tensor, Tensor):
                raise TypeError(
                    f"load_state_dict: {name} must be a tensor, not {type(tensor).__name__}"
                )
            if tuple(tensor.shape) != tuple(own[name].shape):
                problems.append(
                    f"size mismatch for {name}: copying a param with shape {tuple(tensor.shape)} "
                    f"from checkpoint, the shape in current model is {tuple(own[name].shape)}."
                )
        if problems:
            lines = "\n\t".join(problems)
            raise StateDictError(
                f"Error(s) in loading state_dict for {type(self).__name__}:\n\t{lines}",
                operation="load_state_dict",
            )
        with no_grad():
            for name, tensor in shared.items():
                own[name].copy_(tensor)
        return Misfits(missing, unexpected)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write `state_dict` as a safetensors file.

        Parameters
        ----------
        path : str or path
            The file; it is replaced in one step, so a reader sees the old one or the new one.
        """
        save_file(self.state_dict(), path)

    def load(self: M, path: str | os.PathLike[str], strict: bool = True) -> M:
        """Read a safetensors file into the parameters and buffers.

        Parameters
        ----------
        path : str or path
            The file.
        strict : bool, default True
            As in `load_state_dict`.

        Returns
        -------
        Module
            This module.
        """
        self.load_state_dict(load_file(path), strict)
        return self

    # Modes ------------------------------------------------------------------------------------

    def train(self: M, mode: bool = True) -> M:
        """Set the module and all below it to training.

        Parameters
        ----------
        mode : bool, default True
            True for training, False for evaluation.

        Returns
        -------
        Module
            This module.
        """
        for module in self.modules():
            module.training = mode
        return self

    def eval(self: M) -> M:
        """Set the module and all below it to evaluation, and return it."""
        return self.train(False)

    def requires_grad_(self: M, requires_grad: bool = True) -> M:
        """Set whether the parameters get gradients, and return the module.

        Parameters
        ----------
        requires_grad : bool, default True
            Whether they do.
        """
        for parameter in self.parameters():
            parameter.requires_grad_(requires_grad)
        return self

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients of all parameters.

        Parameters
        ----------
        set_to_none : bool, default True
            False fills them with zeros instead.
        """
        for parameter in self.parameters():
            _forget_gradient(parameter, set_to_none)

    def to(self: M, *args: Any, **kwargs: Any) -> M:
        """Move parameters and buffers to a device or a floating-point dtype, in place.

        Parameters
        ----------
        *args, **kwargs
            As in `Tensor.to`. An integer tensor keeps its dtype.

        Returns
        -------
        Module
            This module, with the same parameter objects.
        """
        with no_grad():
            for module in self.modules():
                module._convert(lambda tensor: _moved(tensor, args, kwargs))
        return self

    def _convert(self, move: Callable[[Tensor], Tensor]) -> None:
        for parameter in self._parameters.values():
            if parameter is not None:
                parameter._become(move(parameter))
        for buffer in self._buffers.values():
            if buffer is not None:
                buffer._become(move(buffer))

    def float(self: M) -> M:
        """Turn floating-point parameters and buffers into `float32`."""
        return self.to(dtypes.float32)

    def double(self: M) -> M:
        """Turn floating-point parameters and buffers into `float64`."""
        return self.to(dtypes.float64)

    def half(self: M) -> M:
        """Turn floating-point parameters and buffers into `float16`."""
        return self.to(dtypes.float16)

    def cpu(self: M) -> M:
        """Move parameters and buffers to the CPU."""
        return self.to("cpu")

    def cuda(self: M, index: int = 0) -> M:
        """Move parameters and buffers to a CUDA device.

        Parameters
        ----------
        index : int, default 0
            Which one.
        """
        return self.to(f"cuda:{index}")

    # Text -------------------------------------------------------------------------------------

    def extra_repr(self) -> str:
        """Return what stands between the parentheses of `repr`; layers say their options here."""
        return ""

    def __repr__(self) -> str:
        extra = self.extra_repr()
        below = [
            f"({name}): " + repr(module).replace("\n", "\n  ")
            for name, module in self._modules.items()
        ]
        name = type(self).__name__
        if not below:
            return f"{name}({extra})"
        lines = "\n  ".join([*([extra] if extra else []), *below])
        return f"{name}(\n  {lines}\n)"


def _quoted(names: list[str]) -> str:
    return ", ".join(f'"{name}"' for name in names)


def _check_kind(operation: str, name: str, value: Any, kind: type) -> None:
    if value is not None and not isinstance(value, kind):
        raise TypeError(
            f"{operation}: {name!r} must be a {kind.__name__} or None, not {type(value).__name__}"
        )


def _moved(tensor: Tensor, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Tensor:
    if tensor.dtype.is_floating_point:
        return tensor.to(*args, **kwargs)
    # An integer buffer such as a counter follows to the device but keeps its dtype.
    return tensor.to(*args, **kwargs).to(tensor.dtype)


def _forget_gradient(parameter: Tensor, set_to_none: bool) -> None:
    gradient = None if set_to_none else parameter.grad
    if gradient is None:
        parameter.grad = None
    else:
        gradient.detach().zero_()
