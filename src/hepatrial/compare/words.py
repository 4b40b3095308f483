"""The comparison's texts by language; names of measures and units are the report's."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib import resources

from hepatrial.report.catalogue import Catalogue
from hepatrial.schema import MEASURES


@cache
def texts(lang: str) -> dict[str, str]:
    """All texts of a language.

    Raises:
        BadInput: a language that has no texts.
    """
    Catalogue(lang)
    text = resources.files("hepatrial.compare").joinpath(f"texts_{lang}.toml").read_text("utf-8")
    return {key: str(value) for key, value in tomllib.loads(text).items()}


def word(lang: str, key: str, **values: object) -> str:
    """The text of a key with its placeholders filled."""
    return texts(lang)[key].format(**values)


def measure_name(name: str, lang: str) -> str:
    """A measure without its unit."""
    otherwise = MEASURES[name].label if name in MEASURES else name.replace("_", " ")
    return Catalogue(lang).get(f"measure.{name}", otherwise)


def measure_label(name: str, lang: str) -> str:
    """A measure with its unit."""
    unit = MEASURES[name].unit if name in MEASURES else {"age": "years", "weight": "kg"}.get(name, "1")
    label = measure_name(name, lang)
    return label if unit in ("1", "points") else f"{label} ({Catalogue(lang).get(f'unit.{unit}', unit)})"
