"""Recurrent layers: packed sequences, dropout, states, errors."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import backend
import devices
import numpy as np
import pytest
from backend import cf

rnn: Any = cf.nn.utils.rnn
KINDS = ("RNN", "LSTM", "GRU")
CELLS = ("RNNCell", "LSTMCell", "GRUCell")


def numbers(*shape: int, seed: int = 0) -> Any:
    return cf.from_numpy(np.random.RandomState(seed).uniform(-1, 1, shape))


def layer(kind: str, *sizes: int, **options: Any) -> Any:
    return getattr(cf.nn, kind)(*sizes, dtype=cf.float64, **options)


def states(result: Any) -> list[Any]:
    """The last states as a list, for layers with one and with two."""
    return list(result) if isinstance(result, tuple) else [result]


def close(found: Any, wanted: Any) -> None:
    np.testing.assert_allclose(
        backend.to_numpy(found), backend.to_numpy(wanted), rtol=1e-9, atol=1e-11
    )


# Packed sequences -----------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("lengths, ordered", [([5, 3, 3, 1], True), ([2, 5, 1, 4], False)])
@pytest.mark.parametrize("batch_first", [False, True])
def test_packed_sequences_are_the_sequences_alone(
    kind: str, lengths: list[int], ordered: bool, batch_first: bool
) -> None:
    model = layer(kind, 3, 4, num_layers=2, bidirectional=True, batch_first=batch_first)
    parts = [numbers(n, 3, seed=n + at).requires_grad_() for at, n in enumerate(lengths)]
    first = [numbers(4, 4, 4, seed=20 + at) for at in range(2 if kind == "LSTM" else 1)]
    packed = rnn.pack_padded_sequence(
        rnn.pad_sequence(parts, batch_first=batch_first), lengths, batch_first, ordered
    )
    output, last = model(packed, tuple(first) if kind == "LSTM" else first[0])
    padded, found = rnn.pad_packed_sequence(output, batch_first=batch_first)
    assert found.tolist() == lengths
    padded = padded if batch_first else padded.transpose(0, 1)
    loss = (padded * padded).sum() + sum((state**3).sum() for state in states(last))
    loss.backward()
    together = [part.grad for part in parts] + [weight.grad for weight in model.parameters()]
    model.zero_grad()
    for part in parts:
        part.grad = None
    total = 0.0
    for at, part in enumerate(parts):
        own = [state[:, at] for state in first]
        alone, after = model(part, tuple(own) if kind == "LSTM" else own[0])
        close(padded[at, : lengths[at]], alone)
        assert not backend.to_numpy(padded[at, lengths[at] :]).any()
        for state, one in zip(states(last), states(after), strict=True):
            close(state[:, at], one)
        total = total + (alone * alone).sum() + sum((state**3).sum() for state in states(after))
    total.backward()
    apart = [part.grad for part in parts] + [weight.grad for weight in model.parameters()]
    for one, other in zip(together, apart, strict=True):
        close(one, other)


def test_sequences_go_in_and_out_unchanged() -> None:
    parts = [numbers(n, 2, seed=n) for n in (2, 4, 1)]
    packed = rnn.pack_sequence(parts, enforce_sorted=False)
    assert packed.batch_sizes.tolist() == [3, 2, 1, 1]
    assert packed.sorted_indices.tolist() == [1, 0, 2]
    assert packed.unsorted_indices.tolist() == [1, 0, 2]
    for part, back in zip(parts, rnn.unpack_sequence(packed), strict=True):
        close(back, part)
    padded, lengths = rnn.pad_packed_sequence(packed, padding_value=7.0, total_length=6)
    assert tuple(padded.shape) == (6, 3, 2) and lengths.tolist() == [2, 4, 1]
    assert (backend.to_numpy(padded)[4:] == 7.0).all()
    left = rnn.pad_sequence(parts, batch_first=True, padding_value=-1.0, padding_side="left")
    close(left[0, 2:], parts[0])
    assert (backend.to_numpy(left)[0, :2] == -1.0).all()
    tripled = rnn.pad_sequence([part.to(cf.float32) for part in parts])
    assert tripled.dtype == cf.float32


@devices.host_only("it is moved from the CPU")
def test_a_packed_sequence_moves_whole() -> None:
    packed = rnn.pack_sequence([cf.tensor([1.0, 2.0]), cf.tensor([3.0])])
    double = packed.double()
    assert double.data.dtype == cf.float64 and double.batch_sizes.tolist() == [2, 1]
    assert packed.to(cf.float32) is packed and not packed.is_cuda
    assert packed.cpu().data.tolist() == [1.0, 3.0, 2.0]


@pytest.mark.parametrize(
    "call, words",
    [
        (lambda x: rnn.pack_padded_sequence(x, [1, 2]), "sorted in decreasing order"),
        (lambda x: rnn.pack_padded_sequence(x, [2]), "len\\(lengths\\)"),
        (lambda x: rnn.pack_padded_sequence(x, [2, 0]), "greater than 0"),
        pytest.param(
            lambda x: rnn.pack_padded_sequence(x, [4, 1]),
            "length of 4 is more than the 3 steps",
            marks=pytest.mark.skipif(backend.IS_TORCH, reason="PyTorch does not look"),
        ),
        (lambda x: rnn.pad_sequence([]), "empty"),
        (lambda x: rnn.pad_sequence([x, x], padding_side="up"), "padding_side"),
        (
            lambda x: rnn.pad_packed_sequence(rnn.pack_sequence([x, x]), total_length=1),
            "total_length=1",
        ),
    ],
)
def test_lengths_that_do_not_fit(call: Any, words: str) -> None:
    with pytest.raises(backend.error("InvalidArgumentError", "ShapeError"), match=words):
        call(numbers(3, 2, 4))


@pytest.mark.skipif(backend.IS_TORCH, reason="an operation of this package")
def test_batch_sizes_are_checked() -> None:
    model = layer("GRU", 3, 4)
    h0, weights = numbers(1, 2, 4), list(model.parameters())

    def run(sizes: Any) -> Any:
        return cf.gru_packed(numbers(3, 3), sizes, h0, weights, True, 1, 0.0, False, False)

    assert tuple(run(cf.tensor([2, 1])).output.shape) == (3, 4)
    for sizes in ([1, 2], [2, 0], [], [2, -1]):
        with pytest.raises(cf.InvalidArgumentError, match="batch_sizes"):
            run(cf.tensor(sizes, dtype=cf.int64))
    with pytest.raises(cf.InvalidArgumentError, match="int64"):
        run(cf.tensor([2.0, 1.0]))
    with pytest.raises(cf.ShapeError, match="add up to the 3 rows"):
        run(cf.tensor([2, 2]))


# Dropout --------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_dropout_between_layers(kind: str) -> None:
    model = layer(kind, 3, 16, num_layers=2, dropout=0.4)
    x = numbers(6, 5, 3)
    cf.manual_seed(1)
    first = model(x)[0]
    cf.manual_seed(1)
    close(model(x)[0], first)
    other = model(x)[0]
    assert not np.allclose(backend.to_numpy(other), backend.to_numpy(first))
    model.eval()
    plain = model(x)[0]
    close(model(x)[0], plain)
    assert not np.allclose(backend.to_numpy(plain), backend.to_numpy(first))


def test_dropout_keeps_and_scales() -> None:
    """With a second layer that adds up what it is given, the mean over many stays the same."""
    model = layer("RNN", 1, 1000, num_layers=2, nonlinearity="relu", bias=False, dropout=0.3)
    with cf.no_grad():
        model.weight_ih_l0.fill_(1.0)
        model.weight_hh_l0.fill_(0.0)
        model.weight_hh_l1.fill_(0.0)
        model.weight_ih_l1.fill_(0.0)
        model.weight_ih_l1[:10].fill_(1.0)
    cf.manual_seed(3)
    sums = backend.to_numpy(model(cf.ones(40, 1, 1, dtype=cf.float64))[0])[:, 0, :10]
    kept = sums[:, 0] * 0.7  # how many of 1,000 were kept
    assert np.allclose(kept, np.round(kept)) and np.allclose(sums, sums[:, :1])
    assert abs(kept.mean() - 700) < 10 and 8 < kept.std() < 22
    model.dropout = 1.0
    assert not backend.to_numpy(model(cf.ones(2, 1, 1, dtype=cf.float64))[0]).any()


def test_gradients_see_the_same_dropout() -> None:
    model = layer("GRU", 2, 3, num_layers=3, dropout=0.5)
    x = numbers(3, 2, 2).requires_grad_()

    def loss() -> Any:
        cf.manual_seed(9)
        return (model(x)[0] ** 2).sum()

    (grad,) = cf.autograd.grad(loss(), [x])
    (again,) = cf.autograd.grad(loss(), [x], create_graph=True)
    close(again, grad)
    step = 1e-6
    with cf.no_grad():
        x[1, 0, 1] += step
        above = float(loss())
        x[1, 0, 1] -= 2 * step
        difference = (above - float(loss())) / (2 * step)
    assert abs(float(grad[1, 0, 1]) - difference) < 1e-7


def test_dropout_of_one_layer_warns() -> None:
    with pytest.warns(UserWarning, match="num_layers greater than 1"):
        cf.nn.LSTM(2, 3, dropout=0.5)


# States and gradients -------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_a_sequence_in_two_parts_is_the_whole(kind: str) -> None:
    model = layer(kind, 3, 4, num_layers=2)
    x = numbers(7, 2, 3)
    output, last = model(x)
    first, middle = model(x[:4])
    second, end = model(x[4:], middle)
    close(cf.cat([first, second]), output)
    for one, other in zip(states(end), states(last), strict=True):
        close(one, other)


@pytest.mark.parametrize("kind", KINDS)
def test_cells_are_steps_of_the_layer(kind: str) -> None:
    model, cell = layer(kind, 3, 4), layer(f"{kind}Cell", 3, 4)
    cell.load_state_dict(
        {name.removesuffix("_l0"): value for name, value in model.state_dict().items()}
    )
    x = numbers(5, 2, 3)
    output, _ = model(x)
    state: Any = None
    for step in range(5):
        state = cell(x[step], state)
        close(states(state)[0], output[step])


def test_a_state_made_of_the_input() -> None:
    """The input's gradient counts each way once, in first and in second order."""
    model = layer("GRU", 3, 3)
    x = numbers(2, 2, 3).requires_grad_()

    def loss() -> Any:
        return (model(x, (x * x)[:1])[0] ** 2).sum()

    (grad,) = cf.autograd.grad(loss(), [x])
    (recorded,) = cf.autograd.grad(loss(), [x], create_graph=True)
    close(recorded, grad)
    (second,) = cf.autograd.grad((recorded**2).sum(), [x])
    step = 1e-5
    with cf.no_grad():
        x[0, 1, 2] += step
    (above,) = cf.autograd.grad(loss(), [x])
    with cf.no_grad():
        x[0, 1, 2] -= 2 * step
    (below,) = cf.autograd.grad(loss(), [x])
    difference = float(((above**2).sum() - (below**2).sum()) / (2 * step))
    assert abs(float(second[0, 1, 2]) - difference) < 1e-6


@pytest.mark.skipif(backend.IS_TORCH, reason="PyTorch keeps a copy")
def test_outputs_changed_in_place_are_noticed() -> None:
    model = layer("LSTM", 3, 4)
    output, (h_n, c_n) = model(numbers(3, 2, 3))
    h_n.mul_(2.0)
    c_n.add_(1.0)
    (h_n.sum() + c_n.sum()).backward()
    assert model.weight_ih_l0.grad is not None
    output, _ = model(numbers(3, 2, 3))
    output.mul_(2.0)
    with pytest.raises(backend.error("InPlaceError")):
        output.sum().backward()


def test_hooks_and_retained_graphs() -> None:
    model = layer("LSTM", 3, 4)
    x = numbers(3, 2, 3).requires_grad_()
    output, (h_n, c_n) = model(x)
    seen = []
    c_n.register_hook(lambda grad: seen.append(tuple(grad.shape)))
    h_n.register_hook(lambda grad: grad * 0)
    c_n.sum().backward(retain_graph=True)
    once = x.grad.clone()
    (c_n.sum() + h_n.sum()).backward()
    close(x.grad, once * 2)
    assert seen == [(1, 2, 4)] * 2
    del output


def test_only_what_is_wanted_gets_a_gradient() -> None:
    model = layer("LSTM", 3, 4)
    model.weight_hh_l0.requires_grad_(False)
    model.bias_ih_l0.requires_grad_(False)
    model(numbers(3, 2, 3))[0].sum().backward()
    got = {name for name, weight in model.named_parameters() if weight.grad is not None}
    assert got == {"weight_ih_l0", "bias_hh_l0"}


@pytest.mark.parametrize("kind", [*KINDS, *CELLS])
def test_layers_learn_and_can_be_copied(kind: str) -> None:
    cf.manual_seed(0)
    model = layer(kind, 3, 4)
    assert all(float(weight.detach().abs().max()) <= 0.5 for weight in model.parameters())
    before = copy.deepcopy(model)
    x = numbers(5, 3) if kind in CELLS else numbers(5, 2, 3)

    def first(module: Any) -> Any:
        # From a state of zeros a cell's weights of the state would have no gradient.
        result = module(x, module(x)) if kind in CELLS else module(x)
        return result[0] if isinstance(result, tuple) else result

    optimizer = cf.optim.SGD(model.parameters(), lr=0.5)
    losses = []
    for _ in range(60):
        optimizer.zero_grad()
        loss = ((first(model) - 0.3) ** 2).mean()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < losses[0] / 2
    for weight, old in zip(model.parameters(), before.parameters(), strict=True):
        assert weight.grad is not None and float((weight - old).detach().abs().max()) > 0
    close(first(pickle.loads(pickle.dumps(model))), first(model))
    before.load_state_dict(model.state_dict())
    close(first(before), first(model))


def test_what_a_layer_says_of_itself() -> None:
    model = cf.nn.LSTM(3, 4, num_layers=2, bidirectional=True, proj_size=2)
    assert model.flatten_parameters() is None
    assert [len(group) for group in model.all_weights] == [5, 5, 5, 5]
    assert model.all_weights[3][4] is model.weight_hr_l1_reverse
    assert repr(cf.nn.GRU(3, 4, bias=False)) == "GRU(3, 4, bias=False)"
    assert repr(cf.nn.RNNCell(3, 4, nonlinearity="relu")) == "RNNCell(3, 4, nonlinearity=relu)"


# Errors ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_inputs_that_do_not_fit(kind: str) -> None:
    model = layer(kind, 3, 4)
    shape = backend.error("ShapeError")
    with pytest.raises(shape, match="2D or 3D, got 1D"):
        model(numbers(3))
    with pytest.raises(shape, match="Expected 3, got 5"):
        model(numbers(2, 2, 5))
    with pytest.raises(shape, match="larger than 0"):
        model(numbers(0, 2, 3))
    with pytest.raises(backend.error("DTypeError", "ShapeError"), match="type"):
        model(numbers(2, 2, 3).to(cf.float32))

    def hidden(*shape: int) -> Any:
        return (numbers(*shape), numbers(*shape)) if kind == "LSTM" else numbers(*shape)

    with pytest.raises(shape, match=r"size \(1, 2, 4\), got \[1, 2, 5\]"):
        model(numbers(2, 2, 3), hidden(1, 2, 5))
    with pytest.raises(shape, match=r"size \(1, 2, 4\), got \[1, 3, 4\]"):
        model(numbers(2, 2, 3), hidden(1, 3, 4))
    with pytest.raises(shape, match="batched 3-D input"):
        model(numbers(2, 2, 3), hidden(1, 4))
    with pytest.raises(shape, match="unbatched 2-D input"):
        model(numbers(2, 3), hidden(1, 1, 4))


@pytest.mark.parametrize("kind", CELLS)
def test_inputs_of_cells_that_do_not_fit(kind: str) -> None:
    model = layer(kind, 3, 4)
    shape = backend.error("ShapeError")

    def hidden(*shape: int) -> Any:
        return (numbers(*shape), numbers(*shape)) if kind == "LSTMCell" else numbers(*shape)

    with pytest.raises(shape, match="1D or 2D, got 3D"):
        model(numbers(2, 2, 3))
    with pytest.raises(shape, match=r"input|mat1"):
        model(numbers(2, 5))
    with pytest.raises(shape, match=r"hidden|mat1|batch"):
        model(numbers(2, 3), hidden(2, 5))
    with pytest.raises(shape, match="batch"):
        model(numbers(2, 3), hidden(3, 4))


@pytest.mark.parametrize(
    "make, words",
    [
        (lambda nn: nn.LSTM(3, 0), "hidden_size must be greater than zero"),
        (lambda nn: nn.GRU(3, 4, 0), "num_layers must be greater than zero"),
        (lambda nn: nn.RNN(3, 4, 2, dropout=1.5), "range \\[0, 1\\]"),
        (lambda nn: nn.RNN(3, 4, nonlinearity="sin"), "'tanh' or 'relu'"),
        (lambda nn: nn.LSTM(3, 4, proj_size=4), "smaller than hidden_size"),
        (lambda nn: nn.LSTM(3, 4, proj_size=-1), "proj_size"),
        (lambda nn: nn.GRU(3, 4, proj_size=2), "proj_size"),
        (lambda nn: nn.LSTM(3, 2.5), "int"),
    ],
)
def test_sizes_that_are_none(make: Any, words: str) -> None:
    with pytest.raises((ValueError, TypeError), match=words):
        make(cf.nn)


@pytest.mark.skipif(backend.IS_TORCH, reason="PyTorch's operation checks less")
def test_operations_check_their_weights() -> None:
    model = layer("LSTM", 3, 4)
    x, h, c = numbers(2, 2, 3), numbers(1, 2, 4), numbers(1, 2, 4)
    weights = list(model.parameters())

    def run(hx: Any, params: Any, layers: int = 1, dropout: float = 0.0) -> Any:
        return cf.lstm(x, hx, params, True, layers, dropout, True, False, False)

    with pytest.raises(cf.InvalidArgumentError, match="2 states are needed, and 1"):
        run([h], weights)
    with pytest.raises(cf.InvalidArgumentError, match="4 weights each, and 3"):
        run([h, c], weights[:3])
    with pytest.raises(cf.InvalidArgumentError, match="num_layers"):
        run([h, c], weights, layers=0)
    with pytest.raises(cf.InvalidArgumentError, match="4 weights each"):
        run([h, c], weights, layers=2**62)
    with pytest.raises(cf.InvalidArgumentError, match="dropout"):
        run([h, c], weights, dropout=2.0)
    with pytest.raises(cf.ShapeError, match=r"weight_hh_l0 must have shape \[16, 4\]"):
        run([h, c], [weights[0], numbers(16, 5), *weights[2:]])
    with pytest.raises(cf.DTypeError, match="one dtype"):
        run([h, c.to(cf.float32)], weights)
    with pytest.raises(cf.ShapeError, match="one size"):
        cf.lstm_cell(numbers(2, 3), [numbers(2, 4), numbers(2, 5)], *weights)


@pytest.mark.skipif(backend.IS_TORCH, reason="not PyTorch's")
def test_sizes_that_no_memory_holds_are_errors() -> None:
    """Dimensions of zero make tensors free, and what is noted of the other dimensions is not."""
    with pytest.raises((cf.OutOfMemoryError, cf.ShapeError)):
        cf.nn.LSTM(3, 4)(cf.zeros(2**40, 0, 3))
    with pytest.raises((cf.OutOfMemoryError, cf.ShapeError)):
        cf.nn.functional.embedding_bag(cf.zeros(2**40, 0, dtype=cf.int64), cf.ones(3, 2))
    with pytest.raises((cf.OutOfMemoryError, cf.ShapeError)):
        cf.nn.functional.pdist(cf.zeros(2**20, 0))


@pytest.mark.skipif(backend.IS_TORCH, reason="not PyTorch's")
def test_a_hidden_size_of_zero() -> None:
    x = cf.ones(2, 1, 3, requires_grad=True)
    weights = [cf.ones(0, 3), cf.ones(0, 0)]
    output = cf.lstm(x, [cf.zeros(1, 1, 0)] * 2, weights, False, 1, 0.0, True, False, False)[0]
    assert tuple(output.shape) == (2, 1, 0)
    output.sum().backward()
    assert x.grad is None or x.grad.tolist() == [[[0.0] * 3]] * 2
