"""From a real run folder to its report: what is gathered is what the run and the evidence say."""

from __future__ import annotations

import json

import pytest

from hepatrial import evidence
from hepatrial.errors import BadInput
from hepatrial.protocol import load_protocol
from hepatrial.report import comparison_table, write_figures, write_report
from hepatrial.report.gather import gather
from hepatrial.schema import MARK
from hepatrial.trial import RunFolder, run_trial


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A very small run of the published trial."""
    out = tmp_path_factory.mktemp("report") / "run"
    return run_trial(load_protocol("lin2017"), patients=12, replicates=2, pairs=12, seed=5, out=out)


@pytest.mark.slow
def test_the_report_of_a_run_is_written_twice_with_the_same_bytes(run):
    page = write_report(run)
    first = (page.read_bytes(), (run.path / "results.json").read_bytes())
    again = write_report(RunFolder.open(run.path))
    assert page == run.path / "report.html"
    assert (again.read_bytes(), (run.path / "results.json").read_bytes()) == first
    assert MARK["en"] in first[0].decode()
    assert json.loads(first[1])["provenance"]["run_hash"] == run.hash
    assert write_report(run, lang="zh").read_bytes() != first[0]
    assert (run.path / "results.json").read_bytes() == first[1]


@pytest.mark.slow
def test_published_numbers_keep_the_use_that_the_evidence_declares(run):
    facts = gather(run)
    trial = evidence.published("lin2017")
    declared = {(p.arm, p.week): p.use for arm in trial.arms for p in trial.survival_of(arm)}
    found = {(p.arm, p.week): p.role for p in facts.published if p.endpoint == "survival"}
    assert {key: use.split(",")[0] for key, use in declared.items()} == found
    assert all(p.low is None for p in facts.published if p.role == "article")
    infections = {p.arm: (p.count, p.of) for p in facts.published if p.endpoint == "severe_infection"}
    assert infections == {"msc": (9, 56), "smt": (18, 54)}


@pytest.mark.slow
def test_what_the_run_holds_is_what_the_facts_hold(run):
    facts = gather(run)
    steps = {step["name"]: step["count"] for step in run.acceptance["steps"]}
    assert facts.candidates == sum(steps.values())
    assert facts.candidates - sum(step.count for step in facts.steps) == steps["admitted"]
    assert [arm.name for arm in facts.controls] == ["smt"]
    assert sum(variant.weight for variant in facts.variants) == pytest.approx(1)
    assert facts.run_hash == run.hash
    assert len({card.name for card in facts.cards}) == len(facts.cards) > 150


@pytest.mark.slow
def test_figures_are_written_one_by_one_as_svg_and_png(run, tmp_path):
    drawn = write_figures(run, tmp_path / "svg")
    assert {path.suffix for path in drawn} == {".svg"}
    assert len(drawn) == 9
    assert {"figure-km", "figure-subgroups-msc"} <= {path.stem for path in drawn}
    assert all(run.hash[:12] in path.read_text("utf-8") for path in drawn)
    painted = write_figures(run, tmp_path / "png", lang="zh", form="png")
    assert [path.stem for path in painted] == [path.stem for path in drawn]
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in painted)


@pytest.mark.slow
def test_the_comparison_of_a_run_is_in_either_language(run):
    table = comparison_table(run)
    assert {row["endpoint"] for row in table} == {"survival", "severe_infection"}
    assert "Published" in str(table)
    assert "已发表" in str(comparison_table(run, lang="zh"))


@pytest.mark.slow
def test_a_language_or_a_form_that_there_is_not_is_refused_and_nothing_is_written(run, tmp_path):
    before = sorted(path.name for path in run.path.iterdir())
    with pytest.raises(BadInput):
        write_report(run, lang="fr")
    with pytest.raises(BadInput, match="svg"):
        write_figures(run, tmp_path / "none", form="pdf")
    assert sorted(path.name for path in run.path.iterdir()) == before
    assert not (tmp_path / "none").exists()
