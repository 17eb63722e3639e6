"""How tensors print: values as NumPy lays them out, then what is not the default."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from candle_ffi import dtype as dtypes

if TYPE_CHECKING:
    from candle_ffi.tensor import Tensor

__all__ = ["tensor_repr"]

PREFIX = "tensor("
# More elements than this are cut to the first and last of each dimension.
THRESHOLD = 1000
EDGE = 3


def tensor_repr(tensor: Tensor) -> str:
    """Return the text of a tensor.

    Parameters
    ----------
    tensor : Tensor
        Any tensor.

    Returns
    -------
    str
        Values, and dtype, device, `requires_grad` or `grad_fn` where they are not the default.
    """
    parts = [_values(tensor)]
    if tensor.numel() == 0 and tensor.ndim != 1:
        parts.append(f"size={tuple(tensor.shape)}")
    if tensor.device.type != "cpu":
        parts.append(f"device='{tensor.device}'")
    if tensor.dtype not in (dtypes.get_default_dtype(), dtypes.int64, dtypes.bool):
        parts.append(f"dtype={tensor.dtype!r}")
    if tensor.grad_fn is not None:
        parts.append(f"grad_fn=<{tensor.grad_fn}>")
    elif tensor.requires_grad:
        parts.append("requires_grad=True")
    return f"{PREFIX}{', '.join(parts)})"


def _values(tensor: Tensor) -> str:
    if tensor.numel() == 0:
        return "[]"
    array = _array(tensor)
    options: dict[str, Any] = {}
    if array.dtype.kind == "f":
        finite = array[np.isfinite(array)]
        whole = bool((finite == np.trunc(finite)).all())
        options = {"precision": 4, "floatmode": "maxprec_equal" if whole else "fixed"}
    return np.array2string(
        array,
        separator=", ",
        prefix=PREFIX,
        suffix=")",
        threshold=THRESHOLD,
        edgeitems=EDGE,
        max_line_width=80,
        **options,
    )


def _array(tensor: Tensor) -> np.ndarray[Any, Any]:
    values = tensor.detach()
    if values.dtype not in dtypes.TO_NUMPY:
        values = values.to(dtypes.float32)
    return values.to_numpy()
