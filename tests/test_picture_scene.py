"""A picture of figures on the floor: light, depth, trails and what stands on what."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from kinestyle.motion.rotation import Array
from kinestyle.picture.body import LEFT, MIDDLE, RIGHT
from kinestyle.picture.camera import Camera, three_quarter_axes
from kinestyle.picture.capsules import LIGHT, Fragments, shade
from kinestyle.picture.figure import Figure
from kinestyle.picture.floor import Floor
from kinestyle.picture.scene import SIDE_COLOUR, TONES, Actor, draw_scene, palette_of

SIZE = 240
NOWHERE = np.zeros(3)
AXES = three_quarter_axes()


@pytest.fixture(scope="module")
def floor() -> Floor:
    camera = Camera(NOWHERE, (120.0, 160.0), 100.0, np.inf, AXES)
    return Floor(camera, np.full((SIZE, SIZE, 3), 255.0, dtype=np.float32), 2.0, rim=0.3)


def balls(position: Array, radius: float = 0.15, side: int = MIDDLE) -> Figure:
    """One frame of balls at (N, 3) metres."""
    count = len(position)
    return Figure(
        label="balls",
        position=np.asarray(position, dtype=float)[None],
        radius=np.full(count, radius),
        cones=np.repeat(np.arange(count), 2).reshape(-1, 2),
        cone_side=np.full(count, side),
        slabs=np.zeros((0, 3), dtype=int),
        slab_side=np.zeros(0, dtype=int),
        root=np.zeros((1, 3)),
        feet=np.zeros((1, 0, 3)),
        contact=np.zeros((1, 0)),
        frame_time_seconds=1.0,
    )


def at(floor: Floor, position: Array, right: float = 0.0, up: float = 0.0) -> tuple[int, int]:
    """Line and column of a position (3,), and metres to the right and up from it in the picture."""
    (x, y, _), scale = floor.camera.project(np.asarray(position, dtype=float))
    return int(y - up * float(scale)), int(x + right * float(scale))


def brightness(picture: Array, place: tuple[int, int]) -> float:
    return float(picture[place].mean())


def test_light_comes_from_above_and_the_left(floor: Floor) -> None:
    middle = np.array([0.0, 1.0, 0.0])
    picture = draw_scene([Actor(balls([middle]), 0, SIDE_COLOUR)], floor, NOWHERE)
    above, below, left, right = (
        brightness(picture, at(floor, middle, *offset))
        for offset in ((0.0, 0.09), (0.0, -0.09), (-0.09, 0.0), (0.09, 0.0))
    )
    assert above > below + 20.0
    assert left > right + 10.0


def test_what_faces_away_from_the_viewer_is_darker_at_the_same_light() -> None:
    """So that two limbs of one colour are told apart where they cross."""
    across = np.cross(LIGHT, [0.0, 0.0, 1.0])
    across /= np.linalg.norm(across)
    normal = np.stack(
        [
            0.6 * LIGHT + 0.8 * (np.cos(angle) * across + np.sin(angle) * np.cross(across, LIGHT))
            for angle in (0.5 * np.pi, 0.2)
        ],
        axis=-1,
    )
    assert normal[2, 0] > normal[2, 1] > 0.0
    one, none = np.ones(2), np.zeros(2)
    pixel = none.astype(int)
    fragments = Fragments(pixel, pixel, one, one, one, one, normal, pixel)
    facing, rim = shade(fragments, np.array([[120.0, 120.0, 120.0]]), none).mean(axis=-1)
    assert rim < facing - 5.0


def test_what_is_farther_away_is_paler(floor: Floor) -> None:
    near, far = (np.array([0.0, 1.0, 0.0]) + depth * AXES[2] for depth in (0.6, -0.6))
    apart = 0.5 * AXES[0]
    figure = balls(np.stack([near - apart, far + apart]), side=LEFT)
    picture = draw_scene([Actor(figure, 0, SIDE_COLOUR)], floor, NOWHERE)
    colours = [picture[at(floor, position)] for position in figure.position[0]]
    saturation = [float(np.ptp(colour)) for colour in colours]
    assert saturation[0] > saturation[1] + 15.0


def test_a_trail_is_dots_on_the_floor_as_strong_as_each_is_said_to_be(floor: Floor) -> None:
    figure = balls(np.array([[0.0, 1.0, 0.0]]))
    dots = np.array([[0.3, 0.0, 0.2], [-0.3, 0.0, 0.2], [0.3, 0.0, -0.2]])
    actor = Actor(figure, 0, SIDE_COLOUR, trail=(dots, np.array([0.9, 0.35, 0.0])))
    plain, picture = (draw_scene([a], floor, NOWHERE) for a in (actor._replace(trail=None), actor))
    darker = [brightness(plain, at(floor, d)) - brightness(picture, at(floor, d)) for d in dots]
    assert darker[0] > 2.0 * darker[1] > 10.0
    assert darker[2] == 0.0


def test_a_body_shades_the_floor_behind_it_in_the_light(floor: Floor) -> None:
    middle = np.array([0.0, 0.5, 0.0])
    figure = balls(middle[None])
    elsewhere = replace(figure, position=figure.position + np.array([0.0, 50.0, 0.0]))
    picture, plain = (
        draw_scene([Actor(each, 0, SIDE_COLOUR)], floor, NOWHERE) for each in (figure, elsewhere)
    )
    toward = LIGHT @ AXES
    behind = at(floor, middle - toward * middle[1] / toward[1])
    assert np.hypot(*np.subtract(behind, at(floor, middle))) > 20.0, "the ball hides its shadow"
    assert brightness(plain, behind) - brightness(picture, behind) > 8.0


def test_figures_have_the_tone_of_their_number_and_their_sides_differ(floor: Floor) -> None:
    left = balls(np.array([[-0.3, 1.0, 0.0]]))
    right = balls(np.array([[0.3, 1.0, 0.0]]), side=RIGHT)
    actors = [Actor(left, 0, palette_of(1)), Actor(right, 0, palette_of(2))]
    picture = draw_scene(actors, floor, NOWHERE)
    for actor, tone in zip(actors, (TONES[1], TONES[2]), strict=True):
        colour = picture[at(floor, actor.figure.position[0, 0])]
        assert np.corrcoef(colour, tone)[0, 1] > 0.95
    palette = palette_of(0)
    assert sum(palette[RIGHT]) < sum(TONES[0]) < sum(palette[MIDDLE]) < sum(palette[LEFT])
    assert palette_of(len(TONES)) == palette_of(0)
