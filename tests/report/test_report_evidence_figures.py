"""Figures of real trials: what they show, that they fit a page and a phone, and that they carry no mark."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path

import pytest
import vl_convert

from hepatrial.claims.drawings import forest_drawing, forest_svg, risk_drawing, risk_svg
from hepatrial.evidence.base import load_base
from hepatrial.evidence.base.risk import table
from hepatrial.evidence.forest import forest
from hepatrial.report.figures import forest_figure, icon_arrays
from hepatrial.report.figures.lights import LIGHTS
from hepatrial.schema import MARK

BASE = load_base(Path("/dev/null/none"))


def words(drawing: dict) -> list[str]:
    return [str(row["text"]) for rows in drawing["datasets"].values() for row in rows if "text" in row]


@pytest.mark.parametrize("lang", ["en", "zh"])
@pytest.mark.parametrize("width", [680, 350])
def test_a_forest_shows_every_study_with_its_risk_of_bias(lang: str, width: int) -> None:
    shown = forest(BASE, "death")
    said = words(forest_figure(shown, "death", lang=lang, width=width))
    studies = [study for group in shown.groups for study in group.studies]
    for study in studies:
        assert study.name in said
    signs = {LIGHTS[name][0] for study in studies for name in (study.overall,)}
    assert signs <= set(said)
    adjusted = {"en": "bias-adjusted", "zh": "偏倚校正"}[lang]
    assert "".join(said).count(adjusted) == len(shown.groups)


def test_figures_of_real_trials_carry_no_mark_of_simulations_and_name_the_base() -> None:
    for lang in ("en", "zh"):
        for drawing in (forest_drawing(BASE, lang=lang), risk_drawing(BASE, lang=lang)):
            text = json.dumps(drawing, ensure_ascii=False)
            assert MARK[lang] not in text
            assert BASE.hash[:12] in text


def test_every_mark_lies_inside_the_drawing() -> None:
    for outcome in ("death", "liver_cancer", "fever"):
        drawing = forest_drawing(BASE, outcome)
        for rows in drawing["datasets"].values():
            for row in rows:
                for x in (row.get("x"), row.get("x2")):
                    assert x is None or 0 <= x <= drawing["width"]
                assert 0 <= row["y"] <= drawing["height"]


def test_the_traffic_lights_show_each_judgement_of_each_trial() -> None:
    drawing = risk_drawing(BASE)
    discs = sum(len(rows) for rows in drawing["datasets"].values() if rows and "fill" in rows[0])
    expected = sum(len(row["domains"]) + 1 for row in table(BASE.trials.values()))
    assert discs == expected


def test_svgs_have_a_title_and_a_description() -> None:
    for svg in (forest_svg(forest(BASE, "death")), risk_svg(BASE, "zh", 350)):
        assert svg.startswith("<svg")
        assert "<title" in svg
        assert "<desc" in svg
    assert vl_convert.svg_to_png(risk_svg(BASE), scale=1)[:4] == b"\x89PNG"


def test_icon_arrays_come_in_twos_and_fill_as_many_as_they_say() -> None:
    drawing = icon_arrays(((27, "a", "b"), (44, "c", "d")), "foot")
    discs = [row for rows in drawing["datasets"].values() for row in rows if "fill" in row]
    assert len(discs) == 200
    assert sum(row["fill"] != "#ffffff" for row in discs) == 27 + 44
    with pytest.raises(ValueError, match="101"):
        icon_arrays(((101, "a", "b"), (44, "c", "d")), "foot")


def test_a_published_pool_is_named_in_the_figure_s_language():
    shown = forest(load_base(), "death")
    english, chinese = (str(forest_figure(shown, "death", lang=lang)) for lang in ("en", "zh"))
    assert "Thompson 2020, all diseases, MSC" in english
    assert "Thompson 2020，各种疾病，MSC" in chinese
    assert "慢加急性肝衰竭，MSC，末次" in chinese  # the rest stands in the next line


@pytest.mark.parametrize("lang", ["en", "zh"])
@pytest.mark.parametrize("width", [680, 350])
def test_no_line_of_a_forest_is_written_over_another(lang: str, width: int) -> None:
    drawing = forest_figure(forest(BASE, "death"), "death", lang=lang, width=width)
    left = sorted(
        row["y"] for rows in drawing["datasets"].values() for row in rows if "text" in row and row["x"] == 0
    )
    assert min(b - a for a, b in pairwise(left)) >= 11
