"""The archive: a ZIP file whose entries are listed with SHA-256 sums, read with limits.

Entries have fixed dates and order, so that equal runs give equal archives.
"""

from __future__ import annotations

import hashlib
import zipfile
import zlib
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path

from hepatrial.errors import BadInput, Problem

SUMS = "checksums.sha256"
LARGEST = 8 * 2**30
"""Bytes that an archive may unpack to."""
MOST = 1_000
"""Entries that an archive may have."""
LARGEST_PACKED = 256 * 2**20
"""Bytes that one compressed entry may unpack to; tables are stored as they are and cannot swell."""
_EPOCH = (1980, 1, 1, 0, 0, 0)
_STORED = (".parquet",)


def archive_bytes(files: Mapping[str, bytes]) -> bytes:
    """The archive of some files, their checksums added."""
    sums = "".join(f"{hashlib.sha256(data).hexdigest()}  {name}\n" for name, data in sorted(files.items()))
    buffer = BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, data in sorted({**files, SUMS: sums.encode()}.items()):
            entry = zipfile.ZipInfo(name, _EPOCH)
            entry.external_attr = 0o644 << 16
            entry.compress_type = zipfile.ZIP_STORED if name.endswith(_STORED) else zipfile.ZIP_DEFLATED
            archive.writestr(entry, data)
    return buffer.getvalue()


def read_archive(path: Path) -> dict[str, bytes]:
    """The files of an archive, each as its checksum says.

    Raises:
        BadInput: no such archive, names that leave it, too much in it, files missing, added or changed.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            _check_entries(archive, path)
            files = {entry.filename: archive.read(entry) for entry in archive.infolist()}
    except (OSError, EOFError, zipfile.BadZipFile, zlib.error, RuntimeError, NotImplementedError) as error:
        raise BadInput(
            [Problem(str(path), "no archive", f"a file that `hepatrial bundle` wrote ({error})")]
        ) from None
    _check_sums(files, path)
    return files


def _check_entries(archive: zipfile.ZipFile, path: Path) -> None:
    entries = archive.infolist()
    problems = []
    if len(entries) > MOST:
        problems.append(Problem(str(path), f"{len(entries)} entries", f"at most {MOST}"))
    size = sum(entry.file_size for entry in entries)
    if size > LARGEST:
        problems.append(Problem(str(path), f"{size} bytes unpacked", f"at most {LARGEST}"))
    for entry in entries:
        stored = entry.compress_type == zipfile.ZIP_STORED
        if entry.file_size > (entry.compress_size if stored else LARGEST_PACKED):
            given = f"{entry.filename!r} of {entry.file_size} bytes in {entry.compress_size}"
            allowed = f"at most {LARGEST_PACKED} bytes out of a compressed entry"
            problems.append(Problem(str(path), given, allowed))
        parts = entry.filename.replace("\\", "/").split("/")
        if entry.filename.startswith(("/", "\\")) or ".." in parts or ":" in parts[0]:
            problems.append(Problem(str(path), repr(entry.filename), "names inside the archive only"))
    names = [entry.filename for entry in entries]
    problems += [
        Problem(str(path), f"{name} twice", "each file once")
        for name in sorted({n for n in names if names.count(n) > 1})
    ]
    if problems:
        raise BadInput(problems)


def _check_sums(files: Mapping[str, bytes], path: Path) -> None:
    if SUMS not in files:
        raise BadInput([Problem(str(path), f"no {SUMS}", "a file that `hepatrial bundle` wrote")])
    listed = {}
    for line in files[SUMS].decode("utf-8", "replace").splitlines():
        digest, _, name = line.partition("  ")
        listed[name] = digest
    problems = [
        Problem(f"{path}, {name}", "nothing", "in the archive") for name in listed if name not in files
    ]
    for name, data in files.items():
        if name == SUMS:
            continue
        if name not in listed:
            problems.append(
                Problem(f"{path}, {name}", "a file without a checksum", f"only what {SUMS} lists")
            )
        elif hashlib.sha256(data).hexdigest() != listed[name]:
            problems.append(
                Problem(f"{path}, {name}", "other content than its checksum", "as it was written")
            )
    if problems:
        raise BadInput(problems)
