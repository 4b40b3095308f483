"""Pages and terminal lines of ``sensitivity``, ``attribute`` and ``voi`` in Chinese."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from hepatrial.calibration.targets import doubts_of
from hepatrial.cli import uncertainty as commands
from hepatrial.protocol import load_protocol
from hepatrial.report.card_names import card_name, chinese_names
from hepatrial.report.card_notes import chinese_notes
from hepatrial.report.catalogue import Catalogue
from hepatrial.report.uncertainty import page
from hepatrial.uncertainty import attribute, voi

CHINESE = re.compile("[一-鿿]")
ZH = Catalogue("zh")


def ranked(factor, output="alive", **other):
    row = {"output": output, "factor": factor, "value": 0.2, "low": 0.1, "high": 0.3, "sigma": 0.1, "used": 4}
    return {**row, **other}


RANKED = {
    "protocol": "lin2017", "hash": "0" * 64, "method": "morris", "week": 24.0, "number": 4, "patients": 80,
    "evaluations": 40, "failed": 2, "rows": [ranked("flare.spread"), ranked("death_base", value=0.1)],
}  # fmt: skip


def test_every_card_with_a_width_and_every_noted_card_has_a_chinese_name_of_its_own():
    named = {doubt.name for doubt in doubts_of()} | set(chinese_notes()["model"])
    named |= set(chinese_notes()["population"])
    assert [name for name in named if not CHINESE.search(card_name(name, "zh"))] == []
    assert len(set(chinese_names().values())) == len(chinese_names())


def test_a_number_about_a_card_is_told_beside_its_name():
    assert card_name("flare.spread", "en") == "flare (spread between patients)"
    assert card_name("flare.spread", "zh").endswith("（患者间离散度）")
    assert card_name("death_base", "en") == "death base"
    assert card_name("not_a_card", "zh") == "not a card"


def test_figures_and_sentences_of_a_chinese_ranking_name_the_cards_and_its_table_their_ids_too():
    told = page(RANKED, "zh")
    name = card_name("flare.spread", "zh")
    assert f"{name}（flare.spread）" in told
    assert f"居前的是 {name}、{card_name('death_base', 'zh')}" in told
    for drawing in re.findall(r"<svg.*?</svg>", told, re.S):
        assert "flare" not in drawing
        assert "death_base" not in drawing


def test_an_english_ranking_names_the_cards_in_words_and_their_ids_in_its_table():
    told = page(RANKED, "en")
    assert "flare (spread between patients), death base" in told
    assert ">flare.spread<" in told


def test_every_reading_says_in_chinese_what_it_stands_for_with_the_same_numbers():
    for one in voi.load_readings().values():
        assert CHINESE.search(one.source_zh), one.name
        english, chinese = (re.findall(r"(?<![A-Za-z\d-])\d+", text) for text in (one.source, one.source_zh))
        assert english == chinese, one.name


def test_what_a_reading_is_said_to_stand_for_is_no_part_of_the_hash(monkeypatch, tmp_path):
    """Otherwise a better word would make every stored result another one."""
    seen = []

    def stop(_out, spec, *_, **__):
        seen.append(spec)
        raise StopIteration

    monkeypatch.setattr(voi, "do_units", stop)
    asked = attribute.check(load_protocol("lin2017"), None, 2, 12, 1)
    said = {name: replace(one, source="x", source_zh="y") for name, one in voi.load_readings().items()}
    for readings in (voi.load_readings(), said):
        monkeypatch.setattr(voi, "load_readings", lambda found=readings: found)
        with pytest.raises(StopIteration):
            voi.voi(asked, [], [10], 0.05, tmp_path, threads=1)
    assert seen[0] == seen[1]


def test_terminal_lines_are_in_the_language_of_the_report():
    edge = {
        "edge": "lung_action", "prior": {"difference": 0.035, "mcse": 0.007}, "learnt": False,
        "posterior": {"difference": 0.029, "mcse": 0.006}, "resolved": True,
    }  # fmt: skip
    reading = {"label": {"en": "INR, day 14", "zh": "INR，第 14 天"}, "n": 30, "bits": 0.027,
               "bits_mcse": 0.005, "evsi": 0.0005, "evsi_mcse": 0.0}  # fmt: skip
    lines = [
        commands._line(ranked("death_base"), 24.0, ZH),
        commands._line(ranked("death_base", value=None), 24.0, ZH),
        commands._edge_line(edge, ZH),
        commands._edge_line({**edge, "resolved": False}, ZH),
        commands._reading_line(reading, ZH),
    ]
    assert lines == [
        f"第 24 周生存率，{card_name('death_base', 'zh')}（death_base）：0.2（0.1 至 0.3）",
        f"第 24 周生存率，{card_name('death_base', 'zh')}（death_base）：没有一次评估成功",
        "肺部或全身作用：先验 +3.5 ± 0.7，后验 +2.9 ± 0.6 个百分点  未从数据中学得",
        "肺部或全身作用：先验 +3.5 ± 0.7，后验 +2.9 ± 0.6 个百分点  患者过少，无法判断",
        "INR，第 14 天，30 例：0.027 ± 0.005 比特，价值 0.05 ± 0.00 个百分点",
    ]
    assert commands._edge_line(edge, Catalogue("en")) == (
        "Lung or systemic action: prior +3.5 ± 0.7, posterior +2.9 ± 0.6 points  not learnt from data"
    )
