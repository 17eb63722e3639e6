"""Hooks: on gradients of tensors, around modules, around their state."""

from __future__ import annotations

import copy
import gc
import pickle
import threading
import weakref
from typing import Any

import backend
import pytest
from backend import cf

nn = cf.nn
ours = pytest.mark.skipif(backend.IS_TORCH, reason="not PyTorch's")


class TestGradients:
    def test_a_hook_sees_the_whole_gradient_once(self) -> None:
        x = cf.tensor([1.0, 2.0], requires_grad=True)
        seen: list[Any] = []
        handle = x.register_hook(lambda gradient: seen.append(gradient.tolist()))
        (x * 2 + x * 3 + x).sum().backward()
        assert seen == [[6.0, 6.0]] and x.grad.tolist() == [6.0, 6.0]
        handle.remove()
        handle.remove()
        (x * 2).sum().backward()
        assert len(seen) == 1

    def test_what_it_returns_goes_on(self) -> None:
        x = cf.tensor([1.0, 2.0], requires_grad=True)
        y = x * 2
        y.register_hook(lambda gradient: gradient * 10)
        y.register_hook(lambda gradient: gradient + 1)
        y.sum().backward()
        assert x.grad.tolist() == [22.0, 22.0]

    def test_it_is_recorded_where_the_gradient_is(self) -> None:
        x = cf.tensor(3.0, requires_grad=True)
        y = x * x
        y.register_hook(lambda gradient: gradient * x)
        (first,) = cf.autograd.grad(y, x, create_graph=True)
        assert first.item() == 18.0
        first.backward()
        assert x.grad.item() == 12.0  # the derivative of 2 x^2

    def test_errors_come_back_as_they_are(self) -> None:
        class OddError(Exception):
            pass

        def hook(gradient: Any) -> None:
            raise OddError("from the hook")

        x = cf.ones(2, requires_grad=True)
        handle = x.register_hook(hook)
        with pytest.raises(OddError, match="from the hook"):
            x.sum().backward()
        assert x.grad is None
        handle.remove()
        x.register_hook(lambda gradient: gradient.sum())
        with pytest.raises((RuntimeError, ValueError)):
            x.sum().backward()
        x = cf.ones(2, requires_grad=True)
        x.register_hook(lambda gradient: 3)
        with pytest.raises((TypeError, RuntimeError)):
            x.sum().backward()
        with pytest.raises(RuntimeError, match="grad"):
            cf.ones(2).register_hook(print)

    def test_functions_are_freed_with_their_tensor(self) -> None:
        class Function:
            def __call__(self, gradient: Any) -> None:
                pass

        for remove in (True, False):
            function = Function()
            watched = weakref.ref(function)
            x = cf.ones(2, requires_grad=True)
            handle = x.register_hook(function)
            if remove:
                handle.remove()
            else:
                del x
            del function, handle
            gc.collect()
            assert watched() is None

    def test_threads_call_their_own(self) -> None:
        found: list[Any] = []

        def work(number: int) -> None:
            x = cf.ones(3, requires_grad=True)
            x.register_hook(lambda gradient: gradient * number)
            for _ in range(50):
                x.grad = None
                x.sum().backward()
                found.append(x.grad.tolist() == [number] * 3)

        threads = [threading.Thread(target=work, args=(n,)) for n in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(found) == 400 and all(found)

    def test_a_result_can_keep_its_gradient(self) -> None:
        x = cf.ones(2, requires_grad=True)
        y = x * 3
        y.retain_grad()
        (y * y).sum().backward()
        assert y.grad.tolist() == [6.0, 6.0] and x.grad.tolist() == [18.0, 18.0]


class Two(nn.Module):  # type: ignore[name-defined,misc]
    def forward(self, x: Any, y: Any, scale: float = 1.0) -> Any:
        return x * y * scale, x + y


class TestModules:
    def test_before_and_after(self) -> None:
        layer, calls = nn.Linear(2, 2), []
        layer.register_forward_pre_hook(lambda module, args: calls.append(("pre", len(args))))
        layer.register_forward_hook(lambda m, args, output: calls.append(("post", output.shape)))
        layer.register_forward_pre_hook(lambda m, a: calls.append("first"), prepend=True)
        layer(cf.ones(3, 2))
        assert calls == ["first", ("pre", 1), ("post", (3, 2))]

    def test_they_change_arguments_and_results(self) -> None:
        layer = nn.Identity()
        one = layer.register_forward_pre_hook(lambda module, args: args[0] * 2)
        two = layer.register_forward_hook(lambda module, args, output: output + 1)
        assert layer(cf.ones(1)).tolist() == [3.0]
        one.remove()
        assert layer(cf.ones(1)).tolist() == [2.0]
        two.remove()
        assert layer(cf.ones(1)).tolist() == [1.0]

    def test_keyword_arguments(self) -> None:
        module = Two()
        seen = []
        module.register_forward_pre_hook(
            lambda m, args, kwargs: (args, {**kwargs, "scale": 5.0}), with_kwargs=True
        )
        module.register_forward_hook(
            lambda m, args, kwargs, output: seen.append(kwargs), with_kwargs=True
        )
        product, _ = module(cf.ones(1), cf.ones(1), scale=2.0)
        assert product.tolist() == [5.0] and seen == [{"scale": 5.0}]

    def test_one_that_is_always_called(self) -> None:
        class Failing(nn.Module):  # type: ignore[name-defined,misc]
            def forward(self, x: Any) -> Any:
                raise ZeroDivisionError

        module, seen = Failing(), []
        module.register_forward_hook(lambda m, a, o: seen.append(o), always_call=True)
        module.register_forward_hook(lambda m, a, o: seen.append("never"))
        with pytest.raises(ZeroDivisionError):
            module(cf.ones(1))
        assert seen == [None]

    def test_gradients_of_arguments_and_results(self) -> None:
        layer = nn.Linear(2, 3, bias=False)
        seen: list[Any] = []
        layer.register_full_backward_hook(
            lambda module, grad_input, grad_output: seen.append((grad_input, grad_output))
        )
        x = cf.ones(4, 2, requires_grad=True)
        layer(x).sum().backward()
        ((grad_input, grad_output),) = seen
        assert len(grad_input) == len(grad_output) == 1
        assert grad_output[0].tolist() == [[1.0] * 3] * 4
        assert grad_input[0].tolist() == x.grad.tolist()
        assert layer.weight.grad.tolist() == [[4.0, 4.0]] * 3

    def test_gradients_of_several(self) -> None:
        module, seen = Two(), []
        module.register_full_backward_pre_hook(lambda m, grads: seen.append(grads))
        module.register_full_backward_hook(
            lambda m, grad_input, grad_output: tuple(g * 10 for g in grad_input)
        )
        x = cf.tensor([2.0], requires_grad=True)
        y = cf.tensor([3.0, 4.0], requires_grad=True)
        product, total = module(x, y)
        (product.sum() + 2 * total.sum()).backward()
        assert [g.tolist() for g in seen[0]] == [[1.0, 1.0], [2.0, 2.0]]
        assert x.grad.tolist() == [110.0] and y.grad.tolist() == [40.0, 40.0]

    def test_arguments_without_gradients(self) -> None:
        layer, seen = nn.Linear(2, 2), []
        layer.register_full_backward_hook(lambda m, i, o: seen.append((i, o[0].shape)))
        layer(cf.ones(1, 2)).sum().backward()
        assert seen == [((None,), (1, 2))]
        with cf.no_grad():
            layer(cf.ones(1, 2))

    def test_copies_take_them_along(self) -> None:
        layer = nn.Identity()
        layer.register_forward_hook(double)
        for other in (copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))):
            assert other(cf.ones(1)).tolist() == [2.0]

    def test_only_functions_are_hooks(self) -> None:
        if backend.IS_TORCH:
            return
        with pytest.raises(TypeError, match="callable"):
            nn.Identity().register_forward_hook(3)


def double(module: Any, args: Any, output: Any) -> Any:
    return output * 2


class TestStates:
    def test_saving(self) -> None:
        model = nn.Sequential(nn.Linear(1, 1, bias=False))
        model[0].register_state_dict_post_hook(
            lambda module, state, prefix, metadata: state.update({prefix + "more": cf.ones(1)})
        )
        assert list(model.state_dict()) == ["0.weight", "0.more"]

    def test_loading(self) -> None:
        model = nn.Sequential(nn.Linear(1, 1, bias=False))

        def rename(module: Any, state: Any, prefix: str, *rest: Any) -> None:
            state[prefix + "weight"] = state.pop(prefix + "old")

        model[0].register_load_state_dict_pre_hook(rename)
        given = {"0.old": cf.tensor([[7.0]])}
        model.load_state_dict(given)
        assert model[0].weight.item() == 7.0
        assert list(given) == ["0.old"], "the caller's dictionary stays as it is"

    def test_forgiving(self) -> None:
        model = nn.Linear(1, 1)
        model.register_load_state_dict_post_hook(lambda m, keys: keys.missing_keys.clear())
        model.load_state_dict({"weight": cf.tensor([[7.0]])})
        assert model.weight.item() == 7.0

    def test_assigning_takes_the_dtype(self) -> None:
        model = nn.Linear(1, 1, bias=False)
        state = {"weight": cf.tensor([[7.0]], dtype=cf.float64)}
        model.load_state_dict(state, assign=True)
        assert model.weight.dtype == cf.float64 and model.weight.requires_grad

    @ours
    def test_arrays_do_as_well(self) -> None:
        import numpy as np

        model = nn.Linear(2, 1, bias=False)
        model.load_state_dict({"weight": np.array([[1.0, 2.0]])})
        assert model.weight.tolist() == [[1.0, 2.0]]
