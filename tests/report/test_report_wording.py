"""Numbers as text: what is read back is what was meant."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hepatrial.report.catalogue import Catalogue
from hepatrial.report.style import text_width, wrap
from hepatrial.report.wording import (
    DASH,
    THIN,
    number,
    percent,
    points,
    probability,
    signed,
    significant,
    span,
    typeset,
)

SUPERSCRIPT = str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789")


def read(text: str) -> float:
    plain = text.replace("−", "-").replace(THIN, "")
    if "×" in plain:
        mantissa, exponent = plain.split(" × 10")
        return float(mantissa) * 10 ** int(exponent.translate(SUPERSCRIPT))
    return float(plain)


@given(st.floats(-1e6, 1e6), st.integers(0, 4))
def test_a_number_reads_back_within_half_a_digit(value, digits):
    assert read(number(value, digits)) == pytest.approx(value, abs=0.5001 * 10**-digits)


@given(st.floats(1e-12, 1e12))
def test_a_significant_number_reads_back_to_its_digits(value):
    assert read(significant(value, 3)) == pytest.approx(value, rel=5.1e-3)


@given(st.floats(1e-300, 1))
def test_a_probability_keeps_two_digits_whatever_its_size(value):
    assert read(probability(value)) == pytest.approx(value, rel=0.051, abs=0.0051 if value >= 0.1 else 0)


def test_nothing_is_a_dash_and_never_a_nan():
    for write in (number, significant, percent, points, signed, probability):
        assert write(None) == write(math.nan) == DASH


def test_a_negative_zero_is_zero_and_a_minus_is_a_minus():
    assert number(-0.001, 1) == "0.0"
    assert points(-0.105) == "−10.5"
    assert signed(0.0) == "0.0"
    assert points(0.062) == "+6.2"


def test_thousands_stay_on_one_line():
    assert number(22000, 0) == f"22{THIN}000"


def test_large_doses_are_powers_of_ten_and_plain_numbers_stay_plain():
    assert significant(3.2e5, 2) == "3.2 × 10⁵"
    assert significant(160000.0, 4) == "1.6 × 10⁵"
    assert significant(250, 3) == "250"
    assert probability(7.7e-7) == "7.7 × 10⁻⁷"


def test_an_interval_is_written_in_the_language_and_left_out_when_there_is_none():
    assert span(Catalogue("en"), 0.616, 0.848) == "61.6 to 84.8%"
    assert span(Catalogue("zh"), 0.616, 0.848) == "61.6 至 84.8%"
    assert span(Catalogue("en"), -0.002, 0.341, "points") == "−0.2 to +34.1"
    assert span(Catalogue("en"), 1.0, 2.5, "number", 2) == "1.00 to 2.50"
    assert span(Catalogue("en"), None, 0.5) == ""


@given(st.lists(st.text("abcdefgh", min_size=1, max_size=8), min_size=1, max_size=30), st.floats(80, 400))
def test_wrapped_latin_text_loses_no_word_and_fits(words, width):
    text = " ".join(words)
    lines = wrap(text, width, 12)
    assert " ".join(lines) == text
    assert all(text_width(line, 12) <= width for line in lines if " " in line)


@given(st.lists(st.sampled_from(["第", "24", " ", "周", "run", "·"]), min_size=1, max_size=30))
def test_text_of_both_kinds_keeps_its_spaces_inside_a_line(parts):
    text = " ".join("".join(parts).split())
    assert wrap(text, 10_000, 12) == [text]


@given(st.text("肝衰竭细胞治疗，。", min_size=1, max_size=60), st.floats(60, 300))
def test_wrapped_chinese_text_loses_no_character_and_no_line_begins_with_a_stop(text, width):
    lines = wrap(text, width, 12)
    assert "".join(lines) == text
    assert all(line[0] not in "，。" for line in lines[1:])


@pytest.mark.parametrize(
    ("given", "printed"),
    [
        ("a probability of 8e-7.", "a probability of 8 × 10⁻⁷."),
        ("4 infusions of 1e6/kg", "4 infusions of 10⁶/kg"),
        ("1.0 to 10 x 10^5 cells/kg", "1.0 to 10 × 10⁵ cells/kg"),
        ("rising by 17.1 umol/L a day", "rising by 17.1 µmol/L a day"),
        ("NCT01844063, bmcgastro2020, v2e3x", "NCT01844063, bmcgastro2020, v2e3x"),
    ],
)
def test_powers_and_units_of_a_file_are_set_as_a_printer_would(given, printed):
    assert typeset(given) == printed
