"""Upsampling: spatial dimensions resampled to another size."""

from __future__ import annotations

from collections.abc import Sequence

from candle_ffi.nn import functional as F  # noqa: N812
from candle_ffi.nn.module import Module
from candle_ffi.tensor import Tensor

__all__ = ["Upsample", "UpsamplingBilinear2d", "UpsamplingNearest2d"]


class Upsample(Module):
    """Spatial dimensions resampled to a size, or by a factor.

    The input is ``[N, C, L]``, ``[N, C, H, W]`` or ``[N, C, D, H, W]``.

    Parameters
    ----------
    size : int or tuple of int, optional
        The size.
    scale_factor : float or tuple of float, optional
        The factor, where no size is given.
    mode : {"nearest", "nearest-exact", "linear", "bilinear", "bicubic", "trilinear", "area"}
        How elements are made of their neighbours.
    align_corners : bool, optional
        Whether the centres of the corner elements stay where they are.
    recompute_scale_factor : bool, optional
        Whether places are computed with the factor of the sizes instead of the given one.

    Raises
    ------
    ShapeError
        The input has a rank that the mode does not have.
    InvalidArgumentError
        There is neither size nor factor, or both, or an option that the mode does not have.

    Notes
    -----
    `torch.nn.Upsample`

    Examples
    --------
    >>> import candle_ffi as cf
    >>> cf.nn.Upsample(scale_factor=2, mode="bilinear")(cf.zeros(1, 3, 4, 5)).shape
    (1, 3, 8, 10)
    """

    def __init__(
        self,
        size: int | Sequence[int] | None = None,
        scale_factor: float | Sequence[float] | None = None,
        mode: str = "nearest",
        align_corners: bool | None = None,
        recompute_scale_factor: bool | None = None,
    ) -> None:
        super().__init__()
        self.size = size
        self.scale_factor: float | tuple[float, ...] | None
        if isinstance(scale_factor, Sequence):
            self.scale_factor = tuple(float(factor) for factor in scale_factor)
        else:
            self.scale_factor = float(scale_factor) if scale_factor else None
        self.mode = mode
        self.align_corners = align_corners
        self.recompute_scale_factor = recompute_scale_factor

    def forward(self, input: Tensor) -> Tensor:
        """Return the resampled tensor."""
        return F.interpolate(
            input,
            self.size,
            self.scale_factor,
            self.mode,
            self.align_corners,
            self.recompute_scale_factor,
        )

    def extra_repr(self) -> str:
        """Return the options."""
        if self.scale_factor is not None:
            return f"scale_factor={self.scale_factor!r}, mode={self.mode!r}"
        return f"size={self.size!r}, mode={self.mode!r}"


class UpsamplingNearest2d(Upsample):
    """Two dimensions resampled by the nearest element.

    Parameters
    ----------
    size : int or tuple of int, optional
        The size.
    scale_factor : float or tuple of float, optional
        The factor, where no size is given.

    Notes
    -----
    `torch.nn.UpsamplingNearest2d`

    Examples
    --------
    >>> import candle_ffi as cf
    >>> cf.nn.UpsamplingNearest2d(scale_factor=2)(cf.tensor([[[[1.0, 2.0]]]]))
    tensor([[[[1., 1., 2., 2.],
              [1., 1., 2., 2.]]]])
    """

    def __init__(
        self,
        size: int | Sequence[int] | None = None,
        scale_factor: float | Sequence[float] | None = None,
    ) -> None:
        super().__init__(size, scale_factor, mode="nearest")


class UpsamplingBilinear2d(Upsample):
    """Two dimensions resampled linearly; the corners stay where they are.

    Parameters
    ----------
    size : int or tuple of int, optional
        The size.
    scale_factor : float or tuple of float, optional
        The factor, where no size is given.

    Notes
    -----
    `torch.nn.UpsamplingBilinear2d`

    Examples
    --------
    >>> import candle_ffi as cf
    >>> cf.nn.UpsamplingBilinear2d(size=(1, 3))(cf.tensor([[[[1.0, 2.0]]]]))
    tensor([[[[1.0000, 1.5000, 2.0000]]]])
    """

    def __init__(
        self,
        size: int | Sequence[int] | None = None,
        scale_factor: float | Sequence[float] | None = None,
    ) -> None:
        super().__init__(size, scale_factor, mode="bilinear", align_corners=True)
