"""The page plays a result that lasts longer or shorter than its clip."""

from __future__ import annotations

import pytest

pytest.importorskip("playwright.sync_api", reason="playwright drives the browser")
pytest.importorskip("fastapi", reason="the studio needs the studio extra")

from studio_browser import Visit, browsing, serving, visiting
from test_studio_page import card, pytestmark  # noqa: F401  # its mark is taken over


def test_a_result_of_another_length_is_played_beside_its_clip() -> None:
    with (
        serving("--token", "sesame") as server,
        browsing() as browser,
        visiting(browser, server.address) as visit,
    ):
        play_other_lengths(visit)
        assert visit.errors == []


def play_other_lengths(visit: Visit) -> None:
    visit.page.locator("#stage").focus()
    if visit.read("kinestyle.clock.playing"):
        visit.page.keyboard.press("Space")
    visit.until_result(lambda: visit.page.get_by_label("Demo clip").select_option("wave"))
    assert visit.read("kinestyle.session.ask.styles") == ["elderly"]
    frames = visit.read("kinestyle.view.original.motion.frameCount")
    timing = visit.page.get_by_label("Timing")
    visit.until_result(lambda: timing.select_option("style"), timing="style")
    slow = visit.read("kinestyle.view.result.motion.frameCount")
    assert slow > 1.2 * frames
    assert f"{slow} frames instead of {frames}" in visit.page.locator("#notes").inner_text()
    visit.page.locator("#stage").focus()
    visit.page.keyboard.press("End")
    visit.until(f"kinestyle.view.result.frame.value === {slow - 1}")
    assert visit.read("kinestyle.view.original.frame.value") == frames - 1, "it waits at its end"
    assert visit.page.locator("#readout").inner_text().endswith(f"{slow} / {slow}")
    visit.page.get_by_role("button", name="Overlay").click()
    visit.until(f"kinestyle.view.original.frame.value === {frames - 1}")
    visit.page.get_by_role("button", name="Side by side").click()
    visit.until_result(lambda: card(visit, "active"), timing="style", style=["active"])
    fast = visit.read("kinestyle.view.result.motion.frameCount")
    assert fast < frames == visit.read("kinestyle.clock.frameCount")
    visit.until_result(lambda: timing.select_option("keep"), timing="keep")
    assert visit.read("kinestyle.clock.frameCount") == frames
