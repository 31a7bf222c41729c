"""The studio's page, driven in a real browser as a person would: with a mouse, a keyboard and
files.
"""

from __future__ import annotations

import itertools
import re
import shlex
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip(
    "playwright", reason="the studio's page is driven with playwright, which the dev extra brings"
)
pytest.importorskip("fastapi", reason="the studio needs the studio extra")
pytest.importorskip("PIL", reason="screenshots are compared with the pictures extra")
from PIL import Image
from playwright.sync_api import Browser

from kinestyle.formats.bvh import write_bvh
from kinestyle.formats.table import read_motion
from kinestyle.motion.clip import Clip
from kinestyle.retarget.correspondence import correspond
from made_rigs import thrown_about, walk
from studio_browser import PHONE, Server, Visit, browsing, find_chromium, serving, visiting

pytestmark = pytest.mark.skipif(
    find_chromium() is None,
    reason="no Chromium here: apt-get install chromium, or name one with KINESTYLE_CHROMIUM",
)

FILES = Path(__file__).parent / "files"
BAD_BVH = b"HIERARCHY\nROOT Hips\n{\n  OFFSET 0 0 nonsense\n"
Visiting = Callable[..., AbstractContextManager[Visit]]


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with serving("--token", "sesame") as server:
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
    """One visit for many tests: loading the page is what takes longest. Its console stays empty
    throughout.
    """
    with visit_studio() as visit:
        yield visit
        assert visit.errors == []


@pytest.fixture
def visit(shared: Visit) -> Iterator[Visit]:
    """The shared visit, standing still, side by side, in a style at full strength."""
    shared.page.locator("#stage").focus()
    if shared.read("kinestyle.clock.playing"):
        shared.page.keyboard.press("Space")
    if shared.read("kinestyle.view.mode !== 'side'"):
        shared.page.get_by_role("button", name="Side by side").click()
    if shared.read("kinestyle.session.ask.kind !== 'style'"):
        shared.page.get_by_role("button", name="Style", exact=True).click()
    if shared.read("kinestyle.session.values.strength !== 1"):
        shared.page.get_by_label("Strength").fill("1")
    yield shared
    assert shared.errors == []


def drawn(visit: Visit, which: str, frame: int) -> np.ndarray:
    """What the viewer has for a frame: (J, 3) metres."""
    return np.array(visit.read(f"Array.from(kinestyle.drawnPosition({which!r}, {frame}))")).reshape(
        -1, 3
    )


def card(visit: Visit, style: str) -> None:
    visit.page.get_by_role("group", name="Styles").get_by_role(
        "button", name=style, exact=True
    ).click()


def restyle(visit: Visit, style: str) -> None:
    visit.until_result(lambda: card(visit, style), style=[style])


def test_first_sight(shared: Visit):
    """A demo clip is there, restyled, playing, without anything being done; nothing comes from
    anywhere else.
    """
    shared.until("kinestyle.clock.frame > 3")
    assert shared.read("kinestyle.clock.playing")
    assert (
        shared.page.locator("#facts")
        .inner_text()
        .startswith("walk.bvh · 5.0 s · 151 frames at 30 · 53 joints")
    )
    assert shared.page.get_by_text("All stays on this machine").is_visible()
    assert shared.page.get_by_role("group", name="Styles").get_by_role("button").count() >= 16
    assert [
        shared.read(f"kinestyle.view.{which}.motion.jointCount") for which in ("original", "result")
    ] == [53, 53]
    origin = shared.page.url.partition("#")[0]
    assert "sesame" not in shared.page.url, "the token does not stay in the address"
    assert [url for url in shared.requests if not url.startswith(origin)] == []
    shared.page.keyboard.press("Space")
    pixels = np.asarray(Image.open(shared.picture("first_sight")).convert("RGB")).astype(int)[
        60:560, 20:900
    ]
    assert (pixels[..., 2] - pixels[..., 0] > 60).mean() > 0.01, (
        "the restyled body is not in the picture"
    )


def test_a_style_and_its_strength(visit: Visit):
    """A click, a drag of the slider: each result is another motion, in step with the original and
    at once.
    """
    restyle(visit, "proud")
    full = drawn(visit, "result", 60)
    slider = visit.page.get_by_label("Strength")
    slider.scroll_into_view_if_needed()
    box = slider.bounding_box()
    assert box is not None

    def drag() -> None:
        y = box["y"] + box["height"] / 2
        visit.page.mouse.move(box["x"] + 8 + (box["width"] - 16) * 2 / 3, y)
        visit.page.mouse.down()
        visit.page.mouse.move(box["x"] + 8, y, steps=3)
        visit.page.mouse.up()

    drag()
    visit.until("kinestyle.session.result.request.strength === 0")
    original = drawn(visit, "original", 60)
    assert np.abs(full - original).max() > 0.03
    assert np.abs(drawn(visit, "result", 60) - original).max() < 1e-4
    assert "strength 0.00" in visit.page.locator("#cells").inner_text()

    seconds = []
    for _ in range(2):
        visit.until_result(lambda: slider.press("ArrowRight"))
        visit.until("!kinestyle.seen.fresh")
        seconds.append(visit.read("kinestyle.seen.latencies.at(-1)") / 1000)
    # how many they are depends on what else the machine does: benchmarks/studio_frames.py prints
    # them
    assert min(seconds) > 0


def test_other_variations_and_roots(visit: Visit):
    variation = visit.page.get_by_label("Variation", exact=True)
    visit.until_result(
        lambda: visit.page.get_by_role("button", name="Next variation").click(), seed=1
    )
    visit.until_result(lambda: visit.page.get_by_label("Travel").select_option("keep"), root="keep")
    hips = visit.read("kinestyle.view.result.motion.roles.hips")
    on_ground = [drawn(visit, which, 140)[hips, [0, 2]] for which in ("original", "result")]
    assert np.linalg.norm(on_ground[0] - on_ground[1]) < 0.02
    variation.fill("0")
    variation.press("Enter")
    visit.until_result(
        lambda: visit.page.get_by_label("Travel").select_option("planted"), root="planted", seed=0
    )


def test_what_is_done_where_a_clip_is_unlike_all_that_was_learned(
    visit: Visit, walk_clip: Clip, tmp_path: Path
):
    path = tmp_path / "odd.bvh"
    write_bvh(thrown_about(walk_clip, "Spine", "LeftArm", "RightArm"), path)
    visit.until_result(
        lambda: visit.page.locator("#file").set_input_files(path), out_of_domain="fade"
    )
    said, command = visit.page.locator("#notes"), visit.page.locator("#command")
    assert re.search(r"The motion is unfamiliar: \d+ % of the style kept", said.inner_text())
    line = said.locator("span", has_text="of the style kept")
    assert "the style is faded from" in str(line.get_attribute("title"))
    moment = visit.page.get_by_role("group", name="Moments of notes").get_by_role("button").first
    spans = "kinestyle.session.result.clip.notes.flatMap(note => note.spans_seconds)"
    start = visit.read(f"{spans}[0][0]")
    moment.click()
    visit.until(f"Math.abs(kinestyle.clock.seconds - {start}) <= kinestyle.clock.frameTime")
    faded = drawn(visit, "result", 60)
    beyond = visit.page.get_by_label("Out of domain")
    visit.until_result(lambda: beyond.select_option("ignore"), out_of_domain="ignore")
    assert "of the style kept" not in said.inner_text()
    assert said.inner_text().count("The motion is unfamiliar") == 1, "a fact has one line"
    assert "lower strength may be better" in said.inner_text()
    assert "--out-of-domain ignore" in command.inner_text()
    assert np.abs(drawn(visit, "result", 60) - faded).max() > 0.01
    visit.until_result(lambda: beyond.select_option("fade"), out_of_domain="fade")
    visit.until_result(
        visit.page.get_by_role("button", name="Keep all of it").click, out_of_domain="ignore"
    )
    visit.until_result(visit.page.get_by_role("button", name="Undo").click, out_of_domain="fade")
    assert "--out-of-domain" not in command.inner_text()
    visit.until_result(lambda: visit.page.get_by_label("Demo clip").select_option("walk"))


def test_two_styles_are_mixed(visit: Visit):
    restyle(visit, "old")
    visit.page.get_by_role("button", name="Mix two").click()
    visit.until_result(lambda: card(visit, "happy"), style=["old", "happy"], weights=[0.5, 0.5])
    asked = visit.until_result(lambda: visit.page.keyboard.press("}"))
    assert asked["weights"] == [pytest.approx(0.45), pytest.approx(0.55)]
    visit.until_result(
        lambda: visit.page.get_by_role("button", name="Mix two").click(), style=["old"]
    )
    assert not visit.page.get_by_label("Mix", exact=True).is_visible()


def test_a_reference_clip_and_a_surprise(visit: Visit, tmp_path: Path):
    path = tmp_path / "reference.bvh"
    write_bvh(walk(seconds=2.0, heel_rise=0.1).clip, path)
    visit.page.get_by_role("button", name="Like a clip").click()
    with visit.page.expect_file_chooser() as chooser:
        visit.page.get_by_role("button", name="Open a reference…").click()
    asked = visit.until_result(lambda: chooser.value.set_files(path))
    assert "style" not in asked
    assert "reference.bvh" in visit.page.locator("#reference").inner_text()
    assert "--like" in visit.page.locator("#command").inner_text()
    visit.until_result(
        lambda: visit.page.get_by_role("button", name="Surprise me", exact=True).click(),
        random=True,
        seed=1,
    )
    first = drawn(visit, "result", 60)
    visit.until_result(
        lambda: visit.page.get_by_role("button", name="Surprise me again").click(),
        random=True,
        seed=2,
    )
    assert np.abs(drawn(visit, "result", 60) - first).max() > 0.01
    visit.until_result(
        lambda: visit.page.get_by_role("button", name="Style", exact=True).click(),
        style=["old"],
        seed=0,
    )


def test_many_styles_at_once(visit: Visit):
    visit.page.keyboard.press("g")
    visit.until(
        "kinestyle.view.variants.length === 11 && kinestyle.view.variants.every(variant => "
        "variant.character)"
    )
    visit.page.keyboard.press("Home")
    visit.page.keyboard.press("Shift+ArrowRight")
    visit.until("kinestyle.view.variants.every(variant => variant.character.frame.value === 10)")
    calls = visit.read("kinestyle.stage.renderer.info.render.calls")
    assert calls <= 4, "a cell is a floor, a character, its footprints and its path"
    visit.picture("grid")
    visit.until_result(
        lambda: visit.page.locator("#cells").get_by_role("button", name="childish").click(),
        style=["childish"],
    )
    visit.page.get_by_label("Characters in the grid").select_option("16")
    visit.until(
        "kinestyle.view.variants.length === 15 && kinestyle.view.variants.every(variant => "
        "variant.character)"
    )


def test_takes_to_choose_from_differ_and_keep_their_numbers(visit: Visit, walk_clip: Clip):
    page = visit.page
    restyle(visit, "youthful")
    page.get_by_role("button", name="Takes", exact=True).click()
    page.get_by_label("Characters in the grid").select_option("6")
    visit.until(
        "kinestyle.view.variants.length === 5 && kinestyle.view.variants.every(variant => "
        "variant.character)"
    )
    seeds = visit.read("kinestyle.view.variants.map(({variant}) => variant.request.seed)")
    assert seeds[0] == 0
    assert seeds != list(range(5)), "variations in a row"
    visit.picture("takes")
    poses = [
        np.array(visit.read(f"[...kinestyle.view.variants[{i}].character.drawnPosition(60)]"))
        for i in range(5)
    ]
    apart = [np.abs(a - b).max() for a, b in itertools.combinations(poses, 2)]
    assert min(apart) > 0.01, "two takes look alike"
    visit.until_result(
        lambda: page.locator("#cells").get_by_role("button", name=f"variation {seeds[3]}").click(),
        style=["youthful"],
        seed=seeds[3],
    )
    assert f"--seed {seeds[3]}" in page.locator("#command").inner_text()
    now = visit.read("kinestyle.view.variants.map(({variant}) => variant.request.seed)")
    assert now == seeds, "what was chosen stays where it is"
    assert drawn(visit, "result", 60).ravel() == pytest.approx(poses[3], abs=1e-5)
    # another number is the first of others
    other = max(seeds) + 1
    visit.until_result(lambda: visit.read(f"(kinestyle.session.set('seed', {other}), true)"))
    visit.until(
        f"kinestyle.view.variants.every(v => v.variant.request?.seed >= {other} && v.character)"
    )
    assert visit.read("kinestyle.view.variants[0].variant.chosen")
    page.keyboard.press("p")
    assert visit.read("kinestyle.view.mode") == "side"
    visit.until_result(lambda: visit.read("(kinestyle.session.set('seed', 0), true)"))


def test_the_download_is_the_same_rig(visit: Visit, walk_clip: Clip, tmp_path: Path):
    restyle(visit, "tired")
    with visit.page.expect_download() as download:
        visit.page.get_by_role("button", name="Download").click()
    path = tmp_path / download.value.suggested_filename
    download.value.save_as(path)
    assert path.suffix == ".bvh"
    result = read_motion(path)
    assert result.skeleton.names == walk_clip.skeleton.names
    assert np.array_equal(result.skeleton.parents, walk_clip.skeleton.parents)
    assert np.allclose(result.skeleton.offsets, walk_clip.skeleton.offsets)
    assert result.frame_count == walk_clip.frame_count
    assert result.frame_time_seconds == pytest.approx(walk_clip.frame_time_seconds)
    # what was looked at is what was written
    correspondence = correspond(result)
    metres = result.world_position[60] * correspondence.mapping.metres_per_unit
    seen = drawn(visit, "result", 60)
    assert np.abs((metres - metres[0]) - (seen - seen[0])).max() < 1e-3
    words = shlex.split(visit.page.locator("#command").inner_text())
    assert words[:2] == ["kinestyle", "stylize"]
    assert words[words.index("--style") + 1] == "tired"


def test_everything_by_keyboard(visit: Visit):
    press = visit.page.keyboard.press
    press("Home")
    for _ in range(3):
        press("ArrowRight")
    press("ArrowLeft")
    assert visit.read("kinestyle.clock.frame") == 2
    press("End")
    assert visit.read("kinestyle.clock.frame") == 150
    press("Space")
    assert visit.read("kinestyle.clock.playing")
    press("Space")
    third = visit.page.locator("#styles button").nth(2).inner_text()
    visit.until_result(lambda: press("3"), style=[third])
    visit.until_result(lambda: press("]"), strength=1.05)
    visit.until_result(lambda: press("["), strength=1)
    press("o")
    assert visit.read("kinestyle.view.mode") == "overlay"
    visit.until(
        "kinestyle.stage.cells.length === 1 && kinestyle.stage.cells[0].characters.length === 2"
    )
    visit.picture("overlay")
    press("?")
    assert visit.page.get_by_role("dialog", name="Keys").is_visible()
    press("Escape")
    assert not visit.page.get_by_role("dialog").is_visible()


FOCUSED = """() => {
  const at = document.activeElement, place = [...document.querySelectorAll('*')].indexOf(at);
  const label = at.getAttribute('aria-label') || at.labels?.[0]?.textContent;
  const name = label || at.textContent || at.title;
  return [`${at.tagName}#${at.id}.${place}`, getComputedStyle(at).outlineStyle, name.trim()];
}"""


def test_tab_reaches_all_that_can_be_operated_and_shows_where_it_is(visit: Visit):
    operable = visit.page.evaluate(
        """() => [...document.querySelectorAll('button, select, input, summary, canvas[tabindex]')]
          .filter(at => at.offsetParent && at.checkVisibility() && !at.disabled).length"""
    )
    visit.page.evaluate("document.activeElement.blur()")
    reached, unseen, nameless = set(), [], []
    for _ in range(operable + 6):
        visit.page.keyboard.press("Tab")
        at = visit.page.evaluate(FOCUSED)
        if at[0].startswith(("BODY", "HTML")):
            continue
        reached.add(at[0])
        unseen += [at[0]] if at[1] == "none" else []
        nameless += [] if at[2] else [at[0]]
    assert (unseen, nameless) == ([], [])
    assert len(reached) >= operable


def test_files_are_dropped(visit: Visit, tmp_path: Path):
    path = tmp_path / "my walk.bvh"
    write_bvh(walk(seconds=2.0, frame_rate=60.0).clip, path)
    visit.until_result(lambda: visit.drop("#viewport", ("my walk.bvh", path.read_bytes())))
    assert (
        visit.page.locator("#facts")
        .inner_text()
        .startswith("my walk.bvh · 2.0 s · 121 frames at 60 · 21 joints")
    )
    assert visit.read("kinestyle.view.original.motion.frameCount") == 121


def test_asf_and_amc_are_dropped_together(visit: Visit, data_dir: Path):
    folder = data_dir / "unlabelled" / "hdm05"
    motion = min(folder.glob("HDM_bd_*.amc"), key=lambda path: path.stat().st_size)
    names = ("HDM_bd.asf", motion.name)
    visit.until_result(
        lambda: visit.drop("#viewport", *((name, (folder / name).read_bytes()) for name in names))
    )
    assert visit.page.locator("#facts").inner_text().startswith(f"{motion.name} · ")
    assert visit.read("kinestyle.view.original.motion.names").count("lfemur") == 1


def test_a_bad_file_shows_its_sentence(visit: Visit):
    before = visit.read("kinestyle.session.source.clip.id")
    visit.drop("body", ("broken.bvh", BAD_BVH))
    alert = visit.page.get_by_role("alert")
    alert.wait_for()
    assert re.search(r"broken\.bvh.*nonsense", alert.inner_text(), re.DOTALL)
    assert alert.get_by_role("combobox").count() == 0, "no rig would help"
    assert visit.read("kinestyle.session.source.clip.id") == before, "the clip that was there stays"
    alert.get_by_role("button", name="Close").click()
    assert visit.page.get_by_role("alert").count() == 0
    # a browser notes every refusal, there is no way to stop it
    assert [error for error in visit.errors if "422" not in error] == []
    visit.errors.clear()


def test_a_file_that_is_too_large_is_said_to_be(visit: Visit):
    """By its size, the limit and the option: nothing is sent that would be refused."""
    visit.read("(kinestyle.opening.mostBytes = 2 * 2 ** 20) || true")
    sent = len(visit.requests)
    visit.drop("body", ("large.bvh", bytes(3 * 2**20)))
    alert = visit.page.get_by_role("alert")
    alert.wait_for()
    said = "large.bvh has 3.0 MB, the limit is 2.0 MB: start the studio with --max-upload-mb 3."
    assert alert.inner_text().strip() == said
    assert not [url for url in visit.requests[sent:] if "/api/clips?" in url]
    visit.read("(kinestyle.opening.mostBytes = 64 * 2 ** 20) || true")
    alert.get_by_role("button", name="Close").click()


def test_a_long_clip_shows_progress_and_is_cancelled(visit: Visit, tmp_path: Path):
    path = tmp_path / "long.bvh"
    write_bvh(walk(seconds=500.0, frame_rate=60.0).clip, path)  # long on a fast machine, too
    before = visit.read("kinestyle.session.source.clip.id")
    visit.page.locator("#file").set_input_files(path)
    progress = visit.page.locator("#progress")
    progress.wait_for()
    progress.get_by_role("button", name="Cancel").click()
    progress.wait_for(state="hidden")
    visit.page.wait_for_timeout(300)
    assert visit.read("kinestyle.session.source.clip.id") == before
    restyle(visit, "giant")  # it works on


def test_the_viewer_shows_what_the_file_says(visit: Visit, data_dir: Path):
    """A rig with position channels on every joint: on the screen it is where the library says, to a
    tenth of a millimetre.
    """
    path = next((data_dir / "bandai").rglob("dataset-2_walk_normal_022.bvh"))
    clip = read_motion(path)
    correspondence = correspond(clip)
    expected = clip.world_position * correspondence.mapping.metres_per_unit
    expected[..., 1] -= correspondence.floor * correspondence.mapping.metres_per_unit
    visit.until_result(lambda: visit.page.locator("#file").set_input_files(path))
    for frame in (0, 17, clip.frame_count - 1):
        assert np.abs(drawn(visit, "original", frame) - expected[frame]).max() < 1e-4


CONTRAST = """() => {
  const parse = text => (text.match(/[\\d.]+/g) || []).map(Number);
  const linear = c => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
  const light = rgb => rgb.slice(0, 3).map(c => linear(c / 255))
    .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
  const behind = element => {
    for (let at = element; at; at = at.parentElement) {
      const [r, g, b, a = 1] = parse(getComputedStyle(at).backgroundColor);
      if (a > 0.99) return [r, g, b];
    }
    return [255, 255, 255];
  };
  const found = [];
  for (const element of document.querySelectorAll('body *')) {
    const own = [...element.childNodes].some(node => node.nodeType === 3 && node.data.trim());
    const isShown = element.getClientRects().length;
    if (!own || !isShown || element.closest('.unseen, option, [disabled]')) continue;
    const text = light(parse(getComputedStyle(element).color)), ground = light(behind(element));
    const contrast = (Math.max(text, ground) + 0.05) / (Math.min(text, ground) + 0.05);
    found.push([contrast, element.textContent.trim().slice(0, 30)]);
  }
  return found;
}"""


def test_contrast_and_phone_width(visit_studio: Visiting):
    """Text can be read in both themes, and on a phone nothing sticks out or is out of reach."""
    with visit_studio(size=PHONE, touch=True) as visit:
        visit.page.locator("#play").tap()
        visit.page.get_by_text("Mixamo rig").click()
        for scheme in ("dark", "light"):
            visit.page.emulate_media(color_scheme=scheme)
            visit.until(f"document.documentElement.dataset.theme === '{scheme}'")
            rows = visit.page.evaluate(CONTRAST)
            assert len(rows) > 40
            assert [row for row in rows if row[0] < 4.5] == []
        assert visit.page.evaluate("document.documentElement.scrollWidth") <= PHONE[0]
        visit.page.get_by_text("Mixamo rig").click()
        visit.picture("phone")
        visit.page.get_by_role("button", name="Download").scroll_into_view_if_needed()
        fifth = visit.page.locator("#styles button").nth(4)
        visit.until_result(fifth.tap, style=[fifth.inner_text()])
        visit.page.get_by_role("button", name="Light or dark").tap()
        assert visit.read("document.documentElement.dataset.theme") == "dark"
        assert visit.errors == []


def test_pictures(visit: Visit):
    """The picture of the documents: side by side, in the dark, at a frame that tells."""
    if visit.read("kinestyle.session.source.example !== 'walk'"):
        visit.until_result(lambda: visit.page.get_by_label("Demo clip").select_option("walk"))
    if visit.read("kinestyle.session.ask.styles[0] !== 'old'"):
        restyle(visit, "old")
    visit.page.emulate_media(color_scheme="dark")
    visit.page.get_by_role("button", name="Fit").click()
    visit.page.locator("#back").click()
    visit.page.keyboard.press("Home")
    for _ in range(3):
        visit.page.keyboard.press("Shift+ArrowRight")
    visit.page.locator("#stage").click(position={"x": 8, "y": 300})
    visit.until("kinestyle.previews.cards.filter(card => card.sketch).length >= 8")
    visit.page.wait_for_timeout(500)
    path = visit.picture("side_by_side")
    visit.page.emulate_media(color_scheme="light")
    visit.picture("side_by_side_light")
    assert len(np.unique(np.asarray(Image.open(path).convert("L")))) > 50


def test_a_server_that_died_is_noticed_and_recovered_from(
    visit: Visit, server: Server, tmp_path: Path
):
    path = tmp_path / "mine.bvh"
    write_bvh(walk(seconds=2.0).clip, path)
    visit.until_result(lambda: visit.page.locator("#file").set_input_files(path))
    was = visit.read("kinestyle.session.result.clip.id")
    server.kill()
    visit.page.get_by_text("server does not answer").wait_for()
    visit.picture("server_gone")
    server.start()
    visit.until(f"(kinestyle.session.result?.clip.id ?? {was!r}) !== {was!r}")
    visit.page.get_by_text("server does not answer").wait_for(state="hidden")
    assert visit.read("kinestyle.session.source.clip.name") == "mine.bvh"
    restyle(visit, "angry")
    # what a browser notes of a server that is away, or just starting and busy
    assert [error for error in visit.errors if not re.search("net::ERR|429", error)] == []
    visit.errors.clear()
