"""A claim read from its text: which figures, trials, outcomes and mechanisms it speaks of, and what it
says of them. By pattern, in English and Chinese; what is not recognised is left alone."""

from hepatrial.claims.reading.read import ReadText, kind_of, read_text

__all__ = ["ReadText", "kind_of", "read_text"]
