"""Which examples hypothesis draws: new ones at every run, or (HYPOTHESIS_PROFILE=ci) the same ones."""

import os

from hypothesis import settings

settings.register_profile("ci", derandomize=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))
