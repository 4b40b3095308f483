"""Doubt: declared targets, the fit in layers, the posterior ensemble and what it says."""

from hepatrial.calibration.ensemble import Ensemble, Origin, load_ensemble, prior_ensemble
from hepatrial.calibration.prior import Doubt, doubts_of, settings_at

__all__ = ["Doubt", "Ensemble", "Origin", "doubts_of", "load_ensemble", "prior_ensemble", "settings_at"]
