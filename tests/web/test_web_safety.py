"""What strangers and other sites may try, and what every response says."""

from __future__ import annotations

import httpx
import pytest
from web_server import served

from hepatrial.web.settings import Settings


def test_every_response_forbids_inline_script_and_eval(client):
    for address in ("/", "/trial", "/api/protocols", "/static/app.css", "/nothing"):
        policy = client.get(address).headers["content-security-policy"]
        assert "script-src 'self'" in policy
        assert "unsafe" not in policy


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "http://evil.example"},
        {"origin": "null"},
        {"sec-fetch-site": "cross-site"},
        {"cookie": "hepatrial_csrf=0123456789012345678901234567"},
        {"cookie": "hepatrial_csrf=0123456789012345678901234567", "x-csrf-token": "wrong"},
    ],
    ids=str,
)
def test_a_browser_without_the_pages_secret_changes_nothing(client, headers):
    answer = client.post("/api/table1", json={"text": "Age\t4"}, headers=headers)
    assert answer.status_code == 403
    assert answer.json()["remedy"]


def test_our_own_origin_alone_is_no_proof(client):
    answer = client.post("/api/table1", json={"text": "Age\t4"}, headers={"origin": client.origin})
    assert answer.status_code == 403


def test_a_browser_with_the_pages_secret_is_served(client):
    secret = "0123456789012345678901234567"
    headers = {"cookie": f"hepatrial_csrf={secret}", "x-csrf-token": secret, "origin": client.origin}
    assert client.post("/api/table1", json={"text": "Age\t44"}, headers=headers).status_code == 200


def test_another_host_name_is_refused_on_loopback(client):
    assert client.get("/", headers={"host": "rebound.example"}).status_code == 421


def test_a_server_that_others_can_reach_needs_a_token(tmp_path):
    with pytest.raises(ValueError, match="token"):
        Settings(data=tmp_path, host="0.0.0.0")


def test_without_the_token_nothing_is_told(tmp_path):
    settings = Settings(data=tmp_path, host="0.0.0.0", token="secret-of-the-server")
    with served(settings) as address, httpx.Client(base_url=address) as client:
        for headers in ({}, {"authorization": "Bearer wrong"}, {"cookie": "hepatrial_token=wrong"}):
            for path in ("/", "/api/runs", "/static/app.css", "/?token=wrong"):
                assert client.get(path, headers=headers).status_code == 401
        bearer = {"authorization": "Bearer secret-of-the-server"}
        assert client.get("/api/runs", headers=bearer).status_code == 200
        entry = client.get("/runs?token=secret-of-the-server&lang=zh", follow_redirects=False)
        assert entry.status_code == 303
        assert entry.headers["location"] == "/runs?lang=zh"
        assert "HttpOnly" in entry.headers["set-cookie"]
        assert client.get("/runs").status_code == 200


@pytest.mark.parametrize(
    "path",
    [
        "/static/../app.py",
        "/static/..%2fapp.py",
        "/static/%2e%2e%2f%2e%2e%2fregistry.sqlite",
        "/api/runs/..%2f..%2fetc",
        "/api/runs/000000000000/files/..%2f..%2f..%2fregistry.sqlite",
        "/trial/..%2f..%2fregistry",
        "/trial/design/..%2f..%2fx",
    ],
)
def test_no_path_leads_out_of_what_is_served(client, path):
    answer = client.get(path)
    assert answer.status_code in (404, 422)
    assert "SQLite" not in answer.text


def test_a_body_that_is_too_large_is_refused_before_it_is_read(client):
    answer = client.post(
        "/api/table1", content=b"x" * 1_100_000, headers={"content-type": "application/json"}
    )
    assert answer.status_code == 413

    def endless():
        for _ in range(40):
            yield b" " * 100_000

    answer = client.post("/api/table1", content=endless(), headers={"content-type": "application/json"})
    assert answer.status_code == 413


@pytest.mark.parametrize(
    "text",
    [
        "a = " + "[" * 50_000,
        "a = " + "[" * 400 + "]" * 400,
        ".".join("a" * 1 for _ in range(5000)) + " = 1",
        "[" + ".".join(["a"] * 3000) + "]\nx = 1",
        "a = 1" + "0" * 6000,
        "x = nan",
        'x = "\\u0000"',
        "\x00",
        "a" * 399_000,
        "[identity]\nid = 'x'",
    ],
    ids=[
        "unclosed",
        "nested",
        "dotted",
        "deep table",
        "huge number",
        "nan",
        "nul",
        "raw nul",
        "long",
        "lacking",
    ],
)
def test_a_toml_bomb_is_a_sentence(client, text):
    answer = client.post("/api/designs", json={"text": text})
    assert answer.status_code == 422, answer.text[:300]
    assert answer.json()["problems"]


@pytest.mark.parametrize(
    "value",
    ["<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "{{ 7 * 7 }}", "javascript:alert(1)"],
)
def test_script_in_names_and_notes_stays_text(client, lin, value):
    data = {**lin, "identity": {**lin["identity"], "title": value, "question": value}}
    asked = {"protocol": data, "title": value, "note": value, "replicates": 1, "pairs": 0}
    run = client.post("/api/runs", json=asked).json()
    for address in ("/runs", f"/runs/{run['id']}", f"/trial/run/{run['id']}", f"/compare?run={run['id']}"):
        page = client.get(address)
        assert page.status_code == 200
        assert "<script>alert" not in page.text
        assert "<img src=x" not in page.text
        assert ">49<" not in page.text


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 100_000,
        b'{"protocol": ' + b'{"a":' * 900 + b"1" + b"}" * 901,
        b'{"protocol": {"follow_up": {"length": 1e999}}}',
        b'{"protocol": {"follow_up": {"length": ' + b"9" * 4000 + b"}}}",
        b'{"protocol": {"identity": {"id": "\\ud800"}}}',
        b'{"protocol": NaN}',
        b"\xff\xfe",
    ],
    ids=["unclosed", "deep", "infinite", "digits", "surrogate", "nan", "bytes"],
)
def test_malformed_json_is_refused_and_never_a_failure(client, body):
    answer = client.post("/api/protocols/check", content=body, headers={"content-type": "application/json"})
    assert answer.status_code in (200, 400, 422), answer.text
    if answer.status_code == 200:
        assert answer.json()["problems"]
