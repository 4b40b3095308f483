"""The bank of the mechanism: deaths are those of ordinary courses; bytes do not depend on how it was made."""

from __future__ import annotations

import numpy as np
import pytest

from hepatrial.design.bank import make_bank, open_bank
from hepatrial.design.worlds import World, bank_protocol, grid_days, worlds_of
from hepatrial.errors import BadInput
from hepatrial.population.luck import thresholds
from hepatrial.protocol import load_protocol
from hepatrial.trial.run import patient_machine, run_trial

PATIENTS = 120
TWO = ("no_effect", "secretome_30d")


def files(folder):
    return {p.name: p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file() and p.name != "run.json"}


def test_the_options_of_a_second_randomisation_are_arms_of_the_bank():
    whole = bank_protocol(load_protocol("nct05985863"))
    assert set(whole.arms) == {"msc_five", "msc_three", "placebo"}
    assert [line.days for line in whole.arms["msc_five"].regimen] == [(0, 7, 14), (28, 35)]
    assert whole.design is None


def test_an_arm_without_an_effect_of_its_own_has_one_world():
    whole = bank_protocol(load_protocol("dheliver"))
    assert worlds_of(whole, {"a": 0.5, "b": 0.5}) == (World("placebo"), World("halpc"))
    assert len(worlds_of(bank_protocol(load_protocol("lin2017")), {"a": 0.5, "b": 0.5})) == 3


def test_the_grid_ends_with_follow_up():
    assert grid_days(168.0)[-1] == 168.0
    assert (np.diff(grid_days(90.3)) > 0).all()


def test_a_bank_that_cannot_be_is_refused(tmp_path):
    with pytest.raises(BadInput):
        make_bank(load_protocol("lin2017"), patients=5)
    with pytest.raises(BadInput):
        open_bank(tmp_path)


@pytest.fixture(scope="module")
def bank(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bank") / "one"
    return make_bank(load_protocol("lin2017"), patients=PATIENTS, variants=TWO, threads=1, folder=folder)


@pytest.mark.slow
def test_an_interrupted_bank_ends_with_the_bytes_of_an_uninterrupted_one(bank, tmp_path):
    folder = tmp_path / "two"
    seen = []

    def interrupt(stage, done, _total):
        seen.append(stage)
        if stage.startswith("courses") and done == 2:
            raise KeyboardInterrupt

    again = {"patients": PATIENTS, "variants": TWO, "folder": folder, "chunk": 50}
    with pytest.raises(KeyboardInterrupt):
        make_bank(load_protocol("lin2017"), threads=2, progress=interrupt, **again)
    made = make_bank(load_protocol("lin2017"), threads=2, **again)
    assert made.hash == bank.hash
    assert files(folder) == files(bank.path)


@pytest.mark.slow
def test_deaths_of_the_bank_are_those_of_ordinary_courses_of_the_same_patients(bank, tmp_path):
    protocol = load_protocol("lin2017")
    run = run_trial(
        protocol, replicates=1, pairs=PATIENTS, seed=1, variant="no_effect", threads=1, out=tmp_path / "r"
    )
    mine = run.subjects.filter((run.subjects["replicate"] == 0) & (run.subjects["arm"] == "smt")).sort(
        "subject"
    )
    spec = patient_machine().spec
    death = [hazard.name for hazard in spec.hazards].index("death")
    person = np.arange(1, PATIENTS + 1)
    luck = thresholds(1, "course", spec.hazards, person)[:, death, 0]
    days = bank.paths("smt").death(luck, person - 1)
    died = mine["overall_survival_event"].to_numpy() == 1
    assert (np.isfinite(days) == died).mean() > 0.99
    both = died & np.isfinite(days)
    miss = np.abs(days[both] - mine["overall_survival_time"].to_numpy()[both])
    # between the days of the grid the hazard is taken as constant, an infection in between is not
    assert miss.max() < 4.0
    assert miss.mean() < 0.5
    assert np.median(miss) < 0.2
