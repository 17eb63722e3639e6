"""Which library is loaded, and what is said when it is not the one with CUDA.

Without a GPU: the driver is made here, and a copy of the library of the CPU stands for the one with
CUDA, which is loaded and bound to in the same way.
"""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import candle_ffi
from candle_ffi import _backend, _cuda_library
from tools.layout import wheel_names

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="CUDA is loaded on Linux"),
    pytest.mark.skipif(shutil.which("cc") is None, reason="no C compiler makes a driver"),
]

DRIVER = """
int cuDriverGetVersion(int *version) { *version = VERSION; return 0; }
int cuInit(unsigned flags) { return INIT; }
int cuDeviceGetCount(int *count) { *count = COUNT; return 0; }
int cuGetErrorString(int error, const char **text) {
    *text = error == 100 ? "no CUDA-capable device is detected" : "some error";
    return 0;
}
"""
# The choice, the library that the extension is bound to, a result of it, and why not CUDA.
REPORT = """
import candle_ffi as cf
from candle_ffi import _backend
maps = open("/proc/self/maps").read().splitlines()
bound = sorted({line.split()[-1] for line in maps if "libcandle_ffi" in line})
assert len(bound) == 1, bound
chosen, path = _backend.in_use()
assert bound == [path], (bound, path)
assert (cf.ones(2, 2) @ cf.ones(2, 2)).sum().item() == 8
print(chosen, _backend.why_not(), sep="|")
"""
ASK = """
import candle_ffi as cf
try:
    cf.zeros(1, device="cuda")
except cf.DeviceError as error:
    print(error)
assert cf.zeros(1).item() == 0
"""


def compiled(path: Path, source: str, *flags: str) -> Path:
    """A shared library of a line of C."""
    path.parent.mkdir(parents=True, exist_ok=True)
    text = path.with_suffix(".c")
    text.write_text(source)
    subprocess.run(["cc", "-shared", "-fPIC", *flags, "-o", path, text], check=True)
    return path


@dataclasses.dataclass
class Package:
    """A copy of the package that can be given a library with CUDA."""

    site: Path

    @property
    def cuda(self) -> Path:
        return self.site / "candle_ffi" / "lib" / "cuda" / _backend.LIBRARY

    def python(
        self, code: str, *, system: Path | None = None, fails: bool = False, **variables: str
    ) -> str:
        """What a program prints; `system` is a folder with what the system has of CUDA."""
        kept = {"PATH": os.environ["PATH"], "PYTHONPATH": str(self.site)}
        if system is not None:
            kept["LD_LIBRARY_PATH"] = str(system)
        done = subprocess.run(
            [sys.executable, "-c", code],
            cwd=self.site,
            env={**kept, **variables},
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert (done.returncode != 0) is fails, done.stdout + done.stderr
        return done.stderr if fails else done.stdout

    def report(self, **options: object) -> tuple[str, str]:
        """What was chosen, and why not CUDA."""
        chosen, _, reason = self.python(REPORT, **options).strip().partition("|")
        return chosen, reason

    def refusal(self, **options: object) -> str:
        """What `import` says where CUDA is asked for by hand."""
        told = self.python(
            "import candle_ffi", fails=True, CANDLE_FFI_BACKEND="cuda", **options
        ).splitlines()
        assert told[-1].startswith("ImportError: CANDLE_FFI_BACKEND=cuda, but "), told
        return told[-1]


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Package:
    """The package without a library with CUDA."""
    site = tmp_path_factory.mktemp("plain")
    source = Path(candle_ffi.__file__).parent
    ignored = shutil.ignore_patterns("__pycache__", "cuda")
    shutil.copytree(source, site / "candle_ffi", ignore=ignored)
    return Package(site)


@pytest.fixture
def package(plain: Package) -> Package:
    """The same with a library that needs two of CUDA 13.0, under names that no system has."""
    shutil.rmtree(plain.cuda.parent, ignore_errors=True)
    plain.cuda.parent.mkdir()
    shutil.copy(plain.site / "candle_ffi" / "lib" / _backend.LIBRARY, plain.cuda)
    describe(plain)
    return plain


@pytest.fixture
def without(plain: Package) -> Package:
    shutil.rmtree(plain.cuda.parent, ignore_errors=True)
    return plain


def describe(package: Package, **changes: object) -> None:
    """Write what the library needs."""
    header = package.site / "candle_ffi" / "include" / "candle_ffi.h"
    told = {
        "cuda": 13000,
        "libraries": ["libcublas.so.130", "libcurand.so.100"],
        "header": _cuda_library.header_digest(str(header)),
    }
    described = package.cuda.parent / _cuda_library.DESCRIPTION
    described.write_text(json.dumps({**told, **changes}))


def system(
    folder: Path,
    *,
    libraries: tuple[str, ...] = ("libcublas.so.130", "libcurand.so.100"),
    version: int = 13000,
    init: int = 0,
    count: int = 1,
) -> Path:
    """A folder as a system with a driver and CUDA has it."""
    compiled(
        folder / "libcuda.so.1",
        DRIVER,
        f"-DVERSION={version}",
        f"-DINIT={init}",
        f"-DCOUNT={count}",
    )
    for name in libraries:
        compiled(folder / name, "int there;", f"-Wl,-soname,{name}")
    return folder


def test_the_library_with_cuda_is_bound_to(package: Package, tmp_path: Path) -> None:
    assert package.report(system=system(tmp_path)) == ("cuda", "None")


def test_without_one_nothing_is_looked_for(without: Package, tmp_path: Path) -> None:
    code = """
import sys
import candle_ffi
assert "candle_ffi._cuda_library" not in sys.modules
assert "libcuda.so" not in open("/proc/self/maps").read()
"""
    without.python(code, system=system(tmp_path))
    chosen, reason = without.report(system=tmp_path)
    assert (
        chosen == "cpu" and "without its CUDA library" in reason and "CANDLE_FFI_CUDA=1" in reason
    )
    assert "CANDLE_FFI_CUDA=1" in without.refusal(system=tmp_path)


def test_by_hand(package: Package, tmp_path: Path) -> None:
    folder = system(tmp_path)
    chosen, reason = package.report(system=folder, CANDLE_FFI_BACKEND="cpu")
    assert (chosen, reason) == ("cpu", "CANDLE_FFI_BACKEND=cpu keeps CUDA away")
    assert package.report(system=folder, CANDLE_FFI_BACKEND="cuda") == ("cuda", "None")
    assert package.report(system=folder, CANDLE_FFI_BACKEND="")[0] == "cuda"
    told = package.python("import candle_ffi", fails=True, CANDLE_FFI_BACKEND="gpu").splitlines()
    assert told[-1] == ('ImportError: CANDLE_FFI_BACKEND is "cpu", "cuda" or not set, not \'gpu\'')


def refused(package: Package, system: Path | None, *parts: str, **variables: str) -> None:
    """The CPU serves, the reason is told, and `cuda` by hand is refused with the same words."""
    chosen, reason = package.report(system=system, **variables)
    assert chosen == "cpu"
    for told in (
        reason,
        package.python(ASK, system=system, **variables),
        package.refusal(system=system, **variables),
    ):
        for part in parts:
            assert part in told


@pytest.fixture
def bare(package: Package) -> Package:
    """The same where the system has no driver."""
    code = """
import ctypes
try:
    ctypes.CDLL("libcuda.so.1")
except OSError as why:
    print(why)
"""
    if not package.python(code):
        pytest.skip("this system has a driver")
    return package


def test_no_driver(bare: Package) -> None:
    refused(bare, None, "there is no NVIDIA driver (libcuda.so.1: ", "--gpus all")


def test_a_driver_older_than_the_libraries(package: Package, tmp_path: Path) -> None:
    folder = system(tmp_path, version=12040)
    refused(package, folder, "driver is for CUDA 12.4", "built for 13.0", "install a newer driver")


def test_a_newer_driver(package: Package, tmp_path: Path) -> None:
    assert package.report(system=system(tmp_path, version=14010))[0] == "cuda"


def test_libraries_that_are_not_there(package: Package, tmp_path: Path) -> None:
    folder = system(tmp_path, libraries=("libcurand.so.100",))
    refused(package, folder, "libcublas.so.130 of CUDA 13.0 cannot be loaded", "'candle-ffi[cuda]'")
    hidden = system(tmp_path / "none", libraries=())
    refused(package, hidden, "libcublas.so.130 and libcurand.so.100 of CUDA 13.0 cannot be loaded")


def test_libraries_of_wheels(package: Package, tmp_path: Path) -> None:
    folder = system(tmp_path, libraries=("libcurand.so.100",))
    wheel = package.site / "nvidia" / "cu13" / "lib"
    compiled(wheel / "libcublas.so.130", "int there;")
    try:
        assert package.report(system=folder)[0] == "cuda"
        (wheel / "libcublas.so.130").write_text("not a library\n" * 1000)
        refused(package, folder, "libcublas.so.130 of CUDA 13.0 cannot be loaded", "invalid ELF")
    finally:
        shutil.rmtree(package.site / "nvidia")


@pytest.mark.parametrize("variable", ["CUDA_HOME", "CUDA_PATH", None])
def test_libraries_of_a_toolkit(variable: str | None, package: Package, tmp_path: Path) -> None:
    """One that a variable names, or the one that the library was built with."""
    folder = system(tmp_path, libraries=())
    for name in ("libcublas.so.130", "libcurand.so.100"):
        compiled(tmp_path / "toolkit" / "lib64" / name, "int there;")
    if variable is None:
        describe(package, toolkit=str(tmp_path / "toolkit" / "lib64"))
        assert package.report(system=folder)[0] == "cuda"
    else:
        named = {variable: str(tmp_path / "toolkit")}
        assert package.report(system=folder, **named)[0] == "cuda"


def test_all_devices_hidden(package: Package, tmp_path: Path) -> None:
    folder = system(tmp_path)
    refused(package, folder, "CUDA_VISIBLE_DEVICES='' hides every device", CUDA_VISIBLE_DEVICES="")
    refused(package, folder, "CUDA_VISIBLE_DEVICES='-1' hides", CUDA_VISIBLE_DEVICES="-1")
    assert package.report(system=folder, CUDA_VISIBLE_DEVICES="0")[0] == "cuda"


@pytest.mark.parametrize(
    ("answers", "message"),
    [
        ({"init": 100}, "finds no GPU: no CUDA-capable device is detected (error 100)"),
        ({"count": 0}, "the NVIDIA driver finds no GPU"),
        ({"init": 999}, "finds no GPU: some error (error 999)"),
    ],
)
def test_a_driver_without_a_device(
    answers: dict[str, int], message: str, package: Package, tmp_path: Path
) -> None:
    """CUDA is not started by an import, but where it is asked for by hand."""
    folder = system(tmp_path, **answers)
    assert package.report(system=folder)[0] == "cuda"
    assert message in package.refusal(system=folder)
    seen = package.refusal(system=folder, CUDA_VISIBLE_DEVICES="7")
    assert "finds no GPU with CUDA_VISIBLE_DEVICES='7'" in seen


@pytest.mark.parametrize("answers", [{"init": 100}, {"count": 0}])
def test_what_is_installed_says_why_there_is_no_device(
    answers: dict[str, int], package: Package, tmp_path: Path
) -> None:
    code = "from candle_ffi.__main__ import main; main(['info'])"
    told = package.python(code, system=system(tmp_path, **answers))
    assert "0 cuda, 0 metal (the NVIDIA driver finds no GPU" in told, told


def test_the_advice_is_one_that_the_system_can_follow() -> None:
    assert "make cuda" in _backend.not_built("linux")
    for platform in ("darwin", "win32"):
        advice = _backend.not_built(platform)
        assert "Linux alone" in advice and platform in advice and "make cuda" not in advice


@pytest.mark.parametrize("platform", ["linux", "darwin", "win32"])
def test_the_package_looks_for_the_library_that_a_wheel_has(platform: str) -> None:
    named = _backend.LIBRARIES.get(platform, "libcandle_ffi.so.0")
    assert named == wheel_names(platform)[0]


def test_import_does_not_start_cuda(package: Package, tmp_path: Path) -> None:
    """A process that is forked after cuInit cannot use CUDA."""
    folder = system(tmp_path)
    aborting = DRIVER.replace("return INIT;", "__builtin_trap();")
    compiled(folder / "libcuda.so.1", aborting, "-DVERSION=13000", "-DCOUNT=1")
    assert package.report(system=folder)[0] == "cuda"


def test_a_library_that_is_none(package: Package, tmp_path: Path) -> None:
    package.cuda.write_text("not a library\n" * 1000)
    refused(package, system(tmp_path), "CUDA library of candle_ffi cannot be loaded", "invalid ELF")


def test_a_library_that_misses_a_function(package: Package, tmp_path: Path) -> None:
    source = "int cuNowhere(void); int candle_ffi_version(void) { return cuNowhere(); }"
    package.cuda.unlink()
    compiled(package.cuda, source, f"-Wl,-soname,{_backend.LIBRARY}")
    refused(package, system(tmp_path), "undefined symbol: cuNowhere", "build it again")


def test_a_library_of_other_sources(package: Package, tmp_path: Path) -> None:
    describe(package, header="0" * 64)
    refused(package, system(tmp_path), "built from other sources", "make cuda")
    (package.cuda.parent / _cuda_library.DESCRIPTION).unlink()
    refused(package, system(tmp_path), "library.json cannot be read")


def test_another_library_in_the_process(package: Package, tmp_path: Path) -> None:
    preloaded = package.site / "candle_ffi" / "lib" / _backend.LIBRARY
    chosen, reason = package.report(system=system(tmp_path), LD_PRELOAD=str(preloaded))
    assert chosen == "cpu" and "loaded another libcandle_ffi" in reason


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_children_choose_the_same(method: str, package: Package, tmp_path: Path) -> None:
    script = package.site / f"children_{method}.py"
    script.write_text(
        f"""
import multiprocessing
import candle_ffi as cf
from candle_ffi import _backend

def work(number):
    return _backend.in_use()[0], (cf.ones(3) * number).sum().item()

if __name__ == "__main__":
    with multiprocessing.get_context({method!r}).Pool(2) as pool:
        print(pool.map(work, [1, 2]))
"""
    )
    command = [sys.executable, str(script)]
    folder = system(tmp_path)
    for backend in ("cuda", "cpu"):
        variables = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(package.site),
            "LD_LIBRARY_PATH": str(folder),
            "CANDLE_FFI_BACKEND": backend,
        }
        done = subprocess.run(command, env=variables, capture_output=True, text=True, timeout=120)
        assert done.stdout.strip() == f"[('{backend}', 3.0), ('{backend}', 6.0)]", done.stderr


def test_info_tells(package: Package, tmp_path: Path) -> None:
    code = "import sys; from candle_ffi.__main__ import main; sys.exit(main(['info']))"
    told = package.python(code, system=system(tmp_path, version=13010))
    assert "backend: cuda (driver for CUDA 13.1)\n" in told
    assert f"library: {package.cuda}" in told
    older = system(tmp_path / "older", version=12040)
    assert "backend: cpu (the NVIDIA driver is for CUDA 12.4" in package.python(code, system=older)
