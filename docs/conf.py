"""The site of the documentation: `sphinx-build -c docs . SITE`, of the pages where they stand in the repository.

Made here is what stands beside the pages: the navigation, which is what docs/index.md lists, and the reference out of
docstrings.
"""

from __future__ import annotations

import re
from itertools import pairwise

from sphinx.application import Sphinx

from longspan import __version__

project = "longspan"
version = release = __version__
extensions = ["myst_parser", "sphinx.ext.autodoc"]

root_doc = "docs/index"
include_patterns = ["*.md", "docs/**.md", "benchmarks/**.md"]
exclude_patterns = [".*", "build", "dist", "src", "tests", "site"]
myst_heading_anchors = 4
myst_links_external_new_tab = False

default_role = "code"
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_default_options = {"members": True, "show-inheritance": True}
python_use_unqualified_type_names = True
python_maximum_signature_line_length = 88

html_theme = "furo"
html_title = f"longspan {__version__}"
html_additional_pages = {"index": "start.html"}
templates_path = ["templates"]
html_copy_source = False
html_use_index = False

GROUP = re.compile(r"^## (.+)$", re.MULTILINE)
LINK = re.compile(r"^\* \[([^\]]+)\]\(([^)#]+)\.md\)", re.MULTILINE)


def navigation(text: str) -> str:
    """The trees of a page that lists other pages under headings."""
    heads = [*GROUP.finditer(text)]
    ends = [*(after.start() for _, after in pairwise(heads)), len(text)]
    trees = []
    for head, end in zip(heads, ends, strict=True):
        pages = "\n".join(f"{title} <{page}>" for title, page in LINK.findall(text, head.end(), end))
        trees.append(f"```{{toctree}}\n:hidden:\n:caption: {head[1]}\n\n{pages}\n```\n")
    return "\n".join(trees)


def add_navigation(_: Sphinx, name: str, source: list[str]) -> None:
    """Appends the trees to pages that list others, which read as plain lists where no site is made of them."""
    if name == root_doc:
        source[0] += f"\n{navigation(source[0])}"
    elif name == "docs/methods/README":
        source[0] += "\n```{toctree}\n:hidden:\n:glob:\n\n*\n```\n"


def setup(app: Sphinx) -> None:
    app.connect("source-read", add_navigation)
