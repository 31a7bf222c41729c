"""Rigs that grow at random. Each node is a bone that hangs from another and rotates with a joint
of the canonical skeleton, or by itself (tails, cloth, fingers).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from kinestyle.motion import rotation
from kinestyle.motion.canonical import CANONICAL
from kinestyle.motion.rotation import Array
from made_rigs import Y, Z
from rig_namings import FINGERS, Naming

_FACE = (
    "jaw",
    "LeftEye",
    "RightEye",
    "tongue_01",
    "brow_l",
    "brow_r",
    "lip_upper",
    "lip_lower",
    "cheek_l",
    "cheek_r",
)


@dataclass
class Node:
    name: str
    role: str | None
    parent: int
    bone: Array
    """(3,) metres from the parent, as the parent's turn carries it."""
    turn: Array
    """(T, 4) turned away from the canonical T-pose, world."""


@dataclass
class Growth:
    """A rig while it grows."""

    random: np.random.Generator
    turns: Array
    """(T, 21, 4) of the canonical skeleton."""
    seconds: Array
    nodes: list[Node] = field(default_factory=list)

    def add(
        self, name: str, role: str | None, parent: int, bone: Array, turn: Array | None = None
    ) -> int:
        if turn is None:
            turn = self.turns[:, CANONICAL.index(role)] if role else self.nodes[parent].turn
        self.nodes.append(Node(name, role, parent, np.asarray(bone, dtype=float), turn))
        return len(self.nodes) - 1

    def wiggled(self, parent: int, size: float) -> Array:
        """A turn that follows the parent's and swings by itself."""
        speed, phase = self.random.uniform(2.0, 9.0, 3), self.random.uniform(0.0, 6.0, 3)
        swing = (
            size * self.random.uniform(0.2, 1.0, 3) * np.sin(self.seconds[:, None] * speed + phase)
        )
        return rotation.multiply(self.nodes[parent].turn, rotation.exp(swing))

    def chain(
        self, names: Sequence[str], parent: int, first: Array, bone: Array, size: float = 0.3
    ) -> int:
        """Joints without a role one below the other: the first at `first` from `parent`, each next
        one at `bone`.
        """
        for k, name in enumerate(names):
            parent = self.add(
                name, None, parent, first if k == 0 else bone, self.wiggled(parent, size)
            )
        return parent

    def chance(self, share: float) -> bool:
        return bool(self.random.random() < share)

    def index(self, role: str) -> int | None:
        return next((i for i, node in enumerate(self.nodes) if node.role == role), None)


# ---- the body


def grow(g: Growth, scheme: Naming, family: str, plain: bool) -> tuple[float, float, bool]:
    """Fill `g` with a body and what hangs from it. Returns the stature's factor to 1.70 m, the
    legs' length's, whether adult.
    """
    r = g.random
    odd = g.chance(0.1)
    spread = 2.0 if odd else 1.0

    def about(sigma: float) -> float:
        return float(
            np.exp(np.clip(r.normal(0.0, sigma * spread), -2 * sigma * spread, 2 * sigma * spread))
        )

    size = r.uniform(0.5, 1.4) if odd else r.uniform(0.9, 1.12)
    legs, arms, trunk, wide, head = (
        size * about(0.05),
        size * about(0.07),
        size * about(0.06),
        size * about(0.15),
        size * about(0.1),
    )
    thigh_share = r.uniform(0.94, 1.06)

    def offset(role: str) -> Array:
        return CANONICAL.offsets[CANONICAL.index(role)]

    parent = -1
    heading = _headings(g.turns[:, 0])
    above = [
        *scheme.above,
        *((str(r.choice(["Reference", "Armature", "trajectory"])),) if g.chance(0.2) else ()),
    ]
    if not above and g.chance(0.15):
        above = ["root"]
    where = str(r.choice(["origin", "floor", "hips"]))
    for name in above:
        still = np.tile(rotation.IDENTITY, (len(heading), 1))
        parent = g.add(
            f"{where}:{name}", None, parent, np.zeros(3), still if where == "origin" else heading
        )
    trunk_names = list(scheme.trunk)
    hips = g.add(trunk_names[0][0], "hips", parent, np.zeros(3))
    if g.chance(0.08):  # double hips: the outer one only carries
        g.nodes[hips].role = None
        hips = g.add(_numbered(trunk_names[0][0]), "hips", hips, np.zeros(3))

    # trunk: one to five joints from the hips to the one that carries the arms
    spines = [name for name, _ in trunk_names[1:]]
    count = int(r.choice([1, 2, 3, 4, 5], p=(0.1, 0.25, 0.35, 0.2, 0.1)))
    count = min(count, 3) if family == "Rigify" else count  # its neck goes on with the numbers
    while len(spines) < count:
        spines.append(_numbered(spines[-1]))
    spines = [*spines[: count - 1], spines[-1 if g.chance(0.5) else count - 1]]
    to_neck = trunk * float((offset("spine") + offset("chest") + offset("neck"))[1])
    chest_at = r.uniform(0.35, 0.75) if count > 1 else r.uniform(0.25, 0.6)
    places = (
        np.sort(r.uniform(0.3, 0.9, count - 1)) * np.linspace(0.4, 1.0, count - 1) * chest_at
        if count > 1
        else np.zeros(0)
    )
    places = np.concatenate([[0.0], places, [chest_at]])
    places[1:-1] = np.linspace(places[0], places[-1], count + 1)[1:-1] * r.uniform(0.8, 1.2) * 0.98
    joint = hips
    for k, name in enumerate(spines, start=1):
        bend = r.normal(0.0, 0.012) * size
        bone = np.array([0.0, (places[k] - places[k - 1]) * to_neck, bend])
        if k == count:
            joint = chest = g.add(name, "chest", joint, bone)
        else:
            share = np.full(len(heading), (k - 1) / max(1, count - 1))
            spine, top = (g.turns[:, CANONICAL.index(role)] for role in ("spine", "chest"))
            joint = g.add(name, "spine", joint, bone, rotation.interpolate(spine, top, share))

    # neck and head
    top_names = list(scheme.top)
    necks = [name for name, _ in top_names[: [role for _, role in top_names].index("head")]]
    neck_count = int(r.choice([0, 1, 2], p=(0.1, 0.7, 0.2)))
    necks = necks[: max(1, neck_count)] if family == "Rigify" else necks[:neck_count]
    while len(necks) < neck_count:
        necks.append(_numbered(necks[-1]))
    up_to_neck = np.array([0.0, (1.0 - chest_at) * to_neck, r.normal(0.0, 0.01)])
    neck_bone = head * offset("head")
    joint, first = chest, up_to_neck
    for k, name in enumerate(necks):
        joint = g.add(name, "neck", joint, first, g.turns[:, CANONICAL.index("neck")])
        first = neck_bone / len(necks)
        if k:
            g.nodes[joint].role = "neck again"
    head_name = next(name for name, role in top_names if role == "head")
    head_joint = g.add(head_name, "head", joint, first if necks else up_to_neck + neck_bone)

    # arms
    clavicles, hands, inline = g.chance(0.9), g.chance(0.93), family == "Rigify" and g.chance(0.2)
    collar = np.array(
        [
            0.030 * 1.7 * wide * about(0.3),
            (1.0 - chest_at) * to_neck - r.uniform(0.0, 0.05),
            r.normal(0.0, 0.01),
        ]
    )
    for side, word, sign in zip(("left", "right"), scheme.sides, (1.0, -1.0), strict=True):
        out = np.array([sign, 1.0, 1.0])
        rows = {role: name.format(word) for name, role in scheme.arm if role}
        joint, bone = chest, collar * out
        across = np.array([0.080 * 1.7 * wide, 0.0, 0.0])
        if clavicles:
            joint = g.add(rows["clavicle"], f"{side}_clavicle", joint, bone)
            bone = across * out
        else:
            bone = (collar + across) * out
        for role in ("upper_arm", "forearm", "hand"):
            if role == "hand" and not hands:
                break
            joint = g.add(rows[role], f"{side}_{role}", joint, bone)
            following = {"upper_arm": "forearm", "forearm": "hand"}.get(role)
            if following:
                bone = arms * offset(f"{side}_{following}") * r.uniform(0.99, 1.01)
                if inline:  # a second piece of the same bone, between the two joints
                    joint = g.add(f"{rows[role]}.001", None, joint, 0.5 * bone)
                    bone = 0.5 * bone
    # legs
    toes, short, deep = g.chance(0.85), r.uniform(0.7, 1.3), r.uniform(0.0, 0.05)
    inset = bool(scheme.leg[0][1] is None) and g.chance(0.8)
    hang = hips
    if scheme.thighs_below and g.chance(0.8):
        hang = g.add(scheme.thighs_below, None, hips, np.zeros(3))
    for side, word, sign in zip(("left", "right"), scheme.sides, (1.0, -1.0), strict=True):
        rows = {role: name.format(word) for name, role in scheme.leg if role}
        joint, bone = hang, np.array([sign * 0.055 * 1.7 * wide, -deep, 0.0])
        if inset:
            joint = g.add(scheme.leg[0][0].format(word), None, hang, np.zeros(3))
        joint = g.add(rows["thigh"], f"{side}_thigh", joint, bone)
        down = legs * offset(f"{side}_shin") * r.uniform(0.995, 1.005)
        joint = g.add(rows["shin"], f"{side}_shin", joint, down * thigh_share)
        joint = g.add(
            rows["foot"], f"{side}_foot", joint, legs * offset(f"{side}_foot") * (2.0 - thigh_share)
        )
        ahead = np.array([0.0, -r.uniform(0.02, 0.05), 0.085 * 1.7]) * size * short
        if toes:
            joint = g.add(rows["toe"], f"{side}_toe", joint, ahead)
    if not plain:
        _grow_extras(g, scheme, family, size, hips, chest, head_joint)
    return size, legs, not odd


def _numbered(name: str) -> str:
    """The next name after one: "Spine1" after "Spine", "spine.004" after "spine.003"."""
    found = re.search(r"(\d+)(\D*)$", name)
    if not found:
        return name + "1"
    digits = found.group(1)
    return f"{name[: found.start()]}{int(digits) + 1:0{len(digits)}d}{found.group(2)}"


def _headings(hips: Array) -> Array:
    """(T, 4) -> (T, 4), the part of the turns that is about the vertical."""
    ahead = rotation.rotate(hips, Z)
    return rotation.about_y(np.arctan2(ahead[:, 0], ahead[:, 2]))


# ---- what hangs from a body


def _grow_extras(
    g: Growth, scheme: Naming, family: str, size: float, hips: int, chest: int, head: int
) -> None:
    r = g.random
    busy = g.chance(0.25)

    def wants(share: float) -> bool:
        return g.chance(max(share, 0.7 * busy))

    some_end = wants(0.35)
    full_hand, metacarpals = wants(0.4), g.chance(0.4)
    words = ("Thumb", "Index", "Middle", "Ring", "Pinky")
    for side, word, sign in zip(("left", "right"), scheme.sides, (1.0, -1.0), strict=True):
        hand = g.index(f"{side}_hand")
        if hand is not None and full_hand:
            pattern, fingers = FINGERS.get(family, ("{side}Hand{finger}{segment}", words))
            for k, finger in enumerate(fingers):
                spot = np.array([sign * (0.02 if k == 0 else 0.08), -0.01, 0.03 - 0.02 * k]) * size
                names = [
                    pattern.format(side=word, finger=finger, segment=i + 1)
                    for i in range(4 if some_end else 3)
                ]
                if metacarpals and k:
                    names.insert(0, pattern.format(side=word, finger=finger, segment="Metacarpal"))
                    spot = spot * np.array([0.3, 1.0, 1.0])
                g.chain(names, hand, spot, np.array([sign * 0.03 * size, 0.0, 0.0]), 0.4)
        elif hand is not None and scheme.fingers and g.chance(0.5):
            for k, name in enumerate(scheme.fingers):
                g.chain(
                    [name.format(word)],
                    hand,
                    np.array([sign * 0.08, 0.0, 0.02 * k]) * size,
                    np.zeros(3),
                )
        elif hand is not None and some_end:
            prefix = scheme.sides[0] == "Left"
            name = f"{word}HandEnd" if prefix else f"hand_end_{word}"
            g.add(name, None, hand, np.array([sign * 0.1 * size, 0.0, 0.0]))
        last = g.index(f"{side}_toe")
        if last is not None and some_end:
            toe_end = f"{word}ToeEnd" if scheme.sides[0] == "Left" else f"toe_end_{word}"
            g.add(toe_end, None, last, np.array([0.0, -0.01, 0.06]) * size)
        if family == "Rigify" and (foot := g.index(f"{side}_foot")) is not None and g.chance(0.5):
            g.add(f"heel.02.{word}", None, foot, np.array([0.0, -0.06, -0.05]) * size)
    if some_end:
        g.add(
            str(r.choice(["HeadTop_End", "head_end", "HeadEnd"])),
            None,
            head,
            np.array([0.0, 0.19, 0.0]) * size,
        )
    if wants(0.35):
        _grow_twists(g, scheme, family)
    if wants(0.3):
        for name in _FACE[: int(r.integers(1, len(_FACE) + 1))]:
            g.add(
                name,
                None,
                head,
                np.array([r.normal(0, 0.03), 0.06 + r.normal(0, 0.03), 0.09]) * size,
            )
    _grow_cloth(g, size, hips, chest, head, wants)
    _grow_props(g, size, hips, wants)


def _grow_twists(g: Growth, scheme: Naming, family: str) -> None:
    each = int(g.random.integers(1, 3))
    owners = ("upper_arm", "forearm", "thigh", "shin")
    patterns = scheme.twists or _default_twists(scheme)
    for side, word in zip(("left", "right"), scheme.sides, strict=True):
        for owner, following, pattern in zip(
            owners, ("forearm", "hand", "shin", "foot"), patterns, strict=False
        ):
            joint, next_joint = g.index(f"{side}_{owner}"), g.index(f"{side}_{following}")
            if joint is None or next_joint is None or g.nodes[next_joint].parent != joint:
                continue
            name = pattern.format(word)
            for k in range(each):
                g.add(
                    name,
                    None,
                    joint,
                    g.nodes[next_joint].bone * (k + 1) / (each + 1),
                    g.wiggled(joint, 0.05),
                )
                name = _numbered(name)


def _default_twists(scheme: Naming) -> tuple[str, ...]:
    rows = {role: name for name, role in (*scheme.arm, *scheme.leg)}
    return tuple(f"{rows[role]}_twist" for role in ("upper_arm", "forearm", "thigh", "shin"))


def _grow_cloth(g: Growth, size: float, hips: int, chest: int, head: int, wants) -> None:
    r = g.random
    if wants(0.15):
        names = str(r.choice(["Tail{}", "tail_{:02d}", "Tail.{:03d}"]))
        count = int(r.integers(2, 8))
        step = np.array([0.0, -0.5, -0.8]) * r.uniform(0.05, 0.12) * size
        g.chain(
            [names.format(k) for k in range(1, count + 1)],
            hips,
            np.array([0.0, 0.02, -0.1]) * size,
            step,
        )
    if wants(0.25):
        names = str(
            r.choice(
                [
                    "Hair{}_{:02d}",
                    "hair_{}_{}",
                    "J_Sec_Hair{}_{:02d}",
                    "ponytail{}.{:03d}",
                    "Bangs_{}_{}",
                ]
            )
        )
        length, strands = int(r.integers(1, 6)), int(r.integers(1, 7))
        for k in range(strands):
            angle = 2.0 * np.pi * k / strands
            first = np.array([0.07 * np.sin(angle), 0.12, -0.07 * abs(np.cos(angle))]) * size
            step = np.array([0.01 * np.sin(angle), -1.0, -0.3]) * r.uniform(0.04, 0.1) * size
            g.chain([names.format(k + 1, i + 1) for i in range(length)], head, first, step)
    if wants(0.15):
        names = str(r.choice(["{}Breast", "breast_{}", "J_Sec_{}_Bust1", "Bust.{}"]))
        sides = ("Left", "Right") if names == "{}Breast" else ("L", "R")
        for side, sign in zip(sides, (1.0, -1.0), strict=True):
            g.chain(
                [names.format(side)],
                chest,
                np.array([sign * 0.08, 0.05, 0.1]) * size,
                np.zeros(3),
                0.1,
            )
    if wants(0.15):
        names = str(r.choice(["Skirt_{}_{}", "cloth_{:02d}_{:02d}", "dress{}_{}", "Robe_{}_{}"]))
        panels, length = int(r.integers(3, 9)), int(r.integers(2, 5))
        step = r.uniform(0.1, 0.5) / length * size
        for k in range(panels):
            angle = 2.0 * np.pi * (k + 0.5) / panels
            outwards = np.array([np.sin(angle), 0.0, np.cos(angle)])
            g.chain(
                [names.format(k + 1, i + 1) for i in range(length)],
                hips,
                0.12 * size * outwards,
                step * (0.3 * outwards - Y),
                0.15,
            )
    if wants(0.1):
        names = str(r.choice(["cape_{}_{}", "Cloak{}_{}", "coat_{}_{}"]))
        length = int(r.integers(2, 6))
        for k, sign in enumerate((-1.0, 0.0, 1.0)[: int(r.integers(2, 4))]):
            first = np.array([0.12 * sign, 0.1, -0.1]) * size
            step = np.array([0.02 * sign, -1.0, -0.1]) * r.uniform(0.05, 0.2) * size
            g.chain([names.format(k + 1, i + 1) for i in range(length)], chest, first, step, 0.15)


def _grow_props(g: Growth, size: float, hips: int, wants) -> None:
    r = g.random
    if wants(0.2):
        where = g.index(str(r.choice(["left_hand", "right_hand", "chest", "hips"])))
        name = str(r.choice(["prop_sword", "Lantern", "Weapon", "backpack", "Camera01", "bag"]))
        if where is not None:
            g.chain(
                [name, f"{name}_tip"][: int(r.integers(1, 3))],
                where,
                r.normal(0, 0.1, 3) * size,
                r.normal(0, 0.3, 3) * size,
            )
    if wants(0.1):
        base = g.nodes[hips].parent if g.nodes[hips].parent >= 0 else hips
        ik = g.add("ik_foot_root", None, base, np.zeros(3))
        for side, word in (("left", "l"), ("right", "r")):
            g.add(
                f"ik_foot_{word}", None, ik, np.array([0.1 if side == "left" else -0.1, 0.0, 0.0])
            )
    if wants(0.1):
        for k in range(int(r.integers(1, 6))):
            where = int(r.integers(0, len(g.nodes)))
            step = r.normal(0.0, 0.06, 3) * size
            g.chain(
                [f"ornament{k + 1}_{i}" for i in range(int(r.integers(1, 4)))], where, step, step
            )
