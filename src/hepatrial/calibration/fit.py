"""The fit: layer by layer, rounds of simulation and conditional sampling of an ensemble of members.

A member is one draw of every uncertain card from its prior. A layer may move its free cards; what a member
drew
for all other cards stays (a cut posterior: data inform the cards that were declared free, and the doubt
about the
others is carried). In each round the members are simulated, an emulator is fitted to all simulations so
far, and
each member samples its free cards by elliptical slice sampling from the posterior given its other cards,
with the
emulator pinned to what its own last simulation showed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.stats import chi2

from hepatrial.calibration.emulator import Emulator, fit_emulator
from hepatrial.calibration.likelihood import Anchor, log_likelihood, make_likelihood
from hepatrial.calibration.prior import Doubt, settings_at
from hepatrial.calibration.simulate import Evaluation
from hepatrial.calibration.slice_sampler import elliptical_slice
from hepatrial.calibration.targets import Declaration
from hepatrial.rng import Stream

Array = NDArray[np.float64]

Simulate = Callable[[str, Sequence[Mapping[str, float]], Sequence[int], str], list[Evaluation]]
"""(layer, settings, seeds, name of the batch) -> one evaluation a setting."""


@dataclass(frozen=True)
class Schedule:
    """How much is simulated.

    Attributes:
        members: of the ensemble.
        rounds: layer -> members simulated in each round; the last is everybody.
        iterations: of the slice sampler after each round.
        seed: of everything.
    """

    members: int = 208
    rounds: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    iterations: int = 600
    seed: int = 20261123


@dataclass
class Members:
    """The ensemble while it is fitted.

    Attributes:
        doubts: every unknown number; those declared free have their declared prior.
        steps: (n, len(doubts)) prior standard deviations from the centres.
        alive: (n,) whether the member can be simulated.
    """

    doubts: tuple[Doubt, ...]
    steps: Array
    alive: NDArray[np.bool_]

    def settings(self, row: int) -> dict[str, float]:
        """A member as settings."""
        return settings_at(self.doubts, self.steps[row])

    def columns(self, names: Sequence[str]) -> NDArray[np.intp]:
        """Indices of doubts by name."""
        place = {doubt.name: i for i, doubt in enumerate(self.doubts)}
        return np.array([place[name] for name in names], dtype=np.intp)


@dataclass(frozen=True)
class LayerResult:
    """What a layer learnt.

    Attributes:
        layer: its name.
        free: names of the free numbers.
        prior: (n, p) steps of the members before, (n, p) ``posterior`` after.
        shown: (n, J) targets as the members show them when simulated, NaN when given up.
        noise: (J,) Monte-Carlo error.
        between: scale -> (n,) between-study SDs.
        distance: (n,) squared Mahalanobis distance of the targets as simulated, inf when given up.
        explained: (J,) share of variance that the last emulator explains when left out.
        given_up: reasons of evaluations that were given up.
        evaluations: number of evaluations.
    """

    layer: str
    free: tuple[str, ...]
    prior: Array
    posterior: Array
    shown: Array
    noise: Array
    between: dict[str, Array]
    distance: Array
    explained: Array
    given_up: tuple[str, ...]
    evaluations: int


def all_doubts(declaration: Declaration, cards: Sequence[Doubt]) -> tuple[Doubt, ...]:
    """Every unknown number once: declared priors win over the cards', fixed ones are left out."""
    declared = {doubt.name: doubt for free in declaration.free.values() for doubt in free}
    known = {doubt.name: doubt for doubt in cards} | declared
    return tuple(doubt for name, doubt in known.items() if name not in declaration.fixed)


def draw_members(doubts: Sequence[Doubt], n: int, seed: int) -> Members:
    """Members drawn from the prior; the first of a larger ensemble are those of a smaller one."""
    steps = np.stack([Stream(seed, f"fit.{d.name}").normal(np.arange(n)) for d in doubts], axis=1)
    return Members(tuple(doubts), steps, np.ones(n, dtype=bool))


def fit_layer(
    declaration: Declaration, layer: str, members: Members, schedule: Schedule, simulate: Simulate
) -> LayerResult:
    """Fit one layer; the members' free steps are changed in place.

    Args:
        declaration: targets and free numbers.
        layer: which.
        members: the ensemble, as the earlier layers left it.
        schedule: rounds and seeds.
        simulate: evaluates settings.
    """
    names = tuple(doubt.name for doubt in declaration.free[layer])
    mine = members.columns(names)
    rest = np.setdiff1d(np.arange(len(members.doubts)), mine)
    likelihood = make_likelihood(declaration.of_layer(layer))
    n, extra = len(members.steps), len(likelihood.scales)
    others, before = members.steps[:, rest].copy(), members.steps[:, mine].copy()
    state = np.concatenate(
        [
            before,
            Stream(schedule.seed, f"fit.{layer}.between").normal(np.arange(n)[:, None], np.arange(extra)),
        ],
        axis=1,
    )
    past: list[tuple[Array, Array, Array, Array]] = []
    reasons: list[str] = []
    rounds = schedule.rounds[layer]
    for number, count in enumerate(rounds):
        rows = np.flatnonzero(members.alive)[:count]
        seeds = [seed_of(schedule.seed, layer, number, int(row)) for row in rows]
        done = simulate(layer, [members.settings(int(row)) for row in rows], seeds, f"{layer}-{number}")
        reasons += [one.reason for one in done if not one.ok]
        good = np.array([one.ok for one in done])
        values, errors = (np.array([getattr(one, what) for one in done]) for what in ("values", "errors"))
        past.append((state[rows][good, : len(mine)], others[rows][good], values[good], errors[good]))
        noise = np.nanmedian(np.concatenate([part[3] for part in past]), axis=0)
        emulator = fit_emulator(*(np.concatenate([part[i] for part in past]) for i in range(3)))
        anchor = _anchor(emulator, state, others, rows[good], values[good], noise, n)
        if number == len(rounds) - 1:
            break
        rng = np.random.default_rng([schedule.seed, number, len(mine)])
        density = log_likelihood(likelihood, emulator, others, anchor)
        state, _ = elliptical_slice(density, state, schedule.iterations, rng)
        members.steps[:, mine] = state[:, : len(mine)]
    shown = np.full((n, len(likelihood.targets)), np.nan)
    shown[rows[good]] = values[good]
    distance = np.full(n, np.inf)
    kept = np.flatnonzero(np.isfinite(shown).all(axis=1))
    quiet = np.tile(noise**2, (len(kept), 1))
    distance[kept] = likelihood.distance(shown[kept], quiet, state[kept, len(mine) :])
    between = dict(zip(likelihood.scales, likelihood.between(state[:, len(mine) :]).T, strict=True))
    evaluations = sum(min(count, int(members.alive.sum())) for count in rounds)
    return LayerResult(
        layer, names, before, members.steps[:, mine].copy(), shown, noise, between, distance,
        emulator.explained, tuple(reasons), evaluations,
    )  # fmt: skip


def seed_of(seed: int, layer: str, number: int, row: int) -> int:
    """A seed of its own for each evaluation, so that no cohort's luck is fitted."""
    return int(Stream(seed, f"fit.{layer}.{number}").uniform(row) * 2**40)


def _anchor(
    emulator: Emulator,
    state: Array,
    others: Array,
    rows: NDArray[np.intp],
    values: Array,
    noise: Array,
    n: int,
) -> Anchor:
    free = state[:, : emulator.free].copy()
    offset, known = np.zeros((n, len(noise))), np.zeros(n, dtype=bool)
    # Only the part of the residual that is no Monte-Carlo error is a property of the member.
    kept = np.clip(1.0 - noise**2 / np.maximum(emulator.residual**2, 1e-18), 0.0, 1.0)
    offset[rows] = kept * (values - emulator(free[rows], others[rows]))
    known[rows] = True
    return Anchor(free, offset, noise, known)


def plausibility(distance: Array, targets: int) -> Array:
    """(n,) weight of each member by what its own simulation shows: 1 near the targets, falling with the
    misfit.

    exp(-(D^2 - q)/2) beyond q, the 95 % point of chi-squared, raised where the typical member misses by more
    than chance (the misses are reported; they are not repaired by keeping a handful of lucky members).

    Args:
        distance: (n,) squared Mahalanobis distances, inf for members that could not be simulated.
        targets: J.
    """
    typical = max(1.0, float(np.median(distance[np.isfinite(distance)])) / targets)
    bound = typical * float(chi2.ppf(0.95, targets))
    return np.exp(-0.5 * np.maximum(0.0, distance - bound) / typical)
