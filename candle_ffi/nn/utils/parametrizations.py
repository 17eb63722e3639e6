"""Parametrizations that are often used: weight normalization and spectral normalization."""

from __future__ import annotations

from candle_ffi._ops import mul
from candle_ffi.arithmetic import div
from candle_ffi.errors import InvalidArgumentError
from candle_ffi.nn.module import Module
from candle_ffi.nn.utils import normalized
from candle_ffi.nn.utils.parametrize import register_parametrization
from candle_ffi.tensor import Tensor

__all__ = ["spectral_norm", "weight_norm"]


class _WeightNorm(Module):
    def __init__(self, dim: int | None) -> None:
        super().__init__()
        self.dim = dim

    def forward(self, weight_g: Tensor, weight_v: Tensor) -> Tensor:
        return mul(weight_v, div(weight_g, normalized.norm_except(weight_v, self.dim)))

    def right_inverse(self, weight: Tensor) -> tuple[Tensor, Tensor]:
        return normalized.norm_except(weight, self.dim), weight


def weight_norm(module: Module, name: str = "weight", dim: int | None = 0) -> Module:
    """Split a weight into its length ``original0`` and its direction ``original1``.

    Parameters
    ----------
    module : Module
        The module.
    name : str, default "weight"
        The name of the weight.
    dim : int or None, default 0
        The dimension along which lengths are told apart; one length for all with None.

    Returns
    -------
    Module
        The module.

    Notes
    -----
    `torch.nn.utils.parametrizations.weight_norm`. Source: Salimans and Kingma, "Weight
    normalization", 2016.

    Examples
    --------
    >>> import candle_ffi as cf
    >>> layer = cf.nn.utils.parametrizations.weight_norm(cf.nn.Linear(3, 2))
    >>> layer.parametrizations.weight.original0.shape
    (2, 1)
    """
    return register_parametrization(module, name, _WeightNorm(dim), unsafe=True)


class _SpectralNorm(Module):
    def __init__(self, weight: Tensor, n_power_iterations: int, dim: int, eps: float) -> None:
        super().__init__()
        self.dim, self.eps, self.n_power_iterations = dim, eps, n_power_iterations
        if weight.ndim > 1:
            u, v = normalized.start(normalized.as_matrix(weight.detach(), dim), eps)
            self.register_buffer("_u", u)
            self.register_buffer("_v", v)

    def forward(self, weight: Tensor) -> Tensor:
        if weight.ndim == 1:
            return normalized.unit(weight, self.eps)
        matrix = normalized.as_matrix(weight, self.dim)
        if self.training:
            normalized.iterate(matrix, self._u, self._v, self.n_power_iterations, self.eps)
        return div(weight, normalized.largest(matrix, self._u, self._v))

    def right_inverse(self, value: Tensor) -> Tensor:
        return value


def spectral_norm(
    module: Module,
    name: str = "weight",
    n_power_iterations: int = 1,
    eps: float = 1e-12,
    dim: int | None = None,
) -> Module:
    """Divide a weight by its largest singular value, which power iteration follows in training.

    Parameters
    ----------
    module : Module
        The module.
    name : str, default "weight"
        The name of the weight.
    n_power_iterations : int, default 1
        How many iterations each use in training makes.
    eps : float, default 1e-12
        What a norm is at least.
    dim : int, optional
        The dimension of the outputs: 1 for transposed convolutions, else 0.

    Returns
    -------
    Module
        The module.

    Notes
    -----
    `torch.nn.utils.parametrizations.spectral_norm`. Source: Miyato and others, "Spectral
    normalization for generative adversarial networks", 2018.
    """
    weight = getattr(module, name, None)
    if not isinstance(weight, Tensor):
        raise ValueError(
            f"Module '{type(module).__name__}' has no parameter or buffer with name '{name}'"
        )
    check_iterations(n_power_iterations)
    chosen = outputs_dim(module) if dim is None else dim
    made = _SpectralNorm(weight, n_power_iterations, chosen, eps)
    return register_parametrization(module, name, made)


def check_iterations(count: int) -> None:
    """Raise unless there is at least one iteration."""
    if count <= 0:
        raise InvalidArgumentError(
            f"Expected n_power_iterations to be positive, but got n_power_iterations={count}",
            operation="spectral_norm",
        )


def outputs_dim(module: Module) -> int:
    """Return the dimension of a weight that belongs to the outputs."""
    return 1 if type(module).__name__.startswith("ConvTranspose") else 0
