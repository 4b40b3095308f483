"""Thresholds as draws: the part of SBML's package ``distrib`` (Version 1) that the conventions know.

A threshold is a unit-exponential increment (docs/architecture.md, section 1). In ``distrib`` that is an
initial assignment ``theta_<cause> = exponential(1)`` and, in a recurrent event, ``theta_<cause> =
theta_<cause> + exponential(1)``. Those two are written and read; every other draw is refused by its name.
"""

from __future__ import annotations

from typing import Any

import libsbml

from hepatrial.errors import Problem

NAMESPACE = "http://www.sbml.org/sbml/level3/version1/distrib/version1"
_MATH = "http://www.w3.org/1998/Math/MathML"
_SYMBOLS = "http://www.sbml.org/sbml/symbols/distrib/"
_DRAW = (
    f'<csymbol encoding="text" definitionURL="{_SYMBOLS}exponential"> exponential </csymbol>'
    '<cn type="integer"> 1 </cn>'
)

_DRAWS = {value for name, value in vars(libsbml).items() if name.startswith("AST_DISTRIB_FUNCTION_")}


def with_draws(sbml: str) -> str:
    """The SBML of a model of the conventions in which the simulator draws the thresholds itself.

    Args:
        sbml: SBML L3 with hazard events; thresholds ``theta_<cause>``, steps ``step_<cause>``.

    Returns:
        SBML L3V2 with the package ``distrib``: what ``hepatrial model export --draws`` writes.
    """
    document = libsbml.readSBMLFromString(sbml)
    document.enablePackage(NAMESPACE, "distrib", True)
    document.setPackageRequired("distrib", True)
    model = document.getModel()
    causes = [
        model.getRule(i).getVariable()[2:]
        for i in range(model.getNumRules())
        if model.getRule(i).isRate() and model.getRule(i).getVariable().startswith("H_")
    ]
    for cause in causes:
        start = model.getInitialAssignment(f"theta_{cause}") or model.createInitialAssignment()
        start.setSymbol(f"theta_{cause}")
        start.setMath(_formula(f"<apply>{_DRAW}</apply>"))
        for i in range(model.getNumEvents()):
            assignment = model.getEvent(i).getEventAssignment(f"theta_{cause}")
            if assignment is not None:
                sum_ = f"<apply><plus/><ci> theta_{cause} </ci><apply>{_DRAW}</apply></apply>"
                assignment.setMath(_formula(sum_))
        model.removeParameter(f"step_{cause}")
    written: str = libsbml.writeSBMLToString(document)
    return written


def _formula(body: str) -> Any:
    return libsbml.readMathMLFromString(f'<math xmlns="{_MATH}">{body}</math>')


def is_unit_draw(node: Any) -> bool:
    """Whether a formula is ``exponential(1)``."""
    return (
        node is not None
        and node.getType() == libsbml.AST_DISTRIB_FUNCTION_EXPONENTIAL
        and node.getNumChildren() == 1
        and node.getChild(0).isNumber()
        and node.getChild(0).getValue() == 1
    )


def is_next_threshold(node: Any, cause: str) -> bool:
    """Whether a formula is ``theta_<cause> + exponential(1)``, in either order."""
    if node is None or node.getType() != libsbml.AST_PLUS or node.getNumChildren() != 2:
        return False
    parts = [node.getChild(0), node.getChild(1)]
    names = [p.getName() for p in parts if p.getType() == libsbml.AST_NAME]
    return names == [f"theta_{cause}"] and any(map(is_unit_draw, parts))


def is_draw(node: Any) -> bool:
    """Whether the outermost function of a formula is a draw of ``distrib``."""
    return node.getType() in _DRAWS


def uncertainty_problems(document: Any) -> list[Problem]:
    """The statements of uncertainty in a document, which nothing here uses and nothing should lose unsaid."""
    elements = document.getListOfAllElements()
    problems = []
    for i in range(elements.getSize()):
        plugin = elements.get(i).getPlugin("distrib")
        if plugin is not None and getattr(plugin, "getNumUncertainties", int)() > 0:
            allowed = "of distrib only exponential(1) thresholds of hazard events are read; remove it"
            problems.append(Problem(elements.get(i).getId() or "element", "distrib uncertainty", allowed))
    return problems
