"""Every layer of the table: as PyTorch's, trainable, kept and copied whole."""

from __future__ import annotations

import copy
import pickle
from pathlib import Path
from typing import Any

import backend
import layers
import numpy as np
import pytest
from backend import cf, to_numpy
from layers import LAYERS, LayerCase

#: Modules that hold others, or whose call is a loss; they have tests of their own.
NOT_LAYERS = {
    "Module", "ModuleDict", "ModuleList", "Parameter", "ParameterDict", "ParameterList",
    "RNNBase", "RNNCellBase", "Sequential", "SimpleNN",
}  # fmt: skip
CASES = [pytest.param(case, id=case.id) for case in LAYERS]


@pytest.mark.parametrize("case", CASES)
def test_it_is_pytorchs(case: LayerCase) -> None:
    assert case.id in layers.read(), "no stored reference; run `make parity`"
    problems = layers.differences(layers.observe(cf, case), layers.read()[case.id])
    assert not problems, "\n".join(problems)


@pytest.mark.parametrize("case", CASES)
def test_every_parameter_gets_a_gradient(case: LayerCase) -> None:
    module = case.module(cf).train()
    outputs = layers.flat(cf, module(*map(layers.copied, case.tensors(cf))))
    graded = [y for y in outputs if y.requires_grad]
    names = [name for name, p in module.named_parameters() if p.requires_grad]
    if not names:
        return
    sum((y * y).sum() + y.sum() for y in graded).backward()
    missing = [name for name, p in module.named_parameters() if p.requires_grad and p.grad is None]
    assert not missing


@pytest.mark.parametrize("case", CASES)
def test_it_is_kept_and_copied(case: LayerCase, tmp_path: Path) -> None:
    module = case.module(cf).eval()
    expected = results(module, case)
    path = tmp_path / "layer.safetensors"
    module.save(path)
    loaded = case.make(cf.nn).double().eval().load(path)
    for other in (loaded, copy.deepcopy(module), pickle.loads(pickle.dumps(module))):
        assert all(
            np.array_equal(a, b, equal_nan=True)
            for a, b in zip(expected, results(other, case), strict=True)
        )


def results(module: Any, case: LayerCase) -> list[np.ndarray]:
    with cf.no_grad():
        return [to_numpy(y) for y in layers.flat(cf, module(*case.tensors(cf)))]


@pytest.mark.parametrize("case", [p for p in CASES if p.values[0].is_random])
def test_chance_is_for_training_alone(case: LayerCase) -> None:
    cf.manual_seed(0)
    module = case.module(cf).eval()
    one, two = results(module, case), results(module, case)
    assert all(np.array_equal(a, b) for a, b in zip(one, two, strict=True))
    module.train()
    runs = [results(module, case) for _ in range(5)]
    assert any(not np.array_equal(runs[0][0], run[0]) for run in runs[1:])


@pytest.mark.skipif(backend.IS_TORCH, reason="PyTorch has more")
def test_every_layer_has_a_case() -> None:
    known = {case.kind for case in LAYERS}
    classes = {
        name
        for name in cf.nn.__all__
        if isinstance(getattr(cf.nn, name), type) and not name.endswith("Loss")
    }
    assert not classes - known - NOT_LAYERS


def test_names_are_unique() -> None:
    names = [case.id for case in LAYERS]
    assert len(set(names)) == len(names), sorted(n for n in names if names.count(n) > 1)
