"""Files that can be made again (compiled models, models that were read), kept in the user's cache folder.

The folder is ``HEPATRIAL_CACHE`` if set, else the platform's; when it cannot be used, everything works, only
slower the next time. A file is put in place in one move and carries a digest of its name and content. One
that is damaged, was put under another name, belongs to another user (root excepted) or can be written by
others is taken for absent.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import stat
import sys
import tempfile
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

MOST_BYTES = 500_000_000
"""When more is kept, what was not used for longest goes."""
_DIGEST = 32
_UNFINISHED = "unfinished-"
_KINDS = ("*.o", "*.json", f"{_UNFINISHED}*")


def cache_folder() -> Path:
    """Where files are kept."""
    chosen = os.environ.get("HEPATRIAL_CACHE")
    if chosen:
        return Path(chosen)
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA", Path.home())) / "hepatrial" / "cache"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "hepatrial"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "hepatrial"


def clear_cache() -> int:
    """Remove everything that is kept; how many files there were."""
    files = [file for kind in _KINDS for file in cache_folder().glob(kind)]
    for file in files:
        file.unlink(missing_ok=True)
    return len(files)


def read_kept(name: str) -> bytes | None:
    """The content kept under a name; None if there is none that can be trusted."""
    try:
        with (cache_folder() / name).open("rb") as file:
            if not _is_ours(os.fstat(file.fileno())):
                return None
            kept = file.read()
    except OSError:
        return None
    digest, content = kept[:_DIGEST], kept[_DIGEST:]
    if _digest(name, content) != digest:
        return None
    with suppress(OSError):  # a folder that only root may write to
        os.utime(cache_folder() / name)
    return content


def keep(name: str, content: bytes) -> None:
    """Keep a content under a name that ends in ``.o`` or ``.json``; readers see all of it or nothing."""
    folder = cache_folder()
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle, unfinished = tempfile.mkstemp(prefix=_UNFINISHED, dir=folder)
        with os.fdopen(handle, "wb") as out:
            out.write(_digest(name, content) + content)
        os.replace(unfinished, folder / name)
        _drop_oldest(folder)
    except OSError:
        return


def code_digest(files: Iterable[Path], packages: Iterable[str]) -> bytes:
    """What a result depends on besides its input: for the name under which it is kept.

    Args:
        files: our own text.
        packages: names of packages that it calls; place, size and date of their files stand for them, so that
            none of them is loaded.
    """
    digest = hashlib.sha256(sys.version.encode())
    for file in sorted(files):
        digest.update(file.read_bytes())
    for package in packages:
        found = importlib.util.find_spec(package)
        parts = sorted(Path(found.origin).parent.glob("*")) if found is not None and found.origin else []
        for part in parts:
            state = part.stat()
            digest.update(f"{part} {state.st_size} {state.st_mtime_ns}\n".encode())
    return digest.digest()


def _digest(name: str, content: bytes) -> bytes:
    return hashlib.sha256(name.encode() + b"\0" + content).digest()


def _is_ours(file: os.stat_result) -> bool:
    if sys.platform == "win32":  # the folder lies in the user's profile; there are no such bits
        return True
    written_by_others = file.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
    return file.st_uid in (os.getuid(), 0) and not written_by_others


def _drop_oldest(folder: Path) -> None:
    files = [(file, file.stat()) for kind in _KINDS for file in folder.glob(kind)]
    total = sum(state.st_size for _, state in files)
    for file, state in sorted(files, key=lambda each: each[1].st_mtime):
        if total <= MOST_BYTES:
            return
        file.unlink(missing_ok=True)
        total -= state.st_size
