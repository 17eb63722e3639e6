"""Pooling, resampling, padding and patches: what they refuse, and what the table of cases cannot say."""

# ruff: noqa: E501 (one row is one line)

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import candle_ffi as cf
from candle_ffi.nn import functional as F  # noqa: N812

X = (2, 3, 6, 6)

REFUSED: list[tuple[str, Callable[[], Any], type[Exception], str]] = [
    ("rank", lambda: F.max_pool2d(cf.ones(3, 3), 2), cf.ShapeError, r"\[3, 3\]"),
    ("kernel larger than the input", lambda: F.max_pool2d(cf.ones(*X), 9), cf.ShapeError,
     r"\[2, 3, 6, 6\].*kernel_size \[9, 9\]"),
    ("average, kernel larger", lambda: F.avg_pool1d(cf.ones(1, 1, 3), 4), cf.ShapeError, r"\[1, 1, 3\]"),
    ("three entries for two dimensions", lambda: F.max_pool2d(cf.ones(*X), (1, 2, 3)),
     cf.InvalidArgumentError, "kernel_size"),
    ("padding of more than half", lambda: F.max_pool2d(cf.ones(*X), 2, padding=2),
     cf.InvalidArgumentError, "half"),
    ("average, padding", lambda: F.avg_pool2d(cf.ones(*X), 3, padding=2), cf.InvalidArgumentError, "half"),
    ("negative padding", lambda: F.max_pool3d(cf.ones(1, 2, 3, 4, 5), 2, padding=-1),
     cf.InvalidArgumentError, "padding"),
    ("stride of 0", lambda: F.max_pool2d(cf.ones(*X), 2, 0), cf.InvalidArgumentError, "stride"),
    ("kernel of 0", lambda: F.max_pool1d(cf.ones(1, 1, 4), 0), cf.InvalidArgumentError, "kernel_size"),
    ("dilation of 0", lambda: F.max_pool2d(cf.ones(*X), 2, dilation=0), cf.InvalidArgumentError, "dilation"),
    ("beyond any tensor", lambda: F.max_pool2d(cf.ones(*X), 2**62), cf.InvalidArgumentError, "kernel_size"),
    ("no channels", lambda: F.max_pool2d(cf.ones(2, 0, 4, 4), 2), cf.ShapeError, r"\[2, 0, 4, 4\]"),
    ("bool", lambda: F.max_pool2d(cf.ones(*X, dtype=cf.bool), 2), cf.DTypeError, "bool"),
    ("integers have no average", lambda: F.avg_pool2d(cf.ones(*X, dtype=cf.int32), 2), cf.DTypeError, "int32"),
    ("divisor of 0", lambda: F.avg_pool2d(cf.ones(*X), 2, divisor_override=0),
     cf.InvalidArgumentError, "divisor_override"),
    ("adaptive, negative", lambda: F.adaptive_avg_pool2d(cf.ones(*X), -1), cf.InvalidArgumentError, "output_size"),
    ("adaptive, entries", lambda: F.adaptive_max_pool2d(cf.ones(*X), (1, 2, 3)),
     cf.InvalidArgumentError, "output_size"),
    ("adaptive, None and entries", lambda: F.adaptive_max_pool2d(cf.ones(*X), (1, None, 3)),
     cf.ShapeError, "output_size"),
    ("adaptive, empty", lambda: F.adaptive_avg_pool2d(cf.ones(2, 3, 0, 4), 2), cf.ShapeError, r"\[2, 3, 0, 4\]"),
    ("adaptive, too large", lambda: F.adaptive_avg_pool1d(cf.ones(1, 2, 3), 2**31 - 1).sum(),
     cf.OutOfMemoryError, "allocate"),
    ("unpool, index", lambda: F.max_unpool2d(cf.ones(1, 1, 2, 2), cf.full((1, 1, 2, 2), 99), 2), IndexError, "99"),
    ("unpool, shape", lambda: F.max_unpool2d(cf.ones(1, 1, 2, 2), cf.full((1, 2, 2), 3), 2), cf.ShapeError,
     r"\[1, 1, 2, 2\].*\[1, 2, 2\]"),
    ("unpool, size", lambda: F.max_unpool2d(cf.ones(1, 1, 2, 2), cf.full((1, 1, 2, 2), 3), 2, output_size=(9, 9)),
     cf.ShapeError, "output_size"),
    ("unpool, float indices", lambda: F.max_unpool1d(cf.ones(1, 1, 2), cf.ones(1, 1, 2), 2), cf.DTypeError, "float32"),
    ("neither size nor factor", lambda: F.interpolate(cf.ones(*X)), cf.InvalidArgumentError, "scale_factor"),
    ("size and factor", lambda: F.interpolate(cf.ones(*X), 3, 2.0), cf.InvalidArgumentError, "only one"),
    ("sizes for two dimensions", lambda: F.interpolate(cf.ones(*X), (3, 4, 5)), cf.InvalidArgumentError, "size"),
    ("factors for two dimensions", lambda: F.interpolate(cf.ones(*X), scale_factor=(3.0, 1.0, 2.0)),
     cf.InvalidArgumentError, "scale_factor"),
    ("linear in two dimensions", lambda: F.interpolate(cf.ones(*X), 3, mode="linear"), cf.ShapeError,
     r"\[2, 3, 6, 6\]"),
    ("nearest has no corners", lambda: F.interpolate(cf.ones(*X), 3, align_corners=False),
     cf.InvalidArgumentError, "align_corners"),
    ("factor of a size", lambda: F.interpolate(cf.ones(*X), 3, recompute_scale_factor=True),
     cf.InvalidArgumentError, "recompute"),
    ("to nothing", lambda: F.interpolate(cf.ones(*X), 0), cf.ShapeError, r"\[0, 0\]"),
    ("by nearly nothing", lambda: F.interpolate(cf.ones(*X), scale_factor=0.01), cf.ShapeError, r"\[2, 3, 6, 6\]"),
    ("by a negative factor", lambda: F.interpolate(cf.ones(*X), scale_factor=-1.0), cf.ShapeError, r"\[2, 3, 6, 6\]"),
    ("by not a number", lambda: F.interpolate(cf.ones(*X), scale_factor=float("nan")), cf.ShapeError,
     r"\[2, 3, 6, 6\]"),
    ("mode", lambda: F.interpolate(cf.ones(*X), 3, mode="cubic"), cf.InvalidArgumentError, "'nearest-exact'"),
    ("antialias of nearest", lambda: F.interpolate(cf.ones(*X), 3, antialias=True), cf.InvalidArgumentError,
     "antialias"),
    ("of two dimensions", lambda: F.interpolate(cf.ones(2, 3), scale_factor=2.0), cf.ShapeError, r"\[2, 3\]"),
    ("odd padding", lambda: F.pad(cf.ones(2), (1,)), cf.InvalidArgumentError, "two sizes"),
    ("padding for more dimensions", lambda: F.pad(cf.ones(2), (1, 1, 1, 1)), cf.ShapeError, r"\[2\]"),
    ("all and more taken away", lambda: F.pad(cf.ones(2), (-2, -1)), cf.ShapeError, r"\[2\]"),
    ("more taken away than put back", lambda: F.pad(cf.ones(2), (-3, 4)), cf.ShapeError, r"\[2\]"),
    ("without limit", lambda: F.pad(cf.ones(2), (2**62, 2**62)), cf.ShapeError, r"\[2\]"),
    ("more memory than there is", lambda: F.pad(cf.ones(2), (2**61, 0)), cf.OutOfMemoryError, "allocate"),
    ("mirror too small", lambda: F.pad(cf.ones(1, 2, 3), (3, 0), mode="reflect"), cf.ShapeError, r"\[1, 2, 3\]"),
    ("around more than once", lambda: F.pad(cf.ones(1, 2, 3), (4, 0), mode="circular"), cf.ShapeError,
     r"\[1, 2, 3\]"),
    ("mirror of the last but one of four", lambda: F.pad(cf.ones(*X), (1, 1), mode="reflect"), cf.ShapeError,
     r"\[2, 3, 6, 6\]"),
    ("border of nothing", lambda: F.pad(cf.ones(2, 3, 0, 4), (1, 1, 1, 1), mode="replicate"), cf.ShapeError,
     r"\[2, 3, 0, 4\]"),
    ("mirror with a value", lambda: F.pad(cf.ones(1, 2, 3), (1, 0), mode="reflect", value=1.0),
     cf.InvalidArgumentError, "value"),
    ("mode of padding", lambda: F.pad(cf.ones(1, 2, 3), (1, 0), mode="what"), cf.InvalidArgumentError, "'circular'"),
    ("patch larger than the image", lambda: F.unfold(cf.ones(*X), 9), cf.ShapeError, r"\[6, 6\].*\[9, 9\]"),
    ("patches of a matrix", lambda: F.unfold(cf.ones(6, 6), 2), cf.ShapeError, r"\[6, 6\]"),
    ("patches of integers", lambda: F.unfold(cf.ones(*X, dtype=cf.int64), 2), cf.DTypeError, "int64"),
    ("number of patches", lambda: F.fold(cf.ones(2, 12, 5), (4, 4), 2), cf.ShapeError, r"\[2, 12, 5\].* 9 "),
    ("elements of a patch", lambda: F.fold(cf.ones(2, 13, 9), (4, 4), 2), cf.ShapeError, r"\[2, 13, 9\].* 4 "),
    ("channels of pixels", lambda: F.pixel_shuffle(cf.ones(2, 3, 4, 4), 2), cf.ShapeError, r"\[2, 3, 4, 4\]"),
    ("rank of pixels", lambda: F.pixel_shuffle(cf.ones(4, 4), 2), cf.ShapeError, r"\[4, 4\]"),
    ("factor of pixels", lambda: F.pixel_shuffle(cf.ones(2, 4, 4, 4), 0), cf.InvalidArgumentError, "upscale_factor"),
    ("factor beyond squares", lambda: F.pixel_shuffle(cf.ones(2, 4, 4, 4), 2**62), cf.ShapeError, r"\[2, 4, 4, 4\]"),
    ("height of pixels", lambda: F.pixel_unshuffle(cf.ones(2, 3, 5, 4), 2), cf.ShapeError, r"\[2, 3, 5, 4\]"),
    ("groups of channels", lambda: F.channel_shuffle(cf.ones(2, 3, 5, 4), 2), cf.ShapeError, r"\[2, 3, 5, 4\]"),
    ("no groups", lambda: F.channel_shuffle(cf.ones(2, 3, 5, 4), 0), cf.InvalidArgumentError, "groups"),
    ("split into other sizes", lambda: cf.unflatten(cf.ones(2, 12), 1, (3, 5)), cf.ShapeError, r"\[3, 5\]"),
    ("split into nothing", lambda: cf.unflatten(cf.ones(2, 12), 1, ()), cf.InvalidArgumentError, "sizes"),
    ("windows of a dimension", lambda: cf.ones(2, 3).unfold(1, 4, 1), cf.ShapeError, r"\(2, 3\)"),
]  # fmt: skip


@pytest.mark.parametrize(
    "call, error, message", [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED]
)
def test_bad_arguments(call: Callable[[], Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()


def test_a_dilated_window_may_lie_in_the_padding_alone() -> None:
    x = cf.ones(1, 1, 1, requires_grad=True)
    out = F.max_pool1d(x, 2, stride=1, padding=1, dilation=2)
    assert out.tolist() == [[[-np.inf]]]
    out.sum().backward()
    assert x.grad is not None and x.grad.shape == (1, 1, 1)


def test_threads_and_layouts_do_not_matter() -> None:
    """Large enough for several threads, and compared with NumPy."""
    array = np.random.RandomState(0).standard_normal((4, 8, 33, 70)).astype(np.float32)
    windows = np.lib.stride_tricks.sliding_window_view(array, (2, 2), axis=(2, 3))[:, :, ::2, ::2]
    for x in (cf.tensor(array), cf.tensor(array.transpose(3, 2, 1, 0).copy()).permute(3, 2, 1, 0)):
        np.testing.assert_array_equal(F.max_pool2d(x, 2).numpy(), windows.max((-1, -2)))
        average = F.avg_pool2d(x, 2).numpy()
        np.testing.assert_allclose(average, windows.mean((-1, -2)), rtol=1e-5, atol=1e-6)
        whole = F.adaptive_avg_pool2d(x, 1).numpy()[..., 0, 0]
        np.testing.assert_allclose(whole, array.mean((2, 3)), rtol=1e-5, atol=1e-6)
        output, indices = F.max_pool2d(x, 2, return_indices=True)
        flat = np.take_along_axis(array.reshape(4, 8, -1), indices.numpy().reshape(4, 8, -1), 2)
        np.testing.assert_array_equal(output.numpy().reshape(4, 8, -1), flat)
    before = cf.get_num_threads()
    try:
        results = []
        for threads in (1, 2):
            cf.set_num_threads(threads)
            x = cf.tensor(array, requires_grad=True)
            pooled = F.max_pool2d(x, 3, 2, 1) * F.avg_pool2d(x, 3, 2, 1)
            (
                pooled + F.interpolate(x, tuple(pooled.shape[2:]), mode="bilinear")
            ).square().sum().backward()
            assert x.grad is not None
            results.append(x.grad.numpy())
    finally:
        cf.set_num_threads(before)
    np.testing.assert_array_equal(*results)


def test_inputs_without_gradients_keep_nothing() -> None:
    assert F.max_pool2d(cf.ones(1, 1, 4, 4), 2).grad_fn is None
    output, indices = F.max_pool2d(cf.ones(1, 1, 4, 4, requires_grad=True), 2, return_indices=True)
    assert output.requires_grad and not indices.requires_grad and indices.dtype == cf.int64


def test_an_input_changed_after_pooling_does_not_matter_to_its_gradient() -> None:
    """Only the positions are remembered."""
    x = cf.tensor([[[1.0, 3.0, 2.0, 0.0]]], requires_grad=True)
    y = x * 1.0
    out = F.max_pool1d(y, 2)
    with cf.no_grad():
        y.fill_(7.0)
    out.sum().backward()
    assert x.grad is not None and x.grad.tolist() == [[[0.0, 1.0, 1.0, 0.0]]]
