"""What a profile holds: events, their averages, and where the time went."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any, Final

from candle_ffi._lib import check, ffi, lib, take_error, text

__all__ = ["EventList", "FunctionEvent", "FunctionEventAvg", "Recording", "Summary"]

#: The words for what an event stands for.
KINDS: Final = {
    lib.CANDLE_PROFILE_CALL: "call",
    lib.CANDLE_PROFILE_BACKWARD: "backward",
    lib.CANDLE_PROFILE_KERNEL: "kernel",
    lib.CANDLE_PROFILE_WORKER: "worker",
    lib.CANDLE_PROFILE_CALLBACK: "callback",
    lib.CANDLE_PROFILE_RANGE: "range",
}

#: By what the rows of a table can be sorted.
SORTS: Final = {
    "self_cpu_time_total": lib.CANDLE_PROFILE_SORT_SELF_TIME,
    "cpu_time_total": lib.CANDLE_PROFILE_SORT_TIME,
    "cpu_time": lib.CANDLE_PROFILE_SORT_MEAN,
    "count": lib.CANDLE_PROFILE_SORT_CALLS,
    "checks_time_total": lib.CANDLE_PROFILE_SORT_CHECKS,
    "self_cpu_memory_usage": lib.CANDLE_PROFILE_SORT_BYTES,
    "start": lib.CANDLE_PROFILE_SORT_START,
}

Shapes = tuple[tuple[int, ...], ...]


@dataclass(frozen=True)
class FunctionEvent:
    """Something that has taken time. Times are in microseconds, from the start of the profile.

    Attributes
    ----------
    name : str
        Its name, such as "conv2d", "conv2d_backward", or that of a `record_function`.
    kind : str
        "call" of a function of the library, "backward" for the gradient of an operation, "kernel"
        for a loop over elements, "worker" for the part of a kernel that another thread has done,
        "callback" for a Python function that the library has called, or "range".
    within : str
        For a kernel, the name of what it was run for.
    thread : int
        The number of its thread; 0 is the one that began the profile.
    depth : int
        In how many other events of its thread it lies.
    start, cpu_time_total : float
        When it began, and how long it lasted.
    self_cpu_time_total : float
        The same less other events inside, where kernels do not count as such.
    kernel_time_total, self_kernel_time_total : float
        The time of kernels inside, and the part of it that is in no other event inside.
    cpu_memory_usage, self_cpu_memory_usage : int
        The bytes of the values made inside, and the part that was made in no other event inside.
    input_shapes : tuple of tuple of int
        The shapes of the tensors it was given, where shapes are recorded.
    input_dtypes : tuple of str
        Their dtypes.
    """

    name: str
    kind: str
    within: str
    thread: int
    depth: int
    start: float
    cpu_time_total: float
    self_cpu_time_total: float
    kernel_time_total: float
    self_kernel_time_total: float
    cpu_memory_usage: int
    self_cpu_memory_usage: int
    input_shapes: Shapes
    input_dtypes: tuple[str, ...]

    @property
    def end(self) -> float:
        """When it ended."""
        return self.start + self.cpu_time_total


@dataclass(frozen=True)
class FunctionEventAvg:
    """The events of one kind and name together. Times are in microseconds.

    Attributes
    ----------
    key, kind, within : str
        As `name`, `kind` and `within` of a `FunctionEvent`.
    count : int
        How many there are.
    cpu_time_total, self_cpu_time_total, kernel_time_total, self_kernel_time_total : float
        Sums of those of the events.
    cpu_memory_usage, self_cpu_memory_usage : int
        Sums of those of the events.
    longest : float
        What the longest of them took.
    input_shapes, input_dtypes : tuple
        Those of all, where events are grouped by them.
    """

    key: str
    kind: str
    within: str
    count: int
    cpu_time_total: float
    self_cpu_time_total: float
    kernel_time_total: float
    self_kernel_time_total: float
    cpu_memory_usage: int
    self_cpu_memory_usage: int
    longest: float
    input_shapes: Shapes
    input_dtypes: tuple[str, ...]

    @property
    def cpu_time(self) -> float:
        """The mean time of an event."""
        return self.cpu_time_total / self.count

    @property
    def checks_time_total(self) -> float:
        """The time spent on checks, dispatch and the graph: the library's own, less kernels."""
        if self.kind not in ("call", "backward"):
            return 0.0
        return self.self_cpu_time_total - self.self_kernel_time_total


@dataclass(frozen=True)
class Summary:
    """Where the time of the thread that began the profile went. Times are in microseconds.

    Attributes
    ----------
    wall : float
        How long the profile lasted: the sum of the next three.
    kernel : float
        In kernels.
    checks : float
        In the library besides: checks, dispatch, the graph.
    outside : float
        Outside the library: Python, cffi, the program.
    calls : int
        The calls of that thread.
    other_calls : int
        The calls of other threads.
    other_library : float
        The time that other threads spent inside the library.
    worker : float
        The time that threads of the pool have helped with kernels.
    dropped : int
        The events for which there was no room.
    """

    wall: float
    kernel: float
    checks: float
    outside: float
    calls: int
    other_calls: int
    other_library: float
    worker: float
    dropped: int


class EventList(list[FunctionEventAvg]):
    """Averages of events, which print as a table."""

    def __init__(self, recording: Recording, averages: list[FunctionEventAvg], by_shapes: bool):
        super().__init__(averages)
        self._recording = recording
        self._by_shapes = by_shapes

    def table(
        self,
        sort_by: str | None = None,
        row_limit: int = 100,
        *,
        kernels: bool = True,
    ) -> str:
        """Return a table of operations, and below it where the time went.

        The columns *Kernels* and *Checks* share *Self CPU* between the loops over elements and what
        the library does around them.

        Parameters
        ----------
        sort_by : str, optional
            ``"self_cpu_time_total"`` when not given; or ``"cpu_time_total"``, ``"cpu_time"``,
            ``"count"``, ``"checks_time_total"``, ``"self_cpu_memory_usage"``, ``"start"``.
        row_limit : int, default 100
            The most rows; -1 for all.
        kernels : bool, default True
            Whether each operation's kernels have rows below it.

        Returns
        -------
        str
            The table.

        Raises
        ------
        ValueError
            The order does not exist.
        """
        sort = SORTS.get("self_cpu_time_total" if sort_by is None else sort_by)
        if sort is None:
            raise ValueError(
                f"table: sort_by must be one of {', '.join(map(repr, SORTS))}, not {sort_by!r}"
            )
        return self._recording.table(sort, self._by_shapes, max(row_limit, 0), kernels)


class Recording:
    """The owner of a native profile.

    Parameters
    ----------
    pointer : CandleProfile
        The handle, or NULL where a call has failed.
    memory : bool
        Whether tables have a column of bytes.
    """

    def __init__(self, pointer: Any, memory: bool) -> None:
        self.pointer = pointer
        self._memory = memory
        if not pointer:
            raise take_error()

    def __del__(self, free: Any = lib.candle_profile_free) -> None:
        free(self.pointer)

    def events(self) -> list[FunctionEvent]:
        """Return the events, by their start."""
        native = _structure("CandleProfileEvent")
        found = []
        for index in range(lib.candle_profile_num_events(self.pointer)):
            check(lib.py_profile_event(self.pointer, index, native))
            shapes, dtypes = self._inputs(index, native.num_shapes)
            found.append(
                FunctionEvent(
                    name=text(native.name),
                    kind=KINDS[native.kind],
                    within=text(native.within),
                    thread=native.thread,
                    depth=native.depth,
                    start=native.start_ns / 1e3,
                    cpu_time_total=native.duration_ns / 1e3,
                    self_cpu_time_total=native.self_ns / 1e3,
                    kernel_time_total=native.kernel_ns / 1e3,
                    self_kernel_time_total=native.self_kernel_ns / 1e3,
                    cpu_memory_usage=native.bytes,
                    self_cpu_memory_usage=native.self_bytes,
                    input_shapes=shapes,
                    input_dtypes=dtypes,
                )
            )
        return found

    def averages(self, by_shapes: bool, kernels: bool) -> EventList:
        """Return the averages of the events of each kind and name."""
        native, event = _structure("CandleProfileTotal"), _structure("CandleProfileEvent")
        found = []
        for index in range(lib.candle_profile_num_totals(self.pointer, by_shapes)):
            check(lib.py_profile_total(self.pointer, by_shapes, index, native))
            kind = KINDS[native.kind]
            if kind in ("kernel", "worker") and not kernels:
                continue
            shapes: Shapes = ()
            dtypes: tuple[str, ...] = ()
            if by_shapes:
                check(lib.py_profile_event(self.pointer, native.event, event))
                shapes, dtypes = self._inputs(native.event, event.num_shapes)
            found.append(
                FunctionEventAvg(
                    key=text(native.name),
                    kind=kind,
                    within=text(native.within),
                    count=native.calls,
                    cpu_time_total=native.total_ns / 1e3,
                    self_cpu_time_total=native.self_ns / 1e3,
                    kernel_time_total=native.kernel_ns / 1e3,
                    self_kernel_time_total=native.self_kernel_ns / 1e3,
                    cpu_memory_usage=native.bytes,
                    self_cpu_memory_usage=native.self_bytes,
                    longest=native.longest_ns / 1e3,
                    input_shapes=shapes,
                    input_dtypes=dtypes,
                )
            )
        return EventList(self, found, by_shapes)

    def summary(self) -> Summary:
        """Return where the time went."""
        native = _structure("CandleProfileSummary")
        check(lib.py_profile_summary(self.pointer, native))
        return Summary(
            wall=native.wall_ns / 1e3,
            kernel=native.kernel_ns / 1e3,
            checks=native.checks_ns / 1e3,
            outside=native.outside_ns / 1e3,
            calls=native.calls,
            other_calls=native.other_calls,
            other_library=native.other_library_ns / 1e3,
            worker=native.worker_ns / 1e3,
            dropped=native.dropped,
        )

    def table(self, sort: int, by_shapes: bool, row_limit: int, kernels: bool) -> str:
        """Return the table."""
        options = _structure("CandleProfileTableOptions")
        options.sort, options.by_shapes, options.row_limit = sort, by_shapes, row_limit
        options.kernels, options.bytes = kernels, self._memory
        length = ffi.new("size_t *")
        check(lib.py_profile_table(self.pointer, options, ffi.NULL, 0, length))
        room = ffi.new("char[]", length[0] + 1)
        check(lib.py_profile_table(self.pointer, options, room, length[0] + 1, length))
        return text(room)

    def write_trace(self, path: str | os.PathLike[str]) -> None:
        """Write the trace file."""
        encoded = os.fsencode(path)
        if b"\0" in encoded:
            raise ValueError(f"a path must not contain a NUL character: {path!r}")
        check(lib.py_profile_write_trace(self.pointer, encoded))

    def _inputs(self, event: int, count: int) -> tuple[Shapes, tuple[str, ...]]:
        shapes, dtypes = [], []
        for number in range(count):
            rank = lib.candle_profile_event_shape(self.pointer, event, number, ffi.NULL, 0)
            sizes = ffi.new("int64_t[]", rank)
            lib.candle_profile_event_shape(self.pointer, event, number, sizes, rank)
            shapes.append(tuple(sizes))
            dtype = lib.candle_profile_event_dtype(self.pointer, event, number)
            dtypes.append(text(lib.candle_dtype_name(dtype)))
        return tuple(shapes), tuple(dtypes)


def _structure(kind: str) -> Any:
    """Return room for a structure, which begins with its size."""
    native = ffi.new(f"{kind} *")
    native.struct_size = ffi.sizeof(kind)
    return native
