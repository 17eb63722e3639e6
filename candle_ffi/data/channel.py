"""Objects between processes: small ones through a socket, arrays through shared memory.

The memory has no name: it is a file without one whose descriptor goes through the socket, so the
system takes it back when the last process that knows it is gone, however that ends.
"""

from __future__ import annotations

import mmap
import os
import pickle
import socket
import struct
import tempfile
from collections.abc import Sequence
from itertools import accumulate
from typing import Any

__all__ = ["Channel", "channel_pair"]

# How many parts, how many bytes they take, whether these are in shared memory.
HEADER = struct.Struct("<IQ?")
INLINE_BYTES = 4096
ALIGNMENT = 64
_CLOSE_ON_EXEC = getattr(socket, "MSG_CMSG_CLOEXEC", 0)


class Channel:
    """One end of a connection between two processes.

    Parameters
    ----------
    end : socket
        Of a pair of connected Unix sockets.
    """

    def __init__(self, end: socket.socket) -> None:
        self._end = end

    def fileno(self) -> int:
        """Return the descriptor, for those who wait for several channels."""
        return self._end.fileno()

    def send(self, message: Any) -> None:
        """Send an object; nothing is sent if it cannot be pickled.

        Raises
        ------
        OSError
            The other end is closed, or memory ran out.
        """
        buffers: list[pickle.PickleBuffer] = []
        pickled = pickle.dumps(message, protocol=5, buffer_callback=buffers.append)
        parts = [memoryview(pickled), *(buffer.raw() for buffer in buffers)]
        sizes = [part.nbytes for part in parts]
        offsets, total = _places(sizes)
        start = HEADER.pack(len(parts), total, total > INLINE_BYTES)
        table = struct.pack(f"<{len(sizes)}Q", *sizes)
        if total > INLINE_BYTES:
            memory = _memory_file()
            try:
                for offset, part in zip(offsets, parts, strict=True):
                    _write(memory, part, offset)
                os.truncate(memory, total)
                sent = socket.send_fds(self._end, [start], [memory])
            finally:
                os.close(memory)
            self._end.sendall(start[sent:] + table)
        else:
            body = bytearray(total)
            for offset, part in zip(offsets, parts, strict=True):
                body[offset : offset + part.nbytes] = part
            self._end.sendall(start + table + body)

    def receive(self) -> Any:
        """Return the object that the other end has sent; arrays stay where they are.

        Raises
        ------
        EOFError
            The other end is closed.
        """
        try:
            start, descriptors, _, _ = socket.recv_fds(self._end, HEADER.size, 1, _CLOSE_ON_EXEC)
        except ConnectionResetError:
            start, descriptors = b"", []
        try:
            if not start:
                raise EOFError
            start += self._exactly(HEADER.size - len(start))
            count, total, shared = HEADER.unpack(start)
            sizes = struct.unpack(f"<{count}Q", self._exactly(8 * count))
            # A private view: the receiver may change its arrays.
            whole = (
                mmap.mmap(descriptors[0], total, access=mmap.ACCESS_COPY)
                if shared
                else self._exactly(total)
            )
        finally:
            for descriptor in descriptors:
                os.close(descriptor)
        view = memoryview(whole)
        parts = [
            view[offset : offset + size]
            for offset, size in zip(_places(sizes)[0], sizes, strict=True)
        ]
        return pickle.loads(parts[0], buffers=parts[1:])

    def _exactly(self, size: int) -> bytearray:
        data = bytearray(size)
        view = memoryview(data)
        while view.nbytes:
            try:
                count = self._end.recv_into(view)
            except ConnectionResetError:
                count = 0
            if not count:
                raise EOFError
            view = view[count:]
        return data

    def send_if_possible(self, message: Any) -> None:
        """Send a small object, unless that would have to wait."""
        try:
            self._end.setblocking(False)
            self.send(message)
        except OSError:
            pass

    def close(self) -> None:
        """Close this end; the other one finds out."""
        self._end.close()


def channel_pair() -> tuple[Channel, socket.socket]:
    """Return a channel, and the socket for the other end, which a process can be given."""
    ours, theirs = socket.socketpair()
    return Channel(ours), theirs


def _places(sizes: Sequence[int]) -> tuple[list[int], int]:
    """Return where parts begin, one after the other, and where the last one ends."""
    padded = [-(-size // ALIGNMENT) * ALIGNMENT for size in sizes]
    *offsets, end = accumulate(padded, initial=0)
    return offsets, end


def _memory_file() -> int:
    if hasattr(os, "memfd_create"):
        return os.memfd_create("candle_ffi batch", os.MFD_CLOEXEC)
    with tempfile.TemporaryFile() as file:
        return os.dup(file.fileno())


def _write(descriptor: int, part: memoryview, offset: int) -> None:
    while part.nbytes:
        count = os.pwrite(descriptor, part, offset)
        part, offset = part[count:], offset + count
