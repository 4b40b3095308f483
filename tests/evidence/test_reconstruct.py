"""Individual times rebuilt from a curve: round trips, invariants, bad input."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from hepatrial.analysis import cox, kaplan_meier, logrank
from hepatrial.cli.app import app
from hepatrial.errors import BadInput
from hepatrial.evidence.reconstruct import reconstruct

PBC = Path(__file__).parents[2] / "../shared/data/pbc_mayo.csv"


def pbc():
    if not PBC.exists():
        pytest.skip("the PBC trial is absent")
    with PBC.open(encoding="utf-8") as file:
        rows = [r for r in csv.DictReader(file) if r["trt"] in ("1", "2")]
    time, status, arm = (np.array([float(r[c]) for r in rows]) for c in ("time", "status", "trt"))
    return time, (status == 2).astype(int), arm


def printed(time, event, every, risk_every, decimals=3):
    """What a figure prints of one arm: points read off, and a risk table."""
    curve, end = kaplan_meier(time, event), float(time.max())
    points = np.append(np.arange(0, end, every), end)
    risk = np.arange(0, end, risk_every)
    return points, np.round(curve.survival_at(points), decimals), risk, curve.number_at_risk(risk).tolist()


def contrast(time, event, arm):
    ratio = cox(time, event, (arm == 1).astype(float)).hazard_ratios[0]
    return ratio.estimate, *ratio.ci, logrank(time, event, arm).chisq


def rebuilt(time, event, arm, *, every=210, risk_every=365.25, decimals=3, total=True):
    parts = []
    for name in (1, 2):
        mine = arm == name
        given_ = printed(time[mine], event[mine], every, risk_every, decimals)
        got = reconstruct(*given_, total_events=int(event[mine].sum()) if total else None)
        parts.append((got, np.full(got.n, name)))
    return (
        np.concatenate([got.time for got, _ in parts]),
        np.concatenate([got.event for got, _ in parts]),
        np.concatenate([names for _, names in parts]),
    ), [got for got, _ in parts]


@pytest.mark.parametrize(
    ("options", "ratio_within", "chisq_within"),
    [
        ({}, 0.01, 0.03),
        ({"total": False}, 0.01, 0.03),
        ({"decimals": 2}, 0.01, 0.03),
        ({"every": 60}, 0.01, 0.03),
        ({"risk_every": 730.5}, 0.02, 0.05),
        ({"risk_every": 1e9}, 0.03, 0.06),
    ],
)
def test_the_pbc_trial_comes_back_from_some_twenty_points_an_arm(options, ratio_within, chisq_within):
    """Relative error of the hazard ratio and its limits, absolute error of the log-rank chi-square."""
    time, event, arm = pbc()
    truth = contrast(time, event, arm)
    assert truth == pytest.approx((1.0588927, 0.7453266, 1.5043792, 0.10170547), rel=1e-6)
    data, parts = rebuilt(time, event, arm, **options)
    got = contrast(*data)
    assert got[:3] == pytest.approx(truth[:3], rel=ratio_within)
    assert got[3] == pytest.approx(truth[3], abs=chisq_within)
    assert [part.n for part in parts] == [158, 154]
    assert all(abs(part.events - wanted) <= 1 for part, wanted in zip(parts, (65, 60), strict=True))
    assert all(part.worst_survival < 0.025 for part in parts)


def test_without_risk_table_and_total_the_events_come_out_too_many_and_the_note_says_why():
    time, event, arm = pbc()
    _, parts = rebuilt(time, event, arm, risk_every=1e9, total=False)
    assert parts[0].events > 65
    assert any("no censoring is known" in note for note in parts[0].notes)


def test_the_total_of_events_decides_the_censoring_after_the_last_number_at_risk():
    time, survival = [0, 10, 20, 30, 40], [1, 0.9, 0.8, 0.6, 0.4]
    few = reconstruct(time, survival, [0, 20], [100, 80], total_events=40)
    many = reconstruct(time, survival, [0, 20], [100, 80], total_events=58)
    assert (few.events, many.events) == (40, 58)
    off = reconstruct(time, survival, [0, 20], [100, 80], total_events=95)
    assert any("printed 95" in note for note in off.notes)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.floats(0, 0.2), min_size=2, max_size=10), st.integers(20, 400))
def test_without_censoring_the_deaths_are_the_drops_of_the_curve(drops, n):
    heights = np.cumprod([1.0, *[1 - d for d in drops]])
    survivors = np.round(n * heights)
    got = reconstruct(np.arange(len(heights)), survivors / n, [0], [n])
    assert got.n == n
    counts = np.histogram(got.time[got.event == 1], bins=np.arange(len(heights)))[0]
    assert counts.tolist() == (-np.diff(survivors)).astype(int).tolist()
    assert got.worst_survival < 1e-9
    assert got.reconstructed


@settings(max_examples=25, deadline=None)
@given(st.integers(40, 300), st.floats(0.002, 0.02), st.floats(0.001, 0.01), st.integers(0, 10_000))
def test_a_simulated_arm_comes_back_with_its_patients_and_nearly_its_curve(n, hazard, leaving, seed):
    rng = np.random.default_rng(seed)
    death, censored = rng.exponential(1 / hazard, n), rng.exponential(1 / leaving, n)
    time = np.minimum(np.minimum(death, censored), 168.0)
    event = (death <= np.minimum(censored, 168.0)).astype(int)
    points, survival, risk, at_risk = printed(time, event, 8, 28, 4)
    got = reconstruct(points, survival, risk, at_risk, total_events=int(event.sum()))
    assert got.n == n
    assert abs(got.events - event.sum()) <= max(3, 0.06 * n)
    assert got.worst_at_risk <= max(2, 0.06 * n)
    assert (np.diff(got.time) >= 0).all()


def test_a_change_of_the_unit_of_time_changes_nothing_else():
    survival, at_risk = [1, 0.9, 0.7, 0.6], [50, 41, 30]
    days = reconstruct([0, 28, 84, 168], survival, [0, 28, 84], at_risk)
    weeks = reconstruct([0, 4, 12, 24], survival, [0, 4, 12], at_risk)
    assert days.time == pytest.approx(7 * weeks.time)
    assert days.event.tolist() == weeks.event.tolist()


def test_a_curve_that_starts_later_starts_at_one_and_may_reach_nobody():
    got = reconstruct([5, 10, 20], [0.8, 0.5, 0.0], [0, 10], [10, 5])
    assert got.n == got.events == 10
    assert got.time.max() <= 20


def test_everything_wrong_with_a_curve_is_said_at_once():
    with pytest.raises(BadInput) as caught:
        reconstruct([0, 10, 5], [0.9, 1.1, 1.2], [0, 40], [10.5, 20], total_events=99)
    text = str(caught.value)
    for said in ("must ascend", "rises at 10", "rises at 5", "0 to 1", "at time 0", "do not rise",
                 "total_events", "last risk time"):  # fmt: skip
        assert said in text
    with pytest.raises(BadInput, match="one a time"):
        reconstruct([0, 10], [1.0], [0], [10])
    with pytest.raises(BadInput, match="finite"):
        reconstruct([0, np.nan], [1.0, 0.5], [0], [10])


def test_the_pbc_trial_comes_back_through_the_command_line(tmp_path):
    time, event, arm = pbc()
    rebuilt = {}
    for which in (1, 2):
        points, heights, risk, numbers = printed(time[arm == which], event[arm == which], 180, 720)
        at = dict(zip(risk, numbers, strict=True))
        lines = ["time,survival,at_risk"] + [
            f"{t},{100 * s:.1f},{at.get(t, '')}" for t, s in zip(points, heights, strict=True)
        ]
        file, out = tmp_path / f"{which}.csv", tmp_path / f"{which}-times.csv"
        file.write_text("\n".join(lines))
        total = str(int(event[arm == which].sum()))
        command = ["evidence", "reconstruct", str(file), "--out", str(out), "--events", total]
        result = CliRunner().invoke(app, command)
        assert result.exit_code == 0, result.output
        assert "not patients' data" in result.output
        with out.open(encoding="utf-8") as handle:
            rows = list(csv.DictReader(handle))
        assert all("not patients' data" in row["origin"] for row in rows)
        rebuilt[which] = ([float(r["time"]) for r in rows], [int(r["event"]) for r in rows])
    times = np.concatenate([rebuilt[1][0], rebuilt[2][0]])
    events = np.concatenate([rebuilt[1][1], rebuilt[2][1]])
    arms = np.repeat([1, 2], [len(rebuilt[1][0]), len(rebuilt[2][0])])
    assert contrast(times, events, arms)[0] == pytest.approx(contrast(time, event, arm)[0], abs=0.05)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("time,surv\n0,1", "columns"),
        ("time,survival,at_risk\n0,1,\nx,0.5,", "line 3, time"),
        ("time,survival,at_risk\n0,1,10\n5,0.4,4\n9,0.6,", "survival"),
    ],
)
def test_a_bad_curve_file_is_refused(tmp_path, content, said):
    file = tmp_path / "curve.csv"
    file.write_text(content)
    result = CliRunner().invoke(app, ["evidence", "reconstruct", str(file)])
    assert result.exit_code == 2
    assert said in result.stderr
