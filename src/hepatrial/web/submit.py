"""From a request to a run in the queue: everything checked first, the hash known before it begins."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hepatrial import api
from hepatrial.errors import BadInput, Problem
from hepatrial.population.deck import make_deck
from hepatrial.protocol import Protocol, protocol_from_dict
from hepatrial.provenance import fingerprint
from hepatrial.trial.run import patient_machine, run_spec, variant_set
from hepatrial.web.jobs.registry import Run
from hepatrial.web.plain import check_plain
from hepatrial.web.problems import Refused
from hepatrial.web.state import Server


def read_protocol(data: Mapping[str, Any]) -> Protocol:
    """Plain data of a stranger as a protocol.

    Raises:
        BadInput: with everything that is wrong.
    """
    check_plain(data, "protocol")
    try:
        return protocol_from_dict(data)
    except (RecursionError, OverflowError) as error:
        raise BadInput(
            [Problem("protocol", type(error).__name__, "numbers and nesting of ordinary size")]
        ) from None


def checked(
    server: Server, data: Mapping[str, Any], options: Mapping[str, Any], lang: str
) -> tuple[Protocol, dict[str, Any]]:
    """Protocol and options of a run, checked together.

    Raises:
        BadInput: with everything that is wrong.
    """
    protocol = read_protocol(data)
    check_plain(options, "options")
    plan = api.check(protocol, **options, out=None, lang=lang, threads=None)
    courses = (plan.options["patients"] or protocol.patients) * plan.options["replicates"]
    courses += plan.options["pairs"] * len(protocol.arms)
    if courses > server.settings.courses:
        allowed = (
            f"at most {server.settings.courses:,} courses (patients x trials + pairs x arms) on this server"
        )
        raise BadInput([Problem("replicates", f"{courses:,} courses", allowed)])
    return plan.protocol, plan.options


def run_hash(protocol: Protocol, options: Mapping[str, Any]) -> str:
    """The hash that the run's folder will have: that of ``trial.run.run_spec``."""
    if options["patients"] is not None:
        protocol = protocol.with_patients(options["patients"])
    kept = {name: value for name, value in api.options_of_trial(options).items() if name != "patients"}
    worlds = api.worlds_for(options)
    deck, variants = make_deck(options["settings"]), variant_set(options["variant"], worlds.variants)
    return fingerprint(run_spec(protocol, kept, patient_machine(), deck, variants, worlds))


def submit(
    server: Server,
    data: Mapping[str, Any],
    options: Mapping[str, Any],
    *,
    lang: str,
    title: str = "",
    note: str = "",
    origin: str = "",
) -> Run:
    """Enter a run into the queue.

    Raises:
        BadInput: with everything that is wrong; nothing is entered.
        Refused: 429, the queue is full.
    """
    protocol, options = checked(server, data, options, lang)
    check_plain([title, note, origin], "title")
    request = {"protocol": protocol.as_dict(), "options": dict(options), "lang": lang}
    run = server.registry.add(
        request,
        title=title,
        protocol=protocol.identity.id,
        origin=origin,
        note=note,
        most=server.settings.queued,
    )
    if run is None:
        detail = f"{server.settings.queued} runs are waiting already."
        raise Refused(429, detail, "Wait until some are done, or cancel some.")
    server.registry.name(run.id, run_hash(protocol, options))
    server.queue.wake()
    return server.run(run.id)
