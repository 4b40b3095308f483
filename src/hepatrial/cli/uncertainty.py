"""``hepatrial sensitivity``, ``attribute``, ``voi``: what drives an outcome, how, and what to measure."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hepatrial.cli import edge
from hepatrial.cli.progress import progress_bars

if TYPE_CHECKING:
    from hepatrial.report.catalogue import Catalogue

SENSITIVITY_EXAMPLES = """Examples:

  hepatrial sensitivity lin2017                                  (Morris over every card with a width)

  hepatrial sensitivity lin2017 --method sobol --factor flare --factor death_base --number 64

  hepatrial sensitivity lin2017 --out runs/what --json           (the same command goes on where it stopped)
"""
ATTRIBUTE_EXAMPLES = """Examples:

  hepatrial attribute lin2017

  hepatrial attribute peng2011 --members 60 --patients 100 --out runs/paths --lang zh
"""
VOI_EXAMPLES = """Examples:

  hepatrial voi lin2017

  hepatrial voi lin2017 --measurement scd163_day_3 --measured 20 --measured 80 --threshold 0.05 --json
"""

Protocol = Annotated[
    str, typer.Argument(metavar="PROTOCOL", help="Shipped protocol (lin2017) or a TOML file.")
]
Seed = Annotated[int, typer.Option(help="Of all chance.")]
Threads = Annotated[int | None, typer.Option(help="Worker threads; change no result.")]
Out = Annotated[
    Path | None,
    typer.Option("--out", metavar="DIR", help="Folder.", show_default="runs/COMMAND-PROTOCOL-SEED"),
]
Lang = Annotated[str, typer.Option("--lang", help="Language of the report: en or zh.")]
Members = Annotated[int, typer.Option(help="Members of the ensemble.")]
Arm = Annotated[str | None, typer.Option(help="Arm with cells.", show_default="the first")]

RESUMES = "The same command with the same --out goes on."


def sensitivity(
    protocol: Protocol,
    method: Annotated[str, typer.Option(metavar="morris|sobol", help="Screening or indices.")] = "morris",
    factors: Annotated[
        list[str] | None,
        typer.Option(
            "--factor",
            metavar="CARD",
            help="Card that moves. Repeatable.",
            show_default="all that the protocol reads",
        ),
    ] = None,
    trajectories: Annotated[
        int | None,
        typer.Option("--number", help="Trajectories (4) or points of Sobol (64).", show_default="by method"),
    ] = None,
    patients: Annotated[int, typer.Option(help="Patients in each cohort.")] = 80,
    seed: Seed = 1,
    threads: Threads = None,
    out: Out = None,
    lang: Lang = "en",
    as_json: edge.JsonOption = False,
) -> None:
    """Rank the model's numbers by what they do to survival, bilirubin and MELD of the control arm."""
    from hepatrial.uncertainty import sensitivity as s

    _answer(
        ("sensitivity", protocol, seed, out, lang, as_json),
        lambda p: s.check(p, method, factors or [], trajectories, patients, seed),
        lambda asked, folder, progress: s.sensitivity(asked, folder, threads=threads, progress=progress),
        lambda found, t: [_line(row, found["week"], t) for row in _first(found)],
    )


def attribute(
    protocol: Protocol,
    arm: Arm = None,
    members: Members = 30,
    patients: Annotated[int, typer.Option(help="Patients followed in each member.")] = 50,
    seed: Seed = 1,
    threads: Threads = None,
    out: Out = None,
    lang: Lang = "en",
    as_json: edge.JsonOption = False,
) -> None:
    """Split an effect along the causal graph, by structural variant, prior beside posterior."""
    from hepatrial.uncertainty import attribute as a

    _answer(
        ("attribute", protocol, seed, out, lang, as_json),
        lambda p: a.check(p, arm, members, patients, seed),
        lambda asked, folder, progress: a.attribute(asked, folder, threads=threads, progress=progress),
        lambda found, t: [
            _edge_line(row, t)
            for row in found["edges"]
            if row["variant"] == "all" and row["outcome"] == "alive"
        ],
    )


def voi(
    protocol: Protocol,
    measurements: Annotated[
        list[str] | None,
        typer.Option("--measurement", metavar="NAME", help="Reading. Repeatable.", show_default="all"),
    ] = None,
    measured: Annotated[
        list[int] | None,
        typer.Option(
            "--measured", help="Patients measured in each arm. Repeatable.", show_default="10, 30, 100"
        ),
    ] = None,
    threshold: Annotated[
        float, typer.Option(help="Difference in survival above which a trial would be run.")
    ] = 0.05,
    arm: Arm = None,
    members: Members = 30,
    patients: Annotated[int, typer.Option(help="Patients followed in each member.")] = 60,
    seed: Seed = 1,
    threads: Threads = None,
    out: Out = None,
    lang: Lang = "en",
    as_json: edge.JsonOption = False,
) -> None:
    """Value of information: which reading in how many patients tells variants apart or changes a decision."""
    from hepatrial.errors import BadInput, Problem
    from hepatrial.uncertainty import attribute as a
    from hepatrial.uncertainty import voi as v

    names, sizes = measurements or [], measured or [10, 30, 100]

    def check(p: Any) -> a.Asked:
        problems: list[Problem] = []
        asked = None
        for attempt in (
            lambda: a.check(p, arm, members, patients, seed),
            lambda: v.check_more(names, sizes, threshold),
        ):
            try:
                asked = attempt() or asked
            except BadInput as bad:
                problems += bad.problems
        if problems or asked is None:
            raise BadInput(problems)
        return asked

    _answer(
        ("voi", protocol, seed, out, lang, as_json),
        check,
        lambda asked, folder, progress: v.voi(
            asked, names, sizes, threshold, folder, threads=threads, progress=progress
        ),
        lambda found, t: [_reading_line(row, t) for row in found["rows"]],
    )


def _answer(
    asked_for: tuple[str, str, int, Path | None, str, bool],
    check: Callable[[Any], Any],
    work: Callable[[Any, Path, Callable[[str, int, int], None]], dict[str, Any]],
    lines: Callable[[dict[str, Any], Catalogue], list[str]],
) -> None:
    """Check, do the work with progress, write the page and tell the first lines: the same for all three.

    Args:
        asked_for: command, protocol, seed, folder, language, whether JSON is wanted.
        check: turns a protocol into a checked request.
        work: does it in a folder.
        lines: of what was found, in the words of a language, for the terminal.
    """
    what, protocol, seed, out, lang, as_json = asked_for
    with edge.exit_codes(as_json, lambda: RESUMES):
        asked, folder = _protocol(protocol, lang, out, what, seed, check)
        with progress_bars() as progress:
            found = work(asked, folder, progress)
        from hepatrial.report.catalogue import Catalogue

        _tell(found, folder, lang, as_json, lines(found, Catalogue(lang)))


def _protocol(
    name: str, lang: str, out: Path | None, what: str, seed: int, check: Callable[[Any], Any]
) -> tuple[Any, Path]:
    """The checked request and its folder; everything that is wrong is told at once."""
    from hepatrial.errors import BadInput, Problem
    from hepatrial.protocol import load_protocol
    from hepatrial.report.catalogue import texts

    problems: list[Problem] = []
    loaded = asked = None
    try:
        texts(lang)
    except BadInput as bad:
        problems += bad.problems
    try:
        loaded = load_protocol(name)
        asked = check(loaded)
    except BadInput as bad:
        problems += bad.problems
    if problems or loaded is None:
        raise BadInput(problems)
    return asked, out or Path("runs") / f"{what}-{loaded.identity.id}-{seed}"


def _tell(found: dict[str, Any], folder: Path, lang: str, as_json: bool, lines: list[str]) -> None:
    from hepatrial.report.uncertainty import write_page
    from hepatrial.schema import MARK, RESEARCH_USE_ONLY

    written = write_page(found, folder, lang)
    if as_json:
        edge.print_json({"mark": MARK[lang], **found})
        return
    console = edge.out()
    console.print(MARK[lang], style="bold")
    for line in lines:
        console.print(line)
    console.print(RESEARCH_USE_ONLY[lang])
    edge.tell_report(written, lang)


def _first(found: dict[str, Any], each: int = 6) -> list[dict[str, Any]]:
    outputs = dict.fromkeys(row["output"] for row in found["rows"])
    return [row for name in outputs for row in [r for r in found["rows"] if r["output"] == name][:each]]


def _line(row: dict[str, Any], week: float, t: Catalogue) -> str:
    from hepatrial.report.card_names import card_words

    said = {
        "output": t(f"sensitivity.{row['output']}", week=f"{week:g}"),
        "card": card_words(row["factor"], t.lang),
    }
    if row["value"] is None:
        return t("cli.sensitivity.none", **said)
    value, low, high = (None if x is None else f"{x:.3g}" for x in (row["value"], row["low"], row["high"]))
    ranged = value if low is None else t("cli.ends", value=value, low=low, high=high)
    return t("cli.sensitivity.line", **said, value=ranged)


def _edge_line(row: dict[str, Any], t: Catalogue) -> str:
    prior, posterior = (
        f"{100 * one['difference']:+.1f} ± {100 * one['mcse']:.1f}"
        for one in (row["prior"], row["posterior"])
    )
    doubt = "" if row["learnt"] else t("attribute.same")
    doubt = doubt if row["resolved"] else t("attribute.unclear")
    line = t("cli.attribute.line", edge=t(f"edge.{row['edge']}"), prior=prior, posterior=posterior)
    return f"{line}  {doubt}".rstrip()


def _reading_line(row: dict[str, Any], t: Catalogue) -> str:
    return t(
        "cli.voi.line", reading=t.pick(row["label"]), n=row["n"],
        bits=f"{row['bits']:.3f} ± {row['bits_mcse']:.3f}",
        points=f"{100 * row['evsi']:.2f} ± {100 * row['evsi_mcse']:.2f}",
    )  # fmt: skip
