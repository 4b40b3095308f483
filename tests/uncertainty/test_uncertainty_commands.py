"""The three commands: bad input at once, work that is kept, equal answers."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from hepatrial.cli.app import app
from hepatrial.uncertainty.units import do_units

RUNNER = CliRunner()


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["sensitivity", "lin2017", "--method", "moris", "--factor", "flair", "--patients", "1"],
         ["morris", "flare", "--patients"]),
        (["sensitivity", "lin2017", "--method", "sobol", "--number", "60"], ["--factor", "power of two"]),
        (["attribute", "lin2017", "--arm", "mcs", "--members", "1", "--lang", "fr"],
         ["msc", "--members", "--lang"]),
        (["voi", "lin2017", "--measurement", "scd163", "--measured", "0", "--threshold", "2", "--arm", "x"],
         ["scd163_day_3", "--measured", "--threshold", "--arm"]),
        (["attribute", "lin2071"], ["lin2017"]),
    ],
)  # fmt: skip
def test_everything_wrong_is_told_at_once_and_nothing_is_written(words, told, tmp_path):
    out = tmp_path / "out"
    result = RUNNER.invoke(app, [*words, "--out", str(out)])
    assert result.exit_code == 2, result.output
    for word in told:
        assert word in result.stderr
    assert not out.exists()


def test_units_that_are_there_are_not_done_again_and_an_interrupted_analysis_goes_on(tmp_path):
    done = []

    def unit(name, fails=False):
        def work():
            if fails:
                raise KeyboardInterrupt
            done.append(name)
            return {"value": len(name)}

        return work

    with pytest.raises(KeyboardInterrupt):
        do_units(
            tmp_path / "o", {"a": 1}, {"one": unit("one"), "three": unit("three", True)}, stage="s", threads=1
        )
    found = do_units(
        tmp_path / "o", {"a": 1}, {"one": unit("one"), "three": unit("three")}, stage="s", threads=1
    )
    assert found == {"one": {"value": 3}, "three": {"value": 5}}
    assert done == ["one", "three"]


@pytest.mark.slow
def test_the_commands_answer_in_json_and_again_from_the_folder(tmp_path):
    small = {
        "attribute": ["--members", "2", "--patients", "12"],
        "voi": ["--members", "2", "--patients", "12"],
        "sensitivity": ["--factor", "flare", "--factor", "death_base", "--number", "2", "--patients", "12"],
    }
    for name, words in small.items():
        asked = [name, "lin2017", *words, "--threads", "1", "--json", "--out", str(tmp_path / name)]
        first, again = (RUNNER.invoke(app, asked) for _ in range(2))
        assert first.exit_code == 0, first.output
        assert json.loads(first.stdout) == json.loads(again.stdout)
        assert json.loads(first.stdout)["mark"] == "Simulated. No patients. Not evidence of benefit."
        page = (tmp_path / name / "report.html").read_text()
        assert page.count("Not evidence of benefit") >= 3
        assert "http" not in page.replace("http://www.w3.org", "")
