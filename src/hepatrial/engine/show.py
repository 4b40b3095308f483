"""What was read and what is run, as text."""

from __future__ import annotations

from collections.abc import Iterator

from hepatrial.engine.jacobian import jacobian
from hepatrial.engine.linear import plan_elimination
from hepatrial.errors import BadInput, Problem, nearest_name
from hepatrial.model.expr import text
from hepatrial.model.spec import Jump, ModelSpec, Trigger

_PARTS = ("equations", "jacobian", "step")


def show_code(spec: ModelSpec, part: str = "equations", lanes: int = 4) -> str:
    """The model as the engine sees it.

    Args:
        spec: the model.
        part: 'equations' (observables, rates, hazards, events and actions), 'jacobian' (its entries that are
            not zero, and the order of elimination) or 'step' (the generated LLVM IR, before optimisation).
        lanes: lane width of the step.

    Raises:
        BadInput: another part.
    """
    if part not in _PARTS:
        allowed = f"must be one of {', '.join(_PARTS)}"
        raise BadInput([Problem("part", repr(part), allowed, nearest_name(part, _PARTS))])
    if part == "step":
        from hepatrial.engine.build import module_of

        return module_of(spec, lanes)
    lines = _equations(spec) if part == "equations" else _jacobian(spec)
    return "\n".join(lines) + "\n"


def _equations(spec: ModelSpec) -> Iterator[str]:
    sizes = f"{len(spec.states)} states, {len(spec.hazards)} hazards, {len(spec.parameters)} parameters"
    yield f"// {spec.name}: {sizes}"
    for name, e in spec.derived.items():
        yield f"{name} = {text(e)}  // once a patient"
    for name, e in zip(spec.observables, spec.observable_expressions, strict=True):
        yield f"{name} := {text(e)}"
    for name, e in zip(spec.states, spec.rates, strict=True):
        yield f"{name}' = {text(e)}"
    for hazard in spec.hazards:
        yield f"{hazard.state}' = {text(hazard.rate)}"
    for hazard in spec.hazards:
        kind = "ends the course" if hazard.terminal else "again and again" if hazard.recurrent else "once"
        yield f"at {hazard.state} = threshold of {hazard.name} ({kind}): {_assignments(hazard.jump)}"
    for jump in spec.jumps:
        yield f"action {jump.name}: {_assignments(jump)}"
    for trigger in spec.triggers:
        yield _trigger(trigger)


def _trigger(trigger: Trigger) -> str:
    said = [f"priority = {text(trigger.priority)}"] if trigger.priority is not None else []
    said += [
        f"{name} = {str(value).lower()}"
        for name, value, usual in (
            ("persistent", trigger.persistent, True),
            ("t0", trigger.initial, True),
            ("fromTrigger", trigger.early, True),
        )
        if value is not usual
    ]
    changes = ", ".join(f"{name} = {text(e)}" for name, e in trigger.assignments) or "no change of state"
    return f"{trigger.name}: at {', '.join([f'({text(trigger.condition)})', *said])}: {changes}"


def _assignments(jump: Jump) -> str:
    return ", ".join(f"{name} = {text(e)}" for name, e in jump.assignments) or "no change of state"


def _jacobian(spec: ModelSpec) -> Iterator[str]:
    observables = dict(zip(spec.observables, spec.observable_expressions, strict=True))
    entries = jacobian(spec.states, spec.rates, observables)
    plan = plan_elimination(len(spec.states), entries)
    n = len(spec.states)
    yield f"// {len(entries)} of {n * n} entries are not always zero; {len(plan.index)} stored with fill"
    yield f"// order of elimination: {' '.join(spec.states[k] for k in plan.order)}"
    for (i, j), e in entries.items():
        yield f"d({spec.states[i]}')/d{spec.states[j]} = {text(e)}"
