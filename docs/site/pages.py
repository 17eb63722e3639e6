"""What the site is made of: its pages, where their texts are in the repository, and their order."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

#: The navigation: captions, and below each the pages as (name, text, title in the navigation).
#: A text is a path in the repository; a page without one is generated.
NAVIGATION: list[tuple[str, list[tuple[str, str | None, str | None]]]] = [
    (
        "First steps",
        [
            ("overview", "README.md", "Overview"),
            ("tutorial", "docs/tutorial.md", None),
            ("pytorch", "docs/pytorch.md", None),
            ("install", "docs/install.md", None),
            ("cuda", "docs/cuda.md", None),
        ],
    ),
    (
        "Guides",
        [
            ("data", "docs/data.md", None),
            ("images", "docs/images.md", None),
            ("training", "docs/training.md", None),
            ("checkpoints", "docs/checkpoints.md", None),
            ("sklearn", "docs/sklearn.md", None),
            ("profiling", "docs/profiling.md", None),
        ],
    ),
    (
        "Other languages",
        [
            ("c", "docs/c.md", "C"),
            ("cpp", "bindings/cpp/README.md", "C++"),
            ("go", "bindings/go/README.md", "Go"),
            ("java", "bindings/java/README.md", "Java"),
            ("node", "bindings/node/README.md", "Node"),
        ],
    ),
    (
        "Reference",
        [
            ("reference/python", None, None),
            ("ops", "docs/ops.md", None),
            ("layers", "docs/layers.md", None),
            ("reference/c", None, None),
        ],
    ),
    (
        "Performance",
        [
            ("performance", "docs/performance.md", "How it is measured"),
            ("benchmarks", "benches/results.md", "Results"),
        ],
    ),
    (
        "Design",
        [
            ("architecture", "ARCHITECTURE.md", None),
            ("abi", "docs/abi.md", None),
            ("decisions", None, None),
            ("adding-an-op", "docs/adding-an-op.md", "Adding an operation"),
            ("contributing", "CONTRIBUTING.md", None),
            ("releasing", "docs/releasing.md", None),
            ("changelog", "CHANGELOG.md", None),
        ],
    ),
]


def decisions() -> dict[str, str]:
    """Return the pages of the decisions: their names, and their paths in the repository."""
    found = sorted((ROOT / "docs" / "decisions").glob("*.md"))
    return {f"decisions/{path.stem}": str(path.relative_to(ROOT)) for path in found}


def texts() -> dict[str, str]:
    """Return every page that is a file of the repository: its name, and that file."""
    listed = {"index": "docs/index.md"}
    for _, pages in NAVIGATION:
        listed |= {name: path for name, path, _ in pages if path is not None}
    return listed | decisions()


def unlisted() -> list[str]:
    """Return the texts in `docs` that are on no page."""
    # The introduction of Doxygen's reference is a page there.
    others = {"docs/reference/introduction.md"}
    found = {str(path.relative_to(ROOT)) for path in (ROOT / "docs").rglob("*.md")}
    return sorted(found - set(texts().values()) - others)
