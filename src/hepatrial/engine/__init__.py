"""Compiled simulation of ensembles of stiff models with events; knows no patients, trials or chance."""

from hepatrial.cache import cache_folder, clear_cache
from hepatrial.engine.call import EVENT, Impulses, Result, Status
from hepatrial.engine.general import Courses, simulate_model
from hepatrial.engine.plain import simulate_plain
from hepatrial.engine.show import show_code
from hepatrial.engine.simulate import CompiledModel, compile_model, simulate

__all__ = [
    "EVENT",
    "CompiledModel",
    "Courses",
    "Impulses",
    "Result",
    "Status",
    "cache_folder",
    "clear_cache",
    "compile_model",
    "show_code",
    "simulate",
    "simulate_model",
    "simulate_plain",
]
