"""Figures, one function each. Those of simulations carry the mark and the run's hash; those of real trials
(forest, traffic lights, icon arrays) show nothing simulated and say where their numbers come from."""

from hepatrial.report.figures.bands import Panel, population_bands
from hepatrial.report.figures.doubt import parts_of_doubt
from hepatrial.report.figures.flow import consort_flow
from hepatrial.report.figures.forest import forest_description, forest_figure
from hepatrial.report.figures.icons import icon_arrays
from hepatrial.report.figures.incidence import cumulative_incidence
from hepatrial.report.figures.laboratory import laboratory_courses
from hepatrial.report.figures.lights import traffic_lights
from hepatrial.report.figures.published import simulated_against_published
from hepatrial.report.figures.subgroups import ForestLine, ForestTexts, subgroup_forest
from hepatrial.report.figures.survival import endpoint_panels, survival_curves
from hepatrial.report.figures.variants import difference_by_variant

__all__ = [
    "ForestLine",
    "ForestTexts",
    "Panel",
    "consort_flow",
    "cumulative_incidence",
    "difference_by_variant",
    "endpoint_panels",
    "forest_description",
    "forest_figure",
    "icon_arrays",
    "laboratory_courses",
    "parts_of_doubt",
    "population_bands",
    "simulated_against_published",
    "subgroup_forest",
    "survival_curves",
    "traffic_lights",
]
