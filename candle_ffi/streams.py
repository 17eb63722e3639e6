"""The stream of a CUDA device, by which libraries for CUDA order their work after ours."""

from __future__ import annotations

from types import TracebackType

from candle_ffi import _dlpack
from candle_ffi import device as devices
from candle_ffi._lib import check, lib
from candle_ffi.device import Device

__all__ = ["Stream", "current_stream", "default_stream", "stream"]


class Stream:
    """The stream on which a device computes what this package asks it to; each device has one.

    What is asked for is done in its order, in all ``with cf.cuda.stream(...)`` blocks as well:
    programs that are written for several streams give the same results, one thing after another.

    Parameters
    ----------
    device : Device, str or int, optional
        The device; the current one when not given.

    Attributes
    ----------
    device : Device
        The device.
    cuda_stream : int
        The number by which CUDA and other libraries know the stream.

    Raises
    ------
    DeviceError
        The device is not there; the message says which are, or why there is none.
    ValueError
        It is no CUDA device.

    Notes
    -----
    `torch.cuda.Stream`, without its priorities.
    """

    __slots__ = ("cuda_stream", "device")

    device: Device
    cuda_stream: int

    def __init__(self, device: Device | str | int | None = None) -> None:
        found = Device("cuda" if device is None else device)
        if found.type != "cuda":
            raise ValueError(f'a CUDA device is needed, such as 0 or "cuda:0", not {device!r}')
        self.device = found
        self.cuda_stream = _dlpack.stream_of(found)

    def synchronize(self) -> None:
        """Wait for all that the stream has been given to do."""
        check(lib.py_device_synchronize(self.device.kind, self.device.index))

    def wait_stream(self, stream: Stream) -> None:
        """Let what comes after this in the stream begin after what another was given until now.

        Parameters
        ----------
        stream : Stream
            The other one. What one device has been given comes in order without being asked;
            another device is waited for by the host.
        """
        if stream != self:
            stream.synchronize()

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Stream):
            return self.device == other.device and self.cuda_stream == other.cuda_stream
        return NotImplemented

    def __hash__(self) -> int:
        return hash((self.device, self.cuda_stream))

    def __repr__(self) -> str:
        return f"<candle_ffi.cuda.Stream device={self.device} cuda_stream={self.cuda_stream:#x}>"


def current_stream(device: Device | str | int | None = None) -> Stream:
    """Return the stream of a device.

    Parameters
    ----------
    device : Device, str or int, optional
        The device; the current one when not given.

    Notes
    -----
    `torch.cuda.current_stream`
    """
    return Stream(device)


def default_stream(device: Device | str | int | None = None) -> Stream:
    """Return the stream of a device, which is the one that `current_stream` returns as well.

    Parameters
    ----------
    device : Device, str or int, optional
        The device; the current one when not given.

    Notes
    -----
    `torch.cuda.default_stream`. It is not CUDA's stream 0, as PyTorch's is.
    """
    return Stream(device)


class stream:  # noqa: N801  # PyTorch's name
    """Make the device of a stream the current one inside a ``with`` block.

    Parameters
    ----------
    stream : Stream or None
        The stream; None changes nothing.

    Notes
    -----
    `torch.cuda.stream`
    """

    __slots__ = ("_before", "_stream")

    def __init__(self, stream: Stream | None) -> None:
        self._stream = stream
        self._before = 0

    def __enter__(self) -> None:
        self._before = devices.current_cuda()
        if self._stream is not None:
            devices.set_current_cuda(self._stream.device.index)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        devices.set_current_cuda(self._before)
