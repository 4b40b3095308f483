"""A bank made of exponential patients: everything about it has a closed form."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from hepatrial.design.bank import Bank
from hepatrial.design.worlds import LARGEST, Courses, World, bank_protocol, grid_days
from hepatrial.protocol import load_protocol


def exponential_bank(
    hazard: float = 0.004,
    patients: int = 5000,
    spread: float = 0.0,
    transplant: float = 0.0,
    variant: float = 0.7,
) -> Bank:
    """Patients of constant hazard; ``spread`` is the log-SD between them, ``variant`` the treated ratio."""
    protocol = bank_protocol(load_protocol("lin2017"))
    grid = grid_days(protocol.follow_up.length)
    rng = np.random.default_rng(7)
    own = hazard * np.exp(spread * rng.standard_normal(patients))
    graft = rng.exponential(1 / transplant, patients) if transplant else np.full(patients, np.inf)

    def courses(ratio: float) -> Courses:
        path = np.minimum(ratio * own[:, None] * grid[None, :], LARGEST)
        never = np.full(patients, np.inf)
        no = np.zeros(patients, dtype=bool)
        return Courses(path, graft, never, never, no, no)

    read = {"smt.none": courses(1.0), "msc.some": courses(variant)}
    worlds = (World("smt"), World("msc", "some"))
    everybody = np.arange(patients)
    return Bank(Path("nowhere"), protocol, grid, worlds, {"some": 1.0}, "fake", patients, everybody, read)
