"""Events at fixed times as actions: what lets the compiled engine follow them as it follows doses.

An SBML event whose trigger is ``time >= 7`` strikes once, at a time that no patient changes. It becomes an
action of its own and a row of a regimen; all other events stay what they are.
"""

from __future__ import annotations

import dataclasses
import hashlib
import itertools

from hepatrial.errors import BadInput, Problem
from hepatrial.model import expr as ex
from hepatrial.model.expr import Expr
from hepatrial.model.spec import TIME, Jump, ModelSpec, Trigger


def with_fixed_times(spec: ModelSpec) -> tuple[ModelSpec, tuple[tuple[float, int, float], ...]]:
    """The model with its events at fixed times as actions, and the regimen that carries them out.

    Args:
        spec: a model of :func:`hepatrial.load_model`.

    Returns:
        the model (the same one if it has no events), and rows (time, action, amount 0) in order of time.

    Raises:
        BadInput: events that are not at a fixed time, or two of one time that change or read the same.
    """
    if not spec.triggers:
        return spec, ()
    problems = []
    rows: list[tuple[float, Trigger]] = []
    for trigger in spec.triggers:
        time = _fixed_time(trigger.condition)
        if time is None:
            allowed = (
                "ensembles know hazard events, actions, and events at a time that is a number "
                "(time >= 7); follow this model with hepatrial.simulate_model"
            )
            problems.append(
                Problem(f"event {trigger.name}", f"the trigger {ex.text(trigger.condition)}", allowed)
            )
        elif _strikes(trigger, time):
            rows.append((max(time, 0.0), trigger))
    rows.sort(key=lambda row: row[0])
    problems += _clashes(spec, rows)
    if problems:
        raise BadInput(problems)
    first = len(spec.jumps)
    jumps = tuple(Jump(trigger.name, _assignments(spec, trigger)) for _, trigger in rows)
    digest = hashlib.sha256(b"fixed times\0" + spec.hash.encode()).hexdigest()
    changed = dataclasses.replace(spec, triggers=(), jumps=(*spec.jumps, *jumps), hash=digest)
    return changed, tuple((time, first + i, 0.0) for i, (time, _) in enumerate(rows))


def _fixed_time(condition: Expr) -> float | None:
    """T of a condition ``time >= T``, ``time > T`` or the same turned round; None for any other."""
    if condition.op in ("ge", "gt"):
        left, right = condition.args
    elif condition.op in ("le", "lt"):
        right, left = condition.args
    else:
        return None
    return right.value if left is ex.sym(TIME) and right.is_constant else None


def _strikes(trigger: Trigger, time: float) -> bool:
    """Whether it strikes: a condition that holds from the start turns true only if it was false before."""
    strict = trigger.condition.op in ("gt", "lt")
    return time > 0 or (time == 0 and strict) or not trigger.initial


def _clashes(spec: ModelSpec, rows: list[tuple[float, Trigger]]) -> list[Problem]:
    """Events of one time of which one changes what the other changes or reads."""
    found = []
    for time, group in itertools.groupby(rows, key=lambda row: row[0]):
        for (_, one), (_, other) in itertools.combinations(group, 2):
            mine, theirs = _assignments(spec, one), _assignments(spec, other)
            if _touches(spec, mine, theirs) or _touches(spec, theirs, mine):
                allowed = "events of one time may not change or read the same; join them into one"
                found.append(Problem(f"events {one.name}, {other.name}", f"both at {time:g}", allowed))
    return found


def _touches(
    spec: ModelSpec, mine: tuple[tuple[str, Expr], ...], theirs: tuple[tuple[str, Expr], ...]
) -> bool:
    changed = {name for name, _ in mine}
    read = {name for e in spec.inline([e for _, e in theirs]) for name in e.symbols}
    return not changed.isdisjoint(read | {name for name, _ in theirs})


def _assignments(spec: ModelSpec, trigger: Trigger) -> tuple[tuple[str, Expr], ...]:
    """The assignments in terms of states: a concentration is an amount by the size before the event."""
    found = []
    for name, e in trigger.assignments:
        if name in spec.states:
            found.append((name, e))
            continue
        species = spec.species[name]
        assert species.size is not None
        found.append((species.amount.name, e * species.size))
    return tuple(found)
