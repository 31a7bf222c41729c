"""A style of one's own is made of clips on the real page, and refined."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator

import pytest

pytest.importorskip("playwright.sync_api", reason="playwright drives the browser")
pytest.importorskip("fastapi", reason="the studio needs the studio extra")

from kinestyle.formats.bvh import format_bvh
from kinestyle.studio.config import StudioConfig
from kinestyle.studio.serving import Server
from made_rigs import walk
from studio_browser import Visit, browsing, visiting
from studio_client import refine_quickly, until
from studio_server import running
from test_reference import held
from test_studio_page import pytestmark  # noqa: F401  # its mark is taken over

PATIENCE_MS = 200_000.0
"""What a refinement of a few steps may take, on a machine that is busy."""


@pytest.fixture(scope="module")
def learning() -> Iterator[tuple[Server, Visit]]:
    """A page whose server refines in a few steps."""
    with (
        running(StudioConfig(port=0, workers=1)) as server,
        browsing() as browser,
        visiting(browser, server.address) as visit,
    ):
        refine_quickly(server.app.state.studio.pool)
        yield server, visit
        assert visit.errors == []


def open_own(visit: Visit) -> None:
    """The part of the page in which a style is made, with three takes and a name."""
    page = visit.page
    if page.locator("#own").get_attribute("open") is not None:
        page.locator("#own summary").click()
    with page.expect_response("**/api/learn"):
        page.locator("#own summary").click()
    takes = []
    for i, bend in enumerate((28.0, 30.0, 32.0)):
        clip = held(walk(seconds=4.0).clip, bend)
        takes.append(
            {
                "name": f"take_{i}.bvh",
                "mimeType": "text/plain",
                "buffer": format_bvh(clip, "take")[0],
            }
        )
    page.set_input_files("#own-files", takes)
    page.fill("#own-name", "goblin")


def test_a_style_is_heard_in_clips_and_refined(learning: tuple[Server, Visit]) -> None:
    pytest.importorskip("torch")
    _, visit = learning
    page = visit.page
    before = page.evaluate("kinestyle.previews.cards.length")
    open_own(visit)
    page.get_by_role("button", name="Learn", exact=True).click()
    page.get_by_text("the trunk leans forward").wait_for()
    visit.until("kinestyle.session.result?.request.style?.[0] === 'goblin.style'")
    learned = "kinestyle learn take_0.bvh take_1.bvh take_2.bvh"
    assert page.locator("#command").inner_text().startswith(f"{learned} -o goblin.style && ")
    heard = visit.read("kinestyle.session.result.clip.id")

    page.get_by_label("Refine").check()
    page.get_by_role("button", name="Learn", exact=True).click()
    page.locator("#own-progress").wait_for()
    # sliders go on meanwhile, and what is heard stays chosen until then
    visit.until_result(lambda: page.keyboard.press("n"))
    page.get_by_text("refined: 1 held-out clips").wait_for(timeout=PATIENCE_MS)
    assert page.locator("#own-progress").is_hidden()
    visit.until(f"kinestyle.session.result?.clip.command?.startsWith('{learned} --refine -o ')")
    assert visit.read("kinestyle.session.result.clip.id") != heard
    assert page.evaluate("kinestyle.previews.cards.length") == before + 1
    with page.expect_download() as download:
        page.get_by_role("button", name="Save goblin.style").click()
    assert download.value.suggested_filename == "goblin.style"
    assert json.loads(download.value.path().read_text())["modulation"]
    # the page gives what was refined to a server that has forgotten it
    page.evaluate("(kinestyle.session.ownStyles.get('goblin.style').sent = null)")
    visit.until_result(lambda: page.keyboard.press("n"))


def test_refining_is_cancelled_on_the_page(learning: tuple[Server, Visit]) -> None:
    pytest.importorskip("torch")
    server, visit = learning
    page, pool = visit.page, server.app.state.studio.pool
    open_own(visit)
    page.get_by_label("Refine").check()
    page.get_by_role("button", name="Learn", exact=True).click()
    until(lambda: pool.refinements == 1)
    page.locator("#own-cancel").click()
    page.get_by_text("Cancelled: no style was made.").wait_for()
    until(lambda: pool.refinements == 0)
    assert page.get_by_role("button", name="Learn", exact=True).is_enabled()
    visit.errors.clear()  # the browser reports the answer's status


def test_where_it_cannot_be_refined_the_page_says_why(
    learning: tuple[Server, Visit], monkeypatch: pytest.MonkeyPatch
) -> None:
    _, visit = learning
    page = visit.page
    monkeypatch.setitem(sys.modules, "torch", None)
    open_own(visit)
    page.get_by_text("refining a style needs torch").wait_for()
    assert page.get_by_label("Refine").is_disabled()
    assert not page.get_by_label("Refine").is_checked()
    page.get_by_role("button", name="Learn", exact=True).click()
    page.get_by_text("the trunk leans forward").wait_for()
