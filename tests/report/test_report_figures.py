"""Figures: each carries the mark and the hash, none shows a treated arm alone."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from fake_run import fake_facts

from hepatrial.report.catalogue import LANGUAGES, Catalogue
from hepatrial.report.documents import drawings_of, frame_of
from hepatrial.report.figures import (
    ForestLine,
    ForestTexts,
    Panel,
    consort_flow,
    cumulative_incidence,
    endpoint_panels,
    laboratory_courses,
    population_bands,
    simulated_against_published,
    subgroup_forest,
    survival_curves,
)
from hepatrial.report.results import results_of
from hepatrial.report.style import CONTROL_COLOUR, INK, NARROW, QUIET, TREATED_COLOURS, WIDE, Frame, to_svg

EN = Catalogue("en")


@pytest.fixture(scope="module")
def facts():
    return fake_facts(replicates=25, pairs=200)


@pytest.fixture(scope="module")
def results(facts):
    return results_of(facts)


@pytest.fixture(scope="module")
def drawings(facts, results):
    """Every figure of the report in both languages."""
    return {lang: drawings_of(facts, results, Catalogue(lang)) for lang in LANGUAGES}


def words_of(svg):
    """The text that a reader of the SVG sees, without title and description."""
    shown = re.sub(r"<(title|desc)[^>]*>.*?</\1>", "", svg)
    return "".join(re.findall(r">([^<>]+)<", shown))


@pytest.mark.parametrize("lang", LANGUAGES)
def test_every_figure_shows_the_mark_and_the_hash_of_the_run(drawings, lang):
    assert len(drawings[lang]) == 9
    for drawing in drawings[lang].values():
        for svg in (drawing.wide, drawing.narrow):
            words = words_of(svg).replace(" ", "")
            assert Catalogue(lang).mark.replace(" ", "") in words
            assert "3f2a9c01d4e7" in words


@pytest.mark.parametrize("lang", LANGUAGES)
def test_every_figure_fits_its_column(drawings, lang):
    for drawing in drawings[lang].values():
        for svg, width in ((drawing.wide, WIDE), (drawing.narrow, NARROW)):
            found = re.search(r'viewBox="0 0 (\d+)', svg)
            assert found
            assert int(found[1]) <= width + 24


def test_every_figure_says_what_it_shows_to_those_who_cannot_see_it(drawings):
    for drawing in drawings["en"].values():
        assert f'<title id="{drawing.name}-wide-title">' in drawing.wide
        assert f'aria-labelledby="{drawing.name}-wide-title {drawing.name}-wide-desc"' in drawing.wide
        assert EN.mark in drawing.wide.split("<desc", 1)[1]


def test_both_arms_are_named_in_every_figure_that_shows_arms(drawings):
    for name, drawing in drawings["en"].items():
        if not name.startswith("variants"):
            assert "Standard care" in words_of(drawing.wide)
            assert "MSC + standard care" in words_of(drawing.wide)


def test_drawing_again_gives_the_same_bytes_though_the_renderer_counts_its_clips(results, facts):
    curves = results["survival"]["curves"]["overall_survival"]
    figure = survival_curves(curves, frame_of(facts, results_of(facts), EN), EN, weeks=24, y_title="y")
    figure["vconcat"][0]["layer"][1]["mark"]["clip"] = True
    first = to_svg(figure, "x", "title", "description")
    assert to_svg(figure, "x", "title", "description") == first
    assert 'id="x-clip1"' in first
    assert "url(#x-clip1)" in first


def test_published_points_are_filled_when_verified_and_hollow_when_not(results, facts):
    t, frame = EN, frame_of(facts, results_of(facts), EN)
    curves = results["survival"]["curves"]["overall_survival"]

    def marks(role):
        point = {"arm": "smt", "week": 24, "value": 0.5, "low": None, "high": None, "role": role}
        figure = survival_curves(curves, frame, t, weeks=24, y_title="y", published=[point])
        layers = figure["vconcat"][0]["layer"]
        return next(layer["mark"] for layer in layers if layer["mark"]["type"] == "point")

    assert marks("fitted").get("filled")
    assert marks("article").get("fill") == "white"


def test_without_a_table_of_numbers_at_risk_there_is_one_view(results, facts):
    curves = results["survival"]["curves"]["overall_survival"]
    frame = frame_of(facts, results_of(facts), EN)
    assert "vconcat" in survival_curves(curves, frame, EN, weeks=24, y_title="y")
    assert "vconcat" not in survival_curves(curves, frame, EN, weeks=24, y_title="y", at_risk=False)


def test_no_figure_shows_a_treated_arm_alone(results, facts):
    frame = frame_of(facts, results_of(facts), EN)

    def only(by_arm):
        return {"msc": by_arm["msc"]}

    survival = results["survival"]
    curves = {name: only(by_arm) for name, by_arm in survival["curves"].items()}
    courses = {name: only(by_arm) for name, by_arm in results["laboratory"]["courses"].items()}
    flow = {**results["flow"], "arms": [arm for arm in results["flow"]["arms"] if arm["arm"] == "msc"]}
    rows = [row for row in results["comparison"] if row["arm"] == "msc"]
    alone = (
        lambda: survival_curves(curves["overall_survival"], frame, EN, weeks=24, y_title="y"),
        lambda: endpoint_panels(curves, frame, EN, weeks=24),
        lambda: cumulative_incidence(only(survival["incidence"]), frame, EN, weeks=24),
        lambda: laboratory_courses(courses, frame, EN, weeks=24),
        lambda: consort_flow(flow, frame, EN),
        lambda: simulated_against_published(rows, frame, EN),
    )
    for draw in alone:
        with pytest.raises(ValueError, match="never shown alone"):
            draw()


def test_control_and_treated_arms_differ_in_colour_and_in_dash(facts):
    frame = frame_of(facts, results_of(facts), EN)
    assert len(set(frame.colours()["range"])) == 2
    assert len({tuple(dash) for dash in frame.dashes()["range"]}) == 2
    assert frame.colours()["range"][0] == CONTROL_COLOUR


def test_no_two_arms_look_alike_even_where_two_are_controls():
    names = ("a", "b", "c", "d")
    frame = Frame("mark", "run", names, ("a", "b"), {name: name for name in names}, 680)
    looks = zip(frame.colours()["range"], map(tuple, frame.dashes()["range"]), strict=True)
    assert len(set(looks)) == 4


def test_a_panel_on_which_nothing_happens_keeps_its_axis_from_nought_to_one():
    frame = Frame("mark", "run", ("a", "b"), ("a",), {"a": "a", "b": "b"}, 680)
    rows = [{"arm": arm, "day": day, "value": 0.0, "low": 0.0, "high": 0.0} for arm in "ab" for day in (0, 7)]
    flat, risen = (
        str(population_bands([Panel("title", "", these)], frame, EN, days=7))
        for these in (rows, [{**row, "value": 2.0, "high": 3.0} for row in rows])
    )
    assert "'domain': [0, 1]" in flat
    assert "'domain': [0, 1]" not in risen


def luminance(colour):
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(a, b):
    high, low = sorted((luminance(a), luminance(b)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def test_every_colour_that_carries_text_or_a_line_reaches_wcag_aa_on_white():
    for colour in (CONTROL_COLOUR, *TREATED_COLOURS, INK, QUIET):
        assert contrast(colour, "#ffffff") >= 4.5


def test_the_control_colour_stays_apart_from_the_treated_one_for_colour_blind_eyes():
    # Deuteranopia in linear RGB after Vienot, Brettel and Mollon 1999 (Color Res Appl 24:243).
    def seen(colour):
        rgb = [(int(colour[i : i + 2], 16) / 255) ** 2.2 for i in (1, 3, 5)]
        red_green = 0.2921 * rgb[0] + 0.7079 * rgb[1]
        return red_green, -0.0223 * rgb[0] + 0.0223 * rgb[1] + rgb[2]

    a, b = seen(CONTROL_COLOUR), seen(TREATED_COLOURS[0])
    assert max(abs(x - y) for x, y in zip(a, b, strict=True)) > 0.25


def test_an_arm_with_cells_in_front_of_the_control_does_not_change_the_order(facts):
    assert frame_of(facts, results_of(facts), EN).arms == ("smt", "msc")
    assert frame_of(replace(facts, arms=facts.arms[::-1]), results_of(facts), EN).arms == ("smt", "msc")


def test_a_stand_alone_svg_loads_nothing(drawings):
    for drawing in drawings["en"].values():
        assert not re.search(r"(href|src)=|@import|<script|url\((?!#)", drawing.wide)


def test_text_of_a_title_is_escaped(results, facts):
    curves = results["survival"]["curves"]["overall_survival"]
    figure = survival_curves(curves, frame_of(facts, results_of(facts), EN), EN, weeks=24, y_title="y")
    svg = to_svg(figure, "x", "a < b & c", "d > e")
    assert "a &lt; b &amp; c" in svg
    assert "d &gt; e" in svg


# --- forest of subgroups ----------------------------------------------------------------------------


@pytest.mark.parametrize("lang", LANGUAGES)
def test_the_forest_of_subgroups_has_both_arms_on_every_line_and_no_text_over_another(drawings, lang):
    t = Catalogue(lang)
    drawing = drawings[lang]["subgroups-msc"]
    for svg in (drawing.wide, drawing.narrow):
        words = words_of(svg)
        for key in ("subgroup.all", "subgroup.female", "subgroup.cirrhosis"):
            assert t(key) in words
        assert words.count(" / ") >= 2 * 3  # n and outcome, control / treated
        assert "MELD" in words


def test_a_group_without_range_has_a_disc_and_one_without_estimate_has_none():
    nan = float("nan")
    lines = [
        ForestLine("All", "9 / 9", 0.1, -0.2, 0.4, "a"),
        ForestLine("Some", "2 / 2", 0.2, nan, nan, "b"),
        ForestLine("None", "0 / 1", nan, nan, nan, "c"),
    ]
    texts = ForestTexts("group", "n", "estimate", "left", "right", "title")
    drawn = subgroup_forest(lines, texts, null=0.0, written=str, foot="foot", width=WIDE)
    data = [row for rows in drawn["datasets"].values() for row in rows]
    discs = [row for row in data if "fill" in row]
    assert len(discs) == 2
    assert sum(row.get("w") == 1.6 for row in data) == 1
    # the line of no difference is in the middle of the scale, and ticks are round
    ticks = sorted((row["x"], row["text"]) for row in data if row.get("text") in ("-0.2", "0.0", "0.2"))
    assert [text for _, text in ticks] == ["-0.2", "0.0", "0.2"]
    assert ticks[1][0] - ticks[0][0] == pytest.approx(ticks[2][0] - ticks[1][0])
    assert max(row["x"] for row in discs) == pytest.approx(ticks[2][0])
