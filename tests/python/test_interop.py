"""NumPy and Python in and out: dtypes, memory layouts, what is refused, how tensors print."""

from __future__ import annotations

import math
import re
from typing import Any

import backend
import numpy as np
import pytest
from backend import cf

SHARED = ["bool", "uint8", "int16", "int32", "int64", "uint32", "float16", "float32", "float64"]
ours = pytest.mark.skipif(backend.IS_TORCH, reason="PyTorch differs")


def sample(name: str, shape: tuple[int, ...] = (2, 3)) -> np.ndarray:
    count = int(np.prod(shape))
    values = np.arange(count) % 2 if name == "bool" else np.arange(count) * 3
    return values.astype(name).reshape(shape)


@pytest.mark.parametrize("name", SHARED)
@pytest.mark.parametrize("shape", [(2, 3), (), (0,), (3, 0, 2), (1, 1, 1, 1, 5)], ids=str)
def test_there_and_back(name: str, shape: tuple[int, ...]) -> None:
    array = sample(name, shape)
    x = cf.from_numpy(array)
    assert backend.dtype_name(x) == name and tuple(x.shape) == shape
    back = x.numpy()
    assert back.dtype == array.dtype and back.shape == shape
    np.testing.assert_array_equal(back, array)


@pytest.mark.parametrize("name", SHARED)
def test_extreme_values(name: str) -> None:
    if name == "bool":
        array = np.array([True, False])
    elif name.startswith("float"):
        info = np.finfo(name)
        array = np.array(
            [info.max, info.min, info.tiny, math.inf, -math.inf, math.nan, -0.0], dtype=name
        )
    else:
        info = np.iinfo(name)
        array = np.array([info.min, info.max, 1], dtype=name)
    back = cf.from_numpy(array).numpy()
    assert back.tobytes() == array.tobytes()


def layouts() -> dict[str, np.ndarray]:
    base = np.arange(24, dtype=np.float32).reshape(4, 6)
    record = np.zeros(4, dtype=[("a", "u1"), ("b", "<f4")])
    record["b"] = [1, 2, 3, 4]
    return {
        "transposed": base.T,
        "fortran": np.asfortranarray(base),
        "strided": base[::2, 1::3],
        "broadcast": np.broadcast_to(base[0], (3, 6)),
        "offset": base[1:, 2:],
        "three": base.reshape(2, 3, 4).transpose(2, 0, 1),
        "unaligned": record["b"],
        "zero": base[:0, ::2],
    }


@pytest.mark.filterwarnings("ignore:The given NumPy array is not writ")
@pytest.mark.filterwarnings("ignore:from_numpy. the array is copied")
@pytest.mark.parametrize("name", [n for n in layouts() if n != "unaligned" or not backend.IS_TORCH])
def test_memory_layouts(name: str) -> None:
    array = layouts()[name]
    np.testing.assert_array_equal(cf.from_numpy(array).numpy(), array)
    np.testing.assert_array_equal(cf.tensor(array).numpy(), array)


@ours
@pytest.mark.filterwarnings("ignore:from_numpy. the array is copied")
@pytest.mark.parametrize("pick", [np.s_[::-1], np.s_[:, ::-2], np.s_[::-1, ::-1]], ids=str)
def test_negative_strides(pick: Any) -> None:
    """PyTorch refuses these."""
    array = np.arange(12, dtype=np.int64).reshape(3, 4)[pick]
    np.testing.assert_array_equal(cf.from_numpy(array).numpy(), array)


@ours
def test_other_byte_order() -> None:
    array = np.array([1.5, -2.0], dtype=">f8")
    x = cf.tensor(array)
    assert x.dtype == cf.float64 and x.tolist() == [1.5, -2.0]
    assert cf.as_tensor(np.array([1, 256], dtype=">i4")).tolist() == [1, 256]


@ours
def test_read_only_arrays_are_copied_without_a_warning_where_copies_are_expected() -> None:
    array = np.arange(3.0)
    array.flags.writeable = False
    assert cf.tensor(array).tolist() == cf.as_tensor(array).tolist() == [0.0, 1.0, 2.0]


@pytest.mark.parametrize(
    "array",
    [
        np.array([object()]),
        np.array(["a", "bc"]),
        np.array([b"a"]),
        np.array(["2020-01-01"], dtype="M8[D]"),
        np.zeros(2, dtype=[("x", "f4")]),
    ],
    ids=["object", "str", "bytes", "datetime", "record"],
)
def test_arrays_of_other_things_are_refused(array: np.ndarray) -> None:
    for function in (cf.from_numpy, cf.tensor):
        with pytest.raises(
            TypeError,
            match=None if backend.IS_TORCH else r"object|U2|S1|M8|datetime|str|bytes|void|f4|V4",
        ):
            function(array)


@ours
@pytest.mark.parametrize("name", ["complex64", "int8", "uint16", "uint64", "longdouble"])
def test_dtypes_the_package_lacks_are_named(name: str) -> None:
    with pytest.raises(
        cf.DTypeError, match=name.replace("longdouble", "float128|longdouble|float96")
    ):
        cf.from_numpy(np.zeros(2, dtype=name))


def test_from_numpy_wants_an_array() -> None:
    with pytest.raises(TypeError):
        cf.from_numpy([1, 2])


class TestNumpyProtocol:
    @pytest.mark.filterwarnings("ignore:__array__ implementation" if backend.IS_TORCH else "error")
    def test_asarray(self) -> None:
        x = cf.tensor([[1.0, 2.0]])
        assert np.asarray(x).dtype == np.float32
        assert np.asarray(x, dtype=np.int64).tolist() == [[1, 2]]
        assert np.array(x).tolist() == [[1.0, 2.0]]
        assert np.stack([x, x]).shape == (2, 1, 2)
        np.testing.assert_array_equal(x, [[1.0, 2.0]])

    @pytest.mark.skipif(
        np.lib.NumpyVersion(np.__version__) < "2.0.0", reason="an argument of NumPy 2"
    )
    @pytest.mark.filterwarnings("ignore:__array__ implementation" if backend.IS_TORCH else "error")
    def test_copy_argument(self) -> None:
        x = cf.tensor([1.0, 2.0])
        copy = np.array(x, copy=True)
        copy[0] = 9
        assert x.tolist() == [1.0, 2.0]

    def test_a_numpy_array_does_not_swallow_the_operation(self) -> None:
        x = cf.tensor([1.0, 2.0])
        scalar = np.float64(2.0)
        assert isinstance(x * scalar, cf.Tensor)
        assert (x * scalar).dtype == cf.float32

    def test_of_a_tensor_that_requires_a_gradient(self) -> None:
        x = cf.ones(2, requires_grad=True)
        with pytest.raises(RuntimeError, match="detach"):
            np.asarray(x)

    def test_bfloat16_says_what_to_do(self) -> None:
        x = cf.ones(2, dtype=cf.bfloat16)
        with pytest.raises(TypeError, match=r"(?i)bfloat16"):
            x.numpy()
        assert x.float().numpy().tolist() == [1.0, 1.0]

    def test_the_result_is_the_tensors_memory(self) -> None:
        x = cf.ones(3)
        array = x.numpy()
        array[0] = 5
        assert x.tolist() == [5.0, 1.0, 1.0]
        assert array.flags.writeable


class TestConstruction:
    @pytest.mark.parametrize(
        "content, name",
        [
            (1, "int64"), (1.0, "float32"), (True, "bool"), ([1, 2.0], "float32"),
            ([True, 2], "int64"), ([[1], [2]], "int64"), ((1.0, 2.0), "float32"),
            (range(3), "int64"), (np.float64(1), "float64"), (np.int32(1), "int32"),
            ([np.float32(1), np.float32(2)], "float32"), ([], "float32"),
        ],
        ids=str,
    )  # fmt: skip
    def test_dtype_of_python_content(self, content: Any, name: str) -> None:
        x = cf.tensor(content)
        assert backend.dtype_name(x) == name
        if not isinstance(content, range):
            np.testing.assert_array_equal(x.numpy(), np.asarray(content))

    def test_given_dtype_wins(self) -> None:
        assert cf.tensor([1, 2], dtype=cf.float16).dtype == cf.float16
        assert cf.tensor([1.7, -1.7], dtype=cf.int64).tolist() == [1, -1]

    def test_tensors_within_lists(self) -> None:
        assert cf.tensor([cf.tensor(1.0), cf.tensor(2.0)]).tolist() == [1.0, 2.0]

    def test_copy_of_a_tensor(self) -> None:
        x = cf.ones(2)
        with pytest.warns(UserWarning) if backend.IS_TORCH else _nothing():
            y = cf.tensor(x)
        y += 1
        assert x.tolist() == [1.0, 1.0]

    def test_arrays_are_copied_by_tensor(self) -> None:
        array = np.ones(2)
        x = cf.tensor(array)
        array[0] = 5
        assert x.tolist() == [1.0, 1.0]

    @pytest.mark.parametrize("content", [[[1, 2], [3]], [1, [2]], [[1], 2]], ids=str)
    def test_ragged_lists(self, content: Any) -> None:
        with pytest.raises((ValueError, TypeError)):
            cf.tensor(content)

    @pytest.mark.parametrize(
        "content", ["abc", ["a"], [None], None, object(), {"a": 1}, {1, 2}], ids=str
    )
    def test_what_is_no_number(self, content: Any) -> None:
        with pytest.raises((TypeError, RuntimeError, ValueError)):
            cf.tensor(content)

    def test_integers_beyond_int64(self) -> None:
        with pytest.raises((OverflowError, ValueError, RuntimeError)):
            cf.tensor(2**63)

    def test_large_lists(self) -> None:
        content = list(range(100_000))
        assert cf.tensor(content).tolist() == content

    def test_as_tensor_keeps_tensors(self) -> None:
        x = cf.ones(2)
        assert cf.as_tensor(x) is x
        assert cf.as_tensor([1.0]).tolist() == [1.0]

    def test_default_dtype(self) -> None:
        before = cf.get_default_dtype()
        try:
            cf.set_default_dtype(cf.float64)
            assert cf.tensor([1.0]).dtype == cf.zeros(1).dtype == cf.rand(1).dtype == cf.float64
            assert (cf.tensor([1]) / 2).dtype == cf.float64
        finally:
            cf.set_default_dtype(before)
        assert cf.tensor([1.0]).dtype == cf.float32


class _nothing:  # noqa: N801
    def __enter__(self) -> None: ...
    def __exit__(self, *_: object) -> None: ...


class TestLeaving:
    @pytest.mark.parametrize("name", [*SHARED, "bfloat16", "float8_e4m3fn"])
    def test_tolist_gives_python_values(self, name: str) -> None:
        x = backend.to_tensor(cf, np.array([[0.0, 1.0], [1.0, 0.0]]), name)
        kind = bool if name == "bool" else float if name.startswith(("float", "bfloat")) else int
        values = x.tolist()
        assert values == [[0, 1], [1, 0]]
        assert all(type(v) is kind for row in values for v in row)
        assert type(x[0, 1].item()) is kind
        assert x[0, 1].tolist() == x[0, 1].item() == 1

    def test_exact_integers(self) -> None:
        assert cf.tensor(2**62 + 1).item() == 2**62 + 1
        assert int(cf.tensor([2**62 + 1])) == 2**62 + 1

    def test_conversions(self) -> None:
        x = cf.tensor([2.5])
        assert float(x) == 2.5 and int(x) == 2 and bool(x) is True
        assert bool(cf.tensor(0.0)) is False
        assert [1, 2, 3][cf.tensor(1)] == 2
        assert f"{cf.tensor(2.5):.2f}" == "2.50"

    def test_only_one_element_is_a_number(self) -> None:
        x = cf.ones(2)
        for function in (
            lambda: x.item(),
            lambda: float(x),
            lambda: int(x),
            lambda: bool(x),
            lambda: bool(cf.ones(0)),
        ):
            with pytest.raises((RuntimeError, ValueError)):
                function()
        with pytest.raises(TypeError):
            [1, 2, 3][cf.tensor(1.0)]

    @ours
    def test_the_truth_of_many_says_what_to_write(self) -> None:
        with pytest.raises(ValueError, match=r"(?i)any.*all|ambiguous"):
            bool(cf.ones(2))


class TestAttributes:
    def test_shape_is_a_tuple_and_can_be_called(self) -> None:
        x = cf.zeros(2, 3)
        assert x.shape == (2, 3) and x.shape[0] == 2 and len(x.shape) == 2
        if not backend.IS_TORCH:
            assert isinstance(x.shape, tuple) and x.shape() == (2, 3)
        assert x.size() == (2, 3) and x.size(-1) == 3
        rows, columns = x.shape
        assert (rows, columns) == (2, 3)

    def test_numbers_about_a_tensor(self) -> None:
        x = cf.zeros(2, 3, dtype=cf.float64)
        assert x.ndim == x.dim() == 2
        assert x.numel() == 6
        assert x.stride() == (3, 1) and x.T.stride() == (1, 3)
        assert x.is_contiguous() and not x.T.is_contiguous()
        assert x.element_size() == 8 and x.nbytes == 48
        assert str(x.device) == "cpu"
        assert x.itemsize == 8

    def test_equality_is_elementwise_and_hash_is_identity(self) -> None:
        x, y = cf.tensor([1.0, 2.0]), cf.tensor([1.0, 3.0])
        assert (x == y).tolist() == [True, False]
        assert len({x, y, x}) == 2
        assert (x != 1.0).tolist() == [False, True]

    def test_comparison_with_other_things(self) -> None:
        x = cf.tensor([1.0])
        assert (x == None) is False or backend.IS_TORCH  # noqa: E711
        with pytest.raises(TypeError):
            _ = x < "a"

    def test_equal_and_allclose(self) -> None:
        x = cf.tensor([1.0, 2.0])
        assert cf.equal(x, x.clone()) and not cf.equal(x, cf.ones(3))
        assert cf.allclose(x, x + 1e-9)

    def test_dtype_objects(self) -> None:
        assert repr(cf.float32) == f"{backend.NAME}.float32"
        assert cf.float is cf.float32 and cf.long is cf.int64 and cf.double is cf.float64
        assert cf.half is cf.float16 and cf.int is cf.int32 and cf.short is cf.int16
        assert (
            cf.float32.itemsize == 4
            and cf.bfloat16.is_floating_point
            and not cf.int64.is_floating_point
        )
        assert len({cf.float32, cf.float, cf.float64}) == 2

    def test_pickle_and_copy(self) -> None:
        import copy
        import pickle

        x = cf.tensor([[1.0, 2.0]], requires_grad=True)
        for y in (pickle.loads(pickle.dumps(x)), copy.deepcopy(x)):
            assert y.tolist() == x.tolist() and y.requires_grad and y is not x
        assert pickle.loads(pickle.dumps(cf.float32)) is cf.float32


class TestRepr:
    @pytest.mark.parametrize(
        "make, numbers",
        [
            (lambda: cf.tensor([1.0, 2.5]), [1.0, 2.5]),
            (lambda: cf.tensor([[1, 2], [-3, 4]]), [1, 2, -3, 4]),
            (lambda: cf.tensor(3.0), [3.0]),
            (lambda: cf.tensor([]), []),
            (lambda: cf.ones(2, requires_grad=True), [1.0, 1.0]),
        ],
    )
    def test_values(self, make: Any, numbers: list[float]) -> None:
        shown = repr(make())
        assert shown.startswith("tensor(") and shown.endswith(")")
        found = re.findall(r"(?<![\w.])-?\d+\.?\d*(?:e[-+]\d+)?", shown)
        assert [float(text) for text in found] == numbers

    @pytest.mark.parametrize(
        "make, text",
        [
            (lambda: cf.tensor([True, False]), "True"),
            (lambda: cf.zeros(2, dtype=cf.float64), f"dtype={backend.NAME}.float64"),
            (lambda: cf.ones(2, dtype=cf.bfloat16), f"dtype={backend.NAME}.bfloat16"),
            (lambda: cf.ones(2, requires_grad=True), "requires_grad=True"),
            (lambda: cf.ones(2, requires_grad=True) * 2, "grad_fn="),
            (lambda: cf.zeros(100, 100), "..."),
            (lambda: cf.zeros(0, 3), "size=(0, 3)"),
            (lambda: cf.tensor([math.nan, math.inf]), "nan"),
        ],
    )
    def test_what_else_is_said(self, make: Any, text: str) -> None:
        assert text in repr(make())

    def test_what_is_usual_is_not_said(self) -> None:
        for x in (cf.ones(2), cf.tensor([1, 2]), cf.tensor([True])):
            assert "dtype" not in repr(x) and "device" not in repr(x) and "grad" not in repr(x)

    def test_large_tensors_print_short(self) -> None:
        assert len(repr(cf.zeros(1000, 1000))) < 2000

    def test_rows_are_aligned(self) -> None:
        text = repr(cf.tensor([[1.0, -20.5], [300.25, 4.0]]))
        assert len(text.splitlines()) == 2


@ours
@pytest.mark.parametrize("value", ["tpu", "cuda:x", "", "cpu:-1", 7, None.__class__], ids=str)
def test_unknown_devices(value: Any) -> None:
    with pytest.raises((cf.DeviceError, TypeError)):
        cf.zeros(1, device=value)
