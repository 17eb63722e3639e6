"""Switches of what computes, under PyTorch's names."""

from __future__ import annotations

from candle_ffi.backends import cuda, cudnn

__all__ = ["cuda", "cudnn"]
