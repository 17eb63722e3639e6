"""The C++ headers, each compiled alone, and the tests and programs in bindings/cpp."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

import pytest
from installed import ROOT, write_digits
from programs import (
    IN_CPP,
    bad_tables,
    check_output,
    check_refused,
    functions_of_c,
    run,
    short_forms,
)

from candle_ffi.__main__ import flags

INCLUDE = ROOT / "include"
PACKAGE = ROOT / "bindings" / "cpp"
HEADERS = [INCLUDE / "candle_ffi.hpp", *sorted((INCLUDE / "candle_ffi").glob("*.hpp"))]
STRICT = ["-Wall", "-Wextra", "-Wpedantic", "-Wshadow", "-Werror"]

CXX = shutil.which(os.environ.get("CXX", "c++"))
pytestmark = pytest.mark.skipif(CXX is None, reason="there is no C++ compiler")


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
    code = "".join(path.read_text() for path in HEADERS)
    code = re.sub(r"//.*", "", code)
    used = set(re.findall(r"\bcandle_\w+(?=\(|,|>|\))", code))
    assert functions_of_c() - used == short_forms()
    assert used - functions_of_c() <= {"candle_ffi"}


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
    program = build("hello", [IN_CPP / "hello.cpp"], tmp_path)
    check_output("hello", run(program, folder=tmp_path))


def test_train_regression(tmp_path: Path) -> None:
    program = build("regression", [IN_CPP / "train_regression.cpp"], tmp_path)
    check_output("train_regression", run(program, folder=tmp_path))


@pytest.fixture(scope="module")
def digits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The program, compiled once."""
    source = IN_CPP / "digits.cpp"
    return build("digits", [source], tmp_path_factory.mktemp("digits"))


def test_digits_are_learnt(digits: Path, tmp_path: Path) -> None:
    write_digits(tmp_path)
    check_output("digits", run(digits, "digits.csv", folder=tmp_path))


@bad_tables
def test_digits_refuses_a_bad_table(line: str, message: str, digits: Path, tmp_path: Path) -> None:
    check_refused(line, message, digits, folder=tmp_path)
