"""The rivals that the mechanistic model is laid beside, each in a module of its own.

``map_control``: the control arm as the next draw from published control arms of the class.
``severity_score``: risk from the study's severity score by published facts. ``no_effect``: every arm is
the control arm of ``map_control``.
"""
