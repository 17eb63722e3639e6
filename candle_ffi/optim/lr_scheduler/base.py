"""What all schedules share."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

from candle_ffi.optim.optimizer import Optimizer

__all__ = ["LRScheduler"]


class LRScheduler:
    """Base of the schedules; a subclass defines `get_lr`.

    A schedule begins when it is made, and goes on with each `step`, which follows the step of the
    optimizer.

    Parameters
    ----------
    optimizer : Optimizer
        The optimizer whose ``param_groups`` are changed.
    last_epoch : int, default -1
        The number of the last step before; -1 to begin.

    Attributes
    ----------
    base_lrs : list of float
        The learning rates of the groups in the beginning.
    last_epoch : int
        The number of steps so far.

    Raises
    ------
    TypeError
        `optimizer` is no optimizer.
    KeyError
        To go on from a step, the groups must have an ``"initial_lr"``.

    Notes
    -----
    `torch.optim.lr_scheduler.LRScheduler`

    Examples
    --------
    >>> import candle_ffi as cf
    >>> class Harmonic(cf.optim.lr_scheduler.LRScheduler):
    ...     def get_lr(self):
    ...         return [lr / (1 + self.last_epoch) for lr in self.base_lrs]
    >>> optimizer = cf.optim.SGD([cf.ones(1, requires_grad=True)], lr=1.0)
    >>> schedule = Harmonic(optimizer)
    >>> optimizer.step()
    >>> schedule.step()
    >>> schedule.get_last_lr()
    [0.5]
    """

    base_lrs: list[float]
    last_epoch: int
    _last_lr: list[float]
    _step_count: int
    # Whether the first step is under way, which the constructor makes.
    _is_initial: bool = False
    _get_lr_called_within_step: bool = False

    def __init__(self, optimizer: Optimizer, last_epoch: int = -1) -> None:
        self.optimizer = as_optimizer(optimizer)
        if last_epoch == -1:
            for group in optimizer.param_groups:
                group.setdefault("initial_lr", group["lr"])
        else:
            for number, group in enumerate(optimizer.param_groups):
                if "initial_lr" not in group:
                    raise KeyError(
                        f"param 'initial_lr' is not specified in param_groups[{number}] when "
                        "resuming scheduler with last_epoch >= 0: load the state of the optimizer "
                        "first, or begin with last_epoch=-1"
                    )
        self.base_lrs = [group["initial_lr"] for group in optimizer.param_groups]
        self.last_epoch = last_epoch
        if "_scheduled" not in optimizer.__dict__:
            optimizer.__dict__["_scheduled"] = True
            optimizer._opt_called = False
        self._initial_step()

    def _initial_step(self) -> None:
        self._step_count = 0
        self._is_initial = True
        try:
            self.step()
        finally:
            self._is_initial = False

    def get_lr(self) -> list[float]:
        """Return the learning rates of the groups after this step; each schedule defines it.

        Raises
        ------
        NotImplementedError
            The class has no `get_lr`.
        """
        raise NotImplementedError(f"{type(self).__name__} has no get_lr")

    def get_last_lr(self) -> list[float]:
        """Return the learning rates that the last step has set.

        Returns
        -------
        list of float
            One for each group.
        """
        return self._last_lr

    def step(self, epoch: int | None = None) -> None:
        """Set the learning rates of the next step of the optimizer.

        Parameters
        ----------
        epoch : int, optional
            The number of the step to go to, in place of the next one; deprecated in PyTorch.
        """
        if self._step_count == 1:
            self._warn_of_order()
        self._step_count += 1
        if epoch is not None:
            warn_of_epoch(stacklevel=3)
        self._update_lr(epoch)

    def _warn_of_order(self) -> None:
        if not hasattr(self.optimizer.step, "tells_schedules"):
            warnings.warn(
                "Seems like `optimizer.step()` has been overridden after learning rate scheduler "
                "initialization. Please, make sure to call `optimizer.step()` before "
                "`lr_scheduler.step()`.",
                UserWarning,
                stacklevel=4,
            )
        elif not getattr(self.optimizer, "_opt_called", False):
            warnings.warn(
                "Detected call of `lr_scheduler.step()` before `optimizer.step()`. Call them in "
                "the opposite order: `optimizer.step()` before `lr_scheduler.step()`. Otherwise "
                "the first value of the learning rate schedule is skipped.",
                UserWarning,
                stacklevel=4,
            )

    def _update_lr(self, epoch: int | None = None) -> None:
        self._get_lr_called_within_step = True
        try:
            if epoch is None:
                self.last_epoch += 1
                values = self.get_lr()
            else:
                self.last_epoch = epoch
                closed: Callable[[], list[float]] | None = getattr(
                    self, "_get_closed_form_lr", None
                )
                values = self.get_lr() if closed is None else closed()
        finally:
            self._get_lr_called_within_step = False
        self._set(values)

    def _set(self, values: list[float]) -> None:
        for group, lr in zip(self.optimizer.param_groups, values, strict=True):
            group["lr"] = lr
        self._last_lr = self._lrs()

    def _lrs(self) -> list[float]:
        return [group["lr"] for group in self.optimizer.param_groups]

    def _scaled(self, factor: float) -> list[float]:
        return [group["lr"] * factor for group in self.optimizer.param_groups]

    def _warn_outside_step(self) -> None:
        if not self._get_lr_called_within_step:
            warnings.warn(
                "To get the last learning rate computed by the scheduler, "
                "please use `get_last_lr()`.",
                UserWarning,
                stacklevel=3,
            )

    def state_dict(self) -> dict[str, Any]:
        """Return all that the schedule remembers, without the optimizer.

        Returns
        -------
        dict
            What `load_state_dict` takes.
        """
        return {name: value for name, value in self.__dict__.items() if name != "optimizer"}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on where `state_dict` was called.

        Parameters
        ----------
        state_dict : dict
            What `state_dict` returned.
        """
        self.__dict__.update(state_dict)


def as_optimizer(optimizer: Any) -> Optimizer:
    """Return an optimizer, or raise for anything else.

    Parameters
    ----------
    optimizer : object
        What should be an optimizer.

    Returns
    -------
    Optimizer
        The same.

    Raises
    ------
    TypeError
        It is none.
    """
    if not isinstance(optimizer, Optimizer):
        raise TypeError(f"{type(optimizer).__name__} is not an Optimizer")
    return optimizer


def per_group(name: str, optimizer: Optimizer, value: Any) -> list[Any]:
    """Return a value for each group: one for all, or a list with one for each.

    Parameters
    ----------
    name : str
        What a message calls the value.
    optimizer : Optimizer
        The optimizer.
    value : object
        The value, or a list of them.

    Returns
    -------
    list
        The values.

    Raises
    ------
    ValueError
        The list has another length.
    """
    groups = len(optimizer.param_groups)
    if not isinstance(value, (list, tuple)):
        return [value] * groups
    if len(value) != groups:
        raise ValueError(
            f"{name} must have the same length as optimizer.param_groups: "
            f"{name} has {len(value)} values, and there are {groups} groups"
        )
    return list(value)


def warn_of_epoch(stacklevel: int) -> None:
    """Warn of a number given to `step`.

    Parameters
    ----------
    stacklevel : int
        How far above the caller is.
    """
    warnings.warn(
        "The epoch parameter in `scheduler.step()` is deprecated. Please use `scheduler.step()` to "
        "step the scheduler.",
        UserWarning,
        stacklevel=stacklevel + 1,
    )


def function_states(functions: list[Any]) -> list[dict[str, Any] | None]:
    """Return what can be kept of functions: the attributes of callable objects.

    Parameters
    ----------
    functions : list of callable
        The functions.

    Returns
    -------
    list of dict or None
        None for what is an ordinary function.
    """
    return [
        None if isinstance(function, _FUNCTION) or not hasattr(function, "__dict__")
        else function.__dict__.copy()
        for function in functions
    ]  # fmt: skip


def load_function_states(functions: list[Any], states: list[dict[str, Any] | None]) -> None:
    """Give callable objects the attributes that were kept.

    Parameters
    ----------
    functions : list of callable
        The functions.
    states : list of dict or None
        What `function_states` returned.
    """
    for function, state in zip(functions, states, strict=True):
        if state is not None:
            function.__dict__.update(state)


_FUNCTION = type(as_optimizer)
