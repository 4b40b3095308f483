"""Tables of trials made without the model, whose estimands have values by quadrature.

A patient has a severity X ~ N(0, 1), seen as MELD. Deaths and transplants are exponential given X, both
likelier the sicker, so that censoring at a transplant is informative given nothing but the arm.
"""

from __future__ import annotations

import numpy as np
import polars as pl
from scipy.special import roots_hermitenorm

from hepatrial.analysis.estimands.events import TrialTables

ARMS = ("cells", "control")
DEATH, OFFER, AFTER, SLOPE, RATIO = 0.006, 0.008, 0.002, 0.9, 0.6
WEEKS = (1.0, 2.0, 4.0, 8.0, 12.0)
END = 180.0


def make(
    replicates=200,
    n=160,
    seed=1,
    *,
    ratio=RATIO,
    dropout=0.0,
    offers=True,
    shift=-2.0,
    numbers=None,
    arm=None,
):
    """Tables of ``replicates`` trials of ``n``; replicate numbers from 1, or those given."""
    rng = np.random.default_rng(seed)
    size = replicates * n
    replicate = np.repeat(np.arange(1, replicates + 1) if numbers is None else numbers, n).astype(np.int32)
    subject = np.tile(np.arange(1, n + 1), replicates).astype(np.int32)
    first = rng.permuted(np.tile(np.arange(n) % 2 == 0, (replicates, 1)), axis=1).ravel()
    if arm is not None:
        first = np.full(size, arm == ARMS[0])
    x = rng.normal(size=size)
    death = rng.exponential(size=size) / (DEATH * np.exp(SLOPE * x) * np.where(first, ratio, 1.0))
    offer = rng.exponential(size=size) / (OFFER * np.exp(SLOPE * x)) if offers else np.full(size, np.inf)
    after = offer + rng.exponential(size=size) / AFTER
    true_death = np.where(death < offer, death, after)
    leave = rng.exponential(size=size) / dropout if dropout else np.full(size, np.inf)
    end = np.minimum(leave, END)
    time, died = np.minimum(true_death, end), true_death <= end
    moved = offer < np.minimum(time, death)
    left = ~died & (leave < END)
    start = 22 + 4 * x + rng.normal(0, 0.5, size)
    subjects = pl.DataFrame(
        {
            "replicate": replicate,
            "subject": subject,
            "patient": np.arange(size),
            "arm": np.where(first, *ARMS),
            "status": "ok",
            "age": rng.normal(50, 8, size),
            "overall_survival_time": time,
            "overall_survival_event": died.astype(int),
            "transplant_free_time": np.where(moved, offer, time),
            "transplant_free_event": (died | moved).astype(int),
            "first_event": np.where(
                moved, "transplant", np.where(died, "death", np.where(left, "dropout", "none"))
            ),
            "dropout_reason": np.where(left, "moved", ""),
            "infusions_planned": np.where(first, 4, 0),
            "infusions_received": np.where(first, 4, 0),
            "baseline_meld": start,
        }
    )
    return TrialTables(subjects, _visits(rng, subjects, x, first, offer, shift), _events(subjects))


def make_pairs(n=4000, seed=9, **more):
    """Counterfactual arms: the same patients with the same luck in both, in replicate 0."""
    arms = [make(1, n, seed, numbers=[0], arm=arm, **more) for arm in ARMS]
    return TrialTables(
        *(pl.concat([getattr(one, name) for one in arms]) for name in ("subjects", "visits", "events"))
    )


def _visits(rng, subjects, x, first, offer, shift):
    rows = []
    keys = subjects.select("replicate", "subject", "arm")
    time = subjects["overall_survival_time"].to_numpy()
    own = rng.normal(0, 1.5, time.size)
    for week in (0.0, *WEEKS):
        day = 7 * week
        value = 22 + 4 * x - 0.6 * week + own * (week > 0) + rng.normal(0, 1, time.size)
        value = value + shift * first * min(week, 4) / 4
        value = np.where(offer < day, 10.0, value) if week else subjects["baseline_meld"].to_numpy()
        rows.append(
            keys.with_columns(
                visit=pl.lit("baseline" if not week else f"week {week:g}"),
                week=pl.lit(week),
                day=pl.lit(day),
                meld=pl.Series(value),
            ).filter(pl.Series(time >= day))
        )
    return pl.concat(rows)


def _events(subjects):
    moved = subjects.filter(pl.col("first_event") == "transplant")
    return moved.select(
        "replicate",
        "subject",
        "patient",
        "arm",
        day="transplant_free_time",
        event=pl.lit("transplant"),
        detail=pl.lit(""),
    )


_NODE, _WEIGHT = roots_hermitenorm(80)
_WEIGHT = _WEIGHT / _WEIGHT.sum()


def truth(strategy, day, ratio=RATIO):
    """Survival (incidence, while untransplanted) of the two arms on a day, by quadrature over severity."""
    found = []
    for factor in (ratio, 1.0):
        d, o = DEATH * np.exp(SLOPE * _NODE) * factor, OFFER * np.exp(SLOPE * _NODE)
        if strategy == "hypothetical":
            value = np.exp(-d * day)
        elif strategy == "composite":
            value = np.exp(-(d + o) * day)
        elif strategy == "while_untransplanted":
            value = d / (d + o) * (1 - np.exp(-(d + o) * day))
        else:  # alive without a transplant, or transplanted at u and alive since
            gap = d + o - AFTER
            value = np.exp(-(d + o) * day) + o * np.exp(-AFTER * day) * (1 - np.exp(-gap * day)) / gap
        found.append(float(_WEIGHT @ value))
    return np.array(found)
