"""The files of a report: the page, its numbers, and its figures one by one."""

from __future__ import annotations

from pathlib import Path

import vl_convert

from hepatrial.ensemble.storage import write_atomic
from hepatrial.errors import BadInput, Problem
from hepatrial.report.catalogue import Catalogue, texts
from hepatrial.report.comparison import compare
from hepatrial.report.documents import drawings_of, html
from hepatrial.report.gather import gather
from hepatrial.report.results import results_bytes, results_of
from hepatrial.report.terminal import Comparison
from hepatrial.trial import RunFolder


def write_report(run: RunFolder, lang: str = "en") -> Path:
    """Write ``report.html`` and ``results.json`` into a run folder; equal tables give equal bytes.

    Args:
        run: a finished run.
        lang: language of the report, 'en' or 'zh'.

    Returns:
        The path of the page.

    Raises:
        BadInput: for a language that has no texts.
    """
    texts(lang)
    facts = gather(run)
    results = results_of(facts)
    run.write("results.json", results_bytes(results))
    return run.write("report.html", html(facts, results, lang).encode())


def write_figures(run: RunFolder, folder: Path | str, *, lang: str = "en", form: str = "svg") -> list[Path]:
    """Write every figure of the report as a file of its own; each carries the mark and the run's hash.

    Args:
        run: a finished run.
        folder: where to; made when it is not there.
        lang: language of the figures, 'en' or 'zh'.
        form: 'svg' or 'png' (twice the size on screen).

    Returns:
        The files written.

    Raises:
        BadInput: for a language or a form that there is not.
    """
    texts(lang)
    if form not in ("svg", "png"):
        raise BadInput([Problem("form", repr(form), "must be 'svg' or 'png'")])
    t = Catalogue(lang)
    facts = gather(run)
    results = results_of(facts)
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for drawing in drawings_of(facts, results, t).values():
        path = folder / f"{drawing.name}.{form}"
        data = drawing.wide.encode() if form == "svg" else vl_convert.svg_to_png(drawing.wide, scale=2)
        write_atomic(path, data)
        written.append(path)
    return written


def comparison_table(run: RunFolder, lang: str = "en") -> Comparison:
    """Simulated against published, misses first: rows for a program, a table for rich and for ``print``.

    Raises:
        BadInput: for a language that has no texts.
    """
    facts = gather(run)
    return Comparison(compare(facts), facts, lang)
