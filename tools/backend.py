"""The build backend: that of setuptools, which asks for the compiler of CUDA where it is wanted.

Whoever builds (pip, uv, build) then brings the wheels into the environment that it makes for the
build, by its own rules: indexes, caches, no network.
"""

from __future__ import annotations

import os
from typing import Any

from setuptools import build_meta
from setuptools.build_meta import *  # noqa: F403

from tools import cuda, cuda_toolkit


def _compiler() -> list[str]:
    if not cuda.wanted() or os.environ.get("CUDA_HOME"):
        return []
    return cuda_toolkit.requirements()


def get_requires_for_build_wheel(config_settings: Any = None) -> list[str]:
    """Return what building a wheel needs beyond pyproject.toml."""
    return [*build_meta.get_requires_for_build_wheel(config_settings), *_compiler()]


def get_requires_for_build_editable(config_settings: Any = None) -> list[str]:
    """Return what building in place needs beyond pyproject.toml."""
    return [*build_meta.get_requires_for_build_editable(config_settings), *_compiler()]
