"""The floor: its grid stays while the camera moves, bodies shade it, spots colour it."""

from __future__ import annotations

import numpy as np
import pytest

from kinestyle.motion.rotation import Array
from kinestyle.picture.camera import Camera, three_quarter_axes
from kinestyle.picture.capsules import LIGHT
from kinestyle.picture.floor import GRID, GRID_SPACING_M, PLANTED, Floor

WIDTH, HEIGHT = 320, 240
NOWHERE = np.zeros(3)


@pytest.fixture(scope="module", params=[6.5, np.inf], ids=["perspective", "parallel"])
def floor(request: pytest.FixtureRequest) -> Floor:
    camera = Camera(NOWHERE, (160.0, 120.0), 100.0, request.param, three_quarter_axes())
    return Floor(camera, np.full((HEIGHT, WIDTH, 3), 255.0, dtype=np.float32), 3.0, rim=0.3)


def pixel(floor: Floor, position: Array, target: Array = NOWHERE) -> tuple[int, int]:
    """The line and the column at which a position (3,) is drawn."""
    (x, y, _), _ = floor.camera.moved_to(target).project(np.asarray(position, dtype=float))
    return int(y), int(x)


def darkness(picture: Array, floor: Floor, position: Array, target: Array = NOWHERE) -> float:
    """0 for white. position: (3,) on the floor"""
    return 255.0 - float(picture[pixel(floor, position, target)].mean())


@pytest.mark.parametrize("target", [[0.0, 0.0, 0.0], [0.2, 0.0, 0.1], [7.7, 0.0, -3.1]])
def test_lines_of_the_grid_stay_where_they_are_whatever_the_camera_looks_at(
    floor: Floor, target: list[float]
) -> None:
    at = np.array(target)
    picture = floor.paint(at)
    # the crossing of two lines, the middle of a line between two, and the middle of a square
    first = np.ceil(at / GRID_SPACING_M) * GRID_SPACING_M
    half = 0.5 * GRID_SPACING_M
    crossing, line, square = (
        darkness(picture, floor, first + np.array(offset), at)
        for offset in ([0.0, 0.0, 0.0], [half, 0.0, 0.0], [half, 0.0, half])
    )
    assert crossing > square + 10.0
    assert line > square + 10.0
    assert picture.min() >= min(GRID) - 1.0


def test_far_from_the_middle_there_is_only_paper(floor: Floor) -> None:
    picture = floor.paint(NOWHERE)
    assert darkness(picture, floor, np.array([0.1, 0.0, 0.1])) > 15.0
    assert (picture[0] == 255.0).all()


def shade_of(floor: Floor, height_m: float) -> tuple[Array, Array]:
    """How much darker a level bar at a height makes each pixel, and the place on the floor (3,)
    that lies behind its middle in the light.
    """
    bar = np.array([[-0.3, height_m, 0.0], [0.3, height_m, 0.0]])
    picture, plain = floor.paint(NOWHERE), floor.paint(NOWHERE)
    floor.shadow(picture, NOWHERE, bar[None], np.array([[0.06, 0.06]]))
    toward = LIGHT @ floor.camera.axes
    behind = np.array([0.0, height_m, 0.0]) - toward * height_m / toward[1]
    return (plain - picture).mean(axis=-1), behind


def test_a_shadow_lies_where_the_light_is_kept_off(floor: Floor) -> None:
    dark, behind = shade_of(floor, 0.4)
    assert dark.min() >= 0.0
    assert dark[pixel(floor, behind)] > 0.8 * dark.max() > 8.0
    line, column = np.unravel_index(int(dark.argmax()), dark.shape)
    assert np.hypot(line - pixel(floor, behind)[0], column - pixel(floor, behind)[1]) < 40.0
    assert dark[pixel(floor, behind + np.array([0.0, 0.0, 0.6]))] == 0.0


def test_a_shadow_is_fainter_and_wider_the_higher_its_body_is(floor: Floor) -> None:
    low, high = (shade_of(floor, height_m)[0] for height_m in (0.06, 0.6))
    assert low.max() > 1.5 * high.max()
    assert (high > 0.3 * high.max()).sum() > (low > 0.3 * low.max()).sum()


@pytest.mark.parametrize("strength", [0.3, 0.9])
def test_a_spot_colours_the_floor_under_it_as_strongly_as_it_says(
    floor: Floor, strength: float
) -> None:
    spots = np.array([[0.3, 0.0, 0.2], [-0.4, 0.0, 0.3]])
    plain, picture = floor.paint(NOWHERE), floor.paint(NOWHERE)
    floor.spots(picture, NOWHERE, spots, np.array([strength, 0.0]), 0.1, PLANTED)
    there = pixel(floor, spots[0])
    wanted = (1.0 - strength) * plain[there] + strength * np.array(PLANTED)
    np.testing.assert_allclose(picture[there], wanted, atol=0.5)
    coverage = (plain - picture)[..., 0] / (plain - np.array(PLANTED))[..., 0] / strength
    assert coverage[pixel(floor, spots[1])] == 0.0
    # a disc of 10 cm, foreshortened by the camera's elevation
    _, scale = floor.camera.project(spots[0])
    area = np.pi * (0.1 * float(scale)) ** 2 * floor.camera.axes[2, 1]
    assert coverage.sum() == pytest.approx(area, rel=0.03)
