"""Batch, instance, group, RMS and local response normalisation; norms of vectors."""

# ruff: noqa: E501 (one row is one line)

from __future__ import annotations

from typing import Any

from case import Row, positive, t, values

from cases.common import FORWARD, INF, NAN, SMOOTH_ONLY

WIDE = ("float32", "float64")


def _running(name: str, **options: Any) -> Any:
    """The running statistics beside the result, which changes them."""

    def call(cf: Any, x: Any, mean: Any, var: Any, *weights: Any) -> Any:
        mean, var = mean.detach().clone(), var.detach().clone()
        result = getattr(cf.nn.functional, name)(x, mean, var, *weights, **options)
        return result, mean, var

    return call


def _fixed(name: str, **options: Any) -> Any:
    """The result alone, of statistics that nobody else sees."""
    call = _running(name, **options)
    return lambda cf, *inputs: call(cf, *inputs)[0]


def _batch() -> list[Row]:
    rows = []
    for training in (True, False):
        label = "training" if training else "eval"
        call = _fixed("batch_norm", training=training)
        for shape in ((4, 3), (2, 3, 4), (2, 2, 2, 3), (1, 2, 2, 2, 2), (5, 2, 33)):
            c = shape[1]
            rows.append(
                Row("batch_norm", t(*shape), t(c, grad=False), positive(c, grad=False), t(c), t(c), call=call,
                    label=label, tolerance=40, second=shape[-1] < 33, dtypes=("bfloat16", *WIDE))
            )  # fmt: skip
        rows += [
            Row(
                "batch_norm",
                t(4, 2),
                t(2, grad=False),
                positive(2, grad=False),
                call=call,
                label=f"{label} plain",
                tolerance=20,
            ),
            Row(
                "batch_norm",
                t(4, 2),
                t(2, grad=False),
                positive(2, grad=False),
                t(2),
                call=call,
                label=f"{label} weight",
                tolerance=20,
            ),
            Row(
                "batch_norm",
                t(0, 2),
                t(2, grad=False),
                positive(2, grad=False),
                t(2),
                t(2),
                call=call,
                label=f"{label} empty",
            ),
        ]
    rows += [
        Row("batch_norm", t(4, 2), t(2, grad=False), positive(2, grad=False), t(2), t(2), tolerance=20,
            call=_running("batch_norm", training=True, momentum=0.5, eps=0.1), label="options", numeric=False, second=False),
        Row("batch_norm", t(2, 3, 4), t(3, grad=False), positive(3, grad=False), t(3), t(3), tolerance=20, label="running",
            call=_running("batch_norm", training=True), dtypes=("bfloat16", *WIDE), numeric=False, second=False),
        Row("batch_norm", t(4, 2), None, None, training=True, tolerance=20),
        Row("batch_norm", t(40, 70), None, None, t(70), t(70), True, tolerance=20,
            dtypes=WIDE, compare=False, **FORWARD),
        Row("batch_norm", t(4, 2, low=10000.0, high=10004.0), None, None, training=True, label="large mean",
            dtypes=WIDE, tolerance=2e4, **SMOOTH_ONLY),
    ]  # fmt: skip
    return rows


def _instance() -> list[Row]:
    name = "instance_norm"
    return [
        Row(name, t(2, 3, 4), tolerance=20),
        Row(name, t(2, 3, 4), weight=t(3), bias=t(3), tolerance=20),
        Row(name, t(2, 2, 3, 2), None, None, t(2), t(2), tolerance=20, eps=0.01),
        Row(name, t(1, 2, 2, 2, 2), tolerance=20),
        Row(name, t(2, 3, 4), t(3, grad=False), positive(3, grad=False), t(3), t(3), call=_running(name, momentum=0.3), tolerance=20, numeric=False, second=False),
        Row(name, t(2, 3, 4), t(3, grad=False), positive(3, grad=False), t(3), t(3), label="running", tolerance=20,
            call=_fixed(name, use_input_stats=False)),
    ]  # fmt: skip


def _group() -> list[Row]:
    name = "group_norm"
    return [
        Row(name, t(2, 4, 3), 2, t(4), t(4), tolerance=40),
        Row(name, t(2, 4, 3), 1, t(4), tolerance=40),
        Row(name, t(2, 4, 3), 4, tolerance=40),
        Row(name, t(3, 6), 3, t(6), t(6), tolerance=40, eps=0.1),
        Row(name, t(1, 4, 2, 5), 2, t(4), t(4), tolerance=40, second=False),
        Row(name, t(0, 4, 3), 2, t(4), t(4)),
    ]


def _others() -> list[Row]:
    rows = [
        Row("rms_norm", t(2, 4), (4,), t(4), tolerance=10),
        Row("rms_norm", t(2, 4), (4,), tolerance=10),
        Row("rms_norm", t(2, 2, 3), (2, 3), t(2, 3), tolerance=10),
        Row("rms_norm", t(2, 3), (3,), eps=0.1, tolerance=10),
        Row("rms_norm", t(0, 3), (3,), t(3)),
        Row(
            "rms_norm",
            values([[1e-4, -1e-4, 0.0]]),
            (3,),
            label="default eps",
            tolerance=10,
            dtypes=("float16", "bfloat16", "float32"),
            **SMOOTH_ONLY,
        ),
        Row("rms_norm", t(3, 65), (65,), t(65), second=False, numeric=False, tolerance=10),
    ]
    rows += [
        Row("local_response_norm", t(2, 5, 3), 2, tolerance=4),
        Row("local_response_norm", t(2, 5, 3), 3, 0.5, 0.6, 2.0, tolerance=4),
        Row("local_response_norm", t(1, 4, 2, 2), 5, alpha=0.3, tolerance=4),
        Row("local_response_norm", t(1, 2, 1, 2, 2), 9, alpha=0.3, tolerance=4),
        Row("local_response_norm", t(0, 2, 2), 2),
    ]
    rows += [
        Row("normalize", t(2, 3), tolerance=2),
        Row("normalize", t(2, 3), dim=0, tolerance=2),
        Row("normalize", t(2, 3), p=1.0, tolerance=2),
        Row("normalize", t(2, 3), p=INF, tolerance=2),
        Row("normalize", t(2, 3, 2), p=3.0, dim=(0, 2), tolerance=4),
        Row("normalize", values([[0.0, 0.0], [3.0, 4.0]]), label="zero", **SMOOTH_ONLY),
    ]
    return rows


def _vectors() -> list[Row]:
    rows = []
    for p in (2.0, 1.0, 3.0, 2.5, 0.5, INF, -INF, 0.0, -1.0):
        rows.append(Row("norm", t(2, 3), p=p, dim=1, tolerance=8, gradient=p != 0.0))
    rows += [
        Row("norm", t(2, 3), tolerance=2),
        Row("norm", t(2, 3, 2), dim=(0, 2), keepdim=True, tolerance=2),
        Row("norm", t(2, 3), p=1, tolerance=2),
        Row("norm", t(), tolerance=2),
        Row("norm", t(0, 3), dim=0),
        Row("norm", t(3, 50), dim=1, second=False, tolerance=4),
        Row("norm", values([[0.0, 0.0], [3.0, 4.0]]), dim=1, label="zero", **SMOOTH_ONLY),
        Row(
            "norm",
            values([[0.0, 2.0], [3.0, 4.0]]),
            p=3.0,
            dim=1,
            label="zero",
            tolerance=4,
            **SMOOTH_ONLY,
        ),
        Row("norm", values([[1.0, NAN], [INF, 4.0]]), dim=1, **FORWARD),
        Row("norm", t(2, 3), call=lambda cf, x: x.norm(), label="method", tolerance=2),
    ]
    return rows


def rows() -> list[Row]:
    """Normalisation of channels, groups, rows and vectors."""
    return [*_batch(), *_instance(), *_group(), *_others(), *_vectors()]
