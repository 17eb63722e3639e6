"""The profiler: exact counts, times that add up, shapes, bytes, threads, and trace files."""

from __future__ import annotations

import itertools
import json
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import backend
import pytest

if backend.IS_TORCH:
    pytest.skip("the profiler is candle_ffi's", allow_module_level=True)

import candle_ffi as cf
from candle_ffi import nn
from candle_ffi.nn import functional as F  # noqa: N812
from candle_ffi.profiler import (
    FunctionEvent,
    ProfilerAction,
    ProfilerActivity,
    profile,
    record_function,
    schedule,
)


@pytest.fixture(autouse=True)
def _off_afterwards() -> Iterator[None]:
    """Whatever a test does, the next one finds no profile under way."""
    yield
    with profile():
        pass


def small() -> tuple[Any, Any, Any]:
    """A model that has been trained for a step, so that it has gradients and momenta."""
    model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3))
    optimizer = cf.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    x, y = cf.rand(5, 4), cf.tensor([0, 1, 2, 0, 1])
    train(model, optimizer, x, y)
    return model, optimizer, lambda: train(model, optimizer, x, y)


def train(model: Any, optimizer: Any, x: Any, y: Any) -> None:
    optimizer.zero_grad()
    F.cross_entropy(model(x), y).backward()
    optimizer.step()


def counts(prof: profile, kind: str) -> dict[str, int]:
    found = {a.key: a.count for a in prof.key_averages() if a.kind == kind and a.key != "free"}
    return dict(sorted(found.items()))


def test_counts_of_a_training_step_are_exact() -> None:
    _, _, step = small()
    with profile() as prof:
        for _ in range(3):
            step()
    assert counts(prof, "call") == {
        "backward": 3, "cross_entropy": 3, "linear": 6, "relu": 3, "step": 3, "zero_grad": 3,
    }  # fmt: skip
    assert counts(prof, "backward") == {
        "accumulate_grad": 12, "cross_entropy_backward": 3, "linear_backward": 6,
        "relu_backward": 3, "reshape_backward": 3,
    }  # fmt: skip
    kernels = Counter(
        {(a.within, a.key): a.count for a in prof.key_averages(kernels=True) if a.kind == "kernel"}
    )
    assert kernels["linear", "matmul_add"] == 6
    assert kernels["relu_backward", "unary_grad"] == 3
    assert kernels["step", "optimizer_step"] == 12
    # The gradient of the data, which nobody wants, is not computed.
    assert kernels["linear_backward", "matmul"] == 3 * 3


def test_times_add_up() -> None:
    _, _, step = small()
    with profile() as prof, record_function("all"):
        step()
    events, summary = prof.events(), prof.summary()
    assert summary.wall == pytest.approx(summary.kernel + summary.checks + summary.outside)
    library = [e for e in events if e.kind in ("call", "backward")]
    own = sum(e.self_cpu_time_total for e in library)
    assert own == pytest.approx(summary.kernel + summary.checks)
    assert sum(e.self_kernel_time_total for e in library) == pytest.approx(summary.kernel)
    kernels = [e for e in events if e.kind == "kernel"]
    assert sum(e.cpu_time_total for e in kernels) == pytest.approx(summary.kernel)
    assert summary.calls == sum(e.kind == "call" for e in events)
    (part,) = [e for e in events if e.kind == "range"]
    inside = [e for e in events if e.depth == 1 and e.thread == 0]
    assert part.self_cpu_time_total == pytest.approx(
        part.cpu_time_total - sum(e.cpu_time_total for e in inside), abs=1e-3
    )
    for average in prof.key_averages():
        same = [e for e in events if (e.name, e.kind) == (average.key, average.kind)]
        assert average.cpu_time_total == pytest.approx(sum(e.cpu_time_total for e in same))
        assert average.cpu_time == pytest.approx(average.cpu_time_total / len(same))
        assert average.longest == pytest.approx(max(e.cpu_time_total for e in same))


def chain(events: list[FunctionEvent], event: FunctionEvent) -> list[str]:
    """The names of what an event lies in, the outermost first."""
    around = [
        e
        for e in events
        if e.thread == event.thread
        and e.depth < event.depth
        and e.start <= event.start
        and e.end >= event.end - 1e-6
    ]
    return [e.name for e in sorted(around, key=lambda e: e.depth)]


def test_events_nest() -> None:
    x = cf.rand(4, 4, requires_grad=True)
    with profile() as prof, record_function("outer"):
        y = x * 2
        with record_function("inner"):
            y.sum().backward()
    events = prof.events()
    (rule,) = [e for e in events if e.name == "mul_backward"]
    assert chain(events, rule) == ["outer", "inner", "backward"]
    kernel = next(e for e in events if e.kind == "kernel" and e.within == "mul_backward")
    assert chain(events, kernel) == ["outer", "inner", "backward", "mul_backward"]
    assert [e.start for e in events] == sorted(e.start for e in events)


def test_shapes_and_dtypes_are_kept_where_asked_for() -> None:
    a, b, c = cf.ones(2, 3), cf.ones(3, 4), cf.ones(3, 5, dtype=cf.float64)
    with profile(record_shapes=True) as prof:
        for _ in range(2):
            a @ b
        a.double() @ c
        cf.cat([a, a], 0)
    (first, second) = [m for m in prof.key_averages(group_by_input_shape=True) if m.key == "matmul"]
    assert (first.count, first.input_shapes) == (2, ((2, 3), (3, 4)))
    assert (second.count, second.input_shapes) == (1, ((2, 3), (3, 5)))
    assert second.input_dtypes == ("float64", "float64")
    (cat,) = [e for e in prof.events() if e.name == "cat"]
    assert cat.input_shapes == ((2, 3), (2, 3))
    assert "[[2, 3], [3, 4]]" in prof.key_averages(group_by_input_shape=True).table()
    with profile() as plain:
        a @ b
    assert all(e.input_shapes == () for e in plain.events())


def test_bytes_are_those_of_the_values_made() -> None:
    x = cf.ones(100, 10, requires_grad=True)
    with profile() as prof:
        y = x * x
        y.sum().backward()
        x.detach().add_(1)
    made = {a.key: a for a in prof.key_averages()}
    assert made["mul"].cpu_memory_usage == made["mul"].self_cpu_memory_usage == 4000
    assert made["mul_backward"].self_cpu_memory_usage >= 4000
    assert made["backward"].cpu_memory_usage >= made["mul_backward"].cpu_memory_usage
    assert made["add_"].cpu_memory_usage == 4, "in place, but for the number"


def test_threads_have_numbers_of_their_own() -> None:
    def work() -> None:
        with record_function("of another thread"):
            for _ in range(5):
                cf.ones(3)

    with profile() as prof:
        threads = [threading.Thread(target=work) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        cf.ones(3)
    events = prof.events()
    by_thread = Counter(e.thread for e in events if e.name == "ones")
    assert by_thread.pop(0) == 1
    assert list(by_thread.values()) == [5, 5, 5]
    summary = prof.summary()
    assert summary.other_calls == sum(e.kind == "call" and e.thread != 0 for e in events)
    ranges = [e for e in events if e.kind == "range"]
    assert len(ranges) == 3
    assert all(e.depth == 0 for e in ranges)


def test_the_pools_help_is_seen() -> None:
    if cf.get_num_threads() == 1:
        pytest.skip("one thread has no helpers")
    x = cf.rand(2000, 2000)
    for _ in range(20):  # a helper that wakes up late finds nothing to do
        with profile() as prof:
            x.exp()
        workers = [e for e in prof.events() if e.kind == "worker"]
        if workers:
            break
    assert workers
    assert {e.name for e in workers} == {"unary"}
    assert all(e.thread != 0 for e in workers)
    assert prof.summary().worker == pytest.approx(sum(e.cpu_time_total for e in workers))


def test_callbacks_are_not_the_librarys_time() -> None:
    x = cf.ones(3, requires_grad=True)
    y = x * 2
    y.register_hook(lambda gradient: gradient * 3)
    with profile() as prof:
        y.sum().backward()
    events = prof.events()
    (hook,) = [e for e in events if e.kind == "callback"]
    inner = next(e for e in events if e.name == "mul" and e.kind == "call")
    assert chain(events, inner) == ["backward", "hook"]
    (backward,) = [e for e in events if e.name == "backward"]
    assert backward.self_cpu_time_total <= backward.cpu_time_total - hook.cpu_time_total + 1e-3


def test_an_exception_leaves_the_profiler_off() -> None:
    prof = profile(with_modules=True)
    call = nn.Module.__call__
    with pytest.raises(cf.ShapeError), prof, record_function("fails"):
        cf.ones(2, 3) @ cf.ones(2, 3)
    assert nn.Module.__call__ is call
    assert {"matmul", "fails"} <= {e.name for e in prof.events()}, "what failed is there too"
    before = len(prof.events())
    cf.ones(3)
    assert len(prof.events()) == before


def test_nothing_is_recorded_when_off() -> None:
    with record_function("before"):
        cf.ones(3)
    with profile() as prof:
        pass
    cf.ones(3)
    assert prof.events() == []
    assert prof.summary().calls == 0
    with record_function("around"):  # begun before the profile, so it is not part of it
        with profile() as other:
            cf.ones(3)
        cf.ones(3)
    assert [e.name for e in other.events() if e.kind != "kernel"] == ["ones", "free"]


def test_profiles_do_not_nest() -> None:
    with profile() as outer:
        with pytest.raises(cf.BusyError, match="already"), profile():
            pass
        cf.ones(3)
    assert any(e.name == "ones" for e in outer.events()), "the outer one goes on"


def test_results_come_when_it_is_over() -> None:
    prof = profile()
    with pytest.raises(RuntimeError, match="no profile yet"):
        prof.events()
    with prof:
        cf.ones(3)
    assert prof.events()
    prof.stop()  # once more does nothing


def test_the_number_of_events_has_a_limit() -> None:
    with profile(max_events=10) as prof:
        for _ in range(50):
            cf.ones(1)
    summary = prof.summary()
    assert len(prof.events()) == 10
    # Calls, kernels and the frees of what they gave.
    assert summary.dropped >= 90
    assert summary.calls >= 50, "sums go on"
    assert "left out" in prof.table()
    with pytest.raises(ValueError, match="max_events"):
        profile(max_events=-1)


def test_ranges_decorate_and_may_fail() -> None:
    @record_function("twice")
    def recursive(depth: int) -> int:
        """Call itself."""
        return depth if depth == 0 else recursive(depth - 1)

    with profile() as prof:
        recursive(2)
        with pytest.raises(KeyError), record_function("raises"):
            raise KeyError
    ranges = [(e.name, e.depth) for e in prof.events() if e.kind == "range"]
    assert ranges == [("twice", 0), ("twice", 1), ("twice", 2), ("raises", 0)]
    assert recursive.__doc__ == "Call itself."
    with pytest.raises(TypeError, match="must be a string"):
        record_function(3)  # type: ignore[arg-type]


def test_modules_are_ranges_where_asked_for() -> None:
    _, _, step = small()
    with profile(with_modules=True) as prof:
        step()
    names = [e.name for e in prof.events() if e.kind == "range"]
    assert names == [
        "nn.Module: Sequential_0", "nn.Module: Linear_0", "nn.Module: ReLU_0",
        "nn.Module: Linear_1",
    ]  # fmt: skip
    with profile() as plain:
        step()
    assert not [e for e in plain.events() if e.kind == "range"]


def test_a_schedule_records_some_steps() -> None:
    done: list[list[str]] = []

    def ready(prof: profile) -> None:
        done.append([e.name for e in prof.events() if e.kind == "range"])

    plan = schedule(skip_first=1, wait=1, warmup=1, active=2, repeat=2)
    with profile(schedule=plan, on_trace_ready=ready) as prof:
        for _ in range(12):
            cf.ones(3)
            prof.step()
    assert done == [["ProfilerStep#3", "ProfilerStep#4"], ["ProfilerStep#7", "ProfilerStep#8"]]
    actions = [schedule(wait=0, warmup=0, active=1)(n) for n in range(2)]
    assert actions == [ProfilerAction.RECORD_AND_SAVE] * 2
    with pytest.raises(ValueError, match="active"):
        schedule(wait=0, warmup=0, active=0)


def test_what_cannot_be_watched_is_refused() -> None:
    profile(activities=[ProfilerActivity.CPU])
    with pytest.raises(cf.UnsupportedError, match="CUDA"):
        profile(activities=[ProfilerActivity.CPU, ProfilerActivity.CUDA])


def test_the_table_has_the_order_that_is_asked_for() -> None:
    _, _, step = small()
    with profile() as prof:
        step()
    averages = prof.key_averages()
    for sort_by, field in [
        (None, "self_cpu_time_total"), ("cpu_time_total", "cpu_time_total"), ("count", "count"),
        ("checks_time_total", "checks_time_total"), ("self_cpu_memory_usage",) * 2,
    ]:  # fmt: skip
        lines = averages.table(sort_by, kernels=False).splitlines()[3:]
        names = [line.split()[0] for line in itertools.takewhile(lambda x: x[:2] != "--", lines)]
        by_name = {a.key: getattr(a, field) for a in averages}
        values = [by_name[name] for name in names]
        assert len(names) == len(averages)
        assert values == sorted(values, reverse=True)
    limited = averages.table(row_limit=2, kernels=False)
    assert f"({len(averages) - 2} more rows)" in limited
    assert "Bytes" in limited
    for line in ("Wall time", "in kernels", "in checks", "outside"):
        assert line in limited
    with profile(profile_memory=False) as plain:
        step()
    assert "Bytes" not in plain.table()
    with pytest.raises(ValueError, match="sort_by must be one of 'self_cpu_time_total'"):
        averages.table("time")


def test_the_trace_file_is_what_the_format_says(tmp_path: Path) -> None:
    """As "Trace Event Format" of Chrome's sources has it: complete events and metadata."""
    _, _, step = small()
    with profile(record_shapes=True) as prof, record_function('a "step" \\ ü'):
        step()
    path = tmp_path / "trace.json"
    prof.export_chrome_trace(path)
    trace = json.loads(path.read_text(encoding="utf-8"))
    assert trace["displayTimeUnit"] in ("ms", "ns")
    events = trace["traceEvents"]
    spans = [e for e in events if e["ph"] == "X"]
    about = [e for e in events if e["ph"] == "M"]
    assert len(spans) + len(about) == len(events)
    assert {e["name"] for e in about} >= {"process_name", "thread_name"}
    threads = {(e["pid"], e["tid"]) for e in about if e["name"] == "thread_name"}
    assert [e["name"] for e in spans] == [e.name for e in prof.events()]
    for span, event in zip(spans, prof.events(), strict=True):
        assert isinstance(span["args"], dict)
        assert (span["pid"], span["tid"]) in threads
        assert span["cat"] == event.kind
        assert span["ts"] == pytest.approx(event.start)
        assert span["dur"] == pytest.approx(event.cpu_time_total)
    linear = next(span for span in spans if span["name"] == "linear")
    assert linear["args"]["Input Dims"] == [[5, 4], [8, 4], [8]]
    assert linear["args"]["Input type"] == ["float32"] * 3
    # Viewers draw spans of a thread within each other; none may cross another's end.
    for _, group in itertools.groupby(sorted(spans, key=lambda s: s["tid"]), lambda s: s["tid"]):
        ends: list[float] = []
        for span in sorted(group, key=lambda s: (s["ts"], -s["dur"])):
            while ends and ends[-1] <= span["ts"] + 1e-9:
                ends.pop()
            end = span["ts"] + span["dur"]
            assert not ends or end <= ends[-1] + 2e-3
            ends.append(end)


def test_a_trace_file_appears_whole_or_not_at_all(tmp_path: Path) -> None:
    with profile() as prof:
        cf.ones(3)
    path = tmp_path / "trace.json"
    path.write_text("old")
    prof.export_chrome_trace(path)
    json.loads(path.read_text())
    assert [p.name for p in tmp_path.iterdir()] == ["trace.json"]
    with pytest.raises(cf.FileError, match="nowhere"):
        prof.export_chrome_trace(tmp_path / "nowhere" / "trace.json")
    with pytest.raises(ValueError, match="NUL"):
        prof.export_chrome_trace("a\0b")


def test_profiles_are_freed() -> None:
    before = cf.live_handles()
    with profile(record_shapes=True) as prof:
        cf.ones(3)
    assert cf.live_handles()["profile"] == before["profile"] + 1
    prof.key_averages(True).table()
    del prof
    assert cf.live_handles() == before
