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

from hepatrial.prediction.scoreboard import beside, scoreboard, staleness, stored_draws

DOCS = Path(__file__).parent
ROOT = DOCS.parent
TESTS = ROOT / "tests"
REPORTS = ROOT / "build"
COHORTS = DOCS / "real-cohorts.json"
FIRST = (
    "**No verified held-out survival contrast of mesenchymal stromal cells in acute-on-chronic liver "
    "failure exists but one of 4 against 5 patients.** Nothing on this page shows that such cells help; "
    "the clean tests are the trials that are still running."
)


def page() -> str:
    """The page as Markdown."""
    said = tomllib.loads((DOCS / "credibility.toml").read_text(encoding="utf-8"))
    table, notes = stored_draws()
    old = staleness(notes)
    parts = [
        "# Credibility", "", FIRST, "",
        *([f"**These scores are out of date:** {old}", ""] if old else []),
        *_board(scoreboard(beside(table))),
        *_fit(),
        *_cohorts(),
        *_context(said),
        *_factors(said["factor"]),
        *_m15(said["m15"]),
        *_gaps(said["factor"]),
    ]  # fmt: skip
    return "\n".join(parts) + "\n"


def _board(rows: list[dict[str, Any]]) -> list[str]:
    """Misses first, then coverage and skill by class of study."""
    lines = ["## Misses of the predictions", ""]
    missed = [
        (row["class"], one) for row in rows if row["class"].startswith("predicted") for one in row["misses"]
    ]
    lines += ["| study | endpoint | arm | published | 90 % interval | class |", "|---|---|---|---|---|---|"]
    for name, one in missed:
        span = f"{_n(one['low_90'])} to {_n(one['high_90'])}"
        lines.append(
            f"| {one['study']} | {one['endpoint']} | {one['arm']} | {_n(one['observed'])} | {span} | {name} |"
        )
    lines += ["", "## Scoreboard", ""]
    lines.append(
        "Skill is 1 - CRPS(model)/CRPS(rival): above 0 the mechanistic model is better, with a 95 % interval "
        "over studies. Fitted and predicted studies are never mixed."
    )
    lines += [
        "",
        "| class | studies | numbers | 50 % | 90 % | MAP | severity | no effect | PIT p |",
    ]
    lines.append("|---|---|---|---|---|---|---|---|---|")
    for row in rows:
        skills = [_skill(row["skill"].get(r)) for r in ("map_control", "severity_score", "no_effect")]
        lines.append(
            f"| {row['class']} | {row['studies']} | {row['numbers']} | {_share(row['coverage_50'])} | "
            f"{_share(row['coverage_90'])} | {' | '.join(skills)} | {_n(row['pit_p'])} |"
        )
    return [*lines, ""]


def _fit() -> list[str]:
    """What the shipped posterior misses and did not learn."""
    told = json.loads(files("hepatrial.calibration").joinpath("posterior.json").read_text(encoding="utf-8"))
    lines = ["## Misses of the fit", "", "In declared standard deviations of the target, worst first.", ""]
    lines += ["| target | layer | published | simulated | 90 % | off |", "|---|---|---|---|---|---|"]
    for one in sorted(told["misses"], key=lambda one: -abs(one["miss"]))[:15]:
        low, high = one["interval_90"]
        lines.append(
            f"| {one['target']} | {one['layer']} | {_n(one['published'])} | {_n(one['simulated'])} | "
            f"{_n(low)} to {_n(high)} | {one['miss']:+.1f} |"
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
        "| cohort | group | patients | marginals | correlations | risk | courses | before death | worst |",
    ]
    lines.append("|---|---|---|---|---|---|---|---|---|")
    for name, one in stored.items():
        for group in one["groups"]:
            cells = []
            for kind in ("marginal", "correlation", "risk", "course", "before death"):
                mine = [item for item in group["items"] if item["kind"] == kind]
                cells.append(f"{sum(i['missed'] for i in mine)} of {len(mine)}" if mine else "-")
            worst = next((i["label"] for i in group["items"] if i["missed"]), "-")
            lines.append(
                f"| {name} | {group['group']} | {group['subjects']} | {' | '.join(cells)} | {worst} |"
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


def _m15(rows: list[dict[str, str]]) -> list[str]:
    lines = ["## ICH M15 assessment", "", "| row | |", "|---|---|"]
    return [*lines, *(f"| {one['row']} | {one['says']} |" for one in rows), ""]


def _gaps(factors: list[dict[str, Any]]) -> list[str]:
    return ["## Gaps", "", *(f"* {one['name']}: {one['gap']}" for one in factors), ""]


def _n(value: float | None) -> str:
    return "–" if value is None else f"{value:.3g}"


def _share(one: dict[str, float | None] | None) -> str:
    if one is None or one["value"] is None:
        return "–"
    low, high = one["low"], one["high"]
    span = "" if low is None or high is None else f" ({100 * low:.0f}–{100 * high:.0f})"
    return f"{100 * one['value']:.0f} %{span}"


def _skill(one: dict[str, float] | None) -> str:
    if one is None or one["value"] is None:
        return "–"
    if one["low"] is None or one["high"] is None:
        return f"{one['value']:+.2f}"
    return f"{one['value']:+.2f} ({one['low']:+.2f} to {one['high']:+.2f})"


def write_generated() -> None:
    """Write the page where the documentation looks for it."""
    folder = DOCS / "generated"
    folder.mkdir(exist_ok=True)
    (folder / "credibility.md").write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    print(page(), end="")
