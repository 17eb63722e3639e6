"""The base of all layers and models."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from candle_ffi.nn.conversion import Convertible
from candle_ffi.nn.parameter import Parameter
from candle_ffi.nn.state import Misfits, Stateful
from candle_ffi.tensor import Tensor

__all__ = ["Misfits", "Module"]

M = TypeVar("M", bound="Module")


class Module(Stateful, Convertible):
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
        own["_hooks"] = None

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """Compute the result; each subclass defines it.

        Raises
        ------
        NotImplementedError
            The subclass has no `forward`.
        """
        raise NotImplementedError(f"{type(self).__name__} has no forward: define it in the class")

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call `forward`, amid the hooks where there are any."""
        if self._hooks is None:
            return self.forward(*args, **kwargs)
        return self._call_with_hooks(args, kwargs)

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
        self, memo: set[int] | None = None, prefix: str = "", remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Module]]:
        """Iterate over this module and all below it, with dotted names.

        Parameters
        ----------
        memo : set of int, optional
            The ids of modules that are left out.
        prefix : str, default ""
            What the names start with.
        remove_duplicate : bool, default True
            Whether one that has several names comes once.
        """
        seen = set() if memo is None else memo
        if remove_duplicate and id(self) in seen:
            return
        seen.add(id(self))
        yield prefix, self
        for name, module in self._modules.items():
            if module is not None:
                path = f"{prefix}.{name}" if prefix else name
                yield from module.named_modules(seen, path, remove_duplicate)

    def parameters(self, recurse: bool = True) -> Iterator[Parameter]:
        """Iterate over the parameters, each once.

        Parameters
        ----------
        recurse : bool, default True
            Whether those of the modules below are included.
        """
        return (parameter for _, parameter in self.named_parameters(recurse=recurse))

    def named_parameters(
        self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Parameter]]:
        """Iterate over the parameters, with dotted names.

        Parameters
        ----------
        prefix : str, default ""
            What the names start with.
        recurse : bool, default True
            Whether those of the modules below are included.
        remove_duplicate : bool, default True
            Whether one that has several names comes once.
        """
        return self._named("_parameters", prefix, recurse, remove_duplicate)

    def buffers(self, recurse: bool = True) -> Iterator[Tensor]:
        """Iterate over the buffers, each once.

        Parameters
        ----------
        recurse : bool, default True
            Whether those of the modules below are included.
        """
        return (buffer for _, buffer in self.named_buffers(recurse=recurse))

    def named_buffers(
        self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Tensor]]:
        """Iterate over the buffers, with dotted names.

        Parameters
        ----------
        prefix : str, default ""
            What the names start with.
        recurse : bool, default True
            Whether those of the modules below are included.
        remove_duplicate : bool, default True
            Whether one that has several names comes once.
        """
        return self._named("_buffers", prefix, recurse, remove_duplicate)

    def _named(
        self, kind: str, prefix: str, recurse: bool, once: bool
    ) -> Iterator[tuple[str, Any]]:
        seen: set[int] = set()
        homes = (
            self.named_modules(prefix=prefix, remove_duplicate=once)
            if recurse
            else iter([(prefix, self)])
        )
        for path, module in homes:
            for name, tensor in module.__dict__[kind].items():
                if tensor is not None and not (once and id(tensor) in seen):
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

    def get_buffer(self, target: str) -> Tensor:
        """Return the buffer of a dotted name.

        Parameters
        ----------
        target : str
            The name, as in `named_buffers`.

        Raises
        ------
        AttributeError
            There is no such buffer.
        """
        path, _, name = target.rpartition(".")
        module = self.get_submodule(path)
        buffer = module._buffers.get(name)
        if buffer is None:
            raise AttributeError(f"{type(module).__name__} has no buffer {name!r}")
        return buffer

    def set_submodule(self, target: str, module: Module) -> None:
        """Put a module in the place of the one of a dotted name.

        Parameters
        ----------
        target : str
            The name, as in `named_modules`; it must not be empty.
        module : Module
            The module.

        Raises
        ------
        ValueError
            The name is empty.
        AttributeError
            There is no module of that name.
        """
        if not target:
            raise ValueError("set_submodule: a name is needed; a module cannot replace itself")
        self.get_submodule(target)
        _check_kind("set_submodule", target, module, Module)
        path, _, name = target.rpartition(".")
        self.get_submodule(path)._modules[name] = module

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


def _check_kind(operation: str, name: str, value: Any, kind: type) -> None:
    if value is not None and not isinstance(value, kind):
        raise TypeError(
            f"{operation}: {name!r} must be a {kind.__name__} or None, not {type(value).__name__}"
        )
