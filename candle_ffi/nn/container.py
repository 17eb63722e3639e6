"""Modules made of modules."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, overload

from candle_ffi.nn.module import Module

__all__ = ["ModuleDict", "ModuleList", "Sequential"]


def _module(module: Any, container: str) -> Any:
    if isinstance(module, Module):
        return module
    raise TypeError(f"{container} holds modules, not {type(module).__name__}")


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
        name = self._name(index)
        self._modules[name] = _module(module, type(self).__name__)

    def __delitem__(self, index: int | slice) -> None:
        names = list(self._modules)[index] if isinstance(index, slice) else [self._name(index)]
        for name in names:
            del self._modules[name]
        self._number(list(self._modules.items()))

    def _number(self, items: list[tuple[str, Any]]) -> None:
        """Take the modules in this order; positions among the names are counted anew."""
        if all(name.isdigit() for name, _ in items):
            items = [(str(place), module) for place, (_, module) in enumerate(items)]
        self._modules.clear()
        self._modules.update(items)

    def insert(self, index: int, module: Module) -> Any:
        """Put a module before the one at a position, and return the whole.

        Parameters
        ----------
        index : int
            The position; as in a list, one beyond the ends means the end.
        module : Module
            The module.
        """
        items = list(self._modules.items())
        items.insert(index, (str(len(items)), _module(module, type(self).__name__)))
        self._number(items)
        return self

    def pop(self, index: int = -1) -> Any:
        """Take a module out, and return it.

        Parameters
        ----------
        index : int, default -1
            Its position.
        """
        module = self[index]
        del self[index]
        return module

    def __iadd__(self, modules: Iterable[Any]) -> Any:
        return self.extend(modules)

    def append(self, module: Module) -> Any:
        """Add a module at the end and return the whole.

        Parameters
        ----------
        module : Module
            The module.
        """
        self.add_module(str(len(self)), _module(module, type(self).__name__))
        return self

    def extend(self, modules: Iterable[Any]) -> Any:
        """Add modules at the end and return the whole.

        Parameters
        ----------
        modules : iterable of Module
            The modules.
        """
        given = [_module(module, type(self).__name__) for module in modules]
        for module in given:
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

    def __repr__(self) -> str:
        """Return the modules, equal neighbours on one line with their number."""
        texts = [repr(module) for module in self]
        lines, start = [], 0
        for end in range(1, len(texts) + 1):
            if end < len(texts) and texts[end] == texts[start]:
                continue
            label, count = f"({start})", end - start
            if count > 1:
                label = f"({start}-{end - 1})"
            text = texts[start].replace("\n", "\n  ")
            lines.append(f"{label}: {f'{count} x ' if count > 1 else ''}{text}")
            start = end
        name = type(self).__name__
        return f"{name}(\n  " + "\n  ".join(lines) + "\n)" if lines else f"{name}()"


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
        _module(module, "ModuleDict")
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
