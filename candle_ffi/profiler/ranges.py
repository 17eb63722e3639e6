"""Parts of a program by names, for the profiler."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, TypeVar

from candle_ffi._lib import check, lib

__all__ = ["record_function"]

F = TypeVar("F", bound=Callable[..., Any])


class record_function:  # noqa: N801  # PyTorch's name
    """Have the profiler show a part of the program under a name, around what happens inside.

    A context manager and a decorator. While no profile is being recorded it does nothing.

    Parameters
    ----------
    name : str
        The name; a range of the same name inside or elsewhere is counted with it.

    Notes
    -----
    `torch.profiler.record_function`

    Examples
    --------
    >>> import candle_ffi as cf
    >>> from candle_ffi.profiler import profile, record_function
    >>> with profile() as prof, record_function("sum"):
    ...     total = cf.ones(3).sum()
    >>> [event.name for event in prof.events() if event.kind == "range"]
    ['sum']
    """

    def __init__(self, name: str) -> None:
        if not isinstance(name, str):
            raise TypeError(f"record_function: name must be a string, not {type(name).__name__}")
        self.name = name
        self._encoded = name.replace("\0", " ").encode("utf-8", "replace")
        self._session = 0

    def __enter__(self) -> record_function:
        self._session = lib.candle_profiler_session()
        if self._session:
            check(lib.py_profiler_push_range(self._encoded))
        return self

    def __exit__(self, *failure: object) -> None:
        # One that was begun before a profile, or in another, has nothing to end in this one.
        if self._session and lib.candle_profiler_session() == self._session:
            lib.candle_profiler_pop_range()
        self._session = 0

    def __call__(self, function: F) -> F:
        """Return a function that does the same, within the range.

        Parameters
        ----------
        function : callable
            The function.

        Returns
        -------
        callable
            The function that is seen.
        """

        @functools.wraps(function)
        def seen(*args: Any, **kwargs: Any) -> Any:
            with record_function(self.name):
                return function(*args, **kwargs)

        return seen  # type: ignore[return-value]
