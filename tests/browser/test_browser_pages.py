"""The pages in a real browser: by keyboard, in the dark, on a phone, with hostile content, without scripts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from browser_waiting import until
from made_runs import make_items, make_run

from assay.report.write import write_report

pytestmark = [pytest.mark.slow, pytest.mark.browser]


def addresses(site: Any) -> dict[str, str]:
    return {
        "runs": site.address,
        "run": f"{site.address}/runs/{site.candidate}",
        "sample": f"{site.address}/runs/{site.candidate}/sample?id=ticket-0003&at=3",
        "compare": f"{site.address}/compare?baseline={site.baseline}&candidate={site.candidate}",
        "judges": f"{site.address}/judges",
        "judge": f"{site.address}/judges/v1",
    }


def focused(page: Any) -> str:
    return str(page.evaluate("document.activeElement.id || document.activeElement.textContent.trim()"))


def tab_to(page: Any, wanted: str, *, key: str = "Tab", most: int = 80) -> None:
    for _ in range(most):
        page.keyboard.press(key)
        if focused(page) == wanted:
            outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
            assert outline == "solid", "the focus cannot be seen"
            return
    raise AssertionError(f"{wanted} is not reached with {key}")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_every_page_draws_its_charts_and_fits(site: Any, tabs: Any, scheme: str, width: int) -> None:
    tab = tabs(color_scheme=scheme, viewport={"width": width, "height": 844})
    for name, address in addresses(site).items():
        page = tab.goto(address, charts=True)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), name
        drawn = page.evaluate(
            "Math.max(0, ...[...document.querySelectorAll('.vega svg')].map((s) => s.getBoundingClientRect().right))"
        )
        assert drawn <= width, name
        paper = page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert paper == ("rgb(20, 24, 29)" if scheme == "dark" else "rgb(255, 255, 255)")


def test_the_whole_way_by_keyboard(site: Any, tabs: Any) -> None:
    page = tabs().goto(site.address)
    page.keyboard.press("Tab")
    assert focused(page) == "Skip to the content"
    tab_to(page, f"open-{site.candidate}")
    page.keyboard.press("Enter")
    page.wait_for_selector("#samples")
    tab_to(page, "samples-show")
    with page.expect_response(lambda reply: "show=zero" in reply.url):
        page.keyboard.type("value 0")
        page.keyboard.press("Enter")
    until(page, "location.search.includes('show=zero')")
    assert page.locator("#samples-show").input_value() == "zero"
    tab_to(page, "sort-latency_s-")
    with page.expect_response(lambda reply: "sort=latency_s" in reply.url):
        page.keyboard.press("Enter")
    page.wait_for_selector("th[aria-sort=ascending] #sort-latency_s-")
    assert focused(page) == "sort-latency_s-"
    times = page.locator("#samples tbody tr td:nth-last-child(2)").all_inner_texts()
    seconds = [float(text.split()[0]) for text in times]
    assert seconds == sorted(seconds)
    second = page.locator("#row-2").inner_text()
    tab_to(page, "row-1")
    page.keyboard.press("Enter")
    page.wait_for_url("**/sample?*")
    page.keyboard.press("j")
    until(page, f"document.querySelector('h1').textContent.includes('{second}')")
    page.go_back()
    page.go_back()
    page.wait_for_selector("th[aria-sort=ascending] #sort-latency_s-")


def test_a_judges_card_is_reached_by_keyboard(site: Any, tabs: Any) -> None:
    page = tabs().goto(site.address)
    tab_to(page, "Judges", most=4)
    page.keyboard.press("Enter")
    page.wait_for_url("**/judges")
    tab_to(page, "open-v1", most=8)
    page.keyboard.press("Enter")
    page.wait_for_url("**/judges/v1")
    until(page, "document.querySelectorAll('.vega svg').length >= 3")
    assert "one person reaches" in page.locator("main").inner_text()
    assert page.locator("nav [aria-current=page]").inner_text() == "helpful"


def test_search_keeps_its_state_in_the_address(site: Any, tabs: Any) -> None:
    page = tabs().goto(f"{site.address}/runs/{site.candidate}")
    page.locator("#samples-search").press_sequentially("ticket-0017")
    until(page, "document.querySelectorAll('#samples tbody tr').length === 1")
    assert focused(page) == "samples-search"
    assert "search=ticket-0017" in page.url
    page.reload()
    assert page.locator("#samples tbody tr").count() == 1
    assert "timeout" in page.locator("#samples tbody").inner_text()


def test_pages_turn(site: Any, tabs: Any) -> None:
    page = tabs().goto(f"{site.address}/runs/{site.candidate}")
    page.locator("#page-on").click()
    until(page, "document.querySelector('#row-1').textContent === 'ticket-0050'")
    page.go_back()
    until(page, "document.querySelector('#row-1').textContent === 'ticket-0000'")


def test_two_runs_are_chosen_and_compared(site: Any, tabs: Any) -> None:
    page = tabs().goto(site.address)
    page.locator(f"#a-{site.baseline}").check()
    page.locator(f"#b-{site.candidate}").check()
    page.get_by_role("button", name="Compare B with A").click()
    page.wait_for_url("**/compare?*")
    assert page.locator(".diff ins").count() > 0
    page.locator("#flips-gained").click()
    until(page, "document.querySelector('#flips-gained').getAttribute('aria-current') === 'true'")
    assert "flips=gained" in page.url


def test_the_chosen_theme_stays(site: Any, tabs: Any) -> None:
    page = tabs(color_scheme="light").goto(f"{site.address}/runs/{site.candidate}", charts=True)
    colour = "getComputedStyle(document.querySelector('.vega svg text') || document.body).fill"
    light = page.evaluate(colour)
    page.get_by_role("button", name="Change between light and dark").click()
    until(page, f"document.querySelector('.vega svg text') && {colour} !== '{light}'")
    page.goto(site.address)
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(20, 24, 29)"


def test_everything_works_without_scripts(site: Any, tabs: Any) -> None:
    page = tabs(java_script_enabled=False).goto(f"{site.address}/runs/{site.candidate}")
    page.locator("#samples-show").select_option("critical")
    page.get_by_role("button", name="Show").click()
    assert "show=critical" in page.url
    assert page.locator("#samples tbody tr").count() == 7
    page.locator("#sort-cost_usd-").click()
    assert page.locator("th[aria-sort=ascending] #sort-cost_usd-").count() == 1
    page.locator("#row-1").click()
    assert page.locator(".message").count() == 5


def test_hostile_content_does_nothing(site: Any, tabs: Any, tmp_path: Path) -> None:
    tab = tabs()
    first, second = site.hostile
    report = write_report(site.app, second, baseline=first, path=str(tmp_path / "hostile.html"))
    pages = [
        f"{site.address}/runs/{first}",
        f"{site.address}/compare?baseline={first}&candidate={second}",
        f"{site.address}/judges",
        f"{site.address}/judges/v2",
        f"file://{report}",
    ]
    for address in [*pages, site.address]:
        page = tab.goto(address, charts=True)
        for chart in page.locator(".vega .mark-symbol path").all():
            chart.hover(force=True)
        if page.locator("#row-1").count():
            page.locator("#row-1").click()
            page.wait_for_timeout(200)
        assert page.evaluate("window.hacked === undefined"), address
        assert page.locator("img[src=x]").count() == 0


def test_the_self_contained_file_stands_alone(site: Any, tabs: Any, tmp_path: Path) -> None:
    path = write_report(site.app, site.candidate, baseline=site.baseline, path=str(tmp_path / "report.html"))
    for width in (1280, 390):
        tab = tabs(viewport={"width": width, "height": 844}, color_scheme="dark")
        page = tab.goto(f"file://{path}", charts=True)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        page.locator("#samples-show").select_option("zero")
        total = page.locator("#samples [role=status]").inner_text()
        page.locator("#sort-latency_s-").focus()
        page.keyboard.press("Enter")
        assert focused(page) == "sort-latency_s-"
        page.locator("#row-1").focus()
        page.keyboard.press("Enter")
        assert page.locator("dialog[open] .message").count() == 5
        page.keyboard.press("Escape")
        assert page.locator("dialog[open]").count() == 0
        page.locator("#samples-search").fill("no such text")
        assert total != page.locator("#samples [role=status]").inner_text() == "0 rows"
        assert [url for url in tab.asked if url != f"file://{path}"] == [
            url for url in tab.asked if url.startswith("data:")
        ]


def test_a_running_run_is_followed_to_its_end(site: Any, tabs: Any) -> None:
    items = make_items(12)
    run_id = make_run(site.app, items, at=9, status="running", planned=20)
    page = tabs().goto(f"{site.address}/runs/{run_id}", charts=True)
    assert "12 of 20 finished" in page.locator("#live").inner_text()
    site.app.store.results.seal(run_id, items)
    ended = dict(site.app.store.metadata.run(site.candidate).summary)
    site.app.store.metadata.update_run(run_id, status="done", summary=ended)
    until(page, "!document.querySelector('#live') && document.querySelector('.status').textContent === 'done'")


def test_a_run_whose_process_dies_is_seen_to_be_interrupted(site: Any, tabs: Any) -> None:
    run_id = make_run(site.app, make_items(12), at=10, status="running", planned=20)
    runs = tabs().goto(site.address)
    until(runs, "document.querySelector('.status').textContent === 'running'")
    page = tabs().goto(f"{site.address}/runs/{run_id}", charts=True)
    site.app.store.metadata.release(run_id)  # as when the process is gone
    until(page, "document.querySelector('.status').textContent === 'interrupted'")
    assert "12 of 20 finished" in page.locator("#live").inner_text()
    assert run_id in page.locator(".note-box code").inner_text()
    until(runs, "document.querySelector('.status').textContent === 'interrupted'")
    until(runs, "!document.querySelector('#runs').hasAttribute('hx-trigger')")
