"""The examples in the docstrings run, and every public name has a docstring."""

from __future__ import annotations

import doctest
import importlib
import inspect
import pkgutil

import backend
import pytest

if backend.IS_TORCH:
    pytest.skip("the docstrings are candle_ffi's", allow_module_level=True)

import candle_ffi

MODULES = sorted(
    ["candle_ffi"]
    + [
        module.name
        for module in pkgutil.walk_packages(candle_ffi.__path__, "candle_ffi.")
        if ".examples" not in module.name and not module.name.endswith(("__main__", "_cffi"))
    ]
)


@pytest.mark.parametrize("name", MODULES)
def test_examples(name: str, tmp_path: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(str(tmp_path))  # some examples write files
    candle_ffi.manual_seed(0)
    options = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    result = doctest.testmod(importlib.import_module(name), optionflags=options)
    assert result.failed == 0, f"{result.failed} of {result.attempted} examples fail"


def test_there_are_examples() -> None:
    finder = doctest.DocTestFinder()
    tests = [test for name in MODULES for test in finder.find(importlib.import_module(name))]
    assert sum(len(test.examples) for test in tests) > 100


@pytest.mark.parametrize("name", [name for name in MODULES if "._" not in name])
def test_public_names_exist_and_are_described(name: str) -> None:
    module = importlib.import_module(name)
    assert module.__doc__, "the module has a docstring"
    for public in module.__all__:
        thing = getattr(module, public)
        if inspect.isclass(thing) or inspect.isfunction(thing):
            assert thing.__doc__, f"{public} has no docstring"


def test_nothing_public_is_missing_from_all() -> None:
    assert len(set(candle_ffi.__all__)) == len(candle_ffi.__all__)
    assert not [name for name in candle_ffi.__all__ if not hasattr(candle_ffi, name)]
