"""What the page remembers: over a reload, over undo and redo, and of two results; and that it works
where a browser allows less, on a plain line from another machine. In a real browser.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("playwright.sync_api", reason="playwright drives the browser")
pytest.importorskip("fastapi", reason="the studio needs the studio extra")
from playwright.sync_api import Browser, sync_playwright

from kinestyle.formats.bvh import write_bvh
from made_rigs import walk
from studio_browser import FLAGS, Server, Visit, browsing, find_chromium, serving, visiting
from test_studio_page import pytestmark  # noqa: F401  # its mark is taken over

ELSEWHERE = "studio.example"


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with serving("--workers", "1", "--host", "0.0.0.0", "--token", "sesame") as server:
        yield server


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with browsing() as browser:
        yield browser


@pytest.fixture
def visit(server: Server, browser: Browser) -> Iterator[Visit]:
    with visiting(browser, server.address) as visit:
        yield visit
        assert visit.errors == []


def strength(visit: Visit, value: float) -> None:
    slider = visit.page.get_by_label("Strength")
    visit.until_result(lambda: slider.fill(str(value)), strength=value)


def styled(visit: Visit, name: str) -> None:
    cards = visit.page.get_by_role("group", name="Styles")
    visit.until_result(cards.get_by_role("button", name=name, exact=True).click)


def asked(visit: Visit) -> dict[str, object]:
    visit.until("!kinestyle.session.busy")
    found: dict[str, object] = visit.read(
        "({...kinestyle.session.result.request, like: undefined})"
    )
    return found


def reload(visit: Visit) -> None:
    visit.page.wait_for_timeout(300)  # the address is written once nothing moves
    visit.page.reload()
    visit.until("kinestyle.session.result && !kinestyle.session.busy")


def test_the_page_works_on_a_plain_line_from_another_machine(server: Server) -> None:
    """There a browser has neither `crypto.randomUUID` nor a clipboard."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=find_chromium(),
            args=[*FLAGS, f"--host-resolver-rules=MAP {ELSEWHERE} 127.0.0.1"],
        )
        with visiting(browser, server.address.replace("127.0.0.1", ELSEWHERE)) as visit:
            page = visit.page
            assert page.evaluate("[isSecureContext, typeof crypto.randomUUID]") == [
                False,
                "undefined",
            ]
            strength(visit, 0.5)
            assert page.get_by_text(f"Files go to {ELSEWHERE}").is_visible()
            page.get_by_role("button", name="Copy", exact=True).click()
            page.get_by_text(re.compile("^(Copied|Selected)$")).wait_for()
            assert visit.errors == []
        browser.close()


def test_a_reload_keeps_what_is_asked_for(visit: Visit, tmp_path: Path) -> None:
    path, like = tmp_path / "mine.bvh", tmp_path / "shown.bvh"
    write_bvh(walk(seconds=2.0).clip, path)
    write_bvh(walk(seconds=2.0, heel_rise=0.1).clip, like)
    page = visit.page
    visit.until_result(lambda: page.locator("#file").set_input_files(path))
    visit.until_result(lambda: page.locator("#file-like").set_input_files(like))
    strength(visit, 0.8)
    parts = page.get_by_label("Parts", exact=True)
    visit.until_result(lambda: (parts.fill("upper"), parts.press("Enter")), parts="upper")
    page.locator("#stage").focus()
    visit.read("kinestyle.timeline.seek(20) || true")
    visit.until_result(lambda: page.keyboard.press("i"), start="20f")
    visit.read("kinestyle.session.set('strength', '0:0,1.5:1') || true")
    page.get_by_role("button", name="Grid").click()
    before, command = asked(visit), page.locator("#command").inner_text()
    reload(visit)
    assert asked(visit) == before
    assert page.locator("#command").inner_text() == command
    assert "mine.bvh" in page.locator("#facts").inner_text()
    assert "shown.bvh" in page.locator("#reference").inner_text()
    assert visit.read("kinestyle.view.mode") == "grid"
    assert "sesame" not in page.url
    # a mix as well, and another tab
    page.get_by_role("button", name="Style", exact=True).click()
    page.locator("#mix").click()
    styled(visit, "happy")
    before = asked(visit)
    page.wait_for_timeout(300)
    with visiting(visit.page.context.browser, f"{page.url}&token=sesame") as second:
        assert asked(second) == before
        assert second.page.locator("#mix").get_attribute("aria-pressed") == "true"


def test_a_clip_that_is_gone_is_said_to_be(visit: Visit, server: Server, tmp_path: Path) -> None:
    path = tmp_path / "lost.bvh"
    write_bvh(walk(seconds=2.0).clip, path)
    visit.until_result(lambda: visit.page.locator("#file").set_input_files(path))
    strength(visit, 0.5)
    visit.page.wait_for_timeout(300)
    address = re.sub("clip=[^&]+", "clip=nosuch", visit.page.url)
    with visiting(visit.page.context.browser, f"{address}&token=sesame") as later:
        alert = later.page.get_by_role("alert")
        alert.wait_for()
        said = "lost.bvh is no longer on the server; open it again."
        assert alert.inner_text().strip() == said
        assert later.read("kinestyle.session.source.example") == "walk"
        assert later.read("kinestyle.session.values.strength") == 0.5


def test_a_clip_of_before_the_reload_is_read_in_another_way(visit: Visit, tmp_path: Path) -> None:
    path = tmp_path / "again.bvh"
    write_bvh(walk(seconds=2.0).clip, path)
    visit.until_result(lambda: visit.page.locator("#file").set_input_files(path))
    reload(visit)
    visit.page.locator("#rig summary").click()
    row = visit.page.locator("#reading")
    visit.until_result(lambda: row.locator("[name=swap_sides]").select_option("true"))
    assert "--swap-sides" in visit.page.locator("#command").inner_text()
    visit.until_result(lambda: visit.page.locator("#rig-choice").select_option(""))
    reload(visit)
    assert row.locator("[name=swap_sides]").input_value() == "true"


def test_every_step_is_taken_back_and_again(visit: Visit, tmp_path: Path) -> None:
    """A drag of a slider is one step; another clip is one as well."""
    page = visit.page
    undo, redo = (page.get_by_role("button", name=name, exact=True) for name in ("Undo", "Redo"))
    assert undo.is_disabled()
    assert redo.is_disabled()
    first = asked(visit)
    slider = page.get_by_label("Strength")
    visit.until_result(lambda: [slider.fill(str(value)) for value in (0.9, 0.8, 0.7)], strength=0.7)
    styled(visit, "proud")
    travel = page.get_by_label("Travel")
    visit.until_result(lambda: travel.select_option("keep"), root="keep")
    path = tmp_path / "other.bvh"
    write_bvh(walk(seconds=2.0).clip, path)
    visit.until_result(lambda: page.locator("#file").set_input_files(path), strength=1)
    last = asked(visit)
    assert slider.input_value() == "1", "another clip starts at full strength"
    visit.until_result(undo.click, strength=0.7, root="keep")
    assert "walk.bvh" in page.locator("#facts").inner_text()
    page.locator("#stage").focus()
    visit.until_result(lambda: page.keyboard.press("Control+z"), root="auto", style=["proud"])
    visit.until_result(lambda: page.keyboard.press("Control+z"), style=["elderly"], strength=0.7)
    visit.until_result(undo.click, strength=1)
    assert asked(visit) == first
    assert undo.is_disabled()
    for _ in range(4):
        page.keyboard.press("Control+Shift+Z")
    visit.until("!kinestyle.session.busy")
    assert asked(visit) == last
    assert "other.bvh" in page.locator("#facts").inner_text()
    assert redo.is_disabled()
    # something new ends what could be taken again
    undo.click()
    visit.until_result(lambda: page.get_by_role("button", name="Next variation").click())
    assert redo.is_disabled()


def test_two_results_are_compared(visit: Visit) -> None:
    page = visit.page
    strength(visit, 0.5)
    page.get_by_role("group", name="Which of two results").get_by_role("button", name="B").click()
    visit.until("!kinestyle.session.busy")
    assert asked(visit)["strength"] == 0.5, "it begins as the other"
    styled(visit, "proud")
    page.get_by_role("button", name="A and B").click()
    visit.until("kinestyle.view.other && !kinestyle.session.busy")
    cells = page.locator("#cells .cell")
    assert cells.nth(0).inner_text().split() == ["elderly,", "strength", "0.50", "A"]
    assert cells.nth(1).inner_text().split() == ["proud,", "strength", "0.50", "B"]
    page.locator("#stage").focus()
    page.keyboard.press("b")
    visit.until("!kinestyle.session.busy && kinestyle.session.desk.slot === 'A'")
    words = shlex.split(page.locator("#command").inner_text())
    assert words[words.index("--style") + 1] == "elderly"
    reload(visit)
    page.locator("#stage").focus()
    visit.until_result(lambda: page.keyboard.press("b"), style=["proud"], strength=0.5)


def test_back_to_the_defaults(visit: Visit) -> None:
    page = visit.page
    styled(visit, "proud")
    strength(visit, 0.3)
    visit.until_result(lambda: page.get_by_label("Feet", exact=True).select_option("free"))
    visit.until_result(page.get_by_role("button", name="Defaults").click, strength=1, feet="lock")
    command = page.locator("#command").inner_text()
    assert command == "kinestyle stylize walk.bvh --style proud -o walk_proud.bvh"
    visit.until_result(page.get_by_role("button", name="Undo").click, strength=0.3, feet="free")


def test_what_is_cancelled_leaves_the_page_as_it_was(visit: Visit) -> None:
    """The answer is kept back, so that Esc comes in time."""
    page = visit.page
    before = asked(visit), page.locator("#command").inner_text()
    page.route("**/stylize", lambda route: None)
    card = page.get_by_role("group", name="Styles").get_by_role("button", name="proud")
    card.click()
    page.locator("#progress").wait_for()
    assert page.locator("#result").get_attribute("aria-busy") == "true"
    page.locator("#stage").focus()
    page.keyboard.press("Escape")
    visit.until("!kinestyle.session.busy")
    page.unroute("**/stylize")
    assert card.get_attribute("aria-pressed") == "false"
    assert (asked(visit), page.locator("#command").inner_text()) == before
    assert visit.read("kinestyle.session.ask.styles") == ["elderly"]
    assert page.get_by_role("button", name="Undo").is_disabled(), "it was no step"


def test_the_styles_are_a_library(visit: Visit) -> None:
    """In groups, each with a sentence, the best learned first; found by a word; favourites stay."""
    page = visit.page
    assert asked(visit)["style"] == ["elderly"], "the first is one of the best learned"
    cards = page.locator("#styles button")
    headings = page.locator("#styles h3")
    assert headings.all_inner_texts() == ["Age", "Energy", "Body", "Mood", "Plain"]
    assert cards.count() == 22
    words = page.locator("#style-words")
    said = "elderly: short, slow steps, a bent trunk; learned from 20 min ● well learned"
    assert words.inner_text() == said
    for title in cards.evaluate_all("cards => cards.map(card => card.title)"):
        assert re.fullmatch(r".+: .+; learned from \d+ (s|min)( \(\d\))?", title)
        assert len(title.split()) <= 20
    styled(visit, "old")
    assert "as elderly, from little motion; learned from 41 s" in words.inner_text()
    assert "well learned" not in words.inner_text()
    search = page.get_by_label("Search styles")
    search.fill("stoop")
    assert set(cards.all_inner_texts()) == {
        "old",
        "tired",
        "exhausted",
        "not-confident",
        "chimpira",
    }
    favourite = page.get_by_role("button", name="Favourite", exact=True)
    favourite.click()
    assert favourite.get_attribute("aria-pressed") == "true"
    search.fill("")
    assert headings.first.inner_text() == "Favourites"
    assert cards.first.inner_text() == "old"
    reload(visit)
    assert cards.first.inner_text() == "old"
    page.locator("#stage").focus()
    visit.until_result(lambda: page.keyboard.press("2"), style=["elderly"])
    search.fill("nothing like it")
    assert cards.count() == 0
