"""The floor that bodies stand on: a patch with a grid, shadows, and spots where feet are planted.

Everything is computed for the floor under each pixel, so that lines have no steps and nothing has
to be filled. What does not change while a camera only travels is computed once.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from kinestyle.motion.rotation import Array
from kinestyle.picture.camera import Camera
from kinestyle.picture.capsules import LIGHT, fill, lines

Colour = tuple[int, int, int]
_F = np.float32

PAPER_TOP: Colour = (250, 251, 253)
PAPER_BOTTOM: Colour = (232, 236, 243)
"""Behind the floor of a film and of the player."""
FLOOR: Colour = (226, 231, 239)
GRID: Colour = (168, 178, 194)
SHADOW: Colour = (58, 66, 84)
TRAIL: Colour = (112, 124, 146)
PLANTED: Colour = (52, 178, 104)

GRID_SPACING_M = 0.5
LINE_M = 0.012
PLANTED_RADIUS_M = 0.075
TRAIL_RADIUS_M = 0.02
SHADOW_COARSENESS = 4
"""Shadows are soft: they are computed for one pixel in so many, each way."""
_SHARP_M, _SOFTER = 0.035, 0.34
"""Width of a shadow's edge: at the floor, and its growth with the height of what casts it."""


@dataclass(frozen=True, eq=False)
class Floor:
    """The floor as a camera shows it from anywhere at the same height.

    camera: of its target only the height counts
    paper: (height, width, 3) what is behind and around the patch, 0...255
    radius_m: of the patch; rim: the share of the radius over which it fades out
    """

    camera: Camera
    paper: Array
    radius_m: float
    rim: float

    @property
    def width(self) -> int:
        return int(self.paper.shape[1])

    @property
    def height(self) -> int:
        return int(self.paper.shape[0])

    @cached_property
    def _visible(self) -> tuple[int, Array, Array, Array]:
        """The first line with floor in it; and of all lines from there on, (2, h, w) positions,
        (2, h, w) how much floor a pixel covers, and (h, w) how solid the patch is.
        """
        position = self.camera.floor_position(self.width, self.height)
        distance = np.hypot(*position)
        solid = np.nan_to_num(
            np.clip((1.0 - distance / self.radius_m) / self.rim, 0.0, 1.0), nan=0.0
        )
        solid = solid * solid * (3.0 - 2.0 * solid)
        lines = np.flatnonzero((solid > 0.0).any(axis=1))
        first = int(lines[0]) if len(lines) else self.height
        # differences need a line above and below; there is no floor where nothing is solid
        position = np.nan_to_num(position[:, first:], nan=1e6)
        if position.shape[1] < 2:
            return self.height, position[:, :0], position[:, :0], solid[:0]
        footprint = np.stack(
            [
                np.abs(np.gradient(axis, axis=0)) + np.abs(np.gradient(axis, axis=1))
                for axis in position
            ]
        )
        return (
            first,
            position.astype(_F),
            np.maximum(footprint, 1e-6).astype(_F),
            solid[first:].astype(_F),
        )

    @cached_property
    def _grid_filter(self) -> tuple[Array, Array]:
        """(2, h, w) half the width over which a line's edge blurs into a pixel, and how dark its
        middle becomes.
        """
        _, _, footprint, solid = self._visible
        wide = np.maximum(footprint, LINE_M)
        dark = LINE_M / wide * solid
        # far off, where pixels cover whole squares, lines fade out instead of flickering
        return wide, dark * np.clip(2.0 - 5.0 * footprint / GRID_SPACING_M, 0.0, 1.0)

    @cached_property
    def _empty(self) -> Array:
        """(height, width, 3) the paper with the patch on it."""
        first, _, _, solid = self._visible
        picture = self.paper.astype(_F)
        picture[first:] += (np.array(FLOOR, dtype=_F) - picture[first:]) * solid[..., None]
        return picture

    def paint(self, target: Array) -> Array:
        """(height, width, 3) float, 0...255, the floor for a camera with its target at (3,)."""
        picture = self._empty.copy()
        first, position, _, _ = self._visible
        wide, dark = self._grid_filter
        lines = np.zeros(position.shape[1:], dtype=_F)
        for axis, at in enumerate((target[0], target[2])):
            away = (position[axis] + _F(at % GRID_SPACING_M)) * _F(1.0 / GRID_SPACING_M)
            away -= np.rint(away)
            np.abs(away, out=away)
            away *= _F(GRID_SPACING_M)
            # a box line through a box pixel of the same width: a tent
            np.divide(away, wide[axis], out=away)
            np.subtract(_F(1.0), away, out=away)
            np.maximum(away, _F(0.0), out=away)
            away *= dark[axis]
            np.maximum(lines, away, out=lines)
        _mix(picture[first:], lines, GRID)
        return picture

    def shadow(self, picture: Array, target: Array, ends: Array, radii: Array) -> None:
        """Darken where round cones keep the light off. ends: (C, 2, 3) on the stage, radii: (C, 2)
        metres.
        """
        camera = self.camera.moved_to(target)
        toward = LIGHT @ camera.axes
        height = np.maximum(ends[..., 1], 0.0)
        foot = ends - ends[..., 1:2] * (toward / toward[1])
        soft = _SHARP_M + _SOFTER * height
        pixels, scale = camera.project(foot)
        position, solid = self._coarse
        shape = solid.shape
        owner, line, low, high = lines(
            pixels[..., :2] / SHADOW_COARSENESS,
            (radii + soft) * scale / SHADOW_COARSENESS,
            (shape[1], shape[0]),
        )
        pairs = fill(owner, line, low, high, len(ends), shape[1])
        start, along = (foot[:, 0] - target)[:, [0, 2]], (foot[:, 1] - foot[:, 0])[:, [0, 2]]
        weight = 0.22 + 0.40 * np.exp(-height / 0.16)
        over = np.maximum((along**2).sum(axis=1), 1e-8)
        table = [*start.T, *along.T, *(along.T / over)]
        table += [
            of for each in (radii, soft, weight) for of in (each[:, 0], each[:, 1] - each[:, 0])
        ]
        rows = np.repeat(np.stack(table).astype(_F), pairs.counts, axis=1)
        (
            ax,
            az,
            dx,
            dz,
            ux,
            uz,
            radius,
            radius_growth,
            edge,
            edge_growth,
            strength,
            strength_growth,
        ) = rows
        here = pairs.line * shape[1] + pairs.column
        x, z = position[0].ravel()[here] - ax, position[1].ravel()[here] - az
        t = np.clip(x * ux + z * uz, _F(0.0), _F(1.0))
        away = np.hypot(x - t * dx, z - t * dz)
        radius, edge = radius + t * radius_growth, edge + t * edge_growth
        blocked = np.clip((radius - away) / edge + _F(0.5), _F(0.0), _F(1.0))
        blocked *= blocked * (_F(3.0) - _F(2.0) * blocked)
        blocked *= (strength + t * strength_growth) * np.minimum(_F(2.2) * radius / edge, _F(1.0))
        dark = np.zeros(shape, dtype=_F)
        np.maximum.at(dark.ravel(), here, blocked)
        dark *= solid
        self._darken(picture, dark)

    @cached_property
    def _coarse(self) -> tuple[Array, Array]:
        """(2, h, w) positions and (h, w) solidity in a picture with fewer pixels."""
        shrunk = Camera(
            self.camera.target,
            (self.camera.centre[0] / SHADOW_COARSENESS, self.camera.centre[1] / SHADOW_COARSENESS),
            self.camera.pixels_per_metre / SHADOW_COARSENESS,
            self.camera.distance_m,
            self.camera.axes,
        )
        height, width = -(-self.height // SHADOW_COARSENESS), -(-self.width // SHADOW_COARSENESS)
        position = np.nan_to_num(shrunk.floor_position(width, height), nan=1e6).astype(_F)
        distance = np.hypot(position[0], position[1])
        return position, np.clip((1.0 - distance / self.radius_m) / self.rim, 0.0, 1.0).astype(_F)

    def _darken(self, picture: Array, dark: Array) -> None:
        lines, columns = (
            np.flatnonzero((dark > 0.004).any(axis=1)),
            np.flatnonzero((dark > 0.004).any(axis=0)),
        )
        if not len(lines):
            return
        k = SHADOW_COARSENESS
        top, bottom = max(int(lines[0]) - 1, 0), min(int(lines[-1]) + 2, dark.shape[0])
        left, right = max(int(columns[0]) - 1, 0), min(int(columns[-1]) + 2, dark.shape[1])
        fine = _enlarge(_enlarge(dark[top:bottom, left:right], k).T, k).T
        part = picture[top * k : bottom * k, left * k : right * k]
        _mix(part, fine[: part.shape[0], : part.shape[1]], SHADOW)

    def spots(
        self,
        picture: Array,
        target: Array,
        spots: Array,
        strength: Array,
        radius_m: float,
        colour: Colour,
    ) -> None:
        """Draw round spots. spots: (N, 3) on the floor, strength: (N,) in [0, 1]."""
        camera = self.camera.moved_to(target)
        pixels, scale = camera.project(spots)
        first, position, footprint, solid = self._visible
        low = np.floor(pixels[:, :2] - 1.2 * radius_m * scale[:, None] - 2.0).astype(int)
        high = np.ceil(pixels[:, :2] + 1.2 * radius_m * scale[:, None] + 2.0).astype(int)
        size = np.array([self.width, self.height])
        low, high = np.maximum(low, [0, first]), np.minimum(high, size)
        for index in np.flatnonzero((low < high).all(axis=1) & (strength > 0.01)):
            (left, top), (right, bottom) = low[index].tolist(), high[index].tolist()
            here = (slice(top - first, bottom - first), slice(left, right))
            offset = (spots[index] - target)[[0, 2]]
            away = np.hypot(position[0][here] - _F(offset[0]), position[1][here] - _F(offset[1]))
            blur = np.maximum(0.5 * (footprint[0][here] + footprint[1][here]), 1e-4)
            amount = np.clip((radius_m - away) / blur + 0.5, 0.0, 1.0) * np.minimum(
                solid[here] * 1.5, 1.0
            )
            _mix(picture[top:bottom, left:right], amount * _F(strength[index]), colour)


def _enlarge(coarse: Array, factor: int) -> Array:
    """(n, ...) -> (n * factor, ...), linear between the middles of the coarse lines."""
    at = np.clip((np.arange(len(coarse) * factor) + 0.5) / factor - 0.5, 0.0, len(coarse) - 1.0)
    low = at.astype(int)
    high = np.minimum(low + 1, len(coarse) - 1)
    weight = (at - low).astype(_F)[:, None]
    return coarse[low] * (1.0 - weight) + coarse[high] * weight


def _mix(picture: Array, amount: Array, colour: Colour) -> None:
    """Blend a colour over a part of a picture (h, w, 3), in place; amount: (h, w) in [0, 1]."""
    for channel, value in enumerate(colour):
        layer = picture[..., channel]
        layer += (_F(value) - layer) * amount
