"""Predictive draws: invariances and widths on worlds made by hand, then the whole way with the engine."""

from __future__ import annotations

import json
import tomllib
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import polars as pl
import pytest
from typer.testing import CliRunner

from hepatrial.calibration import Ensemble, Origin, prior_ensemble
from hepatrial.cli.app import app
from hepatrial.errors import BadInput
from hepatrial.prediction import predict as module
from hepatrial.prediction import predict_study, study_from_dict
from hepatrial.prediction.planned import plan_study
from hepatrial.prediction.predict import COLUMNS, MODELS, Task, draw_rows, map_parts, member_of, spread_of
from hepatrial.prediction.sampling import Spread
from hepatrial.prediction.study import Study
from hepatrial.prediction.world import ArmCourses, World
from hepatrial.schema import MARK

TEXT = """
[study]
id = "try"
definition = "CMA"
country = "China"
[etiology]
hbv = 1.0
[arms.gcsf]
n = 60
drugs = ["g_csf"]
[arms.smt]
n = 60
[[endpoints]]
kind = "survival"
day = 90
[[endpoints]]
kind = "survival"
day = 28
[[endpoints]]
kind = "severe_infection"
day = 90
[[endpoints]]
kind = "lab_change"
measure = "bilirubin"
day = 28
[[endpoints]]
kind = "hazard_ratio"
day = 90
[[endpoints]]
kind = "risk_difference"
day = 90
"""


def study(**arms: Any) -> Study:
    data = tomllib.loads(TEXT)
    for name, changes in arms.items():
        data["arms"].setdefault(name, {}).update(changes)
    return study_from_dict(data)


def world(of: Study, risk: float = 0.4, m: int = 300) -> World:
    """Patients of whom a share dies evenly over 90 days, the same in every arm."""
    rng = np.random.default_rng(1)
    death = np.where(np.arange(m) < risk * m, np.linspace(1, 89, m), np.inf)
    infection = np.where(rng.random(m) < 0.3, 20.0, np.inf)
    before = {"bilirubin": np.full(m, 320.0)}
    labs = {("bilirubin", 28.0): np.where(death > 28, 150.0 + 30 * rng.standard_normal(m), np.nan)}
    event = {"death": death, "death_or_transplant": death, "severe_infection": infection}
    courses = ArmCourses(np.full(m, 1 / m), event, before, labs)
    return World(dict.fromkeys(of.arms, courses), m, 1000, float(m), (), 0.0, False)


def one_world(variant: str) -> Ensemble:
    """An ensemble of the model's centre alone."""
    between = {"mortality": 0.3, "infection": 0.3, "laboratory": 0.1}
    return Ensemble(({},), (variant,), np.ones(1), between, Origin("prior", "", "", "", 1))


def task(of: Study, spread: Spread | None = None) -> Task:
    ensemble = one_world("no_effect")
    nothing, spread = cast(Any, None), spread or spread_of(of, ensemble)
    return Task(of, nothing, ensemble, nothing, spread, map_parts(of, frozenset()), MODELS, 100, 3)


def table(
    of: Study,
    spread: Spread | None = None,
    draws: int = 120,
    risk: float = 0.4,
    models: tuple[str, ...] = MODELS,
) -> pl.DataFrame:
    made = replace(task(of, spread), models=models)
    alike = world(of, risk)
    rows = [row for draw in range(draws) for row in draw_rows(made, alike, draw)]
    return pl.DataFrame(rows, schema=COLUMNS, orient="row")


def values(made: pl.DataFrame, endpoint: str, arm: str, model: str) -> np.ndarray:
    mine = made.filter((pl.col("endpoint") == endpoint) & (pl.col("arm") == arm) & (pl.col("model") == model))
    return mine["value"].to_numpy()


def test_the_name_of_the_study_moves_no_number() -> None:
    one, two = (table(replace(study(), id=name), draws=10) for name in ("a", "b"))
    assert one.drop("study").equals(two.drop("study"))


def test_the_order_of_the_arms_moves_no_number() -> None:
    made = study()
    turned = replace(made, arms=dict(reversed(made.arms.items())))
    keys = ["endpoint", "arm", "model", "draw"]
    assert table(made, draws=10).sort(keys).equals(table(turned, draws=10).sort(keys))


def test_survival_never_rises_with_time_in_any_draw_of_any_model() -> None:
    made = table(study(), draws=40)
    for model in MODELS:
        for arm in ("gcsf", "smt"):
            early, late = (values(made, f"survival_d{day}", arm, model) for day in (28, 90))
            assert (late <= early).all()


def test_a_larger_study_is_predicted_more_narrowly_down_to_the_doubt_between_studies() -> None:
    spread = Spread(0.2, 0.2, 0.05)

    def sd(n: int) -> float:
        of = study(smt={"n": n}, gcsf={"n": 1})
        of = replace(of, endpoints=of.endpoints[:1])
        made = table(of, spread, draws=400, models=("mechanistic",))
        return float(np.std(values(made, "survival_d90", "smt", "mechanistic")))

    small, middle, large = sd(10), sd(60), sd(600)
    assert small > middle > large
    between = 0.2 * 0.24  # the logit's SD times p (1 - p)
    for found, n in ((small, 10), (middle, 60), (large, 600)):
        assert found**2 == pytest.approx(0.24 / n + between**2, rel=0.25)


def test_a_level_is_centred_at_the_worlds_risk() -> None:
    assert float(np.mean(values(table(study()), "survival_d90", "smt", "mechanistic"))) == pytest.approx(
        0.6, abs=0.03
    )


def log_ratio(centres: int | None, model: str = "mechanistic") -> np.ndarray:
    of = replace(study(gcsf={"n": 1000}, smt={"n": 1000}), centres=centres)
    return np.log(values(table(of), "hazard_ratio_death_d90", "gcsf vs smt", model))


def test_an_unknown_treatment_widens_the_contrast_and_keeps_its_centre() -> None:
    contrast, plain = log_ratio(20), log_ratio(20, "no_effect")
    assert float(np.std(contrast)) > 3 * float(np.std(plain))
    assert abs(float(np.mean(contrast))) < 0.15
    assert abs(float(np.mean(plain))) < 0.05


def test_a_trial_of_one_hospital_is_expected_to_print_more_benefit() -> None:
    one, told_nothing, several = (float(np.mean(log_ratio(n))) for n in (1, None, 20))
    assert one < told_nothing < several
    assert float(np.mean(log_ratio(1, "no_effect") - log_ratio(20, "no_effect"))) == 0.0


def test_without_effect_the_control_arm_is_that_of_the_published_controls() -> None:
    made = table(study(), draws=30)
    assert (
        values(made, "survival_d90", "smt", "no_effect") == values(made, "survival_d90", "smt", "map_control")
    ).all()


def test_rivals_that_know_deaths_only_say_nothing_of_the_rest() -> None:
    made = table(study(), draws=4)
    told = {model: set(made.filter(pl.col("model") == model)["endpoint"]) for model in MODELS}
    assert "severe_infection_d90" in told["mechanistic"] & told["no_effect"]
    assert told["map_control"] == told["severity_score"] == {
        "survival_d90", "survival_d28", "hazard_ratio_death_d90", "risk_difference_death_d90",
    }  # fmt: skip


def test_a_definition_without_fitted_hazards_is_wider() -> None:
    ensemble = task(study()).ensemble
    fitted, other = (
        spread_of(replace(study(), definition=tag), ensemble) for tag in ("cossh", "compensated_cirrhosis")
    )
    assert other.mortality == pytest.approx(1.5 * fitted.mortality)


def test_worlds_of_a_larger_prediction_begin_with_those_of_a_smaller() -> None:
    ensemble = prior_ensemble(50, 1)
    picked = [member_of(ensemble, 5, block, 0).variant for block in range(40)]
    assert picked[:10] == [member_of(ensemble, 5, block, 0).variant for block in range(10)]
    used = {id(member_of(ensemble, 5, block, 0).settings) for block in range(50)}
    assert len(used) > 40  # the golden ratio spreads evenly over equal weights


def test_a_mirror_arm_or_control_is_planned_for_every_study() -> None:
    data = tomllib.loads(TEXT)
    del data["arms"]["smt"]
    data["endpoints"] = data["endpoints"][:1]
    assert len(plan_study(study_from_dict(data)).protocol.arms) == 2
    del data["arms"]["gcsf"]["drugs"]
    assert len(plan_study(study_from_dict(data)).protocol.arms) == 2


@pytest.mark.parametrize(
    ("options", "place"),
    [
        ({"draws": 0}, "--draws"),
        ({"models": ("magic",)}, "--models"),
        ({"seed": -1}, "--seed"),
        ({"models": ()}, "--models"),
    ],
)
def test_impossible_options_are_refused(options: dict[str, Any], place: str) -> None:
    with pytest.raises(BadInput) as caught:
        predict_study(study(), **options)
    assert [problem.place for problem in caught.value.problems] == [place]


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Small worlds of the model's own centre, so that the whole way takes seconds."""
    one = one_world("macrophage_switch")
    monkeypatch.setattr(module, "shipped_ensemble", lambda: one)
    monkeypatch.setattr("hepatrial.prediction.world.POOL", 60)
    monkeypatch.setattr("hepatrial.prediction.world.CHUNK", 256)
    monkeypatch.setattr("hepatrial.prediction.world.FEWEST", 20)


@pytest.mark.usefixtures("small")
def test_the_whole_way_resumes_and_a_larger_prediction_begins_with_the_smaller(tmp_path: Path) -> None:
    few = predict_study(study(), draws=4, out=tmp_path / "few", threads=1)
    assert tuple(few.draws.columns) == COLUMNS
    assert few.draws.schema["draw"] == pl.Int32
    assert few.facts["effective_n"] > 0
    more = predict_study(study(), draws=6, out=tmp_path / "more", threads=2)
    keys = ["endpoint", "arm", "model", "draw"]
    begins = more.draws.filter(pl.col("draw") < 4)
    assert begins.sort(keys).equals(few.draws.sort(keys))
    (tmp_path / "more" / "shards" / "block-00001.parquet").unlink()
    again = predict_study(study(), draws=6, out=tmp_path / "more", threads=1)
    assert again.draws.equals(more.draws)
    with pytest.raises(BadInput, match="another specification"):
        predict_study(study(), draws=4, seed=2, out=tmp_path / "few")


@pytest.mark.usefixtures("small")
def test_what_other_code_predicted_is_not_gone_on_with(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    predict_study(study(), draws=2, out=tmp_path, threads=1)
    monkeypatch.setattr(module, "source_hash", lambda _parts: "of other code")
    with pytest.raises(BadInput, match="another specification"):
        predict_study(study(), draws=2, out=tmp_path)


@pytest.mark.usefixtures("small")
def test_the_command_prints_intervals_mark_and_misses_and_writes_the_tables(tmp_path: Path) -> None:
    file = tmp_path / "study.toml"
    file.write_text(TEXT + '[baseline]\nage = "70 (5)"\nplatelets = "100 (50)"\ncrp = "12 (3)"\n')
    run = CliRunner().invoke(app, ["predict", str(file), "--draws", "4", "--out", str(tmp_path / "out")])
    assert run.exit_code == 0, run.output
    for words in (
        "cannot be matched",
        "age: 70 asked",
        "effective number",
        "Not evidence of benefit",
        "Hash",
        "crp",
    ):
        assert words in run.output
    written = {path.name for path in (tmp_path / "out").iterdir()}
    assert {"draws.parquet", "draws.csv", "facts.json", "summary.txt", "spec.json"} <= written
    told = pl.read_parquet_metadata(tmp_path / "out" / "draws.parquet")
    assert told["mark"] == MARK["en"]
    table = pl.read_csv(tmp_path / "out" / "draws.csv")
    assert tuple(table.columns) == COLUMNS
    asked = CliRunner().invoke(
        app, ["predict", str(file), "--draws", "4", "--out", str(tmp_path / "out"), "--json"]
    )
    told = json.loads(asked.stdout)
    assert told["misses"][0]["label"] == "age"
    assert {row["model"] for row in told["endpoints"]} == set(MODELS)


def test_a_bad_study_file_ends_with_2_and_writes_nothing(tmp_path: Path) -> None:
    file = tmp_path / "study.toml"
    file.write_text("[study]\ndefinition = 'x'\n[arms.a]\nm = 3\n")
    run = CliRunner().invoke(app, ["predict", str(file), "--out", str(tmp_path / "out")])
    assert run.exit_code == 2
    assert not (tmp_path / "out").exists()
    for words in ("study.definition", "arms.a.m", "arms.a.n"):
        assert words in run.output


def test_stromal_cells_bring_a_wide_residual_on_laboratory_values_and_none_on_inr() -> None:
    endpoints = tomllib.loads(TEXT)["endpoints"][3:4]
    data = tomllib.loads(TEXT) | {"endpoints": endpoints}
    data["arms"] = {"cells": {"n": 2000, "products": ["uc_msc"]}, "smt": {"n": 2000}}
    of = study_from_dict(data)
    made = table(of, draws=200, models=("mechanistic",))
    gap = values(made, "lab_change_bilirubin_d28", "cells", "mechanistic") - values(
        made, "lab_change_bilirubin_d28", "smt", "mechanistic"
    )
    sd = 30.0  # of the patients' changes in the world made by hand
    assert float(np.mean(gap)) == pytest.approx(-0.12 * sd, abs=0.06 * sd)
    assert float(np.std(gap)) == pytest.approx(0.25 * sd, rel=0.25)
    (cells,) = of.arms["cells"].given
    assert "inr" not in cells.laboratory
    assert all(abs(centre) < sd for centre, sd in cells.laboratory.values())
