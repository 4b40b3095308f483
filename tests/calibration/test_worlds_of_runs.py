"""The ensemble as the worlds of a run."""

import pytest

from hepatrial.calibration import prior_ensemble
from hepatrial.calibration.worlds import worlds_of


def test_worlds_hold_members_by_weight_and_variants_by_their_own_weight():
    ensemble = prior_ensemble(60, 3)
    worlds = worlds_of(ensemble, 40, 7)
    assert [row[0] for row in worlds.members] == ensemble.pick(40, 7).tolist()
    assert all(worlds.settings_of(w, 1) == ensemble.settings[row[1]] for w, row in enumerate(worlds.members))
    assert sum(worlds.variants.values()) == pytest.approx(1.0)
    share = sum(w for v, w in zip(ensemble.variants, ensemble.weights, strict=True) if v == "no_effect")
    assert worlds.variants["no_effect"] == pytest.approx(share)
    assert worlds_of(ensemble, 40, 8).hash != worlds.hash
