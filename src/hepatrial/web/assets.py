"""Styles and scripts: our own from the package, Vega out of the installed vl-convert, all from memory."""

from __future__ import annotations

import gzip
import hashlib
from functools import cache
from importlib import resources
from threading import Lock

import vl_convert
from fastapi import APIRouter, Request, Response

from hepatrial.web.problems import Refused

TYPES = {
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
}
VEGA = "vega.js"
_lock = Lock()

router = APIRouter(include_in_schema=False)


@cache
def _content(name: str) -> bytes:
    if name == VEGA:
        bundle: str = vl_convert.javascript_bundle(None)  # type: ignore[arg-type]
        return bundle.encode()
    return (resources.files("hepatrial.web") / "static" / name).read_bytes()


@cache
def names() -> frozenset[str]:
    """Files that are served."""
    folder = resources.files("hepatrial.web") / "static"
    return frozenset(
        (VEGA, *(item.name for item in folder.iterdir() if item.name.rpartition(".")[2] in TYPES))
    )


@cache
def _packed(name: str) -> tuple[bytes, bytes, str]:
    """A file plain, packed, and its fingerprint."""
    data = _content(name)
    return data, gzip.compress(data, 6, mtime=0), hashlib.sha256(data).hexdigest()[:16]


def packed(name: str) -> tuple[bytes, bytes, str]:
    """As ``_packed``; the bundle is made once, whoever asks first."""
    with _lock:
        return _packed(name)


@router.get("/static/{name}")
def static(name: str, request: Request) -> Response:
    """A style sheet or a script."""
    if name not in names():
        raise Refused(404, f"There is no file {name!r}.", "Reload the page.")
    data, small, tag = packed(name)
    headers = {"etag": f'"{tag}"', "cache-control": "no-cache", "vary": "accept-encoding"}
    if request.headers.get("if-none-match") == f'"{tag}"':
        return Response(status_code=304, headers=headers)
    media = TYPES[name.rpartition(".")[2]]
    if "gzip" in request.headers.get("accept-encoding", ""):
        return Response(small, media_type=media, headers={**headers, "content-encoding": "gzip"})
    return Response(data, media_type=media, headers=headers)
