"""A clip's own character on the page, in a real browser: it moves before and after, in every view;
bones instead of it, and a sentence where it cannot be shown.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

pytest.importorskip("playwright.sync_api", reason="playwright drives the browser")
pytest.importorskip("fastapi", reason="the studio needs the studio extra")

from kinestyle.formats.gltf import parse_gltf
from kinestyle.formats.meshes import mesh_of
from kinestyle.motion import rotation
from made_characters import GREEN, character_glb, glb, opened
from made_rigs import as_rig, walk
from studio_browser import Visit, browsing, serving, visiting
from test_studio_page import pytestmark  # noqa: F401  # its mark is taken over

DRESSED = "kinestyle.view.result?.skin && kinestyle.view.original.skin && !kinestyle.session.busy"


@pytest.fixture(scope="module")
def hero() -> bytes:
    return character_glb(as_rig(walk(seconds=2.0).clip))


@pytest.fixture(scope="module")
def visit(hero: bytes) -> Iterator[Visit]:
    """A page with the character, which stands still."""
    with (
        serving("--workers", "1") as server,
        browsing() as browser,
        visiting(browser, server.address) as visit,
    ):
        assert not button(visit).is_visible()  # the example shows no character
        open_file(visit, "hero.glb", hero)
        visit.until(DRESSED)
        visit.read("kinestyle.clock.playing && kinestyle.clock.toggle()")
        yield visit
        assert visit.errors == []


def open_file(visit: Visit, name: str, data: bytes) -> None:
    before = visit.read("kinestyle.session.source.number")
    visit.page.locator("#file").set_input_files(
        {"name": name, "mimeType": "application/octet-stream", "buffer": data}
    )
    visit.until(f"kinestyle.session.source.number !== {before} && !kinestyle.session.busy")


def button(visit: Visit):
    return visit.page.get_by_role("button", name="Mesh", exact=True)


def green_share(visit: Visit) -> float:
    """How much of the viewer is of the character's own colour, green far beyond red and blue."""
    return visit.page.evaluate(
        """async () => {
          const { stage } = window.kinestyle;
          stage.touch();
          await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
          stage.touch();
          stage.draw(window.kinestyle.clock.frame, false, 16);
          const copy = new OffscreenCanvas(stage.canvas.width, stage.canvas.height);
          const pen = copy.getContext('2d');
          pen.drawImage(stage.canvas, 0, 0);
          const { data } = pen.getImageData(0, 0, copy.width, copy.height);
          let green = 0;
          for (let i = 0; i < data.length; i += 4)
            if (data[i + 1] > 1.7 * data[i] && data[i + 1] > 1.7 * data[i + 2]) green++;
          return green / (data.length / 4);
        }"""
    )


def drawn(visit: Visit, which: str, frame: int) -> np.ndarray:
    visit.read(f"kinestyle.timeline.seek({frame})")
    script = f"(c => (c.show({frame}), [...c.skin.vertices()]))(kinestyle.view.{which})"
    return np.reshape(visit.read(script), (-1, 3))


def test_the_character_stands_where_its_file_says(visit: Visit, hero: bytes):
    clip = parse_gltf(hero, "hero.glb")
    mesh = mesh_of(clip)
    assert mesh is not None
    for frame in (0, 25):
        turned = rotation.to_matrix(clip.world_rotation[frame])
        wanted = np.concatenate(mesh.posed(clip.world_position[frame], turned))
        apart = drawn(visit, "original", frame) - wanted
        assert np.abs(apart[:, [0, 2]]).max() < 2e-3
        assert np.ptp(apart[:, 1]) < 2e-3  # the page's floor is at zero
    # and the result is another motion of the same body
    result = drawn(visit, "result", 25)
    assert np.abs(result - drawn(visit, "original", 25)).max() > 0.02
    assert -0.1 < result[:, 1].min() < 0.1
    assert 1.3 < result[:, 1].max() < 2.1


def test_between_two_frames_it_is_between_both(visit: Visit):
    before, middle, after = (drawn(visit, "result", frame) for frame in (10, 10.5, 11))
    assert np.abs(middle - (before + after) / 2).max() < 0.01
    assert np.abs(after - before).max() > 0.01


def test_it_is_drawn_in_its_own_colours_and_bones_are_not(visit: Visit):
    visit.read("kinestyle.timeline.seek(5)")
    visit.picture("mesh-light")
    # the upper half of its image, the right way up
    assert GREEN[1] > GREEN[0]
    assert green_share(visit) > 0.02
    button(visit).click()
    assert button(visit).get_attribute("aria-pressed") == "false"
    assert green_share(visit) < 0.005
    assert visit.read("kinestyle.view.result.body.visible") is True
    visit.page.keyboard.press("h")
    assert button(visit).get_attribute("aria-pressed") == "true"
    assert green_share(visit) > 0.02
    assert visit.read("kinestyle.view.result.body.visible") is False


def test_every_view_shows_it_and_another_result_wears_it_too(visit: Visit):
    visit.page.keyboard.press("o")
    assert visit.read("kinestyle.view.original.opacity.value") < 1
    assert green_share(visit) > 0.01
    visit.page.keyboard.press("o")
    visit.until_result(lambda: visit.page.keyboard.press("2"))
    assert visit.read("kinestyle.view.result.skin !== null") is True
    visit.page.keyboard.press("g")
    visit.until("kinestyle.view.variants.length && kinestyle.view.variants.every(v => v.character)")
    assert visit.read("kinestyle.view.variants.every(v => v.character.skin)") is True
    one = "new Set(kinestyle.view.variants.map(v => v.character.skin.model)).size"
    assert visit.read(one) == 1  # all share its triangles and textures
    visit.picture("mesh-grid")
    visit.page.keyboard.press("g")


def test_a_planted_foot_is_coloured(visit: Visit):
    feet = np.reshape(
        visit.read("[...kinestyle.view.model.geometry.attributes.foot.array]"), (-1, 2)
    )
    assert set(feet[:, 0]) == {-1, 0, 1, 2, 3}
    assert 0.01 < (feet[:, 1] > 0.5).mean() < 0.5
    low = drawn(visit, "original", 0)[feet[:, 1] > 0.5, 1]
    assert low.max() < 0.4


def test_a_mesh_that_cannot_be_shown_is_said_and_bones_move(visit: Visit, hero: bytes):
    fields, blob = opened(hero)
    fields["meshes"][0]["primitives"][0]["extensions"] = {"KHR_draco_mesh_compression": {}}
    open_file(visit, "draco.glb", glb(fields, blob))
    visit.until("kinestyle.models.notes.length")
    notes = visit.page.locator("#notes").inner_text()
    assert "Its bones are shown, not its mesh" in notes
    assert not button(visit).is_visible()
    assert visit.read("kinestyle.view.result.body.visible") is True
    assert [error for error in visit.errors if "422" not in error] == []
    visit.errors.clear()
    # back to the one before it, which is shown again
    visit.page.keyboard.press("Control+z")
    visit.until(DRESSED)
    assert button(visit).is_visible()
