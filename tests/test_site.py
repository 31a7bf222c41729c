"""The page that needs no server: a small recording of it, in a real browser, from a plain file
server and without one.
"""

from __future__ import annotations

import importlib
import json
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("playwright.sync_api", reason="playwright drives the browser")
pytest.importorskip("fastapi", reason="the recording is of the studio's answers")
from playwright.sync_api import Browser

from kinestyle.formats.table import read_motion
from kinestyle.motion.clip import Clip
from kinestyle.runtime.settings import Settings
from kinestyle.runtime.stylizer import Stylizer
from studio_browser import PATIENCE_SECONDS, Visit, browsing, visiting
from test_studio_page import pytestmark  # noqa: F401  # its mark is taken over

ROOT = Path(__file__).resolve().parents[1]
SHOWCASE = ROOT / "showcase"
PAGE = ROOT / "src" / "kinestyle" / "studio" / "page"
sys.path.append(str(SHOWCASE))
measure = importlib.import_module("measure")
recording = importlib.import_module("recording")
bundle = importlib.import_module("bundle")

CLIPS, STYLES = ("walk", "punch"), ("old", "youthful")
CENTIMETRES = 100.0
RECORDED_M, BETWEEN_M = 3e-4, 4e-3
"""How far a joint may be from the runtime's result in a recorded strength, and in a walk between
two of them.
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder: Path = tmp_path_factory.mktemp("site") / "site"
    command = [sys.executable, str(SHOWCASE / "build.py"), str(folder)]
    command += [word for clip in CLIPS for word in ("--clip", clip)]
    command += [word for style in STYLES for word in ("--style", style)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "built in" in done.stdout
    return folder


@pytest.fixture(scope="module")
def address(site: Path) -> Iterator[str]:
    with measure.serving_files(site) as address:
        yield address


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with browsing() as browser:
        yield browser


@pytest.fixture(scope="module")
def page(address: str, browser: Browser) -> Iterator[Visit]:
    """One visit for all: a page of many files takes a while to load where others work too."""
    with visiting(browser, address) as visit:
        yield visit


@pytest.fixture
def visit(page: Visit, address: str) -> Iterator[Visit]:
    """The page as it is at first, on the walk."""
    page.page.get_by_role("button", name="Side by side", exact=True).click()
    page.read(
        """(async ({ session, previews }) => {
          const styles = [previews.cards[0].title];
          if (session.source.example !== 'walk') await session.open({ example: 'walk' });
          session.reset();
          session.choose({ kind: 'style', styles, mixing: false });
          session.reset();
        })(kinestyle)"""
    )
    page.until("!kinestyle.session.busy && kinestyle.session.result")
    yield page
    assert page.errors == []
    assert [one for one in page.requests if not one.startswith((address, "blob:"))] == []


@pytest.fixture(scope="module")
def truth(site: Path) -> Callable[..., Clip]:
    """What the runtime makes of a clip of the site."""
    stylizer = Stylizer.load()
    analyses = {name: stylizer.analyse(clip_of(site, name)) for name in CLIPS}

    def made(clip: str, style: str, **settings: Any) -> Clip:
        wanted = Settings(**settings)
        return stylizer.apply(analyses[clip], stylizer.style_of(style, wanted.seed), wanted)

    return made


def clip_of(site: Path, name: str) -> Clip:
    return read_motion(site / "clips" / f"{name}.bvh")


def drawn_m(visit: Visit, joints: int) -> np.ndarray:
    """(T, J, 3) of the result that is shown."""
    visit.until("!kinestyle.session.busy")
    frames = visit.read("kinestyle.session.result.motion.frameCount")
    numbers = visit.read("[...kinestyle.session.result.motion.position]")
    return np.array(numbers).reshape(frames, joints, 3)


def apart_m(shown: np.ndarray, true: Clip) -> float:
    """The most that a joint is off; the page has the floor at 0, as these clips nearly do."""
    position = true.world_position / CENTIMETRES
    offset = shown[0, 0] - position[0, 0]
    assert np.abs(offset[[0, 2]]).max() < RECORDED_M
    assert abs(offset[1]) < 0.05
    return float(np.linalg.norm(shown - position - [0.0, offset[1], 0.0], axis=-1).max())


def asked(visit: Visit, **values: Any) -> None:
    """Set controls and wait for the result."""
    for name, value in values.items():
        visit.until_result(
            lambda name=name, value=value: visit.read(
                f"(kinestyle.session.set({name!r}, {json.dumps(value)}), true)"
            ),
            **{name: value},
        )


def test_the_page_opens_on_a_restyled_walk_from_files_alone(
    visit: Visit, site: Path, truth: Callable[..., Clip]
) -> None:
    request = visit.read("kinestyle.session.result.request")
    assert request["style"] == [visit.read("kinestyle.previews.cards[0].title")]
    assert measure.bytes_sent(site, [one for one in visit.requests if "blob:" not in one]) < 3e6
    true = truth("walk", request["style"][0])
    assert apart_m(drawn_m(visit, true.skeleton.joint_count), true) < RECORDED_M
    command = visit.read("kinestyle.session.result.clip.command")
    assert command.startswith("kinestyle stylize walk.bvh --style ")
    assert visit.read("kinestyle.session.result.clip.notes.length") > 0


@pytest.mark.parametrize(
    ("values", "most"),
    [
        ({"strength": 1.5}, RECORDED_M),
        ({"strength": 0.55}, BETWEEN_M),
        ({"parts": "upper"}, RECORDED_M),
        ({"parts": "arms", "strength": 0.7}, BETWEEN_M),
        ({"seed": 1}, RECORDED_M),
    ],
)
def test_what_is_recorded_is_what_the_runtime_makes(
    visit: Visit, truth: Callable[..., Clip], values: dict[str, Any], most: float
) -> None:
    asked(visit, **values)
    style = visit.read("kinestyle.session.result.request.style[0]")
    true = truth("walk", style, **values)
    assert apart_m(drawn_m(visit, true.skeleton.joint_count), true) < most


def test_another_clip_another_style_and_strength_0(visit: Visit, site: Path) -> None:
    page = visit.page
    visit.until_result(lambda: page.get_by_label("Demo clip").select_option("punch"))
    cards = page.get_by_role("group", name="Styles")
    visit.until_result(cards.get_by_role("button", name="old", exact=True).click)
    assert visit.read("kinestyle.session.result.clip.name") == "punch_old.bvh"
    asked(visit, strength=0.0)
    before = clip_of(site, "punch")
    assert apart_m(drawn_m(visit, before.skeleton.joint_count), before) < RECORDED_M


@pytest.mark.parametrize("ending", [".bvh", ".glb"])
def test_downloads_are_the_runtimes_results(
    visit: Visit, site: Path, truth: Callable[..., Clip], tmp_path: Path, ending: str
) -> None:
    style = visit.read("kinestyle.session.result.request.style[0]")
    visit.page.get_by_label("Format").select_option(ending)
    clip = downloaded(visit, tmp_path)
    true = truth("walk", style)
    scale = CENTIMETRES if ending == ".bvh" else 1.0
    assert clip.skeleton.names == true.skeleton.names
    assert clip.frame_time_seconds == pytest.approx(true.frame_time_seconds, rel=1e-6)
    apart = clip.world_position / scale - true.world_position / CENTIMETRES
    assert np.linalg.norm(apart, axis=-1).max() < RECORDED_M


def downloaded(visit: Visit, folder: Path) -> Clip:
    with visit.page.expect_download() as download:
        visit.page.get_by_role("button", name="Download").click()
    path = folder / download.value.suggested_filename
    download.value.save_as(path)
    return read_motion(path)


def test_strength_0_gives_back_the_clips_own_file(visit: Visit, site: Path, tmp_path: Path) -> None:
    asked(visit, strength=0.0)
    visit.page.get_by_label("Format").select_option(".bvh")
    downloaded(visit, tmp_path)
    (file,) = tmp_path.iterdir()
    assert file.read_bytes() == (site / "clips" / "walk.bvh").read_bytes()


def test_a_part_of_the_clip_is_cut_and_said_in_the_command(visit: Visit, tmp_path: Path) -> None:
    asked(visit, start=1.0)
    asked(visit, stop=2.5)
    visit.page.get_by_label("Format").select_option(".bvh")
    assert downloaded(visit, tmp_path).frame_count == 46
    command = visit.read("kinestyle.session.result.clip.command")
    assert "--from 1 --to 2.5" in command


def test_what_needs_the_program_says_so_with_the_line_that_installs_it(visit: Visit) -> None:
    page = visit.page
    line = "pip install '.[studio]' && kinestyle studio"
    assert line in page.get_by_label("About this page").inner_text()
    assert "CC BY-NC 4.0" in page.get_by_label("About this page").inner_text()
    for button in ("Open a file…", "Mix two"):
        page.get_by_role("button", name=button).click()
        assert line in page.locator("#notices").inner_text()
    visit.drop("body", ("mine.bvh", b"HIERARCHY"))
    visit.until("document.getElementById('notices').innerText.includes('Clips of your own')")
    assert visit.read("kinestyle.session.result.request.style.length") == 1


def test_the_grid_shows_all_styles(visit: Visit) -> None:
    visit.page.get_by_role("button", name="Grid", exact=True).click()
    visit.until(
        f"kinestyle.view.variants.length === {len(STYLES)} && "
        "kinestyle.view.variants.every(({ character }) => character)"
    )


def test_the_takes_are_those_that_are_recorded(visit: Visit) -> None:
    visit.page.get_by_role("button", name="Takes", exact=True).click()
    visit.until(
        "kinestyle.view.variants.length === 3 && "
        "kinestyle.view.variants.every(({ character }) => character)"
    )
    labels = visit.read("kinestyle.view.variants.map(({ variant }) => variant.label)")
    assert labels == ["variation 0", "variation 1", "variation 2"]


def test_the_next_variation_after_the_last_is_the_first(visit: Visit) -> None:
    seeds = []
    for _ in range(3):
        visit.until_result(visit.page.get_by_role("button", name="Next variation").click)
        seeds.append(visit.read("kinestyle.session.result.request.seed"))
    assert seeds == [1, 2, 0]


def test_surprises_are_recorded_too(visit: Visit) -> None:
    visit.until_result(visit.page.get_by_role("button", name="Surprise me", exact=True).click)
    assert visit.read("kinestyle.session.result.clip.name") == "walk_random.bvh"
    command = visit.read("kinestyle.session.result.clip.command")
    assert command == "kinestyle stylize walk.bvh --random --seed 1 -o walk_random.bvh"


def test_it_works_without_a_network_after_the_first_visit(site: Path, browser: Browser) -> None:
    context = browser.new_context()
    visit = Visit(context.new_page())
    files = sum(path.is_file() for path in site.rglob("*"))
    kept = """async () => {
      const [name] = await caches.keys();
      return name ? (await (await caches.open(name)).keys()).length : 0;
    }"""
    with measure.serving_files(site) as address:
        visit.page.goto(address, wait_until="commit")
        visit.until("kinestyle.session.result")
        end = time.monotonic() + 2 * PATIENCE_SECONDS
        # all but the worker itself, and the page under both of its names
        while visit.page.evaluate(kept) < files:
            assert time.monotonic() < end, "the browser has not kept all files"
            visit.page.wait_for_timeout(200)
    # its server is gone
    visit.page.goto(address, wait_until="commit")
    visit.until("kinestyle.session.result")
    visit.until_result(lambda: visit.page.get_by_label("Demo clip").select_option("punch"))
    visit.until("kinestyle.session.result.clip.name.startsWith('punch')")
    assert visit.errors == []
    context.close()


def test_the_documents_site_embeds_it(site: Path, browser: Browser, tmp_path: Path) -> None:
    """As its pages are given to mkdocs, which leaves HTML in them as it is."""
    pages = tmp_path / "pages"
    script = ROOT / "docs" / "site" / "pages.py"
    subprocess.run([sys.executable, str(script), str(pages), str(site)], check=True)
    assert '- "Try it": docs/TRY.md' in (tmp_path / "docs_site.yml").read_text(encoding="utf-8")
    text = (pages / "docs" / "TRY.md").read_text(encoding="utf-8")
    assert "pip install '.[studio]' && kinestyle studio" in text
    (pages / "docs" / "TRY.html").write_text(text, encoding="utf-8")
    page = browser.new_page()
    with measure.serving_files(pages) as address:
        page.goto(f"{address}docs/TRY.html", wait_until="commit")
        place = page.locator("iframe")
        place.scroll_into_view_if_needed()
        frame = place.element_handle().content_frame()
        assert frame is not None, "an iframe is a frame"
        frame.wait_for_function("window.kinestyle?.session.result", timeout=1000 * PATIENCE_SECONDS)
        assert frame.url.startswith(f"{address}showcase/index.html")
    page.close()


def turned_over() -> Any:
    """A take of one joint that is turned by nearly half a turn, the other way round in the greatest
    strength.
    """
    ahead = np.array([[[[31000.0, 31200.0, 31400.0]] + [[0.0] * 3] * 2]])
    rotation = np.concatenate([0.5 * ahead, ahead, -ahead])[:, 0].astype(np.int16)
    root = np.zeros((3, 3, 3), np.int16)
    planted = np.zeros((3, 3), np.uint8)
    return recording.Recorded((0.5, 1.0, 1.5), np.array([0]), rotation[:, None], root, planted, ())


def test_between_two_strengths_a_joint_goes_the_short_way_round() -> None:
    turned, _ = turned_over().at(1.25)
    assert np.linalg.norm(turned, axis=-1).ravel() == pytest.approx(np.full(3, np.pi), abs=1e-3)


def test_what_is_kept_is_read_as_it_was(visit: Visit) -> None:
    """Though differences are greater than 16 bits hold."""
    take = turned_over()
    arrays = {name: array.ravel().tolist() for name, array in take.arrays(0).items()}
    head = {"takes": [{"joints": [0], "told": recording.told_by(take.strengths)}]}
    read = visit.page.evaluate(
        """async ({ head, arrays, code }) => {
          const { changeIn } = await import(`data:text/javascript,${encodeURIComponent(code)}`);
          arrays['0:planted'] = Uint8Array.from(arrays['0:planted']);
          const { rotation } = changeIn({ head, arrays }, 0);
          return [0.5, 1, 1.5].map((strength) => [...rotation.get(strength)]);
        }""",
        {"head": head, "arrays": arrays, "code": bundle.joined(SHOWCASE / "page", "recording.js")},
    )
    assert read == take.rotation.reshape(3, -1).tolist()


def test_the_first_sight_is_asked_for_at_once(page: Visit, site: Path, address: str) -> None:
    """What a page needs before the first motion is named in the page itself, and is one file where
    it is modules.
    """
    names = [one.removeprefix(address) for one in page.requests if "blob:" not in one]
    first = names[: names.index("clips/walk/00.first.pack") + 1]
    assert len(first) <= 11, first
    named = set(re.findall(r'(?:href|src)="([\w./]+)"', (site / "index.html").read_text()))
    assert set(first) - {""} <= named
    assert {path.name for path in site.glob("*.js")} == {"studio.js", "worker.js"}


def test_the_graphics_programs_are_made_before_there_is_anything_to_draw(page: Visit) -> None:
    held = "kinestyle.stage.prepared.children.map(({ material }) => material)"
    programs = "kinestyle.stage.renderer.info.programs.length"
    assert page.read(f"new Set({held}).size") == 4
    assert page.read(programs) == 4, "what is drawn has other programs than what was prepared"


def test_modules_are_joined_with_a_scope_each(tmp_path: Path) -> None:
    for name, text in {
        "a.js": "import {\n  one as two,\n} from './b.js';\nconst own = 1;\n"
        "export const sum = () => own + two();\nexport { one } from './b.js';\n",
        "b.js": "import { far } from './d/far.js';\nconst own = 41;\n"
        "export function one() {\n  return own + far;\n}\n",
    }.items():
        (tmp_path / name).write_text(text)
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "far.js").write_text("export const far = 0;\n")
    text = bundle.joined(tmp_path, "a.js")
    assert text.startswith("import * as $d_far from './d/far.js';\n")
    assert text.count("import") == 1
    assert text.index("// b.js") < text.index("// a.js")
    assert text.endswith("export const { sum, one } = $a;\n")
    for wrong, said in (
        ("export default 1;\n", "no kind that is known"),
        ("import { sum } from './a.js';\n", "imports itself"),
    ):
        (tmp_path / "b.js").write_text(wrong)
        with pytest.raises(AssertionError, match=said):
            bundle.joined(tmp_path, "a.js")


def test_all_that_the_page_asks_a_service_for_is_answered_by_the_recording() -> None:
    """Only what comes behind a refusal, or needs a performer, has no answer."""
    calls = {
        call
        for file in PAGE.glob("*.js")
        for call in re.findall(r"\bservice\.(\w+)\(", file.read_text(encoding="utf-8"))
    }
    assert {"stylize", "motion", "file", "openExample"} <= calls
    answers = set()
    for file in (SHOWCASE / "page" / "recorded_service.js", PAGE / "service.js"):
        text = file.read_text(encoding="utf-8")
        answers |= set(re.findall(r"^  (?:async )?(\w+)(?: = async)?\s*\(", text, re.MULTILINE))
        answers |= set(re.findall(r"^  (\w+) = async ", text, re.MULTILINE))
    assert calls - answers <= {"restyleLive", "liveFrames"}


@pytest.mark.slow
def test_two_builds_give_the_same_bytes(site: Path, tmp_path: Path) -> None:
    words = [word for style in STYLES for word in ("--style", style)]
    words += [word for clip in CLIPS for word in ("--clip", clip)]
    subprocess.run([sys.executable, str(SHOWCASE / "build.py"), str(tmp_path), *words], check=True)
    files = [path.relative_to(site) for path in sorted(site.rglob("*")) if path.is_file()]
    assert files == [
        path.relative_to(tmp_path) for path in sorted(tmp_path.rglob("*")) if path.is_file()
    ]
    for file in files:
        assert (site / file).read_bytes() == (tmp_path / file).read_bytes(), file
