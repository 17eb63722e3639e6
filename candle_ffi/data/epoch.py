"""One way through a loader."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from candle_ffi.data.progress import Counted, Progress

__all__ = ["Epoch"]


class Epoch(Iterator[Any]):
    """The batches of one epoch, which are counted as they are given.

    Parameters
    ----------
    source : iterator
        The batches.
    indices : Counted
        Their indices, by which the progress knows the epoch.
    progress : Progress
        Where the loader stands.
    """

    def __init__(self, source: Iterator[Any], indices: Counted, progress: Progress) -> None:
        self._source = source
        self._indices = indices
        self._progress = progress
        self._failed = 0

    def __next__(self) -> Any:
        try:
            batch = next(self._source)
        except StopIteration:
            self._progress.finish(self._indices)
            raise
        except Exception:
            # One that fails is tried again by a training that is resumed there.
            self._failed += 1
            raise
        self._progress.advance(self._indices, 1 + self._failed)
        self._failed = 0
        return batch
