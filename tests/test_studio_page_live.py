"""A performer who sends over UDP, shown on the real page, and restyled there while they move."""

from __future__ import annotations

import json
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


OTHERS: dict[str, object] = {
    "keep": "world",
    "seed": 2,
    "root": "keep",
    "action": "free",
    "reference": "code",
    "out_of_domain": "ignore",
    "feet": "free",
}
"""Settings of streams, and values that they have not by default."""


def joint_apart(visit: Visit, roles: str, role: str) -> str:
    """Metres of a joint between both, hips at one place: an expression."""
    at, hips = (3 * int(visit.read(f"{roles}.{one}")) for one in (role, "hips"))
    return f"""(() => {{
      const [a, b] = ['original', 'result'].map(which => kinestyle.drawnPosition(which, 0));
      return Math.hypot(...[0, 1, 2].map(
        i => a[{at} + i] - a[{hips} + i] - b[{at} + i] + b[{hips} + i]));
    }})()"""


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
        # parts: typed, and on the figure
        joints = "kinestyle.view.original.motion.roles"
        upper = page.get_by_label("Parts", exact=True)
        upper.fill("upper")
        upper.press("Enter")
        visit.until("kinestyle.live.state.request.parts === 'upper'")
        visit.until(f"{joint_apart(visit, joints, 'left_foot')} < 1e-4 && {APART} > .02")
        upper.fill("legs")
        upper.press("Enter")
        visit.until(f"{joint_apart(visit, joints, 'head')} < .01")
        upper.fill("all")
        upper.press("Enter")
        visit.until("kinestyle.live.state.request.parts === 'all'")
        # every other setting that a stream has
        assert set(visit.read("kinestyle.live.state.settings")) == {*OTHERS, "strength", "parts"}
        for name, value in OTHERS.items():
            assert page.locator(f"#control-{name}").is_visible(), name
            visit.read(f"(kinestyle.session.set('{name}', {json.dumps(value)}), true)")
            visit.until(f"kinestyle.live.state.request.{name} === {json.dumps(value)}")
        words = shlex.split(page.locator("#command").inner_text())
        assert words[words.index("--feet") + 1] == "free"
        visit.read("(kinestyle.session.reset(), true)")
        # of two styles, one has a part for itself
        page.locator("#mix").click()
        cards = page.get_by_role("group", name="Styles")
        cards.get_by_role("button", name="childish", exact=True).click()
        visit.until("kinestyle.live.state.request.style.length === 2")
        page.get_by_label("Second style", exact=True).select_option("arms")
        visit.until("kinestyle.live.state.request.style[1].endsWith('@arms')")
        page.locator("#mix").click()
        visit.until("kinestyle.live.state.request.style.length === 1")
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
