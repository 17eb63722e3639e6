"""Parameters as one vector, and back."""

from __future__ import annotations

from collections.abc import Iterable

from candle_ffi._ops import cat
from candle_ffi.tensor import Tensor

__all__ = ["parameters_to_vector", "vector_to_parameters"]


def parameters_to_vector(parameters: Iterable[Tensor]) -> Tensor:
    """Return parameters end to end.

    Parameters
    ----------
    parameters : iterable of Tensor
        The parameters, on one device.

    Returns
    -------
    Tensor
        The vector; gradients flow back through it.

    Notes
    -----
    `torch.nn.utils.parameters_to_vector`

    Examples
    --------
    >>> import candle_ffi as cf
    >>> cf.nn.utils.parameters_to_vector([cf.ones(2), cf.zeros(1, 1)])
    tensor([1., 1., 0.])
    """
    return cat([parameter.reshape(-1) for parameter in _on_one_device(parameters)])


def vector_to_parameters(vec: Tensor, parameters: Iterable[Tensor]) -> None:
    """Let parameters take their values from a vector.

    Parameters
    ----------
    vec : Tensor
        The vector.
    parameters : iterable of Tensor
        The parameters, on one device.

    Raises
    ------
    TypeError
        `vec` is no tensor.

    Notes
    -----
    `torch.nn.utils.vector_to_parameters`

    Examples
    --------
    >>> import candle_ffi as cf
    >>> x = cf.zeros(2)
    >>> cf.nn.utils.vector_to_parameters(cf.ones(2), [x])
    >>> x
    tensor([1., 1.])
    """
    if not isinstance(vec, Tensor):
        raise TypeError(f"expected a tensor, but got: {type(vec).__name__}")
    start = 0
    for parameter in _on_one_device(parameters):
        end = start + parameter.numel()
        part = vec.detach()[start:end].reshape(parameter.shape)
        # Memory of its own: an optimizer that changes the parameter must not change the vector.
        parameter.data = part.clone()
        start = end


def _on_one_device(parameters: Iterable[Tensor]) -> list[Tensor]:
    found = list(parameters)
    if any(parameter.device != found[0].device for parameter in found):
        raise TypeError(
            "Found two parameters on different devices, this is currently not supported."
        )
    return found
