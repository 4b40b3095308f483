"""No treatment effect: every arm is the control arm.

Of death the control is that of ``map_control``, drawn with the same luck, so that the two differ in
treated arms alone; of everything else it is the control arm of the mechanistic model.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from hepatrial.prediction.rivals.days import mixture_days
from hepatrial.prediction.rivals.map_control import Posterior
from hepatrial.prediction.sampling import MORTAL, Deviation, Luck, mechanistic_days
from hepatrial.prediction.study import Study
from hepatrial.prediction.world import World

Array = NDArray[np.float64]
MapParts = list[tuple[float, Posterior, float, float]]
"""(share, posterior of the level, shape centre, shape SD) of each class a study is a mixture of."""


def map_levels(parts: MapParts, luck: Luck) -> list[tuple[float, float, float]]:
    """(share, level, shape) of a draw; classes of one study deviate alike."""
    uniform = float(luck.uniform("map.tau", 1)[0])
    level, shape = luck.normal("map.level"), luck.normal("map.shape")
    return [
        (share, posterior.quantile_draw(uniform, level), max(centre + sd * shape, 0.05))
        for share, posterior, centre, sd in parts
    ]


def no_effect_days(
    parts: MapParts, world: World, study: Study, spread: Deviation, luck: Luck
) -> Callable[[str, Array], Array]:
    """Event days of any arm."""
    of_death = map_levels(parts, luck)
    of_others = mechanistic_days(world, study, study.control, spread, luck, effects=False)
    return lambda event, uniform: (
        mixture_days(of_death, 0.0, uniform) if event in MORTAL else of_others(event, uniform)
    )
