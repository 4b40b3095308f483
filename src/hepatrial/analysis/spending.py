"""Boundary families and spending functions of group-sequential designs (one-sided)."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from hepatrial.analysis import check
from hepatrial.analysis.check import Floats
from hepatrial.errors import Problem

FAMILIES = ("obrien_fleming", "pocock", "wang_tsiatis")
"""Boundaries c t^(shape - 1/2) whose c is found so that the whole error is ``alpha``."""
SPENDING = ("spending_obrien_fleming", "spending_pocock", "hwang_shih_decani", "kim_demets", "custom")
"""Boundaries that spend a given part of the error by each look."""


@dataclass(frozen=True)
class Boundary:
    """What shape a boundary has.

    Attributes:
        kind: one of ``FAMILIES`` or ``SPENDING``.
        parameter: shape of "wang_tsiatis" (0 = O'Brien-Fleming, 0.5 = Pocock), gamma of
            "hwang_shih_decani", rho > 0 of "kim_demets"; None for the others.
        cumulative: error spent by each look, for "custom" only; the last is the whole error.
    """

    kind: str
    parameter: float | None = None
    cumulative: tuple[float, ...] = ()


def boundary(given: Boundary | str) -> Boundary:
    """A kind's name is the boundary of that kind."""
    return Boundary(given) if isinstance(given, str) else given


def check_boundary(
    place: str, given: Boundary, looks: int, total: float, problems: list[Problem], *, spending_only: bool
) -> None:
    """Add what is wrong with a boundary of ``looks`` looks and whole error ``total``."""
    check.choice(f"{place}.kind", given.kind, SPENDING if spending_only else (*FAMILIES, *SPENDING), problems)
    needs = given.kind in ("wang_tsiatis", "hwang_shih_decani", "kim_demets")
    if needs != (given.parameter is not None):
        allowed = "is needed for this kind" if needs else "must be None for this kind"
        problems.append(Problem(f"{place}.parameter", repr(given.parameter), allowed))
    elif given.parameter is not None:
        low = {"kim_demets": 1e-3, "wang_tsiatis": -2.0}.get(given.kind, -40.0)
        high = {"kim_demets": 40.0, "wang_tsiatis": 1.0}.get(given.kind, 40.0)
        if not low <= given.parameter <= high:
            allowed = f"must lie between {low:g} and {high:g}"
            problems.append(Problem(f"{place}.parameter", repr(given.parameter), allowed))
    if given.kind == "custom":
        _check_custom(f"{place}.cumulative", given.cumulative, looks, total, problems)
    elif given.cumulative:
        problems.append(Problem(f"{place}.cumulative", repr(given.cumulative), "belongs to kind custom"))


def _check_custom(
    place: str, spent: Sequence[float], looks: int, total: float, problems: list[Problem]
) -> None:
    values = np.asarray(spent, dtype=np.float64)
    if values.shape != (looks,):
        problems.append(Problem(place, f"{len(spent)} values", f"must be {looks}, one a look"))
        return
    if not (np.isfinite(values).all() and (values >= 0).all() and (values <= 1).all()):
        problems.append(Problem(place, repr(tuple(spent)), "must lie between 0 and 1"))
        return
    if (np.diff(values) < 0).any():
        problems.append(Problem(place, repr(tuple(spent)), "must not decrease from look to look"))
    if abs(values[-1] - total) > 1e-9:
        problems.append(Problem(f"{place}[-1]", f"{values[-1]:g}", f"must be the whole error {total:g}"))


def spent_by(given: Boundary, total: float, fractions: NDArray[np.float64]) -> Floats:
    """Cumulative error spent at each information fraction (0..1].

    Source: Lan and DeMets 1983 (one-sided form 2 - 2 Phi(z_{total/2} / sqrt(t)) and
    total ln(1 + (e-1)t)); Hwang, Shih and DeCani 1990; Kim and DeMets 1987.
    """
    if given.kind == "custom":
        return np.asarray(given.cumulative, dtype=np.float64)
    t = np.minimum(fractions, 1.0)
    shape = 0.0 if given.parameter is None else given.parameter
    functions: dict[str, Callable[[], Floats]] = {
        "spending_obrien_fleming": lambda: np.asarray(2 * ndtr(ndtri(total / 2) / np.sqrt(t))),
        "spending_pocock": lambda: np.asarray(total * np.log1p((math.e - 1) * t)),
        "hwang_shih_decani": lambda: np.asarray(
            total * (t if abs(shape) < 1e-9 else np.expm1(-shape * t) / np.expm1(-shape))
        ),
        "kim_demets": lambda: np.asarray(total * t**shape),
    }
    return functions[given.kind]()


def family_shape(given: Boundary, fractions: NDArray[np.float64]) -> Floats:
    """t^(shape - 1/2) of a family's boundary: z at each look is c times this.

    Source: Wang and Tsiatis 1987; shape 0 is O'Brien and Fleming 1979, 1/2 is Pocock 1977.
    """
    fixed = {"obrien_fleming": 0.0, "pocock": 0.5}
    shape = fixed.get(given.kind, given.parameter if given.parameter is not None else 0.0)
    return np.asarray(fractions ** (shape - 0.5), dtype=np.float64)
