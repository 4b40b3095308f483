"""Sphinx settings; `make docs` builds with warnings as errors. The pages load nothing from the network."""

import sys
from pathlib import Path

import hepatrial

sys.path.insert(0, str(Path(__file__).parent))
import make_credibility
import make_reference

make_reference.write_generated()
make_credibility.write_generated()

project = "hepatrial"
author = "The hepatrial authors"
copyright = "2026, The hepatrial authors"
version = release = hepatrial.__version__
language = "en"

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
exclude_patterns = ["_build"]
myst_heading_anchors = 3
suppress_warnings = ["myst.header"]

autodoc_typehints = "description"
autodoc_member_order = "bysource"
napoleon_numpy_docstring = False

html_theme = "furo"
html_title = f"hepatrial {version}"
html_show_sourcelink = False
html_show_sphinx = False
