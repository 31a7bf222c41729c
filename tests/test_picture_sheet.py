"""The contact sheet: what must be readable off its pixels, and that no half picture is ever left
behind.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("PIL", reason="sheets need the pictures extra")
from PIL import Image

from kinestyle.errors import ClipError, MotionFileError
from kinestyle.motion import rotation
from kinestyle.picture.body import LEFT, RIGHT
from kinestyle.picture.camera import AZIMUTH_RADIANS, ELEVATION_RADIANS, three_quarter_axes
from kinestyle.picture.figure import Figure, figure_of
from kinestyle.picture.sheet import HEADER_PX, MARGIN_PX, draw, moments, write_sheet
from kinestyle.picture.text import PAPER
from made_rigs import as_rig, stand, turned

SCALE = 100.0
PLAIN = {"width": 400, "columns": 1, "pixels_per_metre": SCALE}


def a_figure(frames: int = 1, **changes) -> Figure:
    """The canonical T-pose, facing +Z, standing still with no foot counted as planted."""
    figure = figure_of(stand(frames), "T-pose")
    return replace(figure, **{"contact": np.zeros_like(figure.contact), **changes})


def of_two(points: np.ndarray, sides: tuple[int, int]) -> Figure:
    """One frame of two sticks: points (4, 3)."""
    return Figure(
        label="cross",
        position=points[None],
        radius=np.full(4, 0.05),
        cones=np.array([[0, 1], [2, 3]]),
        cone_side=np.array(sides),
        slabs=np.zeros((0, 3), dtype=int),
        slab_side=np.zeros(0, dtype=int),
        root=np.zeros((1, 3)),
        feet=np.zeros((1, 0, 3)),
        contact=np.zeros((1, 0)),
        frame_time_seconds=1.0,
    )


def moved(figure: Figure, by: np.ndarray) -> Figure:
    """by: (T, 3) metres"""
    return replace(figure, position=figure.position + by[:, None], root=figure.root + by)


def cells(image: Image.Image) -> np.ndarray:
    """(H, W, 3) below the header, whose legend shows the colours that the tests look for."""
    return np.asarray(image).astype(int)[HEADER_PX:]


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
    image = draw([a_figure(20), a_figure(7)], columns=columns, width=900, title="Two")
    assert (image.mode, image.width) == ("RGB", 900)


def test_each_row_adds_the_same_height():
    one, two, three = (
        draw([a_figure()] * count, columns=2, width=400).height for count in (1, 2, 3)
    )
    assert three - two == two - one > 100


def test_a_clip_of_one_frame_fills_every_column_with_it():
    figure = a_figure(1)
    assert moments(figure, 4).tolist() == [0, 0, 0, 0]
    pixels = cells(draw([figure], columns=4, width=4 * 150 + 2 * MARGIN_PX))
    counts = [body(pixels[:, 20 + 150 * i : 170 + 150 * i]).sum() for i in range(4)]
    assert counts[0] > 500
    assert len(set(counts)) == 1


def test_moments_reach_from_first_to_last_frame():
    assert moments(a_figure(101), 5).tolist() == [0, 25, 50, 75, 100]
    assert moments(a_figure(101), 1).tolist() == [50]


def test_left_is_warm_and_on_the_pictures_right_of_a_body_that_faces_the_viewer():
    pixels = cells(draw([a_figure()], **PLAIN))
    _, left = lines_and_columns(warm(pixels))
    _, right = lines_and_columns(cool(pixels))
    assert left.mean() > 200 > right.mean()
    # both arms out: from end to end as the camera foreshortens it, with the ends' own thickness
    figure = a_figure()
    tip = int(np.argmax(figure.position[0, :, 0]))
    span = 2.0 * (figure.position[0, tip, 0] * np.cos(AZIMUTH_RADIANS) + figure.radius[tip]) * SCALE
    assert right.max() < left.max()
    assert left.max() + 1 - right.min() == pytest.approx(span, abs=1.5)


def mirrored(figure: Figure) -> Figure:
    """The sides' names swapped, the body as it was."""
    return replace(figure, cone_side=-figure.cone_side, slab_side=-figure.slab_side)


def test_swapped_sides_swap_the_colours():
    figure = a_figure()
    plain, swapped = cells(draw([figure], **PLAIN)), cells(draw([mirrored(figure)], **PLAIN))
    assert np.mean(warm(plain) == cool(swapped)) > 0.99
    assert np.mean(warm(plain) == warm(swapped)) < 0.98


@pytest.mark.parametrize(("depth_m", "seen_in_front"), [(0.4, cool), (-0.4, warm)])
def test_the_nearer_limb_hides_the_farther(depth_m, seen_in_front):
    right, up, near = three_quarter_axes()
    # a level left limb and an upright right one, that cross in the middle of the cell
    points = np.array([0.0, 1.0, 0.0]) + np.stack([-right, right, -up, up]) * 0.4
    points[2:] += depth_m * near
    figure = of_two(points, (LEFT, RIGHT))
    pixels = cells(draw([figure], **PLAIN))
    level, upright = warm(pixels), cool(pixels)
    line = round(lines_and_columns(level)[0].mean())
    column = round(lines_and_columns(upright)[1].mean())
    assert seen_in_front(pixels[line, column])


def test_another_pose_gives_another_picture():
    figure = a_figure()
    bent = figure.position.copy()
    bent[:, int(np.argmax(bent[0, :, 0]))] += [0.0, 0.2, 0.0]
    assert not np.array_equal(
        cells(draw([figure], **PLAIN)), cells(draw([replace(figure, position=bent)], **PLAIN))
    )


@pytest.mark.parametrize(("up", "metres_per_unit"), [("Y", 1.0), ("Z", 0.01), ("Y", 0.0254)])
def test_where_a_clip_starts_and_in_which_axes_and_units_it_is_does_not_matter(up, metres_per_unit):
    clip = stand(1)
    there = as_rig(
        turned(clip, 2.1, np.array([3.2, 0.0, -7.7])), up=up, metres_per_unit=metres_per_unit
    )
    here, there = (
        cells(draw([figure_of(as_rig(clip), "one")], **PLAIN)),
        cells(draw([figure_of(there, "one")], **PLAIN)),
    )
    assert np.abs(here - there).max() <= 60
    assert np.mean(np.abs(here - there) > 2) < 0.002


def test_a_later_turn_is_shown():
    figure = a_figure(2)
    position = figure.position.copy()
    position[1] = rotation.rotate(rotation.about_y(np.pi), position[1])
    width = 400 + 2 * MARGIN_PX
    pixels = cells(
        draw([replace(figure, position=position)], columns=2, width=width, pixels_per_metre=SCALE)
    )
    for cell, order in ((pixels[:, 20:220], 1), (pixels[:, 220:420], -1)):
        assert (
            order
            * (lines_and_columns(warm(cell))[1].mean() - lines_and_columns(cool(cell))[1].mean())
            > 20
        )


@pytest.mark.parametrize("height_m", [0.1, 0.5])
def test_floating_is_drawn_higher_over_the_same_floor(height_m):
    figure = a_figure(2)
    floating = moved(figure, np.array([[0.0, 0.0, 0.0], [0.0, height_m, 0.0]]))
    pixels = cells(draw([floating], columns=2, width=600 + 2 * MARGIN_PX, pixels_per_metre=SCALE))
    standing, above = (lines_and_columns(body(pixels[:, x : x + 300]))[0] for x in (20, 320))
    expected = height_m * SCALE * np.cos(ELEVATION_RADIANS)
    assert standing.min() - above.min() == pytest.approx(expected, abs=1.01)
    assert standing.max() - above.max() == pytest.approx(expected, abs=1.51)


def test_what_is_below_the_floor_turns_pale():
    figure = a_figure(2)
    sunk = moved(figure, np.array([[0.0, 0.0, 0.0], [0.0, -0.6, 0.0]]))
    pixels = cells(draw([sunk], columns=2, width=600 + 2 * MARGIN_PX, pixels_per_metre=SCALE))
    assert body(pixels[:, 320:620]).sum() < 0.8 * body(pixels[:, 20:320]).sum()


def test_travel_keeps_the_body_in_its_cell():
    figure = a_figure(3)
    going = moved(figure, np.array([0.0, 4.0, 9.0])[:, None] * [1.0, 0.0, 1.0])
    pixels = cells(draw([going], columns=3, width=3 * 200 + 2 * MARGIN_PX, pixels_per_metre=SCALE))
    columns = [
        lines_and_columns(body(pixels[:, 20 + 200 * i : 220 + 200 * i]))[1] for i in range(3)
    ]
    assert all(np.array_equal(found, columns[0]) for found in columns)


def test_planted_feet_are_marked_and_only_they():
    figure = a_figure(2)
    figure = replace(figure, feet=figure.feet[:, 1:2], contact=np.array([[1.0], [0.0]]))
    pixels = cells(draw([figure], columns=2, width=400 + 2 * MARGIN_PX, pixels_per_metre=SCALE))
    assert green(pixels[:, 20:220]).sum() > 20
    assert not green(pixels[:, 220:]).any()


def test_a_joint_flung_away_for_a_moment_does_not_shrink_the_body():
    figure = a_figure(5)
    thrown = figure.position.copy()
    thrown[2, int(np.argmax(thrown[0, :, 0]))] = [900.0, 1e7, 3.0]
    pixels = cells(draw([replace(figure, position=thrown)], columns=5, width=800))
    calm = cells(draw([figure], columns=5, width=800))
    assert cool(pixels[:, :200]).sum() > 0.3 * cool(calm[:, :200]).sum()


def test_text_that_is_too_long_stays_inside():
    image = draw(
        [a_figure(label="a very long name " * 40)],
        columns=2,
        width=400,
        title="and a long title " * 40,
    )
    assert (np.asarray(image)[:, -8:] == PAPER).all()


def test_more_columns_than_there_is_room_for_are_refused():
    with pytest.raises(ClipError, match=r"64 columns leave 2 of 200 pixels"):
        draw([a_figure()], columns=64, width=200)


def test_a_written_sheet_reads_back(tmp_path):
    image = draw([a_figure()], **PLAIN)
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
    with pytest.raises(
        MotionFileError, match=r"sheet\.png cannot be written: No space left on device"
    ):
        write_sheet(Image.new("RGB", (8, 8)), path)
    assert path.read_bytes() == b"an older sheet"
    assert [p.name for p in tmp_path.iterdir()] == ["sheet.png"]


@pytest.mark.parametrize("path", ["missing/sheet.png", "a_file/sheet.png", "a_folder"])
def test_a_path_that_cannot_be_written_is_refused_with_a_sentence(tmp_path, path):
    (tmp_path / "a_file").write_text("not a folder")
    (tmp_path / "a_folder").mkdir()
    with pytest.raises(MotionFileError, match=r"cannot be written.+"):
        write_sheet(Image.new("RGB", (8, 8)), tmp_path / path)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a_file", "a_folder"]
