"""The credibility page, made from results: scores, misses of the fit, real cohorts, reports of the tests.

``python docs/make_credibility.py`` prints it; ``make docs`` writes it to ``docs/generated/credibility.md``.
Prose stands in ``credibility.toml`` and says nothing that a result could say.
"""

from __future__ import annotations

import ast
import json
import tomllib
import xml.etree.ElementTree as ET
from collections import Counter
from fnmatch import fnmatch
from importlib.resources import files
from pathlib import Path
from typing import Any

from hepatrial.prediction.scoreboard import beside, staleness, stored_draws, whole_scoreboard
from hepatrial.web.format import endpoint
from hepatrial.web.targets import predicted_in, target_in

DOCS = Path(__file__).parent
ROOT = DOCS.parent
TESTS = ROOT / "tests"
REPORTS = ROOT / "build"
COHORTS = DOCS / "real-cohorts.json"
NARROW = "\u202f"
"""A narrow space at which no line breaks."""
FIRST = (
    "**No verified held-out survival contrast of mesenchymal stromal cells in acute-on-chronic liver "
    "failure exists but one of 4 against 5 patients.** Nothing on this page shows that such cells help; "
    "the clean tests are the trials that are still running. No trial of such cells has baseline, survival "
    "and biomarkers all read in full, so the model is calibrated to none of them in full."
)


def page() -> str:
    """The page as Markdown."""
    said = tomllib.loads((DOCS / "credibility.toml").read_text(encoding="utf-8"))
    table, notes = stored_draws()
    old, board = staleness(notes), whole_scoreboard(beside(table))
    parts = [
        "# Credibility", "", FIRST, "",
        *([f"**These scores are out of date:** {old}", ""] if old else []),
        *_board(board),
        *_criteria(said["criterion"], board),
        *_fit(),
        *_cohorts(),
        *_context(said),
        *_factors(said["factor"]),
        *_m15(said, board),
        *_gaps(said["factor"]),
    ]  # fmt: skip
    return "\n".join(parts) + "\n"


def _board(rows: list[dict[str, Any]]) -> list[str]:
    """Misses first, then coverage and skill by class of study."""
    lines = ["## Misses of the predictions", ""]
    missed = list(
        {
            (one["study"], one["endpoint"], one["arm"]): (row["class"], one)
            for row in reversed(rows)  # of two classes that hold a study the narrower comes first
            if row["class"].startswith("predicted")
            for one in row["misses"]
        }.values()
    )[::-1]
    lines += ["| study | endpoint | arm | published | 90 % interval | class |", "|---|---|---|---|---|---|"]
    for name, one in missed:
        span = f"{_n(one['low_90'])} to {_n(one['high_90'])}"
        what, arm = endpoint("en", one["endpoint"]), one["arm"].replace("_", " ")
        study = predicted_in("en", one["study"])
        lines.append(f"| {study} | {what} | {arm} | {_n(one['observed'])} | {span} | {name} |")
    lines += ["", "## Scoreboard", ""]
    lines.append(
        "Skill is 1 - CRPS(model)/CRPS(rival): above 0 the mechanistic model is better, with a 95 % interval "
        "over studies. Fitted and predicted studies are never mixed. The last two rows predict each fitted "
        "cohort without itself, and without any cohort of its class of disease."
    )
    lines += [
        "",
        "| class | studies | numbers | 50 % | 90 % | MAP | severity | no effect | PIT p |",
    ]
    lines.append("|---|---|---|---|---|---|---|---|---|")
    for row in rows:
        found = [_share(row[f"coverage_{share}"]) for share in (50, 90)]
        found += [_skill(row["skill"].get(r)) for r in ("map_control", "severity_score", "no_effect")]
        # The interval stands below its value, so that nine columns fit the page.
        cells = [row["class"], str(row["studies"]), str(row["numbers"])]
        cells += [one.replace(" (", "<br>(").replace(f"{NARROW}to{NARROW}", " to ") for one in found]
        lines.append(f"| {' | '.join((*cells, _n(row['pit_p'])))} |")
    return [*lines, ""]


def _fit() -> list[str]:
    """What the shipped posterior misses and did not learn."""
    told = json.loads(files("hepatrial.calibration").joinpath("posterior.json").read_text(encoding="utf-8"))
    lines = ["## Misses of the fit", "", "In declared standard deviations of the target, worst first.", ""]
    lines += ["| target | layer | published | simulated | 90 % | off |", "|---|---|---|---|---|---|"]
    for one in sorted(told["misses"], key=lambda one: -abs(one["miss"]))[:15]:
        low, high = one["interval_90"]
        target, layer = target_in("en", one["target"]), one["layer"].replace("_", " ")
        lines.append(
            f"| {target} | {layer} | {_n(one['published'])} | {_n(one['simulated'])} | "
            f"{_n(low)} to {_n(high)} | {_signed(one['miss'], 1)} |"
        )
    learnt = sum(bool(one["learnt"]) for one in told["numbers"])
    variants = [one["variant"] for one in told["variants"] if one["learnt"]]
    lines += ["", f"{learnt} of {len(told['numbers'])} free numbers were learnt from data; the others are "
              "their priors. "
              f"Variants of the cell effect learnt: {', '.join(variants) or 'none'}. "
              f"{told['effective_members']:.0f} effective members of {told['members']}.", ""]  # fmt: skip
    return lines


def _cohorts() -> list[str]:
    """Virtual beside real patients, from the stored comparisons."""
    if not COHORTS.exists():
        return ["## Real patients", "", "No comparison with real cohorts is stored.", ""]
    stored = json.loads(COHORTS.read_text(encoding="utf-8"))
    lines = ["## Real patients", ""]
    lines.append(
        "Virtual patients weighted to the Table 1 of public cohorts (`hepatrial compare`); missed figures of "
        "those compared, and the worst. About one correlation in twenty is missed by chance."
    )
    lines += [
        "",
        "| cohort | use | group | patients | marginals | correlations | risk | courses | before death "
        "| worst |",
    ]
    lines.append("|---|---|---|---|---|---|---|---|---|---|")
    for name, one in stored.items():
        for group in one["groups"]:
            cells = []
            for kind in ("marginal", "correlation", "risk", "course", "before death"):
                mine = [item for item in group["items"] if item["kind"] == kind]
                cells.append(
                    f"{sum(i['missed'] for i in mine)}{NARROW}of{NARROW}{len(mine)}" if mine else "–"
                )
            worst = next((i["label"] for i in group["items"] if i["missed"]), "–")
            lines.append(
                f"| {name} | {one['use']} | {group['group'].replace('_', ' ')} | {group['subjects']} | "
                f"{' | '.join(cells)} | {worst} |"
            )
    return [*lines, ""]


def _context(said: dict[str, Any]) -> list[str]:
    context = said["context"]
    lines = [
        "## Context of use",
        "",
        f"* Question: {context['question']}",
        f"* Informs: {context['informs']}",
    ]
    lines += [f"* Together with: {context['with']}", f"* Never: {context['never']}", ""]
    lines += ["## Two questions that the model cannot answer", ""]
    return [*lines, *(f"* **{one['title']}** {one['why']}" for one in said["cannot"]), ""]


def _factors(factors: list[dict[str, Any]]) -> list[str]:
    """V&V 40 factors with the tests behind them and how these ended."""
    ended = outcomes()
    lines = ["## Credibility factors (ASME V&V 40-2018)", ""]
    lines.append(
        "Tests are counted in the reports of the last `make test` and `make check` on the machine that built "
        "this page. Levels run from a (least) to c and are a judgement of the authors." if ended
        else "The tests were not run on the machine that built this page, so no level is given."
    )  # fmt: skip
    lines += ["", "| factor | what was done | tests | level |", "|---|---|---|---|"]
    for one in factors:
        count = tally(one["tests"], ended)
        told = (
            ", ".join(f"{n} {word}" for word, n in count.items() if n)
            if ended
            else str(written(one["tests"]))
        )
        lines.append(
            f"| {one['group']}: {one['name']} | {one['says']} | {told} | {level(one, count, bool(ended))} |"
        )
    return [*lines, ""]


def level(factor: dict[str, Any], count: Counter[str], known: bool) -> str:
    """The declared level, "a" when a test failed, a dash when none was run."""
    if not known or not count["passed"]:
        return "–"
    return "a" if count["failed"] else str(factor["level"])


def written(patterns: list[str]) -> int:
    """Test functions in the files that some patterns name."""
    return sum(
        isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
        for path in sorted(TESTS.rglob("test_*.py"))
        if _named(str(path.relative_to(TESTS).with_suffix("")), patterns)
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    )


def outcomes() -> dict[str, Counter[str]]:
    """Test file -> how its tests ended, from the JUnit reports in ``build``; a later report adds to it."""
    found: dict[str, Counter[str]] = {}
    for report in sorted(REPORTS.glob("tests-*.xml")):
        for case in ET.parse(report).iter("testcase"):
            parts = case.get("classname", "").removeprefix("tests.").split(".")
            names = {child.tag for child in case}
            end = "failed" if names & {"failure", "error"} else "skipped" if "skipped" in names else "passed"
            found.setdefault("/".join(parts), Counter())[end] += 1
    return found


def tally(patterns: list[str], ended: dict[str, Counter[str]]) -> Counter[str]:
    """How the tests of the files that some patterns name ended."""
    total: Counter[str] = Counter({"passed": 0, "failed": 0, "skipped": 0})
    for name, count in ended.items():
        if _named(name, patterns):
            total.update(count)
    return total


def _named(name: str, patterns: list[str]) -> bool:
    return any(fnmatch(name, pattern) and name.count("/") == pattern.count("/") for pattern in patterns)


def judge(criterion: dict[str, str], row: dict[str, Any]) -> tuple[str, str]:
    """What was found for a criterion and whether it is met.

    Args:
        criterion: ``measure`` is ``coverage_50``, ``coverage_90``, ``pit_p`` or a rival of ``skill``.
        row: class of the scoreboard.
    """
    measure = criterion["measure"]
    if measure == "pit_p":
        p = row["pit_p"]
        return ("–", UNKNOWN) if p is None else (f"p = {_n(p)}", "not rejected" if p >= 0.05 else "not met")
    share = measure.startswith("coverage")
    found = row[measure] if share else row["skill"].get(measure)
    if found is None or found["value"] is None or found["low"] is None or found["high"] is None:
        return "–", UNKNOWN
    if share:
        wanted = int(measure.removeprefix("coverage_")) / 100
        verdict = "not met" if found["high"] < wanted else "not refuted"
        return _share(found), "too wide" if found["low"] > wanted else verdict
    verdict = "met" if found["low"] > 0 else "not met" if found["high"] < 0 else "not shown"
    return _skill(found), verdict


UNKNOWN = "too few studies to tell"


def judgements(
    criteria: list[dict[str, str]], board: list[dict[str, Any]]
) -> list[tuple[str, str, str, str]]:
    """(criterion, class, found, verdict) in the order declared."""
    by_name = {row["class"]: row for row in board}
    return [(one["says"], one["class"], *judge(one, by_name[one["class"]])) for one in criteria]


def _criteria(criteria: list[dict[str, str]], board: list[dict[str, Any]]) -> list[str]:
    """Technical criteria, with what the stored predictions say of each."""
    lines = ["## Technical criteria", ""]
    lines.append(
        "Skill against no effect and the severity score, and PIT, stood in the plan before any fit; the "
        "others were added to this table. A skill is met when its whole interval lies above 0 and not shown "
        "when 0 lies within; a coverage is not refuted when its interval holds the nominal value."
    )
    lines += ["", "| criterion | class | found | verdict |", "|---|---|---|---|"]
    return [*lines, *(f"| {' | '.join(row)} |" for row in judgements(criteria, board)), ""]


def _m15(said: dict[str, Any], board: list[dict[str, Any]]) -> list[str]:
    """Rows of the assessment table; those that name a result are filled from it."""
    results = {
        "criteria": lambda: _criteria_told(said["criterion"], board),
        "verification": lambda: _tests_told(said["factor"], "Verification"),
        "validation": lambda: _tests_told(said["factor"], "Validation") + " " + _predicted_told(board),
        "applicability": lambda: _tests_told(said["factor"], "Applicability"),
    }
    lines = ["## ICH M15 assessment", "", "| row | |", "|---|---|"]
    for one in said["m15"]:
        told = results[one["result"]]() + " " if "result" in one else ""
        lines.append(f"| {one['row']} | {told}{one['says']} |")
    return [*lines, ""]


def _criteria_told(criteria: list[dict[str, str]], board: list[dict[str, Any]]) -> str:
    count = Counter(verdict for *_, verdict in judgements(criteria, board))
    return f"{len(criteria)} criteria: " + ", ".join(f"{n} {word}" for word, n in count.most_common()) + "."


def _tests_told(factors: list[dict[str, Any]], group: str) -> str:
    """How the tests behind the factors of a group ended, each file once."""
    ended = outcomes()
    patterns = [p for one in factors if one["group"].startswith(group) for p in one["tests"]]
    if not ended:
        return f"{written(patterns)} tests (not run on the machine that built this page)."
    count = tally(patterns, ended)
    return ", ".join(f"{n} tests {word}" for word, n in count.items() if n) + "."


def _predicted_told(board: list[dict[str, Any]]) -> str:
    """Numbers predicted and missed, levels and contrasts apart."""
    told = []
    for kind in ("levels", "contrasts"):
        rows = [row for row in board if row["class"].startswith(f"predicted {kind}:")]
        numbers, missed = sum(row["numbers"] for row in rows), sum(len(row["misses"]) for row in rows)
        told.append(f"{missed} of {numbers} predicted {kind} lie outside their 90 % interval")
    return "; ".join(told) + "."


def _gaps(factors: list[dict[str, Any]]) -> list[str]:
    return ["## Gaps", "", *(f"* {one['name']}: {one['gap']}" for one in factors), ""]


def _n(value: float | None) -> str:
    return "–" if value is None else f"{value:.3g}".replace("-", "\N{MINUS SIGN}")


def _signed(value: float, digits: int) -> str:
    return f"{value:+.{digits}f}".replace("-", "\N{MINUS SIGN}")


def _share(one: dict[str, float | None] | None) -> str:
    if one is None or one["value"] is None:
        return "–"
    low, high = one["low"], one["high"]
    span = "" if low is None or high is None else f" ({100 * low:.0f}–{100 * high:.0f})"
    return f"{100 * one['value']:.0f}{NARROW}%{span}"


def _skill(one: dict[str, float] | None) -> str:
    if one is None or one["value"] is None:
        return "–"
    if one["low"] is None or one["high"] is None:
        return _signed(one["value"], 2)
    low, high = (_signed(one[end], 2) for end in ("low", "high"))
    return f"{_signed(one['value'], 2)} ({low}{NARROW}to{NARROW}{high})"


def write_generated() -> None:
    """Write the page where the documentation looks for it."""
    folder = DOCS / "generated"
    folder.mkdir(exist_ok=True)
    (folder / "credibility.md").write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    print(page(), end="")
