"""``hepatrial claims`` and ``answers``: an article's claims audited, and the two answers for a reader."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hepatrial.cli import edge
from hepatrial.cli.progress import progress_bars

if TYPE_CHECKING:
    from hepatrial.claims import Audited

CLAIMS_EXAMPLES = """Examples:

  hepatrial claims                                (the source article's 28 claims)

  hepatrial claims --format html --lang zh --out claims.html

  hepatrial claims --example > article.toml       (begin a file of claims)

  hepatrial claims article.toml --format json

  hepatrial claims --run runs/lin2017-1           (lay a simulation beside it)

  hepatrial claims --recompute                    (simulate the article's trials again; minutes)
"""
ANSWERS_EXAMPLES = """Examples:

  hepatrial answers                      (answers.html)

  hepatrial answers --lang zh --out answers-zh.html
"""
LangOption = Annotated[str, typer.Option("--lang", help="Language: en or zh.")]


def claims(
    file: Annotated[
        Path | None,
        typer.Argument(metavar="[FILE.toml]", help="Claims of another article.", show_default=False),
    ] = None,
    form: Annotated[
        str, typer.Option("--format", help="table, json, html or md.", show_default="table")
    ] = "table",
    lang: LangOption = "en",
    run: Annotated[
        Path | None, typer.Option(help="Finished run to lay beside the claims.", show_default=False)
    ] = None,
    recompute: Annotated[
        bool,
        typer.Option("--recompute", help="Simulate the article's own trials again, not from stored results."),
    ] = False,
    trials: Annotated[
        int, typer.Option(help="Simulated trials under each mechanism of --recompute.")
    ] = 1_000,
    worlds: Annotated[int, typer.Option(help="Draws of the ensemble of --recompute.")] = 50,
    pairs: Annotated[int, typer.Option(help="Patients of each draw of --recompute.")] = 300,
    work: Annotated[
        Path | None,
        typer.Option("--work", help="Folder from which --recompute goes on.", show_default=False),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="New file to write instead of stdout.", show_default=False)
    ] = None,
    example: Annotated[
        bool, typer.Option("--example", help="Print a commented claim file and stop.")
    ] = False,
) -> None:
    """Audit the claims of an article: arithmetic, published evidence, a verdict by written rules.

    JSON is a list of objects with id, verdict, scope, reasons, evidence, checks and simulation.
    """
    with edge.exit_codes(form == "json", lambda: "The same command with the same --work goes on."):
        from hepatrial.claims import article, audit, read_article, run_reference
        from hepatrial.claims.read import example_text
        from hepatrial.claims.texts import check_lang
        from hepatrial.evidence.base import load_base

        if example:
            typer.echo(example_text(), nl=False)
            return
        _check_form(form)
        check_lang(lang)
        edge.check_free(out, "--out")
        base = load_base()
        text = read_article(file, base) if file else article()
        reference = run_reference(run) if run else None
        seen = None if file else _simulated(recompute, trials, (worlds, pairs), work, lang)
        audited = audit(text, base, reference, seen)
        if form == "json":
            rows = [entry.as_dict(lang) for entry in audited]
            if out is None:
                edge.print_json(rows)
            else:
                import json

                edge.write_new(out, json.dumps(rows, indent=2, ensure_ascii=False) + "\n", "--out")
        elif form in ("html", "md"):
            from hepatrial.claims.page import claims_html, claims_markdown

            render = claims_html if form == "html" else claims_markdown
            page = render(text, audited, base, lang)
            if out is None:
                typer.echo(page, nl=False)
            else:
                edge.write_new(out, page, "--out")
        else:
            _print_table(audited, lang)


def _print_table(audited: Iterable[Audited], lang: str) -> None:
    from hepatrial.claims.page import words
    from hepatrial.schema import RESEARCH_USE_ONLY

    w = words("page")[lang]
    cells = [
        (one.id, w[one.verdict], w["scopes"][one.scope], one.claim.words("text", lang)) for one in audited
    ]
    edge.print_table(w["title"], tuple(w["columns"]), cells)
    edge.out().print(f"{w['more']} {RESEARCH_USE_ONLY[lang]}")


def _check_form(form: str) -> None:
    from hepatrial.errors import BadInput, Problem, nearest_name

    forms = ("table", "json", "html", "md")
    if form not in forms:
        allowed = f"must be one of {', '.join(forms)}"
        raise BadInput([Problem("--format", repr(form), allowed, nearest_name(form, forms))])


def _simulated(
    recompute: bool, trials: int, sizes: tuple[int, int], work: Path | None, lang: str
) -> dict[str, Any]:
    """The article's own trials: stored results, or simulated anew in so many worlds of so many patients."""
    from hepatrial.article import for_claims, simulate_article, stored

    if not recompute:
        return for_claims(stored(), lang)
    with progress_bars() as tell:
        results = simulate_article(trials=trials, worlds=sizes[0], pairs=sizes[1], folder=work, progress=tell)
    return for_claims(results, lang)


def answers(
    lang: LangOption = "en",
    out: Annotated[Path | None, typer.Option(help="New file to write.", show_default="answers.html")] = None,
) -> None:
    """Write the two answers (is it safe, does it cure) on one page, from real trials only."""
    with edge.exit_codes():
        from hepatrial.claims.answers import answers_html
        from hepatrial.evidence.base import load_base

        path = out or Path("answers.html" if lang == "en" else f"answers-{lang}.html")
        edge.write_new(path, answers_html(load_base(), lang), "--out")
        edge.tell_written(path, lang)
