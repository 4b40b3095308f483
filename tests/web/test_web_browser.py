"""The pages in Debian's Chromium: journeys, reloads, restarts, bad forms, accessibility, both languages."""

from __future__ import annotations

import io
import re
import tomllib
import zipfile
from concurrent.futures import ThreadPoolExecutor

import polars as pl
import pytest
from browser import ABSENT, CHROMIUM, QUICK, Server, opened
from playwright.sync_api import expect

from hepatrial.schema import MARK
from hepatrial.web.atlas import TITLES

pytestmark = [pytest.mark.slow, pytest.mark.skipif(CHROMIUM is None, reason=ABSENT)]

PAGES = (
    "/",
    "/answers",
    "/trial",
    "/trial/lin2017",
    "/trial/new",
    "/mechanism",
    "/mechanism?process=msc_kinetics",
    "/mechanism/patients",
    "/mechanism/variants",
    "/mechanism/experiments?name=migration",
    "/mechanism/own",
    "/evidence",
    "/evidence/risk",
    "/evidence/entries",
    "/evidence/entries/lin2017",
    "/claims",
    "/claims/mine",
    "/credibility",
    "/runs",
)


@pytest.fixture
def tab(chromium):
    """A tab that fails the test on any error of a script or of the policy."""
    yield from opened(chromium)


@pytest.fixture(scope="module")
def done(server):
    """A finished run."""
    protocol = server.call("GET", "/api/protocols/lin2017").json()["protocol"]
    run = server.call("POST", "/api/runs", json={"protocol": protocol, "origin": "lin2017", **QUICK}).json()
    return server.wait(run["id"])


@pytest.mark.parametrize(
    ("lang", "size", "axe"),
    [("en-GB", "desk", True), ("zh-CN", "phone", True), ("en-GB", "phone", False), ("zh-CN", "desk", False)],
)
def test_every_page_fits_its_width_and_holds_no_serious_barrier(server, chromium, done, lang, size, axe):
    from axe_playwright_python.sync_playwright import Axe

    found = {}
    for page in opened(chromium, lang, size):
        for path in (*PAGES, f"/runs/{done['id']}", f"/compare?run={done['id']}"):
            page.goto(server.address + path)
            page.wait_for_load_state("networkidle")
            assert page.evaluate("document.documentElement.lang") == {"en-GB": "en", "zh-CN": "zh-Hans"}[lang]
            over = page.evaluate(
                "document.documentElement.scrollWidth - document.documentElement.clientWidth"
            )
            assert over <= 0, f"{path} is {over} px too wide"
            for one in Axe().run(page).response["violations"] if axe else ():
                if one["impact"] in ("serious", "critical"):
                    found[f"{path} {one['id']}"] = one["nodes"][0]["html"][:200]
    assert found == {}


def test_on_paper_no_page_is_cut_and_no_menu_is_printed(server, chromium, done):
    paper = 672  # px: A4 less the margins
    for page in opened(chromium):
        page.set_viewport_size({"width": paper, "height": 980})
        page.emulate_media(media="print")
        for path in (*PAGES, f"/runs/{done['id']}", f"/compare?run={done['id']}"):
            page.goto(server.address + path)
            page.wait_for_load_state("networkidle")
            if path == "/mechanism/patients":
                page.wait_for_selector("#bands svg", timeout=60_000)
            hidden = page.locator("header nav, .choices, .subnav, #run, #delete")
            assert not any(hidden.nth(k).is_visible() for k in range(hidden.count())), path
            cut = page.evaluate(
                """() => [...document.querySelectorAll("svg, table, math, pre, img")]
                .filter((one) => one.checkVisibility() && one.getBoundingClientRect().right > innerWidth + 1)
                .map((one) => one.outerHTML.slice(0, 80))"""
            )
            assert cut == [], path
            if path == "/mechanism/patients":
                assert page.locator("#dose-out").is_visible()  # of which design the figure is


def test_on_paper_reasons_that_are_closed_on_the_screen_are_open(server, chromium):
    for page in opened(chromium):
        page.goto(f"{server.address}/evidence/risk")
        reasons = page.locator("details.more > dl").first
        assert not reasons.is_visible()
        page.emulate_media(media="print")
        assert reasons.evaluate("one => one.checkVisibility({contentVisibilityAuto: true})")
        assert reasons.bounding_box()["height"] > 20
        page.goto(f"{server.address}/claims")
        closed = page.locator("details.more:not([open]) > :not(summary)")
        assert closed.count() > 5
        assert all(
            box["height"] > 10 for box in (closed.nth(k).bounding_box() for k in range(closed.count()))
        )
        page.goto(f"{server.address}/trial/lin2017")
        assert not page.locator("#table1").is_visible()  # a box to fill in is none of the paper's business


def test_the_answers_for_patients_stand_in_one_column(server, tab):
    tab.goto(f"{server.address}/answers")
    left = tab.locator("main h2").evaluate_all("all => all.map(one => one.getBoundingClientRect().left)")
    assert len(left) > 4
    assert max(left[1:]) - min(left[1:]) < 1


@pytest.mark.parametrize("size", ["desk", "phone"])
def test_an_equation_stands_once_and_in_full_beside_its_unit(server, chromium, size):
    for page in opened(chromium, size=size):
        page.goto(f"{server.address}/mechanism?process=liver")
        seen = page.locator(".equation").evaluate_all(
            """all => all.filter((one) => one.checkVisibility()).map((one) => [
                one.getAttribute("aria-label"), one.scrollWidth - one.clientWidth])"""
        )
        names = [name for name, _ in seen]
        assert len(names) == len(set(names)) > 20
        other = {"desk": "phone", "phone": "desk"}[size]
        assert not page.locator(f".equation.{other}").first.is_visible()
        if size == "desk":
            assert [row for row in seen if row[1] > 0] == []


@pytest.mark.parametrize("medium", ["screen", "print"])
def test_no_equation_of_any_process_is_cut(server, chromium, medium):
    for page in opened(chromium):
        if medium == "print":
            page.set_viewport_size({"width": 672, "height": 980})  # A4 less the margins
            page.emulate_media(media="print")
        for process in TITLES:
            page.goto(f"{server.address}/mechanism?process={process}")
            over = page.locator(".equation").evaluate_all(
                """all => all.filter((one) => one.checkVisibility()).filter((one) => {
                    const set = one.querySelector("math").getBoundingClientRect();
                    return set.right > one.getBoundingClientRect().right + 1;
                }).map((one) => one.getAttribute("aria-label"))"""
            )
            assert over == [], process


def marked(data, name):
    """Whether a file of an archive carries the mark."""
    return MARK["en"] in zipfile.ZipFile(io.BytesIO(data)).read(name).decode()


def test_plan_run_compare_and_download(server, tab, tmp_path):
    tab.goto(server.address)
    tab.get_by_role("link", name="Plan a trial").click()
    tab.get_by_role("link", name=re.compile("Lin 2017")).click()
    tab.wait_for_selector("#status.good")
    dose = tab.locator('[data-name="arms"] [data-name="dose"] input').first
    dose.fill("1e6 cells/kg")
    tab.wait_for_selector(".field.changed")
    assert "was: 3.2e5 cells/kg" in tab.locator(".field.changed").first.inner_text()
    tab.wait_for_selector("#changes li")
    assert "arms.msc.regimen[0].dose" in tab.locator("#changes").inner_text()
    tab.fill("#run-title", "A higher dose")
    tab.fill("#run-replicates", "4")
    tab.fill("#run-pairs", "60")
    tab.fill("#run-patients", "40")
    tab.click("#run")
    tab.wait_for_url(re.compile(r"/runs/[0-9a-f]{12}$"))
    tab.wait_for_selector("#chart svg", timeout=120_000)
    assert MARK["en"] in tab.locator("#chart svg").text_content()
    tab.wait_for_selector(".tag.done", timeout=240_000)
    tab.wait_for_selector("#chart[data-kind=done] svg", timeout=60_000)
    tab.get_by_label("composite").check()
    expect(tab.locator("#caption")).to_contain_text("Composite")
    for name, read in (
        ("subject.parquet", lambda data: pl.read_parquet(io.BytesIO(data)).height),
        ("event.csv", lambda data: data.decode().startswith(f"# {MARK['en']}")),
        ("adam-csv.zip", lambda data: all(marked(data, one) for one in ("adsl.csv", "adtte.csv"))),
        ("figures-svg.zip", lambda data: marked(data, "figure-km.svg")),
        (
            "bundle.crate.zip",
            lambda data: "ro-crate-metadata.json" in zipfile.ZipFile(io.BytesIO(data)).namelist(),
        ),
        ("protocol.toml", lambda data: tomllib.loads(data.decode())["arms"]["msc"]["regimen"][0]["dose"]),
    ):
        with tab.expect_download(timeout=90_000) as caught:
            tab.get_by_role("link", name=name, exact=True).click(timeout=90_000)
        path = tmp_path / name
        caught.value.save_as(path)
        assert read(path.read_bytes())
    tab.get_by_role("link", name="Compare", exact=True).click()
    tab.wait_for_selector("figure svg")
    assert MARK["en"] in tab.locator("figure svg").first.text_content()
    boxes = tab.locator('input[name="run"]')
    for k in range(min(2, boxes.count())):
        boxes.nth(k).check()
    tab.get_by_role("button", name="Compare").click()
    assert "A higher dose" in tab.locator("main").inner_text()


def test_a_run_outlives_reload_and_a_killed_server_and_ends_as_one_that_was_never_disturbed(
    chromium, tmp_path
):
    server = Server(tmp_path / "one")
    undisturbed = None
    try:
        protocol = server.call("GET", "/api/protocols/lin2017").json()["protocol"]
        asked = {"protocol": protocol, "replicates": 20, "pairs": 1500, "patients": 110}
        run = server.call("POST", "/api/runs", json=asked).json()["id"]
        for page in opened(chromium):
            page.goto(f"{server.address}/runs/{run}")
            page.wait_for_selector("#chart svg", timeout=120_000)
            page.reload()
            page.wait_for_selector("#chart svg", timeout=120_000)
            expect(page.locator("#stage")).to_contain_text(re.compile("[1-9]"), timeout=120_000)
            port = server.port
            server.kill()
            expect(page.locator("#stage")).to_contain_text("again", timeout=60_000)
            page.wrong.clear()  # the lost connection, which the page has told
            server.start(port)
            server.wait(run)
            page.wait_for_selector(".tag.done", timeout=60_000)
            page.wrong.clear()
        told = server.call("GET", f"/api/runs/{run}").json()
        assert told["starts"] == 2
        undisturbed = server.call("POST", "/api/runs", json=asked).json()["id"]
        server.wait(undisturbed)
        for table in ("subject", "visit", "event"):
            first, second = (
                server.call("GET", f"/api/runs/{one}/files/{table}.parquet").content
                for one in (run, undisturbed)
            )
            assert first == second, table
    finally:
        server.stop()


def test_two_browsers_see_one_queue_and_what_one_deletes_the_other_is_told(server, chromium):
    protocol = server.call("GET", "/api/protocols/lin2017").json()["protocol"]
    runs = [
        server.call("POST", "/api/runs", json={"protocol": protocol, "title": name, **QUICK}).json()["id"]
        for name in ("first of two", "second of two")
    ]
    for run in runs:
        server.wait(run)
    with_one, with_two = opened(chromium), opened(chromium, "zh-CN")
    one, two = next(with_one), next(with_two)
    one.goto(f"{server.address}/runs/{runs[0]}")
    two.goto(f"{server.address}/runs/{runs[0]}")
    for page in (one, two):
        page.wait_for_selector("#delete:visible")
        page.click("#delete")
        page.wait_for_selector("dialog[open]")
    one.click("#keep")
    assert server.call("GET", f"/api/runs/{runs[0]}").status_code == 200
    one.click("#delete")
    one.click("#really")
    one.wait_for_url("**/runs")
    two.click("#really")
    two.wait_for_selector("#told li")
    assert "404" in server.call("GET", f"/api/runs/{runs[0]}").text
    assert server.call("GET", f"/api/runs/{runs[1]}").status_code == 200
    for tab in (with_one, with_two):
        next(tab, None)


def test_a_bad_form_says_what_is_wrong_beside_each_field_and_nothing_runs(server, tab):
    before = len(server.call("GET", "/api/runs").json())
    tab.goto(f"{server.address}/trial/lin2017")
    tab.wait_for_selector("#status.good")
    tab.locator('[data-name="arms"] [data-name="dose"] input').first.fill("1e9 cells/kg")
    tab.locator("summary", has_text="Follow-up").click()
    tab.locator('[data-name="follow_up"] [data-name="length"] input').fill("five")
    tab.wait_for_selector("#status.bad")
    told = tab.locator(".field p.wrong").all_inner_texts()
    assert any("cells/kg" in text for text in told)
    assert tab.locator('[data-name="length"] input[aria-invalid="true"]').count() == 1
    tab.fill("#run-seed", "-1")
    tab.click("#run")
    tab.wait_for_selector("#run-told li")
    assert tab.url.endswith("/trial/lin2017")
    assert len(server.call("GET", "/api/runs").json()) == before


def test_a_pasted_table_1_fills_the_form(server, tab):
    tab.goto(f"{server.address}/trial/lin2017")
    tab.wait_for_selector("#status.good")
    tab.get_by_text("Paste or upload a Table 1").click()
    tab.fill("#table1", "Age, years\t45 ± 11\nTBil (µmol/L)\t316 (252–399)\nUnheard\t3")
    tab.click("#table1-read")
    tab.wait_for_selector("#table1-told li.wrong")
    rows = tab.locator('[data-name="table1"] > fieldset')
    assert rows.count() == 2
    assert rows.nth(1).locator('[data-name="median"] input').input_value() == "316.0 umol/L"
    tab.wait_for_selector("#status.good")


def chosen_file(tab, name, data):
    """Choose a file of these bytes for the Table 1."""
    tab.set_input_files("#table1-file", {"name": name, "mimeType": "text/csv", "buffer": data})


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("utf8.csv", 'Variable,All\n"Age, years","45 ± 11"\nTBil (mg/dL),"18.5 (14.7, 23.4)"\n'.encode()),
        ("excel.csv", "﻿Age;45 ± 11\nTBil (mg/dL);18.5 (14.7, 23.4)\nUnheard;3\n".encode()),
        ("unicode.txt", "Age\t45 ± 11\nTBil (mg/dL)\t18.5 (14.7, 23.4)\nUnheard\t3\n".encode("utf-16")),
        ("gbk.csv", "年龄,45 ± 11\n总胆红素 (mg/dL),18.5 (14.7-23.4)\n血型,3\n".encode("gb18030")),
    ],
    ids=["utf8", "excel", "utf16", "gbk"],
)
def test_a_table_1_from_a_file_fills_the_form_at_once(server, tab, name, data):
    tab.goto(f"{server.address}/trial/lin2017")
    tab.wait_for_selector("#status.good")
    tab.get_by_text("Paste or upload a Table 1").click()
    chosen_file(tab, name, data)
    tab.wait_for_selector("#table1-told li.wrong")  # the heading, or the row that no one knows
    rows = tab.locator('[data-name="table1"] > fieldset')
    assert rows.count() == 2
    assert rows.nth(0).locator('[data-name="sd"] input').input_value() == "11"
    assert rows.nth(1).locator('[data-name="median"] input').input_value() == "316.35 umol/L"
    assert rows.nth(1).locator('[data-name="q1"] input').input_value() == "251.37 umol/L"
    expect(tab.locator("#changes")).to_contain_text("population.table1")
    tab.wait_for_selector("#status.good")


@pytest.mark.parametrize(
    ("name", "data", "told"),
    [
        ("prose.csv", b"We enrolled patients\nwith liver failure\n", "No row could be read"),
        ("table.xlsx", b"PK\x03\x04\x00\x00\xff\xfe\x00", "no text file"),
        ("empty.csv", b"", "is empty"),
        ("huge.csv", b"Age,45 (11)\n" * 40_000, "480 kB"),
        ("many.csv", b"INR,1.9 (0.4)\n" * 300, "at most 200 lines"),
    ],
    ids=["prose", "xlsx", "empty", "huge", "many"],
)
def test_a_file_that_is_no_table_1_is_told_and_what_the_form_held_stays(server, tab, name, data, told):
    tab.goto(f"{server.address}/trial/lin2017")
    tab.wait_for_selector("#status.good")
    tab.get_by_text("Paste or upload a Table 1").click()
    chosen_file(tab, "good.csv", "Age,45 ± 11\nINR,1.9 ± 0.4\n".encode())
    rows = tab.locator('[data-name="table1"] > fieldset')
    expect(rows).to_have_count(2)
    chosen_file(tab, name, data)
    expect(tab.locator("#table1-told")).to_contain_text(told)
    if name == "many.csv":  # each variable once, the first is kept
        expect(rows).to_have_count(1)
    else:
        assert rows.count() == 2
        assert rows.nth(0).locator('[data-name="mean"] input').input_value() == "45"
    tab.wait_for_selector("#status.good")


def test_every_part_of_the_form_can_be_reached_and_added_to_by_keyboard(server, tab):
    tab.goto(f"{server.address}/trial/lin2017")
    tab.wait_for_selector("#status.good")
    tab.keyboard.press("Tab")
    assert tab.evaluate("document.activeElement.className") == "skip"
    add = tab.locator('[data-name="eligibility"] > [data-add]')
    add.focus()
    tab.keyboard.press("Enter")
    assert tab.evaluate("document.activeElement.closest('[data-name]').dataset.name") == "measure"
    tab.wait_for_selector("#status.bad")


def test_sliders_redraw_the_population_and_the_mark_stays(server, tab):
    tab.goto(f"{server.address}/mechanism/patients")
    tab.wait_for_selector("#bands svg", timeout=60_000)
    before = tab.locator("#bands").text_content()
    tab.locator("#severity").fill("1")
    expect(tab.locator("#bands")).not_to_have_text(before, timeout=30_000)
    assert MARK["en"] in tab.locator("#bands svg").text_content()
    assert "without the cells" in tab.locator("#alive").inner_text()


def test_a_claim_of_ones_own_is_judged_and_kept(server, tab):
    tab.goto(f"{server.address}/claims/mine")
    tab.fill("#a-title", "A page that sells")
    tab.fill("#a-source", "nowhere")
    tab.locator('[data-entry="text"]').first.fill("It cures liver failure.")
    tab.locator(".assertion [data-entry=kind]").first.select_option("cure")
    tab.get_by_role("button", name="Keep and audit").click()
    tab.wait_for_selector("#verdicts .claim")
    assert (
        "contradicted" in tab.locator("#verdicts").inner_text()
        or "unsupported" in tab.locator("#verdicts").inner_text()
    )
    tab.reload()
    assert tab.locator('[data-entry="text"]').first.input_value() == "It cures liver failure."


def test_another_units_page_shows_conventional_units(server, tab):
    tab.goto(f"{server.address}/trial/lin2017?units=conventional")
    values = tab.locator('[data-name="eligibility"] [data-name="min"] input').evaluate_all(
        "all => all.map(one => one.value)"
    )
    assert "10 mg/dL" in values
    tab.wait_for_selector("#status.good")
    assert tab.locator("#changes li").count() == 0


def test_two_hundred_requests_at_once_bring_no_error(server, done):
    paths = [
        "/",
        "/trial",
        f"/runs/{done['id']}",
        "/api/runs",
        "/evidence",
        "/claims",
        "/api/protocols",
        "/credibility",
    ]
    with ThreadPoolExecutor(200) as pool:
        answers = list(pool.map(lambda k: server.call("GET", paths[k % len(paths)]).status_code, range(200)))
    assert set(answers) == {200}


def test_deletes_at_once_leave_one_that_did_it_and_the_others_told(server):
    protocol = server.call("GET", "/api/protocols/lin2017").json()["protocol"]
    run = server.call("POST", "/api/runs", json={"protocol": protocol, **QUICK}).json()["id"]
    server.wait(run)
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: server.call("DELETE", f"/api/runs/{run}").status_code, range(8)))
    assert sorted(answers) == [204] + [404] * 7
    assert not (server.data / "runs" / run).exists()
