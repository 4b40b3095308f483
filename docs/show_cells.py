"""How the cells of the how-to pages look: commands after a dollar sign, files under their name.

The pages are MyST notebooks. A cell of commands begins with ``%%bash -e`` and a cell that writes a file with
``%%writefile NAME``: words of IPython, which readers of the built pages need not know.
"""

from __future__ import annotations

import re
from importlib import import_module
from typing import Any

from docutils import nodes
from joined_streams import joined

SHELL = "%%bash -e"
FILE = "%%writefile "
COLOURS = re.compile(r"\x1b(\[[0-9;]*[A-Za-z]?)?")
LANGUAGES = {"toml": "toml", "csv": "text", "ant": "text", "py": "python", "txt": "text", "sh": "bash"}


def console(text: str) -> str:
    """Commands of a cell as they look in a terminal; a line that goes on has no dollar sign."""
    shown, goes_on = [], False
    for line in text.splitlines():
        shown.append(line if goes_on or not line else f"$ {line}")
        goes_on = line.endswith("\\")
    return "\n".join(shown)


def dress(doctree: nodes.document) -> None:
    """Change the code blocks of a page that begin with a word of IPython."""
    for block in list(doctree.findall(nodes.literal_block)):
        if block.get("language") == "myst-ansi":  # kernels ask programs for colours
            _replace(block, COLOURS.sub("", block.astext()), "text")
            continue
        first, _, rest = block.rawsource.partition("\n")
        if first == SHELL:
            _replace(block, console(rest), "console")
        elif first.startswith(FILE):
            name = first.removeprefix(FILE)
            kind = LANGUAGES.get(name.rpartition(".")[2], "text")
            _replace(block, rest, kind)
            label = nodes.paragraph("", "", nodes.literal("", name), classes=["file-name"])
            cell = block.parent.parent  # the cell holds its input, which holds the block, and its output
            cell.children = [block.parent]
            cell.insert(0, label)


def _replace(block: nodes.literal_block, text: str, language: str) -> None:
    block["language"] = language
    block.rawsource = text
    block.children = []
    block += nodes.Text(text)


def setup(app: Any) -> None:
    """Called by ``conf.py``: change every page once it is read and its cells are executed."""
    render = import_module("myst_nb.core.render")
    render.coalesce_streams = joined  # type: ignore[attr-defined]
    app.connect("doctree-read", lambda _, doctree: dress(doctree))
