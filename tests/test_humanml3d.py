"""HumanML3D arrays: positions and features become a clip whose joints lie where they were, and bend
the way joints bend.
"""

from __future__ import annotations

import contextlib
import io

import numpy as np
import pytest

from kinestyle.errors import MotionFileError
from kinestyle.formats.humanml3d import features_to_positions, parse_npy
from kinestyle.formats.humanml3d.joints import NAMES
from kinestyle.formats.table import read_motion, write_motion
from kinestyle.motion import rotation
from kinestyle.motion.canonical import CANONICAL
from kinestyle.motion.clip import METRES_Y_UP, Clip
from kinestyle.motion.resampling import resample
from kinestyle.motion.rotation import Array
from kinestyle.retarget.correspondence import correspond, to_canonical
from made_rigs import walk

ROLES = {"pelvis": "hips", "spine1": "spine", "spine3": "chest", "neck": "neck", "head": "head"}
for _side in ("left", "right"):
    _parts = {"hip": "thigh", "knee": "shin", "ankle": "foot", "foot": "toe", "collar": "clavicle"}
    _parts |= {"shoulder": "upper_arm", "elbow": "forearm", "wrist": "hand"}
    ROLES |= {f"{_side}_{joint}": f"{_side}_{role}" for joint, role in _parts.items()}


def at_twenty(canonical: Clip) -> tuple[Clip, Array]:
    """A canonical clip at 20 frames a second, and the positions (T, 22, 3) of SMPL's joints."""
    clip = resample(canonical, 20.0)
    position = np.empty((clip.frame_count, len(NAMES), 3))
    for joint, name in enumerate(NAMES):
        if name in ROLES:
            position[:, joint] = clip.world_position[:, CANONICAL.index(ROLES[name])]
    position[:, 6] = 0.5 * (position[:, 3] + position[:, 9])
    return clip, position


def saved(array: Array) -> bytes:
    file = io.BytesIO()
    np.save(file, array, allow_pickle=True)
    return file.getvalue()


def encode(position: Array) -> Array:
    """position: (T, 22, 3) -> (T - 1, 263) features as HumanML3D lays them out, written for this
    test.
    """
    across = position[:, 1] - position[:, 2] + position[:, 16] - position[:, 17]
    yaw = np.unwrap(np.arctan2(-across[:, 2], across[:, 0]))
    back = rotation.about_y(-yaw)
    step = rotation.rotate(back[1:], np.diff(position[:, 0], axis=0))
    local = position.copy()
    local[..., [0, 2]] -= position[:, :1, [0, 2]]
    local = rotation.rotate(back[:, None], local)
    velocity = rotation.rotate(back[:-1, None], np.diff(position, axis=0))
    turns = np.tile([1.0, 0.0, 0.0, 0.0, 1.0, 0.0], 21)
    rows = [
        # the y component of the half angle of the quaternion that goes from world to heading
        -0.5 * np.diff(yaw)[:, None],
        step[:, [0, 2]],
        position[:-1, 0, 1:2],
        local[:-1, 1:].reshape(len(step), -1),
        np.tile(turns, (len(step), 1)),
        velocity.reshape(len(step), -1),
        np.ones((len(step), 4)),
    ]
    return np.concatenate(rows, axis=1)


@pytest.fixture(scope="module")
def made() -> tuple[Clip, Array]:
    return at_twenty(walk(4.0).clip)


def test_positions_come_back(made):
    _, position = made
    clip = parse_npy(saved(position.astype(np.float32)), "made.npy")
    assert clip.skeleton.names == NAMES
    assert clip.world == METRES_Y_UP
    assert clip.frame_time_seconds == 0.05
    assert np.abs(clip.world_position - position).max() < 2e-3
    lengths = np.linalg.norm(clip.local_position[:, 1:], axis=-1)
    assert np.ptp(lengths, axis=0).max() < 1e-9, "bones change their length"


def test_batches_of_one_are_opened(made):
    _, position = made
    clip = parse_npy(saved(position[None, None]), "made.npy")
    assert clip.frame_count == len(position)


def test_twist_is_that_of_the_body(made):
    """The walk's own rotations are known: trunk, thighs, shins, upper arms and forearms must come
    out turned as they were.
    """
    canonical, position = made
    clip = parse_npy(saved(position), "made.npy")
    for name in (
        "pelvis",
        "spine3",
        "left_hip",
        "right_hip",
        "left_knee",
        "right_knee",
        "left_elbow",
        "right_elbow",
    ):
        true = canonical.world_rotation[:, CANONICAL.index(ROLES[name])]
        off = rotation.angle(
            rotation.multiply(rotation.inverse(true), clip.world_rotation[:, NAMES.index(name)])
        )
        assert np.degrees(off).max() < 12.0, name


def test_features_are_decoded(made):
    _, position = made
    features = encode(position)
    decoded = features_to_positions(features)
    # features forget where a motion starts and which way it faces
    across = position[0, 1] - position[0, 2] + position[0, 16] - position[0, 17]
    back = rotation.about_y(-np.arctan2(-across[2], across[0]))
    wanted = position[:-1].copy()
    wanted[..., [0, 2]] -= position[0, 0, [0, 2]]
    assert np.abs(decoded - rotation.rotate(back, wanted)).max() < 1e-9
    clip = parse_npy(saved(features[None].astype(np.float32)), "features.npy")
    assert np.abs(clip.world_position - decoded).max() < 2e-3


def test_normalised_features_are_refused(made):
    features = encode(made[1])
    normalised = (features - features.mean(axis=0)) / (features.std(axis=0) + 1e-6)
    with pytest.raises(MotionFileError, match=r"normalised.*Std\.npy"):
        parse_npy(saved(normalised), "features.npy")


@pytest.mark.parametrize(
    ("array", "says"),
    [
        (np.zeros((10, 21, 3)), r"shape \(10, 21, 3\), expected"),
        (np.zeros((10, 251)), "shape"),
        (np.zeros((22, 3, 10)), "frames first"),
        (np.zeros((4, 10, 22, 3)), "one motion at a time"),
        (np.zeros((0, 22, 3)), "0 frames"),
        (np.full((5, 22, 3), np.nan), "not finite"),
        (np.full((5, 22, 3), 0x7F800001, dtype=np.uint32).view(np.float32), "not finite"),
        (np.full((5, 22, 3), 1e9), "from the origin"),
        (np.array({"motion": 1}, dtype=object), "Python objects"),
        (np.array(["a", "b"]), "expected numbers"),
        (np.zeros((5, 22, 3), dtype=complex), "expected numbers"),
    ],
)
def test_other_arrays_are_refused(array, says):
    with pytest.raises(MotionFileError, match=says):
        parse_npy(saved(array), "other.npy")


def test_a_header_that_asks_for_more_than_the_file_holds_is_refused(made):
    data = saved(made[1]).replace(b"(81, 22, 3)", b"(9999999999, 22, 3)")
    with pytest.raises(MotionFileError, match=r"damaged|not a sound"):
        parse_npy(data, "bomb.npy")


def test_a_header_without_end_is_refused_on_one_line(made):
    header = saved(made[1])[10:128].ljust(60_000)
    data = b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header
    with pytest.raises(MotionFileError, match=r"long\.npy is not a sound") as caught:
        parse_npy(data, "long.npy")
    assert "\n" not in str(caught.value)


def test_damaged_files_never_crash(made):
    data = saved(made[1][:3])
    random = np.random.default_rng(1)
    for cut in range(0, len(data), 37):
        with pytest.raises(MotionFileError):
            parse_npy(data[:cut], "cut.npy")
    for _ in range(200):
        damaged = bytearray(data)
        damaged[random.integers(0, 128)] = random.integers(0, 256)
        with contextlib.suppress(MotionFileError):
            parse_npy(bytes(damaged), "damaged.npy")


def test_a_still_single_frame_and_a_point_are_taken():
    position = at_twenty(walk(1.0).clip)[1][:1]
    assert parse_npy(saved(position), "one.npy").frame_count == 1
    clip = parse_npy(saved(np.zeros((3, 22, 3))), "point.npy")
    assert np.isfinite(clip.local_rotation).all()


HINGES = {
    "left_elbow": [0, -1, 0],
    "right_elbow": [0, 1, 0],
    "left_knee": [1, 0, 0],
    "right_knee": [1, 0, 0],
}
"""The axes about which these joints flex, in their own frames, when the clip rests in a T-pose with
palms down.
"""


def check_hinges(clip: Clip) -> None:
    """Elbows and knees that are clearly bent turn about their hinge, to the side to which they
    bend.
    """
    for name, axis in HINGES.items():
        turn = rotation.log(clip.local_rotation[:, NAMES.index(name)])
        bend = np.linalg.norm(turn, axis=-1)
        clear = bend > np.radians(50.0)
        if clear.any():
            share = turn[clear] @ np.array(axis, dtype=float) / bend[clear]
            assert share.min() > 0.9, f"{clip.name}: {name} turns about another axis than its hinge"


def fastest(q: Array) -> float:
    """q: (T, 4) -> radians a second."""
    return float(rotation.angle(rotation.multiply(rotation.inverse(q[:-1]), q[1:])).max()) * 20.0


def test_elbows_and_knees_bend_about_their_hinges(made):
    check_hinges(parse_npy(saved(made[1]), "made.npy"))


def test_real_motion_comes_back(data_dir):
    """Joints within 15 mm; hinges that are hinges; and no joint that flips: none turns much faster
    than it did in its clip.
    """
    files = [
        *sorted((data_dir / "bandai").rglob("dataset-*walk*_001.bvh"))[::12],
        *sorted((data_dir / "wild").glob("*.bvh"))[:6],
    ]
    assert len(files) > 10
    for file in files:
        clip = read_motion(file)
        canonical, position = at_twenty(to_canonical(clip, correspond(clip)))
        back = parse_npy(saved(position.astype(np.float32)), file.name)
        assert np.linalg.norm(back.world_position - position, axis=-1).max() < 0.015, file.name
        check_hinges(back)
        for name, role in ROLES.items():
            was = fastest(canonical.world_rotation[:, CANONICAL.index(role)])
            # below a radian or two in a frame's time nothing looks like a flip
            assert fastest(back.world_rotation[:, NAMES.index(name)]) < 1.5 * was + 10.0, (
                f"{file.name}: {name}"
            )


def test_a_noisy_straight_arm_does_not_flip(made):
    """Elbows held straight for a while, with the jitter of a model's output: the twist must not
    follow the noise.
    """
    position = made[1].copy()
    random = np.random.default_rng(2)
    for shoulder, elbow, wrist in ((16, 18, 20), (17, 19, 21)):
        bone = rotation.normalize(position[:, elbow] - position[:, shoulder])
        held = slice(20, 60)
        length = np.linalg.norm(position[:, wrist] - position[:, elbow], axis=-1, keepdims=True)
        position[held, wrist] = (position[:, elbow] + length * bone)[held]
    position += random.normal(0.0, 0.003, position.shape)
    clip = parse_npy(saved(position), "noisy.npy")
    for name in ("left_shoulder", "right_shoulder", "left_elbow", "right_elbow"):
        # the arm itself swings; noise of 3 mm on bones of 30 cm would twist a straight one by
        # anything from frame to frame
        assert fastest(clip.world_rotation[21:59, NAMES.index(name)]) < 6.0, name


def test_it_is_restyled_on_its_own_joints(made, tmp_path, released):
    clip = parse_npy(saved(made[1]), "made.npy")
    result = released.stylize(clip, style="old")
    assert result.skeleton.names == NAMES
    assert result.frame_count == clip.frame_count
    assert write_motion(result, tmp_path / "old.bvh") == ()
    moved = np.linalg.norm(result.world_position - clip.world_position, axis=-1)
    assert 0.02 < np.median(moved) < 1.0


def test_it_is_written_as_other_formats(made, tmp_path):
    source = tmp_path / "made.npy"
    source.write_bytes(saved(made[1]))
    clip = read_motion(source)
    pytest.importorskip("ufbx", reason="reading FBX needs the fbx extra")
    for suffix in (".bvh", ".fbx"):
        assert write_motion(clip, tmp_path / f"made{suffix}") == ()
        back = read_motion(tmp_path / f"made{suffix}")
        assert sorted(back.skeleton.names) == sorted(NAMES)
        assert back.frame_time_seconds == pytest.approx(0.05)
