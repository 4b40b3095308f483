"""A scarred liver without reserve: its INR tells of its work, and so does MELD of who dies."""

from __future__ import annotations

import numpy as np

from hepatrial.calibration.cohort import Cohort, admit, follow
from hepatrial.trial.run import patient_machine

CARD = "synthesis_half_decompensated_cirrhosis"


def cohort_of(reserve_lost: float) -> Cohort:
    admission = admit(
        patient_machine(rtol=1e-3),
        "decompensated_cirrhosis",
        {CARD: reserve_lost},
        size=700,
        seed=6,
        least=0.001,
    )
    return follow(admission, "smt", 90.0, visits=(0.0,), outputs=("function_mass", "synthesis"))


def told(cohort: Cohort) -> float:
    """Correlation of log INR with the liver's work."""
    return float(np.corrcoef(np.log(cohort.columns["inr"]), cohort.courses["function_mass"][:, 0])[0, 1])


def test_inr_follows_the_work_of_a_liver_without_reserve_more_than_of_one_with_it() -> None:
    with_reserve, without = cohort_of(1.0), cohort_of(1.7)
    assert told(without) < told(with_reserve) - 0.15
    assert told(without) < -0.5
    assert np.median(without.columns["inr"]) > np.median(with_reserve.columns["inr"]) + 0.2
    meld, dead = without.columns["meld"], without.first(("death",)) <= 90.0
    assert dead[meld >= 30].mean() > 1.3 * dead[(meld >= 20) & (meld < 30)].mean()
    assert dead[(meld >= 20) & (meld < 30)].mean() > 1.5 * dead[meld < 20].mean()
