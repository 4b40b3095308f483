"""The report's findings in words, generated from the numbers."""

from __future__ import annotations

import re
from typing import Any

from hepatrial.report.benefit import FEW_TRIALS
from hepatrial.report.catalogue import Catalogue
from hepatrial.report.comparison import COUNTED
from hepatrial.report.facts import Facts
from hepatrial.report.tables import arm_labels, variant_label
from hepatrial.report.wording import DASH, number, percent, points, probability, significant, span

UNLIKELY = 0.05
"""A published count whose probability under the simulation is below this is said to be unlikely."""


def answer(facts: Facts, results: dict[str, Any], t: Catalogue) -> list[dict[str, str]]:
    """The short box: label and sentence of each finding."""
    items = [{"label": t("answer.what"), "text": _what(facts, results, t)}]
    labels = arm_labels(facts, t)
    for treated, control in facts.contrasts:
        names = {"arm": labels[treated.name], "control": labels[control.name]}
        items += _predicted(facts, results, treated.name, names, t)
        items += _no_benefit(facts, results, treated.name, names, t)
    items.append({"label": t("answer.differs"), "text": _agreement(results, t)})
    items.append({"label": t("answer.limits"), "text": t("answer.limits_text")})
    return items


def _what(facts: Facts, results: dict[str, Any], t: Catalogue) -> str:
    labels = arm_labels(facts, t)
    arms = t("list.and").join(t("answer.arm", arm=labels[arm.name], n=arm.size) for arm in facts.arms)
    sizes = {key: number(results["design"][key], 0) for key in ("replicates", "patients", "pairs")}
    text = t("answer.what_text", arms=arms, definition=t.pick(facts.study.definition), **sizes)
    return text + (t("answer.what_pairs", **sizes) if results["design"]["pairs"] else "")


def _predicted(
    facts: Facts, results: dict[str, Any], arm: str, names: dict[str, str], t: Catalogue
) -> list[dict[str, str]]:
    week = facts.study.primary_week
    found = primary_contrast(facts, results, arm)
    endpoint = t(f"endpoint.{facts.study.endpoint}")
    shown = {"week": f"{week:g}", "endpoint": endpoint, "difference": points(found["mean"]), **names}
    interval = span(t, found["low"], found["high"], "points")
    text = (
        t("answer.predicted_text", interval=interval, **shown)
        if interval
        else t("answer.predicted_few", **shown)
    )
    items = [{"label": t("answer.predicted", week=f"{week:g}"), "text": text}]
    items += _parts(results, arm, t)
    for published in results["published_differences"]:
        if published["arm"] == arm:
            text = t(
                "answer.published_text",
                difference=points(published["difference"]),
                interval=span(t, published["low"], published["high"], "points"),
                p=probability(published["fisher_p"]),
                role=t(f"answer.role.{published['role']}"),
            )
            items.append({"label": t("answer.published", week=f"{week:g}"), "text": text})
    return items


def _parts(results: dict[str, Any], arm: str, t: Catalogue) -> list[dict[str, str]]:
    """What the range of single trials is made of."""
    items = []
    for entry in results["doubt"]:
        parts = entry["rows"][2]["parts"]
        told = {
            name: DASH if found is None else number(100 * found["half"], 1) for name, found in parts.items()
        }
        if entry["arm"] == arm:
            items.append({"label": t("answer.doubt"), "text": t("answer.doubt_text", **told)})
    return items


def doubt_findings(facts: Facts, entry: dict[str, Any], t: Catalogue) -> list[str]:
    """What dominates the difference, what the parameters were drawn from, and what is missing."""
    found = {name: part["half"] for name, part in entry["rows"][2]["parts"].items() if part is not None}
    known = t(f"doubt.kind.{facts.worlds_kind}", worlds=facts.worlds)
    largest = max(found, key=lambda name: found[name])
    chance = (found.get("luck", 0.0) ** 2 + found.get("patients", 0.0) ** 2) ** 0.5
    doubt = (found.get("parameters", 0.0) ** 2 + found.get("structure", 0.0) ** 2) ** 0.5
    text = t(
        "doubt.largest",
        part=t(f"doubt.{largest}").lower() if t.lang == "en" else t(f"doubt.{largest}"),
        half=number(100 * found[largest], 1),
        chance=number(100 * chance, 1),
        doubt=number(100 * doubt, 1),
    )
    control, difference = entry["rows"][0]["ends"], entry["rows"][2]["ends"]
    if facts.worlds == 1 or control["low"] is None or difference["low"] is None:
        return [known, text]
    ends = {
        f"{name}_{end}": number(100 * found[end], 0)
        for name, found in (("control", control), ("difference", difference))
        for end in ("low", "high")
    }
    return [known, text, t("doubt.ends", worlds=facts.worlds, **ends)]


def primary_contrast(facts: Facts, results: dict[str, Any], arm: str) -> dict[str, Any]:
    """The contrast of an arm at the primary endpoint and week."""
    found: dict[str, Any] = next(
        row
        for row in results["survival"]["contrasts"]
        if (row["arm"], row["endpoint"], row["week"]) == (arm, facts.study.endpoint, facts.study.primary_week)
    )
    return found


def _no_benefit(
    facts: Facts, results: dict[str, Any], arm: str, names: dict[str, str], t: Catalogue
) -> list[dict[str, str]]:
    found = primary_contrast(facts, results, arm)["no_benefit"]
    test = next(
        row
        for row in results["survival"]["tests"]
        if (row["arm"], row["endpoint"]) == (arm, facts.study.endpoint)
    )
    text = t(
        "answer.trials_text",
        share=percent(found["share"], 0),
        mcse=number(100 * found["mcse"], 0),
        significant=percent(test["significant"]["share"], 0),
        **names,
    )
    if facts.replicates < FEW_TRIALS:
        text += t("answer.few_shares", count=facts.replicates)
    for entry in results["counterfactual"]:
        if entry["arm"] == arm:
            text += t(
                "answer.variants_text", share=percent(entry["no_benefit"], 0), count=len(entry["variants"])
            )
    return [{"label": t("answer.no_benefit"), "text": text}]


def _agreement(results: dict[str, Any], t: Catalogue) -> str:
    tally = results["tally"]
    if not results["comparison"]:
        return t("answer.nothing_published")
    if not any(row["inside"] is not None for row in results["comparison"]):
        return t("answer.too_few")
    counted = tally["fitted"] + tally["predicted"]
    shown = {key: number(value, 0) for key, value in tally.items()}
    text = t("answer.tally", **shown) if counted else t("answer.tally_none")
    if tally["article_missed"]:
        text += t("answer.tally_article", missed=tally["article_missed"], of=tally["article"])
    missed = tally["fitted_missed"] + tally["predicted_missed"] + tally["article_missed"]
    return text + t("answer.why_missed" if missed else "answer.why_inside")


def differences(facts: Facts, results: dict[str, Any], t: Catalogue) -> list[str]:
    """Where simulation and publication differ: one paragraph a miss, then when the benefit falls."""
    misses = [row for row in results["comparison"] if row["inside"] is False]
    paragraphs = [_miss(facts, results, row, t) for row in misses]
    if not paragraphs:
        paragraphs.append(t("differ.none" if results["comparison"] else "differ.nothing"))
    paragraphs += [_early_late(facts, row, t) for row in results["early_late"]]
    return paragraphs


def _miss(facts: Facts, results: dict[str, Any], row: dict[str, Any], t: Catalogue) -> str:
    labels = arm_labels(facts, t)
    form = "points" if row["endpoint"] == "difference" else "percent"
    shown = points if form == "points" else percent
    text = t(
        "differ.row",
        outcome=t("comparison.row", endpoint=t(f"endpoint.{row['endpoint']}"), week=f"{row['week']:g}"),
        arm=labels[row["arm"]],
        published=shown(row["published"]),
        role=t(f"role.short.{row['role']}"),
        simulated=shown(row["simulated"]),
        interval=span(t, row["low"], row["high"], form),
        points=number(100 * abs(row["difference"])),
        direction=t("differ.higher" if row["difference"] > 0 else "differ.lower"),
    )
    return text + _count_clause(row, t) + _why(facts, results, row, t)


def _count_clause(row: dict[str, Any], t: Catalogue) -> str:
    """The probability of so extreme a count, told in deaths or in patients with the event."""
    if row["tail"] is None:
        return ""
    deaths = row["endpoint"] == "survival"
    count = row["of"] - row["count"] if deaths else row["count"]
    fewer = (row["published"] > row["simulated"]) == deaths
    key = "none" if fewer and count == 0 else "at_most" if fewer else "at_least"
    what = t("differ.deaths") if deaths else t(f"event.{row['endpoint']}").lower()
    text = t(f"differ.count.{key}", what=what, count=count, of=row["of"], p=probability(row["tail"]))
    return text if row["tail"] < UNLIKELY else ""


def _why(facts: Facts, results: dict[str, Any], row: dict[str, Any], t: Catalogue) -> str:
    """What the gap can mean, as far as the numbers allow to say."""
    control = next((arm.name for arm in facts.controls), "")
    fitted = t("differ.why_fitted") if row["role"] == "fitted" else ""
    if row["endpoint"] == "difference":
        return t("differ.why_article") if row["role"] not in COUNTED else ""
    if row["arm"] == control:
        return fitted + t(
            "differ.why_control" if row["endpoint"] == "survival" else "differ.why_control_event"
        )
    if row["endpoint"] == "survival" and row["count"] is not None and row["count"] == row["of"]:
        return t("differ.why_no_deaths")
    same = [
        other for other in results["comparison"] if _same_question(other, row) and other["arm"] == control
    ]
    return fitted + (t("differ.why_treated") if any(other["inside"] for other in same) else "")


def _same_question(a: dict[str, Any], b: dict[str, Any]) -> bool:
    return bool((a["endpoint"], a["week"]) == (b["endpoint"], b["week"]))


def _early_late(facts: Facts, row: dict[str, Any], t: Catalogue) -> str:
    labels = arm_labels(facts, t)
    a, b = row["treated"], row["control_arm"]
    text = t(
        "differ.early_late",
        arm=labels[row["arm"]],
        control=labels[row["control"]],
        early=f"{row['early']:g}",
        late=f"{row['late']:g}",
        treated_published=f"{percent(a['published'])} ({a['alive_late']}/{a['alive_early']})",
        control_published=f"{percent(b['published'])} ({b['alive_late']}/{b['alive_early']})",
        treated_simulated=percent(a["simulated"]),
        control_simulated=percent(b["simulated"]),
    )
    dead = a["of"] - a["alive_early"]
    if row["chance"] < UNLIKELY:
        key = "differ.early_chance" if dead else "differ.early_chance_none"
        text += t(key, dead=dead, of=a["of"], p=probability(row["chance"]), early=f"{row['early']:g}")
    return text + (t("differ.early_article") if row["article"] else "")


def variant_findings(entry: dict[str, Any], t: Catalogue) -> list[str]:
    """What the counterfactual arms say."""
    driver = entry["driver"]
    texts = [
        t(
            "variants.range",
            low=points(entry["lowest"]),
            high=points(entry["highest"]),
            average=points(entry["average"]),
            error=number(100 * entry["average_mcse"], 1),
            week=f"{entry['week']:g}",
        )
    ]
    if driver["share"] is None:
        texts.append(t("variants.no_driver"))
    else:
        texts.append(
            t(
                "variants.driver",
                variant=variant_label(t, driver["variant"]),
                share=percent(driver["share"], 0),
                none=percent(entry["no_benefit"], 0),
            )
        )
    texts.append(t("variants.not_learnt"))
    return texts


def engraftment(facts: Facts, results: dict[str, Any], t: Catalogue) -> list[str]:
    """The bound of engraftment, one sentence an arm."""
    labels = arm_labels(facts, t)
    return [
        t(
            "engraftment.sentence",
            arm=labels[row["arm"]],
            infusions=row["infusions"],
            dose=significant(row["cells_per_kg"], 2),
            weight=number(row["weight"], 0),
            cells=significant(row["cells"], 2),
            hepatocytes=significant(row["hepatocytes"], 2),
            bound=percent(row["bound"], 3),
        )
        for row in results["engraftment"]
    ]


def failures(results: dict[str, Any], t: Catalogue) -> list[str]:
    """Patients whose computation failed: how many and why."""
    if not results["failures"]:
        return [t("failures.none")]
    return [
        t(
            "failures.row",
            count=number(row["count"], 0),
            arm=row["arm"],
            part=t(f"failures.part.{row['part']}"),
            reason=row["status"],
        )
        for row in results["failures"]
    ]


def fitted(facts: Facts, results: dict[str, Any], t: Catalogue) -> str:
    """What of the model and of this publication was fitted, predicted or only shown."""
    labels = arm_labels(facts, t)
    lists = {}
    for role in ("fitted", "predicted", "article"):
        items = [
            t(
                "fitted.item",
                outcome=t(
                    "comparison.row", endpoint=t(f"endpoint.{row['endpoint']}"), week=f"{row['week']:g}"
                ),
                arm=labels[row["arm"]],
            )
            for row in results["comparison"]
            if row["role"] == role
        ]
        lists[f"{role}_list"] = t("table.comma").join(items) or t("fitted.nothing")
    counts = results["parameters"]["counts"]
    total = results["parameters"]["total"]
    return t(
        "fitted.text", total=total, fitted=counts.get("fitted", 0), assumed=counts.get("assumed", 0), **lists
    )


def never_met(results: dict[str, Any], t: Catalogue) -> str:
    """Which entry criteria kept patients out, most frequent first; empty when none did."""
    counts = sorted(results["flow"]["never_met"].items(), key=lambda item: (-item[1], item[0]))
    shown = [f"{_criterion(name, t)} ({number(count, 0)})" for name, count in counts if count]
    return t("flow.never_met", list=t("list.semicolon").join(shown)) if shown else ""


def _criterion(label: str, t: Catalogue) -> str:
    """A criterion's label ("inr at least 1.5") in the report's language; others as they stand."""
    found = re.fullmatch(r"(\w+) (\S+) to (\S+)", label)
    if found is not None:
        return t(
            "criterion.range", measure=t.get(f"measure.{found[1]}", found[1]), low=found[2], high=found[3]
        )
    found = re.fullmatch(r"(\w+) at (least|most) (\S+)", label)
    if found is None:
        return label
    return t(f"criterion.{found[2]}", measure=t.get(f"measure.{found[1]}", found[1]), value=found[3])


def safety(facts: Facts, results: dict[str, Any], t: Catalogue) -> list[str]:
    """What the safety table cannot say, and where its fever comes from."""
    labels = arm_labels(facts, t)
    card = next((card for card in facts.cards if card.name == "fever_by_cells"), None)
    if card is None:
        return [t("safety.not_simulated")]
    fever = [
        t(
            "safety.fever",
            arm=labels[row["arm"]],
            control=labels[row["control"]],
            treated=percent(row["treated"]),
            untreated=percent(row["untreated"]),
            ratio=number(row["ratio"], 2),
            meaning=t.pick(card.meaning),
        )
        for row in results["fever"]
    ]
    return [t("safety.not_simulated"), *fever]
