"""Second randomisations and seamless designs."""

import numpy as np
import polars as pl
import pytest

from hepatrial.errors import BadInput
from hepatrial.model import load_patient_model
from hepatrial.protocol import load_protocol, protocol_from_dict
from hepatrial.trial.plan import arm_names, make_plan
from hepatrial.trial.regimen import course_doses
from hepatrial.trial.stages import PHASE, chosen_arms, in_phases, reached_second, second_options

TWICE = load_protocol("nct05985863")
SEAMLESS = load_protocol("nct06884904")
SPEC = load_patient_model()


def changed(protocol, change):
    data = protocol.as_dict()
    change(data)
    data["assumptions"] = []
    return protocol_from_dict(data)


def doses_of(protocol, plan):
    parameters = np.tile(SPEC.default_parameters, (len(plan), 1))
    return course_doses(protocol, SPEC, 1, plan, parameters, np.full(len(plan), 168.0))


PLAN = make_plan(TWICE, 1, 20, 200, np.ones(1))
MSC = arm_names(TWICE).index("msc")


def test_only_the_named_arm_is_drawn_again_in_the_ratio_of_the_weights():
    drawn = second_options(TWICE, 1, PLAN)
    assert (drawn[PLAN.arm != MSC] == "").all()
    mine = drawn[PLAN.arm == MSC]
    assert set(mine) == {"five", "three"}
    assert np.mean(mine == "five") == pytest.approx(0.5, abs=0.04)
    uneven = changed(TWICE, lambda data: data["rerandomisation"]["options"]["five"].update(weight=3.0))
    assert np.mean(second_options(uneven, 1, PLAN)[PLAN.arm == MSC] == "five") == pytest.approx(
        0.75, abs=0.04
    )


def test_the_second_draw_belongs_to_the_person_and_to_the_seed():
    drawn = second_options(TWICE, 1, PLAN)
    assert np.array_equal(drawn[100:200], second_options(TWICE, 1, PLAN.rows(slice(100, 200))))
    assert not np.array_equal(drawn, second_options(TWICE, 2, PLAN))


def test_two_worlds_that_differ_by_the_second_randomisation_are_the_same_until_then():
    once = changed(TWICE, lambda data: data.update(rerandomisation=None))
    before, after = doses_of(once, PLAN), doses_of(TWICE, PLAN)
    early = after.day < 27.0
    for name in ("row", "day", "amount"):
        assert np.array_equal(getattr(before, name), getattr(after, name)[early]), name
    late = np.bincount(after.row[~early], minlength=len(PLAN))
    assert np.array_equal(late == 2, second_options(TWICE, 1, PLAN) == "five")


def test_who_is_gone_by_then_has_no_second_stage():
    seen = np.array([10.0, 28.0, 29.0])
    options = np.array(["five", "five", "three"])
    assert reached_second(TWICE, options, seen).tolist() == ["", "", "three"]


def subjects(dead_low, dead_high, replicate=1):
    """Six subjects an arm, two in the first phase; ``dead_*`` of those die on day 5."""
    rows = []
    for arm, dead in (("high", dead_high), ("low", dead_low), ("placebo", 0)):
        for place in range(6):
            died = place < dead
            number = 10 * place + ("high", "low", "placebo").index(arm)
            rows.append((replicate, number, arm, 5.0 if died else 84.0, int(died)))
    names = ["replicate", "subject", "arm", "overall_survival_time", "overall_survival_event"]
    return pl.DataFrame(rows, schema=names, orient="row")


SMALL = changed(
    SEAMLESS,
    lambda data: [
        data["dose_selection"].update(first={"high": 2, "low": 2, "placebo": 2}),
        [arm.update(n=6) for arm in data["arms"].values()],
    ],
)


def test_the_better_arm_of_the_first_phase_goes_on_and_of_equals_the_first_named():
    assert chosen_arms(SMALL, subjects(2, 1)) == {1: "high"}
    assert chosen_arms(SMALL, subjects(0, 1)) == {1: "low"}
    assert chosen_arms(SMALL, subjects(1, 1)) == {1: "low"}
    both = pl.concat([subjects(2, 0, 1), subjects(0, 2, 2)])
    assert chosen_arms(SMALL, both) == {1: "high", 2: "low"}


def test_deaths_after_the_selection_or_in_the_second_phase_choose_nothing():
    late = subjects(2, 0).with_columns(pl.lit(80.0).alias("overall_survival_time"))
    assert chosen_arms(SMALL, late) == {1: "low"}
    third = subjects(3, 0)
    assert chosen_arms(SMALL, third) == chosen_arms(SMALL, subjects(2, 0))


def test_later_subjects_of_the_dose_not_chosen_leave_every_table_and_pairs_stay_whole():
    trial, pairs = subjects(2, 0), subjects(2, 0, replicate=0)
    subject = pl.concat([pairs, trial])
    event = subject.select("replicate", "subject", "arm")
    kept = in_phases(SMALL, {"subject": subject, "event": event, "visit": event})
    mine = kept["subject"].filter(pl.col("replicate") == 1)
    counts = dict(mine.group_by("arm").len().iter_rows())
    assert counts == {"high": 6, "low": 2, "placebo": 6}
    assert mine.filter(pl.col("arm") == "low")[PHASE].to_list() == [1, 1]
    assert len(kept["subject"].filter(pl.col("replicate") == 0)) == len(pairs)
    for name in ("event", "visit"):
        assert kept[name].equals(kept["subject"].select("replicate", "subject", "arm"))


def test_a_design_in_one_stage_keeps_its_tables_as_they_are():
    tables = {"subject": subjects(1, 0)}
    assert in_phases(TWICE, tables) is tables


@pytest.mark.parametrize(
    ("protocol", "change", "place"),
    [
        (TWICE, lambda d: d["rerandomisation"].update(arms=["msk"]), "rerandomisation.arms[0]"),
        (TWICE, lambda d: d["rerandomisation"]["options"].pop("three"), "rerandomisation.options"),
        (
            TWICE,
            lambda d: d["rerandomisation"]["options"]["five"]["regimen"][0].update(days=[20, 35]),
            "rerandomisation.options.five.regimen[0].days[0]",
        ),
        (
            TWICE,
            lambda d: d["rerandomisation"]["options"]["five"]["regimen"][0].update(product="at_msc"),
            "rerandomisation.options.five.regimen[0].product",
        ),
        (
            TWICE,
            lambda d: d["rerandomisation"]["options"]["five"]["regimen"][0].update(days=[28, 400]),
            "rerandomisation.options.five.regimen[0].days",
        ),
        (SEAMLESS, lambda d: d["dose_selection"]["first"].pop("low"), "dose_selection.first"),
        (SEAMLESS, lambda d: d["dose_selection"]["first"].update(low=999), "dose_selection.first.low"),
        (SEAMLESS, lambda d: d["dose_selection"].update(among=["placebo"]), "dose_selection.among[0]"),
        (SEAMLESS, lambda d: d["dose_selection"].update(week=60.0), "dose_selection.week"),
    ],
)
def test_a_design_that_cannot_be_is_refused_at_its_place(protocol, change, place):
    with pytest.raises(BadInput) as refused:
        changed(protocol, change)
    assert place in [problem.place for problem in refused.value.problems]
