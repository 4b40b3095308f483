"""Take-away forms of a report: PDF, Word, figures as SVG and PNG, tables as CSV; each carries the mark.

The mark, the run's hash and how often the simulated trials show no benefit stand on every page of the PDF and
the Word file, in every figure, and in the first line of every CSV file.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from hepatrial.ensemble.storage import write_atomic
from hepatrial.errors import BadInput, Problem, nearest_name
from hepatrial.report.catalogue import Catalogue, texts
from hepatrial.report.documents import drawings_of, html, stamp_of
from hepatrial.report.facts import Facts
from hepatrial.report.gather import gather
from hepatrial.report.results import results_of
from hepatrial.trial import RunFolder
from hepatrial.trial.folder import TABLES

FORMS = ("pdf", "docx", "svg", "png", "csv")
_NEEDS = {"pdf": ("weasyprint", "pdf"), "docx": ("docx", "word")}
"""Form -> (package to import, extra that brings it)."""


def export_report(
    run: RunFolder, folder: Path | str, forms: Sequence[str] = FORMS, *, lang: str = "en"
) -> list[Path]:
    """Write a report in some forms into a folder.

    Args:
        run: a finished run.
        folder: where to; made when it is not there.
        forms: of ``FORMS``.
        lang: language, "en" or "zh".

    Returns:
        The files written.

    Raises:
        BadInput: an unknown form or language, a form whose extra is not installed; nothing is written.
    """
    texts(lang)
    _check(forms)
    facts = gather(run)
    results = results_of(facts)
    files = forms_of(facts, results, forms, lang)
    if "csv" in forms:
        stamp = _stamp(facts, results, lang)
        files |= {f"{name}.csv": csv_bytes(run, name, stamp) for name in TABLES}
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in files.items():
        write_atomic(folder / name, data)
    return [folder / name for name in files]


def forms_of(facts: Facts, results: dict[str, Any], forms: Sequence[str], lang: str) -> dict[str, bytes]:
    """File name -> content, of every form but the tables."""
    drawings = drawings_of(facts, results, Catalogue(lang))
    stamp = _stamp(facts, results, lang)
    page = html(facts, results, lang, drawings)
    files: dict[str, bytes] = {}
    if "pdf" in forms:
        files["report.pdf"] = pdf_bytes(page, stamp)
    if "docx" in forms:
        from hepatrial.report.word import docx_bytes

        files["report.docx"] = docx_bytes(page, stamp, Catalogue(lang).mark)
    for drawing in drawings.values():
        if "svg" in forms:
            files[f"{drawing.name}.svg"] = drawing.wide.encode()
        if "png" in forms:
            files[f"{drawing.name}.png"] = png_bytes(drawing.wide)
    return files


def _stamp(facts: Facts, results: dict[str, Any], lang: str) -> str:
    t = Catalogue(lang)
    return f"{t.mark} · {stamp_of(facts, results, t)}"


def _check(forms: Sequence[str]) -> None:
    problems = [
        Problem("--form", repr(form), f"one of {', '.join(FORMS)}", nearest_name(form, FORMS))
        for form in forms
        if form not in FORMS
    ]
    for form in forms:
        if form in _NEEDS and not _there(_NEEDS[form][0]):
            package, extra = _NEEDS[form]
            allowed = f"needs {package}: pip install 'hepatrial[{extra}]'"
            problems.append(Problem("--form", repr(form), allowed))
    if problems:
        raise BadInput(problems)


def _there(package: str) -> bool:
    try:
        import_module(package)
    except (ImportError, OSError):  # weasyprint raises OSError where the system has no Pango
        return False
    return True


def png_bytes(svg: str) -> bytes:
    """A figure at twice its size on screen."""
    import vl_convert

    data: bytes = vl_convert.svg_to_png(svg, scale=2)
    return data


def csv_bytes(run: RunFolder, table: str, stamp: str) -> bytes:
    """A table with the mark in its first line, as a comment."""
    frame = {"subject": run.subjects, "visit": run.visits, "event": run.events}[table]
    return f"# {stamp}\n{frame.write_csv()}".encode()


def laid_out(page: str) -> Any:
    """The page set on A4 (a WeasyPrint document) by its own style sheet of print."""
    weasyprint = import_module("weasyprint")
    return weasyprint.HTML(string=page, url_fetcher=_nothing_from_elsewhere).render()


def _nothing_from_elsewhere(url: str, *_: Any, **__: Any) -> Any:
    raise ValueError(f"a report loads nothing from elsewhere: {url}")


def pdf_bytes(page: str, stamp: str) -> bytes:
    """The page as PDF with vector figures."""
    document = laid_out(page)
    document.metadata.keywords = [stamp]
    data: bytes = document.write_pdf()
    return data
