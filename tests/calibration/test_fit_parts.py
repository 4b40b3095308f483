"""The parts of the fit against closed forms, and what a declaration may not say."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hepatrial.calibration.cells import load_plan, weigh_cells
from hepatrial.calibration.emulator import fit_emulator
from hepatrial.calibration.farm import Farm
from hepatrial.calibration.fit import plausibility
from hepatrial.calibration.layers import head, schedule
from hepatrial.calibration.posterior import thin
from hepatrial.calibration.shipped import summary_lines, taught
from hepatrial.calibration.slice_sampler import elliptical_slice
from hepatrial.calibration.targets import load_declaration, read_declaration
from hepatrial.errors import BadInput
from hepatrial.model import load_patient_model, load_variants
from hepatrial.population.deck import make_deck

TARGET = """
[world.w]
[cohort.c]
world = "w"
[[target]]
id = "{id}"
layer = "donors"
cohort = "c"
statistic = "dead 28"
study = "s"
scale = "mortality"
transform = "logit"
value = {value}
se = 0.02
tolerance = 0.1
unit = "1"
rows = ["x"]
grade = "{grade}"
"""


def refused(text: str) -> str:
    with pytest.raises(BadInput) as caught:
        read_declaration(text, make_deck())
    return str(caught.value)


@pytest.mark.parametrize("grade", ["recalled", "article", "assumed"])
def test_a_number_that_was_not_read_is_no_target(grade: str) -> None:
    assert "never a target" in refused(TARGET.format(id="t", value=0.3, grade=grade))


def test_two_statements_of_one_study_that_contradict_each_other_are_refused() -> None:
    second = "[[target]]" + TARGET.format(id="b", value=0.6, grade="seen").split("[[target]]")[1]
    said = refused(TARGET.format(id="a", value=0.3, grade="seen") + second)
    assert "standard errors apart" in said


def test_every_problem_of_a_declaration_is_said_at_once() -> None:
    more = "[free.donors]\ngrowth_mux = {}\n[frozen]\nlivver = ''\n"
    text = TARGET.format(id="t", value=1.3, grade="recalled") + more
    said = refused(text)
    for part in ("never a target", "between 0 and 1", "growth_mux", "growth_max", "livver"):
        assert part in said


def test_a_fit_of_other_targets_is_not_gone_on_with(tmp_path: Path) -> None:
    Farm(tmp_path, {"targets": "a", "seed": 1}, 1, print)
    Farm(tmp_path, {"targets": "a", "seed": 1}, 1, print)
    with pytest.raises(BadInput, match="targets"):
        Farm(tmp_path, {"targets": "b", "seed": 1}, 1, print)


def test_a_fit_rests_on_its_reference_cohorts_too(monkeypatch: pytest.MonkeyPatch) -> None:
    declaration, plan = load_declaration(), schedule(8)
    before = head(declaration, plan)
    monkeypatch.setattr("hepatrial.population.reference.URGENT_OFFERS", "8 % per day")
    after = head(declaration, plan)
    assert {name for name in before if before[name] != after[name]} == {"cohorts"}


def test_a_fit_rests_on_its_code_too(monkeypatch: pytest.MonkeyPatch) -> None:
    declaration, plan = load_declaration(), schedule(8)
    before = head(declaration, plan)
    monkeypatch.setattr("hepatrial.calibration.layers.source_hash", lambda _parts: "of other code")
    after = head(declaration, plan)
    assert {name for name in before if before[name] != after[name]} == {"source"}


def test_the_emulator_finds_a_quadratic_surface() -> None:
    rng = np.random.default_rng(1)
    free, others = rng.standard_normal((300, 4)), rng.standard_normal((300, 3))

    def surface(x: np.ndarray, z: np.ndarray) -> np.ndarray:
        return (1.0 + 2.0 * x[:, 0] - x[:, 1] ** 2 + 0.5 * x[:, 2] * x[:, 3] + 0.3 * z[:, 1])[:, None]

    emulator = fit_emulator(free, others, surface(free, others))
    new, rest = rng.standard_normal((50, 4)), rng.standard_normal((50, 3))
    assert np.abs(emulator(new, rest) - surface(new, rest)).max() < 0.1
    assert emulator.explained[0] > 0.99


def test_slice_sampling_finds_the_posterior_of_a_normal_mean() -> None:
    # Prior N(0, 1), one observation 1.5 with SD 0.5: posterior N(1.2, 0.2).
    def density(state: np.ndarray, rows: np.ndarray) -> np.ndarray:
        assert len(state) == len(rows)
        return -0.5 * ((1.5 - state[:, 0]) / 0.5) ** 2

    rng = np.random.default_rng(2)
    state, height = elliptical_slice(density, rng.standard_normal((4000, 1)), 30, rng)
    assert state.mean() == pytest.approx(1.2, abs=4 * math.sqrt(0.2 / 4000))
    assert state.var() == pytest.approx(0.2, rel=0.12)
    assert np.allclose(height, density(state, np.arange(len(state))))


def test_members_near_their_targets_are_not_told_apart() -> None:
    weights = plausibility(np.array([1.0, 5.0, 300.0, np.inf]), 10)
    assert weights[0] == weights[1] == 1.0
    assert weights[3] == 0.0
    assert weights[2] < 0.05


@given(
    weights=st.lists(st.one_of(st.just(0.0), st.floats(1e-3, 1.0)), min_size=1, max_size=60).filter(any),
    most=st.integers(1, 30),
)
def test_thinned_members_stay_by_their_weight(weights: list[float], most: int) -> None:
    given_ = np.array(weights) / sum(weights)
    kept = thin(given_, most)
    assert sum(kept.values()) == pytest.approx(1.0)
    assert all(given_[member] > 0 for member in kept)
    if np.count_nonzero(given_) <= most:
        assert kept == pytest.approx({i: w for i, w in enumerate(given_.tolist()) if w > 0})
    else:
        assert len(kept) <= most
        # Systematic resampling: no cumulative weight is off by more than one part.
        after = np.array([kept.get(i, 0.0) for i in range(len(given_))])
        assert np.max(np.abs(np.cumsum(after) - np.cumsum(given_))) <= 1.0 / most + 1e-9


def test_variants_that_show_the_same_keep_their_prior_weights_and_bias_takes_the_rest() -> None:
    plan = load_plan()
    variants, outcomes = len(load_variants()), len(plan.outcome)
    found = weigh_cells(np.zeros((3, variants, outcomes)), np.ones(3))
    assert found.weights.sum(axis=0) == pytest.approx(found.prior)
    # Closed form: a normal mean with prior N(m, s^2) and independent observations of known variance.
    precision = 1 / plan.bias_sd**2 + sum(1 / one.variance for one in plan.outcome.values())
    pulled = plan.bias_mean / plan.bias_sd**2
    pulled += sum(one.log_odds_ratio / one.variance for one in plan.outcome.values())
    assert found.bias_mean == pytest.approx(pulled / precision)
    assert found.bias_sd == pytest.approx(precision**-0.5)


def test_a_variant_that_shows_what_was_printed_gains_weight() -> None:
    plan = load_plan()
    shown = np.zeros((1, len(load_variants()), len(plan.outcome)))
    shown[0, 1] = [one.log_odds_ratio - plan.bias_mean for one in plan.outcome.values()]
    found = weigh_cells(shown, np.ones(1))
    assert found.weights[0, 1] > found.prior[1]
    assert found.weights.sum() == pytest.approx(1.0)


def test_a_member_that_could_not_be_simulated_has_no_weight() -> None:
    shown = np.zeros((2, len(load_variants()), len(load_plan().outcome)))
    shown[1] = np.nan
    assert weigh_cells(shown, np.ones(2)).weights[1].sum() == 0.0


def test_what_ships_was_fitted_to_the_declared_targets_and_this_model() -> None:
    found = taught()
    assert found["targets"] == load_declaration().hash
    assert found["model"] == load_patient_model().hash
    assert len(found["misses"]) == len(load_declaration().targets)
    sizes = [abs(row["miss"]) for row in found["misses"]]
    assert sizes == sorted(sizes, reverse=True)
    assert sum(row["posterior"] for row in found["variants"]) == pytest.approx(1.0)
    said = "\n".join(summary_lines(found))
    assert "no prediction" in said.splitlines()[0]
    assert "not learnt from data" in said
