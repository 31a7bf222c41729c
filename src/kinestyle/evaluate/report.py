"""The benchmark as a whole: which parts it has, run on a bundle, as data. `kinestyle.evaluate.page`
makes pages of it.
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
from kinestyle.evaluate.examine import Outcome, Real, Setup, run_cases, run_spreads, study_all
from kinestyle.evaluate.judge import Judge, judges
from kinestyle.evaluate.out_of_domain import (
    draw_unlabelled_cases,
    summarize_unlabelled,
    unlabelled_clips,
)
from kinestyle.evaluate.protocol import (
    BY_LABEL,
    PARTS,
    PROTOCOLS,
    RETIMED,
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
    ceiling,
    groups,
    hits,
    inputs_of,
    styles_of,
    summarize,
    summarize_spreads,
    truth_figures,
)
from kinestyle.evaluate.targets import check_targets
from kinestyle.label import Label

STRENGTHS = (0.0, 0.25, 0.5, 0.75, 1.0, 1.25, 1.5)


@dataclass(frozen=True)
class Effort:
    """How much is run.

    whole: every clip, or one of each cell
    repeats, targets: instead of the protocol's own
    takes, spread_inputs: draws of one input and style, and of how many inputs, for diversity
    strength_inputs: clips for the strength curve
    unlabelled: clips of P4
    """

    whole: bool = True
    repeats: int | None = None
    targets: int | None = None
    takes: int = 30
    spread_inputs: int = 14
    strength_inputs: int = 70
    unlabelled: int = 60


FULL = Effort()
QUICK = Effort(whole=False, repeats=1, takes=8, spread_inputs=7, strength_inputs=28, unlabelled=16)


@dataclass(frozen=True)
class Request:
    """What is to be measured: a bundle (None: the one that ships) on the data under a folder, of
    which `clips` are labelled.

    zero_shot: the bundle for P3, which never saw the set that its contents come from
    parts: which protocols; none named: all, P3 if there is a bundle for it
    judge_paths: None for the judges that ship
    """

    data: Path
    clips: Sequence[TestClip]
    bundle: Path | None = None
    zero_shot: Path | None = None
    parts: Sequence[str] = ()
    effort: Effort = FULL
    judge_paths: Sequence[Path] | None = None
    strength: float = 1.0
    seed: int = 0
    processes: int = 2
    progress: Callable[[str], None] = lambda line: None


def benchmark(request: Request) -> dict[str, Any]:
    """Run the parts of a request. Returns numbers, texts, lists and dicts: what JSON takes and
    `page` reads.
    """
    started = time.monotonic()
    if "p3" in request.parts and request.zero_shot is None:
        raise BundleError("p3 needs a bundle that never saw set 1; name it with --zero-shot")
    parts = request.parts or [
        part for part in PARTS if part != "p3" or request.zero_shot is not None
    ]
    opened = Bundle.open(request.bundle)
    zero_shot = (
        check_zero_shot(Bundle.open(request.zero_shot)) if request.zero_shot is not None else None
    )
    asked = judges(request.judge_paths)
    needed = [clip for clip in request.clips if clip.split == "test" or clip.set_name == "bandai1"]
    request.progress(f"{len(needed)} real clips")
    real = study_all(needed, request.judge_paths, request.processes)
    setup = Setup(request.bundle, request.judge_paths, real, request.processes)
    protocols = [
        _run_protocol(
            protocol,
            request,
            setup if not protocol.zero_shot else replace(setup, bundle=request.zero_shot),
            asked,
        )
        for protocol in PROTOCOLS
        if protocol.part in parts
    ]
    result: dict[str, Any] = {
        "parts": list(parts),
        "judges": _about_judges(asked, real),
        "protocols": protocols,
    }
    if "p1" in parts:
        result["diversity"] = _run_spreads(request, setup, asked)
        result["strength"] = _run_strengths(request, setup, asked)
    sample: list[TestClip] = []
    if "p4" in parts:
        sample = unlabelled_clips(request.data, request.effort.unlabelled, request.seed)
        result["unlabelled"] = _run_unlabelled(request, setup, sample)
    result["about"] = {
        "commit": provenance.commit(),
        "bundle": _about_bundle(opened),
        "zero_shot": _about_bundle(zero_shot) if zero_shot is not None else None,
        "data_sha256": provenance.hash_of_files(clip.path for clip in (*needed, *sample)),
        "data_files": len(needed) + len(sample),
        "machine": provenance.machine(),
        "minutes": (time.monotonic() - started) / 60.0,
        "strength": request.strength,
        "seed": request.seed,
        "effort": request.effort,
    }
    data = _as_data(result)
    return {**data, "targets": _as_data(check_targets(data))}


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
    """The modes that a bundle can be asked for: those by label only if it has a style of the set
    (by name "set/label").
    """
    known = any(Label.parse(style.name).set == styles for style in Bundle.open(bundle).styles)
    return tuple(mode for mode in STYLED if known or mode not in BY_LABEL)


def cases_of(protocol: Protocol, request: Request, modes: Sequence[str]) -> list[Case]:
    """The cases of all repeats of a protocol, as a request wants them."""
    effort = request.effort
    protocol = replace(
        protocol,
        targets=effort.targets or protocol.targets,
        repeats=effort.repeats or protocol.repeats,
    )
    among = (
        None
        if effort.whole
        else one_of_each_cell(c for c in request.clips if c.split in protocol.splits)
    )
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
    return [replace(case, strength=request.strength) for case in cases]


def _run_protocol(
    protocol: Protocol, request: Request, setup: Setup, asked: Sequence[Judge]
) -> dict[str, Any]:
    modes = (*modes_for(setup.bundle, protocol.styles), RETIMED, *TRIVIAL)
    cases = cases_of(protocol, request, modes)
    outcomes = _run(f"{protocol.part.upper()} {protocol.title}", cases, setup, request)
    real = setup.real
    ceilings = {
        judge.name: ceiling(judge, i, styles_of(protocol.styles, real), inputs_of(protocol, real))
        for i, judge in enumerate(asked)
    }
    return {
        "part": protocol.part,
        "title": protocol.title,
        "contents": protocol.contents,
        "styles": protocol.styles,
        "splits": protocol.splits,
        "repeats": 1 + max(case.repeat for case in cases),
        "real": ceilings,
        "rows": [
            summarize(m, of_mode, protocol, asked, real)
            for m in modes
            if (of_mode := [o for o in outcomes if o.case.mode == m])
        ],
    }


def _run(name: str, cases: Sequence[Case], setup: Setup, request: Request) -> list[Outcome]:
    """The outcomes of labelled clips, none of which may be refused."""
    request.progress(f"{name}: {len(cases)} results")
    outcomes = run_cases(cases, setup, _in_steps(request.progress))
    refused = [outcome for outcome in outcomes if isinstance(outcome, str)]
    if refused:
        raise DataError(
            f"{len(refused)} of the labelled clips cannot be restyled; the first reason: "
            f"{refused[0]}"
        )
    return [outcome for outcome in outcomes if not isinstance(outcome, str)]


def _in_steps(progress: Callable[[str], None]) -> Callable[[float], None]:
    """Says every quarter, with the time that is left."""
    started, said = time.monotonic(), [0.0]

    def say(share: float) -> None:
        if share - said[0] >= 0.25 and share < 1.0:
            said[0] = share
            left = (time.monotonic() - started) * (1.0 - share) / share
            progress(f"  {share:.0%}, {left:.0f} s left")

    return say


def _first_protocol(request: Request, modes: Sequence[str], count: int) -> list[Case]:
    """Cases of P1's first repeat, on at most `count` clips from all cells."""
    cases = cases_of(
        PROTOCOLS[0], replace(request, effort=Effort(whole=False, repeats=1, targets=1)), modes
    )
    clips = list(dict.fromkeys(case.clip for case in cases))
    kept = {
        clips[i] for i in np.linspace(0, len(clips) - 1, min(count, len(clips))).round().astype(int)
    }
    return [case for case in cases if case.clip in kept]


def _run_spreads(request: Request, setup: Setup, asked: Sequence[Judge]) -> list[Any]:
    """Many takes of one input and style, in the modes that draw."""
    effort, modes = (
        request.effort,
        [m for m in modes_for(setup.bundle, PROTOCOLS[0].styles) if m in STOCHASTIC],
    )
    takes = [
        [replace(case, seed=case.seed + i) for i in range(effort.takes)]
        for case in _first_protocol(request, modes, effort.spread_inputs)
    ]
    request.progress(f"diversity: {len(takes) * effort.takes} results")
    spreads = run_spreads(takes, setup)
    return [
        summarize_spreads(m, [s for s in spreads if s.case.mode == m], effort.takes, asked)
        for m in modes
    ]


def _run_strengths(request: Request, setup: Setup, asked: Sequence[Judge]) -> list[dict[str, Any]]:
    """Style against content as strength goes from none to more than all."""
    modes = [
        mode for mode in modes_for(setup.bundle, PROTOCOLS[0].styles) if mode not in STOCHASTIC
    ]
    sample = _first_protocol(request, modes, request.effort.strength_inputs)
    cases = [replace(case, strength=strength) for case in sample for strength in STRENGTHS]
    outcomes = _run("strength", cases, setup, request)
    curve = []
    for mode in modes:
        for strength in STRENGTHS:
            found = [o for o in outcomes if o.case.mode == mode and o.case.strength == strength]
            by_judge: dict[str, dict[str, Estimate]] = {"style": {}, "content": {}}
            for i, judge in enumerate(asked):
                for key, right in zip(by_judge, hits(found, i, judge), strict=True):
                    by_judge[key][judge.name] = estimate(right, groups(found))
            truth = truth_figures(found, setup.real).ratio
            curve.append(
                {
                    "mode": mode,
                    "strength": strength,
                    "outputs": len(found),
                    **by_judge,
                    "truth_ratio": truth,
                }
            )
    return curve


def _run_unlabelled(request: Request, setup: Setup, sample: Sequence[TestClip]) -> dict[str, Any]:
    modes = (
        ("label", "reference", "statistics")
        if "label" in modes_for(setup.bundle, "bandai2")
        else ("reference", "statistics")
    )
    known = {Label.parse(style.name).set for style in Bundle.open(setup.bundle).styles} or {
        clip.set_name for clip in request.clips
    }
    cases = draw_unlabelled_cases(
        sample, [clip for clip in request.clips if clip.set_name in known], modes
    )
    request.progress(f"P4: {len(cases)} results")
    outcomes = run_cases(
        [replace(case, strength=request.strength) for case in cases],
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


def compare(bundles: Mapping[str, Path | None], request: Request) -> list[dict[str, Any]]:
    """One clip of every cell of P1, by label and by reference, with every bundle: rows for a table
    of variants.

    The cases are the same for all, so that rows differ in the bundle only; a bundle without labels
    has no row by label.
    """
    opened = {name: Bundle.open(path) for name, path in bundles.items()}
    asked = judges(request.judge_paths)
    real = study_all(
        [clip for clip in request.clips if clip.split == "test"],
        request.judge_paths,
        request.processes,
    )
    request = replace(
        request, effort=replace(request.effort, whole=False, repeats=request.effort.repeats or 1)
    )
    rows = []
    for name, path in bundles.items():
        modes = [mode for mode in modes_for(path, PROTOCOLS[0].styles) if mode not in STOCHASTIC]
        setup = Setup(path, request.judge_paths, real, request.processes)
        outcomes = _run(name, cases_of(PROTOCOLS[0], request, modes), setup, request)
        for mode in modes:
            summary = summarize(
                mode, [o for o in outcomes if o.case.mode == mode], PROTOCOLS[0], asked, real
            )
            rows.append(
                _as_data({"bundle": name, "sha256": opened[name].sha256, **asdict(summary)})
            )
    return rows


def _about_bundle(bundle: Bundle) -> dict[str, Any]:
    return {
        "name": bundle.path.name,
        "sha256": bundle.sha256,
        "commit": bundle.manifest.commit or "unknown",
        "left_out": bundle.manifest.left_out,
        "styles": len(bundle.styles),
    }


def _about_judges(asked: Sequence[Judge], real: Real) -> list[dict[str, Any]]:
    """Each judge on real test clips of each set."""
    sets = sorted({r.clip.set_name for r in real.clips.values()})
    return [
        {
            "name": judge.name,
            "sha256": judge.sha256,
            "styles": len(judge.styles),
            "contents": len(judge.contents),
            "real": {
                name: {
                    **asdict(ceiling(judge, i, styles_of(name, real), styles_of(name, real))),
                    "clips": len(styles_of(name, real)),
                }
                for name in sets
            },
        }
        for i, judge in enumerate(asked)
    ]


def _as_data(value: Any) -> Any:
    """What JSON can say: dataclasses as dicts, tuples as lists, no number as null."""
    if is_dataclass(value) and not isinstance(value, type):
        return _as_data(asdict(value))
    if isinstance(value, Mapping):
        return {str(key): _as_data(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_as_data(item) for item in value]
    if isinstance(value, float | np.floating):
        return float(value) if math.isfinite(value) else None
    return value.item() if isinstance(value, np.generic) else value
