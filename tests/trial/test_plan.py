"""The plan of a run."""

import numpy as np

from hepatrial.protocol import load_protocol
from hepatrial.trial.plan import arm_names, make_plan

SHI = load_protocol("shi2012")
LIN = load_protocol("lin2017").with_patients(22)
ONE = np.array([1.0])


def columns(plan):
    return np.stack([plan.replicate, plan.subject, plan.person, plan.arm, plan.treated_before, plan.variant])


def test_the_plan_is_in_the_order_of_the_tables_and_holds_everybody_once():
    plan = make_plan(LIN, 1, 5, 8, ONE)
    order = np.lexsort((plan.subject, plan.arm, plan.replicate))
    assert np.array_equal(order, np.arange(len(plan)))
    assert len(plan) == 5 * 22 + 8 * 2
    assert list(arm_names(LIN)) == ["msc", "smt"]


def test_replicates_hold_consecutive_persons_and_pairs_the_first_ones():
    plan = make_plan(LIN, 1, 3, 8, ONE)
    for replicate in (1, 2, 3):
        persons = np.sort(plan.person[plan.replicate == replicate])
        assert np.array_equal(persons, np.arange((replicate - 1) * 22 + 1, replicate * 22 + 1))
    for arm in (0, 1):
        mine = (plan.replicate == 0) & (plan.arm == arm)
        assert np.array_equal(plan.person[mine], np.arange(1, 9))


def test_every_trial_has_the_planned_arm_sizes():
    plan = make_plan(LIN, 1, 4, 0, ONE)
    sizes = [LIN.arms[name].n for name in arm_names(LIN)]
    for replicate in range(1, 5):
        assert np.bincount(plan.arm[plan.replicate == replicate]).tolist() == sizes


def test_more_replicates_and_pairs_leave_the_first_ones_alone():
    small, large = make_plan(LIN, 1, 2, 5, ONE), make_plan(LIN, 1, 6, 9, ONE)
    trials = columns(small)[:, small.replicate > 0]
    assert np.array_equal(columns(large)[:, (large.replicate > 0) & (large.replicate <= 2)], trials)
    pairs = columns(small)[:, small.replicate == 0]
    assert np.array_equal(columns(large)[:, (large.replicate == 0) & (large.person <= 5)], pairs)


def test_treated_before_counts_treated_subjects_with_a_lower_number():
    plan = make_plan(LIN, 3, 4, 6, ONE)
    for replicate in range(1, 5):
        mine = plan.replicate == replicate
        treated = plan.subject[mine & (plan.arm == 0)]
        before = plan.treated_before[mine & (plan.arm == 0)]
        assert np.array_equal(before, np.arange(len(treated)))
    assert np.array_equal(plan.treated_before[plan.replicate == 0], np.tile(np.arange(6), 2))


def test_variants_come_in_the_proportions_of_their_weights_one_for_each_trial():
    weights = np.array([0.5, 0.3, 0.2])
    plan = make_plan(LIN.with_patients(4), 1, 4000, 3000, weights)
    trials = plan.replicate > 0
    for replicate in (1, 17, 3999):
        assert len(np.unique(plan.variant[plan.replicate == replicate])) == 1
    share = np.bincount(plan.variant[trials]) / trials.sum()
    assert np.abs(share - weights).max() < 5 * np.sqrt(0.25 / 4000)
    pairs = np.bincount(plan.variant[(plan.replicate == 0) & (plan.arm == 0)]) / 3000
    assert np.abs(pairs - weights).max() < 0.002  # spread evenly, not drawn
    both = plan.variant[plan.replicate == 0].reshape(2, 3000)
    assert np.array_equal(both[0], both[1])


def test_the_seed_changes_allocation_and_variants():
    weights = np.array([0.5, 0.5])
    a, b = make_plan(LIN, 1, 20, 20, weights), make_plan(LIN, 2, 20, 20, weights)
    assert not np.array_equal(a.person, b.person)
    assert not np.array_equal(a.variant, b.variant)


def test_a_run_may_have_no_pairs_and_rows_are_a_part():
    plan = make_plan(SHI, 1, 2, 0, ONE)
    assert (plan.replicate > 0).all()
    assert np.array_equal(columns(plan.rows(slice(3, 9))), columns(plan)[:, 3:9])
