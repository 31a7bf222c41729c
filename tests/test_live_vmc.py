"""Bodies in the VMC protocol, and frames at a steady rate."""

from __future__ import annotations

import numpy as np
import pytest

from kinestyle.errors import RigError, StyleError
from kinestyle.live.bridge import Address, canonical_packets, parse_address
from kinestyle.live.clock import Clock
from kinestyle.live.osc import Message, format_bundles, format_message, parse_packet
from kinestyle.live.performer import Frame
from kinestyle.live.vmc import BONES, CANONICAL_BONES, NEEDED, Pose, VmcReader, VmcRig
from kinestyle.motion import rotation
from kinestyle.motion.clip import Clip
from kinestyle.retarget.correspondence import Correspondence, correspond, to_canonical
from kinestyle.rig.mapping import map_joints
from made_rigs import walk


@pytest.fixture(scope="module")
def made() -> tuple[Clip, Correspondence]:
    clip = walk(2.0, 60.0).clip
    return clip, correspond(clip)


def packets(made: tuple[Clip, Correspondence], frame: int) -> list[bytes]:
    clip, c = made
    rows = Frame(clip.local_position[frame], clip.local_rotation[frame])
    return canonical_packets(rows, clip, c, frame / 60.0)


def sent(made: tuple[Clip, Correspondence], reader: VmcReader, frame: int) -> list[Pose]:
    return [pose for packet in packets(made, frame) for pose in reader.read(packet)]


def flushed(reader: VmcReader) -> list[Pose]:
    return reader.read(format_message(Message("/VMC/Ext/T", (1e6,))))


def test_a_body_comes_back_as_it_was_sent(made: tuple[Clip, Correspondence]) -> None:
    clip, c = made
    reader = VmcReader()
    poses = [pose for frame in range(40) for pose in sent(made, reader, frame)] + flushed(reader)
    assert len(poses) == 40
    assert reader.bad == 0
    np.testing.assert_allclose([p.time_seconds for p in poses], np.arange(40) / 60.0, atol=1e-6)
    rig = VmcRig.of(poses[0])
    back = rig.clip([rig.frame(pose) for pose in poses], 1.0 / 60.0)
    canonical = to_canonical(clip, c)
    joints = [back.skeleton.names.index(bone) for bone in CANONICAL_BONES]
    apart = back.world_position[:, joints] - canonical.world_position[:40]
    assert np.abs(apart).max() < 1e-5


def test_a_sent_body_is_recognised(made: tuple[Clip, Correspondence]) -> None:
    reader = VmcReader()
    poses = [pose for frame in range(60) for pose in sent(made, reader, frame)]
    rig = VmcRig.of(poses[0])
    mapping = map_joints(rig.clip([rig.frame(pose) for pose in poses], 1.0 / 60.0))
    named = {role: rig.skeleton.names[joint] for role, joint in mapping.joints.items()}
    assert named["left_upper_arm"] == "LeftUpperArm"
    assert named["right_shin"] == "RightLowerLeg"
    assert named["hips"] == "Hips"


def test_axes_are_unitys(made: tuple[Clip, Correspondence]) -> None:
    """There the left of a body that faces +Z is -X, and a turn to the left about +Y is negative."""
    turned = rotation.about_y(np.array([0.5]))[0]
    bones = [bone for bone in BONES if bone in CANONICAL_BONES]
    rig = VmcRig.of(Pose(0.0, {bone: (np.zeros(3), rotation.IDENTITY) for bone in bones}))
    frame = Frame(
        np.tile([0.3, 1.0, 0.2], (rig.skeleton.joint_count, 1)),
        np.tile(turned, (rig.skeleton.joint_count, 1)),
    )
    (packet,) = rig.packets(frame, 1.0)[:1]
    message = next(m for m in parse_packet(packet) if m.arguments[0] == "Hips")
    np.testing.assert_allclose(message.arguments[1:4], [-0.3, 1.0, 0.2], atol=1e-6)
    np.testing.assert_allclose(
        message.arguments[4:], [0.0, -np.sin(0.25), 0.0, np.cos(0.25)], atol=1e-6
    )


def test_a_frame_may_come_bone_by_bone() -> None:
    reader = VmcReader()
    found = []
    for frame in range(3):
        for bone in NEEDED:
            place = (bone, 0.1 * frame, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0)
            found += reader.read(format_message(Message("/VMC/Ext/Bone/Pos", place)))
    # the first is over when a bone comes again, and that shows which bones there are
    assert len(found) == 3
    assert all(pose.time_seconds is None for pose in found)
    np.testing.assert_allclose([-p.bones["Hips"][0][0] for p in found], [0.0, 0.1, 0.2], atol=1e-6)


def test_a_lost_packet_leaves_its_bones_where_they_were(
    made: tuple[Clip, Correspondence],
) -> None:
    reader = VmcReader()
    for frame in range(3):
        sent(made, reader, frame)
    first, second = packets(made, 3)
    assert reader.read(first) == []
    # the frame after shows that there is no more of this one
    (pose,) = reader.read(packets(made, 4)[0])
    assert set(pose.bones) >= set(CANONICAL_BONES)
    missing = {m.arguments[0] for m in parse_packet(second)} - {
        m.arguments[0] for m in parse_packet(first)
    }
    before = VmcReader()
    (old,) = [*sent(made, before, 2), *flushed(before)]
    for bone in missing:
        np.testing.assert_array_equal(pose.bones[str(bone)][1], old.bones[str(bone)][1])


@pytest.mark.parametrize(
    "place",
    [
        (),
        ("Hips", 1.0),
        (3, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0),
        ("Hips", float("nan"), 0.0, 0.0, 0.0, 0.0, 0.0, 1.0),
        ("Hips", 1e30, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0),
        ("Hips", 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0),
        ("Hips", "a", "b", "c", "d", "e", "f", "g"),
    ],
)
def test_bad_messages_are_counted_and_dropped(place: tuple[object, ...]) -> None:
    reader = VmcReader()
    message = Message("/VMC/Ext/Bone/Pos", place)  # type: ignore[arg-type]
    assert reader.read(format_message(message)) == []
    assert reader.bad == 1
    assert flushed(reader) == []


def test_bad_packets_are_counted_and_dropped(made: tuple[Clip, Correspondence]) -> None:
    reader = VmcReader()
    assert reader.read(b"hello") == []
    assert reader.bad == 1
    assert len([*sent(made, reader, 0), *flushed(reader)]) == 1


def test_what_is_not_about_the_body_is_passed_on() -> None:
    reader = VmcReader()
    joy = Message("/VMC/Ext/Blend/Val", ("Joy", 1.0))
    reader.read(format_bundles([Message("/VMC/Ext/OK", (1,)), joy], 1400)[0])
    assert reader.others == [joy]


def test_half_a_body_is_refused() -> None:
    with pytest.raises(RigError, match=r"sends no .*LeftUpperLeg"):
        VmcRig.of(Pose(None, {"Hips": (np.zeros(3), rotation.IDENTITY)}))


def at(x: float) -> Frame:
    return Frame(np.array([[x, 0.0, 0.0]]), rotation.IDENTITY[None])


def test_frames_come_at_a_steady_rate_whenever_they_are_sent() -> None:
    random = np.random.default_rng(1)
    clock = Clock(60.0)
    times = np.cumsum(random.uniform(0.002, 0.06, 200))
    found = [f.local_position[0, 0] for t in times for f in clock.add(t, at(t))]
    np.testing.assert_allclose(np.diff(found), 1.0 / 60.0, atol=1e-3)
    assert abs(len(found) - 60.0 * (times[-1] - times[0])) < 2


def test_late_and_doubled_frames_are_counted_and_dropped() -> None:
    clock = Clock(60.0)
    for t in (0.0, 0.1, 0.2, 0.2, 0.15):
        clock.add(t, at(t))
    assert clock.late == 2


def test_a_sender_that_begins_again_is_followed() -> None:
    clock = Clock(60.0)
    clock.add(100.0, at(0.0))
    assert len(clock.add(0.0, at(1.0))) == 1
    assert len(clock.add(0.1, at(2.0))) == 6


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("vmc://:39539", Address("127.0.0.1", 39539)),
        ("vmc://", Address("127.0.0.1", 39540)),
        ("vmc://0.0.0.0:1", Address("0.0.0.0", 1)),
        ("walk.bvh", None),
    ],
)
def test_addresses_are_of_this_machine_unless_they_say_otherwise(
    text: str, address: Address | None
) -> None:
    assert parse_address(text, 39540) == address


@pytest.mark.parametrize("text", ["vmc:39539", "vmc://:x", "vmc://a:99999", "vmc://:1/path"])
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(StyleError, match="expected vmc://HOST:PORT"):
        parse_address(text, 39540)
