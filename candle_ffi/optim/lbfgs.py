"""The limited-memory method of Broyden, Fletcher, Goldfarb and Shanno."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final

import numpy as np

import candle_ffi._callbacks  # noqa: F401  # defines what the library calls
from candle_ffi._lib import ffi, lib
from candle_ffi._ops import stack
from candle_ffi.creation import tensor
from candle_ffi.optim.native import NativeOptimizer
from candle_ffi.optim.optimizer import State
from candle_ffi.tensor import Tensor

__all__ = ["LBFGS"]

#: What is remembered as a number, and what as a list of tensors.
_WHOLE: Final = frozenset(("func_evals", "n_iter"))
_NUMBERS: Final = frozenset(("func_evals", "n_iter", "t", "H_diag", "prev_loss"))
_LISTS: Final = frozenset(("old_dirs", "old_stps", "ro"))


class LBFGS(NativeOptimizer):
    """The limited-memory BFGS method.

    It steps along the gradient times an estimate of the inverse of the matrix of second
    derivatives, made of its last steps. All parameters are in one group.

    Parameters
    ----------
    params : iterable of Tensor, optional
        The parameters.
    lr : float, default 1
        The learning rate; the first length that a line search tries.
    max_iter : int, default 20
        The most iterations of a step.
    max_eval : int, optional
        The most evaluations of the loss in a step; five quarters of `max_iter` by default.
    tolerance_grad : float, default 1e-7
        A step ends where no element of the gradient is larger.
    tolerance_change : float, default 1e-9
        A step ends where neither loss nor parameters change more.
    history_size : int, default 100
        How many past iterations are remembered.
    line_search_fn : str, optional
        ``"strong_wolfe"`` to look for a step length that meets the strong Wolfe conditions.
    maximize : bool, default False
        Whether the step goes up.
    learning_rate : float, optional
        Another name of `lr`.

    Raises
    ------
    ValueError
        The learning rate is negative, there are no parameters, or several groups.

    Notes
    -----
    `torch.optim.LBFGS`. Source: Liu and Nocedal, "On the limited memory BFGS method for large
    scale optimization", 1989.

    Examples
    --------
    >>> import candle_ffi as cf
    >>> x = cf.tensor([1.0, -2.0], requires_grad=True)
    >>> optimizer = cf.optim.LBFGS([x], line_search_fn="strong_wolfe")
    >>> def closure():
    ...     optimizer.zero_grad()
    ...     loss = ((x - 3) ** 2).sum()
    ...     loss.backward()
    ...     return loss
    >>> optimizer.step(closure).item()
    29.0
    >>> [round(value, 3) for value in x.tolist()]
    [3.0, 3.0]
    """

    _make = "py_lbfgs_new"

    def __init__(
        self,
        params: Iterable[Any] | None = None,
        lr: float = 1,
        max_iter: int = 20,
        max_eval: int | None = None,
        tolerance_grad: float = 1e-7,
        tolerance_change: float = 1e-9,
        history_size: int = 100,
        line_search_fn: str | None = None,
        *,
        maximize: bool = False,
        learning_rate: float | None = None,
    ) -> None:
        defaults = {
            "lr": lr,
            "max_iter": max_iter,
            "max_eval": max_iter * 5 // 4 if max_eval is None else max_eval,
            "tolerance_grad": tolerance_grad,
            "tolerance_change": tolerance_change,
            "history_size": history_size,
            "line_search_fn": line_search_fn,
            "maximize": maximize,
        }
        super().__init__(params, defaults, learning_rate)

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Add the one group of parameters.

        Parameters
        ----------
        param_group : dict
            ``"params"``, and the options that differ from the defaults.

        Raises
        ------
        ValueError
            There is a group already.
        """
        if self.param_groups:
            raise ValueError("LBFGS has one group of parameters, which have the same options")
        super().add_param_group(param_group)

    def step(self, closure: Callable[[], Any]) -> Any:  # type: ignore[override]
        """Change the parameters until the loss falls no more, or `max_iter` times.

        Parameters
        ----------
        closure : callable
            A function that clears the gradients, computes the loss anew, calls its `backward`, and
            returns it.

        Returns
        -------
        Tensor or float
            What the function returned first.
        """
        if not callable(closure):
            raise TypeError(
                "LBFGS.step needs a function that computes the loss anew, "
                f"not {type(closure).__name__}"
            )
        if not self.param_groups:
            raise ValueError("step: this optimizer has no parameters")
        losses: list[Any] = []

        def evaluate() -> Any:
            loss = closure()
            if not losses:
                losses.append(loss)
            return loss

        (native,) = self._current()
        function = ffi.new_handle(evaluate)
        native.search(lib.py_call_loss, function)
        return losses[0]

    @classmethod
    def _number(cls, name: str, value: Any) -> float:
        if name != "line_search_fn":
            return super()._number(name, value)
        if value not in (None, "strong_wolfe"):
            raise RuntimeError(
                f"LBFGS: line_search_fn must be None or 'strong_wolfe', not {value!r}"
            )
        return float(value is not None)

    def _state_of(self, group: int, index: int) -> State:
        state: State = dict(super()._state_of(group, index))
        for name, value in state.items():
            if name in _NUMBERS:
                state[name] = int(value.item()) if name in _WHOLE else value.item()
            elif name in _LISTS:
                state[name] = [value[row].clone() for row in range(value.shape[0])]
        return state

    def _set_state_of(self, group: int, index: int, state: State) -> None:
        super()._set_state_of(group, index, _stacked(state))

    def _fitting(self, state: State, param: Tensor, name: str) -> State:
        first = self.param_groups[0]["params"][0]
        if state and param is not first:
            raise ValueError("load_state_dict: LBFGS keeps its state with the first parameter")
        size = sum(p.numel() for p in self.param_groups[0]["params"])
        count = len(state.get("old_dirs") or [])
        fitting: State = {}
        for key, value in state.items():
            # PyTorch keeps a list to work with too, which has no meaning between steps.
            if value is None or key == "al":
                continue
            if key in _NUMBERS:
                fitting[key] = float(value)
            elif key in _LISTS:
                shape = () if key == "ro" else (size,)
                if len(value) != count or any(
                    np.shape(part) != shape for part in map(_plain, value)
                ):
                    raise ValueError(
                        f"load_state_dict: {key} must be {count} tensors of shape {shape}"
                    )
                fitting[key] = list(value)
            elif key in ("d", "prev_flat_grad"):
                if np.shape(_plain(value)) != (size,):
                    raise ValueError(f"load_state_dict: {key} must be a tensor of shape {(size,)}")
                fitting[key] = value
            else:
                raise ValueError(f"load_state_dict: LBFGS remembers no {key!r}")
        return fitting


def _plain(value: Any) -> Any:
    """Return what has a shape that NumPy knows."""
    return np.empty(tuple(value.shape)) if isinstance(value, Tensor) else value


def _stacked(state: State) -> State:
    """Return a state whose lists are tensors, as the library takes it."""
    result: State = {}
    for key, value in state.items():
        if key in _LISTS:
            if value:
                result[key] = stack([_as_tensor(part) for part in value])
        else:
            result[key] = _as_tensor(value)
    return result


def _as_tensor(value: Any) -> Tensor:
    return value.detach() if isinstance(value, Tensor) else tensor(np.asarray(value))
