"""Every kind of misuse: the class that is raised, and what its message names."""

# ruff: noqa: E501 (one row is one line)

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import backend
import numpy as np
import pytest
from backend import cf

Call = Callable[[], Any]


def z(*shape: int, dtype: str = "float32") -> Any:
    return cf.zeros(shape, dtype=getattr(cf, dtype))


#: Operation, call, class, and the parts that the message has.
WRONG: list[tuple[str, Call, str, list[str]]] = [
    # shapes
    ("add", lambda: z(2, 3) + z(4), "ShapeError", ["2, 3", "4"]),
    ("maximum", lambda: cf.maximum(z(2, 3), z(3, 2)), "ShapeError", ["2, 3", "3, 2"]),
    ("lt", lambda: z(2, 3) < z(2), "ShapeError", ["2, 3", "2"]),
    ("where", lambda: cf.where(z(2) > 0, z(3), z(3)), "ShapeError", ["2", "3"]),
    ("matmul", lambda: z(2, 3) @ z(2, 3), "ShapeError", ["2, 3"]),
    ("matmul", lambda: z(2, 2, 3) @ z(4, 3, 2), "ShapeError", ["2, 2, 3", "4, 3, 2"]),
    ("matmul", lambda: z(3) @ z(4), "ShapeError", ["3", "4"]),
    ("matmul", lambda: z() @ z(3), "ShapeError", []),
    ("reshape", lambda: z(2, 3).reshape(4, 2), "ShapeError", ["2, 3", "4, 2"]),
    ("reshape", lambda: z(2, 3).reshape(-1, -1), "ShapeError", ["-1"]),
    ("reshape", lambda: z(2, 3).reshape(-1, 4), "ShapeError", ["2, 3", "4"]),
    ("reshape", lambda: z(2, 3).reshape(-2, -3), "ShapeError", ["-2"]),
    ("view", lambda: z(2, 3).view(7), "ShapeError", ["2, 3", "7"]),
    ("expand", lambda: z(2, 3).expand(3, 3), "ShapeError", ["2, 3", "3, 3"]),
    ("expand", lambda: z(2, 3).expand(3), "ShapeError", ["2, 3", "3"]),
    ("cat", lambda: cf.cat([z(2, 3), z(3, 2)]), "ShapeError", ["2, 3", "3, 2"]),
    ("cat", lambda: cf.cat([z(2), z(2, 3)]), "ShapeError", ["2", "2, 3"]),
    ("stack", lambda: cf.stack([z(2), z(3)]), "ShapeError", ["2", "3"]),
    ("split", lambda: cf.split(z(5), [2, 2]), "ShapeError", ["5", "2, 2"]),
    ("permute", lambda: z(2, 3).permute(0), "ShapeError|InvalidArgumentError", ["2"]),
    ("gather", lambda: cf.gather(z(2, 3), 0, z(2, dtype="int64")), "ShapeError", ["2, 3", "2"]),
    ("index_select", lambda: cf.index_select(z(2, 3), 0, z(1, 1, dtype="int64")), "ShapeError", ["1, 1"]),
    ("linear", lambda: cf.nn.functional.linear(z(2, 3), z(4, 5)), "ShapeError", ["2, 3", "4, 5"]),
    ("layer_norm", lambda: cf.nn.functional.layer_norm(z(2, 3), (4,)), "ShapeError", ["2, 3", "4"]),
    ("layer_norm", lambda: cf.nn.functional.layer_norm(z(2, 3), (3,), z(2)), "ShapeError", ["3", "2"]),
    ("cross_entropy", lambda: cf.nn.functional.cross_entropy(z(2, 3), z(4, dtype="int64")), "ShapeError", ["2", "4"]),
    ("cross_entropy", lambda: cf.nn.functional.cross_entropy(z(2, 3), z(2, dtype="int64"), weight=z(4)), "ShapeError", ["4"]),
    ("nll_loss", lambda: cf.nn.functional.nll_loss(z(2, 3), z(3, dtype="int64")), "ShapeError", ["2", "3"]),
    ("binary_cross_entropy_with_logits",
     lambda: cf.nn.functional.binary_cross_entropy_with_logits(z(2, 3), z(3)), "ShapeError", ["2, 3", "3"]),
    # dtypes
    ("neg", lambda: -z(2, dtype="bool"), "DTypeError", ["bool"]),
    ("sub", lambda: z(2, dtype="bool") - z(2, dtype="bool"), "DTypeError", ["bool"]),
    ("mean", lambda: z(2, dtype="int64").mean(), "DTypeError", ["int64"]),
    ("var", lambda: cf.var(z(2, dtype="int64")), "DTypeError", ["int64"]),
    ("where", lambda: cf.where(z(2), z(2), z(2)), "DTypeError", ["float32"]),
    ("gather", lambda: cf.gather(z(2), 0, z(2)), "DTypeError", ["float32"]),
    ("index_select", lambda: cf.index_select(z(2), 0, z(2)), "DTypeError", ["float32"]),
    ("embedding", lambda: cf.nn.functional.embedding(z(2), z(3, 2)), "DTypeError", ["float32"]),
    ("one_hot", lambda: cf.nn.functional.one_hot(z(2), 3), "DTypeError", ["float32"]),
    ("matmul", lambda: z(2, 2) @ z(2, 2, dtype="float64"), "DTypeError", ["float32", "float64"]),
    ("matmul", lambda: z(2, 2, dtype="bool") @ z(2, 2, dtype="bool"), "DTypeError", ["bool"]),
    ("pow", lambda: cf.pow(cf.tensor([2]), -1), "InvalidArgumentError", ["negative"]),
    # dimensions and indices
    ("sum", lambda: z(2, 3).sum(dim=2), "CandleIndexError", ["2"]),
    ("sum", lambda: z(2, 3).sum(dim=-3), "CandleIndexError", ["-3"]),
    ("sum", lambda: z(2, 3).sum(dim=(0, 0)), "InvalidArgumentError", ["0"]),
    ("amax", lambda: cf.amax(z(2, 3), dim=(1, -1)), "InvalidArgumentError", ["1"]),
    ("softmax", lambda: cf.softmax(z(2), dim=1), "CandleIndexError", ["1"]),
    ("transpose", lambda: z(2, 3).transpose(0, 2), "CandleIndexError", ["2"]),
    ("permute", lambda: z(2, 3).permute(0, 2), "CandleIndexError", ["2"]),
    ("permute", lambda: z(2, 3).permute(1, 1), "InvalidArgumentError|ShapeError", ["1"]),
    ("unsqueeze", lambda: z(2, 3).unsqueeze(4), "CandleIndexError", ["4"]),
    ("squeeze", lambda: z(2, 3).squeeze(2), "CandleIndexError", ["2"]),
    ("flatten", lambda: z(2, 3).flatten(1, 0), "InvalidArgumentError", []),
    ("narrow", lambda: cf.narrow(z(4), 0, 2, 3), "CandleIndexError", ["2", "3", "4"]),
    ("narrow", lambda: cf.narrow(z(4), 0, 0, -1), "InvalidArgumentError", ["-1"]),
    ("chunk", lambda: cf.chunk(z(4), 0), "InvalidArgumentError", ["0"]),
    ("split", lambda: cf.split(z(4), -1), "InvalidArgumentError", ["-1"]),
    ("cat", lambda: cf.cat([]), "InvalidArgumentError", []),
    ("stack", lambda: cf.stack([]), "InvalidArgumentError", []),
    ("gather", lambda: cf.gather(z(2), 0, cf.tensor([2])), "CandleIndexError", ["2"]),
    ("gather", lambda: cf.gather(z(2), 0, cf.tensor([-1])), "CandleIndexError", ["-1"]),
    ("index_select", lambda: cf.index_select(z(2), 0, cf.tensor([5])), "CandleIndexError", ["5"]),
    ("embedding", lambda: cf.nn.functional.embedding(cf.tensor([3]), z(3, 2)), "CandleIndexError", ["3"]),
    ("cross_entropy", lambda: cf.nn.functional.cross_entropy(z(2, 3), cf.tensor([0, 3])), "CandleIndexError", ["3"]),
    ("nll_loss", lambda: cf.nn.functional.nll_loss(z(2, 3), cf.tensor([0, -1])), "CandleIndexError", ["-1"]),
    ("one_hot", lambda: cf.nn.functional.one_hot(cf.tensor([3]), 3), "CandleIndexError", ["3"]),
    ("one_hot", lambda: cf.nn.functional.one_hot(cf.tensor([-1]), 3), "CandleIndexError", ["-1"]),
    # reductions of nothing
    ("max", lambda: cf.max(z(0)), "ShapeError", ["0"]),
    ("amax", lambda: cf.amax(z(0, 3), dim=0), "ShapeError", ["0"]),
    ("argmax", lambda: cf.argmax(z(0)), "ShapeError", ["0"]),
    ("min", lambda: cf.min(z(2, 0), dim=1), "ShapeError", ["0"]),
    # options
    ("mse_loss", lambda: cf.nn.functional.mse_loss(z(2), z(2), reduction="avg"), "InvalidArgumentError", ["avg", "mean"]),
    ("gelu", lambda: cf.nn.functional.gelu(z(2), approximate="fast"), "InvalidArgumentError", ["fast", "tanh"]),
    ("dropout", lambda: cf.nn.functional.dropout(z(2), 1.5), "InvalidArgumentError", ["1.5"]),
    ("cross_entropy", lambda: cf.nn.functional.cross_entropy(z(2, 3), z(2, dtype="int64"), label_smoothing=2.0),
     "InvalidArgumentError", ["2"]),
    ("clamp", lambda: cf.clamp(z(2)), "InvalidArgumentError", ["min", "max"]),
    ("arange", lambda: cf.arange(0, 5, 0), "InvalidArgumentError", ["step|zero|0"]),
    ("arange", lambda: cf.arange(5, 0), "InvalidArgumentError", []),
    ("arange", lambda: cf.arange(0, float("inf")), "InvalidArgumentError", ["inf"]),
    ("arange", lambda: cf.arange(0, float("nan")), "InvalidArgumentError", ["(?i)nan"]),
    ("linspace", lambda: cf.linspace(0, 1, -1), "InvalidArgumentError", ["-1"]),
    ("zeros", lambda: cf.zeros(-1, 2), "ShapeError|InvalidArgumentError", ["-1"]),
    ("randperm", lambda: cf.randperm(-1), "InvalidArgumentError", ["-1"]),
    ("eye", lambda: cf.eye(-1), "ShapeError|InvalidArgumentError", ["-1"]),
]  # fmt: skip


def wrong_id(case: tuple[str, Call, str, list[str]]) -> str:
    return f"{case[0]}-{case[2]}-{'-'.join(case[3])}"


@pytest.mark.parametrize("op, call, kinds, parts", WRONG, ids=[wrong_id(case) for case in WRONG])
def test_misuse(op: str, call: Call, kinds: str, parts: list[str]) -> None:
    with pytest.raises(backend.error(*kinds.split("|"))) as caught:
        call()
    if backend.IS_TORCH:
        return
    problem = caught.value
    assert isinstance(problem, cf.CandleError)
    assert op in str(problem), "the message names the operation"
    for part in parts:
        assert_mentions(str(problem), part)


def assert_mentions(message: str, part: str) -> None:
    import re

    pattern = part if any(c in part for c in "|(") else rf"(?<![\d.]){re.escape(part)}(?![\d])"
    assert re.search(pattern, message), f"{message!r} does not mention {part!r}"


@pytest.mark.skipif(backend.IS_TORCH, reason="PyTorch's exceptions carry no fields")
class TestFields:
    def test_shapes_and_operation(self) -> None:
        with pytest.raises(cf.ShapeError) as caught:
            z(2, 3) @ z(4, 5)
        assert caught.value.operation == "matmul"
        assert caught.value.shapes == ((2, 3), (4, 5))
        assert caught.value.code == 20

    def test_dtypes(self) -> None:
        with pytest.raises(cf.DTypeError) as caught:
            z(2, 2) @ z(2, 2, dtype="float64")
        assert caught.value.dtypes == ("float32", "float64")

    def test_every_class_is_a_builtin_too(self) -> None:
        pairs = {
            "InvalidArgumentError": ValueError, "BusyError": RuntimeError, "ShapeError": ValueError,
            "DTypeError": TypeError, "DeviceError": RuntimeError, "CandleIndexError": IndexError,
            "OutOfMemoryError": MemoryError, "NoGradientError": RuntimeError, "GraphError": RuntimeError,
            "InPlaceError": RuntimeError, "FileError": OSError, "FileFormatError": ValueError,
            "StateDictError": RuntimeError, "UnsupportedError": NotImplementedError,
            "BackendError": RuntimeError, "PanicError": RuntimeError, "InternalError": RuntimeError,
        }  # fmt: skip
        for name, builtin in pairs.items():
            assert issubclass(getattr(cf, name), (cf.CandleError, builtin)), name
            assert issubclass(getattr(cf, name), builtin), name


HUGE = 2**40


@pytest.mark.parametrize(
    "call",
    [
        lambda: cf.zeros(2**32, 2**32),
        lambda: cf.ones(2**62, 2),
        lambda: cf.empty(HUGE, HUGE),
        lambda: cf.rand(2**31, 2**31, 2**31),
        lambda: cf.full((2**63 - 1,), 1.0),
        lambda: cf.zeros(1).expand(2**32, 2**32) + 1,
        lambda: cf.zeros(1).expand(2**62).contiguous(),
        lambda: cf.eye(2**40),
        lambda: cf.linspace(0, 1, 2**62),
        lambda: cf.arange(0, 1e18),
        lambda: cf.randperm(2**60),
        lambda: cf.zeros(1, 1).expand(2**30, 1) + cf.zeros(1, 1).expand(1, 2**32),
        lambda: cf.nn.functional.one_hot(cf.tensor([0]), 2**60),
        lambda: cf.zeros(2**20, 1) @ cf.zeros(1, 2**40).expand(1, 2**40),
    ],
    ids=range(14),
)
def test_shapes_beyond_all_memory(call: Call) -> None:
    """An error, at once, and the process lives on."""
    with pytest.raises(
        (*backend.error("ShapeError", "OutOfMemoryError", "InvalidArgumentError"), OverflowError)
    ):
        call()
    assert cf.ones(2).sum().item() == 2.0


def test_allocation_that_cannot_be_met() -> None:
    with pytest.raises(
        backend.error("OutOfMemoryError"), match=None if backend.IS_TORCH else r"(?i)bytes|memory"
    ):
        cf.empty(2**60, dtype=cf.uint8)
    assert cf.ones(2).sum().item() == 2.0


def test_an_empty_shape_with_an_overflowing_rest() -> None:
    """No elements, but the product of the other sizes overflows."""
    try:
        x = cf.zeros(0, 2**40, 2**40)
    except backend.error("ShapeError"):
        return
    assert x.numel() == 0


class TestDevices:
    @pytest.mark.skipif(backend.IS_TORCH, reason="PyTorch's message differs")
    def test_unknown_names_list_what_exists(self) -> None:
        with pytest.raises(cf.DeviceError, match=r"tpu.*cpu"):
            cf.zeros(1, device="tpu")

    @pytest.mark.skipif(backend.IS_TORCH, reason="PyTorch's message differs")
    def test_missing_cuda_says_why(self) -> None:
        if cf.cuda.is_available():
            pytest.skip("there is a CUDA device")
        for call in (
            lambda: cf.zeros(1, device="cuda"),
            lambda: cf.zeros(1).to("cuda:0"),
            lambda: cf.zeros(1).cuda(),
        ):
            with pytest.raises(cf.DeviceError, match=r"(?i)cuda"):
                call()

    @pytest.mark.skipif(backend.IS_TORCH, reason="PyTorch's message differs")
    def test_two_devices_in_one_operation(self) -> None:
        if not cf.cuda.is_available():
            pytest.skip("needs a CUDA device")
        with pytest.raises(cf.DeviceError, match=r"(?i)add.*cpu.*cuda|add.*cuda.*cpu"):
            cf.zeros(1) + cf.zeros(1, device="cuda")


class TestArguments:
    @pytest.mark.parametrize(
        "call",
        [
            lambda: cf.exp([1.0]),
            lambda: cf.exp(None),
            lambda: cf.exp("a"),
            lambda: cf.matmul(cf.ones(2, 2), "a"),
            lambda: cf.ones(2) + "a",
            lambda: cf.ones(2) + None,
            lambda: "a" + cf.ones(2),
            lambda: cf.ones(2) @ 3,
            lambda: cf.cat([cf.ones(2), 3]),
            lambda: cf.cat(3),
            lambda: cf.sum(cf.ones(2), dim="a"),
            lambda: cf.sum(cf.ones(2), dim=1.5),
            lambda: cf.zeros("a"),
            lambda: cf.zeros(2.5),
            lambda: cf.zeros(2, dtype="nonsense"),
            lambda: cf.exp(),
            lambda: cf.exp(cf.ones(2), nonsense=1),
            lambda: cf.ones(2).reshape("a"),
            lambda: cf.ones(2).permute(0.5),
            lambda: cf.where(cf.ones(2) > 0, "a", cf.ones(2)),
        ],
        ids=range(20),
    )
    def test_wrong_types_raise_type_errors(self, call: Call) -> None:
        with pytest.raises(TypeError):
            call()

    def test_numpy_numbers_are_numbers(self) -> None:
        x = cf.ones(2, 3)
        assert x.sum(dim=np.int64(1)).tolist() == [3.0, 3.0]
        assert tuple(cf.zeros(np.int32(2), np.int64(3)).shape) == (2, 3)
        assert (x * np.float32(2)).dtype == cf.float32
        assert tuple(x.reshape(np.int64(3), 2).shape) == (3, 2)


def test_no_message_leaks_the_machinery() -> None:
    """A user reads about tensors, not about pointers, Rust or cffi."""
    for op, call, kinds, _ in WRONG:
        with pytest.raises(backend.error(*kinds.split("|"))) as caught:
            call()
        for word in ("cdata", "NULL", "unwrap", "panicked", ".rs:", "Err("):
            assert word not in str(caught.value), f"{op}: {caught.value}"


def test_what_is_empty_is_not_nothing() -> None:
    """An empty list is no number, also where a number may be left out."""
    with pytest.raises(TypeError):
        cf.clamp(cf.ones(2), [], 0.5)
    leaf = cf.ones(2, requires_grad=True)
    with pytest.raises(backend.error("InPlaceError")):
        leaf.floor_divide_(2.0)


def test_layers_beyond_all_memory_are_refused_at_once() -> None:
    if not backend.IS_TORCH:
        for make in (cf.nn.LSTM, cf.nn.GRU, cf.nn.RNN):
            with pytest.raises((cf.OutOfMemoryError, cf.ShapeError)):
                make(3, 4, 2**40)
        with pytest.raises(ValueError, match="layers"):
            cf.nn.TransformerEncoder(cf.nn.TransformerEncoderLayer(4, 2), -1)
