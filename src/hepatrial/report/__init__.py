"""The report: figures, tables and words of a run, in English and Chinese, as one page that opens offline.

The names load on first use: whoever needs a figure's style alone does not pay for all tables.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hepatrial.report.export import export_report
    from hepatrial.report.write import comparison_table, write_figures, write_report

__all__ = ["comparison_table", "export_report", "write_figures", "write_report"]

_HOME = {
    "comparison_table": "write",
    "export_report": "export",
    "write_figures": "write",
    "write_report": "write",
}


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(f"hepatrial.report.{_HOME[name]}"), name)
    raise AttributeError(f"module 'hepatrial.report' has no attribute {name!r}")
