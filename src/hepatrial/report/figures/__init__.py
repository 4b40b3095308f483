"""Figures of the report, one function each; every one carries the mark and the run's hash."""

from hepatrial.report.figures.flow import consort_flow
from hepatrial.report.figures.incidence import cumulative_incidence
from hepatrial.report.figures.laboratory import laboratory_courses
from hepatrial.report.figures.published import simulated_against_published
from hepatrial.report.figures.survival import endpoint_panels, survival_curves
from hepatrial.report.figures.variants import difference_by_variant

__all__ = [
    "consort_flow",
    "cumulative_incidence",
    "difference_by_variant",
    "endpoint_panels",
    "laboratory_courses",
    "simulated_against_published",
    "survival_curves",
]
