"""Random numbers: the same for any number of threads, in any process, and rightly distributed."""

from __future__ import annotations

import gc
import math
import pickle
import subprocess
import sys

import backend
import numpy as np
import pytest
from backend import cf, to_numpy

ours = pytest.mark.skipif(backend.IS_TORCH, reason="PyTorch has other numbers")


def draws() -> list[np.ndarray]:
    """One of everything, from the default generator."""
    return [
        to_numpy(x)
        for x in (
            cf.rand(1000),
            cf.randn(3, 7),
            cf.randint(0, 100, (50,)),
            cf.randperm(40),
            cf.nn.functional.dropout(cf.ones(64), 0.5),
            cf.rand(5, dtype=cf.float64),
            cf.randn(100_001),
        )
    ]


def same(left: list[np.ndarray], right: list[np.ndarray]) -> bool:
    return all(np.array_equal(a, b) for a, b in zip(left, right, strict=True))


def test_same_seed_same_numbers() -> None:
    cf.manual_seed(7)
    first = draws()
    cf.manual_seed(7)
    assert same(first, draws())


def test_other_seed_other_numbers() -> None:
    cf.manual_seed(7)
    first = draws()
    cf.manual_seed(8)
    assert not any(np.array_equal(a, b) for a, b in zip(first, draws(), strict=True))


def test_the_stream_goes_on() -> None:
    cf.manual_seed(7)
    a, b = cf.rand(100), cf.rand(100)
    assert not np.array_equal(to_numpy(a), to_numpy(b))


def test_seed_and_generator_are_returned() -> None:
    generator = cf.Generator()
    assert generator.manual_seed(5) is generator
    assert generator.initial_seed() == 5
    assert isinstance(cf.manual_seed(3), cf.Generator)


@pytest.mark.parametrize("seed", [0, 1, 2**31, 2**32 + 1, 2**63 - 1])
def test_large_seeds(seed: int) -> None:
    generator = cf.Generator().manual_seed(seed)
    first = to_numpy(cf.rand(4, generator=generator))
    again = to_numpy(cf.rand(4, generator=cf.Generator().manual_seed(seed)))
    assert np.array_equal(first, again)
    assert first.min() >= 0 and first.max() < 1


@pytest.mark.skipif(backend.IS_TORCH, reason="PyTorch's numbers depend on the number of threads")
def test_any_number_of_threads() -> None:
    before = cf.get_num_threads()
    try:
        results = []
        for threads in (1, 2, 3):
            cf.set_num_threads(threads)
            cf.manual_seed(7)
            results.append(draws())
    finally:
        cf.set_num_threads(before)
    assert same(results[0], results[1]) and same(results[0], results[2])


@ours
def test_another_process() -> None:
    program = (
        "import candle_ffi as cf; cf.manual_seed(7); "
        "print(cf.rand(3, dtype=cf.float64).tolist(), cf.randn(3, dtype=cf.float64).tolist())"
    )
    runs = [
        subprocess.run(
            [sys.executable, "-c", program], capture_output=True, text=True, check=True
        ).stdout
        for _ in range(2)
    ]
    cf.manual_seed(7)
    here = f"{cf.rand(3, dtype=cf.float64).tolist()} {cf.randn(3, dtype=cf.float64).tolist()}\n"
    assert runs == [here, here]


#: The first numbers of seed 7, computed by Philox 4x32-10 written down a second time, in Python.
FIRST = {
    "uniform float64": [0.7501522221031126, 0.0856578653012815, 0.7952840373401903],
    "uniform float32": [0.7501521706581116, 0.08565783500671387, 0.7952840328216553],
    "normal float64": [0.2902118660205556, -0.32651041875501935, -0.10836246605294006],
    "normal float32": [0.7276144808812782, 1.6705010257031212, -0.5644444370073166],
    "integers": [750, 85, 795],
}


@ours
def test_first_numbers_never_change() -> None:
    """Results in notebooks and papers depend on them."""
    for name in ("float64", "float32"):
        cf.manual_seed(7)
        assert cf.rand(3, dtype=getattr(cf, name)).tolist() == FIRST[f"uniform {name}"]
        cf.manual_seed(7)
        normal = to_numpy(cf.randn(3, dtype=getattr(cf, name)))
        accuracy = 1e-15 if name == "float64" else 1e-6
        np.testing.assert_allclose(normal, FIRST[f"normal {name}"], rtol=accuracy)
    cf.manual_seed(7)
    assert cf.randint(0, 1000, (3,)).tolist() == FIRST["integers"]


def test_generators_are_independent() -> None:
    one, two = cf.Generator().manual_seed(1), cf.Generator().manual_seed(2)
    cf.manual_seed(3)
    expected = to_numpy(cf.rand(5))
    cf.manual_seed(3)
    a = to_numpy(cf.rand(5, generator=one))
    b = to_numpy(cf.rand(5, generator=two))
    assert np.array_equal(to_numpy(cf.rand(5)), expected), "the default generator moved"
    assert not np.array_equal(a, b)
    assert np.array_equal(to_numpy(cf.rand(5, generator=one.manual_seed(1))), a)


def test_state_can_be_kept_and_put_back() -> None:
    generator = cf.Generator().manual_seed(1)
    cf.rand(3, generator=generator)
    state = generator.get_state()
    first = to_numpy(cf.randn(9, generator=generator))
    generator.set_state(state)
    assert np.array_equal(to_numpy(cf.randn(9, generator=generator)), first)


def test_default_state_can_be_kept_and_put_back() -> None:
    state = cf.get_rng_state()
    first = to_numpy(cf.randn(9))
    cf.set_rng_state(state)
    assert np.array_equal(to_numpy(cf.randn(9)), first)


@pytest.mark.parametrize("op", ["rand", "randn", "randint", "randperm"])
def test_every_function_takes_a_generator(op: str) -> None:
    arguments = {"randint": (0, 1000, (20,)), "randperm": (20,)}.get(op, (20,))
    function = getattr(cf, op)
    first = function(*arguments, generator=cf.Generator().manual_seed(4))
    second = function(*arguments, generator=cf.Generator().manual_seed(4))
    assert np.array_equal(to_numpy(first), to_numpy(second))


COUNT = 200_000


@pytest.mark.parametrize("name", ["float32", "float64", "float16", "bfloat16"])
def test_uniform(name: str) -> None:
    x = to_numpy(cf.rand(COUNT, dtype=getattr(cf, name), generator=cf.Generator().manual_seed(1)))
    x = x.astype(np.float64)
    assert x.min() >= 0 and x.max() < 1
    spread = {"float16": 1e-3, "bfloat16": 4e-3}.get(name, 0.0)  # of rounding down
    assert abs(x.mean() - 0.5) < 5 / math.sqrt(12 * COUNT) + spread
    counts, _ = np.histogram(x, bins=16, range=(0, 1))
    assert np.abs(counts - COUNT / 16).max() < 6 * math.sqrt(COUNT / 16)
    assert abs(np.corrcoef(x[:-1], x[1:])[0, 1]) < 5 / math.sqrt(COUNT)


@pytest.mark.parametrize("name", ["float32", "float64", "float16", "bfloat16"])
def test_normal(name: str) -> None:
    x = to_numpy(cf.randn(COUNT, dtype=getattr(cf, name), generator=cf.Generator().manual_seed(1)))
    x = x.astype(np.float64)
    assert np.isfinite(x).all()
    assert abs(x.mean()) < 5 / math.sqrt(COUNT)
    assert abs(x.std() - 1) < 5 / math.sqrt(2 * COUNT) + 1e-3
    assert abs((x**3).mean()) < 5 * math.sqrt(15 / COUNT) + 1e-3
    assert abs((x**4).mean() - 3) < 5 * math.sqrt(96 / COUNT) + 1e-2
    for limit in (0.5, 1.0, 2.0, 3.0):
        share = math.erf(limit / math.sqrt(2))
        noise = 5 * math.sqrt(share * (1 - share) / COUNT)
        assert abs((np.abs(x) < limit).mean() - share) < noise + (0.01 if "16" in name else 0)
    assert abs(np.corrcoef(x[:-1], x[1:])[0, 1]) < 5 / math.sqrt(COUNT)


def test_integers() -> None:
    generator = cf.Generator().manual_seed(1)
    x = to_numpy(cf.randint(-3, 7, (COUNT,), generator=generator))
    assert x.dtype == np.int64
    values, counts = np.unique(x, return_counts=True)
    assert values.tolist() == list(range(-3, 7))
    assert np.abs(counts - COUNT / 10).max() < 6 * math.sqrt(COUNT / 10)
    wide = to_numpy(cf.randint(-(2**62), 2**62, (1000,), generator=generator))
    assert (wide < 0).any() and (wide > 2**60).any()


def test_permutation() -> None:
    generator = cf.Generator().manual_seed(1)
    x = to_numpy(cf.randperm(1000, generator=generator))
    assert x.dtype == np.int64 and sorted(x) == list(range(1000))
    firsts = [cf.randperm(5, generator=generator)[0].item() for _ in range(2000)]
    counts = np.bincount(firsts, minlength=5)
    assert np.abs(counts - 400).max() < 6 * 20


@pytest.mark.parametrize("p", [0.1, 0.5, 0.8])
def test_dropout_keeps_the_mean(p: float) -> None:
    cf.manual_seed(1)
    x = cf.ones(COUNT, requires_grad=True)
    y = cf.nn.functional.dropout(x, p)
    kept = to_numpy(y)
    assert abs((kept == 0).mean() - p) < 5 * math.sqrt(p * (1 - p) / COUNT)
    np.testing.assert_allclose(kept[kept != 0], 1 / (1 - p), rtol=1e-6)
    y.sum().backward()
    np.testing.assert_array_equal(to_numpy(x.grad), kept)  # the same mask backwards


def test_like_functions() -> None:
    x = cf.zeros(2, 3, dtype=cf.float64)
    for op in ("rand_like", "randn_like"):
        y = getattr(cf, op)(x)
        assert tuple(y.shape) == (2, 3) and y.dtype == cf.float64 and to_numpy(y).any()
    assert cf.rand_like(x, dtype=cf.float32).dtype == cf.float32


def test_filling_in_place() -> None:
    x = cf.zeros(COUNT)
    generator = cf.Generator().manual_seed(1)
    assert x.uniform_(-2, 2, generator=generator) is x
    values = to_numpy(x).copy()
    assert values.min() >= -2 and values.max() < 2 and abs(values.mean()) < 0.03
    x.normal_(5, 0.5, generator=generator)
    values = to_numpy(x)
    assert abs(values.mean() - 5) < 0.01 and abs(values.std() - 0.5) < 0.01


def test_random_leaves() -> None:
    assert cf.rand(2, requires_grad=True).requires_grad
    assert cf.randn(2, requires_grad=True).is_leaf


def test_empty_range_is_refused() -> None:
    with pytest.raises(backend.error("InvalidArgumentError"), match=r"5.*5"):
        cf.randint(5, 5, (2,))


@ours
def test_a_generator_may_be_made_for_a_device(monkeypatch: pytest.MonkeyPatch) -> None:
    device = cf.device(backend.DEVICE_NAME)
    first = cf.rand(3, generator=cf.Generator(device=backend.DEVICE_NAME).manual_seed(5))
    second = cf.rand(3, generator=cf.Generator(device).manual_seed(5))
    assert first.tolist() == second.tolist() and cf.Generator(device).device == device
    ignored: list[object] = []
    monkeypatch.setattr(sys, "unraisablehook", ignored.append)
    for arguments in (("tpu",), (1, 2)):
        with pytest.raises((TypeError, RuntimeError)):
            cf.Generator(*arguments)
    gc.collect()
    assert not ignored


@ours
def test_a_pickled_generator_goes_on_where_it_was() -> None:
    generator = cf.Generator(device=backend.DEVICE_NAME).manual_seed(5)
    cf.rand(3, generator=generator)
    found = pickle.loads(pickle.dumps(generator))
    assert found.device == generator.device
    assert cf.rand(3, generator=found).tolist() == cf.rand(3, generator=generator).tolist()
    make, (state, *_) = generator.__reduce__()
    with pytest.raises(cf.DeviceError, match="map_location"):
        make(state, "cuda:63")
    with cf.map_location("cpu"):
        assert make(state, "cuda:63").device == cf.device("cpu")


@ours
@pytest.mark.skipif(not cf.cuda.is_available(), reason="there is no CUDA device")
def test_a_pickled_generator_keeps_its_device() -> None:
    generator = cf.Generator(device="cuda")
    assert pickle.loads(pickle.dumps(generator)).device == generator.device
    with cf.map_location("cpu"):
        assert pickle.loads(pickle.dumps(generator)).device == cf.device("cpu")


@ours
def test_cuda_has_the_one_generator() -> None:
    cf.cuda.manual_seed(11)
    first = cf.rand(2)
    cf.cuda.manual_seed_all(11)
    state = cf.cuda.get_rng_state()
    assert cf.rand(2).tolist() == first.tolist() and cf.cuda.initial_seed() == 11
    cf.cuda.set_rng_state(state, device=0)
    assert cf.rand(2).tolist() == first.tolist()
    cf.cuda.set_rng_state_all([state, state])
    assert cf.rand(2).tolist() == first.tolist()
    with pytest.raises(ValueError, match="one generator"):
        cf.cuda.set_rng_state_all([state, cf.get_rng_state()])
    assert len(cf.cuda.get_rng_state_all()) == cf.cuda.device_count()
