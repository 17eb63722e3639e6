"""Dropout as functions under PyTorch's signatures."""

from __future__ import annotations

import warnings

from candle_ffi import _ops
from candle_ffi.nn.functional_activation import applied
from candle_ffi.random import Generator
from candle_ffi.tensor import Tensor

__all__ = [
    "alpha_dropout",
    "dropout",
    "dropout1d",
    "dropout2d",
    "dropout3d",
    "feature_alpha_dropout",
]


def alpha_dropout(
    input: Tensor,
    p: float = 0.5,
    training: bool = False,
    inplace: bool = False,
    generator: Generator | None = None,
) -> Tensor:
    """Return elements set to the limit of `selu` by chance, with mean and variance kept.

    Parameters
    ----------
    input : Tensor
        The input.
    p : float, default 0.5
        The probability.
    training : bool, default False
        Whether anything is done at all.
    inplace : bool, default False
        Whether the input is changed.
    generator : Generator, optional
        The source of random numbers.

    Returns
    -------
    Tensor
        The result.

    Notes
    -----
    `torch.nn.functional.alpha_dropout`
    """
    return applied(input, inplace, lambda x: _ops.alpha_dropout(x, p, training, generator))


def dropout(
    input: Tensor,
    p: float = 0.5,
    training: bool = True,
    inplace: bool = False,
    generator: Generator | None = None,
) -> Tensor:
    """Return elements set to zero by chance, the others scaled by ``1 / (1 - p)``.

    Parameters
    ----------
    input : Tensor
        The input.
    p : float, default 0.5
        The probability.
    training : bool, default True
        Whether anything is done at all.
    inplace : bool, default False
        Whether the input is changed.
    generator : Generator, optional
        The source of random numbers.

    Returns
    -------
    Tensor
        The result.

    Notes
    -----
    `torch.nn.functional.dropout`
    """
    return applied(input, inplace, lambda x: _ops.dropout(x, p, training, generator))


def dropout1d(
    input: Tensor,
    p: float = 0.5,
    training: bool = True,
    inplace: bool = False,
    generator: Generator | None = None,
) -> Tensor:
    """Return channels of ``[n, channels, length]`` set to zero by chance, the others scaled.

    Parameters
    ----------
    input : Tensor
        The input.
    p : float, default 0.5
        The probability.
    training : bool, default True
        Whether anything is done at all.
    inplace : bool, default False
        Whether the input is changed.
    generator : Generator, optional
        The source of random numbers.

    Returns
    -------
    Tensor
        The result.

    Notes
    -----
    `torch.nn.functional.dropout1d`
    """
    return applied(input, inplace, lambda x: _ops.dropout1d(x, p, training, generator))


def dropout2d(
    input: Tensor,
    p: float = 0.5,
    training: bool = True,
    inplace: bool = False,
    generator: Generator | None = None,
) -> Tensor:
    """Return channels of ``[n, channels, height, width]`` set to zero by chance, the others scaled.

    Parameters
    ----------
    input : Tensor
        The input.
    p : float, default 0.5
        The probability.
    training : bool, default True
        Whether anything is done at all.
    inplace : bool, default False
        Whether the input is changed.
    generator : Generator, optional
        The source of random numbers.

    Returns
    -------
    Tensor
        The result.

    Notes
    -----
    `torch.nn.functional.dropout2d`
    """
    if input.dim() == 3:
        warnings.warn(
            "dropout2d: a 3D input is taken as (N, C, L), with one chance for each channel; "
            "this may change: use dropout1d for that",
            stacklevel=2,
        )
    elif input.dim() != 4:
        warnings.warn(
            f"dropout2d: a {input.dim()}-D input is deprecated; use dropout instead", stacklevel=2
        )
    return applied(input, inplace, lambda x: _ops.dropout2d(x, p, training, generator))


def dropout3d(
    input: Tensor,
    p: float = 0.5,
    training: bool = True,
    inplace: bool = False,
    generator: Generator | None = None,
) -> Tensor:
    """Return channels of volumes set to zero by chance, the others scaled.

    Parameters
    ----------
    input : Tensor
        The input.
    p : float, default 0.5
        The probability.
    training : bool, default True
        Whether anything is done at all.
    inplace : bool, default False
        Whether the input is changed.
    generator : Generator, optional
        The source of random numbers.

    Returns
    -------
    Tensor
        The result.

    Notes
    -----
    `torch.nn.functional.dropout3d`
    """
    if input.dim() not in (4, 5):
        warnings.warn(
            f"dropout3d: a {input.dim()}-D input is deprecated; use dropout instead", stacklevel=2
        )
    return applied(input, inplace, lambda x: _ops.dropout3d(x, p, training, generator))


def feature_alpha_dropout(
    input: Tensor,
    p: float = 0.5,
    training: bool = False,
    inplace: bool = False,
    generator: Generator | None = None,
) -> Tensor:
    """Return channels set to the limit of `selu` by chance, with mean and variance kept.

    Parameters
    ----------
    input : Tensor
        The input.
    p : float, default 0.5
        The probability.
    training : bool, default False
        Whether anything is done at all.
    inplace : bool, default False
        Whether the input is changed.
    generator : Generator, optional
        The source of random numbers.

    Returns
    -------
    Tensor
        The result.

    Notes
    -----
    `torch.nn.functional.feature_alpha_dropout`
    """
    return applied(input, inplace, lambda x: _ops.feature_alpha_dropout(x, p, training, generator))
