"""Functions of the user that a module calls around `forward` and in the backward pass."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from candle_ffi._ops import cat, narrow, reshape
from candle_ffi.autograd import is_grad_enabled
from candle_ffi.errors import UnsupportedError
from candle_ffi.hooks import RemovableHandle, registered
from candle_ffi.tensor import Tensor

if TYPE_CHECKING:
    from candle_ffi.nn.module import Module

__all__ = ["Hooked"]

Hook = Callable[..., Any]


class Hooked:
    """The part of a module that knows its hooks; `Module` inherits it."""

    #: The hooks by their kind; None until the first is registered, which is what a call looks at.
    _hooks: dict[str, dict[Any, Any]] | None

    def _register(self, kind: str, hook: Any, first: bool = False) -> RemovableHandle:
        function = hook[0] if isinstance(hook, tuple) else hook
        if not callable(function):
            raise TypeError(f"a hook must be callable, not {type(function).__name__}")
        if self._hooks is None:
            self._hooks = {}
        return registered(self._hooks.setdefault(kind, {}), hook, first)

    def _hooks_of(self, kind: str) -> list[Any]:
        return list((self._hooks or {}).get(kind, {}).values())

    def _remove_hook(self, kind: str, hook: Any) -> None:
        """Remove a hook without its handle."""
        hooks = (self._hooks or {}).get(kind, {})
        for key in [key for key, entry in hooks.items() if entry[0] is hook]:
            del hooks[key]

    def register_forward_pre_hook(
        self, hook: Hook, *, prepend: bool = False, with_kwargs: bool = False
    ) -> RemovableHandle:
        """Have a function called before `forward`; it may change the arguments.

        Parameters
        ----------
        hook : callable
            ``hook(module, args)`` returns None, the new arguments as a tuple, or a new single
            argument; with `with_kwargs`, ``hook(module, args, kwargs)`` returns None or both.
        prepend : bool, default False
            Whether it is called before the hooks that are there.
        with_kwargs : bool, default False
            Whether it gets the keyword arguments too.

        Returns
        -------
        RemovableHandle
            What removes it.
        """
        return self._register("forward_pre", (hook, with_kwargs), prepend)

    def register_forward_hook(
        self,
        hook: Hook,
        *,
        prepend: bool = False,
        with_kwargs: bool = False,
        always_call: bool = False,
    ) -> RemovableHandle:
        """Have a function called after `forward`; it may change the result.

        Parameters
        ----------
        hook : callable
            ``hook(module, args, output)`` or, with `with_kwargs`,
            ``hook(module, args, kwargs, output)`` returns None or the new result.
        prepend : bool, default False
            Whether it is called before the hooks that are there.
        with_kwargs : bool, default False
            Whether it gets the keyword arguments too.
        always_call : bool, default False
            Whether it is called, with None, when `forward` has raised.

        Returns
        -------
        RemovableHandle
            What removes it.
        """
        return self._register("forward", (hook, with_kwargs, always_call), prepend)

    def register_full_backward_pre_hook(self, hook: Hook, prepend: bool = False) -> RemovableHandle:
        """Have a function called with the gradients of the module's results.

        Parameters
        ----------
        hook : callable
            ``hook(module, grad_output)`` returns None or the new gradients; `grad_output` is a
            tuple with None for results without gradient.
        prepend : bool, default False
            Whether it is called before the hooks that are there.

        Returns
        -------
        RemovableHandle
            What removes it.
        """
        return self._register("backward_pre", hook, prepend)

    def register_full_backward_hook(self, hook: Hook, prepend: bool = False) -> RemovableHandle:
        """Have a function called when the gradients of the module's arguments are known.

        Parameters
        ----------
        hook : callable
            ``hook(module, grad_input, grad_output)`` returns None or the new gradients of the
            positional arguments; both are tuples with None where there is no gradient.
        prepend : bool, default False
            Whether it is called before the hooks that are there.

        Returns
        -------
        RemovableHandle
            What removes it.
        """
        return self._register("backward", hook, prepend)

    def _call_with_hooks(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Call `forward` amid the hooks."""
        module: Any = self
        for hook, with_kwargs in self._hooks_of("forward_pre"):
            if with_kwargs:
                changed = hook(module, args, kwargs)
                if changed is not None:
                    args, kwargs = _both(changed)
            else:
                changed = hook(module, args)
                if changed is not None:
                    args = changed if isinstance(changed, tuple) else (changed,)
        backward = None
        if (self._hooks_of("backward") or self._hooks_of("backward_pre")) and is_grad_enabled():
            backward = _Backward(module)
            args = backward.watch_inputs(args)
        try:
            output = module.forward(*args, **kwargs)
        except BaseException:
            for hook, with_kwargs, always in self._hooks_of("forward"):
                if always:
                    hook(module, args, kwargs, None) if with_kwargs else hook(module, args, None)
            raise
        for hook, with_kwargs, _ in self._hooks_of("forward"):
            changed = (
                hook(module, args, kwargs, output) if with_kwargs else hook(module, args, output)
            )
            if changed is not None:
                output = changed
        return output if backward is None else backward.watch_outputs(output)


class _Backward:
    """The hooks of one call in the backward pass: first for the results, then for the inputs."""

    def __init__(self, module: Module) -> None:
        self._module = module
        self._has_inputs = False
        self._grad_output: tuple[Tensor | None, ...] = ()
        self._count_inputs = 0

    def watch_inputs(self, args: tuple[Any, ...]) -> tuple[Any, ...]:
        """Return the arguments, through a place in the graph that is this call's alone."""
        self._count_inputs = len(args)
        watched, self._has_inputs = _watched(args, self._inputs_arrived)
        return watched

    def watch_outputs(self, output: Any) -> Any:
        """Return the results, through a place in the graph that is this call's alone."""
        single = not isinstance(output, tuple)
        watched, _ = _watched((output,) if single else output, self._outputs_arrived)
        return watched[0] if single else watched

    def _outputs_arrived(self, gradients: tuple[Tensor | None, ...]) -> Any:
        for hook in self._module._hooks_of("backward_pre"):
            changed = hook(self._module, gradients)
            if changed is not None:
                gradients = _as_tuple(changed)
        self._grad_output = gradients
        if not self._has_inputs:  # then nothing comes later that could call them
            for hook in self._module._hooks_of("backward"):
                hook(self._module, (None,) * self._count_inputs, gradients)
        return gradients

    def _inputs_arrived(self, gradients: tuple[Tensor | None, ...]) -> Any:
        for hook in self._module._hooks_of("backward"):
            changed = hook(self._module, gradients, self._grad_output)
            if changed is not None:
                gradients = _as_tuple(changed)
        self._grad_output = ()
        return gradients


def _watched(values: tuple[Any, ...], arrived: Hook) -> tuple[tuple[Any, ...], bool]:
    """Return the values, and whether gradients can come; these come to `arrived` all at once.

    Several tensors go through one packed vector and back, so that one hook sees all gradients.
    """
    places = [
        place
        for place, value in enumerate(values)
        if isinstance(value, Tensor) and value.requires_grad
    ]
    if not places:
        return values, False
    tensors = [values[place] for place in places]
    kinds = {(tensor.dtype, tensor.device) for tensor in tensors}
    if len(kinds) > 1:
        raise UnsupportedError(
            "backward hooks need the tensors of a call to be of one dtype and on one device, and "
            f"these are {', '.join(sorted(f'{dtype} on {device}' for dtype, device in kinds))}",
            operation="register_full_backward_hook",
        )
    packed = cat([reshape(tensor, [-1]) for tensor in tensors], 0)
    shapes, count = [tensor.shape for tensor in tensors], len(values)

    def parts(vector: Tensor) -> list[Tensor]:
        found, start = [], 0
        for shape in shapes:
            found.append(reshape(narrow(vector, 0, start, shape.numel()), list(shape)))
            start += shape.numel()
        return found

    def hook(gradient: Tensor) -> Tensor | None:
        gradients: list[Tensor | None] = [None] * count
        for place, part in zip(places, parts(gradient), strict=True):
            gradients[place] = part
        given = tuple(gradients)
        changed = arrived(given)
        if changed is given:
            return None
        if len(changed) != len(given):
            raise RuntimeError(
                f"a backward hook has returned {len(changed)} gradients in place of {len(given)}"
            )
        return cat([reshape(changed[place], [-1]) for place in places], 0)

    packed.register_hook(hook)
    result = list(values)
    for place, part in zip(places, parts(packed), strict=True):
        result[place] = part
    return tuple(result), True


def _both(changed: Any) -> tuple[tuple[Any, ...], dict[str, Any]]:
    if not (isinstance(changed, tuple) and len(changed) == 2):
        raise RuntimeError(
            "a forward pre-hook with_kwargs must return None or a tuple (args, kwargs), "
            f"not {changed!r}"
        )
    return changed


def _as_tuple(gradients: Any) -> tuple[Tensor | None, ...]:
    return gradients if isinstance(gradients, tuple) else (gradients,)
