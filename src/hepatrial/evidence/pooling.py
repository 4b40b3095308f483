"""A synthesis asked for in words, answered as plain data: pools, subgroups, regression, Bayes."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from hepatrial.errors import BadInput, Problem, nearest_name
from hepatrial.evidence.base.types import Trial
from hepatrial.evidence.bias_priors import domain_biases, total_bias
from hepatrial.evidence.synthesis import (
    Effects,
    Pooled,
    Posterior,
    Priors,
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
    tipping_point,
)
from hepatrial.evidence.synthesis.result import Interval, natural
from hepatrial.evidence.synthesis.rows import RATIOS, AnyRow

METHODS = ("random", "common", "mantel_haenszel", "peto")
APART = "product"
"""Label by which studies are pooled apart unless they are asked for together."""


@dataclass(frozen=True)
class Asked:
    """What is asked of a synthesis.

    Attributes:
        measure: "RR", "OR", "RD", "MD", "SMD" or "HR".
        method: of ``METHODS``.
        estimator, interval, safeguard, prediction, level: of ``random_effects``.
        double_zeros: of ``effect_sizes``.
        together: pool different products together; they are pooled apart by default.
        leave_one_out, cumulative, small_study: ask for these.
        by: label of subgroups, or "".
        regress: covariates of a meta-regression.
        priors: of a Bayesian random-effects pool, or None.
        bias: with bias-adjusted rows by domain and a tipping point.
    """

    measure: str = "RR"
    method: str = "random"
    estimator: str = "REML"
    interval: str = "hartung_knapp"
    safeguard: bool = True
    prediction: str = "t_k-1"
    level: float = 0.95
    double_zeros: str = "leave_out"
    together: bool = False
    leave_one_out: bool = False
    cumulative: bool = False
    small_study: bool = False
    by: str = ""
    regress: tuple[str, ...] = ()
    priors: Priors | None = None
    bias: bool = False
    trials: dict[str, Trial] = field(default_factory=dict)


def pool_rows(rows: Sequence[AnyRow], asked: Asked) -> dict[str, Any]:
    """The synthesis of some rows.

    Returns:
        ``measure``, ``method``, ``apart`` (the label) and ``groups``: a dict for each product with
        ``label``, the pool (``pool_dict``) and what was asked for besides.

    Raises:
        BadInput: bad rows or words; a test for small-study effects with fewer than ten studies; a
            regression or cumulative pool without the numbers it needs.
    """
    if asked.method not in METHODS:
        near = nearest_name(asked.method, METHODS)
        allowed = f"must be one of {', '.join(METHODS)}"
        raise BadInput([Problem("method", repr(asked.method), allowed, near)])
    names = dict.fromkeys(row.labels.get(APART, "") for row in rows)
    apart = not asked.together and len(names) > 1
    groups: list[dict[str, Any]] = []
    for name in names if apart else ("",):
        mine = [row for row in rows if not apart or row.labels.get(APART, "") == name]
        try:
            groups.append({"label": name if apart else "all", **_group(mine, asked)})
        except BadInput as error:
            empty = all(problem.place == "studies" for problem in error.problems)
            if not (apart and empty) or asked.small_study or asked.regress:
                raise
            said = "; ".join(problem.sentence() for problem in error.problems)
            groups.append({"label": name, "k": 0, "not_pooled": said})
    return {
        "measure": asked.measure,
        "method": asked.method,
        "apart": APART if apart else "",
        "groups": groups,
    }


def _group(rows: Sequence[AnyRow], asked: Asked) -> dict[str, Any]:
    if asked.method in ("mantel_haenszel", "peto"):
        pooled = (
            peto(rows, level=asked.level)
            if asked.method == "peto"
            else mantel_haenszel(rows, asked.measure, level=asked.level)  # type: ignore[arg-type]
        )
        return pool_dict(pooled)
    effects = effect_sizes(rows, asked.measure, double_zeros=asked.double_zeros)  # type: ignore[arg-type]
    pool = _pooling(asked)
    told = pool_dict(pool(effects))
    if asked.leave_one_out and len(effects) > 1:
        told["leave_one_out"] = [{"without": n, **short(p)} for n, p in leave_one_out(effects, pool)]
    if asked.cumulative:
        told["cumulative"] = [{"added": n, **short(p)} for n, p in cumulative(effects, pool)]
    if asked.by:
        found = subgroups(effects, asked.by, pool)
        told["subgroups"] = {
            "by": found.by,
            "groups": [{"label": n or "(none)", **short(p)} for n, p in found.groups],
            "q_between": _plain(found.q_between), "df": found.df, "p": _plain(found.p), "note": found.note,
        }  # fmt: skip
    if asked.regress:
        told["regression"] = _regression(effects, asked)
    if asked.small_study:
        test = egger(effects, level=asked.level)
        told["small_study"] = {
            "test": test.method, "intercept": test.estimate, "se": test.se, "p": test.p, "note": test.note,
        }  # fmt: skip
    if asked.priors is not None:
        told["bayes"] = posterior_dict(bayes(effects, asked.priors, level=asked.level))
    if asked.bias:
        told |= _bias(effects, asked)
    return told


def _pooling(asked: Asked) -> Callable[[Effects], Pooled]:
    if asked.method == "common":
        return lambda effects: common_effect(effects, level=asked.level)
    return lambda effects: random_effects(
        effects, estimator=asked.estimator, interval=asked.interval, safeguard=asked.safeguard,
        prediction=asked.prediction, level=asked.level,
    )  # fmt: skip


def _plain(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None


def _interval(found: Interval | None) -> dict[str, float | None] | None:
    if found is None:
        return None
    return {"estimate": _plain(found.estimate), "lower": _plain(found.lower), "upper": _plain(found.upper)}


def short(pooled: Pooled) -> dict[str, Any]:
    """A pool in a line: studies, estimate and limits on the scale shown, p, tau-squared."""
    spread = pooled.heterogeneity
    tau2 = spread.tau2.estimate if spread and pooled.k > 1 else math.nan
    return {"k": pooled.k, **(_interval(pooled.shown) or {}), "p": _plain(pooled.p), "tau2": _plain(tau2)}


def pool_dict(pooled: Pooled) -> dict[str, Any]:
    """A pool as plain data; ratios as ratios, ``analysis`` on the scale it was pooled on."""
    spread = pooled.heterogeneity
    told: dict[str, Any] = {
        "k": pooled.k,
        "pooling": pooled.method,
        **(_interval(pooled.shown) or {}),
        "p": _plain(pooled.p),
        "analysis": {
            "estimate": pooled.estimate,
            "se": pooled.se,
            "lower": pooled.lower,
            "upper": pooled.upper,
        },
        "prediction": _interval(pooled.shown_prediction),
        "prediction_convention": pooled.prediction.convention if pooled.prediction else "",
    }
    if spread:
        told |= {
            "q": spread.q, "q_df": spread.df, "q_p": _plain(spread.q_p), "tau2": _interval(spread.tau2),
            "i2": _interval(spread.i2),
        }  # fmt: skip
    told["studies"] = []
    for s in pooled.studies:
        shown = _interval(natural(pooled.measure, s.y, s.lower, s.upper)) or {}
        row = {"study": s.study, "grade": s.grade, **shown, "weight": s.weight, "note": s.note}
        told["studies"].append(row)
    told["refused"] = [{"study": r.study, "grade": r.grade, "reason": r.reason} for r in pooled.refused]
    told["notes"] = list(pooled.notes)
    return told


def posterior_dict(found: Posterior) -> dict[str, Any]:
    """A Bayesian pool as plain data with its priors in words."""
    return {
        **(_interval(found.pooled.shown) or {}),
        "prediction": _interval(found.pooled.shown_prediction),
        "tau": _interval(found.tau),
        "below_null": found.below_null,
        "new_below_null": found.new_below_null,
        "priors": found.priors.sentence,
    }


def _regression(effects: Effects, asked: Asked) -> dict[str, Any]:
    found = meta_regression(
        effects, asked.regress, estimator=asked.estimator, interval=asked.interval, safeguard=asked.safeguard,
        level=asked.level,
    )  # fmt: skip
    return {
        "coefficients": [
            {"name": c.parameter, "estimate": c.estimate, "se": c.se, "p": _plain(c.p), "lower": c.ci[0],
             "upper": c.ci[1]}
            for c in found.coefficients
        ],
        "qm": found.qm, "qm_df": found.qm_df, "qm_p": _plain(found.qm_p), "r2": _plain(found.r2),
        "tau2": _interval(found.heterogeneity.tau2), "note": found.note,
    }  # fmt: skip


def _bias(effects: Effects, asked: Asked) -> dict[str, Any]:
    """Bias-adjusted rows by domain and in all, from the judgements of the trials, and the tipping point."""
    known = [name for name in effects.names if name in asked.trials]
    if len(known) < len(effects.names) or effects.measure not in RATIOS:
        problem = Problem("--bias", ", ".join(effects.names), "needs a ratio and trials of the evidence base")
        raise BadInput([problem])
    trials = [asked.trials[name] for name in effects.names]
    domains = dict.fromkeys(name for trial in trials for name in domain_biases(trial))
    rows = []
    for domain in (*domains, None):
        biases = {trial.id: total_bias(trial, only=domain) for trial in trials}
        reasons = {trial.id: biases[trial.id].reason for trial in trials}
        rows.append(
            {"domain": domain or "all domains", **short(bias_adjusted(effects, biases)), "priors": reasons}
        )
    return {"bias_adjusted": rows, "tipping_point": tipping_point(random_effects(effects)).sentence}
