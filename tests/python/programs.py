"""What the packages of all languages have alike: the example programs, and the functions of C."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest
from installed import ROOT

IN_CPP = ROOT / "bindings" / "cpp" / "examples"


def attempt(
    *command: object, folder: Path, environment: Mapping[str, str] = os.environ, timeout: int = 600
) -> subprocess.CompletedProcess[str]:
    """Run a command in a folder and keep what it prints."""
    words = [str(word) for word in command]
    # On Windows npm is a script, which only its whole name finds.
    words[0] = shutil.which(words[0], path=environment.get("PATH")) or words[0]
    return subprocess.run(
        words, cwd=folder, env=environment, capture_output=True, text=True, timeout=timeout
    )


def run(*command: object, folder: Path, environment: Mapping[str, str] = os.environ) -> str:
    """Run a command that must succeed and return what it prints; a failure shows that too."""
    done = attempt(*command, folder=folder, environment=environment)
    assert done.returncode == 0, f"{' '.join(map(str, command))}\n{done.stdout}{done.stderr}"
    return done.stdout


def check_output(program: str, printed: str) -> None:
    """Check that an example has done what it is for."""
    if program == "hello":
        assert "[14 32]\n[32 77]\n" in printed, printed
        assert "as expected, matmul" in printed, printed
    elif program == "train_regression":
        losses = [float(loss) for loss in re.findall(r"^epoch +\d+  loss (\S+)$", printed, re.M)]
        assert len(losses) == 10, printed
        assert losses[-1] < 0.01 < losses[0], printed
        prediction = re.search(r"prediction for \[0\.5, 0\.5\]: (\S+)", printed)
        assert prediction is not None, printed
        assert float(prediction[1]) == pytest.approx(2.5, abs=0.05)
    elif program == "digits":
        accuracies = [float(accuracy) for accuracy in re.findall(r"accuracy (\S+)", printed)]
        assert len(accuracies) == 2, printed
        assert accuracies[0] > 0.94
        assert accuracies[1] == accuracies[0], "the same from the file"
    else:
        raise AssertionError(program)


# A second line of a table of digits, and what the program that reads it says.
bad_tables = pytest.mark.parametrize(
    ("line", "message"),
    [
        ("1,2,3", "bad.csv:2: expected 65 numbers, found 3"),
        (",".join(["x"] * 65), 'bad.csv:2: "x" is no number'),
        (",".join(["1"] * 64 + ["10"]), "bad.csv:2: the last number must be a digit"),
        (",".join(["1"] * 65), "bad.csv: too few digits"),
    ],
)


def check_refused(
    line: str,
    message: str,
    *command: object,
    folder: Path,
    environment: Mapping[str, str] = os.environ,
) -> None:
    """Check that a program says what is wrong with a table, which is its last argument."""
    (folder / "bad.csv").write_text(",".join(["1"] * 65) + "\n" + line + "\n")
    done = attempt(*command, "bad.csv", folder=folder, environment=environment)
    assert (done.returncode, done.stderr) == (1, message + "\n")


def in_cpp(program: str, prefix: Path, folder: Path) -> Path:
    """Compile an example of the C++ package against an installed library."""
    compiler = shutil.which(os.environ.get("CXX", "c++"))
    if compiler is None:
        pytest.skip("there is no C++ compiler")
    made = folder / f"{program}_cpp"
    # Where only the runtime is installed there is no other name to link to.
    (library,) = [*prefix.glob("lib/libcandle_ffi.so.0"), *prefix.glob("lib/libcandle_ffi.0.dylib")]
    libraries = [library, f"-Wl,-rpath,{library.parent}", "-lpthread"]
    source = IN_CPP / f"{program}.cpp"
    run(
        compiler, "-std=c++17", f"-I{prefix}/include", source, "-o", made, *libraries, folder=folder
    )
    return made


def functions_of_c() -> set[str]:
    """The functions that the library offers."""
    listed = (ROOT / "tests" / "abi" / "symbols.txt").read_text().splitlines()
    return {line.split("\t")[0] for line in listed if line.startswith("candle_")}


def short_forms() -> set[str]:
    """The functions of which a longer form, which has defaults elsewhere, does the same."""
    header = (ROOT / "include" / "candle_ffi.h").read_text()
    found = re.finditer(r"Without [^*]+, which `\w+` has\.", header)
    names = (re.search(r"\*/\s+CandleStatus (\w+)\(", header[match.end() :]) for match in found)
    return {name[1] for name in names if name is not None}
