"""Time candle_ffi and PyTorch side by side; write the table to benches/results.md and .json.

    python benches/run.py [--device cuda] [--only TEXT] [--threads N] [--rounds N] [--no-write]
                          [--strict] [--tiny]

The ratio is PyTorch's time divided by candle_ffi's: above 1, candle_ffi is faster. On a GPU the
lines are those of cuda_*.py, and the results benches/results-cuda.md and .json.
"""

from __future__ import annotations

import argparse
import gc
import importlib
import json
import platform
import sys
from pathlib import Path
from typing import Any

import gpu
import numpy as np
import report

# Before candle_ffi, which takes the libraries of CUDA that PyTorch has loaded: both use the same.
import torch
from lines import DEVICES, Line
from timing import ROUND_SECONDS, race

import candle_ffi

FOLDER = Path(__file__).parent


def every_line(device: str = "cpu", tiny: bool = False) -> list[Line]:
    """The lines of all files `lines*.py`, or of `cuda_*.py`."""
    if device == "cuda":
        names = sorted(path.stem for path in FOLDER.glob("cuda_*.py"))
        return [line for name in names for line in importlib.import_module(name).lines(tiny)]
    names = sorted(path.stem for path in FOLDER.glob("lines*.py"))
    return [line for name in names for line in importlib.import_module(name).LINES]


def measure(line: Line, rounds: int, device: str = "cpu") -> report.Row:
    """One row of the table."""
    other = np if line.against == "memcpy" else torch
    functions = {"ours": line.make(candle_ffi), "theirs": line.make(other)}
    if device == "cuda":
        waits = {"ours": gpu.waiting(candle_ffi), "theirs": gpu.waiting(torch)}
        seconds = race(functions, rounds, waits, gpu.ROUND_SECONDS)
    else:
        seconds = race(functions, rounds, {}, ROUND_SECONDS)
    ratio = round(seconds["theirs"] / seconds["ours"], 2)  # the noise is larger than a digit more
    row = {
        "line": line.name,
        "against": line.against,
        "candle_ffi_us": round(seconds["ours"] * 1e6, 3),
        "other_us": round(seconds["theirs"] * 1e6, 3),
        "ratio": ratio,
        "bar": line.bar and round(line.bar, 2),
        "met": None if line.bar is None else ratio >= round(line.bar, 2),
    }
    return row | ({"work": line.work, "rate": line.rate} if line.work else {})


def measure_on_gpu(line: Line, rounds: int) -> report.Row:
    """The same on a GPU. A line that fails is a row that says so; the others are still measured."""
    try:
        for library in (candle_ffi, torch):
            gpu.exactness(library, line.tf32)
        return measure(line, rounds, "cuda")
    except Exception as problem:
        why = str(problem).partition("\n")[0]
        return {"line": line.name, "bar": line.bar, "met": None if line.bar is None else False,
                "error": f"{type(problem).__name__}: {why}"}  # fmt: skip
    finally:
        gc.collect()
        gpu.release(candle_ffi, torch)


def run_once(lines: list[Line]) -> int:
    """Run both sides of each line, and measure nothing: the sizes are tiny, the GPU need be none.

    What a line returns must be the same on both sides; training steps return nothing.
    """
    print(f"NO MEASUREMENT: tiny sizes, once; candle_ffi on {candle_ffi.cuda.get_device_name()},")
    print(f"PyTorch on {DEVICES['torch']}. Nothing is timed and no results are written.")
    failed = []
    for line in lines:
        try:
            results = []
            for library in (candle_ffi, torch):
                gpu.exactness(library, line.tf32)
                result = line.make(library)()
                if isinstance(result, library.Tensor):
                    results.append(result.cpu().to(library.float64).numpy())
            if len(results) == 1:
                raise AssertionError("one library returns a tensor, and the other none")
            if results:
                np.testing.assert_allclose(results[0], results[1], rtol=0.05, atol=0.05)
            print(f"{line.name:70} {'same result' if results else 'ran'}", flush=True)
        except Exception as problem:
            print(f"{line.name:70} FAILED: {type(problem).__name__}: {problem}", flush=True)
            failed.append(line.name)
    print("failed: " + ", ".join(failed) if failed else f"all {len(lines)} lines ran")
    return 1 if failed else 0


def main() -> int:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--only", default="", help="lines whose name contains this text")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--no-write", action="store_true")
    parser.add_argument("--strict", action="store_true", help="fail when a bar is missed")
    parser.add_argument(
        "--tiny", action="store_true", help="with --device cuda: run every line once, untimed"
    )
    options = parser.parse_args()
    device: str = options.device
    if options.tiny and device == "cpu":
        parser.error("--tiny is for --device cuda")
    torch.set_num_threads(options.threads)
    candle_ffi.set_num_threads(options.threads)
    about: dict[str, Any] = {
        "candle_ffi": candle_ffi.__version__,
        "PyTorch": torch.__version__,
        "NumPy": np.__version__,
        "Python": platform.python_version(),
        "threads": options.threads,
        "on": report.processor(),
    }
    if device == "cuda":
        if why := gpu.refusal(candle_ffi, torch, options.tiny):
            print(f"bench-cuda: {why}", file=sys.stderr)
            return 2
        there = torch.cuda.is_available()
        DEVICES.update(candle_ffi="cuda", torch="cuda" if there else "cpu")
    lines = [line for line in every_line(device, options.tiny) if options.only in line.name]
    if options.tiny:
        return run_once(lines)
    if device == "cuda":
        about |= gpu.about(candle_ffi, torch)
        print(", ".join(f"{name} {value}" for name, value in about.items()))
    rows = []
    print(f"{'':46} {'candle_ffi':>12} {'other':>12} {'ratio':>7}  bar")
    for line in lines:
        row = (measure_on_gpu if device == "cuda" else measure)(line, options.rounds)
        rows.append(row)
        print(report.printed(row), flush=True)
    if not options.no_write and not options.only:
        name = "results" if device == "cpu" else f"results-{device}"
        (FOLDER / f"{name}.json").write_text(
            json.dumps({"about": about, "rows": rows}, indent=1) + "\n"
        )
        (FOLDER / f"{name}.md").write_text(report.markdown(rows, about, device))
    failed = [row["line"] for row in rows if "error" in row]
    if failed:
        print("failed: " + ", ".join(failed))
    missed = [row["line"] for row in rows if row["met"] is False and "error" not in row]
    if missed:
        print("missed: " + ", ".join(missed))
    return 1 if failed or (missed and options.strict) else 0


if __name__ == "__main__":
    sys.exit(main())
