"""What pip makes of the project, installed somewhere else and used from there by Python and C."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
WHEEL_LIMIT = 15 * 2**20

PROGRAM = """
#include <candle_ffi.h>
#include <stdio.h>

int main(void) {
    printf("%s %d\\n", candle_ffi_version(), candle_ffi_abi_version() >= CANDLE_FFI_ABI_VERSION);
    return 0;
}
"""


def run(*command: str | Path, **options: object) -> str:
    """The output of a command that must succeed."""
    done = subprocess.run(
        [str(word) for word in command], capture_output=True, text=True, check=False, **options
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wheel, built with the tools of this environment so that nothing is fetched."""
    folder = tmp_path_factory.mktemp("wheel")
    # Files that an earlier build left there would come into the wheel.
    shutil.rmtree(ROOT / "build", ignore_errors=True)
    run(
        *(sys.executable, "-m", "pip", "wheel", "--no-build-isolation", "--no-deps"),
        *("--wheel-dir", folder, ROOT),
    )
    (made,) = folder.glob("*.whl")
    return made


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the installed wheel."""
    folder = tmp_path_factory.mktemp("installed")
    run(sys.executable, "-m", "pip", "install", "--no-deps", "--target", folder, wheel)
    return folder


def environment(installed: Path) -> dict[str, str]:
    """The variables with which Python finds the installed package before this one."""
    return {**os.environ, "PYTHONPATH": str(installed)}


def test_one_wheel_for_every_python(wheel: Path) -> None:
    assert "-cp310-abi3-" in wheel.name
    assert wheel.stat().st_size < WHEEL_LIMIT


def test_the_wheel_has_library_header_and_types(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    assert {"candle_ffi/include/candle_ffi.h", "candle_ffi/py.typed"} <= names
    cpp = [ROOT / "include" / "candle_ffi.hpp", *(ROOT / "include" / "candle_ffi").glob("*.hpp")]
    assert len(cpp) > 20
    assert {f"candle_ffi/{path.relative_to(ROOT)}" for path in cpp} <= names
    described = {"pkgconfig/candle_ffi.pc", "cmake/candle_ffi/candle_ffi-config.cmake"}
    assert {f"candle_ffi/lib/{name}" for name in described} <= names
    assert any(name.startswith("candle_ffi/lib/libcandle_ffi") for name in names)
    assert any(name.startswith("candle_ffi/_cffi.abi3") for name in names)
    assert not any(name.endswith((".rs", ".cdef")) or "tests" in name for name in names)


def checker(wheel: Path, *only: str) -> subprocess.CompletedProcess[str]:
    """What the checker of releases says of a wheel."""
    command = [sys.executable, "-m", "tools.check_wheel", str(wheel)]
    for name in only:
        command += ["--only", name]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def test_the_wheel_says_what_is_inside(wheel: Path) -> None:
    done = checker(wheel, "size", "content")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "licences of " in done.stdout


@pytest.mark.parametrize(
    ("part", "message"),
    [
        ("sboms/candle_ffi.cdx.json", "missing: "),
        ("licenses/THIRD-PARTY-LICENSES.txt", "missing: "),
        ("lib/libcandle_ffi", "missing: "),
        ("METADATA", "RECORD: "),
    ],
)
def test_the_checker_misses_what_is_gone(
    part: str, message: str, wheel: Path, tmp_path: Path
) -> None:
    less = tmp_path / wheel.name
    with zipfile.ZipFile(wheel) as content, zipfile.ZipFile(less, "w") as written:
        for name in content.namelist():
            text = content.read(name)
            if name.endswith("/RECORD") and part != "METADATA":
                lines = text.decode().splitlines(keepends=True)
                text = "".join(line for line in lines if part not in line).encode()
            if part not in name:
                written.writestr(name, text)
    done = checker(less, "content")
    assert done.returncode == 1
    assert f"wrong: {message}" in done.stderr
    assert part.rpartition("/")[2] in done.stderr


def test_it_computes_from_another_folder(installed: Path, tmp_path: Path) -> None:
    code = (
        "import candle_ffi as cf; print(cf.__file__, (cf.ones(2, 2) @ cf.ones(2, 2)).sum().item())"
    )
    output = run(sys.executable, "-c", code, cwd=tmp_path, env=environment(installed))
    path, result = output.split()
    assert Path(path).is_relative_to(installed)
    assert result == "8.0"


@pytest.mark.skipif(shutil.which("cc") is None, reason="no C compiler")
def test_it_serves_c(installed: Path, tmp_path: Path) -> None:
    flags = run(
        *(sys.executable, "-m", "candle_ffi", "config", "--cflags", "--libs"),
        cwd=tmp_path,
        env=environment(installed),
    )
    (tmp_path / "program.c").write_text(PROGRAM)
    run("cc", "-o", "program", "program.c", *flags.split(), cwd=tmp_path)
    version, new_enough = run(tmp_path / "program", cwd="/").split()
    assert (version, new_enough) == (cargo_version(), "1")


def cargo_version() -> str:
    """The version that Cargo.toml states."""
    lines = (ROOT / "Cargo.toml").read_text().splitlines()
    return next(line.split('"')[1] for line in lines if line.startswith("version = "))


def test_versions_agree(wheel: Path) -> None:
    import candle_ffi

    assert candle_ffi.__version__ == cargo_version() == wheel.name.split("-")[1]


def test_the_source_distribution_has_all_that_building_needs(tmp_path: Path) -> None:
    run(
        *(sys.executable, "setup.py", "--quiet", "egg_info", "--egg-base", tmp_path),
        *("sdist", "--dist-dir", tmp_path),
        cwd=ROOT,
    )
    (archive,) = tmp_path.glob("*.tar.gz")
    with tarfile.open(archive) as content:
        names = {name.partition("/")[2] for name in content.getnames()}
    needed = run(
        *("git", "ls-files", "crates", "include", "candle_ffi", "bindings", "tools"),
        *("build.py", "setup.py"),
        cwd=ROOT,
    )
    assert set(needed.split()) | {"Cargo.toml", "Cargo.lock", "pyproject.toml"} <= names


def test_build_py_says_what_to_type() -> None:
    done = subprocess.run(
        [sys.executable, "build.py", "--wheel"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "pip wheel" in done.stderr


def test_config_without_a_question(installed: Path, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "candle_ffi", "config"],
        cwd=tmp_path,
        env=environment(installed),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "--cflags" in done.stderr
