"""Where the tensors of a pickle go that were on a device when it was made."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from types import TracebackType

from candle_ffi.device import Device
from candle_ffi.errors import DeviceError

__all__ = ["map_location"]

_Places = Device | str | Mapping[str, Device | str]
#: Of each thread: what the blocks say that it is in, the innermost last.
_open = threading.local()


class map_location:  # noqa: N801  # PyTorch's name
    """Within a ``with`` block, bring the tensors of pickles to devices that are here.

    A pickled tensor returns to the device that it was on. Where that is missing, or is not the one
    that is wanted, this says where it goes instead.

    Parameters
    ----------
    location : Device, str or mapping
        The device for all of them; or devices by the names of those that the tensors were on, as
        in ``{"cuda:1": "cuda:0"}``, beside which the others stay.

    Raises
    ------
    DeviceError
        A device is not here.

    Notes
    -----
    The argument `map_location` of `torch.load`. `cf.load` and checkpoints need it not: what they
    read is on the CPU at first, whatever it was saved from.

    Examples
    --------
    >>> import candle_ffi as cf, pickle
    >>> data = pickle.dumps(cf.ones(2))
    >>> with cf.map_location("cpu"):
    ...     pickle.loads(data)
    tensor([1., 1.])
    """

    __slots__ = ("_places",)

    def __init__(self, location: _Places) -> None:
        if isinstance(location, Mapping):
            self._places: Device | dict[str, Device] = {
                str(name): Device(there) for name, there in location.items()
            }
        else:
            self._places = Device(location)

    def of(self, name: str) -> Device | str:
        """Return where a tensor goes.

        Parameters
        ----------
        name : str
            The device that it was on.
        """
        return self._places.get(name, name) if isinstance(self._places, dict) else self._places

    def __enter__(self) -> map_location:
        _open.blocks = [*getattr(_open, "blocks", ()), self]
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        _open.blocks = _open.blocks[:-1]


def restored_device(name: str) -> Device:
    """Return where a tensor goes that was on a device when it was pickled.

    Parameters
    ----------
    name : str
        The device.

    Raises
    ------
    DeviceError
        It is not here, and no `map_location` says what to take instead.
    """
    blocks = getattr(_open, "blocks", ())
    place = blocks[-1].of(name) if blocks else name
    try:
        return Device(place)
    except DeviceError as error:
        raise DeviceError(
            f"this pickle has something on {name}, and {error}; to open it elsewhere, load it "
            'within `with candle_ffi.map_location("cpu"):`',
            operation="unpickle",
            devices=error.devices,
        ) from None
