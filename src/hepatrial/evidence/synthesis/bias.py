"""What if the studies are biased: pooling with a bias prior for each study, and the tipping point."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

from hepatrial.errors import BadInput, Problem, nearest_name
from hepatrial.evidence.synthesis.effects import Effects
from hepatrial.evidence.synthesis.pool import check_choice, check_level, random_effects
from hepatrial.evidence.synthesis.result import NAN, Pooled, quantile
from hepatrial.evidence.synthesis.rows import RATIOS
from hepatrial.evidence.synthesis.tau import root_of_falling


@dataclass(frozen=True)
class Bias:
    """A study's bias on the analysis scale (log-OR for an odds ratio): observed = true + bias.

    ``reason`` says which domains it stands for; ``grade`` how well the numbers are known.
    """

    mean: float
    sd: float
    reason: str
    grade: str = "assumed"


def sum_of_domains(domains: Mapping[str, Bias]) -> Bias:
    """Independent biases of several domains as one: means add, variances add."""
    reasons = "; ".join(f"{name}: {bias.reason}" for name, bias in domains.items())
    mean, variance = sum(b.mean for b in domains.values()), sum(b.sd**2 for b in domains.values())
    return Bias(float(mean), math.sqrt(variance), reasons)


def adjust(effects: Effects, biases: Mapping[str, Bias]) -> Effects:
    """The effects less their expected bias, with the variance of the bias added to their own.

    Args:
        effects: RR, OR, HR (bias of the logarithm) or a difference.
        biases: by study; every study needs one (``Bias(0, 0, ...)`` says that none is assumed).

    Raises:
        BadInput: naming every study without a bias, every bias without a study and every bad number.

    Source: additive bias of Turner et al. 2009, J R Stat Soc A 172:21.
    """
    problems = [Problem(f"{n} bias", "none", "is needed") for n in effects.names if n not in biases]
    known = (*effects.names, *(r.study for r in effects.refused))
    problems += [
        Problem("biases", name, "must be a study of the pool", nearest_name(name, known))
        for name in biases
        if name not in known
    ]
    problems += [
        Problem(f"{name} bias", f"mean {b.mean:g}, SD {b.sd:g}", "must be finite, SD at least 0")
        for name, b in biases.items()
        if not (math.isfinite(b.mean) and math.isfinite(b.sd) and b.sd >= 0)
    ]
    if problems:
        raise BadInput(problems)
    studies = []
    for s in effects.studies:
        bias = biases[s.study]
        said = f"less bias {bias.mean:+.3g} (SD {bias.sd:.3g}, {bias.grade}): {bias.reason}"
        note = f"{s.note}; {said}" if s.note else said
        studies.append(replace(s, y=s.y - bias.mean, v=s.v + bias.sd**2, note=note))
    notes = tuple(f"{s.study}: {s.note}" for s in studies)
    return replace(effects, studies=tuple(studies), notes=notes)


def bias_adjusted(effects: Effects, biases: Mapping[str, Bias], *, level: float = 0.95) -> Pooled:
    """Random-effects pool (REML, Hartung-Knapp) of the bias-adjusted effects.

    The bias is a prior: where it is wide the answer is the prior's, and the tipping point says more.
    """
    pooled = random_effects(adjust(effects, biases), level=level)
    return replace(pooled, method=f"{pooled.method}, bias-adjusted")


@dataclass(frozen=True)
class TippingPoint:
    """The bias that would account for an observed effect.

    Attributes:
        estimate: bias on the analysis scale that leaves no effect at all.
        estimate_ratio: the same as a ratio (of odds ratios, for OR); NaN for a difference.
        interval: the smallest bias that makes the interval hold the null; 0 when it does already.
        interval_ratio: the same as a ratio.
        sd: with no bias expected, the SD of an uncertain bias at which the interval holds the null; 0
            when it does already.
        sentence: in words.
    """

    estimate: float
    estimate_ratio: float
    interval: float
    interval_ratio: float
    sd: float
    sentence: str


def tipping_point(pooled: Pooled, *, level: float | None = None) -> TippingPoint:
    """Which bias, common to all studies, makes the pooled effect null?

    Args:
        pooled: any pool, also of one study.
        level: of the interval that must hold the null; default the pool's.

    A bias common to all studies moves an inverse-variance estimate by itself and leaves the spread as it
    is, so the answer is exact for those; its SD is taken as one draw shared by all studies.
    """
    use = pooled.level if level is None else level
    check_level(use)
    check_choice("measure", pooled.measure, ("RR", "OR", "RD", "MD", "SMD", "HR"))
    half, estimate = quantile(use, pooled.df) * pooled.se, pooled.estimate
    slack = abs(estimate) - half
    least = math.copysign(max(slack, 0.0), estimate)
    z = quantile(use, pooled.df)
    spread = root_of_falling(lambda t: abs(estimate) - z * math.sqrt(pooled.se**2 + t), pooled.se**2)
    ratio = pooled.measure in RATIOS
    ratios = (math.exp(estimate), math.exp(least)) if ratio else (NAN, NAN)
    shown = f"a ratio of {ratios[0]:.2f}" if ratio else f"{estimate:+.3g}"
    start = f"A bias of {shown} ({estimate:+.2f} on the analysis scale) in all studies would leave no effect"
    if slack <= 0:
        end = "; the interval holds no effect even without bias."
    else:
        least_shown = f"{ratios[1]:.2f}" if ratio else f"{least:+.3g}"
        end = f"; {least_shown} would be enough for the {100 * use:g} % interval to hold no effect."
    return TippingPoint(estimate, ratios[0], least, ratios[1], math.sqrt(spread), start + end)
