"""Options of a loader that contradict each other, in PyTorch's words."""

from __future__ import annotations

from operator import index
from typing import Any

from candle_ffi.random import Generator

__all__ = ["FIXED", "check_order", "check_prefetch", "check_workers", "context", "length", "source"]

#: What cannot be changed once a loader is made.
FIXED = frozenset(
    {"batch_size", "batch_sampler", "sampler", "drop_last", "dataset", "persistent_workers"}
)


def check_order(
    streaming: bool,
    batch_size: int | None,
    shuffle: bool | None,
    sampler: Any,
    batch_sampler: Any,
    drop_last: bool,
) -> None:
    """Refuse two answers to the question which items make a batch."""
    if streaming:
        for name, value in (("sampler", sampler), ("batch_sampler", batch_sampler)):
            if value is not None:
                raise ValueError(
                    f"DataLoader with IterableDataset: expected unspecified {name} option, "
                    f"but got {name}={value}"
                )
        if shuffle:
            raise ValueError(
                "DataLoader with IterableDataset: expected unspecified shuffle option, "
                f"but got shuffle={shuffle}"
            )
    if sampler is not None and shuffle:
        raise ValueError("sampler option is mutually exclusive with shuffle")
    if batch_sampler is not None:
        if batch_size != 1 or shuffle or sampler is not None or drop_last:
            raise ValueError(
                "batch_sampler option is mutually exclusive "
                "with batch_size, shuffle, sampler, and drop_last"
            )
    elif batch_size is None and drop_last:
        raise ValueError(
            "batch_size=None option disables auto-batching and is mutually exclusive with drop_last"
        )


def check_workers(
    num_workers: int, timeout: float, prefetch_factor: int | None, persistent_workers: bool
) -> None:
    """Refuse numbers out of range, and what is for workers where there are none."""
    if not hasattr(num_workers, "__index__"):
        raise TypeError(f"num_workers option should be an integer, not {num_workers!r}")
    if num_workers < 0:
        raise ValueError(
            "num_workers option should be non-negative; "
            "use num_workers=0 to disable multiprocessing."
        )
    if timeout < 0:
        raise ValueError("timeout option should be non-negative")
    if prefetch_factor is not None and prefetch_factor < 0:
        raise ValueError("prefetch_factor option should be non-negative")
    if persistent_workers and num_workers == 0:
        raise ValueError("persistent_workers option needs num_workers > 0")


def check_prefetch(prefetch_factor: int | None, num_workers: int, gathers: bool) -> None:
    """Refuse batches ahead where nobody makes them."""
    if prefetch_factor is None:
        return
    if num_workers == 0 and not gathers:
        raise ValueError(
            "prefetch_factor option could only be specified in multiprocessing, or for a dataset "
            "with gather and no collate_fn; let num_workers > 0 to enable multiprocessing, "
            "otherwise set prefetch_factor to None."
        )
    if num_workers and prefetch_factor == 0:
        raise ValueError("prefetch_factor option should be at least 1 with workers")


def context(given: Any, num_workers: int) -> Any:
    """Return the context of `multiprocessing` that was named, or None."""
    if given is None:
        return None
    if num_workers == 0:
        raise ValueError(
            "multiprocessing_context can only be used with multi-process loading "
            f"(num_workers > 0), but got num_workers={num_workers}"
        )
    import multiprocessing
    from multiprocessing.context import BaseContext

    if isinstance(given, str):
        methods = multiprocessing.get_all_start_methods()
        if given not in methods:
            raise ValueError(
                "multiprocessing_context option should specify a valid start method in "
                f"{methods!r}, but got multiprocessing_context={given!r}"
            )
        return multiprocessing.get_context(given)
    if not isinstance(given, BaseContext):
        raise TypeError(
            "multiprocessing_context option should be a valid context object or a string "
            f"specifying the start method, but got multiprocessing_context={given}"
        )
    return given


def length(dataset: Any) -> int | None:
    """Return how many items a dataset has, or None where it does not know."""
    try:
        return len(dataset)
    except (TypeError, NotImplementedError):
        return None


def source(generator: Any) -> Generator | None:
    """Return the generator that was given, or one with the seed that was."""
    if generator is None or isinstance(generator, Generator):
        return generator
    try:
        return Generator().manual_seed(index(generator))
    except TypeError:
        raise TypeError(
            "generator option should be a candle_ffi.Generator or a seed, "
            f"but got generator={generator}"
        ) from None
