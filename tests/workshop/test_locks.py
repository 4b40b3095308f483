"""The lock files carry exact versions and hashes, and nothing about where they were made."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LOCKS = sorted((ROOT / "requirements").glob("*.txt"))


def project() -> dict[str, object]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())


def plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def wanted(lock: str) -> set[str]:
    """Names that a lock must hold: the dependencies, and the groups and extras it is made for."""
    table = project()
    groups: dict[str, list[object]] = table["dependency-groups"]  # type: ignore[assignment]
    described: dict[str, object] = table["project"]  # type: ignore[assignment]

    def members(group: str) -> list[str]:
        found: list[str] = []
        for item in groups[group]:
            found += members(item["include-group"]) if isinstance(item, dict) else [str(item)]
        return found

    requirements: list[str] = [*described["dependencies"]]  # type: ignore[misc]
    requirements += members({"run": "build", "lowest": "test"}.get(lock, lock))
    if lock == "dev":
        for extra in described["optional-dependencies"].values():  # type: ignore[attr-defined]
            requirements += extra
    return {plain(re.match(r"[\w.-]+", text)[0]) for text in requirements}  # type: ignore[index]


def entries(path: Path) -> dict[str, tuple[str, int]]:
    """Name -> (version, number of hashes) of a lock file."""
    found: dict[str, tuple[str, int]] = {}
    for block in re.split(r"\n(?=\S)", path.read_text()):
        if block.startswith("#"):
            continue
        head = re.match(r"([\w.-]+)==([\w.+!]+)", block)
        assert head is not None, block.splitlines()[0]
        assert plain(head[1]) not in found, f"{head[1]} is locked twice in {path.name}"
        found[plain(head[1])] = head[2], len(re.findall(r"--hash=sha256:[0-9a-f]{64}\b", block))
    return found


def test_there_is_a_lock_for_each_purpose() -> None:
    assert [path.stem for path in LOCKS] == ["bench", "dev", "docs", "lowest", "numbalsoda", "run"]


@pytest.mark.parametrize("path", LOCKS, ids=lambda path: path.stem)
def test_a_lock_names_no_address_host_index_or_folder(path: Path) -> None:
    for line in path.read_text().splitlines():
        assert not re.search(
            r"://|--index|--extra-index|--find-links|--trusted-host|file:|@\s|(^|\s)/", line
        ), line
        assert re.fullmatch(
            r"#.*|[\w.-]+==[\w.+!]+( ; [\w<>=!.' ()]+)? \\| {4}--hash=sha256:[0-9a-f]{64}( \\)?", line
        ), line


@pytest.mark.parametrize("path", LOCKS, ids=lambda path: path.stem)
def test_every_requirement_is_hashed(path: Path) -> None:
    locked = entries(path)
    assert locked
    assert [name for name, (_, hashes) in locked.items() if hashes == 0] == []


@pytest.mark.parametrize("path", LOCKS, ids=lambda path: path.stem)
def test_every_declared_dependency_is_locked(path: Path) -> None:
    assert wanted(path.stem) - set(entries(path)) == set()


def test_the_demo_and_the_tests_run_on_the_same_versions() -> None:
    run, dev = (entries(ROOT / "requirements" / f"{name}.txt") for name in ("run", "dev"))
    assert {name: dev[name][0] for name in run} == {name: version for name, (version, _) in run.items()}


def test_the_lowest_lock_holds_the_lower_bounds_themselves() -> None:
    locked = entries(ROOT / "requirements" / "lowest.txt")
    dependencies: list[str] = project()["project"]["dependencies"]  # type: ignore[index]
    for requirement in dependencies:
        name, bound = requirement.split(">=")
        version = locked[plain(name)][0]
        assert re.sub(r"(\.0)+$", "", version) == re.sub(r"(\.0)+$", "", bound), name
