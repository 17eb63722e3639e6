"""Checkpoints: all that a training needs to go on, in one safetensors file.

>>> import candle_ffi as cf, tempfile, pathlib
>>> path = pathlib.Path(tempfile.mkdtemp()) / "last.safetensors"
>>> model = cf.nn.Linear(2, 1)
>>> optimizer = cf.optim.Adam(model.parameters(), lr=0.1)
>>> cf.checkpoint.save(path, epoch=3, model=model, optimizer=optimizer)
>>> cf.checkpoint.load(path, model=model, optimizer=optimizer).epoch
3
"""

from __future__ import annotations

import copy
import os
import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np

from candle_ffi import random as candle_random
from candle_ffi.device import CPU, Device
from candle_ffi.errors import FileFormatError, StateDictError
from candle_ffi.nn.module import Module
from candle_ffi.optim.lr_scheduler import LRScheduler
from candle_ffi.optim.native import NativeOptimizer, states_on_host
from candle_ffi.optim.optimizer import Optimizer
from candle_ffi.serialization.digest import DIGEST, UNSET, seal, verify
from candle_ffi.serialization.replace import file_errors, replacing
from candle_ffi.serialization.safetensors import read_file, save_file
from candle_ffi.serialization.tree import flatten, unflatten
from candle_ffi.tensor import Tensor

__all__ = ["Checkpoint", "load", "read", "save"]

#: What tells a checkpoint from a file of weights alone: the version of its form.
_FORM: Final = "candle_ffi.checkpoint"
_VERSION: Final = "1"
_STATE: Final = "state"
#: Names that are taken, by the file or by the arguments of the functions.
_TAKEN: Final = frozenset(("epoch", "extra", "random", "kinds", "strict", "random_state"))


@dataclass(frozen=True)
class Checkpoint:
    """What a checkpoint holds.

    Attributes
    ----------
    path : Path
        The file.
    epoch : int
        The number that was given when it was saved.
    extra : object
        What was given to be kept besides.
    states : dict of str to dict
        What `state_dict` returned, by the names of the objects.
    kinds : dict of str to str
        The names of their classes.
    random : dict of str to object
        The states of the random number generators.
    """

    path: Path
    epoch: int
    extra: Any = None
    states: dict[str, Any] = field(default_factory=dict, repr=False)
    kinds: dict[str, str] = field(default_factory=dict)
    random: dict[str, Any] = field(default_factory=dict, repr=False)


def save(
    path: str | os.PathLike[str], /, *, epoch: int = 0, extra: Any = None, **objects: Any
) -> None:
    """Write the states of objects, and those of the random numbers, to one safetensors file.

    The file appears whole or not at all: until it is complete, and on the disk, an older one
    stays. A digest in it makes `load` notice a change of any byte.

    Parameters
    ----------
    path : str or path
        The file.
    epoch : int, default 0
        How far the training is.
    extra : object, optional
        Numbers, texts, tensors and arrays, and lists, tuples, sets and dictionaries of these.
    **objects : object
        Whatever has `state_dict` and `load_state_dict`: models, optimizers, schedules, loaders.

    Raises
    ------
    FileError
        The file cannot be written.
    TypeError
        An object has no state, or its state holds something that cannot be kept.

    Notes
    -----
    Tensors are in the file by names such as ``model.fc.weight``, where other programs find them
    too; the rest is a text in its metadata. The random states are those of the default generator,
    of Python's `random` and of NumPy's global generator.

    Examples
    --------
    >>> import candle_ffi as cf, tempfile, pathlib
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "last.safetensors"
    >>> cf.checkpoint.save(path, epoch=1, extra={"best": 0.9}, model=cf.nn.Linear(2, 1))
    >>> cf.checkpoint.read(path).extra
    {'best': 0.9}
    """
    if type(epoch) is not int:
        raise TypeError(f"checkpoint.save: epoch is a number, not {epoch!r}")
    _check_objects("save", objects)
    content = {
        **{name: _state_of(thing) for name, thing in objects.items()},
        "epoch": epoch,
        "extra": extra,
        "kinds": {name: type(thing).__name__ for name, thing in objects.items()},
        "random": _random_states(),
    }
    text, tensors = flatten(content, "checkpoint.save: state")
    metadata = {_FORM: _VERSION, _STATE: text, DIGEST: UNSET}
    with file_errors("checkpoint.save", path), replacing(path) as staged:
        save_file(tensors, staged, metadata)
        seal(staged)


def read(path: str | os.PathLike[str], /) -> Checkpoint:
    """Read a checkpoint and change nothing.

    Parameters
    ----------
    path : str or path
        The file.

    Returns
    -------
    Checkpoint
        What it holds.

    Raises
    ------
    FileError
        The file cannot be read; `MissingFileError` where there is none.
    FileFormatError
        It is no checkpoint, cut off, or not as it was written.

    Examples
    --------
    >>> import candle_ffi as cf
    >>> cf.checkpoint.read("nowhere.safetensors")
    Traceback (most recent call last):
        ...
    candle_ffi.errors.MissingFileError: ...
    """
    while True:
        digest = verify(path, "checkpoint.read")
        tensors, metadata = read_file(path)
        if metadata.get(DIGEST) == digest:
            break  # else another process has replaced the file in between
    try:
        if metadata.get(_FORM) != _VERSION:
            raise ValueError(
                f"its form is {metadata.get(_FORM)!r}, and this version reads {_VERSION!r}"
            )
        content = unflatten(metadata.get(_STATE, ""), tensors)
        return Checkpoint(
            path=Path(path),
            epoch=content.pop("epoch"),
            extra=content.pop("extra"),
            kinds=content.pop("kinds"),
            random=content.pop("random"),
            states=content,
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise FileFormatError(
            f"checkpoint.read: the file {os.fspath(path)} is no checkpoint: {error}",
            operation="checkpoint.read",
        ) from None


def load(
    path: str | os.PathLike[str],
    /,
    *,
    strict: bool = True,
    random_state: bool = True,
    **objects: Any,
) -> Checkpoint:
    """Give objects the states that a checkpoint holds, and go on with its random numbers.

    When anything does not fit, all objects stay as they were.

    Parameters
    ----------
    path : str or path
        The file.
    strict : bool, default True
        Whether an object must be given for each state of the file, of the same kind. False takes
        from it what is asked for, for instance the model alone.
    random_state : bool, default True
        Whether the generators of random numbers go on as at the time of saving.
    **objects : object
        The objects, by the names under which they were saved.

    Returns
    -------
    Checkpoint
        What the file holds.

    Raises
    ------
    FileError
        The file cannot be read; `MissingFileError` where there is none.
    FileFormatError
        It is no checkpoint, cut off, or not as it was written.
    StateDictError
        The states and the objects do not fit; the message says which and why.

    Examples
    --------
    >>> import candle_ffi as cf, tempfile, pathlib
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "last.safetensors"
    >>> model = cf.nn.Linear(2, 1)
    >>> cf.checkpoint.save(path, epoch=5, model=model)
    >>> cf.checkpoint.load(path, model=model)
    Checkpoint(path=..., epoch=5, extra=None, kinds={'model': 'Linear'})
    """
    _check_objects("load", objects)
    found = read(path)
    _check_parts(found, objects, strict)
    if random_state:
        _set_random_states(found, try_only=True)
    before: dict[str, _Backup] = {}
    name = ""
    try:
        for name, thing in objects.items():
            before[name] = _Backup(thing)
            state = found.states[name]
            # What a schedule keeps of its state must not be what the caller gets; a model copies.
            thing.load_state_dict(state if isinstance(thing, Module) else copy.deepcopy(state))
    except BaseException as error:
        for backup in before.values():
            backup.restore()
        if not isinstance(error, Exception):
            raise
        raise StateDictError(
            f"checkpoint.load: the state of {name!r} in {os.fspath(path)} does not fit the object, "
            f"and nothing was changed: {error}",
            operation="checkpoint.load",
        ) from error
    if random_state:
        _set_random_states(found)
    return found


def _state_of(thing: Any) -> Any:
    """Return the state of an object; what is a copy of the original is made on the host."""
    with states_on_host():
        return thing.state_dict()


class _Backup:
    """The state of an object, to be brought back; it takes no memory of a device."""

    def __init__(self, thing: Any) -> None:
        self._thing = thing
        state = _state_of(thing)
        own = isinstance(thing, NativeOptimizer)  # what it tells are copies already
        copies: dict[int, Any] = {}
        self._places: list[tuple[Tensor, Device]] = []
        for tensor in _tensors_in(state):
            kept = tensor.detach()
            if tensor.device != CPU:
                kept = kept.cpu()
            elif not own:
                kept = kept.clone()
            copies[id(tensor)] = kept
            self._places.append((kept, tensor.device))
        self._state = copy.deepcopy(state, copies)

    def restore(self) -> None:
        """Give the object its state."""
        state = self._state
        if not isinstance(self._thing, (Module, Optimizer)):
            # Others may keep what they are given, and must find it where it was.
            state = copy.deepcopy(state, {id(kept): kept.to(place) for kept, place in self._places})
        self._thing.load_state_dict(state)


def _tensors_in(state: Any, seen: set[int] | None = None) -> Iterator[Tensor]:
    """Yield the tensors in dictionaries, lists and tuples, each once."""
    seen = set() if seen is None else seen
    if id(state) in seen:
        return
    seen.add(id(state))
    if isinstance(state, Tensor):
        yield state
    elif isinstance(state, (Mapping, list, tuple)):
        for part in state.values() if isinstance(state, Mapping) else state:
            yield from _tensors_in(part, seen)


def _check_objects(verb: str, objects: dict[str, Any]) -> None:
    for name, thing in objects.items():
        if name in _TAKEN:
            raise TypeError(f"checkpoint.{verb}: no object can be called {name!r}")
        for method in ("state_dict", "load_state_dict"):
            if not callable(getattr(thing, method, None)):
                raise TypeError(
                    f"checkpoint.{verb}: {name} is a {type(thing).__name__}, which has no {method}"
                )


def _check_parts(found: Checkpoint, objects: dict[str, Any], strict: bool) -> None:
    """Raise unless there is a state for each object, and an object for each state."""
    problems = [
        f"it has no state of {name!r}, only of {', '.join(map(repr, found.states)) or 'nothing'}"
        for name in objects
        if name not in found.states
    ]
    left = [name for name in found.states if name not in objects]
    if strict and left:
        problems.append(
            f"it also has the state of {', '.join(map(repr, left))}: give these objects as well, "
            "or take only a part of the file with strict=False"
        )
    for name, thing in objects.items():
        if name in found.states:
            problems += _misfits(name, thing, found, strict)
    if problems:
        raise StateDictError(
            f"checkpoint.load: the file {os.fspath(found.path)} does not fit: "
            + "; ".join(problems),
            operation="checkpoint.load",
        )


def _misfits(name: str, thing: Any, found: Checkpoint, strict: bool) -> list[str]:
    """Return why a state does not belong to an object that would take it in silence."""
    if isinstance(thing, Module):
        return []  # its weights have names and shapes
    kind, saved = type(thing).__name__, found.kinds[name]
    if strict and kind != saved:
        return [f"{name!r} is a {kind}, and the state is that of a {saved}"]
    if isinstance(thing, LRScheduler):
        own, state = thing.state_dict(), found.states[name]
        if own.keys() != state.keys():
            odd = sorted(own.keys() ^ state.keys())
            return [f"{name!r} and its state do not share {', '.join(odd)}"]
        groups, theirs = len(own.get("base_lrs", ())), len(state.get("base_lrs", ()))
        if groups != theirs:
            return [f"{name!r} has {groups} groups of parameters, and its state {theirs}"]
    return []


def _random_states() -> dict[str, Any]:
    return {
        "candle_ffi": candle_random.get_rng_state(),
        "python": random.getstate(),
        "numpy": np.random.get_state(legacy=False),  # noqa: NPY002  # that of others is meant
    }


def _set_random_states(found: Checkpoint, try_only: bool = False) -> None:
    """Go on with the random numbers of a checkpoint, or try whether that is possible."""
    python: Any = random.Random() if try_only else random
    numpy: Any = np.random.RandomState() if try_only else np.random
    candle = candle_random.Generator() if try_only else candle_random.default_generator
    try:
        candle.set_state(found.random["candle_ffi"])
        python.setstate(found.random["python"])
        numpy.set_state(found.random["numpy"])
    except (KeyError, TypeError, ValueError) as error:
        raise FileFormatError(
            f"checkpoint.load: the random states of {os.fspath(found.path)} are not valid here: "
            f"{error}; go on with other random numbers by random_state=False",
            operation="checkpoint.load",
        ) from None
