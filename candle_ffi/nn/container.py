"""Modules made of modules."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, overload

from candle_ffi.nn.module import Module

__all__ = ["ModuleDict", "ModuleList", "Sequential"]


class _Numbered(Module):
    """Modules in order, named by their positions unless they were given names."""

    def __len__(self) -> int:
        return len(self._modules)

    def __iter__(self) -> Iterator[Any]:
        return iter(self._modules.values())

    def _name(self, index: int) -> str:
        names = list(self._modules)
        try:
            return names[index]
        except IndexError:
            raise IndexError(f"index {index} is out of range for {len(names)} modules") from None

    @overload
    def __getitem__(self, index: int) -> Any: ...

    @overload
    def __getitem__(self, index: slice) -> Any: ...

    def __getitem__(self, index: int | slice) -> Any:
        if isinstance(index, slice):
            return self._slice(list(self._modules.items())[index])
        return self._modules[self._name(index)]

    def _slice(self, items: list[tuple[str, Any]]) -> Module:
        return type(self)(module for _, module in items)  # type: ignore[call-arg]

    def __setitem__(self, index: int, module: Module) -> None:
        self._modules[self._name(index)] = module

    def __delitem__(self, index: int) -> None:
        del self._modules[self._name(index)]
        rest = list(self._modules.values())
        if all(name.isdigit() for name in self._modules):
            self._modules.clear()
            self.extend(rest)

    def append(self, module: Module) -> Any:
        """Add a module at the end and return the whole.

        Parameters
        ----------
        module : Module
            The module.
        """
        self.add_module(str(len(self)), module)
        return self

    def extend(self, modules: Iterable[Any]) -> Any:
        """Add modules at the end and return the whole.

        Parameters
        ----------
        modules : iterable of Module
            The modules.
        """
        for module in modules:
            self.append(module)
        return self


class Sequential(_Numbered):
    """Modules called one after the other.

    Parameters
    ----------
    *modules : Module
        The modules in order; or one mapping of names to modules.

    Notes
    -----
    `torch.nn.Sequential`

    Examples
    --------
    >>> import candle_ffi as cf
    >>> model = cf.nn.Sequential(cf.nn.Linear(2, 3), cf.nn.ReLU())
    >>> model(cf.zeros(5, 2)).shape
    (5, 3)
    """

    def __init__(self, *modules: Module | Mapping[str, Module]) -> None:
        super().__init__()
        if len(modules) == 1 and isinstance(modules[0], Mapping):
            for name, module in modules[0].items():
                self.add_module(name, module)
        else:
            self.extend(modules)

    def _slice(self, items: list[tuple[str, Any]]) -> Module:
        return Sequential(OrderedDict(items))

    def forward(self, input: Any) -> Any:
        """Call the modules in order.

        Parameters
        ----------
        input : object
            What the first module takes.

        Returns
        -------
        object
            What the last module returns.
        """
        for module in self._modules.values():
            if module is not None:
                input = module(input)
        return input


class ModuleList(_Numbered):
    """A list of modules whose parameters are found.

    Parameters
    ----------
    modules : iterable of Module, optional
        The modules.

    Notes
    -----
    `torch.nn.ModuleList`

    Examples
    --------
    >>> import candle_ffi as cf
    >>> layers = cf.nn.ModuleList(cf.nn.Linear(4, 4) for _ in range(3))
    >>> len(layers), len(list(layers.parameters()))
    (3, 6)
    """

    def __init__(self, modules: Iterable[Module] = ()) -> None:
        super().__init__()
        self.extend(modules)


class ModuleDict(Module):
    """A dictionary of modules whose parameters are found.

    Parameters
    ----------
    modules : mapping of str to Module, optional
        The modules by their names.

    Notes
    -----
    `torch.nn.ModuleDict`

    Examples
    --------
    >>> import candle_ffi as cf
    >>> heads = cf.nn.ModuleDict({"a": cf.nn.Linear(4, 2), "b": cf.nn.Linear(4, 3)})
    >>> heads["b"](cf.zeros(1, 4)).shape
    (1, 3)
    """

    def __init__(self, modules: Mapping[str, Module] | None = None) -> None:
        super().__init__()
        for name, module in (modules or {}).items():
            self[name] = module

    def __getitem__(self, name: str) -> Any:
        return self._modules[name]

    def __setitem__(self, name: str, module: Module) -> None:
        self._modules.pop(name, None)
        self.add_module(name, module)

    def __delitem__(self, name: str) -> None:
        del self._modules[name]

    def __len__(self) -> int:
        return len(self._modules)

    def __iter__(self) -> Iterator[str]:
        return iter(self._modules)

    def __contains__(self, name: object) -> bool:
        return name in self._modules

    def keys(self) -> Iterable[str]:
        """Return the names."""
        return self._modules.keys()

    def values(self) -> Iterable[Any]:
        """Return the modules."""
        return self._modules.values()

    def items(self) -> Iterable[tuple[str, Any]]:
        """Return names with modules."""
        return self._modules.items()
