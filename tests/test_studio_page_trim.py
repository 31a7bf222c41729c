"""A clip is trimmed on the timeline of the real page, looped, and written as a layer."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

pytest.importorskip("playwright.sync_api", reason="playwright drives the browser")
pytest.importorskip("fastapi", reason="the studio needs the studio extra")

from kinestyle import read_layer, read_motion
from studio_browser import Visit
from test_studio_page import pytestmark  # noqa: F401  # its mark is taken over

LAST = 150
"""The last frame of the walk."""


def words_of(visit: Visit) -> list[str]:
    return shlex.split(visit.page.locator("#command").inner_text())


def drag(visit: Visit, handle: str, share: float) -> None:
    """A handle to a share of the timeline."""
    track = visit.page.locator(".track").bounding_box()
    box = visit.page.get_by_label(handle, exact=True).bounding_box()
    assert track is not None
    assert box is not None
    mouse = visit.page.mouse
    mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    mouse.down()
    mouse.move(track["x"] + share * track["width"], box["y"] + 10, steps=5)
    mouse.up()


def test_handles_on_the_timeline_trim_the_result(visit: Visit) -> None:
    visit.until_result(lambda: drag(visit, "Trim from", 0.2), start="30f")
    assert visit.read("kinestyle.view.result.motion.frameCount") == LAST - 30 + 1
    words = words_of(visit)
    assert words[words.index("--from") + 1] == "30f"
    assert visit.page.get_by_label("From", exact=True).input_value() == "30f"
    visit.until_result(lambda: drag(visit, "Trim to", 0.8), stop="120f")
    assert visit.read("kinestyle.view.result.motion.frameCount") == 91
    visit.picture("trimmed")
    # the two bodies are at the same moment of the clip
    visit.page.locator("#stage").focus()
    if visit.read("kinestyle.clock.playing"):
        visit.page.keyboard.press("Space")
    visit.read("kinestyle.timeline.seek(100) || true")
    visit.until("kinestyle.view.original.frame.value === 100")
    assert visit.read("kinestyle.view.result.frame.value") == 70
    # only what is taken is played
    assert visit.read("kinestyle.clock.range") == [30, 120]


def test_ends_are_set_where_the_time_stands(visit: Visit) -> None:
    visit.page.locator("#stage").focus()
    visit.read("kinestyle.timeline.seek(45) || true")
    visit.until_result(lambda: visit.page.keyboard.press("i"), start="45f")
    visit.read("kinestyle.timeline.seek(105) || true")
    visit.until_result(lambda: visit.page.keyboard.press("e"), stop="105f")
    handle = visit.page.get_by_label("Trim from", exact=True)
    assert handle.get_attribute("aria-valuenow") == "45"
    visit.until_result(lambda: handle.press("ArrowRight"), start="46f")
    visit.until_result(lambda: handle.dblclick(), start=None)
    visit.until_result(lambda: visit.page.get_by_label("Trim to", exact=True).dblclick(), stop=None)
    assert "--from" not in words_of(visit)
    assert visit.read("kinestyle.view.result.motion.frameCount") == LAST + 1


def test_a_loop_at_another_rate_plays_at_its_own_pace(visit: Visit) -> None:
    loop, rate = (visit.page.get_by_label(name, exact=True) for name in ("Loop over", "Rate"))
    visit.until_result(lambda: (loop.fill("12"), loop.press("Enter")), loop=12)
    assert visit.read("kinestyle.clock.range") == [0, LAST - 12]
    visit.until_result(lambda: (rate.fill("60"), rate.press("Enter")), out_fps=60)
    assert visit.read("kinestyle.view.result.motion.frameCount") == 2 * (LAST - 12) + 1
    visit.read("kinestyle.timeline.seek(40) || true")
    visit.until("kinestyle.view.result.frame.value === 80")
    visit.until_result(lambda: (rate.fill("0"), rate.press("Enter")), out_fps=0)
    visit.until_result(lambda: (loop.fill("0"), loop.press("Enter")), loop=0)


def test_a_time_that_is_none_is_refused_in_a_sentence(visit: Visit) -> None:
    box = visit.page.get_by_label("From", exact=True)
    box.fill("soon")
    box.press("Enter")
    visit.until("document.getElementById('notices').innerText.includes('expected a time')")
    # what is asked for is again what is shown
    visit.until("!kinestyle.session.busy")
    assert box.input_value() == ""
    assert visit.read("kinestyle.session.values.start") is None
    # the browser says itself that a request was refused
    visit.errors[:] = [e for e in visit.errors if "422" not in e]


def test_a_layer_is_downloaded(visit: Visit, tmp_path: Path) -> None:
    page = visit.page
    visit.until_result(
        lambda: page.get_by_label("Output", exact=True).select_option("layer"), output="layer"
    )
    assert "--output layer" in page.locator("#command").inner_text()
    page.get_by_label("Format", exact=True).select_option(".glb")
    with page.expect_download() as waiting:
        page.locator("#download").click()
    path = tmp_path / "layer.glb"
    waiting.value.save_as(path)
    assert read_layer(path).frame_count == LAST + 1
    assert [one.name for one in read_motion(path).animations][1:] == ["walk layer"]
