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


def repeats(function: Function) -> int:
    """How often the function must be called to fill a round."""
    count = 1
    while True:
        seconds = run(function, count)
        if seconds > ROUND_SECONDS / 4:
            return max(1, round(count * ROUND_SECONDS / seconds))
        count *= 4


def run(function: Function, count: int) -> float:
    """Seconds of `count` calls."""
    calls = range(count)
    start = time.perf_counter()
    for _ in calls:
        function()
    return time.perf_counter() - start


def race(functions: Mapping[str, Function], rounds: int = 15) -> dict[str, float]:
    """Seconds per call of each function: its best of `rounds`."""
    counts = {name: repeats(function) for name, function in functions.items()}
    best = dict.fromkeys(functions, float("inf"))
    names = list(functions)
    gc.collect()
    gc.disable()
    try:
        for number in range(rounds):
            for name in names if number % 2 else reversed(names):
                time.sleep(PAUSE_SECONDS)
                functions[name]()
                seconds = run(functions[name], counts[name]) / counts[name]
                best[name] = min(best[name], seconds)
    finally:
        gc.enable()
    return best
