"""Layers, losses and modules: they learn, they start as PyTorch's do, they keep their weights."""

from __future__ import annotations

import math
from collections import OrderedDict
from pathlib import Path
from typing import Any

import backend
import numpy as np
import pytest
from backend import cf, to_numpy

nn = cf.nn
F = cf.nn.functional
ours = pytest.mark.skipif(backend.IS_TORCH, reason="not PyTorch's")

LAYERS: dict[str, tuple[Any, Any]] = {
    "Linear": (lambda: nn.Linear(4, 3), lambda: cf.randn(5, 4)),
    "Linear without bias": (lambda: nn.Linear(4, 3, bias=False), lambda: cf.randn(5, 4)),
    "Embedding": (lambda: nn.Embedding(6, 3), lambda: cf.randint(0, 6, (5, 2))),
    "LayerNorm": (lambda: nn.LayerNorm(4), lambda: cf.randn(5, 4)),
    "LayerNorm of two": (lambda: nn.LayerNorm((3, 4)), lambda: cf.randn(2, 3, 4)),
    "Sequential": (
        lambda: nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 2)),
        lambda: cf.randn(5, 4),
    ),
}


@pytest.mark.parametrize("name", LAYERS)
def test_every_parameter_gets_a_gradient_and_changes(name: str) -> None:
    cf.manual_seed(0)
    make, data = LAYERS[name]
    layer, x = make(), data()
    if name == "Embedding":
        x = cf.arange(6)
    before = {key: to_numpy(p).copy() for key, p in layer.named_parameters()}
    assert before, "the layer has parameters"
    optimizer = cf.optim.SGD(layer.parameters(), lr=0.1)
    y = layer(x)
    (y * cf.randn(*y.shape)).sum().backward()
    for key, p in layer.named_parameters():
        assert p.grad is not None, f"{key} has no gradient"
        assert tuple(p.grad.shape) == tuple(p.shape)
        assert to_numpy(p.grad).any(), f"{key} has a gradient of zeros"
    optimizer.step()
    for key, p in layer.named_parameters():
        assert not np.array_equal(to_numpy(p), before[key]), f"{key} did not change"


def train(model: Any, x: Any, loss: Any, steps: int, lr: float, momentum: float = 0.0) -> float:
    optimizer = cf.optim.SGD(model.parameters(), lr=lr, momentum=momentum)
    for _ in range(steps):
        optimizer.zero_grad()
        value = loss(model(x))
        value.backward()
        optimizer.step()
    return float(value.item())


def test_a_line_is_learnt() -> None:
    cf.manual_seed(0)
    x = cf.rand(100, 2)
    y = x @ cf.tensor([[2.0], [3.0]])
    model = nn.Linear(2, 1)
    assert train(model, x, lambda out: F.mse_loss(out, y), 500, 0.3) < 1e-4
    np.testing.assert_allclose(to_numpy(model.weight), [[2.0, 3.0]], atol=0.05)


def test_exclusive_or_is_learnt() -> None:
    cf.manual_seed(1)
    x = cf.tensor([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
    y = cf.tensor([0, 1, 1, 0])
    model = nn.Sequential(nn.Linear(2, 16), nn.Tanh(), nn.Linear(16, 2))
    assert train(model, x, lambda out: F.cross_entropy(out, y), 500, 0.3, 0.9) < 0.02
    assert model(x).argmax(dim=1).tolist() == y.tolist()


def test_embedding_and_norm_learn_classes() -> None:
    cf.manual_seed(2)
    x = cf.arange(8)
    y = cf.tensor([0, 1, 2, 3, 3, 2, 1, 0])
    model = nn.Sequential(nn.Embedding(8, 16), nn.LayerNorm(16), nn.Linear(16, 4))
    assert train(model, x, lambda out: F.cross_entropy(out, y), 200, 0.5) < 0.05


@pytest.mark.parametrize("name", ["ReLU", "GELU", "SiLU", "Tanh", "Sigmoid"])
def test_every_activation_lets_a_network_learn(name: str) -> None:
    cf.manual_seed(3)
    x = cf.linspace(-1, 1, 64).reshape(64, 1)
    y = x * x
    model = nn.Sequential(nn.Linear(1, 32), getattr(nn, name)(), nn.Linear(32, 1))
    assert train(model, x, lambda out: F.mse_loss(out, y), 800, 0.2, 0.9) < 2e-3


class TestInitialisation:
    """PyTorch's: kaiming_uniform(a=sqrt(5)), that is U(-1/sqrt(fan_in), 1/sqrt(fan_in))."""

    @pytest.mark.parametrize("fan_in, out", [(100, 400), (3, 5000), (784, 64)])
    def test_linear(self, fan_in: int, out: int) -> None:
        cf.manual_seed(0)
        layer = nn.Linear(fan_in, out)
        bound = 1 / math.sqrt(fan_in)
        for x in (to_numpy(layer.weight), to_numpy(layer.bias)):
            assert np.abs(x).max() <= bound * (1 + 1e-6)
            count = x.size
            assert abs(x.mean()) < 5 * bound / math.sqrt(3 * count)
            assert abs(x.std() - bound / math.sqrt(3)) < 5 * bound / math.sqrt(count) / 2
            quarters, _ = np.histogram(x, bins=4, range=(-bound, bound))
            assert np.abs(quarters - count / 4).max() < 6 * math.sqrt(count / 4)

    def test_embedding(self) -> None:
        cf.manual_seed(0)
        x = to_numpy(nn.Embedding(500, 100).weight)
        assert abs(x.mean()) < 0.03 and abs(x.std() - 1) < 0.03

    def test_layer_norm(self) -> None:
        layer = nn.LayerNorm(5)
        assert layer.weight.tolist() == [1.0] * 5 and layer.bias.tolist() == [0.0] * 5

    def test_seeded(self) -> None:
        cf.manual_seed(5)
        one = to_numpy(nn.Linear(3, 4).weight)
        cf.manual_seed(5)
        assert np.array_equal(one, to_numpy(nn.Linear(3, 4).weight))

    def test_two_layers_differ(self) -> None:
        assert not np.array_equal(
            to_numpy(nn.Linear(3, 4).weight), to_numpy(nn.Linear(3, 4).weight)
        )

    def test_dtype(self) -> None:
        layer = nn.Linear(3, 4, dtype=cf.float64)
        assert layer.weight.dtype == layer.bias.dtype == cf.float64


class TestTrainAndEval:
    def test_dropout(self) -> None:
        cf.manual_seed(0)
        layer, x = nn.Dropout(0.5), cf.ones(1000)
        assert layer.training and 0 < (to_numpy(layer(x)) == 0).sum() < 1000
        layer.eval()
        assert not layer.training and np.array_equal(to_numpy(layer(x)), np.ones(1000))
        assert layer.train() is layer and layer.training

    def test_reaches_all_children(self) -> None:
        model = nn.Sequential(nn.Dropout(0.5), nn.Sequential(nn.Dropout(0.9)))
        model.eval()
        assert not any(m.training for m in model.modules())
        assert model(cf.ones(3)).tolist() == [1.0, 1.0, 1.0]


class Net(nn.Module):  # type: ignore[name-defined,misc]
    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(3, 4)
        self.scale = nn.Parameter(cf.ones(4))
        self.blocks = nn.ModuleList([nn.Linear(4, 4), nn.Linear(4, 2)])
        self.register_buffer("offset", cf.zeros(4))
        self.name = "net"

    def forward(self, x: Any) -> Any:
        x = F.relu(self.first(x)) * self.scale + self.offset
        for block in self.blocks:
            x = block(x)
        return x


KEYS = [
    "scale", "offset", "first.weight", "first.bias", "blocks.0.weight", "blocks.0.bias",
    "blocks.1.weight", "blocks.1.bias",
]  # fmt: skip


class TestModule:
    def test_registration_and_names(self) -> None:
        model = Net()
        assert [name for name, _ in model.named_parameters()] == [k for k in KEYS if k != "offset"]
        assert [name for name, _ in model.named_buffers()] == ["offset"]
        assert [name for name, _ in model.named_children()] == ["first", "blocks"]
        assert [name for name, _ in model.named_modules()] == [
            "",
            "first",
            "blocks",
            "blocks.0",
            "blocks.1",
        ]
        assert len(list(model.parameters())) == 7 and len(list(model.modules())) == 5

    def test_shared_parameters_come_once(self) -> None:
        model = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))
        model[1].weight = model[0].weight
        assert len(list(model.parameters())) == 3
        assert list(model.state_dict()) == ["0.weight", "0.bias", "1.weight", "1.bias"]

    def test_calling_before_init_says_so(self) -> None:
        class Forgetful(nn.Module):  # type: ignore[name-defined,misc]
            def __init__(self) -> None:
                self.layer = nn.Linear(1, 1)

        with pytest.raises(AttributeError, match="__init__"):
            Forgetful()

    def test_replacing_and_deleting(self) -> None:
        model = Net()
        model.first = nn.Linear(3, 4, bias=False)
        assert "first.bias" not in model.state_dict()
        del model.scale
        assert "scale" not in dict(model.named_parameters())
        with pytest.raises(AttributeError, match="scale"):
            model.scale  # noqa: B018

    def test_replacing_a_weight_of_a_layer(self) -> None:
        layer = nn.Linear(2, 2, bias=False)
        layer.weight = nn.Parameter(cf.eye(2) * 3)
        assert layer(cf.ones(1, 2)).tolist() == [[3.0, 3.0]]

    def test_changing_a_weight_in_place(self) -> None:
        layer = nn.Linear(2, 1)
        with cf.no_grad():
            layer.weight.mul_(0.0)
            layer.bias.add_(5.0)
        assert layer(cf.ones(1, 2)).item() == layer.bias.item()

    def test_repr_is_pytorchs(self) -> None:
        model = nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Dropout(0.1), nn.LayerNorm(3))
        assert repr(model) == (
            "Sequential(\n"
            "  (0): Linear(in_features=2, out_features=3, bias=True)\n"
            "  (1): ReLU()\n"
            "  (2): Dropout(p=0.1, inplace=False)\n"
            "  (3): LayerNorm((3,), eps=1e-05, elementwise_affine=True, bias=True)\n"
            ")"
        )

    def test_zero_grad_and_requires_grad(self) -> None:
        model = Net()
        model(cf.ones(1, 3)).sum().backward()
        model.zero_grad()
        assert all(p.grad is None for p in model.parameters())
        model.requires_grad_(False)
        assert not model(cf.ones(1, 3)).requires_grad

    def test_apply_reaches_every_module(self) -> None:
        seen: list[str] = []
        model = Net()
        assert model.apply(lambda m: seen.append(type(m).__name__)) is model
        assert sorted(seen) == ["Linear", "Linear", "Linear", "ModuleList", "Net"]

    def test_to_changes_the_dtype(self) -> None:
        model = Net().to(cf.float64)
        assert all(p.dtype == cf.float64 for p in model.parameters())
        assert model.offset.dtype == cf.float64
        assert model(cf.ones(1, 3, dtype=cf.float64)).dtype == cf.float64

    def test_sequential(self) -> None:
        model = nn.Sequential(OrderedDict([("a", nn.Linear(2, 3)), ("b", nn.Tanh())]))
        assert list(model.state_dict()) == ["a.weight", "a.bias"]
        assert len(model) == 2 and isinstance(model[-1], nn.Tanh) and isinstance(model.a, nn.Linear)
        assert len(model[:1]) == 1
        model.append(nn.Linear(3, 1))
        assert tuple(model(cf.ones(4, 2)).shape) == (4, 1)

    def test_forward_is_required(self) -> None:
        with pytest.raises(NotImplementedError):
            nn.Module()(1)


class TestStateDict:
    def test_there_and_back(self) -> None:
        cf.manual_seed(0)
        one, two = Net(), Net()
        x = cf.randn(5, 3)
        assert not np.array_equal(to_numpy(one(x)), to_numpy(two(x)))
        result = two.load_state_dict(one.state_dict())
        assert list(result.missing_keys) == [] and list(result.unexpected_keys) == []
        assert np.array_equal(to_numpy(one(x)), to_numpy(two(x)))
        assert list(one.state_dict()) == KEYS

    def test_loading_copies(self) -> None:
        one, two = nn.Linear(2, 2), nn.Linear(2, 2)
        two.load_state_dict(one.state_dict())
        train(two, cf.ones(1, 2), lambda y: y.sum(), 1, 0.1)
        assert not np.array_equal(to_numpy(one.weight), to_numpy(two.weight))

    def test_it_carries_no_history(self) -> None:
        assert not any(value.requires_grad for value in Net().state_dict().values())

    def test_all_problems_in_one_message(self) -> None:
        model = Net()
        state = dict(model.state_dict())
        del state["first.bias"], state["blocks.1.weight"]
        state["surprise"] = cf.ones(1)
        state["scale"] = cf.ones(7)
        before = to_numpy(model.blocks[0].weight).copy()
        state["blocks.0.weight"] = state["blocks.0.weight"] + 1
        with pytest.raises(backend.error("StateDictError")) as caught:
            model.load_state_dict(state)
        for part in ("first.bias", "blocks.1.weight", "surprise", "scale", "7", "4"):
            assert part in str(caught.value), part
        if not backend.IS_TORCH:
            assert np.array_equal(to_numpy(model.blocks[0].weight), before), (
                "nothing is loaded by halves"
            )

    def test_not_strict(self) -> None:
        model = Net()
        result = model.load_state_dict({"scale": cf.zeros(4), "surprise": cf.ones(1)}, strict=False)
        assert result.unexpected_keys == ["surprise"]
        assert sorted(result.missing_keys) == sorted(set(KEYS) - {"scale"})
        assert model.scale.tolist() == [0.0] * 4

    @ours
    def test_through_a_file(self, tmp_path: Path) -> None:
        cf.manual_seed(0)
        one, two = Net(), Net()
        one.save(tmp_path / "net.safetensors")
        two.load(tmp_path / "net.safetensors")
        x = cf.randn(2, 3)
        assert np.array_equal(to_numpy(one(x)), to_numpy(two(x)))
        assert sorted(cf.load_file(tmp_path / "net.safetensors")) == sorted(KEYS)

    @ours
    def test_simple_nn(self, tmp_path: Path) -> None:
        model = nn.SimpleNN(3, 5, 2)
        assert list(model.state_dict()) == ["fc1.weight", "fc1.bias", "fc2.weight", "fc2.bias"]
        x = cf.randn(4, 3)
        state = {key: to_numpy(value) for key, value in model.state_dict().items()}
        hidden = np.maximum(to_numpy(x) @ state["fc1.weight"].T + state["fc1.bias"], 0)
        np.testing.assert_allclose(
            to_numpy(model(x)),
            hidden @ state["fc2.weight"].T + state["fc2.bias"],
            rtol=1e-5,
            atol=1e-6,
        )


class TestLossModules:
    def test_they_are_the_functions(self) -> None:
        cf.manual_seed(0)
        x, y = cf.randn(4, 3), cf.randn(4, 3)
        labels = cf.tensor([0, 2, 1, 1])
        for reduction in ("mean", "sum", "none"):
            pairs = [
                (nn.MSELoss(reduction=reduction)(x, y), F.mse_loss(x, y, reduction=reduction)),
                (nn.L1Loss(reduction=reduction)(x, y), F.l1_loss(x, y, reduction=reduction)),
                (
                    nn.CrossEntropyLoss(reduction=reduction, label_smoothing=0.1)(x, labels),
                    F.cross_entropy(x, labels, reduction=reduction, label_smoothing=0.1),
                ),
                (
                    nn.NLLLoss(reduction=reduction)(x, labels),
                    F.nll_loss(x, labels, reduction=reduction),
                ),
                (
                    nn.BCEWithLogitsLoss(reduction=reduction)(x, y.sigmoid()),
                    F.binary_cross_entropy_with_logits(x, y.sigmoid(), reduction=reduction),
                ),
            ]
            for module, function in pairs:
                assert np.array_equal(to_numpy(module), to_numpy(function))

    def test_weights_are_buffers(self) -> None:
        loss = nn.CrossEntropyLoss(weight=cf.tensor([1.0, 2.0, 3.0]))
        assert list(loss.state_dict()) == ["weight"]
        assert list(loss.parameters()) == []


@pytest.mark.parametrize("name", ["layer_norm", "rms_norm"])
def test_norms_of_halves_keep_digits_that_halves_do_not_have(name: str) -> None:
    # The first row has a reciprocal deviation of 100,000, the second a mean between two halves.
    rows = [[0.0] * 4, [1000.0, 1001.0, 1001.0, 1002.5]]

    def gradients(dtype: cf.dtype) -> list[np.ndarray]:
        x = cf.tensor(rows, dtype=cf.float16).to(dtype).requires_grad_()
        weight = cf.tensor([0.01, 0.02, 0.03, 0.05], dtype=cf.float16).to(dtype).requires_grad_()
        grad = cf.tensor([[1.0, -2.0, 0.5, 3.0], [1.0, 2.0, 3.0, 4.0]], dtype=dtype)
        getattr(nn.functional, name)(x, [4], weight, eps=1e-10).backward(grad)
        return [to_numpy(x.grad.double()), to_numpy(weight.grad.double())]

    for found, exact in zip(gradients(cf.float16), gradients(cf.float64), strict=True):
        np.testing.assert_allclose(found, exact, rtol=2e-3, atol=1e-5)
