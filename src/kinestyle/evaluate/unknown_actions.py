"""P5, unknown actions: clips whose actions no bundle has labels for (kicks, throws, squats,
dances), in all styles. Is the action still there?

No judge knows these actions. What can be measured is whether hands and feet still come to where the
action takes them (see `kinestyle.evaluate.events`), whether jumps keep their height, and whether
anything pops or goes through the body.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path

import numpy as np

from kinestyle.errors import DataError
from kinestyle.evaluate.events import (
    POP_M,
    Event,
    Reach,
    curve_correlations,
    find_events,
    find_jumps,
    hands_in_body,
    jump_height,
    keeps_event,
    reach_of,
)
from kinestyle.evaluate.measures import bent_aside, jerk, overextended, twists
from kinestyle.evaluate.protocol import Case, TestClip
from kinestyle.evaluate.statistics import Estimate, estimate
from kinestyle.formats.table import FORMATS
from kinestyle.motion import rotation
from kinestyle.motion.canonical import CANONICAL, part_of
from kinestyle.motion.clip import Clip
from kinestyle.motion.rotation import Array
from kinestyle.retarget.correspondence import Correspondence, to_canonical
from kinestyle.retarget.legs import contact_positions
from kinestyle.runtime.analysis import Analysis

FOLDERS = ("unlabelled", "extra", "wild")
NOT_ACTIONS = ("extra/style100_synthetic",)
"""A labelled set: the actions of its clips are walks and runs."""
NEVER_LEARNED = ("throwBasketball", "kickLFront1Reps", "cmu_dance")
"""Actions of HDM05, and a folder, that no bundle learns from, unlabelled as they are: a word of the
path of a clip."""
LONGEST_SECONDS = 12.0
"""What is measured of a clip: no dance should count as much as twenty throws."""
MOST_IN_BODY = 0.01
"""How much larger the share of frames with a hand in the body may be than the input's."""
LEAST_JERK = 1e-3
"""Metres a second cubed: of a clip that stands still."""
LIMBS = {
    "trunk": ("spine", "chest", "neck", "head"),
    "arms": ("clavicle", "upper_arm", "forearm", "hand"),
    "legs": ("hips", "thigh", "shin", "foot", "toe"),
}
WHOLE = 0.99
"""The share of the style from which on no gate stops a whole clip."""


def action_of(path: Path) -> str:
    """What a file's name says is done in it: "throwBasketball" for
    `HDM_bd_throwBasketball_003_120.amc`; "" where it says nothing.
    """
    parts = path.stem.split("_")
    return parts[2] if parts[0] == "HDM" and len(parts) == 5 else ""


def never_learned(clip: TestClip) -> bool:
    """Whether a clip is one of `NEVER_LEARNED`."""
    return any(name in NEVER_LEARNED for name in (action_of(clip.path), *Path(clip.content).parts))


def unlabelled_files(data: Path, folders: Iterable[str] = FOLDERS) -> Iterator[Path]:
    """The motion files under folders of a data folder that have no label."""
    for path in (found for folder in folders for found in (data / folder).rglob("*")):
        name = path.relative_to(data).as_posix()
        labelled = any(name.startswith(f"{part}/") for part in NOT_ACTIONS)
        if path.suffix.lower() in FORMATS and not labelled:
            yield path


def unknown_clips(data: Path, count: int, seed: int = 0) -> list[TestClip]:
    """A sample of the motion files under a data folder that have no label. The content of each is
    the file's path from there.

    Every folder, and every action where file names say one, gives equally many, as long as it has
    more. Raises DataError where there is none.
    """
    sources: dict[tuple[Path, str], list[TestClip]] = {}
    for path in sorted(unlabelled_files(data)):
        name = path.relative_to(data)
        source = name.parent, action_of(path)
        sources.setdefault(source, []).append(TestClip(path, "", "", name.as_posix()))
    if not sources:
        folders = ", ".join(str(data / folder) for folder in FOLDERS)
        raise DataError(f"no motion file is under {folders}; unpack the unlabelled clips there")
    random = np.random.default_rng(seed)
    shuffled = [[clips[i] for i in random.permutation(len(clips))] for clips in sources.values()]
    in_turn = [clip for turn in zip_longest(*shuffled) for clip in turn if clip is not None]
    return sorted(in_turn[:count], key=lambda clip: clip.content)


def draw_action_cases(
    clips: Sequence[TestClip],
    references: Mapping[str, Sequence[TestClip]],
    mode: str,
    targets: int | None = None,
) -> list[Case]:
    """Each clip into `targets` styles (None: all), the styles in turn.

    references: test clips of every style, of which one is the reference where the mode needs it
    """
    styles = sorted(references)
    count = min(targets or len(styles), len(styles))
    cases = []
    for i, clip in enumerate(clips):
        for k in range(count):
            target = styles[(i + k * len(styles) // count) % len(styles)]
            of_style = references[target]
            cases.append(Case(clip, target, mode, of_style[i % len(of_style)]))
    return cases


@dataclass(frozen=True)
class ActionOutcome:
    """What is left of an action in one result.

    kept: for every event of the input, whether it is kept; correlations: of its wide curves
    jumps: for every jump, the share of its height that is kept, at most 1
    step_m: how much longer the longest step of a hand or foot is than the input's
    in_body: share of frames with a hand in the body, minus the input's
    overextended, aside: as `overextended` and `bent_aside`, shares of frames
    twists: as `twists`, number of frames
    jerk: as a share of the input's; NaN for an input that stands still
    domain: mean share of the style that the whole-body gate leaves
    style_left: by limb, how much of the change is left that is made without any gate
    """

    case: Case
    kept: tuple[bool, ...]
    correlations: tuple[float, ...]
    jumps: tuple[float, ...]
    step_m: float
    in_body: float
    overextended: float
    aside: float
    twists: int
    jerk: float
    domain: float
    style_left: Mapping[str, float]


@dataclass(frozen=True, eq=False)
class ActionInput:
    """A clip whose action is to be kept, with what is measured of it."""

    analysis: Analysis[Clip]
    canonical: Clip
    reach: Reach
    events: list[Event]
    jumps: dict[tuple[int, int], float]
    in_body: float
    jerk: float

    @classmethod
    def of(cls, analysis: Analysis[Clip]) -> ActionInput:
        clip, c = analysis.clip, analysis.correspondence
        canonical = to_canonical(clip, c)
        feet = contact_positions(clip, c, canonical)
        flights = find_jumps(feet, analysis.contact, clip.frame_time_seconds)
        reach = reach_of(clip, c)
        return cls(
            analysis,
            canonical,
            reach,
            find_events(reach),
            {(flight.start, flight.stop): jump_height(feet, flight) for flight in flights},
            hands_in_body(canonical),
            jerk(canonical),
        )


def measure_action(
    case: Case,
    source: ActionInput,
    result: Clip,
    correspondence: Correspondence,
    ungated: Clip,
) -> ActionOutcome:
    """result: on its own rig, with the rig's correspondence; ungated: the same without any gate, on
    the canonical skeleton
    """
    canonical = to_canonical(result, correspondence)
    reach = reach_of(result, correspondence)
    feet = contact_positions(result, correspondence, canonical)
    return ActionOutcome(
        case,
        kept=tuple(keeps_event(event, source.reach, reach) for event in source.events),
        correlations=tuple(curve_correlations(source.reach, reach)),
        jumps=tuple(
            height_kept(jump_height(feet, slice(*flight)), height)
            for flight, height in source.jumps.items()
        ),
        step_m=reach.longest_step_m - source.reach.longest_step_m,
        in_body=hands_in_body(canonical) - source.in_body,
        overextended=overextended(canonical, source.canonical),
        aside=bent_aside(canonical, source.canonical),
        twists=twists(canonical, source.canonical),
        jerk=jerk(canonical) / source.jerk if source.jerk > LEAST_JERK else float("nan"),
        domain=float(source.analysis.domain.share_under(case.settings).mean()),
        style_left=change_left(source.canonical, canonical, ungated),
    )


def height_kept(found_m: float, wanted_m: float) -> float:
    """The share of a jump's height that is kept; too high is as wrong as too low."""
    return max(0.0, 1.0 - abs(found_m - wanted_m) / wanted_m)


def change_left(canonical: Clip, result: Clip, ungated: Clip) -> dict[str, float]:
    """By limb, how far a result is from its input as a share of how far it is without any gate, at
    most as far: sums over frames and joints of the angles between local rotations, so that what
    keeping an action adds is no style. Clips on the canonical skeleton. NaN for a limb that no
    style changes.
    """
    left = {}
    for limb, parts in LIMBS.items():
        joints = [j for j, name in enumerate(CANONICAL.names) if part_of(name) in parts]
        made, possible = (
            _angle(canonical.local_rotation[:, joints], clip.local_rotation[:, joints])
            for clip in (result, ungated)
        )
        both, most = np.minimum(made, possible).sum(), possible.sum()
        left[limb] = float(both / most) if most > 1e-9 else float("nan")
    return left


def _angle(a: Array, b: Array) -> Array:
    return rotation.angle(rotation.multiply(rotation.inverse(a), b))


@dataclass(frozen=True)
class ActionRow:
    """P5 of one group of clips. Estimates know which results are of one clip.

    pops: results with one; overextended: those in which a knee or elbow bends back in any frame
    aside: mean of the shares of frames in which one is bent out of the plane of its hinge
    twists: those in which a joint turns over in any frame
    jerk: mean of the ratios to the input's
    in_body: mean of the differences; body_within: share of results with at most `MOST_IN_BODY` more
        than the input
    style_left: mean over limbs, of clips that no whole-body gate stops
    worst: the results of which the fewest events are kept, by name of clip and style
    """

    group: str
    clips: int
    outputs: int
    events: int
    kept: Estimate
    correlation: Estimate
    jumps: int
    jump_height: Estimate
    pops: int
    overextended: int
    aside: Estimate
    twists: int
    jerk: Estimate
    in_body: Estimate
    body_within: Estimate
    style_left: Estimate
    worst: Sequence[Mapping[str, str | float]]


def summarize_actions(outcomes: Sequence[ActionOutcome]) -> list[ActionRow]:
    """The row of all clips, that of those that are never learned from, and one for every folder of
    the data.
    """
    groups: dict[str, list[ActionOutcome]] = {"all": list(outcomes)}
    for outcome in outcomes:
        if never_learned(outcome.case.clip):
            groups.setdefault("never learned from", []).append(outcome)
    for outcome in sorted(outcomes, key=lambda outcome: outcome.case.clip.content):
        folders = Path(outcome.case.clip.content).parts[:-1]
        groups.setdefault("/".join(folders[:2]), []).append(outcome)
    return [_row(group, found) for group, found in groups.items()]


def _row(group: str, outcomes: Sequence[ActionOutcome]) -> ActionRow:
    clips = [outcome.case.clip.path for outcome in outcomes]
    jumps = sum(len(outcome.jumps) for outcome in outcomes)
    return ActionRow(
        group=group,
        clips=len(set(clips)),
        outputs=len(outcomes),
        events=sum(len(outcome.kept) for outcome in outcomes),
        kept=_of_each(outcomes, lambda outcome: outcome.kept),
        correlation=_of_each(outcomes, lambda outcome: outcome.correlations),
        jumps=jumps,
        jump_height=_of_each(outcomes, lambda outcome: outcome.jumps),
        pops=sum(pops(outcome) for outcome in outcomes),
        overextended=sum(outcome.overextended > 0.0 for outcome in outcomes),
        aside=estimate([outcome.aside for outcome in outcomes], clips),
        twists=sum(outcome.twists > 0 for outcome in outcomes),
        jerk=estimate([outcome.jerk for outcome in outcomes], clips),
        in_body=estimate([outcome.in_body for outcome in outcomes], clips),
        body_within=estimate([outcome.in_body <= MOST_IN_BODY for outcome in outcomes], clips),
        style_left=estimate([_style_left(outcome) for outcome in outcomes], clips),
        worst=_worst(outcomes),
    )


def _style_left(outcome: ActionOutcome) -> float:
    """Mean over the limbs that a style changes; NaN where a gate stops the whole clip."""
    shares = [share for share in outcome.style_left.values() if np.isfinite(share)]
    return float(np.mean(shares)) if shares and outcome.domain >= WHOLE else float("nan")


def pops(outcome: ActionOutcome) -> bool:
    """Whether a hand or foot of a result jumps from one frame to the next."""
    return outcome.step_m > POP_M


def _of_each(
    outcomes: Iterable[ActionOutcome], values: Callable[[ActionOutcome], Sequence[float]]
) -> Estimate:
    """Every value counts the same; those of one clip are one group."""
    flat = [(float(v), outcome.case.clip.path) for outcome in outcomes for v in values(outcome)]
    return estimate([value for value, _ in flat], [path for _, path in flat])


def _worst(outcomes: Sequence[ActionOutcome]) -> list[Mapping[str, str | float]]:
    lost = [outcome for outcome in outcomes if outcome.kept]
    lost.sort(key=lambda outcome: (np.mean(outcome.kept), -outcome.step_m))
    return [
        {
            "clip": outcome.case.clip.content,
            "style": outcome.case.target,
            "kept": float(np.mean(outcome.kept)),
            "events": float(len(outcome.kept)),
            "correlation": float(np.mean(outcome.correlations)),
            "step_m": outcome.step_m,
        }
        for outcome in lost[:8]
    ]
