"""Runs the table of cases: results, gradients, memory layouts and dtypes of every operation."""

from __future__ import annotations

import inspect

import backend
import devices
import gradcheck
import pytest
import reference
from backend import cf
from case import Row, resolve
from cases import CASES, GROUPS

pytestmark = [
    pytest.mark.filterwarnings("ignore:.*degrees of freedom"),
    pytest.mark.filterwarnings("ignore:dropout2d"),
]

EACH_DTYPE = [
    pytest.param(group, row, dtype, id=f"{row.id}-{dtype}")
    for group, rows in GROUPS.items()
    for row in rows
    for dtype in row.dtypes
]
DIFFERENTIABLE = [row for row in CASES if row.gradient and "float64" in row.dtypes]
NUMERIC = [
    pytest.param(row, id=row.id)
    for row in DIFFERENTIABLE
    if row.numeric and row.compare and any(item.differentiable("float64") for item in row.inputs())
]
SECOND = [param for param in NUMERIC if param.values[0].second]
LAYOUTS = [
    pytest.param(group, row, layout, id=f"{row.id}-{layout}")
    for group, rows in GROUPS.items()
    for row in rows
    for layout in ("transposed", "sliced")
    if row.inputs() and row.compare
]


def expected(group: str, row: Row, dtype: str) -> dict:
    """PyTorch's stored results, which must be those of the row as it is now."""
    entry = reference.read(group).get(f"{row.id} {dtype}")
    if entry is None or entry.get("inputs", reference.checksum(row, dtype)) != reference.checksum(
        row, dtype
    ):
        pytest.fail("the stored reference is not of this row: run `make parity`")
    return entry


def check_outputs(row: Row, dtype: str, outputs: list, entry: dict) -> None:
    assert len(outputs) == len(entry["outputs"])
    for position, (output, wanted) in enumerate(zip(outputs, entry["outputs"], strict=True)):
        devices.check_place(output, row)
        problem = reference.difference(reference.Stored.of(output), wanted, row.tolerance)
        assert problem is None, f"output {position}: {problem}"


def check_gradients(row: Row, dtype: str, tensors: list, outputs: list, entry: dict) -> None:
    found = reference.gradients(cf, row, dtype, tensors, outputs)
    for position, (gradient, wanted) in enumerate(zip(found, entry["gradients"], strict=True)):
        if wanted is None:
            assert gradient is None or not backend.to_numpy(gradient[0]).any()
            continue
        assert gradient is not None, f"gradient {position} is missing"
        devices.check_place(gradient[0])
        problem = reference.difference(reference.Stored.of(gradient[0]), wanted, 4 * row.tolerance)
        assert problem is None, f"gradient {position}: {problem}"


@pytest.mark.parametrize("group, row, dtype", EACH_DTYPE)
def test_result_and_gradient_equal_pytorch(group: str, row: Row, dtype: str) -> None:
    entry = expected(group, row, dtype)
    if "refused" in entry:
        check_refusal(row, dtype)
        return
    if dtype in row.unsupported:
        with pytest.raises(backend.error("DTypeError"), match=row.op):
            row.run(cf, row.tensors(cf, dtype), dtype)
        return
    tensors = row.tensors(cf, dtype, grad=row.gradient)
    outputs = row.run(cf, tensors, dtype)
    check_outputs(row, dtype, outputs, entry)
    if row.gradient and row.compare:
        check_gradients(row, dtype, tensors, outputs, entry)


def check_refusal(row: Row, dtype: str) -> None:
    """What PyTorch refuses may be computed or refused here, but never by a panic."""
    try:
        row.run(cf, row.tensors(cf, dtype), dtype)
    except backend.error("CandleError") as problem:
        allowed = ("DTypeError", "UnsupportedError", "InvalidArgumentError")
        assert backend.IS_TORCH or type(problem).__name__ in allowed, repr(problem)


@pytest.mark.parametrize("group, row, layout", LAYOUTS)
def test_layout_does_not_matter(group: str, row: Row, layout: str) -> None:
    dtype = "float32" if "float32" in row.dtypes else row.dtypes[0]
    entry = expected(group, row, dtype)
    if "refused" in entry:
        pytest.skip("PyTorch refuses this dtype")
    tensors = row.tensors(cf, dtype, layout=layout, grad=row.gradient)
    outputs = row.run(cf, tensors, dtype)
    check_outputs(row, dtype, outputs, entry)
    if row.gradient and row.compare:
        check_gradients(row, dtype, tensors, outputs, entry)


@pytest.mark.parametrize("row", NUMERIC)
def test_gradient_equals_finite_differences(row: Row) -> None:
    tensors = row.tensors(cf, "float64", grad=True)
    gradcheck.check(lambda arguments: row.run(cf, arguments, "float64"), tensors)


@pytest.mark.parametrize("row", SECOND)
def test_second_gradient_equals_finite_differences(row: Row) -> None:
    tensors = row.tensors(cf, "float64", grad=True)
    outputs = row.run(cf, tensors, "float64")
    found = reference.gradients(cf, row, "float64", tensors, outputs, create_graph=True)
    if not any(g and g[0].requires_grad for g in found):
        return  # the gradient is constant
    gradcheck.check_second(lambda arguments: row.run(cf, arguments, "float64"), tensors)


@pytest.mark.parametrize("op", sorted({row.op for row in CASES}))
def test_row_names_a_public_function(op: str) -> None:
    if hasattr(cf.nn.functional, op) or hasattr(cf, op):
        assert callable(resolve(cf, op))
    else:
        assert callable(getattr(cf.Tensor, op))


@pytest.mark.skipif(backend.IS_TORCH, reason="PyTorch has no generated module")
def test_every_generated_operation_has_a_row() -> None:
    from candle_ffi import _ops

    generated = {
        name
        for name, value in vars(_ops).items()
        if inspect.isfunction(value) and value.__module__ == _ops.__name__ and name[0] != "_"
    }
    assert generated, "no operation was found in candle_ffi/_ops.py"
    missing = generated - {row.covers for row in CASES}
    assert not missing, f"operations without a row in tests/python/cases: {sorted(missing)}"


def test_ids_are_unique() -> None:
    """A row's name is the key of its stored reference."""
    for rows in GROUPS.values():
        names = [row.id for row in rows]
        assert len(set(names)) == len(names), sorted(n for n in names if names.count(n) > 1)
