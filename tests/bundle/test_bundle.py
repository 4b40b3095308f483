"""A bundle is whole and says what it is; its check simulates anew and tells equal tables from others."""

from __future__ import annotations

import io
import json
import zipfile
from datetime import date
from pathlib import Path

import polars as pl
import pytest
from typer.testing import CliRunner

import hepatrial
from hepatrial.bundle import check_bundle, write_bundle
from hepatrial.bundle.archive import LARGEST_PACKED, SUMS, archive_bytes, read_archive
from hepatrial.bundle.check import difference
from hepatrial.cli.app import app
from hepatrial.errors import BadInput
from hepatrial.protocol import load_protocol
from hepatrial.schema import MARK


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("run")
    hepatrial.run("lin2017", patients=16, replicates=1, pairs=2, seed=3, threads=1, out=folder / "small")
    return write_bundle(folder / "small")


def repacked(bundle: Path, out: Path, change: dict[str, bytes]) -> Path:
    files = {name: data for name, data in read_archive(bundle).items() if name != SUMS}
    out.write_bytes(archive_bytes(files | change))
    return out


def test_the_archive_holds_what_it_lists_and_the_mark(bundle: Path, tmp_path: Path) -> None:
    files = read_archive(bundle)
    graph = {node["@id"]: node for node in json.loads(files["ro-crate-metadata.json"])["@graph"]}
    parts = {part["@id"] for part in graph["./"]["hasPart"]}
    assert parts == files.keys() - {"ro-crate-metadata.json"}
    assert {"model.xml", "protocol.toml", "requirements.txt", "report.html", "subject.parquet"} <= parts
    for part in parts - {SUMS}:
        assert graph[part]["contentSize"] == str(len(files[part]))
    assert MARK["en"] in graph["./"]["description"]
    assert MARK["zh"] in files["README.txt"].decode()
    assert b"numpy==" in files["requirements.txt"]
    (tmp_path / "p.toml").write_bytes(files["protocol.toml"])
    assert load_protocol(tmp_path / "p.toml").hash == load_protocol("lin2017").with_patients(16).hash


def test_the_metadata_has_what_ro_crate_1_1_requires(bundle: Path) -> None:
    told = json.loads(read_archive(bundle)["ro-crate-metadata.json"])
    assert told["@context"] == "https://w3id.org/ro/crate/1.1/context"
    graph = {node["@id"]: node for node in told["@graph"]}
    assert len(graph) == len(told["@graph"]), "an entity stands once"
    assert all({"@id", "@type"} <= node.keys() for node in told["@graph"])
    descriptor, root = graph["ro-crate-metadata.json"], graph["./"]
    assert descriptor["@type"] == "CreativeWork"
    assert descriptor["about"] == {"@id": "./"}
    assert descriptor["conformsTo"]["@id"].startswith("https://w3id.org/ro/crate/")
    assert root["@type"] == "Dataset"
    assert all(root[name] for name in ("name", "description", "license"))
    assert date.fromisoformat(root["datePublished"])
    assert {"name", "description"} <= graph[root["license"]["@id"]].keys()
    for node in told["@graph"]:
        for value in node.values():
            for one in value if isinstance(value, list) else [value]:
                if isinstance(one, dict) and not one["@id"].startswith("https://w3id.org/"):
                    assert one["@id"] in graph, "no reference leads nowhere"


def test_a_run_simulated_anew_has_equal_tables(bundle: Path) -> None:
    found = check_bundle(bundle, threads=2)
    assert found.equal
    assert set(found.tables) == {"subject", "visit", "event"}
    assert not found.versions


def test_a_table_that_was_changed_together_with_its_checksum_is_told(bundle: Path, tmp_path: Path) -> None:
    table = pl.read_parquet(io.BytesIO(read_archive(bundle)["subject.parquet"]))
    buffer = io.BytesIO()
    table.with_columns(pl.col("age") + (pl.col("subject") == 2)).write_parquet(buffer)
    other = repacked(bundle, tmp_path / "b.zip", {"subject.parquet": buffer.getvalue()})
    done = CliRunner().invoke(app, ["bundle", "check", str(other)])
    assert done.exit_code == 1
    assert "values of age differ" in done.stdout
    assert "visit: equal" in done.stdout


def test_a_bundle_of_another_version_with_the_same_model_is_compared_and_the_version_named(
    bundle: Path, tmp_path: Path
) -> None:
    spec = json.loads(read_archive(bundle)["spec.json"])
    spec["versions"]["polars"] = "0.0.1"
    other = repacked(bundle, tmp_path / "b.zip", {"spec.json": json.dumps(spec).encode()})
    found = check_bundle(other, threads=2)
    assert found.equal
    assert set(found.versions) == {"polars"}
    assert found.versions["polars"][0] == "0.0.1"


def test_the_same_folder_gives_the_same_archive(bundle: Path, tmp_path: Path) -> None:
    again = write_bundle(bundle.with_name("small"), tmp_path / "again.zip")
    assert again.read_bytes() == bundle.read_bytes()


def damaged(bundle: Path, out: Path, kind: str) -> Path:
    files = read_archive(bundle)
    with zipfile.ZipFile(out, "w") as archive:
        for name, data in files.items():
            if kind == "changed" and name == "spec.json":
                data = data.replace(b"1", b"2", 1)
            if kind != "missing" or name != "event.parquet":
                archive.writestr(name, data)
        if kind == "added":
            archive.writestr("more.txt", "x")
        if kind in ("outside", "absolute", "drive"):
            names = {"outside": "../evil.txt", "absolute": "/tmp/evil.txt", "drive": "C:\\evil.txt"}
            archive.writestr(names[kind], "x")
        if kind == "bomb":
            archive.writestr("model.txt", bytes(LARGEST_PACKED + 1), zipfile.ZIP_DEFLATED)
    if kind == "truncated":
        out.write_bytes(out.read_bytes()[: out.stat().st_size // 2])
    if kind == "flipped":
        data = bytearray(bundle.read_bytes())
        for place in range(data.index(b"model.xml") + 20, len(data), 997):
            data[place] ^= 0xFF
        out.write_bytes(data)
    return out


@pytest.mark.parametrize(
    ("kind", "told"),
    [
        ("changed", "other content than its checksum"),
        ("missing", "event.parquet"),
        ("added", "a file without a checksum"),
        ("outside", "names inside the archive only"),
        ("absolute", "names inside the archive only"),
        ("drive", "names inside the archive only"),
        ("bomb", "out of a compressed entry"),
        ("truncated", "no archive"),
        ("flipped", "given"),
    ],
)
def test_a_damaged_archive_is_refused_before_anything_is_simulated(
    bundle: Path, tmp_path: Path, kind: str, told: str
) -> None:
    done = CliRunner().invoke(app, ["bundle", "check", str(damaged(bundle, tmp_path / "b.zip", kind))])
    assert done.exit_code == 2
    assert told in done.stderr
    assert not list(tmp_path.rglob("*evil*"))


@pytest.mark.parametrize(
    ("name", "data", "told"),
    [
        ("spec.json", b"[1, 2]", "no description of a run"),
        ("spec.json", b"{", "no description of a run"),
        ("event.parquet", b"PAR1", "no table"),
        ("options", {"replicates": "many"}, "spec.json"),
        ("options", {"surprise": 1}, "spec.json"),
        ("protocol", {}, ""),
    ],
)
def test_a_bundle_whose_sums_are_right_and_whose_content_is_not_is_refused_in_words(
    bundle: Path, tmp_path: Path, name: str, data: object, told: str
) -> None:
    if not isinstance(data, bytes):
        spec = json.loads(read_archive(bundle)["spec.json"])
        spec[name] = {**spec[name], **data} if data else data
        name, data = "spec.json", json.dumps(spec).encode()
    done = CliRunner().invoke(
        app, ["bundle", "check", str(repacked(bundle, tmp_path / "b.zip", {name: data}))]
    )
    assert done.exit_code == 2, done.output
    assert told in done.stderr


def test_a_foreign_archive_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "photos.zip", "w") as archive:
        archive.writestr("holiday.jpg", b"x")
    with pytest.raises(BadInput, match="checksums"):
        check_bundle(tmp_path / "photos.zip")


def test_what_is_no_archive_no_run_or_no_model_of_ours_is_refused(bundle: Path, tmp_path: Path) -> None:
    (tmp_path / "x.zip").write_text("no zip")
    with pytest.raises(BadInput, match="no archive"):
        check_bundle(tmp_path / "x.zip")
    with pytest.raises(BadInput, match="run folder"):
        write_bundle(tmp_path)
    spec = json.loads(read_archive(bundle)["spec.json"]) | {"model_hash": "0" * 64}
    other = repacked(bundle, tmp_path / "b.zip", {"spec.json": json.dumps(spec).encode()})
    with pytest.raises(BadInput, match="installed model"):
        check_bundle(other)


def test_a_bundle_is_never_written_over(bundle: Path) -> None:
    before = bundle.read_bytes()
    with pytest.raises(BadInput, match="new file"):
        write_bundle(bundle.with_name("small"), bundle)
    assert bundle.read_bytes() == before


def test_rows_in_another_order_are_equal_and_nan_equals_nan() -> None:
    a = pl.DataFrame({"subject": [1, 2], "x": [float("nan"), 2.0]})
    assert difference(a, a.reverse()) == ""
    assert "1 values of x differ" in difference(a, a.with_columns(pl.lit(2.0).alias("x")))
    assert "columns differ" in difference(a, a.drop("x"))
    assert "rows" in difference(a, a.head(1))
