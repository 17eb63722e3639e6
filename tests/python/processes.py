"""Programs in sessions of their own, which tell whether any of their processes is left."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

#: Far more than anything takes, for machines that do ten things at once.
PATIENCE = 60.0


# What is started in the background, as some CI does, ignores Ctrl-C, and so do its children.
INTERRUPTIBLE = "import signal\nsignal.signal(signal.SIGINT, signal.default_int_handler)\n"


class Program:
    """A Python program that runs as a script; its output goes into files beside it."""

    def __init__(self, folder: Path, code: str) -> None:
        script = folder / "program.py"
        script.write_text(INTERRUPTIBLE + code)
        self._output = folder / "output.txt"
        self._errors = folder / "errors.txt"
        with self._output.open("wb") as output, self._errors.open("wb") as errors:
            self.process = subprocess.Popen(
                [sys.executable, "-u", str(script)],
                stdout=output,
                stderr=errors,
                start_new_session=True,
            )

    @property
    def output(self) -> str:
        return self._output.read_text()

    @property
    def errors(self) -> str:
        return self._errors.read_text()

    def until(self, text: str) -> str:
        """Wait for a word in the output, and return the output."""
        end = time.monotonic() + PATIENCE
        while text not in self.output:
            assert self.process.poll() is None, f"it has ended: {self.errors}"
            assert time.monotonic() < end, f"no {text!r} in {self.output!r}; {self.errors}"
            time.sleep(0.02)
        return self.output

    def interrupt(self) -> None:
        """What a terminal does when Ctrl-C is pressed."""
        os.killpg(self.process.pid, signal.SIGINT)

    def wait(self) -> int:
        return self.process.wait(PATIENCE)

    def members(self) -> list[int]:
        """The processes of the session, zombies aside."""
        found = []
        for stat in Path("/proc").glob("[0-9]*/stat"):
            try:
                fields = stat.read_text().rpartition(")")[2].split()
            except OSError:
                continue
            if fields[0] != "Z" and int(fields[3]) == self.process.pid:
                found.append(int(stat.parent.name))
        return found

    def uses_named_memory(self) -> bool:
        """Whether any of the processes has mapped a file that a crash would leave behind."""
        maps = [Path(f"/proc/{member}/maps") for member in self.members()]
        return any("/dev/shm/" in path.read_text() for path in maps if path.exists())

    def is_gone(self) -> bool:
        """Whether all processes end by themselves soon."""
        end = time.monotonic() + PATIENCE / 2
        while self.members():
            if time.monotonic() > end:
                return False
            time.sleep(0.02)
        return True

    def clean(self) -> None:
        """End whatever is left."""
        self.process.kill()
        for member in self.members():
            with contextlib.suppress(ProcessLookupError):
                os.kill(member, signal.SIGKILL)
        self.process.wait(PATIENCE)
