"""The tape: accumulation, scopes without gradients, graphs kept and freed, misuse."""

from __future__ import annotations

import threading
import weakref

import backend
import devices
import numpy as np
import pytest
from backend import cf, to_numpy

# On a device the depth is the same, and each link a launch.
CHAIN = 1_000_000 if backend.IS_CPU else 20_000


def leaf(*values: float) -> object:
    return cf.tensor(list(values), requires_grad=True)


def test_gradients_accumulate_until_cleared() -> None:
    x = leaf(1.0, 2.0)
    (x * x).sum().backward()
    (x * 3).sum().backward()
    assert x.grad.tolist() == [5.0, 7.0]
    x.grad = None
    assert x.grad is None
    (x * 3).sum().backward()
    assert x.grad.tolist() == [3.0, 3.0]


def test_a_tensor_used_many_times_gets_the_sum() -> None:
    x = leaf(2.0)
    y = x * x
    (y * x + y + x).sum().backward()
    assert x.grad.tolist() == [3 * 4 + 2 * 2 + 1]


def test_diamonds_are_walked_once_per_edge() -> None:
    """With a walk per path this would take 2**60 steps."""
    x = leaf(1.0)
    y = x
    for _ in range(60):
        y = y + y
    y.sum().backward()
    assert x.grad.tolist() == [2.0**60]


def test_gradient_argument_weighs_the_outputs() -> None:
    x = leaf(1.0, 2.0, 3.0)
    (x * 2).backward(gradient=cf.tensor([1.0, 10.0, 100.0]))
    assert x.grad.tolist() == [2.0, 20.0, 200.0]


def test_only_leaves_that_ask_get_a_gradient() -> None:
    x, constant = leaf(1.0), cf.tensor([5.0])
    y = x * constant
    y.sum().backward()
    assert constant.grad is None
    assert x.is_leaf and constant.is_leaf and not y.is_leaf
    assert y.requires_grad and not constant.requires_grad


def test_gradient_has_shape_and_dtype_of_its_leaf() -> None:
    x = cf.ones(2, 1, dtype=cf.float64, requires_grad=True)
    (x.expand(2, 5) * cf.ones(3, 2, 5, dtype=cf.float64)).sum().backward()
    assert x.grad.dtype == cf.float64
    assert tuple(x.grad.shape) == (2, 1)
    assert to_numpy(x.grad).ravel().tolist() == [15.0, 15.0]


def test_gradient_carries_no_history() -> None:
    x = leaf(1.0)
    (x * x).sum().backward()
    assert not x.grad.requires_grad


def test_gradient_does_not_share_memory_with_the_given_one() -> None:
    x, start = leaf(1.0), cf.tensor([1.0])
    (x + 0).backward(start)
    (x + 0).backward(start)
    assert start.tolist() == [1.0]
    assert x.grad.tolist() == [2.0]


class TestNoGrad:
    def test_as_context(self) -> None:
        x = leaf(1.0)
        with cf.no_grad():
            assert not cf.is_grad_enabled()
            assert not (x * 2).requires_grad
            with cf.enable_grad():
                assert (x * 2).requires_grad
            assert not (x * 2).requires_grad
        assert cf.is_grad_enabled()
        assert (x * 2).requires_grad

    def test_as_decorator(self) -> None:
        x = leaf(1.0)

        @cf.no_grad()
        def double(value: object) -> object:
            """Doubles."""
            return value * 2

        assert not double(x).requires_grad
        assert double.__name__ == "double" and double.__doc__ == "Doubles."
        assert (x * 2).requires_grad

    def test_ends_with_an_exception(self) -> None:
        with pytest.raises(KeyError), cf.no_grad():
            raise KeyError
        assert cf.is_grad_enabled()

    @pytest.mark.skipif(backend.IS_TORCH, reason="PyTorch's scope forgets the outer state")
    def test_one_object_may_be_entered_twice(self) -> None:
        scope = cf.no_grad()
        with scope, scope:
            assert not cf.is_grad_enabled()
        assert cf.is_grad_enabled()

    def test_set_grad_enabled(self) -> None:
        x = leaf(1.0)
        with cf.set_grad_enabled(False):
            assert not (x * 2).requires_grad
            with cf.set_grad_enabled(True):
                assert (x * 2).requires_grad
        assert cf.is_grad_enabled()

    def test_belongs_to_its_thread(self) -> None:
        inside, leave = threading.Event(), threading.Event()

        def hold() -> None:
            with cf.no_grad():
                inside.set()
                leave.wait(10)

        thread = threading.Thread(target=hold)
        thread.start()
        try:
            assert inside.wait(10)
            assert cf.is_grad_enabled()
            assert (leaf(1.0) * 2).requires_grad
        finally:
            leave.set()
            thread.join()

    def test_new_threads_start_enabled(self) -> None:
        seen = []
        with cf.no_grad():
            thread = threading.Thread(target=lambda: seen.append(cf.is_grad_enabled()))
            thread.start()
            thread.join()
        assert seen == [True]

    def test_results_made_inside_are_constants_outside(self) -> None:
        x = leaf(3.0)
        with cf.no_grad():
            y = x * 2
        (x * y).sum().backward()
        assert x.grad.tolist() == [6.0]


class TestDetach:
    def test_cuts_the_history(self) -> None:
        x = leaf(3.0)
        y = (x * 2).detach()
        assert not y.requires_grad and y.is_leaf
        (x * y).sum().backward()
        assert x.grad.tolist() == [6.0]

    def test_requires_grad_makes_a_new_leaf(self) -> None:
        x = leaf(3.0)
        y = (x * 2).detach().requires_grad_()
        (y * y).sum().backward()
        assert x.grad is None
        assert y.grad.tolist() == [12.0]


class TestGraphLifetime:
    def test_second_backward_fails_with_a_hint(self) -> None:
        x = leaf(1.0)
        y = (x * x).sum()
        y.backward()
        with pytest.raises(backend.error("GraphError"), match="retain_graph"):
            y.backward()

    def test_retain_graph_allows_it(self) -> None:
        x = leaf(1.0)
        y = (x * x).sum()
        y.backward(retain_graph=True)
        y.backward()
        assert x.grad.tolist() == [4.0]

    def test_two_roots_may_share_a_freed_part_only_when_retained(self) -> None:
        x = leaf(2.0)
        shared = x * x
        first, second = (shared * 2).sum(), (shared * 3).sum()
        first.backward()
        with pytest.raises(backend.error("GraphError")):
            second.backward()

    def test_create_graph_gives_second_derivatives(self) -> None:
        x = leaf(2.0, 3.0)
        (first,) = cf.autograd.grad((x**3).sum(), [x], create_graph=True)
        assert first.requires_grad
        (second,) = cf.autograd.grad(first.sum(), [x], create_graph=True)
        assert second.tolist() == [12.0, 18.0]
        (third,) = cf.autograd.grad(second.sum(), [x])
        assert third.tolist() == [6.0, 6.0]


class TestGrad:
    def test_leaves_are_left_alone(self) -> None:
        x = leaf(2.0)
        (g,) = cf.autograd.grad((x * x).sum(), [x])
        assert g.tolist() == [4.0]
        assert x.grad is None

    def test_one_input_needs_no_list(self) -> None:
        x = leaf(2.0)
        (g,) = cf.autograd.grad((x * x).sum(), x)
        assert g.tolist() == [4.0]

    def test_of_an_intermediate_result(self) -> None:
        x = leaf(2.0)
        y = x * 3
        g, h = cf.autograd.grad((y * y).sum(), [y, x])
        assert g.tolist() == [12.0]
        assert h.tolist() == [36.0]

    def test_of_an_output_is_the_start(self) -> None:
        x = leaf(2.0)
        y = x * 3
        (g,) = cf.autograd.grad([y], [y], [cf.tensor([5.0])])
        assert g.tolist() == [5.0]

    def test_several_outputs_add_up(self) -> None:
        x = leaf(2.0)
        starts = [cf.tensor([1.0]), cf.tensor([10.0])]
        (g,) = cf.autograd.grad([x * 3, x * x], [x], grad_outputs=starts)
        assert g.tolist() == [3.0 + 40.0]

    def test_unused_input(self) -> None:
        x, unused = leaf(2.0), leaf(1.0)
        y = x * x
        with pytest.raises(backend.error("GraphError"), match=r"(?i)unused"):
            cf.autograd.grad(y.sum(), [x, unused])
        assert cf.autograd.grad((x * x).sum(), [unused], allow_unused=True)[0] is None

    def test_repeated_input(self) -> None:
        x = leaf(2.0)
        g, h = cf.autograd.grad((x * x).sum(), [x, x])
        assert g.tolist() == h.tolist() == [4.0]


class TestMisuse:
    def test_backward_of_several_elements(self) -> None:
        with pytest.raises(backend.error("GraphError"), match=r"(?i)scalar"):
            (leaf(1.0, 2.0) * 2).backward()

    def test_backward_without_a_graph(self) -> None:
        with pytest.raises(backend.error("GraphError"), match=r"(?i)grad"):
            cf.tensor(1.0).backward()

    def test_gradient_of_another_shape(self) -> None:
        with pytest.raises(backend.error("ShapeError"), match=r"[23].*[23]"):
            (leaf(1.0, 2.0) * 2).backward(cf.ones(3))

    @pytest.mark.parametrize("name", ["int64", "bool", "uint8"])
    def test_integers_cannot_require_a_gradient(self, name: str) -> None:
        with pytest.raises(backend.error("DTypeError"), match=r"(?i)float"):
            cf.zeros(2, dtype=getattr(cf, name), requires_grad=True)
        with pytest.raises(backend.error("DTypeError"), match=r"(?i)float"):
            cf.zeros(2, dtype=getattr(cf, name)).requires_grad_()

    def test_a_result_cannot_stop_requiring_a_gradient(self) -> None:
        y = leaf(1.0) * 2
        with pytest.raises(backend.error("GraphError"), match="detach"):
            y.requires_grad = False

    def test_numpy_of_a_tensor_with_history(self) -> None:
        with pytest.raises(backend.error("GraphError"), match="detach"):
            leaf(1.0).numpy()

    def test_wrong_gradient_assignment(self) -> None:
        x = leaf(1.0, 2.0)
        with pytest.raises((*backend.error("CandleError"), TypeError)):
            x.grad = cf.ones(3)
        with pytest.raises((*backend.error("CandleError"), TypeError)):
            x.grad = 1.0


class TestInPlace:
    def test_a_changed_saved_value_is_an_error(self) -> None:
        x = leaf(1.0, 2.0)
        y = x * 1
        z = y * y
        y += 1
        with pytest.raises(backend.error("InPlaceError"), match=r"(?i)in.?place"):
            z.sum().backward()

    def test_a_saved_output_too(self) -> None:
        x = leaf(1.0, 2.0)
        y = x.exp()
        y += 1
        with pytest.raises(backend.error("InPlaceError")):
            y.sum().backward()

    def test_a_change_that_nobody_saved_is_fine(self) -> None:
        x = leaf(1.0, 2.0)
        y = x + 1
        y += 1
        y *= 3
        y.sum().backward()
        assert y.tolist() == [9.0, 12.0]
        assert x.grad.tolist() == [3.0, 3.0]

    def test_the_same_object_is_changed(self) -> None:
        x = cf.tensor([1.0, 2.0])
        same = x
        x += 1
        assert same is x and same.tolist() == [2.0, 3.0]

    def test_a_leaf_that_requires_a_gradient_may_not_be_changed(self) -> None:
        x = leaf(1.0)
        with pytest.raises(backend.error("InPlaceError"), match=r"(?i)leaf"):
            x += 1

    def test_but_may_without_gradients(self) -> None:
        x = leaf(1.0)
        with cf.no_grad():
            x += 1
        assert x.tolist() == [2.0] and x.requires_grad and x.is_leaf

    def test_a_result_must_fit_its_place(self) -> None:
        x = cf.ones(3)
        with pytest.raises(backend.error("ShapeError"), match=r"3.*2, 3|2, 3.*3"):
            x += cf.ones(2, 3)
        y = cf.ones(3, dtype=cf.int64)
        with pytest.raises(backend.error("DTypeError"), match=r"(?i)int64|Long"):
            y += 0.5
        assert x.tolist() == [1.0] * 3 and y.tolist() == [1] * 3


def chain() -> object:
    """A million additions, differentiated and dropped."""
    x = cf.ones(1, requires_grad=True)
    y = x
    for _ in range(CHAIN):
        y = y + x
    y.sum().backward()
    return x.grad


def test_long_chain_on_the_main_thread() -> None:
    assert chain().tolist() == [CHAIN + 1.0]


def test_long_chain_dropped_without_backward() -> None:
    x = cf.ones(1, requires_grad=True)
    y = x
    for _ in range(CHAIN):
        y = y + x
    del y
    assert (x + 0).requires_grad


def test_long_chain_in_a_small_stack() -> None:
    results: list[object] = []
    before = threading.stack_size(512 * 1024)
    try:
        thread = threading.Thread(target=lambda: results.append(chain().tolist()))
        thread.start()
    finally:
        threading.stack_size(before)
    thread.join()
    assert results == [[CHAIN + 1.0]]


def test_long_chain_of_create_graph() -> None:
    """The graph of a gradient is as deep as the graph."""
    x = cf.ones(1, requires_grad=True)
    y = x
    for _ in range(20_000):
        y = y * 1.0
    (g,) = cf.autograd.grad((y * y).sum(), [x], create_graph=True)
    (h,) = cf.autograd.grad(g.sum(), [x])
    np.testing.assert_allclose(to_numpy(h), [2.0])


@pytest.mark.skipif(backend.IS_TORCH, reason="PyTorch waits for itself")
@devices.host_only("the gradient is in NumPy's memory")
def test_freeing_a_replaced_gradient_may_ask_for_gradients() -> None:
    x = leaf(1.0, 2.0)
    memory = np.ones(2, np.float32).view(type("Memory", (np.ndarray,), {}))
    freed = []

    def when_freed() -> None:
        (x * 3).sum().backward()
        freed.append(True)

    weakref.finalize(memory, when_freed)
    x.grad = cf.from_dlpack(memory)
    del memory
    loss = (x * 2).sum()
    # In a thread: what must not be is that it waits for itself.
    step = threading.Thread(target=lambda: loss.backward(create_graph=True), daemon=True)
    step.start()
    step.join(60)
    assert not step.is_alive() and freed == [True]
    assert x.grad.tolist() == [6.0, 6.0]
