"""The studio's page, driven in a real browser as a person would: with a mouse, a keyboard and files."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("playwright", reason="the studio's page is driven with playwright, which the dev extra brings")
pytest.importorskip("fastapi", reason="the studio needs the studio extra")
from playwright.sync_api import Browser

from studio_browser import Server, Visit, browsing, find_chromium, serving, visiting

pytestmark = pytest.mark.skipif(
    find_chromium() is None, reason="no Chromium here: apt-get install chromium, or name one with KINESTYLE_CHROMIUM"
)

FILES = Path(__file__).parent / "files"
Visiting = Callable[..., AbstractContextManager[Visit]]


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with serving() as server:
        yield server


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with browsing() as browser:
        yield browser


@pytest.fixture(scope="module")
def visit_studio(server: Server, browser: Browser) -> Visiting:
    return partial(visiting, browser, server.address)


@pytest.fixture(scope="module")
def shared(visit_studio: Visiting) -> Iterator[Visit]:
    """One visit for many tests: loading the page is what takes longest. Nothing in it may ever go wrong."""
    with visit_studio() as visit:
        yield visit
        assert visit.errors == []


def result_position(visit: Visit) -> np.ndarray:
    """(T * J * 3,) metres."""
    return np.array(visit.read("Array.from(kinestyle.session.result.motion.position)"))


def test_first_sight(shared: Visit):
    """A demo clip is there, restyled, playing, without anything being done; nothing comes from anywhere else."""
    shared.until("kinestyle.clock.frame > 3")
    assert shared.read("kinestyle.clock.playing")
    assert shared.page.locator("#facts").inner_text().startswith("walk.bvh · 5.0 s · 151 frames at 30 · 53 joints")
    assert shared.page.get_by_text("All stays on this machine").is_visible()
    assert shared.page.get_by_role("group", name="Styles").get_by_role("button").count() >= 16
    assert [shared.read(f"kinestyle.view.{which}.motion.jointCount") for which in ("original", "result")] == [53, 53]
    origin = shared.page.url.split("#")[0]
    assert [url for url in shared.requests if not url.startswith(origin)] == []
    shared.page.keyboard.press("Space")
    drawn = np.asarray(Image.open(shared.picture("first_sight")).convert("RGB"))[60:560, 20:900].reshape(-1, 3)
    bluish = (drawn[:, 2].astype(int) - drawn[:, 0] > 60).mean()
    assert bluish > 0.01, "the restyled body is not in the picture"
