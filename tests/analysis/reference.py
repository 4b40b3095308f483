"""Reference tables and numbers for the tests of this folder; absent ones skip with a reason."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest

DATA = Path(__file__).parents[2] / "../shared/data"
NUMBERS = DATA / "reference_numbers.json"


def numbers():
    """The reference numbers with their printed digits kept."""
    if not NUMBERS.exists():
        pytest.skip("the reference numbers are absent")
    return json.loads(NUMBERS.read_text(), parse_float=Decimal, parse_int=Decimal)


def dataset(name):
    """A table of PyPI ``survival`` as arrays, missing numbers as NaN."""
    datasets = pytest.importorskip("survival.datasets")
    table = getattr(datasets, f"load_{name}")()
    return {key: np.array([np.nan if v is None else v for v in values]) for key, values in table.items()}


def agree(got, printed, rtol=1e-6):
    """Within ``rtol`` or half a unit of the last printed digit, element by element."""
    wanted = printed if isinstance(printed, list) else [printed]
    values = np.atleast_1d(np.asarray(got, dtype=float)).ravel()
    assert len(values) == len(wanted)
    for value, number in zip(values, wanted, strict=True):
        half_a_unit = 0.5 * 10.0 ** number.as_tuple().exponent
        tolerance = max(rtol * abs(float(number)), half_a_unit)
        assert abs(value - float(number)) <= tolerance, f"{value!r} is not {number}"
