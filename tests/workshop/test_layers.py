"""The import order of docs/architecture.md, held for every module of src."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "src" / "hepatrial"
FRONT = {"__init__", "__main__"}
"""The package's front door, above all rows."""


def rows() -> list[tuple[str, list[str], str]]:
    """(row name, its packages in order, what it may know) from the table of the document."""
    text = (ROOT / "docs" / "architecture.md").read_text()
    table = re.search(r"\| row \| packages \| may know \|\n\|[-|]+\|\n((?:\|.*\n)+)", text)
    assert table is not None
    found = []
    for line in table[1].splitlines():
        name, packages, knows = (cell.strip() for cell in line.strip("|").split("|"))
        listed = " ".join(re.findall(r"`([^`]*)`", packages)).split()
        found.append((name, listed, knows))
    return found


def allowed() -> dict[str, set[str]]:
    """What each package may import: the rows named (and what those may know) and earlier siblings."""
    table = rows()
    may: dict[str, set[str]] = {}
    for index, (_, packages, knows) in enumerate(table):
        above: set[str] = set()
        if knows == "all of the above":
            above = {package for _, earlier, _ in table[:index] for package in earlier}
        elif knows != "nothing":
            for word in re.split(r",\s*", knows.removesuffix(" only")):
                named = next((listed for name, listed, _ in table[:index] if name == word), [word])
                above |= {*named, *(below for package in named for below in may[package])}
        for position, package in enumerate(packages):
            may[package] = above | set(packages[:position])
    return may


def imports(path: Path) -> set[str]:
    """First-level hepatrial packages that a module imports anywhere in it, also inside functions."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import, write the full name"
            names = [node.module or ""]
            if node.module == "hepatrial":
                names = [f"hepatrial.{alias.name}" for alias in node.names]
        else:
            continue
        found |= {name.split(".")[1] for name in names if name.startswith("hepatrial.")}
    return found


def modules() -> list[Path]:
    return sorted(path for path in PACKAGE.rglob("*.py"))


def owner(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def test_the_table_names_every_package_and_nothing_else() -> None:
    owners = {owner(path) for path in modules()} - FRONT
    assert owners == set(allowed())


def test_the_table_says_what_the_design_says() -> None:
    may = allowed()
    words = {"schema", "errors", "units", "rng", "provenance", "cache"}
    assert may["model"] == words
    assert may["analysis"] == words
    assert may["evidence"] == {*words, "analysis"}
    assert may["engine"] == {*words, "model"}
    assert may["trial"] == {*words, "model", "engine", "ensemble", "protocol", "population"}


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_module_imports_only_from_rows_above(path: Path) -> None:
    package = owner(path)
    if package in FRONT:
        return
    beyond = imports(path) - allowed()[package] - {package}
    assert not beyond, f"{path.relative_to(ROOT)} imports {sorted(beyond)}"


def test_an_import_against_the_order_is_seen_wherever_it_stands(tmp_path: Path) -> None:
    source = tmp_path / "module.py"
    source.write_text("def f():\n    from hepatrial import trial\n    import hepatrial.report.figures\n")
    assert imports(source) == {"trial", "report"}
