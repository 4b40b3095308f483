"""Clinical scores of liver failure as pure functions over arrays.

Every function takes numbers or arrays that broadcast and returns float64 of the broadcast shape. The
unit system is always named by the caller: ``units="si"`` (umol/L, g/L, lactate mmol/L) or
``units="conventional"`` (mg/dL, g/dL, lactate mg/dL), see ``hepatrial.schema.MEASURES``. Values are
converted first and clamped afterwards. A missing value (NaN) makes the score NaN; a value that cannot
be (negative, infinite, an encephalopathy grade of 7) raises ``BadInput``. Halves round up.

Cells of a banded table are compared after rounding the converted value to nine decimals, so that
205.2 umol/L is 12 mg/dL and not a hair less.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hepatrial.errors import BadInput, Problem, nearest_name
from hepatrial.schema import MEASURES

Array = NDArray[np.float64]
Units = Literal["si", "conventional"]

_GRADES = {"he_grade": 4, "ascites_grade": 3}
_FLAGS = ("female", "dialysis", "renal_replacement", "unfavourable_etiology")
_DAYS = ("age", "jaundice_to_he_days")
_SCORES = ("clif_c_of", "score")

NOT_SHIPPED = {
    "cossh_aclf": "the cut-offs of HBV-SOFA could not be read and the formula as remembered contradicts "
    "the published medians by grade",
    "cossh_aclf_ii": "the units of the formula are unsettled: it contradicts the published means by grade",
}
"""Scores that are refused by name, with the reason."""


# --- inputs -----------------------------------------------------------------------------------------


def _allowed(name: str, value: Array) -> tuple[NDArray[np.bool_], str]:
    """Which finite values are possible for an input, and the rule as a sentence."""
    if name in _GRADES:
        top = _GRADES[name]
        return (value == np.floor(value)) & (value >= 0) & (value <= top), f"a whole number from 0 to {top}"
    if name in _FLAGS:
        return (value == 0) | (value == 1), "0 (no) or 1 (yes)"
    if name == "vasopressor":
        return (value >= 0) & (value <= 1), "a number from 0 to 1 (above 0.5 = on vasopressors)"
    if name in _DAYS or name in _SCORES:
        return value >= 0, "a number of at least 0"
    return value > 0, "a number above 0"


def _inputs(units: str, into: Units, **given: ArrayLike) -> list[Array]:
    """The inputs as broadcast float arrays in the unit system ``into``.

    Raises:
        BadInput: naming every input that is impossible, not a number, or of a shape that does not fit.
    """
    problems = []
    if units not in ("si", "conventional"):
        problems.append(
            Problem(
                "units",
                repr(units),
                'must be "si" or "conventional"',
                nearest_name(str(units), ("si", "conventional")),
            )
        )
    arrays: list[Array] = []
    for name, raw in given.items():
        try:
            value = np.asarray(raw, dtype=np.float64)
        except (TypeError, ValueError):
            problems.append(Problem(name, repr(raw), "must be numbers"))
            continue
        possible, rule = _allowed(name, value)
        bad = ~np.isnan(value) & ~(possible & np.isfinite(value))
        if bad.any():
            problems.append(Problem(name, f"{value[bad][0]:g} ({int(bad.sum())} such)", f"must be {rule}"))
        arrays.append(value * _factor(name, units, into))
    if problems:
        raise BadInput(problems)
    try:
        return list(np.broadcast_arrays(*arrays))
    except ValueError:
        shapes = ", ".join(f"{name} {array.shape}" for name, array in zip(given, arrays, strict=True))
        raise BadInput([Problem("inputs", shapes, "must have shapes that broadcast")]) from None


def _factor(name: str, units: str, into: Units) -> float:
    if units == into or name not in MEASURES:
        return 1.0
    factor = MEASURES[name].factor
    return factor if into == "conventional" else 1 / factor


def round_half_up(value: ArrayLike) -> Array:
    """Nearest whole number, halves upwards (numpy rounds halves to even).

    Values within 5e-10 of a half count as the half, so that 0.1 * 3 style noise does not decide.
    """
    return _out(np.floor(np.round(np.asarray(value, dtype=np.float64), 9) + 0.5))


def _out(value: ArrayLike) -> Array:
    """float64, an array or (for scalar input) a numpy scalar."""
    result: Array = np.asarray(value, dtype=np.float64)[()]
    return result


def _points(value: Array, middle: float, high: float, *, high_inclusive: bool) -> Array:
    """1 below ``middle``, 2 from ``middle``, 3 above ``high`` (or from it); NaN stays NaN."""
    rounded = np.round(value, 9)
    top = rounded >= high if high_inclusive else rounded > high
    return np.where(np.isnan(value), np.nan, 1.0 + (rounded >= middle) + top)


def _where_known(known_from: Iterable[Array], value: ArrayLike) -> Array:
    """``value`` as float, NaN wherever any of the arrays is NaN."""
    unknown = np.logical_or.reduce([np.isnan(array) for array in known_from])
    return _out(np.where(unknown, np.nan, value))


# --- MELD family ------------------------------------------------------------------------------------


def meld_raw(
    bilirubin: ArrayLike, creatinine: ArrayLike, inr: ArrayLike, *, units: str, dialysis: ArrayLike = False
) -> Array:
    """MELD, continuous: 9.57 ln Cr' + 3.78 ln B' + 11.2 ln I' + 6.43.

    Cr' in [1, 4] mg/dL (4 on dialysis), B' >= 1 mg/dL, I' >= 1; not rounded and not cut at 40.
    Source: OPTN policy 9.1.D; PMC5859293 Table 1.
    """
    b, c, i, on_dialysis = _inputs(
        units, "conventional", bilirubin=bilirubin, creatinine=creatinine, inr=inr, dialysis=dialysis
    )
    return _out(_meld_sum(b, np.clip(c, 1.0, 4.0), i, on_dialysis))


def _meld_sum(bilirubin: Array, creatinine: Array, inr: Array, dialysis: Array) -> Array:
    c = _where_known((creatinine, dialysis), np.where(dialysis == 1, 4.0, creatinine))
    log_bilirubin, log_inr = np.log(np.maximum(bilirubin, 1.0)), np.log(np.maximum(inr, 1.0))
    return 9.57 * np.log(c) + 3.78 * log_bilirubin + 11.20 * log_inr + 6.43


def meld_unfloored(
    bilirubin: ArrayLike, creatinine: ArrayLike, inr: ArrayLike, *, units: str, dialysis: ArrayLike = False
) -> Array:
    """MELD, continuous, without the floor of 1 mg/dL under creatinine (cap of 4 kept).

    Some cohorts (Cai, PMC11219721) can only have reported this form: their median bilirubin and
    MELD contradict each other under the floored one.
    """
    b, c, i, on_dialysis = _inputs(
        units, "conventional", bilirubin=bilirubin, creatinine=creatinine, inr=inr, dialysis=dialysis
    )
    return _out(_meld_sum(b, np.minimum(c, 4.0), i, on_dialysis))


def meld(
    bilirubin: ArrayLike, creatinine: ArrayLike, inr: ArrayLike, *, units: str, dialysis: ArrayLike = False
) -> Array:
    """MELD as reported: ``meld_raw`` rounded to a whole number and cut to 6..40 (OPTN policy 9.1.D)."""
    raw = meld_raw(bilirubin, creatinine, inr, units=units, dialysis=dialysis)
    return _out(np.clip(round_half_up(raw), 6.0, 40.0))


def meld_na(
    bilirubin: ArrayLike,
    creatinine: ArrayLike,
    inr: ArrayLike,
    sodium: ArrayLike,
    *,
    units: str,
    dialysis: ArrayLike = False,
) -> Array:
    """MELD-Na (OPTN, January 2016 to July 2023): M + 1.32 (137-Na') - 0.033 M (137-Na') where M > 11.

    M is the reported MELD, Na' in [125, 137] mmol/L; rounded, cut to 6..40. Not the older form of 2008.
    Source: OPTN policy 9.1.D.
    """
    m = meld(bilirubin, creatinine, inr, units=units, dialysis=dialysis)
    m, na = np.broadcast_arrays(m, *_inputs(units, "conventional", sodium=sodium))
    lack = 137.0 - np.clip(na, 125.0, 137.0)
    adjusted = round_half_up(m + 1.32 * lack - 0.033 * m * lack)
    return _where_known((m, na), np.clip(np.where(m > 11, adjusted, m), 6.0, 40.0))


def meld3_raw(
    bilirubin: ArrayLike,
    creatinine: ArrayLike,
    inr: ArrayLike,
    sodium: ArrayLike,
    albumin: ArrayLike,
    female: ArrayLike,
    *,
    units: str,
    dialysis: ArrayLike = False,
) -> Array:
    """MELD 3.0, continuous.

    1.33 F + 4.56 ln B' + 0.82 (137-Na') - 0.24 (137-Na') ln B' + 9.09 ln I' + 11.14 ln Cr'
    + 1.85 (3.5-A') - 1.83 (3.5-A') ln Cr' + 6, with Cr' in [1, 3] mg/dL (3 on dialysis), B' >= 1,
    I' >= 1, Na' in [125, 137], A' in [1.5, 3.5] g/dL. ``female`` is 1 also at ages 12 to 17. Its interaction
    terms make it fall with worse albumin above Cr 2.75 mg/dL and with lower sodium above B 30 mg/dL.
    Source: Kim 2021, doi:10.1053/j.gastro.2021.08.050; OPTN policy 9.1.D.
    """
    b, c, i, na, alb, sex, on_dialysis = _inputs(
        units,
        "conventional",
        bilirubin=bilirubin,
        creatinine=creatinine,
        inr=inr,
        sodium=sodium,
        albumin=albumin,
        female=female,
        dialysis=dialysis,
    )
    clamped = _where_known((c, on_dialysis), np.where(on_dialysis == 1, 3.0, np.clip(c, 1.0, 3.0)))
    log_b, log_c, log_i = np.log(np.maximum(b, 1.0)), np.log(clamped), np.log(np.maximum(i, 1.0))
    lack_na, lack_alb = 137.0 - np.clip(na, 125.0, 137.0), 3.5 - np.clip(alb, 1.5, 3.5)
    return _out(
        1.33 * sex
        + 4.56 * log_b
        + 0.82 * lack_na
        - 0.24 * lack_na * log_b
        + 9.09 * log_i
        + 11.14 * log_c
        + 1.85 * lack_alb
        - 1.83 * lack_alb * log_c
        + 6.0
    )


def meld3(
    bilirubin: ArrayLike,
    creatinine: ArrayLike,
    inr: ArrayLike,
    sodium: ArrayLike,
    albumin: ArrayLike,
    female: ArrayLike,
    *,
    units: str,
    dialysis: ArrayLike = False,
) -> Array:
    """MELD 3.0 as reported since July 2023: ``meld3_raw`` rounded and cut to 6..40 (OPTN policy 9.1.D)."""
    raw = meld3_raw(bilirubin, creatinine, inr, sodium, albumin, female, units=units, dialysis=dialysis)
    return _out(np.clip(round_half_up(raw), 6.0, 40.0))


# --- Child-Pugh -------------------------------------------------------------------------------------


def child_pugh(
    bilirubin: ArrayLike,
    albumin: ArrayLike,
    inr: ArrayLike,
    ascites_grade: ArrayLike,
    he_grade: ArrayLike,
    *,
    units: str,
) -> Array:
    """Child-Pugh points, 5..15.

    Bilirubin < 2, 2-3, > 3 mg/dL; albumin > 3.5, 2.8-3.5, < 2.8 g/dL; INR < 1.7, 1.7-2.3, > 2.3;
    ascites absent (grade 0), slight (1), moderate or more (2, 3); encephalopathy none, 1-2, 3-4.
    The cut-offs for cholestatic disease are not included. Source: PMC5859293 Table 1.
    """
    b, alb, i, ascites, he = _inputs(
        units,
        "conventional",
        bilirubin=bilirubin,
        albumin=albumin,
        inr=inr,
        ascites_grade=ascites_grade,
        he_grade=he_grade,
    )
    albumin_points = 4.0 - _points(alb, 2.8, 3.5, high_inclusive=False)
    return _out(
        _points(b, 2.0, 3.0, high_inclusive=False)
        + albumin_points
        + _points(i, 1.7, 2.3, high_inclusive=False)
        + _points(ascites, 1.0, 2.0, high_inclusive=True)
        + _brain_points(he)
    )


def _brain_points(he_grade: Array) -> Array:
    """West-Haven 0 -> 1, 1-2 -> 2, 3-4 -> 3."""
    return _points(he_grade, 1.0, 3.0, high_inclusive=True)


def child_pugh_class(points: ArrayLike) -> NDArray[np.str_]:
    """Class of Child-Pugh points: "A" 5-6, "B" 7-9, "C" 10-15, "" where the points are NaN."""
    (value,) = _inputs("si", "si", score=points)
    letters = np.where(value <= 6, "A", np.where(value <= 9, "B", "C"))
    result: NDArray[np.str_] = np.where(np.isnan(value), "", letters)[()]
    return result


# --- CLIF consortium --------------------------------------------------------------------------------


@dataclass(frozen=True)
class OrganScores:
    """CLIF-C OF by organ.

    Attributes:
        points: organ -> 1, 2 or 3.
        failure: organ -> 1 (failing), 0 or NaN.
        total: sum of the points, 6..18.
        grade: ACLF grade 0 (no ACLF) to 3.
    """

    points: Mapping[str, Array]
    failure: Mapping[str, Array]
    total: Array
    grade: Array


def clif_c_organs(
    bilirubin: ArrayLike,
    creatinine: ArrayLike,
    he_grade: ArrayLike,
    inr: ArrayLike,
    map: ArrayLike,
    vasopressor: ArrayLike,
    pf_ratio: ArrayLike,
    *,
    units: str,
    renal_replacement: ArrayLike = False,
) -> OrganScores:
    """CLIF-C OF by organ, organ failures and ACLF grade.

    Liver: bilirubin < 6, 6 to < 12, >= 12 mg/dL (one printed table gives 12 itself two points; the
    parent CLIF-SOFA table, PMC4641130 Table 1, counts it as failure, and so does this function).
    Kidney: creatinine < 2, 2 to < 3.5, >= 3.5 mg/dL or renal replacement. Brain: West-Haven 0, 1-2, 3-4.
    Coagulation: INR < 2, 2 to < 2.5, >= 2.5. Circulation: MAP >= 70, < 70 mmHg, vasopressors.
    Respiration: PaO2/FiO2 > 300, > 200 to 300, <= 200. Failure is three points, for the kidney two.
    Mechanical ventilation is not an input. Source: efclif.com calculator; explorationpub.com table
    100552/t2.
    """
    b, c, he, i, pressure, pressor, pf, rrt = _inputs(
        units,
        "conventional",
        bilirubin=bilirubin,
        creatinine=creatinine,
        he_grade=he_grade,
        inr=inr,
        map=map,
        vasopressor=vasopressor,
        pf_ratio=pf_ratio,
        renal_replacement=renal_replacement,
    )
    low_pressure = np.round(pressure, 9) < 70
    points = {
        "liver": _points(b, 6.0, 12.0, high_inclusive=True),
        "kidney": _where_known((c, rrt), np.where(rrt == 1, 3.0, _points(c, 2.0, 3.5, high_inclusive=True))),
        "brain": _brain_points(he),
        "coagulation": _points(i, 2.0, 2.5, high_inclusive=True),
        "circulation": _where_known((pressure, pressor), np.where(pressor > 0.5, 3.0, 1.0 + low_pressure)),
        "respiration": _where_known((pf,), 1.0 + (np.round(pf, 9) <= 300) + (np.round(pf, 9) <= 200)),
    }
    failure = {
        organ: _where_known((value,), value >= (2 if organ == "kidney" else 3))
        for organ, value in points.items()
    }
    return OrganScores(
        points={organ: _out(value) for organ, value in points.items()},
        failure=failure,
        total=_out(sum(points.values())),
        grade=_aclf_grade(failure, c, he),
    )


def _aclf_grade(failure: Mapping[str, Array], creatinine: Array, he_grade: Array) -> Array:
    """ACLF grade from the organ failures, creatinine (mg/dL) and West-Haven grade.

    One failing kidney is grade 1; one failing brain with creatinine 1.5 to < 2 is grade 1; one other
    failing organ is grade 1 with creatinine 1.5 to < 2 or encephalopathy 1-2; else a single failure is
    no ACLF. Two failures are grade 2, three or more grade 3. Source: efclif.com calculator.
    """
    count = np.asarray(sum(failure.values()))
    kidney_trouble = np.round(creatinine, 9) >= 1.5
    brain_trouble = (he_grade >= 1) & (failure["brain"] == 0)
    single = (failure["kidney"] == 1) | kidney_trouble | brain_trouble
    grade = np.where(count == 1, single.astype(np.float64), np.minimum(count, 3.0))
    return _where_known((count, creatinine, he_grade), grade)


def clif_c_of(
    bilirubin: ArrayLike,
    creatinine: ArrayLike,
    he_grade: ArrayLike,
    inr: ArrayLike,
    map: ArrayLike,
    vasopressor: ArrayLike,
    pf_ratio: ArrayLike,
    *,
    units: str,
    renal_replacement: ArrayLike = False,
) -> Array:
    """CLIF-C OF, 6..18: the total of ``clif_c_organs``."""
    return clif_c_organs(
        bilirubin, creatinine, he_grade, inr, map, vasopressor, pf_ratio,
        units=units, renal_replacement=renal_replacement,
    ).total  # fmt: skip


def aclf_grade(
    bilirubin: ArrayLike,
    creatinine: ArrayLike,
    he_grade: ArrayLike,
    inr: ArrayLike,
    map: ArrayLike,
    vasopressor: ArrayLike,
    pf_ratio: ArrayLike,
    *,
    units: str,
    renal_replacement: ArrayLike = False,
) -> Array:
    """ACLF grade by EASL-CLIF, 0 (no ACLF) to 3: the grade of ``clif_c_organs``."""
    return clif_c_organs(
        bilirubin, creatinine, he_grade, inr, map, vasopressor, pf_ratio,
        units=units, renal_replacement=renal_replacement,
    ).grade  # fmt: skip


def clif_c_aclf_from_of(clif_c_of: ArrayLike, age: ArrayLike, wbc: ArrayLike) -> Array:
    """CLIF-C ACLF from the organ score: 10 (0.33 OF + 0.04 age + 0.63 ln WBC - 2), cut to 0..100.

    Meant for patients who have ACLF; WBC in 1e9/L. Source: efclif.com calculator.
    """
    of, years, cells = _inputs("si", "si", clif_c_of=clif_c_of, age=age, wbc=wbc)
    return _out(np.clip(10 * (0.33 * of + 0.04 * years + 0.63 * np.log(cells) - 2), 0.0, 100.0))


def clif_c_aclf(
    bilirubin: ArrayLike,
    creatinine: ArrayLike,
    he_grade: ArrayLike,
    inr: ArrayLike,
    map: ArrayLike,
    vasopressor: ArrayLike,
    pf_ratio: ArrayLike,
    age: ArrayLike,
    wbc: ArrayLike,
    *,
    units: str,
    renal_replacement: ArrayLike = False,
) -> Array:
    """CLIF-C ACLF from laboratory values: ``clif_c_aclf_from_of`` of ``clif_c_of``."""
    of = clif_c_of(
        bilirubin, creatinine, he_grade, inr, map, vasopressor, pf_ratio,
        units=units, renal_replacement=renal_replacement,
    )  # fmt: skip
    return clif_c_aclf_from_of(of, age, wbc)


_ACLF_DEATH = {28: (0.0022, 0.0995), 90: (0.0079, 0.0869)}


def clif_c_aclf_death(score: ArrayLike, day: int) -> Array:
    """Probability of death by day 28 or 90 from the CLIF-C ACLF: 1 - exp(-CI exp(beta score)).

    The two pairs (0.0022, 0.0995) and (0.0079, 0.0869) reproduce a published table of mortality.

    Raises:
        BadInput: for any other day; the pairs for 180 and 365 days are known from memory only.
    """
    if day not in _ACLF_DEATH:
        allowed = (
            "must be 28 or 90; the coefficients for 180 and 365 days could not be checked and are not shipped"
        )
        raise BadInput([Problem("day", repr(day), allowed)])
    (value,) = _inputs("si", "si", score=score)
    baseline, slope = _ACLF_DEATH[day]
    return _out(-np.expm1(-baseline * np.exp(slope * value)))


def clif_c_ad(
    age: ArrayLike, creatinine: ArrayLike, inr: ArrayLike, wbc: ArrayLike, sodium: ArrayLike, *, units: str
) -> Array:
    """CLIF-C AD: 10 (0.03 age + 0.66 ln Cr + 1.71 ln INR + 0.88 ln WBC - 0.05 Na + 8), cut to 0..100.

    Creatinine in mg/dL after conversion, WBC 1e9/L, sodium mmol/L. For acute decompensation without
    ACLF. Source: efclif.com calculator.
    """
    years, c, i, cells, na = _inputs(
        units, "conventional", age=age, creatinine=creatinine, inr=inr, wbc=wbc, sodium=sodium
    )
    linear = 0.03 * years + 0.66 * np.log(c) + 1.71 * np.log(i) + 0.88 * np.log(cells) - 0.05 * na + 8
    return _out(np.clip(10 * linear, 0.0, 100.0))


# --- APASL ------------------------------------------------------------------------------------------


def aarc(
    bilirubin: ArrayLike,
    he_grade: ArrayLike,
    inr: ArrayLike,
    lactate: ArrayLike,
    creatinine: ArrayLike,
    *,
    units: str,
) -> Array:
    """APASL AARC score, 5..15.

    Bilirubin < 15, 15-25, > 25 mg/dL; encephalopathy 0, 1-2, 3-4; INR < 1.8, 1.8-2.5, > 2.5;
    lactate < 1.5, 1.5-2.5, > 2.5 mmol/L (given in mg/dL under ``units="conventional"``);
    creatinine < 0.7, 0.7-1.5, > 1.5 mg/dL. Source: explorationpub.com table 100552/t2.
    """
    b, he, i, c = _inputs(
        units, "conventional", bilirubin=bilirubin, he_grade=he_grade, inr=inr, creatinine=creatinine
    )
    (acid,) = _inputs(units, "si", lactate=lactate)
    return _out(
        _points(b, 15.0, 25.0, high_inclusive=False)
        + _brain_points(he)
        + _points(i, 1.8, 2.5, high_inclusive=False)
        + _points(acid, 1.5, 2.5, high_inclusive=False)
        + _points(c, 0.7, 1.5, high_inclusive=False)
    )


def aarc_grade(points: ArrayLike) -> Array:
    """AARC grade: 1 (5-7 points), 2 (8-10), 3 (11-15)."""
    (value,) = _inputs("si", "si", score=points)
    return _out(_points(value, 8.0, 11.0, high_inclusive=True))


# --- function and fibrosis --------------------------------------------------------------------------


def albi(bilirubin: ArrayLike, albumin: ArrayLike, *, units: str) -> Array:
    """ALBI: 0.66 log10(bilirubin in umol/L) - 0.085 (albumin in g/L). Source: PMC5859293 Table 1."""
    b, alb = _inputs(units, "si", bilirubin=bilirubin, albumin=albumin)
    return _out(0.66 * np.log10(b) - 0.085 * alb)


def albi_grade(score: ArrayLike) -> Array:
    """ALBI grade: 1 (<= -2.60), 2 (to -1.39), 3 (above)."""
    value = np.asarray(score, dtype=np.float64)
    return _where_known((value,), 1.0 + (np.round(value, 9) > -2.60) + (np.round(value, 9) > -1.39))


def fib4(age: ArrayLike, ast: ArrayLike, alt: ArrayLike, platelets: ArrayLike, *, units: str) -> Array:
    """FIB-4: age AST / (platelets sqrt(ALT)); U/L and 1e9/L in both unit systems. Source: PMC3286137 T1."""
    years, ast_, alt_, plt = _inputs(units, "si", age=age, ast=ast, alt=alt, platelets=platelets)
    return _out(years * ast_ / (plt * np.sqrt(alt_)))


def apri(ast: ArrayLike, platelets: ArrayLike, *, units: str, ast_upper_limit: ArrayLike = 40.0) -> Array:
    """APRI: 100 (AST / upper limit of normal) / platelets.

    ``ast_upper_limit`` is the laboratory's own, U/L; 40 is assumed when none is given.
    Source: PMC3286137 Table 1.
    """
    ast_, plt, limit = _inputs(units, "si", ast=ast, platelets=platelets, ast_upper_limit=ast_upper_limit)
    return _out(100 * (ast_ / limit) / plt)


# --- King's College criteria ------------------------------------------------------------------------


def kings_college_paracetamol(
    ph: ArrayLike, he_grade: ArrayLike, inr: ArrayLike, creatinine: ArrayLike, *, units: str
) -> Array:
    """King's College criteria after paracetamol: 1 met, 0 not met.

    Arterial pH < 7.30 after resuscitation, or all of encephalopathy 3-4, INR > 6.5 and creatinine
    > 3.4 mg/dL. The later lactate and phosphate additions are not part of the criteria and not included.
    NaN if any input is missing, even where the others would decide. Source: mdcalc.com.
    """
    acid, he, i, c = _inputs(units, "conventional", ph=ph, he_grade=he_grade, inr=inr, creatinine=creatinine)
    three = (he >= 3) & (np.round(i, 9) > 6.5) & (np.round(c, 9) > 3.4)
    return _where_known((acid, he, i, c), (np.round(acid, 9) < 7.30) | three)


def kings_college_other(
    inr: ArrayLike,
    age: ArrayLike,
    unfavourable_etiology: ArrayLike,
    jaundice_to_he_days: ArrayLike,
    bilirubin: ArrayLike,
    *,
    units: str,
) -> Array:
    """King's College criteria for other causes: 1 met, 0 not met.

    INR > 6.5, or three of: age < 10 or > 40; unfavourable etiology (neither hepatitis A nor B, or an
    idiosyncratic drug reaction); jaundice more than 7 days before encephalopathy; INR > 3.5; bilirubin
    > 300 umol/L. NaN if any input is missing. Source: clincasequest.hospital, bravocalc.com.
    """
    i, years, cause, days, b = _inputs(
        units,
        "si",
        inr=inr,
        age=age,
        unfavourable_etiology=unfavourable_etiology,
        jaundice_to_he_days=jaundice_to_he_days,
        bilirubin=bilirubin,
    )
    met = np.stack(
        [(years < 10) | (years > 40), cause == 1, days > 7, np.round(i, 9) > 3.5, np.round(b, 9) > 300]
    ).sum(axis=0)
    return _where_known((i, years, cause, days, b), (np.round(i, 9) > 6.5) | (met >= 3))


# --- registry ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Score:
    """What is needed to compute and to cite a score.

    Attributes:
        name: registry name.
        label: short English label.
        function: called with the inputs by name and ``units``.
        inputs: needed inputs by measure name.
        optional: inputs that may be left out.
        unit: unit of the result.
        citation: where formula and clamps were read.
        clamps: what happens at the edges, one sentence.
    """

    name: str
    label: str
    function: Callable[..., Array]
    inputs: tuple[str, ...]
    optional: tuple[str, ...]
    unit: str
    citation: str
    clamps: str


_OPTN = "OPTN policy 9.1.D"
_CLIF = "efclif.com calculator; explorationpub.com table 100552/t2"
_MELD_INPUTS = ("bilirubin", "creatinine", "inr")
_OF_INPUTS = ("bilirubin", "creatinine", "he_grade", "inr", "map", "vasopressor", "pf_ratio")
_MELD_CLAMPS = "creatinine 1 to 4 mg/dL (4 on dialysis), bilirubin and INR at least 1"
_MELD3_INPUTS = (*_MELD_INPUTS, "sodium", "albumin", "female")
_MELD3_CLAMPS = (
    "creatinine 1 to 3 mg/dL (3 on dialysis), bilirubin and INR at least 1, sodium 125 to 137, "
    "albumin 1.5 to 3.5 g/dL"
)

SCORES: dict[str, Score] = {
    score.name: score
    for score in (
        Score("meld", "MELD", meld, _MELD_INPUTS, ("dialysis",), "points", _OPTN,
              f"{_MELD_CLAMPS}; result 6 to 40, whole"),
        Score("meld_raw", "MELD (continuous)", meld_raw, _MELD_INPUTS, ("dialysis",), "points", _OPTN,
              f"{_MELD_CLAMPS}; result not cut"),
        Score("meld_unfloored", "MELD (creatinine not floored)", meld_unfloored, _MELD_INPUTS, ("dialysis",),
              "points", f"{_OPTN}, floor removed to match PMC11219721",
              "creatinine at most 4 mg/dL (4 on dialysis), bilirubin and INR at least 1; result not cut"),
        Score("meld_na", "MELD-Na", meld_na, (*_MELD_INPUTS, "sodium"), ("dialysis",), "points", _OPTN,
              f"{_MELD_CLAMPS}, sodium 125 to 137; result 6 to 40, whole"),
        Score("meld3", "MELD 3.0", meld3, _MELD3_INPUTS, ("dialysis",), "points",
              f"doi:10.1053/j.gastro.2021.08.050; {_OPTN}", f"{_MELD3_CLAMPS}; result 6 to 40, whole"),
        Score("meld3_raw", "MELD 3.0 (continuous)", meld3_raw, _MELD3_INPUTS, ("dialysis",), "points",
              f"doi:10.1053/j.gastro.2021.08.050; {_OPTN}",
              f"{_MELD3_CLAMPS}; result not cut"),
        Score("child_pugh", "Child-Pugh", child_pugh,
              ("bilirubin", "albumin", "inr", "ascites_grade", "he_grade"), (), "points",
              "PMC5859293 Table 1", "5 to 15 by construction"),
        Score("clif_c_of", "CLIF-C OF", clif_c_of, _OF_INPUTS, ("renal_replacement",), "points", _CLIF,
              "6 to 18 by construction; bilirubin of 12 mg/dL counts as failure"),
        Score("aclf_grade", "ACLF grade (EASL-CLIF)", aclf_grade, _OF_INPUTS, ("renal_replacement",), "1",
              _CLIF, "0 (no ACLF) to 3"),
        Score("clif_c_aclf", "CLIF-C ACLF", clif_c_aclf, (*_OF_INPUTS, "age", "wbc"), ("renal_replacement",),
              "points", _CLIF, "result 0 to 100"),
        Score("clif_c_ad", "CLIF-C AD", clif_c_ad, ("age", "creatinine", "inr", "wbc", "sodium"), (),
              "points", _CLIF, "result 0 to 100; inputs not clamped"),
        Score("aarc", "AARC", aarc, ("bilirubin", "he_grade", "inr", "lactate", "creatinine"), (), "points",
              "explorationpub.com table 100552/t2", "5 to 15 by construction"),
        Score("albi", "ALBI", albi, ("bilirubin", "albumin"), (), "1", "PMC5859293 Table 1", "none"),
        Score("fib4", "FIB-4", fib4, ("age", "ast", "alt", "platelets"), (), "1", "PMC3286137 Table 1",
              "none"),
        Score("apri", "APRI", apri, ("ast", "platelets"), ("ast_upper_limit",), "1", "PMC3286137 Table 1",
              "none; upper limit of normal 40 U/L unless given"),
        Score("kings_college_paracetamol", "King's College (paracetamol)", kings_college_paracetamol,
              ("ph", "he_grade", "inr", "creatinine"), (), "1", "mdcalc.com", "1 met, 0 not met"),
        Score("kings_college_other", "King's College (other causes)", kings_college_other,
              ("inr", "age", "unfavourable_etiology", "jaundice_to_he_days", "bilirubin"), (), "1",
              "clincasequest.hospital; bravocalc.com", "1 met, 0 not met"),
    )
}  # fmt: skip
"""Every shipped score by name."""


def find_score(name: str) -> Score:
    """The score of that name.

    Raises:
        BadInput: for an unknown name, or (with the reason) for a score that is deliberately not shipped.
    """
    key = name.lower().replace("-", "_").replace(" ", "_")
    if key in SCORES:
        return SCORES[key]
    if key.startswith("cossh"):
        reason = NOT_SHIPPED["cossh_aclf_ii" if key.endswith(("ii", "2", "iis", "2.0")) else "cossh_aclf"]
        raise BadInput([Problem("score", repr(name), f"is not shipped: {reason}")])
    raise BadInput(
        [Problem("score", repr(name), f"must be one of {', '.join(SCORES)}", nearest_name(key, SCORES))]
    )


def missing_inputs(name: str, observables: Iterable[str]) -> tuple[str, ...]:
    """The needed inputs of a score that ``observables`` does not have, in the score's order."""
    have = set(observables)
    return tuple(need for need in find_score(name).inputs if need not in have)


def available_scores(observables: Iterable[str]) -> tuple[str, ...]:
    """The names of the scores whose needed inputs are all among ``observables``."""
    have = tuple(observables)
    return tuple(name for name in SCORES if not missing_inputs(name, have))


def compute_score(name: str, values: Mapping[str, Any], *, units: str) -> Array:
    """A score by name from a mapping of input name to values.

    Args:
        name: a key of ``SCORES``.
        values: inputs by name; those that the score does not use are ignored.
        units: "si" or "conventional".

    Raises:
        BadInput: for an unknown or unshipped score, an impossible value, or naming every missing input;
            a score is never approximated from fewer inputs.
    """
    score = find_score(name)
    missing = missing_inputs(name, values)
    if missing:
        raise BadInput(
            Problem(
                f"{score.name}.{need}",
                "nothing",
                f"{score.label} needs it and is not approximated without it",
            )
            for need in missing
        )
    used = {key: values[key] for key in (*score.inputs, *score.optional) if key in values}
    return score.function(**used, units=units)
