"""`candle_ffi.cuda`: what there is, with a device and without one."""

from __future__ import annotations

import os
import subprocess
import sys
import threading

import backend
import pytest

if backend.IS_TORCH:
    pytest.skip("PyTorch says other things", allow_module_level=True)

import candle_ffi as cf
from candle_ffi import nn

COUNT = cf.cuda.device_count()

needs_a_device = pytest.mark.skipif(COUNT == 0, reason="there is no CUDA device")
without_a_device = pytest.mark.skipif(COUNT > 0, reason="there is a CUDA device")

MIB = 2**20


def in_a_process(code: str, **variables: str) -> str:
    """Run a program in an environment with some variables, and return what it prints."""
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@without_a_device
class TestWithoutOne:
    def test_nothing_is_counted_and_nothing_is_used(self) -> None:
        assert (cf.cuda.device_count(), cf.cuda.is_available()) == (0, False)
        assert not cf.cuda.is_bf16_supported()
        assert cf.cuda.memory_allocated() == cf.cuda.max_memory_allocated() == 0
        assert cf.cuda.memory_reserved() == cf.cuda.max_memory_reserved() == 0
        assert cf.cuda.memory_stats() == {} and not cf.cuda.is_initialized()
        cf.cuda.empty_cache()

    @pytest.mark.parametrize(
        "call",
        [
            cf.cuda.current_device,
            cf.cuda.get_device_name,
            cf.cuda.get_device_properties,
            cf.cuda.get_device_capability,
            cf.cuda.mem_get_info,
            cf.cuda.reset_peak_memory_stats,
            cf.cuda.synchronize,
            cf.cuda.memory_summary,
            cf.cuda.Stream,
            cf.cuda.current_stream,
            lambda: cf.cuda.set_device(0),
            lambda: cf.cuda.device(0).__enter__(),
            lambda: cf.zeros(2).cuda(),
            lambda: cf.zeros(2).to(0),
            lambda: cf.device(1),
            lambda: nn.Linear(2, 2).cuda(),
        ],
    )
    def test_all_else_says_why(self, call) -> None:  # type: ignore[no-untyped-def]
        with pytest.raises(cf.DeviceError, match=r"there is no device cuda(:\d)?: "):
            call()


class TestArguments:
    def test_the_error_of_memory_is_there_under_its_name(self) -> None:
        assert cf.cuda.OutOfMemoryError is cf.OutOfMemoryError
        assert issubclass(cf.cuda.OutOfMemoryError, MemoryError)

    def test_another_kind_of_device_is_refused(self) -> None:
        for call in (cf.cuda.synchronize, cf.cuda.set_device, cf.cuda.get_device_name):
            with pytest.raises(ValueError, match="a CUDA device is needed"):
                call("cpu")
        with pytest.raises(TypeError, match="a name such as"):
            cf.cuda.synchronize(1.5)  # type: ignore[arg-type]

    def test_none_and_negative_numbers_change_nothing(self) -> None:
        cf.cuda.set_device(-1)
        with cf.cuda.device(None), cf.cuda.device(-1):
            pass

    def test_tensors_on_the_cpu_say_so(self) -> None:
        assert not cf.zeros(1).is_cuda and cf.zeros(1).get_device() == -1


@needs_a_device
class TestDevices:
    def test_properties(self) -> None:
        for index in range(COUNT):
            found = cf.cuda.get_device_properties(index)
            assert found.name == cf.cuda.get_device_name(cf.device(f"cuda:{index}")) != ""
            assert (found.major, found.minor) == cf.cuda.get_device_capability(f"cuda:{index}")
            assert found.major >= 5 and found.multi_processor_count > 0 and found.warp_size == 32
            assert found.uuid.startswith("GPU-") and len(found.uuid) == 40
            assert found.total_memory >= cf.cuda.mem_get_info(index)[1] > 0
        assert cf.cuda.is_bf16_supported() == (cf.cuda.get_device_capability() >= (8, 0))

    def test_an_index_that_is_not_there_names_those_that_are(self) -> None:
        there = "the only one" if COUNT == 1 else f"there are {COUNT}"
        for call in (cf.device, cf.cuda.synchronize, cf.cuda.get_device_properties):
            with pytest.raises(cf.DeviceError, match=f"no device cuda:{COUNT}; {there}"):
                call(COUNT)

    def test_to_count_opens_nothing(self) -> None:
        code = "import candle_ffi as cf; print(cf.cuda.device_count(), cf.cuda.get_device_name())"
        assert in_a_process(code).startswith(str(COUNT))

    def test_none_is_visible(self) -> None:
        code = (
            "import candle_ffi as cf\n"
            "print(cf.cuda.device_count())\n"
            "try: cf.zeros(1, device='cuda')\n"
            "except cf.DeviceError as error: print(error)\n"
        )
        printed = in_a_process(code, CUDA_VISIBLE_DEVICES="", CANDLE_FFI_BACKEND="")
        assert printed.startswith("0\n") and "device" in printed

    def test_to_be_started_is_told_without_starting(self) -> None:
        code = (
            "import candle_ffi as cf\n"
            "print(cf.cuda.is_initialized(), cf.cuda.is_initialized())\n"
            "cf.cuda.device_count()\n"
            "print(cf.cuda.is_initialized())\n"
        )
        # Asked for by name, CUDA is started at once.
        assert in_a_process(code, CANDLE_FFI_BACKEND="").split() == ["False", "False", "True"]

    def test_a_device_has_one_stream(self) -> None:
        last = cf.cuda.Stream(COUNT - 1)
        assert (
            last == cf.cuda.current_stream(f"cuda:{COUNT - 1}") == cf.cuda.default_stream(COUNT - 1)
        )
        assert (
            len({last, cf.cuda.current_stream(COUNT - 1)}) == 1 and last.device.index == COUNT - 1
        )
        assert (
            last.cuda_stream == cf.zeros(1, device=last.device).__cuda_array_interface__["stream"]
        )
        with cf.cuda.stream(last):
            assert cf.cuda.current_device() == COUNT - 1
            x = cf.ones(1000, device="cuda") * 2
        assert cf.cuda.current_device() == 0
        cf.cuda.current_stream().wait_stream(last)
        last.synchronize()
        assert x.sum().item() == 2000
        with cf.cuda.stream(None):
            assert cf.cuda.current_device() == 0
        with pytest.raises(ValueError, match="a CUDA device is needed"):
            cf.cuda.Stream("cpu")
        with pytest.raises(TypeError):
            cf.cuda.Stream(0, priority=-1)  # type: ignore[call-arg]

    def test_the_current_device_is_the_threads(self) -> None:
        last = COUNT - 1
        with cf.cuda.device(last):
            assert cf.cuda.current_device() == last
            assert cf.zeros(2, device="cuda").get_device() == last
            elsewhere: list[int] = []
            thread = threading.Thread(target=lambda: elsewhere.append(cf.cuda.current_device()))
            thread.start()
            thread.join()
            assert elsewhere == [0]
        assert cf.cuda.current_device() == 0

    def test_tensors_and_modules_move(self) -> None:
        x = cf.arange(6).cuda()
        assert x.is_cuda and x.get_device() == 0 and str(x.device) == "cuda:0"
        assert x.to(0) is x and x.cpu().tolist() == [0, 1, 2, 3, 4, 5]
        layer = nn.Linear(3, 2).cuda()
        assert all(parameter.is_cuda for parameter in layer.parameters())
        assert all(not parameter.is_cuda for parameter in layer.cpu().parameters())


@needs_a_device
class TestMemory:
    def test_it_is_counted(self) -> None:
        cf.cuda.synchronize()
        before = cf.cuda.memory_allocated()
        cf.cuda.reset_peak_memory_stats()
        x = cf.zeros(4, 256, 1024, device="cuda")
        assert cf.cuda.memory_allocated() >= before + 4 * MIB
        del x
        cf.cuda.synchronize()
        assert cf.cuda.memory_allocated() == before
        assert cf.cuda.max_memory_allocated() >= before + 4 * MIB
        assert cf.cuda.memory_reserved() >= 4 * MIB  # kept for the next one
        assert cf.cuda.max_memory_reserved() >= cf.cuda.memory_reserved()
        kept = cf.cuda.memory_reserved()
        cf.cuda.empty_cache()
        assert cf.cuda.memory_reserved() <= kept
        cf.cuda.reset_peak_memory_stats()
        assert cf.cuda.max_memory_allocated() == cf.cuda.memory_allocated()
        stats = cf.cuda.memory_stats()
        assert stats["allocated_bytes.all.current"] == cf.cuda.memory_allocated()
        assert stats["reserved_bytes.all.peak"] == cf.cuda.max_memory_reserved()
        assert f"{cf.cuda.mem_get_info()[1] / MIB:.1f} MiB" in cf.cuda.memory_summary()
        assert "all of it" not in cf.cuda.memory_summary(abbreviated=True)

    @pytest.mark.skipif(COUNT < 2, reason="there are no two CUDA devices")
    def test_every_device_that_is_in_use_gives_back_what_it_keeps(self) -> None:
        for index in range(2):
            cf.zeros(4, 256, 1024, device=f"cuda:{index}")
            cf.cuda.synchronize(index)
        before = [cf.cuda.memory_reserved(index) for index in range(2)]
        cf.cuda.empty_cache()
        after = [cf.cuda.memory_reserved(index) for index in range(2)]
        assert all(now <= then - 4 * MIB for now, then in zip(after, before, strict=True))
        code = (
            "import candle_ffi as cf\nx = cf.ones(2, device='cuda:0')\ncf.cuda.empty_cache()\n"
            "from candle_ffi.device import cuda_in_use\nprint(cuda_in_use())"
        )
        assert in_a_process(code) == "[0]"

    def test_what_there_is_no_room_for_is_told_and_the_process_goes_on(self) -> None:
        total = cf.cuda.mem_get_info()[1]
        rows = 2 * total // (4 * 1024)
        row = cf.ones(1, 1024, device="cuda")
        for call in (
            lambda: row.expand(rows, 1024).exp(),
            lambda: row.expand(rows, 1024).contiguous(),
            lambda: cf.zeros(rows, 1024, device="cuda"),
        ):
            with pytest.raises(cf.cuda.OutOfMemoryError) as caught:
                call()
            message = str(caught.value)
            assert str(rows * 1024 * 4) in message and "float32" in message, message
            assert f"of the {total} bytes of cuda:0 are free" in message, message
            assert caught.value.devices == ("cuda:0",)
        assert row.exp().sum().item() == pytest.approx(1024 * 2.718281828, rel=1e-5)

    def test_a_device_is_asked_for_its_own_memory_and_not_the_host(self) -> None:
        """What neither has room for is refused by the device, in its words."""
        host = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
        total = cf.cuda.mem_get_info()[1]
        rows = 2 * max(host, total) // (4 * 1024)
        row = cf.ones(1, 1024, device="cuda")
        wide = row.expand(rows, 1024)
        for call in (
            lambda: cf.softmax(wide, -1),
            lambda: wide.cumsum(0),
            lambda: cf.argsort(wide),
            lambda: row.repeat(rows, 2),
            lambda: cf.rand(rows, 1024, device="cuda"),
            lambda: cf.randint(0, 9, (rows, 1024), device="cuda"),
            lambda: nn.functional.gumbel_softmax(wide),
            lambda: nn.functional.rrelu(wide, training=True),
            lambda: cf.masked_select(wide, row > 0),
            lambda: nn.Linear(1024, rows, device="cuda"),
        ):
            with pytest.raises(cf.cuda.OutOfMemoryError, match="bytes of cuda:0 are free"):
                call()
        with pytest.raises(cf.OutOfMemoryError) as caught:
            cf.softmax(cf.ones(1, 1024, device="cpu").expand(rows, 1024), -1)
        assert "cuda" not in str(caught.value)
