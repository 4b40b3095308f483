"""Values of a card by inversion of its distribution."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit, ndtr, ndtri

from hepatrial.model.cards import Card

Array = NDArray[np.float64]


def draw_from(card: Card, uniform: Array) -> Array:
    """Values of a card by inversion of its (truncated) distribution.

    Args:
        card: normal, lognormal, logitnormal, bernoulli or fixed.
        uniform: draws in (0, 1).
    """
    if card.distribution == "fixed":
        return np.full_like(uniform, card.value)
    if card.distribution == "bernoulli":
        return (uniform < (card.share or 0.0)).astype(np.float64)
    to, back = _SCALES[card.distribution]
    centre = float(to(card.value))

    def probability(bound: float | None, default: float) -> float:
        return default if bound is None else float(ndtr((to(bound) - centre) / card.spread))

    low, high = probability(card.low, 0.0), probability(card.high, 1.0)
    return np.asarray(back(centre + card.spread * ndtri(low + (high - low) * uniform)), dtype=np.float64)


def _same(x: float | Array) -> float | Array:
    return x


_SCALES = {"normal": (_same, _same), "lognormal": (np.log, np.exp), "logitnormal": (logit, expit)}
