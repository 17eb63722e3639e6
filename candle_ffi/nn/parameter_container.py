"""Parameters in lists and dictionaries that modules find."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from candle_ffi.nn.module import Module
from candle_ffi.nn.parameter import Parameter
from candle_ffi.tensor import Tensor

__all__ = ["ParameterDict", "ParameterList"]


def _text(name: str, value: Any) -> str:
    if not isinstance(value, Tensor):
        return f"({name}): Object of type: {type(value).__name__}"
    kind = "Parameter" if isinstance(value, Parameter) else "Tensor"
    size = "x".join(str(size) for size in value.shape)
    return f"({name}): {kind} containing: [{value.dtype} of size {size}]"


def _as_entry(value: Any) -> Any:
    # As in PyTorch, a plain tensor becomes a parameter, and anything else is kept as it is.
    plain = isinstance(value, Tensor) and not isinstance(value, Parameter)
    return Parameter(value) if plain else value


class ParameterList(Module):
    """A list of parameters that are found.

    Parameters
    ----------
    values : iterable of Parameter or Tensor, optional
        The parameters; tensors become parameters, other objects are only kept.

    Notes
    -----
    `torch.nn.ParameterList`

    Examples
    --------
    >>> import candle_ffi as cf
    >>> weights = cf.nn.ParameterList([cf.zeros(2), cf.ones(3)])
    >>> len(weights), list(weights.state_dict())
    (2, ['0', '1'])
    """

    def __init__(self, values: Iterable[Any] | None = None) -> None:
        super().__init__()
        self._size = 0
        if values is not None:
            self.extend(values)

    def _place(self, index: int) -> str:
        if not -self._size <= index < self._size:
            raise IndexError(f"index {index} is out of range for {self._size} parameters")
        return str(index % self._size)

    def __getitem__(self, index: int | slice) -> Any:
        if isinstance(index, slice):
            return type(self)(self[place] for place in range(self._size)[index])
        return getattr(self, self._place(index))

    def __setitem__(self, index: int, value: Any) -> None:
        setattr(self, self._place(index), _as_entry(value))

    def __len__(self) -> int:
        return self._size

    def __iter__(self) -> Iterator[Any]:
        return (self[place] for place in range(self._size))

    def __iadd__(self, values: Iterable[Any]) -> ParameterList:
        return self.extend(values)

    def __dir__(self) -> list[str]:
        return [name for name in super().__dir__() if not name.isdigit()]

    def append(self, value: Any) -> ParameterList:
        """Add a parameter at the end and return the list.

        Parameters
        ----------
        value : Parameter or Tensor
            The parameter.
        """
        self._size += 1
        self[-1] = value
        return self

    def extend(self, values: Iterable[Any]) -> ParameterList:
        """Add parameters at the end and return the list.

        Parameters
        ----------
        values : iterable of Parameter or Tensor
            The parameters.
        """
        if isinstance(values, Tensor) or not isinstance(values, Iterable):
            raise TypeError(
                f"ParameterList.extend: expected an iterable, not {type(values).__name__}"
            )
        for value in values:
            self.append(value)
        return self

    def extra_repr(self) -> str:
        """Return the parameters, a line each."""
        return "\n  ".join(_text(str(place), value) for place, value in enumerate(self))


class ParameterDict(Module):
    """A dictionary of parameters that are found.

    Parameters
    ----------
    parameters : mapping or iterable of pairs, optional
        The parameters by their names; tensors become parameters, other objects are only kept.

    Notes
    -----
    `torch.nn.ParameterDict`

    Examples
    --------
    >>> import candle_ffi as cf
    >>> weights = cf.nn.ParameterDict({"left": cf.zeros(2), "right": cf.ones(3)})
    >>> list(weights.keys()), list(weights.state_dict())
    (['left', 'right'], ['left', 'right'])
    """

    def __init__(self, parameters: Any = None) -> None:
        super().__init__()
        self._names: dict[str, None] = {}
        if parameters is not None:
            self.update(parameters)

    def __getitem__(self, name: str) -> Any:
        if name not in self._names:
            raise KeyError(name)
        return getattr(self, name)

    def __setitem__(self, name: str, value: Any) -> None:
        if not isinstance(name, str):
            raise TypeError(f"the name of a parameter is a string, not {type(name).__name__}")
        if name not in self._names and hasattr(self, name):
            raise KeyError(f"ParameterDict has an attribute {name!r} already")
        self._names[name] = None
        setattr(self, name, _as_entry(value))

    def __delitem__(self, name: str) -> None:
        del self._names[name]
        delattr(self, name)

    def __len__(self) -> int:
        return len(self._names)

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __contains__(self, name: object) -> bool:
        return name in self._names

    def keys(self) -> Iterable[str]:
        """Return the names."""
        return self._names.keys()

    def values(self) -> Iterable[Any]:
        """Return the parameters."""
        return (self[name] for name in self._names)

    def items(self) -> Iterable[tuple[str, Any]]:
        """Return names with parameters."""
        return ((name, self[name]) for name in self._names)

    def get(self, name: str, default: Any = None) -> Any:
        """Return the parameter of a name, or something else where there is none.

        Parameters
        ----------
        name : str
            The name.
        default : object, optional
            What is returned where there is no such parameter.
        """
        return self[name] if name in self._names else default

    def pop(self, name: str) -> Any:
        """Take a parameter out, and return it.

        Parameters
        ----------
        name : str
            Its name.
        """
        value = self[name]
        del self[name]
        return value

    def clear(self) -> None:
        """Take all parameters out."""
        for name in list(self._names):
            del self[name]

    def update(self, parameters: Any) -> None:
        """Add parameters, or replace those of the same names.

        Parameters
        ----------
        parameters : mapping or iterable of pairs
            The parameters by their names.
        """
        if isinstance(parameters, (Mapping, ParameterDict)):
            parameters = parameters.items()
        for name, value in parameters:
            self[name] = value

    def extra_repr(self) -> str:
        """Return the parameters, a line each."""
        return "\n  ".join(_text(name, value) for name, value in self.items())
