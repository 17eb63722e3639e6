"""The Java package in bindings/java: built apart with Maven, tested, documented and used."""

from __future__ import annotations

import os
import re
import subprocess
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest
from installed import ROOT, needs, write_digits
from programs import (
    attempt,
    bad_tables,
    check_output,
    check_refused,
    functions_of_c,
    in_cpp,
    short_forms,
)

PACKAGE = ROOT / "bindings" / "java"
SOURCES = PACKAGE / "src" / "main" / "java" / "io" / "github" / "candleffi"
EXAMPLES = PACKAGE / "examples"
# Functions of C that are not used, and why.
NOT_USED = {
    "candle_error_code": "the call has returned the same number",
    "candle_tensor_from_dlpack": "no library of Java exchanges tensors by DLPack",
    "candle_tensor_from_dlpack_unversioned": "no library of Java exchanges tensors by DLPack",
    "candle_tensor_to_dlpack": "no library of Java exchanges tensors by DLPack",
    "candle_tensor_to_dlpack_unversioned": "no library of Java exchanges tensors by DLPack",
}
# What Maven says where it cannot have what it needs.
NOT_THERE = (
    r"offline mode|Could not transfer|Unknown host|Connection refused|Network is unreachable"
)

pytestmark = needs("java", "javac", "javadoc", "mvn")


class Built:
    """What Maven has built, with an installed library for it."""

    def __init__(self, folder: Path, prefix: Path) -> None:
        self.folder = folder
        self.prefix = prefix
        # A runtime package has this name alone.
        names = [*prefix.glob("lib/libcandle_ffi.so.0"), *prefix.glob("lib/libcandle_ffi.0.dylib")]
        self.library = names[0]

    def attempt(self, *command: object, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run a command with the variable that names the library, or with others."""
        plain = {name: os.environ[name] for name in os.environ if name != "CANDLE_FFI_LIBRARY"}
        named = variables or {"CANDLE_FFI_LIBRARY": str(self.library)}
        return attempt(*command, folder=self.folder, environment={**plain, **named})

    def run(self, *command: object) -> str:
        """Run a command that must succeed, and return what it prints."""
        done = self.attempt(*command)
        assert done.returncode == 0, f"{' '.join(map(str, command))}\n{done.stdout}{done.stderr}"
        return done.stdout

    @property
    def jar(self) -> Path:
        """The jar, beside what it depends on."""
        (jar,) = self.folder.glob("candle-ffi-*.jar")
        return jar

    def java(self, program: Path, *arguments: str) -> str:
        """Run a program of one file."""
        return self.run("java", "-cp", self.jar, program, *arguments)


@pytest.fixture(scope="module")
def built(prefix: Path, tmp_path_factory: pytest.TempPathFactory) -> Built:
    """The package, with what its tests report."""
    folder = tmp_path_factory.mktemp("java")
    built = Built(folder, prefix)
    where = ["-f", PACKAGE / "pom.xml", f"-Dbuild.dir={folder}", "-Dmaven.test.failure.ignore=true"]
    for offline in (["-o"], []):
        done = built.attempt("mvn", "-B", "-ntp", "-q", *offline, *where, "package")
        if done.returncode == 0:
            return built
        if not re.search(NOT_THERE, done.stdout + done.stderr):
            break
    else:
        pytest.skip(f"Maven cannot have what it needs: {done.stdout[-300:]}")
    raise AssertionError(done.stdout + done.stderr)


def test_junit(built: Built) -> None:
    suites = [
        ElementTree.parse(path).getroot() for path in built.folder.glob("surefire-reports/*.xml")
    ]
    failed = [
        f"{case.get('classname')}.{case.get('name')}: {problem.text}"
        for suite in suites
        for case in suite.iter("testcase")
        for problem in [*case.findall("failure"), *case.findall("error")]
    ]
    assert not failed, "\n".join(failed)
    assert len(suites) == len(list(PACKAGE.glob("src/test/java/**/*Test.java")))
    assert sum(int(suite.get("tests", 0)) for suite in suites) > 50


def test_hello(built: Built) -> None:
    check_output("hello", built.java(EXAMPLES / "Hello.java"))


def test_train_regression(built: Built) -> None:
    check_output("train_regression", built.java(EXAMPLES / "TrainRegression.java"))


def test_each_handle_is_right_where_it_is_used(built: Built) -> None:
    given = {"CANDLE_FFI_LIBRARY": str(built.library), "CANDLE_FFI_CHECKS": "2"}
    command = ["java", "-cp", built.jar, EXAMPLES / "TrainRegression.java"]
    done = built.attempt(*command, **given)
    assert (done.returncode, done.stderr) == (0, "")
    assert "prediction" in done.stdout


@pytest.fixture(scope="module")
def digits(built: Built) -> Path:
    """A table of digits, beside what was built."""
    return write_digits(built.folder)


def test_digits_are_learnt(built: Built, digits: Path) -> None:
    check_output("digits", built.java(EXAMPLES / "Digits.java", digits.name))


@pytest.mark.parametrize(
    ("name", "program"), [("train_regression", "TrainRegression"), ("digits", "Digits")]
)
def test_the_numbers_are_those_of_cpp(name: str, program: str, built: Built, digits: Path) -> None:
    made = in_cpp(name, built.prefix, built.folder)
    expected = built.run(made, digits.name)
    assert built.java(EXAMPLES / f"{program}.java", digits.name) == expected


@bad_tables
def test_digits_refuses_a_bad_table(line: str, message: str, built: Built) -> None:
    command = ["java", "-cp", built.jar, EXAMPLES / "Digits.java"]
    environment = {**os.environ, "CANDLE_FFI_LIBRARY": str(built.library)}
    check_refused(line, message, *command, folder=built.folder, environment=environment)


def test_the_readmes_example_runs(built: Built, tmp_path: Path) -> None:
    code = re.findall(r"```java\n(.*?)```", (PACKAGE / "README.md").read_text(), re.DOTALL)[0]
    (tmp_path / "Example.java").write_text(code)
    printed = built.java(tmp_path / "Example.java")
    assert re.fullmatch(r"f\(0\.5, 0\.5\) = 2\.\d\d\n", printed), printed


def test_the_library_is_looked_for(built: Built) -> None:
    hello = [built.jar, EXAMPLES / "Hello.java"]
    # The property goes before the variable.
    found = built.attempt(
        "java", f"-Dcandle_ffi.library={built.library}", "-cp", *hello, CANDLE_FFI_LIBRARY="/no"
    )
    assert found.returncode == 0, found.stderr
    # JNA's own search.
    path = f"-Djna.library.path={built.prefix}/lib"
    assert built.attempt("java", path, "-cp", *hello, LANG="C").returncode == 0
    missing = built.attempt("java", "-cp", *hello, CANDLE_FFI_LIBRARY="/nowhere/lib.so")
    assert (
        "the variable CANDLE_FFI_LIBRARY names /nowhere/lib.so, which is no file" in missing.stderr
    )
    broken = built.attempt("java", f"-Dcandle_ffi.library={built.jar}", "-cp", *hello, LANG="C")
    assert "which the property candle_ffi.library names, cannot be loaded" in broken.stderr
    nothing = built.attempt("java", "-Djna.nosys=true", "-cp", *hello, LANG="C")
    if nothing.returncode != 0:  # Else the library is installed on this machine.
        for tried in ("candle_ffi.library", "CANDLE_FFI_LIBRARY", "jna.library.path"):
            assert tried in nothing.stderr


def test_the_documentation_builds(built: Built, tmp_path: Path) -> None:
    (jna,) = built.folder.glob("lib/jna-*.jar")
    sources = sorted(SOURCES.glob("*.java"))
    options = ["-quiet", "-Xdoclint:all", "-Xmaxwarns", "100000", "-d", tmp_path, "-cp", jna]
    done = built.attempt("javadoc", *options, *sources)
    assert done.returncode == 0, done.stderr
    # Generated methods have no tags, and need none: their text says what the parameters are.
    generated = {path.name for path in sources if path.read_text().startswith("// Generated by")}
    warnings = re.findall(r"^\S*?(\w+\.java):\d+: warning: (.*)$", done.stderr, re.M)
    told = [
        (name, text)
        for name, text in warnings
        if name not in generated or not text.startswith(("no @param", "no @return", "no @throws"))
    ]
    assert not told


def test_every_function_of_c_is_used() -> None:
    natives = (SOURCES / "CandleLibrary.java").read_text()
    declared = set(re.findall(r"static native \w+ (candle_\w+)\(", natives))
    assert declared == functions_of_c()
    code = "".join(path.read_text() for path in SOURCES.glob("*.java"))
    used = set(re.findall(r"CandleLibrary(?:\.|::)(candle_\w+)", code))
    assert used <= declared
    assert declared - used == short_forms() | NOT_USED.keys()


def test_structures_lie_as_recorded() -> None:
    # What a C compiler has measured; later versions have these lines too.
    recorded = (ROOT / "tests" / "abi" / "version-1" / "layouts.txt").read_text()
    text = (SOURCES / "Layouts.java").read_text()
    compared = 0
    for name, members in re.findall(r"static final class (\w+) \{\n(.*?)\n    \}", text, re.DOTALL):
        for member, at in re.findall(r"long (\w+) = (\d+);", members):
            line = rf"^member Candle{name}\.{member.lower()} at (\d+):"
            if found := re.search(line, recorded, re.M):
                assert at == found[1], f"{name}.{member}"
                compared += 1
    assert compared > 100
