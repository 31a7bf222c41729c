"""The figure: a body on the stage whatever the rig is, thin lines for what has no role, plain bones
for what is no body.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from kinestyle.errors import ClipError
from kinestyle.formats.table import read_motion
from kinestyle.motion.clip import Clip
from kinestyle.motion.skeleton import Skeleton
from kinestyle.picture.body import LEFT, MIDDLE, RIGHT, THIN_RADII_M
from kinestyle.picture.figure import Figure, figure_of
from made_rigs import any_rotations, as_rig, stand, turned, walk


def same_place(a: Figure, b: Figure) -> float:
    """Metres between two figures, at the most."""
    return float(np.abs(a.position - b.position).max())


@pytest.mark.parametrize(("up", "metres_per_unit"), [("Y", 1.0), ("Z", 0.01), ("Z", 0.0254)])
def test_axes_units_first_place_and_heading_do_not_matter(up, metres_per_unit):
    clip = walk(1.0).clip
    there = as_rig(
        turned(clip, -1.3, np.array([4.0, 0.0, 9.0])), up=up, metres_per_unit=metres_per_unit
    )
    assert same_place(figure_of(as_rig(clip)), figure_of(there)) < 0.004


def test_a_figure_starts_over_the_origin_and_faces_forward():
    figure = figure_of(as_rig(turned(walk(1.0).clip, 2.0, np.array([4.0, 0.0, 9.0]))))
    assert figure.root[0, [0, 2]] == pytest.approx([0.0, 0.0], abs=1e-9)
    assert figure.root[-1, 2] > 0.3
    assert figure.position[..., 1].min() > 0.0
    left, right = (
        figure.position[0][figure.cones[figure.cone_side == side]].mean(axis=(0, 1))
        for side in (LEFT, RIGHT)
    )
    assert left[0] > 0.05 > -0.05 > right[0]


def test_a_body_of_two_sides_is_symmetric():
    figure = figure_of(stand(1))
    counts = [int((figure.cone_side == side).sum()) for side in (LEFT, MIDDLE, RIGHT)]
    assert counts[0] == counts[2] > 5
    mirrored = figure.position[0] * [-1.0, 1.0, 1.0]
    away = np.linalg.norm(mirrored[:, None] - figure.position[0][None], axis=-1).min(axis=1)
    assert away.max() < 0.002


def test_a_body_stands_on_the_floor_as_tall_as_it_is():
    figure = figure_of(stand(1))
    assert (figure.position[..., 1] - figure.radius).min() == pytest.approx(0.0, abs=0.01)
    assert (figure.position[..., 1] + figure.radius).max() == pytest.approx(1.70, abs=0.06)
    assert 1.3 < figure.size_m < 2.1


@pytest.mark.parametrize("lacking", ["left_hand", "head", "spine", "right_toe", "left_clavicle"])
def test_a_rig_that_lacks_a_joint_still_is_a_body(lacking):
    figure = figure_of(as_rig(walk(1.0).clip, without=frozenset({lacking})))
    assert not figure.note
    assert figure.slabs.shape[0] == figure_of(as_rig(walk(1.0).clip)).slabs.shape[0]
    assert (figure.position[..., 1] + figure.radius).max() == pytest.approx(1.70, abs=0.12)


def test_fingers_and_props_are_thin_lines_and_the_body_is_the_same_without_them(walk_clip):
    figure, bare = figure_of(walk_clip), figure_of(as_rig(walk(0.5).clip))
    thin, bare_thin = (
        (each.radius[each.cones] <= max(THIN_RADII_M)).all(axis=1) for each in (figure, bare)
    )
    fingers = [
        name
        for name in walk_clip.skeleton.names
        if "HandThumb" in name or "HandIndex" in name or "HandPinky" in name
    ]
    assert thin.sum() >= len(fingers) + bare_thin.sum()
    assert set(figure.cone_side[thin]) <= {LEFT, RIGHT}
    assert (~thin).sum() == (~bare_thin).sum()


def test_between_frames_the_figure_is_between_and_beyond_them_it_stands():
    figure = figure_of(as_rig(walk(1.0).clip))
    half = figure.at(np.array([-3.0, 0.0, 0.5 / 30.0, 1.0, 7.0]))
    assert np.allclose(half.position[0], figure.position[0])
    assert np.allclose(half.position[2], 0.5 * (figure.position[0] + figure.position[1]))
    assert np.allclose(half.position[3:], figure.position[-1])


def test_what_is_no_body_is_bones_with_a_note():
    count = 6
    chain = Skeleton(
        tuple(f"part{i}" for i in range(count)),
        np.arange(count) - 1,
        np.tile([0.0, 20.0, 0.0], (count, 1)),
    )
    position = np.tile(chain.offsets, (9, 1, 1))
    figure = figure_of(Clip(chain, position, any_rotations(4, 9, count), 0.1, "worm"))
    assert figure.note.startswith("worm is drawn as plain bones: ")
    assert figure.cones.tolist() == [[i, i + 1] for i in range(count - 1)]
    assert 0.3 < np.ptp(figure.position, axis=1).max() < 6.0


def test_a_single_joint_is_a_ball():
    point = Clip(
        Skeleton(("it",), np.array([-1]), np.zeros((1, 3))),
        np.zeros((2, 1, 3)),
        any_rotations(1, 2, 1),
        0.1,
        "it",
    )
    assert figure_of(point).cones.tolist() == [[0, 0]]


def test_a_position_that_is_not_finite_is_refused_with_its_frame():
    clip = as_rig(walk(1.0).clip)
    broken = clip.local_position.copy()
    broken[3, 0, 1] = np.nan
    with pytest.raises(
        ClipError, match=r"Frame 3 of the clip 'rig' has a position that is not finite"
    ):
        figure_of(clip.with_motion(broken, clip.local_rotation), "rig")


def test_a_clip_without_frames_is_refused():
    clip = as_rig(walk(1.0).clip)
    with pytest.raises(ClipError, match="no frames"):
        figure_of(
            replace(
                clip, local_position=clip.local_position[:0], local_rotation=clip.local_rotation[:0]
            )
        )


@pytest.mark.parametrize(
    "name",
    ["zombie", "dab", "jesse_dance", "jumping_jacks", "bvh_test1", "sample", "scaled_131_01"],
)
def test_real_rigs_are_bodies_of_a_person_size(data_dir, name):
    figure = figure_of(read_motion(data_dir / "wild" / f"{name}.bvh"))
    assert not figure.note
    lowest = (figure.position[..., 1] - figure.radius).min(axis=1)
    assert abs(np.percentile(lowest, 10.0)) < 0.07
    assert 1.2 < figure.size_m < 2.4
