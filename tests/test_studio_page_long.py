"""The page with a clip of which restyling all takes long: the seconds around the playhead come
first, and nothing that is not wanted any more stays.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

pytest.importorskip("playwright.sync_api", reason="playwright drives the browser")
pytest.importorskip("fastapi", reason="the studio needs the studio extra")

from playwright.sync_api import Route

from kinestyle.formats.bvh import format_bvh
from long_motion import long_clip
from studio_browser import Visit, browsing, serving, visiting
from test_studio_page import pytestmark  # noqa: F401  # its mark is taken over

SECONDS = 130.0

KEEP = """() => {
  window.shown = [];
  const { view, session } = window.kinestyle;
  const arrange = view.arrange.bind(view);
  view.arrange = () => {
    arrange();
    window.shown.push([
      view.part?.motion.firstFrame ?? null,
      session.result?.request.strength ?? null,
      [...document.querySelectorAll('#cells .name')].map((name) => name.textContent).join(' | '),
    ]);
  };
}"""
"""Notes what is shown, one after the other."""


@pytest.fixture(scope="module")
def visit() -> Iterator[Visit]:
    text = format_bvh(long_clip(SECONDS), "long.bvh")[0]
    with (
        serving("--token", "sesame") as server,
        browsing() as browser,
        visiting(browser, server.address) as visit,
    ):
        visit.page.locator("#stage").focus()
        if visit.read("kinestyle.clock.playing"):
            visit.page.keyboard.press("Space")
        visit.until_result(lambda: visit.drop("#drop", ("long.bvh", text)), style=["elderly"])
        yield visit
        assert visit.errors == []


def test_the_slider_moves_what_is_around_the_playhead_first(visit: Visit) -> None:
    visit.page.evaluate(KEEP)
    rate = visit.read("1 / kinestyle.clock.frameTime")
    visit.read("(kinestyle.clock.frame = 60 * 30, true)")
    visit.until_result(
        lambda: visit.read("(kinestyle.session.set('strength', 0.5), true)"), strength=0.5
    )
    parts = [(first, label) for first, _, label in visit.read("window.shown") if first is not None]
    assert parts, "nothing was shown before the whole"
    assert parts[0][0] <= 60 * rate <= parts[0][0] + 8 * rate
    assert all("strength 0.5" in label for _, label in parts)
    assert visit.read("kinestyle.view.part") is None
    assert visit.read("kinestyle.view.result.motion.frameCount") == SECONDS * rate


def test_only_the_last_wish_is_made_whole(visit: Visit) -> None:
    visit.read("(window.wholes = [], true)")
    visit.read(
        "(kinestyle.session.on('result', (r) => window.wholes.push(r.request.strength)), true)"
    )
    visit.until_result(
        lambda: [
            visit.read(f"(kinestyle.session.set('strength', {strength}), true)")
            or visit.page.wait_for_timeout(150)
            for strength in (0.6, 0.65, 0.7, 0.75)
        ],
        strength=0.75,
    )
    assert visit.read("window.wholes")[-1] == 0.75
    assert len(visit.read("window.wholes")) < 4, "each one was made whole"


def test_what_is_cancelled_leaves_the_result_that_was_there(visit: Visit) -> None:
    before = visit.read("kinestyle.session.result.request.strength")
    held: list[Route] = []
    visit.page.route("**/stylize", lambda route: held.append(route))  # never answered
    visit.read("(kinestyle.session.set('strength', 0.3), true)")
    visit.until("kinestyle.view.part")
    shown = visit.page.locator("#cells .name").all_inner_texts()
    assert any("strength 0.3" in name for name in shown), shown
    visit.page.locator("#stage").focus()
    visit.page.keyboard.press("Escape")
    visit.until("!kinestyle.view.part")
    visit.page.unroute("**/stylize")
    assert visit.read("kinestyle.session.result.request.strength") == before
    shown = visit.page.locator("#cells .name").all_inner_texts()
    assert any(f"strength {before:g}" in name for name in shown), shown


def test_the_grid_shows_something_in_each_cell_before_one_is_whole(visit: Visit) -> None:
    visit.page.get_by_role("button", name="Grid").click()
    visit.until("kinestyle.view.variants.length > 3")
    visit.until("kinestyle.view.variants.every(({ character }) => character)")
    rate = visit.read("1 / kinestyle.clock.frameTime")
    counts = visit.read("kinestyle.view.variants.map((v) => v.character.motion.frameCount)")
    assert counts.count(8 * rate) >= len(counts) - 2, counts
    visit.page.get_by_role("button", name="Side by side").click()
