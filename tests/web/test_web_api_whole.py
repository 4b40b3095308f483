"""The API says what the pages say: each page has its typed answer, in the language asked for."""

from __future__ import annotations

import html
import re
import shutil

import pytest

from hepatrial import api
from hepatrial.calibration.targets import load_declaration
from hepatrial.prediction.discrepancy import evidence_cache
from hepatrial.prediction.left_out import groups_by
from hepatrial.prediction.library import list_studies
from hepatrial.prediction.scoreboard import role_of
from hepatrial.protocol import load_protocol, protocol_from_dict
from hepatrial.report.write import write_report
from hepatrial.trial import run_trial
from hepatrial.web.api.credibility import scores
from hepatrial.web.app import create_app
from hepatrial.web.jobs.folders import CURVES, Folders
from hepatrial.web.jobs.live import finished
from hepatrial.web.jobs.registry import Registry
from hepatrial.web.settings import Settings
from hepatrial.web.targets import predicted_in, target_in

CHINESE = re.compile("[一-鿿]")
UNTYPED = {
    "/api/schema": "is a JSON Schema itself",
    "/api/runs/{run}/results": "is results.json of the run folder",
    "/api/evidence/forest/{outcome}": "is Vega-Lite",
    "/api/evidence/risk/figure": "is Vega-Lite",
}
"""Answers without a model of their own, and why."""
ONE_LANGUAGE = {
    "/api/schema": "a JSON Schema",
    "/api/protocols/{name}": "a file",
    "/api/protocols/toml": "a file",
    "/api/protocols/read": "a file",
    "/api/designs": "a file",
    "/api/designs/{design}": "a file",
    "/api/runs/{run}/results": "numbers by English keys",
    "/api/mechanism/processes": "names",
    "/api/mechanism/experiments": "names",
    "/api/mechanism/experiments/{name}": "both languages at once",
    "/api/mechanism/model": "names of the reader's own",
    "/api/evidence/base": "version and hash",
    "/api/claims/mine": "the reader's own words",
}
"""Answers without ``lang``, and why."""


def operations(tmp_path):
    paths = create_app(Settings(data=tmp_path)).openapi()["paths"]
    for path, methods in paths.items():
        for method, described in methods.items():
            if path.startswith("/api/"):
                yield path, method, described


def has_model(schema):
    if schema.get("type") == "array":
        return has_model(schema["items"])
    either = schema.get("anyOf", [schema])
    return all("$ref" in one or one.get("type") == "string" for one in either)


def test_every_answer_has_a_model_but_those_with_a_reason(tmp_path):
    bare = set()
    for path, _, described in operations(tmp_path):
        for status, answer in described["responses"].items():
            told = answer.get("content", {}).get("application/json")
            if status.startswith("2") and told is not None and not has_model(told["schema"]):
                bare.add(path)
    assert bare == set(UNTYPED)


def test_every_answer_takes_a_language_but_those_with_a_reason(tmp_path):
    without = {
        path
        for path, method, described in operations(tmp_path)
        if not any(one["name"] == "lang" for one in described.get("parameters", ())) and method != "delete"
    }
    assert without - {"/api/openapi.json"} == set(ONE_LANGUAGE)


def test_the_language_of_the_address_goes_before_that_of_the_header(client):
    asked = client.get("/api/answers?lang=zh", headers={"accept-language": "en"}).json()
    assert asked == client.get("/api/answers", headers={"accept-language": "zh"}).json()
    assert CHINESE.search(asked["title"])


def test_an_unknown_language_is_refused_with_what_is_allowed(client):
    told = client.get("/api/answers?lang=fr")
    assert told.status_code == 422
    problem = told.json()["problems"][0]
    assert problem["place"] == "query.lang"
    assert "'en' or 'zh'" in problem["allowed"]


def plain(page):
    """A page's text, one space between words."""
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", page)).split())


def strings(value, skip=()):
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from () if key in skip else strings(inner, skip)
    elif isinstance(value, list):
        for inner in value:
            yield from strings(inner, skip)
    elif isinstance(value, str) and value:
        yield value


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_every_sentence_of_the_answers_stands_on_their_page(client, lang):
    told = client.get(f"/api/answers?lang={lang}").json()
    page = plain(client.get(f"/answers?lang={lang}").text)
    left = [
        text
        for text in strings(told, skip=("outcome", "citation", "hash", "source"))
        if " ".join(text.split()) not in page
    ]
    assert left == []
    for pair in (*told["cure"]["deaths"], *told["cure"]["infection"], *told["safe"]["cancer_cohorts"]):
        assert pair["treated"]["counted"]
        assert pair["control"]["counted"]


def test_the_answers_are_of_real_trials_only_and_have_the_same_numbers_in_both_languages(client):
    en, zh = (client.get(f"/api/answers?lang={lang}").json() for lang in ("en", "zh"))
    for key in ("deaths", "infection"):
        for one, other in zip(en["cure"][key], zh["cure"][key], strict=True):
            assert {**one, "about": ""} == {**other, "about": ""}
    assert [one["value"] for one in en["safe"]["raised"]] == [one["value"] for one in zh["safe"]["raised"]]
    assert len(en["cure"]["deaths"]) == 1
    assert en["cure"]["deaths"][0]["study"] == "Lin 2017"
    assert (en["cure"]["deaths"][0]["treated"]["counted"], en["cure"]["deaths"][0]["control"]["counted"]) == (
        "15 / 56",
        "24 / 54",
    )


def test_evidence_is_told_in_the_language_asked_for_with_the_same_numbers(client):
    en, zh = (client.get(f"/api/evidence/lin2017?lang={lang}").json() for lang in ("en", "zh"))
    assert CHINESE.search(zh["disease"])
    assert [arm["name"] for arm in zh["arms"]] == [arm["name"] for arm in en["arms"]]
    assert [row["percent"] for row in zh["survival"]] == [row["percent"] for row in en["survival"]]
    assert zh["citation"] == en["citation"]
    risks = client.get("/api/evidence/risk?lang=zh").json()
    page = plain(client.get("/evidence/risk?lang=zh").text)
    assert {one["trial"] for one in risks} >= {"lin2017", "amin2013"}
    assert all(domain["reason"] in page for one in risks for domain in one["domains"])
    rated = client.get("/api/evidence/certainty?lang=zh").json()
    page = plain(client.get("/evidence?lang=zh").text)
    assert all(row["outcome"] in page and row["level"] in page for row in rated)
    assert all(CHINESE.search(step["reason"]) for row in rated for step in row["steps"])
    shown = client.get("/api/evidence/outcomes?lang=zh").json()
    assert all(one["name"] in page for one in shown)


def test_claims_come_with_their_rules_counts_and_vocabulary(client):
    told = client.get("/api/claims/article?lang=zh").json()
    about = client.get("/api/claims/about?lang=zh").json()
    assert sum(about["counts"].values()) == len(told)
    assert {one["rule"] for one in told} <= {one["name"] for one in client.get("/api/claims/rules").json()}
    assert all(CHINESE.search(one["verdict_text"]) for one in told)
    assert all(CHINESE.search(one["says"]) for one in client.get("/api/claims/rules?lang=zh").json())
    words = client.get("/api/claims/vocabulary?lang=zh").json()
    page = client.get("/claims/mine?lang=zh").text
    for one in (*words["outcomes"], *words["events"], *words["topics"]):
        assert f'<option value="{one["value"]}"' in page


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_what_the_fit_missed_is_named_in_words_on_the_page_and_in_the_api(client, lang):
    told = client.get(f"/api/credibility/fit?lang={lang}").json()
    page = plain(client.get(f"/credibility?lang={lang}").text)
    for row in told["misses"][:20]:
        assert row["label"] in page
        assert row["target"] not in page
    said = told["bias"]["outcomes"]["death"]["sentence"]
    assert "-0.78" in said
    assert bool(CHINESE.search(said)) is (lang == "zh")
    assert all("_" not in row["label"] for row in told["misses"])


def test_every_fitted_statistic_has_a_name_of_its_own_in_both_languages():
    targets = load_declaration().targets
    for lang in ("en", "zh"):
        named = [target_in(lang, one.id) for one in targets]
        assert len(set(named)) == len(named)
        assert not [name for name in named if "_" in name or "{" in name]
    assert all(CHINESE.search(target_in("zh", one.id)) for one in targets)
    assert target_in("en", "canonic_inr") == "ACLF, EASL-CLIF: median INR (CANONIC, Trebicka 2019)"
    assert target_in("zh", "age_gap").endswith("第 28 天前死亡者与存活者年龄均值之差（Cai 2024）")


def test_a_design_of_one_s_own_begins_in_the_api_as_on_its_page(client):
    told = client.get("/api/protocols/new?lang=zh").json()
    protocol = protocol_from_dict(told["protocol"])
    assert protocol.identity.id == "my_trial"
    assert client.post("/api/protocols/check", json={"protocol": told["protocol"]}).json()["ok"]
    assert protocol.identity.title in client.get("/trial/new?lang=zh").text


def test_the_form_of_a_protocol_has_labels_help_ranges_and_values_in_the_units_asked_for(client, lin):
    def found(fields, *names):
        for name in names:
            fields = next(one for one in fields if one["name"] == name)["items"] or [
                one for one in fields if one["name"] == name
            ]
        return fields

    si, us = (
        client.post(f"/api/protocols/form?lang=zh&units={units}", json={"protocol": lin}).json()
        for units in ("si", "conventional")
    )
    follow = found(si, "follow_up")
    assert all(CHINESE.search(one["label"]) for one in follow)
    (first, *_) = found(si, "population", "eligibility")
    (same, *_) = found(us, "population", "eligibility")
    low = next(one["value"] for one in first["items"] if one["name"] == "min")
    assert low.endswith("umol/L")
    assert next(one["value"] for one in same["items"] if one["name"] == "min").endswith("mg/dL")
    measure = next(one for one in first["items"] if one["name"] == "measure")
    assert {"value": "inr", "label": "国际标准化比值（INR）"} in measure["options"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    lin = load_protocol("lin2017").with_patients(6)
    asked = {"patients": 6, "replicates": 2, "pairs": 0, "seed": 5, "settings": {}, "variant": None,
             "parameters": "cards", "members": 1}  # fmt: skip
    out = tmp_path_factory.mktemp("run") / "run"
    worlds = api.worlds_for(asked)
    made = run_trial(lin, **api.options_of_trial(asked), worlds=worlds, threads=1, out=out)
    write_report(made, "en")
    return lin, asked, made


@pytest.fixture
def done(folder, settings):
    """A finished run of the server's registry."""
    lin, asked, made = folder
    registry = Registry(settings.data / "registry.sqlite")
    request = {"protocol": lin.as_dict(), "options": asked, "lang": "en"}
    run = registry.add(request, title="", protocol="lin2017", origin="lin2017", note="", most=9)
    registry.move(run.id, "done", of=("queued",))
    registry.name(run.id, made.hash)
    folders = Folders(settings.data, run.id)
    shutil.copytree(made.path, folders.result)
    folders.job.mkdir(parents=True)
    folders.write(CURVES, finished(made.subjects, lin))
    return run.id


def test_what_came_out_of_a_run_is_told_as_on_its_page_with_its_control(client, done):
    for lang in ("en", "zh"):
        told = client.get(f"/api/runs/{done}/findings?lang={lang}").json()
        page = plain(client.get(f"/runs/{done}?lang={lang}").text)
        assert all(one["text"] in page for one in told["sentences"])
        assert told["mark"] in page
        assert told["arms"][0]["control"]
        for row in told["strategies"]:
            assert set(row["arms"]) == {"smt", "msc"}
            assert set(row["differences"]) == {"msc"}
            assert row["label"] in page
    assert CHINESE.search(told["sentences"][0]["text"])


def test_the_design_of_a_run_is_told_with_its_changes_and_the_command_that_repeats_it(client, done, lin):
    told = client.get(f"/api/runs/{done}/design?lang=zh").json()
    assert told["origin"] == "lin2017"
    assert told["command"].startswith("hepatrial run")
    assert protocol_from_dict(told["protocol"]).arms.keys() == lin["arms"].keys()
    assert {one["place"] for one in told["changes"]} == {"arms.msc.n", "arms.smt.n"}
    assert all(CHINESE.search(one["label"]) for one in told["changes"])


def test_an_unfinished_run_has_a_design_and_no_findings(client, lin):
    run = client.post("/api/runs", json={"protocol": lin, "replicates": 1, "pairs": 0}).json()["id"]
    assert client.get(f"/api/runs/{run}/design").status_code == 200
    assert client.get(f"/api/runs/{run}/findings").status_code == 409


def test_figures_of_experiments_and_weights_carry_the_mark(client):
    told = client.get("/api/mechanism/variants/figure?lang=zh").json()
    assert told["mark"] in str(told["spec"])
    done = client.get("/api/mechanism/experiments/differentiation").json()
    panels = client.get("/api/mechanism/experiments/differentiation/figures?lang=zh").json()
    assert len(panels) == len({one["panel"] for one in done["curves"]})
    assert all(done["mark"]["zh"] in str(one["spec"]) for one in panels)


def test_everything_that_the_scoreboard_predicts_has_a_name_in_both_languages() -> None:
    points = evidence_cache("mortality").points
    predicted = {*list_studies(), *groups_by("cluster", points), *groups_by("class", points)}
    for lang in ("en", "zh"):
        for study in predicted:
            assert "_" not in predicted_in(lang, study), study
    for row in scores().classes:
        for miss in row.misses:
            assert predicted_in("en", miss.study)
        assert role_of(row.name) in {"predicted", "fitted", "left out", "left out with its class"}
