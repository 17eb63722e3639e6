"""Recording of profiles."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterable
from enum import Enum
from typing import Any
from weakref import WeakKeyDictionary

from candle_ffi._lib import check, ffi, lib
from candle_ffi.errors import UnsupportedError
from candle_ffi.nn.module import Module
from candle_ffi.profiler.ranges import record_function
from candle_ffi.profiler.results import EventList, FunctionEvent, Recording, Summary
from candle_ffi.profiler.steps import ProfilerAction

__all__ = ["ProfilerActivity", "profile"]


class ProfilerActivity(Enum):
    """What is watched."""

    #: The calls, the gradients and the kernels of the CPU.
    CPU = 0
    #: Not watched yet; naming it raises.
    CUDA = 1


class profile:  # noqa: N801  # PyTorch's name
    """Record what the library does inside the context: calls, gradients and kernels of all threads.

    Parameters
    ----------
    activities : iterable of ProfilerActivity, optional
        What is watched; `ProfilerActivity.CPU` is all there is.
    schedule : callable, optional
        Which steps are recorded, see `schedule`; all that happens inside when not given.
    on_trace_ready : callable, optional
        Called with this object whenever a profile is complete.
    record_shapes : bool, default False
        Whether the shapes and dtypes of the tensors that each call is given are kept.
    profile_memory : bool, default True
        Whether tables have a column of the bytes that were made; they are counted in any case.
    with_modules : bool, default False
        Whether each call of an `nn.Module` is a range, named by its class and a number.
    max_events : int, default 1048576
        The most events that are kept, of about 150 bytes each; `summary` counts those beyond too.

    Raises
    ------
    BusyError
        On entering: a profile is being recorded already.
    UnsupportedError
        Something is to be watched that cannot be.

    Notes
    -----
    `torch.profiler.profile`

    Examples
    --------
    >>> import candle_ffi as cf
    >>> from candle_ffi.profiler import profile
    >>> with profile(record_shapes=True) as prof:
    ...     y = cf.ones(2, 3) @ cf.ones(3, 4)
    >>> [event.input_shapes for event in prof.events() if event.input_shapes]
    [((2, 3), (3, 4))]
    """

    def __init__(
        self,
        *,
        activities: Iterable[ProfilerActivity] | None = None,
        schedule: Callable[[int], ProfilerAction] | None = None,
        on_trace_ready: Callable[[profile], Any] | None = None,
        record_shapes: bool = False,
        profile_memory: bool = True,
        with_modules: bool = False,
        max_events: int = 1 << 20,
    ) -> None:
        for activity in activities or ():
            if activity is not ProfilerActivity.CPU:
                raise UnsupportedError(
                    f"profile: {activity} cannot be watched; ProfilerActivity.CPU can",
                    operation="profile",
                )
        if max_events < 0:
            raise ValueError(f"profile: max_events must not be negative: {max_events}")
        self.step_num = 0
        self._schedule = schedule
        self._on_trace_ready = on_trace_ready
        self._record_shapes = record_shapes
        self._memory = profile_memory
        self._max_events = max_events
        self._modules = _ModuleRanges() if with_modules else None
        self._step_range: record_function | None = None
        self._is_recording = False
        self._recording: Recording | None = None

    # Recording --------------------------------------------------------------------------------

    def start(self) -> None:
        """Begin, as entering the context does."""
        if self._action() in (ProfilerAction.RECORD, ProfilerAction.RECORD_AND_SAVE):
            self._begin()

    def stop(self) -> None:
        """End, as leaving the context does."""
        self._end()

    def step(self) -> None:
        """Say that a step of the training has ended and the next one begins, for a `schedule`."""
        before = self._action()
        self.step_num += 1
        now = self._action()
        records = now in (ProfilerAction.RECORD, ProfilerAction.RECORD_AND_SAVE)
        if before is ProfilerAction.RECORD_AND_SAVE or not records:
            self._end()
        if records and not self._is_recording:
            self._begin()
        elif self._is_recording:
            self._begin_step()

    def __enter__(self) -> profile:
        self.start()
        return self

    def __exit__(self, *failure: object) -> None:
        self.stop()

    def _action(self) -> ProfilerAction:
        if self._schedule is None:
            return ProfilerAction.RECORD
        return self._schedule(self.step_num)

    def _begin(self) -> None:
        options = ffi.new("CandleProfilerOptions *")
        options.struct_size = ffi.sizeof("CandleProfilerOptions")
        options.max_events, options.record_shapes = self._max_events, bool(self._record_shapes)
        check(lib.py_profiler_start(options))
        self._is_recording = True
        if self._modules is not None:
            self._modules.begin()
        if self._schedule is not None:
            self._begin_step()

    def _begin_step(self) -> None:
        if self._step_range is not None:
            self._step_range.__exit__()
        self._step_range = record_function(f"ProfilerStep#{self.step_num}")
        self._step_range.__enter__()

    def _end(self) -> None:
        if not self._is_recording:
            return
        if self._step_range is not None:
            self._step_range.__exit__()
            self._step_range = None
        self._is_recording = False
        if self._modules is not None:
            self._modules.end()
        self._recording = Recording(lib.py_profiler_stop(), self._memory)
        if self._on_trace_ready is not None:
            self._on_trace_ready(self)

    # Results ----------------------------------------------------------------------------------

    def _done(self) -> Recording:
        if self._recording is None:
            raise RuntimeError("there is no profile yet: it is complete when the context is left")
        return self._recording

    def events(self) -> list[FunctionEvent]:
        """Return the events, by their start.

        Returns
        -------
        list of FunctionEvent
            The events, of all threads.
        """
        return self._done().events()

    def key_averages(
        self, group_by_input_shape: bool = False, *, kernels: bool = False
    ) -> EventList:
        """Return the sums over the events of each kind and name, in the order of their first.

        Parameters
        ----------
        group_by_input_shape : bool, default False
            Whether calls with other shapes or dtypes are apart.
        kernels : bool, default False
            Whether kernels are among them, for each operation apart; their time is part of the
            operation's own.

        Returns
        -------
        EventList
            A list of `FunctionEventAvg`, with a method `table`.
        """
        return self._done().averages(bool(group_by_input_shape), kernels)

    def table(self, sort_by: str | None = None, row_limit: int = 100) -> str:
        """Return the table of `key_averages`.

        Parameters
        ----------
        sort_by : str, optional
            The order, see `EventList.table`.
        row_limit : int, default 100
            The most rows; -1 for all.

        Returns
        -------
        str
            The table.
        """
        return self.key_averages().table(sort_by, row_limit)

    def summary(self) -> Summary:
        """Return where the time went: kernels, checks, and what is outside the library.

        Returns
        -------
        Summary
            The sums, of dropped events too.
        """
        return self._done().summary()

    def export_chrome_trace(self, path: str | os.PathLike[str]) -> None:
        """Write a file for Chrome's viewer (`chrome://tracing`) and Perfetto (ui.perfetto.dev).

        Parameters
        ----------
        path : str or path
            The file, which appears whole or not at all.

        Raises
        ------
        FileError
            It cannot be written.
        """
        self._done().write_trace(path)


class _ModuleRanges:
    """Makes each call of a module a range, by taking the place of `Module.__call__` meanwhile."""

    def __init__(self) -> None:
        self._names: WeakKeyDictionary[Module, str] = WeakKeyDictionary()
        self._counts: Counter[str] = Counter()
        self._call = Module.__call__

    def begin(self) -> None:
        call = self._call = Module.__call__
        name = self._name

        def recorded(self: Module, *args: Any, **kwargs: Any) -> Any:
            with record_function(name(self)):
                return call(self, *args, **kwargs)

        Module.__call__ = recorded  # type: ignore[method-assign]

    def end(self) -> None:
        Module.__call__ = self._call  # type: ignore[method-assign]

    def _name(self, module: Module) -> str:
        found = self._names.get(module)
        if found is None:
            kind = type(module).__name__
            found = self._names[module] = f"nn.Module: {kind}_{self._counts[kind]}"
            self._counts[kind] += 1
        return found
