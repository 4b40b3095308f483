"""The study files that ship, and the example to begin from."""

from __future__ import annotations

from importlib.resources import as_file, files
from pathlib import Path

from hepatrial.errors import BadInput, Problem, nearest_name
from hepatrial.prediction.study import Study, read_study


def list_studies() -> tuple[str, ...]:
    """Names of the study files that ship, sorted."""
    folder = files("hepatrial.prediction").joinpath("studies")
    return tuple(sorted(entry.name[:-5] for entry in folder.iterdir() if entry.name.endswith(".toml")))


def load_study(name: str) -> Study:
    """A study that ships.

    Raises:
        BadInput: none of that name.
    """
    names = list_studies()
    if name not in names:
        allowed = f"a study file, or one that ships: {', '.join(names)}"
        raise BadInput([Problem("STUDY.toml", repr(name), allowed, nearest_name(name, names))])
    with as_file(files("hepatrial.prediction").joinpath("studies", f"{name}.toml")) as path:
        return read_study(path)


def find_study(text: str) -> Study:
    """A study by path, or by name when no such file exists.

    Raises:
        BadInput: neither, or with everything that is wrong in the file.
    """
    path = Path(text)
    if path.exists() or path.suffix or "/" in text:
        return read_study(path)
    return load_study(text)


def example_text() -> str:
    """A commented study file."""
    return files("hepatrial.prediction").joinpath("example.toml").read_text(encoding="utf-8")
