"""The report of an experiment: one page, its numbers, its figures."""

from __future__ import annotations

import json
from pathlib import Path

from jinja2 import Environment, PackageLoader, select_autoescape
from markupsafe import Markup

from hepatrial.errors import BadInput, Problem
from hepatrial.experiment.figures import drawings
from hepatrial.experiment.types import NOT_EVIDENCE, Experiment
from hepatrial.experiment.words import check_lang, texts, word
from hepatrial.report.catalogue import Catalogue
from hepatrial.report.sources import said_in
from hepatrial.report.wording import percent, significant
from hepatrial.schema import MARK, RESEARCH_USE_ONLY

FILES = ("report.html", "results.json")


def counts(experiment: Experiment) -> dict[str, int]:
    """Misses, figures that judge, and figures that judge nothing."""
    verdicts = [finding.verdict for finding in experiment.findings]
    judged = verdicts.count("miss") + verdicts.count("kept")
    return {"misses": verdicts.count("miss"), "judged": judged, "rest": len(verdicts) - judged}


def html(experiment: Experiment, lang: str = "en") -> str:
    """The page; nothing is loaded from elsewhere.

    Raises:
        BadInput: a language that has no texts.
    """
    check_lang(lang)
    environment = Environment(
        loader=PackageLoader("hepatrial.experiment", "templates"),
        autoescape=select_autoescape(default_for_string=True, default=True),
        trim_blocks=True,
        lstrip_blocks=True,
    )
    figures = [Markup(svg) for svg in drawings(experiment, lang).values()]
    return environment.get_template("experiment.html.j2").render(
        lang=lang,
        w={key: text[lang] for key, text in texts()["words"].items()},
        title=word("titles", experiment.name, lang),
        mark=MARK[lang],
        research=RESEARCH_USE_ONLY[lang],
        not_evidence=NOT_EVIDENCE[lang],
        counts=word("words", "counts", lang).format(**counts(experiment)),
        stamp=word("words", "stamp", lang).format(hash=experiment.hash[:12]),
        findings=[
            {
                "what": one.what[lang],
                "published": one.published[lang],
                "simulated": f"{significant(one.simulated)} {one.unit}".strip(),
                "verdict": one.verdict,
                "says": word("verdicts", one.verdict, lang),
                "grade": Catalogue(lang).get(f"grade.{one.grade}", one.grade) if lang == "zh" else one.grade,
                "source": said_in(one.source, lang),
                "note": one.note[lang],
            }
            for one in experiment.findings
        ],
        knocks=[
            {
                "mechanism": word("mechanisms", one.mechanism, lang),
                "measure": one.measure[lang],
                "whole": significant(one.whole),
                "without": significant(one.without),
                "none": significant(one.none),
                "lost": percent(one.share_lost, 0),
            }
            for one in experiment.knock_outs
        ],
        figures=figures,
    )


def write_experiment(experiment: Experiment, out: Path, lang: str = "en") -> list[Path]:
    """Write the page, ``results.json`` and each figure as SVG; equal experiments give equal bytes.

    Raises:
        BadInput: the folder holds other files, or a language that has no texts. Nothing is then written.
    """
    check_lang(lang)
    page = html(experiment, lang)
    figures = {f"{panel}.svg": svg for panel, svg in drawings(experiment, lang).items()}
    contents = {
        "report.html": page,
        "results.json": json.dumps(experiment.as_dict(), indent=1, ensure_ascii=False) + "\n",
        **figures,
    }
    strange = sorted({path.name for path in out.iterdir()} - set(contents)) if out.is_dir() else []
    if strange or out.is_file():
        allowed = "a new or empty folder, or one of the same experiment"
        raise BadInput([Problem("--out", f"{out} with {strange[0] if strange else 'a file'}", allowed)])
    out.mkdir(parents=True, exist_ok=True)
    for name, text in contents.items():
        (out / name).write_text(text, encoding="utf-8")
    return [out / name for name in contents]
