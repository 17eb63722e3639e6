"""Attention and transformers: what is refused, dropout, hooks, and that a model learns."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from typing import Any

import backend
import numpy as np
import pytest
from backend import cf, to_numpy

F = cf.nn.functional


def zeros(*shape: int) -> Any:
    return cf.zeros(*shape)


def bools(*shape: int) -> Any:
    return cf.zeros(*shape, dtype=cf.bool)


ATTENTION = [
    ((zeros(4), zeros(3, 4), zeros(3, 4)), {}, ("ShapeError", r"\[4\].*two dimensions")),
    ((zeros(2, 5), zeros(3, 4), zeros(3, 4)), {}, ("ShapeError", r"\[2, 5\].*\[3, 4\]")),
    ((zeros(2, 4), zeros(3, 4), zeros(2, 4)), {}, ("ShapeError", "key and value differ")),
    ((zeros(2, 2, 4), zeros(3, 3, 4), zeros(3, 3, 4)), {}, ("ShapeError", "do not broadcast")),
    ((zeros(2, 4), zeros(3, 4), zeros(3, 4), zeros(5, 3)), {},
     ("ShapeError", r"\[5, 3\].*\[2, 3\]")),
    ((zeros(2, 4), zeros(3, 4), zeros(3, 4), zeros(2, 2, 3)), {}, ("ShapeError", r"\[2, 2, 3\]")),
    ((zeros(2, 4), zeros(3, 4), zeros(3, 4), bools(2, 3)), {"is_causal": True},
     ("InvalidArgumentError", "is_causal")),
    ((zeros(2, 4), zeros(3, 4), zeros(3, 4)), {"dropout_p": 1.5},
     ("InvalidArgumentError", "dropout_p.*1.5")),
    ((zeros(2, 4), zeros(3, 4), zeros(3, 4), cf.zeros(2, 3, dtype=cf.int64)), {},
     ("DTypeError", "attn_mask.*int64")),
    ((zeros(2, 4), zeros(3, 4).double(), zeros(3, 4)), {}, ("DTypeError", "float64")),
    ((zeros(2, 4).long(), zeros(3, 4).long(), zeros(3, 4).long()), {}, ("DTypeError", "int64")),
    ((zeros(3, 2, 4), zeros(2, 3, 4), zeros(2, 3, 4)), {"enable_gqa": True},
     ("ShapeError", "must divide")),
    ((zeros(2, 4), zeros(3, 4), zeros(3, 4)), {"enable_gqa": True},
     ("ShapeError", "three dimensions")),
]  # fmt: skip


@pytest.mark.parametrize("arguments, options, expected", ATTENTION)
def test_what_attention_refuses(arguments: Any, options: Any, expected: tuple[str, str]) -> None:
    with pytest.raises(backend.error(expected[0]), match=None if backend.IS_TORCH else expected[1]):
        F.scaled_dot_product_attention(*arguments, **options)


HEADS = [
    ((5, 2), {}, r"divisible.*5 and 2"),
    ((0, 2), {}, "greater than 0"),
    ((4, -1), {}, "greater than 0"),
    ((4, 2), {"dropout": 1.5}, "dropout.*1.5"),
]


@pytest.mark.skipif(backend.IS_TORCH, reason="PyTorch asserts")
@pytest.mark.parametrize("arguments, options, message", HEADS)
def test_what_layers_refuse(arguments: Any, options: Any, message: str) -> None:
    with pytest.raises(cf.InvalidArgumentError, match=message):
        cf.nn.MultiheadAttention(*arguments, **options)


def test_what_layers_refuse_of_activations() -> None:
    for kind in (cf.nn.TransformerEncoderLayer, cf.nn.TransformerDecoderLayer):
        with pytest.raises(backend.error("InvalidArgumentError"), match="softplus"):
            kind(4, 2, activation="softplus")


CALLS = [
    ((zeros(4), zeros(4), zeros(4)), {}, r"\[4\].*two dimensions"),
    ((zeros(3, 2, 4), zeros(3, 4), zeros(3, 4)), {}, r"\[3, 2, 4\].*\[3, 4\]"),
    ((zeros(3, 2, 5), zeros(3, 2, 5), zeros(3, 2, 5)), {}, r"\[3, 2, 5\].*embed_dim, 4"),
    ((zeros(3, 2, 4), zeros(2, 2, 4), zeros(3, 2, 4)), {}, r"\[2, 2, 4\].*do not fit"),
    ((zeros(3, 2, 4), zeros(3, 3, 4), zeros(3, 3, 4)), {}, r"\[3, 3, 4\].*do not fit"),
    ((zeros(3, 2, 4),) * 3, {"attn_mask": bools(3, 2)}, r"attn_mask must be \[3, 3\].*\[3, 2\]"),
    ((zeros(3, 2, 4),) * 3, {"attn_mask": bools(2, 3, 3)}, r"must be \[4, 3, 3\].*\[2, 3, 3\]"),
    ((zeros(3, 2, 4),) * 3, {"attn_mask": bools(3)}, "two or three dimensions"),
    ((zeros(3, 2, 4),) * 3, {"key_padding_mask": bools(3, 2)}, r"\[2, 3\].*\[3, 2\]"),
    ((zeros(3, 2, 4),) * 3, {"key_padding_mask": bools(3)}, "must have 2 dimensions"),
]  # fmt: skip


@pytest.mark.skipif(backend.IS_TORCH, reason="PyTorch asserts")
@pytest.mark.parametrize("need_weights", [False, True])
@pytest.mark.parametrize("inputs, options, message", CALLS)
def test_what_calls_refuse(inputs: Any, options: Any, message: str, need_weights: bool) -> None:
    with pytest.raises(cf.ShapeError, match=message):
        cf.nn.MultiheadAttention(4, 2)(*inputs, need_weights=need_weights, **options)


@pytest.mark.skipif(backend.IS_TORCH, reason="PyTorch asserts")
def test_masks_and_hints_that_mean_nothing() -> None:
    layer, x = cf.nn.MultiheadAttention(4, 2), zeros(3, 2, 4)
    with pytest.raises(cf.DTypeError, match=r"attn_mask.*int64"):
        layer(x, x, x, attn_mask=cf.zeros(3, 3, dtype=cf.int64))
    with pytest.raises(cf.InvalidArgumentError, match="is_causal"):
        layer(x, x, x, is_causal=True)


def test_batches_and_features_of_a_transformer() -> None:
    model = cf.nn.Transformer(4, 2, 1, 1, 6)
    with pytest.raises(backend.error("ShapeError"), match="batch"):
        model(zeros(3, 2, 4), zeros(3, 1, 4))
    with pytest.raises(backend.error("ShapeError"), match="d_model"):
        model(zeros(3, 2, 4), zeros(3, 2, 5))


def test_a_query_that_takes_no_key_gives_zeros() -> None:
    q, k, v = (cf.ones(2, 4).requires_grad_() for _ in range(3))
    shut = cf.tensor([[True, True], [False, False]])
    out = F.scaled_dot_product_attention(q, k, v, shut)
    assert to_numpy(out).tolist() == [[1.0] * 4, [0.0] * 4]
    out.sum().backward()
    for x in (q, k, v):
        assert np.isfinite(to_numpy(x.grad)).all()
    assert not to_numpy(q.grad)[1].any()


def test_blocks_give_what_the_formula_gives() -> None:
    """Long sequences are worked on in several blocks of queries and keys, each way."""
    random = np.random.RandomState(0)
    arrays = [random.standard_normal((2, 3, n, 8)).astype(np.float32) for n in (270, 1100, 1100)]
    slope = cf.from_numpy(random.standard_normal((2, 3, 270, 8)).astype(np.float32))
    mask = cf.from_numpy(random.rand(2, 1, 270, 1100) < 0.7)
    found = []
    for composed in (False, True):
        q, k, v = (cf.from_numpy(array).requires_grad_() for array in arrays)
        if composed:
            scores = (q @ k.transpose(-1, -2)) * 8**-0.5
            scores = scores.masked_fill(~mask, float("-inf"))
            out = cf.softmax(scores, -1) @ v
        else:
            out = F.scaled_dot_product_attention(q, k, v, mask)
        out.backward(slope)
        found.append([out, q.grad, k.grad, v.grad])
    for ours, theirs in zip(*found, strict=True):
        np.testing.assert_allclose(to_numpy(ours), to_numpy(theirs), rtol=2e-4, atol=2e-5)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
@pytest.mark.parametrize("options", [{}, {"is_causal": True}, {"masked": True}], ids=str)
def test_halves_give_what_the_formula_gives(dtype: str, options: dict[str, bool]) -> None:
    """Heads as wide as those of models, which devices have kernels of their own for."""
    random = np.random.RandomState(0)
    shapes = [(2, 2, 70, 64), (2, 2, 90, 64), (2, 2, 90, 64), (2, 2, 70, 64)]
    arrays = [random.standard_normal(shape).astype(np.float32) for shape in shapes]
    *inputs, slope = (cf.from_numpy(array).to(getattr(cf, dtype)) for array in arrays)
    taken = random.rand(2, 1, 70, 90) < 0.7
    if options.get("is_causal"):
        taken = np.tril(np.ones((70, 90), bool))
    mask = cf.from_numpy(taken) if options else None
    found = []
    for composed in (False, True):
        # The formula in float32, of the same numbers.
        q, k, v = ((x.float() if composed else x).detach().requires_grad_() for x in inputs)
        if composed:
            scores = (q @ k.transpose(-1, -2)) * 64**-0.5
            if mask is not None:
                scores = scores.masked_fill(~mask, float("-inf"))
            out = cf.softmax(scores, -1) @ v
        else:
            causal = options.get("is_causal", False)
            out = F.scaled_dot_product_attention(
                q, k, v, None if causal else mask, is_causal=causal
            )
        out.backward(slope.float() if composed else slope)
        found.append([x.float() for x in (out, q.grad, k.grad, v.grad)])
    near = 5e-3 if dtype == "float16" else 4e-2
    for ours, theirs in zip(*found, strict=True):
        np.testing.assert_allclose(to_numpy(ours), to_numpy(theirs), rtol=near, atol=near)


@pytest.mark.skipif(backend.IS_TORCH, reason="the draws are this package's")
def test_dropped_weights_are_the_same_forward_backward_and_again() -> None:
    q, k, v = (cf.randn(1, 2, 5, 4).double().requires_grad_() for _ in range(3))

    def run(inputs: Any, graph: bool = False) -> Any:
        generator = cf.Generator().manual_seed(3)
        out = F.scaled_dot_product_attention(*inputs, dropout_p=0.5, generator=generator)
        return out, cf.autograd.grad((out * out).sum(), inputs, create_graph=graph)

    out, fused = run((q, k, v))
    again, composed = run((q, k, v), graph=True)
    assert np.array_equal(to_numpy(out), to_numpy(again))
    for one, two in zip(fused, composed, strict=True):
        np.testing.assert_allclose(to_numpy(one), to_numpy(two), rtol=1e-10, atol=1e-12)
    # The gradient of what was computed, by differences.
    step = np.zeros((1, 2, 5, 4))
    step[0, 1, 2, 3] = 1e-6
    values = [
        (run((q.detach() + sign * cf.from_numpy(step).requires_grad_(), k, v))[0] ** 2).sum().item()
        for sign in (1, -1)
    ]
    expected = (values[0] - values[1]) / 2e-6
    assert abs(to_numpy(fused[0])[0, 1, 2, 3] - expected) < 1e-6 * max(1.0, abs(expected))
    dropped, _ = run((q, k, v))
    plain = F.scaled_dot_product_attention(q, k, v)
    assert not np.allclose(to_numpy(dropped), to_numpy(plain))


@pytest.mark.skipif(backend.IS_TORCH, reason="the draws are this package's")
def test_dropout_keeps_the_mean() -> None:
    cf.manual_seed(0)
    q, k, v = cf.zeros(1, 64, 8), cf.zeros(1, 500, 8), cf.ones(1, 500, 8)
    out = to_numpy(F.scaled_dot_product_attention(q, k, v, dropout_p=0.25))
    assert abs(out.mean() - 1.0) < 0.01 and out.std() > 0.005


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_a_layer_in_half_precision(dtype: str) -> None:
    layer = cf.nn.TransformerEncoderLayer(8, 2, 16, 0.0).to(getattr(cf, dtype))
    x = cf.randn(3, 2, 8).to(getattr(cf, dtype)).requires_grad_()
    layer(x).sum().backward()
    assert backend.dtype_name(x.grad) == dtype
    assert all(np.isfinite(to_numpy(p.grad)).all() for p in layer.parameters())


def test_layers_of_a_stack_are_copies_of_their_own() -> None:
    layer = cf.nn.TransformerEncoderLayer(4, 2, 6, activation=cf.tanh)
    stack = cf.nn.TransformerEncoder(layer, 3, enable_nested_tensor=False)
    first, last = stack.layers[0], stack.layers[2]
    assert first.activation is cf.tanh and first.linear1.weight is not last.linear1.weight
    assert np.array_equal(to_numpy(first.linear1.weight), to_numpy(last.linear1.weight))
    with cf.no_grad():
        first.linear1.weight.zero_()
    assert to_numpy(last.linear1.weight).any() and to_numpy(layer.linear1.weight).any()


def test_copies_and_pickles_compute_the_same() -> None:
    model = cf.nn.Transformer(4, 2, 1, 1, 6, 0.0, activation="gelu")
    src, tgt = cf.randn(3, 2, 4), cf.randn(2, 2, 4)
    expected = to_numpy(model(src, tgt))
    for other in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        assert np.array_equal(to_numpy(other(src, tgt)), expected)


def test_the_causal_mask() -> None:
    mask = cf.nn.Transformer.generate_square_subsequent_mask(3)
    inf = float("inf")
    assert to_numpy(mask).tolist() == [[0, -inf, -inf], [0, 0, -inf], [0, 0, 0]]
    layer = cf.nn.TransformerEncoderLayer(8, 2, 16, 0.0)
    stack = cf.nn.TransformerEncoder(layer, 1, enable_nested_tensor=False)
    x = cf.randn(3, 2, 8)
    expected = to_numpy(layer(x, mask))
    for found in (stack(x, mask), stack(x, mask, is_causal=True), layer(x, mask, is_causal=True)):
        np.testing.assert_allclose(to_numpy(found), expected, rtol=1e-5, atol=1e-6)
    changed = cf.cat([x[:2], cf.randn(1, 2, 8)])
    np.testing.assert_allclose(to_numpy(layer(changed, mask))[:2], expected[:2], rtol=1e-5)


@pytest.mark.skipif(backend.IS_TORCH, reason="PyTorch's hooks are known to work")
def test_parts_of_a_layer_are_modules() -> None:
    layer = cf.nn.TransformerEncoderLayer(4, 2, 6)
    names = [name for name, _ in layer.named_children()]
    assert names == [
        "self_attn", "linear1", "dropout", "linear2", "norm1", "norm2", "dropout1", "dropout2",
    ]  # fmt: skip
    seen = []
    layer.self_attn.register_forward_hook(lambda module, inputs, output: seen.append(output))
    layer(cf.zeros(3, 2, 4))
    assert seen[0][1] is None and tuple(seen[0][0].shape) == (3, 2, 4)


def test_initial_values_are_xaviers() -> None:
    cf.manual_seed(1)
    layer = cf.nn.MultiheadAttention(64, 4, add_bias_kv=True)
    weight, bound = to_numpy(layer.in_proj_weight), (6 / (4 * 64)) ** 0.5
    assert bound * 0.99 < abs(weight).max() <= bound and abs(weight.mean()) < 0.01
    assert not to_numpy(layer.in_proj_bias).any() and not to_numpy(layer.out_proj.bias).any()
    assert abs(to_numpy(layer.bias_k).std() - (1 / 64) ** 0.5) < 0.05
    model = cf.nn.Transformer(32, 4, 1, 1, 64)
    weight = to_numpy(model.encoder.layers[0].linear1.weight)
    bound = (6 / (32 + 64)) ** 0.5
    assert bound * 0.98 < abs(weight).max() <= bound


def test_an_encoder_learns_to_reverse() -> None:
    cf.manual_seed(0)
    random = np.random.RandomState(0)
    numbers = random.randint(0, 6, (64, 5))
    x, y = cf.from_numpy(numbers), cf.from_numpy(numbers[:, ::-1].copy())
    table, places = cf.nn.Embedding(6, 16), cf.nn.Embedding(5, 16)
    layer = cf.nn.TransformerEncoderLayer(16, 4, 32, 0.0, batch_first=True, norm_first=True)
    encoder = cf.nn.TransformerEncoder(layer, 1, enable_nested_tensor=False)
    head = cf.nn.Linear(16, 6)
    parts = cf.nn.ModuleList([table, places, encoder, head])
    optimizer = cf.optim.SGD(parts.parameters(), lr=0.2, momentum=0.9)
    loss = None
    for _ in range(120):
        optimizer.zero_grad()
        logits = head(encoder(table(x) + places(cf.arange(5))))
        loss = F.cross_entropy(logits.reshape(-1, 6), y.reshape(-1))
        loss.backward()
        optimizer.step()
    assert loss is not None and loss.item() < 0.1


@pytest.mark.skipif(backend.IS_TORCH, reason="PyTorch has one kind of layer")
def test_a_seed_gives_the_native_layers_the_same_weights() -> None:
    from candle_ffi.nn.native import factory, initial

    def check(model: Callable[[], Any], new: str, *arguments: Any) -> None:
        cf.manual_seed(7)
        state = model().state_dict()
        cf.manual_seed(7)
        native = initial(tuple(state), new, *arguments, *factory(None, None), None)
        for name, tensor in state.items():
            assert np.array_equal(to_numpy(tensor), to_numpy(native[name])), name

    nn, relu, rest = cf.nn, 0, (1e-5, False, False, True)
    check(
        lambda: nn.MultiheadAttention(4, 2, add_bias_kv=True, kdim=3),
        "py_multihead_attention_new", 4, 2, 0.0, True, True, False, [3], None, False,
    )  # fmt: skip
    check(
        lambda: nn.TransformerDecoderLayer(4, 2, 6),
        "py_transformer_decoder_layer_new", 4, 2, 6, 0.1, relu, *rest,
    )  # fmt: skip
    check(
        lambda: nn.TransformerEncoder(nn.TransformerEncoderLayer(4, 2, 6), 2, nn.LayerNorm(4)),
        "py_transformer_encoder_new", 4, 2, 2, 6, 0.1, relu, *rest, True,
    )  # fmt: skip
    check(
        lambda: nn.Transformer(4, 2, 2, 2, 6),
        "py_transformer_new", 4, 2, 2, 2, 6, 0.1, relu, *rest,
    )  # fmt: skip
    check(lambda: nn.Bilinear(2, 3, 4), "py_bilinear_new", 2, 3, 4, True)
