"""The application: parts put together, guard in front, errors as problems."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib import import_module
from typing import Any

from fastapi import FastAPI

import hepatrial
from hepatrial.web import assets, background, problems
from hepatrial.web.jobs.queue import Queue
from hepatrial.web.jobs.registry import Registry
from hepatrial.web.security import Guard
from hepatrial.web.settings import Settings
from hepatrial.web.state import Server
from hepatrial.web.warm import warm_up

APIS = (
    "answers",
    "protocols",
    "designs",
    "runs",
    "compare",
    "mechanism",
    "evidence",
    "claims",
    "credibility",
)
PAGES = ("start", "trial", "mechanism", "evidence", "claims", "credibility", "runs")


def create_app(settings: Settings, hosts: tuple[str, ...] = ()) -> FastAPI:
    """The server of a data folder.

    Args:
        settings: where the data are, limits, token.
        hosts: further host names that are accepted on loopback (tests).
    """
    registry = Registry(settings.data / "registry.sqlite")
    server = Server(settings, registry, Queue(settings, registry))

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        server.queue.start()
        threading.Thread(target=warm_up, name="warm-up", daemon=True).start()
        yield
        server.queue.close()
        background.close()

    app = FastAPI(
        title="hepatrial",
        version=hepatrial.__version__,
        description="In-silico clinical trials for liver failure. Simulated; research use only.",
        docs_url=None,
        redoc_url=None,
        openapi_url="/api/openapi.json",
        lifespan=lifespan,
        separate_input_output_schemas=False,
    )
    app.state.server = server
    problems.install(app)
    app.include_router(assets.router)
    for kind, names in (("api", APIS), ("routes", PAGES)):
        for name in names:
            app.include_router(import_module(f"hepatrial.web.{kind}.{name}").router)
    _describe_problems(app)
    app.add_middleware(Guard, settings=settings, hosts=hosts)
    return app


def _describe_problems(app: FastAPI) -> None:
    """Put the shape of errors into the OpenAPI document, and take FastAPI's own away."""
    make = app.openapi

    def openapi() -> dict[str, Any]:
        made = make()
        schemas = made.setdefault("components", {}).setdefault("schemas", {})
        for name in ("HTTPValidationError", "ValidationError"):
            schemas.pop(name, None)
        schemas["OneProblem"] = problems.OneProblem.model_json_schema()
        schemas["ProblemDetails"] = problems.ProblemDetails.model_json_schema(
            ref_template="#/components/schemas/{model}"
        )
        schemas["ProblemDetails"].pop("$defs", None)
        return made

    app.openapi = openapi  # type: ignore[method-assign]
