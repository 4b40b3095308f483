"""The search of a design as sentences and tables."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hepatrial.report.wording import DASH, number, percent, signed

Table = dict[str, Any]
Words = Mapping[str, str]
MONTH = 30.4375
TREATED_ONLY = ("dose_3", "dose_10", "artery", "day_3")
"""Options that differ in the treated arm alone."""


def _share(found: Mapping[str, Any]) -> str:
    return percent(found["value"]) + ("" if found["mcse"] is None else f" ± {number(100 * found['mcse'])}")


def _points(found: Mapping[str, Any]) -> str:
    error = "" if found["mcse"] is None else f" ± {number(100 * found['mcse'])}"
    return signed(100 * found["value"]) + error


def design_label(key: str, w: Words) -> str:
    """A family of designs in words."""
    if key.endswith("_survival"):
        return w["sd_endpoint"].format(endpoint=w[f"endpoint_{key}"])
    return w[f"sd_{key}"]


def sentences(search: Mapping[str, Any], w: Words) -> list[str]:
    """What the search says, first whether to run the trial at all."""
    return [_whether_said(search, w), _pending_said(search, w), _cheapest_said(search, w),
            _hangs_said(search, w), *_options_said(search, w), _endpoint_said(search, w)]  # fmt: skip


def _whether_said(search: Mapping[str, Any], w: Words) -> str:
    names = {True: [], False: []}  # type: dict[bool, list[str]]
    for row in search["beliefs"]:
        names[row["verdict"] == "go"].append(w[row["name"]])
    key = {(True, True): "ss_both", (True, False): "ss_go", (False, True): "ss_no"}[
        bool(names[True]), bool(names[False])
    ]
    return w[key].format(go=w["semicolon"].join(names[True]), stop=w["semicolon"].join(names[False]))


def _pending_said(search: Mapping[str, Any], w: Words) -> str:
    reference = next(row for row in search["beliefs"] if row["name"] == "reference_class")
    later = reference["pending"][-1]
    return w["ss_pending"].format(
        worth=number(reference["worth"], 0), trial=later["trial"], go=percent(later["go"], 0),
        then=percent(later["then"], 0),
    )  # fmt: skip


def _cheapest_said(search: Mapping[str, Any], w: Words) -> str:
    row = search["cheapest"]
    if row is None:
        most = max(one["patients"] for one in search["curves"])
        return w["ss_none"].format(wanted=percent(search["wanted"], 0), most=most)
    return w["ss_cheapest"].format(
        wanted=percent(search["wanted"], 0), design=design_label(row["key"], w), patients=row["patients"],
        expected=number(row["expected_patients"]["value"], 0), success=_share(row["success"]),
        months=number(row["days"]["value"] / MONTH, 0),
    )  # fmt: skip


def _hangs_said(search: Mapping[str, Any], w: Words) -> str:
    worst = search["assumptions"][0]
    return w["ss_hangs"].format(
        assumption=w[f"sa_{worst['key']}"], points=number(-100 * worst["change"]["value"], 0)
    )


def _told(row: Mapping[str, Any]) -> bool:
    """Whether a change is more than twice its error."""
    change = row.get("change")
    return bool(change and change["mcse"] is not None and abs(change["value"]) > 2 * change["mcse"])


def _options_said(search: Mapping[str, Any], w: Words) -> list[str]:
    rows = {row["key"]: row for row in search["options"] if "refused" not in row}
    if not rows:
        return [w["ss_no_options"]]
    mine = [rows[key] for key in TREATED_ONLY if key in rows]
    told = sorted((row for row in mine if _told(row)), key=lambda row: -row["change"]["value"])
    said = []
    if told:
        listed = w["semicolon"].join(
            w["ss_option"].format(option=option_label(row, w), change=_points(row["change"])) for row in told
        )
        said.append(w["ss_options"].format(planned=_share(rows["planned"]["success"]), listed=listed))
    elif mine:
        said.append(w["ss_options_alike"].format(planned=_share(rows["planned"]["success"])))
    both = [rows.get("meld_low"), rows.get("meld_high")]
    if both[0] and both[1]:
        low, high = (
            w["ss_who_part"].format(
                success=_share(row["success"]),
                treated=percent(row["transplant_free_survival"]["treated"], 0),
                control=percent(row["transplant_free_survival"]["control"], 0),
            )
            for row in both
            if row
        )
        said.append(w["ss_who"].format(low=low, high=high))
    return said


def _endpoint_said(search: Mapping[str, Any], w: Words) -> str:
    many = [row for row in search["endpoints"] if row["care"] == "grafts"]
    few = {(row["endpoint"], row["method"]): row for row in search["endpoints"] if row["care"] == "planned"}
    best = max(many, key=lambda row: row["success"]["value"])
    before = few[best["endpoint"], best["method"]]
    return w["ss_endpoint"].format(
        share=percent(best["transplanted"], 0), endpoint=w[f"endpoint_{best['endpoint']}"],
        method=w[f"method_{best['method']}"], success=_share(best["success"]),
        before=_share(before["success"]),
    )  # fmt: skip


def tables(search: Mapping[str, Any], w: Words) -> list[Table]:
    """Whether, how many, what it hangs on, which dose, route, timing, endpoint and patients."""
    found = [_whether(search, w), _values(search, w), _how_many(search, w), _hangs_on(search, w)]
    if search["options"]:
        found.append(_options(search, w))
    found.append(_endpoints(search, w))
    return found


def _whether(search: Mapping[str, Any], w: Words) -> Table:
    names = [row["trial"] for row in search["beliefs"][0]["pending"]]
    head = [w["c_belief"], w["c_assurance"], w["sc_verdict"], w["y_patients"], w["sc_worth"]]
    head += [w["sc_go_after"].format(trial=name) for name in names]
    rows = [
        [
            w[row["name"]],
            percent(row["assurance"]),
            w["go"] if row["verdict"] == "go" else w["no_go"],
            number(row["expected_patients"], 0),
            DASH if row["worth"] is None else number(row["worth"], 0),
            *[
                w["sc_then"].format(go=percent(one["go"], 0), then=percent(one["then"], 0))
                for one in row["pending"]
            ],
        ]
        for row in search["beliefs"]
    ]
    return {"title": w["st_whether"], "head": head, "rows": rows}


def _values(search: Mapping[str, Any], w: Words) -> Table:
    names = [row["trial"] for row in search["beliefs"][0]["pending"]]
    head = [w["c_belief"], w["sc_if_worth"], w["sc_now"], *[w["sc_after"].format(trial=n) for n in names]]
    rows = [
        [
            w[row["name"]],
            number(one["worth"], 0),
            signed(one["now"], 0),
            *[signed(one["after"][name], 0) for name in names],
        ]
        for row in search["beliefs"]
        for one in row["values"]
    ]
    return {"title": w["st_values"], "head": head, "rows": rows}


def _how_many(search: Mapping[str, Any], w: Words) -> Table:
    head = [w["sc_design"], w["c_patients"], w["c_success"], w["y_patients"], w["c_months"]]
    rows = [
        [
            design_label(row["key"], w),
            str(row["patients"]),
            _share(row["success"]),
            number(row["expected_patients"]["value"], 0),
            number(row["days"]["value"] / MONTH, 1),
        ]
        for row in search["curves"]
    ]
    return {"title": w["st_how_many"], "head": head, "rows": rows}


def _hangs_on(search: Mapping[str, Any], w: Words) -> Table:
    head = [w["sc_if"], w["c_success"], w["sc_change"], w["sc_months"]]
    rows = [
        [
            w[f"sa_{row['key']}"],
            _share(row["success"]),
            _points(row["change"]),
            signed(row["days"]["value"] / MONTH),
        ]
        for row in search["assumptions"]
    ]
    return {"title": w["st_hangs"], "head": head, "rows": rows}


def option_label(row: Mapping[str, Any], w: Words) -> str:
    """An option in words, with the dose or days that it has."""
    label = w[f"so_{row['key']}"]
    lines = row.get("regimen") or []
    if row["key"].startswith("dose") and lines:
        amount, unit = str(lines[0]["dose"]).split(" ", 1)
        return f"{label} ({float(amount) / 1e6:g} × 10⁶ {unit})"
    return label


def _options(search: Mapping[str, Any], w: Words) -> Table:
    head = [w["sc_option"], w["sc_overall"], w["sc_free"], w["c_success"], w["sc_change"]]
    rows = []
    for row in search["options"]:
        if "refused" in row:
            rows.append([option_label(row, w), w["sc_refused"].format(why=row["refused"]), DASH, DASH, DASH])
            continue
        pairs = [row[name] for name in ("overall_survival", "transplant_free_survival")]
        rows.append(
            [
                option_label(row, w),
                *[f"{percent(one['treated'])} / {percent(one['control'])}" for one in pairs],
                _share(row["success"]),
                DASH if row["key"] == "planned" else _points(row["change"]),
            ]
        )
    return {"title": w["st_options"], "head": head, "rows": rows}


def _endpoints(search: Mapping[str, Any], w: Words) -> Table:
    head = [
        w["sc_care"],
        w["sc_transplanted"],
        w["sc_endpoint"],
        w["sc_analysis"],
        w["sc_power"],
        w["c_events"],
    ]
    rows = [
        [
            w[f"so_{row['care']}"],
            percent(row["transplanted"], 0),
            w[f"endpoint_{row['endpoint']}"],
            w[f"method_{row['method']}"],
            _share(row["success"]),
            number(row["events"]["value"], 0),
        ]
        for row in search["endpoints"]
    ]
    return {"title": w["st_endpoints"], "head": head, "rows": rows}
