"""Evaluation on several processes. Each opens the bundle and the judges once."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar

from kinestyle.errors import KinestyleError
from kinestyle.evaluate.disturbed import Disturbance
from kinestyle.evaluate.evaluator import Evaluator, evaluate_clip
from kinestyle.evaluate.judge import Judge, judges
from kinestyle.evaluate.outcomes import Diversity, Outcome, RealClip, RealClips
from kinestyle.evaluate.protocol import Case, TestClip
from kinestyle.evaluate.unknown_actions import ActionOutcome
from kinestyle.evaluate.unseen_styles import Heard, Hearing
from kinestyle.runtime.stylizer import Stylizer

Item = TypeVar("Item")
Result = TypeVar("Result")
Progress = Callable[[float], None]
"""Is given the share that is done."""


@dataclass(frozen=True)
class Setup:
    """What the processes that run cases are started with. judge_paths: None, the judges that ship;
    (), no judge.
    """

    bundle: Path | None
    judge_paths: Sequence[Path] | None
    real: RealClips
    processes: int


def evaluate_clips(
    clips: Sequence[TestClip],
    judge_paths: Sequence[Path] | None,
    processes: int,
    disturbance: Disturbance | None = None,
) -> RealClips:
    """Every real clip, as it is or disturbed."""
    work = partial(_evaluate_clip, disturbance=disturbance)
    found = _map(work, clips, processes, _start_judges, (judge_paths,))
    return RealClips({clip.path.stem: real for clip, real in zip(clips, found, strict=True)})


def run_cases(
    cases: Iterable[Case], setup: Setup, progress: Progress = lambda share: None
) -> list[Outcome | str]:
    """The outcomes of cases, clip by clip; one sentence instead of all those of a clip that cannot
    be restyled.
    """
    return _by_clip(_run, cases, lambda case: case.clip.path, setup, progress)


def run_actions(
    cases: Iterable[Case], setup: Setup, progress: Progress = lambda share: None
) -> list[ActionOutcome | str]:
    """P5: as `run_cases`."""
    return _by_clip(_actions, cases, lambda case: case.clip.path, setup, progress)


def run_hearings(
    hearings: Iterable[Hearing], setup: Setup, progress: Progress = lambda share: None
) -> list[Heard | str]:
    """P6: as `run_cases`."""
    return _by_clip(_hear, hearings, lambda hearing: hearing.case.clip.path, setup, progress)


def run_diversity(groups: Sequence[Sequence[Case]], setup: Setup) -> list[Diversity]:
    """The diversity of each group of cases that differ in the seed only."""
    return _map(_diversity, groups, setup.processes, _start, (setup,))


def _by_clip(
    work: Callable[[Sequence[Item]], list[Result]],
    items: Iterable[Item],
    clip_of: Callable[[Item], Path],
    setup: Setup,
    progress: Progress,
) -> list[Result]:
    """What `work` makes of the items of each clip: what is known of a clip serves all of them."""
    of_clip: dict[Path, list[Item]] = {}
    for item in items:
        of_clip.setdefault(clip_of(item), []).append(item)
    results = _map(work, list(of_clip.values()), setup.processes, _start, (setup,), progress)
    return [result for found in results for result in found]


def _map(
    work: Callable[[Item], Result],
    items: Sequence[Item],
    processes: int,
    start: Callable[..., None],
    arguments: tuple[object, ...],
    progress: Progress = lambda share: None,
) -> list[Result]:
    results = []
    with ProcessPoolExecutor(processes, initializer=start, initargs=arguments) as pool:
        for result in pool.map(work, items, chunksize=2):
            results.append(result)
            progress(len(results) / len(items))
    return results


# ---------------------------------------------------------------- in each process

_judges: tuple[Judge, ...] = ()
_evaluator: Evaluator | None = None


def _start_judges(judge_paths: Sequence[Path] | None) -> None:
    global _judges
    os.environ["OMP_NUM_THREADS"] = "1"  # one process a core already
    _judges = judges(judge_paths)


def _start(setup: Setup) -> None:
    global _evaluator
    _start_judges(setup.judge_paths)
    _evaluator = Evaluator(Stylizer.load(setup.bundle), _judges, setup.real)


def _evaluate_clip(clip: TestClip, disturbance: Disturbance | None) -> RealClip:
    return evaluate_clip(clip, _judges, disturbance)


def _run(cases: Sequence[Case]) -> list[Outcome | str]:
    assert _evaluator is not None, "the pool's processes are started by _start"
    try:
        return list(_evaluator.run(cases))
    except KinestyleError as error:
        return [str(error)]


def _actions(cases: Sequence[Case]) -> list[ActionOutcome | str]:
    assert _evaluator is not None, "the pool's processes are started by _start"
    try:
        return list(_evaluator.actions(cases))
    except KinestyleError as error:
        return [str(error)]


def _hear(hearings: Sequence[Hearing]) -> list[Heard | str]:
    assert _evaluator is not None, "the pool's processes are started by _start"
    try:
        return list(_evaluator.hear(hearings))
    except KinestyleError as error:
        return [str(error)]


def _diversity(cases: Sequence[Case]) -> Diversity:
    assert _evaluator is not None, "the pool's processes are started by _start"
    return _evaluator.diversity(cases)
