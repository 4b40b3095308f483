"""What the fitted cohorts teach of a study: second implementations, widths, coverage on made-up worlds,
sources."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import yaml
from scipy.special import expit, logit
from scipy.stats import kstest, multivariate_normal, norm

from hepatrial.prediction.calibrants import Point, all_points, load_calibrants
from hepatrial.prediction.deviation import Learned, Luck
from hepatrial.prediction.discrepancy import (
    CLASSES,
    FIXED,
    KIND,
    NEUTRAL,
    REPEATS,
    SCALES,
    Bend,
    Discrepancy,
    columns,
    effects_of,
    evidence_of,
    log_marginal,
    place_of,
    prior_discrepancy,
    restore,
    store,
    time_of,
)
from hepatrial.prediction.library import list_studies
from hepatrial.prediction.rivals.map_control import load_controls
from hepatrial.prediction.sampling import quantile_days
from hepatrial.prediction.scoreboard import load_seen
from hepatrial.prediction.study import Study, study_from_dict

SHARED = Path(__file__).parents[2].parent / "shared"
RNG = np.random.default_rng(5)
WIDTHS = np.array(list(SCALES.values()))


def study(definition: str = "cossh", etiology: str = "hbv", **baseline: str) -> Study:
    return study_from_dict(
        {
            "study": {"id": "try", "definition": definition},
            "etiology": etiology,
            "baseline": baseline,
            "arms": {"a": {"n": 100}},
        }
    )


def shown(gap: float = 0.0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A draw of the ensemble that shows every seen logit less ``gap``."""
    places = np.array([point.place for point in all_points()])
    return places - gap, np.full(len(places), 0.01), np.full(len(places), 0.1)


def one_draw(gap: float = 0.0, scales: np.ndarray | None = None) -> Discrepancy:
    logits, variance, missed = shown(gap)
    sds = np.tile(WIDTHS if scales is None else scales, (1, REPEATS, 1))
    return Discrepancy("none", logits[None], variance[None], missed[None], sds)


def level_sd(of: Study, made: Discrepancy) -> float:
    root = made.effects(of, 0, 0)["mortality"].root
    return math.sqrt(float((root @ root.T)[0, 0]))


def test_the_marginal_density_is_that_of_the_joint_normal_distribution() -> None:
    evidence = evidence_of("mortality")
    logits, variance, missed = (part[evidence.rows] for part in shown(0.3))
    design = evidence.design.copy()
    design[:, columns().index(("gain", "gain"))] = logits - NEUTRAL
    at = dict(zip(SCALES, WIDTHS, strict=True))
    prior = np.array([at[scale] for scale, _ in columns()]) ** 2
    cover = design @ np.diag(prior) @ design.T + evidence.sampling + np.diag(variance)
    for i, p in enumerate(evidence.points):
        for j, q in enumerate(evidence.points):
            if p.calibrant == q.calibrant:
                cover[i, j] += missed[i] * missed[j] + at["study"] ** 2
                cover[i, j] += at["time_study"] ** 2 * evidence.time[i] * evidence.time[j]
                cover[i, j] += at["unmatched"] ** 2 * evidence.unmatched[i] * evidence.unmatched[j]
    seen = np.array([p.place for p in evidence.points])
    n = len(seen)
    wanted = multivariate_normal(logits, cover).logpdf(seen) + 0.5 * n * math.log(2 * math.pi)
    found = log_marginal(evidence, WIDTHS[None], logits[None], variance[None], missed[None])
    assert found[0] == pytest.approx(wanted, abs=1e-6)


def test_effects_are_the_regression_of_bayes_in_its_other_form() -> None:
    """Precision form: (X' N^-1 X + L^-1)^-1 X' N^-1 y, where the module conditions the joint covariance."""
    evidence, of = evidence_of("mortality"), place_of(study("easl_clif", "alcohol", inr="1.9 (0.5)"))
    logits, variance, missed = (part[evidence.rows] for part in shown(0.5))
    design = evidence.design.copy()
    design[:, columns().index(("gain", "gain"))] = logits - NEUTRAL
    at = dict(zip(SCALES, WIDTHS, strict=True))
    prior = np.array([at[scale] for scale, _ in columns()]) ** 2
    both = np.outer(evidence.unmatched, evidence.unmatched)
    own = (
        at["study"] ** 2
        + at["unmatched"] ** 2 * both
        + at["time_study"] ** 2 * np.outer(evidence.time, evidence.time)
    )
    noise = evidence.same * (own + np.outer(missed, missed)) + evidence.sampling + np.diag(variance)
    inverse = np.linalg.inv(noise)
    cover = np.linalg.inv(design.T @ inverse @ design + np.diag(1 / prior))
    mean = cover @ design.T @ inverse @ (np.array([p.place for p in evidence.points]) - logits)
    found = effects_of(of, evidence, WIDTHS, logits, variance, missed)
    assert found.mean[0] == pytest.approx(of.level @ mean, abs=1e-6)
    wanted = of.level @ cover @ of.level + at["study"] ** 2
    assert (found.root @ found.root.T)[0, 0] == pytest.approx(wanted, abs=1e-6)


def test_a_class_or_tag_of_which_no_cohort_was_seen_is_wider() -> None:
    made = one_draw()
    known = level_sd(study("cossh", inr="2 (0.5)"), made)
    other_tag = level_sd(study("acute_liver_injury", "paracetamol", inr="2 (0.5)"), made)
    acute = level_sd(study("acute_liver_failure", "paracetamol", inr="2 (0.5)"), made)
    new_class = level_sd(study("apasl", "alcohol", inr="2 (0.5)"), one_draw())
    assert known < new_class
    assert acute < other_tag
    logits, variance, missed = shown()
    unknown = np.full((1, len(logits)), np.nan)
    nothing = Discrepancy("none", unknown, variance[None], missed[None], one_draw().scales)
    assert level_sd(study("cossh", inr="2 (0.5)"), nothing) > 1.3 * known


def test_a_table_without_severity_is_wider() -> None:
    made = one_draw()
    assert level_sd(study("cossh", age="45 (10)"), made) > level_sd(study("cossh", meld="23 (4)"), made)


def test_a_draw_that_shows_too_few_deaths_everywhere_is_set_right() -> None:
    of = study("cossh", meld="23 (4)")
    right, low = (one_draw(gap).effects(of, 0, 0)["mortality"].mean[0] for gap in (0.0, 0.8))
    assert right == pytest.approx(0.0, abs=0.05)
    assert 0.5 < low - right < 0.85


def test_what_was_seen_of_a_study_or_of_those_left_out_teaches_nothing() -> None:
    logits, variance, missed = shown()
    moved = logits.copy()
    for i, point in enumerate(all_points()):
        if point.cluster in ("lin2017", "canonic"):
            moved[i] += 3.0
    sds = one_draw().scales
    of = replace(study("chinese_medical_association"), id="lin2017")
    without = frozenset({"canonic"})
    a, b = (
        Discrepancy("", x[None], variance[None], missed[None], sds).effects(of, 0, 0, leave_out=without)
        for x in (logits, moved)
    )
    for kind, one in a.items():
        assert one.mean == pytest.approx(b[kind].mean), kind
    c = Discrepancy("", moved[None], variance[None], missed[None], sds).effects(of, 0, 0)
    assert c["mortality"].mean[0] != pytest.approx(a["mortality"].mean[0], abs=1e-3)


def test_intervals_hold_what_they_say_in_worlds_made_by_the_model_of_deviations() -> None:
    """Draw effects and studies, hide one cohort, and ask where it lies in its prediction."""
    evidence, at = evidence_of("mortality"), dict(zip(SCALES, WIDTHS, strict=True))
    prior = np.array([at[scale] for scale, _ in columns()])
    gain = columns().index(("gain", "gain"))
    hidden = next(i for i, p in enumerate(evidence.points) if p.calibrant == "predict_subcohort")
    of = place_of(next(c.study for c in load_calibrants() if c.study.id == "predict_subcohort"))
    rest = evidence.without(frozenset({"predict"}))
    keep = [i for i, p in enumerate(evidence.points) if p.cluster != "predict"]
    levels = []
    for _ in range(300):
        logits = RNG.normal(NEUTRAL, 0.8, len(evidence.points))
        design = evidence.design.copy()
        design[:, gain] = logits - NEUTRAL
        effect = prior * RNG.standard_normal(len(prior))
        own = {p.calibrant: RNG.standard_normal(3) for p in evidence.points}
        place = logits + design @ effect
        for i, p in enumerate(evidence.points):
            a, b, c = own[p.calibrant]
            place[i] += at["study"] * a + at["time_study"] * b * evidence.time[i]
            place[i] += at["unmatched"] * c * evidence.unmatched[i] + 0.1 * RNG.standard_normal()
        seen = tuple(replace(p, share=float(expit(place[i])), n=10**7) for i, p in enumerate(evidence.points))
        world = replace(rest, points=tuple(seen[i] for i in keep), sampling=0.01 * np.eye(len(keep)))
        found = effects_of(of, world, WIDTHS, logits[keep], np.zeros(len(keep)), np.zeros(len(keep)))
        ask = np.array([1.0, evidence.time[hidden], logits[hidden] - NEUTRAL, 0.0])
        sd = math.sqrt(float(ask @ found.root @ found.root.T @ ask) + 0.01)
        levels.append(float(norm.cdf((place[hidden] - logits[hidden] - ask @ found.mean) / sd)))
    assert kstest(levels, "uniform").pvalue > 0.001
    assert np.mean(np.abs(np.array(levels) - 0.5) < 0.45) == pytest.approx(0.9, abs=0.06)


def test_a_bent_incidence_never_falls_and_is_that_of_the_formula() -> None:
    days = np.sort(RNG.exponential(60.0, 4000))
    weights = np.full(4000, 1 / 4000)
    uniform = (np.arange(20_000) + 0.5) / 20_000
    bend = Bend(0.4, -0.2, -0.3)
    drawn = quantile_days(days, weights, uniform, bend)
    for day in (20.0, 60.0, 150.0):
        before = float(logit(np.mean(days <= day)))
        wanted = before + 0.4 - 0.2 * float(time_of(day)) - 0.3 * (before - NEUTRAL)
        assert float(logit(np.mean(drawn <= day))) == pytest.approx(wanted, abs=0.02)
    steep = Bend(0.0, -3.0, 0.0)
    assert (np.diff(steep(np.linspace(-2, 0, 50), np.linspace(5, 400, 50))) >= 0).all()


def test_arms_share_the_deviation_of_their_study() -> None:
    made = Learned(one_draw().effects(study(), 0, 0), 0.1)
    luck = Luck(3, 7)
    assert made.bend("death", luck) == made.bend("death", Luck(3, 7))
    assert made.bend("death", luck) != made.bend("death", Luck(3, 8))
    assert made.widened(1.0).effects["mortality"].root[0, 0] > made.effects["mortality"].root[0, 0]


def test_what_is_stored_is_what_is_read_again() -> None:
    made = one_draw()
    files = store(made)
    again = restore(files["calibrants.parquet"], files["discrepancy.parquet"])
    assert again.hash == made.hash


def test_nothing_learnt_is_the_prior_for_every_study() -> None:
    made = prior_discrepancy(len(all_points()))
    for definition in ("cossh", "decompensated_cirrhosis"):
        assert made.effects(study(definition), 3, 1)["mortality"].mean == pytest.approx(np.zeros(4))


def test_no_cohort_that_is_predicted_teaches_the_discrepancy() -> None:
    predicted = {seen.study for seen in load_seen() if seen.role == "predicted"}
    assert predicted <= set(list_studies())
    assert not predicted & {point.calibrant for point in all_points()}
    taught = {row.study for row in load_controls()[0] if row.predicted}
    assert not taught & {point.calibrant for point in all_points()}


def test_every_class_of_disease_and_every_kind_has_a_cohort() -> None:
    held = {name for one in load_calibrants() for name, share in _shares(one.study).items() if share > 0}
    assert held == set(CLASSES)
    assert {KIND[point.event] for point in all_points()} == {"mortality", *FIXED}


def _shares(of: Study) -> dict[str, float]:
    from hepatrial.prediction.discrepancy import class_shares

    return class_shares(of)


needs_shared = pytest.mark.skipif(
    not (SHARED / "science").is_dir(), reason="the shared facts do not lie beside this checkout"
)


@needs_shared
def test_the_shares_are_those_of_the_shared_facts() -> None:
    text = (SHARED / "science" / "physiology" / "natural_history.yaml").read_text(encoding="utf-8")
    facts = yaml.safe_load(text)
    told = {(p.calibrant, p.event, p.day): p for p in all_points()}

    def is_(name: str, event: str, day: float, percent: float) -> Point:
        point = told[name, event, day]
        assert point.share == pytest.approx(percent / 100, abs=6e-4), name
        return point

    survival = facts["survival"]
    for cause, ours in (
        ("paracetamol",) * 2,
        ("ischemia", "ischaemia"),
        ("dili",) * 2,
        ("hbv",) * 2,
        ("other",) * 2,
    ):
        row = survival["acute_liver_failure"]["by_etiology_21d"][cause]
        assert is_(f"alfsg_{ours}", "death", 21, 100 - row["os"]).n == row["n"]
        is_(f"alfsg_{ours}", "death_or_transplant", 21, 100 - row["tfs"])
        is_(f"alfsg_{ours}", "transplant", 21, row["transplanted"])
    china = survival["aclf_by_definition"]["china_clif2025_lt_free_mortality_pct"]
    for key, ours in (("cossh_but_not_clif", "not_easl"), ("easl_clif", "easl")):
        for day in (28, 90):
            assert (
                is_(f"china_clif2025_{ours}", "death_or_transplant", day, china[key][f"d{day}"]).n
                == china[key]["n"]
            )
    centre = survival["aclf_by_definition"]["one_centre_d90_mortality_pct"]
    is_("tag_compare_apasl", "death", 90, centre["apasl_only"])
    is_("tag_compare_cma", "death", 90, centre["apasl_and_chinese_medical_association"])
    is_("tag_compare_easl", "death", 90, centre["easl_clif"])
    stages = survival["chronic_decompensated_cirrhosis"]["damico_5y"]
    for stage, percent in zip(stages["stage"], stages["mortality_pct"], strict=True):
        is_(f"damico_{stage}", "death", 1826, percent)
    bands = facts["meld_to_90d_mortality_pct"]
    for name, percent in zip(("9", "10_19", "20_29", "30_39"), bands["meld"], strict=False):
        is_(f"meld_{name}", "death", 90, percent)
    clif = survival["aclf_easl_clif"]
    is_("canonic_subcohort", "death", 28, clif["canonic_subcohort"]["d28_mortality_aclf"])
    is_("predict_subcohort", "death", 28, clif["predict_subcohort"]["d28_mortality_aclf"])
    is_("ad_canonic", "death", 28, clif["canonic_subcohort"]["d28_mortality_ad"])
    is_("ad_predict", "death", 28, clif["predict_subcohort"]["d28_mortality_ad"])
    is_("canonic_inflammation", "death", 90, clif["canonic_inflammation_cohort_90d_mortality"]["aclf"])
    infection = facts["complications"]["bacterial_infection"]["canonic_aclf"]
    is_("fernandez2018", "any_infection", 28, infection["new_within_28d_of_uninfected_pct"])
    is_("apasl_delhi", "death", 28, facts["apasl_aclf_delhi"]["in_hospital_mortality_pct"])
    is_("wannan2022", "death", 28, 23.7)
    is_(
        "shi_na2013",
        "death",
        91,
        survival["aclf_hbv_cossh_and_chinese_criteria"]["untreated_vs_na_3mo_mortality"]["antiviral"],
    )
