"""Build the native library with Cargo, then the cffi extension; the rest is in pyproject.toml."""

from __future__ import annotations

import os
import shutil
import sys
import sysconfig
from pathlib import Path

from setuptools import setup
from setuptools.command.bdist_wheel import bdist_wheel
from setuptools.command.build_ext import build_ext
from setuptools_rust import Binding, RustExtension
from setuptools_rust import build as rust_build

ROOT = Path(__file__).resolve().parent
# A build in an environment of its own does not start from this folder.
sys.path.insert(0, str(ROOT))

from tools import cuda  # noqa: E402
from tools.contents import BILL, contents  # noqa: E402
from tools.install import host  # noqa: E402
from tools.layout import INCLUDE, descriptions, headers, version, wheel_names  # noqa: E402

PACKAGE = "candle_ffi"
LIBRARY, LINKED = wheel_names(sys.platform)
FREE_THREADED = bool(sysconfig.get_config_var("Py_GIL_DISABLED"))


def cargo_features() -> list[str]:
    """Return the Cargo features named by CANDLE_FFI_FEATURES, separated by commas or spaces."""
    return os.environ.get("CANDLE_FFI_FEATURES", "").replace(",", " ").split()


def package_folder(command: build_ext) -> Path:
    """Return the folder of the package that is being built; in place it is that of the sources."""
    return Path(command.get_ext_fullpath(f"{PACKAGE}._cffi")).parent


class BuildRust(rust_build.build_rust):
    """Put the library into the package under its own plain name."""

    def get_dylib_ext_path(self, ext: RustExtension, target_fname: str) -> str:
        command = self.get_finalized_command("build_ext")
        return str(package_folder(command) / "lib" / LIBRARY)

    def install_extension(self, ext: RustExtension, dylib_paths: list, *rest: object) -> None:
        super().install_extension(ext, dylib_paths, *rest)
        if LINKED != LIBRARY:
            # Windows links to a file beside the library, which Cargo leaves there.
            (built,) = dylib_paths
            folder = Path(self.get_dylib_ext_path(ext, "")).parent
            shutil.copyfile(f"{built.path}.lib", folder / LINKED)


class BuildExtension(build_ext):
    """Build the Rust library before the extension that links to it."""

    def run(self) -> None:
        rust = self.get_finalized_command("build_rust")
        rust.inplace = self.inplace
        self.run_command("build_rust")
        folder = package_folder(self)
        for header in headers():
            (folder / "include" / header).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(INCLUDE / header, folder / "include" / header)
        # What pkg-config and CMake read, as in an installed library.
        if sys.platform != "win32":
            target = "apple" if sys.platform == "darwin" else "linux"
            for path, text in descriptions(target, wheel=True).items():
                (folder / path).parent.mkdir(parents=True, exist_ok=True)
                (folder / path).write_text(text, encoding="utf-8")
        for extension in self.extensions:
            extension.extra_objects = [str(folder / "lib" / LINKED)]
        super().run()
        if cuda.wanted():
            cuda.build(folder)
        elif not self.inplace:
            # What an earlier build with CUDA has left.
            shutil.rmtree(folder / "lib" / "cuda", ignore_errors=True)


class BuildWheel(bdist_wheel):
    """Say in the wheel what is inside the library, and under which licences."""

    def write_wheelfile(self, wheelfile_base: str, *rest: object) -> None:
        super().write_wheelfile(wheelfile_base, *rest)
        library = Path(self.bdist_dir, PACKAGE, "lib", LIBRARY)
        features, libraries = cargo_features(), [library]
        with_cuda = library.parent / "cuda" / LIBRARY
        if with_cuda.exists():
            features, libraries = cuda.features(), [library, with_cuda]
        # An editable wheel has none, only the way to the sources.
        if not library.exists():
            return
        target = self.get_finalized_command("build_rust").target
        target = target if isinstance(target, str) else host()
        for name, text in contents(target, " ".join(features), libraries).items():
            folder = Path(wheelfile_base, "sboms" if name == BILL else "licenses")
            folder.mkdir(exist_ok=True)
            (folder / name).write_text(text, encoding="utf-8")
            if name != BILL:
                self.state(Path(wheelfile_base, "METADATA"), name)

    @staticmethod
    def state(metadata: Path, licence: str) -> None:
        """Name a licence file in the metadata, after those of the project."""
        head, separator, body = metadata.read_text(encoding="utf-8").partition("\n\n")
        head += f"\nLicense-File: {licence}"
        metadata.write_text(head + separator + body, encoding="utf-8")


setup(
    version=version(),
    rust_extensions=[
        RustExtension(
            PACKAGE,
            path="crates/candle-ffi/Cargo.toml",
            binding=Binding.NoBinding,
            debug=False,
            features=cargo_features(),
            # The crate types of its Cargo.toml: `cargo build` and this then share what they build.
            args=["--crate-type", "cdylib,staticlib,rlib"],
            # Also what `sdist --vendor-crates` says to `cargo vendor`.
            cargo_manifest_args=["--locked"],
        )
    ],
    cffi_modules=["build.py:ffibuilder"],
    cmdclass={"build_rust": BuildRust, "build_ext": BuildExtension, "bdist_wheel": BuildWheel},
    # One wheel serves every CPython from 3.10 on; the free-threaded ones have no such stable ABI.
    options={} if FREE_THREADED else {"bdist_wheel": {"py_limited_api": "cp310"}},
)
