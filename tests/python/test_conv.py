"""Misuse of convolutions, and what no row of the table says about them."""

# ruff: noqa: E501 (one row is one line)

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import backend
import numpy as np
import pytest
from backend import cf

F = cf.nn.functional


def z(*shape: int, dtype: str = "float32") -> Any:
    return cf.zeros(shape, dtype=getattr(cf, dtype))


#: Call, class, and the parts that the message has.
WRONG: list[tuple[Callable[[], Any], str, list[str]]] = [
    # ranks
    (lambda: F.conv2d(z(3, 4), z(2, 3, 1, 1)), "ShapeError", ["3, 4", "N, C, H, W"]),
    (lambda: F.conv1d(z(1, 2, 3, 4), z(2, 2, 1)), "ShapeError", ["1, 2, 3, 4", "N, C, L"]),
    (lambda: F.conv3d(z(1, 2, 3), z(2, 2, 1, 1, 1)), "ShapeError", ["1, 2, 3", "D, H, W"]),
    (lambda: F.conv2d(z(1, 3, 4, 4), z(2, 3, 1)), "ShapeError", ["2, 3, 1"]),
    (lambda: F.conv_transpose2d(z(4), z(2, 3, 1, 1)), "ShapeError", ["4"]),
    # channels and groups
    (lambda: F.conv2d(z(1, 3, 4, 4), z(2, 2, 1, 1)), "ShapeError", ["3 channels", "2, 2, 1, 1", "groups"]),
    (lambda: F.conv2d(z(1, 4, 4, 4), z(3, 2, 1, 1), groups=2), "ShapeError", ["3, 2, 1, 1", "groups = 2"]),
    (lambda: F.conv2d(z(1, 4, 4, 4), z(4, 4, 1, 1), groups=2), "ShapeError", ["4 channels", "groups = 2"]),
    (lambda: F.conv2d(z(1, 4, 4, 4), z(4, 4, 1, 1), groups=0), "InvalidArgumentError", ["groups", "0"]),
    (lambda: F.conv_transpose2d(z(1, 3, 4, 4), z(2, 3, 1, 1)), "ShapeError", ["3 channels", "2, 3, 1, 1"]),
    (lambda: F.conv_transpose2d(z(1, 3, 4, 4), z(3, 2, 1, 1), groups=2), "ShapeError", ["groups = 2"]),
    (lambda: F.conv2d(z(1, 3, 4, 4), z(0, 3, 1, 1)), "ShapeError", ["0, 3, 1, 1"]),
    # the kernel
    (lambda: F.conv2d(z(1, 1, 2, 5), z(1, 1, 3, 3)), "ShapeError", ["[3, 3]", "[2, 5]"]),
    (lambda: F.conv2d(z(1, 1, 4, 4), z(1, 1, 3, 3), dilation=2), "ShapeError", ["[2, 2]", "[4, 4]"]),
    (lambda: F.conv2d(z(1, 1, 0, 4), z(1, 1, 1, 1)), "ShapeError", ["[0, 4]"]),
    (lambda: F.conv2d(z(1, 1, 0, 4), z(1, 1, 1, 1), padding=1), "ShapeError", ["empty"]),
    (lambda: F.conv1d(z(1, 1, 4), z(1, 1, 0)), "ShapeError", ["1, 1, 0"]),
    (lambda: F.conv_transpose2d(z(1, 1, 1, 1), z(1, 1, 1, 1), padding=1), "ShapeError", ["1, 1, 1, 1", "padding [1, 1]"]),
    (lambda: F.conv_transpose1d(z(1, 1, 0), z(1, 1, 3)), "ShapeError", ["1, 1, 0"]),
    # the bias
    (lambda: F.conv2d(z(1, 1, 4, 4), z(2, 1, 3, 3), z(3)), "ShapeError", ["[2]", "[3]"]),
    (lambda: F.conv2d(z(1, 1, 4, 4), z(2, 1, 3, 3), z(2, 1)), "ShapeError", ["[2]", "[2, 1]"]),
    (lambda: F.conv_transpose2d(z(1, 2, 4, 4), z(2, 2, 3, 3), z(2), groups=2), "ShapeError", ["[4]", "[2]"]),
    # options
    (lambda: F.conv2d(z(1, 1, 4, 4), z(1, 1, 1, 1), stride=0), "InvalidArgumentError", ["stride", "0"]),
    (lambda: F.conv2d(z(1, 1, 4, 4), z(1, 1, 1, 1), stride=(1, -2)), "InvalidArgumentError", ["stride", "-2"]),
    (lambda: F.conv2d(z(1, 1, 4, 4), z(1, 1, 1, 1), stride=(1, 2, 3)), "InvalidArgumentError", ["stride", "[1, 2, 3]"]),
    (lambda: F.conv2d(z(1, 1, 4, 4), z(1, 1, 1, 1), padding=-1), "InvalidArgumentError", ["padding", "-1"]),
    (lambda: F.conv2d(z(1, 1, 4, 4), z(1, 1, 1, 1), dilation=0), "InvalidArgumentError", ["dilation", "0"]),
    (lambda: F.conv2d(z(1, 1, 4, 4), z(1, 1, 1, 1), padding="half"), "InvalidArgumentError", ["padding", "half"]),
    (lambda: F.conv2d(z(1, 1, 4, 4), z(1, 1, 3, 3), padding="same", stride=2), "InvalidArgumentError", ["same", "[2, 2]"]),
    (lambda: F.conv_transpose2d(z(1, 1, 4, 4), z(1, 1, 3, 3), stride=2, output_padding=2), "InvalidArgumentError", ["output_padding", "[2, 2]"]),
    (lambda: F.conv_transpose2d(z(1, 1, 4, 4), z(1, 1, 3, 3), padding=-1), "InvalidArgumentError", ["padding", "-1"]),
    # dtypes
    (lambda: F.conv2d(z(1, 1, 4, 4), z(1, 1, 3, 3, dtype="float64")), "DTypeError", ["float32", "float64"]),
    (lambda: F.conv2d(z(1, 1, 4, 4), z(1, 1, 3, 3), z(1, dtype="float16")), "DTypeError", ["bias", "float16"]),
    (lambda: F.conv2d(z(1, 1, 4, 4, dtype="bool"), z(1, 1, 3, 3, dtype="bool")), "DTypeError", ["bool"]),
    # sizes beyond all memory
    (lambda: F.conv2d(z(1, 1, 4, 4), z(1, 1, 1, 1), padding=2**31 - 1), "OutOfMemoryError|ShapeError", []),
    (lambda: F.conv_transpose2d(z(1, 1, 4, 4), z(1, 1, 1, 1), stride=2**31 - 1), "OutOfMemoryError|ShapeError", []),
    (lambda: F.conv2d(z(1, 1, 4, 4), z(1, 1, 1, 1), padding=2**62), "InvalidArgumentError", ["padding"]),
]  # fmt: skip


@pytest.mark.parametrize("position", range(len(WRONG)))
def test_misuse_is_an_error_that_says_what_is_wrong(position: int) -> None:
    call, kinds, parts = WRONG[position]
    with pytest.raises(backend.error(*kinds.split("|"))) as caught:
        call()
    if not backend.IS_TORCH:
        message = str(caught.value)
        assert message.startswith("conv")
        for part in parts:
            assert part in message, message


def test_far_taps_and_padding_need_no_memory() -> None:
    far = 2**30
    x = cf.ones(1, 1, 5).requires_grad_()
    w = cf.tensor([[[1.0, 2.0, 3.0]]]).requires_grad_()
    y = F.conv1d(x, w, padding=far, dilation=far)
    assert y.tolist() == [[[2.0] * 5]]
    y.sum().backward()
    assert x.grad.tolist() == [[[2.0] * 5]] and w.grad.tolist() == [[[0.0, 5.0, 0.0]]]


def reference(x: np.ndarray, w: np.ndarray, stride: int, padding: int) -> np.ndarray:
    """A convolution as its definition says, in float64."""
    x = np.pad(x, [(0, 0), (0, 0), (padding, padding), (padding, padding)])
    windows = np.lib.stride_tricks.sliding_window_view(x, w.shape[2:], (2, 3))
    return np.einsum("nchwyx,ocyx->nohw", windows[:, :, ::stride, ::stride], w, optimize=True)


@pytest.mark.parametrize(
    "batch, channels, out, size, kernel, stride, padding",
    [
        (3, 17, 45, 23, 3, 1, 1), (2, 3, 64, 65, 7, 2, 3), (4, 40, 70, 14, 1, 1, 0),
        (2, 96, 9, 33, 5, 1, 2), (1, 130, 140, 7, 3, 1, 1), (2, 64, 64, 56, 3, 2, 1),
        (5, 1, 6, 28, 5, 1, 0), (2, 33, 7, 100, 2, 2, 0),
    ],
)  # fmt: skip
def test_large_ones_equal_the_definition(
    batch: int, channels: int, out: int, size: int, kernel: int, stride: int, padding: int
) -> None:
    random = np.random.RandomState(0)
    x = random.standard_normal((batch, channels, size, size))
    w = random.standard_normal((out, channels, kernel, kernel))
    tensors = [cf.tensor(a, dtype=cf.float32).requires_grad_() for a in (x, w)]
    y = F.conv2d(*tensors, stride=stride, padding=padding)
    expected = reference(x, w, stride, padding)
    assert np.abs(y.detach().numpy() - expected).max() < 2e-4
    # The gradients' definition: the product with another tensor is linear in each of the two.
    g = random.standard_normal(expected.shape)
    y.backward(cf.tensor(g, dtype=cf.float32))
    for k, (tensor, a) in enumerate(zip(tensors, (x, w), strict=True)):
        d = random.standard_normal(a.shape)
        wanted = (reference(*((d, w) if k == 0 else (x, d)), stride, padding) * g).sum()
        found = (tensor.grad.numpy().astype(np.float64) * d).sum()
        assert abs(found - wanted) < 1e-5 * np.abs(g).sum()


def test_the_number_of_threads_changes_no_bit() -> None:
    random = np.random.RandomState(1)

    def results() -> list[bytes]:
        found = []
        for groups, channels, out in ((1, 24, 40), (24, 24, 24), (1, 3, 2)):
            x = cf.tensor(random.standard_normal((6, channels, 20, 20)), dtype=cf.float32)
            w = cf.tensor(random.standard_normal((out, channels // groups, 3, 3)), dtype=cf.float32)
            tensors = [x.requires_grad_(), w.requires_grad_()]
            y = F.conv2d(*tensors, padding=1, stride=2, groups=groups)
            y.square().sum().backward()
            found += [a.detach().numpy().tobytes() for a in (y, x.grad, w.grad)]
        return found

    before = cf.get_num_threads()
    try:
        cf.set_num_threads(1)
        alone = results()
        cf.set_num_threads(3)
        random.seed(1)
        together = results()
    finally:
        cf.set_num_threads(before)
    assert alone == together


@pytest.mark.parametrize("padding, length", [(2, 2), (1, 2), (2, 1), (3, 3), (0, 2)])
def test_strides_beyond_the_kernel_leave_gaps(padding: int, length: int) -> None:
    """Whole remainders of the stride that no tap reaches, also behind the end of the large side."""
    for stride in (4, 5, 8, 10, 11):
        size = (length - 1) * stride - 2 * padding + 1
        if size < 1:
            continue
        x = cf.arange(1, length + 1, dtype=cf.float32).reshape(1, 1, length)
        weight = cf.tensor([[[2.0]]], requires_grad=True)
        expected = [0.0] * size
        for place in range(length):
            at = place * stride - padding
            if 0 <= at < size:
                expected[at] = 2.0 * (place + 1)
        transposed = F.conv_transpose1d(x, weight, stride=stride, padding=padding)
        assert transposed.flatten().tolist() == expected
        large = cf.arange(1, size + 1, dtype=cf.float32).reshape(1, 1, size).requires_grad_()
        result = F.conv1d(large, weight, stride=stride, padding=padding)
        result.sum().backward()
        taken = [at * stride - padding for at in range(result.shape[-1])]
        inside = [at for at in taken if 0 <= at < size]
        assert large.grad.flatten().tolist() == [2.0 if at in inside else 0.0 for at in range(size)]
        assert weight.grad.item() == sum(at + 1 for at in inside)


def test_padding_far_beyond_the_input() -> None:
    x = cf.arange(1, 6, dtype=cf.float32).reshape(1, 1, 5).requires_grad_()
    weight = cf.tensor([[[1.0, 10.0, 100.0]]], requires_grad=True)
    result = F.conv1d(x, weight, padding=1000)
    assert result.shape[-1] == 2003 and result.sum().item() == 15 * 111
    result.sum().backward()
    assert x.grad.tolist() == [[[111.0] * 5]] and weight.grad.tolist() == [[[15.0] * 3]]
