"""The joints of arrays, in their order: SMPL's, which most models share, and what else is common.

Whatever the array holds, the clip has SMPL's 22 joints. A `JointSet` says where those are in an
array, and what moves the points that are none of them.

Orders: HumanML3D's `paramUtil.py`, smplx's `joint_names.py`, KIT's MMM joints as in TEMOS,
Kimodo's SOMA skeletons as in its `definitions.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from kinestyle.motion.rotation import Array

_ROWS = (
    ("pelvis", -1),
    *(("left_hip", 0), ("right_hip", 0), ("spine1", 0)),
    *(("left_knee", 1), ("right_knee", 2), ("spine2", 3)),
    *(("left_ankle", 4), ("right_ankle", 5), ("spine3", 6)),
    *(("left_foot", 7), ("right_foot", 8), ("neck", 9)),
    *(("left_collar", 9), ("right_collar", 9), ("head", 12)),
    *(("left_shoulder", 13), ("right_shoulder", 14)),
    *(("left_elbow", 16), ("right_elbow", 17)),
    *(("left_wrist", 18), ("right_wrist", 19)),
)
NAMES = tuple(name for name, _ in _ROWS)
"""A joint is named after its position: `left_foot` is the ball of the foot, whose bone starts at
`left_ankle`.
"""
PARENTS = np.array([parent for _, parent in _ROWS])
JOINT_COUNT = len(NAMES)
INDEX: Mapping[str, int] = {name: joint for joint, name in enumerate(NAMES)}
PAIRS = tuple(
    (joint, INDEX[name.replace("left_", "right_")])
    for joint, name in enumerate(NAMES)
    if name.startswith("left_")
)
"""Left and right joints."""


@dataclass(frozen=True)
class JointSet:
    """K points of an array, and where SMPL's 22 joints are among them.

    label: what messages call it
    smpl: for each of the 22 joints, the points whose mean it is, and their weights
    parents: (K,) for points that are no joint of SMPL's, the one that carries them
    metres_per_unit: None where it must be found in the motion
    frame_rate: what such arrays have; None where it is anyone's guess
    """

    label: str
    count: int
    smpl: tuple[tuple[tuple[int, float], ...], ...]
    carriers: tuple[int, ...]
    metres_per_unit: float | None = 1.0
    frame_rate: float | None = None

    @cached_property
    def weights(self) -> Array:
        """(22, K)"""
        found = np.zeros((JOINT_COUNT, self.count))
        for joint, shares in enumerate(self.smpl):
            for point, share in shares:
                found[joint, point] += share
        return found

    @cached_property
    def joint_of(self) -> np.ndarray:
        """(K,) the SMPL joint that a point is, or -1."""
        found = np.full(self.count, -1)
        for joint, shares in enumerate(self.smpl):
            if len(shares) == 1:
                found[shares[0][0]] = joint
        return found


def _first_22(count: int, carriers: Mapping[str, range], **more: float | None) -> JointSet:
    """SMPL's joints, and then points that some of them carry."""
    carrier = [INDEX["head"]] * count
    carrier[:JOINT_COUNT] = range(JOINT_COUNT)
    for name, points in carriers.items():
        for point in points:
            carrier[point] = INDEX[name]
    smpl = tuple(((joint, 1.0),) for joint in range(JOINT_COUNT))
    return JointSet(f"SMPL's {count} joints", count, smpl, tuple(carrier), **more)


def _named(
    label: str,
    names: str,
    smpl: Mapping[str, str],
    carriers: Mapping[str, str],
    **more: float | None,
) -> JointSet:
    """A set of other names. smpl: joint -> a name, or several, whose mean it is; carriers: the
    beginning of a name -> the joint that carries it
    """
    order = names.split()
    shares = []
    for joint in NAMES:
        points = [order.index(name) for name in smpl[joint].split()]
        shares.append(tuple((point, 1.0 / len(points)) for point in points))
    carrier = []
    for name in order:
        own = next((INDEX[joint] for joint, given in smpl.items() if given == name), None)
        by = next((joint for begins, joint in carriers.items() if name.startswith(begins)), "head")
        carrier.append(INDEX[by] if own is None else own)
    return JointSet(label, len(order), tuple(shares), tuple(carrier), **more)


def _both(rows: Mapping[str, str]) -> dict[str, str]:
    """Rows for both sides: "{s}" is L or R, "{side}" left or right, "{Side}" Left or Right."""
    found: dict[str, str] = {}
    for side in ("left", "right"):
        words = {"s": side[0].upper(), "side": side, "Side": side.capitalize()}
        found |= {key.format(**words): value.format(**words) for key, value in rows.items()}
    return found


_KIT = _named(
    "KIT's 21 joints",
    "root BP BT BLN BUN LS LE LW RS RE RW LH LK LA LMrot LF RH RK RA RMrot RF",
    {"pelvis": "root", "spine1": "BP", "spine2": "BP BT", "spine3": "BT", "neck": "BLN"}
    | {"head": "BUN"}
    | _both(
        {
            "{side}_hip": "{s}H",
            "{side}_knee": "{s}K",
            "{side}_ankle": "{s}A",
            "{side}_foot": "{s}Mrot",
            "{side}_collar": "BLN BT BLN {s}S",
            "{side}_shoulder": "{s}S",
            "{side}_elbow": "{s}E",
            "{side}_wrist": "{s}W",
        }
    ),
    {"LF": "left_foot", "RF": "right_foot"},
    metres_per_unit=None,
    frame_rate=12.5,
)
_SOMA = {"pelvis": "Hips", "spine1": "Spine1", "spine2": "Spine2", "spine3": "Chest"}
_SOMA |= {"neck": "Neck1", "head": "Head"}
_SOMA |= _both(
    {
        "{side}_hip": "{Side}Leg",
        "{side}_knee": "{Side}Shin",
        "{side}_ankle": "{Side}Foot",
        "{side}_foot": "{Side}ToeBase",
        "{side}_collar": "{Side}Shoulder",
        "{side}_shoulder": "{Side}Arm",
        "{side}_elbow": "{Side}ForeArm",
        "{side}_wrist": "{Side}Hand",
    }
)
_FINGERS = ("Thumb1 Thumb2 Thumb3 ThumbEnd", *(
    f"{finger}1 {finger}2 {finger}3 {finger}4 {finger}End"
    for finger in ("Index", "Middle", "Ring", "Pinky")
))  # fmt: skip


def _soma(top: str, fingers: str, leg: str) -> str:
    """The names of a SOMA skeleton in their order."""
    words = f"Hips Spine1 Spine2 Chest Neck1 Neck2 Head {top}".split()
    for side in ("Left", "Right"):
        words += [f"{side}{part}" for part in ("Shoulder", "Arm", "ForeArm", "Hand")]
        words += [f"{side}Hand{finger}" for finger in fingers.split()]
    words += [f"{side}{part}" for side in ("Left", "Right") for part in leg.split()]
    return " ".join(words)


SOMA_NAMES = {
    77: _soma("HeadEnd Jaw LeftEye RightEye", " ".join(_FINGERS), "Leg Shin Foot ToeBase ToeEnd"),
    30: _soma("Jaw LeftEye RightEye", "ThumbEnd MiddleEnd", "Leg Shin Foot ToeBase"),
}
"""Names of Kimodo's skeletons, by the number of their joints."""
_SOMA_CARRIERS = {
    **{f"{side}Hand": f"{side.lower()}_wrist" for side in ("Left", "Right")},
    **{f"{side}Toe": f"{side.lower()}_foot" for side in ("Left", "Right")},
}
_HANDS = {"left_wrist": range(22, 37), "right_wrist": range(37, 52)}
_X_HANDS = {"left_wrist": range(25, 40), "right_wrist": range(40, 55)}
HUMANML3D = _first_22(22, {}, frame_rate=20.0)
KIT = _KIT

JOINT_SETS: dict[int, JointSet] = {
    22: HUMANML3D,
    24: _first_22(24, {"left_wrist": range(22, 23), "right_wrist": range(23, 24)}),
    52: _first_22(52, _HANDS),
    21: KIT,
    55: _first_22(55, _X_HANDS),
    **{
        count: _named(f"Kimodo's {count} joints", names, _SOMA, _SOMA_CARRIERS, frame_rate=30.0)
        for count, names in SOMA_NAMES.items()
    },
    # SMPL's and SMPL-X's with points of the surface behind them
    45: _first_22(45, {"left_wrist": range(22, 23), "right_wrist": range(23, 24)}),
    73: _first_22(73, _HANDS),
    127: _first_22(127, _X_HANDS),
    144: _first_22(144, _X_HANDS),
}
"""By the number of points, the likeliest first."""
