"""Switches of CUDA."""

from __future__ import annotations

from candle_ffi.backends.precision import Products

__all__ = ["matmul"]

#: How exact matrix products are: `cf.backends.cuda.matmul.allow_tf32 = True`.
matmul = Products()
