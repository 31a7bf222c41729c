"""The conversions of the Blender extension, which need no Blender; what Blender makes of them is in
test_blender_extension.py.
"""

from __future__ import annotations

import ast
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from kinestyle_blender import channels
from kinestyle_blender.poses import Bones, basis_of, capture, pose_of, restore, turn_of
from kinestyle_blender.work import Work

from kinestyle.motion import rotation
from made_rigs import any_rotations

ROOT = Path(__file__).resolve().parents[1]
ADDON = ROOT / "integrations/blender/kinestyle_blender"
MODES = ("QUATERNION", "AXIS_ANGLE", "XYZ", "XZY", "YXZ", "YZX", "ZXY", "ZYX")
FRAMES = 40


def some_bones(random: np.random.Generator, count: int, plain: bool) -> Bones:
    rest = np.tile(np.eye(4), (count, 1, 1))
    rest[:, :3, :3] = rotation.to_matrix(any_rotations(3, count))
    rest[:, :3, 3] = random.standard_normal((count, 3))
    switches = np.ones((3, count), dtype=bool) if plain else random.random((3, count)) < 0.7
    return Bones(
        tuple(f"bone {i}" for i in range(count)),
        np.array([-1, *(int(random.integers(i)) for i in range(1, count))]),
        rest,
        np.full(count, 0.3),
        *switches,
        connected=np.zeros(count, dtype=bool),
    )


def some_basis(random: np.random.Generator, count: int, scaled: bool = False) -> np.ndarray:
    location = 0.1 * random.standard_normal((count, FRAMES, 3))
    scale = random.uniform(0.5, 2.0, (count, FRAMES, 1)) if scaled else np.ones((count, FRAMES, 1))
    turned = any_rotations(5, count, FRAMES)
    made = [
        channels.basis_matrices(location[j], turned[j], np.tile(scale[j], 3)) for j in range(count)
    ]
    return np.stack(made, axis=1)


def smooth_turns() -> np.ndarray:
    """(T, 4) with more than a whole turn, through the poles of any order of angles."""
    at = np.linspace(0.1, 9.0, 400)[:, None]
    return rotation.exp(at * np.array([0.9, -0.6, 0.3]) + 0.4 * np.sin(3.0 * at))


@pytest.mark.parametrize("mode", MODES)
def test_a_rotation_mode_there_and_back_without_jumps(mode: str) -> None:
    q = smooth_turns()
    near = np.zeros(channels.size_of(mode))
    values = channels.from_quaternion(q, mode, near)
    back = channels.to_quaternion(values, mode)
    assert np.abs(rotation.dot(back, q)).min() > 1.0 - 1e-9
    if mode in ("QUATERNION", "AXIS_ANGLE"):
        assert np.abs(np.diff(values, axis=0)).max() < 0.2
    else:
        # angles may be quick near a pole, and never jump by a turn
        assert np.abs(np.diff(values, axis=0)).max() < np.pi


@pytest.mark.parametrize("mode", [mode for mode in MODES if mode not in channels.PATHS])
def test_angles_begin_near_those_that_stood_there(mode: str) -> None:
    before = np.array([[2.0 * np.pi + 0.3, 0.4, -2.0 * np.pi - 0.2]])
    q = channels.to_quaternion(before, mode)
    assert channels.from_quaternion(q, mode, before[0]) == pytest.approx(before, abs=1e-9)


def test_blenders_xyz_turns_about_x_first() -> None:
    """As Blender's manual has it, and unlike the letters of a BVH file."""
    angles = np.array([[0.3, -0.5, 0.7]])
    about = [rotation.exp(angle * axis) for angle, axis in zip(angles[0], np.eye(3), strict=True)]
    expected = rotation.multiply(about[2], rotation.multiply(about[1], about[0]))
    assert channels.to_quaternion(angles, "XYZ")[0] == pytest.approx(expected)


@pytest.mark.parametrize("plain", [True, False])
def test_basis_and_pose_are_inverse(plain: bool) -> None:
    random = np.random.default_rng(1)
    bones, basis = some_bones(random, 20, plain), some_basis(random, 20, scaled=True)
    assert basis_of(bones, pose_of(bones, basis)) == pytest.approx(basis, abs=1e-8)


@pytest.mark.parametrize("scale", [1.0, 0.01])
def test_a_clip_of_bones_stands_where_they_do(scale: float) -> None:
    random = np.random.default_rng(2)
    bones, basis = some_bones(random, 12, True), some_basis(random, 12)
    world = np.eye(4)
    world[:3, :3] = scale * rotation.to_matrix(rotation.exp(np.array([1.5, 0.2, -0.4])))
    world[:3, 3] = 1.0, 2.0, 3.0
    pose = pose_of(bones, basis)
    clip = capture(bones, pose, np.tile(world, (FRAMES, 1, 1)), 1 / 24, "any").clip
    assert clip.world_position == pytest.approx((world @ pose)[..., :3, 3], abs=1e-9)
    # no rotation of the joints is the rest pose, in the object's size
    at_rest = np.linalg.norm(np.diff(bones.rest[[0, 1], :3, 3], axis=0)) * scale
    assert np.linalg.norm(clip.skeleton.offsets[1]) == pytest.approx(at_rest)


def test_what_a_result_leaves_alone_stays_as_it_was() -> None:
    """And a bone that is turned is turned by its own curve, whatever hangs on it."""
    random = np.random.default_rng(3)
    bones, basis = some_bones(random, 12, True), some_basis(random, 12)
    world = np.tile(np.eye(4), (FRAMES, 1, 1))
    captured = capture(bones, pose_of(bones, basis), world, 1 / 30, "any")
    held = np.zeros(12, dtype=bool)
    same = restore(captured, captured.clip, world, None, held)
    assert not same.turned.any()
    assert not same.moved.any()
    assert same.basis == pytest.approx(basis, abs=1e-9)
    turned = captured.clip.local_rotation.copy()
    turned[:, 4] = rotation.multiply(rotation.exp(np.array([0.2, 0.1, 0.0])), turned[:, 4])
    other = captured.clip.with_motion(captured.clip.local_position, turned)
    found = restore(captured, other, world, None, held)
    assert np.flatnonzero(found.turned).tolist() == [4]
    rest = [joint for joint in range(12) if joint != 4]
    assert found.basis[:, rest] == pytest.approx(basis[:, rest], abs=1e-9)
    assert np.abs(found.basis[:, 4] - basis[:, 4]).max() > 0.05


def test_a_bone_that_keeps_its_turn_is_written_where_its_parent_turns() -> None:
    random = np.random.default_rng(4)
    bones = some_bones(random, 6, True)
    bones.inherits_rotation[5] = False
    parent = int(bones.parents[5])
    world = np.tile(np.eye(4), (FRAMES, 1, 1))
    captured = capture(bones, pose_of(bones, some_basis(random, 6)), world, 1 / 30, "any")
    turned = captured.clip.local_rotation.copy()
    turned[:, parent] = rotation.multiply(
        turned[:, parent], rotation.exp(np.array([0.0, 0.3, 0.0]))
    )
    other = captured.clip.with_motion(captured.clip.local_position, turned)
    found = restore(captured, other, world, None, np.zeros(6, dtype=bool))
    assert found.turned[5]
    shown = turn_of(pose_of(bones, found.basis)[:, 5])
    wanted = rotation.multiply(other.world_rotation[:, 5], captured.own[5])
    assert np.abs(rotation.dot(shown, wanted)).min() > 1.0 - 1e-9


def test_bones_between_those_of_the_clip_go_with_their_parents() -> None:
    random = np.random.default_rng(5)
    bones, basis = some_bones(random, 8, True), some_basis(random, 8)
    bones.parents[:] = np.arange(8) - 1
    world = np.tile(np.eye(4), (FRAMES, 1, 1))
    pose = pose_of(bones, basis)
    captured = capture(bones, pose, world, 1 / 30, "any", [0, 2, 4], [-1, 0, 1])
    assert captured.clip.world_position == pytest.approx(pose[:, [0, 2, 4]][..., :3, 3])
    turned = captured.clip.local_rotation.copy()
    turned[:, 0] = rotation.multiply(rotation.exp(np.array([0.0, 0.0, 0.5])), turned[:, 0])
    other = captured.clip.with_motion(captured.clip.local_position, turned)
    found = pose_of(bones, restore(captured, other, world, None, np.zeros(8, dtype=bool)).basis)
    assert found[:, [0, 2, 4]][..., :3, 3] == pytest.approx(other.world_position, abs=1e-9)
    assert basis_of(bones, found)[:, [1, 3, 5]] == pytest.approx(basis[:, [1, 3, 5]], abs=1e-9)


def test_bones_beside_the_body_are_left_out_and_stay() -> None:
    random = np.random.default_rng(7)
    bones, basis = some_bones(random, 8, True), some_basis(random, 8)
    bones.parents[:] = [-1, 0, -1, 2, 3, 4, 1, 5]
    world = np.tile(np.eye(4), (FRAMES, 1, 1))
    captured = capture(bones, pose_of(bones, basis), world, 1 / 30, "any")
    assert captured.clip.skeleton.names == tuple(bones.names[j] for j in (2, 3, 4, 5, 7))
    assert captured.clip.skeleton.parents.tolist() == [-1, 0, 1, 2, 3]
    moved = captured.clip.local_position.copy()
    moved[:, 0] += 1.0
    other = captured.clip.with_motion(moved, captured.clip.local_rotation)
    found = restore(captured, other, world, None, np.zeros(8, dtype=bool))
    assert np.flatnonzero(found.moved).tolist() == [2]
    assert found.basis[:, [0, 1, 6]] == pytest.approx(basis[:, [0, 1, 6]], abs=1e-9)


def test_a_result_of_another_length() -> None:
    random = np.random.default_rng(6)
    bones, basis = some_bones(random, 6, True), some_basis(random, 6)
    world = np.tile(np.eye(4), (FRAMES, 1, 1))
    captured = capture(bones, pose_of(bones, basis), world, 1 / 30, "any")
    moments = np.arange(0, FRAMES, 2).astype(float)
    result = captured.clip[::2]
    found = restore(captured, result, world[::2], moments, np.zeros(6, dtype=bool))
    assert found.basis == pytest.approx(basis[::2], abs=1e-9)
    assert found.turned.all()


# ---------------------------------------------------------------- work in the background


def waited_for(work: Work) -> Work:
    until = time.monotonic() + 10.0
    while work.running:
        assert time.monotonic() < until, "it does not end"
        time.sleep(0.005)
    return work


def test_work_says_how_far_it_is_and_ends() -> None:
    done = waited_for(Work(lambda progress: progress(0.75)))
    assert (done.share, done.stopped, done.fault) == (0.75, False, None)


def test_work_ends_when_it_is_stopped() -> None:
    started = threading.Event()

    def forever(progress: Callable[[float], None]) -> None:
        while True:
            progress(0.5)
            started.set()

    work = Work(forever)
    started.wait(10.0)
    assert work.running
    work.stop()
    assert waited_for(work).fault is None


def test_what_work_raises_is_kept() -> None:
    def wrong(progress: Callable[[float], None]) -> None:
        raise ZeroDivisionError

    assert isinstance(waited_for(Work(wrong)).fault, ZeroDivisionError)


# ---------------------------------------------------------------- what imports what


@pytest.mark.parametrize("path", sorted(ADDON.glob("*.py")), ids=lambda path: path.stem)
def test_the_extension_says_its_licence_and_imports_no_more_than_it_ships(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    # in two pieces, or tools take it for this file's own
    assert "# SPDX-License-" + "Identifier: GPL-3.0-or-later" in text.splitlines()[1]
    shipped = {"__future__", "bpy", "kinestyle", "numpy"}
    standard = {"collections", "contextlib", "dataclasses", "functools", "json", "pathlib"}
    standard |= {"threading", "typing", "warnings", "zlib"}
    found = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            found |= {name.name.partition(".")[0] for name in node.names}
        if isinstance(node, ast.ImportFrom) and not node.level:
            found.add((node.module or "").partition(".")[0])
    assert found <= shipped | standard
    if path.stem in ("poses", "channels", "work"):
        assert "bpy" not in found


def test_kinestyle_knows_no_blender() -> None:
    for path in (ROOT / "src").rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        assert "import bpy" not in text, path
        assert "kinestyle_blender" not in text, path
