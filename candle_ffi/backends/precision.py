"""How exact products of matrices on a GPU are."""

from __future__ import annotations

from candle_ffi import dtype as dtypes
from candle_ffi._lib import check, lib
from candle_ffi.dtype import DType
from candle_ffi.errors import InvalidArgumentError

__all__ = ["Products", "get_float32_matmul_precision", "set_float32_matmul_precision"]


#: The word for TF32 that was used last; both mean the same.
_rounded = "high"
#: Ways in which products of `float16` may be less exact.
_SUMS, _PARTS = 1, 2


def _allowed(dtype: DType, way: int = 1) -> bool:
    return bool(lib.candle_reduced_precision(dtype.code) & way)


def _allow(dtype: DType, allowed: bool, way: int = 1) -> None:
    others = lib.candle_reduced_precision(dtype.code) & ~way
    check(lib.py_set_reduced_precision(dtype.code, others | way if allowed else others))


class Products:
    """The switches of matrix products on CUDA; each is off at first, and that of the process.

    Notes
    -----
    `torch.backends.cuda.matmul`

    Examples
    --------
    >>> import candle_ffi as cf
    >>> cf.backends.cuda.matmul.allow_tf32
    False
    """

    # A name that is misspelt is an error, and not a switch of nothing.
    __slots__ = ()

    @property
    def allow_tf32(self) -> bool:
        """Whether products of `float32` may round their factors to TF32."""
        return _allowed(dtypes.float32)

    @allow_tf32.setter
    def allow_tf32(self, allowed: bool) -> None:
        set_float32_matmul_precision("high" if allowed else "highest")

    @property
    def allow_fp16_accumulation(self) -> bool:
        """Whether products of `float16` may be summed in `float16`."""
        return _allowed(dtypes.float16, _SUMS)

    @allow_fp16_accumulation.setter
    def allow_fp16_accumulation(self, allowed: bool) -> None:
        _allow(dtypes.float16, allowed, _SUMS)

    @property
    def allow_fp16_reduced_precision_reduction(self) -> bool:
        """Whether cuBLAS may add up the parts of a long sum of `float16` in `float16`."""
        return _allowed(dtypes.float16, _PARTS)

    @allow_fp16_reduced_precision_reduction.setter
    def allow_fp16_reduced_precision_reduction(self, allowed: bool) -> None:
        _allow(dtypes.float16, allowed, _PARTS)

    @property
    def allow_bf16_reduced_precision_reduction(self) -> bool:
        """Whether cuBLAS may add up the parts of a long sum of `bfloat16` in `bfloat16`."""
        return _allowed(dtypes.bfloat16)

    @allow_bf16_reduced_precision_reduction.setter
    def allow_bf16_reduced_precision_reduction(self, allowed: bool) -> None:
        _allow(dtypes.bfloat16, allowed)


def get_float32_matmul_precision() -> str:
    """Return how exact products of `float32` are: ``"highest"``; with TF32 what was asked for.

    That is ``"high"``, or ``"medium"`` where it was set by this word.

    Notes
    -----
    `torch.get_float32_matmul_precision`

    Examples
    --------
    >>> import candle_ffi as cf
    >>> cf.get_float32_matmul_precision()
    'highest'
    """
    return _rounded if _allowed(dtypes.float32) else "highest"


def set_float32_matmul_precision(precision: str) -> None:
    """Set how exact products of `float32` on a GPU are.

    Parameters
    ----------
    precision : str
        ``"highest"`` for `float32`; ``"high"`` and ``"medium"`` for TF32 where the GPU has it.

    Raises
    ------
    InvalidArgumentError
        Another word.

    Notes
    -----
    `torch.set_float32_matmul_precision`

    Examples
    --------
    >>> import candle_ffi as cf
    >>> cf.set_float32_matmul_precision("highest")
    """
    if precision not in ("highest", "high", "medium"):
        raise InvalidArgumentError(
            "set_float32_matmul_precision: precision must be 'highest', 'high' or 'medium', "
            f"not {precision!r}",
            operation="set_float32_matmul_precision",
        )
    global _rounded
    _rounded = "medium" if precision == "medium" else "high"
    _allow(dtypes.float32, precision != "highest")
