"""The rasterizer: silhouettes and depths of round cones and slabs are those of geometry, and the
nearer hides the farther.
"""

from __future__ import annotations

import numpy as np
import pytest

from kinestyle.picture.camera import Camera, three_quarter_axes
from kinestyle.picture.capsules import Fragments, rasterize

SIZE = (90, 70)
NO_SLABS = np.zeros((0, 3), dtype=int)


def of_parts(spot, radius, cones=((0, 1),), slabs=NO_SLABS, kind=None, size=SIZE) -> Fragments:
    cones, slabs = (
        np.array(cones, dtype=int).reshape(-1, 2),
        np.array(slabs, dtype=int).reshape(-1, 3),
    )
    kind = np.arange(len(cones) + len(slabs)) if kind is None else np.array(kind)
    return rasterize(
        np.array(spot, dtype=float), np.array(radius, dtype=float), cones, slabs, kind, size
    )


def coverage(fragments: Fragments, size=SIZE) -> np.ndarray:
    """(H, W) the share of each pixel that is covered."""
    return np.bincount(
        fragments.line * size[0] + fragments.column, fragments.weight, size[0] * size[1]
    ).reshape(size[1], size[0])


def outline(spot, radius, size=SIZE, fineness=4) -> np.ndarray:
    """(H, W) the share of each pixel within the outline of a round cone: the union of many discs
    from end to end.
    """
    (a, b), (r, s) = np.array(spot, dtype=float)[:, :2], radius
    x = (np.arange(size[0] * fineness) + 0.5) / fineness
    y = (np.arange(size[1] * fineness) + 0.5) / fineness
    covered = np.zeros((len(y), len(x)), dtype=bool)
    # so close to each other that no gap is left between them
    for t in np.linspace(0.0, 1.0, 80 if min(r, s) > 2.0 else 500):
        middle, reach = a + t * (b - a), r + t * (s - r)
        covered |= np.hypot(x[None, :] - middle[0], y[:, None] - middle[1]) < reach
    return covered.reshape(size[1], fineness, size[0], fineness).mean(axis=(1, 3))


CONES = {
    "a ball": ([[40.3, 30.2, 0.0], [40.3, 30.2, 0.0]], (12.0, 12.0)),
    "level": ([[20.0, 30.5, 0.0], [70.0, 30.5, 0.0]], (6.0, 6.0)),
    "upright": ([[40.5, 10.0, 0.0], [40.5, 60.0, 0.0]], (7.5, 3.0)),
    "askew and tapered": ([[18.0, 12.0, -9.0], [66.0, 50.0, 14.0]], (10.0, 3.0)),
    "towards the viewer": ([[30.0, 30.0, -60.0], [42.0, 36.0, 60.0]], (8.0, 9.0)),
    "one end within the other": ([[40.0, 30.0, 0.0], [43.0, 31.0, 5.0]], (14.0, 4.0)),
    "across the picture's border": ([[-20.0, -15.0, 0.0], [100.0, 90.0, 0.0]], (9.0, 14.0)),
    "thin": ([[8.0, 60.0, 0.0], [80.0, 9.0, 0.0]], (0.6, 0.6)),
}


@pytest.mark.parametrize("name", CONES)
def test_the_silhouette_is_the_analytic_one(name):
    spot, radius = CONES[name]
    found, expected = coverage(of_parts(spot, radius)), outline(spot, radius)
    assert found.max() <= 1.0 + 1e-6
    # an edge pixel has four samples, so that it may be a quarter off
    assert np.abs(found - expected).max() <= (0.5 if name == "thin" else 0.34)
    assert np.abs(found - expected).mean() < 0.01
    assert found.sum() == pytest.approx(expected.sum(), rel=0.02)
    assert ((expected == 1.0) <= (found > 0.999)).all()


def test_a_balls_depth_and_normals_are_those_of_a_sphere():
    fragments = of_parts([[40.0, 30.0, 5.0]] * 2, (12.0, 12.0))
    right, down = fragments.x - 40.0, fragments.y - 30.0
    rise = np.sqrt(np.maximum(144.0 - right**2 - down**2, 0.0))
    assert np.abs(fragments.depth - 5.0 - rise).max() < 0.01
    assert np.abs(fragments.normal - np.stack([right, -down, rise]) / 12.0).max() < 0.01


@pytest.mark.parametrize("name", CONES)
def test_normals_are_unit_and_face_the_viewer(name):
    fragments = of_parts(*CONES[name])
    assert np.abs(np.linalg.norm(fragments.normal, axis=0) - 1.0).max() < 1e-3
    assert (fragments.normal[2] >= 0.0).all()


@pytest.mark.parametrize("in_front", [0, 1])
def test_the_nearer_hides_the_farther(in_front):
    depth = [(-20.0, 20.0), (20.0, -20.0)][1 - in_front]
    spot = [
        [15.0, 35.0, depth[0]],
        [75.0, 35.0, depth[0]],
        [45.0, 8.0, depth[1]],
        [45.0, 62.0, depth[1]],
    ]
    fragments = of_parts(spot, (5.0,) * 4, cones=[(0, 1), (2, 3)])
    crossing = (np.abs(fragments.x - 45.0) < 4.0) & (np.abs(fragments.y - 35.0) < 4.0)
    assert crossing.sum() >= 49
    assert (fragments.part[crossing] == in_front).all()


def test_the_order_of_parts_does_not_matter():
    random = np.random.default_rng(2)
    spot = np.column_stack(
        [random.uniform(10, 80, 12), random.uniform(10, 60, 12), random.uniform(-20, 20, 12)]
    )
    radius, cones = random.uniform(1.0, 9.0, 12), random.permutation(12).reshape(6, 2)
    one = of_parts(spot, radius, cones, kind=np.zeros(6, dtype=int))
    two = of_parts(spot, radius, cones[::-1], kind=np.zeros(6, dtype=int))
    pictures = []
    for fragments in (one, two):
        pictures.append(
            np.bincount(
                fragments.line * SIZE[0] + fragments.column,
                fragments.weight * fragments.depth,
                SIZE[0] * SIZE[1],
            )
        )
    assert np.abs(pictures[0] - pictures[1]).max() < 0.01


def test_cones_that_cross_within_one_another_are_parted_where_they_meet():
    # two sticks through each other: each is in front on one side of the crossing
    spot = [[15.0, 30.0, -25.0], [75.0, 40.0, 25.0], [15.0, 40.0, 25.0], [75.0, 30.0, -25.0]]
    fragments = of_parts(spot, (6.0,) * 4, cones=[(0, 1), (2, 3)])
    both = np.abs(fragments.y - 35.0) < 1.0
    assert (fragments.part[both & (fragments.x > 16.0) & (fragments.x < 42.0)] == 1).all()
    assert (fragments.part[both & (fragments.x > 48.0) & (fragments.x < 74.0)] == 0).all()


def test_a_slab_fills_what_its_balls_and_edges_leave_open():
    spot, radius = [[20.0, 15.0, 0.0], [70.0, 20.0, 10.0], [40.0, 60.0, -5.0]], (4.0, 6.0, 5.0)
    edges = [(0, 1), (1, 2), (0, 2)]
    hollow, whole = of_parts(spot, radius, edges), of_parts(spot, radius, edges, slabs=[(0, 1, 2)])
    middle = np.array(spot)[:, :2].mean(axis=0).astype(int)
    assert coverage(hollow)[middle[1], middle[0]] == 0.0
    assert coverage(whole)[middle[1], middle[0]] == 1.0
    # the hull of three discs is as large as its edges and the triangle between their middles
    # together
    x, y = np.meshgrid(np.arange(SIZE[0]) + 0.5, np.arange(SIZE[1]) + 0.5)
    sides = []
    for i in range(3):
        (px, py, _), (qx, qy, _) = spot[i], spot[(i + 1) % 3]
        sides.append((qx - px) * (y - py) - (qy - py) * (x - px))
    triangle = np.all(np.array(sides) > 0, axis=0)
    assert ((triangle | (coverage(hollow) > 0.999)) <= (coverage(whole) > 0.999)).all()
    assert (coverage(whole)[~triangle & (coverage(hollow) == 0.0)] <= 0.5).all()


def test_a_slab_touches_its_balls_so_that_no_seam_shows():
    spot, radius = (
        np.array([[20.0, 15.0, 0.0], [70.0, 20.0, 10.0], [40.0, 60.0, -5.0]]),
        np.array([4.0, 6.0, 5.0]),
    )
    fragments = of_parts(spot, radius, [(0, 1), (1, 2), (0, 2)], slabs=[(0, 1, 2)])
    on_slab = fragments.part == 3
    assert on_slab.sum() > 300
    (normal,) = np.unique(fragments.normal[:, on_slab].round(5), axis=1).T
    point = np.stack([fragments.x, -fragments.y, fragments.depth])[:, on_slab]
    for ball, size in zip(spot * [1.0, -1.0, 1.0], radius, strict=True):
        assert (normal @ (point - ball[:, None])).round(2) == pytest.approx(
            np.full(on_slab.sum(), size), abs=0.05
        )


@pytest.mark.parametrize(
    "spot",
    [
        [[20.0, 20.0, 0.0], [60.0, 20.0, 0.0], [40.0, 20.0, 30.0]],  # seen along its plane
        [[20.0, 20.0, 0.0], [60.0, 40.0, 0.0], [40.0, 30.0, 0.0]],  # three balls in one line
        [[40.0, 30.0, 0.0], [40.0, 30.0, 0.0], [40.0, 30.0, 0.0]],  # all three at one point
        [[40.0, 30.0, 0.0], [42.0, 30.0, 0.0], [40.0, 31.0, 0.0]],  # one within the other
    ],
)
def test_a_slab_that_is_hidden_by_its_balls_adds_nothing(spot):
    radius, edges = (9.0, 5.0, 2.0), [(0, 1), (1, 2), (0, 2)]
    alone, together = (
        of_parts(spot, radius, edges),
        of_parts(spot, radius, edges, slabs=[(0, 1, 2)]),
    )
    assert np.abs(coverage(alone) - coverage(together)).max() <= 0.26
    assert np.isfinite(together.normal).all()
    assert (together.normal[2] >= 0.0).all()


@pytest.mark.parametrize("away", [(500.0, 30.0), (-500.0, 30.0), (40.0, -300.0), (40.0, 300.0)])
def test_outside_of_the_picture_nothing_is_seen(away):
    assert len(of_parts([[*away, 0.0], [away[0] + 5.0, away[1], 0.0]], (9.0, 9.0)).part) == 0


def test_a_perspective_camera_sees_a_ball_as_wide_as_it_is():
    """The outline of a ball at distance d is a cone of sine r / d; beside the picture's middle it
    is stretched, but little.
    """
    camera = Camera(np.array([0.0, 1.0, 0.0]), (200.0, 150.0), 100.0, 6.5, three_quarter_axes())
    for position in ([0.0, 1.0, 0.0], [0.6, 0.4, 0.9], [-0.5, 1.6, -1.0]):
        (spot,), (scale,) = camera.project(np.array([position]))
        eye = camera.target + camera.distance_m * camera.axes[2]
        distance = np.linalg.norm(np.array(position) - eye)
        half_angle = np.arcsin(0.1 / distance)
        off_axis = np.arccos(np.dot(eye - np.array(position), camera.axes[2]) / distance)
        focal = camera.pixels_per_metre * camera.distance_m
        across = 0.5 * focal * (np.tan(off_axis + half_angle) - np.tan(off_axis - half_angle))
        assert 0.1 * scale == pytest.approx(across, rel=0.03)
        assert 0.1 * scale == pytest.approx(across, abs=0.35)
        assert np.hypot(spot[0] - 200.0, spot[1] - 150.0) == pytest.approx(
            focal * np.tan(off_axis), abs=1e-4
        )
        assert camera.height_m(*spot) == pytest.approx(position[1], abs=1e-9)


def test_depth_orders_places_by_their_distance_to_the_eye():
    camera = Camera(np.zeros(3), (0.0, 0.0), 100.0, 6.5, three_quarter_axes())
    near = np.linspace(-20.0, 6.0, 200)
    spots, scale = camera.project(near[:, None] * camera.axes[2])
    assert (np.diff(spots[:, 2]) >= 0.0).all()
    # where a metre is so many pixels wide it is as many pixels deep
    middle = slice(60, 140)
    assert np.gradient(spots[:, 2], near)[middle] == pytest.approx(scale[middle], rel=0.02)
