"""The state of a module: its parameters and buffers by name, to be kept and brought back."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple, TypeVar

import numpy as np

from candle_ffi.autograd import no_grad
from candle_ffi.errors import StateDictError
from candle_ffi.hooks import RemovableHandle
from candle_ffi.interop import from_array
from candle_ffi.io import load_state, save_state
from candle_ffi.nn.hooks import Hooked
from candle_ffi.nn.parameter import Parameter
from candle_ffi.tensor import Tensor

__all__ = ["Misfits", "Stateful"]

S = TypeVar("S", bound="Stateful")


class Misfits(NamedTuple):
    """Names that a state and a module do not share."""

    missing_keys: list[str]
    unexpected_keys: list[str]


class Stateful(Hooked):
    """The part of a module that keeps its state and brings it back; `Module` inherits it."""

    _parameters: dict[str, Parameter | None]
    _buffers: dict[str, Tensor | None]
    _modules: dict[str, Any]
    _transient: set[str]

    def state_dict(
        self,
        *,
        destination: dict[str, Tensor] | None = None,
        prefix: str = "",
        keep_vars: bool = False,
    ) -> dict[str, Tensor]:
        """Return parameters and persistent buffers by their dotted names.

        Parameters
        ----------
        destination : dict, optional
            The dictionary that they are added to; a new one when not given.
        prefix : str, default ""
            What the names start with.
        keep_vars : bool, default False
            Whether the dictionary has the parameters themselves.

        Returns
        -------
        dict of str to Tensor
            The tensors share the module's memory and track no gradients.
        """
        state = {} if destination is None else destination
        for hook in self._hooks_of("state_dict_pre"):
            hook(self, prefix, keep_vars)
        for name, tensor in self._own_state():
            state[prefix + name] = tensor if keep_vars else tensor.detach()
        for name, module in self._modules.items():
            if module is not None:
                module.state_dict(destination=state, prefix=f"{prefix}{name}.", keep_vars=keep_vars)
        for hook in self._hooks_of("state_dict"):
            hook(self, state, prefix, {})
        return state

    def _own_state(self) -> Iterator[tuple[str, Tensor]]:
        for name, parameter in self._parameters.items():
            if parameter is not None:
                yield name, parameter
        for name, buffer in self._buffers.items():
            if buffer is not None and name not in self._transient:
                yield name, buffer

    def _places(self, prefix: str = "") -> Iterator[tuple[str, Stateful]]:
        """Iterate over this module and all below it, with what the names of their state begin with.

        A module that is there twice comes twice, as in `state_dict`.
        """
        yield prefix, self
        for name, module in self._modules.items():
            if module is not None:
                yield from module._places(f"{prefix}{name}.")

    def load_state_dict(
        self, state_dict: Mapping[str, Any], strict: bool = True, assign: bool = False
    ) -> Misfits:
        """Copy tensors into the parameters and buffers of the same names.

        Nothing is changed when anything does not fit.

        Parameters
        ----------
        state_dict : mapping of str to Tensor
            The tensors by their dotted names. NumPy arrays do as well, and whatever becomes one
            by `__array__`, such as the tensors of PyTorch.
        strict : bool, default True
            Whether every name must be there, and no other. Shapes must fit in any case.
        assign : bool, default False
            Whether the tensors take the place of the parameters' values, with their dtype and
            device, instead of being copied into them.

        Returns
        -------
        Misfits
            The names that one side has and the other has not.

        Raises
        ------
        StateDictError
            Names or shapes do not fit; the message lists all of them.
        """
        if not isinstance(state_dict, Mapping):
            raise TypeError(
                f"load_state_dict: expected a mapping of names to tensors, "
                f"not {type(state_dict).__name__}"
            )
        given: dict[str, Any] = dict(state_dict)
        missing: list[str] = []
        unexpected: list[str] = []
        problems: list[str] = []
        for prefix, module in self._places():
            for hook in module._hooks_of("load_state_dict_pre"):
                hook(module, given, prefix, {}, strict, missing, unexpected, problems)
        own = {
            prefix + name: (module, name, tensor)
            for prefix, module in self._places()
            for name, tensor in module._own_state()
        }
        missing += [name for name in own if name not in given and name not in missing]
        unexpected += [name for name in given if name not in own and name not in unexpected]
        shared = {name: _as_tensor(name, given[name]) for name in own if name in given}
        for name, tensor in shared.items():
            expected = own[name][2].shape
            if tensor.shape != expected:
                problems.append(
                    f"size mismatch for {name}: copying a param with shape {tuple(tensor.shape)} "
                    f"from checkpoint, the shape in current model is {tuple(expected)}."
                )
        misfits = Misfits(missing, unexpected)
        for _, module in self._places():
            for hook in module._hooks_of("load_state_dict"):
                hook(module, misfits)
        if strict and missing:
            problems.insert(0, f"Missing key(s) in state_dict: {_quoted(missing)}.")
        if strict and unexpected:
            problems.insert(0, f"Unexpected key(s) in state_dict: {_quoted(unexpected)}.")
        if problems:
            lines = "\n\t".join(problems)
            raise StateDictError(
                f"Error(s) in loading state_dict for {type(self).__name__}:\n\t{lines}",
                operation="load_state_dict",
            )
        with no_grad():
            for name, tensor in shared.items():
                target = own[name][2]
                if assign:
                    target._become(tensor.detach())
                else:
                    target.copy_(tensor)
        return misfits

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write `state_dict` as a safetensors file, or as one of NumPy's where it ends in ``.npz``.

        Parameters
        ----------
        path : str or path
            The file; it is replaced in one step, so a reader sees the old one or the new one.
        """
        save_state(self.state_dict(), path)

    def load(self: S, path: str | os.PathLike[str], strict: bool = True) -> S:
        """Read a file of weights into the parameters and buffers.

        Parameters
        ----------
        path : str or path
            The file: safetensors, NumPy's ``.npz``, PyTorch's ``.pt``, ``.pth`` or ``.bin`` with a
            state dict, or a checkpoint that holds a ``model``.
        strict : bool, default True
            As in `load_state_dict`.

        Returns
        -------
        Module
            This module.
        """
        self.load_state_dict(load_state(path), strict)
        return self

    def register_state_dict_pre_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Have a function called before the state is collected.

        Parameters
        ----------
        hook : callable
            ``hook(module, prefix, keep_vars)``.

        Returns
        -------
        RemovableHandle
            What removes it.
        """
        return self._register("state_dict_pre", hook)

    def register_state_dict_post_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Have a function called with the state, which it may change in place.

        Parameters
        ----------
        hook : callable
            ``hook(module, state_dict, prefix, local_metadata)``.

        Returns
        -------
        RemovableHandle
            What removes it.
        """
        return self._register("state_dict", hook)

    def register_load_state_dict_pre_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Have a function called before a state is loaded; it may change the state in place.

        Parameters
        ----------
        hook : callable
            ``hook(module, state_dict, prefix, local_metadata, strict, missing_keys,
            unexpected_keys, error_msgs)``.

        Returns
        -------
        RemovableHandle
            What removes it.
        """
        return self._register("load_state_dict_pre", hook)

    def register_load_state_dict_post_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Have a function called with the names that do not fit, which it may change in place.

        Parameters
        ----------
        hook : callable
            ``hook(module, incompatible_keys)``, with the lists of `Misfits`.

        Returns
        -------
        RemovableHandle
            What removes it.
        """
        return self._register("load_state_dict", hook)


def _as_tensor(name: str, value: Any) -> Tensor:
    if isinstance(value, Tensor):
        return value
    if isinstance(value, np.ndarray) or hasattr(value, "__array__"):
        return from_array(np.asarray(value))
    raise TypeError(f"load_state_dict: {name} must be a tensor, not {type(value).__name__}")


def _quoted(names: list[str]) -> str:
    return ", ".join(f'"{name}"' for name in names)
