"""The Node package in bindings/node: built in a folder apart, tested, packed and used."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from installed import ROOT, needs, write_digits

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
    ) -> tuple[int, str, str]:
        """Run a command; return its exit status and what it prints."""
        words = [str(word) for word in command]
        words[0] = shutil.which(words[0]) or words[0]
        done = subprocess.run(
            words,
            cwd=folder or self.folder,
            env={**self.environment, **variables},
            capture_output=True,
            text=True,
            timeout=300,
        )
        return done.returncode, done.stdout, done.stderr

    def run(self, *command: object, folder: Path | None = None) -> str:
        """Run a command that must succeed, and return what it prints."""
        status, printed, errors = self.attempt(*command, folder=folder)
        assert status == 0, f"{' '.join(map(str, command))}\n{printed}{errors}"
        return printed


@pytest.fixture(scope="module")
def built(prefix: Path, tmp_path_factory: pytest.TempPathFactory) -> Built:
    """The package, compiled against what `npm ci` brings."""
    folder = tmp_path_factory.mktemp("node") / "candle-ffi"
    shutil.copytree(PACKAGE, folder, ignore=shutil.ignore_patterns("node_modules", "dist"))
    built = Built(folder, prefix)
    arguments = ["--ignore-scripts", "--prefer-offline", "--no-audit", "--no-fund"]
    status, _, errors = built.attempt("npm", "ci", *arguments)
    if status != 0 and re.search(r"E(NOTFOUND|AI_AGAIN|CONNREFUSED|TIMEDOUT|NOTCACHED)", errors):
        pytest.skip(f"the packages that it depends on cannot be had: {errors[-300:]}")
    assert status == 0, errors
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
    shutil.unpack_archive(archive, folder, filter="data")
    (folder / "package").rename(modules / "candle-ffi")
    (folder / "package.json").write_text('{"type": "module"}')
    return folder


def symbols() -> set[str]:
    """The functions of C."""
    listed = (ROOT / "tests" / "abi" / "symbols.txt").read_text().splitlines()
    return {line.split("\t")[0] for line in listed if line.startswith("candle_")}


def test_every_function_of_c_is_declared_and_used() -> None:
    header = (ROOT / "include" / "candle_ffi.h").read_text()
    older = {
        re.search(r"\*/\s+CandleStatus (\w+)\(", header[match.end() :])[1]  # type: ignore[index]
        for match in re.finditer(r"Without [^*]+, which `\w+` has\.", header)
    }
    raw = (GENERATED / "raw.ts").read_text()
    assert set(re.findall(r"^export const (candle_\w+):", raw, re.M)) == symbols()
    sources = [path for path in PACKAGE.rglob("src/**/*.ts") if path.name != "raw.ts"]
    used = set(re.findall(r"\braw\.(candle_\w+)", "".join(path.read_text() for path in sources)))
    used.add("candle_ffi_abi_version")
    assert used <= symbols()
    unused = {name for name in symbols() - used - older if not name.startswith(tuple(NOT_USED))}
    assert unused == set()
    assert used.isdisjoint(older)
    assert all(any(name.startswith(why) for name in symbols() - used) for why in NOT_USED)


def test_the_suite_passes(built: Built) -> None:
    printed = built.run("node", "--test", "--test-reporter=tap")
    counts = dict(re.findall(r"^# (pass|fail|skipped) (\d+)$", printed, re.M))
    assert counts.keys() == {"pass", "fail", "skipped"}, printed
    assert (counts["fail"], counts["skipped"]) == ("0", "0")
    assert int(counts["pass"]) > 30


def test_hello(built: Built, tmp_path: Path) -> None:
    printed = built.run("node", built.folder / "examples" / "hello.js", folder=tmp_path)
    assert "[14 32]\n[32 77]\n" in printed
    assert "as expected, matmul" in printed


def test_each_handle_is_right_where_it_is_used(built: Built, tmp_path: Path) -> None:
    program = built.folder / "examples" / "train_regression.js"
    status, printed, told = built.attempt("node", program, folder=tmp_path, CANDLE_FFI_CHECKS="2")
    assert (status, told) == (0, "")
    assert "prediction" in printed


def test_train_regression_is_that_of_cpp(built: Built, tmp_path: Path) -> None:
    printed = built.run("node", built.folder / "examples" / "train_regression.js", folder=tmp_path)
    losses = [float(loss) for loss in re.findall(r"^epoch +\d+  loss (\S+)$", printed, re.M)]
    assert len(losses) == 10
    assert losses[-1] < 0.01 < losses[0]
    prediction = re.search(r"prediction for \[0\.5, 0\.5\]: (\S+)", printed)
    assert prediction is not None
    assert float(prediction[1]) == pytest.approx(2.5, abs=0.05)
    if compiler := shutil.which(os.environ.get("CXX", "c++")):
        library = Path(built.environment["CANDLE_FFI_LIBRARY"])
        source = ROOT / "bindings" / "cpp" / "examples" / "train_regression.cpp"
        include = f"-I{library.parents[1] / 'include'}"
        found = [library, f"-Wl,-rpath,{library.parent}", "-lpthread"]
        program = tmp_path / "train_regression"
        built.run(compiler, "-std=c++17", include, source, "-o", program, *found)
        assert built.run(program, folder=tmp_path) == printed


def test_digits_are_learnt(built: Built, tmp_path: Path) -> None:
    write_digits(tmp_path)
    program = built.folder / "examples" / "digits.js"
    printed = built.run("node", program, "digits.csv", folder=tmp_path)
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
def test_digits_refuses_a_bad_table(line: str, message: str, built: Built, tmp_path: Path) -> None:
    (tmp_path / "digits.csv").write_text(",".join(["1"] * 65) + "\n" + line + "\n")
    program = built.folder / "examples" / "digits.js"
    status, _, errors = built.attempt("node", program, "digits.csv", folder=tmp_path)
    assert (status, errors) == (1, message + "\n")


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
