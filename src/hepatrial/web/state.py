"""What a running server shares: settings, registry, queue."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from fastapi import Depends, Path, Query, Request

from hepatrial.web import pages
from hepatrial.web.jobs.folders import Folders
from hepatrial.web.jobs.queue import Queue
from hepatrial.web.jobs.registry import Registry, Run
from hepatrial.web.problems import Refused
from hepatrial.web.settings import Settings


@dataclass(frozen=True)
class Server:
    """The server's parts."""

    settings: Settings
    registry: Registry
    queue: Queue

    def folders(self, run: str) -> Folders:
        """Where a run's files lie."""
        return Folders(self.settings.data, run)

    def run(self, run: str) -> Run:
        """A run of the registry.

        Raises:
            Refused: 404.
        """
        found = self.registry.get(run)
        if found is None:
            raise Refused(
                404, f"There is no run {run!r}.", "Runs are listed at /runs; it may have been deleted."
            )
        return found


def _server(request: Request) -> Server:
    found: Server = request.app.state.server
    return found


_LANG = Query(description="Language of the texts; else the cookie's, else that of Accept-Language.")
_UNITS = Query(description="Units of laboratory values; else the cookie's, else si.")


def _lang(request: Request, lang: Annotated[Literal["en", "zh"] | None, _LANG] = None) -> str:
    return lang or pages.lang_of(request)


def _units(request: Request, units: Annotated[Literal["si", "conventional"] | None, _UNITS] = None) -> str:
    return units or pages.units_of(request)


Served = Annotated[Server, Depends(_server)]
Lang = Annotated[str, Depends(_lang)]
Units = Annotated[str, Depends(_units)]
RunId = Annotated[str, Path(pattern=r"^[0-9a-f]{12}$", description="Id of a run.")]
