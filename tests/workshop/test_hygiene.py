"""No path of a machine, no registry's host and no tool's name of one workplace stands in a tracked file."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

# Written in halves, so that this file does not hold what it looks for.
FORBIDDEN = [
    r"(?<![\w.~])/" + r"(opt|root|home|Users|work|etc/xdg)/[\w.]",
    "pypi" + r"\.org",
    "python" + r"hosted\.org",
    "registry" + r"\.npmjs",
    "deb" + r"\.debian\.org",
    "proxy" + r"\.golang",
    "cdn" + r"\.jsdelivr",
    "BEGIN [A-Z ]*PRIVATE" + " KEY",
]


def tracked() -> list[Path]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=False)
    if listed.returncode:
        pytest.skip("not a git checkout")
    return [path for name in listed.stdout.decode().split("\0") if name and (path := ROOT / name).is_file()]


def test_no_tracked_file_names_a_machine_or_a_registry() -> None:
    pattern = re.compile("|".join(FORBIDDEN))
    found = []
    for path in tracked():
        data = path.read_bytes()
        if b"\0" in data:
            continue
        for number, line in enumerate(data.decode().splitlines(), start=1):
            if pattern.search(line):
                found.append(f"{path.relative_to(ROOT)}:{number}: {line.strip()[:120]}")
    assert found == []


def test_the_pattern_finds_what_it_should() -> None:
    pattern = re.compile("|".join(FORBIDDEN))
    for text in ("see /" + "root/.venv", "index " + "pypi" + ".org", "/" + "home/me"):
        assert pattern.search(text)
    for text in ("../shared/data", "frame/work/x", "../work/x", "/dev/null"):
        assert not pattern.search(text)


def test_no_tracked_file_is_large() -> None:
    assert [str(path) for path in tracked() if path.stat().st_size > 3_000_000] == []


def test_what_the_targets_make_is_ignored_by_git() -> None:
    made = [
        ".venv/x",
        "build/x",
        "dist/x",
        "site/x",
        "runs/x",
        ".mypy_cache/x",
        ".ruff_cache/x",
        ".hypothesis/x",
    ]
    seen = subprocess.run(
        ["git", "check-ignore", *made], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if seen.returncode == 128:
        pytest.skip("not a git checkout")
    assert seen.stdout.split() == made
