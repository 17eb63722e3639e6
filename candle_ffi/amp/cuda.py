"""The older names, `cf.cuda.amp`: mixed precision on CUDA."""

from __future__ import annotations

from candle_ffi.amp import autocast_mode, grad_scaler
from candle_ffi.dtype import DType, float16

__all__ = ["GradScaler", "autocast"]


class autocast(autocast_mode.autocast):  # noqa: N801 (PyTorch's name)
    """`cf.autocast("cuda")`.

    Parameters
    ----------
    enabled : bool, default True
        False makes a scope without casts.
    dtype : DType, default float16
        The lower dtype.
    cache_enabled : bool, default True
        Accepted.

    Notes
    -----
    `torch.cuda.amp.autocast`
    """

    def __init__(
        self, enabled: bool = True, dtype: DType = float16, cache_enabled: bool = True
    ) -> None:
        super().__init__("cuda", dtype, enabled, cache_enabled)


class GradScaler(grad_scaler.GradScaler):
    """`cf.amp.GradScaler("cuda")`.

    Parameters
    ----------
    init_scale, growth_factor, backoff_factor : float
        As there.
    growth_interval : int
        As there.
    enabled : bool, default True
        As there.

    Notes
    -----
    `torch.cuda.amp.GradScaler`
    """

    def __init__(
        self,
        init_scale: float = 2.0**16,
        growth_factor: float = 2.0,
        backoff_factor: float = 0.5,
        growth_interval: int = 2000,
        enabled: bool = True,
    ) -> None:
        super().__init__(
            "cuda", init_scale, growth_factor, backoff_factor, growth_interval, enabled
        )
