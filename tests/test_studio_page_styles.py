"""A style file is dropped on the real page, appears among the styles, and is used."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

pytest.importorskip("playwright.sync_api", reason="playwright drives the browser")
pytest.importorskip("fastapi", reason="the studio needs the studio extra")

from studio_browser import Visit
from test_studio_page import pytestmark  # noqa: F401  # its mark is taken over


def test_a_dropped_style_is_chosen_and_in_the_command(visit: Visit, style_file: Path) -> None:
    page = visit.page
    before = page.evaluate("kinestyle.previews.cards.length")
    data = page.evaluate_handle(
        """(text) => {
            const data = new DataTransfer();
            data.items.add(new File([text], 'goblin.style'));
            return data;
        }""",
        style_file.read_text(),
    )
    page.dispatch_event("body", "drop", {"dataTransfer": data})
    card = page.get_by_role("button", name="goblin.style", exact=True)
    card.wait_for()
    page.wait_for_function("() => kinestyle.session.result?.request.style?.[0] === 'goblin.style'")
    assert page.evaluate("kinestyle.previews.cards.length") == before + 1
    assert card.get_attribute("aria-pressed") == "true"
    words = shlex.split(page.locator("#command").inner_text())
    assert words[words.index("--style") + 1] == "goblin.style"


def test_a_file_that_is_no_style_is_refused_in_words(visit: Visit) -> None:
    page = visit.page
    before = page.evaluate("kinestyle.previews.cards.length")
    visit.errors.clear()
    page.set_input_files(
        "#file", {"name": "bad.style", "mimeType": "text/plain", "buffer": b"no style"}
    )
    page.get_by_text("bad.style").first.wait_for()
    assert page.evaluate("kinestyle.previews.cards.length") == before
    visit.errors.clear()  # the browser reports the answer's status
