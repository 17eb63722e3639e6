"""The C library as it is installed: compiled against, linked and run from an empty directory."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest
from installed import (
    PROGRAMS,
    PROJECT,
    ROOT,
    Desk,
    cargo_folder,
    install,
    needs,
    tool,
)
from programs import check_output

import candle_ffi
from candle_ffi.__main__ import cmake_dir, library, pkg_config_dir

pytestmark = pytest.mark.skipif(
    sys.platform not in ("linux", "darwin"), reason="Windows has the wheel alone"
)
WHEN = 1_700_000_000
LOADER = "DYLD_LIBRARY_PATH" if sys.platform == "darwin" else "LD_LIBRARY_PATH"


def dist(folder: Path) -> str:
    """Write the archive into a folder and return what is printed, its path."""
    arguments = ["--output", folder, "--built", cargo_folder()]
    return tool("dist", *arguments, SOURCE_DATE_EPOCH=str(WHEN))


@pytest.fixture(scope="module")
def staged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where DESTDIR put it, with libraries in a folder of folders."""
    return install(tmp_path_factory.mktemp("staged"), "--libdir", "lib/x86_64-some-system")


@pytest.fixture(scope="module")
def moved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Moved after it was installed."""
    folder = tmp_path_factory.mktemp("moved")
    return install(folder / "first").rename(folder / "another-place")


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The archive of `make dist`."""
    if shutil.which("cargo") is None:
        pytest.skip("there is no cargo, which knows what is inside the library")
    return Path(dist(tmp_path_factory.mktemp("dist")).strip())


@pytest.fixture(scope="module")
def unpacked(archive: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The archive, unpacked by tar."""
    folder = tmp_path_factory.mktemp("unpacked")
    subprocess.run(["tar", "-xzf", archive], cwd=folder, check=True)
    (top,) = folder.iterdir()
    return top


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path / "desk")


TREES = ["staged", "moved", "unpacked"]


def tree_of(request: pytest.FixtureRequest, name: str) -> tuple[Path, Path]:
    """The tree of that name, and the folder of the libraries in it."""
    tree: Path = request.getfixturevalue(name)
    return tree, tree / "lib" / ("x86_64-some-system" if name == "staged" else "")


@needs("cc", "pkg-config")
@pytest.mark.parametrize("program", PROGRAMS)
@pytest.mark.parametrize("name", TREES)
def test_pkg_config(name: str, program: str, request: pytest.FixtureRequest, desk: Desk) -> None:
    _tree, lib = tree_of(request, name)
    found = {"PKG_CONFIG_PATH": lib / "pkgconfig"}
    assert desk.run("pkg-config", "--modversion", "candle_ffi", **found) == (
        f"{candle_ffi.__version__}\n"
    )
    flags = desk.run("pkg-config", "--cflags", "--libs", "candle_ffi", **found)
    shared = desk.compile(program, "shared", *flags.split())
    check_output(program, desk.run(shared, **{LOADER: lib}))
    # It needs the library by its SONAME, and is nothing without it.
    desk.run(shared, fails=True)
    where = desk.run("pkg-config", "--variable=libdir", "candle_ffi", **found).strip()
    told = desk.compile(program, "told", *flags.split(), f"-Wl,-rpath,{where}")
    check_output(program, desk.run(told))

    flags = desk.run("pkg-config", "--cflags", "--libs", "candle_ffi_static", **found)
    check_output(program, desk.run(desk.compile(program, "static", *flags.split())))


@needs("cc", "cmake")
@pytest.mark.parametrize("name", TREES)
def test_cmake(name: str, request: pytest.FixtureRequest, desk: Desk) -> None:
    _tree, lib = tree_of(request, name)
    desk.configure(PROJECT, "user", lib / "cmake" / "candle_ffi")
    desk.run("cmake", "--build", "user/build")
    for program in PROGRAMS:
        for kind in ("shared", "static"):
            check_output(program, desk.run(desk.folder / "user" / "build" / f"{program}_{kind}"))


@needs("c++", "pkg-config")
def test_headers_for_cpp(moved: Path, desk: Desk) -> None:
    if not (moved / "include" / "candle_ffi.hpp").exists():
        pytest.skip("this tree has no headers for C++")
    flags = desk.run(
        *("pkg-config", "--cflags", "candle_ffi"), PKG_CONFIG_PATH=moved / "lib" / "pkgconfig"
    )
    (desk.folder / "program.cpp").write_text("#include <candle_ffi.hpp>\nint main() {}\n")
    desk.run("c++", "-std=c++17", "-fsyntax-only", "program.cpp", *flags.split())


@needs("cc", "cmake")
def test_cmake_finds_it_by_its_prefix(moved: Path, desk: Desk) -> None:
    told = desk.configure(
        "cmake_minimum_required(VERSION 3.16)\nproject(user LANGUAGES NONE)\n"
        f'list(APPEND CMAKE_PREFIX_PATH "{moved}")\n'
        "find_package(candle_ffi REQUIRED)\n"
        "get_target_property(include candle_ffi::candle_ffi INTERFACE_INCLUDE_DIRECTORIES)\n"
        'message(STATUS "in ${include}")\n',
        "user",
        Path("no/such/folder"),
    )
    assert f"in {moved}/include\n" in told


@needs("cmake")
@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ("0.1", True),
        (f"{candle_ffi.__version__} EXACT", True),
        ("0", True),
        ("0.1...0.9", True),
        ("0.1 COMPONENTS shared static", True),
        ("99.0", False),
        ("0.99", False),
        (f"{candle_ffi.__version__}9 EXACT", False),
        ("1.0...2.0", False),
        ("0.1 COMPONENTS quick", False),
    ],
)
def test_cmake_asks_for_a_version(asked: str, found: bool, moved: Path, desk: Desk) -> None:
    project = (
        "cmake_minimum_required(VERSION 3.19)\nproject(user LANGUAGES NONE)\n"
        f"find_package(candle_ffi {asked} REQUIRED)\n"
    )
    told = desk.configure(project, "user", moved / "lib/cmake/candle_ffi", fails=not found)
    assert found or "candle_ffi" in told


@needs("cc", "pkg-config")
@pytest.mark.skipif(sys.platform != "linux", reason="a program without any shared library")
def test_a_program_without_any_shared_library(moved: Path, desk: Desk) -> None:
    if not Path(desk.run("cc", "-print-file-name=libc.a").strip()).is_absolute():
        pytest.skip("there is no static C library")
    flags = desk.run(
        *("pkg-config", "--static", "--cflags", "--libs", "candle_ffi"),
        PKG_CONFIG_PATH=moved / "lib" / "pkgconfig",
    )
    program = desk.compile("train_regression", "alone", "-static", *flags.split())
    check_output("train_regression", desk.run(program))


@needs("cc", "pkg-config", "cmake")
def test_the_python_package_serves_pkg_config_and_cmake(desk: Desk) -> None:
    command = [sys.executable, "-m", "candle_ffi", "config", "--cmake-dir", "--pkg-config-dir"]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert told.splitlines() == [str(cmake_dir()), str(pkg_config_dir())]
    flags = desk.run(
        *("pkg-config", "--cflags", "--libs", "candle_ffi"), PKG_CONFIG_PATH=pkg_config_dir()
    )
    # The package is where it is, so the program finds the library there without being told.
    check_output("hello", desk.run(desk.compile("hello", "program", *flags.split())))
    desk.configure(PROJECT, "user", cmake_dir())
    desk.run("cmake", "--build", "user/build")
    check_output("hello", desk.run(desk.folder / "user" / "build" / "hello_shared"))


@pytest.mark.skipif(sys.platform != "linux", reason="the names of Linux")
def test_version_links(moved: Path) -> None:
    lib = moved / "lib"
    real = f"libcandle_ffi.so.{candle_ffi.__version__}"
    assert os.readlink(lib / "libcandle_ffi.so") == "libcandle_ffi.so.0"
    assert os.readlink(lib / "libcandle_ffi.so.0") == real
    assert (lib / real).read_bytes() == library().read_bytes()


@needs("nm", "objcopy", "ld")
@pytest.mark.skipif(
    sys.platform != "linux", reason="elsewhere Cargo's archive is installed as it is"
)
def test_the_static_library_shows_the_interface_alone(moved: Path, desk: Desk) -> None:
    archive = moved / "lib" / "libcandle_ffi.a"
    listed = desk.run("nm", "--extern-only", "--defined-only", "--format=posix", archive)
    shown = {line.split()[0] for line in listed.splitlines() if len(line.split()) > 1}
    promised = (ROOT / "tests" / "abi" / "symbols.txt").read_text().splitlines()
    assert shown == {line.split("\t")[0] for line in promised if line.startswith("candle_")}
    assert archive.stat().st_size < 40 * 2**20


def test_installing_again_and_uninstalling(tmp_path: Path) -> None:
    tree = install(tmp_path)
    real = (tree / "lib" / library().name).resolve()
    before = real.stat().st_ino
    with real.open("rb") as used:
        install(tmp_path)
        # Who has the former one open keeps it.
        assert os.fstat(used.fileno()).st_ino == before != real.stat().st_ino
    foreign = tree / "lib" / "pkgconfig" / "zlib.pc"
    foreign.write_text("")
    tool("install", "--prefix", "/opt/candle", "--destdir", tmp_path, "--uninstall")
    assert [path for path in tree.rglob("*") if not path.is_dir()] == [foreign]
    assert not list(tree.rglob("candle_ffi"))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--prefix", "here"], "the prefix is not absolute: here"),
        (["--libdir", "/elsewhere/lib"], "/elsewhere/lib is not below the prefix /usr/local"),
        (["--built", "/no/such"], "is missing: build it with"),
        (["--target", "x86_64-pc-windows-msvc"], "only Linux and macOS"),
    ],
)
def test_what_cannot_be_installed(arguments: list[str], message: str, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tools.install", "--destdir", str(tmp_path), *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode != 0
    assert message in done.stderr


def test_the_archive_is_the_same_every_time(archive: Path, tmp_path: Path) -> None:
    stated, name = archive.with_name(f"{archive.name}.sha256").read_text().split()
    assert name == archive.name
    assert hashlib.sha256(archive.read_bytes()).hexdigest() == stated
    with tarfile.open(archive) as tar:
        entries = tar.getmembers()
    assert [entry.name for entry in entries] == sorted(entry.name for entry in entries)
    assert {(e.uid, e.gid, e.uname, e.gname, e.mtime) for e in entries} == {(0, 0, "", "", WHEN)}
    again = tmp_path / "again"
    previous = os.umask(0o077)
    try:
        told = dist(again)
    finally:
        os.umask(previous)
    assert Path(told.strip()).read_bytes() == archive.read_bytes()


def test_the_archive_says_what_is_inside(unpacked: Path) -> None:
    documents = unpacked / "share" / "doc" / "candle_ffi"
    assert {"LICENSE-APACHE", "LICENSE-MIT", "README.md"} <= {p.name for p in documents.iterdir()}
    bill = json.loads((documents / "candle_ffi.cdx.json").read_text())
    assert (bill["bomFormat"], bill["specVersion"]) == ("CycloneDX", "1.5")
    components = {entry["bom-ref"]: entry for entry in bill["components"]}
    assert len(components) == len(bill["components"]) > 50
    names = {entry["name"] for entry in components.values()}
    assert {"candle-core", "rayon", "gemm", "rust-std"} <= names
    assert not {"xtask", "cbindgen", "serde_derive"} & names, "what is not in the library"
    for entry in components.values():
        assert entry["licenses"][0]["expression"]
        assert entry["purl"].endswith(entry["version"].replace("+", "%2B"))
    refs = {*components, bill["metadata"]["component"]["bom-ref"]}
    assert {edge["ref"] for edge in bill["dependencies"]} == refs
    assert {ref for edge in bill["dependencies"] for ref in edge["dependsOn"]} < refs
    for file in bill["metadata"]["component"]["components"]:
        content = (unpacked / "lib" / file["name"]).read_bytes()
        assert file["hashes"][0]["content"] == hashlib.sha256(content).hexdigest()
    licences = (documents / "THIRD-PARTY-LICENSES.txt").read_text()
    for entry in components.values():
        stated = f"{entry['name']}@{entry['version']}"
        assert f"{entry['name']} {entry['version']} " in licences
        assert stated in licences, "a licence text names everyone it is of"


def test_the_makefile_hands_its_variables_on() -> None:
    if shutil.which("make") is None:
        pytest.skip("there is no make")
    places = ["PREFIX=/usr", "DESTDIR=/tmp/stage", "LIBDIR=lib64", "INCLUDEDIR=include/candle"]
    told = subprocess.run(
        ["make", "--dry-run", "install", *places, "TARGET=aarch64-unknown-linux-gnu"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    words = told.replace('"', "").split()
    assert "--package candle-ffi" in told
    for wanted in ("/usr", "/tmp/stage", "lib64", "include/candle", "aarch64-unknown-linux-gnu"):
        assert wanted in words
