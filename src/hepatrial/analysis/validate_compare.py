"""The methods that work on all trials at once, on one real trial, beside the numbers of R."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from hepatrial.analysis.estimands.compare import compare
from hepatrial.analysis.estimands.sample import TimeSample
from hepatrial.analysis.estimands.times import incidence_at
from hepatrial.analysis.inferences import Inferences
from hepatrial.analysis.validate import Check, Table, Tables

WAITING = ("death", "ltx", "withdraw")
"""Ends of waiting in the Mayo liver list, in the order of the reference."""


def _sample(time: ArrayLike, cause: ArrayLike, first: ArrayLike, stratum: Any = None) -> TimeSample:
    """One trial as a sample; ``first`` marks the first arm. Rows without a stratum are left out."""
    days, causes, own = (np.asarray(one) for one in (time, cause, first))
    kept = np.ones(days.size, dtype=bool)
    codes, strata = np.zeros(days.size, dtype=np.int64), 1
    if stratum is not None:
        kept = ~np.isnan(np.asarray(stratum, dtype=np.float64))
        codes = np.unique(np.asarray(stratum)[kept], return_inverse=True)[1].astype(np.int64)
        strata = int(codes.max()) + 1
    return TimeSample(
        unit=np.zeros(int(kept.sum()), dtype=np.int64),
        arm=np.where(own[kept], 0, 1).astype(np.int64),
        units=1,
        arms=("first", "second"),
        stratum=codes if stratum is not None else codes[kept],
        strata=strata,
        time=days[kept].astype(np.float64),
        cause=causes[kept].astype(np.int64),
    )


def _pbc(table: Table, years: bool = False, stratum: bool = False) -> TimeSample:
    time = table["time"][:312] / (365.25 if years else 1.0)
    return _sample(
        time,
        table["status"][:312] == 2,
        table["trt"][:312] == 1,
        table["stage"][:312] if stratum else None,
    )


def _one(
    method: str, sample: Callable[[Tables], TimeSample], day: float | None = None
) -> Callable[[Tables], Inferences]:
    return lambda tables: compare(sample(tables), method, day=day)


def _waiting(tables: Tables, day: float) -> list[float]:
    """Still waiting, and each end of waiting; every cause in turn is the outcome, the others compete."""
    table = tables["transplant"]
    time, event = np.asarray(table["futime"], dtype=np.float64), table["event"]
    nobody = np.zeros(time.size, dtype=np.int64)
    found = []
    for name in WAITING:
        other = np.isin(event, WAITING)
        cause = np.where(event == name, 1, np.where(other, 2, 0)).astype(np.int64)
        found.append(float(incidence_at(time, cause, nobody, 1, day).value[0]))
    return [1 - sum(found), *found]


def compare_checks() -> list[Check]:
    """Log-rank, stratified log-rank, RMST, incidence: one a line."""
    name = "analysis.compare"
    death = _one("logrank", lambda t: _pbc(t["pbc"]))
    strata = _one("logrank", lambda t: _pbc(t["pbc"], stratum=True))
    mean = _one("rmst", lambda t: _pbc(t["pbc"], years=True), 10.0)
    rmst = ("rmst", "pbc312_10y_survRM2")
    return [
        Check(f"{name} logrank", ("logrank_chisq", "pbc312_trt_death"), lambda t: death(t).statistic[0] ** 2),
        Check(
            f"{name} logrank, stratified",
            ("logrank_chisq", "pbc312_trt_stratified_stage"),
            lambda t: strata(t).statistic[0] ** 2,
        ),
        Check(f"{name} rmst", (*rmst, "diff"), lambda t: mean(t).estimate[0]),
        Check(f"{name} rmst", (*rmst, "p"), lambda t: mean(t).p[0]),
        *(
            Check(
                f"{name} incidence",
                ("competing_risks", "transplant815", f"p{day}"),
                partial(_waiting, day=day),
            )
            for day in (28, 90, 180, 365)
        ),
    ]
