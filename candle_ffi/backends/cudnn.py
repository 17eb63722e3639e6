"""Switches of cuDNN, which computes convolutions on CUDA where it is installed."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from types import ModuleType

from candle_ffi._lib import check, ffi, lib
from candle_ffi.errors import UnsupportedError

__all__ = [
    "allow_tf32",
    "benchmark",
    "deterministic",
    "enabled",
    "flags",
    "is_available",
    "version",
    "why_not",
]

#: Whether cuDNN is used where it can be. Without it convolutions are products of matrices.
enabled: bool
#: Whether its algorithms are measured when sizes are new, for which the host waits, and the
#: fastest is kept. Otherwise cuDNN guesses.
benchmark: bool
#: Whether only algorithms are taken that always give the same bits.
deterministic: bool
#: Whether its convolutions of `float32` may be of TF32; they may at first, as in PyTorch.
#: Products of matrices have a switch of their own, `cf.backends.cuda.matmul.allow_tf32`.
allow_tf32: bool


def is_available() -> bool:
    """Whether there is a cuDNN that can be used; to ask does not start CUDA.

    Notes
    -----
    `torch.backends.cudnn.is_available`
    """
    return version() is not None


def version() -> int | None:
    """Return the version of cuDNN, 92801 for 9.28.1; None where there is none that can be used.

    Notes
    -----
    `torch.backends.cudnn.version`
    """
    found = ffi.new("int32_t *")
    try:
        check(lib.py_cudnn_version(found))
    except UnsupportedError:
        return None
    return int(found[0])


def why_not() -> str | None:
    """Return why there is no cuDNN that can be used; None where there is one."""
    from candle_ffi import _backend

    reason = _backend.why_not()
    if reason is not None:
        return reason
    try:
        check(lib.py_cudnn_version(ffi.new("int32_t *")))
    except UnsupportedError as error:
        from candle_ffi._cuda_library import cudnn_error

        told = str(error).removeprefix("cudnn_version: ")
        missing = cudnn_error() if "cannot be loaded" in told else None
        if missing is None:
            return told
        return f"cuDNN 9 cannot be loaded ({missing}): pip install 'candle-ffi[cudnn]' brings it"
    return None


@contextlib.contextmanager
def flags(
    enabled: bool = False,
    benchmark: bool = False,
    *,
    deterministic: bool = False,
    allow_tf32: bool = True,
) -> Iterator[None]:
    """Set all switches for a block of code, and what they were afterwards.

    Parameters
    ----------
    enabled, benchmark, deterministic, allow_tf32 : bool, optional
        The switches of these names; behind the second by name alone, since PyTorch has others
        between them. As in PyTorch, what is not named is not left as it is:
        without arguments cuDNN is off.

    Notes
    -----
    `torch.backends.cudnn.flags`

    Examples
    --------
    >>> import candle_ffi as cf
    >>> with cf.backends.cudnn.flags(enabled=True, deterministic=True):
    ...     cf.backends.cudnn.deterministic
    True
    """
    wanted = [enabled, benchmark, deterministic, allow_tf32]
    before = [_is_on(which) for which in _SWITCHES.values()]
    try:
        for which, on in zip(_SWITCHES.values(), wanted, strict=True):
            _turn(which, on)
        yield
    finally:
        for which, on in zip(_SWITCHES.values(), before, strict=True):
            _turn(which, on)


# In the order in which `flags` has them.
_SWITCHES = {
    "enabled": lib.CANDLE_CUDNN_ENABLED,
    "benchmark": lib.CANDLE_CUDNN_BENCHMARK,
    "deterministic": lib.CANDLE_CUDNN_DETERMINISTIC,
    "allow_tf32": lib.CANDLE_CUDNN_ALLOW_TF32,
}


def _is_on(which: int) -> bool:
    return bool(lib.candle_cudnn_switch(which))


def _turn(which: int, on: bool) -> None:
    check(lib.py_set_cudnn_switch(which, bool(on)))


def _switch(name: str) -> property:
    which = _SWITCHES[name]
    return property(lambda _: _is_on(which), lambda _, on: _turn(which, on))


class _Cudnn(ModuleType):
    enabled = _switch("enabled")
    benchmark = _switch("benchmark")
    deterministic = _switch("deterministic")
    allow_tf32 = _switch("allow_tf32")

    def __setattr__(self, name: str, value: object) -> None:
        # A name that is misspelt is an error, and not a switch of nothing.
        if name not in _SWITCHES and not name.startswith("__"):
            raise AttributeError(
                f"cuDNN has no switch {name!r}; its switches are {', '.join(_SWITCHES)}"
            )
        super().__setattr__(name, value)


def _install() -> None:
    import sys

    sys.modules[__name__].__class__ = _Cudnn


_install()
