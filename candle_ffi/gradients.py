"""What a tensor knows of gradients: whether it has one, its own, and the way back to the leaves."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import TYPE_CHECKING, cast

from candle_ffi._callbacks import user_data
from candle_ffi._handles import TensorBase, tensor_of, wrap
from candle_ffi._lib import check, ffi, lib
from candle_ffi.hooks import RemovableHandle

if TYPE_CHECKING:
    from candle_ffi.tensor import Tensor

__all__ = ["Gradients"]


class Gradients(TensorBase):
    """The part of a tensor that takes part in differentiation; `Tensor` inherits it."""

    __slots__ = ()

    @property
    def requires_grad(self) -> bool:
        """Whether gradients flow to or through this tensor; of a leaf it can be set."""
        return bool(lib.candle_tensor_requires_grad(self._handle))

    @requires_grad.setter
    def requires_grad(self, value: bool) -> None:
        check(lib.py_set_requires_grad(self._handle, bool(value)))

    def requires_grad_(self, requires_grad: bool = True) -> Tensor:
        """Set whether a leaf gets gradients, and return it.

        Parameters
        ----------
        requires_grad : bool, default True
            Whether it does.
        """
        self.requires_grad = requires_grad
        return cast("Tensor", self)

    @property
    def grad(self) -> Tensor | None:
        """The gradient accumulated so far, or None; it can be set."""
        handle = lib.py_tensor_grad(self._handle)
        return wrap(handle) if handle else None

    @grad.setter
    def grad(self, value: Tensor | None) -> None:
        if value is not None and not isinstance(value, TensorBase):
            raise TypeError(f"grad is a tensor or None, not {type(value).__name__}")
        handle = ffi.NULL if value is None else value._handle
        check(lib.py_set_grad(self._handle, handle))

    @property
    def is_leaf(self) -> bool:
        """Whether the tensor was made by the user, not by a recorded operation."""
        return bool(lib.candle_tensor_is_leaf(self._handle))

    @property
    def grad_fn(self) -> str | None:
        """The name of the rule that made this tensor, such as ``MulBackward0``, or None."""
        room = ffi.new("char[64]")
        if not lib.candle_tensor_grad_fn_name(self._handle, room, 64):
            return None
        words = ffi.string(room).decode().split("_")
        return "".join(word.capitalize() for word in words) + "Backward0"

    def backward(
        self,
        gradient: Tensor | None = None,
        retain_graph: bool | None = None,
        create_graph: bool = False,
    ) -> None:
        """Add the gradients of this tensor to `grad` of the leaves that it was computed from.

        Parameters
        ----------
        gradient : Tensor, optional
            The gradient of something with respect to this tensor; 1 for a tensor of one element.
        retain_graph : bool, optional
            Whether the graph can be walked again; as `create_graph` when not given.
        create_graph : bool, default False
            Whether the gradients themselves can be differentiated.

        Raises
        ------
        GraphError
            There is no graph, it was freed, or a gradient is needed.
        """
        status = lib.py_backward(
            self._handle,
            ffi.NULL if gradient is None else tensor_of(gradient, "backward", "gradient")._handle,
            create_graph if retain_graph is None else retain_graph,
            create_graph,
        )
        check(status)

    def register_hook(self, hook: Callable[[Tensor], Tensor | None]) -> RemovableHandle:
        """Have a function called with the gradient of this tensor in each backward pass.

        Parameters
        ----------
        hook : callable
            Called with the gradient; it returns None, or what takes the gradient's place.

        Returns
        -------
        RemovableHandle
            What removes the hook.

        Raises
        ------
        GraphError
            The tensor does not require gradients.

        Notes
        -----
        `torch.Tensor.register_hook`

        Examples
        --------
        >>> import candle_ffi as cf
        >>> x = cf.ones(2, requires_grad=True)
        >>> handle = x.register_hook(lambda gradient: gradient * 10)
        >>> x.sum().backward()
        >>> x.grad
        tensor([10., 10.])
        """
        if not callable(hook):
            raise TypeError(f"register_hook: a hook must be callable, not {type(hook).__name__}")
        cell = ffi.new("uint64_t *")
        data = user_data(hook)
        free = lib.py_free_user_data
        check(lib.py_register_hook(self._handle, lib.py_call_hook, data, free, cell))
        number, reference = cell[0], weakref.ref(self)

        def remove() -> None:
            tensor = reference()
            if tensor is not None:
                check(lib.py_remove_hook(tensor._handle, number))

        return RemovableHandle(remove)

    def retain_grad(self) -> None:
        """Have the gradient of this tensor kept in `grad`, though it is no leaf.

        Raises
        ------
        GraphError
            The tensor does not require gradients.
        """
        if self.is_leaf and self.requires_grad:
            return
        reference = weakref.ref(self)

        def keep(gradient: Tensor) -> None:
            tensor = reference()
            if tensor is not None:
                before = tensor.grad
                tensor.grad = gradient if before is None else before + gradient

        self.register_hook(keep)
