"""Bringing clips into another world: units, axes, hands; and believing what a file states."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from kinestyle.inspection.report import inspect_clip
from kinestyle.motion import rotation
from kinestyle.motion.clip import METRES_Y_UP, Clip, StatedWorld
from kinestyle.motion.resampling import resample
from kinestyle.motion.skeleton import Skeleton
from kinestyle.retarget.correspondence import correspond, to_canonical
from kinestyle.rig.mapping import map_joints
from kinestyle.rig.world_frame import bring_into_world, find_world, mirror_axis
from made_rigs import any_rotations, as_rig, rig_names, walk

WALK = walk(2.0).clip
OWN = any_rotations(4, len(rig_names(moving_root=True)))
CENTIMETRES_Z_UP = StatedWorld(0.01, (0.0, 0.0, 1.0))


def rig(up: str = "Y", metres_per_unit: float = 1.0) -> Clip:
    return as_rig(WALK, OWN, metres_per_unit=metres_per_unit, up=up, moving_root=True)


@pytest.mark.parametrize("up", ["Y", "Z"])
@pytest.mark.parametrize("metres_per_unit", [1.0, 0.01, 0.0254])
def test_any_clip_in_metres_y_up(up: str, metres_per_unit: float) -> None:
    clip = rig(up, metres_per_unit)
    found, warnings = bring_into_world(clip)
    assert (found.world, warnings) == (METRES_Y_UP, ())
    np.testing.assert_allclose(found.world_position, rig().world_position, atol=1e-9)
    # the joints keep their own axes
    np.testing.assert_array_equal(found.local_rotation[:, 1:], clip.local_rotation[:, 1:])
    np.testing.assert_allclose(found.skeleton.end_offsets, rig().skeleton.end_offsets, atol=1e-9)
    # at rest too the body is turned with its world
    np.testing.assert_allclose(found.skeleton.offsets, rig().skeleton.offsets, atol=1e-9)


@pytest.mark.parametrize("up", ["Y", "Z"])
def test_into_another_world_and_back(up: str) -> None:
    clip = replace(
        rig(up), world=StatedWorld(1.0, (0.0, 1.0, 0.0) if up == "Y" else (0.0, 0.0, 1.0))
    )
    there, _ = bring_into_world(clip, CENTIMETRES_Z_UP)
    assert there.world == CENTIMETRES_Z_UP
    assert np.ptp(there.world_position[..., 2]) == pytest.approx(
        100.0 * np.ptp(rig().world_position[..., 1])
    )
    back, _ = bring_into_world(there, clip.world)
    np.testing.assert_allclose(back.world_position, clip.world_position, atol=1e-9)
    assert (
        rotation.angle(
            rotation.multiply(rotation.inverse(back.world_rotation), clip.world_rotation)
        ).max()
        < 1e-7
    )


def test_a_clip_that_is_there_already_keeps_its_numbers_and_its_source() -> None:
    clip = replace(rig(), world=METRES_Y_UP, source="its file")
    found, warnings = bring_into_world(clip)
    assert (found.source, warnings) == ("its file", ())
    assert found.local_position is clip.local_position
    assert found.local_rotation is clip.local_rotation
    assert bring_into_world(clip, CENTIMETRES_Z_UP)[0].source is None  # its numbers are others now


@pytest.mark.parametrize(
    ("size", "metres", "unit"),
    [(1.0, 1.0, "metres"), (170.0, 0.01, "centimetres"), (0.0, 1.0, "metres")],
)
def test_a_clip_without_a_body_is_assumed_and_said_so(
    size: float, metres: float, unit: str
) -> None:
    skeleton = Skeleton(("a", "b"), np.array([-1, 0]), np.array([[0.0, 0, 0], [0.0, size, 0]]))
    clip = Clip(
        skeleton,
        np.tile(skeleton.offsets, (3, 1, 1)),
        np.tile(rotation.IDENTITY, (3, 2, 1)),
        0.1,
        "two joints",
    )
    frame = find_world(clip)
    assert frame.metres_per_unit == metres
    np.testing.assert_array_equal(frame.up, [0.0, 1.0, 0.0])
    assert len(frame.warnings) == 2
    assert f"{unit} were assumed" in frame.warnings[0]
    assert "+Y was assumed" in frame.warnings[1]
    assert bring_into_world(clip)[1] == frame.warnings
    half = find_world(replace(clip, world=StatedWorld(up=(0.0, 0.0, 1.0))))
    np.testing.assert_array_equal(half.up, [0.0, 0.0, 1.0])
    assert len(half.warnings) == 1


def test_a_unit_that_no_adult_explains_is_said() -> None:
    found, warnings = bring_into_world(rig("Z", 0.0385))
    assert len(warnings) == 1
    assert "unit" in warnings[0]
    np.testing.assert_allclose(found.world_position, rig().world_position, atol=0.05)


def test_what_a_file_states_goes_before_what_its_motion_shows() -> None:
    # a body half as large as any adult, in a file that says metres
    small = replace(rig("Z", 2.0), world=StatedWorld(1.0, (0.0, 0.0, 1.0)))
    mapping = map_joints(small)
    assert (mapping.unit, mapping.metres_per_unit, mapping.up_margin, mapping.warnings) == (
        "m",
        1.0,
        1.0,
        (),
    )
    assert map_joints(replace(small, world=StatedWorld())).metres_per_unit == pytest.approx(
        2.0, rel=0.05
    )
    found, warnings = bring_into_world(small)
    assert not warnings
    np.testing.assert_allclose(found.world_position, 0.5 * rig().world_position, atol=1e-9)
    assert map_joints(replace(small, world=StatedWorld(0.3))).unit == "stated"
    assert inspect_clip(small).as_dict()["unit"] == "m"


def test_a_statement_that_the_motion_denies_is_believed_and_said() -> None:
    lying = replace(rig("Z", 0.01), world=METRES_Y_UP)
    mapping = map_joints(lying)
    np.testing.assert_array_equal(mapping.up, [0.0, 1.0, 0.0])
    assert mapping.metres_per_unit == 1.0
    assert (
        "the file states +Y up and was believed, but the body stands along +Z in this clip"
        in mapping.warnings
    )
    # a wrong unit changes no result: it is said by who looks at the file, not by who restyles it
    assert not any("the leg is" in warning for warning in mapping.warnings)
    assert [
        "the leg is 83.5 m long" in found.message
        for found in inspect_clip(lying).diagnostics
        if found.kind == "unit"
    ] == [True]
    np.testing.assert_array_equal(correspond(lying).axes, rotation.IDENTITY)


def test_mirrored_numbers() -> None:
    clip = rig()
    for axis in range(3):
        other = mirror_axis(clip, axis)
        sign = np.where(np.arange(3) == axis, -1.0, 1.0)
        np.testing.assert_allclose(other.world_position, clip.world_position * sign, atol=1e-9)
        back = mirror_axis(other, axis)
        np.testing.assert_array_equal(back.local_rotation, clip.local_rotation)
        np.testing.assert_array_equal(back.local_position, clip.local_position)
        np.testing.assert_array_equal(back.skeleton.offsets, clip.skeleton.offsets)
    # a left-handed world taken for a right-handed one shows in the limbs, is said, and is not
    # corrected by a guess
    unread = mirror_axis(clip, 0)
    assert map_joints(unread).swapped
    assert not map_joints(clip).swapped
    found, warnings = bring_into_world(unread)
    assert "as if swapped" in warnings[0]
    np.testing.assert_allclose(found.world_position, unread.world_position, atol=1e-9)


def test_a_resampled_clip_is_in_the_same_world() -> None:
    assert resample(replace(rig(), world=CENTIMETRES_Z_UP), 60.0).world == CENTIMETRES_Z_UP


def test_the_canonical_motion_is_the_same_from_any_world() -> None:
    clip = rig("Z", 0.0254)
    brought, _ = bring_into_world(clip)
    a, b = (to_canonical(c, correspond(c)) for c in (clip, brought))
    np.testing.assert_allclose(a.world_position, b.world_position, atol=1e-6)
