"""Between the host and CUDA devices: copies, pinned memory, streams, DLPack, batches on their way.

What needs a device is skipped where there is none; an emulated one serves (`make test-cuda`).
"""

from __future__ import annotations

import ctypes
import gc
import os
import re
import subprocess
import sys
import threading
import warnings
import weakref
from collections import UserDict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from backend import cf

from candle_ffi import _dlpack, _ops

needs_cuda = pytest.mark.skipif(not cf.cuda.is_available(), reason="there is no CUDA device")
needs_two = pytest.mark.skipif(cf.cuda.device_count() < 2, reason="there are no two CUDA devices")


def test_without_streams_there_is_nothing_to_order() -> None:
    with pytest.raises(BufferError, match="no streams on cpu"):
        cf.zeros(2, device="cpu").__dlpack__(stream=1)
    with pytest.raises(AttributeError, match="no array of CUDA"):
        _ = cf.zeros(2, device="cpu").__cuda_array_interface__
    assert not hasattr(cf.zeros(2, device="cpu"), "__cuda_array_interface__")


@pytest.mark.skipif(cf.cuda.is_available(), reason="there is a CUDA device")
def test_without_a_device_nothing_is_pinned_and_the_reason_is_told() -> None:
    x = cf.zeros(3)
    assert not x.is_pinned()
    with pytest.raises(cf.DeviceError, match="cuda"):
        x.pin_memory()
    loader = cf.data.DataLoader([1.0, 2.0], pin_memory=True)
    assert [batch.item() for batch in loader] == [1.0, 2.0]


@pytest.mark.filterwarnings("ignore:os.fork")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded")
def test_a_loader_brings_batches_to_a_device_in_their_containers() -> None:
    items = [{"x": np.float32(k), "name": str(k), "pair": (k, [k])} for k in range(4)]
    for options in ({}, {"num_workers": 1}):
        loader = cf.data.DataLoader(items, batch_size=2, device="cpu", **options)  # type: ignore[arg-type]
        first = next(iter(loader))
        assert first["x"].tolist() == [0.0, 1.0] and first["name"] == ["0", "1"]
        assert first["pair"][0].tolist() == [0, 1] and first["pair"][1][0].tolist() == [0, 1]
    with pytest.raises(cf.DeviceError):
        cf.data.DataLoader(items, device="cuda:99")


@dataclass(frozen=True)
class Pair:
    """A batch of a class of one's own, which knows nothing of devices."""

    x: Any
    parts: list[Any]
    name: str = "pair"


class Own:
    """A batch that moves itself, as PyTorch's documentation shows it."""

    def __init__(self, x: Any) -> None:
        self.x = x

    def pin_memory(self) -> Own:
        self.x = self.x.pin_memory()
        return self

    def to(self, device: Any) -> Own:
        return Own(self.x.to(device))


class Opaque:
    """A batch that nobody can move."""

    def __init__(self, items: list[float]) -> None:
        self.x = cf.tensor(items)


def packed(items: list[int]) -> Any:
    return cf.nn.utils.rnn.pack_sequence(
        [cf.arange(float(k + 1)) for k in items], enforce_sorted=False
    )


def loaded(collate_fn: Any, **options: Any) -> Any:
    loader = cf.data.DataLoader(range(3), batch_size=3, collate_fn=collate_fn, **options)
    return next(iter(loader))


def test_what_cannot_be_moved_is_told() -> None:
    for collate_fn in (Opaque, lambda items: ["a", 1], lambda items: np.array(items)):
        with pytest.warns(UserWarning, match="nothing of a batch is put on cpu"):
            loaded(collate_fn, device="cpu")
    for collate_fn in (packed, cf.tensor, lambda items: Own(cf.tensor(items))):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            loaded(collate_fn, device="cpu")
            loaded(Opaque, pin_memory=True)


class Encoding(UserDict[str, Any]):
    """A mapping whose own way to a device knows the tensors of another library, as some have it."""

    def to(self, device: Any) -> Encoding:
        raise TypeError("only torch.device")


def test_containers_of_ones_own_stay_what_they_are() -> None:
    encoded = loaded(lambda items: Encoding(x=cf.tensor(items)), device="cpu")
    assert type(encoded) is Encoding and encoded["x"].tolist() == [0, 1, 2]
    made = loaded(lambda items: Pair(cf.tensor(items), [packed(items), "a"]), device="cpu")
    assert type(made) is Pair and made.name == "pair" and made.x.tolist() == [0, 1, 2]
    assert type(made.parts[0]) is cf.nn.utils.rnn.PackedSequence and made.parts[1] == "a"


class Failing:
    """A dataset whose second item cannot be had, and that says in which thread it is asked."""

    def __len__(self) -> int:
        return 4

    def __getitem__(self, index: int) -> int:
        if index == 1:
            raise KeyError("the second")
        return index


class Where:
    """A batch that remembers in which thread it was moved."""

    def __init__(self, items: list[int]) -> None:
        self.items = items
        self.thread = ""

    def to(self, device: Any) -> None:
        self.thread = threading.current_thread().name


@pytest.mark.filterwarnings("ignore:os.fork")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded")
def test_what_workers_have_made_is_moved_by_a_thread_in_order_with_its_failures() -> None:
    loader = cf.data.DataLoader(Failing(), collate_fn=Where, device="cpu", num_workers=2)
    for _ in range(2):
        batches, seen = iter(loader), []
        while True:
            try:
                batch = next(batches)
            except StopIteration:
                break
            except KeyError as error:
                assert "the second" in str(error)
                seen.append(None)
            else:
                assert batch.thread == "candle_ffi.data prefetch"
                seen.append(batch.items[0])
        assert seen == [0, None, 2, 3]
    # Without anything made ahead there is nothing for a thread to do.
    here = next(iter(cf.data.DataLoader(Failing(), collate_fn=Where, device="cpu")))
    assert here.thread == threading.current_thread().name


@needs_cuda
class TestOnCuda:
    @pytest.mark.parametrize("pin", [False, True])
    def test_batches_of_every_class_move(self, pin: bool) -> None:
        options = {"pin_memory": True} if pin else {"device": "cuda"}

        def there(x: Any) -> bool:
            return bool(x.is_pinned() if pin else x.is_cuda)

        sequence = loaded(packed, **options)
        assert type(sequence) is cf.nn.utils.rnn.PackedSequence and there(sequence)
        assert sequence.batch_sizes.device.type == "cpu" and there(sequence.sorted_indices)
        padded, lengths = cf.nn.utils.rnn.pad_packed_sequence(sequence, batch_first=True)
        assert padded.tolist() == [[0, 0, 0], [0, 1, 0], [0, 1, 2]] and lengths.tolist() == [
            1,
            2,
            3,
        ]
        assert there(loaded(lambda items: Own(cf.tensor(items)), **options).x)
        pair = loaded(lambda items: Pair(cf.tensor(items), [packed(items)]), **options)
        assert there(pair.x) and there(pair.parts[0])

    def test_a_trainer_moves_batches_as_its_loader_does(self) -> None:
        rnn = cf.nn.RNN(1, 2).to("cuda")

        class Last(cf.nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.rnn = rnn

            def forward(self, sequences: Any) -> Any:
                assert sequences.is_cuda
                return self.rnn(sequences)[1][0]

        trainer = cf.training.Trainer(
            Last(), cf.optim.SGD(rnn.parameters()), cf.mse_loss, progress=False
        )
        steps = cf.nn.utils.rnn.pack_sequence([cf.ones(2, 1), cf.ones(1, 1)])
        history = trainer.fit([(steps, cf.zeros(2, 2))] * 2, epochs=1)
        assert len(history["loss"]) == 1
        assert trainer.predict([steps, steps]).shape == (4, 2)

    @pytest.mark.parametrize("dtype", cf.dtype.ALL, ids=str)
    def test_every_dtype_goes_there_and_back_bit_by_bit(self, dtype: cf.DType) -> None:
        x = cf.arange(7).to(dtype)
        there = x.to("cuda")
        assert there.is_cuda and there.dtype is dtype and there.shape == (7,)
        back = there.cpu()
        assert back.to(cf.float64).tolist() == x.to(cf.float64).tolist()

    def test_only_what_a_view_shows_is_moved(self) -> None:
        x = cf.arange(24).reshape(4, 6)
        for view in (x[1:3, 2:], x.T, x[:, ::2], x[2], x[2, 3], x[:0]):
            assert view.to("cuda").cpu().tolist() == view.tolist()
        there = x.to("cuda")
        assert there[1:3, 2:].cpu().tolist() == x[1:3, 2:].tolist()
        assert there.T.cpu().tolist() == x.T.tolist()

    def test_gradients_come_back(self) -> None:
        x = cf.tensor([1.0, 2.0], requires_grad=True)
        for non_blocking in (False, True):
            x.grad = None
            (x.to("cuda", non_blocking=non_blocking) * 3).sum().backward()
            assert x.grad is not None and x.grad.device.type == "cpu" and x.grad.tolist() == [3, 3]

    def test_pinned_memory_is_a_copy_that_goes_by_itself(self) -> None:
        x = cf.arange(1000.0).reshape(10, 100)
        pinned = x.T.pin_memory()
        assert pinned.is_pinned() and not x.is_pinned() and pinned.pin_memory() is pinned
        assert pinned.tolist() == x.T.tolist() and pinned.shape == (100, 10)
        there = pinned.to("cuda", non_blocking=True)
        del pinned
        gc.collect()
        assert there.cpu().tolist() == x.T.tolist()
        assert cf.zeros(0).pin_memory().shape == (0,)
        with pytest.raises(cf.DeviceError, match="pin"):
            there.pin_memory()

    def test_pinned_memory_from_the_start(self) -> None:
        like = cf.ones(2, 3)
        for made in (
            cf.tensor([[1.0, 1.0, 1.0]] * 2, pin_memory=True),
            cf.zeros(2, 3, pin_memory=True).fill_(1),
            cf.ones(2, 3, pin_memory=True, dtype=cf.float16),
            cf.empty((2, 3), pin_memory=True).fill_(1),
            cf.full((2, 3), 1, pin_memory=True),
            cf.zeros_like(like, pin_memory=True).fill_(1),
            cf.ones_like(like, pin_memory=True),
            cf.full_like(like, 1, pin_memory=True),
            cf.empty_like(like, pin_memory=True).fill_(1),
        ):
            assert made.is_pinned() and made.tolist() == [[1, 1, 1], [1, 1, 1]]
        for made in (cf.arange(3, pin_memory=True), cf.eye(2, pin_memory=True)):
            assert made.is_pinned() and cf.linspace(0, 1, 2, pin_memory=True).is_pinned()
        weight = cf.tensor([1.0], pin_memory=True, requires_grad=True)
        assert weight.is_pinned() and weight.is_leaf and weight.requires_grad
        with pytest.raises(cf.DeviceError):
            cf.zeros(2, device="cuda", pin_memory=True)

    def test_copies_into_a_tensor_need_not_be_waited_for(self) -> None:
        source = cf.arange(6, pin_memory=True)
        for non_blocking in (False, True):
            there = cf.zeros(2, 6, device="cuda")
            assert there.copy_(source, non_blocking) is there
            assert there.tolist() == [[0, 1, 2, 3, 4, 5]] * 2
            back = cf.zeros(6)
            assert back.copy_(there[1], non_blocking=non_blocking).tolist() == [0, 1, 2, 3, 4, 5]
        assert there.copy_(2, non_blocking=True)[0, 0].item() == 2

    @pytest.mark.parametrize(
        ("before", "after", "sent"),
        [
            ("uint8", "float32", "uint8"),
            ("float32", "float16", "float16"),
            ("pinned float32", "float16", "pinned float32"),
            ("cuda float32", "float16", "float16"),
            ("cuda float16", "float64", "float16"),
        ],
    )
    def test_a_cast_is_made_where_fewer_bytes_are_sent(
        self, before: str, after: str, sent: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        seen = []
        for name in ("to_device", "to_device_non_blocking"):
            send = getattr(_ops, name)

            def watch(x, device, send=send):  # type: ignore[no-untyped-def]
                seen.append(("pinned " if x.is_pinned() else "") + x.dtype.name)
                return send(x, device)

            monkeypatch.setattr(_ops, name, watch)
        where, _, name = before.rpartition(" ")
        x = cf.arange(5).to(getattr(cf, name))
        x = x.pin_memory() if where == "pinned" else x.to(where or "cpu")
        goal = "cpu" if where == "cuda" else "cuda"
        seen.clear()
        moved = x.to(goal, getattr(cf, after), non_blocking=True)
        assert seen == [sent]
        assert moved.device.type == goal and moved.dtype is getattr(cf, after)
        assert moved.tolist() == [0, 1, 2, 3, 4]

    def test_a_module_moves_with_its_gradients(self) -> None:
        layer = cf.nn.Linear(2, 1)
        layer.register_buffer("ids", cf.arange(3000))
        optimizer = cf.optim.SGD(layer.parameters(), lr=0.5)
        layer(cf.ones(1, 2)).sum().backward()
        before = layer.weight.detach().clone()
        layer.to("cuda", cf.float64)
        assert layer.weight.grad is not None and layer.weight.grad.is_cuda
        optimizer.step()
        assert layer.weight.tolist() == (before.double() - 0.5).tolist()
        assert layer.ids.is_cuda and layer.ids.tolist() == list(range(3000))

    def test_exported_memory_is_the_same_memory(self) -> None:
        x = cf.arange(6.0).reshape(2, 3).to("cuda")
        shared = cf.from_dlpack(x)
        assert shared.data_ptr() == x.data_ptr() and shared.device == x.device
        shared[0, 0] = 9.0
        assert x[0, 0].item() == 9.0
        turned = cf.from_dlpack(x.T)
        assert turned.shape == (3, 2) and turned.tolist() == x.T.tolist()
        del x, shared
        gc.collect()
        assert turned.tolist() == [[9.0, 3.0], [1.0, 4.0], [2.0, 5.0]]

    def test_a_copy_is_another_memory(self) -> None:
        x = cf.arange(4.0).to("cuda")
        copied = cf.from_dlpack(x, copy=True)
        copied.zero_()
        assert x.tolist() == [0, 1, 2, 3]
        with pytest.raises(cf.CandleError, match="dense"):
            cf.from_dlpack(x[::2])

    def test_capsules_go_to_the_host_when_asked(self) -> None:
        x = cf.arange(3.0).to("cuda")
        assert x.__dlpack_device__() == (2, 0)
        host = cf.from_dlpack(x.__dlpack__(dl_device=(1, 0)))
        assert host.device.type == "cpu" and host.tolist() == [0, 1, 2]
        with pytest.raises(BufferError, match="without a copy"):
            x.__dlpack__(dl_device=(1, 0), copy=False)
        with pytest.raises(BufferError, match="no stream"):
            x.__dlpack__(stream=0)
        for stream in (None, -1, 1, 2, _dlpack.stream_of(x.device)):
            assert cf.from_dlpack(x.__dlpack__(stream=stream)).tolist() == [0, 1, 2]

    def test_the_array_interface_tells_where_the_elements_are(self) -> None:
        x = cf.arange(6.0).reshape(2, 3).to("cuda")
        told = x.T.__cuda_array_interface__
        assert told["shape"] == (3, 2) and told["strides"] == (4, 12) and told["typestr"] == "<f4"
        assert told["data"] == (x.data_ptr(), False) and told["version"] == 3
        assert told["stream"] == _dlpack.stream_of(x.device) > 2

    @pytest.mark.filterwarnings("ignore:os.fork")
    @pytest.mark.filterwarnings("ignore:This process .* is multi-threaded")
    def test_a_loader_puts_batches_on_the_device(self) -> None:
        data = cf.data.TensorDataset(np.arange(8, dtype=np.float32), np.arange(8))
        for options in ({}, {"prefetch_factor": 0}, {"num_workers": 1}):
            loader = cf.data.DataLoader(data, batch_size=4, device="cuda", **options)  # type: ignore[arg-type]
            batches = list(loader)
            assert all(x.is_cuda and y.is_cuda for x, y in batches)
            assert [x.tolist() for x, _ in batches] == [[0, 1, 2, 3], [4, 5, 6, 7]]
        pinned = next(iter(cf.data.DataLoader(data, batch_size=4, pin_memory=True)))
        assert pinned[0].is_pinned() and pinned[0].tolist() == [0, 1, 2, 3]


@needs_cuda
def test_type_as_goes_to_the_device_of_the_other() -> None:
    x, far = cf.arange(3), cf.zeros(1, dtype=cf.float64, device="cuda")
    found = x.type_as(far)
    assert found.device == far.device and found.dtype == cf.float64
    back = far.type_as(x)
    assert back.device == x.device and back.dtype == cf.int64


@needs_two
def test_between_two_devices() -> None:
    x = cf.arange(12.0).reshape(3, 4).to("cuda:0")
    y = x.T.to("cuda:1")
    assert y.device.index == 1 and y.tolist() == x.T.tolist()
    assert (y * 2).to("cuda:0").tolist() == (x.T * 2).tolist()
    with pytest.raises(cf.CandleError):
        cf.matmul(x, y)
    assert cf.from_dlpack(y).device.index == 1


def calls(folder: Path, code: str) -> list[str]:
    """The calls of the emulated driver that a program makes, each with its arguments."""
    if not hasattr(ctypes.CDLL("libcuda.so.1"), "cuda_emulator_count"):
        pytest.skip("a real driver does not tell its calls")
    script = folder / "program.py"
    script.write_text(code)
    command = [sys.executable, str(script)]
    environment = {**os.environ, "CUDA_EMULATOR_TRACE": "1"}
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, env=environment)
    assert done.returncode == 0, done.stderr
    lines = [line.removeprefix("cuda-emulator: ") for line in done.stderr.splitlines()]
    return [line for line in lines if line.startswith("cu")]


@needs_two
def test_pinned_memory_opens_no_device_but_the_one_that_is_wanted(tmp_path: Path) -> None:
    code = """
import candle_ffi as cf

cf.cuda.set_device(1)
pinned = cf.arange(3.0).pin_memory()
assert pinned.is_pinned() and pinned.to("cuda", non_blocking=True).tolist() == [0, 1, 2]
batches = cf.data.DataLoader(cf.data.TensorDataset(pinned), device="cuda:1", pin_memory=True)
assert [batch[0].device.index for batch in batches] == [1, 1, 1]
"""
    found = calls(tmp_path, code)
    assert sum(call.startswith("cuDevicePrimaryCtxRetain") for call in found) == 1


@needs_cuda
def test_asking_whether_a_graph_is_captured_opens_no_device(tmp_path: Path) -> None:
    code = "import candle_ffi as cf; assert not cf.cuda.is_current_stream_capturing()"
    found = calls(tmp_path, code)
    assert not any(call.startswith("cuDevicePrimaryCtxRetain") for call in found)


@needs_cuda
def test_pinned_memory_is_copied_beside_the_work_that_came_before(tmp_path: Path) -> None:
    code = """
import candle_ffi as cf

x = cf.ones(4, device="cuda") + 1
x + cf.arange(4.0).pin_memory().to("cuda", non_blocking=True)
"""
    found = calls(tmp_path, code)

    def numbers(name: str, argument: str) -> list[str]:
        named = [call for call in found if call.startswith(name + "(")]
        return [match[1] for call in named if (match := re.search(argument + r" (\d+)", call))]

    (copying,) = numbers("cuMemcpyHtoDAsync_v2", "on")
    (working,) = set(numbers("cuLaunchKernel", "on"))
    assert copying != working
    # What is written is allocated in the order of the copying stream, which waits for nothing.
    assert numbers("cuMemAllocAsync", "on").count(copying) == 1
    assert numbers("cuStreamWaitEvent", "on") == [working]
    order = [call.partition("(")[0] for call in found]
    last = len(order) - 1 - order[::-1].index("cuLaunchKernel")
    assert order.index("cuMemcpyHtoDAsync_v2") < order.index("cuStreamWaitEvent") < last


class Array:
    """An array of a library that knows no DLPack, in memory that the driver has given."""

    def __init__(self, numbers: np.ndarray, **changes: Any) -> None:
        self.driver = ctypes.CDLL("libcuda.so.1")
        self.bytes, address = numbers.nbytes, ctypes.c_uint64()
        # The driver's functions work in the context of this thread.
        cf.zeros(1, device="cuda")
        assert (
            self.driver.cuMemAlloc_v2(ctypes.byref(address), ctypes.c_size_t(max(1, self.bytes)))
            == 0
        )
        self.address = address.value
        laid_out = np.ascontiguousarray(numbers.transpose(np.argsort(numbers.strides)[::-1]))
        self.driver.cuMemcpyHtoD_v2(
            address, laid_out.ctypes.data_as(ctypes.c_void_p), ctypes.c_size_t(self.bytes)
        )
        # The elements need not have come when a copy from such memory returns.
        self.driver.cuCtxSynchronize()
        self.interface: dict[str, Any] = {
            "shape": numbers.shape,
            "typestr": numbers.dtype.str,
            "data": (self.address, False),
            "strides": None if numbers.flags.c_contiguous else numbers.strides,
            "version": 3,
            **changes,
        }

    @property
    def __cuda_array_interface__(self) -> dict[str, Any]:
        return self.interface

    def read(self, dtype: str) -> list[Any]:
        found = np.empty(self.bytes // np.dtype(dtype).itemsize, dtype)
        cf.cuda.synchronize()
        assert (
            self.driver.cuMemcpyDtoH_v2(
                found.ctypes.data_as(ctypes.c_void_p),
                ctypes.c_uint64(self.address),
                ctypes.c_size_t(self.bytes),
            )
            == 0
        )
        return list(found)


@needs_cuda
class TestArraysOfCuda:
    @pytest.mark.parametrize(
        "name", ["bool", "uint8", "int16", "int32", "int64", "float16", "float32", "float64"]
    )
    def test_they_are_taken_where_they_are(self, name: str) -> None:
        numbers = (np.arange(12).reshape(3, 4) % (2 if name == "bool" else 12)).astype(name)
        for laid_out in (numbers, numbers.T):
            array = Array(laid_out)
            x = cf.as_tensor(array)
            assert x.data_ptr() == array.address and x.dtype.name == name and x.is_cuda
            assert x.stride() == tuple(step // numbers.itemsize for step in laid_out.strides)
            np.testing.assert_array_equal(x.cpu().numpy(), laid_out)
            x.zero_()
            assert array.read(name) == [0] * 12
            kept = weakref.ref(array)
            del array
            gc.collect()
            assert kept() is not None
            del x
            gc.collect()
            assert kept() is None

    def test_a_tensor_of_them_is_a_copy(self) -> None:
        array = Array(np.arange(6.0, dtype=np.float32))
        x = cf.tensor(array, requires_grad=True)
        assert x.is_cuda and x.data_ptr() != array.address and x.requires_grad
        assert cf.tensor(array, dtype=cf.int64, device="cpu").tolist() == list(range(6))
        y = cf.as_tensor(array, dtype=cf.float64)
        y.zero_()
        assert array.read("float32") == x.tolist() == list(range(6))

    def test_what_is_read_only_is_copied(self) -> None:
        array = Array(np.arange(3.0))
        array.interface["data"] = (array.address, True)
        x = cf.as_tensor(array)
        assert x.data_ptr() != array.address and x.tolist() == [0, 1, 2]

    def test_scalars_and_arrays_of_nothing(self) -> None:
        assert cf.as_tensor(Array(np.array(2.5))).item() == 2.5
        x = cf.as_tensor(Array(np.zeros((0, 3), np.int32), data=(0, False)))
        assert x.is_cuda and x.shape == (0, 3) and x.dtype == cf.int32

    @pytest.mark.parametrize("stream", [None, 1, 2])
    def test_streams_are_waited_for(self, stream: int | None) -> None:
        assert cf.as_tensor(Array(np.arange(3), stream=stream)).tolist() == [0, 1, 2]
        own = _dlpack.stream_of(cf.zeros(1, device="cuda").device)
        assert cf.as_tensor(Array(np.arange(3), stream=own)).tolist() == [0, 1, 2]

    @pytest.mark.parametrize(
        ("changes", "error", "word"),
        [
            ({"mask": object()}, cf.InvalidArgumentError, "mask"),
            ({"stream": 0}, cf.InvalidArgumentError, "stream 0"),
            ({"typestr": "<c8"}, cf.DTypeError, "complex64"),
            ({"typestr": ">f8"}, cf.InvalidArgumentError, "byte order"),
            ({"strides": (12,)}, cf.InvalidArgumentError, "multiples of 8"),
            ({"strides": (16,)}, cf.InvalidArgumentError, "dense"),
            ({"data": (1 << 20, False)}, cf.DeviceError, "no CUDA device has memory"),
        ],
    )
    def test_what_is_refused(
        self, changes: dict[str, Any], error: type[Exception], word: str
    ) -> None:
        array = Array(np.arange(4.0), **changes)
        with pytest.raises(error, match=word):
            cf.as_tensor(array)
        # It has let go of the array.
        kept = weakref.ref(array)
        del array
        gc.collect()
        assert kept() is None


@needs_two
def test_an_array_is_found_on_its_device() -> None:
    x = cf.arange(5.0, device="cuda:1")
    array = Array(np.arange(2.0))
    array.interface = x.__cuda_array_interface__
    found = cf.as_tensor(array)
    assert found.device.index == 1 and found.data_ptr() == x.data_ptr()
