"""Hugging Face Candle with PyTorch's names: tensors, gradients, layers and optimizers.

>>> import candle_ffi as cf
>>> x = cf.tensor([1.0, 2.0, 3.0], requires_grad=True)
>>> (x * x).sum().backward()
>>> x.grad
tensor([2., 4., 6.])
"""

from __future__ import annotations

from candle_ffi import _ops, autograd, cuda, models, nn, optim
from candle_ffi._lib import lib as _lib
from candle_ffi._lib import text as _text

# The generator keeps the list of operations; what has more forms in PyTorch replaces some below.
from candle_ffi._ops import *  # noqa: F403
from candle_ffi.arithmetic import add, div, pow, sub
from candle_ffi.autograd import enable_grad, grad, is_grad_enabled, no_grad, set_grad_enabled
from candle_ffi.compare import allclose, equal, isclose
from candle_ffi.creation import (
    arange,
    as_tensor,
    empty,
    empty_like,
    eye,
    from_numpy,
    full,
    full_like,
    linspace,
    ones,
    ones_like,
    tensor,
    zeros,
    zeros_like,
)
from candle_ffi.device import Device, device, device_count, is_available
from candle_ffi.diagnostics import build_info, live_handles
from candle_ffi.dtype import (
    DType,
    bfloat16,
    bool,
    double,
    float,
    float8_e4m3fn,
    float16,
    float32,
    float64,
    get_default_dtype,
    half,
    int,
    int16,
    int32,
    int64,
    long,
    set_default_dtype,
    short,
    uint8,
    uint32,
)
from candle_ffi.errors import (
    BackendError,
    BusyError,
    CandleError,
    CandleIndexError,
    DeviceError,
    DTypeError,
    FileError,
    FileFormatError,
    GraphError,
    InPlaceError,
    InternalError,
    InvalidArgumentError,
    NoGradientError,
    OutOfMemoryError,
    PanicError,
    ShapeError,
    StateDictError,
    UnsupportedError,
)
from candle_ffi.io import load_file, save_file
from candle_ffi.random import (
    Generator,
    get_rng_state,
    initial_seed,
    manual_seed,
    set_rng_state,
)
from candle_ffi.reduce import (
    all,
    amax,
    amin,
    any,
    argmax,
    argmin,
    logsumexp,
    max,
    mean,
    min,
    prod,
    std,
    sum,
    var,
)
from candle_ffi.sampling import rand, rand_like, randint, randn, randn_like, randperm
from candle_ffi.shape import expand, permute, reshape, split, view
from candle_ffi.tensor import Size, Tensor
from candle_ffi.threads import get_num_threads, set_num_threads

__version__: str = _text(_lib.candle_ffi_version())

__all__ = [
    "BackendError",
    "BusyError",
    "CandleError",
    "CandleIndexError",
    "DType",
    "DTypeError",
    "Device",
    "DeviceError",
    "FileError",
    "FileFormatError",
    "Generator",
    "GraphError",
    "InPlaceError",
    "InternalError",
    "InvalidArgumentError",
    "NoGradientError",
    "OutOfMemoryError",
    "PanicError",
    "ShapeError",
    "Size",
    "StateDictError",
    "Tensor",
    "UnsupportedError",
    "__version__",
    "allclose",
    "as_tensor",
    "autograd",
    "bfloat16",
    "bool",
    "build_info",
    "cuda",
    "device",
    "device_count",
    "double",
    "enable_grad",
    "equal",
    "float",
    "float8_e4m3fn",
    "float16",
    "float32",
    "float64",
    "from_numpy",
    "get_default_dtype",
    "get_num_threads",
    "get_rng_state",
    "grad",
    "half",
    "initial_seed",
    "int",
    "int16",
    "int32",
    "int64",
    "is_available",
    "is_grad_enabled",
    "isclose",
    "live_handles",
    "load_file",
    "long",
    "manual_seed",
    "models",
    "nn",
    "no_grad",
    "optim",
    "save_file",
    "set_default_dtype",
    "set_grad_enabled",
    "set_num_threads",
    "set_rng_state",
    "short",
    "tensor",
    "uint8",
    "uint32",
]
# With the operations, also those whose functions were replaced above.
__all__ += _ops.__all__
