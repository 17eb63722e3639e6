"""The C programs: the tests in tests/c and the examples, compiled strictly and run."""

from __future__ import annotations

import gzip
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from installed import ROOT, write_digits
from programs import check_output, run

from candle_ffi.__main__ import flags

TESTS = ROOT / "tests" / "c"
EXAMPLES = ROOT / "examples" / "c"
HEADER = ROOT / "include" / "candle_ffi.h"
STRICT = ["-Wall", "-Wextra", "-Werror", "-pedantic"]
# A program is its file, and the units that it names in its comment.
PROGRAMS = sorted(TESTS.glob("test_*.c"))
UNITS = {"test_two_units": [TESTS / "two_units.c"]}

CC = shutil.which(os.environ.get("CC", "cc"))
CXX = shutil.which(os.environ.get("CXX", "c++"))
VALGRIND = shutil.which("valgrind")
CHECKED = ["-q", "--error-exitcode=9", "--leak-check=full", "--errors-for-leak-kinds=definite"]

# The child of a fork lacks the thread that was holding something: to Valgrind that is a leak, and
# the lock of AddressSanitizer's own allocator may be among it.
WATCHED = [path.stem for path in PROGRAMS if path.stem != "test_fork"]
SANITIZED = ["-g1", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"]
# Tests ask for more memory than there is, which is to be an error of the library and no finding.
SANITIZERS = {"ASAN_OPTIONS": "allocator_may_return_null=1", "UBSAN_OPTIONS": "print_stacktrace=1"}

needs_cc = pytest.mark.skipif(CC is None, reason="there is no C compiler")


def build(source: Path, folder: Path, standard: str = "c99", *options: str) -> Path:
    """Compile a program against the package's own header and library."""
    program = folder / source.stem
    sources = [source, *UNITS.get(source.stem, [])]
    compiler = [CC, f"-std={standard}", *STRICT, *options, f"-I{TESTS}", *flags(True, False)]
    # The libraries last: a linker takes from them what the sources before want.
    run(*compiler, *sources, "-o", program, *flags(False, True), "-lm", "-lpthread", folder=folder)
    return program


def test_the_package_has_the_header_of_the_tree() -> None:
    installed = Path(flags(True, False)[0].removeprefix("-I")) / "candle_ffi.h"
    assert installed.read_text() == HEADER.read_text()


@needs_cc
@pytest.mark.parametrize("standard", ["c99", "c11"])
@pytest.mark.parametrize("source", PROGRAMS, ids=lambda path: path.stem)
def test_program(source: Path, standard: str, tmp_path: Path) -> None:
    printed = run(build(source, tmp_path, standard), folder=tmp_path)
    assert re.search(r"^[1-9]\d* tests, 0 failures$", printed, re.M), printed


@needs_cc
@pytest.mark.skipif(VALGRIND is None, reason="there is no valgrind")
@pytest.mark.parametrize("name", WATCHED)
def test_program_under_valgrind(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Valgrind takes what the workers of the pool keep for lost.
    monkeypatch.setenv("CANDLE_FFI_NUM_THREADS", "1")
    program = build(TESTS / f"{name}.c", tmp_path)
    assert "0 failures" in run(VALGRIND, *CHECKED, program, folder=tmp_path)


@pytest.fixture(scope="module")
def sanitizers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment of programs that are built with sanitizers, where the compiler has them."""
    if CC is None:
        pytest.skip("there is no C compiler")
    folder = tmp_path_factory.mktemp("sanitizers")
    source = folder / "nothing.c"
    source.write_text("int main(void) { return 0; }\n")
    built = subprocess.run([CC, *SANITIZED, source, "-o", folder / "nothing"], capture_output=True)
    if built.returncode or subprocess.run([folder / "nothing"], capture_output=True).returncode:
        pytest.skip("the C compiler has no AddressSanitizer")
    return {**os.environ, **SANITIZERS}


@pytest.mark.parametrize("name", [*WATCHED, "hello", "train_regression"])
def test_program_with_sanitizers(
    name: str, sanitizers: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = EXAMPLES if (EXAMPLES / f"{name}.c").exists() else TESTS
    program = build(folder / f"{name}.c", tmp_path, "c99", *SANITIZED)
    for checks in "01":
        environment = {**sanitizers, "CANDLE_FFI_CHECKS": checks}
        done = subprocess.run(
            [program], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=300
        )
        assert done.returncode == 0, f"checks {checks}\n{done.stdout}{done.stderr}"
        assert folder == EXAMPLES or "tests, 0 failures" in done.stdout


def test_train_cnn_with_sanitizers(sanitizers: dict[str, str], tmp_path: Path) -> None:
    program = build(EXAMPLES / "train_cnn.c", tmp_path, "c99", *SANITIZED)
    command = [program, "--epochs", "1", "--batch", "8", *idx_digits(tmp_path, 20, 8, 8)]
    done = subprocess.run(command, env=sanitizers, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr


FAULTS = {
    # The library reads what the program says is there.
    "heap-buffer-overflow": """
        int64_t shape[1] = {4};
        float *values = malloc(3 * sizeof *values);
        candle_tensor_from_data(values, 16, shape, 1, NULL, CANDLE_DTYPE_FLOAT32,
                                CANDLE_DEVICE_CPU, 0, &tensor, NULL);
        free(values);
    """,
    "detected memory leaks": "candle_generator_new(1, &generator, NULL); generator = NULL;",
    "signed integer overflow": 'printf("%d", 2147483647 + (int)candle_ffi_abi_version());',
}


@pytest.mark.parametrize("fault", FAULTS)
def test_sanitizers_find_a_fault(fault: str, sanitizers: dict[str, str], tmp_path: Path) -> None:
    source = tmp_path / "fault.c"
    declarations = "CandleTensor *tensor = NULL; CandleGenerator *generator = NULL;"
    source.write_text(
        "#include <candle_ffi.h>\n#include <stdio.h>\n#include <stdlib.h>\n"
        f"int main(void) {{ {declarations} (void)tensor, (void)generator;\n"
        f"{FAULTS[fault]} return 0; }}\n"
    )
    program = build(source, tmp_path, "c99", *SANITIZED)
    done = subprocess.run([program], env=sanitizers, capture_output=True, text=True, timeout=60)
    assert done.returncode != 0
    assert fault in done.stderr


def functions_with(pattern: str) -> set[str]:
    """The functions of the header with an argument that a pattern finds."""
    declarations = re.sub(r"/\*.*?\*/", "", HEADER.read_text(), flags=re.S)
    found = re.findall(r"^[\w ]*\*?(candle_\w+)\(([^()]*)\);", declarations, re.M)
    assert len(found) > 500
    return {name for name, arguments in found if re.search(pattern, arguments)}


@pytest.mark.parametrize(
    ("argument", "wrong"),
    [
        (
            r"Candle(Tensor|Generator|TensorMap|Module|Optimizer|Profile|Graph|Error) \*(?!\*)",
            "bad_",
        ),
        (r"const char \*(?!const)", "NOT_UTF8"),
        (r"const char \*const \*", "not_utf8"),
        (r"Candle\w+Options \*", "struct_size"),
        (r"Candle(DType|DeviceKind|Reduction|\w+Mode|Approximate|\w+Activation) \w", "bad_numbers"),
    ],
    ids=["handles", "texts", "lists of texts", "structures", "constants"],
)
def test_every_function_is_given_what_is_wrong(argument: str, wrong: str) -> None:
    program = (TESTS / "test_misuse.c").read_text()
    bodies = dict(re.findall(r"^static void test_(\w+)\(void\) {\n(.*?)^}", program, re.M | re.S))
    expected = functions_with(argument)
    assert {name for name in expected if wrong not in bodies.get(name, "")} == set()
    assert len(expected) > 0


def test_what_is_freed_twice_is_told_on_standard_error(tmp_path: Path) -> None:
    source = tmp_path / "twice.c"
    source.write_text(
        "#include <candle_ffi.h>\n"
        "int main(void) {\n"
        "    CandleGenerator *generator = NULL;\n"
        "    if (candle_generator_new(1, &generator, NULL) != CANDLE_OK) return 1;\n"
        "    candle_generator_free(generator);\n"
        "    if (candle_ffi_checks() > 0) candle_generator_free(generator);\n"
        "    return (int)candle_ffi_misuses();\n"
        "}\n"
    )
    program = build(source, tmp_path)
    for level, misuses in {"0": 0, "1": 1, "2": 1}.items():
        environment = {**os.environ, "CANDLE_FFI_CHECKS": level}
        done = subprocess.run(
            [program], env=environment, capture_output=True, text=True, timeout=60
        )
        assert done.returncode == misuses
        told = "candle_ffi: the handle to be freed is a CandleGenerator that was freed\n"
        assert done.stderr == (told if level == "2" else "")
        assert done.stdout == ""


@needs_cc
@pytest.mark.parametrize("standard", ["c99", "c11", "c17"])
def test_the_header_alone_is_c(standard: str, tmp_path: Path) -> None:
    run(CC, f"-std={standard}", *STRICT, "-fsyntax-only", "-x", "c", HEADER, folder=tmp_path)


@pytest.mark.skipif(CXX is None, reason="there is no C++ compiler")
@pytest.mark.parametrize("standard", ["c++17", "c++20"])
def test_the_header_alone_is_cpp(standard: str, tmp_path: Path) -> None:
    run(CXX, f"-std={standard}", *STRICT, "-fsyntax-only", "-x", "c++", HEADER, folder=tmp_path)


@needs_cc
def test_hello(tmp_path: Path) -> None:
    check_output("hello", run(build(EXAMPLES / "hello.c", tmp_path), folder=tmp_path))


@needs_cc
def test_train_regression(tmp_path: Path) -> None:
    program = build(EXAMPLES / "train_regression.c", tmp_path)
    check_output("train_regression", run(program, folder=tmp_path))


def write_idx(path: Path, values: npt.NDArray[np.uint8]) -> Path:
    """Write a file as MNIST's: a magic number, sizes, and bytes."""
    header = [0x800 + values.ndim, *values.shape]
    path.write_bytes(b"".join(n.to_bytes(4, "big") for n in header) + values.tobytes())
    return path


def idx_digits(folder: Path, count: int, height: int, width: int) -> list[Path]:
    """Files of pictures that are bright above or below, with noise; the labels tell which."""
    random = np.random.default_rng(0)
    labels = random.integers(0, 2, count)
    images = random.integers(0, 100, (count, height, width))
    images[labels == 0, : height // 2] += 150
    images[labels == 1, height // 2 :] += 150
    return [
        write_idx(folder / "images", images.astype(np.uint8)),
        write_idx(folder / "labels", labels.astype(np.uint8)),
    ]


@pytest.fixture(scope="module")
def train_cnn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The program, compiled once."""
    if CC is None:
        pytest.skip("there is no C compiler")
    return build(EXAMPLES / "train_cnn.c", tmp_path_factory.mktemp("train_cnn"))


def python_example(*arguments: object, folder: Path) -> str:
    return run(sys.executable, "-m", "candle_ffi.examples.train_cnn", *arguments, folder=folder)


def losses_of(printed: str) -> list[float]:
    return [float(loss) for loss in re.findall(r"step \d+  loss (\S+)$", printed, re.M)]


def test_train_cnn_on_digits_prints_what_python_prints(train_cnn: Path, tmp_path: Path) -> None:
    write_digits(tmp_path)
    arguments = ["--epochs", 6, "--lr", 0.05, "--every", 1, "--seed", 3, "digits.csv"]
    printed = run(train_cnn, *arguments, folder=tmp_path)
    losses = losses_of(printed)
    assert len(losses) == 6 * 26, "every step's loss"
    assert sum(losses[-10:]) < 0.25 * sum(losses[:10])
    right = re.search(r"right: (\d+) of 179", printed)
    assert right is not None
    assert int(right[1]) > 150
    assert python_example(*arguments, folder=tmp_path) == printed


@pytest.mark.parametrize(("height", "width"), [(28, 28), (11, 6)])
def test_train_cnn_on_idx_files_prints_what_python_prints(
    height: int, width: int, train_cnn: Path, tmp_path: Path
) -> None:
    files = idx_digits(tmp_path, 110, height, width)
    arguments = ["--every", 1, "--batch", 16, "--epochs", 6, *files]
    printed = run(train_cnn, *arguments, folder=tmp_path)
    losses = losses_of(printed)
    assert len(losses) == 6 * 7
    assert losses[-1] < losses[0] / 2
    assert printed.endswith("right: 11 of 11\n")
    assert python_example(*arguments, folder=tmp_path) == printed
    other = run(train_cnn, *arguments, "--seed", 1, folder=tmp_path)
    assert losses_of(other) != losses, "the seed decides weights and order"


def damage(files: list[Path], how: str) -> None:
    """Make of good files what a message calls `how`."""
    images, labels = files
    content = images.read_bytes()
    if how == "the header is cut off":
        images.write_bytes(content[:9])
    elif how == "begins with":
        images.write_bytes(labels.read_bytes())
    elif how == "compressed":
        images.write_bytes(gzip.compress(content))
    elif how == "is cut off":
        images.write_bytes(content[:-1])
    elif how == "has bytes after":
        images.write_bytes(content + b"\0")
    elif how == "size 0":
        images.write_bytes(content[:8] + bytes(4) + content[12:])
    elif how == "size 4294967295":
        images.write_bytes(content[:8] + b"\xff" * 4 + content[12:])
    elif how == "has 20 images":
        write_idx(labels, np.zeros(19, np.uint8))
    elif how == "label 10":
        write_idx(labels, np.full(20, 10, np.uint8))
    elif how == "No such file":
        labels.unlink()
    else:
        raise AssertionError(how)


@pytest.mark.parametrize(
    "how",
    [
        "the header is cut off",
        "begins with",
        "compressed",
        "is cut off",
        "has bytes after",
        "size 0",
        "size 4294967295",
        "has 20 images",
        "label 10",
        "No such file",
    ],
)
def test_train_cnn_refuses_damaged_idx_files(how: str, train_cnn: Path, tmp_path: Path) -> None:
    files = idx_digits(tmp_path, 20, 8, 8)
    damage(files, how)
    done = subprocess.run([train_cnn, *files], capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert how in done.stderr
    assert done.stdout == ""
    python = [sys.executable, "-m", "candle_ffi.examples.train_cnn", *map(str, files)]
    assert subprocess.run(python, capture_output=True, timeout=60).returncode == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "there is no file"),
        (["a", "b", "c"], "one file too many: c"),
        (["--lr", "much", "a"], "no value for this option: --lr"),
        (["--batch", "0", "a"], "no value for this option: --batch"),
        (["a", "--seed"], "no value for this option: --seed"),
        (["--deep", "1", "a"], "unknown option: --deep"),
    ],
)
def test_train_cnn_tells_its_usage(arguments: list[str], message: str, train_cnn: Path) -> None:
    done = subprocess.run([train_cnn, *arguments], capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    assert message in done.stderr
    assert "usage:" in done.stderr


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("1,2,3", ":2: expected 65 numbers"),
        (",".join(["1"] * 66), ":2: expected 65 numbers"),
        (",".join(["17"] * 65), ":2: 17 is no whole number from 0 to 16"),
        (",".join(["0.5"] * 65), ":2: 0.5 is no whole number"),
        (",".join(["nan"] * 65), ":2: nan is no whole number"),
        (",".join(["1"] * 64 + ["10"]), ":2: 10 is no whole number from 0 to 9"),
        ("", "10 images of at least 4 x 4 pixels are needed"),
    ],
)
def test_train_cnn_refuses_a_bad_line(
    line: str, message: str, train_cnn: Path, tmp_path: Path
) -> None:
    digits = tmp_path / "digits.csv"
    digits.write_text(",".join(["1"] * 65) + "\n" + line + "\n")
    done = subprocess.run([train_cnn, digits], capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert message in done.stderr


@pytest.mark.skipif(VALGRIND is None, reason="there is no valgrind")
def test_train_cnn_under_valgrind(
    train_cnn: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CANDLE_FFI_NUM_THREADS", "1")
    files = idx_digits(tmp_path, 20, 8, 8)
    run(VALGRIND, *CHECKED, train_cnn, "--epochs", 1, "--batch", 8, *files, folder=tmp_path)
