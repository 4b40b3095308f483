"""Everything that pages keep in memory, made while nobody waits for it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator

from hepatrial.web.language import LANGUAGES

log = logging.getLogger("hepatrial.web")


def warm_up() -> None:
    """Compile the model, then make what pages keep; one thing that fails leaves the others alone."""
    for make in _makers():
        try:
            make()
        except Exception:
            log.exception("something could not be made beforehand; it is made when it is asked for")


def _makers() -> Iterator[Callable[[], object]]:
    from hepatrial.experiment import EXPERIMENTS, run_experiment
    from hepatrial.trial.run import patient_machine
    from hepatrial.web import assets, background, sandbox
    from hepatrial.web.api.claims import audited_article
    from hepatrial.web.api.credibility import scores
    from hepatrial.web.api.evidence import certainty_now
    from hepatrial.web.routes import evidence, mechanism, start

    yield patient_machine
    yield lambda: assets.packed(assets.VEGA)
    yield lambda: [background.begin(run_experiment, name) for name in EXPERIMENTS]
    yield sandbox.cohort
    yield audited_article
    yield scores
    yield certainty_now
    for lang in LANGUAGES:
        yield lambda lang=lang: start.fragment(lang)  # type: ignore[misc]
        yield lambda lang=lang: evidence.forest_of("death", lang)  # type: ignore[misc]
        yield lambda lang=lang: evidence.risk_of(lang)  # type: ignore[misc]
        yield lambda lang=lang: mechanism.weight_figures(lang)  # type: ignore[misc]
