"""What a worker process knows about itself."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Any

__all__ = ["WorkerInfo", "get_worker_info", "set_worker_info"]


@dataclass(frozen=True)
class WorkerInfo:
    """One worker of a loader.

    Attributes
    ----------
    id : int
        Its number, from 0.
    num_workers : int
        How many there are.
    seed : int
        Its seed: the epoch's plus `id`.
    dataset : Dataset
        Its copy of the dataset.
    """

    id: int
    num_workers: int
    seed: int
    dataset: Any


_here: WorkerInfo | None = None


def get_worker_info() -> WorkerInfo | None:
    """Return which worker of a loader this process is, or None where it is none.

    Notes
    -----
    `torch.utils.data.get_worker_info`

    Examples
    --------
    >>> import candle_ffi as cf
    >>> class Share(cf.data.IterableDataset):
    ...     def __iter__(self):
    ...         info = cf.data.get_worker_info()
    ...         return iter(range(8) if info is None else range(info.id, 8, info.num_workers))
    >>> list(Share())
    [0, 1, 2, 3, 4, 5, 6, 7]
    """
    return _here


def set_worker_info(info: WorkerInfo) -> None:
    """Say which worker this process is."""
    global _here
    _here = info
    # Datasets of PyTorch, and of Hugging Face where PyTorch is loaded, ask PyTorch which part of a
    # stream is theirs; without an answer each worker would load all of it.
    pytorch: Any = sys.modules.get("torch.utils.data._utils.worker")
    if pytorch is not None:
        pytorch._worker_info = pytorch.WorkerInfo(
            id=info.id, num_workers=info.num_workers, seed=info.seed, dataset=info.dataset
        )
