"""Runs cases: restyle, write, read back, measure and ask the judges. Each clip is read and analysed
once for all its cases.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TypeVar

import numpy as np

from kinestyle.bundle import Style
from kinestyle.errors import KinestyleError
from kinestyle.evaluate.judge import Judge, judges
from kinestyle.evaluate.measures import (
    beyond_limits,
    bone_flips,
    floor_error,
    geodesic,
    jerk,
    path_error,
    planted_speed,
    speed_while_planted,
)
from kinestyle.evaluate.protocol import BY_LABEL, NEEDS_REFERENCE, RETIMED, Case, TestClip
from kinestyle.evaluate.retiming import align, frames_along, retimed
from kinestyle.evaluate.statistics import mean_pairwise_distance
from kinestyle.evaluate.trivial import JointStatistics, joint_statistics, transfer_statistics
from kinestyle.evaluate.truth import Cell, Take, body_positions, nearest
from kinestyle.formats.table import read_motion, write_motion
from kinestyle.label import Label
from kinestyle.motion.clip import Clip
from kinestyle.motion.rotation import Array
from kinestyle.retarget.contacts import find_contacts
from kinestyle.retarget.correspondence import correspond, to_canonical
from kinestyle.retarget.features import at_feature_rate, clip_to_features
from kinestyle.retarget.legs import contact_positions
from kinestyle.runtime.cue import Cue
from kinestyle.runtime.stylizer import Analysis, Stylizer

Item = TypeVar("Item")
Result = TypeVar("Result")


@dataclass(frozen=True, eq=False)
class Opinion:
    """What one judge sees in a clip.

    style: among all styles; style_in, content_in: among those of each set, by the set's name
    style_vector, content_vector: (V,), (V',) what FID compares
    """

    style: str
    style_in: Mapping[str, str]
    content_in: Mapping[str, str]
    style_vector: np.ndarray
    content_vector: np.ndarray


def ask(judge: Judge, features: Array) -> Opinion:
    """features: (T, 260)."""
    sets = sorted(
        {Label.parse(name).set for name in judge.styles}
        & {Label.parse(name).set for name in judge.contents}
    )
    verdicts = {name: judge(features, name) for name in sets}
    style_in = {name: judge.style_in(features, name) for name in sets}
    content_in = {name: verdict.content for name, verdict in verdicts.items()}
    return Opinion(verdicts[sets[0]].style, style_in, content_in, *judge.embed(features))


def style_right(opinion: Opinion, target: str) -> bool:
    """Whether a judge sees a style, among those of its set."""
    return opinion.style_in[Label.parse(target).set] == target


def content_right(contents: Sequence[str], opinion: Opinion, clip: TestClip) -> bool | None:
    """Whether a judge, that learned `contents` sees a clip's, among those of its set; None if it is
    none of them.
    """
    return opinion.content_in[clip.set_name] == clip.content if clip.content in contents else None


@dataclass(frozen=True, eq=False)
class RealClip:
    """A labelled clip as it is: what the judges see in it, its body for the distance to the truth,
    its joints' statistics.
    """

    clip: TestClip
    opinions: tuple[Opinion, ...]
    body: Array
    statistics: JointStatistics


@dataclass(frozen=True)
class Geometry:
    """What was measured of a result beside its input. Metres, seconds, radians; speeds are sums
    over `planted_samples`.

    planted_speed: of the rig's own ankles and toes, on the canonical body's scale
    path: mean distance of the two ways over the ground, path_length: of the input's
    beyond_limits: share of joints and frames; flips: see `bone_flips`
    """

    planted_speed: float
    input_planted_speed: float
    planted_samples: int
    jerk: float
    input_jerk: float
    floor: float
    geodesic: float
    path: float
    path_length: float
    beyond_limits: float
    input_beyond_limits: float
    flips: int


@dataclass(frozen=True, eq=False)
class Outcome:
    """All that is known of one result.

    geometry: None where the result is another clip, which has no frames in common with the input
    truth, input_truth: metres a joint from the nearest real clip of the target cell; not a number
        where there is none
    """

    case: Case
    opinions: tuple[Opinion, ...]
    geometry: Geometry | None
    truth: float
    input_truth: float


@dataclass(frozen=True)
class Spread:
    """Many takes of one case: mean distances between two of them, and how often each judge finds
    style and content right.

    vectors: one distance for each judge, between style vectors; metres: between joints in equal
        frames
    right: for each judge, the share of takes with the right style and content; all_right: whether
        all are
    """

    case: Case
    vectors: tuple[float, ...]
    metres: float
    right: tuple[float, ...]
    all_right: tuple[bool, ...]


@dataclass(frozen=True, eq=False)
class Real:
    """The real clips of a run by their file's name, and the truth made of some of them, by style
    and bare content label.
    """

    clips: Mapping[str, RealClip]

    @cached_property
    def cells(self) -> dict[tuple[str, str], Cell]:
        """Set 2 has enough test clips to be the truth; set 1, with one clip a cell, lends those of
        the training split too.
        """
        takes: dict[tuple[str, str], list[Take]] = {}
        for name, real in self.clips.items():
            if real.clip.split == "test" or real.clip.set_name == "bandai1":
                takes.setdefault((real.clip.style, Label.parse(real.clip.content).name), []).append(
                    Take(name, real.body)
                )
        return {key: Cell(tuple(found)) for key, found in takes.items()}

    def cell(self, style: str, content: str) -> Cell | None:
        """The clips of a style that do what a content's label says, of whichever set the label is;
        None where there are none.
        """
        return self.cells.get((style, Label.parse(content).name))


def read_canonical(path: Path) -> Clip:
    """A file's motion on the canonical skeleton, at its own rate."""
    motion = read_motion(path)
    return to_canonical(motion, correspond(motion))


def study(clip: TestClip, asked: Sequence[Judge]) -> RealClip:
    """A real clip as the judges and the measures see it."""
    canonical = read_canonical(clip.path)
    features = clip_to_features(canonical)
    opinions = tuple(ask(judge, features) for judge in asked)
    return RealClip(clip, opinions, body_positions(features), joint_statistics(canonical))


@dataclass(eq=False)
class _Input:
    """One input clip with what all its cases need."""

    clip: Clip
    analysis: Analysis
    canonical: Clip
    features: Array
    contact: np.ndarray
    planted: Array
    jerk: float
    beyond_limits: float
    truth: dict[str, dict[str, float]] = field(default_factory=dict)


@dataclass(eq=False)
class Examiner:
    """Holds what one process needs to run cases: opened once, used for many."""

    stylizer: Stylizer
    judges: tuple[Judge, ...]
    real: Real
    _styles: dict[Path, Style] = field(default_factory=dict)

    def run(self, cases: Sequence[Case]) -> list[Outcome]:
        """The outcomes of cases of one clip; retimed ones only where there is a real clip to bring
        to the input's time.
        """
        given = self._open(cases[0].clip)
        assert all(case.clip == cases[0].clip for case in cases), "the cases are of one clip"
        possible = [
            case
            for case in cases
            if case.mode != RETIMED or self.real.cell(case.target, case.clip.content)
        ]
        return [self._run(case, given) for case in possible]

    def spread(self, cases: Sequence[Case]) -> Spread:
        """Cases that differ in the seed only, as takes of one."""
        given = self._open(cases[0].clip)
        results = [self._result(case, given)[0] for case in cases]
        features = [clip_to_features(result) for result in results]
        bodies = np.stack([body_positions(f) for f in features])
        opinions = [[ask(judge, f) for f in features] for judge in self.judges]
        right = [
            [
                style_right(o, cases[0].target)
                and content_right(judge.contents, o, cases[0].clip) is not False
                for o in of_judge
            ]
            for judge, of_judge in zip(self.judges, opinions, strict=True)
        ]
        return Spread(
            cases[0],
            tuple(
                mean_pairwise_distance(np.stack([o.style_vector for o in of_judge]))
                for of_judge in opinions
            ),
            mean_pairwise_distance(bodies),
            tuple(float(np.mean(r)) for r in right),
            tuple(all(r) for r in right),
        )

    def _open(self, label: TestClip) -> _Input:
        clip = read_motion(label.path)
        analysis = self.stylizer.analyse(clip)
        canonical = to_canonical(clip, analysis.correspondence)
        contact = find_contacts(canonical)
        feet = contact_positions(clip, analysis.correspondence, canonical)
        planted = speed_while_planted(feet, contact, clip.frame_time_seconds)
        features = clip_to_features(canonical)
        return _Input(
            clip,
            analysis,
            canonical,
            features,
            contact,
            planted,
            jerk(canonical),
            beyond_limits(canonical),
        )

    def _run(self, case: Case, given: _Input) -> Outcome:
        cell = self.real.cell(case.target, case.clip.content)
        leave_out = {case.reference.path.stem} if case.mode in NEEDS_REFERENCE else set()
        if case.target not in given.truth:
            given.truth[case.target] = (
                cell.distances(body_positions(given.features)) if cell else {}
            )
        distances = given.truth[case.target]
        geometry = None
        if case.mode == "copy style":
            real = self.real.clips[case.reference.path.stem]
            opinions, body = real.opinions, real.body
        elif case.mode == RETIMED:
            assert cell is not None, "only clips of a known cell are retimed, see `run`"
            name, features = self._retimed(cell, given)
            opinions, body = (
                tuple(ask(judge, features) for judge in self.judges),
                body_positions(features),
            )
            leave_out = {name}
        else:
            result, feet = (
                (given.canonical, None)
                if case.mode == "copy content"
                else self._result(case, given)
            )
            features = clip_to_features(result)
            opinions, body = (
                tuple(ask(judge, features) for judge in self.judges),
                body_positions(features),
            )
            geometry = self._geometry(result, feet, features, given)
        found = cell.distances(body) if cell and case.mode != "copy content" else distances
        return Outcome(
            case, opinions, geometry, nearest(found, leave_out), nearest(distances, leave_out)
        )

    def _retimed(self, cell: Cell, given: _Input) -> tuple[str, Array]:
        """The name of the real clip of a cell that is nearest to the input in its time, and (T,
        260) of it in that time.
        """
        found = align(body_positions(given.features), [take.body for take in cell.takes])
        best = min(range(len(found)), key=lambda k: found[k][0])
        name = cell.takes[best].name
        other = at_feature_rate(read_canonical(self.real.clips[name].clip.path))
        at_frame = frames_along(found[best][1], len(given.features), other.frame_count)
        return name, clip_to_features(through_file(retimed(other, at_frame)))

    def _result(self, case: Case, given: _Input) -> tuple[Clip, Array | None]:
        """The result of a case as a file would give it, on the canonical skeleton; on a rig also
        the rig's own feet (T, 4, 3).
        """
        if case.mode == "statistics":
            made = transfer_statistics(
                given.canonical, self.real.clips[case.reference.path.stem].statistics
            )
        else:
            made = self.stylizer.apply(given.analysis, self._code(case), case.settings)
        result = through_file(made)
        # the file's rig is the input's: what was found of that holds, the floor above all, which a
        # result may have left
        same_rig = (
            made.skeleton is given.clip.skeleton and result.skeleton.names == made.skeleton.names
        )
        if not same_rig:
            return to_canonical(result, correspond(result)), None
        canonical = to_canonical(result, given.analysis.correspondence)
        return canonical, contact_positions(result, given.analysis.correspondence, canonical)

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

    def _geometry(
        self, result: Clip, feet: Array | None, features: Array, given: _Input
    ) -> Geometry:
        if feet is None:
            planted, input_planted = (
                planted_speed(clip, given.contact) for clip in (result, given.canonical)
            )
        else:
            planted, input_planted = (
                speed_while_planted(feet, given.contact, result.frame_time_seconds),
                given.planted,
            )
        path, path_length = path_error(result, given.canonical)
        return Geometry(
            planted_speed=float(planted.sum()),
            input_planted_speed=float(input_planted.sum()),
            planted_samples=len(planted),
            jerk=jerk(result),
            input_jerk=given.jerk,
            floor=floor_error(result, given.canonical),
            geodesic=geodesic(features, given.features),
            path=path,
            path_length=path_length,
            beyond_limits=beyond_limits(result),
            input_beyond_limits=given.beyond_limits,
            flips=bone_flips(result, given.canonical),
        )


def through_file(clip: Clip) -> Clip:
    """The clip as a user would get it: written to a file and read back."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "result.bvh"
        write_motion(clip, path)
        return read_motion(path)


# ---------------------------------------------------------------- on several processes

_judges: tuple[Judge, ...] = ()
_examiner: Examiner | None = None


def study_all(
    clips: Sequence[TestClip], judge_paths: Sequence[Path] | None, processes: int
) -> Real:
    """Every real clip, examined."""
    found = _in_processes(_study, clips, processes, _start_judges, (judge_paths,))
    return Real({clip.path.stem: real for clip, real in zip(clips, found, strict=True)})


@dataclass(frozen=True)
class Setup:
    """What the processes that run cases are started with. judge_paths: None, the judges that ship;
    (), no judge.
    """

    bundle: Path | None
    judge_paths: Sequence[Path] | None
    real: Real
    processes: int


def run_cases(
    cases: Iterable[Case], setup: Setup, progress: Callable[[float], None] = lambda share: None
) -> list[Outcome | str]:
    """The outcomes of cases, clip by clip; one sentence instead of all those of a clip that cannot
    be restyled.
    """
    of_clip: dict[Path, list[Case]] = {}
    for case in cases:
        of_clip.setdefault(case.clip.path, []).append(case)
    results = _in_processes(
        _run, list(of_clip.values()), setup.processes, _start, (setup,), progress
    )
    return [outcome for outcomes in results for outcome in outcomes]


def run_spreads(takes: Sequence[Sequence[Case]], setup: Setup) -> list[Spread]:
    """How far the takes of each group of cases are apart."""
    return _in_processes(_spread, takes, setup.processes, _start, (setup,))


def _in_processes(
    work: Callable[[Item], Result],
    items: Sequence[Item],
    processes: int,
    start: Callable[..., None],
    given: tuple[object, ...],
    progress: Callable[[float], None] = lambda share: None,
) -> list[Result]:
    results = []
    with ProcessPoolExecutor(processes, initializer=start, initargs=given) as pool:
        for result in pool.map(work, items, chunksize=2):
            results.append(result)
            progress(len(results) / len(items))
    return results


def _start_judges(judge_paths: Sequence[Path] | None) -> None:
    global _judges
    os.environ["OMP_NUM_THREADS"] = "1"  # one process a core already
    _judges = judges(judge_paths)


def _start(setup: Setup) -> None:
    global _examiner
    _start_judges(setup.judge_paths)
    _examiner = Examiner(Stylizer.load(setup.bundle), _judges, setup.real)


def _study(clip: TestClip) -> RealClip:
    return study(clip, _judges)


def _run(cases: Sequence[Case]) -> list[Outcome | str]:
    assert _examiner is not None, "the pool's processes are started by _start"
    try:
        return list(_examiner.run(cases))
    except KinestyleError as error:
        return [str(error)]


def _spread(cases: Sequence[Case]) -> Spread:
    assert _examiner is not None, "the pool's processes are started by _start"
    return _examiner.spread(cases)
