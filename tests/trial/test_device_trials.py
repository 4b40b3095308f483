"""The device trials that are predicted, never fitted: what each device moves in the counterfactual arms."""

import numpy as np
import polars as pl
import pytest

from hepatrial.protocol import load_protocol
from hepatrial.trial import run_trial


@pytest.fixture(scope="module", params=["relief2013", "fulmar2013", "larsen2016"])
def device(request, tmp_path_factory):
    """The run, the arm with the device and its control."""
    protocol = load_protocol(request.param)
    out = tmp_path_factory.mktemp("device") / "run"
    folder = run_trial(protocol, out=out, patients=10, replicates=1, pairs=60)
    (treated,) = protocol.other_arms
    return folder, treated, protocol.control_arm


def arm(table, name):
    return table.filter((pl.col("replicate") == 0) & (pl.col("arm") == name))


def test_a_device_that_washes_blood_lowers_bilirubin_and_creatinine(device):
    folder, treated, control = device
    day = folder.visits.filter(pl.col("day") > 0)["day"].min()
    at = folder.visits.filter(pl.col("day") == day)
    both = arm(at, treated).join(arm(at, control), on="subject", suffix="_control")
    for measure in ("bilirubin", "creatinine"):
        ratio = np.log(both[measure] / both[f"{measure}_control"]).mean()
        assert ratio < -0.05, measure


def test_albumin_dialysis_moves_no_clinical_event(device):
    folder, treated, control = device
    if treated == "exchange":
        pytest.skip("plasma exchange also takes toxins")
    given = pl.col("event") != "albumin_dialysis"
    events = [arm(folder.events, name).filter(given).drop("arm") for name in (treated, control)]
    assert (
        events[0].select("subject", "event", "detail").equals(events[1].select("subject", "event", "detail"))
    )
    assert np.allclose(events[0]["day"], events[1]["day"], rtol=1e-2, atol=0.05)
    assert (arm(folder.subjects, treated)["listed"] == arm(folder.subjects, control)["listed"]).all()


def test_nobody_is_washed_after_a_transplant(device):
    folder, treated, _ = device
    events = arm(folder.events, treated)
    grafts = events.filter(pl.col("event") == "transplant").select("subject", graft="day")
    sessions = events.filter(pl.col("event").is_in(["albumin_dialysis", "plasma_exchange"]))
    assert sessions.height > 60
    assert sessions.join(grafts, on="subject").filter(pl.col("day") > pl.col("graft")).height == 0
