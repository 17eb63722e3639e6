"""Builds the CUDA emulator and lays it out where the loader looks for NVIDIA's libraries.

``python -m tools.cuda_emulator`` prints the folder, to be put into ``LD_LIBRARY_PATH`` before a
program starts: with it the library with CUDA loads and runs on a machine that has neither a GPU nor
any file of NVIDIA's; with ``--cudnn`` the machine has cuDNN, too. See crates/cuda-emulator.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
# What a program that uses CUDA 13 asks the loader for; one file answers to all of these names.
NAMES = (
    "libcuda.so.1",
    # What a Rust test that was linked to a stub asks for.
    "libcuda.so",
    "libcublas.so.13",
    "libcublasLt.so.13",
    "libcurand.so.10",
    "libcudart.so.13",
    "libnvrtc.so.13",
)
# Which a machine with CUDA has or has not: in a folder of its own, so that both are tested.
CUDNN = "libcudnn.so.9"


def build() -> Path:
    """Build the emulator and return its shared library."""
    command = ["cargo", "build", "--release", "--package", "cuda-emulator", "--lib"]
    run = subprocess.run(
        [*command, "--message-format", "json-render-diagnostics"],
        cwd=ROOT,
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    for line in run.stdout.splitlines():
        message = json.loads(line)
        if message.get("target", {}).get("name") != "cuda_emulator":
            continue
        for name in message.get("filenames", ()):
            if name.endswith(".so"):
                return Path(name)
    raise SystemExit("cargo has built no shared library of the emulator, which is for Linux only")


def folder(library: Path | None = None, *, cudnn: bool = False) -> Path:
    """Return the folder of links to the emulator, building it first.

    Parameters
    ----------
    library : pathlib.Path, optional
        The emulator, where it has been built already.
    cudnn : bool, optional
        Whether the machine has cuDNN.
    """
    library = library or build()
    links = library.parent / ("cuda-emulator-cudnn" if cudnn else "cuda-emulator")
    links.mkdir(exist_ok=True)
    for name in (*NAMES, CUDNN) if cudnn else NAMES:
        link = links / name
        # A link that is replaced in one step is there for those who look meanwhile.
        fresh = links / f".{name}.{os.getpid()}"
        fresh.symlink_to(os.path.relpath(library, links))
        fresh.replace(link)
    return links


if __name__ == "__main__":
    print(folder(cudnn="--cudnn" in sys.argv[1:]))
