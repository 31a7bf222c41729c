"""The contact sheet: what must be readable off its pixels, and that no half picture is ever left behind."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from kinestyle import contact_sheet
from kinestyle.contact_sheet import LEFT, MIDDLE, RIGHT, Row, draw, write_sheet
from kinestyle.errors import ClipError, MotionFileError
from kinestyle.motion import rotation
from kinestyle.motion.canonical import CANONICAL, HIPS
from kinestyle.motion.skeleton import forward_kinematics, tip_position

SCALE = 100.0
PLAIN = {"width": 400, "columns": 1, "pixels_per_metre": SCALE}
HAND_TIP_M = 1.70 * (0.030 + 0.080 + 0.172 + 0.157 + 0.100)


def side_of(name: str) -> int:
    return LEFT if name.startswith("left_") else RIGHT if name.startswith("right_") else MIDDLE


def a_row(frames: int = 1, **changes) -> Row:
    """The canonical T-pose, facing +Z, standing still."""
    local_rotation = np.broadcast_to(rotation.IDENTITY, (frames, CANONICAL.joint_count, 4))
    joints, world_rotation = forward_kinematics(CANONICAL, CANONICAL.offsets, local_rotation)
    tips = tip_position(CANONICAL, joints, world_rotation)
    child = np.arange(1, CANONICAL.joint_count)
    bones = np.concatenate(
        [
            np.stack([CANONICAL.parents[child], child], axis=-1),
            np.stack([CANONICAL.end_parents, CANONICAL.joint_count + np.arange(len(CANONICAL.end_parents))], axis=-1),
        ]
    )
    names = [*CANONICAL.names, *(CANONICAL.names[joint] for joint in CANONICAL.end_parents)]
    row = Row(
        label="T-pose",
        position=np.concatenate([joints, tips], axis=1),
        bones=bones,
        side=np.array([side_of(name) for name in names]),
        frame_time_seconds=1 / 30,
        root=HIPS,
        head=CANONICAL.index("head"),
    )
    return replace(row, **changes)


def moved(row: Row, by: np.ndarray) -> Row:
    return replace(row, position=row.position + by)


def cells(image: Image.Image) -> np.ndarray:
    """(H, W, 3) below the header, whose legend shows the colours that the tests look for."""
    return np.asarray(image).astype(int)[contact_sheet.HEADER_PX :]


def warm(pixels: np.ndarray) -> np.ndarray:
    return pixels[..., 0] - pixels[..., 2] > 70


def cool(pixels: np.ndarray) -> np.ndarray:
    return pixels[..., 2] - pixels[..., 0] > 70


def green(pixels: np.ndarray) -> np.ndarray:
    return (pixels[..., 1] - pixels[..., 0] > 60) & (pixels[..., 1] - pixels[..., 2] > 40)


def body(pixels: np.ndarray) -> np.ndarray:
    return warm(pixels) | cool(pixels)


def lines_and_columns(mask: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    assert mask.any()
    return np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))


@pytest.mark.parametrize("columns", [1, 3, 8])
def test_the_width_is_the_one_asked_for(columns):
    image = draw([a_row(20), a_row(7)], columns=columns, width=900, title="Two")
    assert (image.mode, image.width) == ("RGB", 900)


def test_each_row_adds_the_same_height():
    one, two, three = (draw([a_row()] * count, columns=2, width=400).height for count in (1, 2, 3))
    assert three - two == two - one > 100


def test_a_clip_of_one_frame_fills_every_column_with_it():
    row = a_row(1)
    assert row.moments(4).tolist() == [0, 0, 0, 0]
    pixels = cells(draw([row], columns=4, width=4 * 150 + 2 * contact_sheet.MARGIN_PX))
    counts = [body(pixels[:, 20 + 150 * i : 170 + 150 * i]).sum() for i in range(4)]
    assert counts[0] > 500
    assert len(set(counts)) == 1


def test_moments_reach_from_first_to_last_frame():
    assert a_row(101).moments(5).tolist() == [0, 25, 50, 75, 100]
    assert a_row(101).moments(1).tolist() == [50]


def test_left_is_warm_and_on_the_pictures_right_of_a_body_that_faces_the_viewer():
    pixels = cells(draw([a_row()], **PLAIN))
    _, left = lines_and_columns(warm(pixels))
    _, right = lines_and_columns(cool(pixels))
    assert left.mean() > 200 > right.mean()
    # both arms out: fingertip to fingertip as the camera foreshortens it, and a fingertip's own thickness
    span = 2 * HAND_TIP_M * np.cos(contact_sheet.AZIMUTH_RADIANS) * SCALE
    assert left.max() - right.min() == pytest.approx(span + 5, abs=6)


def test_swapped_sides_swap_the_colours():
    row = a_row()
    plain, swapped = cells(draw([row], **PLAIN)), cells(draw([replace(row, side=-row.side, forward=[0, 0, 1])], **PLAIN))
    assert np.mean(warm(plain) == cool(swapped)) > 0.99
    assert np.mean(warm(plain) == warm(swapped)) < 0.98


@pytest.mark.parametrize(("depth_m", "seen_in_front"), [(0.4, cool), (-0.4, warm)])
def test_the_nearer_limb_hides_the_farther(depth_m, seen_in_front):
    right, up, near = a_row().axes()
    # a level left limb and an upright right one, that cross in the middle of the cell
    points = np.array([0.0, 1.0, 0.0]) + np.stack([-right, right, -up, up]) * 0.4
    points[2:] += depth_m * near
    row = Row("cross", points[None], np.array([[0, 1], [2, 3]]), np.array([LEFT, LEFT, RIGHT, RIGHT]), 1.0, np.array([0, 0, 1.0]))
    pixels = cells(draw([row], **PLAIN))
    level, upright = warm(pixels), cool(pixels)
    line = round(lines_and_columns(level)[0].mean())
    column = round(lines_and_columns(upright)[1].mean())
    assert seen_in_front(pixels[line, column])


def test_another_pose_gives_another_picture():
    row = a_row()
    bent = row.position.copy()
    bent[:, CANONICAL.index("left_hand")] += [0.0, 0.2, 0.0]
    assert not np.array_equal(cells(draw([row], **PLAIN)), cells(draw([replace(row, position=bent)], **PLAIN)))


def test_where_a_clip_starts_and_which_way_it_faces_does_not_matter():
    row = a_row()
    turned = rotation.rotate(rotation.about_y(2.1), row.position) + np.array([3.2, 0.0, -7.7])
    here, there = cells(draw([row], **PLAIN)), cells(draw([replace(row, position=turned)], **PLAIN))
    assert np.abs(here - there).max() <= 40
    assert np.mean(here != there) < 0.01


def test_a_later_turn_is_shown():
    row = a_row(2)
    turned = row.position.copy()
    turned[1] = rotation.rotate(rotation.about_y(np.pi), turned[1])
    width = 400 + 2 * contact_sheet.MARGIN_PX
    pixels = cells(draw([replace(row, position=turned)], columns=2, width=width, pixels_per_metre=SCALE))
    for cell, order in ((pixels[:, 20:220], 1), (pixels[:, 220:420], -1)):
        assert order * (lines_and_columns(warm(cell))[1].mean() - lines_and_columns(cool(cell))[1].mean()) > 20


@pytest.mark.parametrize("height_m", [0.1, 0.5])
def test_floating_is_drawn_higher_over_the_same_floor(height_m):
    row = a_row(2)
    floating = moved(row, np.array([[[0.0, 0.0, 0.0]], [[0.0, height_m, 0.0]]]))
    pixels = cells(draw([floating], columns=2, width=600 + 2 * contact_sheet.MARGIN_PX, pixels_per_metre=SCALE))
    standing, above = (lines_and_columns(body(pixels[:, x : x + 300]))[0] for x in (20, 320))
    expected = height_m * SCALE * np.cos(contact_sheet.ELEVATION_RADIANS)
    assert standing.min() - above.min() == pytest.approx(expected, abs=1.01)
    assert standing.max() - above.max() == pytest.approx(expected, abs=1.51)


def test_what_is_below_the_floor_turns_pale():
    row = a_row(2)
    sunk = moved(row, np.array([[[0.0, 0.0, 0.0]], [[0.0, -0.6, 0.0]]]))
    pixels = cells(draw([sunk], columns=2, width=600 + 2 * contact_sheet.MARGIN_PX, pixels_per_metre=SCALE))
    assert body(pixels[:, 320:620]).sum() < 0.8 * body(pixels[:, 20:320]).sum()


def test_travel_keeps_the_body_in_its_cell():
    row = a_row(3)
    going = moved(row, np.array([0.0, 4.0, 9.0])[:, None, None] * [1.0, 0.0, 1.0])
    pixels = cells(draw([going], columns=3, width=3 * 200 + 2 * contact_sheet.MARGIN_PX, pixels_per_metre=SCALE))
    places = [lines_and_columns(body(pixels[:, 20 + 200 * i : 220 + 200 * i]))[1] for i in range(3)]
    assert all(np.array_equal(place, places[0]) for place in places)


def test_planted_feet_are_marked_and_only_they():
    row = a_row(2, contact=np.array([[True], [False]]), contact_points=(CANONICAL.index("left_toe"),))
    pixels = cells(draw([row], columns=2, width=400 + 2 * contact_sheet.MARGIN_PX, pixels_per_metre=SCALE))
    assert green(pixels[:, 20:220]).sum() > 20
    assert not green(pixels[:, 220:]).any()


def test_a_joint_flung_away_for_a_moment_does_not_shrink_the_body():
    row = a_row(5)
    thrown = row.position.copy()
    thrown[2, CANONICAL.index("left_hand")] = [900.0, 1e7, 3.0]
    pixels = cells(draw([replace(row, position=thrown)], columns=5, width=800))
    calm = cells(draw([row], columns=5, width=800))
    assert cool(pixels[:, :200]).sum() > 0.3 * cool(calm[:, :200]).sum()


def test_fingers_are_thinner_than_a_hand_without_them():
    row = a_row()
    hand, count = CANONICAL.index("left_hand"), len(row.side)
    phalanges = row.position[:, [hand] * 3] + np.array([[0.09, 0, 0.02], [0.13, 0, 0.02], [0.155, 0, 0.02]])
    fingers = replace(
        row,
        position=np.concatenate([row.position, phalanges], axis=1),
        bones=np.concatenate([row.bones, [[hand, count], [count, count + 1], [count + 1, count + 2]]]),
        side=np.append(row.side, [LEFT] * 3),
    )
    hand_tip = int(row.bones[row.bones[:, 0] == hand, 1][0])
    assert fingers.radius[count + 2] < 0.75 * row.radius[hand_tip]
    assert (np.diff(fingers.radius[count:]) < 0).all()
    assert fingers.radius[CANONICAL.index("left_thigh")] == row.radius[CANONICAL.index("left_thigh")]


def test_text_that_is_too_long_stays_inside():
    image = draw([a_row(label="a very long name " * 40)], columns=2, width=400, title="and a long title " * 40)
    assert (np.asarray(image)[:, -8:] == contact_sheet.PAPER).all()


def test_a_position_that_is_not_finite_is_refused_with_its_frame():
    position = a_row(5).position.copy()
    position[3, 2, 1] = np.nan
    with pytest.raises(ClipError, match=r"Frame 3 of the clip 'T-pose'"):
        a_row(position=position)


def test_a_clip_without_frames_is_refused():
    with pytest.raises(ClipError, match="no frames"):
        a_row(position=a_row().position[:0])


def test_a_written_sheet_reads_back(tmp_path):
    image = draw([a_row()], **PLAIN)
    path = tmp_path / "sheet.png"
    path.write_bytes(b"an older sheet")
    write_sheet(image, path)
    with Image.open(path) as again:
        assert again.format == "PNG"
        assert np.array_equal(np.asarray(again), np.asarray(image))
    assert [p.name for p in tmp_path.iterdir()] == ["sheet.png"]


def test_a_write_that_fails_half_way_leaves_the_older_sheet(tmp_path, monkeypatch):
    path = tmp_path / "sheet.png"
    path.write_bytes(b"an older sheet")

    def fill_the_disk(self, target):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", fill_the_disk)
    with pytest.raises(MotionFileError, match=r"sheet\.png cannot be written: No space left on device"):
        write_sheet(Image.new("RGB", (8, 8)), path)
    assert path.read_bytes() == b"an older sheet"
    assert [p.name for p in tmp_path.iterdir()] == ["sheet.png"]


@pytest.mark.parametrize("place", ["missing/sheet.png", "a_file/sheet.png", "a_folder"])
def test_a_place_that_cannot_be_written_is_said_in_a_sentence(tmp_path, place):
    (tmp_path / "a_file").write_text("not a folder")
    (tmp_path / "a_folder").mkdir()
    with pytest.raises(MotionFileError, match=r"cannot be written.+"):
        write_sheet(Image.new("RGB", (8, 8)), tmp_path / place)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a_file", "a_folder"]
