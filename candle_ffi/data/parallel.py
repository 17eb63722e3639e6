"""Batches made by worker processes, in order."""

from __future__ import annotations

import time
import weakref
from collections.abc import Iterator
from multiprocessing.connection import wait
from typing import TYPE_CHECKING, Any

from candle_ffi.data.pool import Pool
from candle_ffi.data.worker import BATCH, Job

if TYPE_CHECKING:
    from candle_ffi.data.loader import DataLoader

__all__ = ["WorkerBatches", "job_of"]


def job_of(loader: DataLoader[Any], default: bool, streaming: bool) -> Job:
    """Return what the workers of a loader do."""
    return Job(
        dataset=loader.dataset,
        batch_size=loader.batch_size,
        batching=loader.batch_sampler is not None,
        streaming=streaming,
        collate_fn=None if default else loader.collate_fn,
        drop_last=loader.drop_last,
        worker_init_fn=loader.worker_init_fn,
        num_workers=loader.num_workers,
    )


class WorkerBatches(Iterator[Any]):
    """The batches of an epoch.

    The workers take turns, so that batches and the parts of streams have one order, whichever
    worker is faster.

    Parameters
    ----------
    pool : Pool
        The workers.
    indices : iterator
        What is fetched.
    seed : int
        The seed of the epoch.
    first : int
        The number of the first batch in its epoch.
    ahead : int
        How many batches each worker prepares.
    timeout : float
        Seconds to wait for a batch; 0 for no limit.
    keeper : object, optional
        What the workers live as long as, beyond this epoch.
    """

    def __init__(
        self,
        pool: Pool,
        indices: Iterator[Any],
        seed: int,
        first: int,
        ahead: int,
        timeout: float,
        keeper: object,
    ) -> None:
        self._pool = pool
        self._indices = indices
        self._timeout = timeout
        self._keeper = keeper
        self._next = self._sent = first
        self._workers: dict[int, int] = {}  # of batches that were not yet given
        self._ready: dict[int, tuple[str, Any]] = {}
        self._active = list(range(len(pool.channels)))
        self._turn = 0
        self._failed: Exception | None = None
        if keeper is None:
            weakref.finalize(self, pool.close)
        try:
            self._epoch = pool.begin(seed)
            for _ in range(ahead * len(pool.channels)):
                self._hand_out()
        except BaseException:
            pool.close()
            raise

    def __next__(self) -> Any:
        if self._pool.epoch != self._epoch:
            raise RuntimeError("DataLoader: another epoch has begun with the same workers")
        try:
            kind, result = self._take()
        except StopIteration:
            if self._keeper is None:
                self._pool.close()
            raise
        except BaseException:  # a dead worker, a timeout, Ctrl-C
            self._pool.close(patience=0.0)
            raise
        if kind == "error":
            raise result.exception()
        return result

    def _take(self) -> tuple[str, Any]:
        """Return what has come of the next batch."""
        while self._next != self._sent:
            if self._pool.closed:
                raise RuntimeError("DataLoader: the workers have ended")
            if self._next not in self._ready:
                self._receive()
                continue
            result = self._pop()
            if result[0] != "end":
                return result
        if self._failed is not None:
            raise self._failed
        raise StopIteration

    def _pop(self) -> tuple[str, Any]:
        """Take what is there off the list, and let a worker go on."""
        result = self._ready.pop(self._next)
        worker = self._workers.pop(self._next)
        self._next += 1
        if result[0] == "end" and worker in self._active:
            # Those after it move up.
            place = self._active.index(worker)
            self._turn -= place < self._turn
            self._active.remove(worker)
        self._hand_out()
        return result

    def ready(self) -> bool:
        """Whether the next batch, the end or a failure is there: to ask for it does not wait."""
        pool = self._pool
        while self._next != self._sent and not pool.closed and pool.epoch == self._epoch:
            try:
                if self._next not in self._ready and not self._receive(patient=False):
                    return False
                if self._next in self._ready:
                    if self._ready[self._next][0] != "end":
                        return True
                    self._pop()
            except RuntimeError:  # a dead worker, of which `__next__` tells
                return True
        return True

    def _hand_out(self) -> None:
        """Let the worker whose turn it is make one batch more."""
        if not self._active or self._failed is not None:
            return
        try:
            indices = next(self._indices)
        except StopIteration:
            return
        except Exception as error:  # raised after what came before it
            self._failed = error
            return
        self._turn %= len(self._active)
        worker = self._active[self._turn]
        self._turn += 1
        self._workers[self._sent] = worker
        self._sent += 1
        self._pool.tell(worker, (BATCH, self._epoch, self._sent - 1, indices))

    def _receive(self, patient: bool = True) -> bool:
        """Wait until a worker has sent something, has died, or time is up; False if it has not."""
        pool = self._pool
        numbers: dict[Any, int] = {channel: n for n, channel in enumerate(pool.channels)}
        deaths: dict[Any, int] = {p.sentinel: n for n, p in enumerate(pool.processes)}
        start = time.monotonic()
        while True:
            left = self._timeout - (time.monotonic() - start) if self._timeout else None
            patience = (left if left is None else max(left, 0.0)) if patient else 0.0
            found = wait([*numbers, *deaths], patience)
            if not found and not patient:
                return False
            if not found and left is not None and left <= 0:
                raise RuntimeError(f"DataLoader timed out after {self._timeout} seconds")
            ready = [item for item in found if item in numbers]
            for channel in ready:
                self._read(numbers[channel])
            if not ready and found:
                raise pool.death(deaths[found[0]])
            if found:
                return True

    def _read(self, number: int) -> None:
        try:
            epoch, place, kind, result = self._pool.channels[number].receive()
        except (EOFError, OSError) as error:
            raise self._pool.death(number) from error
        if epoch == self._epoch:  # not of a loop that was left early
            self._ready[place] = (kind, result)
