"""The edge of the command line: JSON also for a wrong option, tables of narrow terminals."""

from __future__ import annotations

import json
from collections.abc import Callable
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console
from typer.testing import CliRunner

from hepatrial.cli import asks_for_json, edge, main
from hepatrial.cli.app import app


@pytest.mark.parametrize(
    "words", [["predict", "--json"], ["claims", "--format", "json"], ["x", "--format=json"]]
)
def test_json_is_asked_for_in_three_spellings(words: list[str]) -> None:
    assert asks_for_json(words)
    assert not asks_for_json(["claims", "json", "--format", "html"])


@pytest.mark.parametrize(
    "words", [["predict", "--json", "--drawz", "3"], ["predict", "--json", "--draws", "x"]]
)
def test_a_wrong_option_is_told_in_json(
    words: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["hepatrial", *words])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    (problem,) = json.loads(capsys.readouterr().out)["problems"]
    assert problem["place"] == "hepatrial predict"
    assert "--draw" in problem["given"]


def terminal(width: int, made: list[StringIO]) -> Callable[..., Console]:
    def console(**_: object) -> Console:
        made.append(StringIO())
        return Console(file=made[-1], force_terminal=True, width=width, color_system=None)

    return console


def test_a_table_too_wide_for_the_terminal_becomes_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [("a class with a long name", *("0.40 (0.00 to 0.67)" for _ in range(7)))]
    columns = ("class", *(f"figure {i}" for i in range(7)))
    shown = {}
    for width in (80, 200):
        made: list[StringIO] = []
        monkeypatch.setattr(edge, "Console", terminal(width, made))
        edge.print_table("Title", columns, rows)
        shown[width] = made[0].getvalue()
    assert "figure 6 0.40 (0.00 to 0.67)" in " ".join(shown[80].split())
    assert max(map(len, shown[80].splitlines())) <= 80
    assert "figure 6 0.40" not in shown[200]


def test_a_page_that_exists_is_refused_before_anything_is_predicted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = tmp_path / "page.html"
    page.write_text("mine")
    monkeypatch.setattr("hepatrial.prediction.predict_study", lambda *_, **__: pytest.fail("predicted"))
    for words in (["evidence", "predict", "dheliver", "--page"], ["claims", "--recompute", "--out"]):
        found = CliRunner().invoke(app, [*words, str(page)])
        assert found.exit_code == 2
        assert "does not exist yet" in found.output
    assert page.read_text() == "mine"
