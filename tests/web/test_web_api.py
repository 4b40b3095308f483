"""The typed API, without a browser and without a worker."""

from __future__ import annotations

import copy

import pytest

from hepatrial.protocol import list_protocols, load_protocol, protocol_from_dict
from hepatrial.protocol.write import protocol_toml
from hepatrial.web.table1 import read_table


def is_problem(answer, status):
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    told = answer.json()
    assert told["status"] == status
    assert told["detail"]
    assert told["remedy"]
    return told


def test_the_start_page_answers_get_and_head(client):
    assert client.get("/").status_code == 200
    head = client.head("/")
    assert head.status_code == 200
    assert head.content == b""


@pytest.mark.parametrize(
    ("header", "lang"),
    [
        ("zh-CN,zh;q=0.9,en;q=0.8", "zh-Hans"),
        ("en-GB,en;q=0.9,zh;q=0.8", "en"),
        ("fr", "en"),
        ("zh-TW;q=0.1, en;q=0.9", "en"),
        ("de, zh-HK;q=0.5", "zh-Hans"),
        (";;q=x,,", "en"),
    ],
)
def test_the_first_language_is_the_one_that_the_browser_likes_best(client, header, lang):
    answer = client.get("/", headers={"accept-language": header})
    assert f'<html lang="{lang}">' in answer.text
    assert answer.headers["content-language"] == lang


def test_a_process_is_told_in_the_language_asked_for_with_the_same_numbers(client):
    told = {
        lang: client.get("/api/mechanism/processes/liver", headers={"accept-language": lang}).json()
        for lang in ("en", "zh")
    }
    assert told["zh"]["title"] == "肝脏"
    for en, zh in zip(told["en"]["cards"], told["zh"]["cards"], strict=True):
        assert {**en, "note": "", "label": ""} == {**zh, "note": "", "label": ""}
        assert en["note"] != zh["note"]
        assert zh["note"].endswith("。")


@pytest.mark.parametrize("name", list_protocols())
def test_a_protocol_written_as_toml_loads_as_an_equal_one(name, tmp_path):
    protocol = load_protocol(name)
    file = tmp_path / "p.toml"
    file.write_text(protocol_toml(protocol), encoding="utf-8")
    assert load_protocol(file) == protocol


def test_every_shipped_protocol_is_listed_and_sound(client):
    listed = client.get("/api/protocols").json()
    assert [one["name"] for one in listed] == list(list_protocols())
    assert any(one["pending"] for one in listed)


def test_a_changed_dose_is_told_with_both_values(client, lin):
    changed = copy.deepcopy(lin)
    changed["arms"]["msc"]["regimen"][0]["dose"] = "1e6 cells/kg"
    told = client.post("/api/protocols/check", json={"protocol": changed, "origin": "lin2017"}).json()
    assert told["ok"]
    assert told["changes"] == [
        {
            "place": "arms.msc.regimen[0].dose",
            "label": "Arms › MSC + standard care › Regimen 1 › Dose",
            "before": "3.2e5 cells/kg",
            "after": "1e6 cells/kg",
        }
    ]


def test_every_problem_of_a_protocol_comes_at_once_with_its_place(client, lin):
    wrong = copy.deepcopy(lin)
    wrong["arms"]["msc"]["regimen"][0]["dose"] = "1e9 cells/kg"
    wrong["population"]["eligibility"][0]["min"] = "171 furlongs"
    wrong["endpoints"]["control_arm"] = "smtt"
    told = client.post("/api/protocols/check", json={"protocol": wrong}).json()
    assert not told["ok"]
    places = {one["place"]: one for one in told["problems"]}
    assert {"arms.msc.regimen[0].dose", "population.eligibility[0].min", "endpoints.control_arm"} <= set(
        places
    )
    assert places["endpoints.control_arm"]["nearest"] == "smt"


def test_a_run_is_entered_with_the_hash_that_its_folder_will_have(client, lin, tmp_path):
    from hepatrial import api

    asked = {"protocol": lin, "patients": 4, "replicates": 1, "pairs": 0, "title": "small"}
    answer = client.post("/api/runs", json=asked)
    assert answer.status_code == 201
    told = answer.json()
    assert told["state"] == "queued"
    folder = api.run(protocol_from_dict(lin), patients=4, replicates=1, pairs=0, out=tmp_path / "run")
    assert told["hash"] == folder.hash


def test_a_full_queue_says_so_and_nothing_is_lost(client, lin):
    asked = {"protocol": lin, "replicates": 1, "pairs": 0}
    for _ in range(3):
        assert client.post("/api/runs", json=asked).status_code == 201
    is_problem(client.post("/api/runs", json=asked), 429)
    assert len(client.get("/api/runs").json()) == 3


def test_a_run_that_waits_can_be_stopped_resumed_and_deleted(client, lin):
    run = client.post("/api/runs", json={"protocol": lin, "replicates": 1, "pairs": 0}).json()["id"]
    assert client.post(f"/api/runs/{run}/cancel").json()["state"] == "cancelled"
    is_problem(client.post(f"/api/runs/{run}/cancel"), 409)
    assert client.post(f"/api/runs/{run}/resume").json()["state"] == "queued"
    assert client.delete(f"/api/runs/{run}").status_code == 204
    is_problem(client.delete(f"/api/runs/{run}"), 404)
    is_problem(client.get(f"/api/runs/{run}"), 404)


def test_files_of_a_run_that_is_not_done_are_refused_but_its_protocol_is_there(client, lin):
    run = client.post("/api/runs", json={"protocol": lin, "replicates": 1, "pairs": 0}).json()["id"]
    is_problem(client.get(f"/api/runs/{run}/files/report.html"), 409)
    assert "--replicates 1 --pairs 0 --seed 1" in client.get(f"/api/runs/{run}/files/command.txt").text
    assert "[arms.msc]" in client.get(f"/api/runs/{run}/files/protocol.toml").text


def test_a_run_beyond_the_servers_limit_is_refused(client, lin):
    told = is_problem(client.post("/api/runs", json={"protocol": lin, "replicates": 9_000_000}), 422)
    assert any("courses" in one["given"] for one in told["problems"])


def test_a_pasted_table_1_is_read_with_units_and_what_is_wrong_is_said(client):
    text = (
        "Characteristic\tAll\nAge, years\t45.2 ± 11.0\nTBil (mg/dL)\t18.5 (14.7–23.3)\nMale\t45/56\n"
        "INR | 2.1 ± 0.4\nCRP, mg/L\t12\n肌酐 (µmol/L)\t88 ± 30\nCirrhosis\t40 (71.4 %)\n"
    )
    told = client.post("/api/table1", json={"text": text}).json()
    rows = {row["variable"]: row for row in told["rows"]}
    assert rows["age"]["mean"] == 45.2
    assert rows["bilirubin"]["median"] == "316.35 umol/L"
    assert rows["female"]["share"] == pytest.approx(11 / 56)
    assert rows["inr"] == {"variable": "inr", "mean": 2.1, "sd": 0.4} | {
        "grade": "seen",
        "source": "Table 1 as given by the user",
    }
    assert rows["creatinine"]["sd"] == "30.0 umol/L"
    assert rows["cirrhosis"]["share"] == pytest.approx(0.714)
    assert told["not_used"] == ["crp"]
    assert [one["place"] for one in told["problems"]] == ["line 1"]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (
            '"Total bilirubin, mg/dL","18.5 (14.7, 23.4)",44',
            {"median": "316.35 umol/L", "q1": "251.37 umol/L"},
        ),
        ('"INR";"1.9 (1.6; 2.4)"', {"median": 1.9, "q1": 1.6, "q3": 2.4}),
        ("TBil\t316 [252, 399]", {"median": "316.0 umol/L", "q3": "399.0 umol/L"}),
        ("Age, mean (SD), y\t45.2 (11.0)", {"mean": 45.2, "sd": 11.0}),
        ("Cirrhosis, n (%),40 (71.4%)", {"share": pytest.approx(0.714)}),
        ("Cirrhosis (%)\t71.4", {"share": pytest.approx(0.714)}),
    ],
)
def test_a_row_as_spreadsheets_and_papers_write_it_is_read_as_it_is_meant(line, expected):
    (row,), _, problems = read_table(line)
    assert problems == []
    assert row.items() >= expected.items()


def test_a_value_whose_brackets_are_not_understood_is_not_taken_for_a_mean():
    rows, _, (problem,) = read_table("TBil\t316 (range 20 to 900)")
    assert rows == []
    assert "mean ± SD" in problem.allowed


def test_the_openapi_document_describes_errors_as_problems(client):
    told = client.get("/api/openapi.json").json()
    assert "ProblemDetails" in told["components"]["schemas"]
    assert "HTTPValidationError" not in str(told)


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_every_protocol_has_its_form_in_both_languages_and_unit_systems(client, lang):
    for name in ("new", *list_protocols()):
        for units in ("si", "conventional"):
            page = client.get(f"/trial/{name}?lang={lang}&units={units}")
            assert page.status_code == 200, name
            assert 'data-name="regimen"' in page.text


def test_light_pages_answer_before_anything_has_been_made(client):
    for path in ("/", "/trial", "/mechanism", "/mechanism/patients", "/mechanism/own", "/runs", "/compare"):
        assert client.get(path).status_code == 200, path
    assert client.get("/trial/lin2018", headers={"accept": "text/html"}).status_code == 404


def test_what_is_wrong_with_a_body_is_told_by_the_name_of_its_entry_in_the_readers_language(client, lin):
    asked = {"protocol": lin, "replicates": "many", "pairs": -1, "extra": 1}
    for lang, words in (
        ("en", {"replicates": "a whole number", "pairs": "a number not below 0"}),
        ("zh", {"replicates": "整数", "pairs": "不小于 0 的数"}),
    ):
        told = is_problem(client.post("/api/runs", json=asked, headers={"accept-language": lang}), 422)
        found = {one["place"]: one["allowed"] for one in told["problems"]}
        assert {place: found[place] for place in words} == words
        assert "extra" in found
    broken = client.post("/api/runs", content=b"{", headers={"content-type": "application/json"})
    assert is_problem(broken, 422)["problems"][0]["allowed"] == "well-formed JSON"


def test_runs_that_cannot_be_compared_are_counted(client):
    told = client.get("/api/compare?run=000000000000&run=elsewhere").json()
    assert (told["runs"], told["left_out"], told["results"], told["differences"]) == ([], 2, [], [])
    is_problem(client.get("/api/compare?run=000000000000&strategy=wish"), 422)
