"""``analyse`` and ``export``: real tables and a run's give the same report; mistakes are named."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import polars as pl
import pytest
from typer.testing import CliRunner

from hepatrial.analysis.adam import adam_tables, write_files
from hepatrial.cli.app import app
from hepatrial.schema import MARK

sys.path.insert(0, str(Path(__file__).parents[1] / "analysis"))
from made_trials import make


def call(*arguments):
    return CliRunner().invoke(app, [str(one) for one in arguments])


@pytest.fixture(scope="module")
def adam(tmp_path_factory):
    folder = tmp_path_factory.mktemp("real") / "adam"
    made = make(1, 120, 41, dropout=0.001)
    people = made.subjects.with_columns(sex=pl.lit("female"), centre=pl.col("subject") % 2)
    write_files(adam_tables(type(made)(people, made.visits, made.events), "REAL01"), folder, ("csv",))
    return folder


def test_a_real_trials_adam_tables_give_the_report(adam, tmp_path):
    done = call("analyse", adam, "--contrast", "cells:control", "--out", tmp_path / "r", "--json")
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    names = [row["name"] for row in told["estimands"]]
    assert names[:2] == ["treatment policy", "composite"]
    assert names[2:] == ["hypothetical, weighted", "hypothetical, censored", "while untransplanted"]
    assert all(row["estimate"] is not None and "truth" not in row for row in told["estimands"])
    assert "mark" not in told
    page = (tmp_path / "r" / "analysis.html").read_text()
    assert MARK["en"] not in page
    for words in ("Participants", "Baseline", "Estimands", "Subgroups", "Number at risk", "Centre 1"):
        assert words in page
    assert "<script" not in page
    assert not re.search(r'(src|href)="http', page)
    rtf = (tmp_path / "r" / "analysis.rtf").read_bytes()
    assert rtf.startswith(b"{\\rtf1")
    assert rtf.count(b"{") - rtf.count(b"\\{") == rtf.count(b"}") - rtf.count(b"\\}")
    assert rtf.count(b"\\row") > 30


def test_plain_tables_give_the_same_estimates(adam, tmp_path):
    from hepatrial.analysis.adam import read_files, trial_tables

    tables = trial_tables(read_files(adam))
    (tmp_path / "plain").mkdir()
    for name in ("subject", "visit", "event"):
        getattr(tables, f"{name}s").write_parquet(tmp_path / "plain" / f"{name}.parquet")
    told = [
        json.loads(call("analyse", folder, "--contrast", "cells:control", "--json").stdout)["estimands"]
        for folder in (adam, tmp_path / "plain")
    ]
    assert [row["estimate"] for row in told[0]] == pytest.approx([row["estimate"] for row in told[1]])


def test_an_estimand_of_ones_own_is_read_and_an_open_one_refused(adam, tmp_path):
    file = tmp_path / "mine.toml"
    file.write_text(
        '[[estimand]]\nname = "mine"\nendpoint = "overall_survival_60"\nsummary = "rmst"\n'
        'strategies = {transplant = "composite", dropout = "treatment_policy"}\n'
    )
    done = call("analyse", adam, "--contrast", "cells:control", "--estimand", file, "--json")
    assert done.exit_code == 0, done.output
    (row,) = json.loads(done.stdout)["estimands"]
    assert row["parameter"].startswith("difference of restricted mean survival time, tau = 60")
    file.write_text(file.read_text().replace('transplant = "composite", ', ""))
    done = call("analyse", adam, "--contrast", "cells:control", "--estimand", file, "--out", tmp_path / "no")
    assert done.exit_code == 2
    assert "strategies.transplant" in done.stderr
    assert "patients had it" in done.stderr
    assert not (tmp_path / "no").exists()


MISSING = """
[[estimand]]
name = "imputed"
endpoint = "meld_change_28"
summary = "mean_difference"
estimator = "imputation"
imputation = {assumption = "mar", draws = 20}
strategies = {death = "while_alive", transplant = "while_untransplanted", dropout = "treatment_policy"}
[[estimand]]
name = "alive"
endpoint = "overall_survival_60"
summary = "difference"
strategies = {transplant = "treatment_policy", dropout = "treatment_policy"}
"""


@pytest.fixture(scope="module")
def lots(tmp_path_factory):
    """Tables with a column of batches, six treated a batch, and values that were not seen."""
    folder = tmp_path_factory.mktemp("lots")
    made = make(1, 120, 43, dropout=0.02)
    own = pl.col("arm") == "cells"
    place = pl.when(own).then(pl.col("subject")).rank("ordinal") - 1
    made.subjects.with_columns(lot=pl.when(own).then(place // 6)).write_parquet(folder / "subject.parquet")
    for name in ("visit", "event"):
        getattr(made, f"{name}s").write_parquet(folder / f"{name}.parquet")
    (folder / "mine.toml").write_text(MISSING)
    return folder


def test_batches_and_tipping_points_are_reached_from_the_command(lots, tmp_path):
    base = ("analyse", lots, "--contrast", "cells:control", "--estimand", lots / "mine.toml", "--json")
    done = call(*base, "--batch", "lot", "--tipping", "0,5,40", "--out", tmp_path / "r")
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    (alive,) = told["batches"]
    plain = next(row for row in told["estimands"] if row["name"] == "alive")
    assert alive["batches"] == 10
    assert alive["estimate"] == pytest.approx(plain["estimate"], abs=1e-9)
    assert alive["high"] - alive["low"] != pytest.approx(plain["ci"][1] - plain["ci"][0], rel=1e-3)
    (imputed,) = told["tipping"]
    estimates = [row["estimate"] for row in imputed["rows"]]
    first = next(row for row in told["estimands"] if row["name"] == "imputed")
    assert estimates[0] == pytest.approx(first["estimate"])
    assert estimates == sorted(estimates)
    assert estimates[-1] > estimates[0] + 2
    assert imputed["tips_at"] in (0.0, 5.0, 40.0)
    page = (tmp_path / "r" / "analysis.html").read_text()
    assert "Batches shared within the cell arm" in page
    assert "Tipping point of imputed values" in page
    without = json.loads(call(*base).stdout)
    assert without["batches"] == without["tipping"] == []


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--batch", "lott"], "Did you mean 'lot'"),
        (["--tipping", "5,0"], "each above the one before"),
        (["--tipping", "0,x"], "numbers with commas"),
        (["--tipping", "0", "--endpoint", "overall_survival_60"], "estimator"),
    ],
)
def test_batches_and_amounts_that_cannot_be_are_named(arguments, words, lots):
    own = [] if "--endpoint" in arguments else ["--estimand", lots / "mine.toml"]
    done = call("analyse", lots, "--contrast", "cells:control", *own, *arguments)
    assert done.exit_code == 2, done.output
    assert words in done.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "SOURCE"),
        (["/nowhere"], "must be a run folder"),
        (["ADAM"], "--contrast"),
        (["ADAM", "--contrast", "cells:contrl"], "Did you mean 'control'"),
        (["ADAM", "--contrast", "cells"], "FIRST:SECOND"),
        (["ADAM", "--contrast", "cells:control", "--endpoint", "overal_survival_90"], "overall_survival_90"),
        (["ADAM", "--contrast", "cells:control", "--endpoint", "meld_change_70"], "planned visit"),
        (["ADAM", "--contrast", "cells:control", "--strata", "center"], "centre"),
        (["ADAM", "--contrast", "cells:control", "--cnsr", "backwards"], "cdisc, reversed"),
        (["ADAM", "--contrast", "cells:control", "--cnsr", "reversed"], "looks reversed"),
        (["ADAM", "--contrast", "cells:control", "--level", "95"], "between 0 and 1"),
        (["ADAM", "--contrast", "cells:control", "--estimand", "/nowhere.toml"], "--estimand"),
    ],
)
def test_what_is_wrong_is_named_and_ends_with_2(arguments, words, adam):
    done = call("analyse", *[adam if one == "ADAM" else one for one in arguments])
    assert done.exit_code == 2, done.output
    assert words in done.stderr
    assert "Traceback" not in done.output


def test_an_incidence_has_no_batches_even_where_a_trial_has_no_competing_event(lots, tmp_path):
    """Its plain estimate is an incidence: survival beside it would have the other sign."""
    folder = tmp_path / "none"
    folder.mkdir()
    people = pl.read_parquet(lots / "subject.parquet")
    people.filter(pl.col("first_event") != "transplant").write_parquet(folder / "subject.parquet")
    for name in ("visit", "event"):
        (folder / f"{name}.parquet").write_bytes((lots / f"{name}.parquet").read_bytes())
    done = call("analyse", folder, "--contrast", "cells:control", "--endpoint", "overall_survival_60",
                "--batch", "lot", "--json")  # fmt: skip
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    plain = {row["name"]: row["estimate"] for row in told["estimands"]}
    shared = {row["estimand"]: row["estimate"] for row in told["batches"]}
    assert shared
    assert "while untransplanted" not in shared
    assert shared == pytest.approx({name: plain[name] for name in shared})


def test_everything_that_can_be_named_is_listed():
    told = json.loads(call("analyse", "--list", "--json").stdout)
    assert "hospital_free_days_DAY" in told["endpoints"]
    assert set(told) == {"endpoints", "events", "strategies", "summaries"}


@pytest.mark.slow
def test_a_run_is_analysed_beside_its_truth_and_exported_with_the_mark(tmp_path):
    run = tmp_path / "run"
    done = call("run", "lin2017", "--replicates", 3, "--pairs", 100, "--patients", 60, "--set",
                "care.transplant.listed=60 %", "--set", "care.transplant.offer_rate=15 % per week",
                "--threads", 1, "--out", run, "--json")  # fmt: skip
    assert done.exit_code == 0, done.output
    before = {path.name: path.read_bytes() for path in run.glob("*.parquet")}
    done = call("analyse", run, "--pairs", 60, "--json")
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    assert told["mark"].startswith(MARK["en"])
    for row in told["estimands"]:
        hypothetical = row["strategies"]["transplant"] == "hypothetical"
        assert row["truth"]["without"] == (["transplant"] if hypothetical else [])
        assert row["truth"]["patients"] == 60
    assert MARK["en"] in (run / "analysis" / "analysis.html").read_text()
    assert MARK["en"].encode() in (run / "analysis" / "analysis.rtf").read_bytes()
    assert {path.name: path.read_bytes() for path in run.glob("*.parquet")} == before
    assert (
        call("export", run, "--out", tmp_path / "adam", "--format", "csv", "--format", "xpt").exit_code == 0
    )
    adsl = pl.read_csv(tmp_path / "adam" / "adsl.csv")
    assert adsl["SIMNOTE"].str.contains("Not evidence of benefit").all()
    again = call("analyse", tmp_path / "adam", "--contrast", "MSC + standard care:Standard care",
                 "--endpoint", "overall_survival_90", "--json")  # fmt: skip
    alone = call("analyse", run, "--no-truth", "--endpoint", "overall_survival_90", "--json")
    values = [[row["estimate"] for row in json.loads(one.stdout)["estimands"]] for one in (again, alone)]
    assert values[0] == pytest.approx(values[1])


def test_the_example_estimands_are_read():
    from hepatrial.cli.analyse import _own

    made = _own(Path(__file__).parents[2] / "examples" / "estimands.toml")
    assert [one.estimator for one in made] == ["plain", "ipcw", "imputation"]


PLANNED = """
[[estimands]]
name = "had there been no offers"
endpoint = "overall_survival_84"
summary = "difference"
estimator = "ipcw"
strategies = { transplant = "hypothetical", dropout = "treatment_policy" }
"""


def test_estimands_of_a_protocol_are_checked_before_anything_is_simulated(tmp_path):
    from hepatrial.protocol import load_protocol, protocol_from_dict, protocol_text
    from hepatrial.report.analysis_source import planned_estimands

    file = tmp_path / "mine.toml"
    file.write_text(protocol_text("lin2017") + PLANNED)
    protocol = load_protocol(str(file))
    assert [one.estimator for one in planned_estimands(protocol)] == ["ipcw"]
    assert protocol_from_dict(protocol.as_dict()).hash == protocol.hash != load_protocol("lin2017").hash
    assert "estimands" not in load_protocol("lin2017").as_dict()
    text = file.read_text()
    file.write_text(text.replace('"hypothetical"', '"hypothetcal"').replace("survival_84", "survival_840"))
    done = call("run", file, "--out", tmp_path / "run")
    assert done.exit_code == 2
    assert "estimands[0]" in done.stderr
    assert "Did you mean 'hypothetical'" in done.stderr
    assert not (tmp_path / "run").exists()
    file.write_text(text.replace("survival_84", "survival_840"))
    assert "not be after follow-up ends on day 168" in call("run", file, "--out", tmp_path / "run").stderr
