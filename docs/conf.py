"""Sphinx settings; `make docs` builds with warnings as errors. The pages load nothing from the network."""

import sys
from pathlib import Path

import hepatrial

sys.path.insert(0, str(Path(__file__).parent))
import make_credibility
import make_equations
import make_figures
import make_reference

make_reference.write_generated()
make_credibility.write_generated()
make_equations.write_generated()
make_figures.write_generated()

project = "hepatrial"
author = "The hepatrial authors"
copyright = "2026, The hepatrial authors"
version = release = hepatrial.__version__
language = "en"

nb_execution_mode = "force"
nb_execution_raise_on_error = True
nb_execution_timeout = 300
extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
exclude_patterns = ["_build"]
myst_heading_anchors = 3
suppress_warnings = ["myst.header"]

autodoc_typehints = "description"
autodoc_member_order = "bysource"
napoleon_numpy_docstring = False

html_theme = "furo"
html_static_path = ["_static"]
html_css_files = ["equations.css"]
html_title = f"hepatrial {version}"
html_show_sourcelink = False
html_show_sphinx = False
