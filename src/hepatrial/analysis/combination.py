"""Tests over two stages of a trial whose second stage was chosen by the first: combination and closure."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtr, ndtri

from hepatrial.analysis import check
from hepatrial.analysis.check import Floats
from hepatrial.errors import BadInput, Problem

_SMALL = 1e-15


def inverse_normal(first: ArrayLike, second: ArrayLike, weight: float) -> Floats:
    """Combined z of two independent one-sided p-values.

    Args:
        first, second: (...) p-values of the two stages; NaN (no information) counts as 1.
        weight: share of the first stage's information, fixed before the trial.

    Raises:
        BadInput: a weight outside (0, 1).

    Source: Lehmacher and Wassmer 1999: sqrt(w) z1 + sqrt(1-w) z2.
    """
    if not 0 < weight < 1:
        raise BadInput([Problem("weight", repr(weight), "must lie between 0 and 1")])
    z1, z2 = (
        ndtri(1 - np.clip(np.nan_to_num(np.asarray(p, dtype=float), nan=1.0), _SMALL, 1 - _SMALL))
        for p in (first, second)
    )
    return np.asarray(np.sqrt(weight) * z1 + np.sqrt(1 - weight) * z2)


def simes(p: ArrayLike) -> Floats:
    """(r,) p-value of the intersection of m hypotheses, from (m, r) one-sided p-values.

    Source: Simes 1986; valid for the positively dependent statistics of treatments that share a control.
    """
    ordered = np.sort(np.nan_to_num(np.asarray(p, dtype=float), nan=1.0), axis=0)
    m = ordered.shape[0]
    return np.asarray((ordered * m / np.arange(1, m + 1)[:, None]).min(axis=0))


def closed_selection(
    first: ArrayLike, second: ArrayLike, chosen: ArrayLike, weight: float, alpha: float = 0.025
) -> tuple[NDArray[np.bool_], Floats]:
    """Closed test of the treatment that a first stage chose among m.

    The chosen hypothesis is rejected when every intersection that contains it is: each combines its
    first-stage p-value (Simes over its treatments) with the second-stage p-value of the chosen one. However
    the choice was made, the probability of rejecting any true hypothesis is at most ``alpha``.

    Args:
        first: (m, r) first-stage one-sided p-values.
        second: (r,) second-stage p-values of the chosen treatment.
        chosen: (r,) which.
        weight: share of the first stage's information.
        alpha: one-sided level of the family.

    Returns:
        (r,) whether the chosen hypothesis is rejected, and (r,) the smallest combined z over the closure.

    Raises:
        BadInput: shapes that do not fit, an alpha outside (0, 0.5).

    Source: Marcus, Peritz and Gabriel 1976; Posch et al. 2005 for treatment selection.
    """
    p1, p2 = np.asarray(first, dtype=float), np.asarray(second, dtype=float)
    pick = np.asarray(chosen, dtype=np.int64)
    problems: list[Problem] = []
    if p1.ndim != 2 or p2.shape != p1.shape[1:] or pick.shape != p2.shape:
        shapes = f"{p1.shape}, {p2.shape}, {pick.shape}"
        problems.append(Problem("first, second, chosen", shapes, "must be (m, r), (r,), (r,)"))
    if not 0 < alpha < 0.5:
        problems.append(Problem("alpha", repr(alpha), "must lie between 0 and 0.5 (one-sided)"))
    check.refuse(problems)
    m, r = p1.shape
    smallest = np.full(r, np.inf)
    for members in range(1, 2**m):
        inside = np.array([(members >> k) & 1 for k in range(m)], dtype=bool)
        z = inverse_normal(simes(p1[inside]), p2, weight)
        smallest = np.where(inside[pick], np.minimum(smallest, z), smallest)
    return smallest >= ndtri(1 - alpha), smallest


def one_sided(z: ArrayLike) -> Floats:
    """One-sided p-values of statistics whose large values favour the treatment."""
    return np.asarray(ndtr(-np.asarray(z, dtype=float)))
