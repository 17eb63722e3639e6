"""The weights of every layer go to PyTorch and back, where PyTorch is installed."""

from __future__ import annotations

import backend
import layers
import numpy as np
import pytest
from backend import cf, to_numpy
from layers import LAYERS, LayerCase

torch = pytest.importorskip("torch", reason="PyTorch is not installed")
if backend.IS_TORCH:
    pytest.skip("PyTorch would be compared with itself", allow_module_level=True)


@pytest.mark.filterwarnings("ignore:enable_nested_tensor")
@pytest.mark.parametrize("case", [pytest.param(case, id=case.id) for case in LAYERS])
def test_weights_go_there_and_back(case: LayerCase) -> None:
    torch.manual_seed(0)
    theirs, again = case.make(torch.nn), case.make(torch.nn)
    ours = case.make(cf.nn)
    given = theirs.state_dict()
    ours.load_state_dict(given)
    state = ours.state_dict()
    assert list(state) == list(given)
    again.load_state_dict({name: torch.from_numpy(t.numpy()) for name, t in state.items()})
    for name, tensor in again.state_dict().items():
        assert tensor.dtype == given[name].dtype and torch.equal(tensor, given[name]), name
    # The same weights in the same places: the results are the same.
    theirs.eval().double(), ours.eval().double()
    with torch.no_grad(), cf.no_grad():
        expected = layers.flat(torch, theirs(*case.tensors(torch)))
        got = layers.flat(cf, ours(*case.tensors(cf)))
    for a, b in zip(got, expected, strict=True):
        np.testing.assert_allclose(to_numpy(a), to_numpy(b), rtol=1e-9, atol=1e-12)
