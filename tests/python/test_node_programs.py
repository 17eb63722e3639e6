"""The Node package in bindings/node: built in a folder apart, tested, packed and used."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import tarfile
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
    run,
    short_forms,
)

PACKAGE = ROOT / "bindings" / "node"
GENERATED = PACKAGE / "src" / "generated"
# Functions of C that are not used, by what they begin with, and why.
NOT_USED = {
    "candle_tensor_from_blob": "the engine may move or drop its memory",
    "candle_tensor_data_ptr": "an address is of no use in JavaScript",
    "candle_tensor_to_dlpack": "no library of Node exchanges tensors by DLPack",
    "candle_tensor_from_dlpack": "no library of Node exchanges tensors by DLPack",
}

pytestmark = needs("node", "npm")


class Built:
    """A copy of the package with what it depends on, and the installed library that it finds."""

    def __init__(self, folder: Path, prefix: Path) -> None:
        self.folder = folder
        (found,) = [
            *prefix.glob("lib/libcandle_ffi.so.0"),
            *prefix.glob("lib/libcandle_ffi.0.dylib"),
        ]
        self.environment = {**os.environ, "CANDLE_FFI_LIBRARY": str(found)}

    def attempt(
        self, *command: object, folder: Path | None = None, **variables: str
    ) -> subprocess.CompletedProcess[str]:
        """Run a command and keep what it prints."""
        environment = {**self.environment, **variables}
        return attempt(*command, folder=folder or self.folder, environment=environment)

    def run(self, *command: object, folder: Path | None = None) -> str:
        """Run a command that must succeed, and return what it prints."""
        return run(*command, folder=folder or self.folder, environment=self.environment)


@pytest.fixture(scope="module")
def built(prefix: Path, tmp_path_factory: pytest.TempPathFactory) -> Built:
    """The package, compiled against what `npm ci` brings."""
    folder = tmp_path_factory.mktemp("node") / "candle-ffi"
    shutil.copytree(PACKAGE, folder, ignore=shutil.ignore_patterns("node_modules", "dist"))
    built = Built(folder, prefix)
    arguments = ["--ignore-scripts", "--prefer-offline", "--no-audit", "--no-fund"]
    done = built.attempt("npm", "ci", *arguments)
    errors = done.stderr
    if done.returncode != 0 and re.search(
        r"E(NOTFOUND|AI_AGAIN|CONNREFUSED|TIMEDOUT|NOTCACHED)", errors
    ):
        pytest.skip(f"the packages that it depends on cannot be had: {errors[-300:]}")
    assert done.returncode == 0, errors
    built.run("npm", "run", "build")
    return built


@pytest.fixture(scope="module")
def project(built: Built, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project of a user who has installed the packed package."""
    folder = tmp_path_factory.mktemp("project")
    built.run("npm", "pack", "--ignore-scripts", "--pack-destination", folder)
    modules = folder / "node_modules"
    modules.mkdir()
    for name in ("koffi", "@koromix", "@types", "undici-types"):
        (modules / name).symlink_to(built.folder / "node_modules" / name)
    (archive,) = folder.glob("candle-ffi-*.tgz")
    # Python 3.11 has filters from its fourth release on.
    filters = {"filter": "data"} if hasattr(tarfile, "data_filter") else {}
    shutil.unpack_archive(archive, folder, **filters)
    (folder / "package").rename(modules / "candle-ffi")
    (folder / "package.json").write_text('{"type": "module"}')
    return folder


def test_every_function_of_c_is_declared_and_used() -> None:
    raw = (GENERATED / "raw.ts").read_text()
    assert set(re.findall(r"^export const (candle_\w+):", raw, re.M)) == functions_of_c()
    sources = [path for path in PACKAGE.rglob("src/**/*.ts") if path.name != "raw.ts"]
    used = set(re.findall(r"\braw\.(candle_\w+)", "".join(path.read_text() for path in sources)))
    used.add("candle_ffi_abi_version")
    assert used <= functions_of_c()
    unused = {
        name
        for name in functions_of_c() - used - short_forms()
        if not name.startswith(tuple(NOT_USED))
    }
    assert unused == set()
    assert used.isdisjoint(short_forms())
    assert all(any(name.startswith(why) for name in functions_of_c() - used) for why in NOT_USED)


def test_the_suite_passes(built: Built) -> None:
    printed = built.run("node", "--test", "--test-reporter=tap")
    counts = dict(re.findall(r"^# (pass|fail|skipped) (\d+)$", printed, re.M))
    assert counts.keys() == {"pass", "fail", "skipped"}, printed
    assert (counts["fail"], counts["skipped"]) == ("0", "0")
    assert int(counts["pass"]) > 30


def test_hello(built: Built, tmp_path: Path) -> None:
    program = built.folder / "examples" / "hello.js"
    check_output("hello", built.run("node", program, folder=tmp_path))


def test_each_handle_is_right_where_it_is_used(built: Built, tmp_path: Path) -> None:
    program = built.folder / "examples" / "train_regression.js"
    done = built.attempt("node", program, folder=tmp_path, CANDLE_FFI_CHECKS="2")
    assert (done.returncode, done.stderr) == (0, "")
    assert "prediction" in done.stdout


def test_train_regression_is_that_of_cpp(built: Built, tmp_path: Path) -> None:
    printed = built.run("node", built.folder / "examples" / "train_regression.js", folder=tmp_path)
    check_output("train_regression", printed)
    prefix = Path(built.environment["CANDLE_FFI_LIBRARY"]).parents[1]
    made = in_cpp("train_regression", prefix, tmp_path)
    assert built.run(made, folder=tmp_path) == printed


def test_digits_are_learnt(built: Built, tmp_path: Path) -> None:
    write_digits(tmp_path)
    program = built.folder / "examples" / "digits.js"
    check_output("digits", built.run("node", program, "digits.csv", folder=tmp_path))


@bad_tables
def test_digits_refuses_a_bad_table(line: str, message: str, built: Built, tmp_path: Path) -> None:
    command = ["node", built.folder / "examples" / "digits.js"]
    check_refused(line, message, *command, folder=tmp_path, environment=built.environment)


def test_the_package_has_what_it_needs_and_no_more(built: Built) -> None:
    (told,) = json.loads(built.run("npm", "pack", "--dry-run", "--ignore-scripts", "--json"))
    packed = {entry["path"] for entry in told["files"]}
    sources = {path.relative_to(PACKAGE / "src") for path in PACKAGE.rglob("src/**/*.ts")}
    compiled = {f"dist/{path.with_suffix(end)}" for path in sources for end in (".js", ".d.ts")}
    programs = {f"examples/{name}.js" for name in ("hello", "train_regression", "digits")}
    texts = {"package.json", "README.md", "LICENSE-APACHE", "LICENSE-MIT"}
    assert packed == compiled | programs | texts
    for licence in ("LICENSE-APACHE", "LICENSE-MIT"):
        assert (PACKAGE / licence).read_text() == (ROOT / licence).read_text()
    lock = json.loads((PACKAGE / "package-lock.json").read_text())
    assert not any("resolved" in entry for entry in lock["packages"].values())
    assert re.search(rf'^version = "{re.escape(told["version"])}"$', manifest(), re.M)


def manifest() -> str:
    """Cargo's workspace, which has the version of all."""
    return (ROOT / "Cargo.toml").read_text()


def test_the_example_of_the_readme_runs(built: Built, project: Path) -> None:
    (code,) = re.findall(r"```js\n(.*?)```", (PACKAGE / "README.md").read_text(), re.DOTALL)
    (project / "example.js").write_text(code)
    printed = built.run("node", "example.js", folder=project)
    assert re.fullmatch(r"f\(0\.5, 0\.5\) = 2\.\d\d\n", printed), printed


def test_a_program_in_typescript_is_checked(built: Built, project: Path) -> None:
    for path in (PACKAGE / "tests" / "types").iterdir():
        shutil.copy(path, project)
    compiler = built.folder / "node_modules" / "typescript" / "bin" / "tsc"
    built.run("node", compiler, "-p", "tsconfig.json", folder=project)
