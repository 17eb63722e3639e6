"""What happens in a worker process."""

from __future__ import annotations

import os
import random
import select
import signal
import socket
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from queue import SimpleQueue
from typing import Any

import numpy as np

from candle_ffi.data.channel import Channel
from candle_ffi.data.collate import collate, convert
from candle_ffi.data.failure import Failure
from candle_ffi.data.fetch import MapFetcher, StreamFetcher
from candle_ffi.data.stacked import Stacked
from candle_ffi.data.worker_info import WorkerInfo, set_worker_info
from candle_ffi.random import manual_seed
from candle_ffi.threads import set_num_threads

__all__ = ["BATCH", "EPOCH", "STOP", "Job", "work"]

# The first word of what a worker is told.
EPOCH, BATCH, STOP = "epoch", "batch", "stop"

ORPHAN_SECONDS = 1.0
STOP_SECONDS = 5.0


@dataclass(frozen=True)
class Job:
    """What the workers of a loader do; `collate_fn` is None for the default."""

    dataset: Any
    batch_size: int | None
    batching: bool
    streaming: bool
    collate_fn: Callable[[Any], Any] | None
    drop_last: bool
    worker_init_fn: Callable[[int], object] | None
    num_workers: int


def work(end: socket.socket, job: Job, number: int, inherited: Sequence[Channel]) -> None:
    """Make batches until told to stop, or until nobody is there to tell.

    Parameters
    ----------
    end : socket
        This worker's end of its channel.
    job : Job
        What to do.
    number : int
        Which worker this is.
    inherited : sequence of Channel
        What a forked process has of other workers' channels, and must close.
    """
    # Ctrl-C goes to all processes of a terminal; the parent decides what it means.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    for channel in inherited:
        channel.close()
    channel = Channel(end)
    tasks: SimpleQueue[Any] = SimpleQueue()
    threading.Thread(target=_listen, args=(channel, tasks, os.getppid()), daemon=True).start()
    set_num_threads(1)
    worker = _Worker(job, number)
    while (task := tasks.get())[0] != STOP:
        if task[0] == EPOCH:
            worker.begin(*task[1:])
            continue
        epoch, place, indices = task[1:]
        kind, result = worker.fetch(place, indices)
        try:
            try:
                channel.send((epoch, place, kind, result))
            except (BrokenPipeError, ConnectionResetError):
                raise
            except Exception as error:  # it cannot be pickled, or memory ran out
                channel.send((epoch, place, "error", Failure(error, worker.where)))
        except OSError:
            return  # the parent has closed its end
        del indices, result


def _listen(channel: Channel, tasks: SimpleQueue[Any], parent: int) -> None:
    """Take what the parent sends at once, so that it never waits; end with the parent."""
    while True:
        try:
            if not select.select([channel], [], [], ORPHAN_SECONDS)[0]:
                # Other processes may hold the parent's end of the socket open.
                if os.getppid() != parent:
                    os._exit(1)
                continue
            task = channel.receive()
        except (EOFError, OSError):
            os._exit(1)
        if task[0] == STOP:
            break
        tasks.put(task)
    while not tasks.empty():
        try:
            tasks.get_nowait()
        except Exception:
            break
    tasks.put((STOP,))
    time.sleep(STOP_SECONDS)
    os._exit(1)


class _Worker:
    """The dataset of one worker, and its random numbers."""

    def __init__(self, job: Job, number: int) -> None:
        self._job = job
        self._number = number
        self._seed = 0
        self._begun = False
        self._fetcher: MapFetcher | StreamFetcher | None = None
        self._failure: Failure | None = None
        # Seeds for each batch make results independent of who makes which.
        self._seeds_batches = not job.streaming and job.worker_init_fn is None
        self.where = f"in DataLoader worker process {number}"

    def begin(self, seed: int) -> None:
        """Begin an epoch."""
        job = self._job
        self._seed = seed
        self._failure = None
        try:
            if not self._begun:
                own = seed + self._number
                _seed_all(own)
                set_worker_info(WorkerInfo(self._number, job.num_workers, own, job.dataset))
                if job.worker_init_fn is not None:
                    job.worker_init_fn(self._number)
                self._begun = True
            self._fetcher = self._make_fetcher()
        except Exception as error:
            self._failure = Failure(error, self.where)

    def _make_fetcher(self) -> MapFetcher | StreamFetcher:
        job = self._job
        function = job.collate_fn
        if function is None:
            function = _collate_arrays if job.batching else _convert_arrays
        if job.streaming:
            stream = self._part(job.dataset)
            return StreamFetcher(stream, job.batch_size, function, job.drop_last)
        return MapFetcher(job.dataset, job.batching, function, job.collate_fn is None)

    def _part(self, dataset: Any) -> Any:
        """Return this worker's part of a stream that can be divided, as Hugging Face's can.

        Where it is derived from PyTorch's class it divides itself.
        """
        shards = getattr(dataset, "num_shards", None)
        divided = any(kind.__module__.startswith("torch.") for kind in type(dataset).__mro__)
        if not isinstance(shards, int) or not hasattr(dataset, "shard") or divided:
            return dataset
        parts = min(shards, self._job.num_workers)
        return dataset.shard(parts, self._number) if self._number < parts else ()

    def fetch(self, place: int, indices: Any) -> tuple[str, Any]:
        """Return a word for what has come of a batch, and the batch or the failure."""
        if self._failure is not None or self._fetcher is None:
            return "error", self._failure
        try:
            if self._seeds_batches:
                _seed_all(self._seed, place)
            return "batch", self._fetcher.fetch(indices)
        except StopIteration:
            return "end", None
        except Exception as error:
            return "error", Failure(error, self.where)


def _seed_all(*words: int) -> None:
    """Seed Python's, NumPy's and this package's random numbers."""
    if len(words) == 1:
        random.seed(words[0])
        manual_seed(words[0])
        state = np.random.SeedSequence(words).generate_state(4)
    else:
        state = np.random.SeedSequence(words).generate_state(8)
        random.seed(int(state[4]) << 32 | int(state[5]))
        manual_seed(int(state[6]) << 32 | int(state[7]))
    np.random.seed(state[:4])  # noqa: NPY002 - what old code draws from


def _collate_arrays(batch: Any) -> Any:
    return collate(batch, Stacked)


def _convert_arrays(item: Any) -> Any:
    return convert(item, Stacked)
