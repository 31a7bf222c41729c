"""Bodies in the VMC protocol: messages of bones into frames of a rig, and back.

The protocol (https://protocol.vmc.info/english) says for each bone of Unity's humanoid where it is
in its parent: a position in metres and a quaternion xyzw. Unity's axes are left-handed, up +Y,
forward +Z and right +X. With the X axis mirrored they are ours. What is sent for each frame:

    /VMC/Ext/OK int ...             1 while bones are sent
    /VMC/Ext/T float                the sender's time, seconds
    /VMC/Ext/Root/Pos "root" 7 floats
    /VMC/Ext/Bone/Pos name 7 floats

A frame is in one packet or in many. It is over when its time changes, when a bone comes again, or
with the packet that brings the last of all bones that came before.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite
from typing import NamedTuple

import numpy as np

from kinestyle.errors import RigError
from kinestyle.live.osc import BadPacketError, Message, format_bundles, parse_packet
from kinestyle.live.performer import Frame
from kinestyle.motion import rotation
from kinestyle.motion.canonical import CANONICAL
from kinestyle.motion.clip import METRES_Y_UP, Clip
from kinestyle.motion.rotation import Array
from kinestyle.motion.skeleton import Skeleton

_FINGERS = ("Thumb", "Index", "Middle", "Ring", "Little")
_PHALANGES = ("Proximal", "Intermediate", "Distal")


def _bones() -> dict[str, str]:
    """Unity's humanoid bones, parents first, and the parent of each: the nearest of them that a rig
    has is the one it hangs on.
    """
    bones = {"Hips": "root", "Spine": "Hips", "Chest": "Spine", "UpperChest": "Chest"}
    bones |= {"Neck": "UpperChest", "Head": "Neck", "Jaw": "Head"}
    for side in ("Left", "Right"):
        bones[f"{side}Eye"] = "Head"
        leg = ("Hips", f"{side}UpperLeg", f"{side}LowerLeg", f"{side}Foot", f"{side}Toes")
        arm = (
            "UpperChest",
            *(f"{side}{part}" for part in ("Shoulder", "UpperArm", "LowerArm", "Hand")),
        )
        chains = [leg, arm]
        for finger in _FINGERS:
            chains.append((f"{side}Hand", *(f"{side}{finger}{part}" for part in _PHALANGES)))
        for chain in chains:
            bones |= dict(zip(chain[1:], chain[:-1], strict=True))
    return bones


BONES = _bones()
ROOT = "root"
_ROLES = {
    "hips": "Hips",
    "spine": "Spine",
    "chest": "Chest",
    "neck": "Neck",
    "head": "Head",
    **{
        f"{side.lower()}_{role}": f"{side}{bone}"
        for side in ("Left", "Right")
        for role, bone in (
            ("thigh", "UpperLeg"),
            ("shin", "LowerLeg"),
            ("foot", "Foot"),
            ("toe", "Toes"),
            ("clavicle", "Shoulder"),
            ("upper_arm", "UpperArm"),
            ("forearm", "LowerArm"),
            ("hand", "Hand"),
        )
    },
}
"""The bone of each role of the canonical skeleton."""

NEEDED = (
    "Hips",
    "Spine",
    "Head",
    *(
        f"{side}{bone}"
        for side in ("Left", "Right")
        for bone in ("UpperLeg", "LowerLeg", "Foot", "UpperArm", "LowerArm", "Hand")
    ),
)
"""Bones without which there is no body."""

MOST_BYTES = 1400
"""Of a packet: what a network takes in one piece."""

_MIRROR_POSITION = np.array([-1.0, 1.0, 1.0])
_FARTHEST_M = 1e4


class Pose(NamedTuple):
    """One frame as it was sent: the place of each bone (3,) and its rotation (4,) wxyz in the
    parent, in our axes. time_seconds: the sender's; None where it says none
    """

    time_seconds: float | None
    bones: dict[str, tuple[Array, Array]]


class VmcReader:
    """Packets into frames.

    bad: packets and messages that could not be read, which are dropped
    others: the last packet's messages that are not about the body, such as expressions
    """

    def __init__(self) -> None:
        self.bad = 0
        self.others: list[Message] = []
        self._bones: dict[str, tuple[Array, Array]] = {}
        self._came: set[str] = set()
        self._whole: set[str] = set()
        self._time: float | None = None

    def read(self, packet: bytes) -> list[Pose]:
        """The frames that are whole with this packet."""
        self.others = []
        try:
            messages = parse_packet(packet)
        except BadPacketError:
            self.bad += 1
            return []
        poses: list[Pose] = []
        for message in messages:
            try:
                self._take(message, poses)
            except BadPacketError:
                self.bad += 1
        if self._whole and self._came >= self._whole:
            self._close(poses)
        return poses

    def _take(self, message: Message, poses: list[Pose]) -> None:
        if message.address in ("/VMC/Ext/Bone/Pos", "/VMC/Ext/Root/Pos"):
            name, place = _placed(message)
            if message.address.startswith("/VMC/Ext/Root"):
                name = ROOT
            elif name not in BONES:
                return
            if name in self._came:
                self._close(poses)
            self._bones[name] = place
            self._came.add(name)
        elif message.address == "/VMC/Ext/T":
            time = message.arguments[0] if message.arguments else None
            if not isinstance(time, float) or not isfinite(time):
                raise BadPacketError("a time that is no number")
            if self._came and time != self._time:
                self._close(poses)
            self._time = time
        elif message.address != "/VMC/Ext/OK":
            self.others.append(message)

    def _close(self, poses: list[Pose]) -> None:
        # a packet that was lost leaves its bones where they were
        poses.append(Pose(self._time, dict(self._bones)))
        self._whole, self._came = set(self._bones), set()


def _placed(message: Message) -> tuple[str, tuple[Array, Array]]:
    """The name and the place that a message says. Raises BadPacketError."""
    name, *numbers = message.arguments or ("",)
    if not isinstance(name, str) or len(numbers) < 7:
        raise BadPacketError("a bone without a name and seven numbers")
    if not all(isinstance(n, int | float) and isfinite(n) for n in numbers[:7]):
        raise BadPacketError("a bone whose place is not finite numbers")
    x, y, z, qx, qy, qz, qw = (float(n) for n in numbers[:7] if isinstance(n, int | float))
    length = (qx * qx + qy * qy + qz * qz + qw * qw) ** 0.5
    if not 0.5 < length < 2.0 or max(abs(x), abs(y), abs(z)) > _FARTHEST_M:
        raise BadPacketError("a bone whose place makes no sense")
    q = np.array([qw, qx, -qy, -qz]) / length
    return name, (np.array([-x, y, z]), q)


@dataclass(frozen=True, eq=False)
class VmcRig:
    """The rig of a sender's body: `root`, and below it the bones that it sends."""

    skeleton: Skeleton

    @classmethod
    def of(cls, pose: Pose) -> VmcRig:
        """Raises RigError where bones are missing without which there is no body."""
        missing = [bone for bone in NEEDED if bone not in pose.bones]
        if missing:
            raise RigError(
                f"the sender sends no {', '.join(missing[:4])}, expected a whole body with arms "
                f"and legs; let it send all bones"
            )
        names = [ROOT, *(bone for bone in BONES if bone in pose.bones)]
        parents = [-1]
        for bone in names[1:]:
            parent = BONES[bone]
            while parent not in names:
                parent = BONES[parent]
            parents.append(names.index(parent))
        offsets = np.stack([np.zeros(3), *(pose.bones[bone][0] for bone in names[1:])])
        tips = [i for i in range(len(names)) if i not in parents]
        return cls(
            Skeleton(
                tuple(names), np.array(parents), offsets, np.array(tips), np.zeros((len(tips), 3))
            )
        )

    def frame(self, pose: Pose) -> Frame:
        """A pose on this rig; a bone that it lacks is as at rest."""
        nowhere = np.zeros(3), rotation.IDENTITY
        places = [
            pose.bones.get(name, nowhere if name == ROOT else (offset, rotation.IDENTITY))
            for name, offset in zip(self.skeleton.names, self.skeleton.offsets, strict=True)
        ]
        return Frame(np.stack([p for p, _ in places]), np.stack([q for _, q in places]))

    def clip(self, frames: Sequence[Frame], frame_time_seconds: float) -> Clip:
        """Frames of this rig as a clip."""
        return Clip(
            self.skeleton,
            np.stack([frame.local_position for frame in frames]),
            np.stack([frame.local_rotation for frame in frames]),
            frame_time_seconds,
            name="the stream",
            world=METRES_Y_UP,
        )

    def packets(self, frame: Frame, time_seconds: float) -> list[bytes]:
        """What is sent for a frame."""
        return pose_packets(self.skeleton.names, *frame, time_seconds)


def pose_packets(
    names: Sequence[str], position: Array, turned: Array, time_seconds: float
) -> list[bytes]:
    """Bones by their names, `root` among them or not, at (J, 3) metres and (J, 4) in their parents
    -> what is sent for them.
    """
    messages = [Message("/VMC/Ext/OK", (1,)), Message("/VMC/Ext/T", (float(time_seconds),))]
    if ROOT not in names:
        messages.append(Message("/VMC/Ext/Root/Pos", (ROOT, *([0.0] * 6), 1.0)))
    mirrored = position * _MIRROR_POSITION
    for name, (x, y, z), (w, qx, qy, qz) in zip(
        names, mirrored.tolist(), turned.tolist(), strict=True
    ):
        address = "/VMC/Ext/Root/Pos" if name == ROOT else "/VMC/Ext/Bone/Pos"
        messages.append(Message(address, (name, x, y, z, qx, -qy, -qz, w)))
    return format_bundles(messages, MOST_BYTES)


CANONICAL_BONES = tuple(_ROLES[name] for name in CANONICAL.names)
"""The bones of the canonical skeleton, whose rotations are those of a VRM avatar at rest in a
T-pose.
"""
