"""Weighted quantiles and mid-ranks, of many samples in one call."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def weighted_quantiles(x: Array, weights: Array, levels: tuple[float, ...]) -> Array:
    """Quantiles by the weighted distribution function, linear between the mid-points of its steps.

    With equal weights these are Hazen's (Hyndman and Fan 1996, definition 5).

    Args:
        x: (..., n) finite values.
        weights: (..., n) positive; need not add up to 1.
        levels: between 0 and 1; beyond the outer mid-points the quantile is the smallest or largest value.

    Returns:
        (..., levels).
    """
    order = np.argsort(x, axis=-1, kind="stable")
    x, w = np.take_along_axis(x, order, axis=-1), np.take_along_axis(weights, order, axis=-1)
    place = (np.cumsum(w, axis=-1) - 0.5 * w) / w.sum(axis=-1, keepdims=True)
    last = x.shape[-1] - 1
    found = np.empty((*x.shape[:-1], len(levels)))
    for i, level in enumerate(levels):
        after = (place < level).sum(axis=-1, keepdims=True)
        low, high = np.clip(after - 1, 0, last), np.clip(after, 0, last)
        start, end = (np.take_along_axis(place, at, axis=-1) for at in (low, high))
        gap = np.where(end > start, end - start, 1.0)
        part = np.clip((level - start) / gap, 0.0, 1.0)
        below, above = (np.take_along_axis(x, at, axis=-1) for at in (low, high))
        found[..., i] = (below + part * (above - below))[..., 0]
    return found


def weighted_ranks(x: Array, weights: Array) -> Array:
    """Mid-ranks: the share of the weight below a value and half of that at it; ties share theirs.

    Args:
        x: (..., n) finite values.
        weights: (..., n) at least 0, some above 0.

    Returns:
        (..., n) between 0 and 1, in the order of ``x``.
    """
    order = np.argsort(x, axis=-1, kind="stable")
    x, w = np.take_along_axis(x, order, axis=-1), np.take_along_axis(weights, order, axis=-1)
    upto = np.cumsum(w, axis=-1)
    new = np.concatenate([np.ones((*x.shape[:-1], 1), bool), x[..., 1:] != x[..., :-1]], axis=-1)
    end = np.concatenate([new[..., 1:], np.ones((*x.shape[:-1], 1), bool)], axis=-1)
    below = np.maximum.accumulate(np.where(new, upto - w, 0.0), axis=-1)
    with_ties = np.flip(
        np.minimum.accumulate(np.flip(np.where(end, upto, np.inf), axis=-1), axis=-1), axis=-1
    )
    found = np.empty_like(upto)
    np.put_along_axis(found, order, 0.5 * (below + with_ties) / upto[..., -1:], axis=-1)
    return found
