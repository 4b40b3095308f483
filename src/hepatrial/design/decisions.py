"""Three decision functions for ``run_adaptive``: re-estimating the size, adapting the allocation,"
" dropping an arm."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
from scipy.special import ndtr, ndtri
from scipy.stats import beta

from hepatrial.analysis.combination import closed_selection, one_sided
from hepatrial.design.adaptive import Decide, Decision, Look


def sample_size_reestimation(*, wanted: float = 0.9, promising: float = 0.3, futile: float = 0.05) -> Decide:
    """Enlarge a promising trial once; the test weights stages as planned, so the level holds.

    At the look the conditional power under the trend seen decides: below ``futile`` the trial stops, between
    ``promising`` and ``wanted`` the number of patients grows until it is ``wanted`` or the most allowed. The
    final statistic is sqrt(w) z1 + sqrt(1-w) z2 with w the planned share of the first stage's patients, z1
    of the first stage's patients alone and z2 of those randomised later, so that nothing seen at the look
    moves z2 under the null. Futility is not counted on.

    Source: Cui, Hung and Wang 1999; Mehta and Pocock 2011; patient-wise stages as Jenkins, Stone and
    Jennison 2011.
    """

    def decide(look: Look) -> Decision:
        name = look.arms[0]
        if not look.final:
            z, _ = look.test(name)
            share = len(look.arm) / look.patients
            power = _conditional_power(z, share, look.alpha)
            kept = {"first": len(look.arm), "share": share}
            if power < futile:
                return Decision(stop="futility")
            size = look.patients
            if promising <= power < wanted:
                while size < look.most and _conditional_power(z, len(look.arm) / size, look.alpha) < wanted:
                    size += 2
            return Decision(patients=min(size, look.most), remember=kept)
        first = int(look.memory.get("first", 0))
        early, late = _first_stage(look, name, first), look.test(name, since=first)[0]
        w = float(look.memory.get("share", 0.5))
        z = math.sqrt(w) * early + math.sqrt(1 - w) * late if first else look.test(name)[0]
        return Decision(stop="efficacy" if z >= ndtri(1 - look.alpha) else "")

    return decide


def _first_stage(look: Look, name: str, first: int) -> float:
    """z of an arm among the first patients, followed to the end."""
    arrays = {key: getattr(look, key)[:first] for key in ("arm", "entry", "time", "event")}
    return replace(look, **arrays).test(name)[0]


def _conditional_power(z: float, share: float, alpha: float) -> float:
    """Probability of success at the end if the trend at a share of the information goes on.

    Source: Jennison and Turnbull 2000, section 10.2.
    """
    if not 0 < share < 1:
        return float(z >= ndtri(1 - alpha))
    left = 1 - share
    drift = z / math.sqrt(share)
    return float(ndtr((z * math.sqrt(share) + drift * left - ndtri(1 - alpha)) / math.sqrt(left)))


def response_adaptive(*, day: float = 28.0, least: float = 0.25) -> Decide:
    """Allocate in proportion to the chance of the best survival at ``day``, never below ``least`` an arm.

    The chance is that of beta posteriors with uniform priors; the square root is taken, which calms it
    (Thall and Wathen 2007). The control keeps its share. The final test is a log-rank test, Bonferroni over
    the treated arms: its level is not guaranteed when survival drifts over calendar time, and it is shown by
    simulation.
    """
    node, weight = np.polynomial.legendre.leggauss(64)
    grid, mass = (node + 1) / 2, weight / 2

    def decide(look: Look) -> Decision:
        treated = look.arms[:-1]
        if look.final:
            tests = {name: look.test(name)[0] for name in treated}
            best = max(tests, key=lambda name: tests[name])
            shown = tests[best] >= ndtri(1 - look.alpha / len(treated))
            return Decision(stop="efficacy", winner=best) if shown else Decision()
        counts = [look.alive(name, day) for name in look.arms]
        density = np.array([beta.pdf(grid, 1 + alive, 1 + known - alive) for alive, known in counts])
        below = np.array([beta.cdf(grid, 1 + alive, 1 + known - alive) for alive, known in counts])
        best_of = np.array(
            [mass @ (density[k] * np.prod(np.delete(below, k, axis=0), axis=0)) for k in range(len(counts))]
        )
        share = np.sqrt(np.maximum(best_of, 1e-6))
        share = np.maximum(share / share.sum(), least)
        return Decision(allocation=dict(zip(look.arms, (share / share.sum()).tolist(), strict=True)))

    return decide


def drop_an_arm() -> Decide:
    """Drop every treated arm but the one with the best statistic at the first look; closed test at the end.

    The stages are patients randomised before and after that look; the final test combines them over the
    closure (``analysis.combination``), so that no arm that does nothing is claimed more often than the level.
    """

    def decide(look: Look) -> Decision:
        treated = look.arms[:-1]
        if not look.final:
            if "chosen" in look.memory:
                return Decision()
            tests = {name: look.test(name)[0] for name in treated}
            best = max(tests, key=lambda name: tests[name])
            kept = {"chosen": best, "first": len(look.arm), "share": len(look.arm) / look.patients}
            return Decision(drop=[name for name in treated if name != best], remember=kept)
        if "chosen" not in look.memory:
            return Decision()
        first, chosen = int(look.memory["first"]), str(look.memory["chosen"])
        early = np.array([[_first_stage(look, name, first)] for name in treated])
        late = np.array([look.test(chosen, since=first)[0]])
        shown, _ = closed_selection(
            one_sided(early),
            one_sided(late),
            np.array([treated.index(chosen)]),
            float(look.memory["share"]),
            look.alpha,
        )
        return Decision(stop="efficacy", winner=chosen) if shown[0] else Decision()

    return decide


DECISIONS = {
    "sample_size_reestimation": sample_size_reestimation,
    "response_adaptive": response_adaptive,
    "drop_an_arm": drop_an_arm,
}
"""The examples by name."""
