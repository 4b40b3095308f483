"""What each domain's judgement is taken to do to a trial's effect, as a prior with its grade.

One figure of meta-epidemiology rests behind the size (``science/evidence/bias.md``): single-centre trials
exaggerate a benefit by a ratio of odds ratios of 0.73, 0.85 after adjusting for size. Patients who are not
blinded: 0.99 (0.86-1.09), no exaggeration on average. Everything else is assumed and says so. In small open
trials effect and bias are not separately identified: the row shows what the prior does, and the tipping point
says which bias would be enough.
"""

from __future__ import annotations

import math

from hepatrial.evidence.base.types import Trial
from hepatrial.evidence.synthesis import Bias

EXAGGERATION = math.log(0.85)
SPREAD = 0.2
UNKNOWN_SPREAD = 0.3
"""SD of a domain of ROBINS-I at serious risk: confounding and selection can go either way, so no mean."""
_NOT_BLINDED = Bias(
    math.log(0.99), 0.06, "knowledge of the arm: ratio of odds ratios 0.99 (0.86 to 1.09)", "seen_secondary"
)
_STEPS = {
    "low": 0.0, "some concerns": 0.5, "moderate": 0.5, "no information": 0.5, "high": 1.0, "serious": 1.0,
    "critical": 2.0,
}  # fmt: skip
NOT_JUDGED = "not judged"


def domain_biases(trial: Trial, *, benefit: int = -1) -> dict[str, Bias]:
    """Bias by domain on the log scale of a ratio; domains at low risk are left out.

    Args:
        trial: with its judgements; one that nobody judged gets a single wide bias.
        benefit: -1 when fewer events are the benefit (death), 1 when more are (survival).
    """
    sign = 1.0 if benefit < 0 else -1.0
    if trial.risk is None:
        return {NOT_JUDGED: Bias(0.0, 2 * UNKNOWN_SPREAD, "nobody judged this trial")}
    found = {}
    for name, entry in trial.risk.domains.items():
        step = _STEPS[entry.judgement]
        if not step:
            continue
        if name == "deviations" and "label" in entry.reason.lower():
            found[name] = Bias(sign * _NOT_BLINDED.mean, _NOT_BLINDED.sd, _NOT_BLINDED.reason,
                               _NOT_BLINDED.grade)  # fmt: skip
        elif trial.risk.tool == "robins_i":
            found[name] = Bias(0.0, step * UNKNOWN_SPREAD, f"{name}: {entry.judgement}, either way")
        else:
            found[name] = Bias(sign * step * EXAGGERATION, step * SPREAD, f"{name}: {entry.judgement}")
    return found


def total_bias(trial: Trial, *, benefit: int = -1, only: str | None = None) -> Bias:
    """The domains of a trial as one bias (independent: means add, variances add), or one of them."""
    parts = {k: b for k, b in domain_biases(trial, benefit=benefit).items() if only in (None, k)}
    variance = sum(b.sd**2 for b in parts.values())
    reason = "; ".join(f"{k} {math.exp(b.mean):.2f} ({b.grade})" for k, b in parts.items()) or "none"
    return Bias(float(sum(b.mean for b in parts.values())), math.sqrt(variance), reason)
