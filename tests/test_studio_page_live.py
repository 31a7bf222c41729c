"""A performer who sends over UDP, shown on the real page, and restyled there while they move."""

from __future__ import annotations

import shlex
from collections.abc import Iterator

import pytest

pytest.importorskip("playwright.sync_api", reason="playwright drives the browser")
pytest.importorskip("fastapi", reason="the studio needs the studio extra")

from kinestyle.motion.clip import Clip
from live_performer import Performer, free_port
from studio_browser import Visit, browsing, serving, visiting
from test_studio_page import pytestmark  # noqa: F401  # its mark is taken over

PORT = free_port()

APART = """(() => {
  const [a, b] = ['original', 'result'].map(which => kinestyle.drawnPosition(which, 0));
  const hips = 3 * kinestyle.view.original.motion.roles.hips;
  let most = 0;
  for (let i = 3; i < a.length; i++)
    most = Math.max(most, Math.abs(a[i] - a[hips + i % 3] - b[i] + b[hips + i % 3]));
  return most;
})()"""
"""Metres of the joint that is restyled most, hips at one place."""


@pytest.fixture(scope="module")
def visit() -> Iterator[Visit]:
    with (
        serving("--workers", "1", "--live", f"vmc://:{PORT}") as server,
        browsing() as browser,
        visiting(browser, server.address) as visit,
    ):
        yield visit
        assert visit.errors == []


def test_a_performer_is_shown_and_restyled_while_they_move(visit: Visit, walk_clip: Clip) -> None:
    page = visit.page
    button = page.get_by_role("button", name="Live", exact=True)
    clip = visit.read("kinestyle.view.original.motion.frameCount")
    assert clip > 100
    button.click()
    visit.until("document.getElementById('live-state').textContent.includes('Nothing comes yet')")
    assert page.locator(".transport").is_hidden()
    with Performer(walk_clip, PORT):
        visit.until("kinestyle.live.frames > 5")
        assert visit.read("kinestyle.view.original.motion.frameCount") == 1
        visit.until(f"{APART} > .05")
        visit.until("document.getElementById('live-state').textContent === '267 ms late'")
        # the camera goes along
        for which in ("original", "result"):
            off = (
                f"kinestyle.view.{which}.calmPath[0] - kinestyle.drawnPosition('{which}', 0)[HIPS]"
            )
            hips = visit.read(f"3 * kinestyle.view.{which}.motion.roles.hips")
            assert abs(visit.read(off.replace("HIPS", str(hips)))) < 0.5
        visit.picture("live")
        # what needs a clip is not there
        assert page.get_by_label("Timing", exact=True).is_hidden()
        # strength, style and parts, while it runs
        page.get_by_label("Strength", exact=True).fill("0")
        visit.until(f"{APART} < 1e-4")
        page.get_by_label("Strength", exact=True).fill("1")
        visit.until(f"{APART} > .05")
        proud = "kinestyle.previews.cards.findIndex(({title}) => title === 'proud')"
        page.locator("#styles button").nth(visit.read(f"{proud} + 1") - 1).click()
        visit.until("kinestyle.live.state.request?.style[0] === 'proud'")
        words = shlex.split(page.locator("#command").inner_text())
        assert words[:4] == ["kinestyle", "live", "--in", f"vmc://127.0.0.1:{PORT}"]
        assert words[words.index("--style") + 1] == "proud"
        came = visit.read("kinestyle.live.frames")
        visit.until(f"kinestyle.live.frames > {came} + 5")
        button.click()
    # the clip is back, in the style that was chosen last
    visit.until("kinestyle.session.result?.request.style[0] === 'proud'")
    assert visit.read("kinestyle.view.original.motion.frameCount") == clip
    assert page.locator(".transport").is_visible()


def test_without_a_source_the_page_offers_none(visit: Visit) -> None:
    """In the browser that is there: one process drives one at a time."""
    browser = visit.page.context.browser
    assert browser is not None
    with serving("--workers", "1") as server, visiting(browser, server.address) as other:
        assert other.page.locator("#live-row").is_hidden()
