"""``hepatrial claims`` and ``answers``: an article's claims audited, and the two answers for a reader."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hepatrial.cli import edge

CLAIMS_EXAMPLES = """Examples:

  hepatrial claims                                (the source article's 28 claims)

  hepatrial claims --format html --lang zh --out claims.html

  hepatrial claims myarticle.toml --format json

  hepatrial claims --run runs/lin2017-1           (lay a simulation beside it)
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
    out: Annotated[
        Path | None, typer.Option(help="New file to write instead of stdout.", show_default=False)
    ] = None,
) -> None:
    """Audit the claims of an article: arithmetic, published evidence, a verdict by written rules."""
    with edge.exit_codes(form == "json"):
        from hepatrial.claims import article, audit, read_article, run_reference
        from hepatrial.claims.page import check_lang, claims_html, claims_markdown
        from hepatrial.errors import BadInput, Problem, nearest_name
        from hepatrial.evidence.base import load_base

        forms = ("table", "json", "html", "md")
        if form not in forms:
            allowed = f"must be one of {', '.join(forms)}"
            raise BadInput([Problem("--format", repr(form), allowed, nearest_name(form, forms))])
        check_lang(lang)
        base = load_base()
        text = read_article(file, base) if file else article()
        audited = audit(text, base, run_reference(run) if run else None)
        if form == "json":
            rows = [entry.as_dict(lang) for entry in audited]
            if out is None:
                edge.print_json(rows)
            else:
                import json

                edge.write_new(out, json.dumps(rows, indent=2, ensure_ascii=False) + "\n", "--out")
        elif form in ("html", "md"):
            render = claims_html if form == "html" else claims_markdown
            page = render(text, audited, base, lang)
            if out is None:
                typer.echo(page, nl=False)
            else:
                edge.write_new(out, page, "--out")
        else:
            cells = [
                (entry.id, entry.verdict, entry.scope, entry.claim.words("text", lang)) for entry in audited
            ]
            edge.print_table("Claims audited", ("id", "verdict", "seen in", "claim"), cells)
            edge.out().print("Reasons and evidence: --format html, md or json. Research use only.")


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
        edge.out().print(f"Wrote {path}.")
