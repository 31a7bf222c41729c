"""One picture of figures at one instant: floor, shadows, bodies, put over each other. Sheets and films are made of these."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from kinestyle.motion.rotation import Array
from kinestyle.picture.body import LEFT, MIDDLE, RIGHT
from kinestyle.picture.camera import Camera
from kinestyle.picture.capsules import Window, cover, shade
from kinestyle.picture.figure import Figure
from kinestyle.picture.floor import PLANTED, PLANTED_RADIUS_M, TRAIL, TRAIL_RADIUS_M, Colour, Floor

_F = np.float32

Palette = dict[int, Colour]
"""The colours of the left, the right and the middle of a body."""

SIDE_COLOUR: Palette = {MIDDLE: (176, 181, 190), LEFT: (242, 124, 62), RIGHT: (52, 128, 214)}

SINK_M = 0.05
"""Depth below the floor at which a surface is fully pale. A sole's own thickness must not look like sinking."""
_FADE, _FADE_M = 0.30, 1.1
"""How much of its colour a surface loses towards the back, and over how many metres."""


class Actor(NamedTuple):
    """A figure in its colours, at one of its frames.

    trail: (N, 3) places on the floor that it comes through, and (N,) how strongly each is drawn
    """

    figure: Figure
    frame: int
    palette: Palette
    planted_strength: float = 0.9
    trail: tuple[Array, Array] | None = None


def draw_scene(actors: Sequence[Actor], floor: Floor, target: Array, supersampling: int = 2) -> Array:
    """The picture (height, width, 3), 0...255, of what the floor's camera sees when it looks at `target` (3,)."""
    picture = floor.paint(target)
    crowd = _together(actors)
    for actor in actors:
        if actor.trail is not None:
            floor.spots(picture, target, *actor.trail, TRAIL_RADIUS_M, TRAIL)
    floor.shadow(picture, target, crowd.place[crowd.cones], crowd.radius[crowd.cones])
    for actor in actors:
        strength = actor.planted_strength * actor.figure.contact[actor.frame]
        floor.spots(picture, target, actor.figure.feet[actor.frame], strength, PLANTED_RADIUS_M, PLANTED)
    camera = floor.camera.moved_to(target).scaled(supersampling)
    spot, scale = camera.project(crowd.place)
    # thinner than a pixel would be dotted
    thick = np.maximum(crowd.radius * scale, 0.6 * supersampling)
    size = (supersampling * floor.width, supersampling * floor.height)
    window = cover(spot, thick, crowd.cones, crowd.slabs, size, supersampling)
    if window is not None:
        sunk = bool((crowd.place[:, 1] - crowd.radius < -SINK_M).any())
        _put(picture, window, crowd.colour, camera, supersampling, sunk)
    return picture


class _Crowd(NamedTuple):
    """All actors' balls, cones and slabs in one. place: (P, 3), radius: (P,), cones: (C, 2), slabs: (S, 3), colour: (C + S, 3)"""

    place: Array
    radius: Array
    cones: np.ndarray
    slabs: np.ndarray
    colour: Array


def _together(actors: Sequence[Actor]) -> _Crowd:
    first = np.cumsum([0, *(len(a.figure.radius) for a in actors)])
    tables = [np.array([a.palette[side] for side in (MIDDLE, LEFT, RIGHT)], dtype=_F) for a in actors]
    return _Crowd(
        np.concatenate([a.figure.position[a.frame] for a in actors]),
        np.concatenate([a.figure.radius for a in actors]),
        np.concatenate([a.figure.cones + start for a, start in zip(actors, first, strict=False)]),
        np.concatenate([a.figure.slabs + start for a, start in zip(actors, first, strict=False)]),
        np.concatenate(
            [table[a.figure.cone_side] for a, table in zip(actors, tables, strict=True)]
            + [table[a.figure.slab_side] for a, table in zip(actors, tables, strict=True)]
        ),
    )


def _put(picture: Array, window: Window, colour: Array, camera: Camera, supersampling: int, sunk: bool) -> None:
    lines, columns = window.near.shape
    seen = np.flatnonzero(window.part >= 0)
    depth = window.near.ravel()[seen]
    far = np.clip(_F(0.35 * _FADE) - camera.near_m(depth) * _F(0.5 * _FADE / _FADE_M), 0.0, _FADE)
    flat = np.zeros((lines * columns, 4), dtype=_F)
    flat[seen, :3] = shade(window, seen, colour, far)
    flat[seen, 3] = 1.0
    if sunk:
        y, x = np.divmod(seen, columns)
        height = camera.height_m(x + 0.5 + window.left, y + 0.5 + window.top, depth)
        # what has sunk below the floor turns pale, and the floor shows through it
        opacity = 1.0 - 0.68 * np.clip(-height / SINK_M - 0.6, 0.0, 1.0)
        flat[seen] *= opacity[:, None].astype(_F)
    fine, k = flat.reshape(lines, columns, 4), supersampling
    mixed = fine[::k, ::k].copy()
    for step in range(1, k * k):
        mixed += fine[step // k :: k, step % k :: k]
    mixed *= _F(1.0 / (k * k))
    top, left = window.top // k, window.left // k
    part = picture[top : top + mixed.shape[0], left : left + mixed.shape[1]]
    part *= _F(1.0) - mixed[..., 3:]
    part += mixed[..., :3]


def to_bytes(picture: Array) -> np.ndarray:
    """(height, width, 3) float, 0...255 -> uint8."""
    return (np.clip(picture, 0.0, 255.0) + 0.5).astype(np.uint8)
