"""One patient in libRoadRunner: the second engine of the tests."""

import warnings

import numpy as np
import pytest

from hepatrial.model.expr import evaluate


def roadrunner_course(spec, parameters, initial, table, times, impulses):
    """The same SBML in libRoadRunner; doses as events in time, added to the text."""
    roadrunner = pytest.importorskip("roadrunner")
    antimony = pytest.importorskip("antimony")
    antimony.clearPreviousLoads()
    antimony.loadSBMLString(spec.sbml)
    text = antimony.getAntimonyString(antimony.getMainModuleName())
    lines = [
        f"at (time >= {time}): do_{spec.actions[action]} = 1, amount_{spec.actions[action]} = {amount};\n"
        f"at (time >= {time + 0.01}): do_{spec.actions[action]} = 0;"
        for time, action, amount in impulses
    ]
    cut = text.rindex("\nend")
    antimony.clearPreviousLoads()
    assert antimony.loadAntimonyString(text[:cut] + "\n" + "\n".join(lines) + text[cut:]) >= 0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        rr = roadrunner.RoadRunner(antimony.getSBMLString(antimony.getMainModuleName()))
    rr.integrator.relative_tolerance, rr.integrator.absolute_tolerance = 1e-10, 1e-13
    rr.integrator.maximum_num_steps = 1_000_000
    for name, value in zip(spec.parameters, parameters, strict=True):
        rr[name] = value
    # A constant that follows others keeps the value of the file unless it is set too.
    known = dict(zip(spec.parameters, parameters, strict=True))
    for name, value in zip(spec.derived, evaluate(list(spec.derived.values()), known), strict=True):
        rr[name] = float(value)
    for name, value in zip(spec.states, initial, strict=True):
        rr[name] = value
    for hazard, row in zip(spec.hazards, table, strict=True):
        rr[f"theta_{hazard.name}"] = row[0]
        if hazard.recurrent:
            rr[f"step_{hazard.name}"] = row[1]
    wanted = ["time", *spec.outputs]
    return np.array(rr.simulate(times=[0.0, *times], selections=wanted))[1:, 1:]
