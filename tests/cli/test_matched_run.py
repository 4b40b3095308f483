"""A cohort matched to a Table 1, from the command line."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from hepatrial.cli.app import app

WISH = """
[[population.table1]]
variable = "bilirubin"
mean = "340 umol/L"
sd = "130 umol/L"
grade = "seen"
source = "a test"
"""


@pytest.mark.slow
def test_effective_n_and_largest_miss_are_printed_when_a_table_1_is_asked_for(
    tmp_path: Path, monkeypatch
) -> None:
    monkeypatch.chdir(tmp_path)
    runner = CliRunner()
    assert runner.invoke(app, ["new", "mine"]).exit_code == 0
    protocol = tmp_path / "mine.toml"
    protocol.write_text(protocol.read_text(encoding="utf-8") + WISH, encoding="utf-8")
    result = runner.invoke(app, ["run", "mine.toml", "--replicates", "2", "--pairs", "4"])
    assert result.exit_code == 0, result.output
    assert "effective N" in result.stdout
    assert "largest miss" in result.stdout
