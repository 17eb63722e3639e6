"""What a training step does to a CUDA device, counted: launches, copies, waits.

The emulated driver counts (`make test-cuda`); elsewhere these tests are skipped.
"""

from __future__ import annotations

import ctypes
import functools
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from backend import cf
from counting import Counts


def mlp() -> tuple[Any, Any, Any]:
    layers = [cf.nn.Linear(8, 16), cf.nn.ReLU(), cf.nn.Dropout(0.1), cf.nn.Linear(16, 4)]
    return cf.nn.Sequential(*layers), cf.randn(6, 8), cf.arange(6) % 4


def cnn() -> tuple[Any, Any, Any]:
    layers = [
        cf.nn.Conv2d(1, 4, 3, padding=1),
        cf.nn.BatchNorm2d(4),
        cf.nn.ReLU(),
        cf.nn.MaxPool2d(2),
        cf.nn.Flatten(),
        cf.nn.Linear(4 * 4 * 4, 4),
    ]
    return cf.nn.Sequential(*layers), cf.randn(3, 1, 8, 8), cf.arange(3) % 4


def transformer() -> tuple[Any, Any, Any]:
    block = cf.nn.TransformerEncoderLayer(16, 2, 32, dropout=0.0, batch_first=True)
    return (
        cf.nn.Sequential(block, cf.nn.Flatten(), cf.nn.Linear(5 * 16, 4)),
        cf.randn(2, 5, 16),
        cf.arange(2) % 4,
    )


@pytest.mark.parametrize("model", [mlp, cnn, transformer])
@pytest.mark.parametrize("optimizer", [cf.optim.SGD, cf.optim.AdamW])
def test_a_training_step_neither_waits_nor_copies(
    counts: Counts, model: Callable[[], Any], optimizer: Any
) -> None:
    net, x, target = model()
    net, x, target = net.to("cuda"), x.to("cuda"), target.to("cuda")
    steps = optimizer(net.parameters(), lr=0.01)
    loss_of = cf.nn.CrossEntropyLoss()

    def step() -> Any:
        steps.zero_grad()
        loss = loss_of(net(x), target)
        loss.backward()
        steps.step()
        return loss

    step()  # modules are loaded, states made
    counts.reset()
    loss = step()
    seen = {what: counts[what] for what in ("synchronize", "device_to_host", "host_to_device")}
    assert seen == {"synchronize": 0, "device_to_host": 0, "host_to_device": 0}
    assert counts["launch"] > 0
    assert loss.item() > 0
    assert counts["device_to_host"] == 1


@pytest.mark.parametrize(
    ("optimizer", "options"),
    [
        (cf.optim.SGD, {"momentum": 0.9}),
        (cf.optim.Adam, {}),
        (cf.optim.AdamW, {}),
        (cf.optim.RMSprop, {}),
        (cf.optim.Adagrad, {}),
    ],
)
def test_an_optimizer_is_one_launch_for_all_parameters_of_a_dtype(
    counts: Counts, optimizer: Any, options: dict[str, Any]
) -> None:
    parameters = [cf.randn(3, k + 1).to("cuda").requires_grad_() for k in range(20)]
    steps = optimizer(parameters, lr=0.01, **options)
    for parameter in parameters:
        parameter.grad = cf.ones_like(parameter).detach()
    steps.step()
    counts.reset()
    steps.step()
    assert counts["launch"] == 1
    assert counts["synchronize"] == counts["host_to_device"] == counts["device_to_host"] == 0


def test_clipping_does_not_wait(counts: Counts) -> None:
    parameters = [cf.randn(5).to("cuda").requires_grad_() for _ in range(8)]
    for parameter in parameters:
        parameter.grad = cf.ones(5).to("cuda") * 10
    counts.reset()
    norm = cf.nn.utils.clip_grad_norm_(parameters, 1.0)
    assert counts["synchronize"] == counts["device_to_host"] == 0
    assert norm.item() == pytest.approx((8 * 5 * 100) ** 0.5)


def test_a_class_that_is_not_there_is_told_when_the_device_is_waited_for(counts: Counts) -> None:
    logits = cf.randn(3, 4).to("cuda").requires_grad_()
    wrong, right = (cf.tensor(classes).to("cuda") for classes in ([0, 9, 1], [0, 3, 1]))
    loss = cf.nn.functional.cross_entropy(logits, wrong)
    loss.backward()
    with pytest.raises(IndexError, match="9"):
        loss.item()
    # The process goes on, and nothing is told twice.
    cf.cuda.synchronize()
    assert cf.nn.functional.cross_entropy(logits, right).item() > 0


def test_an_index_that_is_not_there_is_told_once_of_thousands(counts: Counts) -> None:
    x = cf.arange(5.0).to("cuda")
    wrong, right = (cf.tensor(index).to("cuda") for index in ([0, -7], [4, 0]))
    counts.reset()
    cf.index_select(x, 0, wrong)
    # Neither waits while there is room for what is found.
    assert counts["synchronize"] == counts["device_to_host"] == 0
    # More checks than are kept: the first one that was wrong stays known.
    for _ in range(5000):
        found = cf.index_select(x, 0, right)
    with pytest.raises(IndexError, match="-7"):
        cf.cuda.synchronize()
    assert found.tolist() == [4.0, 0.0]


def test_pinned_memory_goes_to_the_device_without_a_wait_or_a_new_block(counts: Counts) -> None:
    x = cf.arange(5000.0).reshape(50, 100)
    for turn in range(2):
        for _ in range(10):
            there = x.pin_memory().to("cuda", non_blocking=True)
        if turn == 0:  # as many blocks as may be on their way
            cf.cuda.synchronize()
            counts.reset()
    assert [counts[what] for what in ("synchronize", "host_allocate", "pageable_upload")] == [0] * 3
    assert counts["host_to_device"] == 10
    assert there.tolist() == x.tolist()


@pytest.mark.parametrize("options", [{}, {"prefetch_factor": 0}])
def test_a_loader_brings_batches_to_the_device_without_waiting(
    counts: Counts, options: dict[str, Any]
) -> None:
    x, y = cf.arange(64.0).reshape(16, 4), cf.arange(16)
    loader = cf.data.DataLoader(cf.data.TensorDataset(x, y), batch_size=4, device="cuda", **options)
    list(loader)  # as many blocks as there are batches on their way
    counts.reset()
    batches = list(loader)
    assert [counts[what] for what in ("synchronize", "host_allocate", "pageable_upload")] == [0] * 3
    assert counts["host_to_device"] == 2 * len(batches) == 8
    assert [label for _, labels in batches for label in labels.tolist()] == list(range(16))


def test_pinned_memory_is_not_used_again_while_it_may_be_read(counts: Counts) -> None:
    x = cf.arange(3000.0)
    cf.cuda.empty_cache()
    pinned = x.pin_memory()
    there, address = pinned.to("cuda", non_blocking=True), pinned.data_ptr()
    counts.driver.cuda_emulator_fall_behind()
    del pinned
    # The device has not read the first block.
    other = cf.zeros(3000).pin_memory()
    assert other.data_ptr() != address
    del other
    counts.driver.cuda_emulator_catch_up()
    assert there.tolist() == x.tolist()
    # Now it has, and there are two blocks.
    counts.reset()
    both = [cf.zeros(3000).pin_memory() for _ in range(2)]
    assert address in [block.data_ptr() for block in both]
    assert counts["host_allocate"] == 0
    del both
    cf.cuda.empty_cache()
    counts.reset()
    x.pin_memory()
    assert counts["host_allocate"] == 1


def test_pinned_memory_that_a_graph_reads_is_not_used_again_while_there_is_the_graph(
    counts: Counts,
) -> None:
    x = cf.arange(700.0)
    cf.cuda.empty_cache()
    pinned, there = x.pin_memory(), cf.zeros(700, device="cuda")
    there.copy_(pinned.to("cuda", non_blocking=True))
    address, graph = pinned.data_ptr(), cf.cuda.CUDAGraph()
    with cf.cuda.graph(graph):
        there.copy_(pinned.to("cuda", non_blocking=True))
        del pinned
        during = x.pin_memory()
    # Neither is the capture spoilt by what was done beside it.
    assert during.data_ptr() != address
    there.zero_()
    graph.replay()
    assert there.tolist() == x.tolist()
    del graph
    assert x.pin_memory().data_ptr() == address


def test_memory_of_others_is_let_go_when_the_device_has_done_with_it(counts: Counts) -> None:
    x = cf.arange(1000.0).to("cuda")
    before = cf.cuda.memory_allocated()
    shared = cf.from_dlpack(x)
    del x
    counts.reset()
    counts.driver.cuda_emulator_fall_behind()
    del shared
    # Nobody has waited, and the owner keeps it.
    assert counts["synchronize"] == 0
    assert cf.cuda.memory_allocated() == before
    counts.driver.cuda_emulator_catch_up()
    cf.cuda.synchronize()
    assert cf.cuda.memory_allocated() == before - 4096  # 4000 bytes in pieces of 512
    # Where the device keeps up it is let go at once.
    x = cf.arange(1000.0).to("cuda")
    shared = cf.from_dlpack(x)
    del x, shared
    assert cf.cuda.memory_allocated() == before - 4096


def test_an_epoch_with_interpolation_copies_from_pinned_memory_alone(counts: Counts) -> None:
    net = cf.nn.Conv2d(1, 2, 3, padding=1).to("cuda")
    steps = cf.optim.SGD(net.parameters(), lr=0.1)
    x = cf.randn(2, 1, 6, 6).to("cuda")

    def step() -> Any:
        steps.zero_grad()
        larger = cf.nn.functional.interpolate(x, size=(9, 11), mode="bilinear")
        loss = cf.nn.functional.interpolate(net(larger), scale_factor=0.5).square().mean()
        loss.backward()
        steps.step()
        return loss

    counts.reset()
    step()
    # The tables of a resampling are sent once, and wait for nothing then either.
    assert counts["pageable_upload"] == counts["synchronize"] == 0
    counts.reset()
    step()
    assert counts["pageable_upload"] == counts["host_to_device"] == counts["synchronize"] == 0


def test_a_bag_is_sent_from_pinned_memory(counts: Counts) -> None:
    bags = cf.nn.EmbeddingBag(10, 4, mode="max").to("cuda")
    words, offsets = cf.tensor([1, 2, 4, 5]).to("cuda"), cf.tensor([0, 2]).to("cuda")
    expected = cf.stack([bags.weight[[1, 2]].amax(0), bags.weight[[4, 5]].amax(0)])
    counts.reset()
    found = bags(words, offsets)
    # Where the bags end is asked of the device and told to it: this at least from pinned memory.
    assert counts["pageable_upload"] < counts["host_to_device"]
    assert found.tolist() == expected.tolist()


def kernels(counts: Counts, name: str) -> int:
    """How many kernels of a name were started since the reset."""
    buffer = ctypes.create_string_buffer(1 << 16)
    counts.driver.cuda_emulator_last_kernels(buffer, ctypes.c_size_t(len(buffer)))
    return sum(line.startswith(name) for line in buffer.value.decode().split())


def test_a_gradient_that_is_there_twice_is_clipped_twice(counts: Counts) -> None:
    def clipped(device: str, shared: bool) -> list[list[float]]:
        parameters = [cf.zeros(3, device=device).requires_grad_() for _ in range(3)]
        for k, parameter in enumerate(parameters):
            parameter.grad = cf.full((3,), 3.0 + k, device=device)
        if shared:
            parameters[2].grad = parameters[0].grad
        else:
            parameters.append(parameters[0])
        cf.nn.utils.clip_grad_norm_(parameters, 1.0)
        return [parameter.grad.tolist() for parameter in parameters]

    for shared in (False, True):
        counts.reset()
        found = clipped("cuda", shared)
        # One launch after the other: together they would race.
        assert kernels(counts, "clip_scale") == 2 and kernels(counts, "clip_squares") == 1
        for row, wanted in zip(found, clipped("cpu", shared), strict=True):
            assert row == pytest.approx(wanted)


def test_parameters_in_one_memory_are_stepped_one_after_the_other(counts: Counts) -> None:
    def stepped(device: str) -> Any:
        first, second = (cf.full((3,), k, device=device).requires_grad_() for k in (1.0, 2.0))
        twin = first.detach().requires_grad_()
        steps = cf.optim.SGD([first, second, twin], lr=0.5, momentum=0.9)
        for parameter in (first, second, twin):
            parameter.grad = cf.ones(3, device=device)
        steps.step()
        counts.reset()
        steps.step()
        return first.tolist(), second.tolist()

    expected, found = stepped("cpu"), stepped("cuda")
    assert counts["launch"] == 2
    assert found == expected


def test_gradients_are_unscaled_in_one_launch_for_all_of_a_dtype(counts: Counts) -> None:
    parameters = [cf.zeros(2, k + 1, device="cuda").requires_grad_() for k in range(20)]
    parameters.append(cf.zeros(3, device="cuda", dtype=cf.bfloat16).requires_grad_())
    steps = cf.optim.SGD(parameters, lr=1.0)
    scaler = cf.amp.GradScaler("cuda", init_scale=4.0)
    for bad in (False, True):
        for parameter in parameters:
            parameter.grad = cf.full_like(parameter, 8.0).detach()
        if bad:
            parameters[7].grad[1, 3] = float("inf")
        cf.cuda.synchronize()
        counts.reset()
        scaler.unscale_(steps)
        # What is found is set to 0 first.
        assert kernels(counts, "unscale") == 2 and counts["launch"] == 3
        assert counts["allocate"] == 1
        assert counts["synchronize"] == counts["host_to_device"] == counts["device_to_host"] == 0
        assert parameters[0].grad.tolist() == [[2.0], [2.0]]
        assert parameters[-1].grad.tolist() == [2.0] * 3
        scaler.step(steps)
        scaler.update()
        assert scaler.get_scale() == (2.0 if bad else 4.0)
        assert parameters[3][0, 0].item() == -2.0


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_halves_are_added_up_in_float32(counts: Counts, dtype: str) -> None:
    dtype = getattr(cf, dtype)
    index = cf.zeros(4096, dtype=cf.int64, device="cuda")
    source = cf.ones(4096, 3, device="cuda").to(dtype)
    start = cf.full((2, 3), 8.0, device="cuda").to(dtype)
    counts.reset()
    sums = cf.index_add(start, 0, index, source)
    assert kernels(counts, "scatter_sum") == 1
    assert sums.tolist() == [[4104.0 if dtype is cf.float16 else 4096.0] * 3, [8.0] * 3]
    table = cf.zeros(5, 3, device="cuda").to(dtype).requires_grad_()
    cf.nn.functional.embedding(index + 2, table).sum().backward()
    assert table.grad.tolist() == [[4096.0 if row == 2 else 0.0] * 3 for row in range(5)]


def test_bytes_that_meet_are_added_by_many_threads(counts: Counts) -> None:
    x = cf.tensor([7, 200, 3, 0, 255], dtype=cf.uint8)
    index = cf.arange(1000) % 5
    source = ((cf.arange(1000) * 37) % 251 + 1).to(cf.uint8)
    moved = [tensor.to("cuda") for tensor in (x, index, source)]
    counts.reset()
    found = cf.scatter_add(moved[0], 0, moved[1], moved[2])
    assert kernels(counts, "scatter_lines") == 0 and kernels(counts, "scatter_each_i32") == 1
    assert found.tolist() == cf.scatter_add(x, 0, index, source).tolist()


def nothing_waits(counts: Counts, run: Callable[[], Any], uploads: int = 0) -> Any:
    """Run once to load what is needed, then assert that the host does not wait for the device."""
    run()
    counts.reset()
    found = run()
    seen = {what: counts[what] for what in ("synchronize", "device_to_host", "host_to_device")}
    assert seen == {"synchronize": 0, "device_to_host": 0, "host_to_device": uploads}
    return found


def test_what_the_host_makes_for_a_device_is_not_waited_for(counts: Counts) -> None:
    generator = cf.Generator()

    def permutation(device: str) -> Any:
        return cf.randperm(1000, generator=generator.manual_seed(3), device=device)

    found = nothing_waits(counts, lambda: permutation("cuda"), uploads=1)
    assert found.tolist() == permutation("cpu").tolist()
    # Memory that a copy has read is used again, and holds other numbers then.
    several = nothing_waits(counts, lambda: [cf.arange(n, device="cuda") for n in range(1, 40)], 39)
    assert [x.tolist() for x in several] == [list(range(n)) for n in range(1, 40)]
    x = cf.arange(12.0, device="cuda").reshape(3, 4)
    flipped = nothing_waits(counts, lambda: cf.flip(x, [0]), uploads=1)
    assert flipped.tolist() == x.cpu().flip([0]).tolist()


def test_more_than_is_kept_for_copies_is_waited_for(counts: Counts) -> None:
    counts.reset()
    large = cf.arange(40 * 2**20, dtype=cf.int64, device="cuda")
    assert counts["synchronize"] > 0
    assert large[-1].item() == 40 * 2**20 - 1


def test_ctc_neither_waits_nor_reads(counts: Counts) -> None:
    logits = cf.randn(12, 3, 5).to("cuda").requires_grad_()
    targets = cf.tensor([[1, 2, 2, 4], [3, 0, 0, 0], [1, 4, 1, 0]]).to("cuda")

    def step() -> Any:
        logits.grad = None
        scores = cf.nn.functional.log_softmax(logits, -1)
        loss = cf.nn.functional.ctc_loss(scores, targets, [12, 9, 12], [4, 1, 3])
        loss.backward()
        return loss

    # Where the targets lie, and how long they are.
    loss = nothing_waits(counts, step, uploads=2)
    gradient = logits.grad
    logits = cf.nn.Parameter(logits.detach().cpu())
    targets = targets.cpu()
    assert loss.item() == pytest.approx(step().item(), rel=1e-5)
    assert (gradient.cpu() - logits.grad).abs().max().item() < 1e-6


def test_a_label_that_is_no_class_is_told_when_the_device_is_waited_for(counts: Counts) -> None:
    scores = cf.zeros(4, 2, 3, device="cuda").log_softmax(-1)
    unread = cf.tensor([[1, 77], [2, 1]]).to("cuda")
    assert cf.nn.functional.ctc_loss(scores, unread, [4, 4], [1, 2]).item() > 0
    loss = cf.nn.functional.ctc_loss(scores, unread, [4, 4], [2, 2])
    with pytest.raises(IndexError, match="77"):
        loss.item()


def test_a_scan_of_bools_stays_on_the_device(counts: Counts) -> None:
    flags = cf.tensor([[True, False, True], [False, False, True]]).to("cuda")
    for scan in (cf.cumsum, cf.cumprod):
        found = nothing_waits(counts, functools.partial(scan, flags, 1, dtype=cf.bool))
        assert found.dtype == cf.bool
        assert found.tolist() == scan(flags.cpu(), 1, dtype=cf.bool).tolist()


def test_in_a_scope_a_weight_is_cast_once(counts: Counts) -> None:
    layer, x = cf.nn.Linear(8, 8).to("cuda"), cf.randn(4, 8).to("cuda")

    def launches(uses: int, **options: Any) -> int:
        def step() -> None:
            layer.zero_grad()
            with cf.autocast("cuda", dtype=cf.bfloat16, **options):
                y = x
                for _ in range(uses):
                    y = layer(y)
                loss = y.float().sum()
            loss.backward()

        nothing_waits(counts, step)
        return counts["launch"]

    # Each further use casts weight and bias again, or not; and their gradients back.
    kept, anew = (
        launches(5, cache_enabled=cache) - launches(4, cache_enabled=cache)
        for cache in (True, False)
    )
    assert kept <= anew - 2


def test_what_is_kept_in_a_scope_ends_with_it(counts: Counts) -> None:
    layer, x = cf.nn.Linear(256, 256, bias=False).to("cuda"), cf.ones(1, 256, device="cuda")
    half = 256 * 256 * 2
    start = cf.cuda.memory_allocated()
    with cf.autocast("cuda"):
        with cf.autocast("cuda", dtype=cf.float16):
            layer(x)
        assert cf.cuda.memory_allocated() - start >= half
        cf.clear_autocast_cache()
        assert cf.cuda.memory_allocated() - start < half
        layer(x)
        assert cf.cuda.memory_allocated() - start >= half
    assert cf.cuda.memory_allocated() - start < half


def test_a_scaled_step_in_a_scope_waits_once(counts: Counts) -> None:
    net, x, target = (made.to("cuda") for made in mlp())
    steps = cf.optim.SGD(net.parameters(), lr=0.01)
    scaler = cf.amp.GradScaler("cuda", init_scale=128.0)

    def step() -> None:
        steps.zero_grad()
        with cf.autocast("cuda", dtype=cf.float16):
            loss = cf.nn.functional.cross_entropy(net(x), target)
        scaler.scale(loss).backward()
        scaler.step(steps)
        scaler.update()

    step()
    counts.reset()
    step()
    # Whether all gradients are finite decides what the host does next: it reads one number.
    in_step = counts["synchronize"]
    assert (counts["device_to_host"], counts["host_to_device"]) == (1, 0)
    counts.reset()
    x[0, 0].item()
    assert in_step == counts["synchronize"]


@pytest.fixture
def default_on_device(counts: Counts) -> Iterator[Counts]:
    cf.set_default_device("cuda")
    yield counts
    cf.set_default_device(None)


def test_numbers_for_the_host_are_not_drawn_on_a_default_device(default_on_device: Counts) -> None:
    counts, data = default_on_device, cf.data
    generator = cf.Generator()
    numbers = list(range(10))
    dataset = data.TensorDataset(np.arange(10.0, dtype=np.float32))
    weighted = data.WeightedRandomSampler
    images = cf.zeros(4, 3, 8, 8, device="cpu")
    image = cf.transforms.Compose(
        [cf.transforms.RandomCrop(6), cf.transforms.RandomHorizontalFlip()]
    )
    weight = cf.zeros(4, 4, device="cpu")

    def draw() -> Any:
        generator.manual_seed(4)
        cf.manual_seed(4)
        return (
            list(data.RandomSampler(numbers, generator=generator)),
            list(data.RandomSampler(numbers, True, 20, generator)),
            list(data.SubsetRandomSampler(numbers, generator)),
            [list(weighted([1.0, 2.0], 2, way, generator)) for way in (False, True)],
            [part.indices for part in data.random_split(numbers, [4, 6], generator)],
            [batch[0].tolist() for batch in data.DataLoader(dataset, 4, shuffle=True)],
            image(images).shape,
            cf.transforms.RandomErasing(1.0, value="random")(images).tolist(),
            cf.nn.init.orthogonal_(weight, generator=generator).tolist(),
        )

    def seen(run: Callable[[], Any]) -> tuple[Any, dict[str, int]]:
        counts.reset()
        found = run()
        what = ("synchronize", "device_to_host", "host_to_device", "launch")
        return found, {name: counts[name] for name in what}

    found, there = seen(draw)
    cf.set_default_device("cpu")
    expected, here = seen(draw)
    assert there == here and not any(there.values())
    assert found == expected


class Augmented:
    """Images that are changed at random in a worker."""

    def __len__(self) -> int:
        return 4

    def __getitem__(self, index: int) -> Any:
        return cf.transforms.RandomCrop(4)(cf.zeros(1, 6, 6, device="cpu"))


@pytest.mark.filterwarnings("ignore:os.fork")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded")
def test_a_forked_worker_does_not_use_a_default_device(default_on_device: Counts) -> None:
    loader = cf.data.DataLoader(
        Augmented(), 2, shuffle=True, num_workers=1, multiprocessing_context="fork"
    )
    assert [batch.shape for batch in loader] == [(2, 1, 4, 4)] * 2
