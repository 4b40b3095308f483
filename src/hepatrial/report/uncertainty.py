"""Pages of ``attribute``, ``sensitivity`` and ``voi``: sentences, a figure with the mark, tables."""

from __future__ import annotations

import json
from collections.abc import Sequence
from importlib import resources
from pathlib import Path
from typing import Any

from jinja2 import Environment, StrictUndefined

from hepatrial.ensemble.storage import write_atomic
from hepatrial.report.card_names import card_name, card_words
from hepatrial.report.catalogue import Catalogue
from hepatrial.report.documents import Drawing, draw
from hepatrial.report.figures.ranked import ranked_points
from hepatrial.report.paper import running_heads, style_sheet
from hepatrial.report.style import Frame
from hepatrial.report.tables import Row, Table, variant_label
from hepatrial.report.wording import DASH, number, percent, points, signed, significant
from hepatrial.uncertainty.voi import load_readings

SHOWN = 15
"""Factors of one output in the figure and in the table."""
Z = 1.96


def write_page(found: dict[str, Any], out: Path, lang: str) -> Path:
    """Write ``results.json`` and ``report.html`` into the folder of an analysis.

    Args:
        found: what ``attribute``, ``sensitivity`` or ``voi`` returned.
        out: the folder.
        lang: "en" or "zh".
    """
    text = json.dumps(found, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    write_atomic(out / "results.json", text.encode())
    write_atomic(out / "report.html", page(found, lang).encode())
    return out / "report.html"


def page(found: dict[str, Any], lang: str) -> str:
    """The page, which loads nothing from elsewhere."""
    t = Catalogue(lang)
    what = "attribute" if "edges" in found else "voi" if "entropy" in found else "sensitivity"
    texts, figures, tables = {"attribute": _attribution, "voi": _voi, "sensitivity": _sensitivity}[what](
        found, t
    )
    environment = Environment(autoescape=True, undefined=StrictUndefined)
    template = resources.files("hepatrial.report").joinpath("uncertainty.html.j2").read_text("utf-8")
    title = t(f"page.{what}.title", protocol=found["protocol"])
    return environment.from_string(template).render(
        t=t, lang=lang, css=style_sheet(),
        sheets=running_heads(t.mark, t("report.stamp", hash=found["hash"][:12])),
        kind=t(f"page.{what}"), title=title, hash=found["hash"], texts=texts,
        figures=figures, tables=tables,
    )  # fmt: skip


Parts = tuple[list[str], list[Drawing], list[Table]]


def _source(row: dict[str, Any], t: Catalogue) -> str:
    """What a reading stands for; in English where what the run kept is not what ships any more."""
    shipped = load_readings().get(row["measurement"])
    known = shipped is not None and shipped.source == row["source"]
    return shipped.source_zh if shipped is not None and known and t.lang == "zh" else str(row["source"])


def _figure(
    name: str, caption: str, rows: Sequence[dict[str, Any]], x_title: str, kinds: Sequence[str],
    found: dict[str, Any], t: Catalogue,
) -> Drawing:  # fmt: skip
    frame = Frame(t.mark, t("report.stamp", hash=found["hash"][:12]), ("control",), ("control",), {})
    return draw(name, caption, lambda f: ranked_points(rows, f, x_title=x_title, kinds=kinds), frame, t)


# --- attribution ------------------------------------------------------------------------------------


def _attribution(found: dict[str, Any], t: Catalogue) -> Parts:
    week = f"{found['week']:g}"
    rows = [row for row in found["edges"] if row["outcome"] == "alive"]
    every = {row["edge"]: row for row in rows if row["variant"] == "all"}
    kinds = [t("attribute.prior"), t("attribute.posterior")]

    def ends(one: dict[str, float]) -> tuple[float, float, float]:
        middle, error = 100 * one["difference"], 100 * Z * one["mcse"]
        return middle, middle - error, middle + error

    bars = [
        {
            "label": t(f"edge.{edge}"),
            "values": {kinds[0]: ends(row["prior"]), kinds[1]: ends(row["posterior"])},
        }
        for edge, row in every.items()
    ]
    drawing = _figure("figure-edges", t("attribute.caption", week=week), bars,
                      t("attribute.axis", week=week), kinds, found, t)  # fmt: skip
    total = every["total"]
    texts = [
        t("attribute.what", arm=t.pick(found["labels"][found["arm"]]),
          control=t.pick(found["labels"][found["control"]]), week=week, members=found["members"],
          patients=found["patients"]),
        t("attribute.total", prior=points(total["prior"]["difference"]),
          posterior=points(total["posterior"]["difference"]),
          error=number(100 * total["posterior"]["mcse"], 1)),
        t(_verdict(list(every.values()))),
        *(_tipping(one, t) for one in found["tipping"]),
    ]  # fmt: skip
    return texts, [drawing], [_edge_table(found, outcome, t) for outcome in ("alive", "severe_infection")]


def _said(row: dict[str, Any]) -> str:
    if not row["resolved"]:
        return "attribute.unclear"
    return "attribute.moved" if row["learnt"] else "attribute.same"


def _verdict(rows: Sequence[dict[str, Any]]) -> str:
    """Key of the sentence on what was learnt of the edges."""
    if not all(row["resolved"] for row in rows):
        return "attribute.too_few"
    return "attribute.learnt" if any(row["learnt"] for row in rows) else "attribute.not_learnt"


def _tipping(one: dict[str, Any], t: Catalogue) -> str:
    return t(
        "attribute.tipping",
        outcome=t.get(f"event.{one['trial']}", one["trial"].replace("_", " ")),
        bias=signed(one["tipping_point"], 2),
        prior=f"{signed(one['prior'][0], 2)} (SD {one['prior'][1]:.2f})",
        posterior=f"{signed(one['posterior'][0], 2)} (SD {one['posterior'][1]:.2f})",
    )


def _edge_table(found: dict[str, Any], outcome: str, t: Catalogue) -> Table:
    rows = []
    mine = [row for row in found["edges"] if row["outcome"] == outcome]
    for variant in dict.fromkeys(row["variant"] for row in mine):
        if variant == "all":
            heading = t("attribute.average")
        else:
            weights = (found["weights"][belief].get(variant, 0.0) for belief in ("prior", "posterior"))
            shares = " → ".join(percent(weight, 0) for weight in weights)
            heading = f"{variant_label(t, variant)} ({shares})"
        rows.append(Row((heading,), "group"))
        for row in (one for one in mine if one["variant"] == variant):
            cells = [f"{points(one['difference'])} ± {number(100 * one['mcse'], 1)}"
                     for one in (row["prior"], row["posterior"])]  # fmt: skip
            said = t(_said(row))
            rows.append(Row((t(f"edge.{row['edge']}"), *cells, said)))
    head = (t("attribute.edge"), t("attribute.prior"), t("attribute.posterior"), t("table.note"))
    caption = t(f"attribute.table.{outcome}", week=f"{found['week']:g}")
    return Table(f"table-{outcome}", caption, head, tuple(rows), (t("attribute.note"),), frozenset({3}))


# --- sensitivity ------------------------------------------------------------------------------------


def _sensitivity(found: dict[str, Any], t: Catalogue) -> Parts:
    method, drawings, tables = found["method"], [], []
    texts = [
        t(f"sensitivity.what.{method}", number=found["number"], patients=found["patients"],
          evaluations=found["evaluations"]),
        t("sensitivity.failed", failed=found["failed"], evaluations=found["evaluations"]),
    ]  # fmt: skip
    for output in dict.fromkeys(row["output"] for row in found["rows"]):
        mine = [row for row in found["rows"] if row["output"] == output and row["value"] is not None][:SHOWN]
        name = t(f"sensitivity.{output}", week=f"{found['week']:g}")
        if not mine:
            continue
        texts.append(
            t(
                "sensitivity.first",
                output=name,
                factors=t("list.comma").join(card_name(row["factor"], t.lang) for row in mine[:5]),
            )
        )
        axis = t(f"sensitivity.axis.{method}", output=name, unit=t(f"sensitivity.unit.{output}"))
        bars = [
            {
                "label": card_name(row["factor"], t.lang),
                "values": {"": (row["value"], row["low"], row["high"])},
            }
            for row in mine
        ]
        drawings.append(_figure(f"figure-{output}", name, bars, axis, [""], found, t))
        tables.append(_factor_table(mine, output, name, method, t))
    return texts, drawings, tables


def _factor_table(mine: Sequence[dict[str, Any]], output: str, name: str, method: str, t: Catalogue) -> Table:
    second = "sigma" if method == "morris" else "first"
    rows = [
        Row((card_words(row["factor"], t.lang), significant(row["value"], 3), _ends(row["low"], row["high"]),
             DASH if row[second] is None else significant(row[second], 3), str(int(row["used"]))))
        for row in mine
    ]  # fmt: skip
    head = (t("sensitivity.factor"), *(t(f"sensitivity.{key}.{method}") for key in ("main", "second")))
    head = (head[0], head[1], t("sensitivity.interval"), head[2], t("sensitivity.used"))
    return Table(f"table-{output}", name, head, tuple(rows), (t(f"sensitivity.note.{method}"),))


def _ends(low: float | None, high: float | None) -> str:
    return DASH if low is None or high is None else f"{significant(low, 3)} – {significant(high, 3)}"


# --- value of information ---------------------------------------------------------------------------


def _voi(found: dict[str, Any], t: Catalogue) -> Parts:
    largest = max(row["n"] for row in found["rows"])
    top = [row for row in found["rows"] if row["n"] == largest]
    bars = [
        {
            "label": t.pick(row["label"]),
            "values": {
                "": (row["bits"], row["bits"] - Z * row["bits_mcse"], row["bits"] + Z * row["bits_mcse"])
            },
        }
        for row in top
    ]
    drawing = _figure("figure-bits", t("voi.caption", n=largest), bars, t("voi.axis"), [""], found, t)
    best, worth = top[0], max(found["rows"], key=lambda row: row["evsi"])
    said = {"threshold": points(found["threshold"]), "gain": points(found["expected_gain"])}
    texts = [
        t("voi.what", members=found["members"], patients=found["patients"],
          entropy=number(found["entropy"], 2)),
        t("voi.best", label=t.pick(best["label"]), n=best["n"], bits=number(best["bits"], 2),
          share=percent(best["bits"] / found["entropy"], 0) if found["entropy"] > 0 else DASH),
        t("voi.go" if found["go"] else "voi.stop", **said),
        t("voi.evsi", label=t.pick(worth["label"]), n=worth["n"], evsi=number(100 * worth["evsi"], 2),
          error=number(100 * worth["evsi_mcse"], 2), evppi=number(100 * found["evppi"], 2)),
        *([t("voi.more")] if worth["evsi"] > found["evppi"] else []),
        t("voi.limits"),
    ]  # fmt: skip
    rows = [
        Row((t.pick(row["label"]), str(row["n"]), f"{number(row['bits'], 3)} ± {number(row['bits_mcse'], 3)}",
             f"{number(100 * row['evsi'], 2)} ± {number(100 * row['evsi_mcse'], 2)}",
             f"{percent(row['cv'], 0)}{t('list.comma')}{t('grade.' + row['grade'])}", _source(row, t)))
        for row in found["rows"]
    ]  # fmt: skip
    head = tuple(t(f"voi.{key}") for key in ("measurement", "n", "bits", "points", "error", "source"))
    table = Table("table-voi", t("voi.table"), head, tuple(rows), (t("voi.note"),), frozenset({4, 5}))
    return texts, [drawing], [table]
