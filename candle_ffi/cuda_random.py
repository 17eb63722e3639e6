"""Random numbers of CUDA, under PyTorch's names: those of the one default generator.

The same seed gives the same numbers on every device, so that there is one generator for all.
"""

from __future__ import annotations

from collections.abc import Sequence

from candle_ffi import random
from candle_ffi.device import Device, device_count
from candle_ffi.random import State

__all__ = [
    "get_rng_state",
    "get_rng_state_all",
    "initial_seed",
    "manual_seed",
    "manual_seed_all",
    "set_rng_state",
    "set_rng_state_all",
]


def manual_seed(seed: int) -> None:
    """Start the sequence of a seed: that of all devices, as `cf.manual_seed` does.

    Parameters
    ----------
    seed : int
        Any integer; its lowest 64 bits count.

    Notes
    -----
    `torch.cuda.manual_seed`

    Examples
    --------
    >>> import candle_ffi as cf
    >>> cf.cuda.manual_seed(3)
    >>> cf.initial_seed()
    3
    """
    random.manual_seed(seed)


def manual_seed_all(seed: int) -> None:
    """Start the sequence of a seed: that of all devices, as `cf.manual_seed` does.

    Parameters
    ----------
    seed : int
        Any integer; its lowest 64 bits count.

    Notes
    -----
    `torch.cuda.manual_seed_all`
    """
    random.manual_seed(seed)


def initial_seed() -> int:
    """Return the seed of the default generator.

    Notes
    -----
    `torch.cuda.initial_seed`
    """
    return random.initial_seed()


def get_rng_state(device: Device | str | int = "cuda") -> State:
    """Return where the default generator stands, which is that of all devices.

    Parameters
    ----------
    device : Device, str or int, default "cuda"
        Whichever is meant, the state is the same.

    Notes
    -----
    `torch.cuda.get_rng_state`

    Examples
    --------
    >>> import candle_ffi as cf
    >>> (cf.cuda.get_rng_state() == cf.get_rng_state()).all().item()
    True
    """
    return random.get_rng_state()


def set_rng_state(new_state: State, device: Device | str | int = "cuda") -> None:
    """Continue from where `get_rng_state` was called, on all devices.

    Parameters
    ----------
    new_state : ndarray
        What it returned.
    device : Device, str or int, default "cuda"
        Whichever is meant, the generator is the same.

    Notes
    -----
    `torch.cuda.set_rng_state`
    """
    random.set_rng_state(new_state)


def get_rng_state_all() -> list[State]:
    """Return where the default generator stands, once for each CUDA device.

    Notes
    -----
    `torch.cuda.get_rng_state_all`
    """
    return [random.get_rng_state() for _ in range(device_count("cuda"))]


def set_rng_state_all(new_states: Sequence[State]) -> None:
    """Continue from where `get_rng_state_all` was called.

    Parameters
    ----------
    new_states : sequence of ndarray
        What it returned; nothing happens where that was nothing.

    Raises
    ------
    ValueError
        The states are not all the same, which those of one generator are.

    Notes
    -----
    `torch.cuda.set_rng_state_all`
    """
    states = [tuple(state) for state in new_states]
    if len(set(states)) > 1:
        raise ValueError("set_rng_state_all: one generator serves all devices, and has one state")
    for state in new_states[:1]:
        random.set_rng_state(state)
