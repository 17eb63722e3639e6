"""What a version of the ABI had, later ones have; a program of then runs with today's library."""

from __future__ import annotations

import gzip
import platform
import shutil
import sys
from pathlib import Path

import abi
import pytest

from candle_ffi.__main__ import library

FIRST = abi.RECORDS / "version-1"
VERSIONS = sorted(abi.RECORDS.glob("version-*"), key=lambda path: int(path.name.split("-")[1]))
STRICT = ["-std=c99", "-Wall", "-Wextra", "-Werror", "-pedantic"]

each_version = pytest.mark.parametrize("version", VERSIONS, ids=lambda path: path.name)
needs_cc = pytest.mark.skipif(shutil.which("cc") is None, reason="there is no C compiler")
needs_abidiff = pytest.mark.skipif(
    shutil.which("abidiff") is None or shutil.which("cc") is None,
    reason="there is no abidiff (Debian: abigail-tools)",
)
needs_the_machine = pytest.mark.skipif(
    (sys.platform, platform.machine()) != ("linux", "x86_64"),
    reason="what abidw recorded is of Linux on x86-64",
)


def test_the_first_version_of_this_major_is_recorded() -> None:
    assert VERSIONS[0] == FIRST
    names = {"candle_ffi.h", "layouts.txt", "types.abi.gz", "program.c", "symbols.txt"}
    assert names == {path.name for path in FIRST.iterdir()}


@each_version
def test_symbols_signatures_and_constants_are_what_they_were(version: Path) -> None:
    recorded = abi.lines_of(version / "symbols.txt")
    assert len(recorded) > 600
    assert not abi.broken(recorded, abi.lines_of(abi.SYMBOLS))


@needs_cc
@each_version
def test_types_have_the_layout_they_had(version: Path, tmp_path: Path) -> None:
    recorded = abi.lines_of(version / "layouts.txt")
    assert len(recorded) > 100
    assert not abi.broken(recorded, abi.layouts(abi.HEADER, tmp_path))


@needs_cc
def test_the_record_is_of_its_header(tmp_path: Path) -> None:
    assert abi.layouts(FIRST / "candle_ffi.h", tmp_path) == abi.lines_of(FIRST / "layouts.txt")
    header = " ".join((FIRST / "candle_ffi.h").read_text().split())
    for line in abi.lines_of(FIRST / "symbols.txt"):
        assert (line.split("\t")[1] if "\t" in line else f"#define {line} ") in header


RECORDED = [*abi.lines_of(FIRST / "symbols.txt"), *abi.lines_of(FIRST / "layouts.txt")]


def changed(old: str, new: str) -> list[str]:
    """The recorded lines with one text for another."""
    assert any(old in line for line in RECORDED), old
    return [line.replace(old, new) for line in RECORDED]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("candle_sgd_new(const", "candle_sgd_make(const"),
        ("CandleStatus candle_relu_new(", "int64_t candle_relu_new("),
        ("candle_celu_new(double alpha", "candle_celu_new(float alpha"),
        ("CANDLE_ERROR_SHAPE 20", "CANDLE_ERROR_SHAPE 21"),
        ("CANDLE_FFI_ABI_VERSION 1", "CANDLE_FFI_ABI_VERSION 0"),
        ("struct CandleIndex size 40", "struct CandleIndex size 48"),
        ("struct CandleSgdOptions size >= 48", "struct CandleSgdOptions size >= 40"),
        (
            "CandleSgdOptions size >= 48 align 8",
            "CandleSgdOptions size >= 64 align 16",
        ),
        ("CandleSgdOptions.lr at 8: double lr", "CandleSgdOptions.lr at 16: double lr"),
        ("CandleSgdOptions.lr at 8: double lr", "CandleSgdOptions.lr at 8: int64_t lr"),
        ("typedef int32_t CandleDType;", "typedef int64_t CandleDType;"),
        (
            "(*CandleLossCallback)(void *user_data, double *loss)",
            "(*CandleLossCallback)(double *loss)",
        ),
    ],
)
def test_a_change_is_found(old: str, new: str) -> None:
    problems = abi.broken(RECORDED, changed(old, new))
    assert len(problems) == 1
    assert old in problems[0]


def test_a_line_that_is_gone_is_found() -> None:
    for line in RECORDED:
        assert abi.broken(RECORDED, [other for other in RECORDED if other != line]) == [line]


def test_growing_is_no_change() -> None:
    grown = changed("struct CandleSgdOptions size >= 48", "struct CandleSgdOptions size >= 56")
    grown = [line.replace(f"{abi.VERSION} 1", f"{abi.VERSION} 2") for line in grown]
    more = [
        "CANDLE_ERROR_NEW 99",
        "candle_new\tvoid candle_new(void)",
        "typedef int32_t CandleNew;",
    ]
    assert not abi.broken(RECORDED, [*grown, *more])


@needs_cc
@pytest.mark.parametrize(
    "version", [path for path in VERSIONS if (path / "program.c").exists()], ids=lambda p: p.name
)
def test_a_program_of_then_runs_with_the_library_of_today(version: Path, tmp_path: Path) -> None:
    program = tmp_path / "program"
    shared = library()
    options = [*STRICT, f"-I{version}", f"-Wl,-rpath,{shared.parent}", "-lm"]
    abi.run(abi.compiler(), version / "program.c", shared, *options, "-o", program)
    printed = abi.run(program, tmp_path / "model.safetensors")
    assert printed == f"as in {version.name.replace('-', ' ')}\n"


def difference(version: Path, library: Path, header: Path, folder: Path) -> str:
    """What abidiff finds between a version and a library with a header; nothing if all is well."""
    recorded = folder / "recorded.abi"
    recorded.write_bytes(gzip.decompress((version / "types.abi.gz").read_bytes()))
    silent = folder / "silent.ini"
    silent.write_text(abi.suppressions(abi.read(version / "candle_ffi.h"), abi.read(header)))
    words = ["abidiff", "--no-added-syms", "--suppressions", silent, recorded, library]
    status, printed = abi.attempt(*words)
    assert status & 3 == 0, printed
    return printed if status else ""


@needs_abidiff
@needs_the_machine
@each_version
def test_abidiff_finds_nothing(version: Path, tmp_path: Path) -> None:
    described = abi.described_library(abi.HEADER, abi.SYMBOLS, tmp_path / "today")
    assert difference(version, described, abi.HEADER, tmp_path) == ""
    # The library itself is without types; its symbols and its name are compared.
    assert difference(version, library(), abi.HEADER, tmp_path) == ""


@needs_abidiff
@needs_the_machine
@pytest.mark.parametrize(
    ("old", "new", "found"),
    [
        ("candle_celu_new(double alpha", "candle_celu_new(float alpha", True),
        ("    double momentum;\n", "    int64_t momentum;\n", True),
        ("    int32_t has_start;\n", "", True),
        ("} CandleIndex;", "    int64_t more;\n} CandleIndex;", True),
        ("} CandleSgdOptions;", "    double more;\n} CandleSgdOptions;", False),
        ("    double lr;\n", "    double more;\n    double lr;\n", True),
        ("typedef int32_t CandleDType;", "typedef int64_t CandleDType;", True),
        ("#endif /* CANDLE_FFI_H */", "void candle_more(void);\n#endif", False),
    ],
)
def test_abidiff_finds_a_change(old: str, new: str, found: bool, tmp_path: Path) -> None:
    header, symbols = tmp_path / "changed.h", tmp_path / "symbols.txt"
    text = (FIRST / "candle_ffi.h").read_text()
    assert old in text
    header.write_text(text.replace(old, new, 1))
    symbols.write_text((FIRST / "symbols.txt").read_text().replace(old, new))
    described = abi.described_library(header, symbols, tmp_path / "changed")
    told = difference(FIRST, described, header, tmp_path)
    assert bool(told) is found, told


@needs_abidiff
@needs_the_machine
def test_abidiff_finds_a_function_that_is_gone(tmp_path: Path) -> None:
    fewer = [line for line in abi.lines_of(abi.SYMBOLS) if not line.startswith("candle_relu_new\t")]
    symbols = tmp_path / "symbols.txt"
    symbols.write_text("\n".join([*fewer, "candle_more\tvoid candle_more(void)"]) + "\n")
    described = abi.described_library(abi.HEADER, symbols, tmp_path / "fewer")
    told = difference(FIRST, described, abi.HEADER, tmp_path)
    assert "candle_relu_new" in told
    assert "candle_more" not in told


@pytest.mark.skipif(shutil.which("nm") is None, reason="there is no nm")
@pytest.mark.skipif(sys.platform != "linux", reason="reads an ELF library")
def test_the_library_exports_the_interface_and_nothing_else() -> None:
    printed = abi.run("nm", "-D", "--defined-only", "--format=posix", library())
    exported = {line.split()[0] for line in printed.splitlines()}
    assert exported == {line.split("\t")[0] for line in abi.lines_of(abi.SYMBOLS) if "\t" in line}
