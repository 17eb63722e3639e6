"""The scale of a loss, which keeps small gradients in half precision from vanishing."""

from __future__ import annotations

import math
import warnings
from typing import Any

from candle_ffi._handles import handles, wrap
from candle_ffi._lib import ffi, lib
from candle_ffi.device import is_available
from candle_ffi.dtype import float16
from candle_ffi.optim.optimizer import Optimizer
from candle_ffi.tensor import Tensor

__all__ = ["GradScaler"]

READY, UNSCALED, STEPPED = "ready", "unscaled", "stepped"


class GradScaler:
    """Scales a loss, and steps only with gradients that are finite.

    Each iteration is ``scaler.scale(loss).backward()``, ``scaler.step(optimizer)``,
    ``scaler.update()``. A step whose gradients hold an infinity or NaN is left out, and makes the
    scale smaller; after many good ones it grows. Gradients are looked at where they are: what has
    been found is asked for once by each step, which is all that waits for a GPU.

    Parameters
    ----------
    device : str, default "cuda"
        The type of device. Without such a device the scaler warns and does nothing.
    init_scale : float, default 65536.0
        The first scale.
    growth_factor : float, default 2.0
        What the scale grows by; above 1.
    backoff_factor : float, default 0.5
        What it shrinks by; below 1.
    growth_interval : int, default 2000
        After how many good steps in a row it grows.
    enabled : bool, default True
        False makes `scale` and `unscale_` do nothing, and `step` a plain step.

    Raises
    ------
    ValueError
        A factor on the wrong side of 1.

    Notes
    -----
    `torch.amp.GradScaler`. The scale is a number of the host, so that `update` and `get_scale` wait
    for nothing.

    Examples
    --------
    >>> import candle_ffi as cf
    >>> model = cf.nn.Linear(2, 1)
    >>> optimizer = cf.optim.SGD(model.parameters(), lr=0.1)
    >>> scaler = cf.amp.GradScaler("cpu", init_scale=1024.0)
    >>> with cf.autocast("cpu", dtype=cf.float16):
    ...     loss = model(cf.ones(3, 2)).float().square().mean()
    >>> scaler.scale(loss).backward()
    >>> scaler.step(optimizer)
    >>> scaler.update()
    >>> scaler.get_scale()
    1024.0
    """

    def __init__(
        self,
        device: str = "cuda",
        init_scale: float = 2.0**16,
        growth_factor: float = 2.0,
        backoff_factor: float = 0.5,
        growth_interval: int = 2000,
        enabled: bool = True,
    ) -> None:
        if enabled and not is_available(device.partition(":")[0]):
            warnings.warn(
                f"GradScaler: there is no device {device}, so nothing is scaled", stacklevel=2
            )
            enabled = False
        if enabled and growth_factor <= 1.0:
            raise ValueError(f"GradScaler: growth_factor must be above 1, and is {growth_factor}")
        if enabled and backoff_factor >= 1.0:
            raise ValueError(f"GradScaler: backoff_factor must be below 1, and is {backoff_factor}")
        self._enabled = enabled
        self._scale = float(init_scale)
        self._growth_factor = growth_factor
        self._backoff_factor = backoff_factor
        self._growth_interval = growth_interval
        self._growth_tracker = 0
        # Of each optimizer since the last update: where it stands, and what its gradients held.
        self._stages: dict[int, str] = {}
        self._found: dict[int, Tensor | float] = {}

    def scale(self, outputs: Any) -> Any:
        """Return outputs multiplied by the scale.

        Parameters
        ----------
        outputs : Tensor, or list or tuple of them
            A loss, or several.

        Raises
        ------
        ValueError
            Something else.
        """
        if not self._enabled:
            return outputs
        if isinstance(outputs, Tensor):
            return outputs * self._scale
        if isinstance(outputs, (list, tuple)):
            return type(outputs)([self.scale(output) for output in outputs])
        raise ValueError("GradScaler.scale: outputs must be a tensor or a list or tuple of tensors")

    def unscale_(self, optimizer: Optimizer) -> None:
        """Divide the gradients of an optimizer's parameters by the scale, as for clipping.

        Parameters
        ----------
        optimizer : Optimizer
            The optimizer; once between two updates.

        Raises
        ------
        RuntimeError
            The gradients are unscaled already, or the step has been made.
        ValueError
            Gradients are in `float16`; all are as they were.
        """
        if not self._enabled:
            return
        stage = self._stages.get(id(optimizer), READY)
        if stage is UNSCALED:
            raise RuntimeError(
                "unscale_() has already been called on this optimizer since the last update()."
            )
        if stage is STEPPED:
            raise RuntimeError("unscale_() is being called after step().")
        params = []
        # All are looked at before the first is divided.
        for param in (param for group in optimizer.param_groups for param in group["params"]):
            gradient = param.grad
            if gradient is None:
                continue
            if gradient.dtype is float16:
                raise ValueError(
                    "Attempting to unscale FP16 gradients: float16 does not hold them without "
                    "their scale; keep the parameters in float32"
                )
            params.append(param)
        if params:
            pointers = ffi.new("CandleTensor *[]", handles(params))
            found = wrap(lib.py_unscale_grads(pointers, len(params), 1.0 / self._scale))
            self._found[id(optimizer)] = found
        self._stages[id(optimizer)] = UNSCALED

    def step(self, optimizer: Optimizer, *args: Any, **kwargs: Any) -> Any:
        """Make the step of an optimizer unless its gradients hold an infinity or NaN.

        Parameters
        ----------
        optimizer : Optimizer
            The optimizer; its gradients are unscaled first where `unscale_` has not done it.
        *args, **kwargs
            Passed on to its `step`.

        Returns
        -------
        object
            What its `step` returns; None where it is left out.

        Raises
        ------
        RuntimeError
            There is a closure, or the step has been made since the last `update`.
        AssertionError
            No parameter has a gradient.
        """
        if not self._enabled:
            return optimizer.step(*args, **kwargs)
        if args or "closure" in kwargs:
            raise RuntimeError("Closure use is not currently supported if GradScaler is enabled.")
        stage = self._stages.get(id(optimizer), READY)
        if stage is STEPPED:
            raise RuntimeError("step() has already been called since the last update().")
        if stage is READY:
            self.unscale_(optimizer)
        assert id(optimizer) in self._found, "No inf checks were recorded for this optimizer."
        result = optimizer.step(**kwargs) if self._finite(id(optimizer)) else None
        # Only now: a step that has raised can be made again.
        self._stages[id(optimizer)] = STEPPED
        return result

    def _finite(self, key: int) -> bool:
        """Return whether gradients are finite, which waits for their device once."""
        found = self._found[key]
        if isinstance(found, Tensor):
            found = self._found[key] = float(found.item())
        return math.isfinite(found)

    def update(self, new_scale: float | Tensor | None = None) -> None:
        """End an iteration: make the scale smaller, or larger, or what is given.

        Parameters
        ----------
        new_scale : float or Tensor, optional
            The new scale.

        Raises
        ------
        AssertionError
            No gradients have been looked at since the last `update`.
        """
        if not self._enabled:
            return
        if new_scale is not None:
            self._scale = float(new_scale)
        else:
            assert self._found, "No inf checks were recorded prior to update."
            if all(self._finite(key) for key in self._found):
                self._growth_tracker += 1
                if self._growth_tracker == self._growth_interval:
                    grown = self._scale * self._growth_factor
                    # What float32 does not hold would make every step fail.
                    self._scale = grown if grown <= 3.4028234663852886e38 else self._scale
                    self._growth_tracker = 0
            else:
                self._scale *= self._backoff_factor
                self._growth_tracker = 0
        self._stages.clear()
        self._found.clear()

    def get_scale(self) -> float:
        """Return the scale; 1 where the scaler is not enabled."""
        return self._scale if self._enabled else 1.0

    def get_growth_factor(self) -> float:
        """Return what the scale grows by."""
        return self._growth_factor

    def set_growth_factor(self, new_factor: float) -> None:
        """Set what the scale grows by."""
        self._growth_factor = new_factor

    def get_backoff_factor(self) -> float:
        """Return what the scale shrinks by."""
        return self._backoff_factor

    def set_backoff_factor(self, new_factor: float) -> None:
        """Set what the scale shrinks by."""
        self._backoff_factor = new_factor

    def get_growth_interval(self) -> int:
        """Return after how many good steps in a row the scale grows."""
        return self._growth_interval

    def set_growth_interval(self, new_interval: int) -> None:
        """Set after how many good steps in a row the scale grows."""
        self._growth_interval = new_interval

    def is_enabled(self) -> bool:
        """Return whether the scaler does anything."""
        return self._enabled

    def state_dict(self) -> dict[str, Any]:
        """Return the state, of numbers; empty where the scaler is not enabled."""
        if not self._enabled:
            return {}
        return {
            "scale": self._scale,
            "growth_factor": self._growth_factor,
            "backoff_factor": self._backoff_factor,
            "growth_interval": self._growth_interval,
            "_growth_tracker": self._growth_tracker,
        }

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over a state.

        Parameters
        ----------
        state_dict : dict
            What `state_dict` has returned.

        Raises
        ------
        RuntimeError
            It is empty: that of a scaler that was not enabled.
        """
        if not self._enabled:
            return
        if not state_dict:
            raise RuntimeError(
                "The source state dict is empty, possibly because it was saved from a disabled "
                "instance of GradScaler."
            )
        self._scale = float(state_dict["scale"])
        self._growth_factor = state_dict["growth_factor"]
        self._backoff_factor = state_dict["backoff_factor"]
        self._growth_interval = state_dict["growth_interval"]
        self._growth_tracker = state_dict["_growth_tracker"]
