"""CUDA devices, under PyTorch's names.

A device is given by its index, its name or a `cf.device`; without one the current device is meant,
which is the first until `set_device` or `device` chooses another.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import TracebackType
from typing import Any

from candle_ffi import _backend
from candle_ffi import device as devices
from candle_ffi._cuda_graphs import CUDAGraph, graph, is_current_stream_capturing
from candle_ffi._lib import check, ffi, lib, text
from candle_ffi.amp import cuda as amp
from candle_ffi.cuda_random import (
    get_rng_state,
    get_rng_state_all,
    initial_seed,
    manual_seed,
    manual_seed_all,
    set_rng_state,
    set_rng_state_all,
)
from candle_ffi.device import Device
from candle_ffi.errors import OutOfMemoryError
from candle_ffi.streams import Stream, current_stream, default_stream, stream

__all__ = [
    "CUDAGraph",
    "DeviceProperties",
    "OutOfMemoryError",
    "Stream",
    "amp",
    "current_device",
    "current_stream",
    "default_stream",
    "device",
    "device_count",
    "empty_cache",
    "get_device_capability",
    "get_device_name",
    "get_device_properties",
    "get_rng_state",
    "get_rng_state_all",
    "graph",
    "initial_seed",
    "is_available",
    "is_bf16_supported",
    "is_current_stream_capturing",
    "is_initialized",
    "manual_seed",
    "manual_seed_all",
    "max_memory_allocated",
    "max_memory_reserved",
    "mem_get_info",
    "memory_allocated",
    "memory_reserved",
    "memory_stats",
    "memory_summary",
    "reset_peak_memory_stats",
    "set_device",
    "set_rng_state",
    "set_rng_state_all",
    "stream",
    "synchronize",
]

_KIND = devices.KINDS["cuda"]


@dataclass(frozen=True)
class DeviceProperties:
    """What a CUDA device is.

    Attributes
    ----------
    name : str
        Its name, such as ``"NVIDIA A100-SXM4-80GB"``.
    major, minor : int
        Its compute capability: 8 and 0 for 8.0.
    total_memory : int
        The bytes of its memory.
    multi_processor_count : int
        How many multiprocessors it has.
    warp_size : int
        How many of its threads go in step.
    uuid : str
        What tells it from all others, as ``nvidia-smi -L`` prints it.

    Notes
    -----
    What `torch.cuda.get_device_properties` returns.
    """

    name: str
    major: int
    minor: int
    total_memory: int
    multi_processor_count: int
    warp_size: int
    uuid: str


def is_available() -> bool:
    """Return whether there is a CUDA device that this build can use.

    Notes
    -----
    `torch.cuda.is_available`

    Examples
    --------
    >>> import candle_ffi as cf
    >>> cf.cuda.is_available() == (cf.cuda.device_count() > 0)
    True
    """
    return devices.is_available("cuda")


def device_count() -> int:
    """Return how many CUDA devices this build can use; none is opened for it.

    Notes
    -----
    `torch.cuda.device_count`

    Examples
    --------
    >>> import candle_ffi as cf
    >>> cf.cuda.device_count() >= 0
    True
    """
    return devices.device_count("cuda")


def is_initialized() -> bool:
    """Return whether CUDA has been started in this process, which counting devices does already.

    A process that is forked from one where it has been started cannot use CUDA.

    Notes
    -----
    `torch.cuda.is_initialized`

    Examples
    --------
    >>> import candle_ffi as cf
    >>> cf.cuda.is_available() == cf.cuda.is_initialized()
    True
    """
    if _backend.in_use()[0] != "cuda":
        return False
    from candle_ffi import _cuda_library

    return _cuda_library.has_started()


def current_device() -> int:
    """Return the index of the device that ``"cuda"`` means on this thread.

    Raises
    ------
    DeviceError
        There is no CUDA device; the message says why.

    Notes
    -----
    `torch.cuda.current_device`
    """
    return Device("cuda").index


def set_device(device: Device | str | int) -> None:
    """Set which device ``"cuda"`` means on this thread.

    Parameters
    ----------
    device : Device, str or int
        The device; a negative number changes nothing.

    Raises
    ------
    DeviceError
        It is not there; the message says which are, or why there is none.

    Notes
    -----
    `torch.cuda.set_device`. Other threads are not concerned.
    """
    index = _index(device)
    if index >= 0:
        devices.set_current_cuda(Device("cuda", index).index)


class device:  # noqa: N801  # PyTorch's name
    """Choose what ``"cuda"`` means inside a ``with`` block.

    Parameters
    ----------
    device : Device, str, int or None
        The device; None and negative numbers change nothing.

    Notes
    -----
    `torch.cuda.device`

    Examples
    --------
    >>> import candle_ffi as cf
    >>> if cf.cuda.device_count() > 1:
    ...     with cf.cuda.device(1):
    ...         assert cf.zeros(3, device="cuda").get_device() == 1
    """

    __slots__ = ("_before", "_device")

    def __init__(self, device: Device | str | int | None) -> None:
        self._device = device
        self._before = 0

    def __enter__(self) -> device:
        self._before = devices.current_cuda()
        if self._device is not None:
            set_device(self._device)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        devices.set_current_cuda(self._before)


def get_device_properties(device: Device | str | int | None = None) -> DeviceProperties:
    """Return what a device is. It is not opened for it.

    Parameters
    ----------
    device : Device, str or int, optional
        The device.

    Raises
    ------
    DeviceError
        It is not there; the message says which are, or why there is none.

    Notes
    -----
    `torch.cuda.get_device_properties`
    """
    info = ffi.new("CandleDeviceInfo *")
    info.struct_size = ffi.sizeof("CandleDeviceInfo")
    check(lib.py_device_info(_KIND, _index(device), info))
    return DeviceProperties(
        name=text(info.name),
        major=info.compute_capability_major,
        minor=info.compute_capability_minor,
        total_memory=info.total_memory,
        multi_processor_count=info.multiprocessor_count,
        warp_size=info.warp_size,
        uuid=text(info.uuid),
    )


def get_device_name(device: Device | str | int | None = None) -> str:
    """Return the name of a device.

    Parameters
    ----------
    device : Device, str or int, optional
        The device.

    Notes
    -----
    `torch.cuda.get_device_name`
    """
    return get_device_properties(device).name


def get_device_capability(device: Device | str | int | None = None) -> tuple[int, int]:
    """Return the compute capability of a device, such as ``(8, 0)``.

    Parameters
    ----------
    device : Device, str or int, optional
        The device.

    Notes
    -----
    `torch.cuda.get_device_capability`
    """
    properties = get_device_properties(device)
    return properties.major, properties.minor


def is_bf16_supported() -> bool:
    """Return whether the current device computes in bfloat16; False where there is none.

    Notes
    -----
    `torch.cuda.is_bf16_supported`

    Examples
    --------
    >>> import candle_ffi as cf
    >>> cf.cuda.is_available() or not cf.cuda.is_bf16_supported()
    True
    """
    return is_available() and get_device_capability() >= (8, 0)


def synchronize(device: Device | str | int | None = None) -> None:
    """Wait for all that a device has been given to do.

    Parameters
    ----------
    device : Device, str or int, optional
        The device.

    Raises
    ------
    DeviceError
        It is not there; the message says which are, or why there is none.

    Notes
    -----
    `torch.cuda.synchronize`
    """
    check(lib.py_device_synchronize(_KIND, _index(device)))


def mem_get_info(device: Device | str | int | None = None) -> tuple[int, int]:
    """Return how many bytes of a device's memory no program uses, and how many it has.

    Parameters
    ----------
    device : Device, str or int, optional
        The device.

    Raises
    ------
    DeviceError
        It is not there; the message says which are, or why there is none.

    Notes
    -----
    `torch.cuda.mem_get_info`
    """
    memory = _memory(device)
    return memory.free_bytes, memory.total_bytes


def memory_allocated(device: Device | str | int | None = None) -> int:
    """Return how many bytes the tensors on a device hold; 0 where there is no CUDA.

    Parameters
    ----------
    device : Device, str or int, optional
        The device.

    Notes
    -----
    `torch.cuda.memory_allocated`
    """
    return _memory(device).allocated_bytes if is_available() else 0


def max_memory_allocated(device: Device | str | int | None = None) -> int:
    """Return the most bytes that the tensors on a device held; 0 where there is no CUDA.

    Parameters
    ----------
    device : Device, str or int, optional
        The device.

    Notes
    -----
    `torch.cuda.max_memory_allocated`. `reset_peak_memory_stats` lets it begin again.
    """
    return _memory(device).peak_allocated_bytes if is_available() else 0


def memory_reserved(device: Device | str | int | None = None) -> int:
    """Return how many bytes of a device are taken; 0 where there is no CUDA.

    They are what tensors hold, and what is kept for the next ones.

    Parameters
    ----------
    device : Device, str or int, optional
        The device.

    Notes
    -----
    `torch.cuda.memory_reserved`
    """
    return _memory(device).reserved_bytes if is_available() else 0


def max_memory_reserved(device: Device | str | int | None = None) -> int:
    """Return the most bytes of a device that were taken; 0 where there is no CUDA.

    Parameters
    ----------
    device : Device, str or int, optional
        The device.

    Notes
    -----
    `torch.cuda.max_memory_reserved`
    """
    return _memory(device).peak_reserved_bytes if is_available() else 0


def reset_peak_memory_stats(device: Device | str | int | None = None) -> None:
    """Let `max_memory_allocated` and `max_memory_reserved` begin again at what is in use now.

    Parameters
    ----------
    device : Device, str or int, optional
        The device.

    Raises
    ------
    DeviceError
        It is not there; the message says which are, or why there is none.

    Notes
    -----
    `torch.cuda.reset_peak_memory_stats`
    """
    check(lib.py_device_reset_peak_memory(_KIND, _index(device)))


def memory_stats(device: Device | str | int | None = None) -> dict[str, int]:
    """Return what is known of a device's memory, in bytes; nothing where there is no CUDA.

    Parameters
    ----------
    device : Device, str or int, optional
        The device.

    Returns
    -------
    dict of str to int
        ``"allocated_bytes.all.current"`` and ``".peak"``, which tensors hold and have held at most,
        and ``"reserved_bytes.all.current"`` and ``".peak"``, which are taken from the device.

    Notes
    -----
    `torch.cuda.memory_stats`, of whose names there are these four.

    Examples
    --------
    >>> import candle_ffi as cf
    >>> len(cf.cuda.memory_stats()) == (4 if cf.cuda.is_available() else 0)
    True
    """
    if not is_available():
        return {}
    memory = _memory(device)
    return {
        "allocated_bytes.all.current": memory.allocated_bytes,
        "allocated_bytes.all.peak": memory.peak_allocated_bytes,
        "reserved_bytes.all.current": memory.reserved_bytes,
        "reserved_bytes.all.peak": memory.peak_reserved_bytes,
    }


def memory_summary(device: Device | str | int | None = None, abbreviated: bool = False) -> str:
    """Return what is known of a device's memory as a table for people.

    Parameters
    ----------
    device : Device, str or int, optional
        The device.
    abbreviated : bool, default False
        Whether the memory of the device as a whole is left out.

    Raises
    ------
    DeviceError
        It is not there; the message says which are, or why there is none.

    Notes
    -----
    `torch.cuda.memory_summary`
    """
    memory = _memory(device)
    rows = [
        ("tensors hold", memory.allocated_bytes, memory.peak_allocated_bytes),
        ("taken from the device", memory.reserved_bytes, memory.peak_reserved_bytes),
    ]
    lines = [f"{f'cuda:{_index(device)}':<22}{'now':>14}{'at most':>14}"]
    lines += [f"{name:<22}{_mib(now):>14}{_mib(most):>14}" for name, now, most in rows]
    if not abbreviated:
        lines.append(f"{'free on the device':<22}{_mib(memory.free_bytes):>14}")
        lines.append(f"{'all of it':<22}{_mib(memory.total_bytes):>14}")
    return "\n".join(lines)


def _mib(size: int) -> str:
    return f"{size / 2**20:.1f} MiB"


def empty_cache() -> None:
    """Give back to the system what is kept for later tensors: on devices in use, and pinned.

    Other programs can have it then; this one becomes no faster by it. Nothing happens where there
    is no CUDA.

    Notes
    -----
    `torch.cuda.empty_cache`

    Examples
    --------
    >>> import candle_ffi as cf
    >>> cf.cuda.empty_cache()
    """
    # One that is not in use keeps nothing, and would be opened by the question.
    for index in devices.cuda_in_use():
        check(lib.py_device_empty_cache(_KIND, index))


def _memory(device: Device | str | int | None) -> Any:
    memory = ffi.new("CandleDeviceMemory *")
    memory.struct_size = ffi.sizeof("CandleDeviceMemory")
    check(lib.py_device_memory(_KIND, _index(device), memory))
    return memory


def _index(which: Device | str | int | None) -> int:
    """Return the index of a device; whether it is there, whoever takes it says."""
    if which is None:
        return devices.current_cuda()
    if isinstance(which, int) and not isinstance(which, bool):
        return which
    found = Device(which)
    if found.kind != _KIND:
        raise ValueError(f'a CUDA device is needed, such as 0 or "cuda:0", not {which!r}')
    return found.index
