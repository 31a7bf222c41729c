"""SMPL's poses and Kimodo's files: rotations are read as they are, in whatever form and order, and
go back into the same file.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from kinestyle.errors import MotionFileError
from kinestyle.formats.arrays import parse_npy, parse_npz
from kinestyle.formats.arrays.body_poses import rest_skeleton
from kinestyle.formats.arrays.joint_sets import NAMES, SOMA_NAMES
from kinestyle.formats.arrays.kimodo import find_kimodo
from kinestyle.formats.arrays.rotations import Form, encode
from kinestyle.formats.table import read_motion, write_motion
from kinestyle.motion import rotation
from kinestyle.motion.clip import Clip
from kinestyle.motion.rotation import Array
from kinestyle.retarget.transfer import transfer
from made_rigs import walk
from test_arrays_positions import at_twenty, saved

QUARTER = rotation.exp(np.array([np.pi / 2, 0.0, 0.0]))
"""Y up -> Z up."""


@pytest.fixture(scope="module")
def walking() -> tuple[Array, Array]:
    """SMPL's rotations (T, 22, 4) of a walk, and its path (T, 3)."""
    clip = parse_npy(saved(at_twenty(walk(3.0).clip)[1]), "made.npy")
    return clip.local_rotation, clip.local_position[:, 0]


def archived(**arrays: object) -> bytes:
    file = io.BytesIO()
    np.savez_compressed(file, **arrays)
    return file.getvalue()


def rows(q: Array, form: Form, joints: int = 22) -> Array:
    """(T, 22, 4) -> (T, joints x n); further joints, such as fingers, are bent a little."""
    more = np.tile(rotation.exp(np.array([0.1, 0.2, 0.0])), (len(q), joints - 22, 1))
    return encode(np.concatenate([q, more], axis=1), form).reshape(len(q), -1)


def check_rotations(clip: Clip, q: Array) -> None:
    assert clip.skeleton.names == NAMES
    off = rotation.angle(rotation.multiply(rotation.inverse(q), clip.local_rotation))
    assert np.degrees(off).max() < 0.1


def bent(clip: Clip) -> Clip:
    """The clip with another left elbow from the fifth frame on, and moved aside."""
    local = clip.local_rotation.copy()
    local[5:, 18] = rotation.multiply(local[5:, 18], rotation.exp(np.array([0.0, -0.4, 0.0])))
    position = clip.local_position.copy()
    position[:, 0, 0] += np.linspace(0.0, 0.3, len(position))
    return clip.with_motion(position, local)


def amass(q: Array, path: Array, joints: int = 52, **more: object) -> bytes:
    """As AMASS stores a motion: Z up, with betas and text beside it."""
    upright = q.copy()
    upright[:, 0] = rotation.multiply(QUARTER, q[:, 0])
    return archived(
        poses=rows(upright, "vector", joints),
        trans=rotation.rotate(QUARTER, path),
        mocap_framerate=np.array(120.0),
        betas=np.zeros(16),
        gender=np.array("neutral"),
        **more,
    )


@pytest.mark.parametrize("joints", [22, 24, 52, 55])
def test_amass_is_read_and_written_in_place(walking, joints, tmp_path, released):
    q, path = walking
    data = amass(q, path, joints, labels=np.array(["walk"], dtype=object))
    (tmp_path / "walk.npz").write_bytes(data)
    clip = read_motion(tmp_path / "walk.npz")
    assert clip.frame_rate == pytest.approx(120.0)
    assert clip.world.up == (0.0, 0.0, 1.0)
    assert clip.world.metres_per_unit == 1.0
    assert "need SMPL's model" in clip.warnings[0]
    upright = q.copy()
    upright[:, 0] = rotation.multiply(QUARTER, q[:, 0])
    check_rotations(clip, upright)

    out = tmp_path / "out.npz"
    assert write_motion(clip, out) == ()
    assert out.read_bytes() == data
    assert write_motion(bent(clip), out) == ()
    before, after = (np.load(io.BytesIO(one)) for one in (data, out.read_bytes()))
    assert set(before.files) == set(after.files)
    assert np.array_equal(before["betas"], after["betas"])
    assert str(after["gender"]) == "neutral"
    changed = np.abs(before["poses"] - after["poses"]).max(axis=0) > 0
    assert set(np.flatnonzero(changed)) <= {54, 55, 56}, "only the elbow's numbers changed"
    assert np.array_equal(before["poses"][:5], after["poses"][:5])
    assert np.abs(after["trans"] - before["trans"])[-1] == pytest.approx([0.3, 0.0, 0.0])
    check_rotations(read_motion(out), bent(clip).local_rotation)

    result = released.stylize(clip, style="old")
    assert write_motion(result, out) == ()
    back = read_motion(out)
    assert np.abs(back.world_position - result.world_position).max() < 1e-3

    # other motion, of another length and rate
    other = transfer(walk(2.0).clip, clip)
    assert write_motion(other, out) == ()
    back = read_motion(out)
    assert (back.frame_count, back.frame_rate) == (61, pytest.approx(30.0))
    assert np.abs(back.world_position - other.world_position).max() < 1e-6


def test_a_lying_body_of_amass_has_z_up(walking):
    q, path = walking
    lying = q.copy()
    lying[:] = rotation.IDENTITY
    lying[:, 0] = rotation.exp(np.array([0.0, 0.0, np.pi / 2]))
    data = archived(poses=rows(lying, "vector", 52), trans=path * 0.0 + np.array([3.0, 2.0, 0.1]),
                    mocap_framerate=np.array(60.0))  # fmt: skip
    assert parse_npz(data, "lying.npz").world.up == (0.0, 0.0, 1.0)


ROWS: dict[str, Callable[[Array, Array], Array]] = {
    "66": lambda q, path: rows(q, "vector"),
    "72": lambda q, path: rows(q, "vector", 24),
    "75": lambda q, path: np.concatenate([rows(q, "vector", 24), path], axis=1),
    "trans first": lambda q, path: np.concatenate([path, rows(q, "vector", 24)], axis=1),
    "135": lambda q, path: np.concatenate([rows(q, "rows"), path], axis=1),
    "135, trans first": lambda q, path: np.concatenate([path, rows(q, "rows")], axis=1),
    "135 of columns": lambda q, path: np.concatenate([rows(q, "columns"), path], axis=1),
    "144, as HMR": lambda q, path: rows(q, "interleaved", 24),
    "151, as EDGE": lambda q, path: np.concatenate(
        [np.ones((len(q), 4)), path, rows(q, "rows", 24)], axis=1
    ),
    "322, as Motion-X": lambda q, path: np.concatenate(
        [rows(q, "vector", 52), np.zeros((len(q), 153)), path, np.ones((len(q), 10))], axis=1
    ),
    "matrices": lambda q, path: rows(q, "matrix", 24).reshape(len(q), 24, 3, 3),
    "vectors by joint": lambda q, path: rows(q, "vector", 24).reshape(len(q), 24, 3),
}


@pytest.mark.parametrize("layout", ROWS)
def test_rows_of_poses_are_read_and_written(walking, layout, tmp_path):
    q, path = walking
    array = ROWS[layout](q, path).astype(np.float32)
    clip = parse_npy(saved(array), "poses.npy")
    check_rotations(clip, q)
    places = layout not in ("66", "72", "144, as HMR", "matrices", "vectors by joint")
    wanted = path if places else np.zeros(3)
    assert np.abs(clip.local_position[:, 0] - wanted).max() < 1e-5
    assert any("--fps" in note for note in clip.warnings)
    out = tmp_path / "out.npy"
    write_motion(clip, out)
    assert out.read_bytes() == saved(array)
    notes = write_motion(bent(clip), out)
    assert ("travel was left out" in " ".join(notes)) == (not places)
    written = np.load(out)
    assert written.shape == array.shape
    assert written.dtype == np.float32
    check_rotations(read_motion(out), bent(clip).local_rotation)


@pytest.mark.parametrize("form", ["vector", "matrix", "rows"])
def test_root_and_body_may_be_apart(walking, form):
    q, path = walking
    body = rows(q[:, 1:], form, 24)  # 21 joints of the body and two hands
    root = encode(q[:, 0], form)
    data = archived(global_orient=root, body_pose=body, transl=path, fps=np.array(25))
    clip = parse_npz(data, "video.npz")
    check_rotations(clip, q)
    assert clip.frame_rate == pytest.approx(25.0)
    assert np.abs(clip.local_position[:, 0] - path).max() < 1e-5


def test_what_needs_a_body_model_says_so():
    with pytest.raises(MotionFileError, match="SMPL's model, which cannot be shipped"):
        parse_npz(archived(vertices=np.zeros((3, 6890, 3)), betas=np.zeros(10)), "mesh.npz")
    with pytest.raises(MotionFileError, match="holds no arrays of numbers"):
        parse_npz(archived(text=np.array("walk")), "text.npz")
    with pytest.raises(MotionFileError, match="not a sound"):
        parse_npz(b"PK nothing", "broken.npz")


def test_joints_in_an_archive_are_read(walking):
    position = at_twenty(walk(2.0).clip)[1]
    clip = parse_npz(archived(joints=position, fps=np.array(30)), "joints.npz")
    assert np.abs(clip.world_position - position).max() < 2e-3
    assert clip.frame_rate == pytest.approx(30.0)


def test_an_array_that_unpacks_to_too_much_is_not_read():
    data = archived(poses=np.zeros((200_000, 156)), trans=np.zeros((200_000, 3)))
    assert len(data) < 2**20
    with pytest.raises(MotionFileError):
        parse_npz(data, "bomb.npz")


def kimodo(q: Array, path: Array, joints: int) -> tuple[bytes, Clip]:
    """As Kimodo writes a motion on its skeletons."""
    names = NAMES if joints == 22 else tuple(SOMA_NAMES[joints].split())
    shape = np.zeros((1, joints, 3))
    layout = find_kimodo({"posed_joints": shape, "global_rot_mats": np.zeros((1, joints, 3, 3))})
    assert layout is not None
    assert layout.names == names
    own = rest_skeleton()
    roles = "Hips LeftLeg RightLeg Spine1 LeftShin RightShin Spine2 LeftFoot RightFoot Chest "
    roles += "LeftToeBase RightToeBase Neck1 LeftShoulder RightShoulder Head LeftArm RightArm "
    roles += "LeftForeArm RightForeArm LeftHand RightHand"
    smpl_of = {name: k for k, name in enumerate(NAMES if joints == 22 else roles.split())}
    offsets = np.tile([0.0, 0.0, 0.03], (joints, 1))
    local = np.tile(rotation.IDENTITY, (len(q), joints, 1))
    for joint, name in enumerate(names):
        if name in smpl_of:
            offsets[joint] = own.offsets[smpl_of[name]]
            local[:, joint] = q[:, smpl_of[name]]
    skeleton = replace(own, names=names, parents=np.array(layout.parents), offsets=offsets)
    position = np.tile(offsets, (len(q), 1, 1))
    position[:, 0] = path
    clip = Clip(skeleton, position, local, 1 / 30)
    data = archived(
        posed_joints=clip.world_position.astype(np.float32),
        global_rot_mats=rotation.to_matrix(clip.world_rotation).astype(np.float32),
        local_rot_mats=rotation.to_matrix(local).astype(np.float32),
        root_positions=path.astype(np.float32),
        foot_contacts=np.zeros((len(q), 4), dtype=bool),
    )
    return data, clip


@pytest.mark.parametrize("joints", [22, 30, 77])
def test_kimodos_files_are_read_and_written(walking, joints, tmp_path, released):
    data, made = kimodo(*walking, joints)
    (tmp_path / "motion.npz").write_bytes(data)
    clip = read_motion(tmp_path / "motion.npz")
    assert clip.skeleton.names == made.skeleton.names
    assert np.array_equal(clip.skeleton.parents, made.skeleton.parents)
    assert np.abs(clip.world_position - made.world_position).max() < 1e-5
    assert clip.frame_rate == pytest.approx(30.0)
    out = tmp_path / "out.npz"
    write_motion(clip, out)
    assert out.read_bytes() == data
    result = released.stylize(clip, style="old")
    (note,) = write_motion(result, out)
    assert "foot_contacts" in note
    back = read_motion(out)
    assert np.abs(back.world_position - result.world_position).max() < 1e-4
    written = np.load(out)
    local = rotation.from_matrix(written["local_rot_mats"].astype(float))
    off = rotation.multiply(rotation.inverse(result.local_rotation), local)
    assert np.degrees(rotation.angle(off)).max() < 0.1
    assert np.abs(written["root_positions"] - written["posed_joints"][:, 0]).max() == 0.0


def test_pickles_are_told_what_to_do(tmp_path: Path):
    (tmp_path / "result.pkl").write_bytes(b"\x80\x04.")
    with pytest.raises(MotionFileError, match=r"may run programs.*np\.savez"):
        read_motion(tmp_path / "result.pkl")
