"""Evaluates one clip after the other: restyles it, writes the result, reads it back, measures it
and asks the judges. An input is read and analysed once for all its cases.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import numpy as np

from kinestyle.bundle import Style
from kinestyle.evaluate.disturbed import Disturbance
from kinestyle.evaluate.judge import Judge
from kinestyle.evaluate.measures import (
    beyond_limits,
    bone_flips,
    floor_error,
    geodesic,
    jerk,
    path_error,
    planted_speed,
    skating_ratio,
    speed_while_planted,
)
from kinestyle.evaluate.outcomes import (
    Diversity,
    Geometry,
    Outcome,
    RealClip,
    RealClips,
    content_right,
    style_right,
)
from kinestyle.evaluate.protocol import (
    BY_LABEL,
    COPY_CONTENT,
    COPY_STYLE,
    NEEDS_REFERENCE,
    RETIMED,
    STATISTICS,
    TRIVIAL,
    Case,
    TestClip,
)
from kinestyle.evaluate.retiming import frames_along, nearest_in_time, retimed
from kinestyle.evaluate.statistics import mean_pairwise_distance
from kinestyle.evaluate.trivial import JointStatistics, joint_statistics, transfer_statistics
from kinestyle.evaluate.truth import Cell, body_positions, nearest
from kinestyle.evaluate.unknown_actions import (
    LONGEST_SECONDS,
    ActionInput,
    ActionOutcome,
    measure_action,
)
from kinestyle.evaluate.unseen_styles import (
    Heard,
    Hearing,
    position_statistics,
    spread_of,
    way_gone,
)
from kinestyle.formats.bvh import format_bvh, parse_bvh
from kinestyle.formats.table import read_motion
from kinestyle.motion.clip import Clip
from kinestyle.motion.lead_in import find_lead_in
from kinestyle.motion.resampling import resample_vector
from kinestyle.motion.rotation import Array
from kinestyle.retarget.contacts import CONTACT_JOINTS, find_contacts
from kinestyle.retarget.correspondence import Correspondence, correspond, to_canonical
from kinestyle.retarget.features import at_feature_rate, clip_to_features
from kinestyle.retarget.legs import contact_positions
from kinestyle.runtime.analysis import Analysis
from kinestyle.runtime.cue import Cue
from kinestyle.runtime.stylizer import Stylizer


def evaluate_clip(
    clip: TestClip, judges: Sequence[Judge], disturbance: Disturbance | None = None
) -> RealClip:
    """A real clip as the judges and the measures see it, as it is or disturbed."""
    canonical = read_canonical(clip.path)
    if disturbance is not None:
        canonical = disturbance(canonical)
    features = clip_to_features(canonical)
    predictions = tuple(judge.predict(features) for judge in judges)
    return RealClip(clip, predictions, body_positions(features), joint_statistics(canonical))


def read_canonical(path: Path) -> Clip:
    """A file's motion on the canonical skeleton, at its own rate."""
    motion = read_motion(path)
    return to_canonical(motion, correspond(motion))


def through_file(clip: Clip) -> Clip:
    """The clip as a user would get it: as a BVH file, and read back."""
    return parse_bvh(format_bvh(clip, "result.bvh")[0], "result.bvh")


def read_back(made: Clip, analysis: Analysis[Clip]) -> tuple[Clip, Correspondence]:
    """A result as its file gives it, and its correspondence: the input's where the rig is the
    input's, for what was found of that rig holds, the floor above all, which a result may have
    left.
    """
    result = through_file(made)
    same_rig = (
        made.skeleton is analysis.clip.skeleton and result.skeleton.names == made.skeleton.names
    )
    return result, analysis.correspondence if same_rig else correspond(result)


@dataclass(eq=False)
class _Input:
    """One input clip with what all its cases need; of a case in the style's time, the input in that
    time.

    truth: for each target met so far, the distance to each real clip of its cell
    """

    clip: Clip
    analysis: Analysis[Clip]
    canonical: Clip
    features: Array
    contact: np.ndarray
    planted_speed: Array
    skating: float
    jerk: float
    beyond_limits: float
    truth: dict[str, dict[str, float]] = field(default_factory=dict)

    def distances(self, target: str, cell: Cell | None) -> dict[str, float]:
        """To each clip of the target's cell, metres a joint, by the name of its file."""
        if target not in self.truth:
            body = body_positions(self.features)
            self.truth[target] = {} if cell is None else cell.distances(body)
        return self.truth[target]


class _Result(NamedTuple):
    """A restyled clip as its file gives it, on the canonical skeleton; feet: (T, 4, 3) of its own
    rig, None where that is not the input's.
    """

    canonical: Clip
    feet: Array | None


@dataclass(eq=False)
class Evaluator:
    """What one process needs to run cases: opened once, used for many."""

    stylizer: Stylizer
    judges: tuple[Judge, ...]
    real: RealClips
    _styles: dict[Path, Style] = field(default_factory=dict)
    _known: dict[Path, Array] = field(default_factory=dict)

    def run(self, cases: Sequence[Case]) -> list[Outcome]:
        """The outcomes of cases of one clip; of retimed ones only where there is a real clip to
        bring to the input's time.
        """
        assert all(case.clip == cases[0].clip for case in cases), "the cases are of one clip"
        source = self._open(cases[0].clip)
        return [
            self._outcome(case, source)
            for case in cases
            if case.mode != RETIMED or self.real.cell(case.target, case.clip.content)
        ]

    def diversity(self, cases: Sequence[Case]) -> Diversity:
        """Of cases that differ in the seed only."""
        source = self._open(cases[0].clip)
        features = [self._features(case, source) for case in cases]
        vectors, right = [], []
        for judge in self.judges:
            predictions = [judge.predict(f) for f in features]
            vectors.append(np.stack([prediction.style_vector for prediction in predictions]))
            right.append(
                [
                    style_right(p, cases[0].target)
                    and content_right(judge.contents, p, cases[0].clip) is not False
                    for p in predictions
                ]
            )
        return Diversity(
            cases[0],
            tuple(mean_pairwise_distance(of_judge) for of_judge in vectors),
            mean_pairwise_distance(np.stack(_as_long([body_positions(f) for f in features]))),
            tuple(float(np.mean(of_judge)) for of_judge in right),
            tuple(all(of_judge) for of_judge in right),
        )

    def actions(self, cases: Sequence[Case]) -> list[ActionOutcome]:
        """P5: the outcomes of cases of one clip, the first `LONGEST_SECONDS` of it; no pose
        that is in front of the motion.
        """
        clip = read_motion(cases[0].clip.path)
        # behind a pose that was filtered with the motion there is a second one that jumps
        while lead_in := find_lead_in(clip):
            clip = clip.window(lead_in, clip.frame_count)
        longest = round(LONGEST_SECONDS * clip.frame_rate)
        source = ActionInput.of(
            self.stylizer.analyse(clip.window(0, min(longest, clip.frame_count)))
        )
        return [self._action(case, source) for case in cases]

    def _action(self, case: Case, source: ActionInput) -> ActionOutcome:
        code = self._code(case)
        timed = self.stylizer.in_time(source.analysis, code, case.settings)
        if timed is not source.analysis:
            source = ActionInput.of(timed)
        settings = replace(case.settings, timing="keep")
        made = self.stylizer.apply(source.analysis, code, settings)
        ungated = replace(settings, out_of_domain="ignore", action="free")
        free = self.stylizer.apply(source.analysis, code, ungated)
        return measure_action(
            case,
            source,
            *read_back(made, source.analysis),
            to_canonical(free, source.analysis.correspondence),
        )

    def hear(self, hearings: Sequence[Hearing]) -> list[Heard]:
        """P6: what comes of hearings whose neutral clip is the same."""
        source = self._open(hearings[0].case.clip)
        neutral = position_statistics(body_positions(source.features))
        heard = []
        for hearing in hearings:
            features = self._features(hearing.case, source)
            cosine, way = way_gone(
                neutral,
                self._statistics_of(hearing.styled.path),
                position_statistics(body_positions(features)),
                self._spread,
            )
            seen = tuple(judge.predict(features).style for judge in self.judges)
            heard.append(Heard(hearing, cosine, way, seen))
        return heard

    @cached_property
    def _spread(self) -> Array:
        return spread_of(real.body for real in self.real.clips.values())

    def _statistics_of(self, path: Path) -> Array:
        """`position_statistics` of a clip, read once."""
        if path not in self._known:
            features = clip_to_features(read_canonical(path))
            self._known[path] = position_statistics(body_positions(features))
        return self._known[path]

    def _open(self, label: TestClip) -> _Input:
        return _input_of(self.stylizer.analyse(read_motion(label.path)))

    def _in_time(self, case: Case, source: _Input) -> _Input:
        """The input as fast as the style of a case moves, which its result is compared with frame
        by frame; the very input where timing is keep.
        """
        if case.settings.timing == "keep" or case.mode in TRIVIAL:
            return source
        timed = self.stylizer.in_time(source.analysis, self._code(case), case.settings)
        return source if timed is source.analysis else _input_of(timed)

    def _outcome(self, case: Case, source: _Input) -> Outcome:
        cell = self.real.cell(case.target, case.clip.content)
        left_out = {case.reference.path.stem} if case.mode in NEEDS_REFERENCE else set()
        geometry = None
        if case.mode == COPY_STYLE:
            real = self.real.clips[case.reference.path.stem]
            predictions, body = real.predictions, real.body
        else:
            if case.mode == RETIMED:
                assert cell is not None, "only clips of a known cell are retimed, see `run`"
                name, features = self._retimed(cell, source)
                left_out = {name}
            else:
                timed = self._in_time(case, source)
                result = self._restyle(case, timed)
                features = clip_to_features(result.canonical)
                geometry = _geometry(result, features, timed)
            predictions = tuple(judge.predict(features) for judge in self.judges)
            body = body_positions(features)
        of_result = of_input = source.distances(case.target, cell)
        if cell is not None and case.mode != COPY_CONTENT:  # whose distances are the input's
            of_result = cell.distances(body)
        return Outcome(
            case,
            predictions,
            geometry,
            nearest(of_result, left_out),
            nearest(of_input, left_out),
        )

    def _retimed(self, cell: Cell, source: _Input) -> tuple[str, Array]:
        """The name of the real clip of a cell that is nearest to the input in its time, and (T,
        260) of it in that time.
        """
        bodies = [take.body for take in cell.takes]
        best, path = nearest_in_time(body_positions(source.features), bodies)
        name = cell.takes[best].name
        other = at_feature_rate(read_canonical(self.real.clips[name].clip.path))
        at_frame = frames_along(path, len(source.features), other.frame_count)
        return name, clip_to_features(through_file(retimed(other, at_frame)))

    def _features(self, case: Case, source: _Input) -> Array:
        """(T, 260) of a result."""
        return clip_to_features(self._restyle(case, self._in_time(case, source)).canonical)

    def _restyle(self, case: Case, source: _Input) -> _Result:
        """The result of an input that is in the style's time already."""
        if case.mode == COPY_CONTENT:
            return _Result(source.canonical, None)
        if case.mode == STATISTICS:
            made = transfer_statistics(source.canonical, self._wanted_statistics(case))
        else:
            settings = replace(case.settings, timing="keep")
            made = self.stylizer.apply(source.analysis, self._code(case), settings)
        result, correspondence = read_back(made, source.analysis)
        canonical = to_canonical(result, correspondence)
        if correspondence is not source.analysis.correspondence:
            return _Result(canonical, None)
        return _Result(canonical, contact_positions(result, correspondence, canonical))

    def _wanted_statistics(self, case: Case) -> JointStatistics:
        reference = case.reference.path
        known = self.real.clips.get(reference.stem)
        return known.statistics if known else joint_statistics(read_canonical(reference))

    def _code(self, case: Case) -> np.ndarray:
        """(K,) the style code that a case asks for."""
        cue: Cue[Clip | Style] = (
            Cue.of(case.target) if case.mode in BY_LABEL else Cue.of(like=self._reference(case))
        )
        return self.stylizer.style_of(cue, case.settings.seed)

    def _reference(self, case: Case) -> Style:
        path = case.reference.path
        if path not in self._styles:
            # networks that read labels are given the one that the reference has, as in training
            known = any(style.name == case.target for style in self.stylizer.styles)
            self._styles[path] = self.stylizer.reference_style(
                read_motion(path), case.target if known else None
            )
        return self._styles[path]


def _as_long(bodies: Sequence[Array]) -> list[Array]:
    """Motions (T, 21, 3), each of its own length, as long as the shortest of them."""
    shortest = min(map(len, bodies))
    return [
        body
        if len(body) == shortest
        else resample_vector(body, np.linspace(0.0, len(body) - 1.0, shortest))
        for body in bodies
    ]


def _input_of(analysis: Analysis[Clip]) -> _Input:
    clip = analysis.clip
    canonical = to_canonical(clip, analysis.correspondence)
    contact = find_contacts(canonical)
    feet = contact_positions(clip, analysis.correspondence, canonical)
    return _Input(
        clip,
        analysis,
        canonical,
        clip_to_features(canonical),
        contact,
        speed_while_planted(feet, contact, clip.frame_time_seconds),
        skating_ratio(feet, clip.frame_time_seconds),
        jerk(canonical),
        beyond_limits(canonical),
    )


def _geometry(result: _Result, features: Array, source: _Input) -> Geometry:
    canonical, contact = result.canonical, source.contact
    frame_time = canonical.frame_time_seconds
    if result.feet is None:
        speed, input_speed = (
            planted_speed(clip, contact) for clip in (canonical, source.canonical)
        )
        feet = canonical.world_position[:, CONTACT_JOINTS]
    else:
        speed, input_speed = (
            speed_while_planted(result.feet, contact, frame_time),
            source.planted_speed,
        )
        feet = result.feet
    path, path_length = path_error(canonical, source.canonical)
    return Geometry(
        planted_speed=float(speed.sum()),
        input_planted_speed=float(input_speed.sum()),
        planted_samples=len(speed),
        skating=skating_ratio(feet, frame_time),
        input_skating=source.skating,
        jerk=jerk(canonical),
        input_jerk=source.jerk,
        floor=floor_error(canonical, source.canonical),
        geodesic=geodesic(features, source.features),
        path=path,
        path_length=path_length,
        beyond_limits=beyond_limits(canonical),
        input_beyond_limits=source.beyond_limits,
        flips=bone_flips(canonical, source.canonical),
    )
