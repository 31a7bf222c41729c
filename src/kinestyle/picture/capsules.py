"""Round cones drawn into a depth buffer: no polygons, no sorting, no graphics card.

Limbs are round cones, not lines sorted by depth: where two limbs cross, the order of whole bones can be wrong for a part of
them, and a twisted shoulder is just where that would be read as an error of the motion.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from kinestyle.motion.rotation import Array

_F = np.float32


class Window(NamedTuple):
    """What is seen of some parts of bodies within a picture; the window's top left pixel is (left, top).

    near: (h, w) depth in pixels, -inf where nothing is
    normal: (3, h, w) right, up and near, of any length
    part: (h, w) int, the number of the cone, or the count of cones plus the number of the slab; -1 where nothing is
    """

    left: int
    top: int
    near: Array
    normal: Array
    part: np.ndarray


def cover(
    spot: Array, radius: Array, cones: np.ndarray, slabs: np.ndarray, size: tuple[int, int], multiple: int = 1
) -> Window | None:
    """What is seen of balls joined to cones and slabs in a picture of size (width, height); None where none of it is in there.

    spot: (P, 3) pixels right, down and near; radius: (P,) pixels; cones: (C, 2), slabs: (S, 3) numbers of points
    multiple: the window starts and ends at multiples of it
    """
    low, high = np.floor(spot[:, :2] - radius[:, None]), np.ceil(spot[:, :2] + radius[:, None]) + 1.0
    low, high = np.clip(low, 0, size).astype(int), np.clip(high, 0, size).astype(int)
    boxes = np.concatenate(
        [np.concatenate([low[of].min(axis=1), high[of].max(axis=1)], axis=1) for of in (cones, slabs) if len(of)]
    )
    inside = (boxes[:, :2] < boxes[:, 2:]).all(axis=1)
    if not inside.any():
        return None
    left, top = (boxes[inside, :2].min(axis=0) // multiple * multiple).tolist()
    right, bottom = np.minimum(-(-boxes[inside, 2:].max(axis=0) // multiple) * multiple, size).tolist()
    near = np.full((bottom - top, right - left), -np.inf, dtype=_F)
    window = Window(left, top, near, np.zeros((3, *near.shape), dtype=_F), np.full(near.shape, -1, dtype=np.int16))
    spot, radius = (spot - [left, top, 0.0]).astype(_F), radius.astype(_F)
    boxes -= [left, top, left, top]
    for part in np.flatnonzero(inside).tolist():
        if part < len(cones):
            _cone(window, part, spot[cones[part]], radius[cones[part]], boxes[part].tolist())
        else:
            corners = slabs[part - len(cones)]
            _slab(window, part, spot[corners], radius[corners], boxes[part].tolist())
    return window


def _cone(window: Window, part: int, spot: Array, radii: Array, box: list[int]) -> None:
    """Put one round cone into the window where it is the nearest.

    The cone is all balls from one end to the other, c(t) = a + t d with radius r(t). Above a pixel p the surface of a
    ball lies at z(t) = a_z + t d_z + sqrt(r(t)^2 - |p - c(t)|^2), which is concave in t, so its top has a closed form.
    """
    left, top, right, bottom = box
    (ax, ay, az), (dx, dy, dz) = spot[0], spot[1] - spot[0]
    radius, growth = radii[0], radii[1] - radii[0]
    x = np.arange(left, right, dtype=_F)[None, :] + (_F(0.5) - ax)
    y = np.arange(top, bottom, dtype=_F)[:, None] + (_F(0.5) - ay)
    # seen end on, one ball hides the other and the parabola has no top; a tiny curvature then picks the right end
    curvature = max(dx * dx + dy * dy - growth * growth, _F(1e-3))
    # t = linear / curvature + slope * sqrt(constant + linear^2 / curvature)
    linear = (x * (dx / curvature)) + (y * (dy / curvature) + radius * growth / curvature)
    slope = dz / np.sqrt(curvature * (curvature + dz * dz))
    if slope != 0.0:
        most = (radius * radius - x * x) - y * y
        most += linear * linear * curvature
        np.maximum(most, _F(0.0), out=most)
        np.sqrt(most, out=most)
        most *= slope
        linear += most
    t = np.clip(linear, _F(0.0), _F(1.0), out=linear)
    thick = t * growth
    thick += radius
    nx, ny = x - t * dx, y - t * dy
    inside = thick * thick
    inside -= nx * nx
    inside -= ny * ny
    hit = inside > 0.0
    rise = np.sqrt(np.maximum(inside, _F(0.0), out=inside), out=inside)
    z = t * dz
    z += rise
    z += az
    near = window.near[top:bottom, left:right]
    hit &= z > near
    np.copyto(near, z, where=hit)
    normal = window.normal[:, top:bottom, left:right]
    np.copyto(normal[0], nx, where=hit)
    np.copyto(normal[1], np.negative(ny, out=ny), where=hit)
    np.copyto(normal[2], rise, where=hit)
    np.copyto(window.part[top:bottom, left:right], np.int16(part), where=hit)


def _slab(window: Window, part: int, spot: Array, radii: Array, box: list[int]) -> None:
    """Put the side of a slab that faces the viewer into the window: the triangle in which a plane touches the three balls.

    The plane's unit normal n obeys n (p_i - p_0) = r_0 - r_i for both other balls: its share along the triangle follows from
    that, the rest is square to the triangle.
    """
    left, top, right, bottom = box
    edges = (spot[1:] - spot[0]).astype(float)
    square = np.cross(edges[0], edges[1])
    area = float(np.linalg.norm(square))
    if area < 1e-3:
        return
    along = np.linalg.pinv(edges) @ (radii[0] - radii[1:]).astype(float)
    rest = 1.0 - float(along @ along)
    if rest <= 0.0:
        return  # one ball, or the cone of two, hides the third
    normal = along + np.sqrt(rest) * square / area * (1.0 if square[2] > 0.0 else -1.0)
    if normal[2] <= 1e-3:
        return
    a, b, c = spot + radii[:, None] * normal
    turn = (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])
    if abs(turn) < 1e-3:
        return
    x = np.arange(left, right, dtype=_F)[None, :] + _F(0.5 - a[0])
    y = np.arange(top, bottom, dtype=_F)[:, None] + _F(0.5 - a[1])
    second = x * _F((c[1] - a[1]) / turn) - y * _F((c[0] - a[0]) / turn)
    third = y * _F((b[0] - a[0]) / turn) - x * _F((b[1] - a[1]) / turn)
    z = x * _F(-normal[0] / normal[2]) + (y * _F(-normal[1] / normal[2]) + _F(a[2]))
    near = window.near[top:bottom, left:right]
    hit = (second >= 0.0) & (third >= 0.0) & (second + third <= 1.0) & (z > near)
    np.copyto(near, z, where=hit)
    for axis, value in enumerate((normal[0], -normal[1], normal[2])):
        np.copyto(window.normal[axis, top:bottom, left:right], _F(value), where=hit)
    np.copyto(window.part[top:bottom, left:right], np.int16(part), where=hit)


LIGHT = np.array([-0.40, 0.80, 0.45])
LIGHT /= np.linalg.norm(LIGHT)
"""(3,) unit: to the light, right, up and near."""


def shade(window: Window, seen: np.ndarray, palette: Array, far: Array) -> Array:
    """(N, 3) lit colours, 0...255, of the N pixels whose flat places in the window are `seen`.

    palette: (C + S, 3) the colour of each part; far: (N,) in [0, 1], how much each pixel fades into the light of the background
    """
    right, up, near = (axis.ravel()[seen] for axis in window.normal)
    length = np.sqrt(right * right + up * up + near * near)
    lit = right * _F(0.5 * LIGHT[0]) + up * _F(0.5 * LIGHT[1]) + near * _F(0.5 * LIGHT[2])
    lit /= length
    lit += _F(0.5)
    near /= length
    # the rim is darkened, since otherwise two limbs of one colour melt together where they cross
    strength = (_F(0.64) + _F(0.50) * lit * np.sqrt(lit)) * (_F(0.70) + _F(0.30) * np.sqrt(near))
    glow = np.clip((lit - _F(0.9)) * _F(1.9), 0.0, None)
    glow += far
    np.clip(glow, 0.0, 1.0, out=glow)
    # colour * strength * (1 - glow) + 255 * glow
    colour = palette.astype(_F)[window.part.ravel()[seen]]
    colour *= (strength * (_F(1.0) - glow))[:, None]
    colour += (_F(255.0) * glow)[:, None]
    return np.minimum(colour, _F(255.0), out=colour)
