"""From model outputs to what a clinic writes down: grades, scores and the error of assays.

Shared by screening (population) and by visits (trial), so that a patient's entry values are the values that
let the patient in.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hepatrial.errors import BadInput, Problem
from hepatrial.model.scores import SCORES, compute_score
from hepatrial.population.deck import Deck
from hepatrial.protocol import Protocol
from hepatrial.rng import Stream

Array = NDArray[np.float64]

GRADED = {"he_grade": "he_index", "ascites_grade": "ascites"}
"""Measure -> the continuous output whose cuts make its grades."""

_CUTS = {"he_grade": ("he_cut_", 4), "ascites_grade": ("ascites_cut_", 3)}
_TRAITS = ("age", "female")
_MIRRORED = {"pta": "inr"}
"""PTA and INR are two readings of one clotting time: the same error with the other sign."""


@dataclass(frozen=True)
class Assay:
    """Error of one measurement.

    Attributes:
        size: SD of the error.
        relative: whether the error is log-normal (``size`` is a log-SD) or additive in the measure's unit.
        like: measure whose standard normal error is used.
        sign: with which it is used.
    """

    size: float
    relative: bool
    like: str
    sign: float = 1.0


@dataclass(frozen=True)
class Clinic:
    """How values are read: errors and cuts.

    Attributes:
        assays: output -> error.
        cuts: graded measure -> ascending cuts of its output.
    """

    assays: Mapping[str, Assay]
    cuts: Mapping[str, tuple[float, ...]]


def make_clinic(deck: Deck, protocol: Protocol | None = None) -> Clinic:
    """Errors and cuts from the cards; the protocol's own assay noise in their place where it has any."""
    assays = {}
    for name, card in deck.assay.items():
        like = _MIRRORED.get(name, name)
        assays[name] = Assay(card.value, card.unit == "1", like, 1.0 if like == name else -1.0)
    for noise in protocol.assay_noise if protocol else ():
        before = assays.get(noise.measure, Assay(0.0, True, noise.measure))
        relative = noise.cv is not None
        size = np.sqrt(np.log1p(noise.cv**2)) if noise.cv is not None else (noise.sd or 0.0)
        assays[noise.measure] = Assay(float(size), relative, before.like, before.sign)
    cuts = {
        measure: tuple(deck.value(f"{stem}{i}") for i in range(1, count + 1))
        for measure, (stem, count) in _CUTS.items()
    }
    return Clinic(assays, cuts)


def inputs_of(measure: str) -> tuple[str, ...]:
    """What is measured for a measure: itself, or the inputs of a score besides age and sex."""
    if measure not in SCORES:
        return (measure,)
    return tuple(name for name in SCORES[measure].inputs if name not in _TRAITS)


def outputs_of(measures: Iterable[str], available: Sequence[str]) -> tuple[str, ...]:
    """The model outputs from which measures are made, in the model's order.

    Raises:
        BadInput: for every measure whose inputs the model does not have; none is approximated.
    """
    needed: set[str] = set()
    problems = []
    for measure in dict.fromkeys(measures):
        inputs = {GRADED.get(name, name) for name in inputs_of(measure)}
        if missing := sorted(inputs - set(available)):
            allowed = f"a measure that the model can make; it has no {', '.join(missing)}"
            problems.append(Problem("measure", repr(measure), allowed))
        needed |= inputs
    if problems:
        raise BadInput(problems)
    return tuple(name for name in available if name in needed)


def draw_errors(
    seed: int, stage: str, outputs: Iterable[str], clinic: Clinic, person: NDArray[Any], occurrence: Any
) -> dict[str, Array]:
    """Standard normal errors, keyed by assay, person and occurrence.

    Args:
        seed: the run's seed.
        stage: ``"screening"`` (person = candidate) or ``"visit"`` (person = the run's subject number).
        outputs: names of the outputs that are measured.
        clinic: tells which of them share an error.
        person: numbers; broadcasts against ``occurrence``.
        occurrence: number of the measurement.
    """
    names = {clinic.assays[name].like for name in outputs if name in clinic.assays}
    return {name: Stream(seed, f"assay.{stage}.{name}").normal(person, occurrence) for name in sorted(names)}


def measured(
    outputs: Mapping[str, Array], clinic: Clinic, errors: Mapping[str, Array] | None
) -> dict[str, Array]:
    """Outputs as the assays report them; true values when ``errors`` is None."""
    if errors is None:
        return dict(outputs)
    seen = {}
    for name, value in outputs.items():
        assay = clinic.assays.get(name)
        if assay is None:
            seen[name] = value
            continue
        error = assay.sign * assay.size * errors[assay.like]
        seen[name] = value * np.exp(error) if assay.relative else value + error
    return seen


def grade(value: Array, cuts: Sequence[float]) -> Array:
    """Number of cuts reached, elementwise; NaN where the value is NaN."""
    reached = np.zeros(value.shape)
    for cut in cuts:
        reached += value >= cut
    return np.where(np.isnan(value), np.nan, reached)


def read_measures(
    outputs: Mapping[str, Array], measures: Iterable[str], clinic: Clinic, age: Array, female: Array
) -> dict[str, Array]:
    """Measures from measured outputs: grades by their cuts, scores from what was measured.

    Args:
        outputs: name -> values of one shape, NaN where there is none.
        measures: names of ``schema.MEASURES``.
        clinic: the cuts.
        age: years; broadcasts against the outputs.
        female: 0 or 1, likewise.
    """
    measures = tuple(measures)
    values: dict[str, Array] = {"age": age, "female": female}
    for name in sorted({name for measure in measures for name in inputs_of(measure)}):
        values[name] = grade(outputs[GRADED[name]], clinic.cuts[name]) if name in GRADED else outputs[name]
    return {
        name: compute_score(name, values, units="si") if name in SCORES else values[name] for name in measures
    }
