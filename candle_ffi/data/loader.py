"""The loader: a dataset as batches."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from itertools import chain, islice, repeat
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from candle_ffi.data import options
from candle_ffi.data.batch_sampler import BatchSampler
from candle_ffi.data.collate import default_collate, default_convert
from candle_ffi.data.dataset import is_stream
from candle_ffi.data.epoch import Epoch
from candle_ffi.data.fetch import MapFetcher, StreamFetcher
from candle_ffi.data.placement import placement
from candle_ffi.data.prefetch import Prefetch, finished
from candle_ffi.data.progress import Counted, Progress
from candle_ffi.data.sampler import RandomSampler, SequentialSampler
from candle_ffi.device import CPU, Device, as_device
from candle_ffi.random import Generator, default_generator
from candle_ffi.sampling import randint

if TYPE_CHECKING:
    from candle_ffi.data.parallel import WorkerBatches

__all__ = ["DataLoader"]

T_co = TypeVar("T_co", covariant=True)


class DataLoader(Generic[T_co]):
    """Go through a dataset in batches.

    Parameters
    ----------
    dataset : Dataset
        What has ``__getitem__`` and ``__len__``, or an `IterableDataset`; PyTorch's and Hugging
        Face's too.
    batch_size : int or None, default 1
        How many items make a batch; None gives each item by itself, its arrays as tensors.
    shuffle : bool, default False
        Whether each epoch has a new random order.
    sampler : Sampler or iterable of int, optional
        The order, in place of `shuffle`.
    batch_sampler : Sampler or iterable of list of int, optional
        The batches, in place of `batch_size`, `shuffle`, `sampler` and `drop_last`.
    num_workers : int, default 0
        How many processes fetch and collate; 0 to do it in this one.
    collate_fn : callable, optional
        Makes a batch of a list of items; `default_collate` when not given.
    pin_memory : bool, default False
        Whether batches are put into pinned memory, from which a CUDA device copies while the host
        goes on; without such a device they stay as they are.
    drop_last : bool, default False
        Whether a last batch that is shorter is left out.
    timeout : float, default 0
        Seconds to wait for a worker; 0 for no limit.
    worker_init_fn : callable, optional
        Called with its number in each worker.
    multiprocessing_context : str or context, optional
        How workers start: ``"fork"``, ``"spawn"``, ``"forkserver"``; Python's default when not
        given.
    generator : Generator or int, optional
        The source of the order and of the workers' seeds, or a seed for one; the default generator
        when not given.
    prefetch_factor : int, optional
        How many batches each worker, or the thread, prepares ahead; 2 when not given.
    persistent_workers : bool, default False
        Whether workers live on between epochs.
    device : Device or str, optional
        Where the batches go, through pinned memory for a CUDA device. Tensors move, also in
        dataclasses, and what has a method `to`; all else stays, and a batch in which nothing moves
        warns. They stay where they are when not given.

    Raises
    ------
    ValueError
        Options that contradict each other.

    Notes
    -----
    `torch.utils.data.DataLoader`

    Where batches are made ahead, by workers or by a thread, a thread also brings the next one into
    pinned memory and on its way to the device while the one before is in use, where a worker has
    made it by then: no batch waits for the one after it. A dataset that is
    asked item by item in this process is not asked ahead: its random numbers come in the order of
    the loop, and its batches move when they are due.

    Without workers and `collate_fn`, batches of a dataset that has ``gather`` (such as
    `TensorDataset` and its subsets) are made by a thread while the batch before is in use;
    ``prefetch_factor=0`` does without the thread.

    The order depends on the state of the generator when the epoch begins, and on nothing else. In
    workers, Python's, NumPy's and this package's random numbers are seeded for each batch, so that
    they too depend on neither the number of workers nor on where a training was resumed; with a
    `worker_init_fn`, and for streams, they are seeded once, as PyTorch does.

    Examples
    --------
    >>> import candle_ffi as cf, numpy as np
    >>> dataset = cf.data.TensorDataset(np.arange(10.0), np.arange(10))
    >>> loader = cf.data.DataLoader(dataset, batch_size=4, shuffle=True, generator=0)
    >>> [len(x) for x, y in loader]
    [4, 4, 2]
    """

    _fixed = False

    def __init__(
        self,
        dataset: Any,
        batch_size: int | None = 1,
        shuffle: bool | None = None,
        sampler: Iterable[Any] | None = None,
        batch_sampler: Iterable[Any] | None = None,
        num_workers: int = 0,
        collate_fn: Callable[[Any], Any] | None = None,
        pin_memory: bool = False,
        drop_last: bool = False,
        timeout: float = 0,
        worker_init_fn: Callable[[int], object] | None = None,
        multiprocessing_context: Any = None,
        generator: Generator | int | None = None,
        *,
        prefetch_factor: int | None = None,
        persistent_workers: bool = False,
        device: Device | str | None = None,
    ) -> None:
        streaming = is_stream(dataset)
        options.check_order(streaming, batch_size, shuffle, sampler, batch_sampler, drop_last)
        options.check_workers(num_workers, timeout, prefetch_factor, persistent_workers)
        self.dataset = dataset
        self.num_workers = num_workers
        self.pin_memory = pin_memory
        self.device = None if device is None else as_device(device)
        self.timeout = timeout
        self.worker_init_fn = worker_init_fn
        self.multiprocessing_context = options.context(multiprocessing_context, num_workers)
        self.persistent_workers = persistent_workers
        self.drop_last = drop_last
        self.generator = options.source(generator)
        # Without a generator each epoch has a seed of the default one, and an order of that seed.
        self._source = Generator() if self.generator is None else self.generator
        if sampler is None:
            if streaming:
                sampler = repeat(None)
            elif shuffle and batch_sampler is None:
                sampler = RandomSampler(dataset, generator=self._source)
            else:
                sampler = SequentialSampler(dataset)
        if batch_sampler is not None:
            batch_size = None
        elif batch_size is not None:
            batch_sampler = BatchSampler(sampler, batch_size, drop_last)
        self.batch_size = batch_size
        self.sampler = sampler
        self.batch_sampler = batch_sampler
        usual = default_convert if batch_sampler is None else default_collate
        self.collate_fn = usual if collate_fn is None else collate_fn
        self._default = self.collate_fn is usual
        self._streaming = streaming
        gathers = False if streaming else self._fetcher().gather is not None
        options.check_prefetch(prefetch_factor, num_workers, gathers)
        self.prefetch_factor = prefetch_factor
        self._progress = Progress(self._generators(), [batch_size, options.length(dataset)])
        self._pool: Any = None
        self._fixed = True

    def __setattr__(self, name: str, value: Any) -> None:
        if self._fixed and name in options.FIXED:
            raise ValueError(
                f"{name} attribute should not be set after {type(self).__name__} is initialized"
            )
        super().__setattr__(name, value)

    def __len__(self) -> int:
        if self._streaming:
            count, size = len(self.dataset), self.batch_size
            if size is None:
                return count
            return count // size if self.drop_last else -(-count // size)
        batches: Any = self.sampler if self.batch_sampler is None else self.batch_sampler
        return len(batches)

    def __iter__(self) -> Iterator[T_co]:
        with self._progress.epoch() as (past, drawn):
            seed = self._draw_seed()
            if self._streaming:
                indices = Counted(repeat(None))
                source = self._batches(indices, seed, 0)
                for _ in islice(source, past):
                    pass
            else:
                order: Any = self.sampler if self.batch_sampler is None else self.batch_sampler
                indices = Counted(iter(order))
                waiting = list(islice(indices, drawn))[past:]
                source = self._batches(chain(waiting, indices), seed, past)
            self._progress.follow(indices)
        return Epoch(source, indices, self._progress)

    def _batches(self, indices: Iterator[Any], seed: int, first: int) -> Iterator[Any]:
        """Return the batches of these indices; the first has the number `first` in its epoch."""
        place = placement(self.pin_memory, self.device)
        if self.num_workers:
            batches = self._from_workers(indices, seed, first)
            return batches if place is None else finished(batches, place)
        fetcher = self._fetcher()
        depth = 2 if self.prefetch_factor is None else self.prefetch_factor
        fetch = fetcher.fetch if place is None else partial(_placed, place, fetcher.fetch)
        if fetcher.gather is not None and depth:
            return Prefetch(fetch, indices, depth)
        return map(fetch, indices)

    def _from_workers(self, indices: Iterator[Any], seed: int, first: int) -> WorkerBatches:
        # Imported here: programs without workers need nothing of `multiprocessing`.
        from candle_ffi.data.parallel import WorkerBatches, job_of
        from candle_ffi.data.pool import Pool

        pool: Pool | None = self._pool
        if pool is None or not pool.usable:
            pool = Pool(job_of(self, self._default, self._streaming), self.multiprocessing_context)
            if self.persistent_workers:
                self._pool = pool
                weakref.finalize(self, pool.close)
        ahead = 2 if self.prefetch_factor is None else self.prefetch_factor
        keeper = self if self.persistent_workers else None
        return WorkerBatches(pool, indices, seed, first, ahead, self.timeout, keeper)

    def _fetcher(self) -> MapFetcher | StreamFetcher:
        if self._streaming:
            return StreamFetcher(self.dataset, self.batch_size, self.collate_fn, self.drop_last)
        return MapFetcher(
            self.dataset, self.batch_sampler is not None, self.collate_fn, self._default
        )

    def _draw_seed(self) -> int:
        """Draw the seed of an epoch: of the workers, and of the order where it has none."""
        seed = int(randint(0, 2**63 - 1, (), generator=self.generator, device=CPU).item())
        if self.generator is None:
            self._source.manual_seed(seed)
        return seed

    def _generators(self) -> dict[str, Generator]:
        """Return the generators that the order may depend on, beside the default one."""
        inner = getattr(self.batch_sampler, "sampler", None)
        found = {
            "loader": self._source,
            "sampler": getattr(self.sampler, "generator", None),
            "batch_sampler": getattr(self.batch_sampler, "generator", None),
            "inner": getattr(inner, "generator", None),
        }
        known: dict[str, Generator] = {}
        for name, generator in found.items():
            new = all(generator is not other for other in (*known.values(), default_generator))
            if isinstance(generator, Generator) and new:
                known[name] = generator
        return known

    def state_dict(self) -> dict[str, Any]:
        """Return where the loader stands: numbers in dicts and lists.

        In the middle of an epoch that is behind the batch that was given last. A loop that was
        left early counts as interrupted there.

        Examples
        --------
        >>> import candle_ffi as cf
        >>> loader = cf.data.DataLoader(range(4), shuffle=True, generator=0)
        >>> batches = iter(loader)
        >>> first, state = next(batches), loader.state_dict()
        >>> other = cf.data.DataLoader(range(4), shuffle=True, generator=1)
        >>> other.load_state_dict(state)
        >>> [batch.item() for batch in other] == [batch.item() for batch in batches]
        True
        """
        return self._progress.state_dict()

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Go on from a state: the next loop gives the rest of its epoch, and epochs that follow.

        Parameters
        ----------
        state_dict : mapping
            What `state_dict` returned, of a loader with the same dataset and options; the number
            of workers may differ.

        Raises
        ------
        StateDictError
            The state is not that of such a loader.
        """
        self._progress.load_state_dict(state_dict)


def _placed(place: Callable[[Any], Any], fetch: Callable[[Any], Any], indices: Any) -> Any:
    return place(fetch(indices))
