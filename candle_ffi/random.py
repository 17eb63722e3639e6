"""Random numbers: the default generator, and generators of one's own."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from candle_ffi._lib import check, ffi, lib
from candle_ffi.device import CPU, Device
from candle_ffi.restoring import restored_device

__all__ = ["Generator", "get_rng_state", "initial_seed", "manual_seed", "set_rng_state"]

State = np.ndarray[Any, np.dtype[np.uint64]]


class Generator:
    """A source of random numbers: the same seed gives the same numbers, for any number of threads.

    Parameters
    ----------
    device : Device or str, default "cpu"
        Kept as the attribute `device`. The numbers are the same on all devices, and any generator
        serves tensors on any of them.

    Raises
    ------
    DeviceError
        The device is not there.

    Notes
    -----
    `torch.Generator`

    Examples
    --------
    >>> import candle_ffi as cf
    >>> generator = cf.Generator().manual_seed(7)
    >>> first = cf.rand(3, generator=generator)
    >>> (cf.rand(3, generator=generator.manual_seed(7)) == first).all()
    tensor(True)
    """

    __slots__ = ("_handle", "device")

    _handle: Any
    device: Device

    def __init__(self, device: Device | str = CPU) -> None:
        self.device = Device(device)
        self._handle = lib.py_generator_new(_DEFAULT_SEED)

    def __del__(self, free: Any = lib.candle_generator_free) -> None:
        try:
            handle = self._handle
        except AttributeError:  # one that could not be made
            return
        free(handle)

    def manual_seed(self, seed: int) -> Generator:
        """Start the sequence of a seed, and return the generator.

        Parameters
        ----------
        seed : int
            Any integer; its lowest 64 bits count.
        """
        check(lib.py_generator_manual_seed(self._handle, _seed(seed)))
        return self

    def initial_seed(self) -> int:
        """Return the seed."""
        return int(lib.candle_generator_seed(self._handle))

    def get_state(self) -> State:
        """Return all there is to continue from here: the seed, and how many numbers were drawn."""
        words = ffi.new("uint64_t[2]")
        check(lib.py_generator_get_state(self._handle, words, words + 1))
        return np.array(list(words), np.uint64)

    def set_state(self, state: State) -> None:
        """Continue from where `get_state` was called.

        Parameters
        ----------
        state : ndarray
            What `get_state` returned.
        """
        seed, drawn = (int(word) for word in state)
        check(lib.py_generator_set_state(self._handle, seed, drawn))

    def __copy__(self) -> Generator:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Generator:
        other = Generator(self.device)
        other.set_state(self.get_state())
        return other

    def __reduce__(self) -> tuple[Any, ...]:
        if self.device == CPU:
            return (_restore, (self.get_state(),))
        return (_restore, (self.get_state(), str(self.device)))


# PyTorch's, for a generator that was given none.
_DEFAULT_SEED: Final = 67_280_421_310_721


def _seed(seed: int) -> int:
    return int(seed) & 0xFFFF_FFFF_FFFF_FFFF


def _restore(state: State, device: str = "cpu") -> Generator:
    generator = Generator(CPU if device == "cpu" else restored_device(device))
    generator.set_state(state)
    return generator


def _default_generator() -> Generator:
    """Return the object of the generator that is used where none is given: NULL for the library."""
    generator: Generator = object.__new__(Generator)
    generator.device, generator._handle = CPU, ffi.NULL
    return generator


default_generator: Final = _default_generator()


def manual_seed(seed: int) -> Generator:
    """Start the sequence of a seed for all that is drawn without a generator of its own.

    Parameters
    ----------
    seed : int
        Any integer; its lowest 64 bits count.

    Returns
    -------
    Generator
        The default generator.

    Examples
    --------
    >>> import candle_ffi as cf
    >>> generator = cf.manual_seed(0)
    >>> first = cf.randn(2)
    >>> generator = cf.manual_seed(0)
    >>> (cf.randn(2) == first).all()
    tensor(True)
    """
    return default_generator.manual_seed(seed)


def initial_seed() -> int:
    """Return the seed of the default generator."""
    return default_generator.initial_seed()


def get_rng_state() -> State:
    """Return where the default generator stands.

    Examples
    --------
    >>> import candle_ffi as cf
    >>> state = cf.get_rng_state()
    >>> first = cf.rand(2)
    >>> cf.set_rng_state(state)
    >>> (cf.rand(2) == first).all()
    tensor(True)
    """
    return default_generator.get_state()


def set_rng_state(state: State) -> None:
    """Continue from where `get_rng_state` was called.

    Parameters
    ----------
    state : ndarray
        What it returned.
    """
    default_generator.set_state(state)
