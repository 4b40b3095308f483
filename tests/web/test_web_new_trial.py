"""A trial of one's own from the first entry to the report, and designs beside each other, in Chromium."""

from __future__ import annotations

import re
import tomllib

import pytest
from browser import ABSENT, CHROMIUM, QUICK, opened
from playwright.sync_api import expect

from hepatrial.schema import MARK
from hepatrial.web.language import translate

pytestmark = [pytest.mark.slow, pytest.mark.skipif(CHROMIUM is None, reason=ABSENT)]

LOCALES = {"en": "en-GB", "zh": "zh-CN"}
CHINESE = re.compile("[一-鿿]")
FOUR_WORDS = re.compile(r"(?:\b[A-Za-z][A-Za-z'’-]*\b[ ,;:]*){4,}")


@pytest.fixture(params=LOCALES)
def lang(request):
    return request.param


@pytest.fixture
def tab(chromium, lang):
    yield from opened(chromium, LOCALES[lang])


def entry(tab, *names):
    """The input of an entry of the form by the names on the way to it."""
    place = " ".join(f'[data-name="{name}"]' for name in names)
    return tab.locator(f"{place} input, {place} select").first


def open_part(tab, name):
    """Open the part of the form that holds a section."""
    part = tab.locator(f'details.part:has([data-kind][data-name="{name}"])').first
    if part.get_attribute("open") is None:
        part.locator("summary").first.click()


def wrong(tab):
    return tab.locator("#design p.wrong").all_inner_texts()


def test_a_trial_of_ones_own_is_planned_corrected_run_and_taken_away(server, tab, lang, tmp_path):
    said = lambda text, **more: translate(lang, text, **more)  # noqa: E731
    tab.goto(f"{server.address}/trial")
    tab.get_by_role("link", name=said("Start anew")).click()
    tab.wait_for_selector("#status.good")
    assert tab.locator(".was").count() == 0
    title = {"en": "Early cells, twice", "zh": "早期两次输注"}[lang]
    open_part(tab, "identity")
    entry(tab, "identity", "title").fill(title)
    entry(tab, "identity", "id").fill("Early Cells!")
    tab.wait_for_selector("#status.bad")
    assert tab.locator('[data-name="identity"] [data-name="id"] [aria-invalid="true"]').count() == 1
    entry(tab, "identity", "id").fill("early_cells")
    tab.wait_for_selector("#status.good")

    arm = tab.locator('[data-name="arms"] > fieldset').first
    arm.locator('[data-name="dose"] input').fill("1e6 mg")
    tab.wait_for_selector("#status.bad")
    assert any("cells/kg" in text for text in wrong(tab))
    if lang == "zh":
        assert all(CHINESE.search(text) and not FOUR_WORDS.search(text) for text in wrong(tab)), wrong(tab)
    arm.locator('[data-name="dose"] input').fill("1e6 cells/kg")
    arm.locator('[data-name="days"] input').first.fill("0, 7")
    tab.wait_for_selector("#status.good")

    tab.locator('[data-name="arms"] > [data-add]').click()
    added = tab.locator('[data-name="arms"] > fieldset').nth(2)
    tab.wait_for_selector("#status.bad")
    assert len(wrong(tab)) == 1  # it has no name yet
    added.locator("[data-key]").fill("msc")
    expect(tab.locator("#design p.wrong")).to_contain_text(
        [{"en": "called msc already", "zh": "已有条目名为 msc"}[lang]]
    )
    tab.click("#run")
    assert tab.url.endswith("/trial/new")
    added.locator("[data-key]").fill("late")
    expect(tab.locator("#design p.wrong")).to_have_count(2)  # its label and its number
    added.locator('[data-name="label"] input').first.fill({"en": "Late cells", "zh": "晚期输注"}[lang])
    added.locator('[data-name="n"] input').first.fill("40")
    added.locator('[data-name="regimen"] > [data-add]').click()
    line = added.locator('[data-name="regimen"] > fieldset').first
    line.locator('[data-name="product"] select').select_option("bm_msc_allogeneic")
    line.locator('[data-name="dose"] input').fill("1e6 cells/kg")
    line.locator('[data-name="route"] select').select_option("peripheral_vein")
    line.locator('[data-name="days"] input').first.fill("28")
    expect(tab.locator("#status")).to_have_class(re.compile("good"))
    assert "150" in tab.locator("#status").inner_text()

    add = tab.locator('[data-name="eligibility"] > [data-add]')
    add.click()
    limit = tab.locator('[data-name="eligibility"] > fieldset').last
    limit.locator('[data-name="measure"] select').select_option("creatinine")
    limit.locator('[data-name="max"] input').fill("3 mmHg")
    tab.wait_for_selector("#status.bad")
    assert limit.locator('[data-name="max"] p.wrong').count() == 1
    limit.locator('[data-name="max"] input').fill("3 mg/dL")
    tab.wait_for_selector("#status.good")

    tab.fill("#run-replicates", "many")
    tab.click("#run")
    tab.wait_for_selector("#run-told li")
    refusal = tab.locator("#run-told li").all_inner_texts()
    assert len(refusal) == 1
    assert {"en": "a whole number", "zh": "整数"}[lang] in refusal[0]
    assert tab.locator("#run-replicates").get_attribute("aria-invalid") == "true"
    assert tab.url.endswith("/trial/new")
    for name, value in QUICK.items():
        tab.fill(f"#run-{name}", str(value))
    tab.click("#run")
    tab.wait_for_url(re.compile(r"/runs/[0-9a-f]{12}$"))
    tab.wait_for_selector("#chart[data-kind=done] svg", timeout=240_000)
    assert tab.locator("h1").inner_text() == title
    assert MARK[lang] in tab.locator("#chart svg").text_content()
    arms = tab.locator("thead").first.inner_text()
    assert {"en": "Late cells", "zh": "晚期输注"}[lang] in arms
    with tab.expect_download() as caught:
        tab.get_by_role("link", name="protocol.toml", exact=True).click()
    caught.value.save_as(tmp_path / "protocol.toml")
    kept = tomllib.loads((tmp_path / "protocol.toml").read_text(encoding="utf-8"))
    assert kept["identity"]["id"] == "early_cells"
    assert [kept["arms"][name]["n"] for name in ("msc", "smt", "late")] == [56, 54, 40]
    assert kept["arms"]["msc"]["regimen"][0]["days"] == [0, 7]
    assert any(row["measure"] == "creatinine" for row in kept["population"]["eligibility"])
    tab.get_by_role("link", name=said("Open the report")).click()
    tab.wait_for_load_state()
    told = tab.locator("body").inner_text()
    assert title in told
    assert MARK[lang] in told


@pytest.fixture(scope="module")
def five(server):
    """Ids of five finished runs of one trial at five doses, the first begun first."""
    protocol = server.call("GET", "/api/protocols/lin2017").json()["protocol"]
    runs = []
    for dose in ("1e5", "3e5", "1e6", "3e6", "1e7"):
        protocol["arms"]["msc"]["regimen"][0]["dose"] = f"{dose} cells/kg"
        asked = {"protocol": protocol, "origin": "lin2017", "title": f"dose {dose}", **QUICK}
        runs.append(server.call("POST", "/api/runs", json=asked).json()["id"])
    for run in runs:
        server.wait(run)
    return runs


@pytest.mark.usefixtures("five")
def test_up_to_four_designs_stand_side_by_side_from_the_trial_page(server, tab, lang):
    tab.goto(f"{server.address}/trial")
    names = [f"dose {dose}" for dose in ("1e5", "3e5", "1e6", "3e6")]
    for name in names:
        tab.get_by_role("checkbox", name=name).check()
    tab.get_by_role("button", name=translate(lang, "Compare")).click()
    tab.wait_for_url("**/compare?**")
    assert tab.locator("section h2").all_inner_texts() == names
    figures = tab.locator("figure svg")
    assert figures.count() == 4
    assert all(MARK[lang] in text for text in figures.all_text_contents())
    results, differences = tab.locator("table").all()
    assert results.locator("thead th").all_inner_texts() == names
    assert MARK[lang] in results.inner_text()
    row = differences.locator("tbody tr")
    assert row.count() == 1
    label, key = row.locator("th").inner_text().split("\n")
    assert key == "arms.msc.regimen[0].dose"
    assert (
        label
        == {
            "en": "Arms › MSC + standard care › Regimen 1 › Dose",
            "zh": "组别 › 间充质干细胞＋标准治疗 › 给药方案 1 › 剂量",
        }[lang]
    )
    assert row.locator("td").all_inner_texts() == [
        f"{dose} cells/kg" for dose in ("1e5", "3e5", "1e6", "3e6")
    ]
    before = figures.first.text_content()
    tab.select_option("#strategy", "composite")
    tab.get_by_role("button", name=translate(lang, "Compare")).click()
    tab.wait_for_url("**strategy=composite**")
    assert tab.locator("figure svg").first.text_content() != before
    assert tab.locator("section h2").all_inner_texts() == names
    over = tab.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert over <= 0


def test_a_fifth_design_and_one_that_is_gone_are_told_and_not_shown(server, five, tab, lang):
    asked = "&".join(f"run={run}" for run in (*five, "000000000000"))
    same = server.call("GET", f"/api/compare?{asked}").json()
    assert [run["id"] for run in same["runs"]] == five[:4]
    assert (same["left_out"], same["comparable"], same["mark"]) == (2, True, MARK["en"])
    assert [(row["place"], row["label"]) for row in same["differences"]] == [
        ("arms.msc.regimen[0].dose", "Arms › MSC + standard care › Regimen 1 › Dose")
    ]
    assert all(len(row["cells"]) == 4 for row in same["results"])
    tab.goto(f"{server.address}/compare?{asked}")
    assert tab.locator("figure svg").count() == 4
    told = translate(
        lang, "{n} of the runs asked for are not shown: at most four fit, and they must be finished.", n=2
    )
    assert told in tab.locator("main").inner_text()
    answer = tab.goto(f"{server.address}/compare?strategy=wish")
    assert answer.status == 422
