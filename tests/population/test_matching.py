"""Entropy balancing and resampling."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hepatrial.errors import BadInput
from hepatrial.population.matching import Target, balance, matched_order, require_match, resample
from hepatrial.rng import Stream


@pytest.fixture(scope="module")
def pool() -> dict[str, np.ndarray]:
    n = 4000
    i = np.arange(n)
    z = [Stream(7, name).normal(i) for name in "abc"]
    return {
        "age": 44 + 11 * z[0],
        "bilirubin": 300 * np.exp(0.35 * z[1]),
        "cirrhosis": (z[2] + 0.3 * z[0] > 0.25).astype(float),
    }


def test_no_request_gives_every_patient_weight_one(pool):
    match = balance(pool, [])
    assert np.array_equal(match.weights, np.ones(4000))
    assert match.effective_n == 4000
    assert match.largest_miss == 0
    assert match.worst_target is None


def test_requested_means_sds_quartiles_and_shares_are_met(pool):
    targets = [
        Target("age", "mean", 47.0),
        Target("age", "sd", 9.0),
        Target("bilirubin", "q25", 250.0),
        Target("bilirubin", "median", 330.0),
        Target("bilirubin", "q75", 420.0),
        Target("cirrhosis", "share", 0.6),
    ]
    match = balance(pool, targets)
    require_match(match)
    w = match.weights
    assert np.isclose(w.mean(), 1)
    assert (w > 0).all()
    mean = np.average(pool["age"], weights=w)
    assert np.isclose(mean, 47, atol=1e-6)
    assert np.isclose(np.sqrt(np.average((pool["age"] - mean) ** 2, weights=w)), 9, atol=1e-6)
    for value, share in ((250, 0.25), (330, 0.5), (420, 0.75)):
        assert np.isclose(np.average(pool["bilirubin"] <= value, weights=w), share, atol=1e-8)
    assert np.isclose(np.average(pool["cirrhosis"], weights=w), 0.6, atol=1e-8)
    assert match.effective_n == pytest.approx(w.sum() ** 2 / (w**2).sum())
    assert np.allclose(match.achieved, [47, 9, 250, 330, 420, 0.6], rtol=5e-3)


def test_one_mean_of_a_normal_pool_tilts_it_as_the_closed_form_says():
    # exp(lambda x) times N(0, 1) is N(lambda, 1); effective share exp(-lambda^2)
    n = 200_000
    x = Stream(1, "x").normal(np.arange(n))
    x = (x - x.mean()) / x.std()
    match = balance({"x": x}, [Target("x", "mean", 0.4)])
    slope = np.polyfit(x, np.log(match.weights), 1)[0]
    assert slope == pytest.approx(0.4, abs=0.01)
    assert match.effective_n / n == pytest.approx(np.exp(-0.16), abs=0.02)


def test_weights_are_nearest_to_equal_in_kullback_leibler_divergence(pool):
    # any other weights that meet the request (here: shifted along a null direction) are further from equal
    match = balance(pool, [Target("age", "mean", 46.0)])
    w = match.weights / match.weights.sum()

    def divergence(p):
        return float(np.sum(p * np.log(p * len(p))))

    constraints = np.vstack([np.ones_like(w), pool["age"]])
    noise = Stream(3, "null").normal(np.arange(len(w)))
    null = noise - constraints.T @ np.linalg.lstsq(constraints.T, noise, rcond=None)[0]
    for size in (1e-3, -1e-3):
        other = w + size * w.min() * null
        assert (other > 0).all()
        assert np.isclose(other @ pool["age"], 46, atol=1e-6)
        assert divergence(other) > divergence(w)


def test_a_table_nobody_can_match_is_refused_with_the_nearest_figure_and_effective_number(pool):
    match = balance(pool, [Target("age", "mean", 300.0), Target("cirrhosis", "share", 0.5)])
    with pytest.raises(BadInput) as refused:
        require_match(match)
    sentence = str(refused.value)
    assert "population.table1: given age mean 300" in sentence
    assert "effective number" in sentence
    assert "SD" in sentence


def test_a_match_that_rests_on_a_handful_is_refused(pool):
    match = balance(pool, [Target("age", "mean", float(np.sort(pool["age"])[-15:].mean()))])
    with pytest.raises(BadInput, match=r"hardly|miss"):
        require_match(match)


def test_bad_requests_are_reported_together(pool):
    targets = [Target("agee", "mean", 4), Target("age", "mode", 4), Target("bilirubin", "sd", 4)]
    with pytest.raises(BadInput) as refused:
        balance(pool, targets)
    assert len(refused.value.problems) == 3


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.floats(0.01, 20), min_size=1, max_size=60),
    st.floats(1e-6, 1 - 1e-6),
)
def test_resampling_gives_floor_or_ceiling_of_each_weight_and_keeps_the_size(raw, offset):
    weights = np.array(raw) * len(raw) / sum(raw)
    counts = np.bincount(resample(weights, offset), minlength=len(raw))
    assert counts.sum() == len(raw)
    assert (counts >= np.floor(weights - 1e-9)).all()
    assert (counts <= np.ceil(weights + 1e-9)).all()


def test_matched_order_depends_on_seed_and_block_only_and_mixes_copies(pool):
    match = balance(pool, [Target("age", "mean", 47.0)])
    first = matched_order(match.weights, 5, 0)
    assert np.array_equal(first, matched_order(match.weights, 5, 0))
    assert not np.array_equal(first, matched_order(match.weights, 6, 0))
    assert not np.array_equal(first, matched_order(match.weights, 5, 1))
    assert np.mean(first[1:] == first[:-1]) < 0.01
    assert pool["age"][first].mean() == pytest.approx(47.0, abs=0.05)
