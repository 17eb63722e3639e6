"""CUDA graphs: what is given to a device is captured once, and done again by one launch."""

from __future__ import annotations

import gc
from collections.abc import Callable
from types import TracebackType
from typing import Any, NoReturn

from candle_ffi import device as devices
from candle_ffi._lib import check, ffi, lib
from candle_ffi.streams import Stream

__all__ = ["CUDAGraph", "graph", "is_current_stream_capturing"]

_KIND = devices.KINDS["cuda"]


class CUDAGraph:
    """Work of a CUDA device that was captured, to be done again by one launch.

    A graph works on the memory that it was captured with: copy new inputs into the tensors that the
    work was captured on, replay, and read the tensors that the capture made. Their memory stays for
    as long as the graph or they live.

    Notes
    -----
    `torch.cuda.CUDAGraph`. Random numbers are drawn anew by each replay, where the program would
    have drawn them without a graph. Steps of optimizers are not captured: make them after the
    replay. A graph can be neither copied nor pickled.

    Examples
    --------
    >>> import candle_ffi as cf
    >>> if cf.cuda.is_available():
    ...     x = cf.zeros(3, device="cuda")
    ...     g = cf.cuda.CUDAGraph()
    ...     with cf.cuda.graph(g):
    ...         y = x + 1
    ...     _ = x.fill_(4.0)
    ...     g.replay()
    ...     assert y.tolist() == [5.0, 5.0, 5.0]
    """

    __slots__ = ("__weakref__", "_handle", "_pool")

    _handle: Any
    # The graph whose memory this one shares, which it keeps.
    _pool: CUDAGraph | None

    def __init__(self, keep_graph: bool = False) -> None:
        if keep_graph:
            raise NotImplementedError("a graph is not kept beside what is replayed (keep_graph)")
        self._handle = lib.py_graph_new()
        self._pool = None

    def __del__(self, free: Callable[[Any], None] = lib.candle_graph_free) -> None:
        """Free the graph."""
        try:
            handle = self._handle
        except AttributeError:
            return
        free(handle)

    def capture_begin(
        self, pool: CUDAGraph | None = None, capture_error_mode: str = "global"
    ) -> None:
        """Begin to capture what this thread gives the current device to do.

        Parameters
        ----------
        pool : CUDAGraph, optional
            A graph that was captured before, whose memory this one uses where it is free. The two
            must be replayed in the order in which they were captured. `pool` of a graph gives it.
        capture_error_mode : str
            ``"global"``, ``"thread_local"`` or ``"relaxed"``. All are the same here: other threads
            that want to use the device wait until the capture has ended.

        Raises
        ------
        DeviceError
            There is no CUDA device.
        InvalidArgumentError
            A capture is going on, or this graph is in use.
        TypeError
            `pool` is no graph.
        """
        if capture_error_mode not in ("global", "thread_local", "relaxed"):
            raise ValueError(
                'capture_error_mode is "global", "thread_local" or "relaxed", '
                f"not {capture_error_mode!r}"
            )
        if pool is not None and not isinstance(pool, CUDAGraph):
            raise TypeError(
                f"pool is a graph that was captured before, or what its pool() gives, not {pool!r}"
            )
        sharing = ffi.NULL if pool is None else pool._handle
        check(lib.py_graph_begin(self._handle, _KIND, devices.current_cuda(), sharing))
        self._pool = pool

    def capture_end(self) -> None:
        """End the capture.

        Raises
        ------
        BackendError
            The capture has failed; the message says why. The device works on as before.
        InvalidArgumentError
            This graph is not being captured.
        """
        check(lib.py_graph_end(self._handle))

    def replay(self) -> None:
        """Do all that was captured once more; nothing waits for it.

        Raises
        ------
        InvalidArgumentError
            Nothing was captured, or the capture has not ended.
        """
        check(lib.py_graph_replay(self._handle))

    def reset(self) -> None:
        """Make the graph empty, so that it can be captured again; tensors that it made stay."""
        check(lib.py_graph_reset(self._handle))
        self._pool = None

    def pool(self) -> CUDAGraph:
        """Return what `capture_begin` of another graph takes to share this one's memory."""
        return self

    def __copy__(self) -> NoReturn:
        raise TypeError("a CUDA graph cannot be copied")

    def __deepcopy__(self, memo: dict[int, Any]) -> NoReturn:
        raise TypeError("a CUDA graph cannot be copied")

    def __reduce__(self) -> NoReturn:
        raise TypeError("a CUDA graph cannot be pickled")


class graph:  # noqa: N801  # PyTorch's name
    """Capture what a ``with`` block gives the current device to do.

    Before it begins, the device is waited for, and memory that nobody uses is given back.

    Parameters
    ----------
    cuda_graph : CUDAGraph
        The graph.
    pool : CUDAGraph, optional
        A graph to share memory with, see `CUDAGraph.capture_begin`.
    stream : Stream, optional
        The stream of the current device: all that a device does is on one.
    capture_error_mode : str
        See `CUDAGraph.capture_begin`.

    Raises
    ------
    TypeError
        `stream` is no stream.
    ValueError
        It is that of another device.

    Notes
    -----
    `torch.cuda.graph`. Run the work a few times without a graph before it is captured, so that what
    is made once, such as the state of layers, is there.
    """

    __slots__ = ("_graph", "_mode", "_pool", "_stream")

    def __init__(
        self,
        cuda_graph: CUDAGraph,
        pool: CUDAGraph | None = None,
        stream: Stream | None = None,
        capture_error_mode: str = "global",
    ) -> None:
        if stream is not None and not isinstance(stream, Stream):
            raise TypeError(f"stream is a candle_ffi.cuda.Stream, not {stream!r}")
        self._graph, self._pool, self._mode = cuda_graph, pool, capture_error_mode
        self._stream = stream

    def __enter__(self) -> None:
        if self._stream is not None and self._stream.device.index != devices.current_cuda():
            raise ValueError(
                f"stream is that of {self._stream.device}, and the current device, on which a "
                f"graph is captured, is cuda:{devices.current_cuda()}"
            )
        if not is_current_stream_capturing():
            index = devices.current_cuda()
            check(lib.py_device_synchronize(_KIND, index))
            gc.collect()
            check(lib.py_device_empty_cache(_KIND, index))
        self._graph.capture_begin(self._pool, self._mode)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if kind is None:
            self._graph.capture_end()
        else:
            # What was raised in the block says more than what it did to the capture.
            self._graph.reset()


def is_current_stream_capturing() -> bool:
    """Return whether this thread captures a graph on the current device.

    Notes
    -----
    `torch.cuda.is_current_stream_capturing`

    Examples
    --------
    >>> import candle_ffi as cf
    >>> cf.cuda.is_current_stream_capturing()
    False
    """
    return bool(lib.candle_device_is_capturing(_KIND, devices.current_cuda()))
