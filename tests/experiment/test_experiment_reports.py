"""Experiments as a user meets them: misses first, marks, no evidence for patients, files."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from hepatrial.cli.app import app
from hepatrial.errors import BadInput
from hepatrial.experiment import EXPERIMENTS, run_experiment, write_experiment
from hepatrial.experiment.figures import drawings, panel_figure
from hepatrial.experiment.findings import beside_published, published, verdict
from hepatrial.experiment.report import counts, html
from hepatrial.experiment.types import NOT_EVIDENCE, ORDER
from hepatrial.experiment.words import texts
from hepatrial.schema import MARK

RUN = CliRunner()
SOURCE = Path(__file__).parents[2] / "src" / "hepatrial"


@pytest.fixture(scope="module")
def made():
    return {name: run_experiment(name) for name in ("migration", "biodistribution", "secretome")}


def test_misses_come_first_and_recalled_figures_judge_nothing(made):
    for experiment in made.values():
        order = [ORDER.index(one.verdict) for one in experiment.findings]
        assert order == sorted(order)
        for one in experiment.findings:
            if one.grade == "recalled":
                assert one.verdict in ("shown", "construction")


def test_a_verdict_follows_the_range_and_the_direction():
    row = published()["biodistribution"]["liver_day_10"]
    assert [verdict(row, value) for value in (0.12, 0.15, 0.2)] == ["miss", "kept", "miss"]
    ratio = published()["biodistribution"]["spleen_over_liver"]
    assert [verdict(ratio, value) for value in (0.5, 1.0, 1.5)] == ["miss", "miss", "kept"]
    assert verdict(row.model_copy(update={"construction": True}), 9.0) == "construction"
    assert verdict(row.model_copy(update={"grade": "recalled"}), 9.0) == "shown"


def test_every_published_figure_has_its_number_and_no_other(made):
    simulated = {one.key: one.simulated for one in made["migration"].findings}
    with pytest.raises(AssertionError):
        beside_published("migration", {**simulated, "other": 1.0})


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_every_page_and_figure_says_what_it_is_not(made, lang):
    for experiment in made.values():
        page = html(experiment, lang)
        assert NOT_EVIDENCE[lang] in page
        assert f'<p class="mark">{MARK[lang]}' in page
        for svg in drawings(experiment, lang).values():
            assert MARK[lang].split("，")[0].split(".")[0] in svg
            assert experiment.hash[:12] in svg


def test_a_treated_curve_is_never_drawn_alone(made):
    experiment = made["migration"]
    treated = [curve for curve in experiment.curves if curve.panel == "by_gradient" and not curve.control]
    with pytest.raises(ValueError, match="never shown alone"):
        panel_figure(experiment, "by_gradient", treated, "en", 500)
    for one in made.values():
        for panel in {curve.panel for curve in one.curves}:
            assert any(curve.control for curve in one.curves if curve.panel == panel), panel


def test_experiments_reach_no_fit_no_pool_and_no_claim():
    for package in (
        "calibration",
        "evidence",
        "claims",
        "analysis",
        "population",
        "trial",
        "report",
        "prediction",
    ):
        for path in (SOURCE / package).rglob("*.py"):
            text = path.read_text(encoding="utf-8")
            assert "hepatrial.experiment" not in text, path
            assert "mechanisms.toml" not in text, path


def test_the_same_experiment_gives_the_same_bytes_and_a_folder_of_something_else_is_refused(made, tmp_path):
    first, second = tmp_path / "a", tmp_path / "b"
    write_experiment(made["migration"], first)
    write_experiment(run_experiment("migration"), second)
    write_experiment(made["migration"], first)
    for path in first.iterdir():
        assert path.read_bytes() == (second / path.name).read_bytes()
    results = json.loads((first / "results.json").read_text())
    assert results["mark"] == MARK
    (tmp_path / "c").mkdir()
    (tmp_path / "c" / "mine.txt").write_text("x")
    with pytest.raises(BadInput, match="--out"):
        write_experiment(made["migration"], tmp_path / "c")
    assert [path.name for path in (tmp_path / "c").iterdir()] == ["mine.txt"]


def test_the_command_prints_misses_first_and_pure_json(tmp_path):
    told = RUN.invoke(app, ["experiment", "biodistribution", "--out", str(tmp_path / "x")])
    assert told.exit_code == 0
    table = told.output.partition("misses first")[2]
    assert table.index("missed  ") < table.index("agrees  ") < table.index("put in  ")
    assert NOT_EVIDENCE["en"] in told.output
    pure = json.loads(RUN.invoke(app, ["experiment", "migration", "--json"]).stdout)
    assert pure["experiment"] == "migration"
    assert pure["not_evidence"] == NOT_EVIDENCE
    chinese = RUN.invoke(app, ["experiment", "migration", "--lang", "zh"])
    assert MARK["zh"] in chinese.output


@pytest.mark.parametrize("asked", [["migraton"], ["migration", "--lang", "fr"]])
def test_bad_input_ends_with_two_and_writes_nothing(asked, tmp_path):
    told = RUN.invoke(app, ["experiment", *asked, "--out", str(tmp_path / "x")])
    assert told.exit_code == 2
    assert not (tmp_path / "x").exists()


def test_every_text_is_in_both_languages_and_every_series_and_panel_has_one(made):
    for group in texts().values():
        for entry in group.values():
            assert {"en", "zh"} <= set(entry)
    for experiment in made.values():
        for curve in experiment.curves:
            assert curve.panel in texts()["panels"]
            assert curve.series in texts()["series"]
    assert set(EXPERIMENTS) == set(texts()["titles"]) == set(published())


@pytest.mark.slow
def test_the_long_experiments_run_and_say_what_goes_with_each_mechanism():
    whole = {name: run_experiment(name) for name in ("differentiation", "mouse")}
    lost = {one.mechanism: one.share_lost for one in whole["mouse"].knock_outs}
    assert lost["secretome"] == pytest.approx(1.0)
    assert abs(lost["differentiation"]) < 0.05
    for experiment in whole.values():
        assert counts(experiment)["misses"] >= 1
        assert html(experiment, "zh")


def test_the_places_of_an_axis_are_written_so_that_no_two_are_alike(made):
    svg = drawings(made["migration"], "en")["by_gradient"]
    places = next(x for x in made["migration"].curves if x.panel == "by_gradient").x
    assert all(f">{x:.3g}</text>" in svg for x in places), places
