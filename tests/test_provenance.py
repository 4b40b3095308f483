"""Canonical text and fingerprints."""

from importlib import resources

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hepatrial.provenance import (
    COHORT_SOURCE,
    GRADES,
    canonical_json,
    fingerprint,
    package_versions,
    source_hash,
)


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


def test_the_source_is_told_by_code_equations_and_cards_and_by_nothing_else(tmp_path):
    (tmp_path / "model" / "deep").mkdir(parents=True)
    files = {"model/a.py": "1", "model/deep/b.ant": "2", "model/c.toml": "3", "other/d.py": "4"}
    (tmp_path / "other").mkdir()
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    before = source_hash(("model",), tmp_path)
    (tmp_path / "other/d.py").write_text("changed")
    (tmp_path / "model/deep/b.cpython-313.pyc").write_text("compiled")
    assert source_hash(("model",), tmp_path) == before
    for name in list(files)[:3]:
        (tmp_path / name).write_text("changed")
        assert source_hash(("model",), tmp_path) != before
        (tmp_path / name).write_text(files[name])
    assert source_hash(("model",), tmp_path) == before
    (tmp_path / "model/a.py").rename(tmp_path / "model/e.py")
    assert source_hash(("model",), tmp_path) != before


def test_every_part_that_decides_a_cohort_is_there():
    root = resources.files("hepatrial")
    assert all((root / part).is_file() or (root / part).is_dir() for part in COHORT_SOURCE)
    assert source_hash() != source_hash(COHORT_SOURCE[:-1])


def test_every_grade_has_a_meaning():
    assert {"seen", "seen_secondary", "derived", "article", "recalled"} <= set(GRADES)
    assert all(GRADES.values())
