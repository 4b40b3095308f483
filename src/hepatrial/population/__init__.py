"""Who: joint traits, onset until admission, selection before randomisation, matching a Table 1."""

from hepatrial.population.cohort import Cohort, acceptance_of, make_cohort, make_illness, measures_needed
from hepatrial.population.deck import Deck, make_deck
from hepatrial.population.machine import Machine
from hepatrial.population.observation import Clinic, make_clinic
from hepatrial.population.onset import OUTCOMES, Illness
from hepatrial.population.pool import Pool, build_pool

__all__ = [
    "OUTCOMES",
    "Clinic",
    "Cohort",
    "Deck",
    "Illness",
    "Machine",
    "Pool",
    "acceptance_of",
    "build_pool",
    "make_clinic",
    "make_cohort",
    "make_deck",
    "make_illness",
    "measures_needed",
]
