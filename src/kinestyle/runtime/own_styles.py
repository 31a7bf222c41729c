"""A style of one's own, heard in a few clips that are no pairs of anything.

Each clip is heard as a reference is: its code, and its posture. What they have in common is the
style. Clips that agree count more than one that does not, and long ones more than short ones, up to
`FULL_SECONDS`. As with a reference, posture says what is changed, as far as no learned style is
near. How a body is held depends on what it does, which content codes tell: a clip takes the posture
of the clips whose content is like its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from kinestyle.bundle import Style
from kinestyle.errors import StyleError
from kinestyle.motion import rotation
from kinestyle.motion.canonical import CANONICAL, FORWARD, SIDES, UP
from kinestyle.motion.rotation import Array
from kinestyle.motion.skeleton import local_to_world_rotation
from kinestyle.motion.smoothing import ramp
from kinestyle.runtime.posture import Posture, mix_postures
from kinestyle.runtime.reference import ReferenceStyle, distance_between, unfamiliarity

FULL_SECONDS = 20.0
"""A longer clip counts no more than one of so many seconds: one take should not say it all."""

DISSENTING = 2.0
"""A clip disagrees that is so many times as far from what all have in common as the middle one."""

HELD_ALIKE = np.radians(6.0), np.radians(22.0)
"""How far clips hold a joint of the legs apart: up to the first all of it is style, from the second
on it is what they do, such as to walk backwards or to bow."""

LIKENESS = 8.0
"""Clips count less by this power of how much farther their content is than that of the nearest."""

MOST_POSTURES = 16
"""Clips whose own postures are kept, those that count most."""

_ROUNDS = 20


@dataclass(frozen=True)
class HeardClip:
    """What one clip added. distance: from what all have in common, the middle clip's being 1;
    weight: 0 to 1, of all 1 together
    """

    name: str
    seconds: float
    weight: float
    distance: float

    @property
    def disagrees(self) -> bool:
        """Whether it seems to show another style."""
        return self.distance > DISSENTING


@dataclass(frozen=True, eq=False)
class HeardPosture:
    """A clip's posture. content: (C,) as in `ReferenceStyle`; weight: as in `HeardClip`"""

    content: Array
    posture: Posture
    weight: float


@dataclass(frozen=True, eq=False, repr=False)
class OwnStyle(ReferenceStyle):
    """A style that was heard in several clips.

    clips: what each of them added
    apart: how far they are from what they have in common, in distances between neighbouring learned
        styles; NaN where the bundle knows fewer than two
    heard_in: the postures of some clips and what is done in them
    """

    clips: tuple[HeardClip, ...] = ()
    apart: float = float("nan")
    heard_in: tuple[HeardPosture, ...] = ()

    def posture_in(self, content: Array) -> Posture | None:
        """Of the clips that do what this one does, most of all: a style holds a body differently in
        a walk and in a run.
        """
        if self.posture is None or len(self.heard_in) < 2:
            return self.posture
        wanted = np.asarray(content, dtype=float).mean(axis=1)
        away = np.array([np.linalg.norm(one.content - wanted) for one in self.heard_in])
        near = (max(float(away.min()), 1e-9) / np.maximum(away, 1e-9)) ** LIKENESS
        weights = near * [one.weight for one in self.heard_in]
        postures = [one.posture for one in self.heard_in]
        found = mix_postures(postures, weights)
        return replace(found, legs=_legs(found, postures, weights))

    @property
    def known_to(self) -> float:
        """How far off the style may be, in the same unit: what n clips leave of how far apart they
        are.
        """
        shares = np.array([clip.weight for clip in self.clips])
        return self.apart * float(np.sqrt((shares**2).sum()))


def hear_style(name: str, heard: Sequence[ReferenceStyle], learned: Sequence[Style]) -> OwnStyle:
    """heard: of each clip; learned: the bundle's styles. Raises StyleError for no clip."""
    if not heard:
        raise StyleError(f"no clip shows the style {name!r}; give one or more")
    heard = [_without_action(style) for style in heard]
    seconds = np.array([style.seconds for style in heard])
    long = np.minimum(seconds, FULL_SECONDS)
    codes = np.stack([style.mean for style in heard]).astype(float)
    held = [_held(style.posture) for style in heard]
    weight, away = long / long.sum(), np.ones(len(heard))
    for _ in range(_ROUNDS):
        away = np.hypot(_apart(codes, weight), _apart_held(held, weight))
        away /= max(float(np.median(away)), 1e-9)
        agreed = long / np.sqrt(1.0 + away**2)
        weight = agreed / agreed.sum()
    mean = (weight @ codes).astype(np.float32)
    spread = np.sqrt(weight @ np.stack([style.std.astype(float) ** 2 for style in heard]))
    style = Style(name, float(seconds.sum()), mean, spread.astype(np.float32))
    with_posture = [
        (one.posture, share)
        for one, share in zip(heard, weight, strict=True)
        if one.posture is not None
    ]
    posture = None
    if with_posture:
        postures, shares = zip(*with_posture, strict=True)
        posture = mix_postures(postures, shares)
        posture = replace(posture, legs=_legs(posture, postures, np.array(shares)))
    unit = distance_between(learned) if len(learned) > 1 else float("nan")
    unfamiliar = unfamiliarity(style, learned) if len(learned) > 1 else 1.0
    return OwnStyle(
        name,
        style.seconds,
        style.mean,
        style.std,
        posture=posture,
        unfamiliar=0.0 if posture is None else unfamiliar,
        clips=tuple(
            HeardClip(one.name, one.seconds, float(share), float(far))
            for one, share, far in zip(heard, weight, away, strict=True)
        ),
        apart=float(np.median(np.linalg.norm(codes - mean, axis=1))) / unit,
        heard_in=_heard_in(heard, weight),
    )


def _without_action(style: ReferenceStyle) -> ReferenceStyle:
    """What clips have in common is no posture of one action."""
    if style.posture is None:
        return style
    return replace(style, posture=replace(style.posture, acting=None, resting=None, doing=None))


def _heard_in(heard: Sequence[ReferenceStyle], weight: Array) -> tuple[HeardPosture, ...]:
    found = [
        HeardPosture(one.content, one.posture, float(weight[i]))
        for i, one in enumerate(heard)
        if one.content is not None and one.posture is not None
    ]
    most = sorted(found, key=lambda one: -one.weight)[:MOST_POSTURES]
    return tuple(one for one in found if one in most)


def _apart(codes: Array, weight: Array) -> Array:
    """codes: (N, K) -> (N,) how far each is from their weighted mean, in units of the middle."""
    away = np.linalg.norm(codes - weight @ codes, axis=1)
    return away / max(float(np.median(away)), 1e-9)


def _held(posture: Posture | None) -> Array | None:
    """(21, 3) how a body is held, as rotation vectors."""
    return None if posture is None else rotation.log(posture.mean)


def _apart_held(held: Sequence[Array | None], weight: Array) -> Array:
    """The same of postures; those without one are as far as the middle."""
    known = [i for i, one in enumerate(held) if one is not None]
    away = np.ones(len(held))
    if len(known) > 1:
        rows = np.stack([held[i] for i in known]).reshape(len(known), -1)  # type: ignore[misc]
        away[known] = _apart(rows, weight[known] / weight[known].sum())
    return away


def _legs(common: Posture, postures: Sequence[Posture], shares: Array) -> float:
    """0 to 1, how far legs are held alike in all clips, whatever is done in them."""
    means = np.stack([posture.mean[_LEGS] for posture in postures])
    off = rotation.angle(rotation.multiply(rotation.inverse(common.mean[_LEGS]), means))
    spread = np.sqrt((shares / shares.sum()) @ off**2).max()
    return float(ramp(spread, HELD_ALIKE[::-1]))


def describe(posture: Posture, beside: Posture) -> tuple[str, ...]:
    """What a posture looks like beside another one, in a few words each."""
    now, plain = _measures(posture), _measures(beside)
    told = []
    for what, more, less, unit, least in _WORDS:
        off = now[what] - plain[what]
        if abs(off) >= least:
            told.append(f"{more if off > 0 else less} by {abs(off):.0f}{unit}")
    for what, of in (("arms' swing", _ARM), ("trunk's swing", _BACK)):
        times = _swing(posture, of) / max(_swing(beside, of), 1e-6)
        if not 0.8 <= times <= 1.25:
            told.append(f"{what} × {times:.1f}")
    return tuple(told)


_WORDS = (
    ("lean", "the trunk leans forward", "the trunk leans back", "°", 4.0),
    ("head", "the head hangs", "the head is raised", "°", 5.0),
    ("arms", "the arms are wider", "the arms are narrower", "°", 5.0),
    ("elbows", "the elbows are bent more", "the elbows are bent less", "°", 8.0),
    ("hips", "the hips are higher", "the hips are lower", " cm", 2.0),
)
_LEGS = [CANONICAL.index(f"{side}_{bone}") for side in SIDES for bone in ("thigh", "shin")]
_ARM = [CANONICAL.index(f"{side}_upper_arm") for side in SIDES]
_BACK = [CANONICAL.index(name) for name in ("spine", "chest")]


def _swing(posture: Posture, joints: Sequence[int]) -> float:
    return float(np.linalg.norm(posture.swing[list(joints)], axis=-1).mean())


def _measures(posture: Posture) -> dict[str, float]:
    """Degrees and centimetres."""
    world = local_to_world_rotation(CANONICAL, posture.mean)

    def pitch(name: str) -> float:
        up = rotation.rotate(world[CANONICAL.index(name)], UP)
        return float(np.degrees(np.arctan2(up @ FORWARD, up @ UP)))

    chest = rotation.inverse(world[CANONICAL.index("chest")])
    wide, bent = [], []
    for side in SIDES:
        upper, lower, end = (
            CANONICAL.index(f"{side}_{bone}") for bone in ("upper_arm", "forearm", "hand")
        )
        bones = [
            rotation.normalize(rotation.rotate(world[joint], CANONICAL.offsets[tip]))
            for joint, tip in ((upper, lower), (lower, end))
        ]
        wide.append(np.degrees(np.arccos(np.clip(-rotation.rotate(chest, bones[0]) @ UP, -1, 1))))
        bent.append(np.degrees(np.arccos(np.clip(bones[0] @ bones[1], -1, 1))))
    return {
        "lean": pitch("chest"),
        "head": pitch("head") - pitch("chest"),
        "arms": float(np.mean(wide)),
        "elbows": float(np.mean(bent)),
        "hips": 100.0 * posture.height,
    }
