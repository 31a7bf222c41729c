"""Which joint of a rig is which joint of the canonical skeleton.

The rig is taken for a tree first: legs are a pair of chains below one joint, arms a pair of chains below another, and
the lowest joint above both is the hips. Along each chain `limb_chains` then chooses the joints for the roles, in order,
from what their names may mean (`joint_names`) and from bone lengths of real frames. Neither is enough alone:
"LeftShoulder" names two different joints in two families, and CMU's forearm is shorter than its clavicle.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations, pairwise

import numpy as np

from kinestyle.errors import RigError
from kinestyle.motion.body_frame import (
    DOUBTFUL_UP,
    Leg,
    axis_name,
    contradictions,
    find_unit,
    find_up,
    lateral_agreement,
    standing_axis,
    unit_name,
)
from kinestyle.motion.canonical import CANONICAL, LEG_LENGTH_M, mirror_name
from kinestyle.motion.clip import Clip
from kinestyle.motion.joint_names import JointName, Side, naming_family
from kinestyle.motion.limb_chains import ARM, LEG, LEG_REACH, TOP, TRUNK_LENGTH, Chain, Limb, RigTree, best_chain, length_score
from kinestyle.motion.rotation import IDENTITY, Array
from kinestyle.motion.skeleton import Skeleton, forward_kinematics

_SAMPLED_FRAMES = 32

_SPINE_PLACE = 0.4
"""Where along hips -> chest a single spine joint bends best."""

DOUBTFUL = 0.5
"""Confidence below which a role is named in the warnings."""


@dataclass(frozen=True, eq=False)
class JointMapping:
    """A rig read as a human body.

    joints: role, a name of the canonical skeleton, -> index of the rig's joint; roles that the rig lacks are absent
    confidence: role -> [0, 1], how well names and geometry agree on it; the same keys as `joints`
    family: the naming convention ("Mixamo", ...) or "unknown"
    unmapped: names of the joints without a role, in the rig's order
    up: (3,) signed unit axis of the file's world that points up, as the file states or else as the motion shows
    unit: "m", "cm", "inch", "CMU", "mm", "foot", "stated" for another one that the file states, or "unknown"
    metres_per_unit: length of a file unit; where the unit is unknown, what makes the leg as long as the canonical one
    warnings: sentences about what is doubtful
    swapped: the names tell left from right, but the limbs lie or bend the other way: a mirrored file, or wrong names
    up_margin: how clear `up` is, see `body_frame.find_up`; 1 where the file states it
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


def map_joints(clip: Clip) -> JointMapping:
    """Find the body in a clip's rig: which joint plays which role, which way is up, how long a unit is.

    Raises RigError when the rig has no human body: it needs hips, a spine joint, a neck or head, two legs down to the feet
    and two arms down to the forearms.
    """
    if not np.isfinite(clip.local_position).all() or not np.isfinite(clip.local_rotation).all():
        raise RigError(f"{clip.name}: some positions or rotations are not finite, so no body can be found")
    names = clip.skeleton.names
    position = _sampled_positions(clip)
    tree = RigTree(clip.skeleton, position)
    body = _find_body(tree, clip.name)

    joints, fits = _trunk_roles(tree, body), dict(body.top.fits)
    sides, agreement = _sides(tree, body)
    for side, chains in sides.items():
        for chain in chains:
            joints |= {f"{side}_{role}": joint for role, joint in chain.joints.items()}
            fits |= {f"{side}_{role}": fit for role, fit in chain.fits.items()}
    joints = {role: joints[role] for role in CANONICAL.names if role in joints}

    legs = [Leg(*(position[:, joints[f"{side}_{role}"]] for role in ("thigh", "shin", "foot"))) for side in sides]
    hips, top = joints["hips"], joints.get("head", joints.get("neck", joints["chest"]))
    ankles = 0.5 * (legs[0].foot + legs[1].foot)
    rest = _rest_positions(clip.skeleton)
    rest_up = standing_axis(rest[hips], rest[top], 0.5 * (rest[joints["left_foot"]] + rest[joints["right_foot"]]))
    up, margin = find_up(position[:, hips], position[:, top], ankles, position[:, list(joints.values())], rest_up)
    leg_length = 0.5 * (legs[0].length() + legs[1].length())
    trunk_length = sum(tree.distance(a, b) for a, b in pairwise(tree.path(top, hips)))
    unit, metres_per_unit = find_unit(leg_length, trunk_length)
    warnings = contradictions(clip.world, up, margin, leg_length)
    if clip.world.up is not None:
        up, margin = np.array(clip.world.up), 1.0
    if clip.world.metres_per_unit is not None:
        unit, metres_per_unit = unit_name(clip.world.metres_per_unit), clip.world.metres_per_unit

    side_trust = 1.0
    swapped = body.sided and agreement < -0.1
    if swapped:
        side_trust = 0.5
        warnings.append("left and right follow the names, but the limbs lie or bend as if swapped: perhaps a mirrored file")
    elif not body.sided and agreement < 0.1:
        side_trust = 0.4
        warnings.append("left and right are a guess: the names do not tell and the legs hardly bend")
    confidence = {}
    for role, joint in joints.items():
        plain = _without_side(role)
        geometry = 0.6 + 0.4 * float(np.exp(fits.get(role, 0.0)))
        confidence[role] = round(_name_trust(tree.names[joint], plain) * geometry * (side_trust if plain != role else 1.0), 3)
    if not any(tree.names[joint].roles for joint in joints.values()):
        warnings.append("the joints' names tell nothing: the body was found by its shape alone")
    doubtful = [f"{role} ({names[joints[role]]})" for role, trust in confidence.items() if trust < DOUBTFUL]
    if doubtful:
        warnings.append("names and bone lengths leave doubt about " + ", ".join(doubtful))
    warnings += _unlike_sides(tree, joints)
    if margin < DOUBTFUL_UP:
        warnings.append(f"{axis_name(up)} was taken for up, but the body hardly stands upright in this clip")
    if unit == "unknown":
        warnings.append(
            f"no usual unit makes the leg of {leg_length:.4g} an adult's, so the leg was taken to be {LEG_LENGTH_M:.2f} m"
        )

    used = set(joints.values())
    return JointMapping(
        joints=joints,
        confidence=confidence,
        family=naming_family(names),
        unmapped=tuple(name for joint, name in enumerate(names) if joint not in used),
        up=up,
        unit=unit,
        metres_per_unit=metres_per_unit,
        warnings=tuple(warnings),
        swapped=swapped,
        up_margin=margin,
    )


def _sampled_positions(clip: Clip) -> Array:
    """(T', J, 3) world positions of at most `_SAMPLED_FRAMES` frames spread over the clip."""
    frames = np.unique(np.linspace(0, clip.frame_count - 1, _SAMPLED_FRAMES).round().astype(int))
    return forward_kinematics(clip.skeleton, clip.local_position[frames], clip.local_rotation[frames])[0]


def _rest_positions(skeleton: Skeleton) -> Array:
    """(J, 3) positions when no joint is turned. Of many files that is no pose at all."""
    unturned = np.tile(IDENTITY, (skeleton.joint_count, 1))
    return forward_kinematics(skeleton, skeleton.offsets, unturned)[0]


@dataclass(frozen=True)
class _Pair:
    """Two chains that hang from one joint.

    branch: that joint
    left, right: where the chains start; unless `sided`, which is which is not known
    reach: length of the shorter one to its farthest joint, in file units
    sided: names tell left and right
    """

    branch: int
    left: int
    right: int
    reach: float
    sided: bool


@dataclass(frozen=True)
class _Body:
    """One reading of the tree. legs, arms: the chains of `leg_pair` and `arm_pair`, in the same order."""

    score: float
    hips: int
    leg_pair: _Pair
    arm_pair: _Pair
    legs: tuple[Chain, Chain]
    arms: tuple[Chain, Chain]
    top: Chain

    @property
    def sided(self) -> bool:
        return self.leg_pair.sided or self.arm_pair.sided


def _pairs(tree: RigTree) -> list[_Pair]:
    """Pairs of chains that could be two limbs, those with sides in their names and the longest first.

    Where names tell sides, the two must be a left and a right one; where not, they must be about as long.
    """
    found = []
    for branch, children in enumerate(tree.skeleton.children):
        chains = [child for child in children if tree.reach[child] > 0]
        for a, b in combinations(chains, 2):
            sides = {tree.side[a], tree.side[b]}
            short, long = sorted((tree.reach[a], tree.reach[b]))
            if sides == {"left", "right"}:
                left, right = (a, b) if tree.side[a] == "left" else (b, a)
                found.append(_Pair(branch, left, right, short, True))
            elif sides == {""} and long < 1.4 * short:
                found.append(_Pair(branch, a, b, short, False))
    found.sort(key=lambda pair: -pair.reach)
    likely = []
    for sided in (True, False):
        alike = [pair for pair in found if pair.sided == sided]
        # fingers and the like are far shorter than limbs; a cap keeps a rig full of equal chains from taking long
        likely += [pair for pair in alike if pair.reach > 0.25 * alike[0].reach][:12]
    return likely


def _find_body(tree: RigTree, clip_name: str) -> _Body:
    """The best reading of the tree as a body. Raises RigError when there is none."""
    pairs = _pairs(tree)
    best = max(_bodies(tree, pairs), key=lambda body: body.score, default=None)
    if best is not None:
        return best
    names = tree.skeleton.names
    rig = ", ".join(names[:12]) + (f" and {len(names) - 12} more" if len(names) > 12 else "")
    where = f"{clip_name}: no human body was found in the rig ({rig})"
    legs = next((pair for pair in pairs if _is_more(tree, LEG, ARM, pair)), None)
    if legs is None:
        raise RigError(f"{where}: it has no two legs, a left and a right thigh, shin and foot below one joint")
    where += f": legs start at {names[legs.left]!r} and {names[legs.right]!r}"
    if not any(_is_more(tree, ARM, LEG, pair) for pair in pairs):
        raise RigError(f"{where}, but there are no two arms, a left and a right upper arm and forearm below one joint")
    raise RigError(f"{where}, but above them no spine joint carries two arms (upper arm, forearm) and a neck or head")


def _is_more(tree: RigTree, limb: Limb, other: Limb, pair: _Pair) -> bool:
    """Whether a pair is rather two of one limb than two of the other."""
    stature = pair.reach / LEG_REACH
    chains, others = _two_chains(tree, limb, pair, stature), _two_chains(tree, other, pair, stature)
    return chains is not None and (others is None or sum(c.score for c in chains) > sum(c.score for c in others))


def _two_chains(tree: RigTree, limb: Limb, pair: _Pair, stature: float) -> tuple[Chain, Chain] | None:
    left = best_chain(tree, limb, pair.branch, pair.left, stature)
    right = best_chain(tree, limb, pair.branch, pair.right, stature) if left else None
    return (left, right) if left and right else None


def _bodies(tree: RigTree, pairs: list[_Pair]) -> Iterator[_Body]:
    """Every way to take one pair for the legs and another for the arms."""
    for leg_pair in pairs:
        stature = leg_pair.reach / LEG_REACH
        legs = _two_chains(tree, LEG, leg_pair, stature)
        if legs is None:
            continue
        leg_joints = {*tree.subtree[leg_pair.left], *tree.subtree[leg_pair.right]}
        for arm_pair in pairs:
            hips = tree.common_ancestor(leg_pair.branch, arm_pair.branch)
            if arm_pair.branch in leg_joints or hips == arm_pair.branch:
                continue
            arms = _two_chains(tree, ARM, arm_pair, stature)
            top = _neck_and_head(tree, hips, arm_pair, leg_joints, stature)
            if arms is None or top is None:
                continue
            score = sum(chain.score for chain in (*legs, *arms, top))
            score += length_score(tree.distance(hips, arm_pair.branch), TRUNK_LENGTH, stature)
            for pair in (leg_pair, arm_pair):
                if not pair.sided:
                    score -= abs(float(np.log(tree.reach[pair.left] / tree.reach[pair.right])))
            yield _Body(score, hips, leg_pair, arm_pair, legs, arms, top)


def _neck_and_head(tree: RigTree, hips: int, arms: _Pair, leg_joints: set[int], stature: float) -> Chain | None:
    """The chain from the arms' branch or, on odd rigs, from the trunk's next joint below it that has one."""
    trunk = tree.path(arms.branch, hips)
    taken = {*trunk, *leg_joints, *tree.subtree[arms.left], *tree.subtree[arms.right]}
    for joint in trunk:
        starts = [child for child in tree.skeleton.children[joint] if child not in taken and not tree.side[child]]
        chains = [best_chain(tree, TOP, arms.branch, child, stature) for child in starts]
        best = max((chain for chain in chains if chain), key=lambda chain: chain.score, default=None)
        if best is not None:
            return best
    return None


def _trunk_roles(tree: RigTree, body: _Body) -> dict[str, int]:
    """Hips, spine, chest, neck and head -> joints, as far as the rig has them."""
    joints = dict(body.top.joints)
    branch = body.arm_pair.branch
    if "neck" in joints and branch in tree.skeleton.ancestors(joints["neck"]):
        # a neck in two pieces (CMU's Neck and Neck1) turns at the lower one
        upwards = tree.path(joints["neck"], branch)[-2::-1]
        joints["neck"] = next((joint for joint in upwards if tree.names[joint].weight("neck") > 0.5), joints["neck"])
    path = tree.path(branch, body.hips)[::-1]
    if len(path) > 2 and tree.names[branch].weight("neck") > 0.5:
        # 3ds Max hangs the clavicles from the neck: the chest is the joint below it
        joints["neck"] = path.pop()
    joints |= {"hips": path[0], "chest": path[-1]}
    if len(path) > 2:
        along = np.cumsum([tree.distance(a, b) for a, b in pairwise(path)])
        joints["spine"] = path[1 + int(np.argmin(np.abs(along[:-1] - _SPINE_PLACE * along[-1])))]
    return joints


def _sides(tree: RigTree, body: _Body) -> tuple[dict[Side, tuple[Chain, Chain]], float]:
    """Leg and arm of each side, and how geometry agrees with the choice, in [-1, 1].

    Sides that names tell are kept whatever geometry says; the others follow it.
    """

    def places(chain: Chain) -> dict[str, Array]:
        return {role: tree.position[:, joint] for role, joint in chain.joints.items()}

    legs, arms = [places(chain) for chain in body.legs], [places(chain) for chain in body.arms]
    bend = lateral_agreement(*(Leg(leg["thigh"], leg["shin"], leg["foot"], leg.get("toe")) for leg in legs))
    # shoulders hardly ever turn half round over the hips
    along = np.sum((legs[0]["thigh"] - legs[1]["thigh"]) * (arms[0]["upper_arm"] - arms[1]["upper_arm"]), axis=-1)
    alike = float(np.mean(np.sign(along)))

    swap_legs = not body.leg_pair.sided and (alike < 0 if body.arm_pair.sided else bend < 0)
    swap_arms = not body.arm_pair.sided and (alike < 0) != swap_legs
    leg, arm = body.legs[::-1] if swap_legs else body.legs, body.arms[::-1] if swap_arms else body.arms
    bend, alike = (-bend if swap_legs else bend), (-alike if swap_legs != swap_arms else alike)
    return {"left": (leg[0], arm[0]), "right": (leg[1], arm[1])}, bend if alike >= 0 else min(bend, alike)


def _without_side(role: str) -> str:
    return role.removeprefix("left_").removeprefix("right_")


def _name_trust(name: JointName, role: str) -> float:
    weight = name.weight(role)
    if weight:
        # "shoulder" and "leg" mean two things, yet in the chain the choice is nearly sure
        return 0.75 + 0.25 * weight
    return 0.2 if name.roles or name.passed_over else 0.6


def _unlike_sides(tree: RigTree, joints: dict[str, int]) -> list[str]:
    """A sentence when a role fell to another kind of joint on the left than on the right."""
    names, unlike = tree.skeleton.names, []
    for role in joints:
        if role != _without_side(role) and (role.startswith("left_") or mirror_name(role) not in joints):
            one, other = joints[role], joints.get(mirror_name(role))
            if other is None:
                unlike.append(f"{role} is {names[one]!r} but there is no {mirror_name(role)}")
            elif tree.names[one].word != tree.names[other].word:
                unlike.append(f"{role} is {names[one]!r} but {mirror_name(role)} is {names[other]!r}")
    return ["the two sides differ: " + "; ".join(unlike)] if unlike else []
