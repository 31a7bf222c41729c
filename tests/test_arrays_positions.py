"""Arrays of positions and of features, however their axes lie, become a clip whose joints lie where
they were, and bend the way joints bend; changed motion goes back into the same layout.
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable

import numpy as np
import pytest

from kinestyle.errors import MotionFileError
from kinestyle.formats.arrays import features_to_positions, parse_npy
from kinestyle.formats.arrays.joint_sets import NAMES
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
    assert clip.warnings == ()
    assert clip.frame_time_seconds == 0.05
    assert np.abs(clip.world_position - position).max() < 2e-3
    lengths = np.linalg.norm(clip.local_position[:, 1:], axis=-1)
    assert np.ptp(lengths, axis=0).max() < 1e-9, "bones change their length"


def test_batches_of_one_are_opened(made):
    _, position = made
    clip = parse_npy(saved(position[None, None]), "made.npy")
    assert clip.frame_count == len(position)


LAYOUTS: dict[str, tuple[Callable[[Array], Array], bool]] = {
    "samples, joints, xyz, frames": (
        lambda a: a.transpose(1, 2, 0)[None],
        True,
    ),
    "joints, xyz, frames": (lambda a: a.transpose(1, 2, 0), False),
    "frames, persons": (lambda a: a[:, None], True),
    "xyz first": (lambda a: a.transpose(2, 0, 1), False),
    "flat": (lambda a: a.reshape(len(a), -1), False),
    "samples, flat": (lambda a: a.reshape(1, len(a), -1), True),
}


def points(position: Array, count: int) -> Array:
    """(T, 22, 3) -> (T, count, 3), with more points behind them that the wrists carry."""
    random = np.random.default_rng(0)
    more = [
        position[:, 20 + k % 2] + random.normal(0.0, 0.05, 3) for k in range(count - len(NAMES))
    ]
    return np.concatenate([position, np.reshape(more, (-1, len(position), 3)).swapaxes(0, 1)], 1)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("count", [22, 24, 52])
def test_axes_may_lie_in_any_order(made, layout, count):
    position = points(made[1], count).astype(np.float32)
    array = LAYOUTS[layout][0](position)
    clip = parse_npy(saved(array), "made.npy")
    assert np.abs(clip.world_position - position[:, :22]).max() < 2e-3
    assert ("no frame rate" in " ".join(clip.warnings)) == (count != 22)


@pytest.mark.parametrize("layout", [name for name, several in LAYOUTS.items() if several[1]])
def test_one_of_several_motions_is_read_and_written(made, layout, tmp_path) -> None:
    change = LAYOUTS[layout][0]
    axis = 1 if layout == "frames, persons" else 0
    a = np.concatenate([change(made[1]), change(made[1]) + 1.0], axis=axis)
    path = tmp_path / "two.npy"
    np.save(path, a)
    first, second = (read_motion(path, character=number) for number in (1, 2))
    assert np.abs(first.world_position - made[1]).max() < 2e-3
    assert np.abs(second.world_position - made[1] - 1.0).max() < 2e-3
    assert (second.characters, second.character) == (("motion 1", "motion 2"), 2)
    assert read_motion(path).warnings[0].startswith("two.npy holds 2 characters")
    with pytest.raises(MotionFileError, match="found 3 as the one to read; ask for one from 1 to"):
        read_motion(path, character=3)
    position = second.local_position.copy()
    position[:, 0, 0] += 0.5
    write_motion(second.with_motion(position, second.local_rotation), tmp_path / "out.npy")
    out = np.load(tmp_path / "out.npy")
    assert np.abs(np.take(out, [0], axis) - np.take(a, [0], axis)).max() == 0.0
    assert np.abs(np.take(out, [1], axis) - np.take(a, [1], axis)).max() == pytest.approx(0.5)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_changed_motion_goes_back_into_its_layout(made, layout, tmp_path):
    change = LAYOUTS[layout][0]
    position = points(made[1], 24).astype(np.float32)
    clip = parse_npy(data := saved(change(position)), "made.npy")
    out = tmp_path / "out.npy"
    assert write_motion(clip, out) == ()
    assert out.read_bytes() == data
    turned = clip.local_rotation.copy()
    turned[5:, 18] = rotation.multiply(turned[5:, 18], rotation.exp(np.array([0.0, -0.5, 0.0])))
    moved = clip.with_motion(clip.local_position, turned)
    assert write_motion(moved, out) == ()
    array = np.load(out)
    assert array.shape == change(position).shape
    assert array.dtype == np.float32
    still = np.arange(24) != 20
    still[22] = False
    by_frame = change(np.arange(position.size).reshape(position.shape))
    flat, before = np.empty(position.size), change(position).reshape(-1)
    flat[by_frame.reshape(-1)] = array.reshape(-1)
    back = flat.reshape(position.shape)
    assert before.size == flat.size
    assert np.array_equal(back[:5], position[:5]), "frames that did not change"
    assert np.array_equal(back[:, still], position[:, still]), "joints that did not change"
    step = moved.world_position - clip.world_position
    assert np.abs(back[:, 20] - position[:, 20] - step[:, 20]).max() < 1e-6
    hand = np.linalg.norm(position[:, 22] - position[:, 20], axis=-1)
    assert np.abs(np.linalg.norm(back[:, 22] - back[:, 20], axis=-1) - hand).max() < 1e-4
    assert np.abs(back[6:, 22] - position[6:, 22]).max() > 0.05, "the hand's point goes along"


@pytest.mark.parametrize(
    ("axis", "name"), [((0, 0, 1), "+Z"), ((0, -1, 0), "-Y"), ((0, 1, 0), "+Y")]
)
def test_the_axis_that_the_body_stands_along_is_up(made, axis, name):
    turn = rotation.between(np.array([0.0, 1.0, 0.0]), np.array(axis, dtype=float))
    if name == "-Y":  # as a camera sees it: x to the right, y down
        turn = rotation.exp(np.array([np.pi, 0.0, 0.0]))
    position = rotation.rotate(turn, made[1])
    clip = parse_npy(saved(position), "made.npy")
    assert clip.world.up == axis
    assert np.abs(clip.world_position - position).max() < 2e-3
    true = rotation.multiply(turn, parse_npy(saved(made[1]), "y.npy").world_rotation)
    off = rotation.angle(rotation.multiply(rotation.inverse(true), clip.world_rotation))
    assert off.max() < 1e-3


def kit_points(position: Array) -> Array:
    """(T, 22, 3) metres -> KIT's 21 joints in millimetres, in their order."""
    at = dict(zip(NAMES, position.swapaxes(0, 1), strict=True))
    arms = [f"{s}_{part}" for s in ("left", "right") for part in ("shoulder", "elbow", "wrist")]
    rows = [at[name] for name in ("pelvis", "spine1", "spine3", "neck", "head", *arms)]
    for side in ("left", "right"):
        rows += [at[f"{side}_{part}"] for part in ("hip", "knee", "ankle", "foot")]
        ahead = at[f"{side}_foot"] - at[f"{side}_ankle"]
        rows.append(at[f"{side}_foot"] + 0.3 * ahead * np.array([1.0, 0.0, 1.0]))
    return 1000.0 * np.stack(rows, axis=1)


def test_kits_joints_are_read_in_their_unit_and_written_back(made, tmp_path, released):
    position = kit_points(made[1])
    clip = parse_npy(saved(position), "kit.npy")
    assert clip.frame_rate == pytest.approx(12.5)
    c = correspond(clip)
    assert c.mapping.unit == "mm"
    own = [0, 1, 3, 4, 5, 6, 7, 11, 12, 13, 14, 16]
    smpl = [0, 3, 12, 15, 16, 18, 20, 1, 4, 7, 10, 2]
    assert np.abs(clip.world_position[:, smpl] - position[:, own]).max() < 20.0
    result = released.stylize(clip, style="old")
    write_motion(result, tmp_path / "kit.npy")
    array = np.load(tmp_path / "kit.npy")
    assert array.shape == position.shape
    moved = (result.world_position - clip.world_position)[:, smpl]
    assert np.abs(array[:, own] - position[:, own] - moved).max() < 1e-6
    # the tip of the toes stays on the foot
    tip = np.linalg.norm(array[:, 15] - array[:, 14], axis=-1)
    assert np.abs(tip - np.linalg.norm(position[:, 15] - position[:, 14], axis=-1)).max() < 1.0


def test_features_are_written_as_positions(made, tmp_path, released):
    clip = parse_npy(saved(encode(made[1])), "features.npy")
    result = released.stylize(clip, style="old")
    (note,) = write_motion(result, tmp_path / "out.npy")
    assert "features became positions" in note
    assert np.abs(np.load(tmp_path / "out.npy") - result.world_position).max() < 2e-3


def test_only_what_came_from_an_array_is_written_as_one(made, tmp_path):
    with pytest.raises(MotionFileError, match=r"write \.bvh, \.glb or \.fbx"):
        write_motion(walk(1.0).clip, tmp_path / "out.npy")
    with pytest.raises(MotionFileError, match=r"came from a \.npy file"):
        write_motion(parse_npy(saved(made[1]), "made.npy"), tmp_path / "out.npz")


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
        (np.zeros((10, 250)), "shape"),
        (np.zeros((10, 17, 3)), "17 joints have neither toes"),
        (np.zeros((10, 6890, 3)), "need SMPL's model"),
        (np.zeros((22, 3, 10)), r"shape \(22, 3, 10\), expected"),
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
