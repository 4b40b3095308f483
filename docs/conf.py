"""Sphinx settings; `make docs` builds with warnings as errors. The pages load nothing from the network."""

import os
import sys
from pathlib import Path

import hepatrial

sys.path.insert(0, str(Path(__file__).parent))
import make_credibility
import make_equations
import make_figures
import make_reference
import show_cells

make_reference.write_generated()
make_credibility.write_generated()
make_equations.write_generated()
make_figures.write_generated()

project = "hepatrial"
author = "The hepatrial authors"
copyright = "2026, The hepatrial authors"
version = release = hepatrial.__version__
language = "en"

# Pages with cells run in an empty folder each, with the command of this environment on the path.
os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
os.environ["COLUMNS"] = "94"
nb_execution_mode = "force"
nb_execution_raise_on_error = True
nb_execution_in_temp = True
nb_execution_timeout = 1200
nb_output_stderr = "remove"
nb_merge_streams = True
extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
exclude_patterns = ["_build"]
myst_heading_anchors = 3
suppress_warnings = ["myst.header"]
smartquotes = False

autodoc_typehints = "description"
autodoc_member_order = "bysource"
napoleon_numpy_docstring = False

html_theme = "furo"
html_static_path = ["_static"]
html_css_files = ["docs.css"]
html_title = f"hepatrial {version}"
html_show_sourcelink = False
html_show_sphinx = False


def setup(app: object) -> None:
    """Called by Sphinx."""
    show_cells.setup(app)
