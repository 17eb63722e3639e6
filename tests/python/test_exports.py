"""The public names: each operation can be reached, and the map of the package is whole."""

from __future__ import annotations

import ast
import errno
import subprocess
import sys
from pathlib import Path

import pytest

import candle_ffi as cf
from candle_ffi import _ops

PACKAGE = Path(cf.__file__).parent


def test_every_operation_is_exported() -> None:
    known = {*cf.__all__, *cf.nn.functional.__all__, "TensorOps"}
    missing = [name for name in _ops.__all__ if name not in known]
    assert not missing, (
        f"add {', '.join(missing)} to the imports and __all__ of candle_ffi/__init__.py, "
        "or of candle_ffi/nn/functional.py where PyTorch has them there alone"
    )


def test_what_every_script_uses_is_at_the_top() -> None:
    names = ["Linear", "SGD", "SimpleNN", "Tensor", "load_pretrained_model", "mse_loss"]
    assert set(names) <= set(cf.__all__)
    assert all(hasattr(cf, name) for name in cf.__all__)
    assert cf.Linear is cf.nn.Linear


def test_every_operation_on_a_tensor_is_a_method() -> None:
    for name, function in vars(_ops.TensorOps).items():
        if not name.startswith("_"):
            assert callable(getattr(cf.Tensor, name)) and callable(function)


def test_one_module_knows_the_extension() -> None:
    knowing = [
        path.relative_to(PACKAGE).as_posix()
        for path in PACKAGE.rglob("*.py")
        if any(
            isinstance(node, ast.ImportFrom) and node.module == "candle_ffi._cffi"
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        )
    ]
    assert knowing == ["_lib.py"]


def test_importing_is_quick_and_quiet() -> None:
    code = (
        "import sys, candle_ffi; "
        "print(sorted(set(sys.modules) & {'torch', 'pandas', 'matplotlib', 'sklearn', 'tqdm'}))"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=True
    )
    assert (done.stdout.strip(), done.stderr) == ("[]", "")


def test_failures_of_files_are_pythons_too(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError) as caught:
        cf.load_file(tmp_path / "nowhere")
    assert isinstance(caught.value, cf.FileError)
    assert caught.value.errno == errno.ENOENT
