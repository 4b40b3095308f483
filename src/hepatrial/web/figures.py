"""Figures of the pages: those of the report, fed with what a run holds so far."""

from __future__ import annotations

from typing import Any

from hepatrial.evidence import published as published_trial
from hepatrial.protocol import Protocol, protocol_from_dict
from hepatrial.report.benefit import no_benefit_words
from hepatrial.report.catalogue import Catalogue
from hepatrial.report.figures import survival_curves
from hepatrial.report.spread import MIN_REPLICATES
from hepatrial.report.style import Frame
from hepatrial.web.jobs.folders import CURVES, LIVE
from hepatrial.web.jobs.registry import Run
from hepatrial.web.language import translate
from hepatrial.web.problems import Refused
from hepatrial.web.state import Server


def frame_of(
    protocol: Protocol, run_hash: str, lang: str, width: int, shown: dict[str, Any], strategy: str
) -> Frame:
    """The look of a run's figures: in the foot the mark, the hash and how often there is no benefit."""
    t = Catalogue(lang)
    labels = {name: arm.text("label", lang) for name, arm in protocol.arms.items()}
    shares = shown.get("no_benefit", {}).get(strategy, {})
    told = [
        no_benefit_words(labels[name], shares.get(name), shown.get("trials", 0), t)
        for name in protocol.other_arms
    ]
    return Frame(
        mark=t.mark,
        stamp=" · ".join([t("report.stamp", hash=run_hash[:12]), *told]),
        arms=(protocol.control_arm, *protocol.other_arms),
        controls=(protocol.control_arm,),
        labels=labels,
        width=width,
    )


def survival(server: Server, run: Run, lang: str, strategy: str, width: int) -> dict[str, Any]:
    """Survival by arm under a strategy: the finished run's, else what there is of it so far.

    Raises:
        Refused: 409, nothing is there yet, or this strategy is shown when the run is done.
    """
    folders = server.folders(run.id)
    shown = folders.read(CURVES) if run.state == "done" else folders.read(LIVE)
    if shown is None:
        raise Refused(409, "No patient has been followed yet.", "Ask again in a moment.")
    if strategy not in shown["curves"]:
        raise Refused(409, "This way of handling transplants is shown when the run is done.", "Wait for it.")
    protocol, t = protocol_from_dict(run.request["protocol"]), Catalogue(lang)
    weeks = protocol.follow_up.length / 7
    spec = survival_curves(
        shown["curves"][strategy],
        frame_of(protocol, run.hash, lang, width, shown, strategy),
        t,
        weeks=weeks,
        y_title=t(f"strategy.{strategy}"),
        published=published_points(protocol) if strategy == "treatment_policy" else (),
    )
    return {"spec": spec, "caption": caption(shown, strategy, lang), "kind": shown["kind"]}


def caption(shown: dict[str, Any], strategy: str, lang: str) -> str:
    """What the curves of a run are of, so far."""
    if shown["kind"] == "first":
        said = translate(lang, "The first {n} patients, each followed in every arm.", n=shown["patients"])
        if not shown["matched"]:
            said += " " + translate(lang, "They are not yet matched to the Table 1.")
    elif shown["trials"] < MIN_REPLICATES:
        said = translate(
            lang, "{n} simulated trials: too few for a band, and for a conclusion.", n=shown["trials"]
        )
    else:
        said = translate(lang, "{n} simulated trials; bands hold 95 of 100 of them.", n=shown["trials"])
    return said + " " + Catalogue(lang)(f"note.strategy.{strategy}")


def published_points(protocol: Protocol) -> list[dict[str, Any]]:
    """Published survival of a protocol's arms, for the figure."""
    if protocol.identity.published is None:
        return []
    trial = published_trial(protocol.identity.published)
    rows = []
    for arm in protocol.arms:
        for point in trial.survival_of(arm) if arm in trial.arms else ():
            if 7 * point.week > protocol.follow_up.length:
                continue
            rows.append(
                {"arm": arm, "week": point.week, "value": point.percent / 100,
                 "low": None if point.ci_low is None else point.ci_low / 100,
                 "high": None if point.ci_high is None else point.ci_high / 100,
                 "role": _ROLES.get(point.use, "article")}
            )  # fmt: skip
    return rows


_ROLES = {"fitted": "fitted", "predicted": "predicted", "article, unverified": "article"}
