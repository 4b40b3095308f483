"""What the documents say can be done, can be done: links, commands, cells."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOCS = [page for page in (ROOT / "docs").rglob("*.md") if page.parent.name != "generated"]
PAGES = sorted([*ROOT.glob("*.md"), *DOCS, *ROOT.glob("*/README.md")])
SIGNATURES = ROOT / "docs" / "architecture.md"
"""Its cells show how calls look; they are no program."""
WITH_CELLS = [
    page
    for page in PAGES
    if page != SIGNATURES and re.search(r"^```(python|console)$", page.read_text(), re.M)
]


def name(page: Path) -> str:
    return str(page.relative_to(ROOT))


def cells(page: Path, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", page.read_text(), re.M | re.S)


def commands(page: Path) -> list[str]:
    """The lines that a reader would type: those after a dollar sign in console cells."""
    return [
        line[2:] for cell in cells(page, "console") for line in cell.splitlines() if line.startswith("$ ")
    ]


def notebook_cells(page: Path) -> list[str]:
    """The cells of a MyST notebook, which ``make docs`` executes."""
    return re.findall(r"^```\{code-cell\}\n(.*?)^```$", page.read_text(), re.M | re.S)


def notebook_commands(page: Path) -> list[str]:
    """The lines of its cells that call hepatrial, continued lines joined."""
    lines = "\n".join(notebook_cells(page)).replace("\\\n", " ").splitlines()
    return [line.split(" 2>&1")[0] for line in lines if line.startswith("hepatrial ")]


NOTEBOOKS = [page for page in PAGES if notebook_cells(page)]


def targets() -> set[str]:
    return set(re.findall(r"^([a-z-]+):.*## ", (ROOT / "Makefile").read_text(), re.M))


def anchors(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.*)$", page.read_text(), re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_link_inside_the_project_leads_somewhere(page: Path) -> None:
    text = re.sub(r"```.*?```", "", page.read_text(), flags=re.S)
    broken = []
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        if path.removeprefix("../").startswith("generated/"):
            continue  # made by make docs, which fails on a broken link
        there = (page.parent / path).resolve() if path else page
        if not there.exists() or (anchor and anchor not in anchors(there)):
            broken.append(target)
    assert broken == []


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_make_target_named_in_a_document_exists(page: Path) -> None:
    text = page.read_text()
    named = set(re.findall(r"`make ([a-z-]+)`", text))
    named |= {command.split()[1] for command in commands(page) if command.startswith("make ")}
    assert named - targets() == set()


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_command_named_in_a_document_exists_with_its_options(page: Path) -> None:
    from typer.testing import CliRunner

    from hepatrial.cli.app import app

    for line in (*commands(page), *notebook_commands(page)):
        words = shlex.split(line, comments=True)
        if words[0] != "hepatrial":
            continue
        path = [word for word in words[1:3] if re.fullmatch(r"[a-z-]+", word)]
        deep = path[:2] if path[0] in ("model", "evidence", "validate", "cache") else path[:1]
        shown = CliRunner().invoke(app, [*deep, "--help"], env={"COLUMNS": "200"})
        assert shown.exit_code == 0, line
        for option in (word for word in words[1:] if word.startswith("--")):
            assert option in shown.stdout, f"{option} in: {line}"


def test_every_command_has_an_example_that_it_understands() -> None:
    """Parsed, not run: options, choices and numbers of arguments are those of the command."""
    import typer.main

    from hepatrial.cli.app import app

    wrong = []
    for name, command in typer.main.get_command(app).commands.items():
        for inner in getattr(command, "commands", {name: command}).values():
            path = [name] if inner is command else [name, inner.name]
            examples = re.findall(r"^ +(hepatrial .*?)$", inner.epilog or "", re.M)
            wrong += [] if examples else [f"{' '.join(path)}: no example"]
            for line in examples:
                words = shlex.split(re.sub(r"\s\(.*\)$|\s>.*$", "", line.strip()))
                try:
                    assert words[1 : 1 + len(path)] == path
                    inner.make_context(inner.name, words[1 + len(path) :])
                except Exception as error:
                    wrong.append(f"{line.strip()}: {error!r}")
    assert wrong == []


def test_both_readmes_have_the_same_headings_commands_cells_and_links() -> None:
    english, chinese = ROOT / "README.md", ROOT / "README.zh-CN.md"
    levels = [re.findall(r"^(#+) ", page.read_text(), re.M) for page in (english, chinese)]
    assert levels[0] == levels[1]
    assert commands(english) == commands(chinese)
    assert cells(english, "python") == cells(chinese, "python")
    links = [set(re.findall(r"\]\(([^)\s]+)\)", page.read_text())) for page in (english, chinese)]
    pictures = {"docs/images/app.png", "docs/images/app.zh-CN.png"}
    assert links[0] ^ links[1] == {"README.md", "README.zh-CN.md", *pictures}
    figures = [re.findall(r"\d[\d,.]*\d", page.read_text()) for page in (english, chinese)]
    assert sorted(figures[0]) == sorted(figures[1])


@pytest.mark.parametrize("page", ["README.md", "README.zh-CN.md"])
def test_the_readme_gives_the_two_set_up_commands_and_a_small_picture(page: str) -> None:
    text = (ROOT / page).read_text()
    assert commands(ROOT / page)[:2] == ["make demo", "make test"]
    [picture] = re.findall(r"!\[[^\]]+\]\(([^)]+)\)", text)
    data = (ROOT / picture).read_bytes()
    assert data.startswith(b"\x89PNG")
    assert len(data) < 300_000


@pytest.mark.parametrize("page", NOTEBOOKS, ids=name)
def test_a_page_with_cells_is_a_notebook_whose_failing_cell_fails_the_build(page: Path) -> None:
    assert page.read_text().startswith("---\nfile_format: mystnb\n")
    for cell in notebook_cells(page):
        assert not cell.startswith("%%bash") or cell.startswith("%%bash -e\n")
        assert not re.search(r"^!", cell, re.M), "a command after ! may fail unseen"
    settings = (ROOT / "docs" / "conf.py").read_text()
    assert 'nb_execution_mode = "force"' in settings
    assert "nb_execution_raise_on_error = True" in settings


def test_ci_runs_the_tests_and_then_the_checks() -> None:
    lines = (ROOT / ".ci" / "run").read_text().splitlines()
    assert [line for line in lines if line.startswith("make ")] == ["make test", "make check"]


@pytest.mark.slow
@pytest.mark.parametrize("page", WITH_CELLS, ids=name)
def test_the_cells_of_a_page_run_in_an_empty_folder(page: Path, tmp_path: Path) -> None:
    """The commands first, in order, then the Python cells as one program."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    for line in commands(page):
        words = shlex.split(line, comments=True)
        if words[0] != "hepatrial":
            continue
        done = subprocess.run(
            [sys.executable, "-m", *words],
            cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=300, check=False,
        )  # fmt: skip
        wanted = int(match[1]) if (match := re.search(r"# exits (\d+)", line)) else 0
        assert done.returncode == wanted, f"{line}\n{done.stderr}"
    program = "\n".join(cells(page, "python"))
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program],
        cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


def test_the_page_of_the_command_line_is_what_the_help_says() -> None:
    made = subprocess.run(
        [sys.executable, "-c", "import make_reference; print(make_reference.cli_page(), end='')"],
        cwd=ROOT / "docs", capture_output=True, text=True, check=True,
        env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
    )  # fmt: skip
    wanted = (ROOT / "docs" / "cli.md").read_text()
    assert made.stdout == wanted, "run: python docs/make_reference.py"


@pytest.mark.slow
@pytest.mark.parametrize("script", sorted((ROOT / "examples").glob("*.py")), ids=name)
def test_an_example_runs_in_an_empty_folder_and_is_listed(script: Path, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", str(script)],
        cwd=tmp_path, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout
    assert script.name in (ROOT / "examples" / "README.md").read_text()


@pytest.mark.parametrize("page", ["README.md", "README.zh-CN.md"])
def test_the_skill_that_a_readme_tells_is_that_of_the_scoreboard(page: str) -> None:
    from hepatrial.prediction.scoreboard import CONTROL_CLASS, beside, scoreboard, stored_draws

    rows = {row["class"]: row for row in scoreboard(beside(stored_draws()[0]))}
    text = (ROOT / page).read_text()
    for name in ("same disease and product as fitted", "another disease, definition or product"):
        skill = rows[f"predicted levels: {name}"]["skill"]["map_control"]["value"]
        assert f"{skill:+.2f}" in text, f"{page} must tell the skill on {name}: {skill:+.2f}"
    controls = rows[CONTROL_CLASS]["skill"]
    for rival in ("no_effect", "severity_score"):
        for key, mark in (("value", "+.2f"), ("low", ".2f"), ("high", ".2f")):
            assert f"{controls[rival][key]:{mark}}" in text, f"{page}: {key} of control arms, {rival}"


def test_the_map_of_the_code_names_every_package_and_files_that_exist() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text()
    table = text.partition("## Map of the code")[2].partition("Besides:")[0]
    code = ROOT / "src" / "hepatrial"
    told = set()
    for line in table.splitlines():
        cells = line.strip("|").split("|")
        packages = re.findall(r"`(\w+)`", cells[0])
        told |= set(packages)
        for file in re.findall(r"`([\w./]+)`", cells[-1]) if packages else ():
            assert any((code / package / file).exists() for package in packages), f"{packages}: {file}"
    assert told == {path.parent.name for path in code.glob("*/__init__.py")}


@pytest.mark.parametrize("page", ["README.md", "README.zh-CN.md"])
def test_what_a_readme_tells_of_cohorts_left_out_and_of_the_fit_is_what_is_stored(page: str) -> None:
    from hepatrial.calibration.shipped import taught
    from hepatrial.prediction.scoreboard import left_out_classes, stored_left_out

    text = (ROOT / page).read_text()
    stored = stored_left_out()
    assert stored is not None
    without = left_out_classes(stored)[0]
    assert f"{100 * without['coverage_90']['value']:.0f} %" in text
    assert re.search(rf"\b{without['numbers']}\b", text)
    assert f"{without['skill']['map_control']['value']:+.2f}" in text
    misses = [abs(row["miss"]) for row in taught()["misses"]]
    told = {"README.md": "None of", "README.zh-CN.md": "没有一个"}[page]
    assert not any(miss > 2 for miss in misses)
    assert told in text
    assert re.search(rf"\b{len(misses)}\b", text)
    assert f"{max(misses):.1f}" in text
