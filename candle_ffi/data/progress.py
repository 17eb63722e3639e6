"""Where a loader stands, so that a resumed training sees the batches that it would have seen."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from copy import deepcopy
from typing import Any

import numpy as np

from candle_ffi.errors import StateDictError
from candle_ffi.random import Generator, default_generator

__all__ = ["Counted", "Progress"]

States = dict[str, list[int]]
KEYS = ("batches", "drawn", "generators", "start", "shape")


class Counted(Iterator[Any]):
    """An iterator that knows how often it was asked.

    Parameters
    ----------
    source : iterator
        What is counted.
    """

    def __init__(self, source: Iterator[Any]) -> None:
        self._source = source
        self.drawn = 0

    def __next__(self) -> Any:
        value = next(self._source)
        self.drawn += 1
        return value


NOTHING = Counted(iter(()))


class Progress:
    """The generators of a loader, and how far its epoch has come.

    The order of an epoch follows from the states of the generators in its beginning: to go on in
    the middle, these are put back, the indices are drawn again, and then the generators get the
    states that they had when the state was taken.

    Parameters
    ----------
    generators : mapping of str to Generator
        Those that the order may depend on, beside the default one.
    shape : list
        What must be equal for batches to be the same: the batch size, and the number of items.
    """

    def __init__(self, generators: Mapping[str, Generator], shape: list[Any]) -> None:
        self._generators = dict(generators)
        self._shape = shape
        self._pending: dict[str, Any] | None = None
        self._start: States = {}
        self._indices = NOTHING
        self._batches = 0

    @contextmanager
    def epoch(self) -> Iterator[tuple[int, int]]:
        """Begin an epoch: within, say how many batches of it are past, and how many were drawn."""
        pending, self._pending = self._pending, None
        if pending is None:
            self._start = {**self._now(), "default": _numbers(default_generator)}
            self._batches = 0
            yield 0, 0
            return
        self._start = pending["start"]
        self._batches = pending["batches"]
        with _undisturbed():
            self._set(self._start)
            default_generator.set_state(_state(self._start["default"]))
            yield pending["batches"], pending["drawn"]
        self._set(pending["generators"])

    def follow(self, indices: Counted) -> None:
        """Know the indices of the epoch that has just begun."""
        self._indices = indices

    def advance(self, indices: Counted, batches: int) -> None:
        """Count batches, unless another epoch has begun since."""
        if indices is self._indices:
            self._batches += batches

    def finish(self, indices: Counted) -> None:
        """End an epoch, unless another has begun since."""
        if indices is self._indices:
            self._start, self._indices, self._batches = {}, NOTHING, 0

    def state_dict(self) -> dict[str, Any]:
        """Return all that `load_state_dict` needs: numbers in dicts and lists."""
        if self._pending is not None:
            return deepcopy(self._pending)
        return {
            "batches": self._batches,
            "drawn": self._indices.drawn,
            "generators": self._now(),
            "start": deepcopy(self._start),
            "shape": list(self._shape),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from a state: at once between epochs, else when the next epoch begins."""
        checked = self._checked(state)
        self._start, self._indices, self._batches = {}, NOTHING, 0
        if checked["start"]:
            self._pending = checked
        else:
            self._pending = None
            self._set(checked["generators"])

    def _checked(self, state: Mapping[str, Any]) -> dict[str, Any]:
        missing = [key for key in KEYS if key not in state]
        if missing:
            raise StateDictError(f"DataLoader.load_state_dict: {', '.join(missing)} is missing")
        states = {**state["generators"]}
        if set(states) != set(self._generators):
            raise StateDictError(
                "DataLoader.load_state_dict: the state has generators for "
                f"{_names(states)}, the loader for {_names(self._generators)}"
            )
        shape = list(state["shape"])
        if state["start"] and shape != self._shape:
            raise StateDictError(
                "DataLoader.load_state_dict: the state is from the middle of an epoch with batch "
                f"size and number of items {shape}, the loader has {self._shape}"
            )
        return {
            "batches": int(state["batches"]),
            "drawn": int(state["drawn"]),
            "generators": {name: [int(word) for word in words] for name, words in states.items()},
            "start": {
                name: [int(word) for word in words] for name, words in state["start"].items()
            },
            "shape": shape,
        }

    def _now(self) -> States:
        return {name: _numbers(generator) for name, generator in self._generators.items()}

    def _set(self, states: States) -> None:
        for name, generator in self._generators.items():
            generator.set_state(_state(states[name]))


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Leave the random states that belong to the whole process as they are."""
    ours, pythons = default_generator.get_state(), random.getstate()
    numpys = np.random.get_state()  # noqa: NPY002 - what old code draws from
    try:
        yield
    finally:
        default_generator.set_state(ours)
        random.setstate(pythons)
        np.random.set_state(numpys)  # noqa: NPY002


def _state(words: list[int]) -> np.ndarray[Any, np.dtype[np.uint64]]:
    return np.array(words, np.uint64)


def _numbers(generator: Generator) -> list[int]:
    return [int(word) for word in generator.get_state()]


def _names(states: Mapping[str, Any]) -> str:
    return ", ".join(sorted(states)) or "nothing"
