"""Spectral normalization before each call, with the weight ``weight_orig``."""

from __future__ import annotations

from typing import Any

from candle_ffi.nn.module import Module
from candle_ffi.nn.utils import normalized
from candle_ffi.nn.utils.parametrizations import check_iterations, outputs_dim

__all__ = ["remove_spectral_norm", "spectral_norm"]


class _SpectralNorm:
    """The hook that computes the weight; `spectral_norm` registers it."""

    def __init__(self, name: str, n_power_iterations: int, dim: int, eps: float) -> None:
        self.name, self.dim, self.eps = name, dim, eps
        self.n_power_iterations = n_power_iterations

    def compute(self, module: Module, iterate: bool) -> Any:
        weight, u, v = (getattr(module, f"{self.name}_{part}") for part in ("orig", "u", "v"))
        matrix = normalized.as_matrix(weight, self.dim)
        if iterate:
            normalized.iterate(matrix, u, v, self.n_power_iterations, self.eps)
        return weight / normalized.largest(matrix, u, v)

    def __call__(self, module: Module, args: Any) -> None:
        setattr(module, self.name, self.compute(module, module.training))


def spectral_norm(
    module: Module,
    name: str = "weight",
    n_power_iterations: int = 1,
    eps: float = 1e-12,
    dim: int | None = None,
) -> Module:
    """Divide a weight by its largest singular value, which power iteration follows in training.

    `parametrizations.spectral_norm` is the newer form; this one is for the state of models that
    have the names ``weight_orig``, ``weight_u`` and ``weight_v``.

    Parameters
    ----------
    module : Module
        The module.
    name : str, default "weight"
        The name of the weight.
    n_power_iterations : int, default 1
        How many iterations each call in training makes.
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
    `torch.nn.utils.spectral_norm`. Source: Miyato and others, "Spectral normalization for
    generative adversarial networks", 2018.
    """
    if _hook_of(module, name) is not None:
        raise RuntimeError(f"Cannot register two spectral_norm hooks on the same parameter {name}")
    check_iterations(n_power_iterations)
    weight = module.get_parameter(name)
    hook = _SpectralNorm(name, n_power_iterations, outputs_dim(module) if dim is None else dim, eps)
    u, v = normalized.start(normalized.as_matrix(weight.detach(), hook.dim), eps)
    delattr(module, name)
    module.register_parameter(f"{name}_orig", weight)
    module.register_buffer(f"{name}_u", u)
    module.register_buffer(f"{name}_v", v)
    setattr(module, name, weight.detach())
    module.register_forward_pre_hook(hook)
    return module


def remove_spectral_norm(module: Module, name: str = "weight") -> Module:
    """Make a normalized weight an ordinary one again.

    Parameters
    ----------
    module : Module
        The module.
    name : str, default "weight"
        The name of the weight.

    Returns
    -------
    Module
        The module.

    Raises
    ------
    ValueError
        `spectral_norm` has not been applied to it.

    Notes
    -----
    `torch.nn.utils.remove_spectral_norm`
    """
    hook = _hook_of(module, name)
    if hook is None:
        raise ValueError(f"spectral_norm of '{name}' not found in {module}")
    weight, original = hook.compute(module, iterate=False), getattr(module, f"{name}_orig")
    for part in ("", "_orig", "_u", "_v"):
        delattr(module, name + part)
    original._become(weight.detach())
    module.register_parameter(name, original)
    module._remove_hook("forward_pre", hook)
    return module


def _hook_of(module: Module, name: str) -> _SpectralNorm | None:
    hooks = [hook for hook, _ in module._hooks_of("forward_pre")]
    return next((h for h in hooks if isinstance(h, _SpectralNorm) and h.name == name), None)
