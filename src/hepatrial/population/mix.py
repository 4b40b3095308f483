"""The mix of causes of those admitted: a study tells shares of its patients, not of everybody who falls ill.

Causes differ in how many of their patients ever meet a criterion, so that candidates drawn by a Table 1's
shares are not admitted by them. The j-th admitted patient of a cause with share s has the place (j + 1/2) / s
in the queue, and a pool is the front of the queue: in every pool each cause is within a patient of its share,
a larger pool begins with a smaller one, and with one cause the queue is the order of the candidates.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hepatrial.population.diseases import draw_causes, told_mix
from hepatrial.population.onset import Illness
from hepatrial.protocol.diseases import CAUSES


def queue(illness: Illness, number: NDArray[np.int64]) -> NDArray[np.intp]:
    """Those admitted whom the mix of causes can take, in the order in which it takes them.

    Args:
        illness: protocol and seed, which say the shares and each candidate's cause.
        number: (m,) candidate numbers of the admitted, ascending.

    Returns:
        Their places in ``number``; ends where the next patient would be of a cause that has no more.
    """
    population = illness.protocol.population
    told = population.cause_shares
    causes = draw_causes(illness.seed, number, population.disease, told)
    place = np.empty(len(number))
    end = np.inf
    for cause, share in told_mix(population.disease, told).items():
        mine = np.flatnonzero(causes == CAUSES.index(cause))
        place[mine] = (np.arange(len(mine)) + 0.5) / share
        end = min(end, (len(mine) + 0.5) / share)
    order = np.argsort(place, kind="stable")
    return order[: int(np.searchsorted(place[order], end))]
