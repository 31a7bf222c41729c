"""The cards of styles show the clip that is looked at, in a real browser."""

from __future__ import annotations

import pytest

pytest.importorskip("playwright.sync_api", reason="playwright drives the browser")
pytest.importorskip("fastapi", reason="the studio needs the studio extra")

from kinestyle.formats.bvh import format_bvh
from made_rigs import as_rig, walk
from studio_browser import Visit
from test_studio_page import pytestmark  # noqa: F401  # its mark is taken over


def open_walk(visit: Visit, seconds: float) -> str:
    data, _ = format_bvh(as_rig(walk(seconds=seconds).clip), "own.bvh")
    file = {"name": "own.bvh", "mimeType": "text/plain", "buffer": data}
    visit.until_result(lambda: visit.page.locator("#file").set_input_files(file))
    return visit.read("kinestyle.session.source.clip.id")


def test_cards_in_sight_show_the_clip_and_go_over_to_another(visit: Visit):
    first = open_walk(visit, 2.0)
    visit.until("kinestyle.previews.shown.slice(0, 4).every(card => card.fresh)")
    frames = visit.read("kinestyle.previews.shown[0].sketch.frameCount")
    assert frames == pytest.approx(30, abs=1)  # two seconds at 15 a second
    second = open_walk(visit, 3.0)
    visit.until("kinestyle.previews.shown.slice(0, 4).every(card => card.fresh)")
    assert visit.read("kinestyle.previews.shown[0].sketch.frameCount") == pytest.approx(45, abs=1)
    asked = [url for url in visit.requests if "/previews/" in url]
    own = [url for url in asked if f"/clips/{second}/previews/" in url]
    # none of the first clip's after the second one is there
    later = asked[asked.index(own[0]) :]
    assert not any(first in url for url in later)
    # cards out of sight cost nothing
    in_sight = visit.read(
        "(({container: c, shown}) => shown.filter(({box: b}) => "
        "b.y < c.scrollTop + c.clientHeight).length)(kinestyle.previews)"
    )
    count = visit.read("kinestyle.previews.cards.length")
    visit.page.wait_for_timeout(1000)
    assert len({url for url in visit.requests if f"/clips/{second}/previews/" in url}) <= in_sight
    assert in_sight < count


def test_the_example_is_what_the_server_has_already(visit: Visit):
    visit.until_result(lambda: visit.page.get_by_label("Demo clip").select_option("walk"))
    visit.until("kinestyle.previews.shown.slice(0, 4).every(card => card.fresh)")
    example = visit.read("kinestyle.session.source.clip.id")
    assert not any(f"/clips/{example}/previews/" in url for url in visit.requests)
