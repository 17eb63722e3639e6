"""Weight normalization before each call, with the weights ``weight_g`` and ``weight_v``."""

from __future__ import annotations

from typing import Any

from candle_ffi.nn.module import Module
from candle_ffi.nn.parameter import Parameter
from candle_ffi.nn.utils import normalized

__all__ = ["remove_weight_norm", "weight_norm"]


class _WeightNorm:
    """The hook that computes the weight; `weight_norm` registers it."""

    def __init__(self, name: str, dim: int | None) -> None:
        self.name, self.dim = name, dim

    def compute(self, module: Module) -> Any:
        length, direction = (getattr(module, f"{self.name}_{part}") for part in "gv")
        return direction * (length / normalized.norm_except(direction, self.dim))

    def __call__(self, module: Module, args: Any) -> None:
        setattr(module, self.name, self.compute(module))


def weight_norm(module: Module, name: str = "weight", dim: int | None = 0) -> Module:
    """Split a weight into its length ``weight_g`` and its direction ``weight_v``.

    `parametrizations.weight_norm` is the newer form; this one is for the state of models that have
    these names.

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
    `torch.nn.utils.weight_norm`. Source: Salimans and Kingma, "Weight normalization", 2016.

    Examples
    --------
    >>> import candle_ffi as cf
    >>> list(cf.nn.utils.weight_norm(cf.nn.Linear(3, 2)).state_dict())
    ['bias', 'weight_g', 'weight_v']
    """
    if _hook_of(module, name) is not None:
        raise RuntimeError(f"Cannot register two weight_norm hooks on the same parameter {name}")
    weight = module.get_parameter(name)
    hook = _WeightNorm(name, dim)
    delattr(module, name)
    length = normalized.norm_except(weight.detach(), dim)
    module.register_parameter(f"{name}_g", Parameter(length))
    module.register_parameter(f"{name}_v", weight)
    hook(module, ())
    module.register_forward_pre_hook(hook)
    return module


def remove_weight_norm(module: Module, name: str = "weight") -> Module:
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
        `weight_norm` has not been applied to it.

    Notes
    -----
    `torch.nn.utils.remove_weight_norm`
    """
    hook = _hook_of(module, name)
    if hook is None:
        raise ValueError(f"weight_norm of '{name}' not found in {module}")
    weight, direction = hook.compute(module), getattr(module, f"{name}_v")
    for part in ("", "_g", "_v"):
        delattr(module, name + part)
    direction._become(weight.detach())
    module.register_parameter(name, direction)
    module._remove_hook("forward_pre", hook)
    return module


def _hook_of(module: Module, name: str) -> _WeightNorm | None:
    hooks = [hook for hook, _ in module._hooks_of("forward_pre")]
    return next((h for h in hooks if isinstance(h, _WeightNorm) and h.name == name), None)
