"""Several clips on the real page: a list, one style on all of them, a zip."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("playwright.sync_api", reason="playwright drives the browser")
pytest.importorskip("fastapi", reason="the studio needs the studio extra")

from kinestyle import Stylizer, read_motion
from kinestyle.formats.bvh import format_bvh, write_bvh
from made_rigs import walk
from studio_browser import Visit, browsing, serving, visiting
from test_studio_page import BAD_BVH, pytestmark  # noqa: F401  # its mark is taken over


@pytest.fixture(scope="module")
def visit() -> Iterator[Visit]:
    with (
        serving("--workers", "1") as server,
        browsing() as browser,
        visiting(browser, server.address) as visit,
    ):
        yield visit


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("several")
    paths = [folder / f"take{number}.bvh" for number in (1, 2, 3)]
    for path, seconds in zip(paths, (2.0, 2.5, 3.0), strict=True):
        write_bvh(walk(seconds=seconds).clip, path)
    bad = folder / "bad.bvh"
    bad.write_bytes(BAD_BVH)
    return [*paths, bad]


def test_one_style_on_all_clips(visit: Visit, files: list[Path], tmp_path: Path) -> None:
    page = visit.page
    listed = page.get_by_role("list", name="Clips")
    assert not listed.is_visible()
    visit.until_result(lambda: page.locator("#file").set_input_files(files))
    visit.until("kinestyle.clips.entries.every(({ clip, trouble }) => clip || trouble)")
    rows = listed.get_by_role("listitem")
    assert [text.split() for text in rows.all_inner_texts()] == [
        ["take1.bvh", "2.0", "s"],
        ["take2.bvh", "2.5", "s"],
        ["take3.bvh", "3.0", "s"],
        ["bad.bvh", "cannot", "be", "read"],
    ]
    # another one is looked at, and its end is its own
    second = rows.nth(1).get_by_role("button").first
    visit.until_result(second.click)
    assert second.get_attribute("aria-pressed") == "true"
    assert page.locator("#facts").inner_text().startswith("take2.bvh")
    cards = page.get_by_role("group", name="Styles")
    visit.until_result(cards.get_by_role("button", name="proud", exact=True).click)
    page.locator("#stage").focus()
    visit.read("kinestyle.timeline.seek(40) || true")
    visit.until_result(lambda: page.keyboard.press("e"), stop="40f")
    visit.picture("several")
    with page.expect_download() as waiting:
        page.get_by_role("button", name="All 3 in this style, as a zip").click()
    path = tmp_path / waiting.value.suggested_filename
    waiting.value.save_as(path)
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        assert sorted(archive.namelist()) == [f"take{n}_proud.bvh" for n in (1, 2, 3)]
        archive.extractall(tmp_path)
    assert [read_motion(tmp_path / f"take{n}_proud.bvh").frame_count for n in (1, 2, 3)] == [
        read_motion(files[0]).frame_count,
        41,
        read_motion(files[2]).frame_count,
    ]
    # what comes out is what one clip alone gives
    alone = Stylizer.load().stylize(read_motion(files[0]), style="proud")
    assert (tmp_path / "take1_proud.bvh").read_bytes() == format_bvh(alone, "take1_proud.bvh")[0]


def test_the_list_is_kept_and_changed(visit: Visit) -> None:
    page = visit.page
    page.wait_for_timeout(300)
    page.reload()
    visit.until("kinestyle.session.result && kinestyle.clips.entries.length === 3")
    rows = page.get_by_role("list", name="Clips").get_by_role("listitem")
    visit.until_result(rows.filter(has_text="take3").get_by_role("button").first.click)
    assert page.locator("#facts").inner_text().startswith("take3.bvh")
    page.get_by_role("button", name="Take take1.bvh off the list").click()
    assert rows.count() == 2
    assert page.get_by_role("button", name="All 2 in this style, as a zip").is_visible()
