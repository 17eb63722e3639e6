"""Switches of convolutions on CUDA."""

from __future__ import annotations

from types import ModuleType

from candle_ffi import dtype as dtypes
from candle_ffi._lib import check, lib

__all__ = ["allow_tf32"]

#: Whether convolutions of `float32` may be of TF32. They are products of matrices here, so this is
#: the switch of `cf.backends.cuda.matmul`, and both change together.
allow_tf32: bool


class _Cudnn(ModuleType):
    @property
    def allow_tf32(self) -> bool:
        """Whether convolutions of `float32` may be of TF32."""
        return bool(lib.candle_reduced_precision(dtypes.float32.code))

    @allow_tf32.setter
    def allow_tf32(self, allowed: bool) -> None:
        check(lib.py_set_reduced_precision(dtypes.float32.code, bool(allowed)))


def _install() -> None:
    import sys

    sys.modules[__name__].__class__ = _Cudnn


_install()
