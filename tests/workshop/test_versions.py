"""One version everywhere."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from importlib import metadata
from pathlib import Path

import hepatrial

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def test_the_installed_version_is_that_of_pyproject() -> None:
    assert metadata.version("hepatrial") == PROJECT["version"]
    assert hepatrial.__version__ == PROJECT["version"]


def test_the_citation_names_the_same_version_title_and_licence() -> None:
    text = (ROOT / "CITATION.cff").read_text()
    assert re.search(r"^version: (.*)$", text, re.M)[1] == PROJECT["version"]  # type: ignore[index]
    assert re.search(r"^license: (.*)$", text, re.M)[1] == PROJECT["license"]  # type: ignore[index]
    assert re.search(r'^title: "hepatrial: ', text, re.M)


def test_the_changelog_has_a_section_for_the_version() -> None:
    assert f"\n## {PROJECT['version']}" in (ROOT / "CHANGELOG.md").read_text()


def test_the_licence_is_apache_2() -> None:
    text = (ROOT / "LICENSE").read_text()
    assert "Apache License" in text
    assert "Version 2.0, January 2004" in text
    assert "END OF TERMS AND CONDITIONS" in text


def test_the_command_prints_the_version() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "hepatrial", "--version"], capture_output=True, text=True, check=True
    )
    assert done.stdout == f"hepatrial {PROJECT['version']}\n"


def test_help_and_version_load_none_of_the_heavy_packages() -> None:
    code = (
        "import sys\n"
        "from typer.testing import CliRunner\n"
        "from hepatrial.cli.app import app\n"
        "for words in (['--help'], ['--version'], ['run', '--help']):\n"
        "    assert CliRunner().invoke(app, words).exit_code == 0\n"
        "heavy = {'numpy', 'scipy', 'polars', 'llvmlite', 'antimony', 'libsbml', 'altair', 'jinja2'}\n"
        "print(sorted(heavy & set(sys.modules)))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_every_public_name_can_be_loaded_and_the_rest_is_refused() -> None:
    for name in hepatrial.__all__:
        assert getattr(hepatrial, name) is not None
    assert set(hepatrial.__all__) == set(dir(hepatrial))
    assert not hasattr(hepatrial, "run_trials")
