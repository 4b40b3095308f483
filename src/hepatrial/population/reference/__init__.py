"""Reference cohorts: one protocol a class of disease, for calibration and prediction.

``reference_protocol(name)`` is a protocol like any other: everybody eligible enters, on standard care.
"""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.resources import files
from typing import Any

from hepatrial.errors import BadInput, Problem, nearest_name
from hepatrial.protocol import Protocol
from hepatrial.protocol.protocol import protocol_from_dict

_PACKAGE = "hepatrial.population.reference"

URGENT_OFFERS = "7 % per day"
"""Offers on the urgent list, before urgency adds to them: about 0.71 of the listed get one (vltu2019)."""

EXCHANGE = {"first_day": "8 h", "every": "1 d"}
"""A session of the Japanese series, in the afternoon; blood is drawn in the morning (assumed)."""


@cache
def _read(name: str) -> dict[str, Any]:
    return tomllib.loads(files(_PACKAGE).joinpath(name).read_text(encoding="utf-8"))


def reference_names() -> tuple[str, ...]:
    """Names of the reference cohorts."""
    return tuple(_read("classes.toml"))


def reference_protocol(
    name: str,
    *,
    cause: str | None = None,
    definition: str | None = None,
    referral_days: float | None = None,
    days: float | None = None,
) -> Protocol:
    """The protocol of a reference cohort.

    Args:
        name: one of ``reference_names()``.
        cause: only patients of this cause, instead of the class's mix.
        definition: another definition tag, instead of the class's own.
        referral_days: median referral delay, instead of the class's or the population's (log-SD 0.8).
        days: length of follow-up, instead of the class's.

    Raises:
        BadInput: an unknown name, or a cause or definition that the protocol refuses.
    """
    known = _read("classes.toml")
    if name not in known:
        allowed = f"one of {', '.join(known)}"
        raise BadInput([Problem("reference cohort", name, allowed, nearest_name(name, known))])
    entry = known[name]
    causes = {cause: 1.0} if cause else entry.get("causes", {})
    length = float(days or entry["days"])
    base = _read("base.toml")
    weeks: list[float] = [week for week in (4, 12, 24) if week * 7 <= length] or [length / 7]
    data = {
        **base,
        "identity": {**base["identity"], "id": name, "definition": definition or entry["definition"]},
        "population": {
            **base["population"],
            "disease": entry["disease"],
            "age": {"min": 18, "max": entry.get("age_max", 80)},
            "causes": [{"cause": one, "share": share} for one, share in causes.items()],
            "eligibility": [{"measure": m, "min": low} for m, low in entry["eligibility"].items()],
        },
        "arms": _arms(base["arms"], entry),
        "care": _care(entry),
        "visits": {**base["visits"], "weeks": weeks[:1]},
        "endpoints": {**base["endpoints"], "survival_weeks": weeks}
        | {"primary": {"endpoint": "overall_survival", "week": weeks[-1]}},
        "follow_up": {"length": f"{length:g} d"},
    }
    referral_days = entry.get("referral_days") if referral_days is None else referral_days
    if referral_days is not None:
        delay = {"median": f"{referral_days:g} d", "log_sd": 0.8}
        data["selection"] = {**base["selection"], "referral_delay": delay}
    return protocol_from_dict(data)


def _arms(arms: dict[str, Any], entry: dict[str, Any]) -> dict[str, Any]:
    """Standard care, and courses of plasma exchange where a series is laid beside exchanged patients."""
    courses: dict[str, dict[str, float]] = entry.get("exchange", {})
    given = {
        name: {**EXCHANGE, "sessions": course["sessions"], "volumes": f"{course['volumes']:g} plasma volume"}
        for name, course in courses.items()
    }
    return arms | {
        name: {**arms["smt_again"], "care": {"plasma_exchange": course}} for name, course in given.items()
    }


def _care(entry: dict[str, Any]) -> dict[str, Any]:
    """An antiviral for hepatitis B where it was usual; grafts by the urgent list, or by a region's."""
    care: dict[str, Any] = {"antiviral": "100 %" if entry.get("antiviral") else "0 %"}
    if "listed" in entry:
        offers = {"region": entry["region"]} if "region" in entry else {"offer_rate": URGENT_OFFERS}
        care["transplant"] = {"listed": entry["listed"], **offers}
    return care
