"""``hepatrial evidence pool``, ``forest``, ``risk``, ``check``: synthesis, figures and arithmetic."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from hepatrial.cli import edge

POOL_EXAMPLES = """Examples:

  hepatrial evidence pool death --population aclf              (products apart; what is recalled is kept out)

  hepatrial evidence pool death --bias --bayes --json

  hepatrial evidence pool --rows trials.csv --measure OR --leave-one-out --cumulative --by product

  hepatrial evidence pool --rows trials.csv --method peto --measure OR

  hepatrial evidence pool --rows trials.csv --regress year --small-study
"""
FOREST_EXAMPLES = """Examples:

  hepatrial evidence forest death --out forest.svg

  hepatrial evidence forest severe_infection --measure OR --lang zh --out forest.png

  hepatrial evidence forest death --out forest.html
"""
RISK_EXAMPLES = """Examples:

  hepatrial evidence risk --out risk.svg

  hepatrial evidence risk --json
"""
CHECK_EXAMPLES = """Examples:

  hepatrial evidence check                (all trials and pools; what does not follow as printed)

  hepatrial evidence check lin2017 --all --json
"""
Width = Annotated[int, typer.Option(help="Width in CSS pixels (680 a page, 350 a phone).", min=300, max=1600)]
Lang = Annotated[str, typer.Option("--lang", help="Language: en or zh.")]
Out = Annotated[Path, typer.Option("--out", help="New file: .svg, .png, .html or .json (Vega-Lite).")]


def _listed(text: str | None) -> tuple[str, ...]:
    return tuple(part.strip() for part in (text or "").split(",") if part.strip())


def pool(
    outcome: Annotated[
        str | None,
        typer.Argument(metavar="[OUTCOME]", help="Outcome of the base, such as death."),
    ] = None,
    rows: Annotated[Path | None, typer.Option(help="A CSV table of studies instead of the base.")] = None,
    measure: Annotated[str, typer.Option(help="RR, OR, RD, MD, SMD or HR.")] = "RR",
    method: Annotated[str, typer.Option(help="random, common, mantel_haenszel or peto.")] = "random",
    estimator: Annotated[str, typer.Option(help="Of tau-squared: REML, PM, DL, HE, SJ, ML, HS.")] = "REML",
    interval: Annotated[str, typer.Option(help="hartung_knapp or wald.")] = "hartung_knapp",
    prediction: Annotated[str, typer.Option(help="Prediction interval: t_k-1, t_k-2 or z.")] = "t_k-1",
    double_zeros: Annotated[str, typer.Option(help="leave_out or correct.")] = "leave_out",
    week: Annotated[float | None, typer.Option(help="Week of deaths.", show_default="last")] = None,
    population: Annotated[str | None, typer.Option(help="Comma-separated populations.")] = None,
    product: Annotated[str | None, typer.Option(help="Comma-separated classes of product.")] = None,
    together: Annotated[bool, typer.Option("--together", help="Pool different products together.")] = False,
    by: Annotated[str, typer.Option(help="Label of subgroups: kind, origin ...")] = "",
    regress: Annotated[str | None, typer.Option(help="Covariates: year, log10_dose ...")] = None,
    leave_one_out: Annotated[bool, typer.Option("--leave-one-out", help="Leave each study out.")] = False,
    cumulative: Annotated[bool, typer.Option("--cumulative", help="Add studies by year.")] = False,
    small_study: Annotated[
        bool, typer.Option("--small-study", help="Egger's test; refused below ten studies.")
    ] = False,
    bayes: Annotated[bool, typer.Option("--bayes", help="Bayesian random effects, priors stated.")] = False,
    prior_sd: Annotated[float, typer.Option(help="SD of the mean effect's normal prior at 0.")] = 2.82,
    tau_prior: Annotated[str, typer.Option(help="half_normal, half_cauchy or uniform.")] = "half_normal",
    tau_scale: Annotated[float, typer.Option(help="Scale of the prior of tau.")] = 0.5,
    bias: Annotated[bool, typer.Option("--bias", help="Bias-adjusted rows, tipping point.")] = False,
    level: Annotated[float, typer.Option(help="Of the intervals.")] = 0.95,
    as_json: edge.JsonOption = False,
) -> None:
    """Pool an outcome of the base, or your own table: random effects by REML and Hartung-Knapp by default."""
    with edge.exit_codes(as_json):
        from hepatrial.errors import BadInput, Problem
        from hepatrial.evidence.base import load_base
        from hepatrial.evidence.contrasts import contrasts
        from hepatrial.evidence.pooling import Asked, pool_rows
        from hepatrial.evidence.synthesis import Priors
        from hepatrial.evidence.synthesis.table import read_rows

        if (outcome is None) == (rows is None):
            given = "both" if outcome else "neither"
            raise BadInput([Problem("OUTCOME", given, "give an outcome of the base or --rows FILE.csv")])
        base = load_base()
        studies: Any
        if rows is not None:
            studies = read_rows(_text(rows))
        else:
            studies = contrasts(
                base, outcome or "", week=week, populations=_listed(population), products=_listed(product)
            )
        asked = Asked(
            measure=measure, method=method, estimator=estimator, interval=interval, prediction=prediction,
            level=level, double_zeros=double_zeros, together=together, leave_one_out=leave_one_out,
            cumulative=cumulative, small_study=small_study, by=by, regress=_listed(regress), bias=bias,
            priors=Priors(sd=prior_sd, tau=tau_prior, tau_scale=tau_scale) if bayes else None,
            trials=base.trials,
        )  # fmt: skip
        told = pool_rows(studies, asked)
        if as_json:
            edge.print_json(told)
        else:
            _print_pool(told)


def _text(path: Path) -> str:
    from hepatrial.errors import BadInput, Problem

    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(
            [Problem("--rows", str(path), f"must be a text file that can be read ({error})")]
        ) from None


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3g}"


def _shown(row: dict[str, Any]) -> str:
    return f"{_number(row['estimate'])} ({_number(row['lower'])} to {_number(row['upper'])})"


def _print_pool(told: dict[str, Any]) -> None:
    console = edge.out()
    for group in told["groups"]:
        head = "" if group["label"] == "all" else f"{group['label']}: "
        if not group["k"]:
            console.print(f"{head}not pooled. {group['not_pooled']}")
            continue
        console.print(f"{head}{told['measure']} {_shown(group)}, k = {group['k']}, p = {_number(group['p'])}")
        console.print(f"  {group['pooling']}")
        if group["prediction"]:
            console.print(f"  prediction {_shown(group['prediction'])} [{group['prediction_convention']}]")
        if group.get("tau2") and group["k"] > 1:
            console.print(
                f"  tau2 {_shown(group['tau2'])}, I2 {_shown(group['i2'])} %, Q {_number(group['q'])}"
            )
        for study in group["studies"]:
            note = f"; {study['note']}" if study["note"] else ""
            console.print(f"    {study['study']}: {_shown(study)}, {study['weight']:.0f} %{note}")
        for row in group["refused"]:
            console.print(f"    kept out, {row['study']}: {row['reason']}")
        for note in group["notes"]:
            console.print(f"  {note}")
        _print_more(group)


def _print_more(group: dict[str, Any]) -> None:
    console = edge.out()
    for key, name in (("leave_one_out", "without"), ("cumulative", "added"), ("bias_adjusted", "domain")):
        for row in group.get(key, ()):
            console.print(f"  {key.replace('_', ' ')}, {row[name]}: {_shown(row)}")
    if "tipping_point" in group:
        console.print(f"  {group['tipping_point']}")
    for row in group.get("subgroups", {}).get("groups", ()):
        console.print(f"  subgroup {row['label']}: {_shown(row)}, k = {row['k']}")
    if "subgroups" in group:
        found = group["subgroups"]
        console.print(f"  between subgroups p = {_number(found['p'])} {found['note']}".rstrip())
    for row in group.get("regression", {}).get("coefficients", ()):
        console.print(f"  {row['name']}: {_shown(row)}, p = {_number(row['p'])}")
    if "small_study" in group:
        found = group["small_study"]
        console.print(
            f"  {found['test']}: {_number(found['intercept'])}, p = {_number(found['p'])}. {found['note']}"
        )
    if "bayes" in group:
        found = group["bayes"]
        console.print(f"  Bayes {_shown(found)}, probability below no effect {found['below_null']:.3f}")
        console.print(f"  {found['priors']}; a new study {_shown(found['prediction'])}")


def forest(
    out: Out,
    outcome: Annotated[str, typer.Argument(metavar="[OUTCOME]", help="Outcome of the base.")] = "death",
    measure: Annotated[str, typer.Option(help="RR, OR or RD.")] = "RR",
    week: Annotated[float | None, typer.Option(help="Week of deaths.", show_default="last")] = None,
    population: Annotated[str | None, typer.Option(help="Comma-separated populations.")] = None,
    product: Annotated[str | None, typer.Option(help="Comma-separated classes of product.")] = None,
    lang: Lang = "en",
    width: Width = 680,
) -> None:
    """Draw a forest: products apart, risk of bias beside each study, bias-adjusted rows."""
    with edge.exit_codes():
        from hepatrial.claims.drawings import forest_drawing, outcome_name
        from hepatrial.errors import BadInput, Problem, nearest_name
        from hepatrial.evidence.base import load_base

        if measure not in ("RR", "OR", "RD"):
            near = nearest_name(measure, ("RR", "OR", "RD"))
            raise BadInput([Problem("--measure", repr(measure), "must be RR, OR or RD", near)])
        drawing = forest_drawing(
            load_base(), outcome, lang=lang, width=width, measure=measure, week=week,
            populations=_listed(population), products=_listed(product),
        )  # fmt: skip
        _write(drawing, out, outcome_name(outcome, lang))


def risk(
    out: Annotated[Path | None, typer.Option("--out", help="New file: .svg, .png, .html or .json.")] = None,
    lang: Lang = "en",
    width: Width = 680,
    as_json: edge.JsonOption = False,
) -> None:
    """Risk of bias of every trial (RoB 2, ROBINS-I): a traffic-light figure, or judgements with reasons."""
    with edge.exit_codes(as_json):
        from hepatrial.claims.drawings import risk_drawing
        from hepatrial.evidence.base import load_base
        from hepatrial.evidence.base.risk import table

        base = load_base()
        if out is not None:
            _write(risk_drawing(base, lang=lang, width=width), out, "risk of bias")
        rows = table(base.trials.values())
        if as_json:
            edge.print_json(rows)
        elif out is None:
            cells = (
                (str(r["name"]), str(r["tool"]), str(r["overall"]),
                 "; ".join(f"{k} {v[0]}" for k, v in dict(r["domains"]).items()))  # type: ignore[call-overload]
                for r in rows
            )  # fmt: skip
            edge.print_table("Risk of bias", ("trial", "tool", "whole", "domains"), cells)


def _write(drawing: dict[str, Any], out: Path, title: str) -> None:
    import json

    from hepatrial.claims.drawings import drawing_html
    from hepatrial.errors import BadInput, Problem
    from hepatrial.report.style import to_svg

    kind = out.suffix.lower()
    if kind == ".svg":
        edge.write_new(out, to_svg(drawing, out.stem, title, title), "--out")
    elif kind == ".html":
        edge.write_new(out, drawing_html(drawing, title), "--out")
    elif kind == ".json":
        edge.write_new(out, json.dumps(drawing, indent=1, ensure_ascii=False) + "\n", "--out")
    elif kind == ".png":
        if out.exists():
            raise BadInput([Problem("--out", str(out), "must be a file that does not exist yet")])
        import vl_convert

        out.write_bytes(vl_convert.vegalite_to_png(drawing, scale=2))
    else:
        raise BadInput([Problem("--out", str(out), "must end in .svg, .png, .html or .json")])
    edge.out().print(f"Wrote {out}.")


def check(
    name: Annotated[
        str | None, typer.Argument(metavar="[ID]", help="Trial or pool; without it, all.", show_default=False)
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="Consistent findings too.")] = False,
    lang: Lang = "en",
    as_json: edge.JsonOption = False,
) -> None:
    """Check the arithmetic of every printed figure of the base, in fair words; nobody was asked."""
    with edge.exit_codes(as_json):
        from dataclasses import asdict

        from hepatrial.claims.findings import finding_text
        from hepatrial.claims.texts import check_lang
        from hepatrial.evidence.arithmetic import check_base
        from hepatrial.evidence.base import load_base

        check_lang(lang)
        base = load_base()
        if name is not None:
            base.get(name)
        found = check_base(base, name or "")
        shown = [one for one in found if everything or one.finding.verdict != "consistent"]
        if as_json:
            edge.print_json(
                [
                    {"entry": one.entry, "grade": one.grade, **asdict(one.finding),
                     "facts": {k: v for k, v in one.finding.facts.items() if v == v},
                     "sentence": finding_text(one.finding, lang)}
                    for one in shown
                ]
            )  # fmt: skip
            return
        for one in shown:
            edge.out().print(
                f"{one.entry} [{one.grade}] {one.finding.place}: {finding_text(one.finding, lang)}"
            )
        edge.out().print(f"{len(found)} checks, {len(shown)} shown.")
