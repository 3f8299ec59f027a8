"""The site of the docs: ``uv run --group docs sphinx-build -W --keep-going docs out/site``.

Pages are Markdown that GitHub shows as well. Warnings are errors in ``.ci/run``: a link, a symbol or a picture that is
not there, a formula that cannot be read, a page that the table of contents ``_toc.yml`` lacks.
"""

import sys
from importlib.metadata import version as version_of
from pathlib import Path

from pygments.lexers import TextLexer
from sphinx.application import Sphinx

sys.path.insert(0, str(Path(__file__).with_name("_site")))

project = "vertebroplasty"
author = "The vertebroplasty developers"
copyright = author
version = release = version_of("vertebroplasty")

extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.linkcode",
    "sphinx_external_toc",
    "mathml",
    "rooms",
    "sources",
]
exclude_patterns = ["_site"]
nitpicky = True

# Markdown as GitHub reads it
myst_enable_extensions = ["dollarmath"]
myst_fence_as_directive = ["math"]
myst_heading_anchors = 4
myst_links_external_new_tab = False
nb_execution_mode = "off"

# The reference: signatures with types, in the order of the source
autodoc_member_order = "bysource"
autodoc_default_options = {"members": True, "show-inheritance": False}
autodoc_preserve_defaults = True
add_module_names = False
toc_object_entries = False  # thousands of names, which the theme would copy for every page
python_maximum_signature_line_length = 100

# No script, font or picture comes from another server; formulas are MathML
html_theme = "furo"
html_title = f"vertebroplasty {version}"
html_math_renderer = "mathml"
html_copy_source = False
html_show_sourcelink = False
html_static_path = ["_site/static"]
html_css_files = ["site.css"]
html_theme_options = {
    "announcement": "Research software: not a medical device, not validated for patients, not for planning treatment.",
}


def setup(app: Sphinx) -> None:
    """Show tables of comma-separated values as they are; Pygments has no colours for them."""
    app.add_lexer("csv", TextLexer)
