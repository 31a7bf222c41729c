"""How evenly hands and feet follow the strength, on actions that no bundle has labels for.

    python benchmarks/strength_steps.py --data DATA [--clips 24] [--style angry --style exhausted]

Each clip is restyled in strengths from 0 to 1 by tenths. A limb that is carried along up to some
strength and dropped beyond it makes the slider jump. Printed are how far the end of a limb, seen
from the hips, goes from one strength to the next, and how far it is back at 1 from the farthest
that it has been.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from kinestyle import Stylizer, read_motion
from kinestyle.evaluate.unknown_actions import LONGEST_SECONDS, unknown_clips
from kinestyle.motion.canonical import HIPS
from kinestyle.motion.rotation import length
from kinestyle.retarget.correspondence import to_canonical
from kinestyle.runtime.hinges import END

STRENGTHS = np.linspace(0.0, 1.0, 11)
FAR_M, BACK_M = 0.08, 0.05


def ends(stylizer: Stylizer, path: Path, style: str) -> np.ndarray:
    """(S, T, L, 3) metres, where the ends of the limbs are from the hips, in each strength."""
    clip = read_motion(path)
    clip = clip[: round(LONGEST_SECONDS / clip.frame_time_seconds)]
    analysis = stylizer.analyse(clip)
    code = stylizer.style_of(style, 0)
    found = []
    for strength in STRENGTHS:
        result = stylizer.apply(analysis, code, strength=float(strength))
        position = to_canonical(result, analysis.correspondence).world_position
        found.append(position[:, END] - position[:, [HIPS]])
    return np.stack(found)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--clips", type=int, default=24)
    parser.add_argument("--style", action="append")
    options = parser.parse_args()
    stylizer = Stylizer.load()
    steps, backs, worst = [], [], (0.0, "")
    for clip in unknown_clips(options.data, options.clips, seed=7):
        for style in options.style or ["angry", "exhausted"]:
            position = ends(stylizer, clip.path, style)
            step = length(np.diff(position, axis=0))
            away = length(position - position[:1])
            steps.append(step)
            backs.append(away.max(axis=0) - away[-1])
            worst = max(worst, (float(step.max()), f"{clip.content} in {style}"))
    most = np.array([step.max() for step in steps])
    print(f"{len(steps)} results, limbs' ends from one tenth of strength to the next:")
    print(f"  farthest {100 * most.mean():.1f} cm in the mean of results, {100 * worst[0]:.1f} cm")
    print(f"  in {worst[1]}")
    far = np.concatenate([(step.max(axis=0) > FAR_M).ravel() for step in steps]).mean()
    print(f"  {100 * far:.2f} % of limbs' frames have a step above {100 * FAR_M:.0f} cm")
    back = np.concatenate([back.ravel() for back in backs])
    print(f"  {100 * (back > BACK_M).mean():.2f} % are back by {100 * BACK_M:.0f} cm at strength 1")


if __name__ == "__main__":
    main()
