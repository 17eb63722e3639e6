"""Exceptions on their way from a worker to the process that uses the loader."""

from __future__ import annotations

import pickle
import traceback

__all__ = ["Failure"]


class Failure:
    """What is needed to raise an exception again in another process.

    Parameters
    ----------
    error : Exception
        What was raised.
    where : str
        Where, for the message.
    """

    def __init__(self, error: Exception, where: str) -> None:
        trace = "".join(traceback.format_exception(error))
        self._message = f"Caught {type(error).__name__} {where}.\nOriginal {trace}"
        try:
            self._kind = pickle.dumps(type(error))
        except Exception:  # a class that is defined inside of a function
            self._kind = b""

    def exception(self) -> Exception:
        """Return an exception of the same class, where that can be made from a message alone.

        Its message holds the traceback of the worker.
        """
        try:
            kind = pickle.loads(self._kind)
            error = kind(_Shown(self._message) if issubclass(kind, KeyError) else self._message)
        except Exception:
            error = None
        # StopIteration would end the caller's loop in silence.
        if not isinstance(error, Exception) or isinstance(error, StopIteration):
            return RuntimeError(self._message)
        return error


class _Shown(str):
    """Text that a `KeyError` shows as it is."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)
