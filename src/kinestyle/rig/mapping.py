"""Which joint of a rig is which joint of the canonical skeleton.

The rig is a tree: legs are a pair of chains below one joint, arms a pair of chains below another,
and the lowest joint above both is the hips (`search`). Along each chain the joints for the roles
are chosen in order (`chains`), from what their names may mean (`names`) and from the bone lengths
of real frames. Neither is enough alone: "LeftShoulder" names two different joints in two families,
and CMU's forearm is shorter than its clavicle.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from kinestyle.errors import RigError
from kinestyle.motion.canonical import (
    CANONICAL,
    LEG_LENGTH_M,
    REST_POSITION_M,
    SIDES,
    has_side,
    mirror_name,
    part_of,
)
from kinestyle.motion.clip import Clip, StatedWorld
from kinestyle.motion.rotation import Array
from kinestyle.motion.skeleton import rest_position
from kinestyle.motion.window import Motion, sample_evenly
from kinestyle.note import Note
from kinestyle.rig.body_frame import (
    AXES,
    DOUBTFUL_UP,
    Leg,
    axis_name,
    clearly_bends,
    contradictions,
    find_unit,
    find_up,
    foot_agreement,
    knee_agreement,
    lateral_agreement,
    standing_axis,
    unit_name,
)
from kinestyle.rig.carried import MOST_STRAY, carried_joints, feet_elsewhere, strays
from kinestyle.rig.chains import LEG, Chain, RigTree
from kinestyle.rig.confidence import certainty, trunk_roles
from kinestyle.rig.names import JointName, Side, naming_family
from kinestyle.rig.posture import find_four_legs
from kinestyle.rig.rig_file import Rig
from kinestyle.rig.search import Body, find_bodies

_SAMPLED_FRAMES = 32

_SWAPPED = {
    False: Note(
        "left and right follow the names, but the limbs lie or bend as if swapped: perhaps a "
        "mirrored file, which --swap-sides takes as the knees have it",
        "sides",
        "Left and right lie as if swapped: taken as named",
    ),
    True: Note(
        "knees and feet bend as if left and right were swapped, as in a mirrored capture: the "
        "body was taken as they have it, against the names (--no-swap-sides follows the names)",
        "sides",
        "Left and right are swapped, as the knees show",
    ),
}
"""What is said of sides that names and geometry tell differently, by whether the geometry was
followed.
"""

_WHOLE_TRUNK = float(
    REST_POSITION_M[CANONICAL.index("head"), 1] - REST_POSITION_M[CANONICAL.index("hips"), 1]
) / float(
    REST_POSITION_M[CANONICAL.index("chest"), 1] - REST_POSITION_M[CANONICAL.index("hips"), 1]
)
"""Hips to head over hips to chest."""

DOUBTFUL = 0.5
"""Confidence below which a role is named in the warnings."""

KIND = "joints"
"""Of notes on the roles of joints."""


@dataclass(frozen=True, eq=False)
class JointMapping:
    """A rig read as a human body.

    joints: role, a name of the canonical skeleton, -> index of the rig's joint; roles that the rig
        lacks are absent
    confidence: role -> [0, 1], how well names and geometry agree on it; the same keys as `joints`
    family: the naming convention ("Mixamo", ...) or "unknown"
    unmapped: names of the joints without a role, in the rig's order
    up: (3,) signed unit axis of the file's world that points up, as the file states it or else as
        the motion shows it
    unit: "m", "cm", "inch", "CMU", "mm", "foot", "stated" for another one that the file states, or
        "unknown"
    metres_per_unit: length of a file unit; of an unknown unit, what gives the leg the length of the
        canonical one
    warnings: sentences about what is doubtful
    swapped: the names tell left from right, but the limbs lie or bend the other way: a mirrored
        file, or wrong names
    up_margin: how clear `up` is, see `body_frame.find_up`; 1 where the file states it
    carried: joints that a leg moves without their hanging on it, each with what carries it
    """

    joints: dict[str, int]
    confidence: dict[str, float]
    family: str
    unmapped: tuple[str, ...]
    up: Array
    unit: str
    metres_per_unit: float
    warnings: tuple[str, ...] = ()
    swapped: bool = False
    up_margin: float = 1.0
    carried: tuple[tuple[int, int], ...] = ()


def map_joints(motion: Motion, rig: Rig | None = None) -> JointMapping:
    """Find the body in a clip's rig: which joint plays which role, which axis is up, how long a
    unit is.

    motion: a clip, or a longer motion, of which a few frames are read
    rig: what is known already; its joints are taken, and its up and unit if it states them

    Raises RigError when a given rig does not fit the clip, when the clip's joints do not hang from
    one, or when its rig has no human body: hips, a spine joint, two legs down to the feet, two arms
    down to the forearms.
    """
    if isinstance(motion, Clip) and not motion.is_finite:
        raise RigError(
            f"{motion.name}: some positions or rotations are not finite, so no body can be found"
        )
    clip = sample_evenly(motion, _SAMPLED_FRAMES)
    roots = np.flatnonzero(clip.skeleton.parents < 0)
    if len(roots) > 1:
        named = ", ".join(clip.skeleton.names[joint] for joint in roots[:8])
        raise RigError(
            f"{motion.name}: {len(roots)} of its joints have no parent ({named}), and a body hangs "
            f"from one; leave out what is not the body's, or give all one parent"
        )
    position = clip.world_position
    if rig is None:
        try:
            roles = _own_roles(clip, position)
        except RigError as error:
            raise RigError(f"{error}{_of_several(clip)}") from None
        found = _in_its_world(clip, position, roles, clip.world, "the file")
        return _if_human(clip, position, found)
    return _in_its_world(
        clip, position, _given_roles(clip, position, rig), stated_world(clip, rig), rig.name
    )


def _of_several(clip: Clip) -> str:
    """What else its file holds, for a clip in which no body was found."""
    if len(clip.characters) < 2:
        return ""
    return (
        f"; its file holds {len(clip.characters)} skeletons, {', '.join(clip.characters[:8])}, of "
        f"which number {clip.character} was read: --character reads another, and a body whose "
        f"parts are in several has to be joined to one skeleton first"
    )


def _if_human(clip: Clip, position: Array, mapping: JointMapping) -> JointMapping:
    """The mapping, with a doubt where its body goes on four legs. Raises RigError for one that is
    built like an animal.
    """
    four_legs = find_four_legs(position, mapping.joints, mapping.up)
    if four_legs is None:
        return mapping
    if four_legs.is_animal:
        raise RigError(
            f"{clip.name}: the body goes on four legs, and its forelegs have "
            f"{four_legs.foreleg:.2f} of the length of its hind legs: it looks like an animal, and "
            f"only human motion can be restyled; if it is a human, name its joints in a rig "
            f"(`kinestyle map --blank`, --rig)"
        )
    doubt = Note(
        "the body goes on all fours for most of the clip: if it is an animal, the result is none; "
        "if it is a human whose joints were found wrongly, name them with --rig",
        "four-legs",
        "On all fours for most of the clip: is it a human?",
    )
    return replace(mapping, warnings=(doubt, *mapping.warnings))


def stated_world(clip: Motion, rig: Rig) -> StatedWorld:
    """What a rig states of unit and up axis, or else the clip's file."""
    up = clip.world.up if rig.up is None else tuple(AXES[rig.up].tolist())
    return replace(
        clip.world, metres_per_unit=rig.metres_per_unit or clip.world.metres_per_unit, up=up
    )


def rig_of(clip: Clip, mapping: JointMapping) -> Rig:
    """What was found in a clip, as a rig to write down and use for other files."""
    joints = {role: (clip.skeleton.names[joint],) for role, joint in mapping.joints.items()}
    return Rig(f"the rig of {clip.name}", joints, axis_name(mapping.up), mapping.metres_per_unit)


@dataclass(frozen=True)
class _Roles:
    """The part of a mapping that does not depend on the world, see `JointMapping`."""

    joints: dict[str, int]
    confidence: dict[str, float]
    warnings: tuple[str, ...]
    swapped: bool


def _own_roles(clip: Clip, position: Array) -> _Roles:
    """The roles that the clip's file states, if they are a whole body, or else those found."""
    if not clip.roles:
        return _find_roles(clip, position)
    stated = Rig("the file", {role: (name,) for role, name in clip.roles.items()})
    try:
        return _given_roles(clip, position, stated)
    except RigError as error:
        found = _find_roles(clip, position)
        note = Note(
            f"the body was looked for: {error}",
            KIND,
            "The file's own roles do not fit: the body was looked for",
        )
        return replace(found, warnings=(*found.warnings, note))


def _find_roles(clip: Clip, position: Array) -> _Roles:
    """Which joint plays which role; position: (T', J, 3) world positions of sampled frames. Raises
    RigError.
    """
    tree = RigTree(clip.skeleton, position, feet_elsewhere(clip.skeleton, position))
    body, *others = find_bodies(tree, clip.name)
    sides, agreement, clear = _sides(tree, body)
    swapped = body.sided and agreement < -0.1
    stated = clip.world.mirrored
    # knees cannot bend the other way: where they say it clearly, the names are of a mirrored body
    mirrored = swapped and clear if stated is None else stated
    if mirrored:
        sides = {"left": sides["right"], "right": sides["left"]}
    joints, fits = _joined(trunk_roles(tree, body), body, sides)
    guessed = not body.sided and agreement < 0.1
    swapped = swapped and stated is None
    side_trust = 0.4 if swapped or guessed else 1.0
    sure = certainty(tree, body, others, sides, joints)
    confidence = {
        role: round(
            _name_trust(tree.names[joint], part_of(role))
            * (0.6 + 0.4 * float(np.exp(fits.get(role, 0.0))))
            * sure[role]
            * (side_trust if has_side(role) else 1.0),
            3,
        )
        for role, joint in joints.items()
    }
    warnings: list[str] = [_SWAPPED[mirrored]] if swapped else []
    warnings += _doubts(tree, joints, confidence, swapped, guessed)
    joints = {role: int(tree.order[joint]) for role, joint in joints.items()}
    return _Roles(joints, confidence, tuple(warnings), swapped)


def _joined(
    trunk: dict[str, int], body: Body, sides: dict[Side, tuple[Chain, Chain]]
) -> tuple[dict[str, int], dict[str, float]]:
    """The joints of all roles, in the order of the canonical skeleton, and how well they fit."""
    found, fits = dict(trunk), {} if body.top is None else dict(body.top.fits)
    for side, chains in sides.items():
        for chain in chains:
            found |= {f"{side}_{role}": joint for role, joint in chain.joints.items()}
            fits |= {f"{side}_{role}": fit for role, fit in chain.fits.items()}
    return {role: found[role] for role in CANONICAL.names if role in found}, fits


def _doubts(
    tree: RigTree,
    joints: dict[str, int],
    confidence: dict[str, float],
    swapped: bool,
    guessed: bool,
) -> list[str]:
    """Sentences about what is doubtful in the roles that were found, beside sides that are swapped.

    guessed: neither names nor geometry tell the sides
    """
    warnings: list[str] = []
    if guessed:
        warnings.append(
            Note(
                "left and right are a guess: the names do not tell and the legs hardly bend",
                "sides",
                "Left and right are a guess",
            )
        )
    if not any(tree.names[joint].roles for joint in joints.values()):
        warnings.append(
            Note(
                "the joints' names tell nothing: the body was found by its shape alone",
                "names",
                "The joints' names tell nothing: found by shape alone",
            )
        )
    doubtful = [
        f"{role} ({tree.skeleton.names[joints[role]]})"
        for role, trust in confidence.items()
        if trust < DOUBTFUL and not (swapped and has_side(role))
    ]
    if doubtful:
        few = len(doubtful) <= 2
        about = ", ".join(doubtful) if few else f"{len(doubtful)} joints"
        warnings.append(
            Note(
                "names and bone lengths leave doubt about " + ", ".join(doubtful),
                KIND,
                f"Doubt about {about}",
                doubtful_joints=len(doubtful),
            )
        )
    return warnings + _unlike_sides(tree, joints)


def _given_roles(clip: Clip, position: Array, rig: Rig) -> _Roles:
    """The roles that a rig states. Only left and right are checked, because they are easily
    confused.
    """
    joints = rig.joints_in(clip.skeleton, clip.name)
    if clip.world.mirrored:
        joints = {mirror_name(role): joint for role, joint in joints.items()}
    for side in SIDES:
        _check_foot(clip, position, rig, joints[f"{side}_foot"], joints[f"{side}_shin"])
    legs = [
        Leg(
            *(
                position[:, joints[f"{side}_{role}"]]
                for role in LEG.roles
                if f"{side}_{role}" in joints
            )
        )
        for side in SIDES
    ]
    swapped = lateral_agreement(legs[0], legs[1]) < -0.1
    warnings: tuple[str, ...] = ()
    if swapped:
        warnings = (
            Note(
                f"{rig.name} is followed, but the legs lie or bend as if left and right were "
                f"swapped in it; --swap-sides swaps them",
                "sides",
                "Left and right lie as if swapped in the rig",
            ),
        )
    return _Roles(joints, dict.fromkeys(joints, 1.0), warnings, swapped)


def _check_foot(clip: Clip, position: Array, rig: Rig, foot: int, shin: int) -> None:
    """Raises RigError for a foot that neither hangs on its shin nor stays at its end."""
    if shin in clip.skeleton.ancestors(foot) or strays(position, foot, shin) < MOST_STRAY:
        return
    names = clip.skeleton.names
    raise RigError(
        f"{rig.name} does not fit {clip.name}: the foot {names[foot]!r} neither lies below the "
        f"shin {names[shin]!r} nor stays at its end"
    )


def _in_its_world(
    clip: Clip, position: Array, roles: _Roles, stated: StatedWorld, by: str
) -> JointMapping:
    """The mapping with its up axis and unit: as stated, or as they follow from the roles.

    position: (T', J, 3) world positions of sampled frames; by: who states the world, in words
    """
    names, joints = clip.skeleton.names, roles.joints
    legs = [
        Leg(*(position[:, joints[f"{side}_{role}"]] for role in ("thigh", "shin", "foot")))
        for side in SIDES
    ]
    hips, top = joints["hips"], joints.get("head", joints.get("neck", joints["chest"]))
    ankles = 0.5 * (legs[0].foot + legs[1].foot)
    rest = rest_position(clip.skeleton)
    rest_up = standing_axis(
        rest[hips], rest[top], 0.5 * (rest[joints["left_foot"]] + rest[joints["right_foot"]])
    )
    up, margin = find_up(
        position[:, hips], position[:, top], ankles, position[:, list(joints.values())], rest_up
    )
    leg_length = 0.5 * (legs[0].length() + legs[1].length())
    above = clip.skeleton.ancestors(top)
    trunk = position[:, [top, *above[: above.index(hips) + 1]]]
    trunk_length = float(np.linalg.norm(np.diff(trunk, axis=1), axis=-1).mean(axis=0).sum())
    if "neck" not in joints and "head" not in joints:
        trunk_length *= _WHOLE_TRUNK
    unit, metres_per_unit = find_unit(leg_length, trunk_length)
    warnings = contradictions(stated, by, up, margin)
    if stated.up is not None:
        up, margin = np.array(stated.up), 1.0
    if stated.metres_per_unit is not None:
        unit, metres_per_unit = unit_name(stated.metres_per_unit), stated.metres_per_unit
    warnings += roles.warnings
    if "neck" not in joints and "head" not in joints:
        warnings.append(
            Note(
                "the rig has neither neck nor head; its body ends at the shoulders",
                "no-head",
                "Neither neck nor head: the body ends at the shoulders",
            )
        )
    if margin < DOUBTFUL_UP:
        warnings.append(
            Note(
                f"{axis_name(up)} was taken for up, but the body hardly stands upright in this "
                f"clip; --up states another",
                "up",
                f"{axis_name(up)} was taken for up: the body hardly stands",
            )
        )
    if unit == "unknown":
        warnings.append(
            Note(
                f"no usual unit makes the leg of {leg_length:.4g} an adult's, so the leg was taken "
                f"to be {LEG_LENGTH_M:.2f} m",
                "unit",
                f"The unit is unknown: legs taken to be {LEG_LENGTH_M:.2f} m",
            )
        )
    used = set(joints.values())
    return JointMapping(
        joints=joints,
        confidence=roles.confidence,
        family=naming_family(names),
        unmapped=tuple(name for joint, name in enumerate(names) if joint not in used),
        up=up,
        unit=unit,
        metres_per_unit=metres_per_unit,
        warnings=tuple(warnings),
        swapped=roles.swapped,
        up_margin=margin,
        carried=carried_joints(clip.skeleton, position, joints),
    )


def _sides(tree: RigTree, body: Body) -> tuple[dict[Side, tuple[Chain, Chain]], float, bool]:
    """Leg and arm of each side, how geometry agrees with the choice, in [-1, 1], and whether legs
    that do not agree clearly bend the other way.

    Sides that names tell are kept whatever geometry says; the others follow it.
    """

    def positions(chain: Chain) -> dict[str, Array]:
        return {role: tree.position[:, joint] for role, joint in chain.joints.items()}

    legs = [positions(chain) for chain in body.legs.chains]
    arms = [positions(chain) for chain in body.arms.chains]
    bend = lateral_agreement(
        *(Leg(leg["thigh"], leg["shin"], leg["foot"], leg.get("toe")) for leg in legs)
    )
    # shoulders hardly ever twist half a turn over the hips
    along = np.sum(
        (legs[0]["thigh"] - legs[1]["thigh"]) * (arms[0]["upper_arm"] - arms[1]["upper_arm"]),
        axis=-1,
    )
    alike = float(np.mean(np.sign(along)))

    swap_legs = not body.legs.sided and (alike < 0 if body.arms.sided else bend < 0)
    swap_arms = not body.arms.sided and (alike < 0) != swap_legs
    leg = body.legs.chains[::-1] if swap_legs else body.legs.chains
    arm = body.arms.chains[::-1] if swap_arms else body.arms.chains
    bend, alike = (-bend if swap_legs else bend), (-alike if swap_legs != swap_arms else alike)
    if not body.legs.sided:
        leg = _without_heels(tree, leg[0], leg[1])
    agreement = bend if alike >= 0 else min(bend, alike)
    found: dict[Side, tuple[Chain, Chain]] = {"left": (leg[0], arm[0]), "right": (leg[1], arm[1])}
    clear = alike >= 0 and clearly_bends(*(_leg_of(tree, chain) for chain in leg[::-1]))
    return found, agreement, clear


def _leg_of(tree: RigTree, chain: Chain) -> Leg:
    return Leg(
        *(tree.position[:, chain.joints[role]] for role in LEG.roles if role in chain.joints)
    )


def _without_heels(tree: RigTree, left: Chain, right: Chain) -> tuple[Chain, Chain]:
    """The legs without toes that point backwards, judged by the knees: those are heels. Only names
    could say that they are toes nevertheless.
    """

    def leg_of(chain: Chain, with_toe: bool) -> Leg:
        roles = [role for role in LEG.roles if role in chain.joints]
        if not with_toe:
            roles = roles[:3]
        return Leg(*(tree.position[:, chain.joints[role]] for role in roles))

    if knee_agreement(leg_of(left, False), leg_of(right, False)) <= 0.0:
        return left, right
    ahead = (
        foot_agreement(leg_of(left, True), leg_of(right, False)),
        foot_agreement(leg_of(left, False), leg_of(right, True)),
    )
    kept = []
    for leg, toes in zip((left, right), ahead, strict=True):
        backwards = toes is not None and toes < 0.0
        kept.append(
            replace(
                leg, joints={k: v for k, v in leg.joints.items() if not (backwards and k == "toe")}
            )
        )
    return kept[0], kept[1]


def _name_trust(name: JointName, role: str) -> float:
    """How much a joint's name confirms its role (without side), in (0, 1]."""
    weight = name.weight(role)
    if weight:
        # "shoulder" and "leg" mean two things, but within a chain the choice is nearly certain
        return 0.75 + 0.25 * weight
    return 0.2 if name.roles or name.passed_over else 0.6


def _unlike_sides(tree: RigTree, joints: dict[str, int]) -> list[str]:
    """A sentence if a role has different kinds of joints on the left and on the right."""
    names, unlike = tree.skeleton.names, []
    for role in joints:
        if has_side(role) and (role.startswith("left_") or mirror_name(role) not in joints):
            one, other = joints[role], joints.get(mirror_name(role))
            if other is None:
                unlike.append(f"{role} is {names[one]!r} but there is no {mirror_name(role)}")
            elif tree.names[one].word != tree.names[other].word and (
                tree.names[one].roles or tree.names[other].roles
            ):  # words that say nothing cannot contradict each other
                unlike.append(
                    f"{role} is {names[one]!r} but {mirror_name(role)} is {names[other]!r}"
                )
    if not unlike:
        return []
    several = f"The two sides differ in {len(unlike)} joints"
    short = "The two sides differ in a joint" if len(unlike) == 1 else several
    return [Note("the two sides differ: " + "; ".join(unlike), "unlike-sides", short)]
