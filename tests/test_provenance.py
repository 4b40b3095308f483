"""Canonical text and fingerprints."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hepatrial.provenance import GRADES, canonical_json, fingerprint, package_versions


@given(
    st.dictionaries(st.text(), st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text())
)
def test_the_order_of_keys_changes_nothing(value):
    assert fingerprint(value) == fingerprint(dict(reversed(value.items())))


def test_a_changed_value_changes_the_fingerprint():
    assert fingerprint({"a": 0.1}) != fingerprint({"a": 0.1 + 1e-16 + 1e-17})
    assert fingerprint({"a": 1}) != fingerprint({"b": 1})


def test_nan_has_no_canonical_text():
    with pytest.raises(ValueError, match="JSON"):
        canonical_json({"a": float("nan")})


def test_versions_are_of_the_packages_asked_for():
    import numpy

    assert package_versions(["numpy", "no-such-package"]) == {
        "numpy": numpy.__version__,
        "no-such-package": "source",
    }
    assert "hepatrial" in package_versions()


def test_every_grade_has_a_meaning():
    assert {"seen", "seen_secondary", "derived", "article", "recalled"} <= set(GRADES)
    assert all(GRADES.values())
