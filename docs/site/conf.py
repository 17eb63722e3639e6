"""Sphinx's settings for the site; `build.py` writes the pages and starts it."""

from __future__ import annotations

from typing import Any

from sphinx.addnodes import pending_xref
from sphinx.domains.python import PyObject
from sphinx.transforms.post_transforms import SphinxPostTransform

import candle_ffi

project = "candle_ffi"
author = "the candle_ffi authors"
copyright = author
release = version = candle_ffi.__version__
html_title = f"candle_ffi {release}"

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx_copybutton"]
exclude_patterns = ["_build"]
html_theme = "furo"
html_show_sphinx = False
html_copy_source = False
html_static_path = ["static"]
html_css_files = ["site.css"]

myst_heading_anchors = 4
myst_enable_extensions = ["smartquotes"]
copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True

autodoc_typehints = "none"
autodoc_member_order = "bysource"
napoleon_numpy_docstring = True
napoleon_google_docstring = False
napoleon_use_rtype = False
napoleon_use_ivar = True
# Names in single backquotes are links where there is such a name, and code where there is none.
default_role = "py:obj"
toc_object_entries_show_parents = "hide"
add_module_names = False
python_display_short_literal_types = True


class Names(SphinxPostTransform):
    """Leaves words that are no names of this package as they are.

    The Python domain takes `int` for `candle_ffi.int`, and the parameter `data` for a method of
    that name.
    """

    default_priority = 5

    def run(self, **kwargs: Any) -> None:
        """Replace references by their contents."""
        for node in list(self.document.findall(pending_xref)):
            target = node["reftarget"]
            guess = node.get("refdomain") == "py" and node["reftype"] in ("class", "obj", "exc")
            known = target.startswith("candle_ffi.") or target[:1].isupper()
            if guess and not known:
                node.replace_self(node.children)


def find(app: Any, env: Any, node: Any, content: Any) -> Any:
    """Lead the names of classes to their pages; others are text."""
    if node.get("refdomain") != "py" or node["reftype"] not in ("class", "obj", "exc"):
        return None
    domain = env.get_domain("py")
    full = f"candle_ffi.{node['reftarget'].rpartition('.')[2]}"
    if full not in domain.objects:
        return content
    return domain.resolve_xref(env, node["refdoc"], app.builder, "obj", full, node, content)


def skip(app: Any, what: str, name: str, thing: Any, skipped: bool, options: Any) -> bool | None:
    """Leave out what scikit-learn adds to estimators."""
    return True if name.startswith("set_") and name.endswith("_request") else None


def plain(
    app: Any, what: str, name: str, thing: Any, options: Any, signature: str | None, *rest: Any
) -> tuple[str, None] | None:
    """Leave out how exceptions are made: users catch them. Built-in warnings have no signature."""
    return ("", None) if what == "exception" and signature is not None else None


def setup(app: Any) -> None:
    """Connect what is above."""
    app.add_post_transform(Names)
    app.connect("missing-reference", find)
    app.connect("autodoc-skip-member", skip)
    app.connect("autodoc-process-signature", plain)
    for field in PyObject.doc_field_types:
        if field.name == "variable":
            field.label = "Attributes"
