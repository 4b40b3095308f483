"""What a death is put down to: the largest part of its hazard at the moment it happens."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hepatrial.model.expr import evaluate
from hepatrial.model.spec import TIME, ModelSpec

Array = NDArray[np.float64]

ORGANS = ("liver", "kidney", "brain", "circulation", "respiration", "infection", "inflammation", "bleeding")
"""Causes whose parts ``risk_<cause>`` of the model add up to the log hazard of death by failing organs."""
OTHERS = ("transplantation", "withdrawal")
"""Causes with a hazard of their own, ``hazard_of_<cause>``."""
CAUSES = (*ORGANS, *OTHERS)


def cause_shares(spec: ModelSpec, parameters: Array, state: Array, time: Array) -> Array:
    """Shares of the death hazard.

    The hazard of failing organs is shared out in proportion to the parts of its logarithm (all of them are 0
    in health), the others have theirs. An attribution, no cause in the sense of a counterfactual.

    Args:
        spec: the model.
        parameters: (n, n_parameters).
        state: (n, n_states) at death.
        time: (n,) day of death.

    Returns:
        (n, causes) in the order of ``CAUSES``, each row adding up to 1 (0 where there is no hazard).
    """
    values: dict[str, Array] = {name: parameters[:, i] for i, name in enumerate(spec.parameters)}
    values |= {name: state[:, i] for i, name in enumerate(spec.states)}
    values[TIME] = time
    names = [f"risk_{name}" for name in ORGANS] + [f"hazard_of_{name}" for name in ("organs", *OTHERS)]
    found = evaluate([spec.inlined_observables[name] for name in names], values)
    table = np.stack([np.broadcast_to(column, (len(state),)) for column in found], axis=1)
    risk, organs, others = np.split(table, [len(ORGANS), len(ORGANS) + 1], axis=1)
    risk = np.maximum(risk, 0.0)
    parts = np.concatenate([organs * _shares(risk), others], axis=1)
    return _shares(np.maximum(parts, 0.0))


def death_causes(spec: ModelSpec, parameters: Array, state: Array, time: Array) -> NDArray[np.str_]:
    """(n,) the largest share's name; the first of equals."""
    names: NDArray[np.str_] = np.array(CAUSES)
    return np.asarray(names[cause_shares(spec, parameters, state, time).argmax(axis=1)])


def _shares(parts: Array) -> Array:
    total = parts.sum(axis=1, keepdims=True)
    shares: Array = np.divide(parts, total, out=np.zeros_like(parts), where=total > 0)
    return shares
