"""The discrepancy of a prediction: how the incidence of a study differs from what the model shows, learnt
from
the fitted cohorts.

For a study s, an event, a day t and a draw of the ensemble,

    logit F_seen(t) = logit F_model(t) + a_s + c_s log(t/90) + g (logit F_model(t) - logit 0.3)
                      [+ f_s where transplants count]

a_s = sum of effects of all studies, of the class of disease, of the definition tag and of the two
together, and a deviation of the study; c_s likewise by class and study; g is the gain: what the model's
severity is worth. All effects are normal with unknown SDs (half-normal priors, ``SCALES``): a
hierarchical linear model (Kennedy and O'Hagan 2001, doi:10.1111/1467-9868.00294, with a linear basis in
place of a Gaussian process). Given a draw of the ensemble and of the SDs the effects are Gaussian and
known in closed form, so that a draw that overshoots everywhere is set right by what it shows of the
fitted cohorts, and a class, tag or time of which no cohort was seen keeps the full width of its prior.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.special import logit

from hepatrial.calibration.slice_sampler import elliptical_slice
from hepatrial.prediction.calibrants import Calibrant, Point, load_calibrants
from hepatrial.prediction.planned import disease_class
from hepatrial.prediction.study import Study, fast_share
from hepatrial.protocol import DEFINITIONS

Array = NDArray[np.float64]

REFERENCE_DAY = 90.0
EARLIEST = 7.0
"""Days before this count as this in the slope of time: the logarithm runs away."""
NEUTRAL = float(logit(0.3))
"""Logit of the incidence at which the gain changes nothing."""
NUGGET = 0.05
"""SD of each point's own error on the logit: rounding of what was printed."""

SCALES: Mapping[str, float] = {
    "all": 0.4, "class": 0.6, "tag": 0.4, "study": 0.5, "unmatched": 0.3,
    "time_class": 0.2, "time_study": 0.15, "gain": 0.25, "transplant": 0.4,
}  # fmt: skip
"""Scales of the half-normal priors of the SDs, log odds: of all studies; of a class of disease; of a tag and
of a tag within a class; of a study; the same in addition where the Table 1 gives no severity; of the slope by
class and study (for each e-fold of time); of the gain; of what counting transplants changes. Control arms
differ threefold in survival at 3 months (science/README.md), an SD of about 0.5."""
FIXED: Mapping[str, Mapping[str, float]] = {
    "infection": {**{k: 0.67 * v for k, v in SCALES.items()}, "study": 0.5, "gain": 0.01, "transplant": 0.01},
    "transplant": {
        **{k: 0.67 * v for k, v in SCALES.items()},
        "study": 0.7,
        "gain": 0.01,
        "transplant": 0.01,
    },
}
"""SDs of kinds of event of which too few cohorts were read to learn them: the prior's medians, but wider
between studies, whose counting of infections and whose access to livers differ."""
KIND = {
    "death": "mortality", "death_or_transplant": "mortality", "transplant": "transplant",
    "severe_infection": "infection", "any_infection": "infection",
}  # fmt: skip
OTHER = "infection"
"""Kind of every event that is not named: its deviations are as wide as those of infections."""
SEVERITY = {
    "bilirubin", "inr", "pta", "creatinine", "meld", "meld_na", "meld3", "child_pugh", "child_class",
    "clif_c_of", "clif_c_aclf", "aclf_grade", "he_grade",
}  # fmt: skip
"""Rows of a Table 1 that tell how ill its patients are."""
CLASSES = ("hbv_aclf", "aclf", "acute_fast", "acute_slow", "decompensated_cirrhosis", "compensated_cirrhosis")
REPEATS = 4
"""Draws of the SDs for each draw of the ensemble."""
ITERATIONS = 150
TABLE, SHOWN = "discrepancy.parquet", "calibrants.parquet"


def class_shares(study: Study) -> dict[str, float]:
    """Classes of disease that a study is a mixture of; acute failure is divided by the speed of its
    causes."""
    disease = disease_class(study)
    if disease != "acute_liver_failure":
        return {disease: 1.0}
    fast = fast_share(study)
    return {name: share for name, share in (("acute_fast", fast), ("acute_slow", 1.0 - fast)) if share > 0.0}


def columns() -> tuple[tuple[str, str], ...]:
    """(scale, name) of every effect, those of classes and tags without a cohort too."""
    tags = tuple(DEFINITIONS)
    return (
        ("all", "all"),
        *(("class", name) for name in CLASSES),
        *(("tag", tag) for tag in tags),
        *(("tag", f"{name} {tag}") for name in CLASSES for tag in tags),
        *(("time_class", name) for name in CLASSES),
        ("gain", "gain"),
        ("transplant", "all"),
        *(("transplant", name) for name in CLASSES),
    )


@dataclass(frozen=True)
class Place:
    """Where a study stands among the effects.

    Attributes:
        level, slope, transplant: (k,) of the columns.
        told: whether its Table 1 tells severity.
    """

    level: Array
    slope: Array
    transplant: Array
    told: bool


def place_of(study: Study) -> Place:
    """Where a study stands."""
    at = {pair: i for i, pair in enumerate(columns())}
    level, slope, extra = (np.zeros(len(at)) for _ in range(3))
    level[at["all", "all"]] = 1.0
    level[at["tag", study.definition]] = 1.0
    extra[at["transplant", "all"]] = math.sqrt(0.5)
    for name, share in class_shares(study).items():
        level[at["class", name]] = share
        level[at["tag", f"{name} {study.definition}"]] = share
        slope[at["time_class", name]] = share
        extra[at["transplant", name]] = math.sqrt(0.5) * share
    return Place(level, slope, extra, any(one.variable in SEVERITY for one in study.baseline))


def time_of(day: float | Array) -> Array:
    """log(t/90), not before ``EARLIEST``."""
    return np.log(np.maximum(np.asarray(day, dtype=np.float64), EARLIEST) / REFERENCE_DAY)


@dataclass(frozen=True)
class Evidence:
    """The fitted cohorts' points of one kind of event, as the hierarchical model takes them.

    Attributes:
        points: J.
        rows: (J,) their places in all points.
        design: (J, k) of effects, the gain's column still 0.
        same: (J, J) 1 where two points are of one study.
        time: (J,) ``time_of`` their days.
        unmatched: (J,) 1 where the Table 1 tells no severity.
        sampling: (J, J) covariance of the seen logits: the same patients at two times.
    """

    points: tuple[Point, ...]
    rows: NDArray[np.intp]
    design: Array
    same: Array
    time: Array
    unmatched: Array
    sampling: Array

    def without(self, names: frozenset[str]) -> Evidence:
        """The same without some calibrants or clusters."""
        pairs = [(p.calibrant in names or p.cluster in names) for p in self.points]
        keep = np.flatnonzero(~np.array(pairs, dtype=bool))
        some = np.ix_(keep, keep)
        return Evidence(
            tuple(self.points[i] for i in keep), self.rows[keep], self.design[keep], self.same[some],
            self.time[keep], self.unmatched[keep], self.sampling[some],
        )  # fmt: skip


def evidence_of(kind: str, calibrants: Sequence[Calibrant] | None = None) -> Evidence:
    """The points of a kind of event ("mortality", "infection", "transplant")."""
    known = load_calibrants() if calibrants is None else calibrants
    points, rows, design, unmatched, number = [], [], [], [], 0
    for one in known:
        place = place_of(one.study)
        for point in one.points:
            if KIND[point.event] == kind:
                points.append(point)
                rows.append(number)
                extra = place.transplant if point.event == "death_or_transplant" else 0.0
                design.append(place.level + place.slope * time_of(point.day) + extra)
                unmatched.append(0.0 if place.told else 1.0)
            number += 1
    same = np.array([[float(p.calibrant == q.calibrant) for q in points] for p in points])
    sampling = np.array([[_covariance(p, q) for q in points] for p in points])
    return Evidence(
        tuple(points), np.array(rows, dtype=np.intp), np.array(design), same,
        np.array([float(time_of(p.day)) for p in points]), np.array(unmatched), sampling,
    )  # fmt: skip


def _covariance(p: Point, q: Point) -> float:
    """Of two seen logits: cumulative shares a <= b of the same n patients have covariance a (1 - b)/n."""
    if p.calibrant != q.calibrant:
        return 0.0
    least = 0.5 / (p.n + 1.0)
    low, high = sorted(min(max(x.share, least), 1.0 - least) for x in (p, q))
    return 1.0 / (p.n * high * (1.0 - low)) + (NUGGET**2 if p is q else 0.0)


def _prior(scales: Array, names: Sequence[str]) -> Array:
    """(..., k) prior variances of the effects at (..., len(SCALES)) SDs."""
    index = [list(SCALES).index(name) for name in names]
    return np.asarray(scales[..., index] ** 2)


def _noise(evidence: Evidence, scales: Array, variance: Array, missed: Array) -> Array:
    """(m, J, J) covariance of what is no effect: study, its slope, severity not told or not met, sampling,
    simulation."""
    at = {name: i for i, name in enumerate(SCALES)}
    study, slope, extra = (
        scales[:, at[name], None, None] ** 2 for name in ("study", "time_study", "unmatched")
    )
    both = evidence.unmatched[:, None] * evidence.unmatched[None, :]
    cover = evidence.same * (study + extra * both + slope * evidence.time[:, None] * evidence.time[None, :])
    eye = np.eye(len(evidence.points))
    cover = cover + evidence.same * missed[:, :, None] * missed[:, None, :]
    return np.asarray(cover + evidence.sampling + eye * variance[:, :, None])


def _design(evidence: Evidence, shown: Array) -> Array:
    """(m, J, k) of effects, with the gain's column as the model's draws have it."""
    gain = columns().index(("gain", "gain"))
    design = np.tile(evidence.design, (len(shown), 1, 1))
    design[:, :, gain] = shown - NEUTRAL
    return design


def log_marginal(evidence: Evidence, scales: Array, shown: Array, variance: Array, missed: Array) -> Array:
    """(m,) log density of the seen logits with all effects integrated out.

    Args:
        scales: (m, len(SCALES)) SDs.
        shown: (m, J) logits that the draws of the ensemble show.
        variance: (m, J) their Monte-Carlo variances.
        missed: (m, J) SDs for what the matching missed.
    """
    design = _design(evidence, shown)
    prior = _prior(scales, [scale for scale, _ in columns()])
    cover = np.einsum("mjk,mk,mlk->mjl", design, prior, design) + _noise(evidence, scales, variance, missed)
    miss = np.array([point.place for point in evidence.points]) - shown
    factor = np.linalg.cholesky(cover)
    white = np.linalg.solve(factor, miss[:, :, None])[:, :, 0]
    trace = np.log(np.diagonal(factor, axis1=1, axis2=2)).sum(axis=1)
    return np.asarray(-0.5 * (white**2).sum(axis=1) - trace)


def draw_scales(evidence: Evidence, shown: Array, variance: Array, missed: Array, seed: int) -> Array:
    """(m, len(SCALES)) draws of the SDs, one a row of ``shown``, by elliptical slice sampling of their
    half-normal
    steps."""
    rng = np.random.default_rng([seed, 4])
    width = np.array(list(SCALES.values()))

    def density(steps: Array, rows: NDArray[np.intp]) -> Array:
        return log_marginal(evidence, np.abs(steps) * width + 1e-6, shown[rows], variance[rows], missed[rows])

    start = rng.standard_normal((len(shown), len(width)))
    steps, _ = elliptical_slice(density, start, ITERATIONS, rng)
    return np.asarray(np.abs(steps) * width)


@dataclass(frozen=True)
class Bend:
    """How a draw's incidence is changed on the logit.

    Attributes:
        level, slope, gain: of the model above.
    """

    level: float = 0.0
    slope: float = 0.0
    gain: float = 0.0

    def __call__(self, logits: Array, days: Array) -> Array:
        """Logits of the changed incidence at ascending days; it never falls."""
        changed = logits + self.level + self.slope * time_of(days) + self.gain * (logits - NEUTRAL)
        return np.maximum.accumulate(changed)

    def more(self, level: float) -> Bend:
        """With a further shift of the level."""
        return Bend(self.level + level, self.slope, self.gain)


@dataclass(frozen=True)
class Effects:
    """(level, slope, gain, transplant) of a study to be predicted: Gaussian given a draw.

    Attributes:
        mean: (4,).
        root: (4, 4) lower triangular, root of the covariance.
    """

    mean: Array
    root: Array

    def draw(self, steps: Array) -> Array:
        """(4,) at standard normal steps."""
        return np.asarray(self.mean + self.root @ steps)

    def widened(self, extra: float) -> Effects:
        """With an independent SD added to the level."""
        cover = self.root @ self.root.T
        cover[0, 0] += extra**2
        return Effects(self.mean, np.asarray(np.linalg.cholesky(cover), dtype=np.float64))


def effects_of(
    place: Place, evidence: Evidence, scales: Array, shown: Array, variance: Array, missed: Array
) -> Effects:
    """What the fitted cohorts say of a study, given one draw of the ensemble and of the SDs.

    Args:
        place: of the study.
        evidence: points of the kind of event.
        scales: (len(SCALES),) SDs.
        shown, variance, missed: (J,) of the draw, NaN where it could not be followed.
    """
    at = {name: i for i, name in enumerate(SCALES)}
    prior = _prior(scales, [scale for scale, _ in columns()])
    gain = np.zeros(len(prior))
    gain[columns().index(("gain", "gain"))] = 1.0
    ask = np.stack([place.level, place.slope, gain, place.transplant])
    mean, cover = np.zeros(4), (ask * prior) @ ask.T
    keep = np.flatnonzero(np.isfinite(shown))
    if len(keep):
        design = _design(evidence, np.nan_to_num(shown)[None])[0][keep]
        some = np.ix_(keep, keep)
        noise = _noise(evidence, scales[None], np.nan_to_num(variance)[None], np.nan_to_num(missed)[None])[0][
            some
        ]
        total = (design * prior) @ design.T + noise
        cross = (ask * prior) @ design.T
        solved = np.linalg.solve(total, cross.T)
        seen = np.array([evidence.points[i].place for i in keep])
        mean = solved.T @ (seen - shown[keep])
        cover = cover - cross @ solved
    own = scales[at["study"]] ** 2 + (0.0 if place.told else scales[at["unmatched"]] ** 2)
    cover = cover + np.diag([own, scales[at["time_study"]] ** 2, 0.0, 0.0])
    root = np.linalg.cholesky(cover + 1e-10 * np.eye(4))
    return Effects(mean, np.asarray(root, dtype=np.float64))


@dataclass(frozen=True)
class Discrepancy:
    """What was learnt, for every draw of an ensemble.

    Attributes:
        ensemble: hash of the ensemble that it belongs to; "" for none.
        shown, variance, missed: (draws, points) logits, Monte-Carlo variances, SDs for what the matching
        missed.
        scales: (draws, ``REPEATS``, len(SCALES)) SDs of mortality.
    """

    ensemble: str
    shown: Array
    variance: Array
    missed: Array
    scales: Array

    def spread(self, rows: Sequence[int]) -> Discrepancy:
        """For draws that share settings: the row of each."""
        parts = (part[list(rows)] for part in (self.shown, self.variance, self.missed, self.scales))
        return Discrepancy(self.ensemble, *parts)

    @property
    def hash(self) -> str:
        """Fingerprint of all that it says."""
        parts = (self.shown, self.variance, self.missed, self.scales)
        return hashlib.sha256(
            self.ensemble.encode() + b"".join(np.round(p, 9).tobytes() for p in parts)
        ).hexdigest()

    def effects(
        self, study: Study, draw: int, repeat: int, *, leave_out: frozenset[str] = frozenset()
    ) -> dict[str, Effects]:
        """Effects on a study by kind of event.

        Args:
            study: to be predicted; what was seen of it is never used.
            draw: of the ensemble.
            repeat: which draw of the SDs.
            leave_out: calibrants or clusters to leave out besides.
        """
        place, out = place_of(study), leave_out | {study.id}
        found = {}
        for kind in ("mortality", "infection", "transplant"):
            evidence = evidence_cache(kind).without(out)
            if kind == "mortality":
                scales = self.scales[draw % len(self.scales), repeat % self.scales.shape[1]]
            else:
                scales = np.array([FIXED[kind][name] for name in SCALES])
            row = draw % len(self.shown)
            parts = (part[row, evidence.rows] for part in (self.shown, self.variance, self.missed))
            found[kind] = effects_of(place, evidence, scales, *parts)
        nothing = np.full(len(evidence.rows), np.nan)
        scales = np.array([FIXED[OTHER][name] for name in SCALES])
        found["other"] = effects_of(place, evidence, scales, nothing, nothing, nothing)
        return found


_CACHE: dict[str, Evidence] = {}


def evidence_cache(kind: str) -> Evidence:
    """``evidence_of`` the shipped calibrants, made once."""
    if kind not in _CACHE:
        _CACHE[kind] = evidence_of(kind)
    return _CACHE[kind]


def prior_discrepancy(points: int, seed: int = 1) -> Discrepancy:
    """Nothing learnt: for an ensemble that the fitted cohorts were not followed under."""
    rng = np.random.default_rng(seed)
    scales = np.abs(rng.standard_normal((64, REPEATS, len(SCALES)))) * np.array(list(SCALES.values())) + 1e-6
    empty = np.full((1, points), np.nan)
    return Discrepancy("", empty, empty, empty, scales)


def learn(ensemble: str, shown: Array, variance: Array, missed: Array, seed: int) -> Discrepancy:
    """Draw the SDs for every draw of an ensemble.

    Args:
        ensemble: its hash.
        shown, variance, missed: (draws, points); NaN, a draw that could not be followed, takes the
        median's place.
        seed: of the sampler.
    """
    evidence = evidence_cache("mortality")
    parts = []
    for part in (shown, variance, missed):
        mine = part[:, evidence.rows]
        parts.append(
            np.repeat(np.where(np.isfinite(mine), mine, np.nanmedian(mine, axis=0)), REPEATS, axis=0)
        )
    scales = draw_scales(evidence, parts[0], parts[1], parts[2], seed)
    return Discrepancy(ensemble, shown, variance, missed, scales.reshape(len(shown), REPEATS, len(SCALES)))


def store(one: Discrepancy) -> dict[str, bytes]:
    """The discrepancy as files: name -> bytes."""
    names = [f"{p.calibrant} {p.event} {p.day:g}" for c in load_calibrants() for p in c.points]
    shown = pl.DataFrame(
        {"draw": np.arange(len(one.shown)), "ensemble": [one.ensemble] * len(one.shown)}
        | {name: one.shown[:, i] for i, name in enumerate(names)}
        | {f"variance {name}": one.variance[:, i] for i, name in enumerate(names)}
        | {f"missed {name}": one.missed[:, i] for i, name in enumerate(names)}
    )
    draws, repeats, _ = one.scales.shape
    scales = pl.DataFrame(
        {"draw": np.repeat(np.arange(draws), repeats), "repeat": np.tile(np.arange(repeats), draws)}
        | {name: one.scales[:, :, i].ravel() for i, name in enumerate(SCALES)}
    )
    files: dict[str, bytes] = {}
    for name, table in ((SHOWN, shown), (TABLE, scales)):
        buffer = BytesIO()
        table.write_parquet(buffer, compression="zstd", statistics=False)
        files[name] = buffer.getvalue()
    return files


def restore(shown: bytes, scales: bytes) -> Discrepancy:
    """The inverse of ``store``; columns of points that have changed since are refused.

    Raises:
        ValueError: the files are of other calibrants.
    """
    names = [f"{p.calibrant} {p.event} {p.day:g}" for c in load_calibrants() for p in c.points]
    table, sds = pl.read_parquet(BytesIO(shown)), pl.read_parquet(BytesIO(scales))
    if not {f"missed {name}" for name in names} <= set(table.columns) or not set(SCALES) <= set(sds.columns):
        raise ValueError("the stored discrepancy is of other calibrants")
    draws = len(table)
    return Discrepancy(
        str(table["ensemble"][0]),
        table.select(names).to_numpy().astype(np.float64),
        table.select([f"variance {name}" for name in names]).to_numpy().astype(np.float64),
        table.select([f"missed {name}" for name in names]).to_numpy().astype(np.float64),
        sds.select(list(SCALES)).to_numpy().reshape(draws, -1, len(SCALES)),
    )


def told(one: Discrepancy) -> dict[str, Any]:
    """Medians and 90 % intervals of the SDs, for the facts of a prediction."""
    flat = one.scales.reshape(-1, len(SCALES))
    return {
        name: [round(float(q), 3) for q in np.quantile(flat[:, i], (0.05, 0.5, 0.95))]
        for i, name in enumerate(SCALES)
    }
