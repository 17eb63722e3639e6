"""Resampling as a function under PyTorch's signature, where it differs from the operation's."""

from __future__ import annotations

from collections.abc import Sequence

from candle_ffi import _ops
from candle_ffi.errors import InvalidArgumentError
from candle_ffi.tensor import Tensor

__all__ = ["interpolate"]


def interpolate(
    input: Tensor,
    size: int | Sequence[int] | None = None,
    scale_factor: float | Sequence[float] | None = None,
    mode: str = "nearest",
    align_corners: bool | None = None,
    recompute_scale_factor: bool | None = None,
    antialias: bool = False,
) -> Tensor:
    """Return the input with its spatial dimensions resampled to another size.

    Parameters
    ----------
    input : Tensor
        ``[N, C, L]``, ``[N, C, H, W]`` or ``[N, C, D, H, W]``.
    size : int or sequence of int, optional
        The size of the result, or one for each spatial dimension.
    scale_factor : float or sequence of float, optional
        In place of `size`, how many times larger the result is; rounded down.
    mode : {"nearest", "nearest-exact", "linear", "bilinear", "bicubic", "trilinear", "area"}
        How elements are made of their neighbours: ``"linear"`` for one, ``"bilinear"`` and
        ``"bicubic"`` for two, ``"trilinear"`` for three spatial dimensions.
    align_corners : bool, optional
        Whether the centres of the corner elements stay where they are, for the linear and cubic
        modes.
    recompute_scale_factor : bool, optional
        Whether places are computed with the ratio of the sizes in place of `scale_factor`.
    antialias : bool, default False
        Whether ``"bilinear"`` and ``"bicubic"`` average what a smaller result leaves out.

    Returns
    -------
    Tensor
        The resampled input.

    Raises
    ------
    ShapeError
        The mode has no such rank, or a size is 0.
    InvalidArgumentError
        None or both of `size` and `scale_factor` are given, or of another number than the spatial
        dimensions, or the mode has no such option.
    DTypeError
        The input holds integers, but for uint8 with ``"nearest"``.

    Notes
    -----
    `torch.nn.functional.interpolate`

    Examples
    --------
    >>> import candle_ffi as cf
    >>> cf.nn.functional.interpolate(cf.tensor([[[1.0, 2.0]]]), scale_factor=2.0)
    tensor([[[1., 1., 2., 2.]]])
    """
    for name, given in (("size", size), ("scale_factor", scale_factor)):
        if (
            isinstance(given, Sequence)
            and isinstance(input, Tensor)
            and len(given) != input.ndim - 2
        ):
            raise InvalidArgumentError(
                f"interpolate: {name} takes one number, or one for each of the "
                f"{max(input.ndim - 2, 0)} spatial dimensions, and is {tuple(given)}",
                operation="interpolate",
            )
    return _ops.interpolate(
        input, size, scale_factor, mode, align_corners, recompute_scale_factor, antialias
    )
