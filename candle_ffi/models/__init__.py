"""Models that others have trained."""

from __future__ import annotations

import os

from candle_ffi.errors import StateDictError
from candle_ffi.io import load_file
from candle_ffi.models.imagenet import IMAGENET_CATEGORIES
from candle_ffi.models.mobilenet import MobileNetV2, mobilenet_v2
from candle_ffi.nn.module import Module
from candle_ffi.nn.simple import SimpleNN

__all__ = ["IMAGENET_CATEGORIES", "MobileNetV2", "load_pretrained_model", "mobilenet_v2"]


def load_pretrained_model(path: str | os.PathLike[str]) -> Module:
    """Build the model whose weights a safetensors file holds, and load them.

    The architecture is read from the names and shapes of the weights; today that of `nn.SimpleNN`
    is known. The dtype is that of the file. For one's own architecture, make the module and call
    ``module.load(path)``.

    Parameters
    ----------
    path : str or path
        The file.

    Returns
    -------
    Module
        The model, set to evaluation.

    Raises
    ------
    FileError
        The file cannot be read.
    FileFormatError
        The file is no safetensors file.
    StateDictError
        The weights are of no known architecture.

    Examples
    --------
    >>> import candle_ffi as cf, tempfile, pathlib
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "model.safetensors"
    >>> cf.nn.SimpleNN(4, 8, 2).save(path)
    >>> cf.models.load_pretrained_model(path)
    SimpleNN(
      (fc1): Linear(in_features=4, out_features=8, bias=True)
      (fc2): Linear(in_features=8, out_features=2, bias=True)
    )
    """
    weights = load_file(path)
    ranks = {name: tensor.ndim for name, tensor in weights.items()}
    if ranks != {"fc1.weight": 2, "fc1.bias": 1, "fc2.weight": 2, "fc2.bias": 1}:
        found = [f"{name} {list(tensor.shape)}" for name, tensor in sorted(weights.items())]
        listed = ", ".join(found[:8]) + (", …" if len(found) > 8 else "")
        raise StateDictError(
            f"{os.fspath(path)} holds the weights of no known architecture ({listed or 'none'}); "
            "make the module yourself and call module.load(path)",
            operation="load_pretrained_model",
        )
    hidden_size, in_features = weights["fc1.weight"].shape
    out_features = weights["fc2.weight"].shape[0]
    model = SimpleNN(in_features, hidden_size, out_features)
    for name, parameter in model.named_parameters():
        parameter.data = parameter.detach().to(weights[name].dtype)
    model.load_state_dict(weights)
    return model.eval()
