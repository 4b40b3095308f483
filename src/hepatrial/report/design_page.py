"""The report of a design: one page without scripts, its numbers, and its figures one by one."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping, Sequence
from functools import cache
from importlib import resources
from itertools import count
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, select_autoescape
from markupsafe import Markup

from hepatrial.errors import BadInput, Problem, nearest_name
from hepatrial.report import design_figures as figures
from hepatrial.report import design_search as search
from hepatrial.report import design_special as special
from hepatrial.report.catalogue import Catalogue, texts
from hepatrial.report.design_chinese import in_language
from hepatrial.report.paper import running_heads, style_sheet
from hepatrial.report.rtf import rtf
from hepatrial.report.style import WIDE, Frame, to_svg
from hepatrial.report.tables import Row
from hepatrial.report.tables import Table as Set
from hepatrial.report.widths import column_widths
from hepatrial.report.wording import DASH, number, percent, probability, signed
from hepatrial.schema import MARK, RESEARCH_USE_ONLY

Table = dict[str, Any]
MONTH = 30.4375
PARTS = 25


@cache
def words(lang: str) -> dict[str, str]:
    """Words of the page.

    Raises:
        BadInput: a language without texts.
    """
    found = tomllib.loads(
        (resources.files("hepatrial.report") / "design_texts.toml").read_text(encoding="utf-8")
    )
    if lang not in found:
        raise BadInput([Problem("--lang", repr(lang), "must be en or zh", nearest_name(lang, found))])
    variants = {key: text for key, text in texts(lang).items() if key.startswith("variant.")}
    chosen: dict[str, str] = found[lang]
    return chosen | variants


def share(found: Mapping[str, Any], digits: int = 1) -> str:
    """A probability with its error: "61.8 % ± 0.5"."""
    if found["value"] is None:
        return DASH
    error = "" if found["mcse"] is None else f" ± {number(100 * found['mcse'], digits)}"
    return percent(found["value"], digits) + error


def amount(found: Mapping[str, Any], digits: int = 0, factor: float = 1.0) -> str:
    """A number with its error."""
    if found["value"] is None:
        return DASH
    error = "" if found["mcse"] is None else f" ± {number(factor * found['mcse'], max(digits, 1))}"
    return number(factor * found["value"], digits) + error


def truth_label(name: str, w: Mapping[str, str]) -> str:
    """A truth in words."""
    known = {"strong null": w["strong_null"], "weak null": w["weak_null"]}
    if name.startswith("hazard ratio "):
        return f"{w['c_hazard_ratio'].lower()} {name.removeprefix('hazard ratio ')}"
    return known.get(name) or w.get(f"variant.{name}") or name.replace("_", " ")


def summary_text(design: Mapping[str, Any], w: Mapping[str, str]) -> str:
    """The paragraph that can be pasted into a protocol."""
    looks = design["looks"]
    if len(looks) == 1:
        how = w["one_look"]
    else:
        listed = ", ".join(percent(look["information"], 0) for look in looks)
        unit = w["events"] if looks[0]["unit"] == "events" else w["known"]
        how = w["more_looks"].format(
            count=len(looks), list=listed, unit=unit, overrun=number(design["overrun_days"], 0)
        )
    futility = w["boundary_none"]
    if design["futility"]:
        kind = w["binding"] if design["binding"] else w["non_binding"]
        futility = f"{w['rule_' + design['futility']]}, {kind}"
    source = (
        w["from_source"].format(source=design["control_source"])
        if design["control_source"]
        else w["from_model"]
    )
    return w["summary"].format(
        patients=design["patients"],
        n_treated=design["sizes"][0],
        n_control=design["sizes"][1],
        treated=design["labels"][design["treated"]],
        control=design["labels"][design["control"]],
        rate=number(design["recruitment_per_week"], 1),
        days=number(design["horizon_days"], 0),
        endpoint=w[f"endpoint_{design['endpoint']}"],
        method=w[f"method_{design['method']}"],
        alpha=f"{design['alpha']:g}",
        looks=how,
        efficacy=w[f"rule_{design['efficacy']}"],
        futility=futility,
        hr=f"{design['hazard_ratio']:g}",
        power=percent(design["power"], 0),
        control_survival=percent(design["control_survival"]),
        control_source=source if design["control_survival_asked"] is None or design["control_source"] else "",
    )


def precision_text(results: Mapping[str, Any], w: Mapping[str, str]) -> str:
    """Whether the precision asked for was reached, and by how many trials; empty where none was asked for."""
    if results.get("precision") is None:
        return ""
    rows = results["characteristics"]
    missed = [w.get(name) or truth_label(name, w) for name in results["precision_missed"]]
    counts = [row["trials"] for row in rows]
    text = w["precision_missed"] if missed else w["precision_reached"]
    return text.format(
        precision=f"{results['precision']:g}", least=f"{min(counts):,}", most=f"{max(counts):,}",
        missed=w["semicolon"].join(missed),
    )  # fmt: skip


def leads_of(results: Mapping[str, Any], w: Mapping[str, str]) -> list[str]:
    """The first sentences of any design's report."""
    if "kind" in results:
        return special.sentences(results, w)
    return leads(results, w)


def leads(results: Mapping[str, Any], w: Mapping[str, str]) -> list[str]:
    """The first sentences: power at the planned effect, the nulls, assurance."""
    rows = {row["truth"]: row for row in results["characteristics"]}
    design = results["design"]
    planned = rows[f"hazard ratio {design['hazard_ratio']:g}"]
    strong, weak = rows["strong null"], rows["weak null"]

    def error(row: Mapping[str, Any]) -> str:
        return percent(row["success"]["mcse"])

    beliefs = {row["name"]: percent(row["assurance"]["value"], 0) for row in results["assurance"]["rows"]}
    text = "lead_assurance" if "calibrated" in beliefs else "lead_assurance_plain"
    half = results["assurance"]["power_half_at"]
    return [
        w["lead_power"].format(
            hr=f"{design['hazard_ratio']:g}",
            treated=percent(planned["survival"]["treated"]),
            control=percent(planned["survival"]["control"]),
            power=percent(planned["success"]["value"]),
            mcse=error(planned),
        ),
        w["lead_null"].format(
            null=percent(strong["success"]["value"]), mcse=error(strong),
            weak=percent(weak["success"]["value"]), weak_mcse=error(weak),
            days=number(design["horizon_days"], 0),
        ),
        w[text].format(
            sceptical=beliefs["sceptical"], reference=beliefs["reference_class"], msc=beliefs["msc_evidence"],
            discounted=beliefs["msc_discounted"], calibrated=beliefs.get("calibrated", DASH),
        ),
        w["lead_half"].format(half=f"{half:.2f}") if half else w["lead_half_none"],
    ]  # fmt: skip


def boundary_table(design: Mapping[str, Any], w: Mapping[str, str]) -> Table:
    """Looks with their boundaries on three scales."""
    keys = ("c_look", "c_information", "c_due", "c_z", "c_futility", "c_p", "c_hr", "c_alpha", "c_beta")
    rows = [
        [
            str(look["look"]),
            percent(look["information"], 0),
            f"{number(look['due'], 0)} {w['events'] if look['unit'] == 'events' else w['known']}",
            number(look["efficacy_z"], 3),
            number(look["futility_z"], 3),
            probability(look["nominal_p"]),
            number(look.get("hazard_ratio_at_efficacy"), 3),
            f"{look['alpha_spent']:.5f}",
            f"{look['beta_spent']:.4f}",
        ]
        for look in design["looks"]
    ]
    return {"head": [w[key] for key in keys], "rows": rows}


def operating_table(rows: Sequence[Mapping[str, Any]], w: Mapping[str, str]) -> Table:
    """Operating characteristics by truth."""
    keys = ["c_truth", "c_survival", "c_success", "c_stopped", "c_patients", "c_months", "c_events", "c_bias",
            "c_coverage", "c_adjusted", "c_reversal"]  # fmt: skip
    body = [
        [
            truth_label(row["truth"], w),
            f"{percent(row['survival']['treated'])} / {percent(row['survival']['control'])}",
            share(row["success"]),
            share(row["futility"]),
            amount(row["patients"]),
            amount(row["days"], 1, 1 / MONTH),
            amount(row["events"]),
            f"{signed(row['bias']['value'], 3)} ± {number(row['bias']['mcse'], 3)}",
            share(row["coverage"]),
            share(row["adjusted_coverage"]) if "adjusted_coverage" in row else DASH,
            share(row["overrun_reversals"]),
        ]
        for row in rows
    ]
    return {"head": [w[key] for key in keys], "rows": body}


def power_table(rows: Sequence[Mapping[str, Any]], w: Mapping[str, str]) -> Table:
    """The power curve as a table."""
    keys = ("c_hazard_ratio", "c_survival", "c_success", "c_stopped", "c_patients", "c_months")
    body = [
        [
            f"{row['hazard_ratio']:g}",
            f"{percent(row['survival_treated'])} / {percent(row['survival_control'])}",
            share(row["success"]),
            share(row["futility"]),
            amount(row["patients"]),
            amount(row["days"], 1, 1 / MONTH),
        ]
        for row in rows
    ]
    return {"head": [w[key] for key in keys], "rows": body}


def assurance_table(rows: Sequence[Mapping[str, Any]], w: Mapping[str, str]) -> Table:
    """Beliefs side by side, the lowest assurance first."""
    keys = ("c_belief", "c_centre", "c_benefit", "c_assurance", "c_half", "c_rests")
    body = []
    for row in rows:
        centre, benefit, half = DASH, DASH, DASH
        if "hazard_ratio" in row:
            spread = w["span"].format(low=f"{row['low']:.2f}", high=f"{row['high']:.2f}")
            centre = f"{row['hazard_ratio']:.2f} ({spread})"
            benefit = percent(row["probability_of_benefit"], 0)
            half = DASH if row["centre_at_half"] is None else f"{row['centre_at_half']:.2f}"
        body.append(
            [
                w[row["name"]],
                centre,
                benefit,
                share(row["assurance"]),
                half,
                f"{row['rests_on']} [{row['grade']}]",
            ]
        )
    return {"head": [w[key] for key in keys], "rows": body}


def closed_table(found: Mapping[str, Any], w: Mapping[str, str]) -> Table | None:
    """Simulated numbers beside Schoenfeld's."""
    if not found:
        return None
    rows = [
        [w["q_power"], percent(found["sequential_power"]), share(found["simulated_power"])],
        [w["q_fixed"], percent(found["schoenfeld_fixed_power"]), DASH],
        [w["q_events"], number(found["events_needed"], 1), number(found["events"], 1)],
    ]
    return {"head": [w["c_quantity"], w["c_closed"], w["c_simulated"]], "rows": rows}


def estimand_table(design: Mapping[str, Any], w: Mapping[str, str]) -> Table:
    """What the comparison estimates, by the attributes of ICH E9(R1); the protocol's own estimands below."""
    endpoint = w["e_day"].format(
        endpoint=w[f"endpoint_{design['endpoint']}"], days=number(design["horizon_days"], 0)
    )
    labels = design["labels"]
    against = w["e_against"].format(treated=labels[design["treated"]], control=labels[design["control"]])
    composite = design["endpoint"] == "transplant_free_survival"
    rows = [
        [w["e_population"], w["e_population_is"]],
        [w["e_treatments"], against],
        [w["e_endpoint"], endpoint],
        [w["e_transplant"], w["e_composite"] if composite else w["e_policy"]],
        [w["e_undelivered"], w["e_as_randomised"]],
        [w["e_dropout"], w["e_censored"]],
        [w["e_summary"], w[f"e_summary_{design['method']}"]],
    ]
    for one in design["estimands"]:
        strategies = w["join"].join(
            f"{event.replace('_', ' ')}: {strategy.replace('_', ' ')}"
            for event, strategy in one["strategies"].items()
        )
        told = w["e_other_is"].format(
            endpoint=one["endpoint"].replace("_", " "), summary=one["summary"].replace("_", " "),
            strategies=strategies,
        )  # fmt: skip
        rows.append([w["e_other"].format(name=one["name"]), told])
    return {"head": [w["e_attribute"], w["e_is"]], "rows": rows}


def all_tables(results: Mapping[str, Any], w: Mapping[str, str]) -> list[Table]:
    """Every table of any design's report, each with its title."""
    if "kind" in results:
        return special.tables(results, w)
    design, rows = results["design"], results["characteristics"]
    named, variants = _by_kind(rows)
    made = [
        ("h_estimand", estimand_table(design, w)),
        ("h_boundaries", boundary_table(design, w)),
        ("h_operating", operating_table(named, w)),
        ("h_power", power_table(results["power"], w)),
        ("h_assurance", assurance_table(results["assurance"]["rows"], w)),
        ("h_variants", operating_table(variants, w) if variants else None),
        ("h_compare", compare_table(results["compare"]["rows"], w) if results.get("compare") else None),
        ("h_check", closed_table(results["closed_form"], w)),
    ]
    found: list[Table] = [{"title": w[key], **table} for key, table in made if table]
    return found + (search.tables(results["search"], w) if results.get("search") else [])


def _by_kind(rows: Sequence[Mapping[str, Any]]) -> tuple[list[Any], list[Any]]:
    """Rows of the nulls and the planned effect, and those of the structural variants."""
    named = [
        row
        for row in rows
        if row["truth"] in ("strong null", "weak null") or row["truth"].startswith("hazard ratio")
    ]
    return named, [row for row in rows if row not in named]


def tables_file(results: Mapping[str, Any], lang: str) -> bytes:
    """Every table as RTF, to paste into a protocol; the mark and the hash on every page."""
    w, results = words(lang), in_language(results, lang)
    tables = [
        Set(
            f"table-{place}",
            f"{table['title']}.",
            tuple(table["head"]),
            tuple(Row(tuple(row)) for row in table["rows"]),
        )
        for place, table in enumerate(all_tables(results, w), start=1)
    ]
    foot = f"{MARK[lang]} {w['stamp'].format(hash=results['hash'][:12])}."
    return rtf(tables, w["tables_title"].format(title=results["design"]["title"]), foot, lang)


def compare_table(rows: Sequence[Mapping[str, Any]], w: Mapping[str, str]) -> Table:
    """Paired differences, this design minus the other."""
    body = [
        [truth_label(row["truth"], w),
         f"{signed(100 * row['success']['value'])} ± {number(100 * row['success']['mcse'])}",
         amount(row["patients"]), amount(row["days"], 1, 1 / MONTH)]
        for row in rows
    ]  # fmt: skip
    return {"head": [w[k] for k in ("c_truth", "c_difference", "c_dpatients", "c_dmonths")], "rows": body}


def drawings(results: Mapping[str, Any], lang: str, width: int = WIDE) -> dict[str, tuple[str, str]]:
    """Figure name -> (SVG, caption)."""
    results = in_language(results, lang)
    w, design = words(lang), results["design"]
    frame = Frame(
        mark=MARK[lang],
        stamp=w["stamp"].format(hash=results["hash"][:12]),
        arms=(design["control"], design["treated"]),
        controls=(design["control"],),
        labels=design["labels"],
        width=width,
    )
    title = w["x_hr"].format(
        treated=design["labels"][design["treated"]], control=design["labels"][design["control"]]
    )
    made = {
        "power": figures.power(results["power"], design["alpha"], design["power"], frame, w, title),
        "assurance": figures.assurance(results["assurance"]["rows"], frame, w),
        "patients": figures.patients(results["power"], frame, w, title),
    }
    if len(design["looks"]) > 1:
        made["boundaries"] = figures.boundaries(design["looks"], frame, w)
    if results.get("search"):
        found = results["search"]
        made["search"] = figures.search(found["curves"], design["power"], frame, w)
        made["hangs"] = figures.hangs(found["assumptions"], frame, w)
        if any("success" in row for row in found["options"]):
            made["options"] = figures.options(found["options"], frame, w)
    return {
        name: (
            to_svg(view, f"design-{name}", w[f"f_{name}"], f"{w[f'f_{name}']} {MARK[lang]}"),
            w[f"f_{name}"],
        )
        for name, view in made.items()
    }


def html(results: Mapping[str, Any], lang: str = "en") -> str:
    """The page; nothing is loaded from elsewhere.

    Raises:
        BadInput: a language without texts.
    """
    given, results = results, in_language(results, lang)
    w, design = words(lang), results["design"]
    environment = Environment(
        loader=PackageLoader("hepatrial.report", "."),
        autoescape=select_autoescape(default_for_string=True, default=True),
        trim_blocks=True,
        lstrip_blocks=True,
    )
    named, variants = _by_kind(results["characteristics"])
    scale = f"{results['bank']['hazard_scale']:.3g}"
    return environment.get_template("design.html.j2").render(
        lang=lang,
        w=w,
        css=Markup(style_sheet() + running_heads(MARK[lang], w["stamp"].format(hash=results["hash"][:12]))),
        c=Catalogue(lang),
        widths=column_widths,
        next_table=count(1).__next__,
        next_figure=count(1).__next__,
        mark=MARK[lang],
        research=RESEARCH_USE_ONLY[lang],
        title=w["title"].format(title=design["title"]),
        stamp=w["stamp"].format(hash=results["hash"][:12]),
        leads=leads(results, w),
        summary=summary_text(design, w),
        estimand=estimand_table(design, w),
        boundaries=boundary_table(design, w),
        operating=operating_table(named, w),
        power=power_table(results["power"], w),
        assurance=assurance_table(results["assurance"]["rows"], w),
        variants=operating_table(variants, w) if variants else None,
        closed=closed_table(results["closed_form"], w),
        compared=compare_table(results["compare"]["rows"], w) if results.get("compare") else None,
        compared_with=results.get("compare", {}).get("title", ""),
        search=_search(results, w),
        precision=precision_text(results, w),
        methods=w["methods"].format(
            trials=f"{results['trials']:,}", bank=f"{results['bank']['patients']:,}",
            usable=f"{results['bank']['usable']:,}", parts=PARTS, scale=scale,
        ),
        assumptions=special.assumptions(design["assumptions"], w, lang),
        figures={name: (Markup(svg), caption) for name, (svg, caption) in drawings(given, lang).items()},
    )  # fmt: skip


def _search(results: Mapping[str, Any], w: Mapping[str, str]) -> dict[str, Any] | None:
    found = results.get("search")
    return {"sentences": search.sentences(found, w), "tables": search.tables(found, w)} if found else None


def write_design(results: Mapping[str, Any], out: Path, lang: str = "en") -> list[Path]:
    """Write ``report.html``, ``tables.rtf``, ``results.json`` and each figure; equal results, equal bytes."""
    if "kind" in results:
        page, drawn = special.html(results, words(lang), lang)
    else:
        page, drawn = html(results, lang), {name: svg for name, (svg, _) in drawings(results, lang).items()}
    contents = {
        "report.html": page,
        "tables.rtf": tables_file(results, lang).decode("ascii"),
        "results.json": json.dumps(results, indent=1, ensure_ascii=False, allow_nan=False) + "\n",
        **{f"{name}.svg": svg for name, svg in drawn.items()},
    }
    out.mkdir(parents=True, exist_ok=True)
    for name, text in contents.items():
        (out / name).write_text(text, encoding="utf-8")
    return [out / name for name in contents]
