"""Batches fetched by a thread while the batch before them is in use."""

from __future__ import annotations

import os
import threading
import weakref
from collections import deque
from collections.abc import Callable, Iterator
from functools import partial
from queue import SimpleQueue
from typing import Any, Protocol

from candle_ffi.autograd import is_grad_enabled, set_grad_enabled

__all__ = ["Prefetch", "finished"]

Fetch = Callable[[Any], Any]


class Prefetch(Iterator[Any]):
    """Fetch in order, ahead of the caller, in one thread.

    The indices are drawn in the caller's thread, so that samplers need not care for threads. The
    thread ends with the last batch, when the iterator is dropped, and with the interpreter.

    Parameters
    ----------
    fetch : callable
        Makes a batch of indices; what it raises is raised in the caller, with its traceback.
    indices : iterator
        What is fetched.
    depth : int
        How many batches are made ahead, at least 1.
    ready : callable, optional
        Whether to ask for indices does not wait; they are not asked for ahead where it would.
    """

    def __init__(
        self,
        fetch: Fetch,
        indices: Iterator[Any],
        depth: int,
        ready: Callable[[], bool] | None = None,
    ) -> None:
        self._fetch = fetch
        self._indices = indices
        self._depth = depth
        self._ready = ready
        self._under_way: deque[Any] = deque()
        self._tasks: SimpleQueue[Any] = SimpleQueue()
        self._results: SimpleQueue[Any] = SimpleQueue()
        self._failed: Exception | None = None
        self._turn = threading.Lock()  # threads that share the iterator take turns
        self._process = os.getpid()
        # The thread knows the queues alone: the iterator can be dropped while it runs.
        threading.Thread(
            target=_work,
            args=(fetch, self._tasks, self._results, is_grad_enabled()),
            name="candle_ffi.data prefetch",
            daemon=True,
        ).start()
        self._stop = weakref.finalize(self, _end, self._tasks)

    def __next__(self) -> Any:
        with self._turn:
            return self._take()

    def _take(self) -> Any:
        if not self._under_way:
            self._hand_out_next()
        if not self._under_way:
            self._stop()
            if self._failed is not None:
                raise self._failed
            raise StopIteration
        if os.getpid() != self._process:
            # A forked child has no such thread.
            batch, failure = self._fetch(self._under_way.popleft()), None
        else:
            batch, failure = self._results.get()
            self._under_way.popleft()
        # Only now: the thread wakes up while the caller is busy with this batch.
        self._hand_out()
        if failure is not None:
            try:
                raise failure
            finally:
                del failure  # its traceback knows this frame
        return batch

    def _hand_out(self) -> None:
        while len(self._under_way) < self._depth:
            if self._ready is not None and not self._ready():
                return
            if not self._hand_out_next():
                return

    def _hand_out_next(self) -> bool:
        if self._failed is not None:
            return False
        try:
            indices = next(self._indices)
        except StopIteration:
            return False
        except Exception as error:  # raised after what came before it
            self._failed = error
            return False
        self._under_way.append(indices)
        self._tasks.put(indices)
        return True


def _end(tasks: SimpleQueue[Any]) -> None:
    """Let the thread end after the batch that it is making; this never waits."""
    while not tasks.empty():
        try:
            tasks.get_nowait()
        except Exception:
            break
    tasks.put(None)


def _work(
    fetch: Fetch, tasks: SimpleQueue[Any], results: SimpleQueue[Any], gradients: bool
) -> None:
    with set_grad_enabled(gradients):
        while (indices := tasks.get()) is not None:
            try:
                results.put((fetch(indices), None))
            except BaseException as error:
                results.put((None, error))
            del indices


class Batches(Protocol):
    """Batches that come by themselves, so that one can ask whether the next is there."""

    def __next__(self) -> Any: ...

    def ready(self) -> bool:
        """Whether the next batch, the end or a failure is there: to ask for it does not wait."""


def finished(batches: Batches, finish: Fetch) -> Iterator[Any]:
    """Return batches with a last touch that a thread gives to one while the one before is in use.

    A batch that is not there yet when the one before is given gets it when it is asked for: no
    batch waits for the one after it.

    Parameters
    ----------
    batches : Batches
        What is asked in the caller's thread; what it raises is raised when its turn has come.
    finish : callable
        Makes what is given of a batch.
    """
    return Prefetch(partial(_finish, finish), _Outcomes(batches), 1, batches.ready)


class _Outcomes(Iterator[Any]):
    """What has come of each batch: it, or why there is none."""

    def __init__(self, batches: Batches) -> None:
        self._batches = batches

    def __next__(self) -> tuple[Any, Exception | None]:
        try:
            return next(self._batches), None
        except StopIteration:
            raise
        except Exception as error:
            return None, error


def _finish(finish: Fetch, outcome: tuple[Any, Exception | None]) -> Any:
    batch, failure = outcome
    if failure is not None:
        raise failure
    return finish(batch)
