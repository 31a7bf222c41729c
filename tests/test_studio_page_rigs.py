"""How the page says what it found of a rig, and how a person says otherwise, in a real browser."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

pytest.importorskip("playwright.sync_api", reason="playwright drives the browser")
pytest.importorskip("fastapi", reason="the studio needs the studio extra")

from kinestyle.formats.bvh import write_bvh
from kinestyle.rig.mapping import map_joints, rig_of
from kinestyle.rig.rig_file import Rig, write_rig
from made_rigs import as_rig, misnamed, walk
from studio_browser import Visit
from test_studio_page import pytestmark  # noqa: F401  # its mark is taken over

NO_BODY = b"""HIERARCHY
ROOT a
{
  OFFSET 0 0 0
  CHANNELS 6 Xposition Yposition Zposition Zrotation Xrotation Yrotation
  JOINT b
  {
    OFFSET 0 1 0
    CHANNELS 3 Zrotation Xrotation Yrotation
    End Site
    {
      OFFSET 0 1 0
    }
  }
}
MOTION
Frames: 2
Frame Time: 0.0333333
0 0 0 0 0 0 0 0 0
0 0 0 0 0 0 0 9 0
"""


def test_the_rig_is_shown_with_how_sure_it_is(visit: Visit):
    visit.page.get_by_text("Mixamo rig").click()
    table = visit.page.locator("#rig table")
    assert table.locator("tr").count() == 21
    assert re.search(r"left upper arm\s+LeftArm\s+0\.\d\d", table.inner_text())
    assert "Lantern" in visit.page.locator("#rig").inner_text()
    visit.page.get_by_text("Mixamo rig").click()


def test_a_rig_is_chosen(visit: Visit):
    """Another family's names do not fit, which is said and changes nothing; its own are sure of
    every joint.
    """
    before = visit.read("kinestyle.session.source.clip.id")
    visit.page.get_by_text("Mixamo rig").click()
    choice = visit.page.locator("#rig").get_by_label("Rig", exact=True)
    assert choice.locator("option").first.inner_text() == "found in the clip"
    choice.select_option("unreal")
    alert = visit.page.get_by_role("alert")
    alert.wait_for()
    assert "the rig 'unreal' does not fit walk" in alert.inner_text()
    visit.until("document.querySelector('#rig-choice').value === ''")
    assert visit.read("kinestyle.session.source.clip.id") == before
    visit.until_result(lambda: choice.select_option("mixamo"))
    assert alert.count() == 0
    assert visit.read("kinestyle.session.source.clip.rig") == "mixamo"
    assert set(re.findall(r"[01]\.\d\d", visit.page.locator("#rig table").inner_text())) == {"1.00"}
    assert "--rig mixamo" in visit.page.locator("#command").inner_text()
    visit.until_result(lambda: choice.select_option(""))
    assert "--rig" not in visit.page.locator("#command").inner_text()
    visit.page.get_by_text("Mixamo rig").click()
    assert [error for error in visit.errors if "422" not in error] == []
    visit.errors.clear()


def test_a_rig_is_dropped(visit: Visit, tmp_path: Path):
    """With its clip, which is refused or mistaken without it; and alone, for the clip that is
    there.
    """
    clip, joints = misnamed(as_rig(walk(seconds=2.0).clip))
    write_bvh(clip, tmp_path / "odd.bvh")
    write_rig(Rig("it", joints), tmp_path / "odd.json")
    motion, rig = (
        ("odd" + suffix, (tmp_path / f"odd{suffix}").read_bytes()) for suffix in (".bvh", ".json")
    )
    visit.until_result(lambda: visit.drop("#viewport", motion, rig))
    arm = "kinestyle.session.source.clip.inspection.joints.left_upper_arm.joint"
    assert visit.read(arm) == "Foot"
    assert visit.page.locator("#rig-choice").input_value() == "file"
    assert "--rig odd.json" in visit.page.locator("#command").inner_text()
    plain = as_rig(walk(seconds=2.0).clip)
    write_bvh(plain, tmp_path / "plain.bvh")
    visit.until_result(lambda: visit.page.locator("#file").set_input_files(tmp_path / "plain.bvh"))
    assert visit.read(
        "[kinestyle.session.source.rig, document.querySelector('#rig-choice').value]"
    ) == [None, ""]
    # fingers for hands: nobody would find that
    found = rig_of(plain, map_joints(plain)).joints
    write_rig(Rig("it", {**found, "left_hand": ("LeftHandIndex1",)}), tmp_path / "f.json")
    visit.until_result(
        lambda: visit.drop("#viewport", ("f.json", (tmp_path / "f.json").read_bytes()))
    )
    assert (
        visit.read("kinestyle.session.source.clip.inspection.joints.left_hand.joint")
        == "LeftHandIndex1"
    )
    assert visit.page.locator("#facts").inner_text().startswith("plain.bvh")
    visit.until_result(lambda: visit.page.get_by_label("Demo clip").select_option("walk"))


def test_it_is_said_how_a_file_is_to_be_read(visit: Visit, tmp_path: Path):
    write_bvh(as_rig(walk(seconds=2.0).clip), tmp_path / "said.bvh")
    file, row = tmp_path / "said.bvh", visit.page.locator("#reading")
    visit.until_result(lambda: visit.page.locator("#file").set_input_files(file))
    visit.page.locator("#rig summary").click()
    visit.until_result(lambda: row.locator("[name=swap_sides]").select_option("true"))
    visit.until_result(lambda: row.locator("[name=level]").select_option("false"))
    row.locator("[name=fps]").fill("25")
    row.locator("[name=fps]").blur()
    visit.until("document.querySelector('#command').textContent.includes('--fps 25')")
    assert "--swap-sides --no-level" in visit.page.locator("#command").inner_text()
    visit.page.locator("#rig summary").click()
    visit.until_result(lambda: visit.page.get_by_label("Demo clip").select_option("walk"))


def test_a_clip_that_is_refused_is_read_on_a_rig(visit: Visit):
    """The notice asks for the rig of the clip that was refused, not of the one that is there."""
    visit.drop("body", ("chain.bvh", NO_BODY))
    choice = visit.page.get_by_role("alert").get_by_label("Its rig, if you know it")
    choice.wait_for()
    with visit.page.expect_request(
        lambda request: request.method == "POST" and "/api/clips?" in request.url
    ) as asked:
        choice.select_option("xsens")
    assert "name=chain.bvh&rig=xsens" in asked.value.url
    visit.page.get_by_role("alert").get_by_role("combobox").wait_for()
    visit.until("document.querySelector('[role=alert] select')?.value === 'xsens'")
    visit.page.get_by_role("alert").get_by_role("button", name="Close").click()
    assert [error for error in visit.errors if "422" not in error] == []
    visit.errors.clear()
