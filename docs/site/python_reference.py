"""The pages of the Python reference: which names are on which page, each name once."""

from __future__ import annotations

import importlib
import inspect
import re
from functools import cache
from types import ModuleType
from typing import Any

from pages import ROOT

import candle_ffi as cf

FOLDER = "reference/python"
#: Pages of the top package: a title, the families of `docs/ops.md`, and the modules that are there.
TOP: list[tuple[str, str, str, str]] = [
    ("creation", "Creation", "create", "creation creation_like memory interop"),
    ("random", "Random numbers", "random", "random sampling"),
    (
        "elementwise",
        "Arithmetic and functions",
        "arithmetic math math_more compare convert",
        "arithmetic compare",
    ),
    ("reductions", "Reductions", "reduce vector_norm scan sort", "reduce"),
    ("products", "Products", "matmul products distance bilinear", "einsum"),
    (
        "shapes",
        "Shapes, indices and joining",
        "shape rearrange join index scatter",
        "shape scatter spellings",
    ),
    ("in-place", "In-place operations", "in_place", ""),
    ("gradients", "Gradients", "", "autograd"),
    ("dtypes-and-devices", "Dtypes and devices", "", "dtype device cuda streams cuda_random"),
    ("files", "Files", "", "io restoring serialization.safetensors"),
    ("precision", "Precision", "", "amp.autocast_mode backends.precision"),
    ("errors", "Exceptions", "", "errors"),
    ("library", "The library", "", "threads diagnostics"),
]
#: Packages that have a page each, or one for each of their modules.
PACKAGES = [
    "nn",
    "nn.functional",
    "nn.init",
    "nn.utils",
    "nn.utils.parametrizations",
    "nn.utils.parametrize",
    "nn.utils.rnn",
    "optim",
    "optim.lr_scheduler",
    "optim.swa_utils",
    "data",
    "transforms",
    "training",
    "sklearn",
    "checkpoint",
    "models",
    "profiler",
    "amp",
    "backends.cuda",
    "backends.cudnn",
]
SPLIT = {"nn", "nn.functional"}


def module(name: str) -> ModuleType:
    """Return a module of the package."""
    return importlib.import_module(f"candle_ffi.{name}")


@cache
def families() -> dict[str, str]:
    """Return the family of each operation, as the generated table has it."""
    found: dict[str, str] = {}
    family = ""
    for line in (ROOT / "docs" / "ops.md").read_text().splitlines():
        if line.startswith("## "):
            family = line[3:]
        elif match := re.match(r"\| `(\w+)`", line):
            found[match[1]] = family
    return found


def heading_of(home: str) -> str:
    """Return what a module or a family of operations is, as a heading."""
    if "." in home:
        about = importlib.import_module(home).__doc__ or ""
    else:
        table = (ROOT / "docs" / "ops.md").read_text()
        about = table.partition(f"\n## {home}\n\n")[2]
    heading = re.split(r"[:;.,]", about.strip())[0]
    return heading.removesuffix(" as modules").removesuffix(" under PyTorch's signatures")


def title(text: str, line: str = "=") -> str:
    """Return a title of reStructuredText."""
    return f"{text}\n{line * len(text)}\n\n"


def directive(name: str, thing: Any) -> str:
    """Return what documents a thing."""
    if inspect.isclass(thing):
        if issubclass(thing, BaseException):
            # Which built-in class it is matters; its own attributes are those of `CandleError`.
            return f".. autoexception:: {name}\n   :show-inheritance:\n\n"
        return f".. autoclass:: {name}\n   :members:\n\n"
    if callable(thing):
        return f".. autofunction:: {name}\n\n"
    if isinstance(thing, cf.DType):
        kind = "Floating point" if thing.is_floating_point else "Whole numbers"
        kind = "Truth values" if thing is cf.bool else kind
        other = thing.name != name.rpartition(".")[2]
        same = f", the same as `candle_ffi.{thing.name}`" if other else ""
        about = f"{kind}, {thing.itemsize} bytes an element{same}."
        return f".. py:data:: {name}\n\n   {about}\n\n"
    if isinstance(thing, (float, str)):
        return f".. py:data:: {name}\n\n   ``{thing!r}``\n\n"
    # Switches and what has them, of which the comment in the source says what they are.
    return f".. autodata:: {name}\n   :no-value:\n\n"


class Reference:
    """All pages, by their names, and what was documented on the way."""

    def __init__(self) -> None:
        self.done: dict[int, str] = {}
        self.pages: dict[str, str] = {}
        self.entries: list[str] = []
        self.tensor()
        for page in TOP:
            self.top(*page)
        for package in PACKAGES:
            self.package(package)
        self.rest()
        self.index()

    def entry(self, name: str, thing: Any) -> str:
        """Return the documentation of a thing, or a reference to where it is already."""
        simple = isinstance(thing, (cf.DType, bool, float, str))
        if not simple and id(thing) in self.done:
            return ""
        if not simple:
            self.done[id(thing)] = name
        return directive(name, thing)

    def add(self, page: str, heading: str, body: str) -> None:
        """Add a page to the navigation of the reference."""
        self.pages[f"{FOLDER}/{page}"] = title(heading) + body
        self.entries.append(page)

    def tensor(self) -> None:
        """Write the page of `Tensor`, whose operations are documented as functions."""
        mixins = [base for base in cf.Tensor.__mro__ if base.__module__.startswith("candle_ffi.")]
        own = [base for base in mixins if not base.__module__.startswith("candle_ffi._")]
        body = ".. autoclass:: candle_ffi.Tensor\n\n"
        self.done[id(cf.Tensor)] = "candle_ffi.Tensor"
        seen: set[str] = set()
        for base in own:
            names = [
                name
                for name, value in vars(base).items()
                if not name.startswith("_") and name not in seen and documented(value)
            ]
            seen |= set(names)
            body += title(HEADINGS[base.__name__], "-")
            for name in sorted(names):
                kind = "autoattribute" if isinstance(vars(base)[name], property) else "automethod"
                body += f".. {kind}:: candle_ffi.Tensor.{name}\n\n"
        operations = sorted(
            name for name in vars(mixins[-2]) if not name.startswith("_") and name not in seen
        )
        body += title("Operations as methods", "-")
        body += "As the functions, whose first parameter is the tensor.\n\n"
        links = ", ".join(f":py:func:`{name}() <{self.function(name)}>`" for name in operations)
        body += links + "\n\n"
        body += title("Size", "-") + self.entry("candle_ffi.Size", cf.Size)
        self.add("tensor", "Tensor", body)

    @staticmethod
    def function(name: str) -> str:
        """Return the public name of an operation."""
        functional = module("nn.functional")
        there = getattr(functional, name, None)
        same = there is getattr(cf, name, there) and families().get(name) not in ELEMENTARY
        if there and same:
            return f"candle_ffi.nn.functional.{name}"
        return f"candle_ffi.{name}" if hasattr(cf, name) else f"candle_ffi.Tensor.{name}"

    def top(self, page: str, heading: str, kinds: str, modules: str) -> None:
        """Write a page of names of the top package."""
        kind_of = families()
        sources = {f"candle_ffi.{name}" for name in modules.split()}
        body = ""
        # Constants stand behind what they are of.
        for name in sorted(cf.__all__, key=lambda name: (is_dtype(name), name.lower())):
            thing = getattr(cf, name)
            home = getattr(thing, "__module__", None)
            operation = home == "candle_ffi._ops" and kind_of.get(name) in kinds.split()
            constant = isinstance(thing, cf.DType) and "dtype" in modules.split()
            if operation or home in sources or constant:
                body += self.entry(f"candle_ffi.{name}", thing)
        # What the modules have beside.
        wider = {f"candle_ffi.{name}" for name in ("autograd", "cuda", "backends.precision")}
        for source in sorted(sources & wider):
            home = importlib.import_module(source)
            for name in home.__all__:
                thing = getattr(home, name)
                if not inspect.ismodule(thing):
                    body += self.entry(f"{source}.{name}", thing)
        self.add(page, heading, body)

    def package(self, name: str) -> None:
        """Write the page of a package; with its modules as pages below, where it is large."""
        package = module(name)
        full = f"candle_ffi.{name}"
        body = f".. py:module:: {full}\n\n{package.__doc__ or ''}\n\n"
        homes: dict[str, str] = {}
        elsewhere = []
        for public in package.__all__:
            thing = getattr(package, public)
            if inspect.ismodule(thing):
                continue
            text = self.entry(f"{full}.{public}", thing)
            if not text:
                elsewhere.append(f":py:obj:`{public} <{self.done[id(thing)]}>`")
                continue
            home = getattr(thing, "__module__", full)
            if home == "candle_ffi._ops":
                home = families()[public]
            homes[home] = homes.get(home, "") + text
        if elsewhere:
            body += f"Also here: {', '.join(elsewhere)}.\n\n"
        if name in SPLIT:
            body += ".. toctree::\n   :maxdepth: 2\n\n"
            for home in sorted(homes, key=heading_of):
                file = home.rpartition(".")[2]
                body += f"   {name}/{file}\n"
                self.pages[f"{FOLDER}/{name}/{file}"] = title(heading_of(home)) + homes[home]
        else:
            body += "".join(homes.values())
        self.add(name, full, body)

    def rest(self) -> None:
        """Write what is left of the top package: results of operations, and those of networks."""
        body = ""
        for name in cf.__all__:
            thing = getattr(cf, name)
            if not inspect.ismodule(thing):
                simple = isinstance(thing, cf.DType)
                body += "" if simple else self.entry(f"candle_ffi.{name}", thing)
        about = "What `nn.functional` has in another form, and what operations return.\n\n"
        self.add("networks", "Operations of networks", about + body)

    def index(self) -> None:
        """Write the first page of the reference."""
        body = "Every public name, once; names that are in two places lead to one.\n\n"
        top = [page for page in self.entries if page not in PACKAGES]
        for caption, pages in (("candle_ffi", top), ("Packages", PACKAGES)):
            body += f".. toctree::\n   :caption: {caption}\n   :maxdepth: 1\n\n"
            body += "".join(f"   python/{page}\n" for page in pages) + "\n"
        self.pages[FOLDER] = title("Python") + ".. py:module:: candle_ffi\n\n" + body


HEADINGS = {
    "Tensor": "Attributes, conversions and operators",
    "Arithmetic": "Arithmetic",
    "Casts": "Casts and moves",
    "Gradients": "Gradients",
    "Memory": "Memory and other libraries",
    "Reductions": "Reductions",
    "Scattering": "Scattering",
    "Shapes": "Shapes",
    "Spellings": "Further spellings",
}
ELEMENTARY = {kind for _, _, kinds, _ in TOP for kind in kinds.split()}


def is_dtype(name: str) -> bool:
    """Whether a name of the package is that of a dtype."""
    return isinstance(getattr(cf, name), cf.DType)


def documented(value: Any) -> bool:
    """Whether a member of a class is public and says what it does."""
    return bool(value.__doc__) and (callable(value) or isinstance(value, property))
