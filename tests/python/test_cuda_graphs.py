"""CUDA graphs: what is replayed gives the numbers of a program without graphs, bit for bit.

They run on a CUDA device, real or emulated (`make test-cuda`); elsewhere most of them are skipped.
"""

from __future__ import annotations

import copy
import gc
import pickle
import threading
from collections.abc import Callable
from typing import Any

import pytest
from backend import cf
from counting import Counts

needs_cuda = pytest.mark.skipif(not cf.cuda.is_available(), reason="there is no CUDA device")


def mlp() -> tuple[Any, Any, Any]:
    layers = [cf.nn.Linear(8, 16), cf.nn.GELU(), cf.nn.Dropout(0.25), cf.nn.Linear(16, 4)]
    return cf.nn.Sequential(*layers), cf.randn(4, 6, 8), cf.arange(24).reshape(4, 6) % 4


def cnn() -> tuple[Any, Any, Any]:
    layers = [
        cf.nn.Conv2d(1, 4, 3, padding=1),
        cf.nn.BatchNorm2d(4),
        cf.nn.ReLU(),
        cf.nn.MaxPool2d(2),
        cf.nn.Flatten(),
        cf.nn.Linear(4 * 4 * 4, 4),
    ]
    return cf.nn.Sequential(*layers), cf.randn(4, 3, 1, 8, 8), cf.arange(12).reshape(4, 3) % 4


def transformer() -> tuple[Any, Any, Any]:
    block = cf.nn.TransformerEncoderLayer(16, 2, 32, dropout=0.25, batch_first=True)
    net = cf.nn.Sequential(block, cf.nn.Flatten(), cf.nn.Linear(5 * 16, 4))
    return net, cf.randn(4, 2, 5, 16), cf.arange(8).reshape(4, 2) % 4


def trained(build: Callable[[], Any], graphed: bool) -> list[list[float]]:
    """Losses, parameters, buffers and the next random numbers after some steps."""
    cf.manual_seed(3)
    net, inputs, targets = build()
    net = net.to("cuda")
    optimizer = cf.optim.AdamW(net.parameters(), lr=0.01)
    loss_of = cf.nn.CrossEntropyLoss()
    x, target = inputs[0].to("cuda"), targets[0].to("cuda")

    def computed() -> Any:
        optimizer.zero_grad(set_to_none=True)
        loss = loss_of(net(x), target)
        loss.backward()
        return loss

    computed()
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)
    graph = cf.cuda.CUDAGraph()
    if graphed:
        with cf.cuda.graph(graph):
            loss = computed()
    losses = []
    for batch, wanted in zip(inputs, targets, strict=True):
        x.copy_(batch)
        target.copy_(wanted)
        if graphed:
            graph.replay()
        else:
            loss = computed()
        optimizer.step()
        losses.append(loss.item())
    state = [value.flatten().tolist() for value in net.state_dict().values()]
    return [losses, *state, cf.randn(5, device="cuda").tolist(), cf.randn(5).tolist()]


@needs_cuda
@pytest.mark.parametrize("build", [mlp, cnn, transformer])
def test_a_training_by_a_graph_is_the_training(build: Callable[[], Any]) -> None:
    assert trained(build, graphed=True) == trained(build, graphed=False)


def test_a_replay_is_one_launch(counts: Counts) -> None:
    x = cf.ones(100, device="cuda")
    graph = cf.cuda.CUDAGraph()
    counts.reset()
    with cf.cuda.graph(graph):
        y = (x * 2 + 1).sum()
    assert counts["launch"] == 0
    x.fill_(3.0)
    counts.reset()
    for _ in range(3):
        graph.replay()
    seen = {what: counts[what] for what in ("graph_launch", "launch", "gemm", "allocate", "free")}
    assert seen == {"graph_launch": 3, "launch": 0, "gemm": 0, "allocate": 0, "free": 0}
    assert counts["synchronize"] == 0
    assert y.item() == 700.0


def test_random_numbers_cost_one_more_launch(counts: Counts) -> None:
    graph = cf.cuda.CUDAGraph()
    with cf.cuda.graph(graph):
        cf.randn(7, device="cuda") + cf.rand(7, device="cuda")
    counts.reset()
    graph.replay()
    assert (counts["graph_launch"], counts["launch"]) == (1, 1)


@needs_cuda
def test_each_replay_draws_what_the_program_would_have_drawn() -> None:
    def drawn(generator: Any) -> list[Any]:
        return [
            cf.randn(3, device="cuda"),
            cf.rand(5, device="cuda", dtype=cf.float64, generator=generator),
            cf.randint(0, 1000, (3,), device="cuda"),
            cf.randn(4, device="cuda", dtype=cf.float64),
            cf.nn.functional.dropout(cf.ones(9, device="cuda"), 0.5),
        ]

    cf.manual_seed(11)
    own = cf.Generator().manual_seed(5)
    graph = cf.cuda.CUDAGraph()
    before = cf.random.get_rng_state()
    with cf.cuda.graph(graph):
        made = drawn(own)
    assert (cf.random.get_rng_state() == before).all(), "nothing is drawn before a replay"
    by_graph = []
    for _ in range(3):
        graph.replay()
        by_graph += [value.tolist() for value in made]
        by_graph.append(cf.rand(1, device="cuda").tolist())
    cf.manual_seed(11)
    own.manual_seed(5)
    without = []
    for _ in range(3):
        without += [value.tolist() for value in drawn(own)]
        without.append(cf.rand(1, device="cuda").tolist())
    assert by_graph == without


@needs_cuda
def test_dropout_of_attention_is_the_same_in_its_gradient() -> None:
    cf.manual_seed(7)
    q = cf.randn(1, 2, 5, 8).to("cuda").requires_grad_()

    def attended() -> Any:
        out = cf.nn.functional.scaled_dot_product_attention(q, q, q, dropout_p=0.4)
        (grad,) = cf.autograd.grad((out * out).sum(), [q])
        return out.detach(), grad

    graph = cf.cuda.CUDAGraph()
    attended()
    state = cf.random.get_rng_state()
    with cf.cuda.graph(graph):
        made = attended()
    replayed = []
    for _ in range(2):
        graph.replay()
        replayed.append([value.tolist() for value in made])
    cf.random.set_rng_state(state)
    assert replayed == [[value.tolist() for value in attended()] for _ in range(2)]
    assert replayed[0] != replayed[1]


@needs_cuda
def test_memory_is_used_again_within_a_capture() -> None:
    x = cf.ones(1 << 18, device="cuda")
    graph = cf.cuda.CUDAGraph()
    with cf.cuda.graph(graph):
        before = cf.cuda.memory_reserved()
        for _ in range(30):
            x = x + 1
        assert cf.cuda.memory_reserved() - before <= 4 << 20
    graph.replay()
    assert x[0].item() == 31.0


@needs_cuda
def test_what_was_there_before_is_given_back_after_the_capture() -> None:
    x, other = cf.ones(1000, device="cuda"), cf.ones(1 << 16, device="cuda")
    graph = cf.cuda.CUDAGraph()
    cf.cuda.synchronize()
    with cf.cuda.graph(graph):
        x = x * 2
        held = cf.cuda.memory_allocated()
        del other
    # And a little that only a capture needs.
    assert 4 << 16 <= held - cf.cuda.memory_allocated() < 5 << 16
    # What the graph reads stays, although the program has no tensor of it any more.
    for _ in range(3):
        graph.replay()
    assert x[:2].tolist() == [2.0, 2.0]


@needs_cuda
def test_results_outlive_their_graph_and_its_memory_goes_with_them() -> None:
    cf.cuda.synchronize()
    warm = cf.cuda.CUDAGraph()
    with cf.cuda.graph(warm):
        cf.ones(1, device="cuda")
    del warm
    gc.collect()
    before = cf.cuda.memory_allocated()
    x = cf.full((1000,), 3.0, device="cuda")
    graph = cf.cuda.CUDAGraph()
    with cf.cuda.graph(graph):
        y = x + 1
    graph.replay()
    del graph, x
    others = [cf.zeros(1000, device="cuda") for _ in range(20)]
    assert y.sum().item() == 4000.0
    assert (y + 1)[0].item() == 5.0
    del y, others
    assert cf.cuda.memory_allocated() == before


@needs_cuda
def test_graphs_share_memory() -> None:
    x = cf.arange(1 << 18, device="cuda").to(cf.float32)
    first, second = cf.cuda.CUDAGraph(), cf.cuda.CUDAGraph()
    with cf.cuda.graph(first):
        y = (x + 1) * 2 + 3
    reserved = cf.cuda.memory_reserved()
    with cf.cuda.graph(second, pool=first.pool()):
        z = y * 3
        assert cf.cuda.memory_reserved() == reserved
    del first
    x.fill_(0.0)
    second.replay()
    first_again = cf.cuda.CUDAGraph()
    with cf.cuda.graph(first_again, pool=second.pool()):
        y.copy_((x + 1) * 2 + 3)
    first_again.replay()
    second.replay()
    assert (y[5].item(), z[5].item()) == (5.0, 15.0)


@needs_cuda
def test_inputs_may_come_from_pinned_memory() -> None:
    source = cf.ones(4).pin_memory()
    graph = cf.cuda.CUDAGraph()
    with cf.cuda.graph(graph):
        y = source.to("cuda", non_blocking=True) * 2
    source.fill_(5.0)
    graph.replay()
    assert y.tolist() == [10.0] * 4
    del source
    gc.collect()
    graph.replay()
    assert y.tolist() == [10.0] * 4


@needs_cuda
def test_an_index_that_is_not_there_is_told_of_each_replay() -> None:
    table, index = cf.ones(5, 2, device="cuda"), cf.zeros(3, dtype=cf.int64, device="cuda")
    graph = cf.cuda.CUDAGraph()
    with cf.cuda.graph(graph):
        rows = cf.nn.functional.embedding(index, table)
    graph.replay()
    cf.cuda.synchronize()
    for wrong in (7, -9):
        index.fill_(wrong)
        graph.replay()
        index.fill_(1)
        graph.replay()
        with pytest.raises(IndexError, match=str(wrong)):
            cf.cuda.synchronize()
        cf.cuda.synchronize()
    assert rows.tolist() == [[1.0, 1.0]] * 3


def forbidden() -> dict[str, tuple[Callable[[Any], Any], str]]:
    loose = cf.ones(3)
    return {
        "item": (lambda x: x.sum().item(), "wait for a device"),
        "cpu": (lambda x: x.cpu(), "wait for a device"),
        "synchronize": (lambda x: cf.cuda.synchronize(), "wait for a device"),
        "copy": (lambda x: x.copy_(loose), "not pinned"),
        "to": (lambda x: loose.to("cuda"), "not pinned"),
        "step": (lambda x: stepped(x), "cannot step"),
        "second": (lambda x: cf.cuda.CUDAGraph().capture_begin(), "captures a graph already"),
        "nonzero": (lambda x: x.nonzero(), "while a graph is captured"),
        "randperm": (lambda x: cf.randperm(4, device="cuda"), "cannot shuffle"),
        "replay": (lambda x: ready().replay(), "cannot be replayed"),
    }


def stepped(x: Any) -> None:
    parameter = x.detach().clone().requires_grad_()
    parameter.sum().backward()
    cf.optim.SGD([parameter], lr=0.1).step()


_READY: list[Any] = []


def ready() -> Any:
    return _READY[0]


@needs_cuda
@pytest.mark.parametrize("name", sorted(forbidden()))
def test_what_a_graph_cannot_do_is_an_error_and_everything_works_on(name: str) -> None:
    act, message = forbidden()[name]
    x = cf.ones(3, device="cuda")
    _READY[:] = [cf.cuda.CUDAGraph()]
    with cf.cuda.graph(ready()):
        x + 1
    graph = cf.cuda.CUDAGraph()
    with pytest.raises((RuntimeError, ValueError), match=message), cf.cuda.graph(graph):
        x * 2
        act(x)
    assert not cf.cuda.is_current_stream_capturing()
    assert (x + 1).tolist() == [2.0] * 3
    with pytest.raises(ValueError, match="empty"):
        graph.replay()
    # A program that goes on after the error is told when the capture ends.
    graph.capture_begin()
    with pytest.raises((RuntimeError, ValueError), match=message):
        act(x)
    if name == "second":
        graph.capture_end()
    else:
        with pytest.raises(RuntimeError, match="the capture has failed"):
            graph.capture_end()
    graph.reset()
    with cf.cuda.graph(graph):
        y = x * 3
    graph.replay()
    assert y.tolist() == [3.0] * 3


@needs_cuda
def test_another_thread_waits_for_the_capture() -> None:
    x = cf.ones(3, device="cuda")
    graph, results = cf.cuda.CUDAGraph(), []
    begun = threading.Event()

    def work() -> None:
        begun.wait()
        results.append((x * 10).tolist())
        results.append(cf.full((2,), 7.0).to("cuda").tolist())

    thread = threading.Thread(target=work)
    thread.start()
    with cf.cuda.graph(graph):
        begun.set()
        thread.join(timeout=0.5)
        assert thread.is_alive()
        assert not results
        y = x + 1
    thread.join()
    assert results == [[10.0] * 3, [7.0] * 2]
    graph.replay()
    assert y.tolist() == [2.0] * 3


@needs_cuda
def test_threads_that_work_and_threads_that_capture() -> None:
    x = cf.ones(64, device="cuda")
    stop, wrong = threading.Event(), []

    def work() -> None:
        value = cf.zeros(64, device="cuda")
        count = 0
        while not stop.is_set():
            value = value + 1
            count += 1
            if count % 10 == 0 and value.sum().item() != 64 * count:
                wrong.append(count)

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for number in range(4):
        graph = cf.cuda.CUDAGraph()
        with cf.cuda.graph(graph):
            y = x * number
        graph.replay()
        assert y.sum().item() == 64 * number
    stop.set()
    for thread in threads:
        thread.join()
    assert not wrong


@needs_cuda
def test_gradients_accumulate_in_a_graph_where_they_were_there_before() -> None:
    w = cf.ones(3, device="cuda").requires_grad_()
    x = cf.ones(3, device="cuda")
    (w * x).sum().backward()
    graph = cf.cuda.CUDAGraph()
    with cf.cuda.graph(graph):
        (w * x).sum().backward()
    assert w.grad.tolist() == [1.0] * 3
    graph.replay()
    graph.replay()
    assert w.grad.tolist() == [3.0] * 3


def test_a_graph_is_neither_copied_nor_pickled() -> None:
    graph = cf.cuda.CUDAGraph()
    for act in (copy.copy, copy.deepcopy, pickle.dumps):
        with pytest.raises(TypeError, match="CUDA graph"):
            act(graph)


def test_an_empty_graph_cannot_be_used() -> None:
    graph = cf.cuda.CUDAGraph()
    with pytest.raises(ValueError, match="empty"):
        graph.replay()
    with pytest.raises(ValueError, match="not being captured"):
        graph.capture_end()
    graph.reset()
    with pytest.raises(ValueError, match="capture_error_mode"):
        graph.capture_begin(capture_error_mode="strict")
    with pytest.raises(TypeError, match=r"pool is a graph that was captured.*not \(0, 1\)"):
        graph.capture_begin(pool=(0, 1))  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"stream is a .*Stream, not 7"):
        cf.cuda.graph(graph, stream=7)  # type: ignore[arg-type]
    assert not cf.cuda.is_current_stream_capturing()


@needs_cuda
def test_the_stream_of_the_device_may_be_named() -> None:
    graph, x = cf.cuda.CUDAGraph(), cf.ones(2, device="cuda")
    with cf.cuda.graph(graph, stream=cf.cuda.Stream()):
        y = x + 1
    graph.replay()
    assert y.tolist() == [2.0, 2.0]
    if cf.cuda.device_count() > 1:
        with (
            pytest.raises(ValueError, match=r"stream is that of cuda:1.*is cuda:0"),
            cf.cuda.graph(cf.cuda.CUDAGraph(), stream=cf.cuda.Stream(1)),
        ):
            pass
        assert not cf.cuda.is_current_stream_capturing()


@pytest.mark.skipif(cf.cuda.is_available(), reason="there is a CUDA device")
def test_without_cuda_a_capture_says_why() -> None:
    with pytest.raises(cf.errors.DeviceError, match="cuda"):
        cf.cuda.CUDAGraph().capture_begin()


@needs_cuda
def test_a_weight_that_is_cast_in_a_scope_is_cast_at_each_replay() -> None:
    layer, x = cf.nn.Linear(3, 3, bias=False).to("cuda"), cf.ones(2, 3, device="cuda")
    graph = cf.cuda.CUDAGraph()
    with cf.no_grad(), cf.autocast("cuda"):
        layer.weight.fill_(1.0)
    with cf.autocast("cuda"):
        layer(x)  # the weight's cast is kept in the scope
        with cf.cuda.graph(graph):
            y = layer(x)
        # Nor is the graph's cast taken for one that is there.
        assert layer(x).tolist() == [[3.0] * 3] * 2
    with cf.no_grad():
        layer.weight.fill_(2.0)
    graph.replay()
    assert y.tolist() == [[6.0] * 3] * 2


@needs_cuda
def test_draws_are_not_where_a_graph_writes() -> None:
    def computed() -> Any:
        t = cf.ones(3, device="cuda")
        u = t + 1
        del t  # the graph's memory for it is free when the first numbers are drawn
        return cf.nn.functional.dropout(u, 0.5)

    cf.manual_seed(1)
    expected = [computed().tolist() for _ in range(4)]
    graph = cf.cuda.CUDAGraph()
    cf.manual_seed(1)
    with cf.cuda.graph(graph):
        y = computed()
    for numbers in expected:
        graph.replay()
        assert y.tolist() == numbers


@needs_cuda
def test_what_the_host_makes_is_made_anew_by_each_replay() -> None:
    graph = cf.cuda.CUDAGraph()
    with cf.cuda.graph(graph):
        x = cf.arange(4, device="cuda")
        x += 1
    for _ in range(3):
        graph.replay()
        assert x.tolist() == [1, 2, 3, 4]


@needs_cuda
def test_states_of_layers_that_are_gone_are_kept_by_the_graph() -> None:
    cf.manual_seed(2)
    layer = cf.nn.LSTM(3, 5, num_layers=2).to("cuda")
    x, h, c = (
        cf.randn(4, 2, 3).to("cuda"),
        cf.randn(2, 2, 5).to("cuda"),
        cf.randn(2, 2, 5).to("cuda"),
    )
    graph = cf.cuda.CUDAGraph()
    with cf.no_grad():
        expected = layer(x, (h, c))[0].tolist()
        with cf.cuda.graph(graph):
            y, _ = layer(x, (h, c))
    del layer, x, h, c
    gc.collect()
    cf.cuda.empty_cache()
    others = [cf.full((n,), 7.0, device="cuda") for n in range(1, 200)]
    graph.replay()
    assert y.tolist() == expected
    del others


@needs_cuda
def test_casts_of_a_capture_that_failed_are_forgotten() -> None:
    layer, x = cf.nn.Linear(3, 3, bias=False).to("cuda"), cf.ones(2, 3, device="cuda")
    with cf.no_grad():
        layer.weight.fill_(1.0)
    with cf.autocast("cuda"):
        with pytest.raises(RuntimeError), cf.cuda.graph(cf.cuda.CUDAGraph()):
            layer(x)
            x.cpu()
        assert layer(x).tolist() == [[3.0] * 3] * 2


@needs_cuda
def test_a_label_that_is_no_class_stays_told_after_a_replay_without_one() -> None:
    log_probs = cf.zeros(4, 1, 3, device="cuda").log_softmax(-1)
    labels = cf.tensor([[1, 2]], device="cuda")
    graph = cf.cuda.CUDAGraph()
    with cf.cuda.graph(graph):
        cf.nn.functional.ctc_loss(log_probs, labels, [4], [2])
    for last in (7, 2):
        labels[0, 1].fill_(last)
        graph.replay()
    with pytest.raises(IndexError, match="7"):
        cf.cuda.synchronize()


@pytest.mark.skipif(cf.cuda.device_count() < 2, reason="there are no two CUDA devices")
def test_another_device_gives_memory_back_during_a_capture() -> None:
    x, other = cf.ones(3, device="cuda:0"), cf.ones(1 << 16, device="cuda:1")
    graph, held = cf.cuda.CUDAGraph(), cf.cuda.memory_allocated("cuda:1")
    with cf.cuda.graph(graph):
        x + 1
        del other
        assert held - cf.cuda.memory_allocated("cuda:1") == 4 << 16
