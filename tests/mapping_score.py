"""How right a mapping is beside the truth of a generated rig, and whether it knows."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from generated_rigs import Made
from kinestyle.errors import RigError
from kinestyle.rig.body_frame import axis_name
from kinestyle.rig.mapping import DOUBTFUL, JointMapping, map_joints


@dataclass(frozen=True)
class Score:
    """Of one rig. A role is right when it has a joint that is right for it, or rightly has none.

    roles: how many the rig or the mapping has; wrong: those that are not right, flagged: those of
    `wrong` with low confidence doubted: right ones with low confidence
    swaps: roles that fell to the other side's joint; silent_swaps: those with high confidence
    up, unit: whether right; unit is None where no unit is
    refused: the sentence with which the rig was refused
    """

    roles: int
    wrong: tuple[str, ...] = ()
    silent: tuple[str, ...] = ()
    doubted: int = 0
    swaps: tuple[str, ...] = ()
    silent_swaps: tuple[str, ...] = ()
    up: bool = False
    unit: bool | None = None
    refused: str = ""


def score(made: Made) -> tuple[Score, JointMapping | None]:
    try:
        mapping = map_joints(made.clip)
    except RigError as error:
        count = len(made.expected)
        return Score(count, tuple(made.expected), refused=str(error)), None
    found, expected = mapping.joints, made.expected
    wrong = [
        role
        for role in found.keys() | expected.keys()
        if found.get(role) not in expected.get(role, ())
    ]
    side = {
        joint: role.split("_")[0]
        for role, joints in expected.items()
        if "_" in role
        for joint in joints
    }
    swaps = [
        role
        for role, joint in found.items()
        if "_" in role and side.get(joint, role.split("_")[0]) != role.split("_")[0]
    ]

    def silent(roles: Iterable[str]) -> tuple[str, ...]:
        # a role that should be there and is not cannot be doubted; what is wrong is that it is
        # missing, which is to be seen
        return tuple(
            sorted(role for role in roles if role in found and mapping.confidence[role] >= DOUBTFUL)
        )

    doubted = sum(1 for role in found if role not in wrong and mapping.confidence[role] < DOUBTFUL)
    return (
        Score(
            len(found.keys() | expected.keys()),
            tuple(sorted(wrong)),
            silent(wrong),
            doubted,
            tuple(sorted(swaps)),
            silent(swaps),
            axis_name(mapping.up) == made.up,
            None if made.unit is None else mapping.unit == made.unit,
        ),
        mapping,
    )


@dataclass
class Tally:
    """Scores of many rigs, added up."""

    scores: list[Score] = field(default_factory=list)

    @property
    def roles(self) -> int:
        return sum(score.roles for score in self.scores)

    @property
    def right_share(self) -> float:
        return 1.0 - sum(len(score.wrong) for score in self.scores) / self.roles

    @property
    def silent(self) -> int:
        """Wrong roles without low confidence."""
        return sum(len(score.silent) for score in self.scores)

    @property
    def wrong(self) -> int:
        return sum(len(score.wrong) for score in self.scores)

    @property
    def doubted_share(self) -> float:
        """Right roles with low confidence."""
        return sum(score.doubted for score in self.scores) / self.roles

    @property
    def swapped_rigs(self) -> int:
        return sum(bool(score.swaps) for score in self.scores)

    @property
    def silently_swapped_rigs(self) -> int:
        return sum(bool(score.silent_swaps) for score in self.scores)

    @property
    def refused(self) -> int:
        return sum(bool(score.refused) for score in self.scores)

    @property
    def up_share(self) -> float:
        return sum(score.up for score in self.scores) / len(self.scores)

    @property
    def unit_share(self) -> float:
        known = [score.unit for score in self.scores if score.unit is not None]
        return sum(known) / max(1, len(known))
