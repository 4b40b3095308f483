"""The wheel holds everything: it works in an empty folder, far from the checkout."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    build = ["pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--wheel-dir", str(folder)]
    subprocess.run([sys.executable, "-m", *build, str(ROOT)], check=True, stdin=subprocess.DEVNULL)
    [path] = folder.glob("hepatrial-*.whl")
    return path


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with nothing but the installed wheel; its dependencies come from the running environment."""
    folder = tmp_path_factory.mktemp("installed")
    install = ["pip", "install", "--quiet", "--no-deps", "--no-index", "--target", str(folder), str(wheel)]
    subprocess.run([sys.executable, "-m", *install], check=True, stdin=subprocess.DEVNULL)
    return folder


def call(installed: Path, cwd: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(installed)}
    command = [sys.executable, str(installed / "bin" / "hepatrial"), *arguments]
    return subprocess.run(
        command, cwd=cwd, env=environment, capture_output=True, text=True, timeout=300, check=False
    )


def test_the_wheel_carries_the_model_the_protocols_the_types_and_the_licence(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    for ending in (
        "hepatrial/py.typed",
        "hepatrial/model/patient.ant",
        "hepatrial/model/parameters.toml",
        "hepatrial/protocol/library/lin2017.toml",
        "licenses/LICENSE",
        "licenses/NOTICE",
    ):
        assert any(name.endswith(ending) for name in names), ending
    assert not [name for name in names if "/tests/" in name or name.startswith("tests/")]


def test_every_data_file_of_the_package_is_in_the_wheel(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    source = ROOT / "src"
    for path in (source / "hepatrial").rglob("*"):
        if path.is_file() and "__pycache__" not in path.parts:
            assert str(path.relative_to(source)) in names


def test_the_installed_package_is_the_wheel_and_not_the_checkout(installed: Path, tmp_path: Path) -> None:
    where = [sys.executable, "-c", "import hepatrial; print(hepatrial.__file__)"]
    environment = {**os.environ, "PYTHONPATH": str(installed)}
    seen = subprocess.run(where, cwd=tmp_path, env=environment, capture_output=True, text=True, check=True)
    assert Path(seen.stdout.strip()).is_relative_to(installed)


@pytest.mark.parametrize(
    ("arguments", "piece"),
    [
        (["--version"], "hepatrial "),
        (["protocols"], "lin2017"),
        (["model", "check"], "healthy"),
        (["score", "meld", "bilirubin=342", "creatinine=133", "inr=2.1"], "MELD"),
        (["schema"], '"$schema"'),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_the_installed_command_answers_in_an_empty_folder(
    installed: Path, tmp_path: Path, arguments: list[str], piece: str
) -> None:
    done = call(installed, tmp_path, *arguments)
    assert done.returncode == 0, done.stderr
    assert piece in done.stdout
    assert list(tmp_path.iterdir()) == []


def test_the_installed_command_runs_a_trial_and_writes_its_report(installed: Path, tmp_path: Path) -> None:
    done = call(installed, tmp_path, "run", "lin2017", "--replicates", "1", "--pairs", "4", "--seed", "3")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "runs" / "lin2017-3" / "report.html").stat().st_size > 10_000
