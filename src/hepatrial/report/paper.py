"""A page on paper: what stands at the head and foot of every sheet, in a browser's print as in the PDF."""

from __future__ import annotations

from importlib import resources

FONTS = '7.5pt "Liberation Sans", Arial, Helvetica, "PingFang SC", "Noto Sans CJK SC", sans-serif'
_SHEET = """
@page {{
  size: A4; margin: 19mm 18mm 18mm;
  @top-left {{ content: {mark}; font: bold {fonts}; color: #a34700; white-space: nowrap; }}
  @top-right {{ content: {run}; font: {fonts}; color: #565656; white-space: nowrap; }}
  @bottom-left {{ content: {foot}; font: {fonts}; color: #565656; width: 85%; text-align: left; }}
  @bottom-right {{ content: counter(page) " / " counter(pages); font: {fonts}; color: #565656; }}
}}
"""


def style_sheet() -> str:
    """The style sheet that every page of a report has in common."""
    return (resources.files("hepatrial.report") / "report.css").read_text(encoding="utf-8")


def running_heads(mark: str, run: str, foot: str = "") -> str:
    """The style sheet of the sheets: mark and run at the head, ``foot`` and the page's number at the foot.

    Args:
        mark: the mark of simulated results; empty for pages of real trials only.
        run: the run's or the tables' hash in words.
        foot: what else every sheet says (how often there is no benefit).
    """
    quoted = {name: _quoted(text) for name, text in {"mark": mark, "run": run, "foot": foot}.items()}
    return _SHEET.format(fonts=FONTS, **quoted)


def _quoted(text: str) -> str:
    """A CSS string; what could end it or the page's style element is written by its number."""
    return '"' + "".join(c if c not in '"\\<>&\n' else f"\\{ord(c):06x}" for c in text) + '"'
