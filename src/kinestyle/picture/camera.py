"""The camera: axes, scale, perspective, target, and a path that follows a body.

The camera's heading never changes, so that a turn of the body shows. Positions on the stage become
pixels to the right and down, and a depth in pixels too, so that a ball is a ball: near the target
one metre is as many pixels along all three.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from kinestyle.motion.rotation import Array
from kinestyle.picture.figure import Figure

AZIMUTH_RADIANS = float(np.radians(38.0))
"""Angle between the initial facing and the viewer, towards the right of the picture."""
ELEVATION_RADIANS = float(np.radians(17.0))
"""How far the camera looks down: enough to separate the feet, and little enough to show height."""
DISTANCE_M = 6.5
"""From the eye of a perspective camera to its target: a long lens, which keeps proportions."""
NEAREST_SHARE = 0.15
"""Nothing is drawn nearer to the eye than this share of the distance."""
FOLLOW_SECONDS = 0.45
"""Standard deviation of the Gaussian that smooths the path of a camera that follows: steps vanish,
travel and turns stay.
"""
_FRAMED_INSTANTS = 80


def three_quarter_axes(
    azimuth_radians: float = AZIMUTH_RADIANS, elevation_radians: float = ELEVATION_RADIANS
) -> Array:
    """(3, 3) rows: the picture's right, its up and the direction to the viewer, on a stage where
    bodies first face +Z.
    """
    up, forward, left = (
        np.array([0.0, 1.0, 0.0]),
        np.array([0.0, 0.0, 1.0]),
        np.array([1.0, 0.0, 0.0]),
    )
    right = np.cos(azimuth_radians) * left + np.sin(azimuth_radians) * forward
    level = np.cos(azimuth_radians) * forward - np.sin(azimuth_radians) * left
    cos, sin = np.cos(elevation_radians), np.sin(elevation_radians)
    return np.stack([right, cos * up - sin * level, sin * up + cos * level])


@dataclass(frozen=True, eq=False)
class Camera:
    """How positions on the stage become pixels.

    target: (3,) where the camera looks; centre: (2,) the pixel, right and down, of the target
    pixels_per_metre: at the target
    distance_m: from the eye to the target; infinite for a picture without perspective
    axes: (3, 3) as `three_quarter_axes`
    """

    target: Array
    centre: tuple[float, float]
    pixels_per_metre: float
    distance_m: float
    axes: Array

    def moved_to(self, target: Array) -> Camera:
        return replace(self, target=target)

    def scaled(self, factor: int) -> Camera:
        """The same view in a picture with `factor` times the width and height."""
        right, down = self.centre
        return replace(
            self,
            centre=(factor * right, factor * down),
            pixels_per_metre=factor * self.pixels_per_metre,
        )

    def to_view(self, points: Array) -> Array:
        """points: (..., 3) on the stage -> (..., 3) metres right, up and near, from the target."""
        return (points - self.target) @ self.axes.T

    def project(self, points: Array) -> tuple[Array, Array]:
        """points: (..., 3) -> (..., 3) pixels right, down and near, and (...) how many pixels a
        metre is there.

        Depth grows with the logarithm of the distance to the eye: its unit then is the local pixel
            at any distance.
        """
        right, up, near = np.moveaxis(self.to_view(points), -1, 0)
        if np.isinf(self.distance_m):
            magnified, depth = np.ones_like(near), near
        else:
            magnified = 1.0 / np.maximum(1.0 - near / self.distance_m, NEAREST_SHARE)
            depth = self.distance_m * np.log(magnified)
        scale = self.pixels_per_metre * magnified
        x, y = self.centre[0] + scale * right, self.centre[1] - scale * up
        return np.stack([x, y, self.pixels_per_metre * depth], axis=-1), scale

    def near_m(self, depth: Array) -> Array:
        """depth: pixels, the third of `project` -> metres by which a point is nearer than the
        target.
        """
        near = depth / self.pixels_per_metre
        if np.isinf(self.distance_m):
            return near
        return self.distance_m * (1.0 - np.exp(-near / self.distance_m))

    def height_m(self, x: Array, y: Array, depth: Array) -> Array:
        """Pixels right, down and near, as from `project` -> metres above the floor."""
        near = self.near_m(depth)
        magnified = (
            1.0
            if np.isinf(self.distance_m)
            else 1.0 / np.maximum(1.0 - near / self.distance_m, NEAREST_SHARE)
        )
        up = (self.centre[1] - y) / (self.pixels_per_metre * magnified)
        return self.target[1] + up * self.axes[1, 1] + near * self.axes[2, 1]

    def floor_position(self, width: int, height: int) -> Array:
        """(2, height, width) where each pixel's middle meets the floor, metres along X and Z from
        the target; NaN above the horizon.
        """
        x = (np.arange(width) + 0.5 - self.centre[0])[None, :, None] / self.pixels_per_metre
        y = (np.arange(height) + 0.5 - self.centre[1])[:, None, None] / self.pixels_per_metre
        through = (
            x * self.axes[0] - y * self.axes[1]
        )  # on the plane through the target that faces the viewer
        away = -self.axes[2] + (0.0 if np.isinf(self.distance_m) else through / self.distance_m)
        with np.errstate(divide="ignore", invalid="ignore"):
            along = -(self.target[1] + through[..., 1]) / away[..., 1]
            position = through + along[..., None] * away
        position[(away[..., 1] >= -1e-6)] = np.nan
        return np.moveaxis(position[..., [0, 2]], -1, 0)


def follow_path(figures: Sequence[Figure]) -> Array:
    """(T, 3) the target of a camera that follows figures of T frames each: their middle on the
    floor, smoothed over time.

    The path is reflected through its ends, so that the camera neither lags at the start nor stops
    short at the end.
    """
    path = np.mean([figure.root for figure in figures], axis=0) * [1.0, 0.0, 1.0]
    reach = round(3.0 * FOLLOW_SECONDS / figures[0].frame_time_seconds)
    reach = min(reach, len(path) - 1)
    if reach < 1:
        return path
    before, after = 2.0 * path[0] - path[reach:0:-1], 2.0 * path[-1] - path[-2 : -2 - reach : -1]
    bell = np.exp(
        -0.5 * (np.arange(-reach, reach + 1) * figures[0].frame_time_seconds / FOLLOW_SECONDS) ** 2
    )
    long = np.concatenate([before, path, after])
    return np.stack(
        [np.convolve(axis, bell / bell.sum(), mode="valid") for axis in long.T], axis=-1
    )


def fixed_target(figures: Sequence[Figure]) -> Array:
    """(3,) the middle of all the floor that figures cover."""
    roots = np.concatenate([figure.root for figure in figures])
    return 0.5 * (roots.min(axis=0) + roots.max(axis=0)) * np.array([1.0, 0.0, 1.0])


def frame_all(
    scenes: Sequence[tuple[Sequence[Figure], Array]],
    width: int,
    height: int,
    margins: tuple[float, float],
) -> Camera:
    """The camera, at one scale for all, that shows everything in panels of width x height pixels.

    scenes: figures of T frames each, and the path (T, 3) of the camera's target
    margins: pixels kept free above and below; a share of the width is kept free at the sides

    A joint that is flung away for a moment must not shrink the body to a dot, so that nothing far
    beyond a body's reach is framed.
    """
    axes = three_quarter_axes()
    edges: list[Array] = []
    for figures, path in scenes:
        for figure in figures:
            instants = np.unique(
                np.linspace(0, figure.frame_count - 1, _FRAMED_INSTANTS).round().astype(int)
            )
            reach, root = 1.3 * figure.size_m, figure.root[instants, None]
            balls = (
                np.clip(figure.position[instants], root - reach, root + reach)
                - path[instants, None]
            )
            radius = np.broadcast_to(figure.radius[:, None], (*balls.shape[:2], 1))
            edges.append(np.concatenate([balls, radius], axis=-1).reshape(-1, 4))
    ends = np.concatenate(edges)
    extent = float(np.abs(ends[:, [0, 2]]).max())
    distance_m = max(DISTANCE_M, 2.6 * extent)
    camera = Camera(np.zeros(3), (0.0, 0.0), 1.0, distance_m, axes)
    pixels, scale = camera.project(ends[:, :3])
    radius = ends[:, 3] * scale
    left, right = float((pixels[:, 0] - radius).min()), float((pixels[:, 0] + radius).max())
    top, bottom = (
        float((pixels[:, 1] - radius).min()),
        float(max((pixels[:, 1] + radius).max(), 0.05)),
    )
    above, below = margins
    # what is followed stays in the middle; a camera that stands still may look past it
    half = max(right, -left)
    pixels_per_metre = min(0.46 * width / half, (height - above - below) / (bottom - top))
    spare = height - above - below - pixels_per_metre * (bottom - top)
    centre = (0.5 * width, above + 0.5 * spare - pixels_per_metre * top)
    return replace(camera, centre=centre, pixels_per_metre=pixels_per_metre)
