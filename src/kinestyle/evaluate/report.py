"""The benchmark as a whole: its parts, run on a bundle, as data. `kinestyle.evaluate.page` makes
pages of it.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, is_dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from kinestyle.bundle import Bundle
from kinestyle.errors import BundleError, DataError
from kinestyle.evaluate import provenance
from kinestyle.evaluate.body_parts import PartRow, learn_judges, learned_clips, measure_parts
from kinestyle.evaluate.disturbed import DISTURBANCES, Steadiness, steadiness
from kinestyle.evaluate.judge import Judge, judges
from kinestyle.evaluate.out_of_domain import (
    FOLDERS,
    draw_unlabelled_cases,
    summarize_unlabelled,
    unlabelled_clips,
)
from kinestyle.evaluate.outcomes import Outcome, RealClips
from kinestyle.evaluate.parallel import (
    Setup,
    evaluate_clips,
    run_actions,
    run_cases,
    run_diversity,
    run_hearings,
)
from kinestyle.evaluate.protocol import (
    BY_LABEL,
    PARTS,
    PROTOCOLS,
    RETIMED,
    STATISTICS,
    STOCHASTIC,
    STYLED,
    TRIVIAL,
    Case,
    Protocol,
    TestClip,
    draw_cases,
    one_of_each_cell,
)
from kinestyle.evaluate.statistics import Estimate, estimate
from kinestyle.evaluate.summary import (
    DiversityRow,
    contents_of,
    groups,
    hits,
    real_accuracy,
    styles_of,
    summarize,
    summarize_diversity,
    truth_figures,
)
from kinestyle.evaluate.targets import check_targets
from kinestyle.evaluate.unknown_actions import (
    draw_action_cases,
    summarize_actions,
    unknown_clips,
    unlabelled_files,
)
from kinestyle.evaluate.unseen_styles import (
    STYLE100_FOLDER,
    Hearing,
    UnseenSet,
    bandai_set,
    draw_hearings,
    style100_set,
    summarize_hearings,
)
from kinestyle.label import Label
from kinestyle.runtime.settings import Settings
from kinestyle.runtime.stylizer import Stylizer

STRENGTHS = (0.0, 0.25, 0.5, 0.75, 1.0, 1.25, 1.5)


@dataclass(frozen=True)
class Budget:
    """How much is run.

    whole: every clip, or one of each cell
    repeats, targets: instead of the protocol's own
    variations: draws of one input and style, for diversity; diversity_inputs: how many inputs
    strength_inputs: clips for the strength curve, and for parts of the body
    unlabelled: clips of P4
    actions: clips of P5; action_targets: styles for each of them, all where it is None
    hearings: actions in every style of P6
    """

    whole: bool = True
    repeats: int | None = None
    targets: int | None = None
    variations: int = 30
    diversity_inputs: int = 14
    strength_inputs: int = 70
    unlabelled: int = 60
    actions: int = 38
    action_targets: int | None = None
    hearings: int = 2


FULL = Budget()
QUICK = Budget(
    whole=False,
    repeats=1,
    variations=8,
    diversity_inputs=7,
    strength_inputs=28,
    unlabelled=16,
    actions=19,
    action_targets=6,
    hearings=1,
)


@dataclass(frozen=True)
class Request:
    """What is to be measured.

    data: the folder of all motion files; clips: the labelled ones below it
    bundle: None for the one that ships
    zero_shot: the bundle for P3, which never saw the set that its contents come from
    parts: which protocols; none named: all for which data are at hand, P3 if there is a bundle for
        it
    judge_paths: None for the judges that ship
    settings: how clips are restyled, but for the seed, which is each case's own
    seed: of the targets, references and draws
    unseen: sets of styles for P6, besides those under `data`
    """

    data: Path
    clips: Sequence[TestClip]
    bundle: Path | None = None
    zero_shot: Path | None = None
    parts: Sequence[str] = ()
    budget: Budget = FULL
    judge_paths: Sequence[Path] | None = None
    settings: Settings = Settings()
    seed: int = 0
    processes: int = 2
    progress: Callable[[str], None] = lambda line: None
    unseen: Sequence[UnseenSet] = ()


def benchmark(request: Request) -> dict[str, Any]:
    """Run the parts of a request. Returns numbers, texts, lists and dicts: what JSON takes and
    `page` reads. Raises BundleError, DataError.
    """
    started = time.monotonic()
    parts = _parts(request)
    opened = Bundle.open(request.bundle)
    zero_shot = (
        check_zero_shot(Bundle.open(request.zero_shot)) if request.zero_shot is not None else None
    )
    asked = judges(request.judge_paths)
    needed = [clip for clip in request.clips if clip.split == "test" or clip.set_name == "bandai1"]
    request.progress(f"{len(needed)} real clips")
    real = evaluate_clips(needed, request.judge_paths, request.processes)
    setup = Setup(request.bundle, request.judge_paths, real, request.processes)
    result: dict[str, Any] = {
        "parts": parts,
        "judges": _about_judges(asked, real),
        "protocols": [
            _run_protocol(protocol, request, setup, asked)
            for protocol in PROTOCOLS
            if protocol.part in parts
        ],
    }
    if "judges" in parts:
        result["steadiness"] = _run_steadiness(request, setup, asked)
    if "p1" in parts:
        result["diversity"] = _run_diversity(request, setup, asked)
        result["strength"] = _run_strengths(request, setup, asked)
    sample: list[TestClip] = []
    if "p4" in parts:
        sample = unlabelled_clips(request.data, request.budget.unlabelled, request.seed)
        result["unlabelled"] = _run_unlabelled(request, setup, sample)
    if "p5" in parts:
        result["actions"] = _run_actions(request, setup)
    if "p6" in parts:
        result["hearings"] = _run_hearings(request, setup, asked)
    if "parts" in parts:
        result["body_parts"] = _run_body_parts(request)
    result["about"] = {
        "commit": provenance.commit(),
        "bundle": _about_bundle(opened),
        "zero_shot": _about_bundle(zero_shot) if zero_shot is not None else None,
        "data_sha256": provenance.hash_of_files(clip.path for clip in (*needed, *sample)),
        "data_files": len(needed) + len(sample),
        "machine": provenance.machine(),
        "minutes": (time.monotonic() - started) / 60.0,
        "strength": request.settings.as_dict()["strength"],
        "timing": request.settings.timing,
        "seed": request.seed,
        "budget": request.budget,
    }
    data = _as_data(result)
    return {**data, "targets": _as_data(check_targets(data))}


def _parts(request: Request) -> list[str]:
    if "p3" in request.parts and request.zero_shot is None:
        raise BundleError("p3 needs a bundle that never saw set 1; name it with --zero-shot")
    return list(request.parts or possible_parts(request))


def possible_parts(request: Request) -> list[str]:
    """The protocols whose data are at hand; those of the labelled sets always count."""
    missing = {
        "p3": request.zero_shot is None,
        "p4": next(unlabelled_files(request.data, FOLDERS), None) is None,
        "p5": next(unlabelled_files(request.data), None) is None,
        "p6": not _hearings(request),
    }
    return [part for part in PARTS if not missing.get(part)]


def check_zero_shot(bundle: Bundle) -> Bundle:
    """The bundle, if it says that it never saw set 1. Raises BundleError."""
    left_out = bundle.manifest.left_out
    if "bandai1" not in left_out:
        said = f"left out {', '.join(left_out)}" if left_out else "left out no set"
        raise BundleError(
            f"{bundle.path.name} was trained with the clips of set 1 (its manifest says that it "
            f"{said}), so that it cannot be "
            "tried on them as unseen ones; train one with `kinestyle train --preset zero-shot`"
        )
    return bundle


def modes_for(bundle: Path | None, styles: str) -> tuple[str, ...]:
    """The modes of a bundle for the styles of a set: those by label only if it has one of them."""
    known = any(Label.parse(style.name).set == styles for style in Bundle.open(bundle).styles)
    return tuple(mode for mode in STYLED if known or mode not in BY_LABEL)


def cases_of(protocol: Protocol, request: Request, modes: Sequence[str]) -> list[Case]:
    """The cases of all repeats of a protocol, within the budget."""
    budget, among = request.budget, None
    protocol = replace(
        protocol,
        targets=budget.targets or protocol.targets,
        repeats=budget.repeats or protocol.repeats,
    )
    if not budget.whole:
        among = one_of_each_cell(c for c in request.clips if c.split in protocol.splits)
    cases = [
        case
        for repeat in range(protocol.repeats)
        for case in draw_cases(protocol, request.clips, modes, repeat, request.seed, among)
    ]
    if not cases:
        raise DataError(
            f"no clip for {protocol.part.upper()}, {protocol.title}, is among the data; unpack "
            f"both Bandai-Namco sets"
        )
    return [case.with_settings(request.settings) for case in cases]


def _run_protocol(
    protocol: Protocol, request: Request, setup: Setup, asked: Sequence[Judge]
) -> dict[str, Any]:
    if protocol.zero_shot:
        setup = replace(setup, bundle=request.zero_shot)
    modes = (*modes_for(setup.bundle, protocol.styles), RETIMED, *TRIVIAL)
    cases = cases_of(protocol, request, modes)
    outcomes = _run(f"{protocol.part.upper()} {protocol.title}", cases, setup, request)
    real = setup.real
    style_clips, content_clips = styles_of(protocol.styles, real), contents_of(protocol, real)
    return {
        "part": protocol.part,
        "title": protocol.title,
        "contents": protocol.contents,
        "styles": protocol.styles,
        "splits": protocol.splits,
        "repeats": 1 + max(case.repeat for case in cases),
        "real": {
            judge.name: real_accuracy(judge, index, style_clips, content_clips)
            for index, judge in enumerate(asked)
        },
        "rows": [
            summarize(m, of_mode, protocol, asked, real)
            for m in modes
            if (of_mode := [o for o in outcomes if o.case.mode == m])
        ],
    }


def _run(name: str, cases: Sequence[Case], setup: Setup, request: Request) -> list[Outcome]:
    """The outcomes of labelled clips. Raises DataError where one is refused."""
    request.progress(f"{name}: {len(cases)} results")
    outcomes = run_cases(cases, setup, _in_steps(request.progress))
    refused = [outcome for outcome in outcomes if isinstance(outcome, str)]
    if refused:
        raise DataError(
            f"{len(refused)} of the labelled clips cannot be restyled; the first reason: "
            f"{refused[0]}"
        )
    return [outcome for outcome in outcomes if not isinstance(outcome, str)]


def _run_steadiness(request: Request, setup: Setup, asked: Sequence[Judge]) -> list[Steadiness]:
    """On the test clips, as they are and disturbed."""
    clips = [clip for clip in request.clips if clip.split == "test"]
    shown = {}
    for disturbance in DISTURBANCES:
        request.progress(f"judges: {len(clips)} real clips, {disturbance.name}")
        disturbed = evaluate_clips(clips, request.judge_paths, request.processes, disturbance)
        shown[disturbance.name] = list(disturbed.clips.values())
    return steadiness(asked, [setup.real.clips[clip.path.stem] for clip in clips], shown)


def _in_steps(progress: Callable[[str], None]) -> Callable[[float], None]:
    """Reports every quarter, with the time that is left."""
    started, said = time.monotonic(), [0.0]

    def say(share: float) -> None:
        if share - said[0] >= 0.25 and share < 1.0:
            said[0] = share
            left = (time.monotonic() - started) * (1.0 - share) / share
            progress(f"  {share:.0%}, {left:.0f} s left")

    return say


def _first_protocol(request: Request, modes: Sequence[str], count: int) -> list[Case]:
    """Cases of P1's first repeat, on at most `count` clips from all cells."""
    budget = Budget(whole=False, repeats=1, targets=1)
    cases = cases_of(PROTOCOLS[0], replace(request, budget=budget), modes)
    clips = list(dict.fromkeys(case.clip for case in cases))
    kept = {
        clips[i] for i in np.linspace(0, len(clips) - 1, min(count, len(clips))).round().astype(int)
    }
    return [case for case in cases if case.clip in kept]


def _run_diversity(request: Request, setup: Setup, asked: Sequence[Judge]) -> list[DiversityRow]:
    """Many variations of one input and style, in the modes that draw."""
    budget = request.budget
    modes = [m for m in modes_for(setup.bundle, PROTOCOLS[0].styles) if m in STOCHASTIC]
    variations = [
        [
            replace(case, settings=replace(case.settings, seed=case.settings.seed + i))
            for i in range(budget.variations)
        ]
        for case in _first_protocol(request, modes, budget.diversity_inputs)
    ]
    request.progress(f"diversity: {len(variations) * budget.variations} results")
    found = run_diversity(variations, setup)
    return [
        summarize_diversity(
            mode, [d for d in found if d.case.mode == mode], budget.variations, asked
        )
        for mode in modes
    ]


def _run_strengths(request: Request, setup: Setup, asked: Sequence[Judge]) -> list[dict[str, Any]]:
    """Style against content as strength goes from none to more than all."""
    modes = [m for m in modes_for(setup.bundle, PROTOCOLS[0].styles) if m not in STOCHASTIC]
    sample = _first_protocol(request, modes, request.budget.strength_inputs)
    cases = [
        case.with_settings(replace(request.settings, strength=strength))
        for case in sample
        for strength in STRENGTHS
    ]
    outcomes = _run("strength", cases, setup, request)

    def point(mode: str, strength: float) -> dict[str, Any]:
        found = [o for o in outcomes if (o.case.mode, o.case.settings.strength) == (mode, strength)]
        by_judge: dict[str, dict[str, Estimate]] = {"style": {}, "content": {}}
        for index, judge in enumerate(asked):
            for key, right in zip(by_judge, hits(found, index, judge), strict=True):
                by_judge[key][judge.name] = estimate(right, groups(found))
        return {
            "mode": mode,
            "strength": strength,
            "outputs": len(found),
            **by_judge,
            "truth_ratio": truth_figures(found, setup.real).ratio,
        }

    return [point(mode, strength) for mode in modes for strength in STRENGTHS]


def _run_body_parts(request: Request) -> list[PartRow]:
    """Test clips in other styles, upper or lower body alone."""
    learned = learned_clips(request.clips)
    request.progress(f"parts: judges of {len(learned)} training clips")
    known = learn_judges(learned)
    sample = _first_protocol(request, ["label"], request.budget.strength_inputs)
    cases = [case for case in sample if case.target != case.clip.style]
    request.progress(f"parts: {len(cases)} clips")
    stylizer = Stylizer.load(request.bundle)
    tests = [clip for clip in request.clips if clip.split == "test"]
    return measure_parts(cases, tests, known, stylizer, _in_steps(request.progress))


def _run_unlabelled(request: Request, setup: Setup, sample: Sequence[TestClip]) -> dict[str, Any]:
    possible = (*modes_for(setup.bundle, "bandai2"), STATISTICS)
    modes = [mode for mode in ("label", "reference", STATISTICS) if mode in possible]
    labelled = request.clips
    known = {Label.parse(style.name).set for style in Bundle.open(setup.bundle).styles}
    if known:
        labelled = [clip for clip in labelled if clip.set_name in known]
    cases = draw_unlabelled_cases(sample, labelled, modes)
    request.progress(f"P4: {len(cases)} results")
    outcomes = run_cases(
        [case.with_settings(request.settings) for case in cases],
        replace(setup, judge_paths=()),
        _in_steps(request.progress),
    )
    made = [outcome for outcome in outcomes if not isinstance(outcome, str)]
    if not made:
        raise DataError(
            f"none of {len(sample)} unlabelled clips can be restyled; the first reason: "
            f"{outcomes[0]}"
        )
    return {
        "clips": len(sample),
        "refused": [outcome for outcome in outcomes if isinstance(outcome, str)],
        "rows": [summarize_unlabelled(m, [o for o in made if o.case.mode == m]) for m in modes],
    }


def _run_actions(request: Request, setup: Setup) -> dict[str, Any]:
    sample = unknown_clips(request.data, request.budget.actions, request.seed)
    mode, references = _action_styles(request, Bundle.open(setup.bundle))
    targets = request.budget.action_targets
    cases = [
        case.with_settings(request.settings)
        for case in draw_action_cases(sample, references, mode, targets)
    ]
    request.progress(f"P5: {len(cases)} results")
    outcomes = run_actions(cases, replace(setup, judge_paths=()), _in_steps(request.progress))
    made = [outcome for outcome in outcomes if not isinstance(outcome, str)]
    if not made:
        raise DataError(
            f"none of {len(sample)} clips of unknown actions can be restyled; the first reason: "
            f"{outcomes[0]}"
        )
    return {
        "mode": mode,
        "styles": len(references),
        "clips": len({outcome.case.clip.path for outcome in made}),
        "refused": [outcome for outcome in outcomes if isinstance(outcome, str)],
        "rows": summarize_actions(made),
    }


def _action_styles(request: Request, bundle: Bundle) -> tuple[str, dict[str, Sequence[TestClip]]]:
    """The mode of P5, and test clips of every style: those that the bundle has by name, or those of
    the labelled clips.
    """
    of_style: dict[str, list[TestClip]] = {}
    for clip in request.clips:
        if clip.split == "test":
            of_style.setdefault(clip.style, []).append(clip)
    if not bundle.styles:
        return "reference", {**of_style}
    # by name no reference is read: styles without a test clip get any
    return "label", {s.name: of_style.get(s.name) or request.clips[:1] for s in bundle.styles}


def _hearings(request: Request) -> list[Hearing]:
    sets = bandai_set(request.clips), style100_set(request.data), *request.unseen
    return [
        hearing
        for found in sets
        for hearing in draw_hearings(found, contents=request.budget.hearings, seed=request.seed)
    ]


def _run_hearings(request: Request, setup: Setup, asked: Sequence[Judge]) -> dict[str, Any]:
    hearings = _hearings(request)
    if not hearings:
        raise DataError(
            f"no clip for P6 is among the data; unpack Bandai-Namco set 1, or 100STYLE under "
            f"{request.data / STYLE100_FOLDER}"
        )
    request.progress(f"P6: {len(hearings)} results")
    hearings = [replace(h, case=h.case.with_settings(request.settings)) for h in hearings]
    outcomes = run_hearings(hearings, setup, _in_steps(request.progress))
    heard = [outcome for outcome in outcomes if not isinstance(outcome, str)]
    judged = {judge.name: judge.styles for judge in asked}
    learned = [style.name for style in Bundle.open(setup.bundle).styles]
    return {
        "refused": [outcome for outcome in outcomes if isinstance(outcome, str)],
        "rows": summarize_hearings(heard, judged, learned),
    }


def compare(bundles: Mapping[str, Path | None], request: Request) -> list[dict[str, Any]]:
    """Rows for a table of bundles: the clips of P1, or one of every cell, by label and by
    reference, in one repeat unless the budget says more.

    The cases are the same for all, so that rows differ in the bundle only; `cases` says for each
    whether it is right, so that two rows can be held against each other case by case. A bundle
    without labels has no row by label.
    """
    opened = {name: Bundle.open(path) for name, path in bundles.items()}
    asked = judges(request.judge_paths)
    real = evaluate_clips(
        [clip for clip in request.clips if clip.split == "test"],
        request.judge_paths,
        request.processes,
    )
    budget = replace(request.budget, repeats=request.budget.repeats or 1)
    request = replace(request, budget=budget)
    rows = []
    for name, path in bundles.items():
        modes = [m for m in modes_for(path, PROTOCOLS[0].styles) if m not in STOCHASTIC]
        setup = Setup(path, request.judge_paths, real, request.processes)
        outcomes = _run(name, cases_of(PROTOCOLS[0], request, modes), setup, request)
        for mode in modes:
            of_mode = [o for o in outcomes if o.case.mode == mode]
            row = summarize(mode, of_mode, PROTOCOLS[0], asked, real)
            about = {
                "bundle": name,
                "sha256": opened[name].sha256,
                "budget": opened[name].manifest.training.get("budget", {}),
                "cases": _right_or_wrong(of_mode, asked),
            }
            rows.append(_as_data({**about, **asdict(row)}))
    return rows


def _right_or_wrong(outcomes: Sequence[Outcome], asked: Sequence[Judge]) -> dict[str, Any]:
    """For each outcome: `of`, its cell, clip, target and repeat; `style` and `content` by judge, 1
    or 0, NaN for a content that the judge never learned.
    """
    found: dict[str, Any] = {"of": [], "style": {}, "content": {}}
    for outcome, cell in zip(outcomes, groups(outcomes), strict=True):
        case = outcome.case
        found["of"].append(["/".join(cell), case.clip.path.stem, case.target, case.repeat])
    for index, judge in enumerate(asked):
        found["style"][judge.name], found["content"][judge.name] = (
            right.tolist() for right in hits(outcomes, index, judge)
        )
    return found


def _about_bundle(bundle: Bundle) -> dict[str, Any]:
    return {
        "name": bundle.path.name,
        "sha256": bundle.sha256,
        "commit": bundle.manifest.commit or "unknown",
        "left_out": bundle.manifest.left_out,
        "styles": len(bundle.styles),
    }


def _about_judges(asked: Sequence[Judge], real: RealClips) -> list[dict[str, Any]]:
    """Each judge on real test clips of each set."""
    sets = {
        name: styles_of(name, real)
        for name in sorted({r.clip.set_name for r in real.clips.values()})
    }
    return [
        {
            "name": judge.name,
            "sha256": judge.sha256,
            "styles": len(judge.styles),
            "contents": len(judge.contents),
            "real": {
                name: {**asdict(real_accuracy(judge, i, clips, clips)), "clips": len(clips)}
                for name, clips in sets.items()
            },
        }
        for i, judge in enumerate(asked)
    ]


def _as_data(value: Any) -> Any:
    """For JSON: dataclasses as dicts, tuples as lists, NaN as null."""
    if is_dataclass(value) and not isinstance(value, type):
        return _as_data(asdict(value))
    if isinstance(value, Mapping):
        return {str(key): _as_data(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_as_data(item) for item in value]
    if isinstance(value, float | np.floating):
        return float(value) if math.isfinite(value) else None
    return value.item() if isinstance(value, np.generic) else value
