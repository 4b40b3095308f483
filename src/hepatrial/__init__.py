"""hepatrial: in-silico clinical trials for liver failure and stem-cell therapy. Research use only.

The names below are the public ones. They load on first use, so that ``import hepatrial`` costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hepatrial.api import resume, run
    from hepatrial.engine import compile_model, simulate, simulate_model
    from hepatrial.ensemble import EnsembleFolder, merge_ensemble, resume_ensemble, run_ensemble
    from hepatrial.errors import BadInput, RunFailed
    from hepatrial.model import load_model, load_patient_model
    from hepatrial.model.scores import compute_score
    from hepatrial.protocol import list_protocols, load_protocol
    from hepatrial.report import comparison_table, write_report
    from hepatrial.trial import RunFolder

    __version__: str

__all__ = [
    "BadInput",
    "EnsembleFolder",
    "RunFailed",
    "RunFolder",
    "__version__",
    "comparison_table",
    "compile_model",
    "compute_score",
    "list_protocols",
    "load_model",
    "load_patient_model",
    "load_protocol",
    "merge_ensemble",
    "resume",
    "resume_ensemble",
    "run",
    "run_ensemble",
    "simulate",
    "simulate_model",
    "write_report",
]

_HOME = {
    "BadInput": "hepatrial.errors",
    "EnsembleFolder": "hepatrial.ensemble",
    "RunFailed": "hepatrial.errors",
    "RunFolder": "hepatrial.trial",
    "comparison_table": "hepatrial.report",
    "compile_model": "hepatrial.engine",
    "compute_score": "hepatrial.model.scores",
    "list_protocols": "hepatrial.protocol",
    "load_model": "hepatrial.model",
    "load_patient_model": "hepatrial.model",
    "load_protocol": "hepatrial.protocol",
    "merge_ensemble": "hepatrial.ensemble",
    "resume": "hepatrial.api",
    "resume_ensemble": "hepatrial.ensemble",
    "run": "hepatrial.api",
    "run_ensemble": "hepatrial.ensemble",
    "simulate": "hepatrial.engine",
    "simulate_model": "hepatrial.engine",
    "write_report": "hepatrial.report",
}


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from hepatrial.provenance import package_versions

        return package_versions(("hepatrial",))["hepatrial"]
    if name in _HOME:
        return getattr(import_module(_HOME[name]), name)
    raise AttributeError(f"module 'hepatrial' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
