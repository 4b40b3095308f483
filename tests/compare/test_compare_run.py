"""A comparison end to end: virtual patients are matched, the page carries the mark and no patient."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest

from hepatrial.compare import compare_cohort, read_cohort
from hepatrial.compare.page import html, write_page
from hepatrial.compare.words import texts
from hepatrial.errors import BadInput
from hepatrial.schema import MARK


def cohort_files(folder: Path, n: int = 80) -> tuple[Path, Path]:
    luck = np.random.default_rng(5)
    rows, events = ["subject,time_d,measure,unit,value"], ["subject,event,time_d"]
    for i in range(n):
        name, severity = f"patient-x{i}", luck.normal()
        rows += [
            f"{name},0,age,years,{45 + 10 * luck.normal():.0f}",
            f"{name},0,bilirubin,umol/L,{320 * np.exp(0.3 * severity):.0f}",
            f"{name},0,inr,1,{1.6 + 0.6 * np.exp(0.4 * severity):.2f}",
            f"{name},0,creatinine,umol/L,{75 * np.exp(0.2 * luck.normal()):.0f}",
            f"{name},28,bilirubin,umol/L,{200 * np.exp(0.6 * severity):.0f}",
        ]
        dead = luck.uniform() < 1 / (1 + np.exp(1 - severity))
        events.append(f"{name},death,{luck.uniform(29, 80):.0f}" if dead else f"{name},last_seen,90")
    values, happened = folder / "values.csv", folder / "events.csv"
    values.write_text("\n".join(rows) + "\n")
    happened.write_text("\n".join(events) + "\n")
    return values, happened


@pytest.mark.slow
def test_a_cohort_is_matched_compared_and_told_without_any_patient(tmp_path: Path) -> None:
    cohort = read_cohort(*cohort_files(tmp_path))
    done = compare_cohort(
        cohort, definition="chinese_medical_association", etiology={"hbv": 1.0}, worlds=2, threads=2, seed=3
    )
    again = compare_cohort(
        cohort, definition="chinese_medical_association", etiology={"hbv": 1.0}, worlds=2, threads=1, seed=3
    )
    assert done.as_dict() == again.as_dict()
    [group] = done.groups
    assert group.day == 90.0
    assert max(abs(row["miss"]) for row in group.matched if row["label"].startswith("bilirubin")) < 0.3
    assert group.virtual.weights.sum() == pytest.approx(1.0)
    kinds = {item.kind for item in group.items}
    assert {"marginal", "correlation", "risk", "course"} <= kinds
    assert [item.missed for item in group.items] == sorted(
        (item.missed for item in group.items), reverse=True
    )
    for lang in ("en", "zh"):
        page = html(done, lang)
        figures = re.findall(r"<svg.*?</svg>", page, re.S)
        assert len(figures) >= 3
        assert all(MARK[lang] in figure and done.hash[:12] in figure for figure in figures)
        assert MARK[lang] in page
        assert "patient-x" not in page
    written = write_page(done, tmp_path / "out")
    assert "patient-x" not in written[1].read_text()
    assert json.loads(written[1].read_text())["mark"] == MARK["en"]


def test_options_that_cannot_be_are_refused_together(tmp_path: Path) -> None:
    cohort = read_cohort(*cohort_files(tmp_path))
    with pytest.raises(BadInput) as caught:
        compare_cohort(cohort, definition="cossh", worlds=0, horizon_d=9999)
    assert [problem.place for problem in caught.value.problems] == ["--worlds", "--horizon"]


def test_a_unit_in_which_the_cohort_would_meet_its_definition_is_told(tmp_path: Path) -> None:
    values, events = cohort_files(tmp_path)
    rows = values.read_text().splitlines()
    for i, row in enumerate(rows):
        subject, day, measure, unit, value = row.split(",")
        if measure == "bilirubin":
            rows[i] = f"{subject},{day},{measure},{unit},{float(value) / 17.1:.2f}"
    values.write_text("\n".join(rows) + "\n")
    with pytest.raises(BadInput, match="most would be read in mg/dL") as caught:
        compare_cohort(read_cohort(values, events), definition="chinese_medical_association", worlds=1)
    assert [problem.place for problem in caught.value.problems] == ["COHORT.csv, bilirubin"]


def test_a_definition_that_does_not_exist_is_refused_with_the_nearest(tmp_path: Path) -> None:
    cohort = read_cohort(*cohort_files(tmp_path))
    with pytest.raises(BadInput, match="easl_clif"):
        compare_cohort(cohort, definition="easl_clf")


def test_both_languages_have_the_same_texts_with_the_same_placeholders() -> None:
    placeholders = {
        lang: {k: set(re.findall(r"\{\w+\}", v)) for k, v in texts(lang).items()} for lang in ("en", "zh")
    }
    assert placeholders["en"] == placeholders["zh"]
