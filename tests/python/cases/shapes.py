"""What only rearranges."""

# ruff: noqa: E501 (one row is one line)

from __future__ import annotations

from backend import ALL, NUMBERS
from case import Row, integers, t

from cases.common import SMOOTH_ONLY


def rows() -> list[Row]:
    """What only rearranges."""
    return [
        Row("reshape", t(2, 6), (3, 4), dtypes=ALL),
        Row("reshape", t(2, 6), (-1, 3), dtypes=NUMBERS),
        Row("reshape", t(), (1, 1)),
        Row("reshape", t(1), ()),
        Row("reshape", t(0, 4), (2, 0)),
        Row("reshape", t(2, 6), call=lambda cf, x: x.reshape(4, 3), label="method"),
        Row("reshape", t(2, 3), call=lambda cf, x: x.T.reshape(6), label="of transposed"),
        Row("view", t(2, 6), call=lambda cf, x: x.contiguous().view(3, 4), dtypes=ALL),
        Row("view", t(2, 6), call=lambda cf, x: x.contiguous().view(-1), label="flat"),
        Row("flatten", t(2, 3, 2), dtypes=ALL),
        Row("flatten", t(2, 3, 2), 1),
        Row("flatten", t(2, 3, 2), 0, 1),
        Row("flatten", t(2, 3, 2), start_dim=-2, end_dim=-1),
        Row("flatten", t()),
        Row("transpose", t(2, 3), 0, 1, dtypes=ALL),
        Row("transpose", t(2, 3, 2), -1, 0),
        Row("transpose", t(2, 3, 2), 1, 1),
        Row("transpose", t(2, 3), call=lambda cf, x: x.T, label="T"),
        Row("transpose", t(2, 3, 2), call=lambda cf, x: x.mT, label="mT"),
        Row("permute", t(2, 3, 4), (2, 0, 1), dtypes=ALL),
        Row("permute", t(2, 3, 4), (-1, 1, 0)),
        Row("permute", t(), ()),
        Row("permute", t(2, 3, 4), call=lambda cf, x: x.permute(1, 2, 0), label="method"),
        Row("squeeze", t(1, 3, 1), dtypes=ALL),
        Row("squeeze", t(1, 3, 1), 0),
        Row("squeeze", t(1, 3, 1), -1),
        Row("squeeze", t(1, 3, 1), 1),
        Row("squeeze", t(1, 3, 1), (0, 2)),
        Row("unsqueeze", t(2, 3), 0, dtypes=ALL),
        Row("unsqueeze", t(2, 3), -1),
        Row("unsqueeze", t(2, 3), 1),
        Row("unsqueeze", t(), 0),
        Row("expand", t(3, 1), call=lambda cf, x: x.expand(2, 3, 4), dtypes=ALL),
        Row("expand", t(3, 1), call=lambda cf, x: x.expand(-1, 4), label="minus one"),
        Row("expand", t(), call=lambda cf, x: x.expand(2, 2), label="scalar"),
        Row("expand", t(1, 2), call=lambda cf, x: x.expand(0, 2), label="to nothing"),
        Row("cat", [t(2, 3), t(1, 3)], dtypes=ALL),
        Row("cat", [t(2, 3), t(2, 1), t(2, 2)], dim=1, dtypes=NUMBERS),
        Row("cat", [t(2, 3), t(2, 3)], dim=-1),
        Row("cat", [t(0, 3), t(2, 3)], dim=0),
        Row("cat", [t(2)]),
        Row("cat", [t(3), integers([1, 2], "int32")], label="promotes", dtypes=("float32", "float16")),
        Row("stack", [t(2, 3), t(2, 3)], dtypes=ALL),
        Row("stack", [t(2), t(2), t(2)], dim=1),
        Row("stack", [t(2), t(2)], dim=-1),
        Row("stack", [t(), t()]),
        Row("split", t(5, 2), 2, dtypes=ALL),
        Row("split", t(2, 5), [1, 4], dim=1, covers="split_with_sizes"),
        Row("split", t(5), (2, 0, 3), covers="split_with_sizes"),
        Row("split", t(2, 5), 5, dim=-1),
        Row("split", t(0, 2), 2),
        Row("chunk", t(5, 2), 3, dtypes=ALL),
        Row("chunk", t(2, 6), 4, dim=1),
        Row("chunk", t(2, 3), 7, dim=1),
        Row("narrow", t(4, 3), 0, 1, 2, dtypes=ALL),
        Row("narrow", t(4, 3), -1, 1, 2),
        Row("narrow", t(4, 3), 0, -2, 1),
        Row("narrow", t(4, 3), 0, 4, 0),
        Row("contiguous", t(2, 3), call=lambda cf, x: x.T.contiguous(), dtypes=ALL),
        Row("clone", t(2, 3), dtypes=ALL),
        Row("detach", t(2, 3), call=lambda cf, x: x.detach() * x, label="half the gradient",
            **SMOOTH_ONLY),
    ]  # fmt: skip
