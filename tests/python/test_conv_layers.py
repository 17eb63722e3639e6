"""Convolutional layers: what PyTorch prints and keeps, initial weights, learning, errors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import backend
import numpy as np
import pytest
from backend import cf

nn = cf.nn
INPUTS = {1: (2, 4, 9), 2: (2, 4, 6, 7), 3: (2, 4, 5, 4, 6)}
LAYERS = [f"{kind}{d}d" for kind in ("Conv", "ConvTranspose") for d in INPUTS]


def input_of(name: str) -> Any:
    """An input for the layer of this name."""
    shape = INPUTS[int(name[-2])]
    return cf.from_numpy(np.random.RandomState(0).standard_normal(shape).astype(np.float32))


@pytest.mark.parametrize(
    "layer, text",
    [
        (lambda: nn.Conv1d(2, 4, 3), "Conv1d(2, 4, kernel_size=(3,), stride=(1,))"),
        (
            lambda: nn.Conv2d(2, 4, 3, padding="same", padding_mode="reflect"),
            "Conv2d(2, 4, kernel_size=(3, 3), stride=(1, 1), padding=same, padding_mode=reflect)",
        ),
        (
            lambda: nn.Conv2d(2, 4, (3, 2), 2, 1, 2, 2, False),
            "Conv2d(2, 4, kernel_size=(3, 2), stride=(2, 2), padding=(1, 1), dilation=(2, 2), "
            "groups=2, bias=False)",
        ),
        (
            lambda: nn.ConvTranspose3d(2, 4, 3, 2, output_padding=1),
            "ConvTranspose3d(2, 4, kernel_size=(3, 3, 3), stride=(2, 2, 2), "
            "output_padding=(1, 1, 1))",
        ),
    ],
)
def test_repr(layer: Callable[[], Any], text: str) -> None:
    assert repr(layer()) == text


@pytest.mark.parametrize("name", LAYERS)
def test_weights_have_pytorchs_names_shapes_and_range(name: str) -> None:
    cf.manual_seed(0)
    layer = getattr(nn, name)(4, 8, 5, groups=2)
    d = int(name[-2])
    outer, inner = (4, 4) if "Transpose" in name else (8, 2)
    state = layer.state_dict()
    assert {key: tuple(value.shape) for key, value in state.items()} == {
        "weight": (outer, inner, *[5] * d),
        "bias": (8,),
    }
    bound = (inner * 5**d) ** -0.5
    weight = state["weight"].numpy()
    assert bound * 0.9 < np.abs(weight).max() <= bound and abs(weight.mean()) < 0.2 * bound
    assert np.abs(state["bias"].numpy()).max() <= bound
    assert list(getattr(nn, name)(4, 8, 5, bias=False).state_dict()) == ["weight"]


def test_a_seed_gives_the_same_layer() -> None:
    made = []
    for _ in range(2):
        cf.manual_seed(3)
        made.append(nn.Conv2d(3, 4, 3).weight.tolist())
    assert made[0] == made[1] != nn.Conv2d(3, 4, 3).weight.tolist()


@pytest.mark.parametrize("name", LAYERS)
def test_every_weight_learns(name: str) -> None:
    cf.manual_seed(0)
    layer = getattr(nn, name)(4, 3, 3, stride=2, padding=1)
    x = input_of(name)
    target = cf.zeros(*layer(x).shape)
    optimizer = cf.optim.SGD(layer.parameters(), lr=0.1)
    losses = []
    for _ in range(20):
        optimizer.zero_grad()
        loss = nn.functional.mse_loss(layer(x), target)
        loss.backward()
        assert all(p.grad is not None and p.grad.abs().max() > 0 for p in layer.parameters())
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.9 * losses[0]


def test_a_state_gives_the_same_results() -> None:
    first, second = nn.Conv2d(4, 3, 3, padding=1), nn.Conv2d(4, 3, 3, padding=1)
    x = input_of("Conv2d")
    assert first(x).tolist() != second(x).tolist()
    second.load_state_dict(first.state_dict())
    assert first(x).tolist() == second(x).tolist()


@pytest.mark.parametrize("mode", ["reflect", "replicate", "circular"])
def test_padding_modes_differ_only_at_the_border(mode: str) -> None:
    cf.manual_seed(0)
    zeros, other = (nn.Conv2d(4, 2, 3, padding=1, padding_mode=m) for m in ("zeros", mode))
    other.load_state_dict(zeros.state_dict())
    x = input_of("Conv2d")
    a, b = zeros(x).detach().numpy(), other(x).detach().numpy()
    assert np.allclose(a[..., 1:-1, 1:-1], b[..., 1:-1, 1:-1], atol=1e-6)
    assert not np.isclose(a[..., 0, :], b[..., 0, :], atol=1e-3).all()


def test_output_size_chooses_among_the_possible_ones() -> None:
    layer = nn.ConvTranspose2d(4, 2, 3, stride=2, padding=1)
    x = input_of("Conv2d")
    assert layer(x).shape == (2, 2, 11, 13)
    assert layer(x, output_size=(12, 13)).shape == (2, 2, 12, 13)
    assert layer(x, output_size=[2, 2, 11, 14]).shape == (2, 2, 11, 14)
    for wrong in ((13, 13), (10, 13), (12,)):
        with pytest.raises(backend.error("InvalidArgumentError"), match=r"output.size"):
            layer(x, output_size=wrong)


WRONG: list[tuple[Callable[[], Any], str, str]] = [
    (lambda: nn.Conv2d(3, 4, 3, groups=2), "InvalidArgumentError", "in_channels"),
    (lambda: nn.Conv2d(4, 3, 3, groups=2), "InvalidArgumentError", "out_channels"),
    (lambda: nn.Conv2d(4, 4, 3, groups=0), "InvalidArgumentError", "groups"),
    (lambda: nn.Conv2d(4, 4, 3, padding="same", stride=2), "InvalidArgumentError", "same"),
    (lambda: nn.Conv2d(4, 4, 3, padding="half"), "InvalidArgumentError", "half"),
    (lambda: nn.Conv2d(4, 4, 3, padding=-1), "InvalidArgumentError", "padding"),
    (lambda: nn.Conv2d(4, 4, (3, 3, 3)), "InvalidArgumentError", "kernel_size"),
    (lambda: nn.Conv2d(4, 4, 3, padding_mode="mirror"), "InvalidArgumentError", "mirror"),
    (
        lambda: nn.ConvTranspose2d(4, 4, 3, padding_mode="reflect"),
        "InvalidArgumentError",
        "reflect",
    ),
    (lambda: nn.Conv2d(4, 4, 3)(cf.zeros(1, 3, 5, 5)), "ShapeError", "3 channels"),
    (lambda: nn.Conv2d(4, 4, 3)(cf.zeros(1, 4, 2, 5)), "ShapeError", r"\[2, 5\]"),
    (lambda: nn.Conv2d(4, 4, 3)(cf.zeros(4)), "ShapeError", "N, C, H, W"),
]


@pytest.mark.parametrize("position", range(len(WRONG)))
def test_misuse_is_an_error(position: int) -> None:
    call, kind, words = WRONG[position]
    with pytest.raises(backend.error(kind), match=None if backend.IS_TORCH else words):
        call()
