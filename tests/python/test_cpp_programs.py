"""The C++ headers, each compiled alone, and the tests and programs in bindings/cpp."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from installed import write_digits

from candle_ffi.__main__ import flags

ROOT = Path(__file__).resolve().parents[2]
INCLUDE = ROOT / "include"
PACKAGE = ROOT / "bindings" / "cpp"
HEADERS = [INCLUDE / "candle_ffi.hpp", *sorted((INCLUDE / "candle_ffi").glob("*.hpp"))]
STRICT = ["-Wall", "-Wextra", "-Wpedantic", "-Wshadow", "-Werror"]

CXX = shutil.which(os.environ.get("CXX", "c++"))
pytestmark = pytest.mark.skipif(CXX is None, reason="there is no C++ compiler")


def run(*command: object, folder: Path) -> str:
    """Run a command and return what it prints; a failure shows that too."""
    done = subprocess.run(
        [str(word) for word in command], cwd=folder, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, f"{' '.join(map(str, command))}\n{done.stdout}{done.stderr}"
    return done.stdout


def build(name: str, sources: list[Path], folder: Path, *libraries: str) -> Path:
    """Compile a program against the tree's headers and the package's library."""
    program = folder / name
    compiler = [CXX, "-std=c++17", *STRICT, f"-I{INCLUDE}"]
    libraries = (*libraries, *flags(False, True), "-lpthread")
    run(*compiler, *sources, "-o", program, *libraries, folder=folder)
    return program


def test_each_header_compiles_alone(tmp_path: Path) -> None:
    # Everything else here is C++17.
    compiler = [CXX, "-std=c++20", *STRICT, f"-I{INCLUDE}", "-fsyntax-only"]
    sources = [tmp_path / f"{header.stem}.cpp" for header in HEADERS[1:]]
    for source in sources:
        source.write_text(f"#include <candle_ffi/{source.stem}.hpp>\n")
    # One command compiles each on its own.
    run(*compiler, *sources, folder=tmp_path)


def test_the_headers_have_every_function_of_c_and_no_other() -> None:
    header = (INCLUDE / "candle_ffi.h").read_text()
    listed = (ROOT / "tests" / "abi" / "symbols.txt").read_text().splitlines()
    offered = {line.split("\t")[0] for line in listed if line.startswith("candle_")}
    # What a longer form has with a default.
    older = {
        re.search(r"\*/\s+CandleStatus (\w+)\(", header[match.end() :])[1]  # type: ignore[index]
        for match in re.finditer(r"Without [^*]+, which `\w+` has\.", header)
    }
    code = "".join(path.read_text() for path in HEADERS)
    code = re.sub(r"//.*", "", code)
    used = set(re.findall(r"\bcandle_\w+(?=\(|,|>|\))", code))
    assert offered - used == older
    assert used - offered <= {"candle_ffi"}


GOOGLE_TESTS = sorted((PACKAGE / "tests").glob("*.cpp"))
needs_google_test = pytest.mark.skipif(
    not Path("/usr/include/gtest/gtest.h").exists(), reason="there is no GoogleTest"
)


@needs_google_test
def test_google_tests(tmp_path: Path) -> None:
    program = build("tests", GOOGLE_TESTS, tmp_path, "-lgtest_main", "-lgtest")
    printed = run(program, folder=tmp_path)
    assert re.search(r"\[  PASSED  \] [1-9]\d* tests\.", printed), printed


@needs_google_test
def test_google_tests_are_cpp20_too(tmp_path: Path) -> None:
    compiler = [CXX, "-std=c++20", *STRICT, f"-I{INCLUDE}", "-fsyntax-only"]
    run(*compiler, *GOOGLE_TESTS, folder=tmp_path)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (PACKAGE / "README.md", r"f\(0\.5, 0\.5\) = 2\.\d\d\n"),
        (ROOT / "README.md", r"2\n4\n6\n"),
        (INCLUDE / "candle_ffi.hpp", r"2\n4\n6\n"),
    ],
    ids=["package", "readme", "header"],
)
def test_an_example_in_text_runs(path: Path, expected: str, tmp_path: Path) -> None:
    text = path.read_text()
    if path.suffix == ".md":
        (code,) = re.findall(r"```cpp\n(.*?)```", text, re.DOTALL)
    else:
        lines = re.findall(r"^///     (.*)$|^(///)$", text, re.M)
        code = "\n".join(line for line, _ in lines)
    source = tmp_path / "example.cpp"
    source.write_text(code)
    printed = run(build("example", [source], tmp_path), folder=tmp_path)
    assert re.fullmatch(expected, printed), printed


def test_hello(tmp_path: Path) -> None:
    program = build("hello", [PACKAGE / "examples" / "hello.cpp"], tmp_path)
    printed = run(program, folder=tmp_path)
    assert "[14 32]\n[32 77]\n" in printed
    assert "as expected, matmul" in printed


def test_train_regression(tmp_path: Path) -> None:
    program = build("regression", [PACKAGE / "examples" / "train_regression.cpp"], tmp_path)
    printed = run(program, folder=tmp_path)
    losses = [float(loss) for loss in re.findall(r"^epoch +\d+  loss (\S+)$", printed, re.M)]
    assert len(losses) == 10
    assert losses[-1] < 0.01 < losses[0]
    prediction = re.search(r"prediction for \[0\.5, 0\.5\]: (\S+)", printed)
    assert prediction is not None
    assert float(prediction[1]) == pytest.approx(2.5, abs=0.05)


@pytest.fixture(scope="module")
def digits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The program, compiled once."""
    source = PACKAGE / "examples" / "digits.cpp"
    return build("digits", [source], tmp_path_factory.mktemp("digits"))


def test_digits_are_learnt(digits: Path, tmp_path: Path) -> None:
    write_digits(tmp_path)
    printed = run(digits, "digits.csv", folder=tmp_path)
    accuracies = [float(accuracy) for accuracy in re.findall(r"accuracy (\S+)", printed)]
    assert len(accuracies) == 2
    assert accuracies[0] > 0.94
    assert accuracies[1] == accuracies[0], "the same from the file"


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("1,2,3", "digits.csv:2: expected 65 numbers, found 3"),
        (",".join(["x"] * 65), 'digits.csv:2: "x" is no number'),
        (",".join(["1"] * 64 + ["10"]), "digits.csv:2: the last number must be a digit"),
        (",".join(["1"] * 65), "digits.csv: too few digits"),
    ],
)
def test_digits_refuses_a_bad_table(line: str, message: str, digits: Path, tmp_path: Path) -> None:
    (tmp_path / "digits.csv").write_text(",".join(["1"] * 65) + "\n" + line + "\n")
    done = subprocess.run([digits, "digits.csv"], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr == message + "\n"
