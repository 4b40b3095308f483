"""The report's tables as text, one function each; the template only sets them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from hepatrial.report.card_names import card_words
from hepatrial.report.catalogue import Catalogue
from hepatrial.report.facts import Arm, Facts
from hepatrial.report.widths import column_widths
from hepatrial.report.wording import (
    DASH,
    number,
    percent,
    points,
    probability,
    signed,
    significant,
    span,
    typeset,
    unit_text,
)
from hepatrial.schema import MEASURES


@dataclass(frozen=True)
class Row:
    """Cells of a row; ``kind`` is '' or 'group' (a heading over the following rows), 'miss' or 'total'."""

    cells: tuple[str, ...]
    kind: str = ""


@dataclass(frozen=True)
class Table:
    """A table ready to be set.

    Attributes:
        name: identifier on the page.
        caption: what it shows.
        head: column heads; the first column holds the row names.
        rows: the rows.
        notes: what stands under it.
        words: columns that hold words and are set left.
    """

    name: str
    caption: str
    head: tuple[str, ...]
    rows: tuple[Row, ...]
    notes: tuple[str, ...] = ()
    words: frozenset[int] = field(default_factory=frozenset)

    @property
    def widths(self) -> tuple[float, ...]:
        """The share of the width of each column, in per cent."""
        return column_widths(self.head, [row.cells for row in self.rows], self.words)


def measure_name(t: Catalogue, name: str) -> str:
    """A measure or trait with its unit."""
    label = t.get(f"measure.{name}", MEASURES[name].label if name in MEASURES else name)
    unit = MEASURES[name].unit if name in MEASURES else t.get(f"unit_of.{name}", "1")
    return label if unit == "1" else f"{label} ({t.get(f'unit.{unit}', unit)})"


def digits_of(name: str) -> int:
    """Decimals with which a measure is usually printed."""
    if name.startswith(("meld", "clif", "child")):
        return 1
    return {"inr": 2, "wbc": 1, "albumin": 1, "age": 1, "hbv_dna": 1, "referral_delay": 1}.get(name, 0)


def variant_label(t: Catalogue, name: str) -> str:
    """Short name of a structural variant."""
    return t.get(f"variant.{name}", name.replace("_", " "))


def arm_labels(facts: Facts, t: Catalogue) -> dict[str, str]:
    """Arm -> label in the language."""
    return {arm.name: t.pick(arm.label) for arm in facts.arms}


# --- Table 1 ----------------------------------------------------------------------------------------


def baseline(facts: Facts, results: dict[str, Any], t: Catalogue) -> Table:
    """Table 1 with standardised differences, and beside it what was published."""
    labels = arm_labels(facts, t)
    treated = [arm for arm, _ in facts.contrasts]
    head = [t("table.characteristic")]
    head += [t("table.arm_n", arm=labels[arm.name], n=arm.size) for arm in facts.ordered]
    head += [
        t("table.smd") if len(treated) == 1 else t("table.smd_of", arm=labels[arm.name]) for arm in treated
    ]
    known = any(row["published"] for row in results["baseline"])
    if known:
        head.append(t("table.published"))
    rows = [_baseline_row(facts, row, treated, labels, t) for row in results["baseline"]]
    if not known:
        rows = [Row(row.cells[:-1]) for row in rows]
    notes = [t("note.baseline", replicates=number(facts.replicates, 0)), t("note.smd")]
    if not known:
        notes.append(t("note.baseline_unpublished"))
    if facts.matching.get("requested"):
        fit = {
            "n": number(facts.matching["effective_n"], 0),
            "miss": number(facts.matching["largest_miss_sd"], 2),
        }
        notes.append(t("note.matching", **fit))
    words = frozenset({len(head) - 1}) if known else frozenset()
    return Table("table-baseline", t("caption.baseline"), tuple(head), tuple(rows), tuple(notes), words)


def _baseline_row(
    facts: Facts, row: dict[str, Any], treated: list[Arm], labels: dict[str, str], t: Catalogue
) -> Row:
    name, kind = row["measure"], row["kind"]
    form = {"mean": t("table.mean_sd"), "median": t("table.median_iqr"), "share": "%"}[kind]
    cells = [f"{measure_name(t, name)}{t('table.comma')}{form}"]
    cells += [_described(row["arms"][arm.name], kind, digits_of(name)) for arm in facts.ordered]
    for arm in treated:
        difference = row["smd"][arm.name]
        text = number(difference["pooled"], 2)
        if difference["chance_95"] is not None:
            text += f" ({number(difference['chance_95'], 2)})"
        cells.append(text)
    texts = [
        t(
            "table.published_value",
            arm=labels.get(p["arm"], p["arm"]),
            text=p["text"],
            grade=t(f"grade.{p['grade']}"),
        )
        for p in row["published"]
    ]
    return Row((*cells, "; ".join(texts) or DASH))


def _described(summary: dict[str, float | None], kind: str, digits: int) -> str:
    if kind == "share":
        return number(100 * summary["share"]) if summary.get("share") is not None else DASH  # type: ignore[operator]
    if kind == "median":
        low, high = number(summary.get("q1"), digits), number(summary.get("q3"), digits)
        return f"{number(summary.get('median'), digits)} ({low}–{high})"
    return f"{number(summary.get('mean'), max(digits, 1))} ({number(summary.get('sd'), max(digits, 1))})"


def admission(facts: Facts, results: dict[str, Any], t: Catalogue) -> Table:
    """Values at admission beside published cohorts."""
    cohorts = list(facts.cohorts)
    head = [t("table.characteristic"), t("table.simulated_admission")]
    head += [t.pick(facts.cohorts[cohort]) for cohort in cohorts]
    rows = []
    for row in results["admission"]:
        digits = 1 if row["form"] == "percent" else digits_of(row["measure"])
        form = t(f"statistic.{row['form']}")
        cells = [
            f"{measure_name(t, row['measure'])}{t('table.comma')}{form}",
            _printed(row["simulated"], digits),
        ]
        for cohort in cohorts:
            groups = [group for group in row["published"] if group["cohort"] == cohort]
            cells.append("\n".join(_of_group(group, digits, len(groups) == 1, t) for group in groups) or DASH)
        rows.append(Row(tuple(cells)))
    return Table("table-admission", t("caption.admission"), tuple(head), tuple(rows), (t("note.admission"),))


def _of_group(group: dict[str, Any], digits: int, alone: bool, t: Catalogue) -> str:
    """A published value, with the part of the cohort it is of."""
    value, name = _printed(group["values"], digits), group["group"]
    return (
        value
        if name == "all" and alone
        else t("table.of_group", group=t.get(f"group.{name}", name), value=value)
    )


def _printed(values: dict[str, float | None], digits: int) -> str:
    """One value, "mean (SD)" or "median (quartiles)"."""
    if "percent" in values:
        return number(values["percent"], digits)
    if "median" in values:
        low, high = number(values.get("q1"), digits), number(values.get("q3"), digits)
        return f"{number(values['median'], digits)} ({low}–{high})"
    return f"{number(values.get('mean'), digits)} ({number(values.get('sd'), digits)})"


# --- survival ---------------------------------------------------------------------------------------


def published(facts: Facts, results: dict[str, Any], t: Catalogue) -> Table:
    """Simulated against published, misses first."""
    labels = arm_labels(facts, t)
    head = (
        t("table.outcome"),
        t("table.arm"),
        t("table.published_ci"),
        t("table.simulated"),
        t("table.difference_points"),
        t("table.tail"),
        t("table.standing"),
    )
    rows: list[Row] = []
    group = object()
    for row in results["comparison"]:
        if row["inside"] is not group:
            group = row["inside"]
            rows.append(Row((t(f"comparison.group.{group}"),), "group"))
        rows.append(Row(_published_cells(row, labels, t), "miss" if row["inside"] is False else ""))
    notes = [t("note.comparison"), t("note.tail"), t("note.roles")]
    if not all(row["same_size"] for row in results["comparison"]):
        notes.append(t("note.other_size"))
    caption = t("caption.comparison")
    return Table("table-published", caption, head, tuple(rows), tuple(notes), frozenset({1, 6}))


def _published_cells(row: dict[str, Any], labels: dict[str, str], t: Catalogue) -> tuple[str, ...]:
    form = "points" if row["endpoint"] == "difference" else "percent"
    shown = points if form == "points" else percent
    interval = span(t, row["published_low"], row["published_high"], form)
    value = shown(row["published"])
    if row["count"] is not None:
        value += f" ({row['count']}/{row['of']})"
    simulated = shown(row["simulated"])
    arm = labels.get(row["arm"], row["arm"])
    return (
        t("comparison.row", endpoint=t(f"endpoint.{row['endpoint']}"), week=f"{row['week']:g}"),
        t("comparison.pair", arm=arm, control=labels[row["control"]]) if row["control"] else arm,
        t("table.bracket", value=value, interval=interval) if interval else value,
        t("table.bracket", value=simulated, interval=range_)
        if (range_ := span(t, row["low"], row["high"], form))
        else simulated,
        points(row["difference"]),
        probability(row["tail"]),
        t(f"role.short.{row['role']}"),
    )


def trialist(facts: Facts, results: dict[str, Any], t: Catalogue) -> Table:
    """What an analysis of each simulated trial gives, by endpoint and strategy for transplants."""
    labels = arm_labels(facts, t)
    head = [t("table.analysis")]
    head += [t("table.contrast", arm=labels[a.name], control=labels[c.name]) for a, c in facts.contrasts]
    rows: list[Row] = []
    for strategy in results["strategies"]:
        cells = [
            t("table.strategy", strategy=t(f"strategy.{strategy['strategy']}"), week=f"{strategy['week']:g}")
        ]
        for treated, control in facts.contrasts:
            both = [percent(strategy["arms"][arm.name]["mean"]) for arm in (treated, control)]
            found = strategy["differences"][treated.name]
            interval = span(t, found["low"], found["high"], "points")
            shown = {"treated": both[0], "control": both[1], "difference": points(found["mean"])}
            shown["interval"] = t("table.strategy_interval", interval=interval) if interval else ""
            cells.append(t("table.strategy_value", **shown))
        rows.append(Row(tuple(cells)))
    for endpoint in ("overall_survival", "transplant_free_survival"):
        rows.append(Row((t(f"endpoint.{endpoint}"),), "group"))
        tests = {test["arm"]: test for test in results["survival"]["tests"] if test["endpoint"] == endpoint}
        for kind, write in (("hazard_ratio", _ratio), ("rmst", _rmst), ("logrank", _logrank)):
            rows.append(Row((t(f"test.{kind}"), *(write(tests[a.name], t) for a, _ in facts.contrasts))))
    notes = (
        t("note.trialist", replicates=number(facts.replicates, 0)),
        *(t(f"note.strategy.{strategy}") for strategy in facts.study.strategies),
    )
    words = frozenset(range(1, len(head)))
    return Table("table-trialist", t("caption.trialist"), tuple(head), tuple(rows), notes, words)


def _ratio(test: dict[str, Any], t: Catalogue) -> str:
    ratio = test["hazard_ratio"]
    interval = span(t, ratio["low"], ratio["high"], "number", 2)
    value = number(ratio["mean"], 2)
    return t("table.bracket", value=value, interval=interval) if interval else value


def _rmst(test: dict[str, Any], t: Catalogue) -> str:
    found = test["rmst"]
    value = t("table.days", days=signed(found["mean"]), tau=number(found["tau_days"], 0))
    interval = span(t, found["low"], found["high"], "number")
    return t("table.bracket", value=value, interval=interval) if interval else value


def _logrank(test: dict[str, Any], t: Catalogue) -> str:
    found = test["significant"]
    return t("table.with_error", value=percent(found["share"]), error=percent(found["mcse"]))


def subgroup_label(t: Catalogue, name: str, at: str) -> str:
    """A group at baseline in words."""
    return t(f"subgroup.{name}", at=at)


def subgroups(facts: Facts, entry: dict[str, Any], t: Catalogue) -> Table:
    """The primary contrast in groups at baseline: both arms, the difference, and the range of trials."""
    labels = arm_labels(facts, t)
    arms = (entry["control"], entry["arm"])
    week = f"{entry['week']:g}"
    head = (
        t("table.group"),
        *(t("table.group_arm", arm=labels[arm]) for arm in arms),
        t("table.difference_points"),
        t("table.trials_range"),
        t("table.trials"),
    )
    rows = [
        Row(
            (
                subgroup_label(t, row["group"], row["at"]),
                *(
                    t("table.group_value", n=number(row["n"][arm]), value=percent(row["survival"][arm]))
                    for arm in arms
                ),
                _with_error({"difference": row["mean"], "mcse": row["mcse"]}),
                span(t, row["low"], row["high"], "points") or DASH,
                number(row["trials"], 0),
            ),
            "total" if row["group"] == "all" else "",
        )
        for row in entry["groups"]
    ]
    caption = t("caption.subgroups", endpoint=t(f"endpoint.{entry['endpoint']}"), week=week)
    notes = (t("note.subgroups"), t("note.mcse"), t("note.subgroups_choice"))
    return Table(f"table-subgroups-{entry['arm']}", caption, head, tuple(rows), notes)


def variants(facts: Facts, entry: dict[str, Any], t: Catalogue) -> Table:
    """Counterfactual arms: survival under every variant, with Monte-Carlo error."""
    labels = arm_labels(facts, t)
    meanings = {variant.name: t.pick(variant.meaning) for variant in facts.variants}
    weeks = facts.study.landmarks
    head = (
        t("table.variant"),
        t("table.weight"),
        t("table.pairs"),
        *(t("table.difference_week", week=f"{week:g}") for week in weeks),
        t("table.difference_tfs", week=f"{facts.study.primary_week:g}"),
    )
    rows = []
    for row in entry["variants"]:
        name = row["variant"]
        cells = [
            f"{variant_label(t, name)}\n{meanings.get(name, '')}".strip(),
            percent(row["weight"], 0),
            number(row["pairs"], 0),
        ]
        cells += [_with_error(cell) for cell in row["by_week"]["overall_survival"]]
        composite = row["by_week"]["transplant_free_survival"]
        cells.append(_with_error(composite[list(weeks).index(facts.study.primary_week)]))
        rows.append(Row(tuple(cells), "" if not row["no_benefit"] else "quiet"))
    notes = (t("note.variants", pairs=number(entry["persons"], 0)), t("note.mcse"))
    caption = t("caption.variants", arm=labels[entry["arm"]], control=labels[entry["control"]])
    return Table(f"table-variants-{entry['arm']}", caption, head, tuple(rows), notes)


def _with_error(cell: dict[str, Any]) -> str:
    return (
        f"{points(cell['difference'])} ± {number(100 * cell['mcse'], 1)}"
        if cell["mcse"] is not None
        else DASH
    )


# --- where the range comes from ---------------------------------------------------------------------


def _quantity(facts: Facts, entry: dict[str, Any], name: str, t: Catalogue) -> str:
    labels = arm_labels(facts, t)
    arm, control = labels[entry["arm"]], labels[entry["control"]]
    if name == "difference":
        return t("comparison.pair", arm=arm, control=control)
    return control if name == "control" else arm


def doubt_bars(facts: Facts, entry: dict[str, Any], t: Catalogue) -> list[dict[str, Any]]:
    """The parts as the figure wants them; a part that the run cannot tell is left out."""
    rows = []
    for row in entry["rows"]:
        bars = [
            {"label": t(f"doubt.{part}"), "kind": "part", **{k: found[k] for k in ("half", "low", "high")}}
            for part, found in row["parts"].items()
            if found is not None
        ]
        for kind, half in (("together", row["together"]), ("studies", row["studies"])):
            if half is not None:
                label = t(f"doubt.{kind}")
                bars.append({"label": label, "kind": kind, "half": half, "low": half, "high": half})
        rows.append({"label": _quantity(facts, entry, row["quantity"], t), "parts": bars})
    return rows


def doubt(facts: Facts, entry: dict[str, Any], t: Catalogue) -> Table:
    """Half the 95 % range that each part would leave alone, with its Monte-Carlo range."""
    rows = [
        Row(
            (
                t(f"doubt.{part}"),
                *(_half_range(row["parts"][part], t) for row in entry["rows"]),
                t(f"doubt.what.{part}"),
            )
        )
        for part in entry["rows"][0]["parts"]
    ]
    for kind in ("together", "simulated", "studies"):
        cells = [_half_points(row[kind]) for row in entry["rows"]]
        rows.append(Row((t(f"doubt.{kind}"), *cells, t(f"doubt.what.{kind}")), "total"))
    means = [f"{_level(row)} ± {number(100 * row['mean_mcse'], 1)}" for row in entry["rows"]]
    rows.insert(0, Row((t("doubt.mean"), *means, t("doubt.what.mean"))))
    head = (
        t("table.part"),
        *(_quantity(facts, entry, row["quantity"], t) for row in entry["rows"]),
        t("table.meaning"),
    )
    week = f"{entry['week']:g}"
    notes = (
        t("note.doubt", persons=number(entry["persons"], 0), again=number(entry["followed_again"], 0)),
        t("note.doubt_studies"),
    )
    name = f"table-doubt-{entry['arm']}"
    return Table(name, t("caption.doubt", week=week), head, tuple(rows), notes, frozenset({4}))


def _level(row: dict[str, Any]) -> str:
    return points(row["mean"]) if row["quantity"] == "difference" else percent(row["mean"])


def _half_points(half: float | None) -> str:
    return DASH if half is None else f"±{number(100 * half, 1)}"


def _half_range(found: dict[str, Any] | None, t: Catalogue) -> str:
    if found is None:
        return DASH
    interval = span(t, 100 * found["low"], 100 * found["high"], "number", 1)
    return t("table.bracket", value=_half_points(found["half"]), interval=interval)


# --- laboratory and safety --------------------------------------------------------------------------


def changes(facts: Facts, results: dict[str, Any], t: Catalogue) -> Table:
    """Mean change from baseline of those alive and measured, at the first and last landmark."""
    labels = arm_labels(facts, t)
    seen = [week for week in facts.study.landmarks if _has_week(results, week)]
    weeks = [seen[0], seen[-1]] if len(seen) > 1 else seen
    head = [t("table.change")]
    head += [t("table.arm_week", arm=labels[a.name], week=f"{w:g}") for w in weeks for a in facts.ordered]
    rows = []
    for measure, by_arm in results["laboratory"]["changes"].items():
        digits = max(digits_of(measure), 1)
        cells = [measure_name(t, measure)]
        for week in weeks:
            for arm in facts.ordered:
                found = next((row for row in by_arm[arm.name] if row["week"] == week), None)
                cells.append(_change_text(found, digits, t))
        rows.append(Row(tuple(cells)))
    for kind in ("measured", "dead", "left"):
        cells = [t(f"absent.{kind}")]
        for week in weeks:
            for arm in facts.ordered:
                absent = results["laboratory"]["absent"][arm.name]
                cells.append(number(next((row[kind] for row in absent if row["week"] == week), None)))
        rows.append(Row(tuple(cells), "total"))
    return Table("table-changes", t("caption.changes"), tuple(head), tuple(rows), (t("note.changes"),))


def _has_week(results: dict[str, Any], week: float) -> bool:
    return any(row["week"] == week for rows in results["laboratory"]["absent"].values() for row in rows)


def _change_text(found: dict[str, Any] | None, digits: int, t: Catalogue) -> str:
    if found is None or found["mean"] is None:
        return DASH
    interval = span(t, found["low"], found["high"], "number", digits)
    value = signed(found["mean"], digits)
    return t("table.bracket", value=value, interval=interval) if interval else value


def safety(facts: Facts, results: dict[str, Any], t: Catalogue) -> Table:
    """Events by arm."""
    labels = arm_labels(facts, t)
    head = [t("table.event")]
    for arm in facts.ordered:
        head += [
            t("table.patients_with", arm=labels[arm.name], n=arm.size),
            t("table.rate", arm=labels[arm.name]),
        ]
    rows: list[Row] = []
    kind = ""
    for event in results["safety"]:
        if event["kind"] != kind:
            kind = event["kind"]
            rows.append(Row((t(f"safety.kind.{kind}"),), "group"))
        cells = [t.get(f"event.{event['event']}", event["event"].replace("_", " "))]
        for arm in facts.ordered:
            found = event["arms"][arm.name]
            interval = span(t, found["patients"]["low"], found["patients"]["high"], "number", 0)
            value = f"{number(found['patients']['mean'])} ({percent(found['share'])})"
            cells.append(t("table.bracket", value=value, interval=interval) if interval else value)
            rate = number(100 * found["rate"], 1) if found["rate"] is not None else DASH
            limits = [None if found[k] is None else 100 * found[k] for k in ("rate_low", "rate_high")]
            interval = span(t, limits[0], limits[1], "number", 1)
            cells.append(t("table.bracket", value=rate, interval=interval) if interval else rate)
        rows.append(Row(tuple(cells)))
    notes = (t("note.safety"), t("note.safety_rate"), t("note.safety_serious"))
    return Table("table-safety", t("caption.safety"), tuple(head), tuple(rows), notes)


def reported(facts: Facts, t: Catalogue) -> Table:
    """What else was published, which no simulated number answers to."""
    labels = arm_labels(facts, t)
    rows = []
    for kind in ("event", "laboratory", "test"):
        chosen = [item for item in facts.reported if item.kind == kind]
        if chosen:
            rows.append(Row((t(f"reported.{kind}"),), "group"))
        for item in chosen:
            name = t(f"measure.{item.what['en']}") if kind == "laboratory" else t.pick(item.what)
            note = t.pick(item.note) if item.note else ""
            rows.append(
                Row((name, labels.get(item.arm, item.arm), t.pick(item.text), note, t(f"grade.{item.grade}")))
            )
    head = (t("table.outcome"), t("table.arm"), t("table.as_published"), t("table.note"), t("table.grade"))
    return Table("table-reported", t("caption.reported"), head, tuple(rows), (), frozenset({1, 2, 3, 4}))


# --- what it rests on -------------------------------------------------------------------------------


def assumptions(facts: Facts, t: Catalogue) -> Table:
    """What is not known about the trial, and what was done instead."""
    rows = []
    for item in facts.study.assumptions:
        known, handled = (typeset(t.pick(text)) for text in (item.known, item.handled))
        rows.append(Row((about(item.about, t), known, handled, t(f"grade.{item.grade}"))))
    head = (t("table.about"), t("table.known"), t("table.handled"), t("table.grade"))
    return Table("table-assumptions", t("caption.assumptions"), head, tuple(rows), (), frozenset({1, 2, 3}))


def about(place: str, t: Catalogue) -> str:
    """What a place in the protocol is about, in words; the place itself when there are none."""
    return t.get(f"about.{place.rsplit('.', 1)[-1].split('[')[0]}", place)


def parameters(results: dict[str, Any], t: Catalogue) -> Table:
    """Every card, fitted ones first, under a heading for each grade."""
    rows: list[Row] = []
    grade = ""
    for card in results["parameters"]["cards"]:
        if card["grade"] != grade:
            grade = card["grade"]
            count = results["parameters"]["counts"][grade]
            rows.append(
                Row(
                    (
                        t(
                            "parameters.group",
                            grade=t(f"grade.{grade}"),
                            meaning=t(f"grade.long.{grade}"),
                            n=count,
                        ),
                    ),
                    "group",
                )
            )
        rows.append(
            Row(
                (
                    card_words(card["name"], t.lang),
                    significant(card["value"], 4) + unit_text(card["unit"], t),
                    t.pick(card["spread"]) or DASH,
                    _source(card, t),
                    typeset(t.pick(card["meaning"])),
                )
            )
        )
    head = (t("table.parameter"), t("table.value"), t("table.spread"), t("table.source"), t("table.meaning"))
    return Table(
        "table-parameters",
        t("caption.parameters", n=results["parameters"]["total"]),
        head,
        tuple(rows),
        (),
        frozenset({2, 3, 4}),
    )


def _source(card: dict[str, Any], t: Catalogue) -> str:
    if card["changed"]:
        return t("parameters.set")
    source = str(card["source"]).removeprefix("fitted: ")
    return t.get(f"source.{source}", source)


def provenance(facts: Facts, results: dict[str, Any], t: Catalogue) -> Table:
    """Seed, versions and fingerprints: what it takes to make this report again."""
    given = facts.provenance
    versions: Any = given.get("versions", {})
    rows = [
        Row((t("provenance.protocol"), facts.study.name)),
        Row((t("provenance.size"), t("provenance.size_value", **_sizes(results)))),
        Row((t("provenance.seed"), str(given.get("seed", DASH)))),
        Row((t("provenance.run"), facts.run_hash)),
        Row((t("provenance.model"), str(given.get("model_hash", DASH)))),
        Row(
            (
                t("provenance.versions"),
                ", ".join(f"{name} {version}" for name, version in sorted(versions.items())),
            )
        ),
    ]
    settings: Any = given.get("settings") or {}
    if settings:
        shown = ", ".join(f"{name} = {value:g}" for name, value in sorted(settings.items()))
        rows.append(Row((t("provenance.settings"), shown)))
    worlds: Any = given.get("worlds") or {"kind": "cards"}
    kind = worlds["kind"]
    rows.append(Row((t("provenance.parameters"), t(f"provenance.parameters.{kind}", **_told_worlds(worlds)))))
    if given.get("variant"):
        rows.append(Row((t("provenance.variant"), variant_label(t, str(given["variant"])))))
    head = (t("table.item"), t("table.value"))
    return Table("table-provenance", t("caption.provenance"), head, tuple(rows), (), frozenset({1}))


def _told_worlds(worlds: dict[str, Any]) -> dict[str, Any]:
    return {"number": worlds.get("number", 1), "hash": str(worlds.get("ensemble", ""))[:12]}


def _sizes(results: dict[str, Any]) -> dict[str, str]:
    return {key: number(results["design"][key], 0) for key in ("replicates", "patients", "pairs")}
