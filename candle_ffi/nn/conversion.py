"""What all modules of a tree do together: training or evaluation, dtypes, devices, gradients."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, TypeVar

from candle_ffi import dtype as dtypes
from candle_ffi.autograd import no_grad
from candle_ffi.casts import goal
from candle_ffi.device import Device
from candle_ffi.errors import DTypeError
from candle_ffi.nn.parameter import Parameter
from candle_ffi.tensor import Tensor

if TYPE_CHECKING:
    from candle_ffi.nn.module import Module

__all__ = ["Convertible"]

C = TypeVar("C", bound="Convertible")


class Convertible:
    """The part of a module that converts and switches it; `Module` inherits it."""

    training: bool
    _parameters: dict[str, Parameter | None]
    _buffers: dict[str, Tensor | None]

    if TYPE_CHECKING:

        def children(self) -> Iterator[Module]: ...  # noqa: D102
        def modules(self) -> Iterator[Module]: ...  # noqa: D102
        def parameters(self, recurse: bool = True) -> Iterator[Parameter]: ...  # noqa: D102

    def train(self: C, mode: bool = True) -> C:
        """Set the module and all below it to training.

        Parameters
        ----------
        mode : bool, default True
            True for training, False for evaluation.

        Returns
        -------
        Module
            This module.
        """
        if not isinstance(mode, bool):
            raise ValueError(f"train: the mode is True or False, not {mode!r}")
        self.training = mode
        for module in self.children():
            module.train(mode)
        return self

    def eval(self: C) -> C:
        """Set the module and all below it to evaluation, and return it."""
        return self.train(False)

    def requires_grad_(self: C, requires_grad: bool = True) -> C:
        """Set whether the parameters get gradients, and return the module.

        Parameters
        ----------
        requires_grad : bool, default True
            Whether they do.
        """
        for parameter in self.parameters():
            parameter.requires_grad_(requires_grad)
        return self

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients of all parameters.

        Parameters
        ----------
        set_to_none : bool, default True
            False fills them with zeros instead.
        """
        for parameter in self.parameters():
            _forget_gradient(parameter, set_to_none)

    def to(self: C, *args: Any, **kwargs: Any) -> C:
        """Move parameters and buffers to a device or a floating-point dtype, in place.

        Gradients go with their parameters.

        Parameters
        ----------
        *args, **kwargs
            As in `Tensor.to`, without `copy`. Tensors of integers and bools keep their dtype.

        Returns
        -------
        Module
            This module, with the same parameter objects.

        Raises
        ------
        DTypeError
            The dtype is not a floating-point one; nothing is moved.
        DeviceError
            There is no such device; nothing is moved.

        Notes
        -----
        `torch.nn.Module.to`
        """
        dtype, device, non_blocking, copy = goal(args, kwargs)
        if dtype is not None and not dtype.is_floating_point:
            raise DTypeError(
                "Module.to: a module can have floating-point dtypes only, "
                f"but got desired dtype={dtype}",
                operation="Module.to",
                dtypes=[dtype.name],
            )
        if copy:
            raise TypeError("Module.to: a module is moved in place; copy it with copy.deepcopy")

        def move(tensor: Tensor) -> Tensor:
            # A cast there and back would change integers that the dtype does not hold.
            wanted = dtype if tensor.dtype.is_floating_point else None
            return tensor.to(dtype=wanted, device=device, non_blocking=non_blocking)

        with no_grad():
            for module in self.modules():
                module._convert(move)
        return self

    def _convert(self, move: Callable[[Tensor], Tensor]) -> None:
        for parameter in self._parameters.values():
            if parameter is not None:
                # Both before either changes: there may be no room.
                gradient = parameter.grad
                moved = None if gradient is None else move(gradient)
                parameter._become(move(parameter))
                if gradient is not None and moved is not None:
                    gradient._become(moved)
        for buffer in self._buffers.values():
            if buffer is not None:
                buffer._become(move(buffer))

    def float(self: C) -> C:
        """Turn floating-point parameters and buffers into `float32`."""
        return self.to(dtypes.float32)

    def double(self: C) -> C:
        """Turn floating-point parameters and buffers into `float64`."""
        return self.to(dtypes.float64)

    def bfloat16(self: C) -> C:
        """Turn floating-point parameters and buffers into `bfloat16`."""
        return self.to(dtypes.bfloat16)

    def half(self: C) -> C:
        """Turn floating-point parameters and buffers into `float16`."""
        return self.to(dtypes.float16)

    def cpu(self: C) -> C:
        """Move parameters and buffers to the CPU."""
        return self.to("cpu")

    def cuda(self: C, device: Device | str | int | None = None) -> C:
        """Move parameters and buffers to a CUDA device.

        Parameters
        ----------
        device : Device, str or int, optional
            Which one; without it the current one, see `cf.cuda.set_device`.
        """
        return self.to("cuda" if device is None else device)


def _forget_gradient(parameter: Tensor, set_to_none: bool) -> None:
    gradient = None if set_to_none else parameter.grad
    if gradient is None:
        parameter.grad = None
    else:
        gradient.detach().zero_()
