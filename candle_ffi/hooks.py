"""What stands for a registered hook."""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType
from typing import Any

__all__ = ["RemovableHandle", "registered"]


class RemovableHandle:
    """A registered hook: it can be removed, and as a context manager it is removed at the end.

    Parameters
    ----------
    remove : callable
        Called once, to remove the hook.

    Notes
    -----
    `torch.utils.hooks.RemovableHandle`

    Examples
    --------
    >>> import candle_ffi as cf
    >>> layer = cf.nn.Identity()
    >>> with layer.register_forward_hook(lambda module, args, output: output * 2):
    ...     layer(cf.ones(1))
    tensor([2.])
    >>> layer(cf.ones(1))
    tensor([1.])
    """

    def __init__(self, remove: Callable[[], Any]) -> None:
        self._remove: Callable[[], Any] | None = remove

    def remove(self) -> None:
        """Remove the hook; a second time does nothing."""
        remove, self._remove = self._remove, None
        if remove is not None:
            remove()

    def __enter__(self) -> RemovableHandle:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.remove()


class _Key:
    """What a hook is known by in its dictionary: nothing but itself."""


def registered(hooks: dict[Any, Any], hook: Any, first: bool = False) -> RemovableHandle:
    """Add a hook to an ordered dictionary of hooks.

    Parameters
    ----------
    hooks : dict
        The hooks in the order in which they are called.
    hook : object
        The hook.
    first : bool, default False
        Whether it is called before those that are there.

    Returns
    -------
    RemovableHandle
        What removes it.
    """
    key = _Key()
    before = dict(hooks) if first else {}
    if first:
        hooks.clear()
    hooks[key] = hook
    hooks.update(before)
    return RemovableHandle(lambda: hooks.pop(key, None))
