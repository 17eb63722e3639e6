"""Mixed precision: which dtypes, which losses, and the scale of a loss."""

from __future__ import annotations

import threading

import backend
import devices
import mixed
import numpy as np
import pytest
import training
from backend import cf

DEVICE = devices.KIND
LOWER = mixed.LOWER[DEVICE]
DEFAULT = backend.dtype(cf, LOWER)
OTHER = backend.dtype(cf, "bfloat16" if LOWER == "float16" else "float16")

pytestmark = [
    pytest.mark.filterwarnings("ignore:.*degrees of freedom"),
    pytest.mark.filterwarnings("ignore:dropout2d"),
]

#: Operations whose results on PyTorch's CPU depend on which of its libraries takes them; here all
#: recurrent layers are of the lower dtype, as on CUDA.
BY_LIBRARY = ("lstm", "gru", "rnn_tanh", "rnn_relu")


def compared(row: mixed.Row, found: str, wanted: str) -> bool:
    """Whether both are said to agree: what either refuses is not compared."""
    return "refused" in (found, wanted) or found == wanted or row.covers.startswith(BY_LIBRARY)


@pytest.mark.parametrize("given", ["float32", LOWER])
def test_results_have_pytorchs_dtypes(given: str) -> None:
    stored = mixed.read()[0][DEVICE]
    wrong, seen = [], 0
    for row, dtype in mixed.rows(DEVICE):
        if dtype != given or dtype in row.unsupported:
            continue
        assert f"{row.id} {given}" in stored, "no stored reference; run `make parity`"
        wanted, found = stored[f"{row.id} {given}"], mixed.observe(cf, row, given, DEVICE)
        seen += 1
        if not compared(row, found, wanted):
            wrong.append(f"{row.id}: {found}, and {wanted} in PyTorch")
    assert seen > 1500
    assert not wrong, "\n".join(wrong)


@pytest.mark.skipif(not backend.IS_CPU, reason="PyTorch's stored losses are those on the CPU")
@pytest.mark.parametrize("model", mixed.MODELS)
def test_trainings_follow_pytorchs(model: str) -> None:
    _, stored = mixed.read()
    found = training.losses(cf, model, "SGD", LOWER)
    np.testing.assert_allclose(found, stored[model], rtol=0.05, atol=0.02)
    plain = training.losses(cf, model, "SGD")
    assert np.abs(found - plain).max() > 1e-5, "nothing was computed in the lower dtype"


def test_scopes_nest_and_end() -> None:
    x = cf.ones(2, 2)
    with cf.autocast(DEVICE):
        assert cf.is_autocast_enabled(DEVICE) and (x @ x).dtype == DEFAULT
        with cf.autocast(DEVICE, enabled=False):
            assert (x @ x).dtype == cf.float32
        with cf.autocast(DEVICE, dtype=OTHER):
            assert (x @ x).dtype == cf.get_autocast_dtype(DEVICE) == OTHER
        assert (x @ x).dtype == DEFAULT
        with pytest.raises(cf.ShapeError), cf.autocast(DEVICE, dtype=OTHER):
            x @ cf.ones(3, 3)
        assert (x @ x).dtype == DEFAULT
    assert not cf.is_autocast_enabled(DEVICE) and (x @ x).dtype == cf.float32


def test_a_scope_is_of_its_thread_and_its_device() -> None:
    x, seen = cf.ones(2, 2), []
    with cf.autocast(DEVICE):
        thread = threading.Thread(target=lambda: seen.append((x @ x).dtype))
        thread.start()
        thread.join()
    with cf.autocast("cuda" if backend.IS_CPU else "cpu"):
        seen.append((x @ x).dtype)
    assert seen == [cf.float32, cf.float32]


def test_a_decorated_function_runs_in_the_scope() -> None:
    @cf.autocast(DEVICE)
    def product(x: cf.Tensor) -> cf.Tensor:
        """Return its square."""
        return x @ x

    assert product(cf.ones(2, 2)).dtype == DEFAULT
    assert product.__doc__ == "Return its square."
    assert not cf.is_autocast_enabled(DEVICE)


def test_gradients_have_the_dtypes_of_the_parameters() -> None:
    layer = cf.nn.Linear(3, 2)
    x = cf.ones(4, 3, requires_grad=True)
    with cf.autocast(DEVICE):
        loss = layer(x).sum()
        loss.backward()
    for tensor in (x, *layer.parameters()):
        assert tensor.grad is not None and tensor.grad.dtype == cf.float32
    assert layer.weight.grad.tolist() == [[4.0] * 3] * 2


def test_float64_and_integers_stay() -> None:
    with cf.autocast(DEVICE):
        double = cf.ones(2, 2, dtype=cf.float64)
        whole = cf.ones(2, 2, dtype=cf.int64)
        assert (double @ double).dtype == cf.float64 and (whole @ whole).dtype == cf.int64


def test_what_is_no_lower_dtype_is_refused() -> None:
    with pytest.raises(cf.DTypeError, match="float16 or bfloat16"), cf.autocast(DEVICE, cf.float64):
        pass
    with pytest.raises(cf.DeviceError, match="tpu"):
        cf.autocast("tpu")


def parameter(gradient: list[float]) -> cf.Tensor:
    x = cf.zeros(len(gradient), requires_grad=True)
    x.grad = cf.tensor(gradient)
    return x


def test_a_step_with_an_infinity_is_left_out_and_the_scale_shrinks() -> None:
    good, bad = parameter([8.0, 0.0]), parameter([1.0, float("inf")])
    optimizer = cf.optim.SGD([good, bad], lr=1.0)
    scaler = cf.amp.GradScaler(DEVICE, init_scale=8.0, growth_interval=2)
    scaler.step(optimizer)
    assert good.tolist() == [0.0, 0.0]
    scaler.update()
    assert scaler.get_scale() == 4.0
    for expected in (4.0, 8.0, 8.0):
        good.grad, bad.grad = cf.tensor([4.0, 0.0]), cf.tensor([0.0, 0.0])
        scaler.step(optimizer)
        scaler.update()
        assert scaler.get_scale() == expected
    assert good.tolist() == [-2.5, 0.0]  # 4/4, 4/4, 4/8


def test_gradients_can_be_clipped_between() -> None:
    x = parameter([32.0, 0.0])
    optimizer = cf.optim.SGD([x], lr=1.0)
    scaler = cf.amp.GradScaler(DEVICE, init_scale=16.0)
    scaler.unscale_(optimizer)
    assert x.grad.tolist() == [2.0, 0.0]
    with pytest.raises(RuntimeError, match="already been called"):
        scaler.unscale_(optimizer)
    scaler.step(optimizer)
    assert x.tolist() == [-2.0, 0.0]
    with pytest.raises(RuntimeError, match="after step"):
        scaler.unscale_(optimizer)
    with pytest.raises(RuntimeError, match="since the last update"):
        scaler.step(optimizer)


def test_misuse_of_a_scaler_is_told() -> None:
    scaler = cf.amp.GradScaler(DEVICE)
    optimizer = cf.optim.SGD([cf.zeros(1, requires_grad=True)], lr=1.0)
    with pytest.raises(AssertionError, match="No inf checks"):
        scaler.step(optimizer)
    with pytest.raises(AssertionError, match="prior to update"):
        cf.amp.GradScaler(DEVICE).update()
    with pytest.raises(RuntimeError, match=r"[Cc]losure"):
        scaler.step(optimizer, lambda: 0.0)
    with pytest.raises(ValueError, match="growth_factor"):
        cf.amp.GradScaler(DEVICE, growth_factor=1.0)
    with pytest.raises(ValueError, match="tensor"):
        scaler.scale("loss")


@pytest.mark.parametrize("order", [[0, 1], [1, 0]])
def test_no_gradient_is_unscaled_where_one_cannot_be(order: list[int]) -> None:
    weights = [cf.ones(2, requires_grad=True), cf.ones(2, dtype=cf.float16, requires_grad=True)]
    optimizer = cf.optim.SGD([weights[place] for place in order], lr=1.0)
    scaler = cf.amp.GradScaler("cpu", init_scale=4.0)
    scaler.scale(weights[0].sum() + weights[1].float().sum()).backward()
    for _ in range(2):
        with pytest.raises(ValueError, match="unscale FP16 gradients"):
            scaler.unscale_(optimizer)
        assert [weight.grad.tolist() for weight in weights] == [[4.0, 4.0], [4.0, 4.0]]


def test_a_step_that_has_failed_can_be_made_again() -> None:
    class Once(cf.optim.SGD):
        failed = False

        def step(self, closure=None):  # type: ignore[no-untyped-def]
            if not self.failed:
                self.failed = True
                raise KeyError("once")
            return super().step(closure)

    weight = cf.ones(1, requires_grad=True)
    optimizer, scaler = Once([weight], lr=0.5), cf.amp.GradScaler("cpu", init_scale=8.0)
    scaler.scale(weight.sum()).backward()
    with pytest.raises(KeyError):
        scaler.step(optimizer)
    scaler.step(optimizer)
    assert weight.tolist() == [0.5]
    with pytest.raises(RuntimeError, match="already been called"):
        scaler.step(optimizer)


def test_a_scaler_without_its_device_warns_and_does_nothing() -> None:
    if cf.is_available("metal"):
        pytest.skip("there is such a device")
    with pytest.warns(UserWarning, match="metal"):
        scaler = cf.amp.GradScaler("metal")
    x = parameter([1.0])
    assert not scaler.is_enabled() and scaler.scale(x) is x and scaler.state_dict() == {}
    scaler.step(cf.optim.SGD([x], lr=1.0))
    scaler.update()
    assert x.tolist() == [-1.0] and scaler.get_scale() == 1.0


def test_a_scalers_state_travels() -> None:
    scaler = cf.amp.GradScaler(DEVICE, init_scale=2.0, growth_interval=7)
    x = parameter([2.0])
    scaler.step(cf.optim.SGD([x], lr=1.0))
    scaler.update()
    other = cf.amp.GradScaler(DEVICE)
    other.load_state_dict(scaler.state_dict())
    assert other.state_dict() == scaler.state_dict()
    assert (other.get_scale(), other.get_growth_interval()) == (2.0, 7)
    with pytest.raises(RuntimeError, match="empty"):
        other.load_state_dict({})


def test_scaled_training_of_float16_is_that_without_a_scale() -> None:
    def losses(scale: float | None) -> list[float]:
        cf.manual_seed(0)
        model = cf.nn.Sequential(cf.nn.Linear(4, 8), cf.nn.Tanh(), cf.nn.Linear(8, 1))
        optimizer = cf.optim.SGD(model.parameters(), lr=0.1)
        scaler = cf.amp.GradScaler(DEVICE, init_scale=scale or 1.0, enabled=scale is not None)
        x = cf.randn(16, 4)
        y, found = x.sum(1, keepdim=True), []
        for _ in range(20):
            optimizer.zero_grad()
            with cf.autocast(DEVICE, dtype=cf.float16):
                loss = cf.nn.functional.mse_loss(model(x), y)
            scaler.scale(loss).backward()
            scaler.step(optimizer)
            scaler.update()
            found.append(loss.item())
        return found

    plain, scaled = losses(None), losses(256.0)
    np.testing.assert_allclose(scaled, plain, rtol=0.02)
    assert plain[-1] < plain[0] / 2


def test_products_on_a_gpu_are_exact_until_told() -> None:
    matmul = cf.backends.cuda.matmul
    assert not matmul.allow_tf32 and cf.get_float32_matmul_precision() == "highest"
    cf.set_float32_matmul_precision("high")
    assert matmul.allow_tf32
    cf.set_float32_matmul_precision("highest")
    assert not matmul.allow_tf32 and cf.get_float32_matmul_precision() == "highest"
    names = [
        "allow_tf32",
        "allow_fp16_accumulation",
        "allow_fp16_reduced_precision_reduction",
        "allow_bf16_reduced_precision_reduction",
    ]
    for name in names:
        setattr(matmul, name, True)
        assert [other for other in names if getattr(matmul, other)] == [name]
        setattr(matmul, name, False)
    with pytest.raises(AttributeError):
        matmul.allow_tf23 = True
    for word in ("medium", "high", "highest", "medium"):
        cf.set_float32_matmul_precision(word)
        assert cf.get_float32_matmul_precision() == word
        assert matmul.allow_tf32 == (word != "highest")
    for allowed, word in ((True, "high"), (False, "highest")):
        matmul.allow_tf32 = allowed
        assert cf.get_float32_matmul_precision() == word
    matmul.allow_fp16_accumulation = matmul.allow_fp16_reduced_precision_reduction = True
    matmul.allow_fp16_accumulation = False
    assert matmul.allow_fp16_reduced_precision_reduction
    matmul.allow_fp16_reduced_precision_reduction = False
    with pytest.raises(cf.InvalidArgumentError, match="'highest'"):
        cf.set_float32_matmul_precision("low")


class TestKeptCasts:
    """Within a scope a weight is cast once."""

    @staticmethod
    def grads(cache: bool | None) -> list[np.ndarray]:
        cf.manual_seed(1)
        shared, x = cf.nn.Linear(5, 5), cf.randn(7, 5)
        tied = cf.nn.Linear(5, 5)
        tied.weight = shared.weight
        with cf.autocast(DEVICE, cache_enabled=cache):
            y = cf.tanh(tied(cf.tanh(shared(cf.tanh(shared(x))))))
            (y.float() ** 2).sum().backward()
            # Another walk through the same casts: gradients accumulate.
            tied(x).float().sum().backward()
        return [p.grad.numpy() for p in (shared.weight, shared.bias, tied.bias)]

    def test_gradients_of_all_uses_add_up(self) -> None:
        for kept, anew in zip(self.grads(None), self.grads(False), strict=True):
            np.testing.assert_allclose(kept, anew, rtol=0.03, atol=0.03)
            assert np.abs(kept).max() > 0.1

    def test_a_weight_that_has_changed_is_cast_anew(self) -> None:
        layer, x = cf.nn.Linear(2, 2, bias=False), cf.ones(1, 2)
        optimizer = cf.optim.SGD(layer.parameters(), lr=1.0)
        with cf.no_grad():
            layer.weight.fill_(1.0)
        with cf.autocast(DEVICE):
            assert layer(x).tolist() == [[2.0, 2.0]]
            layer(x).sum().backward()
            optimizer.step()
            assert layer(x).tolist() == [[0.0, 0.0]]
            layer.weight.data = cf.ones(2, 2)
            assert layer(x).tolist() == [[2.0, 2.0]]

    def test_a_cast_without_a_record_is_not_used_for_one_with(self) -> None:
        layer, x = cf.nn.Linear(2, 2), cf.ones(1, 2)
        with cf.autocast(DEVICE):
            with cf.no_grad():
                layer(x)
            layer(x).sum().backward()
        assert layer.weight.grad is not None and layer.bias.grad is not None

    def test_scopes_set_and_restore_the_switch(self) -> None:
        assert cf.is_autocast_cache_enabled()
        with cf.autocast(DEVICE, cache_enabled=False):
            assert not cf.is_autocast_cache_enabled()
            with cf.autocast(DEVICE):
                assert not cf.is_autocast_cache_enabled()
            with cf.autocast(DEVICE, cache_enabled=True):
                assert cf.is_autocast_cache_enabled()
            assert not cf.is_autocast_cache_enabled()
        assert cf.is_autocast_cache_enabled()
        assert cf.set_autocast_cache_enabled(False) is True
        assert cf.set_autocast_cache_enabled(True) is False
