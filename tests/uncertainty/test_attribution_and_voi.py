"""Attribution adds up along the graph; the value of information against closed forms."""

import numpy as np
import pytest
from scipy.stats import norm

from hepatrial.errors import BadInput
from hepatrial.model.variants import load_variants
from hepatrial.protocol import load_protocol
from hepatrial.report.uncertainty import page
from hepatrial.schema import MARK
from hepatrial.uncertainty import attribute as a
from hepatrial.uncertainty import voi as v

LIN = load_protocol("lin2017")


def world(shift=0.0, effect=0.1, off=-0.01):
    """Shares of a made-up world: every variant acts in the lung; one engrafts."""
    base = [0.5 + shift, 0.3]
    delivered = [base[0] + off, base[1]]
    row = {
        "lung_action": [delivered[0] + effect, 0.25],
        "homing_and_local_action": [delivered[0] + effect, 0.25],
    }
    variants = {name: dict(row) for name in a.variants_of()}
    for name in a.variants_of(engrafts_only=True):
        variants[name] = {**row, "engraftment": [delivered[0] + effect + 0.02, 0.25]}
    return {"control": base, "delivery": delivered, "variants": variants}


def rows_of(prior, posterior):
    weights = {name: one.weight for name, one in load_variants().items()}
    found = a.edge_rows({"prior": prior, "posterior": posterior}, {"prior": weights, "posterior": weights})
    return {(r["outcome"], r["variant"], r["edge"]): r for r in found}


def test_the_edges_add_up_to_the_total_for_every_variant_and_on_average():
    rows = rows_of([world(), world(0.1)], [world(), world(0.2, 0.05)])
    for outcome in a.OUTCOMES:
        for variant in ("all", *a.variants_of()):
            for belief in ("prior", "posterior"):
                parts = sum(rows[outcome, variant, edge][belief]["difference"] for edge in a.GRAPH)
                assert parts == pytest.approx(rows[outcome, variant, "total"][belief]["difference"])


def test_the_average_counts_the_variant_that_does_nothing_with_delivery_alone():
    rows = rows_of([world()] * 2, [world()] * 2)
    idle = 1 - sum(load_variants()[name].weight for name in a.variants_of())
    assert idle > 0.2
    lung = rows["alive", "all", "lung_action"]["posterior"]["difference"]
    assert lung == pytest.approx((1 - idle) * 0.1)
    assert rows["alive", "all", "delivery"]["posterior"]["difference"] == pytest.approx(-0.01)


def test_what_the_fit_did_not_move_is_called_not_learnt():
    rows = rows_of([world(), world(effect=0.12)], [world(), world(effect=0.12)])
    assert not any(row["learnt"] for row in rows.values())
    assert all(row["resolved"] for row in rows.values())
    assert not rows_of([world(), world(0.1, 0.4)], [world(), world()])["alive", "all", "total"]["resolved"]
    moved = rows_of([world(), world(effect=0.101)], [world(effect=0.3), world(effect=0.301)])
    assert moved["alive", "all", "lung_action"]["learnt"]


def test_only_variants_that_engraft_have_the_last_edge():
    assert a.variants_of(engrafts_only=True) == ["engraftment_bound"]
    assert "no_effect" not in a.variants_of()


def test_what_cannot_be_attributed_is_told_at_once():
    with pytest.raises(BadInput) as bad:
        a.check(LIN, "mcs", 1, 5, -1)
    told = str(bad.value)
    for word in ("--members", "--patients", "--seed", "--arm", "msc"):
        assert word in told
    with pytest.raises(BadInput, match="effect"):
        a.check(load_protocol("relief2013"), None, 10, 20, 1)


def two(centres, gains=(0.0, 0.0), weights=(0.5, 0.5)):
    return v.Belief(np.array(weights), np.array([0, 1]), np.array(gains)), np.array(centres, dtype=float)


def test_a_reading_that_is_the_same_under_every_variant_tells_nothing():
    belief, centre = two((1.0, 1.0), (0.1, -0.1))
    bits, _, evsi, error = v.value_of(belief, centre, np.full(2, 0.3), 0.0, 1)
    assert bits == pytest.approx(0.0, abs=1e-12)
    assert evsi <= 4 * error + 1e-12


def test_a_reading_without_error_tells_all_of_the_entropy_and_is_worth_perfect_information():
    belief, centre = two((0.0, 100.0), (0.1, -0.1), (0.3, 0.7))
    bits, error, evsi, worth_error = v.value_of(belief, centre, np.full(2, 0.5), 0.0, 1, draws=20_000)
    entropy = -(0.3 * np.log2(0.3) + 0.7 * np.log2(0.7))
    assert bits == pytest.approx(entropy, abs=4 * error)
    assert evsi == pytest.approx(0.3 * 0.1, abs=4 * worth_error + 1e-12)


@pytest.mark.parametrize("gap", [0.5, 1.0, 3.0])
def test_information_of_two_normals_is_the_integral(gap):
    belief, centre = two((0.0, gap))
    bits, error, _, _ = v.value_of(belief, centre, np.ones(2), 0.0, 3, draws=40_000)
    x = np.linspace(-8, 8 + gap, 40_001)
    p, q = norm.pdf(x), norm.pdf(x - gap)
    mixed = (p + q) / 2
    exact = np.trapezoid(0.5 * p * np.log2(p / mixed) + 0.5 * q * np.log2(q / mixed), x)
    assert bits == pytest.approx(exact, abs=4 * error)


def test_value_for_a_decision_is_the_closed_form_of_two_normals():
    """Gain +g under one and -g under the other: go where the first is likelier."""
    gap, g = 1.5, 0.08
    belief, centre = two((gap, 0.0), (g, -g))
    _, _, evsi, error = v.value_of(belief, centre, np.ones(2), 0.0, 3, draws=40_000)
    right = norm.cdf(gap / 2)
    assert evsi == pytest.approx(0.5 * g * (right - (1 - right)), abs=4 * error)


def test_a_sharp_reading_of_the_members_does_not_know_the_luck_of_their_patients():
    """One variant, many members whose gains are noise: nothing can be told of them."""
    rng = np.random.default_rng(1)
    belief = v.Belief(np.full(40, 1 / 40), np.zeros(40, int), rng.normal(0.0, 0.05, 40))
    centre = rng.normal(0.0, 1.0, 40)
    raw = v.value_of(belief, centre, np.full(40, 0.01), 0.0, 1)[2]
    smooth = v.Belief(belief.weight, belief.variant, v.smooth_gain(belief, centre))
    told = v.value_of(smooth, centre, np.full(40, 0.01), 0.0, 1)[2]
    assert raw > 0.01  # about the mean positive part of the noise, less that of its mean
    assert told < 0.3 * raw


def test_smoothing_between_members_keeps_a_reading_from_telling_alike_variants_apart():
    """Two variants whose readings have one distribution over members."""
    rng = np.random.default_rng(2)
    centre = rng.normal(0.0, 1.0, 60)
    belief = v.Belief(np.full(60, 1 / 60), np.repeat([0, 1], 30), np.zeros(60))
    sharp = v.value_of(belief, centre, np.full(60, 1e-3), 0.0, 1)[0]
    smooth = v.value_of(belief, centre, v.bandwidth(belief, centre), 0.0, 1)[0]
    assert sharp > 0.9
    assert smooth < 0.1


def test_one_member_needs_no_smoothing():
    belief, centre = two((0.0, 1.0), (0.1, -0.1))
    assert (v.bandwidth(belief, centre) == 0).all()
    assert v.smooth_gain(belief, centre) == pytest.approx([0.1, -0.1])


def test_more_patients_tell_more():
    belief, centre = two((0.0, 1.0), (0.1, -0.1))
    told = [v.value_of(belief, centre, np.full(2, 3.0 / np.sqrt(n)), 0.0, 1)[0] for n in (5, 20, 80)]
    assert told == sorted(told)
    assert told[0] < told[2]


def test_every_reading_is_an_output_or_a_card_and_says_what_it_stands_for():
    from hepatrial.model import load_patient_model
    from hepatrial.population.deck import make_deck

    spec = load_patient_model()
    for one in v.load_readings().values():
        assert bool(one.reads) != bool(one.card)
        assert one.reads in spec.outputs if one.reads else make_deck().value(one.card) > 0
        assert one.grade == "assumed"
        assert len(one.source) > 20
        assert 0 < one.cv < 1
    assert set(v.ALONE) <= set(v.load_readings())


def test_unknown_readings_sizes_and_thresholds_are_told_together():
    with pytest.raises(BadInput) as bad:
        v.check_more(["scd163"], [0], 3.0)
    told = str(bad.value)
    assert "scd163_day_3" in told
    assert "--measured" in told
    assert "--threshold" in told


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_the_page_of_an_attribution_carries_the_mark_twice_and_never_a_gap_in_words(lang):
    rows = list(rows_of([world(), world(0.1)], [world(), world(0.1)]).values())
    weights = {name: one.weight for name, one in load_variants().items()}
    found = {
        "protocol": "lin2017", "arm": "msc", "control": "smt",
        "labels": {"msc": {"en": "MSC", "zh": "MSC"}, "smt": {"en": "Care", "zh": "标准治疗"}},
        "week": 24.0, "members": 2, "patients": 20,
        "ensemble": "posterior", "edges": rows, "weights": {"prior": weights, "posterior": weights},
        "tipping": [{"trial": "lin2017", "observed": -0.8, "tipping_point": -0.8, "prior": [-0.3, 0.3],
                     "posterior": [-0.6, 0.28]}], "hash": "ab" * 32,
    }  # fmt: skip
    text = page(found, lang)
    assert text.count(MARK[lang]) >= 4
    assert "−0.80" in text
    assert "{" not in text.split("<main>")[1].split("<svg")[0]
