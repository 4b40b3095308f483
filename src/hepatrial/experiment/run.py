"""Run an experiment by name."""

from __future__ import annotations

from types import ModuleType

from hepatrial.errors import BadInput, Problem, nearest_name
from hepatrial.experiment import biodistribution, differentiation, migration, mouse, secretome
from hepatrial.experiment.findings import beside_published, published
from hepatrial.experiment.types import Experiment
from hepatrial.model.worlds import experiment_cards, load_world, world_cards
from hepatrial.provenance import fingerprint

EXPERIMENTS: dict[str, ModuleType] = {
    "differentiation": differentiation,
    "migration": migration,
    "biodistribution": biodistribution,
    "secretome": secretome,
    "mouse": mouse,
}
_WORLDS = {
    "differentiation": ("dish", "mouse"),
    "migration": ("dish",),
    "biodistribution": ("mouse",),
    "secretome": ("dish",),
    "mouse": ("mouse",),
}


def run_experiment(name: str) -> Experiment:
    """Run an experiment: curves, published beside simulated, knock-outs. The same each time.

    Raises:
        BadInput: no such experiment.
    """
    if name not in EXPERIMENTS:
        allowed = f"must be one of {', '.join(EXPERIMENTS)}"
        raise BadInput([Problem("NAME", repr(name), allowed, nearest_name(name, EXPERIMENTS))])
    module = EXPERIMENTS[name]
    return Experiment(
        name=name,
        hash=_hash(name),
        curves=module.curves(),
        findings=beside_published(name, module.numbers()),
        knock_outs=module.knock_outs(),
    )


def _hash(name: str) -> str:
    """Of the models' text, every card and the published figures."""
    return fingerprint(
        {
            "experiment": name,
            "models": {world: load_world(world).hash for world in _WORLDS[name]},
            "cards": {
                world: {key: card.value for key, card in world_cards(world).items()}
                for world in _WORLDS[name]
            },
            "experiments": {key: card.value for key, card in experiment_cards().items()},
            "published": {key: row.model_dump() for key, row in published()[name].items()},
        }
    )
