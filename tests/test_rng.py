"""The random streams: equal to numpy's Philox, prefix-stable, independent of shape and order."""

import numpy as np
import pytest
from scipy import stats

from hepatrial.rng import Stream, philox4x64, uniform_of_many


def test_philox_equals_numpys_generator():
    key = (0x0123456789ABCDEF, 0xFEDCBA9876543210)
    ours = philox4x64(np.array([[8], [2], [3], [4]], dtype=np.uint64), key)[:, 0]
    # numpy increments the counter before the first block
    numpys = np.random.Philox(counter=[7, 2, 3, 4], key=np.array(key, dtype=np.uint64))
    assert ours.tolist() == numpys.random_raw(4).tolist()


def test_a_larger_cohort_begins_with_the_smaller_one():
    stream = Stream(7, "death")
    small, large = stream.exponential(np.arange(100)), stream.exponential(np.arange(1000))
    assert np.array_equal(small, large[:100])


def test_a_draw_depends_on_its_own_key_only():
    stream = Stream(7, "death")
    patients = np.arange(50)[:, None]
    table = stream.uniform(patients, np.arange(9)[None, :])
    assert table[13, 6] == stream.uniform(13, 6)
    assert np.unique(table).size == table.size
    assert Stream(8, "death").uniform(13, 6) != table[13, 6]
    assert Stream(7, "dropout").uniform(13, 6) != table[13, 6]


def test_distributions_are_what_they_are_called():
    patients = np.arange(20_000)
    assert stats.kstest(Stream(1, "a").uniform(patients), "uniform").pvalue > 1e-3
    assert stats.kstest(Stream(1, "b").normal(patients), "norm").pvalue > 1e-3
    assert stats.kstest(Stream(1, "c").exponential(patients), "expon").pvalue > 1e-3


def test_a_table_of_occurrences_holds_the_single_draws():
    stream, patients = Stream(5, "severe_infection"), np.array([3, 9, 2**40])
    table = stream.exponential_table(patients, 7)
    assert np.array_equal(table, stream.exponential(patients[:, None], np.arange(7)[None, :]))


@pytest.mark.parametrize("first", [0, 1, 2**40, 2**63])
def test_consecutive_patients_draw_what_each_would_draw_alone(first):
    patient = np.uint64(first) + np.arange(300, dtype=np.uint64)
    streams = [Stream(11, name) for name in ("a", "b")]
    for stream, together in zip(streams, uniform_of_many(streams, patient), strict=True):
        np.testing.assert_array_equal(together, [stream.uniform(p) for p in patient])
        table = stream.exponential_table(patient, 6)
        np.testing.assert_array_equal(table, stream.exponential(patient[:, None], np.arange(6)[None, :]))
        for which in (0, 3, 4, 11):
            np.testing.assert_array_equal(
                stream.uniform(patient, which), [stream.uniform(p, which) for p in patient]
            )


def test_many_streams_at_once_give_the_draws_of_each():
    patients = np.array([0, 3, 2**40, 7])
    streams = [Stream(2**64 - 1, name) for name in ("draw.a", "draw.b", "draw.c")]
    together = uniform_of_many(streams, patients)
    assert together.shape == (3, 4)
    for stream, found in zip(streams, together, strict=True):
        assert (found == stream.uniform(patients)).all()
    assert uniform_of_many([], patients).shape == (0, 4)
