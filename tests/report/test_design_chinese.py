"""A design's page in Chinese: titles, arms, boundaries and what each belief rests on."""

from __future__ import annotations

import re

from hepatrial.design.priors import priors
from hepatrial.protocol.design import FAMILY_KINDS, SPENDING_KINDS
from hepatrial.report.design_chinese import in_language
from hepatrial.report.design_page import truth_label, words

NUMBER = re.compile(r"\d+(?:\.\d+)?")
DESIGN = {
    "title": "A trial", "title_zh": "一项试验", "efficacy": "spending_pocock", "futility": None,
    "labels": {"a": "Cells", "b": "Care"}, "labels_zh": {"a": "细胞"},
}  # fmt: skip


def test_what_a_belief_rests_on_is_told_in_chinese_with_its_numbers():
    rows = [prior.as_dict() for prior in priors(0.55)]
    told = in_language({"design": DESIGN, "assurance": {"rows": rows}}, "zh")["assurance"]["rows"]
    for row, said in zip(rows, told, strict=True):
        assert re.search("[一-鿿]", said["rests_on"]), row["rests_on"]
        assert re.search("[一-鿿]", said["grade"]), row["grade"]
        assert not re.search(r"\b[a-z]{4,}\b", said["rests_on"])
        assert sorted(NUMBER.findall(said["rests_on"])) == sorted(NUMBER.findall(row["rests_on"]))


def test_names_are_chinese_where_the_protocol_gives_them_and_else_as_given():
    said = in_language({"design": DESIGN}, "zh")["design"]
    assert (said["title"], said["labels"]) == ("一项试验", {"a": "细胞", "b": "Care"})
    assert in_language({"design": DESIGN}, "en")["design"] == DESIGN


def test_every_boundary_and_variant_has_its_chinese():
    for kind in (*FAMILY_KINDS, *SPENDING_KINDS):
        assert re.search("[一-鿿]", words("zh")[f"rule_{kind}"])
        assert "_" not in words("en")[f"rule_{kind}"]
    for name in ("bell_shaped", "secretome_5d", "no_effect"):
        assert re.search("[一-鿿]", truth_label(name, words("zh")))
