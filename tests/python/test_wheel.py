"""The wheel that `make wheel` has left in dist/, where it is there and of these sources."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from installed import ROOT, Desk, needs
from programs import check_output

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the tag is that of Linux")
HEADER = ROOT / "include" / "candle_ffi.h"


@pytest.fixture(scope="module")
def wheel() -> Path:
    """The newest wheel for other machines than this one."""
    made = sorted(ROOT.glob("dist/candle_ffi-*manylinux*.whl"), key=os.path.getmtime)
    if not made:
        pytest.skip("dist/ has no wheel for manylinux; make wheel brings it")
    with zipfile.ZipFile(made[-1]) as content:
        if content.read("candle_ffi/include/candle_ffi.h") != HEADER.read_bytes():
            pytest.skip(f"{made[-1].name} is of other sources; make wheel brings it")
    return made[-1]


def checked(*arguments: object) -> str:
    """What the checker says; it must find nothing wrong."""
    command = [sys.executable, "-m", "tools.check_wheel", *map(str, arguments)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_its_tag_is_old_enough(wheel: Path) -> None:
    tag = wheel.stem.split("-", 2)[2]
    machine = os.uname().machine
    assert tag.startswith("cp310-abi3-manylinux_2_") and tag.endswith(machine)
    assert int(tag.split(".")[0].removesuffix(f"_{machine}").rpartition("_")[2]) <= 28


@pytest.mark.parametrize(
    ("check", "module"),
    [
        ("platform", "auditwheel"),
        ("abi", "abi3audit"),
        ("size", "zipfile"),
        ("content", "zipfile"),
        ("metadata", "twine"),
    ],
)
def test_a_check(check: str, module: str, wheel: Path) -> None:
    if importlib.util.find_spec(module) is None:
        pytest.skip(f"there is no {module}; make wheel brings it")
    assert wheel.name in checked("--only", check, wheel)


def test_no_newer_glibc_is_asked_for(wheel: Path, tmp_path: Path) -> None:
    """What auditwheel says, read in another way: from the names of versions in the files."""
    with zipfile.ZipFile(wheel) as content:
        files = [name for name in content.namelist() if ".so" in name]
        content.extractall(tmp_path, files)
    assert len(files) == 2
    for name in files:
        text = (tmp_path / name).read_bytes()
        asked = {part.split(b"\0")[0] for part in text.split(b"\0GLIBC_2.")[1:]}
        numbers = [int(number.split(b".")[0]) for number in asked]
        assert numbers and max(numbers) <= 28, f"{name}: {asked}"


@needs("cc")
def test_c_programs_find_the_library_in_it(wheel: Path, tmp_path: Path) -> None:
    site = tmp_path / "site"
    with zipfile.ZipFile(wheel) as content:
        content.extractall(site)
    desk = Desk(tmp_path / "desk")
    path = {"PYTHONPATH": str(site), "PATH": os.environ["PATH"]}
    command = [sys.executable, "-m", "candle_ffi", "config", "--cflags", "--libs"]
    told = subprocess.run(
        command, cwd=desk.folder, env=path, capture_output=True, text=True, check=True
    )
    assert str(site) in told.stdout
    for name in ("hello", "train_regression"):
        check_output(name, desk.run(desk.compile(name, f"{name}_linked", *told.stdout.split())))


def test_it_works_where_there_is_no_compiler(wheel: Path, tmp_path: Path) -> None:
    site, desk = tmp_path / "site", tmp_path / "desk"
    with zipfile.ZipFile(wheel) as content:
        content.extractall(site)
    desk.mkdir()
    shutil.copy(ROOT / "tools" / "smoke.py", desk)
    alone = {"PATH": str(desk), "PYTHONPATH": str(site), "HOME": str(desk)}
    done = subprocess.run(
        [sys.executable, "smoke.py"], cwd=desk, env=alone, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert f"in {site}" in done.stdout
