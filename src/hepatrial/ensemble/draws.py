"""Parameters drawn for each patient: distributions as a small table, luck from counter-based streams.

A draw is a function of (seed, name, patient) alone, so that another parameter, another patient or another
order changes nobody's values.
"""

from __future__ import annotations

import math
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hepatrial.errors import BadInput, Problem, nearest_name
from hepatrial.rng import Stream, uniform_of_many

Array = NDArray[np.float64]

SHAPES: dict[str, tuple[str, ...]] = {
    "lognormal": ("median", "log_sd"),
    "normal": ("mean", "sd"),
    "uniform": ("low", "high"),
}
"""Distribution -> its entries. A normal or log-normal one may also have ``min`` and ``max`` (truncation)."""

_LIMITS = ("min", "max")


@dataclass(frozen=True)
class Draw:
    """How a parameter or initial state differs between patients.

    Attributes:
        name: of the parameter or state.
        distribution: a key of ``SHAPES``.
        entries: the distribution's numbers, ``min`` and ``max`` among them where there are.
    """

    name: str
    distribution: str
    entries: Mapping[str, float]

    def values(self, u: Array) -> Array:
        """(n,) values: the inverse distribution function at uniform draws."""
        from scipy.special import ndtri  # here, because it takes longer to import than a small run

        first, second = (self.entries[entry] for entry in SHAPES[self.distribution])
        if self.distribution == "uniform":
            return first + (second - first) * u
        log = self.distribution == "lognormal"
        centre = math.log(first) if log else first
        z = ndtri(self._truncated(u, centre, second, log)) if second > 0 else np.zeros_like(u)
        values = centre + second * z
        found: Array = np.exp(values) if log else values
        return np.clip(found, self.entries.get("min", -np.inf), self.entries.get("max", np.inf))

    def _truncated(self, u: Array, centre: float, sd: float, log: bool) -> Array:
        """The draws moved to the part of (0, 1) that the limits leave."""
        from scipy.special import ndtr

        edges = [0.0, 1.0]
        for side, name in enumerate(_LIMITS):
            if name in self.entries:
                limit = self.entries[name]
                at = (math.log(limit) if limit > 0 else -math.inf) if log else limit
                edges[side] = float(ndtr((at - centre) / sd))
        return edges[0] + (edges[1] - edges[0]) * u

    def as_dict(self) -> dict[str, Any]:
        """As it stands in a file of draws."""
        return {"distribution": self.distribution, **self.entries}


def draw_all(draws: Sequence[Draw], seed: int, patient: NDArray[np.int64]) -> dict[str, Array]:
    """Name -> (n,) values of the patients."""
    streams = [Stream(seed, f"draw.{draw.name}") for draw in draws]
    uniform = uniform_of_many(streams, patient)
    return {draw.name: draw.values(u) for draw, u in zip(draws, uniform, strict=True)}


def read_draws(source: Mapping[str, Any] | Path | str | None, names: tuple[str, ...]) -> tuple[Draw, ...]:
    """Distributions from a TOML file or a mapping: name -> {distribution, its entries}.

    Args:
        source: ``{"kreg": {"distribution": "lognormal", "median": 0.3, "log_sd": 0.2}}`` or a file like it.
        names: parameters and states that may be drawn.

    Raises:
        BadInput: with everything that is wrong.
    """
    if source is None:
        return ()
    if not isinstance(source, Mapping):
        source = _load(Path(source))
    problems: list[Problem] = []
    drawn = []
    for name, entry in source.items():
        if name not in names:
            allowed = "must be a parameter or a state of the model"
            problems.append(Problem(f"draws.{name}", repr(name), allowed, nearest_name(name, names)))
        found = _problems(name, entry)
        problems += found
        if not found:
            numbers = {key: float(value) for key, value in entry.items() if key != "distribution"}
            drawn.append(Draw(name, entry["distribution"], numbers))
    if problems:
        raise BadInput(problems)
    return tuple(drawn)


def _load(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        given = error.strerror or "an error"
        raise BadInput([Problem(str(path), given, "must be a file that can be read")]) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadInput([Problem(str(path), str(error), "must be TOML")]) from None


def _problems(name: str, entry: Any) -> list[Problem]:
    place = f"draws.{name}"
    if not isinstance(entry, Mapping):
        return [Problem(place, repr(entry), "must be a table: distribution and its entries")]
    shape = entry.get("distribution")
    if not isinstance(shape, str) or shape not in SHAPES:
        allowed = f"must be one of {', '.join(SHAPES)}"
        near = nearest_name(str(shape), SHAPES) if shape is not None else None
        return [Problem(f"{place}.distribution", repr(shape), allowed, near)]
    known = (*SHAPES[shape], *(() if shape == "uniform" else _LIMITS))
    problems = [
        Problem(
            f"{place}.{key}", repr(key), f"must be one of {', '.join(known)}", nearest_name(str(key), known)
        )
        for key in entry
        if key != "distribution" and key not in known
    ]
    for key in known:
        if key in entry and not _is_number(entry[key]):
            problems.append(Problem(f"{place}.{key}", repr(entry[key]), "must be a finite number"))
        if key in SHAPES[shape] and key not in entry:
            problems.append(Problem(f"{place}.{key}", "nothing", f"a {shape} distribution needs it"))
    return problems or _impossible(place, shape, entry)


def _impossible(place: str, shape: str, entry: Mapping[str, float]) -> list[Problem]:
    first, second = SHAPES[shape]
    problems = []
    if shape == "lognormal" and entry[first] <= 0:
        problems.append(Problem(f"{place}.{first}", repr(entry[first]), "must be above 0"))
    if shape != "uniform" and entry[second] < 0:
        problems.append(Problem(f"{place}.{second}", repr(entry[second]), "must not be below 0"))
    low, high = (first, second) if shape == "uniform" else _LIMITS
    if entry.get(low, -math.inf) >= entry.get(high, math.inf):
        problems.append(Problem(f"{place}.{low}", repr(entry[low]), f"must be below {high}"))
    if shape != "uniform" and not problems and (low in entry or high in entry):
        centre = entry[first]
        if not entry.get(low, -math.inf) <= centre <= entry.get(high, math.inf):
            problems.append(Problem(f"{place}.{first}", repr(centre), "must lie between min and max"))
    return problems


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
