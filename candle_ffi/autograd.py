"""Gradients: where they are tracked, and those of given outputs with respect to given inputs."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Any, Final, TypeVar, overload

from candle_ffi._handles import as_list, tensor_of
from candle_ffi._lib import check, ffi, lib
from candle_ffi.tensor import Tensor, wrap

__all__ = [
    "enable_grad",
    "grad",
    "inference_mode",
    "is_grad_enabled",
    "no_grad",
    "set_grad_enabled",
]

F = TypeVar("F", bound=Callable[..., Any])

_push: Final = lib.py_grad_mode_push
_pop: Final = lib.py_grad_mode_pop


class _GradMode:
    """A scope, of the thread that enters it, in which gradients are tracked or not."""

    def __init__(self, enabled: bool) -> None:
        self._enabled = enabled

    def __enter__(self) -> None:
        _push(self._enabled)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        _pop()

    def __call__(self, function: F) -> F:
        """Return `function` so that each call of it runs in such a scope."""
        return _scoped(function, self._enabled)


def _scoped(function: F, enabled: bool) -> F:
    """Return `function` so that what it runs, runs in a scope of its own."""
    if inspect.isgeneratorfunction(function):
        # The scope holds while the generator runs, not while its user does.
        @functools.wraps(function)
        def generating(*args: Any, **kwargs: Any) -> Any:
            generator = function(*args, **kwargs)
            resume, value = generator.send, None
            try:
                while True:
                    _push(enabled)
                    try:
                        given = resume(value)
                    except StopIteration as stop:
                        return stop.value
                    finally:
                        _pop()
                    try:
                        resume, value = generator.send, (yield given)
                    except GeneratorExit:
                        raise
                    except BaseException as error:
                        resume, value = generator.throw, error
            finally:
                _push(enabled)
                try:
                    generator.close()
                finally:
                    _pop()

        return generating  # type: ignore[return-value]

    @functools.wraps(function)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        _push(enabled)
        try:
            return function(*args, **kwargs)
        finally:
            _pop()

    return wrapped  # type: ignore[return-value]


@overload
def no_grad(function: F) -> F: ...


@overload
def no_grad(function: None = None) -> _GradMode: ...


def no_grad(function: Any = None) -> Any:
    """Make a scope without tracking of gradients: a context manager, or a decorator.

    Parameters
    ----------
    function : callable, optional
        The function to wrap, as ``@no_grad`` without parentheses gives it.

    Returns
    -------
    context manager or callable
        The scope, which holds for the thread that enters it; or the wrapped function.

    Notes
    -----
    `torch.no_grad`

    Examples
    --------
    >>> import candle_ffi as cf
    >>> x = cf.ones(2, requires_grad=True)
    >>> with cf.no_grad():
    ...     y = x * 2
    >>> y.requires_grad
    False
    """
    return _GradMode(False) if function is None else _GradMode(False)(function)


def inference_mode(mode: Any = True) -> Any:
    """Make a scope without tracking of gradients; here the same as `no_grad`.

    Parameters
    ----------
    mode : bool or callable, default True
        False leaves the tracking as it is; a function is wrapped.

    Returns
    -------
    context manager or callable
        The scope; or the wrapped function.

    Notes
    -----
    `torch.inference_mode`

    Examples
    --------
    >>> import candle_ffi as cf
    >>> with cf.inference_mode():
    ...     cf.is_grad_enabled()
    False
    """
    return no_grad(mode) if callable(mode) else _GradMode(not mode and is_grad_enabled())


@overload
def enable_grad(function: F) -> F: ...


@overload
def enable_grad(function: None = None) -> _GradMode: ...


def enable_grad(function: Any = None) -> Any:
    """Make a scope with tracking of gradients: a context manager, or a decorator.

    Parameters
    ----------
    function : callable, optional
        The function to wrap, as ``@enable_grad`` without parentheses gives it.

    Returns
    -------
    context manager or callable
        The scope, which holds for the thread that enters it; or the wrapped function.

    Notes
    -----
    `torch.enable_grad`

    Examples
    --------
    >>> import candle_ffi as cf
    >>> x = cf.ones(2, requires_grad=True)
    >>> with cf.no_grad(), cf.enable_grad():
    ...     y = x * 2
    >>> y.requires_grad
    True
    """
    return _GradMode(True) if function is None else _GradMode(True)(function)


class set_grad_enabled:  # noqa: N801
    """Switch tracking of gradients on this thread; as a context manager, until its end.

    Parameters
    ----------
    mode : bool
        Whether gradients are tracked.

    Notes
    -----
    `torch.set_grad_enabled`

    Examples
    --------
    >>> import candle_ffi as cf
    >>> with cf.set_grad_enabled(False):
    ...     cf.is_grad_enabled()
    False
    >>> cf.is_grad_enabled()
    True
    """

    def __init__(self, mode: bool) -> None:
        self._mode = bool(mode)
        self._before = is_grad_enabled()
        lib.candle_grad_mode_set(self._mode)

    def __call__(self, function: F) -> F:
        """Return `function` so that each call of it runs in the mode, which ends here."""
        lib.candle_grad_mode_set(self._before)
        return _scoped(function, self._mode)

    def __enter__(self) -> None:
        """Enter the scope, which has begun with the object."""

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        lib.candle_grad_mode_set(self._before)


def is_grad_enabled() -> bool:
    """Return whether gradients are tracked on this thread.

    Examples
    --------
    >>> import candle_ffi as cf
    >>> cf.is_grad_enabled()
    True
    """
    return bool(lib.candle_grad_mode_is_enabled())


def grad(
    outputs: Tensor | Sequence[Tensor],
    inputs: Tensor | Sequence[Tensor],
    grad_outputs: Tensor | Sequence[Tensor | None] | None = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    allow_unused: bool = False,
) -> tuple[Tensor | None, ...]:
    """Return the gradients of outputs with respect to inputs, without touching any `grad`.

    Parameters
    ----------
    outputs : Tensor or sequence of Tensor
        What is differentiated.
    inputs : Tensor or sequence of Tensor
        With respect to what; leaves or not.
    grad_outputs : Tensor or sequence of Tensor or None, optional
        The gradients of something with respect to `outputs`; 1 where an output has one element.
    retain_graph : bool, optional
        Whether the graph can be walked again; as `create_graph` when not given.
    create_graph : bool, default False
        Whether the gradients themselves can be differentiated.
    allow_unused : bool, default False
        Whether an input that no output depends on is allowed; its gradient is None.

    Returns
    -------
    tuple of Tensor or None
        One gradient for each input.

    Raises
    ------
    GraphError
        An input is unused, or the graph is freed already.

    Notes
    -----
    `torch.autograd.grad`

    Examples
    --------
    >>> import candle_ffi as cf
    >>> x = cf.tensor(3.0, requires_grad=True)
    >>> cf.grad(x * x, x)
    (tensor(6.),)
    """
    results = [outputs] if isinstance(outputs, Tensor) else as_list(outputs, "grad", "outputs")
    sources = [inputs] if isinstance(inputs, Tensor) else as_list(inputs, "grad", "inputs")
    if grad_outputs is None or isinstance(grad_outputs, Tensor):
        seeds: list[Tensor | None] = [grad_outputs] * len(results)
    else:
        seeds = [
            None if seed is None else tensor_of(seed, "grad", "an element of grad_outputs")
            for seed in grad_outputs
        ]
    if len(seeds) != len(results):
        raise ValueError(
            f"grad: {len(results)} outputs need as many grad_outputs, and {len(seeds)} are given"
        )
    found = ffi.new("CandleTensor *[]", len(sources))
    status = lib.py_grad(
        [tensor._handle for tensor in results],
        len(results),
        [tensor._handle for tensor in sources],
        len(sources),
        [ffi.NULL if seed is None else seed._handle for seed in seeds],
        create_graph if retain_graph is None else retain_graph,
        create_graph,
        allow_unused,
        found,
    )
    check(status)
    return tuple(wrap(handle) if handle else None for handle in found)
