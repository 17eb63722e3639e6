"""Copies between the host and a GPU, from memory of both kinds."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

from lines import DEVICES, MEGABYTES_64, Function, Line, array, put


def _pinned(library: ModuleType, tensor: Any) -> Any:
    """The same in memory that the GPU reads by itself; as it is where a library has no GPU."""
    return tensor.pin_memory() if DEVICES[library.__name__] != "cpu" else tensor


def upload(count: int, pinned: bool) -> Callable[[ModuleType], Function]:
    """To the GPU; of pinned memory without waiting for each copy."""

    def make(library: ModuleType) -> Function:
        x, device = library.from_numpy(array(count)), DEVICES[library.__name__]
        if pinned:
            x = _pinned(library, x)
        return lambda: x.to(device, non_blocking=pinned)

    return make


def download(count: int) -> Callable[[ModuleType], Function]:
    """To memory of the host that is taken for it."""

    def make(library: ModuleType) -> Function:
        x = put(library, array(count))
        return lambda: x.cpu()

    return make


def download_into(count: int, pinned: bool) -> Callable[[ModuleType], Function]:
    """To memory of the host that is there."""

    def make(library: ModuleType) -> Function:
        x, host = put(library, array(count)), library.from_numpy(array(count))
        if pinned:
            host = _pinned(library, host)
        return lambda: host.copy_(x)

    return make


def lines(tiny: bool) -> list[Line]:
    """The lines, or the same with next to nothing to copy."""
    found = []
    for count, size in ((3, "12 bytes"), (50, "200 bytes")) if tiny else (
        (1024, "4 KiB"), (MEGABYTES_64, "64 MiB"),
    ):  # fmt: skip
        for name, make in (
            ("to the device, pinned, non_blocking", upload(count, True)),
            ("to the device, pageable", upload(count, False)),
            ("to the host, new memory", download(count)),
            ("to the host, into pinned memory", download_into(count, True)),
            ("to the host, into pageable memory", download_into(count, False)),
        ):
            work = 4 * count / 1e9
            found.append(Line(f"copy {name}, {size}", make, work=work, rate="GB/s"))
    return found
