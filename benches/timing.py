"""Timing of several functions against each other, fair to all of them.

The machine's clock, caches and neighbours change from second to second, so the functions take turns
in short rounds, in alternating order, and each is judged by its best round.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Mapping

Function = Callable[[], object]

ROUND_SECONDS = 0.02
#: Between rounds: the other library's worker threads spin for a while before they sleep.
PAUSE_SECONDS = 0.005


def nothing() -> None:
    """What is waited for on the CPU, where a call returns when it has computed."""


def repeats(function: Function, wait: Function = nothing, seconds: float = ROUND_SECONDS) -> int:
    """How often the function must be called to fill a round."""
    count = 1
    while True:
        measured = run(function, count, wait)
        if measured > seconds / 4:
            return max(1, round(count * seconds / measured))
        count *= 4


def run(function: Function, count: int, wait: Function = nothing) -> float:
    """Seconds of `count` calls, until `wait` says that all of them are done."""
    calls = range(count)
    wait()
    start = time.perf_counter()
    for _ in calls:
        function()
    wait()
    return time.perf_counter() - start


def race(
    functions: Mapping[str, Function],
    rounds: int = 15,
    waits: Mapping[str, Function] | None = None,
    seconds: float = ROUND_SECONDS,
) -> dict[str, float]:
    """Seconds per call of each function: its best of `rounds`, each of about `seconds`.

    `waits` are what waits for a device, by the names of the functions: a call there only asks for
    what is then computed. All are done before the next function has its turn.
    """
    pause = dict.fromkeys(functions, nothing) | dict(waits or {})
    # The first call compiles kernels, finds algorithms and takes memory.
    for name, function in functions.items():
        run(function, 1, pause[name])
    counts = {name: repeats(function, pause[name], seconds) for name, function in functions.items()}
    best = dict.fromkeys(functions, float("inf"))
    names = list(functions)
    gc.collect()
    gc.disable()
    try:
        for number in range(rounds):
            for name in names if number % 2 else reversed(names):
                time.sleep(PAUSE_SECONDS)
                functions[name]()
                measured = run(functions[name], counts[name], pause[name]) / counts[name]
                best[name] = min(best[name], measured)
    finally:
        gc.enable()
    return best
