"""Outputs of a page's cells are shown as a program wrote them."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "docs"))

from joined_streams import joined


def piece(text: str, name: str = "stdout") -> dict[str, str]:
    return {"output_type": "stream", "name": name, "text": text}


def test_pieces_of_a_stream_are_joined_where_a_kernel_tore_them() -> None:
    whole = "name   patients\nlin2017     110\n\x1b[1mbold\x1b[0m\n"
    for cut in range(1, len(whole)):
        [made] = joined([piece(whole[:cut]), piece(whole[cut:])])
        assert made["text"] == whole


def test_other_outputs_stay_in_their_place_and_streams_apart() -> None:
    picture = {"output_type": "display_data"}
    made = joined([piece("a"), piece("e", "stderr"), picture, piece("b\n")])
    assert made == [piece("ab\n"), piece("e\n", "stderr"), picture]


def test_a_line_of_progress_is_not_shown_once_it_was_written_over() -> None:
    assert joined([piece("10 %\r50 %\rdone\n")])[0]["text"] == "done\n"
