"""Invariants, closed forms and second computations of the synthesis."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm

from hepatrial.errors import BadInput
from hepatrial.evidence.synthesis import (
    Bias,
    Counts,
    Effect,
    Effects,
    Means,
    Printed,
    Priors,
    adjust,
    bayes,
    bias_adjusted,
    common_effect,
    cumulative,
    effect_sizes,
    egger,
    leave_one_out,
    mantel_haenszel,
    meta_regression,
    peto,
    random_effects,
    subgroups,
    sum_of_domains,
    tipping_point,
)

ESTIMATORS = ("REML", "ML", "PM", "DL", "HE", "SJ", "HS")

counts = st.builds(
    lambda n1, n2, s1, s2: (round(s1 * n1), n1, round(s2 * n2), n2),
    st.integers(10, 200), st.integers(10, 200), st.floats(0.1, 0.9), st.floats(0.1, 0.9),
)  # fmt: skip
pools = st.lists(counts, min_size=2, max_size=8)


def rows(tables, grade="seen"):
    return [
        Counts(study=f"s{i}", grade=grade, x1=x1, n1=n1, x2=x2, n2=n2)
        for i, (x1, n1, x2, n2) in enumerate(tables)
    ]


def effects(y, v, **more):
    pairs = enumerate(zip(y, v, strict=True))
    return Effects("OR", tuple(Effect(f"s{i}", "seen", "OR", a, b) for i, (a, b) in pairs), **more)


def everything(pooled):
    shown = [pooled.estimate, pooled.se, pooled.lower, pooled.upper, pooled.p]
    if pooled.heterogeneity:
        h = pooled.heterogeneity
        shown += [h.q, h.tau2.estimate, h.tau2.lower, h.tau2.upper, h.i2.estimate, h.h2.estimate]
    return shown


def all_pools(studies, measure="OR"):
    found = effect_sizes(studies, measure)
    return [common_effect(found), mantel_haenszel(studies, measure), peto(studies)] + [
        random_effects(found, estimator=name) for name in ESTIMATORS
    ]


@settings(max_examples=12, deadline=None)
@given(pools, st.randoms())
def test_the_order_of_the_studies_does_not_matter(tables, random):
    studies = rows(tables)
    shuffled = list(studies)
    random.shuffle(shuffled)
    for one, other in zip(all_pools(studies), all_pools(shuffled), strict=True):
        assert everything(one) == pytest.approx(everything(other), rel=1e-6, abs=1e-9, nan_ok=True)


@settings(max_examples=12, deadline=None)
@given(pools)
def test_swapping_the_arms_turns_the_sign_and_nothing_else(tables):
    swapped = [(x2, n2, x1, n1) for x1, n1, x2, n2 in tables]
    for one, other in zip(all_pools(rows(tables)), all_pools(rows(swapped)), strict=True):
        turned = replace(other, estimate=-other.estimate, lower=-other.upper, upper=-other.lower)
        assert everything(one) == pytest.approx(everything(turned), rel=1e-6, abs=1e-9, nan_ok=True)


@settings(max_examples=12, deadline=None)
@given(pools)
def test_counting_survivors_instead_of_deaths_turns_the_odds_ratio_over(tables):
    alive = [(n1 - x1, n1, n2 - x2, n2) for x1, n1, x2, n2 in tables]
    for one, other in zip(all_pools(rows(tables)), all_pools(rows(alive)), strict=True):
        assert one.estimate == pytest.approx(-other.estimate, rel=1e-6, abs=1e-9)
        assert one.se == pytest.approx(other.se, rel=1e-6)


means = st.lists(
    st.tuples(*([st.floats(20, 40), st.floats(2, 8), st.integers(5, 80)] * 2)), min_size=2, max_size=7
)


@settings(max_examples=12, deadline=None)
@given(means, st.sampled_from([0.1, 17.1, 1000.0]))
def test_a_change_of_unit_scales_the_difference_and_leaves_the_standardised_one(tables, factor):
    def pooled(scale, measure):
        studies = [
            Means(study=f"s{i}", grade="seen", mean1=a * scale, sd1=b * scale, n1=n, mean2=c * scale,
                  sd2=d * scale, n2=m)
            for i, (a, b, n, c, d, m) in enumerate(tables)
        ]  # fmt: skip
        return random_effects(effect_sizes(studies, measure))

    one, other = pooled(1.0, "MD"), pooled(factor, "MD")
    assert [other.estimate, other.se] == pytest.approx([factor * one.estimate, factor * one.se], rel=1e-5)
    assert other.p == pytest.approx(one.p, rel=1e-4)
    assert other.heterogeneity.i2.estimate == pytest.approx(one.heterogeneity.i2.estimate, rel=1e-5, abs=1e-6)
    assert everything(pooled(factor, "SMD")) == pytest.approx(
        everything(pooled(1.0, "SMD")), rel=1e-6, abs=1e-9
    )


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_identical_studies_do_not_differ(estimator):
    pooled = random_effects(effects([0.3] * 5, [0.04] * 5), estimator=estimator)
    assert pooled.heterogeneity.tau2.estimate == 0
    assert pooled.heterogeneity.i2.estimate == 0
    assert pooled.heterogeneity.h2.estimate == 1
    assert pooled.estimate == pytest.approx(0.3)
    assert pooled.se == pytest.approx(math.sqrt(0.04 / 5))
    assert "Hartung-Knapp would narrow" in pooled.notes[-1]


@pytest.mark.parametrize("interval", ["hartung_knapp", "wald"])
def test_one_study_is_that_study(interval):
    studies = rows([(15, 56, 24, 54)])
    pooled = random_effects(effect_sizes(studies, "OR"), interval=interval)
    log_or = math.log(15 * 30 / (41 * 24))
    se = math.sqrt(1 / 15 + 1 / 41 + 1 / 24 + 1 / 30)
    assert [pooled.estimate, pooled.se] == pytest.approx([log_or, se])
    assert [pooled.lower, pooled.upper] == pytest.approx([log_or - 1.959964 * se, log_or + 1.959964 * se])
    assert math.isnan(pooled.heterogeneity.tau2.estimate)
    assert pooled.prediction is None
    assert "one study" in pooled.notes[-1]
    for same in (common_effect(effect_sizes(studies, "OR")), mantel_haenszel(studies, "OR")):
        assert [same.estimate, same.se] == pytest.approx([log_or, se])


@settings(max_examples=50, deadline=None)
@given(pools)
def test_the_safeguard_never_lets_the_interval_be_narrower_than_walds(tables):
    found = effect_sizes(rows(tables), "OR")
    wald, guarded = random_effects(found, interval="wald"), random_effects(found)
    bare = random_effects(found, safeguard=False)
    assert guarded.lower <= wald.lower + 1e-12
    assert guarded.upper >= wald.upper - 1e-12
    assert guarded.se >= bare.se - 1e-12


def test_the_safeguard_says_when_it_acted():
    calm = effects([0.30, 0.31, 0.29], [0.04, 0.05, 0.06])
    assert random_effects(calm).se > random_effects(calm, safeguard=False).se
    assert any("not done" in note for note in random_effects(calm).notes)
    assert random_effects(calm, safeguard=False).notes == ()


def test_without_a_random_effect_i_squared_is_the_share_of_q_beyond_its_degrees_of_freedom():
    found = effects([0.1, 0.9, -0.4], [0.05, 0.08, 0.04])
    h = common_effect(found).heterogeneity
    assert h.i2.estimate == pytest.approx(100 * (h.q - 2) / h.q)
    assert h.h2.estimate == pytest.approx(h.q / 2)
    assert math.isnan(h.tau2.estimate)
    assert h.i2.lower <= h.i2.estimate <= h.i2.upper


def test_a_level_widens_and_a_given_tau_squared_is_used():
    found = effects([0.1, 0.9, -0.4], [0.05, 0.08, 0.04])
    wide, narrow = random_effects(found, level=0.99), random_effects(found, level=0.8)
    assert wide.upper - wide.lower > narrow.upper - narrow.lower
    fixed = random_effects(found, tau2=0.25, interval="wald")
    weights = 1 / (np.array([0.05, 0.08, 0.04]) + 0.25)
    assert fixed.estimate == pytest.approx(np.average([0.1, 0.9, -0.4], weights=weights))
    assert fixed.se == pytest.approx(weights.sum() ** -0.5)
    assert random_effects(found, tau2=0, interval="wald").estimate == common_effect(found).estimate
    with pytest.raises(BadInput, match="tau2"):
        random_effects(found, tau2=-1)


def test_prediction_needs_a_third_study_under_k_minus_2():
    two = effects([0.1, 0.9], [0.05, 0.08])
    assert random_effects(two, prediction="t_k-2").prediction is None
    assert random_effects(two, prediction="t_k-1").prediction is not None


@pytest.mark.parametrize("grade", ["recalled", "article", "assumed", "fitted"])
def test_no_figure_that_was_only_recalled_or_printed_in_an_article_moves_a_pool(grade):
    good = rows([(15, 56, 24, 54), (4, 24, 7, 19)])
    for x1 in (0, 10, 30):
        bad = Counts(study="bad", grade=grade, x1=x1, n1=30, x2=9, n2=30)
        for with_bad, without in zip(all_pools([*good, bad]), all_pools(good), strict=True):
            assert everything(with_bad) == pytest.approx(everything(without), nan_ok=True)
            assert [r.study for r in with_bad.refused] == ["bad"]
            assert with_bad.refused[0].reason.startswith(f"grade {grade}")


def test_a_derived_figure_is_as_good_as_what_it_was_derived_from():
    good = rows([(15, 56, 24, 54)])
    shi = Counts(study="Shi", grade="derived", basis="article", x1=3, n1=24, x2=7, n2=19)
    assert effect_sizes([*good, shi], "OR").refused[0].reason == "derived from a figure of grade article"
    assert "not given" in effect_sizes([*good, replace(shi, basis="")], "OR").refused[0].reason
    assert len(effect_sizes([*good, replace(shi, basis="seen")], "OR")) == 2


def test_a_pool_of_refused_rows_only_is_refused():
    with pytest.raises(BadInput, match="at least one study of grade"):
        effect_sizes(rows([(1, 9, 2, 9)], grade="recalled"), "OR")
    with pytest.raises(BadInput, match="at least one study of grade"):
        mantel_haenszel(rows([(1, 9, 2, 9)], grade="article"), "OR")
    for grade, basis in (("recalled", ""), ("derived", "recalled"), ("derived", ""), ("good", "")):
        with pytest.raises(BadInput, match="at least one study of grade"):
            Effects("OR", (Effect("s", grade, "OR", 0.1, 0.1, basis=basis),))


def test_everything_wrong_with_the_rows_is_said_at_once():
    bad = [
        Counts(study="a", grade="seeen", x1=12, n1=10, x2=-1, n2=0),
        Means(study="a", grade="seen", mean1=1, sd1=0, n1=1, mean2=math.nan, sd2=1, n2=5),
        Printed(study="c", grade="seen", measure="HR", estimate=2, lower=0.5, upper=1.5),
        Printed(study="d", grade="seen", measure="HR", estimate=1, lower=-0.5, upper=1.5, level=95),
    ]
    with pytest.raises(BadInput) as caught:
        effect_sizes(bad, "OR")
    text = str(caught.value)
    for said in ("'seen'", "12 of 10", "-1", "named once", "SD", "first n", "second mean", "2 (0.5 to 1.5)",
                 "limits of a ratio", "c interval", "d level"):  # fmt: skip
        assert said in text
    with pytest.raises(BadInput, match="measure"):
        effect_sizes(rows([(1, 9, 2, 9)]), "odds")
    with pytest.raises(BadInput, match="Did you mean 'REML'"):
        random_effects(effects([0, 1], [1, 1]), estimator="REM")


def test_zero_cells_are_stated_and_the_correction_can_be_chosen():
    tables = rows([(0, 50, 4, 50), (5, 50, 9, 50), (0, 40, 0, 40)])
    default, small = effect_sizes(tables, "OR"), effect_sizes(tables, "OR", add=0.1)
    assert default.y[0] == pytest.approx(math.log(0.5 * 46.5 / (50.5 * 4.5)))
    assert small.y[0] == pytest.approx(math.log(0.1 * 46.1 / (50.1 * 4.1)))
    assert default.y[1] == small.y[1]
    assert "0.5 added to all four cells" in default.notes[0]
    assert [r.study for r in default.refused] == ["s2"]
    corrected = effect_sizes(tables, "OR", double_zeros="correct")
    assert corrected.y[2] == 0
    assert corrected.refused == ()
    difference = effect_sizes(tables, "RD")
    assert difference.y[2] == 0
    assert difference.v[2] > 0
    assert "variance" in difference.studies[2].note
    assert any("left out" in note for note in mantel_haenszel(tables, "OR").notes)
    assert any("kept" in note for note in mantel_haenszel(tables, "RD").notes)
    assert any("left out" in note for note in peto(tables).notes)


def test_mantel_haenszel_needs_no_correction_for_single_zeros_and_says_when_it_is_not_defined():
    tables = [(0, 50, 4, 50), (5, 50, 9, 50)]
    top, bottom = 5 * 41 / 100, 50 * 4 / 100 + 45 * 9 / 100
    assert mantel_haenszel(rows(tables), "OR").estimate == pytest.approx(math.log(top / bottom))
    with pytest.raises(BadInput, match="use RD or Peto"):
        mantel_haenszel(rows([(0, 50, 4, 50), (0, 30, 2, 30)]), "OR")
    with pytest.raises(BadInput, match="at least one arm"):
        peto(rows([(0, 50, 0, 50)]))


def test_a_printed_hazard_ratio_becomes_a_logarithm_with_its_standard_error():
    row = Printed(study="PBC", grade="seen", measure="HR", estimate=1.0589, lower=0.745, upper=1.504)
    found = effect_sizes([row], "HR")
    assert found.y[0] == pytest.approx(math.log(1.0589))
    assert math.sqrt(found.v[0]) == pytest.approx(math.log(1.504 / 0.745) / (2 * 1.959964))
    shown = common_effect(found).shown
    assert [shown.lower, shown.upper] == pytest.approx([0.745, 1.504], abs=2e-3)
    narrower = effect_sizes([replace(row, level=0.9)], "HR")
    assert narrower.v[0] > found.v[0]
    off = effect_sizes([replace(row, estimate=0.8)], "HR")
    assert "not in its middle" in off.studies[0].note
    with pytest.raises(BadInput, match="printed as HR, not OR"):
        effect_sizes([row], "OR")


def test_leaving_one_out_and_adding_one_by_one_are_pools_of_the_rest():
    found = replace(effects([0.1, 0.9, -0.4, 0.3], [0.05, 0.08, 0.04, 0.02]))
    dated = replace(found, studies=tuple(replace(s, year=2000.0 - i) for i, s in enumerate(found.studies)))
    assert leave_one_out(dated)[1][1].estimate == random_effects(dated.only([0, 2, 3])).estimate
    assert leave_one_out(dated, common_effect)[1][1].estimate == common_effect(dated.only([0, 2, 3])).estimate
    names = [name for name, _ in cumulative(dated)]
    assert names == ["s3", "s2", "s1", "s0"]
    assert cumulative(dated)[-1][1].estimate == pytest.approx(random_effects(dated).estimate)
    with pytest.raises(BadInput) as caught:
        cumulative(found)
    assert len(caught.value.problems) == 4
    with pytest.raises(BadInput, match="at least two"):
        leave_one_out(found.only([0]))


def test_subgroups_are_pooled_apart_and_compared():
    found = effects([0.1, 0.2, 0.9, 1.1], [0.02, 0.03, 0.02, 0.04])
    kinds = ("UC-MSC", "UC-MSC", "BM-MSC", "BM-MSC")
    found = replace(
        found,
        studies=tuple(replace(s, labels={"product": k}) for s, k in zip(found.studies, kinds, strict=True)),
    )
    got = subgroups(found, "product", common_effect)
    assert [name for name, _ in got.groups] == ["UC-MSC", "BM-MSC"]
    within = sum(g.heterogeneity.q for _, g in got.groups)
    assert got.q_between == pytest.approx(common_effect(found).heterogeneity.q - within)
    assert got.df == 1
    assert "fewer than three" in got.note
    with pytest.raises(BadInput, match="Did you mean 'product'"):
        subgroups(found, "products")


def test_meta_regression_on_a_group_is_the_difference_of_the_groups_and_swapping_it_turns_the_sign():
    found = effects([0.1, 0.2, 0.9, 1.1, 0.4], [0.02, 0.03, 0.02, 0.04, 0.02])

    def labelled(values):
        return replace(
            found,
            studies=tuple(replace(s, numbers={"x": v}) for s, v in zip(found.studies, values, strict=True)),
        )

    one = meta_regression(labelled([0, 0, 1, 1, 0]), ["x"])
    other = meta_regression(labelled([1, 1, 0, 0, 1]), ["x"])
    assert one.coefficients[1].estimate == pytest.approx(-other.coefficients[1].estimate)
    assert one.coefficients[1].p == pytest.approx(other.coefficients[1].p)
    assert one.coefficients[0].estimate == pytest.approx(
        other.coefficients[0].estimate + other.coefficients[1].estimate
    )
    wald = meta_regression(labelled([0, 0, 1, 1, 0]), ["x"], interval="wald")
    bare = meta_regression(labelled([0, 0, 1, 1, 0]), ["x"], safeguard=False)
    assert one.coefficients[1].se >= wald.coefficients[1].se
    assert bare.coefficients[1].se <= one.coefficients[1].se
    assert meta_regression(labelled([0, 0, 1, 1, 0]), ["x"], estimator="DL").heterogeneity.estimator == "DL"
    assert "fewer than ten" in one.note
    for bad, said in (([1] * 5, "must vary"), ([0, math.nan, 1, 1, 0], "s1 x")):
        with pytest.raises(BadInput, match=said):
            meta_regression(labelled(bad), ["x"])
    with pytest.raises(BadInput, match="at least 3"):
        meta_regression(labelled([0, 0, 1, 1, 0]).only([0, 2]), ["x"])


def test_egger_sees_effects_that_grow_with_their_standard_error():
    se = np.linspace(0.05, 0.6, 12)
    noise = 0.3 * se * np.tile([1, -1, -1, 1], 3)
    flat, tilted = 0.1 + noise, 0.1 + 2 * se + noise
    assert egger(effects(flat, se**2)).p > 0.05
    got = egger(effects(tilted, se**2))
    assert got.p < 1e-6
    assert got.ci[0] < 2 < got.ci[1]
    with pytest.raises(BadInput, match="differ in size"):
        egger(effects(flat, [0.1] * 12))


def test_a_bias_that_is_certain_shifts_and_one_that_is_not_widens():
    found = effects([-0.8, -0.5, -0.6], [0.05, 0.08, 0.04])
    shift = {n: Bias(-0.3, 0.0, "single centre") for n in found.names}
    plain, moved = random_effects(found), bias_adjusted(found, shift)
    assert moved.estimate == pytest.approx(plain.estimate + 0.3)
    assert moved.se == pytest.approx(plain.se)
    assert moved.method.endswith("bias-adjusted")
    doubt = {n: Bias(0.0, 0.5, "single centre") for n in found.names}
    assert bias_adjusted(found, doubt).se > plain.se
    assert adjust(found, doubt).v == pytest.approx(found.v + 0.25)
    assert "single centre" in adjust(found, doubt).notes[0]
    with pytest.raises(BadInput) as caught:
        adjust(found, {"s0": Bias(0, -1, ""), "s11": Bias(0, 0, "")})
    assert len(caught.value.problems) == 4


def test_biases_of_domains_add_up():
    total = sum_of_domains(
        {"allocation": Bias(-0.1, 0.3, "open list"), "size": Bias(-0.2, 0.4, "one centre")}
    )
    assert total.mean == pytest.approx(-0.3)
    assert total.sd == pytest.approx(0.5)
    assert "allocation: open list" in total.reason


def test_taking_away_the_tipping_bias_leaves_nothing():
    found = effects([-0.8, -0.5, -0.6, -0.9], [0.05, 0.08, 0.04, 0.06])
    pooled = random_effects(found)
    tip = tipping_point(pooled)
    gone = random_effects(adjust(found, {n: Bias(tip.estimate, 0, "") for n in found.names}))
    assert gone.estimate == pytest.approx(0, abs=1e-9)
    edge = random_effects(adjust(found, {n: Bias(tip.interval, 0, "") for n in found.names}))
    assert edge.upper == pytest.approx(0, abs=1e-9)
    assert tip.estimate_ratio == pytest.approx(math.exp(pooled.estimate))
    z = abs(pooled.estimate) / math.hypot(pooled.se, tip.sd)
    assert z == pytest.approx((pooled.upper - pooled.estimate) / pooled.se)
    stricter = tipping_point(pooled, level=0.999)
    assert abs(stricter.interval) < abs(tip.interval)


def test_the_tipping_bias_of_lin_2017_is_none_at_all():
    pooled = common_effect(effect_sizes(rows([(15, 56, 24, 54)]), "OR"))
    tip = tipping_point(pooled)
    assert tip.estimate_ratio == pytest.approx(15 * 30 / (41 * 24), rel=1e-9)
    assert pooled.shown.upper < 1.02
    assert (tip.interval == 0) == (pooled.upper >= 0)
    difference = tipping_point(common_effect(effect_sizes(rows([(15, 56, 24, 54)]), "RD")))
    assert math.isnan(difference.estimate_ratio)


def brute_force(y, v, priors, level):
    """Posterior of mu on a plain two-dimensional grid."""
    mu, tau = np.linspace(-6, 6, 1501), (np.arange(600) + 0.5) * 6 / 600
    density = np.zeros_like(mu)
    tau_density = np.zeros_like(tau)
    prior = {"half_normal": lambda t: np.exp(-0.5 * (t / priors.tau_scale) ** 2),
             "half_cauchy": lambda t: 1 / (1 + (t / priors.tau_scale) ** 2),
             "uniform": lambda t: 1.0 * (t <= priors.tau_scale)}[priors.tau]  # fmt: skip
    for i, t in enumerate(tau):
        w = np.exp(norm.logpdf(mu, priors.mean, priors.sd)) * prior(t)
        for a, b in zip(y, v, strict=True):
            w = w * norm.pdf(a, mu, math.sqrt(b + t * t))
        density += w
        tau_density[i] = w.sum()
    cdf = np.cumsum(density) / density.sum()
    tail = (1 - level) / 2
    tau_cdf = np.cumsum(tau_density) / tau_density.sum()
    return (
        float(np.sum(mu * density) / density.sum()),
        float(np.interp(tail, cdf, mu)),
        float(np.interp(1 - tail, cdf, mu)),
        float(np.interp(0.5, tau_cdf, tau)),
    )


@pytest.mark.parametrize(
    "priors", [Priors(), Priors(0.2, 0.5, "half_normal", 1.0), Priors(tau="uniform", tau_scale=2.0)]
)
def test_the_posterior_is_that_of_a_plain_grid(priors):
    y, v = [-0.8, 0.1, -0.3, -1.2], [0.15, 0.08, 0.2, 0.3]
    got = bayes(effects(y, v), priors, level=0.9)
    mean, low, high, tau = brute_force(y, v, priors, 0.9)
    assert got.pooled.estimate == pytest.approx(mean, abs=1e-3)
    assert [got.pooled.lower, got.pooled.upper] == pytest.approx([low, high], abs=1e-2)
    assert got.tau.estimate == pytest.approx(tau, abs=1e-2)
    assert priors.sentence in got.pooled.notes[-1]


def test_without_heterogeneity_and_with_a_flat_mean_the_posterior_is_the_common_effect():
    found = effects([-0.8, -0.5, -0.6], [0.05, 0.08, 0.04])
    got, plain = bayes(found, Priors(sd=1e4, tau_scale=1e-5)), common_effect(found)
    assert everything(got.pooled)[:4] == pytest.approx(everything(plain)[:4], rel=1e-5)
    assert got.below_null == pytest.approx(norm.cdf(-plain.estimate / plain.se), rel=1e-6)
    shown = got.pooled.prediction
    assert [shown.lower, shown.upper] == pytest.approx([plain.lower, plain.upper], rel=1e-4)


def test_priors_pull_and_the_number_of_nodes_does_not():
    found = effects([-0.8, -0.1], [0.15, 0.2])
    wide, tight = bayes(found), bayes(found, Priors(sd=0.1))
    assert abs(tight.pooled.estimate) < abs(wide.pooled.estimate)
    cauchy = bayes(found, Priors(tau="half_cauchy"))
    assert cauchy.pooled.upper - cauchy.pooled.lower > wide.pooled.upper - wide.pooled.lower
    few = bayes(found, nodes=250)
    assert everything(few.pooled)[:4] == pytest.approx(everything(wide.pooled)[:4], rel=1e-7)
    assert few.tau.upper == pytest.approx(wide.tau.upper, rel=1e-3)
    assert wide.new_below_null < wide.below_null
    with pytest.raises(BadInput) as caught:
        bayes(found, Priors(sd=0, tau_scale=-1), nodes=3)
    assert len(caught.value.problems) == 3
    with pytest.raises(BadInput, match="must be stated"):
        bayes(
            effect_sizes([Means(study="a", grade="seen", mean1=1, sd1=1, n1=9, mean2=1, sd2=1, n2=9)], "MD")
        )
