"""The picture of the README: the survival figure of a run's report as PNG.

``python docs/make_picture.py runs/lin2017-1`` writes ``docs/images/lin2017.png``.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

import vl_convert

DOCS = Path(__file__).parent


def survival_svg(report: str) -> str:
    """The first figure of survival curves in the report's HTML, in its wide form."""
    found = re.search(r'<svg[^>]*\bid="survival[^"]*wide".*?</svg>', report, re.S)
    if found is None:
        raise SystemExit("The report has no survival figure.")
    return found[0]


def main(run: Path) -> None:
    """Convert the figure of the run's report."""
    svg = survival_svg((run / "report.html").read_text(encoding="utf-8"))
    folder = DOCS / "images"
    folder.mkdir(exist_ok=True)
    (folder / "lin2017.png").write_bytes(vl_convert.svg_to_png(svg, scale=1.5))
    print("docs/images/lin2017.png")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
