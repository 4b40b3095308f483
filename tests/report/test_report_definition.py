"""A definition whose hazards were not fitted is said to borrow them."""

import pytest

from hepatrial.protocol import DEFINITIONS, load_protocol, protocol_from_dict
from hepatrial.report.planned import study_of


def _borrows(tag):
    data = load_protocol("lin2017").as_dict()
    data["identity"]["definition"] = tag
    return [
        one for one in study_of(protocol_from_dict(data)).assumptions if one.about == "identity.definition"
    ]


@pytest.mark.parametrize("tag", DEFINITIONS)
def test_only_definitions_without_fitted_hazards_borrow_them(tag):
    said = _borrows(tag)
    assert bool(said) is not DEFINITIONS[tag].hazards_fitted
    for one in said:
        assert DEFINITIONS[tag].label in one.handled["en"]
        assert DEFINITIONS[tag].label_zh in one.handled["zh"]
