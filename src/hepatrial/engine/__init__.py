"""Compiled simulation of ensembles of stiff models with events. Knows no patients, no trials and no chance."""

from hepatrial.engine.call import EVENT, Impulses, Result, Status
from hepatrial.engine.plain import simulate_plain

__all__ = ["EVENT", "Impulses", "Result", "Status", "simulate_plain"]
