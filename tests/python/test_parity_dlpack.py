"""Memory shared with PyTorch, both ways."""

from __future__ import annotations

import gc
from typing import Any

import pytest

import candle_ffi as cf

torch: Any = pytest.importorskip("torch")

NAMES = [
    "bool", "uint8", "int16", "int32", "int64", "float16", "bfloat16", "float32", "float64",
    "uint32", "float8_e4m3fn",
]  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_both_ways(name: str) -> None:
    theirs = torch.tensor([[0, 1, 2], [1, 0, 3]]).to(getattr(torch, name))
    ours = cf.from_dlpack(theirs)
    assert ours.dtype.name == name and ours.data_ptr() == theirs.data_ptr()
    assert ours.tolist() == theirs.tolist()
    back = torch.from_dlpack(ours)
    assert back.dtype == theirs.dtype and back.data_ptr() == theirs.data_ptr()
    assert back.stride() == theirs.stride()
    again = torch.from_dlpack(ours.__dlpack__())
    assert again.data_ptr() == theirs.data_ptr()
    del theirs, back, again
    gc.collect()
    assert ours.to(cf.float64).sum().item() in (7.0, 4.0)


def test_strides_travel() -> None:
    theirs = torch.arange(24.0).reshape(2, 3, 4).permute(2, 0, 1)
    ours = cf.from_dlpack(theirs)
    assert ours.stride() == theirs.stride() and ours.tolist() == theirs.tolist()
    view = cf.arange(24).reshape(4, 6)[1:, ::2]
    assert torch.from_dlpack(view).tolist() == view.tolist()
    assert torch.from_dlpack(view).stride() == view.stride()
    gaps = theirs[:, :, ::2]
    assert cf.from_dlpack(gaps).tolist() == gaps.tolist()


def test_changes_are_seen() -> None:
    theirs = torch.zeros(4)
    ours = cf.from_dlpack(theirs)
    ours += 1
    theirs *= 3
    assert ours.tolist() == theirs.tolist() == [3.0] * 4


def test_the_capsules_of_pytorch_itself() -> None:
    from torch.utils.dlpack import from_dlpack, to_dlpack

    theirs = torch.ones(3)
    assert cf.from_dlpack(to_dlpack(theirs)).data_ptr() == theirs.data_ptr()
    ours = cf.ones(3)
    assert from_dlpack(ours.__dlpack__()).data_ptr() == ours.data_ptr()


def test_gradients_are_refused_on_both_sides() -> None:
    with pytest.raises(BufferError):
        cf.from_dlpack(torch.ones(2, requires_grad=True))
    with pytest.raises(BufferError):
        torch.from_dlpack(cf.ones(2, requires_grad=True))


def test_arrays_of_both_share() -> None:
    ours = cf.zeros(3)
    theirs = torch.from_numpy(ours.numpy())
    theirs += 2
    assert ours.tolist() == [2.0] * 3
    assert cf.from_numpy(theirs.numpy()).data_ptr() == ours.data_ptr()
