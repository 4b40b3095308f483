"""What a virtual cohort shows, in the terms of the declared targets."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from importlib.resources import files

import numpy as np
from numpy.typing import NDArray

from hepatrial.model.scores import meld_raw, meld_unfloored

Vector = NDArray[np.float64]


@dataclass(frozen=True)
class Target:
    """A published statistic that may be fitted to; ``sd`` is the tolerance in the statistic's unit."""

    name: str
    cohort: str
    value: float
    sd: float
    unit: str
    source: str
    grade: str


@dataclass(frozen=True)
class Cohort:
    """One virtual cohort: labs at admission (SI units, shape (n,)) and what happened in 24 weeks.

    Attributes:
        labs: model outputs at admission by name.
        he_grade: West-Haven grade at admission.
        age: years.
        infected: infection active at admission.
        death_time: days from admission, inf for those alive at the end.
        severe_infection_time: days to the first severe infection after admission, inf if none.
    """

    labs: dict[str, Vector]
    he_grade: Vector
    age: Vector
    infected: NDArray[np.bool_]
    death_time: Vector
    severe_infection_time: Vector

    def subset(self, keep: NDArray[np.bool_]) -> Cohort:
        """The patients for whom ``keep`` is true."""
        return Cohort(
            {name: column[keep] for name, column in self.labs.items()},
            self.he_grade[keep],
            self.age[keep],
            self.infected[keep],
            self.death_time[keep],
            self.severe_infection_time[keep],
        )


def load_targets() -> tuple[Target, ...]:
    """The targets of ``targets.toml``, in file order."""
    text = files("hepatrial.calibration").joinpath("targets.toml").read_text(encoding="utf-8")
    return tuple(Target(**row) for row in tomllib.loads(text)["target"])


def cohort_views(cohort: Cohort) -> dict[str, Cohort]:
    """The three cohorts of ``targets.toml`` as subsets of one admitted under the Chinese definition."""
    labs = cohort.labs
    meld = meld_raw(labs["bilirubin"], labs["creatinine"], labs["inr"], units="si")
    lin = (meld >= 17) & (meld <= 30) & (cohort.age >= 18) & (cohort.age <= 65) & ~cohort.infected
    return {"cma": cohort, "cossh": cohort.subset(labs["bilirubin"] >= 205.0), "lin": cohort.subset(lin)}


def statistics(cohort: Cohort) -> dict[str, float]:
    """Every statistic that a target may name, of one cohort."""
    labs, dead_28 = cohort.labs, cohort.death_time < 28.0
    unfloored = meld_unfloored(labs["bilirubin"], labs["creatinine"], labs["inr"], units="si")
    q25, q75 = np.quantile(labs["alt"], [0.25, 0.75])
    conjugated = labs["bilirubin_conjugated"] + labs["bilirubin_delta"]
    return {
        "bilirubin_mean": labs["bilirubin"].mean(),
        "bilirubin_sd": labs["bilirubin"].std(),
        "alt_median": float(np.median(labs["alt"])),
        "alt_log_iqr": float(np.log(q75 / q25)),
        "albumin_mean": labs["albumin"].mean(),
        "albumin_sd": labs["albumin"].std(),
        "inr_above_2_5": (labs["inr"] >= 2.5).mean(),
        "kidney_failure": (labs["creatinine"] >= 176.8).mean(),
        "encephalopathy_any": (cohort.he_grade >= 1).mean(),
        "encephalopathy_3_4": (cohort.he_grade >= 3).mean(),
        "conjugated_share": (conjugated / labs["bilirubin"]).mean(),
        "age_mean": cohort.age.mean(),
        "meld_unfloored_median": float(np.median(unfloored)),
        "infected_at_admission": cohort.infected.mean(),
        "death_28": dead_28.mean(),
        "death_90": (cohort.death_time < 90.0).mean(),
        "death_168": (cohort.death_time <= 168.0).mean(),
        "age_dead_minus_alive_28": _gap(cohort.age, dead_28, np.mean),
        "meld_dead_minus_alive_28": _gap(unfloored, dead_28, np.median),
        "severe_infection_168": (cohort.severe_infection_time <= 168.0).mean(),
    }


def _gap(values: Vector, group: NDArray[np.bool_], summary: object) -> float:
    if not group.any() or group.all():
        return 0.0
    return float(summary(values[group]) - summary(values[~group]))  # type: ignore[operator]


def misfit(cohort: Cohort, targets: tuple[Target, ...]) -> list[tuple[Target, float, float]]:
    """(target, simulated value, standardised miss), the largest miss first."""
    seen = {name: statistics(view) for name, view in cohort_views(cohort).items()}
    rows = [(t, seen[t.cohort][t.name], (seen[t.cohort][t.name] - t.value) / t.sd) for t in targets]
    return sorted(rows, key=lambda row: -abs(row[2]))
