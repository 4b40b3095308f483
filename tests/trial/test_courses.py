"""Courses written down as tables: closed forms on an engine of constant hazards."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from constant_engine import LABS, ConstantEngine

from hepatrial.model import load_patient_model
from hepatrial.population.candidates import draw_candidates
from hepatrial.population.cohort import Cohort, make_illness
from hepatrial.population.deck import make_deck
from hepatrial.population.machine import Machine
from hepatrial.population.onset import Admitted
from hepatrial.population.pool import Pool
from hepatrial.protocol import load_protocol
from hepatrial.schema import EVENT, SUBJECT, VISIT
from hepatrial.trial.courses import Trial, VariantSet, simulate_courses
from hepatrial.trial.plan import make_plan

SPEC = load_patient_model()
LIN = load_protocol("lin2017")
N = 3000
DEATH = np.log(2) / 84  # half are dead at week 12


def trial_with(rates, settings=None, fails=0):
    protocol, _ = LIN.with_settings(settings or {})
    illness = make_illness(protocol, make_deck(), 1)
    number = np.arange(101, 101 + N)
    traits = draw_candidates(SPEC, illness.deck, 1, number, "hbv_aclf")
    admitted = Admitted(
        number=number,
        day=np.full(N, 40),
        delay=np.full(N, 17),
        state=traits.initial,
        cumulative_hazards=np.zeros((N, len(SPEC.hazards))),
        occurrences=np.zeros((N, len(SPEC.hazards)), dtype=int),
        infected=(number % 5 == 0).astype(float),
        measures=np.tile([LABS.get(name, 2.0) for name in illness.measures], (N, 1)),
    )
    pool = Pool(admitted, illness.measures, int(number[-1]), {}, {})
    cohort = Cohort(pool, traits, np.arange(N), ())
    machine = Machine(SPEC, ConstantEngine(SPEC, rates, fails))
    return Trial(machine, illness, cohort, VariantSet(("null", "some"), (0.5, 0.5), ({}, {})))


def pairs(rates, settings=None, fails=0):
    trial = trial_with(rates, settings, fails)
    plan = make_plan(trial.protocol, 1, 1, N - 110, np.array([0.5, 0.5]))
    tables = simulate_courses(trial, plan)
    return tables, trial, plan


def replicate_0(table, arm="smt"):
    return table.filter((pl.col("replicate") == 0) & (pl.col("arm") == arm))


def within(share, truth, n=N - 110):
    return abs(share - truth) < 4 * np.sqrt(truth * (1 - truth) / n)


def test_the_tables_have_the_columns_and_types_of_the_schema():
    tables, trial, _ = pairs({"death": DEATH, "fever": 0.01})
    for table, columns in ((tables.subject, SUBJECT), (tables.visit, VISIT), (tables.event, EVENT)):
        assert table.columns[: len(columns)] == [column.name for column in columns]
        for column in columns:
            assert table[column.name].dtype == getattr(pl, column.dtype), column.name
    assert tables.visit.columns[len(VISIT) :] == list(trial.protocol.visits.measures)
    extra = tables.subject.columns[len(SUBJECT) :]
    assert all(name.startswith("baseline_") for name in extra)
    assert {f"baseline_{m}" for m in trial.protocol.visits.measures} <= set(extra)
    assert "baseline_vasopressor" not in extra
    assert tables.subject.null_count().sum_horizontal().item() == 0


def test_survival_follows_the_constant_hazard():
    tables, _, _ = pairs({"death": DEATH})
    subject = replicate_0(tables.subject)
    time, event = subject["overall_survival_time"].to_numpy(), subject["overall_survival_event"].to_numpy()
    for week in (4, 12, 24):
        assert within(np.mean((time <= 7 * week) & (event == 1)), 1 - 2 ** (-week / 12))
    assert (time[event == 0] == 168).all()


def test_death_and_transplant_compete_as_two_constant_hazards_do():
    offer = DEATH / 2
    tables, _, _ = pairs({"death": DEATH, "transplant": offer})
    subject = replicate_0(tables.subject)
    total = DEATH + offer
    transplanted_first = offer / total * (1 - np.exp(-total * 168))
    assert within(np.mean(subject["first_event"].to_numpy() == "transplant"), transplanted_first)
    free = subject["transplant_free_time"].to_numpy()
    assert within(np.mean(free > 84), np.exp(-total * 84))
    overall = subject["overall_survival_time"].to_numpy()
    assert within(np.mean(overall > 84), 0.5)
    assert (free <= overall).all()
    assert (subject["transplant_free_event"] >= subject["overall_survival_event"]).all()


def test_a_subject_has_the_same_patient_luck_and_visits_in_every_arm():
    tables, _, _ = pairs({"death": DEATH, "fever": 0.02}, {"discharge_to_die": {"share": 0.0}})
    msc, smt = (replicate_0(tables.subject, arm) for arm in ("msc", "smt"))
    same = ["subject", "patient", "age", "weight", "overall_survival_time", "baseline_alt", "variant"]
    assert msc.select(same).equals(smt.select(same))
    keys = ["subject", "day", "event"]
    fever = [replicate_0(tables.event, arm).filter(pl.col("event") == "fever") for arm in ("msc", "smt")]
    assert fever[0].select(keys).equals(fever[1].select(keys))
    visits = [replicate_0(tables.visit, arm).drop("arm") for arm in ("msc", "smt")]
    assert visits[0].equals(visits[1])


def test_a_trials_subject_is_the_person_of_its_number_with_that_persons_luck():
    trial = trial_with({"death": DEATH})
    plan = make_plan(trial.protocol, 1, 2, 220, np.array([0.5, 0.5]))
    subject = simulate_courses(trial, plan).subject
    person = pl.Series("person", plan.person)
    table = subject.with_columns(person)
    pair = table.filter((pl.col("replicate") == 0) & (pl.col("arm") == "smt"))
    for row in table.filter(pl.col("replicate") > 0).iter_rows(named=True):
        twin = pair.row(row["person"] - 1, named=True)
        assert twin["patient"] == row["patient"] == row["person"] + 100
        assert twin["overall_survival_time"] == row["overall_survival_time"]


def test_planned_and_received_infusions_differ_by_those_not_alive_for_them():
    tables, _, _ = pairs({"death": 0.05})
    subject = replicate_0(tables.subject, "msc")
    infusions = replicate_0(tables.event, "msc").filter(pl.col("event") == "cell_infusion")
    counted = infusions.group_by("subject").len()
    joined = subject.join(counted, on="subject", how="left").with_columns(pl.col("len").fill_null(0))
    assert (joined["len"] == joined["infusions_received"]).all()
    assert (subject["infusions_planned"] == 4).all()
    late = infusions.join(subject, on="subject").filter(pl.col("day") >= pl.col("overall_survival_time"))
    assert late.height == 0
    assert subject["infusions_received"].is_between(0, 4).all()
    never = subject.filter(pl.col("infusions_received") == 0)
    assert never.height > 0
    assert (never["treatment_actual"] == "smt").all()
    assert (subject.filter(pl.col("infusions_received") > 0)["treatment_actual"] == "msc").all()


def test_visits_take_place_until_death_and_carry_the_baseline_first():
    tables, trial, _ = pairs({"death": DEATH})
    joined = replicate_0(tables.visit).join(replicate_0(tables.subject), on="subject")
    assert (joined["day"] <= joined["overall_survival_time"]).all()
    baseline = replicate_0(tables.visit).filter(pl.col("visit") == "baseline")
    assert baseline.height == N - 110
    assert (baseline["day"] == 0).all()
    assert (baseline["bilirubin"] == 300).all()
    last = replicate_0(tables.visit).filter(pl.col("visit") == "week 24")
    assert within(last.height / (N - 110), 0.25)
    assert len(trial.protocol.visits.planned) + 1 == replicate_0(tables.visit)["visit"].n_unique()


def test_visit_values_have_assay_error_and_the_true_ones_without_it():
    tables, trial, _ = pairs({})
    week = replicate_0(tables.visit).filter(pl.col("visit") == "week 8")
    log = np.log(week["alt"].to_numpy() / LABS["alt"])
    assert log.std() == pytest.approx(trial.illness.clinic.assays["alt"].size, rel=0.05)
    exact = [{"measure": "alt", "cv": 0.0}]
    tables, _, _ = pairs({}, {"assay_noise": exact})
    assert (replicate_0(tables.visit)["alt"] == LABS["alt"]).all()


def test_dropout_is_a_competing_exit_with_its_reason():
    settings = {"dropout": {"rate": "7 % per week", "reasons": {"withdrew": 0.6, "lost": 0.4}}}
    tables, _, _ = pairs({"death": 0.01}, settings)
    subject = replicate_0(tables.subject)
    first = subject["first_event"].to_numpy()
    assert within(np.mean(first == "dropout"), 0.5 * (1 - np.exp(-0.02 * 168)))
    assert within(np.mean(first == "death"), 0.5 * (1 - np.exp(-0.02 * 168)))
    dropped = subject.filter(pl.col("first_event") == "dropout")
    assert (dropped["overall_survival_event"] == 0).all()
    assert set(dropped["dropout_reason"]) == {"withdrew", "lost"}
    assert (subject.filter(pl.col("first_event") != "dropout")["dropout_reason"] == "").all()
    events = replicate_0(tables.event).filter(pl.col("event") == "dropout")
    assert events.height == dropped.height
    assert np.allclose(events["day"], dropped["overall_survival_time"])


def test_those_discharged_to_die_whose_death_stays_unknown_are_censored_on_that_day():
    settings = {"discharge_to_die": {"share": 1.0, "lead_time": "2 d", "vital_status_known": 0.5}}
    tables, _, _ = pairs({"death": DEATH, "fever": 0.2}, settings)
    plain, _, _ = pairs({"death": DEATH, "fever": 0.2}, {"discharge_to_die": {"share": 0.0}})
    subject, before = replicate_0(tables.subject), replicate_0(plain.subject)
    died = before["overall_survival_event"].to_numpy() == 1
    lost = subject["dropout_reason"].to_numpy() == "discharged_to_die"
    assert (lost <= died).all()
    assert within(lost[died].mean(), 0.5, died.sum())
    assert (subject.filter(lost)["overall_survival_event"] == 0).all()
    assert (subject.filter(lost)["first_event"] == "dropout").all()
    gap = before["overall_survival_time"].to_numpy() - subject["overall_survival_time"].to_numpy()
    assert (gap[lost] <= 2 + 1e-9).all()
    assert gap[lost & (before["overall_survival_time"].to_numpy() > 2)] == pytest.approx(2)
    assert (gap[~lost] == 0).all()
    events = replicate_0(tables.event)
    home = events.filter(pl.col("event") == "discharge_to_die")
    assert home.height == died.sum()
    unknown = home.filter(pl.col("detail") == "vital_status_unknown")
    assert unknown.height == lost.sum()
    assert events.filter(pl.col("event") == "death").height == died.sum() - lost.sum()
    after = events.join(home.select("subject", left="day"), on="subject").filter(
        pl.col("day") > pl.col("left")
    )
    assert set(after["event"]) <= {"death"}


def test_a_failed_solve_is_a_row_with_a_status_and_is_kept():
    tables, _, plan = pairs({"death": DEATH}, fails=10)
    failed = tables.subject.filter(pl.col("status") == "not_finite")
    assert tables.subject.height == len(plan)
    assert failed.height == len(range(0, len(plan), 10))
    still = failed.filter(pl.col("overall_survival_event") == 0)
    assert (still["overall_survival_time"] == 10).all()
    assert (still["first_event"] == "none").all()
    assert set(tables.subject["status"]) == {"ok", "not_finite"}


def test_events_stand_by_subject_and_day_and_deaths_say_whether_an_infection_was_active():
    tables, _, _ = pairs({"death": DEATH, "fever": 0.05})
    events = replicate_0(tables.event)
    order = events.select("subject", "day", "event")
    assert order.equals(order.sort("subject", "day", "event"))
    deaths = events.filter(pl.col("event") == "death")
    assert set(deaths["detail"]) <= {"with_infection", "without_infection"}
    assert (events.filter(pl.col("event") == "fever")["detail"] == "").all()


def test_the_engine_is_asked_for_courses_from_the_stored_state_with_fresh_thresholds():
    _, trial, plan = pairs({"death": DEATH})
    (call,) = trial.machine.solve.calls
    assert np.array_equal(call["initial"], trial.cohort.pool.admitted.state[plan.person - 1])
    assert (call["end"] == 168).all()
    treated = plan.arm[np.asarray(call["impulses"].patient)]
    assert (treated == 0).all()


def test_rows_of_a_plan_can_be_simulated_apart():
    trial = trial_with({"death": DEATH})
    plan = make_plan(trial.protocol, 1, 2, 100, np.array([0.5, 0.5]))
    whole = simulate_courses(trial, plan)
    starts = range(0, len(plan), 77)
    parts = [simulate_courses(trial, plan.rows(slice(start, start + 77))) for start in starts]
    for table in ("subject", "visit", "event"):
        assert pl.concat([getattr(part, table) for part in parts]).equals(getattr(whole, table))


def test_matched_cohorts_may_repeat_a_patient_with_luck_of_its_own():
    trial = trial_with({"death": DEATH})
    repeated = replace(trial.cohort, index=np.zeros(N, dtype=int))
    trial = replace(trial, cohort=repeated)
    subject = simulate_courses(trial, make_plan(LIN, 1, 1, 0, np.array([1.0, 0.0]))).subject
    assert subject["patient"].n_unique() == 1
    assert subject["overall_survival_time"].n_unique() > 20
    assert subject["variant"].unique().to_list() == ["null"]
