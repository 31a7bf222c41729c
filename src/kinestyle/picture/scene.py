"""One picture of figures at one instant: floor, shadows and bodies, one over the other. Sheets and
films consist of these.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from kinestyle.motion.rotation import Array
from kinestyle.picture.body import LEFT, MIDDLE, RIGHT
from kinestyle.picture.camera import Camera
from kinestyle.picture.capsules import Fragments, rasterize, shade
from kinestyle.picture.figure import Figure
from kinestyle.picture.floor import PLANTED, PLANTED_RADIUS_M, TRAIL, TRAIL_RADIUS_M, Colour, Floor

_F = np.float32

Palette = dict[int, Colour]
"""The colours of the left, the right and the middle of a body."""

SIDE_COLOUR: Palette = {MIDDLE: (176, 181, 190), LEFT: (242, 124, 62), RIGHT: (52, 128, 214)}

TONES: tuple[Colour, ...] = (
    (126, 142, 166),
    (236, 116, 78),
    (44, 160, 146),
    (136, 104, 204),
    (228, 168, 48),
    (214, 88, 132),
    (84, 156, 72),
    (64, 128, 214),
)
"""Slate for the first, which often is the original; coral, teal, violet, amber, rose, green, blue.
"""

SINK_M = 0.05
"""Depth below the floor at which a surface is fully pale. A sole's own thickness must not look like
sinking.
"""
_FADE, _FADE_M = 0.30, 1.1
"""How much of its colour a surface loses towards the back, and over how many metres."""


def palette_of(number: int) -> Palette:
    """The colours of the `number`-th clip."""
    tone = np.array(TONES[number % len(TONES)], dtype=float)

    def mixed(with_grey: float, share: float) -> Colour:
        red, green, blue = (tone + share * (with_grey - tone)).round().astype(int).tolist()
        return red, green, blue

    return {MIDDLE: mixed(255.0, 0.10), LEFT: mixed(255.0, 0.30), RIGHT: mixed(0.0, 0.20)}


class Actor(NamedTuple):
    """A figure in its colours, at one of its frames.

    trail: (N, 3) positions on the floor that it passes, and (N,) how strongly each is drawn
    """

    figure: Figure
    frame: int
    palette: Palette
    planted_strength: float = 0.9
    trail: tuple[Array, Array] | None = None


def draw_scene(actors: Sequence[Actor], floor: Floor, target: Array) -> Array:
    """(height, width, 3), 0...255, the picture of the floor's camera with its target at (3,)."""
    picture = floor.paint(target)
    crowd = _together(actors)
    for actor in actors:
        if actor.trail is not None:
            floor.spots(picture, target, *actor.trail, TRAIL_RADIUS_M, TRAIL)
    floor.shadow(picture, target, crowd.position[crowd.cones], crowd.radius[crowd.cones])
    for actor in actors:
        strength = actor.planted_strength * actor.figure.contact[actor.frame]
        floor.spots(
            picture, target, actor.figure.feet[actor.frame], strength, PLANTED_RADIUS_M, PLANTED
        )
    camera = floor.camera.moved_to(target)
    centre, scale = camera.project(crowd.position)
    # thinner than a pixel would be dotted
    thick = np.maximum(crowd.radius * scale, 0.6)
    fragments = rasterize(
        centre, thick, crowd.cones, crowd.slabs, crowd.kind, (floor.width, floor.height)
    )
    if len(fragments.part):
        _composite(
            picture,
            fragments,
            crowd.colour,
            camera,
            sunk=bool((crowd.position[:, 1] - crowd.radius < -SINK_M).any()),
        )
    return picture


class _Crowd(NamedTuple):
    """All actors' balls, cones and slabs in one.

    position: (P, 3); radius: (P,); cones: (C, 2); slabs: (S, 3)
    kind: (C + S,) which actor and side; colour: (C + S, 3)
    """

    position: Array
    radius: Array
    cones: np.ndarray
    slabs: np.ndarray
    kind: np.ndarray
    colour: Array


def _together(actors: Sequence[Actor]) -> _Crowd:
    first = np.cumsum([0, *(len(a.figure.radius) for a in actors)])
    # cones of all actors, then slabs of all actors, as they are numbered together
    sides = [(number, a.figure.cone_side) for number, a in enumerate(actors)]
    sides += [(number, a.figure.slab_side) for number, a in enumerate(actors)]
    # MIDDLE is 0, LEFT 1, and RIGHT -1 the last
    table = np.array(
        [[a.palette[side] for side in (MIDDLE, LEFT, RIGHT)] for a in actors], dtype=_F
    )
    kind = np.concatenate([3 * number + side % 3 for number, side in sides])
    return _Crowd(
        np.concatenate([a.figure.position[a.frame] for a in actors]),
        np.concatenate([a.figure.radius for a in actors]),
        np.concatenate([a.figure.cones + start for a, start in zip(actors, first, strict=False)]),
        np.concatenate([a.figure.slabs + start for a, start in zip(actors, first, strict=False)]),
        kind,
        table.reshape(-1, 3)[kind],
    )


def _composite(
    picture: Array, fragments: Fragments, palette: Array, camera: Camera, sunk: bool
) -> None:
    """Blend the visible surface over the picture, in place. sunk: whether anything is so far below
    the floor that it turns pale.
    """
    far = np.clip(
        _F(0.35 * _FADE) - camera.near_m(fragments.depth) * _F(0.5 * _FADE / _FADE_M), 0.0, _FADE
    )
    colour, opacity = shade(fragments, palette, far), fragments.weight
    if sunk:
        height = camera.height_m(fragments.x, fragments.y, fragments.depth)
        # the floor shows through
        opacity = opacity * (1.0 - 0.68 * np.clip(-height / SINK_M - 0.6, 0.0, 1.0))
    # only the window with anything in it
    left, right = int(fragments.column.min()), int(fragments.column.max()) + 1
    top, bottom = int(fragments.line.min()), int(fragments.line.max()) + 1
    shape = (bottom - top, right - left)
    pixel, count = (
        (fragments.line - top) * shape[1] + (fragments.column - left),
        shape[0] * shape[1],
    )
    part = picture[top:bottom, left:right]
    part *= (1.0 - np.bincount(pixel, opacity, count)).astype(_F).reshape(*shape, 1)
    for channel in range(3):
        part[..., channel] += np.bincount(pixel, colour[:, channel] * opacity, count).reshape(shape)


def to_bytes(picture: Array) -> np.ndarray:
    """(height, width, 3) float, 0...255 -> uint8."""
    return (np.clip(picture, 0.0, 255.0) + 0.5).astype(np.uint8)
