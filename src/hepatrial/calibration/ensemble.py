"""The posterior ensemble: plausible settings of the model with weights, as shipped; draws of the prior."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from importlib.resources import files
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from hepatrial.calibration.prior import doubts_of, settings_at
from hepatrial.errors import RunFailed
from hepatrial.model import load_patient_model
from hepatrial.model.variants import load_variants
from hepatrial.provenance import fingerprint
from hepatrial.rng import Stream

TABLE, NOTES = "ensemble.parquet", "ensemble.json"
COMMAND = "hepatrial fit"
PRIOR_BETWEEN_STUDY = {"mortality": 0.34, "infection": 0.34, "laboratory": 0.1}
"""Prior median of the between-study SD by scale: half-normal of scale 0.5, 0.5 (log-odds), 0.15 (log)."""


@dataclass(frozen=True)
class Origin:
    """What an ensemble rests on.

    Attributes:
        kind: "posterior" or "prior".
        model: hash of the patient model.
        targets: hash of the declared targets, "" for the prior.
        command: rebuilds it.
        seed: of its draws.
    """

    kind: str
    model: str
    targets: str
    command: str
    seed: int


@dataclass(frozen=True)
class Ensemble:
    """Plausible worlds.

    Attributes:
        settings: one mapping a draw, card -> value, as ``population.deck.make_deck`` takes it. Cards that are
            not named keep their centre.
        variants: structural variant of the cell effect of each draw; it touches treated arms only.
        weights: (n,) of the draws, summing to 1.
        between_study: scale -> SD of a study's own deviation: "mortality" and "infection" in log-odds,
            "laboratory" in natural logarithms of a cohort's mean.
        origin: model and targets it was made with.
    """

    settings: tuple[dict[str, float], ...]
    variants: tuple[str, ...]
    weights: NDArray[np.float64]
    between_study: dict[str, float]
    origin: Origin

    def __len__(self) -> int:
        return len(self.settings)

    @property
    def effective_size(self) -> float:
        """Kish's effective number of draws, (sum w)^2 / sum w^2."""
        return float(self.weights.sum() ** 2 / (self.weights**2).sum())

    @property
    def hash(self) -> str:
        """Fingerprint of all that the ensemble says."""
        return fingerprint(
            {
                "settings": list(self.settings),
                "variants": list(self.variants),
                "weights": self.weights.tolist(),
                "between_study": self.between_study,
                "origin": asdict(self.origin),
            }
        )

    def pick(self, n: int, seed: int) -> NDArray[np.intp]:
        """(n,) indices of draws for n worlds, by systematic resampling of the weights in a random order.

        Every draw of weight at least 1/n appears; a larger n does not begin with a smaller.
        """
        order = np.argsort(Stream(seed, "ensemble.order").uniform(np.arange(len(self))))
        offset = float(Stream(seed, "ensemble.offset").uniform(0))
        edges = np.cumsum(self.weights[order]) / self.weights.sum()
        places = np.minimum(np.searchsorted(edges, (np.arange(n) + offset) / n), len(self) - 1)
        shuffle = np.argsort(Stream(seed, "ensemble.worlds").uniform(np.arange(n)))
        return np.asarray(order[places][shuffle], dtype=np.intp)


def prior_ensemble(n: int, seed: int) -> Ensemble:
    """Draws of every uncertain card and of the variants from their priors, of equal weight.

    Args:
        n: draws; the first n of a larger prior ensemble of the same seed.
        seed: of the draws.
    """
    doubts, draw = doubts_of(), np.arange(n)
    steps = np.stack([Stream(seed, f"prior.{d.name}").normal(draw) for d in doubts], axis=1)
    variants = load_variants()
    names = list(variants)
    edges = np.cumsum([variants[name].weight for name in names])
    chosen = np.minimum(np.searchsorted(edges, Stream(seed, "prior.variant").uniform(draw)), len(names) - 1)
    return Ensemble(
        settings=tuple(settings_at(doubts, row) for row in steps),
        variants=tuple(names[i] for i in chosen),
        weights=np.full(n, 1.0 / n),
        between_study=dict(PRIOR_BETWEEN_STUDY),
        origin=Origin("prior", load_patient_model().hash, "", f"prior_ensemble({n}, {seed})", seed),
    )


def read_ensemble(folder: Path) -> Ensemble:
    """The ensemble that a fit wrote into a folder.

    Raises:
        RunFailed: there is none.
    """
    table, notes = folder / TABLE, folder / NOTES
    if not (table.is_file() and notes.is_file()):
        raise RunFailed(f"{folder} holds no ensemble; `{COMMAND}` makes one")
    return from_files(table.read_bytes(), json.loads(notes.read_text(encoding="utf-8")))


def load_ensemble() -> Ensemble:
    """The posterior ensemble that ships.

    Raises:
        RunFailed: none ships, or the one that ships was made with another patient model.
    """
    folder = files("hepatrial.calibration")
    table, notes = folder.joinpath(TABLE), folder.joinpath(NOTES)
    if not (table.is_file() and notes.is_file()):
        raise RunFailed(f"no posterior ensemble ships with this version; `{COMMAND}` makes one")
    ensemble = from_files(table.read_bytes(), json.loads(notes.read_text(encoding="utf-8")))
    if ensemble.origin.model != load_patient_model().hash:
        raise RunFailed(f"the shipped ensemble was fitted to another patient model; `{COMMAND}` refits it")
    return ensemble


def to_files(ensemble: Ensemble) -> tuple[bytes, dict[str, object]]:
    """The ensemble as Parquet (draw, variant, weight, one column a setting) and notes."""
    names = list(dict.fromkeys(name for row in ensemble.settings for name in row))
    columns: dict[str, object] = {
        "draw": np.arange(len(ensemble)),
        "variant": list(ensemble.variants),
        "weight": ensemble.weights,
        **{name: [row.get(name) for row in ensemble.settings] for name in names},
    }
    buffer = io.BytesIO()
    pl.DataFrame(columns).write_parquet(buffer, compression="zstd", statistics=False)
    return buffer.getvalue(), {"between_study": ensemble.between_study, "origin": asdict(ensemble.origin)}


def from_files(table: bytes, notes: Mapping[str, dict[str, object]]) -> Ensemble:
    """The inverse of ``to_files``."""
    frame = pl.read_parquet(io.BytesIO(table))
    names = [name for name in frame.columns if name not in ("draw", "variant", "weight")]
    settings = tuple(
        {name: value for name, value in row.items() if value is not None}
        for row in frame.select(names).iter_rows(named=True)
    )
    return Ensemble(
        settings=settings,
        variants=tuple(frame["variant"].to_list()),
        weights=frame["weight"].to_numpy().astype(np.float64),
        between_study={name: float(str(sd)) for name, sd in notes["between_study"].items()},
        origin=Origin(**notes["origin"]),  # type: ignore[arg-type]
    )
