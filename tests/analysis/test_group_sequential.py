"""Group-sequential designs against R and EAST, simulated paths and their own invariants."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reference import agree, numbers
from scipy.special import ndtri
from scipy.stats import kstest, multivariate_normal

from hepatrial.analysis import Boundary, after_stopping, group_sequential
from hepatrial.analysis.stopping import stagewise_p
from hepatrial.errors import BadInput

THIRDS = [1 / 3, 2 / 3, 1]
KINDS = {
    "OF": "obrien_fleming",
    "Pocock": "pocock",
    "WangTsiatis_0.25": Boundary("wang_tsiatis", 0.25),
    "LanDeMets_OF": "spending_obrien_fleming",
    "LanDeMets_P": "spending_pocock",
    "HSD_-4": Boundary("hwang_shih_decani", -4.0),
    "KimDeMets_2": Boundary("kim_demets", 2.0),
}


@pytest.mark.parametrize("name", KINDS)
def test_three_equal_looks_have_the_boundaries_of_rpact(name):
    design = group_sequential(THIRDS, efficacy=KINDS[name])
    agree(design.efficacy, numbers()["group_sequential_one_sided_0.025_K3"][name])
    assert design.alpha_spent[-1] == pytest.approx(0.025, abs=1e-10)
    assert design.power_at(design.drift)[-1] == pytest.approx(0.9, abs=1e-10)


def test_two_looks_and_non_binding_futility_as_in_rpact():
    wanted = numbers()["group_sequential_one_sided_0.025_K3"]
    agree(group_sequential([0.5, 1]).efficacy, wanted["LanDeMets_OF_0.5_1"])
    design = group_sequential([0.5, 0.75, 1], futility="spending_obrien_fleming", power=0.9)
    case = wanted["asOF_bsOF_nonbinding_.5_.75_1_power.9"]
    agree(design.efficacy, case["crit"])
    agree(design.futility[:2], case["futility"])
    agree(design.power_at(design.drift), case["power"])
    agree(design.inflation, case["inflation"])


def test_the_east_example_as_in_rpact_and_within_five_millionths_of_east():
    case = numbers()["east_v_rpact_pfs"]
    power = float(case["rpact_3.3.4"]["power"][1])
    design = group_sequential(
        [176 / 235, 1], alpha=0.0125, power=power, futility=Boundary("hwang_shih_decani", -10.0)
    )
    agree(design.efficacy, case["rpact_3.3.4"]["crit"])
    agree(design.futility[0], case["rpact_3.3.4"]["fut"])
    agree(design.power_at(design.drift), case["rpact_3.3.4"]["power"])
    east = case["EAST"]
    assert design.efficacy == pytest.approx([float(z) for z in east["Z_eff"]], abs=5e-6)
    assert design.futility[0] == pytest.approx(float(east["Z_fut"]), abs=5e-6)
    hazard_ratio = np.exp(-2 * design.efficacy / np.sqrt([176, 235]))
    assert hazard_ratio == pytest.approx([float(h) for h in east["HR_at_bound"]], abs=5e-6)


def test_one_look_is_the_fixed_design():
    design = group_sequential([1.0], power=0.8)
    assert design.efficacy[0] == pytest.approx(ndtri(0.975), abs=1e-9)
    assert design.inflation == pytest.approx(1.0, abs=1e-9)


def test_crossing_probabilities_are_those_of_the_normal_integral():
    design = group_sequential([0.4, 0.7, 1], futility=Boundary("kim_demets", 1.5), efficacy="pocock")
    t, drift = design.fractions, 2.1
    covariance = np.sqrt(np.minimum.outer(t, t) / np.maximum.outer(t, t))
    up, down = design.exits(drift)
    for k in (1, 2):
        for bounds, got in (((design.efficacy[k], 40), up[k]), ((-40, design.futility[k]), down[k])):
            low = np.append(design.futility[:k], bounds[0])
            high = np.append(design.efficacy[:k], bounds[1])
            part = multivariate_normal(
                drift * np.sqrt(t[: k + 1]), covariance[: k + 1, : k + 1], seed=1, abseps=1e-7, maxpts=10**6
            ).cdf(high, lower_limit=low)
            assert got == pytest.approx(part, abs=2e-6)


def simulated(design, drift, n, seed):
    """Stopping look (from 0) and z of n trials that obey both boundaries."""
    rng = np.random.default_rng(seed)
    t = design.fractions
    steps = rng.normal(size=(n, t.size)) * np.sqrt(np.diff(t, prepend=0)) + drift * np.diff(t, prepend=0)
    z = steps.cumsum(axis=1) / np.sqrt(t)
    stop = (z >= design.efficacy) | (z < design.futility)
    look = stop.argmax(axis=1)
    return look, z[np.arange(n), look]


@pytest.mark.parametrize("binding", [False, True])
def test_simulated_trials_have_the_stated_error_and_power(binding):
    design = group_sequential(
        [0.3, 0.6, 1], futility="spending_pocock", efficacy="pocock", binding=binding, power=0.8
    )
    n = 200_000
    for drift, wanted in ((0.0, None), (design.drift, 0.8)):
        look, z = simulated(design, drift, n, 3)
        share = (z >= design.efficacy[look]).mean()
        expected = design.power_at(drift)[-1]
        assert abs(share - expected) < 4 * np.sqrt(expected * (1 - expected) / n)
        assert design.fractions[look].mean() == pytest.approx(design.expected_fraction(drift), abs=0.003)
        if wanted:
            assert expected == pytest.approx(wanted, abs=1e-9)
        elif binding:
            assert expected == pytest.approx(0.025, abs=1e-9)
        else:
            assert expected < 0.025


def test_binding_futility_lowers_the_last_efficacy_boundary_and_the_inflation():
    free = group_sequential(THIRDS, futility="spending_pocock")
    bound = group_sequential(THIRDS, futility="spending_pocock", binding=True)
    assert bound.efficacy[-1] < free.efficacy[-1]
    assert bound.inflation < free.inflation
    family = group_sequential(THIRDS, futility="spending_pocock", efficacy="obrien_fleming", binding=True)
    assert family.alpha_spent[-1] == pytest.approx(0.025, abs=1e-9)
    assert family.efficacy[0] / family.efficacy[2] == pytest.approx(np.sqrt(3), abs=1e-9)


def test_custom_spending_that_copies_a_function_gives_its_boundary_and_skips_empty_looks():
    rho = group_sequential(THIRDS, efficacy=Boundary("kim_demets", 2.0))
    own = group_sequential(THIRDS, efficacy=Boundary("custom", cumulative=(0.025 / 9, 0.025 * 4 / 9, 0.025)))
    assert own.efficacy == pytest.approx(rho.efficacy, abs=1e-9)
    late = group_sequential(THIRDS, efficacy=Boundary("custom", cumulative=(0.0, 0.01, 0.025)))
    assert late.efficacy[0] == np.inf
    assert late.alpha_spent[0] == 0


@settings(max_examples=15, deadline=None)
@given(
    first=st.floats(0.1, 0.45),
    second=st.floats(0.5, 0.9),
    gamma=st.floats(-8, 2),
    alpha=st.floats(0.005, 0.1),
)
def test_any_design_spends_what_it_was_given_and_costs_information(first, second, gamma, alpha):
    design = group_sequential([first, second, 1], alpha=alpha, efficacy=Boundary("hwang_shih_decani", gamma))
    assert design.alpha_spent[-1] == pytest.approx(alpha, abs=1e-9)
    assert (np.diff(design.alpha_spent) > 0).all()
    assert design.inflation >= 1 - 1e-9
    assert design.expected_information(design.drift) < design.inflation
    total = sum(part.sum() for part in design.exits(1.3))
    assert total == pytest.approx(1, abs=1e-9)


def test_the_nominal_p_values_lie_below_alpha_when_there_are_several_looks():
    assert (group_sequential(THIRDS).nominal_p < 0.025).all()


# --- after stopping ---------------------------------------------------------------------------------


@pytest.mark.parametrize("drift", [0.0, 2.5])
@pytest.mark.parametrize("binding", [False, True])
def test_the_stagewise_p_value_is_uniform_under_the_true_drift_so_that_its_intervals_cover(drift, binding):
    design = group_sequential([0.4, 0.7, 1], futility="spending_pocock", efficacy="pocock", binding=binding)
    if not binding:  # the ordering leaves non-binding futility out, so trials must be run without it
        design = group_sequential([0.4, 0.7, 1], efficacy="pocock")
    floor = design.futility if binding else np.full(3, -np.inf)
    look, z = simulated(design, drift, 600, 5)
    p = [stagewise_p(design, floor, k, value, drift) for k, value in zip(look, z, strict=True)]
    assert kstest(p, "uniform").pvalue > 0.001


def test_the_estimate_after_an_early_stop_is_pulled_back_and_the_interval_agrees_with_the_p_value():
    design = group_sequential(THIRDS, efficacy="pocock")
    told = after_stopping(design, 2, 2.4, information=30.0)
    assert told.decision == "efficacy"
    assert told.estimate.estimate < told.naive
    assert told.estimate.p < 0.025
    assert told.estimate.ci[0] > 0
    assert told.estimate.ci[0] < told.estimate.estimate < told.estimate.ci[1]
    assert told.repeated[0] > 0
    floor = np.full(3, -np.inf)
    scale = np.sqrt(30.0)
    for end, tail in zip((*told.estimate.ci, told.estimate.estimate), (0.025, 0.975, 0.5), strict=True):
        assert stagewise_p(design, floor, 1, 2.4, end * scale) == pytest.approx(tail, abs=1e-7)


def test_at_the_first_look_the_p_value_is_the_nominal_one_and_level_and_information_act():
    design = group_sequential(THIRDS)
    told = after_stopping(design, 1, 4.0)
    assert told.estimate.p == pytest.approx(3.167e-5, rel=1e-3)
    assert told.estimate.estimate == pytest.approx(told.naive)
    wide, small = after_stopping(design, 1, 4.0, level=0.99), after_stopping(design, 1, 4.0, information=4.0)
    assert wide.estimate.ci[0] < told.estimate.ci[0]
    assert small.estimate.estimate == pytest.approx(told.estimate.estimate / 2)


def test_a_repeated_interval_excludes_no_effect_exactly_when_the_boundary_is_crossed():
    design = group_sequential(THIRDS)
    for look in (1, 2, 3):
        bound = design.efficacy[look - 1]
        assert after_stopping(design, look, bound + 1e-6).repeated[0] > 0
        assert after_stopping(design, look, bound - 1e-6).repeated[0] < 0


def test_a_futility_stop_and_a_look_without_a_crossing_are_named():
    design = group_sequential(THIRDS, futility="spending_pocock", binding=True)
    told = after_stopping(design, 1, design.futility[0] - 0.5)
    assert told.decision == "futility"
    assert told.estimate.p > 0.5
    assert "not crossed" in after_stopping(design, 1, 1.0).estimate.note


# --- bad input --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "place"),
    [
        ({"fractions": [0.5, 0.3, 1]}, "fractions"),
        ({"fractions": [0.5, 0.8]}, "fractions[-1]"),
        ({"fractions": [0, 1]}, "fractions"),
        ({"alpha": 1.2}, "alpha"),
        ({"power": 0.01}, "power"),
        ({"efficacy": "pocok"}, "efficacy.kind"),
        ({"efficacy": "kim_demets"}, "efficacy.parameter"),
        ({"efficacy": Boundary("pocock", 1.0)}, "efficacy.parameter"),
        ({"efficacy": Boundary("kim_demets", -1.0)}, "efficacy.parameter"),
        ({"efficacy": Boundary("custom", cumulative=(0.02, 0.01, 0.025))}, "efficacy.cumulative"),
        ({"efficacy": Boundary("custom", cumulative=(0.01, 0.025))}, "efficacy.cumulative"),
        ({"efficacy": Boundary("custom", cumulative=(0.01, 0.02, 0.05))}, "efficacy.cumulative[-1]"),
        ({"efficacy": Boundary("custom", cumulative=(-0.01, 0.02, 0.025))}, "efficacy.cumulative"),
        ({"efficacy": Boundary("pocock", cumulative=(0.01,))}, "efficacy.cumulative"),
        ({"futility": "pocock"}, "futility.kind"),
    ],
)
def test_a_design_that_cannot_be_is_refused_with_its_place(arguments, place):
    with pytest.raises(BadInput) as bad:
        group_sequential(**{"fractions": THIRDS, **arguments})
    assert place in {p.place for p in bad.value.problems}


def test_futility_that_spends_everything_early_is_refused_because_no_drift_has_the_power():
    with pytest.raises(BadInput, match="spend less early"):
        group_sequential([0.5, 1], futility=Boundary("custom", cumulative=(0.1, 0.1)), power=0.9)


def test_all_problems_of_a_design_and_of_a_stop_are_named_at_once():
    with pytest.raises(BadInput) as bad:
        group_sequential([1, 0.5], alpha=1.5, power=2, efficacy="pocok")
    assert len(bad.value.problems) == 4
    assert next(p for p in bad.value.problems if p.place == "efficacy.kind").nearest == "pocock"
    with pytest.raises(BadInput) as bad:
        after_stopping(group_sequential(THIRDS), 4, np.nan, information=-1, level=2)
    assert {p.place for p in bad.value.problems} == {"look", "z", "information", "level"}
