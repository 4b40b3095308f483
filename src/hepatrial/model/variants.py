"""Structural variants of the cell effect."""
from __future__ import annotations
class Variant: pass
def load_variants(): return {}
