"""Whether everybody can use the page: no rule of axe-core is broken, at any size of screen, in both
themes; and nothing sticks out.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib import resources
from typing import Any, Literal

import pytest

pytest.importorskip("playwright.sync_api", reason="playwright drives the browser")
pytest.importorskip("fastapi", reason="the studio needs the studio extra")
pytest.importorskip("axe_playwright_python", reason="axe-core comes with axe-playwright-python")
from playwright.sync_api import Browser

from studio_browser import Server, Visit, browsing, serving, visiting
from test_studio_page import pytestmark  # noqa: F401  # its mark is taken over

RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]

STICKING_OUT = """() => [...document.querySelectorAll('body *')]
  .filter(at => at.checkVisibility() && at.getBoundingClientRect().right > innerWidth + 1)
  .filter(at => {
    for (let box = at.parentElement; box; box = box.parentElement)
      if (getComputedStyle(box).overflowX !== 'visible') return false;
    return !at.closest('.unseen, .symbols');
  })
  .map(at => at.id || at.className || at.tagName)"""


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with serving("--workers", "1") as server:
        yield server


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with browsing() as browser:
        yield browser


def violations(visit: Visit) -> list[tuple[str, Any]]:
    """(rule, where) for what axe-core finds on the page as it is."""
    package = resources.files("axe_playwright_python")
    visit.page.evaluate((package / "axe.min.js").read_text(encoding="utf-8"))
    found = visit.page.evaluate("rules => axe.run(document, {runOnly: rules})", RULES)
    return [
        (rule["id"], [node["target"] for node in rule["nodes"]]) for rule in found["violations"]
    ]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(
    "size",
    # drawn by a processor, eight million points take their time
    [(320, 640), (768, 1024), (1440, 900), pytest.param((3840, 2160), marks=pytest.mark.slow)],
)
def test_every_size_and_theme(
    server: Server, browser: Browser, size: tuple[int, int], scheme: Literal["light", "dark"]
) -> None:
    with visiting(browser, server.address, size=size, scheme=scheme) as visit:
        assert violations(visit) == []
        assert visit.page.evaluate("document.documentElement.scrollWidth") <= size[0]
        assert visit.page.evaluate(STICKING_OUT) == []
        download = visit.page.get_by_role("button", name="Download")
        box = download.bounding_box()
        assert box is not None
        assert 0 <= box["y"] <= box["y"] + box["height"] <= size[1], "always in sight"
        visit.picture(f"size_{size[0]}_{scheme}")
        assert visit.errors == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_what_opens(server: Server, browser: Browser, scheme: Literal["light", "dark"]) -> None:
    """Two styles, a curve, the rig, parts, a note, a failure, the dialog of keys."""
    with visiting(browser, server.address, scheme=scheme) as visit:
        page = visit.page
        page.locator("#mix").click()
        visit.until_result(lambda: page.locator("#styles button").nth(2).click())
        page.locator("#curves").click()
        page.locator("#rig summary").click()
        page.get_by_text("On a figure").click()
        visit.drop("body", ("broken.bvh", b"HIERARCHY\nROOT Hips\n{\n  OFFSET 0 0 nonsense\n"))
        page.get_by_role("alert").wait_for()
        assert violations(visit) == []
        for cue in ("Like a clip", "Surprise me"):
            page.get_by_role("button", name=cue, exact=True).click()
            assert violations(visit) == []
        page.locator("#help").click()
        assert violations(visit) == []


def test_without_webgl_the_page_says_so(server: Server, browser: Browser) -> None:
    page = browser.new_page()
    page.add_init_script("HTMLCanvasElement.prototype.getContext = () => null")
    page.goto(server.address)
    notice = page.get_by_role("alert")
    notice.wait_for()
    assert notice.inner_text().startswith("This browser has no WebGL: switch hardware acceleration")
    page.close()
