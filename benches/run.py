"""Time candle_ffi and PyTorch side by side; write the table to benches/results.md and .json.

    python benches/run.py [--only TEXT] [--threads N] [--rounds N] [--no-write] [--strict]

The ratio is PyTorch's time divided by candle_ffi's: above 1, candle_ffi is faster.
"""

from __future__ import annotations

import argparse
import importlib
import json
import platform
import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch
from lines import Line
from timing import race

import candle_ffi

FOLDER = Path(__file__).parent


def every_line() -> list[Line]:
    """The lines of all files `lines*.py`."""
    names = sorted(path.stem for path in FOLDER.glob("lines*.py"))
    return [line for name in names for line in importlib.import_module(name).LINES]


def measure(line: Line, rounds: int) -> dict[str, Any]:
    """One row of the table."""
    other = np if line.against == "memcpy" else torch
    functions = {"ours": line.make(candle_ffi), "theirs": line.make(other)}
    seconds = race(functions, rounds)
    ratio = round(seconds["theirs"] / seconds["ours"], 2)  # the noise is larger than a digit more
    return {
        "line": line.name,
        "against": line.against,
        "candle_ffi_us": round(seconds["ours"] * 1e6, 3),
        "other_us": round(seconds["theirs"] * 1e6, 3),
        "ratio": ratio,
        "bar": line.bar and round(line.bar, 2),
        "met": None if line.bar is None else ratio >= round(line.bar, 2),
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


def markdown(rows: list[dict[str, Any]], about: dict[str, Any]) -> str:
    """The table as it is committed."""
    text = [
        "# Benchmarks",
        "",
        "Written by `make bench` (`benches/run.py`). The ratio is the other's time divided by",
        "candle_ffi's: above 1, candle_ffi is faster. Both run in one process with the same",
        "number of threads and take turns; each is judged by its best round. *memcpy* is",
        "`numpy.copyto` into a new array, whose pages are touched for the first time as they are",
        "in candle_ffi's copy. Where other processes run beside, PyTorch's threads wait for each",
        "other: ratios far above 3 of lines that only pass over memory are then flattered.",
        "",
        ", ".join(f"{name} {value}" for name, value in about.items()),
        "",
        "| | candle_ffi | other | | ratio | bar |",
        "|---|---:|---:|---|---:|---:|",
    ]
    for row in rows:
        bar = "" if row["bar"] is None else f"{row['bar']:.2f} {'✓' if row['met'] else '✗'}"
        times = (f"{row[key]:,.2f} µs" for key in ("candle_ffi_us", "other_us"))
        cells = [row["line"], *times, row["against"], f"{row['ratio']:.2f}", bar]
        text.append("| " + " | ".join(cells) + " |")
    return "\n".join(text) + "\n"


def main() -> int:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", default="", help="lines whose name contains this text")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--no-write", action="store_true")
    parser.add_argument("--strict", action="store_true", help="fail when a bar is missed")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    candle_ffi.set_num_threads(options.threads)
    about = {
        "candle_ffi": candle_ffi.__version__,
        "PyTorch": torch.__version__,
        "NumPy": np.__version__,
        "Python": platform.python_version(),
        "threads": options.threads,
        "on": processor(),
    }
    rows = []
    print(f"{'':46} {'candle_ffi':>12} {'other':>12} {'ratio':>7}  bar")
    for line in every_line():
        if options.only not in line.name:
            continue
        row = measure(line, options.rounds)
        rows.append(row)
        bar = "" if row["bar"] is None else f"{row['bar']:.2f} {'met' if row['met'] else 'MISSED'}"
        times = f"{row['candle_ffi_us']:>9.2f} µs {row['other_us']:>9.2f} µs"
        print(f"{row['line']:46} {times} {row['ratio']:>7.2f}  {bar}", flush=True)
    if not options.no_write and not options.only:
        (FOLDER / "results.json").write_text(
            json.dumps({"about": about, "rows": rows}, indent=1) + "\n"
        )
        (FOLDER / "results.md").write_text(markdown(rows, about))
    missed = [row["line"] for row in rows if row["met"] is False]
    if missed:
        print("missed: " + ", ".join(missed))
    return 1 if missed and options.strict else 0


if __name__ == "__main__":
    sys.exit(main())
