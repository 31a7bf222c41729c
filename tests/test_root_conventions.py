"""How a file moves the body, by its hips or by joints above them, is how the restyled file does."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from kinestyle.formats.table import read_motion, write_motion
from kinestyle.motion import rotation
from kinestyle.motion.clip import Clip
from kinestyle.motion.rotation import Array
from kinestyle.motion.skeleton import Skeleton
from kinestyle.retarget.correspondence import correspond, to_canonical
from kinestyle.retarget.transfer import transfer
from kinestyle.runtime.stylizer import Stylizer
from made_rigs import as_rig, walk

PLAIN = as_rig(walk(3.0).clip, metres_per_unit=0.01)
FLAT, UPRIGHT = np.array([1.0, 0.0, 1.0]), np.array([0.0, 1.0, 0.0])


def below_a_root(root_place: Array) -> Clip:
    """The walk on a rig with one more joint, above the hips and never turned, that moves by
    `root_place` (T, 3).
    """
    skeleton = PLAIN.skeleton
    position = np.concatenate([root_place[:, None], PLAIN.local_position], axis=1)
    position[:, 1] -= root_place
    local = np.concatenate(
        [np.tile(rotation.IDENTITY, (PLAIN.frame_count, 1, 1)), PLAIN.local_rotation], axis=1
    )
    rig = Skeleton(
        ("Root", *skeleton.names),
        np.concatenate([[-1], skeleton.parents + 1]),
        position[0].copy(),
        skeleton.end_parents + 1,
        skeleton.end_offsets,
    )
    return Clip(rig, position, local, PLAIN.frame_time_seconds, "walk")


WALKED = PLAIN.local_position[:, 0]
ROOTS = {
    "a root that stays": 0.0 * WALKED,
    "a root that stays far away": 0.0 * WALKED + [3000.0, -97.0, -800.0],
    "travel in the root, bounce in the hips": WALKED * FLAT,
    "all in the root": WALKED - WALKED[0] * UPRIGHT,
}


@pytest.mark.parametrize("name", ROOTS)
def test_the_result_moves_by_what_the_input_moves_by(
    tiny: Stylizer, tmp_path: Path, name: str
) -> None:
    clip = below_a_root(ROOTS[name])
    wanted, result = tiny.stylize(PLAIN, "one/calm"), tiny.stylize(clip, "one/calm")
    np.testing.assert_allclose(result.world_position[:, 1:], wanted.world_position, atol=1e-6)
    moved = np.abs(result.local_position - clip.local_position).max(axis=0)
    assert moved[2:].max() == 0.0
    root_level, root_up, hips_level, hips_up = (
        moved[0, [0, 2]].max(),
        moved[0, 1],
        moved[1, [0, 2]].max(),
        moved[1, 1],
    )
    if name == "all in the root":
        assert min(root_level, root_up) > 0.0 == max(hips_level, hips_up)
    elif name == "travel in the root, bounce in the hips":
        assert min(root_level, hips_up) > 0.0 == max(root_up, hips_level)
    else:
        assert min(hips_level, hips_up) > 0.0 == max(root_level, root_up)
    # and so a file says all of it, also one whose hips have no position channels
    assert write_motion(result, tmp_path / "out.bvh") == ()
    again = read_motion(tmp_path / "out.bvh")
    order = [again.skeleton.index(name) for name in result.skeleton.names]
    np.testing.assert_allclose(again.world_position[:, order], result.world_position, atol=1e-3)


def test_hips_without_position_channels_are_moved_by_the_root(
    tiny: Stylizer, tmp_path: Path
) -> None:
    given, out = tmp_path / "walk.bvh", tmp_path / "out.bvh"
    write_motion(below_a_root(ROOTS["all in the root"]), given)
    clip = read_motion(given)
    assert len(clip.source.channels[1]) == 3
    assert write_motion(tiny.stylize(clip, "one/calm"), out) == ()
    assert write_motion(transfer(PLAIN, clip), out) == ()
    again = read_motion(out)
    moved = again.world_position[:, again.skeleton.index("Hips")]
    np.testing.assert_allclose(
        np.ptp(moved, axis=0), np.ptp(PLAIN.world_position[:, 0], axis=0), atol=2.0
    )


def test_a_clip_that_goes_in_place_goes_in_place(tiny: Stylizer) -> None:
    position = PLAIN.local_position.copy()
    position[:, 0, [0, 2]] = 250.0
    clip = PLAIN.with_motion(position, PLAIN.local_rotation)
    ground = np.s_[:, 0, [0, 2]]
    result = tiny.stylize(clip, "one/calm")
    off = result.local_position[ground] - position[ground]
    # the hips go back and forth a little, so that feet keep the belt's speed, and nowhere
    assert 0.0 < np.abs(off).max() < 3.0
    np.testing.assert_allclose(off[-1], off[0], atol=1e-9)
    assert np.abs(result.local_rotation - clip.local_rotation).max() > 1e-3
    for settings in ({"root": "keep"}, {"cycle": "no"}):
        still = tiny.stylize(clip, "one/calm", **settings)
        np.testing.assert_array_equal(still.local_position[ground], position[ground])


def test_where_the_floor_is_does_not_matter(tiny: Stylizer) -> None:
    low = PLAIN.local_position.copy()
    low[:, 0] += [9000.0, -97.0, -4000.0]
    shifted = PLAIN.with_motion(low, PLAIN.local_rotation)
    found = [tiny.stylize(clip, "one/calm") for clip in (PLAIN, shifted)]
    np.testing.assert_allclose(
        found[1].world_position - found[0].world_position,
        np.broadcast_to([9000.0, -97.0, -4000.0], found[0].world_position.shape),
        atol=1e-5,
    )


@pytest.mark.parametrize(
    "content", ["dash_normal_001", "run_normal_001", "walk-back_normal_001", "walk_normal_002"]
)
def test_bandai_s_cycles_keep_their_travel_in_the_root(
    tiny: Stylizer, data_dir: Path, content: str
) -> None:
    clip = read_motion(
        data_dir
        / "bandai"
        / "Bandai-Namco-Research-Motiondataset-1"
        / "data"
        / f"dataset-1_{content}.bvh"
    )
    result = tiny.stylize(clip, "one/calm", strength=0.5)
    root, hips = clip.skeleton.index("joint_Root"), clip.skeleton.index("Hips")
    np.testing.assert_array_equal(
        result.local_position[:, hips][:, [0, 2]], clip.local_position[:, hips][:, [0, 2]]
    )
    np.testing.assert_array_equal(
        result.local_position[:, root, 1], clip.local_position[:, root, 1]
    )
    assert np.abs(result.local_position[:, root, 2] - clip.local_position[:, root, 2]).max() > 0.0


def test_a_character_rig_s_feet_stay_planted_in_the_file(
    released: Stylizer, data_dir: Path, tmp_path: Path
) -> None:
    clip = read_motion(data_dir / "unlabelled" / "cmu" / "iclone" / "002_01.bvh")
    result = released.stylize(clip, "sad")
    assert write_motion(result, tmp_path / "out.bvh") == ()
    again = replace(read_motion(tmp_path / "out.bvh"), name=clip.name)
    c = correspond(clip)
    apart = to_canonical(again, c).world_position - to_canonical(result, c).world_position
    assert np.abs(apart).max() < 1e-3
