"""The table of a model, and containers of parameters."""

from __future__ import annotations

from typing import Any

import pytest

import candle_ffi as cf
from candle_ffi import nn


def model() -> nn.Module:
    return nn.Sequential(
        nn.Linear(4, 8), nn.ReLU(), nn.Sequential(nn.Linear(8, 8, bias=False), nn.Dropout(0.5))
    )


def test_layers_shapes_and_counts(capsys: pytest.CaptureFixture[str]) -> None:
    net = model()
    net[0].bias.requires_grad_(False)
    found = cf.summary(net, (16, 4))
    text = capsys.readouterr().out
    assert text == f"{found}\n"
    assert found.total_parameters == 40 + 64 and found.trainable_parameters == 32 + 64
    assert found.parameter_bytes == 4 * 104
    lines = [line.split() for line in text.splitlines()]
    assert ["├─", "0", "(Linear)", "[16,", "4]", "[16,", "8]", "40", "partly"] in lines
    assert ["├─", "0", "(Linear)", "[16,", "8]", "[16,", "8]", "64", "yes"] in lines
    assert [layer.name for layer in found.layers] == ["", "0", "1", "2", "2.0", "2.1"]
    assert found.output_bytes == 4 * 4 * 16 * 8


def test_the_model_is_left_as_it_was() -> None:
    net = model()
    net[1].eval()
    cf.summary(net, (1, 4), verbose=False)
    assert net.training and not net[1].training and net[2][1].training
    assert all(not module._hooks_of("forward") for module in net.modules())
    with pytest.raises(cf.ShapeError):
        cf.summary(net, (1, 5))
    assert net.training and all(not module._hooks_of("forward") for module in net.modules())


def test_inputs_of_all_kinds() -> None:
    class Two(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.table = nn.Embedding(5, 3)

        def forward(self, index: Any, y: Any) -> Any:
            return {"sum": self.table(index) + y}

    both = cf.summary(Two(), [(2,), (2, 3)], dtypes=[cf.int64, cf.float32], verbose=False)
    assert both.layers[0].input_shapes == [(2,), (2, 3)]
    assert both.layers[0].output_shapes == [(2, 3)]
    data = [cf.tensor([1, 2]), cf.ones(2, 3)]
    assert cf.summary(Two(), input_data=data, verbose=False).layers[1].output_shapes == [(2, 3)]
    assert cf.summary(Two(), verbose=False).layers[0].input_shapes == []
    with pytest.raises(ValueError, match="2 inputs"):
        cf.summary(Two(), [(2,), (2, 3)], dtypes=[cf.int64])


def test_lists_of_parameters() -> None:
    values = nn.ParameterList([cf.zeros(2), nn.Parameter(cf.ones(1, 3))])
    values.append(cf.ones(1))
    values += [cf.zeros(4)]
    assert len(values) == 4 and [p.numel() for p in values] == [2, 3, 1, 4]
    assert list(values.state_dict()) == ["0", "1", "2", "3"]
    assert all(isinstance(p, nn.Parameter) for p in values)
    values[-1] = cf.zeros(5)
    assert values[3].numel() == 5 and len(values[1:3]) == 2
    with pytest.raises(IndexError):
        values[4]
    with pytest.raises(TypeError):
        values.extend(cf.ones(2))
    assert "(1): Parameter containing: [candle_ffi.float32 of size 1x3]" in repr(values)


def test_dictionaries_of_parameters() -> None:
    values = nn.ParameterDict({"left": cf.zeros(2)})
    values["right"] = nn.Parameter(cf.ones(3))
    values.update({"left": cf.ones(4)})
    assert list(values) == ["left", "right"] and values["left"].numel() == 4
    assert list(values.state_dict()) == ["left", "right"] and "right" in values
    assert values.pop("left").numel() == 4 and values.get("left") is None
    with pytest.raises(KeyError):
        values["left"]
    with pytest.raises(KeyError):
        values["forward"] = cf.ones(1)
    values.clear()
    assert len(values) == 0 and not list(values.parameters())
