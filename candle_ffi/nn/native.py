"""Layers whose work is done by the native library: a handle, and its weights as parameters."""

from __future__ import annotations

from typing import Any

from candle_ffi import dtype as dtypes
from candle_ffi._handles import wrap
from candle_ffi._lib import check, ffi, lib, take_error
from candle_ffi.device import Device, as_device
from candle_ffi.dtype import DType
from candle_ffi.nn.module import Module
from candle_ffi.nn.parameter import Parameter
from candle_ffi.tensor import Tensor

__all__ = ["NativeModule", "factory"]

_forward = lib.py_module_forward


def factory(dtype: DType | None, device: Device | str | None) -> tuple[int, int, int]:
    """Return how the library is told where and of what dtype weights are made.

    Parameters
    ----------
    dtype : DType or None
        The dtype; the default one when None.
    device : Device, str or None
        The device; the CPU when None.

    Returns
    -------
    tuple of int
        Dtype, kind of device, index of device.
    """
    chosen = dtypes.get_default_dtype() if dtype is None else dtypes.as_dtype(dtype)
    place = as_device(device)
    return chosen.code, place.kind, place.index


class _Handle:
    """The owner of a native module."""

    __slots__ = ("pointer",)

    pointer: Any

    def __init__(self, pointer: Any) -> None:
        if not pointer:
            self.pointer = pointer
            raise take_error()
        self.pointer = pointer

    def __del__(self, free: Any = lib.candle_module_free) -> None:
        free(self.pointer)


class NativeModule(Module):
    """A layer of the native library.

    A subclass names the function that makes it and gives that function's arguments, None for NULL;
    the weights of the new layer become its parameters.
    """

    def __init__(self, new: str, *arguments: Any, names: tuple[str, ...] = ()) -> None:
        super().__init__()
        self._new = new, arguments, names
        self._open()
        for name in names:
            weight = wrap(lib.py_module_get_parameter(self._handle.pointer, name.encode()))
            self._parameters[name] = Parameter._adopt(weight)

    def _open(self) -> None:
        new, arguments, _ = self._new
        made = [ffi.NULL if argument is None else argument for argument in arguments]
        self.__dict__["_handle"] = _Handle(getattr(lib, new)(*made))

    def forward(self, input: Tensor) -> Tensor:
        """Return the layer's result.

        Parameters
        ----------
        input : Tensor
            What the layer takes.

        Returns
        -------
        Tensor
            What it makes of it.
        """
        return wrap(_forward(self._handle.pointer, input._handle))

    def __setattr__(self, name: str, value: Any) -> None:
        if isinstance(value, Parameter) and "_new" in self.__dict__ and name in self._new[2]:
            self._tie(name, value)
        super().__setattr__(name, value)

    def _tie(self, name: str, parameter: Parameter) -> None:
        """Put another tensor in the place of a weight: the layer computes with it from here on."""
        pointer = self._handle.pointer
        check(lib.py_module_set_parameter(pointer, name.encode(), parameter._handle))

    def _set_training(self, mode: bool) -> None:
        super()._set_training(mode)
        check(lib.py_module_set_training(self._handle.pointer, mode))

    # A copy gets a native module of its own, made in the same way, around its own parameters.

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != "_handle"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._open()
        for name, parameter in self._parameters.items():
            if parameter is not None:
                self._tie(name, parameter)
        self._set_training(self.training)
