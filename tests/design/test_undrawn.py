"""A design says which part of the protocol's randomisation its trials do not draw."""

from __future__ import annotations

import pytest

from hepatrial.design.undrawn import assumptions_of
from hepatrial.protocol import load_protocol, protocol_from_dict

LIN = load_protocol("lin2017").as_dict()
OWN = [one.about for one in load_protocol("lin2017").assumptions]


@pytest.mark.parametrize(
    ("rule", "told"),
    [
        ({"block": 55}, False),
        ({"block": 55, "strata": [{"by": "cirrhosis"}]}, True),
        ({"block": 55, "centres": 4}, True),
    ],
)
def test_strata_and_centres_are_told_among_the_assumptions_and_blocks_alone_are_not(rule, told):
    rows = assumptions_of(protocol_from_dict({**LIN, "randomisation": rule}))
    assert [row["about"] for row in rows] == OWN + ["randomisation"] * told


def test_without_the_section_nothing_is_added():
    assert [row["about"] for row in assumptions_of(load_protocol("lin2017"))] == OWN
