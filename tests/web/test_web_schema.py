"""Schemathesis on the whole API: nothing fails, every answer is as declared, every refusal is a problem."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from web_server import served

from hepatrial.web.app import create_app
from hepatrial.web.settings import Settings

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("default")]

CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]

with tempfile.TemporaryDirectory() as _folder:
    SCHEMA = schemathesis.openapi.from_dict(create_app(Settings(data=Path(_folder))).openapi())


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    with served(Settings(data=tmp_path_factory.mktemp("data"), queued=10_000)) as running:
        yield running


@SCHEMA.parametrize()
@settings(max_examples=8, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
def test_no_request_makes_the_server_fail_and_every_answer_is_as_declared(case, address):
    answer = case.call(base_url=address, timeout=120)
    case.validate_response(answer, checks=CHECKS)
    if answer.status_code >= 400:
        told = answer.json()
        assert "application/problem+json" in answer.headers["content-type"]
        assert told["status"] == answer.status_code
        assert told["detail"]
        assert told["remedy"]
