"""Tables: what is refused, norms, pretrained weights."""

from __future__ import annotations

from typing import Any

import backend
import numpy as np
import pytest
from backend import cf, to_numpy

F = cf.nn.functional
TABLE = cf.ones(4, 3)
NUMBERS = cf.tensor([0, 1, 2])


def at(*starts: int) -> Any:
    return cf.tensor(list(starts), dtype=cf.int64)


BAGS = [
    ((NUMBERS, TABLE), {}, ("ShapeError", "needs offsets")),
    ((cf.zeros(1, 2, dtype=cf.int64), TABLE, at(0)), {}, ("ShapeError", "without offsets")),
    ((cf.zeros(1, 2, 3, dtype=cf.int64), TABLE), {}, ("ShapeError", r"\[1, 2, 3\]")),
    ((NUMBERS, TABLE, at(1, 2)), {}, ("InvalidArgumentError", "ascend from 0")),
    ((NUMBERS, TABLE, at(0, 4)), {}, ("InvalidArgumentError", "at most 3")),
    ((NUMBERS, TABLE, at()), {"include_last_offset": True}, ("InvalidArgumentError", "one entry")),
    ((NUMBERS, cf.ones(4), at(0)), {}, ("ShapeError", "two dimensions")),
    ((at(0, 4), TABLE, at(0)), {}, ("CandleIndexError", "4")),
    ((NUMBERS, TABLE, at(0)), {"mode": "median"}, ("InvalidArgumentError", "mode")),
    ((NUMBERS, TABLE, at(0)), {"mode": "max", "scale_grad_by_freq": True},
     ("InvalidArgumentError", "scale_grad_by_freq")),
    ((NUMBERS, TABLE, at(0)), {"mode": "sum", "per_sample_weights": cf.ones(2)},
     ("ShapeError", r"\[2\].*\[3\]")),
    ((NUMBERS, TABLE, at(0)), {"per_sample_weights": cf.ones(3)}, ("UnsupportedError", "sum")),
    ((NUMBERS, TABLE, at(0)), {"padding_idx": 4}, ("InvalidArgumentError", "padding_idx 4")),
    ((NUMBERS, TABLE, at(0)), {"sparse": True}, ("UnsupportedError", "sparse")),
]  # fmt: skip


@pytest.mark.skipif(backend.IS_TORCH, reason="the words are this package's")
@pytest.mark.parametrize("arguments, options, expected", BAGS)
def test_what_bags_refuse(arguments: Any, options: Any, expected: tuple[str, str]) -> None:
    with pytest.raises(getattr(cf, expected[0]), match=expected[1]):
        F.embedding_bag(*arguments, **options)


@pytest.mark.skipif(backend.IS_TORCH, reason="the words are this package's")
def test_what_tables_refuse() -> None:
    for kind in (cf.nn.Embedding, cf.nn.EmbeddingBag):
        with pytest.raises(cf.UnsupportedError, match="sparse"):
            kind(4, 3, sparse=True)
        with pytest.raises(cf.InvalidArgumentError, match=r"padding_idx 4.*4 rows"):
            kind(4, 3, padding_idx=4)
        with pytest.raises(cf.InvalidArgumentError, match="padding_idx -5"):
            kind(4, 3, padding_idx=-5)
        with pytest.raises(cf.ShapeError, match=r"\(3,\)"):
            kind.from_pretrained(cf.ones(3))
        with pytest.raises(cf.ShapeError, match=r"\(4, 2\)"):
            kind(4, 3, _weight=cf.ones(4, 2))
    with pytest.raises(cf.InvalidArgumentError, match="padding_idx -5"):
        F.embedding(NUMBERS, TABLE, padding_idx=-5)
    with pytest.raises(cf.CandleIndexError, match="4"):
        cf.embedding_renorm_(cf.ones(4, 3), at(4), 1.0, 2.0)
    with pytest.raises(cf.InPlaceError):
        cf.embedding_renorm_(cf.ones(4, 3).requires_grad_(), at(1), 1.0, 2.0)


@pytest.mark.skipif(backend.IS_TORCH, reason="the words are this package's")
def test_what_bilinear_maps_refuse() -> None:
    with pytest.raises(cf.InvalidArgumentError, match="in1_features"):
        cf.nn.Bilinear(0, 2, 3)
    layer = cf.nn.Bilinear(2, 3, 4)
    for inputs in (
        (cf.ones(5, 2), cf.ones(5, 2)),
        (cf.ones(5, 2), cf.ones(4, 3)),
        (cf.ones(2),) * 2,
    ):
        with pytest.raises(cf.ShapeError, match=r"\[4, 2, 3\]"):
            layer(*inputs)


@pytest.mark.parametrize("kind", ["Embedding", "EmbeddingBag"])
def test_pretrained_tables(kind: str) -> None:
    table = cf.tensor([[1.0, 2.0], [3.0, 4.0]])
    frozen = getattr(cf.nn, kind).from_pretrained(table)
    free = getattr(cf.nn, kind).from_pretrained(table, freeze=False, padding_idx=0)
    assert not frozen.weight.requires_grad and free.weight.requires_grad
    assert frozen.num_embeddings == 2 and frozen.embedding_dim == 2 and free.padding_idx == 0
    # The memory is shared, and the row of padding stays what it was.
    table[0, 0] = 9.0
    assert to_numpy(frozen.weight)[0].tolist() == [9.0, 2.0]
    assert to_numpy(free.weight)[0].tolist() == [9.0, 2.0]


def test_rows_that_are_used_are_scaled_before() -> None:
    layer = cf.nn.Embedding(3, 2, max_norm=1.0)
    with cf.no_grad():
        layer.weight.fill_(3.0)
    out = layer(cf.tensor([0, 2, 2]))
    norms = np.linalg.norm(to_numpy(layer.weight), axis=1)
    np.testing.assert_allclose(norms, [1.0, 3 * 2**0.5, 1.0], rtol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(to_numpy(out), axis=1), 1.0, rtol=1e-5)
    out.sum().backward()
    assert to_numpy(layer.weight.grad).tolist() == [[1.0, 1.0], [0.0, 0.0], [2.0, 2.0]]


def test_the_row_of_padding_starts_as_zeros_and_stays() -> None:
    for layer in (cf.nn.Embedding(3, 2, padding_idx=-1), cf.nn.EmbeddingBag(3, 2, padding_idx=-1)):
        assert layer.padding_idx == 2 and not to_numpy(layer.weight)[2].any()
        layer(cf.tensor([[0, 2], [2, 1]])).sum().backward()
        assert not to_numpy(layer.weight.grad)[2].any() and to_numpy(layer.weight.grad)[:2].all()
