"""The table of the results, as it is printed and as it is committed."""

from __future__ import annotations

import platform
from pathlib import Path
from typing import Any

Row = dict[str, Any]

INTRODUCTION = {
    "cpu": """\
# Benchmarks

Written by `make bench` (`benches/run.py`). The ratio is the other's time divided by
candle_ffi's: above 1, candle_ffi is faster. Both run in one process with the same
number of threads and take turns; each is judged by its best round. *memcpy* is
`numpy.copyto` into a new array, whose pages are touched for the first time as they are
in candle_ffi's copy. Where other processes run beside, PyTorch's threads wait for each
other: ratios far above 3 of lines that only pass over memory are then flattered.
""",
    "cuda": """\
# Benchmarks on CUDA

Written by `make bench-cuda` (`benches/run.py --device cuda`). The ratio is PyTorch's time
divided by candle_ffi's: above 1, candle_ffi is faster. Both run in one process on the same
GPU and take turns; a round ends when the GPU has done all that it was given, and each is
judged by its best round. f32 lines and those that name no type compute in float32 without
TF32 in both libraries (PyTorch's convolutions too, which use it when nothing is said). Rates
count the operations and bytes that the mathematics needs, not those that a kernel makes.
""",
}


def processor() -> str:
    """The model name of the processor."""
    try:
        for text in Path("/proc/cpuinfo").read_text().splitlines():
            if text.startswith("model name"):
                return text.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def verdict(row: Row) -> str:
    """The bar, and whether it is met."""
    return "" if row["bar"] is None else f"{row['bar']:.2f} {'met' if row['met'] else 'MISSED'}"


def printed(row: Row) -> str:
    """A line for the terminal."""
    if "error" in row:
        return f"{row['line']:46} FAILED: {row['error']}"
    times = f"{row['candle_ffi_us']:>9.2f} µs {row['other_us']:>9.2f} µs"
    return f"{row['line']:46} {times} {row['ratio']:>7.2f}  {verdict(row)}"


def speed(row: Row, time: str) -> str:
    """What is done in a second, where the line says what a call does."""
    if not row.get("work"):
        return ""
    return f"{row['work'] / (row[time] * 1e-6):,.1f} {row['rate']}"


def markdown(rows: list[Row], about: dict[str, Any], device: str) -> str:
    """The table as it is committed."""
    head = ["", "candle_ffi", "other", "", "ratio", "bar"]
    if device != "cpu":
        head[3] = "rates"
    text = [
        INTRODUCTION[device],
        ", ".join(f"{name} {value}" for name, value in about.items()),
        "",
        f"| {' | '.join(head)} |".replace("|  |", "| |"),
        "|---|---:|---:|---|---:|---:|",
    ]
    for row in rows:
        if "error" in row:
            text.append(f"| {row['line']} | failed: {row['error']} | | | | |")
            continue
        bar = "" if row["bar"] is None else f"{row['bar']:.2f} {'✓' if row['met'] else '✗'}"
        times = (f"{row[key]:,.2f} µs" for key in ("candle_ffi_us", "other_us"))
        remark = row["against"]
        if device != "cpu":
            rates = [speed(row, key) for key in ("candle_ffi_us", "other_us")]
            remark = ", ".join(filter(None, rates))
        cells = [row["line"], *times, remark, f"{row['ratio']:.2f}", bar]
        text.append("| " + " | ".join(cells) + " |")
    return "\n".join(text) + "\n"
