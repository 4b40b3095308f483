"""The picture of the README: the survival figure of a run's report as PNG.

``python docs/make_picture.py runs/lin2017-1`` writes ``docs/images/lin2017.png``.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import hepatrial
from hepatrial.report import write_figures

IMAGES = Path(__file__).parent / "images"


def main(run: Path) -> None:
    """Write the figure of survival curves (``figure-km``) of the run's report."""
    with tempfile.TemporaryDirectory() as folder:
        written = write_figures(hepatrial.RunFolder.open(run), folder, form="png")
        [survival] = [path for path in written if path.stem == "figure-km"]
        IMAGES.mkdir(exist_ok=True)
        (IMAGES / "lin2017.png").write_bytes(survival.read_bytes())
    print("docs/images/lin2017.png")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
