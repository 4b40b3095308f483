"""A model specification as JSON, to cross from one process to another without running what it carries."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np

from hepatrial.model import expr as ex
from hepatrial.model.expr import Expr
from hepatrial.model.spec import Hazard, Jump, ModelSpec, Species, Trigger

_BARE = ("name", "states", "parameters", "observables", "sbml", "hash", "nonnegative")


class _Writer:
    """Expressions as a list of nodes, arguments before users, each once."""

    def __init__(self) -> None:
        self.nodes: list[list[Any]] = []
        self.index: dict[Expr, int] = {}

    def put(self, e: Expr | None) -> int | None:
        if e is None:
            return None
        for node in ex.topological([e]):
            if node not in self.index:
                self.index[node] = len(self.nodes)
                args = [self.index[a] for a in node.args]
                self.nodes.append([node.op, args, node.value, node.name])
        return self.index[e]

    def jump(self, jump: Jump) -> dict[str, Any]:
        pairs = [[name, self.put(e)] for name, e in jump.assignments]
        return {**vars(jump), "assignments": pairs}


def spec_to_json(spec: ModelSpec) -> str:
    """The specification as JSON text."""
    w = _Writer()
    told: dict[str, Any] = {name: getattr(spec, name) for name in _BARE}
    for name in ("rates", "initial_state_expressions", "observable_expressions"):
        told[name] = [w.put(e) for e in getattr(spec, name)]
    told["hazards"] = [{"name": h.name, "rate": w.put(h.rate), "jump": w.jump(h.jump)} for h in spec.hazards]
    told["jumps"] = [w.jump(j) for j in spec.jumps]
    told["default_parameters"] = spec.default_parameters.tolist()
    told["initial_state"] = spec.initial_state.tolist()
    told["derived"] = {name: w.put(e) for name, e in spec.derived.items()}
    told["units"] = dict(spec.units)
    told["sizes"] = spec.sizes
    told["renamed"] = dict(spec.renamed)
    told["species"] = {
        name: [w.put(s.amount), w.put(s.concentration), w.put(s.size)] for name, s in spec.species.items()
    }
    told["triggers"] = [
        {
            **vars(t),
            "condition": w.put(t.condition),
            "assignments": [[name, w.put(e)] for name, e in t.assignments],
            "priority": w.put(t.priority),
        }
        for t in spec.triggers
    ]
    return json.dumps({"nodes": w.nodes, **told})


def _nodes(rows: Sequence[Sequence[Any]]) -> list[Expr]:
    nodes: list[Expr] = []
    for op, args, value, name in rows:
        nodes.append(ex._rebuild(op, tuple(nodes[i] for i in args), value, name))
    return nodes


def spec_from_json(text: str) -> ModelSpec:
    """The specification of :func:`spec_to_json`."""
    told = json.loads(text)
    nodes = _nodes(told["nodes"])

    def get(index: int) -> Expr:
        return nodes[index]

    def maybe(index: int | None) -> Expr | None:
        return None if index is None else nodes[index]

    def pairs(rows: list[tuple[str, int]]) -> tuple[tuple[str, Expr], ...]:
        return tuple((name, nodes[i]) for name, i in rows)

    def jump(row: dict[str, Any]) -> Jump:
        return Jump(**{**row, "assignments": pairs(row["assignments"])})

    vectors = {
        name: np.array(told[name], dtype=np.float64) for name in ("default_parameters", "initial_state")
    }
    for vector in vectors.values():
        vector.setflags(write=False)
    return ModelSpec(
        name=told["name"],
        states=tuple(told["states"]),
        rates=tuple(map(get, told["rates"])),
        hazards=tuple(Hazard(h["name"], get(h["rate"]), jump(h["jump"])) for h in told["hazards"]),
        jumps=tuple(map(jump, told["jumps"])),
        parameters=tuple(told["parameters"]),
        **vectors,
        initial_state_expressions=tuple(map(get, told["initial_state_expressions"])),
        observables=tuple(told["observables"]),
        observable_expressions=tuple(map(get, told["observable_expressions"])),
        derived={name: get(i) for name, i in told["derived"].items()},
        units=told["units"],
        sbml=told["sbml"],
        hash=told["hash"],
        triggers=tuple(
            Trigger(
                **{
                    **t,
                    "condition": get(t["condition"]),
                    "assignments": pairs(t["assignments"]),
                    "priority": maybe(t["priority"]),
                }
            )
            for t in told["triggers"]
        ),
        species={n: Species(get(a), maybe(c), maybe(s)) for n, (a, c, s) in told["species"].items()},
        renamed=told["renamed"],
        sizes=None if told["sizes"] is None else tuple(told["sizes"]),
        nonnegative=told["nonnegative"],
    )
