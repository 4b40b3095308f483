"""Finished English sentences in another language: one mechanism for all who need it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from hepatrial.report.patterns import Patterns, phrases, replaced, still_english


def same(_place, part):
    return part


LIST = Patterns.of({
    "at least {x} of {name}": "{name} 中至少 {x}",
    "whole": "整句",
    "{some}, {others}": "{some}、{others}",
})  # fmt: skip


def test_a_text_is_looked_up_whole_then_by_the_first_pattern_that_fits_and_else_not_at_all():
    assert LIST("whole", same) == "整句"
    assert LIST("at least 12.5 of a, b", same) == "a, b 中至少 12.5"
    assert LIST("at least many of a, b", same) == "at least many of a、b"
    assert LIST("at least many", same) is None


def test_what_fills_a_place_is_put_into_the_language_or_refuses_the_pattern():
    assert LIST("whole, whole", lambda _, part: LIST(part, same)) == "整句、整句"
    assert LIST("whole, other", lambda _, part: LIST(part, same)) is None


def test_patterns_with_most_letters_of_their_own_can_go_first():
    entries = {"{0} is {1}": "{0}是{1}", "{0} is not {1}": "{0}不是{1}"}
    assert Patterns.of(entries)("a is not b", same) == "a是not b"
    assert Patterns.of(entries, longest_first=True)("a is not b", same) == "a不是b"


@given(st.text(max_size=80), st.text(max_size=80))
def test_whatever_a_stranger_typed_stays_as_it_is(one, other):
    said = LIST(f"at least 3 of {one}{{x}}{other}", same)
    assert said in (f"{one}{{x}}{other} 中至少 3", None) or "、" in said


def test_two_english_words_in_a_row_are_english():
    assert still_english("胆红素 in those")
    assert not still_english("用 log-rank 检验，p 值")
    assert still_english("half, translated")


def test_phrases_are_replaced_in_order_and_the_stops_with_them():
    known = phrases([("dead by week (\\d+)", "第 \\1 周前死亡"), ("week (\\d+)", "第 \\1 周")])
    assert replaced("dead by week 4; week 8, n = 3", known) == "第 4 周前死亡；第 8 周，n = 3"
