"""The worker processes of a loader: they start together, and none outlives its loader."""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.process import BaseProcess
from multiprocessing.reduction import ForkingPickler
from pickle import PicklingError
from typing import Any

from candle_ffi.data.channel import Channel, channel_pair
from candle_ffi.data.worker import EPOCH, STOP, Job, work

__all__ = ["Pool"]

STOP_SECONDS = 2.0


class Pool:
    """Processes with a channel each.

    Parameters
    ----------
    job : Job
        What they do.
    context : context of `multiprocessing`, optional
        How they start; Python's default when not given.

    Raises
    ------
    PicklingError
        The dataset or a function cannot be sent to a process that is not forked.
    """

    def __init__(self, job: Job, context: Any) -> None:
        self.channels: list[Channel] = []
        self.processes: list[BaseProcess] = []
        self.epoch = 0
        self.closed = False
        self._owner = os.getpid()
        context = multiprocessing.get_context() if context is None else context
        forks = context.get_start_method() == "fork"
        try:
            for number in range(job.num_workers):
                channel, end = channel_pair()
                self.channels.append(channel)
                process = context.Process(
                    target=work,
                    args=(end, job, number, self.channels if forks else ()),
                    name=f"candle_ffi.data worker {number}",
                    daemon=True,
                )
                try:
                    with _interrupts_later():
                        process.start()
                        self.processes.append(process)
                except Exception as error:
                    if not forks:
                        _explain(job, context.get_start_method(), error)
                    raise
                finally:
                    end.close()
        except BaseException:
            self.close()
            raise

    @property
    def usable(self) -> bool:
        """Whether the processes are there, and those of this process."""
        return not self.closed and os.getpid() == self._owner

    def begin(self, seed: int) -> int:
        """Begin an epoch in all workers, and return its number."""
        self.epoch += 1
        for number in range(len(self.channels)):
            self.tell(number, (EPOCH, seed))
        return self.epoch

    def tell(self, number: int, message: Any) -> None:
        """Send a message to a worker; raise the error of its death if it is dead."""
        try:
            self.channels[number].send(message)
        except OSError as error:
            raise self.death(number) from error

    def death(self, number: int) -> RuntimeError:
        """Return the error that says how a worker has ended."""
        process = self.processes[number]
        process.join(1)
        who = f"DataLoader worker {number} (pid {process.pid})"
        code = process.exitcode
        if code is None:
            return RuntimeError(f"{who} has closed its connection")
        if code >= 0:
            return RuntimeError(f"{who} exited unexpectedly with exit code {code}")
        try:
            name = signal.Signals(-code).name
        except ValueError:
            name = f"signal {-code}"
        hint = "; the system kills processes when memory runs out" if name == "SIGKILL" else ""
        return RuntimeError(f"{who} was killed by {name} (signal {-code}){hint}")

    def close(self, patience: float = STOP_SECONDS) -> None:
        """End the processes: first by a word, then by force. A forked copy has none to end.

        Parameters
        ----------
        patience : float, default STOP_SECONDS
            How many seconds they have to finish what they are at.
        """
        if self.closed or os.getpid() != self._owner:
            return
        self.closed = True
        for channel in self.channels:
            channel.send_if_possible((STOP,))
            channel.close()
        try:
            deadline = time.monotonic() + patience
            for process in self.processes:
                process.join(max(0.0, deadline - time.monotonic()))
        finally:
            for end in (BaseProcess.terminate, BaseProcess.kill):
                living = [process for process in self.processes if process.is_alive()]
                for process in living:
                    end(process)
                for process in living:
                    process.join(1)


@contextmanager
def _interrupts_later() -> Iterator[None]:
    """Keep Ctrl-C until a process has started: neither it nor this one is left half-way."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _explain(job: Job, method: str, error: Exception) -> None:
    """Say which part of a job cannot be sent to a process that does not share this one's memory."""
    for name in ("dataset", "collate_fn", "worker_init_fn"):
        part = getattr(job, name)
        try:
            ForkingPickler.dumps(part)
        except Exception:
            raise PicklingError(
                f"DataLoader: {name} ({type(part).__name__}) cannot be pickled, as worker "
                f"processes need it that start by {method!r}: {error}. Define it at the top of a "
                "module, or use multiprocessing_context='fork' or num_workers=0"
            ) from error
