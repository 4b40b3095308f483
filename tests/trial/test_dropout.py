"""Leaving alive, going home to die."""

import numpy as np
import pytest

from hepatrial.protocol import load_protocol
from hepatrial.trial.dropout import discharges, dropout_reasons, dropout_times

LIN = load_protocol("lin2017")
PERSON = np.arange(1, 20_001)


def with_(**settings):
    return LIN.with_settings({name.replace("__", "."): value for name, value in settings.items()})[0]


def test_nobody_leaves_without_a_rate():
    assert np.isinf(dropout_times(LIN, 1, PERSON)).all()
    assert (dropout_reasons(LIN, 1, PERSON) == "").all()


def test_dropout_is_exponential_with_the_protocols_rate():
    protocol = with_(dropout={"rate": "7 % per week", "reasons": {"withdrew": 0.75, "lost": 0.25}})
    day = dropout_times(protocol, 1, PERSON)
    assert day.mean() == pytest.approx(100, rel=0.03)
    assert np.mean(day > 100) == pytest.approx(np.exp(-1), abs=0.015)
    reasons = dropout_reasons(protocol, 1, PERSON)
    assert set(reasons) == {"withdrew", "lost"}
    assert np.mean(reasons == "withdrew") == pytest.approx(0.75, abs=0.015)


def test_discharges_have_share_lead_time_and_known_share_of_the_protocol():
    protocol = with_(discharge_to_die={"share": 0.4, "lead_time": "2 d", "vital_status_known": 0.9})
    death = np.where(PERSON % 2 == 0, 50.0, np.inf)
    home = discharges(protocol, 1, PERSON, death, np.zeros(len(PERSON)))
    goes = ~np.isnan(home.day)
    assert not goes[np.isinf(death)].any()
    assert goes[np.isfinite(death)].mean() == pytest.approx(0.4, abs=0.02)
    assert (home.day[goes] == 48.0).all()
    assert home.known[~goes].all()
    assert home.known[goes].mean() == pytest.approx(0.9, abs=0.02)


def test_nobody_is_discharged_before_what_was_given_last_or_before_randomisation():
    protocol = with_(discharge_to_die={"share": 1.0, "lead_time": "2 d", "vital_status_known": 1.0})
    death = np.array([1.0, 10.0, 10.0])
    home = discharges(protocol, 1, np.array([1, 2, 3]), death, np.array([0.0, 9.5, 3.0]))
    assert home.day.tolist() == [0.0, 9.5, 8.0]
    assert (home.day <= death).all()
