"""How far the made styles with a name of a bundle go, against what they are.

    python benchmarks/named_styles.py open --data DATA

Each is shown on a walk, a run and two gestures of Bandai-Namco's set 2 and on a kick, a throw and a
squat of HDM05: by the runtime as users get it, and by the networks alone. Cosine and way are those
of P6; jerk is a multiple of what the style itself has.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np

from kinestyle import Stylizer, read_motion
from kinestyle.bundle.made_style import MadeStyle
from kinestyle.evaluate import provenance
from kinestyle.evaluate.measures import jerk
from kinestyle.evaluate.truth import body_positions
from kinestyle.evaluate.unseen_styles import position_statistics, spread_of, way_gone
from kinestyle.motion.clip import Clip
from kinestyle.retarget.correspondence import to_canonical
from kinestyle.retarget.features import at_feature_rate, clip_to_features
from kinestyle.runtime.made_styles import apply_style

CLIPS = (
    "dataset-2_walk_normal_0*.bvh",
    "dataset-2_run_normal_0*.bvh",
    "dataset-2_raise-up-right-hand_normal_0*.bvh",
    "dataset-2_wave-both-hands_normal_0*.bvh",
    "HDM_*_kickLFront1Reps_*.amc",
    "HDM_*_throwBasketball_*.amc",
    "HDM_*_squat1Reps_*.amc",
)


def shown(clip: Clip, style: MadeStyle) -> Clip:
    """On the canonical skeleton, in the clip's own time."""
    return apply_style(clip, replace(style, tempo=1.0))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("bundle")
    parser.add_argument("--data", type=Path, required=True)
    chosen = parser.parse_args()
    stylizer = Stylizer.load(chosen.bundle)
    styles = {style.name: style.made for style in stylizer.styles if style.made is not None}
    files = [sorted(chosen.data.rglob(pattern))[0] for pattern in CLIPS]
    analyses = [stylizer.analyse(read_motion(file)) for file in files]
    clips = [at_feature_rate(to_canonical(a.clip, a.correspondence)) for a in analyses]

    def statistics(clip: Clip) -> np.ndarray:
        return position_statistics(body_positions(clip_to_features(clip)))

    wanted = {name: [shown(clip, style) for clip in clips] for name, style in styles.items()}
    bodies = [clips, *wanted.values()]
    spread = spread_of(body_positions(clip_to_features(clip)) for row in bodies for clip in row)
    print(
        f"{stylizer.bundle.path.name} {stylizer.bundle.sha256[:16]}, commit {provenance.commit()}"
    )
    print("| style | cosine, way | by the networks alone | jerk, of what it should be |")
    print("| --- | --- | --- | --- |")
    for name in styles:
        code = stylizer.style_of(name)
        found: dict[str, list[tuple[float, float]]] = {"whole": [], "networks": []}
        jerks = []
        for analysis, clip, goal in zip(analyses, clips, wanted[name], strict=True):
            for way, of in (("whole", code), ("networks", code.view(np.ndarray))):
                result = stylizer.apply(analysis, of)
                made = at_feature_rate(to_canonical(result, analysis.correspondence))
                before, after, now = (statistics(each) for each in (clip, goal, made))
                found[way].append(way_gone(before, after, now, spread))
                if way == "whole":
                    jerks.append(jerk(made) / jerk(goal))
        means = [np.mean(rows, axis=0) for rows in found.values()]
        cells = [f"{cosine:.2f}, {way:.2f}" for cosine, way in means]
        print(f"| {name} | {' | '.join(cells)} | {np.mean(jerks):.2f} |", flush=True)


if __name__ == "__main__":
    main()
