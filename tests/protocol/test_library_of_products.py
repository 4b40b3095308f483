"""The shipped protocols of products other than marrow and cord cells in ACLF."""

import pytest

from hepatrial.evidence import published
from hepatrial.evidence.base import load_base
from hepatrial.protocol import PRODUCTS, list_protocols, load_protocol
from hepatrial.report.planned import study_of

MINE = ("zekri2015", "realistic2018", "dheliver", "nct05985863", "nct06884904")


@pytest.mark.parametrize("name", MINE)
def test_each_is_linked_to_published_figures_or_to_a_pending_result(name):
    identity = load_protocol(name).identity
    assert (identity.published is None) != (identity.pending is None)
    if identity.published:
        trial, arms = published(identity.published), load_protocol(name).arms
        assert set(trial.arms) == set(arms)
        assert trial.arms == {arm: arms[arm].n for arm in arms}
    else:
        entry = load_base().pending[identity.pending]
        assert entry.registration == identity.registration
        about = [one.about for one in study_of(load_protocol(name)).assumptions]
        assert "identity.pending" in about


@pytest.mark.parametrize("name", list_protocols())
def test_every_product_without_a_known_effect_is_said_so_in_the_report(name):
    protocol = load_protocol(name)
    unknown = {d.product for d in protocol.dosings if not PRODUCTS[d.product].has_effect}
    said = [one for one in study_of(protocol).assumptions if one.source == "products.toml"]
    assert len(said) == len(unknown)
    assert all("no effect known" in one.handled["en"] for one in said)


def test_borrowing_is_a_warning_in_the_report():
    changed, _ = load_protocol("dheliver").with_settings({"arms.halpc.regimen[0].borrow_from": "uc_msc"})
    said = [one for one in study_of(changed).assumptions if one.source == "products.toml"]
    assert len(said) == 1
    assert said[0].handled["en"].startswith("WARNING: the protocol borrows")


def test_the_two_pending_designs_have_their_stages():
    assert load_protocol("nct05985863").rerandomisation is not None
    selection = load_protocol("nct06884904").dose_selection
    assert selection is not None
    assert sum(selection.first.values()) == 96
