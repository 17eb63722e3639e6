"""Modules in Python: registration, names, state, copies, text."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import numpy as np
import pytest

import candle_ffi as cf
from candle_ffi import nn


class Net(nn.Module):
    """Two layers, a lone parameter, two buffers."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(3, 4)
        self.scale = nn.Parameter(cf.tensor([2.0]))
        self.rest = nn.Sequential(nn.ReLU(), nn.Linear(4, 2, bias=False))
        self.register_buffer("count", cf.zeros(1, dtype=cf.int64))
        self.register_buffer("scratch", cf.zeros(2), persistent=False)

    def forward(self, x: cf.Tensor) -> Any:
        return self.rest(self.first(x)) * self.scale


NAMES = ["scale", "count", "first.weight", "first.bias", "rest.1.weight"]


def test_attributes_find_their_home() -> None:
    net = Net()
    assert [name for name, _ in net.named_parameters()] == [n for n in NAMES if n != "count"]
    assert [name for name, _ in net.named_buffers()] == ["count", "scratch"]
    assert [name for name, _ in net.named_children()] == ["first", "rest"]
    assert [name for name, _ in net.named_modules()] == ["", "first", "rest", "rest.0", "rest.1"]
    assert list(net.state_dict()) == NAMES
    assert net.get_submodule("rest.1") is net.rest[1]


def test_a_shared_parameter_counts_once() -> None:
    net = Net()
    net.again = net.first
    assert len(list(net.parameters())) == 4


def test_setting_again_replaces() -> None:
    net = Net()
    net.scale = nn.Parameter(cf.tensor([5.0]))
    assert net(cf.ones(1, 3)).shape == (1, 2)
    assert net.state_dict()["scale"].tolist() == [5.0]
    with pytest.raises(TypeError, match="scale"):
        net.scale = 3.0
    net.scale = None
    assert "scale" not in net.state_dict()
    del net.rest
    with pytest.raises(AttributeError, match="rest"):
        _ = net.rest


def test_forgetting_super_init_is_said() -> None:
    class Bad(nn.Module):
        def __init__(self) -> None:
            self.layer = nn.ReLU()

    with pytest.raises(AttributeError, match=r"super\(\)\.__init__"):
        Bad()


def test_a_replaced_weight_of_a_layer_is_used() -> None:
    layer = nn.Linear(2, 1)
    layer.weight = nn.Parameter(cf.tensor([[1.0, 10.0]]))
    layer.bias = nn.Parameter(cf.tensor([100.0]))
    result = layer(cf.tensor([[3.0, 2.0]]))
    assert result.tolist() == [[123.0]]
    result.sum().backward()
    assert layer.weight.grad.tolist() == [[3.0, 2.0]]


def test_what_a_layer_holds_is_what_it_computes_with() -> None:
    x = cf.tensor([[3.0, 2.0]])
    layer = nn.Linear(2, 1)
    layer.weight = nn.Parameter(cf.tensor([[1.0, 10.0]]))
    layer.bias = None
    assert layer(x).tolist() == [[23.0]]
    layer.bias = nn.Parameter(cf.tensor([100.0]))
    assert layer(x).tolist() == [[123.0]]
    copied = copy.copy(layer)
    copied.weight = nn.Parameter(cf.zeros(1, 2))
    assert copied(x).tolist() == [[100.0]]
    del layer.weight
    with pytest.raises(AttributeError, match="weight"):
        layer(x)
    layer.weight = cf.tensor([[0.0, 1.0]])  # no parameter any more, as when weights are computed
    assert layer(x).tolist() == [[102.0]]
    norm = nn.LayerNorm(2)
    norm.weight = None
    norm.bias = nn.Parameter(cf.tensor([5.0, 5.0]))
    np.testing.assert_allclose(norm(x).tolist(), [[6.0, 4.0]], rtol=1e-4)
    table = nn.Embedding(3, 2)
    table.weight = nn.Parameter(cf.ones(3, 2))
    assert table(cf.tensor([2])).tolist() == [[1.0, 1.0]]


@pytest.mark.parametrize("make", [lambda: nn.Linear("a", 3), lambda: nn.Embedding(3, 2.5)])
def test_sizes_are_integers(make: Any) -> None:
    with pytest.raises(TypeError, match=r"(in_features|embedding_dim) must be an integer"):
        make()


def test_tied_weights_add_their_gradients() -> None:
    one, two = nn.Linear(2, 2, bias=False), nn.Linear(2, 2, bias=False)
    two.weight = one.weight
    x = cf.ones(1, 2)
    (one(x).sum() + two(x).sum()).backward()
    assert one.weight.grad.tolist() == [[2.0, 2.0], [2.0, 2.0]]


def test_state_moves_between_models() -> None:
    one, two = Net(), Net()
    x = cf.randn(5, 3)
    assert not (one(x) == two(x)).all()
    assert two.load_state_dict(one.state_dict()) == ([], [])
    assert (one(x) == two(x)).all()


def test_every_misfit_is_listed_and_nothing_changes() -> None:
    net = Net()
    before = net.scale.tolist()
    state = net.state_dict()
    del state["first.bias"]
    state["unknown"] = cf.zeros(1)
    state["rest.1.weight"] = cf.zeros(7, 2)
    state["scale"] = cf.tensor([99.0])
    with pytest.raises(cf.StateDictError) as caught:
        net.load_state_dict(state)
    message = str(caught.value)
    assert "Net" in message
    assert all(word in message for word in ("first.bias", "unknown", "(7, 2)", "(2, 4)"))
    assert net.scale.tolist() == before


def test_not_strict_names_what_was_left() -> None:
    net = Net()
    left = net.load_state_dict({"scale": cf.tensor([9.0]), "unknown": cf.zeros(1)}, strict=False)
    assert left.unexpected_keys == ["unknown"]
    assert left.missing_keys == ["count", "first.weight", "first.bias", "rest.1.weight"]
    assert net.scale.tolist() == [9.0]


def test_files(tmp_path: Any) -> None:
    one = Net()
    one.save(tmp_path / "net.safetensors")
    two = Net().load(tmp_path / "net.safetensors")
    x = cf.randn(5, 3)
    assert (one(x) == two(x)).all()


@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))])
def test_copies_are_independent(duplicate: Any) -> None:
    one = Net().eval()
    two = duplicate(one)
    x = cf.randn(5, 3)
    assert (one(x) == two(x)).all()
    assert not two.training and not two.first.training
    with cf.no_grad():
        two.first.weight += 1
        two.scale += 1
    assert not (one(x) == two(x)).all()
    two(x).sum().backward()
    assert two.first.weight.grad is not None
    assert one.first.weight.grad is None


def test_to_changes_the_weights_where_they_are() -> None:
    net = Net()
    weight = net.first.weight
    assert net.double() is net
    assert net.first.weight is weight and weight.dtype is cf.float64
    assert net.count.dtype is cf.int64
    result = net(cf.randn(2, 3, dtype=cf.float64))
    assert result.dtype is cf.float64
    result.sum().backward()
    assert weight.grad.dtype is cf.float64


class Counts(nn.Module):
    """Integers that half precision, float32 or float64 do not hold."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(cf.ones(3))
        self.register_buffer("ids", cf.arange(3000))
        self.register_buffer("large", cf.tensor([2**24 + 1, 2**53 + 1, -(2**62) - 1]))
        self.register_buffer("mask", cf.tensor([True, False]))


@pytest.mark.parametrize("name", ["half", "bfloat16", "float", "double"])
def test_integers_pass_through_every_cast_of_a_module(name: str) -> None:
    net = Counts()
    getattr(net, name)().float()
    assert net.ids.dtype is cf.int64 and net.ids.tolist() == list(range(3000))
    assert net.large.tolist() == [2**24 + 1, 2**53 + 1, -(2**62) - 1]
    assert net.mask.dtype is cf.bool and net.mask.tolist() == [True, False]
    assert net.weight.dtype is cf.float32


@pytest.mark.parametrize(
    "arguments", [(cf.int64,), ("cpu", cf.bool), (cf.tensor([1]),), (cf.float64, False, True)]
)
def test_what_a_module_cannot_become_leaves_it_as_it_is(arguments: Any) -> None:
    net = Counts()
    with pytest.raises(TypeError):
        net.to(*arguments)
    assert net.weight.dtype is cf.float32 and net.ids.dtype is cf.int64


def test_gradients_follow_their_parameters() -> None:
    net = nn.Linear(2, 1)
    optimizer = cf.optim.SGD(net.parameters(), lr=0.5)
    net(cf.ones(1, 2)).sum().backward()
    before, gradient = net.weight.detach().clone(), net.weight.grad
    net.double()
    assert net.weight.grad.dtype is cf.float64 and net.weight.grad.tolist() == [[1.0, 1.0]]
    assert gradient.dtype is cf.float64  # the same gradient, as PyTorch's
    optimizer.step()
    assert net.weight.tolist() == (before.double() - 0.5).tolist()


def test_modes_reach_everything() -> None:
    net = nn.Sequential(nn.Linear(2, 2), nn.Dropout(1.0))
    assert net(cf.ones(1, 2)).tolist() == [[0.0, 0.0]]
    net.eval()
    assert not any(module.training for module in net.modules())
    assert net[1](cf.ones(1, 2)).tolist() == [[1.0, 1.0]]


def test_zero_grad_and_requires_grad() -> None:
    net = Net()
    net(cf.ones(1, 3)).sum().backward()
    assert all(parameter.grad is not None for parameter in net.parameters())
    net.zero_grad()
    assert all(parameter.grad is None for parameter in net.parameters())
    net.requires_grad_(False)
    assert not net(cf.ones(1, 3)).requires_grad


def test_text_is_pytorchs() -> None:
    assert repr(Net()) == (
        "Net(\n"
        "  (first): Linear(in_features=3, out_features=4, bias=True)\n"
        "  (rest): Sequential(\n"
        "    (0): ReLU()\n"
        "    (1): Linear(in_features=4, out_features=2, bias=False)\n"
        "  )\n"
        ")"
    )


def test_containers() -> None:
    layers = nn.ModuleList([nn.Linear(1, 1), nn.ReLU()])
    layers.append(nn.Tanh())
    assert [type(layer).__name__ for layer in layers] == ["Linear", "ReLU", "Tanh"]
    assert isinstance(layers[-1], nn.Tanh) and len(layers[:2]) == 2
    del layers[0]
    assert list(layers._modules) == ["0", "1"]
    model = nn.Sequential({"in": nn.Linear(1, 2), "out": nn.Linear(2, 1)})
    assert list(model.state_dict()) == ["in.weight", "in.bias", "out.weight", "out.bias"]
    assert isinstance(model[:1], nn.Sequential)
    with pytest.raises(IndexError):
        model[5]


def test_apply_visits_children_first() -> None:
    seen: list[str] = []
    Net().apply(lambda module: seen.append(type(module).__name__))
    assert seen == ["Linear", "ReLU", "Linear", "Sequential", "Net"]


def test_simple_nn_is_found_in_its_file(tmp_path: Any) -> None:
    model = nn.SimpleNN(in_features=4, hidden_size=8, out_features=2)
    model.save(tmp_path / "model.safetensors")
    loaded = cf.models.load_pretrained_model(tmp_path / "model.safetensors")
    x = cf.randn(3, 4)
    assert not loaded.training
    assert (model(x) == loaded(x)).all()


def test_weights_of_no_known_model(tmp_path: Any) -> None:
    cf.save_file({"a": cf.zeros(1)}, tmp_path / "other.safetensors")
    with pytest.raises(cf.StateDictError, match="a"):
        cf.models.load_pretrained_model(tmp_path / "other.safetensors")


def test_a_pretrained_model_keeps_its_dtype(tmp_path: Any) -> None:
    path = tmp_path / "model.safetensors"
    nn.SimpleNN(4, 8, 2).double().save(path)
    model = cf.load_pretrained_model(path)
    assert model.fc1.weight.dtype is cf.float64
    assert model(cf.zeros(1, 4, dtype=cf.float64)).shape == (1, 2)
    state = {name: tensor.reshape(-1) for name, tensor in model.state_dict().items()}
    cf.save_file(state, path)
    with pytest.raises(cf.StateDictError, match=r"fc1\.weight \[32\]"):
        cf.load_pretrained_model(path)


def test_lists_of_modules_change_like_lists() -> None:
    layers = nn.ModuleList([nn.ReLU(), nn.Tanh()])
    layers.insert(1, nn.GELU())
    layers += [nn.SiLU()]
    assert isinstance(layers.pop(0), nn.ReLU)
    assert [type(layer).__name__ for layer in layers] == ["GELU", "Tanh", "SiLU"]
    del layers[0:2]
    assert list(layers._modules) == ["0"]
    model = nn.Sequential(nn.Linear(1, 1)).append(nn.ReLU()).insert(0, nn.Tanh())
    assert model.get_parameter("1.weight") is model[1].weight
    assert model.state_dict(keep_vars=True)["1.weight"] is model[1].weight
    with pytest.raises(AttributeError, match="nothing"):
        model.get_parameter("1.nothing")


def test_parts_of_a_wrong_kind_are_refused() -> None:
    layers = nn.ModuleList([nn.ReLU()])
    for call in (
        lambda: nn.Sequential([nn.ReLU()]),
        lambda: layers.append(None),
        lambda: layers.__setitem__(0, 3),
        lambda: layers.register_parameter("a", cf.ones(1)),
        lambda: layers.register_buffer("a", 1.0),
        lambda: nn.Linear(1, 1).load_state_dict({"weight": [[1.0]], "bias": [1.0]}),
    ):
        with pytest.raises(TypeError):
            call()


def test_modes_of_gradients_wrap_functions_and_generators() -> None:
    @cf.no_grad()
    def modes() -> Any:
        received = yield cf.is_grad_enabled()
        yield received, cf.is_grad_enabled()

    generator = modes()
    assert next(generator) is False and cf.is_grad_enabled()
    assert generator.send(5) == (5, False) and cf.is_grad_enabled()
    generator.close()

    @cf.set_grad_enabled(False)
    def mode() -> bool:
        return cf.is_grad_enabled()

    assert cf.is_grad_enabled() and mode() is False and cf.is_grad_enabled()
