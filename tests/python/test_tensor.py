"""What a tensor object does as a Python object: attributes, operators, numbers, copies."""

from __future__ import annotations

import copy
import operator
import pickle
import threading
from typing import Any

import numpy as np
import pytest

import candle_ffi as cf


def test_shape_is_a_tuple_that_can_be_called() -> None:
    x = cf.zeros(2, 3)
    assert x.shape == (2, 3) == x.shape() == x.size()
    assert isinstance(x.shape, tuple)
    rows, columns = x.shape
    assert (rows, columns, x.size(0), x.size(-1), x.shape.numel()) == (2, 3, 2, 3, 6)
    with pytest.raises(IndexError):
        x.size(2)


def test_attributes() -> None:
    x = cf.zeros(2, 3, dtype=cf.float64)
    assert (x.ndim, x.dim(), x.numel(), x.nbytes, x.itemsize) == (2, 2, 6, 48, 8)
    assert (x.strides, x.stride(), x.stride(0)) == ((3, 1), (3, 1), 3)
    assert x.is_contiguous() and not x.T.is_contiguous()
    assert x.T.shape == (3, 2) and cf.zeros(4, 2, 3).mT.shape == (4, 3, 2)
    assert str(x.device) == "cpu" and not x.is_cuda


@pytest.mark.parametrize("call", ["sum", "mean", "amax", "argmax", "std", "all"])
def test_keep_dim_is_keepdim(call: str) -> None:
    x = cf.randn(2, 3)
    for function in (getattr(x, call), lambda **options: getattr(cf, call)(x, **options)):
        assert function(dim=1, keepdim=True).shape == (2, 1)
        assert function(dim=1, keep_dim=True).shape == (2, 1)
        assert function(dim=1).shape == (2,)


def test_flexible_arguments() -> None:
    x = cf.arange(6)
    assert x.reshape(2, 3).shape == x.reshape((2, 3)).shape == x.view([2, -1]).shape == (2, 3)
    y = cf.zeros(2, 3, 4)
    assert y.permute(2, 0, 1).shape == y.permute((2, 0, 1)).shape == (4, 2, 3)
    assert cf.zeros(3, 1).expand(-1, 4).shape == cf.zeros((3, 4)).shape == (3, 4)
    values, indices = cf.tensor([[1.0, 3.0], [5.0, 2.0]]).max(1)
    assert values.tolist() == [3.0, 5.0] and indices.tolist() == [1, 0]
    assert x.max().item() == 5 and x.max(cf.tensor(3)).tolist() == [3, 3, 3, 3, 4, 5]
    assert [part.tolist() for part in x.split([1, 5])] == [[0], [1, 2, 3, 4, 5]]


def test_to_in_all_forms() -> None:
    x = cf.ones(2)
    assert x.to(cf.float32) is x and x.to("cpu") is x
    assert x.to(cf.float64).dtype is cf.float64
    assert x.to("cpu", cf.int64).dtype is cf.int64
    assert x.to(device="cpu", dtype=cf.float16).dtype is cf.float16
    assert x.to(cf.zeros(1, dtype=cf.bool)).dtype is cf.bool
    assert x.to(cf.float32, copy=True) is not x
    # PyTorch's positions: non_blocking, then copy.
    assert x.to(cf.float32, True) is x and x.to("cpu", cf.float32, False) is x
    for copied in (x.to(cf.float32, False, True), x.to("cpu", False, True), x.to(x, True, True)):
        assert copied is not x and copied.tolist() == [1.0, 1.0]
    with pytest.raises(TypeError):
        x.to(cf.float32, False, True, True)
    with pytest.raises(TypeError, match="dtype is given twice"):
        x.to(cf.float32, dtype=cf.float64)
    kinds = [x.double(), x.half(), x.long(), x.int(), x.bool(), x.type(cf.uint8)]
    names = [kind.dtype.name for kind in kinds]
    assert names == ["float64", "float16", "int64", "int32", "bool", "uint8"]


@pytest.mark.parametrize(
    "name", ["add", "sub", "mul", "truediv", "pow", "floordiv", "mod", "lt", "ge", "eq", "ne"]
)
@pytest.mark.parametrize("number", [2, 0.5])
def test_numbers_on_either_side(name: str, number: float) -> None:
    function = getattr(operator, name)
    array = np.array([1.0, 2.0, 3.0], np.float32)
    x = cf.from_numpy(array)
    for got, expected in ((function(x, number), function(array, number)),
                          (function(number, x), function(number, array))):  # fmt: skip
        np.testing.assert_allclose(got.numpy(), expected, rtol=1e-6)


def test_numpy_on_either_side() -> None:
    x, array = cf.ones(2), np.array([1.0, 2.0], np.float32)
    assert isinstance(x + array, cf.Tensor) and isinstance(array + x, cf.Tensor)
    assert (array * x).tolist() == [1.0, 2.0]
    assert (np.float64(3) * x).dtype is cf.float32


def test_what_an_operator_does_not_know_is_left_to_the_other_side() -> None:
    class Unit:
        def __rmul__(self, other: object) -> str:
            return "mine"

    x = cf.ones(2)
    assert x * Unit() == "mine"
    with pytest.raises(TypeError):
        x + "a"
    with pytest.raises(TypeError):
        x @ None
    assert (x == "a") is False and (x != None) is True  # noqa: E711


def test_logic() -> None:
    a, b = cf.tensor([True, True, False]), cf.tensor([True, False, False])
    assert (a & b).tolist() == [True, False, False]
    assert (a | b).tolist() == [True, True, False]
    assert (a ^ b).tolist() == [False, True, False]
    assert (~a).tolist() == [False, False, True]
    assert (a & True).tolist() == a.tolist()


def test_identity() -> None:
    x = cf.ones(2)
    y = x
    y += 1
    assert y is x and x.tolist() == [2.0, 2.0]
    y *= cf.tensor([1.0, 2.0])
    y -= 1
    y /= 2
    assert x.tolist() == [0.5, 1.5]
    assert len({x, y, cf.ones(2)}) == 2


def test_numbers_out_of_tensors() -> None:
    assert int(cf.tensor(3.7)) == 3 and float(cf.tensor([2])) == 2.0
    assert bool(cf.tensor([1])) and not cf.tensor(0.0)
    assert f"{cf.tensor(1.23456):.2f}" == "1.23"
    assert range(5)[cf.tensor(2)] == 2
    assert isinstance(cf.tensor(True).item(), bool) and isinstance(cf.tensor(2).item(), int)
    with pytest.raises(cf.CandleError, match=r"any|all"):
        bool(cf.ones(2))
    with pytest.raises(TypeError):
        range(5)[cf.tensor(2.0)]


@pytest.mark.parametrize("dtype", [cf.float32, cf.bfloat16, cf.int64, cf.bool])
@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))])
def test_copies_own_their_memory(duplicate: Any, dtype: cf.DType) -> None:
    x = cf.tensor([1, 0, 3], dtype=dtype)
    y = duplicate(x)
    x.zero_()
    assert y.dtype is dtype
    assert y.to(cf.int64).tolist() == ([1, 0, 1] if dtype is cf.bool else [1, 0, 3])


def test_shallow_copies_are_the_same_tensor() -> None:
    x = cf.ones(2, requires_grad=True)
    y = copy.copy(x)
    (y * 2).sum().backward()
    assert x.grad.tolist() == [2.0, 2.0]
    del x
    assert y.tolist() == [1.0, 1.0]


def test_a_result_is_not_copied_deeply() -> None:
    with pytest.raises(cf.GraphError, match="detach"):
        copy.deepcopy(cf.ones(1, requires_grad=True) * 2)


def test_parameters_stay_parameters() -> None:
    parameter = cf.nn.Parameter(cf.ones(2))
    for other in (
        copy.copy(parameter),
        copy.deepcopy(parameter),
        pickle.loads(pickle.dumps(parameter)),
    ):
        assert isinstance(other, cf.nn.Parameter) and other.requires_grad
    assert type(parameter * 2) is cf.Tensor
    assert repr(parameter).startswith("Parameter containing:\ntensor([1., 1.]")


def test_a_pickle_of_a_device_that_is_not_here_is_opened_elsewhere() -> None:
    make, (kind, array, dtype, grad, *_) = cf.tensor([1.0, 2.0], requires_grad=True).__reduce__()

    class Far:
        """Pickled as a tensor on another machine's GPU is."""

        def __reduce__(self) -> Any:
            return make, (kind, array, dtype, grad, "cuda:63")

    data = pickle.dumps([Far(), cf.arange(2)])
    with pytest.raises(cf.DeviceError, match=r"cuda:63.*with candle_ffi\.map_location"):
        pickle.loads(data)
    for location in ("cpu", cf.device("cpu"), {"cuda:63": "cpu"}):
        with cf.map_location(location):
            far, near = pickle.loads(data)
        assert far.device == cf.device("cpu") and far.tolist() == [1.0, 2.0] and far.requires_grad
        assert near.tolist() == [0, 1]
    with cf.map_location("cpu"):
        with cf.map_location({"cuda:1": "cpu"}), pytest.raises(cf.DeviceError):
            pickle.loads(data)
        assert pickle.loads(data)[0].device == cf.device("cpu")


@pytest.mark.skipif(not cf.cuda.is_available(), reason="there is no CUDA device")
def test_a_pickle_of_a_device_returns_there_unless_told() -> None:
    layer = cf.nn.Linear(2, 1).cuda()
    data = pickle.dumps(layer)
    assert pickle.loads(data).weight.is_cuda
    with cf.map_location("cpu"):
        found = pickle.loads(data)
    assert not found.weight.is_cuda and found.weight.tolist() == layer.weight.tolist()
    with cf.map_location("cuda"):
        found, tensor = pickle.loads(pickle.dumps([layer.cpu(), cf.arange(2)]))
    assert found.weight.is_cuda and tensor.is_cuda and tensor.tolist() == [0, 1]


@pytest.mark.parametrize(
    "tensor, text",
    [
        (lambda: cf.tensor([1.0, 2.0]), "tensor([1., 2.])"),
        (lambda: cf.tensor([1.5, -2.25]), "tensor([ 1.5000, -2.2500])"),
        (lambda: cf.tensor(3), "tensor(3)"),
        (lambda: cf.tensor([True, False]), "tensor([ True, False])"),
        (lambda: cf.tensor([1], dtype=cf.int32), "tensor([1], dtype=candle_ffi.int32)"),
        (
            lambda: cf.tensor([0.5], dtype=cf.bfloat16),
            "tensor([0.5000], dtype=candle_ffi.bfloat16)",
        ),
        (lambda: cf.tensor([1.0], requires_grad=True), "tensor([1.], requires_grad=True)"),
        (lambda: cf.tensor([1.0], requires_grad=True) * 2, "tensor([2.], grad_fn=<MulBackward0>)"),
        (lambda: cf.zeros(0), "tensor([])"),
        (lambda: cf.zeros(0, 3), "tensor([], size=(0, 3))"),
    ],
)
def test_text(tensor: Any, text: str) -> None:
    assert repr(tensor()) == text


def test_long_text_is_cut() -> None:
    assert "..." in repr(cf.arange(100_000)) and len(repr(cf.arange(100_000))) < 200


def test_dtypes() -> None:
    assert cf.float is cf.float32 and cf.double is cf.float64 and cf.long is cf.int64
    assert repr(cf.float32) == "candle_ffi.float32"
    assert pickle.loads(pickle.dumps(cf.float32)) is cf.float32
    assert cf.zeros(1, dtype=float).dtype is cf.float64
    assert cf.zeros(1, dtype=np.int32).dtype is cf.int32
    with pytest.raises(cf.DTypeError, match=r"complex64.*float32"):
        cf.zeros(1, dtype=np.complex64)


def test_default_dtype() -> None:
    cf.set_default_dtype(cf.float64)
    try:
        assert cf.zeros(1).dtype is cf.tensor(1.0).dtype is cf.nn.Linear(1, 1).weight.dtype
        assert cf.zeros(1).dtype is cf.float64
    finally:
        cf.set_default_dtype(cf.float32)
    with pytest.raises(cf.DTypeError):
        cf.set_default_dtype(cf.int64)


def test_devices() -> None:
    assert cf.device("cpu") == cf.zeros(1).device
    assert repr(cf.device("cpu")) == "device(type='cpu')"
    with pytest.raises(cf.DeviceError, match=r"tpu.*cpu.*cuda"):
        cf.device("tpu")


def test_tensors_die_in_any_thread() -> None:
    x = cf.ones(1000)

    def work() -> None:
        for _ in range(2000):
            y = x + 1
            z = y * 2
            del y, z

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert x.sum().item() == 1000.0


@pytest.mark.parametrize(
    ("symbol", "start", "other", "expected"),
    [
        ("**", [1.0, 3.0], 2, [1.0, 9.0]),
        ("//", [5.0, -5.0], 2, [2.0, -3.0]),
        ("%", [5.0, -5.0], 3, [2.0, 1.0]),
        ("&", [True, False], [True, True], [True, False]),
        ("|", [True, False], [False, False], [True, False]),
        ("^", [True, False], [True, True], [False, True]),
    ],
)
def test_augmented_operators_change_the_tensor_itself(
    symbol: str, start: Any, other: Any, expected: Any
) -> None:
    names = {"x": cf.tensor(start), "o": cf.tensor(other) if isinstance(other, list) else other}
    y = names["x"]
    exec(f"x {symbol}= o", names)
    assert names["x"] is y
    assert y.tolist() == expected


def test_an_augmented_operator_keeps_history_and_dtype() -> None:
    x = cf.tensor([3.0], requires_grad=True)
    y = x * 2
    y **= 2
    y.sum().backward()
    assert x.grad.tolist() == [24.0]
    with pytest.raises(RuntimeError, match="leaf"):
        x **= 2
    whole = cf.arange(3)
    with pytest.raises(TypeError):
        whole //= 0.5


def test_reductions_by_numpys_names() -> None:
    x = cf.arange(6).reshape(2, 3).float()
    array = x.numpy()
    for name in ("sum", "mean", "max", "min", "prod", "var", "std", "argmax", "all", "any"):
        call = getattr(np, name)
        np.testing.assert_allclose(call(x).tolist(), call(array), rtol=1e-6)
        np.testing.assert_allclose(
            call(x, axis=1, keepdims=True).tolist(), call(array, axis=1, keepdims=True), rtol=1e-6
        )


def test_integers_that_are_too_large() -> None:
    with pytest.raises(OverflowError, match="int64"):
        cf.ones(1) + 10**30
    with pytest.raises(OverflowError, match="int64"):
        cf.tensor([10**30, 1])
    with pytest.raises(cf.ShapeError, match="int64"):
        cf.zeros(10**30)


def test_what_is_no_tensor_is_named() -> None:
    x = cf.ones(1, requires_grad=True)
    for call, words in (
        (lambda: (x * 2).backward([1.0]), "backward: gradient .* list"),
        (lambda: setattr(x, "data", [1.0]), "data: .* list"),
        (lambda: cf.grad(x * 2, [3.0]), "grad: .*inputs .* float"),
        (lambda: cf.nn.Linear(1, 1)(np.ones((1, 1))), "linear: input .* ndarray"),
        (lambda: cf.nn.MSELoss()([1.0], x), "mse_loss: input .* list"),
    ):
        with pytest.raises(TypeError, match=words):
            call()
