"""The page's controls of a restyling, and how its viewer fits a window, in a real browser.

The server is a copy of the package with one setting more, see `one_more_setting`: nothing of the
page knows that one.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest

pytest.importorskip(
    "playwright", reason="the studio's page is driven with playwright, which the dev extra brings"
)
pytest.importorskip("fastapi", reason="the studio needs the studio extra")
from playwright.sync_api import Browser

from kinestyle.runtime.options import options_of
from kinestyle.runtime.settings import Settings
from one_more_setting import package_with_one_more_setting
from several_animations import several
from studio_browser import Server, Visit, browsing, find_chromium, serving, visiting

pytestmark = pytest.mark.skipif(
    find_chromium() is None,
    reason="no Chromium here: apt-get install chromium, or name one with KINESTYLE_CHROMIUM",
)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    source = package_with_one_more_setting(tmp_path_factory.mktemp("copy"))
    with serving("--workers", "1", source=source) as server:
        yield server


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with browsing() as browser:
        yield browser


@pytest.fixture(scope="module")
def visit(server: Server, browser: Browser) -> Iterator[Visit]:
    with visiting(browser, server.address) as visit:
        yield visit
        assert visit.errors == []


@pytest.fixture(scope="module")
def described(server: Server) -> list[dict[str, Any]]:
    """The settings as the server describes them."""
    with urlopen(f"{server.address}api/settings") as answer:
        return list(json.load(answer))


FLAGS = {"start": "--from", "stop": "--to"}
PLACEHOLDERS = {"moment": "seconds or 45f"}


def test_each_setting_has_a_control(visit: Visit, described: list[dict[str, Any]]) -> None:
    named = [option.name for option in options_of(Settings) if not option.of_clip]
    assert [setting["name"] for setting in described] == [*named, "twist"]
    for setting in described:
        control = visit.page.get_by_label(setting["label"], exact=True)
        assert control.is_visible(), setting["name"]
        if setting["kind"] == "switch":
            assert control.is_checked() is setting["default"]
            continue
        default = "" if setting["default"] is None else str(setting["default"])
        assert control.input_value() == default.removesuffix(".0")
        assert (control.get_attribute("title") or "").startswith(setting["help"])
        assert control.get_attribute("placeholder") == PLACEHOLDERS.get(setting["kind"])
    assert visit.page.locator("#rig-choice").count() == 1, "a rig is the clip's"


def test_each_control_sets_its_setting_and_the_command(
    visit: Visit, described: list[dict[str, Any]]
) -> None:
    command = visit.page.locator("#command")
    for setting in described:
        name, default = setting["name"], setting["default"]
        flag = FLAGS.get(name, f"--{name.replace('_', '-')}")
        assert flag not in command.inner_text()
        other = another(setting)
        visit.until_result(partial(choose, visit, setting, other), **{name: other})
        words = shlex.split(command.inner_text())
        if setting["kind"] != "switch":
            assert words[words.index(flag) + 1] == str(other)
        assert setting["label"].lower() in visit.page.locator("#cells").inner_text()
        visit.until_result(partial(choose, visit, setting, default), **{name: default})


def another(setting: dict[str, Any]) -> Any:
    """A value that is not the default."""
    if setting["kind"] == "choice":
        return next(value for value in setting["choices"] if value != setting["default"])
    if setting["kind"] == "switch":
        return not setting["default"]
    if setting["kind"] == "moment":
        return {"start": "15f", "stop": 3.5}[setting["name"]]
    if setting["name"] == "out_fps":
        return 23.976
    if setting["kind"] == "parts":
        return "spine,left_arm=0.5"
    return 0.5 if setting["kind"] == "number" else 3


def choose(visit: Visit, setting: dict[str, Any], value: Any) -> None:
    control = visit.page.get_by_label(setting["label"], exact=True)
    if setting["kind"] == "choice":
        control.select_option(value)
        return
    if setting["kind"] == "switch":
        control.set_checked(value)
        return
    control.fill("" if value is None else str(value))
    control.press("Enter")


def test_a_number_out_of_its_bounds_is_brought_back(visit: Visit) -> None:
    box = visit.page.get_by_label("Variation", exact=True)
    box.fill("-5")
    box.press("Enter")
    assert box.input_value() == "0"
    visit.until_result(lambda: (box.fill("99999999999"), box.press("Enter")), seed=2**32 - 1)
    visit.until_result(lambda: (box.fill(""), box.press("Enter")), seed=0)


def test_a_high_window_stacks_the_two_bodies(server: Server, browser: Browser) -> None:
    """Side by side where that draws them larger, one above the other in a high window."""

    def corners(visit: Visit) -> list[tuple[float, float]]:
        cells = visit.page.locator("#cells .cell")
        boxes = [cells.nth(i).bounding_box() for i in range(cells.count())]
        return [(box["x"], box["y"]) for box in boxes if box is not None]

    with visiting(browser, server.address, size=(800, 1300)) as visit:
        above, below = corners(visit)
        assert above[0] == below[0]
        assert above[1] < below[1]
        assert visit.read("[kinestyle.stage.columns, kinestyle.stage.rows]") == [1, 2]
        visit.picture("stacked")
        visit.page.set_viewport_size({"width": 1280, "height": 720})
        visit.until("kinestyle.stage.columns === 2 && kinestyle.stage.rows === 1")
        left, right = corners(visit)
        assert left[0] < right[0]
        assert left[1] == right[1]
        assert visit.errors == []


def test_which_animation_is_chosen_on_the_page(
    server: Server, browser: Browser, tmp_path: Path
) -> None:
    """Of the clip's file and of the reference's; a file with one has nothing to choose."""
    path = tmp_path / "x.glb"
    path.write_bytes(several().glb())
    with visiting(browser, server.address) as visit:
        row, like_row = (visit.page.locator(f"#{name}") for name in ("animation", "like-animation"))
        assert not row.is_visible()
        visit.until_result(lambda: visit.page.locator("#file").set_input_files(path))
        assert row.locator("select").input_value() == "Walk"
        assert "Hold" in row.inner_text()
        assert "nothing moves" in row.inner_text()
        visit.until_result(lambda: row.locator("select").select_option("Calm"))
        command = visit.page.locator("#command")
        assert "--animation Calm" in command.inner_text()
        visit.until_result(lambda: visit.page.locator("#file-like").set_input_files(path))
        assert like_row.locator("select").input_value() == "Walk"
        visit.until_result(lambda: like_row.locator("select").select_option("Hold"))
        words = shlex.split(command.inner_text())
        assert words[words.index("--like-animation") + 1] == "Hold"
        assert words[words.index("--animation") + 1] == "Calm"
        assert visit.errors == []


def test_parts_are_chosen_on_a_figure(visit: Visit) -> None:
    page, command = visit.page, visit.page.locator("#command")
    box = page.get_by_label("Parts", exact=True)
    page.get_by_text("On a figure").click()
    figure = page.get_by_role("group", name="Parts on a figure")
    arm = figure.get_by_role("checkbox", name="Left arm")
    assert arm.get_attribute("aria-checked") == "true"
    # the figure faces the viewer
    box_of = {
        side: figure.get_by_role("checkbox", name=f"{side} arm") for side in ("Left", "Right")
    }
    left, right = (each.bounding_box() for each in box_of.values())
    assert left is not None
    assert right is not None
    assert left["x"] > right["x"]
    visit.until_result(arm.click, parts="lower,head,spine,right_arm")
    assert arm.get_attribute("aria-checked") == "false"
    visit.until_result(figure.get_by_role("checkbox", name="Right arm").click)
    assert box.input_value() == "lower,head,spine"
    assert "--parts lower,head,spine" in command.inner_text()
    slider = page.locator(".body-parts label", has_text="spine").locator("input")
    visit.until_result(lambda: slider.fill("0.5"), parts="lower,head,spine=0.5")
    # a joint of the clip's own may be typed; the figure leaves it alone
    typed = "upper,LeftForeArm=0.25"
    visit.until_result(lambda: (box.fill(typed), box.press("Enter")), parts=typed)
    visit.until_result(arm.click)
    assert box.input_value().endswith("LeftForeArm=0.25")
    box.fill("left_am")
    box.press("Enter")
    visit.until("document.querySelector('#notices').textContent.includes('did you mean')")
    visit.until_result(lambda: (box.fill("all"), box.press("Enter")), parts="all")
    visit.picture("parts")
    visit.errors.clear()  # the refusal is an answer 422, which the console tells
    page.get_by_text("On a figure").click()


def test_strength_is_dragged_on_the_timeline(visit: Visit) -> None:
    page, command = visit.page, visit.page.locator("#command")
    lane = page.get_by_role("group", name="Keys of the curve")
    assert not lane.is_visible()
    page.locator("#curves").click()
    area = lane.bounding_box()
    assert area is not None

    def at(share: float, height: float) -> tuple[float, float]:
        return area["x"] + share * area["width"], area["y"] + height * area["height"]

    def drag() -> None:
        page.mouse.move(*at(0.5, 0.4))
        page.mouse.down()
        page.mouse.move(*at(0.5, 0.9), steps=4)
        page.mouse.up()

    request = visit.until_result(drag)
    keys = [key.split(":") for key in request["strength"].split(",")]
    assert len(keys) == 3
    seconds = visit.read("kinestyle.session.source.clip.duration_seconds")
    assert abs(float(keys[1][0]) - 0.5 * seconds) < 0.05 * seconds
    assert float(keys[1][1]) <= 0.1
    assert [value for _, value in (keys[0], keys[2])] == ["1", "1"]
    words = shlex.split(command.inner_text())
    assert words[words.index("--strength") + 1] == request["strength"]
    assert "strength curve" in page.locator("#cells").inner_text()
    visit.picture("curve")
    # by keys as well
    handle = lane.get_by_role("button").nth(1)
    handle.focus()
    request = visit.until_result(lambda: page.keyboard.press("ArrowUp"))
    assert float(request["strength"].split(",")[1].split(":")[1]) > float(keys[1][1])
    request = visit.until_result(lambda: page.keyboard.press("Delete"), strength=1)
    page.locator("#curves").click()
    assert not lane.is_visible()


def test_two_styles_share_the_clip_over_time_or_the_body(visit: Visit) -> None:
    page, command = visit.page, visit.page.locator("#command")
    page.locator("#mix").click()
    second = page.locator("#styles button", has_text="proud").first
    visit.until_result(second.click)
    page.locator("#curves").click()
    page.locator("#curve-of").select_option("mix")
    lane = page.get_by_role("group", name="Keys of the curve")
    area = lane.bounding_box()
    assert area is not None
    x, y = area["x"] + 0.5 * area["width"], area["y"]
    request = visit.until_result(lambda: page.mouse.click(x, y + 0.15 * area["height"]))
    keys = request["weights"].split(";")
    assert len(keys) == 3
    assert all(sum(map(float, key.split(":")[1].split(","))) == pytest.approx(1.0) for key in keys)
    assert f"--mix '{request['weights']}'" in command.inner_text()
    request = visit.until_result(
        lambda: page.get_by_label("Second style", exact=True).select_option("arms")
    )
    assert request["style"][1] == "proud@arms"
    assert request.get("weights") is None
    assert "--style proud@arms" in command.inner_text()
    page.get_by_label("Second style", exact=True).select_option("all")
    page.locator("#curves").click()
    visit.until_result(lambda: page.locator("#mix").click())
