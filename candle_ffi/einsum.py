"""Sums of products by Einstein's notation, made of matrix products."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import TYPE_CHECKING, Any

from candle_ffi import _ops
from candle_ffi.errors import InvalidArgumentError, ShapeError
from candle_ffi.shape import expand, permute, reshape

if TYPE_CHECKING:
    from candle_ffi.tensor import Tensor

__all__ = ["einsum"]

#: A tensor, and the label of each of its dimensions.
Labelled = tuple[Any, list[str]]


def einsum(equation: str, *operands: Any) -> Tensor:
    """Sum products of the operands' elements as an equation says.

    ``"ij,jk->ik"`` is a matrix product: a letter names a dimension, a letter that is missing on
    the right is summed over. ``...`` stands for dimensions that broadcast. Without ``->`` the
    result has the letters that occur once, in alphabetical order. Operands are multiplied from
    left to right. Differentiable.

    Parameters
    ----------
    equation : str
        The letters of each operand, separated by commas, and those of the result.
    *operands : Tensor
        The operands, or one sequence of them.

    Returns
    -------
    Tensor
        The sums.

    Raises
    ------
    InvalidArgumentError
        The equation cannot be read, or is not one of so many operands.
    ShapeError
        The sizes of the operands do not fit the equation.

    Notes
    -----
    `torch.einsum`

    Examples
    --------
    >>> import candle_ffi as cf
    >>> cf.einsum("ij,j->i", cf.tensor([[1.0, 2.0], [3.0, 4.0]]), cf.tensor([1.0, 10.0]))
    tensor([21., 43.])
    """
    if len(operands) == 1 and isinstance(operands[0], Sequence):
        operands = tuple(operands[0])
    terms, output = _labels(equation, [operand.ndim for operand in operands])
    labelled = [_without_repeats(x, term) for x, term in zip(operands, terms, strict=True)]
    sizes: dict[str, int] = {}
    for x, names in labelled:
        for name, size in zip(names, x.shape, strict=True):
            known = sizes.setdefault(name, size)
            if known != size and 1 not in (known, size):
                shapes = [tuple(operand.shape) for operand in operands]
                raise ShapeError(
                    f"einsum: {name!r} in {equation!r} is {known} and {size} in shapes {shapes}"
                )
            sizes[name] = size if known == 1 else known
    result = labelled[0]
    for at, operand in enumerate(labelled[1:], 2):
        later = {name for _, names in labelled[at:] for name in names}
        result = _product(result, operand, later | set(output), sizes)
    x, names = _summed(result, set(output))
    x = expand(x, [sizes[name] for name in names])
    return permute(x, [names.index(name) for name in output])


def _labels(equation: str, ranks: list[int]) -> tuple[list[list[str]], list[str]]:
    """Return the labels of each operand and of the result; a dimension of ``...`` is a number."""
    left, arrow, right = equation.replace(" ", "").partition("->")
    terms = left.split(",")
    if len(terms) != len(ranks):
        raise InvalidArgumentError(
            f"einsum: {equation!r} has {len(terms)} operands, and {len(ranks)} were given"
        )
    most = 0
    found = []
    for term, rank in zip(terms, ranks, strict=True):
        before, dots, after = term.partition("...")
        hidden = rank - len(before + after)
        if not (before + after).isalpha() and before + after:
            raise InvalidArgumentError(f"einsum: {term!r} in {equation!r} is not made of letters")
        if hidden < 0 or (hidden and not dots):
            raise ShapeError(f"einsum: {term!r} in {equation!r} is not of {rank} dimensions")
        most = max(most, hidden)
        # Counted from the end, where they are aligned.
        found.append([*before, *map(str, range(hidden, 0, -1)), *after])
    dots_out = [str(number) for number in range(most, 0, -1)]
    if not arrow:
        letters = [name for term in found for name in term if not name.isdigit()]
        return found, dots_out + sorted(name for name in set(letters) if letters.count(name) == 1)
    before, dots, after = right.partition("...")
    output = [*before, *(dots_out if dots else []), *after]
    known = {name for term in found for name in term}
    if len(set(output)) != len(output) or not set(output) <= known:
        raise InvalidArgumentError(
            f"einsum: {right!r} in {equation!r} must have letters of the left side, each once"
        )
    return found, output


def _without_repeats(x: Any, names: list[str]) -> Labelled:
    """Return the diagonal where a letter stands twice in one operand."""
    names = list(names)
    while len(set(names)) < len(names):
        first = next(at for at, name in enumerate(names) if names.count(name) > 1)
        second = names.index(names[first], first + 1)
        if x.shape[first] != x.shape[second]:
            raise ShapeError(
                f"einsum: {names[first]!r} is {x.shape[first]} and {x.shape[second]} "
                f"in shape {tuple(x.shape)}"
            )
        x = _ops.diagonal(x, 0, first, second)
        name = names.pop(second)
        names.pop(first)
        names.append(name)
    return x, names


def _summed(operand: Labelled, keep: set[str]) -> Labelled:
    """Return an operand summed over the labels that nobody needs."""
    x, names = operand
    gone = [at for at, name in enumerate(names) if name not in keep]
    if gone:
        x = _ops.sum(x, dim=gone)
    return x, [name for name in names if name in keep]


def _product(left: Labelled, right: Labelled, keep: set[str], sizes: dict[str, int]) -> Labelled:
    """Return the product of two operands, summed over what neither `keep` nor the other needs."""
    x, x_names = _summed(left, keep | set(right[1]))
    y, y_names = _summed(right, keep | set(left[1]))
    both = [name for name in x_names if name in y_names]
    batch = [name for name in both if name in keep]
    inner = [name for name in both if name not in keep]
    rows = [name for name in x_names if name not in both]
    columns = [name for name in y_names if name not in both]

    def matrices(z: Any, names: list[str], order: list[list[str]]) -> Any:
        flat = [name for group in order for name in group]
        z = permute(z, [names.index(name) for name in flat])
        z = expand(z, [sizes[name] for name in flat])
        return reshape(z, [prod(sizes[name] for name in group) for group in order])

    product = _ops.matmul(
        matrices(x, x_names, [batch, rows, inner]), matrices(y, y_names, [batch, inner, columns])
    )
    names = batch + rows + columns
    return reshape(product, [sizes[name] for name in names]), names
