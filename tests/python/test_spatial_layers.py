"""Layers over spatial dimensions: options as PyTorch prints them, and results as the functions'."""

# ruff: noqa: E501 (one row is one line)

from __future__ import annotations

import pytest

import candle_ffi as cf
from candle_ffi import nn
from candle_ffi.nn import functional as F  # noqa: N812

REPRS = [
    (nn.MaxPool1d(2), "MaxPool1d(kernel_size=2, stride=2, padding=0, dilation=1, ceil_mode=False)"),
    (nn.MaxPool2d(3, stride=(2, 1), padding=1, dilation=1, ceil_mode=True),
     "MaxPool2d(kernel_size=3, stride=(2, 1), padding=1, dilation=1, ceil_mode=True)"),
    (nn.MaxUnpool1d(2), "MaxUnpool1d(kernel_size=(2,), stride=(2,), padding=(0,))"),
    (nn.MaxUnpool2d(2, 1), "MaxUnpool2d(kernel_size=(2, 2), stride=(1, 1), padding=(0, 0))"),
    (nn.AvgPool1d(2), "AvgPool1d(kernel_size=(2,), stride=(2,), padding=(0,))"),
    (nn.AvgPool2d(3, 2, 1), "AvgPool2d(kernel_size=3, stride=2, padding=1)"),
    (nn.AvgPool3d((1, 2, 3)), "AvgPool3d(kernel_size=(1, 2, 3), stride=(1, 2, 3), padding=0)"),
    (nn.LPPool2d(2, 3), "LPPool2d(norm_type=2, kernel_size=3, stride=None, ceil_mode=False)"),
    (nn.AdaptiveAvgPool2d((None, 7)), "AdaptiveAvgPool2d(output_size=(None, 7))"),
    (nn.AdaptiveMaxPool3d(1), "AdaptiveMaxPool3d(output_size=1)"),
    (nn.ConstantPad1d(2, 3.5), "ConstantPad1d(padding=(2, 2), value=3.5)"),
    (nn.ZeroPad2d((1, 2, 0, 1)), "ZeroPad2d((1, 2, 0, 1))"),
    (nn.ReflectionPad2d(1), "ReflectionPad2d((1, 1, 1, 1))"),
    (nn.ReplicationPad3d(1), "ReplicationPad3d((1, 1, 1, 1, 1, 1))"),
    (nn.CircularPad1d(1), "CircularPad1d((1, 1))"),
    (nn.Upsample(scale_factor=2, mode="bilinear"), "Upsample(scale_factor=2.0, mode='bilinear')"),
    (nn.Upsample((3, 4)), "Upsample(size=(3, 4), mode='nearest')"),
    (nn.UpsamplingNearest2d(scale_factor=(1, 2)),
     "UpsamplingNearest2d(scale_factor=(1.0, 2.0), mode='nearest')"),
    (nn.UpsamplingBilinear2d(5), "UpsamplingBilinear2d(size=5, mode='bilinear')"),
    (nn.PixelShuffle(3), "PixelShuffle(upscale_factor=3)"),
    (nn.PixelUnshuffle(3), "PixelUnshuffle(downscale_factor=3)"),
    (nn.ChannelShuffle(2), "ChannelShuffle(groups=2)"),
    (nn.Unfold(3, padding=1), "Unfold(kernel_size=3, dilation=1, padding=1, stride=1)"),
    (nn.Fold((4, 5), 2), "Fold(output_size=(4, 5), kernel_size=2, dilation=1, padding=0, stride=1)"),
    (nn.Unflatten(1, (2, 3)), "Unflatten(dim=1, unflattened_size=(2, 3))"),
]  # fmt: skip


@pytest.mark.parametrize("layer, text", REPRS, ids=[text.partition("(")[0] for _, text in REPRS])
def test_options_are_printed_as_pytorch_prints_them(layer: nn.Module, text: str) -> None:
    assert repr(layer) == text
    assert not list(layer.parameters()) and not layer.state_dict()


def test_layers_pass_their_options_on() -> None:
    x = cf.randn(2, 4, 7, 9)
    pairs = [
        (nn.MaxPool2d(3, 2, 1, 2, ceil_mode=True), F.max_pool2d(x, 3, 2, 1, 2, True)),
        (nn.AvgPool2d(3, 2, 1, True, False, 5), F.avg_pool2d(x, 3, 2, 1, True, False, 5)),
        (nn.LPPool2d(2.0, 3, 2, True), F.lp_pool2d(x, 2.0, 3, 2, True)),
        (nn.Upsample((9, 5), mode="bicubic", align_corners=True),
         F.interpolate(x, (9, 5), mode="bicubic", align_corners=True)),
        (nn.Upsample(scale_factor=1.7, mode="bilinear", recompute_scale_factor=True),
         F.interpolate(x, scale_factor=1.7, mode="bilinear", recompute_scale_factor=True)),
        (nn.Unfold(2, 2, 1, 3), F.unfold(x, 2, 2, 1, 3)),
        (nn.ConstantPad2d((1, 2, 3, 0), -1.5), F.pad(x, (1, 2, 3, 0), value=-1.5)),
    ]  # fmt: skip
    for layer, expected in pairs:
        assert layer(x).tolist() == expected.tolist(), layer


def test_unpooling_undoes_pooling() -> None:
    pool, unpool = nn.MaxPool2d(2, 2, return_indices=True), nn.MaxUnpool2d(2, 2)
    x = cf.arange(24.0).reshape(1, 1, 4, 6)
    output, indices = pool(x)
    back = unpool(output, indices)
    assert back.shape == x.shape and pool(back).output.tolist() == output.tolist()
    assert back.sum().item() == output.sum().item()
    odd = cf.arange(25.0).reshape(1, 1, 5, 5)
    assert unpool(*pool(odd), output_size=odd.shape).shape == (1, 1, 5, 5)


def test_in_a_network_that_learns() -> None:
    cf.manual_seed(0)
    model = nn.Sequential(
        nn.ReflectionPad2d(1), nn.MaxPool2d(3, 1), nn.AvgPool2d(2), nn.Upsample(scale_factor=2),
        nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(12, 1),
    )  # fmt: skip
    x = cf.randn(8, 3, 6, 6, requires_grad=True)
    model(x).square().sum().backward()
    assert x.grad is not None and x.grad.abs().sum().item() > 0


def test_unflatten_wants_sizes() -> None:
    with pytest.raises(TypeError, match="unflattened_size"):
        nn.Unflatten(1, 3)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="dim"):
        nn.Unflatten("a", (1, 2))  # type: ignore[arg-type]
