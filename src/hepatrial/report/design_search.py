"""The search of a design as sentences and tables."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hepatrial.report.wording import DASH, number, percent, signed

Table = dict[str, Any]
MONTH = 30.4375
BELIEFS = {
    "sceptical": "Sceptical",
    "msc_evidence": "Evidence on MSC, as printed",
    "msc_discounted": "Evidence on MSC, discounted",
    "reference_class": "Reference class that failed",
}


def _share(found: Mapping[str, Any]) -> str:
    return percent(found["value"]) + ("" if found["mcse"] is None else f" ± {number(100 * found['mcse'])}")


def sentences(search: Mapping[str, Any]) -> list[str]:
    """What the search says, first whether to run the trial at all."""
    beliefs = {row["name"]: row for row in search["beliefs"]}
    goes = [BELIEFS[name].lower() for name, row in beliefs.items() if row["verdict"] == "go"]
    stops = [BELIEFS[name].lower() for name, row in beliefs.items() if row["verdict"] != "go"]
    said = [
        "Should it run at all? With one success in two as the line, "
        + (f"yes for who believes the {', the '.join(goes)}; " if goes else "no belief shown here says yes; ")
        + (f"no for the {', the '.join(stops)}." if stops else "")
    ]
    reference = beliefs["reference_class"]
    said.append(
        f"Under the reference class a success would have to be worth {number(reference['worth'], 0)}"
        " patients' cost."
        f" After the larger pending trial one would go in {percent(reference['pending'][-1]['go'], 0)}"
        " of its possible"
        f" results, with an assurance of {percent(reference['pending'][-1]['then'], 0)} then."
    )
    cheapest = search["cheapest"]
    said.append(
        f"Cheapest design that reaches {percent(search['wanted'], 0)}: {cheapest['label']},"
        f" {cheapest['patients']}"
        f" patients ({number(cheapest['expected_patients']['value'], 0)} expected)."
        if cheapest
        else f"No design of up to three times the planned size reaches {percent(search['wanted'], 0)}."
    )
    worst = search["assumptions"][0]
    said.append(
        f"It hangs most on: {worst['label']}, which costs {number(-100 * worst['change']['value'], 0)}"
        " points of power."
    )
    return said


def tables(search: Mapping[str, Any]) -> list[Table]:
    """Whether, how many, what it hangs on, which dose, route, timing, endpoint and patients."""
    found = [_whether(search), _how_many(search), _hangs_on(search)]
    if search["options"]:
        found.append(_options(search))
    return found


def _whether(search: Mapping[str, Any]) -> Table:
    names = [row["trial"] for row in search["beliefs"][0]["pending"]]
    head = ["Belief", "Assurance", "Verdict", "Expected patients", "A success must be worth (patients)"]
    head += [f"Go after {name}" for name in names]
    rows = [
        [
            BELIEFS[row["name"]],
            percent(row["assurance"]),
            row["verdict"],
            number(row["expected_patients"], 0),
            number(row["worth"], 0),
            *[f"{percent(one['go'], 0)}, then {percent(one['then'], 0)}" for one in row["pending"]],
        ]
        for row in search["beliefs"]
    ]
    return {"title": "Should it run at all, given what is pending?", "head": head, "rows": rows}


def _how_many(search: Mapping[str, Any]) -> Table:
    head = ["Design", "Patients", "Success", "Expected patients", "Months"]
    rows = [
        [
            row["label"],
            str(row["patients"]),
            _share(row["success"]),
            number(row["expected_patients"]["value"], 0),
            number(row["days"]["value"] / MONTH, 1),
        ]
        for row in search["curves"]
    ]
    return {"title": "How many patients, which looks, which endpoint?", "head": head, "rows": rows}


def _hangs_on(search: Mapping[str, Any]) -> Table:
    head = ["If instead", "Success", "Change, points", "Months more"]
    rows = [
        [
            row["label"],
            _share(row["success"]),
            f"{signed(100 * row['change']['value'])} ± {number(100 * row['change']['mcse'])}",
            signed(row["days"]["value"] / MONTH),
        ]
        for row in search["assumptions"]
    ]
    return {"title": "What does it hang on? (the same trials, the gravest first)", "head": head, "rows": rows}


def _options(search: Mapping[str, Any]) -> Table:
    head = [
        "Option",
        "Survival, treated / control",
        "Success",
        "Transplant-free, treated / control",
        "Success",
    ]
    rows = []
    for row in search["options"]:
        if "refused" in row:
            rows.append([row["label"], f"refused: {row['refused']}", DASH, DASH, DASH])
            continue
        cells = [row["label"]]
        for endpoint in ("overall_survival", "transplant_free_survival"):
            one = row[endpoint]
            cells += [f"{percent(one['treated'])} / {percent(one['control'])}", _share(one["success"])]
        rows.append(cells)
    title = (
        "Which dose, route, timing, endpoint, patients? (the mechanism's prior and its own control survival:"
        " not learnt from data)"
    )
    return {"title": title, "head": head, "rows": rows}
