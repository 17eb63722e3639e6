"""Files that PyTorch writes now, read here, and files from here read by PyTorch's tools."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import make_torch_files
import numpy as np
import pytest

torch = pytest.importorskip("torch")

import candle_ffi as cf  # noqa: E402

FORMATS = [
    {},
    {"_use_new_zipfile_serialization": False},
    {"pickle_protocol": 3},
    {"pickle_protocol": 4},
    {"pickle_protocol": 5},
    {"pickle_protocol": 4, "_use_new_zipfile_serialization": False},
]


def check(theirs: Any, ours: Any, where: str = "") -> None:
    """Compare what PyTorch has with what was read here."""
    if isinstance(theirs, torch.Tensor):
        assert isinstance(ours, cf.Tensor), where
        assert tuple(theirs.shape) == tuple(ours.shape), where
        name = str(theirs.dtype).removeprefix("torch.")
        assert ours.dtype.name == make_torch_files.LARGER.get(name, name), where
        assert ours.requires_grad == theirs.requires_grad, where
        wide = torch.float64 if theirs.is_floating_point() else torch.int64
        assert theirs.detach().to(wide).tolist() == ours.tolist(), where
    elif isinstance(theirs, torch.dtype):
        assert str(theirs).removeprefix("torch.") == ours.name, where
    elif isinstance(theirs, torch.device):
        assert str(theirs) == ours, where
    elif isinstance(theirs, torch.Size):
        assert isinstance(ours, cf.Size) and tuple(theirs) == tuple(ours), where
    elif isinstance(theirs, np.ndarray):
        assert theirs.dtype == ours.dtype and np.array_equal(theirs, ours), where
        assert theirs.flags.f_contiguous == ours.flags.f_contiguous, where
    elif isinstance(theirs, dict):
        assert type(theirs) is type(ours) and list(theirs) == list(ours), where
        for key, value in theirs.items():
            check(value, ours[key], f"{where}[{key!r}]")
    elif isinstance(theirs, (list, tuple)):
        assert type(theirs) is type(ours) and len(theirs) == len(ours), where
        for index, value in enumerate(theirs):
            check(value, ours[index], f"{where}[{index}]")
    else:
        assert type(theirs) is type(ours) and theirs == ours, where


@pytest.mark.parametrize("options", FORMATS, ids=str)
@pytest.mark.parametrize("kind", ["tensors", "newer_tensors", "containers"])
def test_what_pytorch_writes(tmp_path: Path, kind: str, options: dict[str, Any]) -> None:
    value = getattr(make_torch_files, kind)(torch)
    torch.save(value, tmp_path / "a.pt", **options)
    check(value, cf.load(tmp_path / "a.pt"))


@pytest.mark.parametrize("options", FORMATS[:2], ids=str)
def test_a_model_and_its_optimizer_go_over(tmp_path: Path, options: dict[str, Any]) -> None:
    """Training begins there and goes on here, with the same numbers."""
    torch.manual_seed(0)
    theirs = torch.nn.Sequential(
        torch.nn.Conv2d(1, 2, 3),
        torch.nn.BatchNorm2d(2),
        torch.nn.Flatten(),
        torch.nn.LazyLinear(2),
    )
    x = torch.randn(4, 1, 5, 5)
    theirs(x)
    their_optimizer = torch.optim.AdamW(theirs.parameters(), lr=0.01)

    def step(model: Any, optimizer: Any, x: Any) -> float:
        optimizer.zero_grad()
        loss = (model(x) ** 2).mean()
        loss.backward()
        optimizer.step()
        return float(loss.item())

    step(theirs, their_optimizer, x)
    torch.save(theirs.state_dict(), tmp_path / "model.pth", **options)
    torch.save(
        {"optimizer": their_optimizer.state_dict(), "epoch": 1}, tmp_path / "rest.pt", **options
    )
    ours = cf.nn.Sequential(
        cf.nn.Conv2d(1, 2, 3), cf.nn.BatchNorm2d(2), cf.nn.Flatten(), cf.nn.Linear(18, 2)
    ).load(tmp_path / "model.pth")
    our_optimizer = cf.optim.AdamW(ours.parameters(), lr=0.5)
    our_optimizer.load_state_dict(cf.load(tmp_path / "rest.pt")["optimizer"])
    for _ in range(3):
        expected = step(theirs, their_optimizer, x)
        found = step(ours, our_optimizer, cf.tensor(x.numpy()))
        assert found == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("options", FORMATS, ids=str)
def test_whole_models_are_refused_with_advice(tmp_path: Path, options: dict[str, Any]) -> None:
    torch.save(torch.nn.Sequential(torch.nn.Linear(1, 1)), tmp_path / "a.pt", **options)
    with pytest.raises(cf.FileFormatError, match=r"torch\.save\(model\.state_dict\(\), path\)"):
        cf.load(tmp_path / "a.pt")


@pytest.mark.filterwarnings("ignore")
def test_programs_are_refused_with_advice(tmp_path: Path) -> None:
    torch.jit.save(torch.jit.script(torch.nn.Linear(1, 1)), str(tmp_path / "a.pt"))
    with pytest.raises(cf.FileFormatError, match="TorchScript"):
        cf.load(tmp_path / "a.pt")


def test_larger_than_a_page_and_many(tmp_path: Path) -> None:
    value = {f"layer.{n}.weight": torch.randn(50, 50) for n in range(300)}
    torch.save(value, tmp_path / "a.pt")
    check(value, cf.load(tmp_path / "a.pt"))


def test_ours_there(tmp_path: Path) -> None:
    safetensors = pytest.importorskip("safetensors.torch")
    model = cf.nn.Linear(3, 2)
    cf.save(model.state_dict(), tmp_path / "a.safetensors")
    cf.checkpoint.save(tmp_path / "b.safetensors", model=model)
    other = torch.nn.Linear(3, 2)
    other.load_state_dict(safetensors.load_file(tmp_path / "a.safetensors"))
    assert other.weight.tolist() == model.weight.tolist()
    there = safetensors.load_file(tmp_path / "b.safetensors")
    assert there["model.bias"].tolist() == model.bias.tolist()
