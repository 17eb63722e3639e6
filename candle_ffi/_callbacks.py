"""Python functions that the native library calls: how they are kept, and what they raise."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from candle_ffi._handles import tensor_of, wrap
from candle_ffi._lib import ffi, keep_raised, lib, text

__all__ = ["user_data"]

# The functions by the pointers that the library knows; each stays until the library frees it.
_functions: dict[Any, Any] = {}


def user_data(function: Callable[..., Any]) -> Any:
    """Return the pointer under which the library passes a function back to its callback."""
    pointer = ffi.new_handle(function)
    _functions[pointer] = pointer
    return pointer


# The default argument keeps the dictionary while the interpreter clears its modules.
@ffi.def_extern()  # type: ignore[untyped-decorator]
def py_free_user_data(pointer: Any, functions: dict[Any, Any] = _functions) -> None:
    """Forget a function that the library does not need any more."""
    functions.pop(pointer, None)


@ffi.def_extern()  # type: ignore[untyped-decorator]
def py_call_hook(pointer: Any, gradient: Any, replacement: Any) -> int:
    """Call a hook with a gradient, and pass on the gradient that it returns."""
    try:
        changed = ffi.from_handle(pointer)(wrap(lib.py_share(gradient)))
        if changed is not None:
            tensor = tensor_of(changed, "hook", "what it returns")
            replacement[0] = lib.py_share(tensor._handle)
    except BaseException as error:  # the call that has led here raises it
        return keep_raised(error)
    return 0


@ffi.def_extern()  # type: ignore[untyped-decorator]
def py_call_loss(pointer: Any, loss: Any) -> int:
    """Call a function that computes a loss, and pass on the loss."""
    try:
        loss[0] = float(ffi.from_handle(pointer)())
    except BaseException as error:  # the call that has led here raises it
        return keep_raised(error)
    return 0


@ffi.def_extern()  # type: ignore[untyped-decorator]
def py_tell_fallback(pointer: Any, operation: Any, dtype: int, kind: int, index: int) -> int:
    """Tell of an operation that the host computes for a device."""
    try:
        ffi.from_handle(pointer)(text(operation), dtype, kind, index)
    except BaseException as error:  # the call that has led here raises it
        return keep_raised(error)
    return 0
