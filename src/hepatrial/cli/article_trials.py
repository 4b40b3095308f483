"""``hepatrial article-trials``: the article's own trials under effect, no effect and each bias mechanism."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hepatrial.cli import edge
from hepatrial.cli.progress import progress_bars

EXAMPLES = """Examples:

  hepatrial article-trials                                  (stored results, in a second)

  hepatrial article-trials --recompute --out article --lang zh

  hepatrial article-trials --recompute --trials 200 --worlds 10 --json
"""


def article_trials(
    recompute: Annotated[
        bool, typer.Option("--recompute", help="Simulate instead of reading the stored results.")
    ] = False,
    trials: Annotated[int, typer.Option(help="Simulated trials under each mechanism.")] = 1_000,
    worlds: Annotated[int, typer.Option(help="Draws of the ensemble in which they are run.")] = 50,
    pairs: Annotated[int, typer.Option(help="Patients of each draw.")] = 300,
    seed: Annotated[int, typer.Option(help="Of all chance.")] = 1,
    threads: Annotated[int | None, typer.Option(help="Worker threads; changes no result.")] = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="DIR", help="Write the report and results.json; --recompute resumes."),
    ] = None,
    lang: Annotated[str, typer.Option("--lang", help="Language of the report: en or zh.")] = "en",
    as_json: edge.JsonOption = False,
) -> None:
    """How often would trials of the real size show what the article prints?"""
    with edge.exit_codes(as_json, lambda: "The same command with the same --out goes on."):
        from hepatrial.article import page, simulate_article, stored
        from hepatrial.schema import MARK

        page.texts(lang)
        if recompute:
            with progress_bars() as tell:
                results = simulate_article(
                    trials=trials,
                    worlds=worlds,
                    pairs=pairs,
                    seed=seed,
                    threads=threads,
                    folder=out,
                    progress=tell,
                )
        else:
            results = stored()
        written = page.write(results, out, lang) if out else []
        if as_json:
            edge.print_json(results)
            return
        console = edge.out()
        console.print(MARK[lang], style="bold")
        console.print(page.answer(results, lang))
        for (protocol, claim, figure), said in page.sentences(results, lang).items():
            console.print(f"{claim} ({protocol}) {page.texts(lang)['figures'][figure]}: {said}")
        console.print(f"{page.texts(lang)['fair']} {results['hash'][:12]}")
        for path in written[:1]:
            edge.tell_written(path, lang)
