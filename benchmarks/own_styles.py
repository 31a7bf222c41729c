"""How well styles of one's own are heard, and refined, from 10 s, 30 s and two minutes of clips.

    python benchmarks/own_styles.py --data DATA --run FOLDER [--quick] [--bundle open] [--refine]

A neutral clip is restyled in a style that was learned from clips of mixed actions; where the result
should go says a clip of the style that does the same, and was not among them. Cosine and way are
those of P6. Content kept are the events of hands and feet that P5 looks for, and the correlation of
their curves. Styles are those that P6 asks for: of 100STYLE or its synthetic copy (the learned
clips are the second halves of all four actions; the first half of one says where to go) and of
Bandai-Namco set 1 (one clip an action: the learned clips are of other actions). A bundle that
learned a set's styles is not asked for them.

What is done already is in FOLDER/own_styles.jsonl and is not done again.
"""

from __future__ import annotations

import argparse
import json
import resource
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from kinestyle import Stylizer, read_motion
from kinestyle.evaluate import provenance
from kinestyle.evaluate.evaluator import read_back
from kinestyle.evaluate.protocol import Case, TestClip
from kinestyle.evaluate.truth import body_positions
from kinestyle.evaluate.unknown_actions import ActionInput, measure_action
from kinestyle.evaluate.unseen_styles import (
    LEFT_OUT_STYLES,
    STYLE100_FOLDER,
    position_statistics,
    spread_of,
    style100_set,
    way_gone,
)
from kinestyle.motion.clip import Clip
from kinestyle.motion.rotation import Array
from kinestyle.retarget.correspondence import correspond, to_canonical
from kinestyle.retarget.features import clip_to_features
from kinestyle.runtime.code_change import code_of
from kinestyle.runtime.own_styles import OwnStyle, hear_style

SECONDS = (10.0, 30.0, 120.0)
BANDAI = "bandai/Bandai-Namco-Research-Motiondataset-1/data"
TESTED = 2
"""Contents of set 1 that are restyled, and not learned from."""


@dataclass(frozen=True)
class Goal:
    """A neutral clip, and a clip of the style that does the same."""

    neutral: Clip
    styled: Clip


@dataclass(frozen=True)
class Task:
    """One style: clips to learn it from, and what is restyled in it."""

    set_name: str
    style: str
    clips: tuple[Clip, ...]
    goals: tuple[Goal, ...]


def half(clip: Clip, number: int) -> Clip:
    middle = clip.frame_count // 2
    return clip.window(0, middle) if number == 0 else clip.window(middle, clip.frame_count)


def style100_tasks(data: Path, count: int) -> Iterator[Task]:
    found = style100_set(data)
    neutral = {clip.content: clip for clip in found.clips if clip.style == found.neutral}
    for style in found.styles[:: max(1, len(found.styles) // count)][:count]:
        of_style = [clip for clip in found.clips if clip.style == style]
        clips = {clip.content: read_motion(clip.path) for clip in of_style}
        goals = tuple(
            Goal(half(read_motion(neutral[content].path), 0), half(clip, 0))
            for content, clip in clips.items()
            if content in neutral
        )
        yield Task("style100", style, tuple(half(clip, 1) for clip in clips.values()), goals)


def bandai_tasks(data: Path, count: int) -> Iterator[Task]:
    for style in LEFT_OUT_STYLES[:count]:
        label = style.rpartition("/")[2]
        paths = {
            path.stem.split("_")[1]: path
            for path in sorted((data / BANDAI).glob(f"dataset-1_*_{label}_*.bvh"))
        }
        neutral = {
            path.stem.split("_")[1]: path
            for path in sorted((data / BANDAI).glob("dataset-1_*_normal_*.bvh"), reverse=True)
        }
        both = sorted(set(paths) & set(neutral))
        order = np.random.default_rng(0).permutation(len(both)).tolist()
        tested = [both[i] for i in order[:TESTED]]
        goals = tuple(Goal(read_motion(neutral[c]), read_motion(paths[c])) for c in tested)
        clips = tuple(read_motion(path) for c, path in paths.items() if c not in tested)
        yield Task("bandai1", style, clips, goals)


def cut(clips: Sequence[Clip], seconds: float) -> list[Clip]:
    """As much of each, from its beginning, as gives so many seconds in all."""
    share = seconds / sum(clip.duration_seconds for clip in clips)
    counts = [max(round(min(1.0, share) * clip.frame_count), 24) for clip in clips]
    return [clip.window(0, min(n, clip.frame_count)) for clip, n in zip(clips, counts, strict=True)]


def statistics(clip: Clip) -> Array:
    return position_statistics(body(clip))


def body(clip: Clip) -> Array:
    return body_positions(clip_to_features(to_canonical(clip, correspond(clip))))


def learned(
    stylizer: Stylizer, name: str, clips: Sequence[Clip], refine: bool
) -> tuple[OwnStyle, str]:
    if refine:
        from kinestyle.learn.refining import refine_style

        found = refine_style(stylizer, name, clips)
        return found.style, str(found)
    heard = [stylizer.reference_style(clip, posture=True) for clip in clips]
    return hear_style(name, heard, stylizer.bundle.manifest.styles), ""


def measure(stylizer: Stylizer, task: Task, style: OwnStyle, spread: Array) -> dict[str, float]:
    found = []
    nothing = TestClip(Path("own"), task.set_name, task.style, "own/any")
    code = code_of([style], [None], None, 0)
    for goal in task.goals:
        source = ActionInput.of(stylizer.analyse(goal.neutral))
        made, c = read_back(stylizer.apply(source.analysis, code), source.analysis)
        kept = measure_action(
            Case(nothing, task.style, "own", nothing), source, made, c, to_canonical(made, c)
        )
        cosine, way = way_gone(
            statistics(goal.neutral), statistics(goal.styled), statistics(made), spread
        )
        events = float(np.mean(kept.kept)) if kept.kept else float("nan")
        found.append((cosine, way, events, float(np.mean(kept.correlations or [np.nan]))))
    cosine, way, events, correlation = np.nanmean(np.array(found), axis=0).tolist()
    return {"cosine": cosine, "way": way, "events": events, "correlation": correlation}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--run", type=Path, required=True)
    parser.add_argument("--bundle")
    parser.add_argument("--quick", action="store_true", help="Three styles of each set.")
    parser.add_argument("--styles", type=int, default=20)
    parser.add_argument("--sets", nargs="*", default=["style100", "bandai1"])
    parser.add_argument("--seconds", type=float, nargs="*", default=SECONDS)
    parser.add_argument("--refine", action="store_true")
    chosen = parser.parse_args()
    stylizer = Stylizer.load(chosen.bundle)
    count = 3 if chosen.quick else chosen.styles
    known = {style.name for style in stylizer.bundle.manifest.styles}
    tasks = {"style100": style100_tasks, "bandai1": bandai_tasks}
    chosen.run.mkdir(parents=True, exist_ok=True)
    file = chosen.run / "own_styles.jsonl"
    rows = [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []
    done = {(r["bundle"], r["style"], r["seconds"], r["refine"]) for r in rows}
    bundle = stylizer.bundle.path.stem
    for set_name in chosen.sets:
        if not (chosen.data / (STYLE100_FOLDER if set_name == "style100" else BANDAI)).is_dir():
            continue
        found = list(tasks[set_name](chosen.data, count))
        bodies = [body(goal.styled) for task in found for goal in task.goals]
        bodies += [body(goal.neutral) for goal in found[0].goals]
        spread = spread_of(bodies)
        for task in found:
            if task.style in known:
                print(f"{task.style} was learned by {bundle}: left out")
                continue
            for seconds in chosen.seconds:
                if (bundle, task.style, seconds, chosen.refine) in done:
                    continue
                began, cpu = time.monotonic(), time.process_time()
                some = cut(task.clips, seconds)
                style, said = learned(stylizer, f"own/{task.style}", some, chosen.refine)
                row: dict[str, Any] = {
                    "bundle": bundle,
                    "set": set_name,
                    "style": task.style,
                    "seconds": seconds,
                    "given": round(sum(clip.duration_seconds for clip in some), 1),
                    "refine": chosen.refine,
                    "refined": style.modulation is not None,
                    "said": said,
                    "wall_seconds": round(time.monotonic() - began, 1),
                    "cpu_seconds": round(time.process_time() - cpu, 1),
                    "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
                    **measure(stylizer, task, style, spread),
                }
                rows.append(row)
                with file.open("a") as log:
                    log.write(json.dumps(row) + "\n")
    print(f"commit {provenance.commit()}\n")
    show(rows)


def show(rows: Sequence[dict[str, Any]]) -> None:
    print(
        "| bundle, set | learned | given | styles (refined) | cosine | way | events kept | "
        "correlation | seconds of a core | peak MB |"
    )
    print("| --- " * 10 + "|")
    for key in sorted({(r["bundle"], r["set"], r["refine"], r["seconds"]) for r in rows}):
        some = [r for r in rows if (r["bundle"], r["set"], r["refine"], r["seconds"]) == key]

        def mean(name: str, some: Sequence[dict[str, Any]] = some) -> float:
            return float(np.nanmean([r[name] for r in some]))

        told = "refined" if key[2] else "at once"
        refined = sum(r["refined"] for r in some)
        print(
            f"| {key[0]}, {key[1]} | {told} | {key[3]:g} s, {mean('given'):.0f} s there | "
            f"{len(some)} ({refined}) | {mean('cosine'):.2f} | {mean('way'):.2f} | "
            f"{mean('events'):.3f} | {mean('correlation'):.3f} | {mean('cpu_seconds'):.0f} | "
            f"{max(r['peak_mb'] for r in some)} |"
        )


if __name__ == "__main__":
    main()
