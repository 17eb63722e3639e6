"""Training follows PyTorch's: the same weights and batches give the same losses."""

from __future__ import annotations

import numpy as np
import pytest
import training
from backend import cf


@pytest.mark.parametrize("name", training.NAMES)
def test_losses_follow_pytorchs(name: str) -> None:
    with np.load(training.PATH) as stored:
        expected = stored[name]
    got = training.losses(cf, *name.split())
    np.testing.assert_allclose(got, expected, rtol=1e-4)
    assert np.mean(expected[-5:]) < np.mean(expected[:5]), "the reference has learnt"
