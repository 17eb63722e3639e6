"""What a release is made with: the version and its news, the workflows, cibuildwheel's settings."""

from __future__ import annotations

import itertools
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from installed import ROOT

sys.path.insert(0, str(ROOT))
from tools.layout import version
from tools.release import news

sys.path.remove(str(ROOT))

# As a command: `python -m` in this folder would find build.py in place of the tool it imports.
CIBUILDWHEEL = Path(sys.executable).parent / "cibuildwheel"
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
CHANGELOG = """# Changelog

## [Unreleased]

## [1.2.0] - 2026-01-02

### Added

- A thing.

## [1.1.0] - 2026-01-01

- Another.
"""


def test_news_are_those_of_the_version() -> None:
    assert news("v1.2.0", CHANGELOG, "1.2.0") == "### Added\n\n- A thing.\n"
    assert news("v1.1.0", CHANGELOG, "1.1.0") == "- Another.\n"


@pytest.mark.parametrize(
    ("tag", "changelog", "stated", "message"),
    [
        ("v1.2.0", CHANGELOG, "1.3.0", "the tag is v1.2.0, but Cargo.toml states 1.3.0"),
        ("v1.3.0", CHANGELOG, "1.3.0", r"nothing under \[1.3.0\]"),
        (
            "v1.2.0",
            CHANGELOG.replace("[Unreleased]\n", "[Unreleased]\n\n- More.\n"),
            "1.2.0",
            r"still has something under \[Unreleased\]",
        ),
    ],
)
def test_a_tag_that_cannot_be_released(tag: str, changelog: str, stated: str, message: str) -> None:
    with pytest.raises(SystemExit, match=message):
        news(tag, changelog, stated)


def test_the_command_says_what_is_amiss() -> None:
    command = [sys.executable, "-m", "tools.release", f"v{version()}.999"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 1
    assert "Cargo.toml states" in done.stderr


def read(path: Path) -> dict:
    """A workflow; YAML takes the key `on` to be true."""
    yaml = pytest.importorskip("yaml")
    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    content["on"] = content.pop(True)
    return content


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_a_workflow_is_sound(path: Path) -> None:
    content = read(path)
    # No job may write unless it says so.
    assert content["permissions"] == {"contents": "read"}
    jobs = content["jobs"]
    for job in jobs.values():
        needed = job.get("needs", [])
        assert set([needed] if isinstance(needed, str) else needed) <= set(jobs)
        assert ("uses" in job) != ("steps" in job)
        for step in job.get("steps", []):
            assert ("uses" in step) != ("run" in step)


def test_only_a_tag_is_published_without_a_password() -> None:
    jobs = read(ROOT / ".github" / "workflows" / "release.yml")["jobs"]
    publish = jobs["publish"]
    assert publish["permissions"] == {"id-token": "write"}
    assert publish["environment"]["name"] == "pypi"
    assert publish["if"] == "github.ref_type == 'tag'"
    assert {"test", "sources", "wheels", "archives"} <= set(publish["needs"])
    assert not any("secrets." in str(job) for job in jobs.values())


def test_the_modules_that_workflows_run_are_there() -> None:
    for path in WORKFLOWS:
        words = path.read_text(encoding="utf-8").split()
        for flag, module in itertools.pairwise(words):
            if flag == "-m" and module.startswith("tools."):
                assert (ROOT / f"{module.replace('.', '/')}.py").exists(), module


@pytest.mark.skipif(shutil.which("actionlint") is None, reason="there is no actionlint")
def test_actionlint_finds_nothing() -> None:
    done = subprocess.run(["actionlint"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


@pytest.mark.skipif(not CIBUILDWHEEL.exists(), reason="no cibuildwheel; make wheel brings it")
@pytest.mark.parametrize(
    ("platform", "ending"),
    [("linux", "manylinux_x86_64"), ("macos", "macosx_arm64"), ("windows", "win_amd64")],
)
def test_cibuildwheel_takes_its_settings(platform: str, ending: str) -> None:
    command = [CIBUILDWHEEL, "--print-build-identifiers", "--platform", platform]
    command += ["--archs", "x86_64"] if platform == "linux" else []
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    pythons = ["cp310", "cp311", "cp312", "cp313", "cp314", "cp314t"]
    assert done.stdout.split() == [f"{python}-{ending}" for python in pythons]


def test_the_packages_of_other_languages_have_the_version() -> None:
    pom = (ROOT / "bindings" / "java" / "pom.xml").read_text()
    assert f"<artifactId>candle-ffi</artifactId>\n  <version>{version()}</version>" in pom
    for name in ("package.json", "package-lock.json"):
        assert json.loads((ROOT / "bindings" / "node" / name).read_text())["version"] == version()
