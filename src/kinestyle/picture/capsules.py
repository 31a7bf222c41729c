"""A rasterizer for bodies of round cones and slabs: no polygons, no sorting, no graphics card.

Limbs are round cones with a depth at every pixel, not lines sorted by depth: where two limbs cross,
no order of whole bones need be right, and a wrong one at a twisted shoulder looks like an error of
the motion.

Every pixel that a part may touch makes a pair with it, and all pairs are computed together: first
for the pixels' middles, and then, only in pixels with an edge, for several samples within, so that
edges are smooth at little cost.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from kinestyle.motion.rotation import Array

_F = np.float32


class Fragments(NamedTuple):
    """N samples at which a surface is visible, each a pixel or a part of one.

    column, line: (N,) int, the pixel; weight: (N,) its share of the pixel
    x, y, depth: (N,) pixels right, down and near; normal: (3, N) unit, right, up and near
    part: (N,) int, the number of the cone, or the count of cones plus the number of the slab
    """

    column: np.ndarray
    line: np.ndarray
    weight: Array
    x: Array
    y: Array
    depth: Array
    normal: Array
    part: np.ndarray


class Pairs(NamedTuple):
    """Pixels that parts may touch, in the order of the parts: column, line: (N,) int; counts: how
    many there are of each part.
    """

    column: np.ndarray
    line: np.ndarray
    counts: np.ndarray

    def only(self, chosen: np.ndarray) -> Pairs:
        """chosen: (M,) ascending numbers of pairs"""
        ends = np.searchsorted(chosen, np.cumsum(self.counts))
        return Pairs(self.column[chosen], self.line[chosen], np.diff(ends, prepend=0))


_MIDDLE = (0.5, 0.5)
_WITHIN = ((0.125, 0.625), (0.375, 0.125), (0.625, 0.875), (0.875, 0.375))
"""Samples in a pixel with an edge: no two in one line or column, so that nearly level and nearly
upright edges have four steps.
"""
_BLOCK = 16384
"""Pairs that are computed together, about: their data stay in the processor's cache."""
_STEP_PX = 2.5
"""A jump in depth between neighbours that makes an edge."""
_NOTHING = _F(-1e30)
"""The depth where a part is not."""


def rasterize(
    centre: Array,
    radius: Array,
    cones: np.ndarray,
    slabs: np.ndarray,
    kind: np.ndarray,
    size: tuple[int, int],
) -> Fragments:
    """The visible surface of balls joined to cones and slabs in a picture of size (width, height).

    centre: (P, 3) pixels right, down and near; radius: (P,) pixels; cones: (C, 2), slabs: (S, 3)
        numbers of points
    kind: (C + S,) int; parts of one kind have one colour and need no smooth edge where they meet
    """
    parts = _Parts(
        centre[cones].astype(float),
        radius[cones].astype(float),
        centre[slabs].astype(float),
        radius[slabs].astype(float),
    )
    pairs = _join(parts.cone_pixels(size), parts.slab_pixels(size))
    if not len(pairs.column):
        return parts.fragments(pairs, _MIDDLE, np.zeros(0, dtype=int), np.zeros(0, dtype=_F), 1.0)
    # pixels are numbered within a window around all of them, and outside of it is a rim of nothing
    left, top = int(pairs.column.min()) - 1, int(pairs.line.min()) - 1
    width, height = int(pairs.column.max()) - left + 2, int(pairs.line.max()) - top + 2
    pixel = (pairs.line - top) * width + (pairs.column - left)
    depth = parts.depth(pairs, _MIDDLE)
    first = _nearest(pixel, depth, width * height)
    part = np.repeat(np.arange(len(pairs.counts), dtype=np.int32), pairs.counts)
    edge = _edges(pixel[first], kind[part[first]], depth[first], width, height)

    inner = first[~edge[pixel[first]]]
    found = [parts.fragments(pairs, _MIDDLE, inner, depth[inner], 1.0)]
    there = np.flatnonzero(edge[pixel])
    cut = pairs.only(there)
    number = np.cumsum(edge, dtype=np.int32)[pixel[there]] - 1
    for within in _WITHIN:
        depth = parts.depth(cut, within)
        first = _nearest(number, depth, int(edge.sum()))
        found.append(parts.fragments(cut, within, first, depth[first], 1.0 / len(_WITHIN)))
    return Fragments(*(np.concatenate(each, axis=-1) for each in zip(*found, strict=True)))


def _nearest(cell: np.ndarray, depth: Array, count: int) -> np.ndarray:
    """cell: (N,) int below `count`, depth: (N,) of N surfaces -> (M,) ascending numbers of those
    that are the nearest in their cell.
    """
    best = np.full(count, 0.9 * _NOTHING, dtype=_F)
    np.maximum.at(best, cell, depth)
    candidates = np.flatnonzero(depth == best[cell])
    # of two at the very same depth the last is as good as the first
    there = cell[candidates]
    winner = np.empty(count, dtype=np.int32)
    winner[there] = candidates
    return candidates[winner[there] == candidates]


def _edges(
    pixel: np.ndarray, kind: np.ndarray, depth: Array, width: int, height: int
) -> np.ndarray:
    """(height * width,) bool: a neighbour shows another kind, or something far behind, or nothing
    where this shows something.
    """
    shown = np.full((height, width), -1, dtype=np.int16)
    shown.ravel()[pixel] = kind
    far = np.zeros((height, width), dtype=_F)
    far.ravel()[pixel] = depth
    edge = np.zeros((height, width), dtype=bool)
    for here, there in ((np.s_[:, 1:], np.s_[:, :-1]), (np.s_[1:], np.s_[:-1])):
        step = far[here] - far[there]
        unlike = (shown[here] != shown[there]) | (np.abs(step, out=step) > _STEP_PX)
        edge[here] |= unlike
        edge[there] |= unlike
    return edge.ravel()


def _join(a: Pairs, b: Pairs) -> Pairs:
    return Pairs(*(np.concatenate(both) for both in zip(a, b, strict=True)))


def counted(counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """counts: (N,) -> owner (M,), each of 0...N-1 as often as its count, and (M,) 0, 1, ... within
    each owner.
    """
    owner = np.repeat(np.arange(len(counts)), counts)
    start = np.cumsum(counts) - counts
    return owner, np.arange(len(owner)) - np.repeat(start, counts)


def fill(
    owner: np.ndarray, line: np.ndarray, low: Array, high: Array, count: int, width: int
) -> Pairs:
    """Lines of pixels from low to high, (M,) columns, of `count` owners, as pairs."""
    left = np.clip(np.floor(low), 0, width).astype(int)
    right = np.clip(np.floor(high) + 1.0, 0, width).astype(int)
    long = np.maximum(right - left, 0)
    of, at = counted(long)
    return Pairs(left[of] + at, line[of], np.bincount(owner, long, count).astype(int))


def lines(
    flat: Array, radius: Array, size: tuple[int, int]
) -> tuple[np.ndarray, np.ndarray, Array, Array]:
    """The lines of pixels that parts reach. flat: (N, B, 2) right and down, radius: (N, B).

    Returns owner (M,) int, line (M,) int, and low, high (M,), the columns between which the whole
    part lies.
    """
    width, height = size
    low, high = (flat - radius[..., None]).min(axis=1), (flat + radius[..., None]).max(axis=1)
    top = np.clip(np.floor(low[:, 1]), 0, height).astype(int)
    bottom = np.clip(np.floor(high[:, 1]) + 1.0, 0, height).astype(int)
    beside = (high[:, 0] < 0.0) | (low[:, 0] > width)
    owner, at = counted(np.where(beside, 0, np.maximum(bottom - top, 0)))
    return owner, top[owner] + at, low[owner, 0], high[owner, 0]


class _Parts:
    """Cones and slabs with all that is the same at each of their pixels.

    cones: (C, 2, 3) and (C, 2), slabs: (S, 3, 3) and (S, 3): centres right, down and near, and
        radii, in pixels

    A cone is all balls from one end to the other, c(t) = a + t d with radius r(t) = r + t g. Above
    a pixel p the surface of a ball lies at z(t) = a_z + t d_z + sqrt(r(t)^2 - |p - c(t)|^2), which
    is concave in t, so its top has a closed form:
    t = l / k + d_z sqrt(r^2 - |p - a|^2 + l^2 / k) / sqrt(k (k + d_z^2)) with l = r g + (p - a) d
    and k = |d|^2 - g^2, all in the plane of the picture.

    A slab is a plane that touches three balls. Its unit normal n obeys n (p_i - p_0) = r_0 - r_i
    for two of them: its share along the triangle follows from that, the rest is square to the
    triangle. Of its two sides one faces the viewer.
    """

    def __init__(
        self, cone_centre: Array, cone_radius: Array, slab_centre: Array, slab_radius: Array
    ):
        self.cone_centre, self.cone_radius = cone_centre, cone_radius
        self.cone_count = len(cone_centre)
        start, along = cone_centre[:, 0], cone_centre[:, 1] - cone_centre[:, 0]
        radius, growth = cone_radius[:, 0], cone_radius[:, 1] - cone_radius[:, 0]
        # end on, one ball hides the other and the parabola has no top; a tiny curvature then
        # picks the right end
        k = np.maximum((along[:, :2] ** 2).sum(axis=1) - growth**2, 1e-3)
        slope = along[:, 2] / np.sqrt(k * (k + along[:, 2] ** 2))
        linear = [along[:, 0] / k, along[:, 1] / k, radius * growth / k]
        self.cone = np.stack([*start.T, *along.T, radius, growth, *linear, k, slope]).astype(_F)
        self.corners, face = _faces(slab_centre, slab_radius)
        a, b, c = np.moveaxis(self.corners, 1, 0)
        ab, ac = b - a, c - a
        area = ab[:, 0] * ac[:, 1] - ab[:, 1] * ac[:, 0]
        hidden = np.abs(area) < 1e-6
        area = np.where(hidden, 1.0, area)
        facing = np.maximum(face[:, 2], 1e-3)
        rows = [
            ac[:, 1] / area,
            -ac[:, 0] / area,
            -ab[:, 1] / area,
            ab[:, 0] / area,
            -face[:, 0] / facing,
        ]
        a = np.where(hidden[:, None], [0.0, 0.0, float(_NOTHING)], a)
        self.slab = np.stack([*a.T, *rows, -face[:, 1] / facing, *face.T]).astype(_F)

    def cone_pixels(self, size: tuple[int, int]) -> Pairs:
        """All pixels that cones touch, and few more."""
        owner, line, low, high = lines(self.cone_centre[..., :2], self.cone_radius, size)
        (ax, ay), (dx, dy) = (
            self.cone_centre[:, 0, :2].T,
            (self.cone_centre[:, 1] - self.cone_centre[:, 0])[:, :2].T,
        )
        # within the thickest radius of the line through both ends, which a pixel's corner may be
        # too
        reach = self.cone_radius.max(axis=1) * np.hypot(dx, dy) + 0.5 * (np.abs(dx) + np.abs(dy))
        steep = np.abs(dy) > 1e-3
        over = np.where(steep, dy, 1.0)
        half = np.where(steep, reach / np.abs(over), np.inf)[owner]
        middle = (ax - (ay - 0.5) * dx / over - 0.5)[owner] + line * (dx / over)[owner]
        return fill(
            owner,
            line,
            np.maximum(low, np.ceil(middle - half)),
            np.minimum(high, middle + half),
            self.cone_count,
            size[0],
        )

    def slab_pixels(self, size: tuple[int, int]) -> Pairs:
        """All pixels that slabs' triangles touch, and few more."""
        flat = self.corners[..., :2]
        owner, line, _, _ = lines(flat, np.zeros(flat.shape[:2]), size)
        low, high = np.full(len(owner), 1e9), np.full(len(owner), -1e9)
        for start, end in ((0, 1), (1, 2), (2, 0)):
            p, q = flat[:, start], flat[:, end]
            rise = q[:, 1] - p[:, 1]
            # along a level edge all of it is in one line
            slope = np.where(
                np.abs(rise) > 1e-6,
                (q[:, 0] - p[:, 0]) / np.where(np.abs(rise) > 1e-6, rise, 1.0),
                0.0,
            )
            above, below = np.minimum(p[:, 1], q[:, 1])[owner], np.maximum(p[:, 1], q[:, 1])[owner]
            touched = (above <= line + 1.0) & (below >= line)
            for y in (np.maximum(line, above), np.minimum(line + 1.0, below)):
                x = p[owner, 0] + (y - p[owner, 1]) * slope[owner]
                low, high = (
                    np.where(touched, np.minimum(low, x), low),
                    np.where(touched, np.maximum(high, x), high),
                )
        return fill(owner, line, low, high, len(flat), size[0])

    def depth(self, pairs: Pairs, within: tuple[float, float]) -> Array:
        """(N,) pixels near, at one sample within each pixel."""
        x, y = pairs.column.astype(_F) + _F(within[0]), pairs.line.astype(_F) + _F(within[1])
        return np.concatenate([solved[0] for solved in self._solve(pairs.counts, x, y)])

    def fragments(
        self,
        pairs: Pairs,
        within: tuple[float, float],
        first: np.ndarray,
        depth: Array,
        weight: float,
    ) -> Fragments:
        """The fragments of the pairs with (M,) ascending numbers, which are known to be visible."""
        pairs = pairs.only(first)
        x, y = pairs.column.astype(_F) + _F(within[0]), pairs.line.astype(_F) + _F(within[1])
        solved = [np.stack(normal) for _, *normal in self._solve(pairs.counts, x, y)]
        part = np.repeat(np.arange(len(pairs.counts)), pairs.counts)
        normal = np.concatenate(solved, axis=1)
        return Fragments(
            pairs.column, pairs.line, np.full(len(x), weight, dtype=_F), x, y, depth, normal, part
        )

    def _solve(
        self, counts: np.ndarray, x: Array, y: Array
    ) -> Iterator[tuple[Array, Array, Array, Array]]:
        """Depth and normal's components, block by block of pairs in the order of the parts."""
        ends = np.concatenate([[0], np.cumsum(counts)])
        for first, last, kind in (
            (0, self.cone_count, self._cones),
            (self.cone_count, len(counts), self._slabs),
        ):
            start = first
            while start < last:
                stop = int(np.searchsorted(ends, ends[start] + _BLOCK, side="right")) - 1
                stop = min(max(stop, start + 1), last)
                block = slice(int(ends[start]), int(ends[stop]))
                yield kind(
                    slice(start - first, stop - first), counts[start:stop], x[block], y[block]
                )
                start = stop

    def _cones(
        self, parts: slice, counts: np.ndarray, x: Array, y: Array
    ) -> tuple[Array, Array, Array, Array]:
        table = np.repeat(self.cone[:, parts], counts, axis=1)
        ax, ay, az, dx, dy, dz, radius, growth, lx, ly, constant, k, slope = table
        x, y = x - ax, y - ay
        linear = x * lx
        linear += y * ly
        linear += constant
        most = radius * radius
        most -= x * x
        most -= y * y
        k *= linear
        k *= linear
        most += k
        np.maximum(most, _F(0.0), out=most)
        np.sqrt(most, out=most)
        most *= slope
        most += linear
        t = np.clip(most, _F(0.0), _F(1.0), out=most)
        growth *= t
        growth += radius
        thick = np.maximum(growth, _F(1e-3), out=growth)
        dx *= t
        x -= dx
        x /= thick
        dy *= t
        y -= dy
        y /= thick
        near = _F(1.0) - x * x
        near -= y * y
        missed = near <= 0.0
        np.maximum(near, _F(0.0), out=near)
        np.sqrt(near, out=near)
        thick *= near
        thick += az
        dz *= t
        thick += dz
        thick += missed * _NOTHING
        return thick, x, np.negative(y, out=y), near

    def _slabs(
        self, parts: slice, counts: np.ndarray, x: Array, y: Array
    ) -> tuple[Array, Array, Array, Array]:
        ax, ay, az, bx, by, cx, cy, zx, zy, right, down, near = np.repeat(
            self.slab[:, parts], counts, axis=1
        )
        x, y = x - ax, y - ay
        second, third = x * bx + y * by, x * cx + y * cy
        missed = (second < 0.0) | (third < 0.0) | (second + third > 1.0)
        return az + x * zx + y * zy + missed * _NOTHING, right, -down, near


def _faces(centre: Array, radius: Array) -> tuple[Array, Array]:
    """centre: (S, 3, 3), radius: (S, 3) -> the corners (S, 3, 3) at which planes touch the balls on
    the viewer's side, and normals (S, 3), right, down and near. An invisible slab has its corners
    at one point.
    """
    edges = centre[:, 1:] - centre[:, :1]
    square = np.cross(edges[:, 0], edges[:, 1])
    area = np.linalg.norm(square, axis=-1, keepdims=True)
    flat = area[:, 0] > 1e-3
    along = np.einsum("sij,sj->si", np.linalg.pinv(edges), radius[:, :1] - radius[:, 1:])
    rest = 1.0 - (along**2).sum(axis=-1)
    side = np.where(square[:, 2] > 0.0, 1.0, -1.0)
    normal = along + (np.sqrt(np.maximum(rest, 0.0)) * side)[:, None] * square / np.maximum(
        area, 1e-9
    )
    # else one ball, or the cone of two, hides the third
    visible = flat & (rest > 0.0) & (normal[:, 2] > 1e-3)
    corners = centre + radius[..., None] * normal[:, None]
    return np.where(visible[:, None, None], corners, corners[:, :1]), normal


LIGHT = np.array([-0.40, 0.80, 0.45])
LIGHT /= np.linalg.norm(LIGHT)
"""(3,) unit: to the light, right, up and near."""


def shade(fragments: Fragments, palette: Array, far: Array) -> Array:
    """(N, 3) lit colours, 0...255.

    palette: (C + S, 3) the colour of each part; far: (N,) in [0, 1], how much it fades into
        the light of the background
    """
    right, up, near = fragments.normal
    lit = right * _F(0.5 * LIGHT[0]) + up * _F(0.5 * LIGHT[1]) + near * _F(0.5 * LIGHT[2]) + _F(0.5)
    np.maximum(lit, _F(0.0), out=lit)
    # the rim is darkened, since otherwise two limbs of one colour melt together where they cross
    strength = (_F(0.64) + _F(0.50) * lit * np.sqrt(lit)) * (_F(0.70) + _F(0.30) * np.sqrt(near))
    glow = np.clip(np.maximum((lit - _F(0.9)) * _F(1.9), _F(0.0)) + far, 0.0, 1.0)
    # colour * strength * (1 - glow) + 255 * glow
    colour = np.take(palette.astype(_F), fragments.part, axis=0)
    colour *= (strength * (_F(1.0) - glow))[:, None]
    colour += (_F(255.0) * glow)[:, None]
    return np.minimum(colour, _F(255.0), out=colour)
