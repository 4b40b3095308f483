"""Group-sequential designs: boundaries, power and expected information by recursive integration.

Z_k, the statistic at information fraction t_k, has mean ``drift`` sqrt(t_k), variance 1 and
cov(Z_j, Z_k) = sqrt(t_j / t_k). Large values speak for the treatment.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy.special import ndtr, ndtri

from hepatrial.analysis import check
from hepatrial.analysis.check import Floats
from hepatrial.analysis.spending import FAMILIES, Boundary, boundary, check_boundary, family_shape, spent_by
from hepatrial.errors import BadInput, Problem

_FAR = 9.0
"""Standard deviations beyond which the density of a look is left out (mass 1e-19)."""
_NOTHING = 1e-15


@dataclass(frozen=True)
class SequentialDesign:
    """A group-sequential design of one one-sided comparison.

    Attributes:
        fractions: (k,) information at each look as a share of the largest.
        efficacy: (k,) reject at look j when z >= efficacy[j]; infinite = no stop there.
        futility: (k,) stop for futility when z < futility[j]; -inf = no stop. At the last look it is
            the efficacy boundary.
        alpha: one-sided type I error; power: of the design at ``drift``.
        binding: whether the type I error counts on stopping for futility.
        drift: mean of the last look's z under the alternative, effect * sqrt(largest information).
        inflation: largest information relative to that of the fixed design of equal error and power.
        alpha_spent: (k,) cumulative type I error; beta_spent: (k,) cumulative chance of a futility stop
            under the alternative.
    """

    fractions: Floats
    efficacy: Floats
    futility: Floats
    alpha: float
    power: float
    binding: bool
    drift: float
    inflation: float
    alpha_spent: Floats
    beta_spent: Floats

    def exits(self, drift: float) -> tuple[Floats, Floats]:
        """Probability of stopping at each look for efficacy, and for futility: two (k,) arrays."""
        return crossing(self.fractions, self.futility, self.efficacy, drift)

    def power_at(self, drift: float) -> Floats:
        """(k,) probability of having rejected by each look."""
        return np.asarray(np.cumsum(self.exits(drift)[0]))

    def expected_fraction(self, drift: float) -> float:
        """Expected information at the end, as a share of the largest."""
        stop = np.sum(self.exits(drift), axis=0)
        return float(stop @ self.fractions)

    def expected_information(self, drift: float) -> float:
        """Expected information relative to the fixed design's."""
        return self.expected_fraction(drift) * self.inflation

    @property
    def nominal_p(self) -> Floats:
        """(k,) one-sided p-value at the efficacy boundary."""
        return np.asarray(ndtr(-self.efficacy))


def group_sequential(
    fractions: Sequence[float],
    *,
    alpha: float = 0.025,
    power: float = 0.9,
    efficacy: Boundary | str = "spending_obrien_fleming",
    futility: Boundary | str | None = None,
    binding: bool = False,
) -> SequentialDesign:
    """Boundaries, drift and inflation of a design.

    Args:
        fractions: information of each look as a share of the largest; ascending, the last is 1.
        alpha: one-sided type I error.
        power: wanted at the design's alternative.
        efficacy: a boundary or the name of one without a parameter.
        futility: a spending boundary of 1 - ``power`` under the alternative, or None for no futility.
        binding: True when futility must be obeyed; the efficacy boundary then is lower.

    Raises:
        BadInput: with every problem: looks out of order, errors outside (0, 1), spending that falls ...

    Source: Armitage, McPherson and Rowe 1969; Jennison and Turnbull 2000, chapter 19; error spending for
    futility as Pampallona, Tsiatis and Kim 2001.
    """
    upper_kind = boundary(efficacy)
    lower_kind = None if futility is None else boundary(futility)
    t = _check(fractions, alpha, power, upper_kind, lower_kind)
    if lower_kind is not None and binding:
        return _binding(t, alpha, power, upper_kind, lower_kind)
    upper = efficacy_boundary(t, alpha, upper_kind)
    if lower_kind is None:
        nothing = np.full(t.size, -np.inf)
        lower = np.append(nothing[:-1], upper[-1])
        drift = _root(
            lambda d: float(crossing(t, nothing, upper, d)[0].sum()) - power, *_drifts(alpha, power)
        )
        return _design(t, lower, upper, alpha, power, False, drift)
    beta = spent_by(lower_kind, 1 - power, t)
    drift = _root(lambda d: (1 - power) - _lower(t, upper, beta, d)[1], *_drifts(alpha, power))
    return _design(t, _lower(t, upper, beta, drift)[0], upper, alpha, power, False, drift)


def _check(
    fractions: Sequence[float], alpha: float, power: float, upper: Boundary, lower: Boundary | None
) -> Floats:
    problems: list[Problem] = []
    t = check_fractions("fractions", fractions, problems)
    if t.size and not problems and abs(t[-1] - 1) > 1e-12:
        problems.append(Problem("fractions[-1]", f"{t[-1]:g}", "must be 1, the final look"))
    if not 0 < alpha < 0.5:
        problems.append(Problem("alpha", repr(alpha), "must lie between 0 and 0.5 (one-sided)"))
    if not (0 < power < 1 and power > alpha):
        problems.append(Problem("power", repr(power), "must lie between alpha and 1"))
    looks = max(len(fractions), 1)
    check_boundary("efficacy", upper, looks, alpha, problems, spending_only=False)
    if lower is not None:
        check_boundary("futility", lower, looks, 1 - power, problems, spending_only=True)
    check.refuse(problems)
    return t


def check_fractions(place: str, given: Sequence[float], problems: list[Problem]) -> Floats:
    """Ascending positive numbers up to 1; what is wrong is added to ``problems``."""
    before = len(problems)
    t = check.numbers(place, given, problems)
    if len(problems) > before:
        return t
    if not 1 <= t.size <= 50:
        problems.append(Problem(place, f"{t.size} looks", "must be 1 to 50"))
    elif not (np.isfinite(t).all() and (t > 0).all() and (t <= 1 + 1e-12).all()):
        problems.append(Problem(place, repr(t.tolist()), "must lie above 0 and up to 1"))
    elif (np.diff(t) <= 1e-6).any():
        problems.append(Problem(place, repr(t.tolist()), "must ascend: looks are out of order or coincide"))
    return t


def _design(
    t: Floats, lower: Floats, upper: Floats, alpha: float, power: float, binding: bool, drift: float
) -> SequentialDesign:
    met = np.flatnonzero(lower[:-1] >= upper[:-1] - 1e-6)  # up to the accuracy of the drift
    if met.size:
        place = f"futility, look {met[0] + 1}"
        allowed = "must leave something to decide at later looks: spend less early"
        raise BadInput([Problem(place, "futility meets the efficacy boundary", allowed)])
    floor = lower if binding else np.full(t.size, -np.inf)
    return SequentialDesign(
        fractions=t,
        efficacy=upper,
        futility=lower,
        alpha=alpha,
        power=power,
        binding=binding,
        drift=drift,
        inflation=float(drift**2 / (ndtri(1 - alpha) + ndtri(power)) ** 2),
        alpha_spent=np.cumsum(crossing(t, floor, upper, 0.0)[0]),
        beta_spent=np.cumsum(crossing(t, lower, upper, drift)[1]),
    )


# --- boundaries -------------------------------------------------------------------------------------


def efficacy_boundary(t: Floats, alpha: float, kind: Boundary) -> Floats:
    """(k,) efficacy boundary at information fractions ``t``, futility not counted on."""
    nothing = np.full(t.size, -np.inf)
    if kind.kind in FAMILIES:
        shape = family_shape(kind, t)
        one = float(ndtri(1 - alpha))
        high = 20.0 * one
        constant = _root(lambda c: alpha - float(crossing(t, nothing, c * shape, 0.0)[0].sum()), 0.0, high)
        return np.asarray(constant * shape)
    spent = spent_by(kind, alpha, t)
    state, upper = _start(0.0), np.empty(t.size)
    for k, part in enumerate(np.diff(spent, prepend=0.0)):
        upper[k] = state.bound(t[k], part, above=True)
        if k + 1 < t.size:
            state = state.next(t, k, -np.inf, upper[k])
    return upper


def _lower(t: Floats, upper: Floats, beta: Floats, drift: float) -> tuple[Floats, float]:
    """Futility boundary spending ``beta`` under ``drift``, and the chance of not rejecting at all."""
    state, lower, missed = _start(drift), np.empty(t.size), 0.0
    for k, part in enumerate(np.diff(beta, prepend=0.0)):
        last = k == t.size - 1
        lower[k] = upper[k] if last else min(state.bound(t[k], part, above=False), upper[k])
        missed += state.below(t[k], lower[k])
        if not last:
            state = state.next(t, k, lower[k], upper[k])
    return lower, missed


def _binding(t: Floats, alpha: float, power: float, up: Boundary, down: Boundary) -> SequentialDesign:
    """Both boundaries at once: futility spends under the alternative, efficacy under the null."""
    beta = spent_by(down, 1 - power, t)
    if up.kind in FAMILIES:
        shape = family_shape(up, t)

        def both(drift: float) -> tuple[Floats, Floats, float]:
            def error(constant: float) -> float:
                lower = _lower(t, constant * shape, beta, drift)[0]
                return alpha - float(crossing(t, lower, constant * shape, 0.0)[0].sum())

            upper = _root(error, 0.0, 20.0 * float(ndtri(1 - alpha))) * shape
            lower, missed = _lower(t, upper, beta, drift)
            return lower, upper, missed
    else:
        spent = spent_by(up, alpha, t)

        def both(drift: float) -> tuple[Floats, Floats, float]:
            return _both_spent(t, spent, beta, drift)

    drift = _root(lambda d: (1 - power) - both(d)[2], *_drifts(alpha, power))
    lower, upper, _ = both(drift)
    return _design(t, lower, upper, alpha, power, True, drift)


def _both_spent(t: Floats, spent: Floats, beta: Floats, drift: float) -> tuple[Floats, Floats, float]:
    null, other = _start(0.0), _start(drift)
    lower, upper, missed = np.empty(t.size), np.empty(t.size), 0.0
    for k in range(t.size):
        upper[k] = null.bound(t[k], spent[k] - (spent[k - 1] if k else 0.0), above=True)
        part = beta[k] - (beta[k - 1] if k else 0.0)
        last = k == t.size - 1
        lower[k] = upper[k] if last else min(other.bound(t[k], part, above=False), upper[k])
        missed += other.below(t[k], lower[k])
        if not last:
            null, other = null.next(t, k, lower[k], upper[k]), other.next(t, k, lower[k], upper[k])
    return lower, upper, missed


def _drifts(alpha: float, power: float) -> tuple[float, float]:
    """A bracket of the drift: every design needs at least about the fixed one's information."""
    fixed = float(ndtri(1 - alpha) + ndtri(power))
    return 0.5 * fixed, 4.0 * fixed + 1.0


def _root(function: Callable[[float], float], low: float, high: float) -> float:
    # scipy.optimize takes long to import, which every start of the program would pay.
    from scipy.optimize import brentq

    if function(low) * function(high) > 0:
        allowed = "cannot be met by any boundary constant or drift: spend less early or lower the power"
        raise BadInput([Problem("fractions, alpha, power", "together", allowed)])
    return float(brentq(function, low, high, xtol=1e-12, rtol=1e-13))


# --- recursive integration --------------------------------------------------------------------------


@dataclass(frozen=True)
class Path:
    """Where the statistic is at one look among trials that went on: nodes and their probability mass."""

    fraction: float
    drift: float
    z: Floats
    mass: Floats

    def _shift(self, t: float) -> tuple[Floats, float]:
        """Conditional mean (n,) and standard deviation of Z at ``t``."""
        step = t - self.fraction
        mean = (self.z * np.sqrt(self.fraction) + self.drift * step) / np.sqrt(t)
        return mean, float(np.sqrt(step / t))

    def above(self, t: float, bound: float) -> float:
        """Probability of going on to ``t`` and being at or above ``bound`` there."""
        mean, sd = self._shift(t)
        return float(self.mass @ ndtr((mean - bound) / sd))

    def all_above(self, t: float, bounds: Floats) -> Floats:
        """(m,) as ``above``, for many boundaries."""
        mean, sd = self._shift(t)
        return np.asarray(self.mass @ ndtr((mean[:, None] - bounds[None, :]) / sd))

    def below(self, t: float, bound: float) -> float:
        """Probability of going on to ``t`` and being below ``bound`` there."""
        mean, sd = self._shift(t)
        return float(self.mass @ ndtr((bound - mean) / sd))

    def bound(self, t: float, part: float, *, above: bool) -> float:
        """The boundary at ``t`` with mass ``part`` above (or below) it; infinite when that is nothing."""
        sign = 1.0 if above else -1.0
        if part <= _NOTHING:
            return sign * np.inf
        mean, _ = self._shift(t)
        low, high = float(mean.min()) - _FAR, float(mean.max()) + _FAR
        side = self.above if above else self.below
        if side(t, low if above else high) <= part:
            return -sign * np.inf
        return _root(lambda z: sign * (part - side(t, z)), low, high)

    def next(self, t: Floats, look: int, lower: float, upper: float) -> Path:
        """The path at look ``look`` among those strictly between the boundaries."""
        here = float(t[look])
        mean, sd = self._shift(here)
        spread = [1.0, sd]
        if look + 1 < t.size:
            spread.append(float(np.sqrt((t[look + 1] - here) / here)))
        low = max(lower, self.drift * np.sqrt(here) - _FAR)
        high = min(upper, self.drift * np.sqrt(here) + _FAR)
        if high <= low:
            return Path(here, self.drift, np.array([low]), np.zeros(1))
        node, weight = _legendre(int(np.ceil(6 * (high - low) / min(spread))) + 24)
        z = (high + low) / 2 + (high - low) / 2 * node
        kernel = np.exp(-0.5 * ((z[:, None] - mean) / sd) ** 2) / (sd * np.sqrt(2 * np.pi))
        return Path(here, self.drift, z, (high - low) / 2 * weight * (kernel @ self.mass))


def _legendre(nodes: int) -> tuple[Floats, Floats]:
    """Gauss-Legendre rule; the number of nodes is rounded up so that few rules are made."""
    return _rule(32 * int(np.ceil(nodes / 32)))


@lru_cache(maxsize=64)
def _rule(nodes: int) -> tuple[Floats, Floats]:
    node, weight = np.polynomial.legendre.leggauss(nodes)
    return node, weight


def _start(drift: float) -> Path:
    return Path(0.0, drift, np.zeros(1), np.ones(1))


def crossing(t: Floats, lower: Floats, upper: Floats, drift: float) -> tuple[Floats, Floats]:
    """Probability of first being at or above ``upper``, and first below ``lower``, at each look."""
    state = _start(drift)
    high, low = np.empty(t.size), np.empty(t.size)
    for k in range(t.size):
        high[k], low[k] = state.above(t[k], upper[k]), state.below(t[k], lower[k])
        if k + 1 < t.size:
            state = state.next(t, k, lower[k], upper[k])
    return high, low


def paths(t: Floats, lower: Floats, upper: Floats, drift: float, look: int) -> Path:
    """The path of trials that reach look ``look`` (counted from 0), before its boundaries act."""
    state = _start(drift)
    for k in range(look):
        state = state.next(t, k, lower[k], upper[k])
    return state
