"""Whether cycles stay cycles, and whether what goes in place stays there.

    python benchmarks/cycles.py [FILE ...] [--cases FOLDER] [--data FOLDER] [--styles old,proud]
                                [--root MODE] [--bundle BUNDLE]

The project's own walk, made into cycles at 24, 30, 60 and 120 frames a second, travelling and on a
treadmill; then files, each `PATH` or `PATH#ANIMATION`; with --cases the cycles among the real files
of others, with --data those of Bandai's set 1. For each clip and style, of input and
result:

- seam: largest distance of a joint between first and last pose, hips and heading aside (cm)
- bend: largest change of a joint's velocity over the seam, likewise (m/s)
- drift: how far the hips of a clip in place are from where they began (cm)
- stance: speed of the left and the right foot while it stands (m/s), and how far the one that is
  farther off differs from the mean of both (%)
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from kinestyle.formats.table import read_motion
from kinestyle.motion import rotation
from kinestyle.motion.clip import Clip
from kinestyle.retarget.correspondence import Correspondence, to_canonical
from kinestyle.retarget.legs import contact_positions
from kinestyle.runtime.analysis import Analysis
from kinestyle.runtime.cycles import Unrolled
from kinestyle.runtime.stylizer import Stylizer

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

CASES = (
    "zombie_walk.fbx",
    "Soldier_four_animations_nomesh.glb#Walk",
    "Soldier_four_animations_nomesh.glb#Run",
    "mixamo_two_takes_nomesh.fbx",
    "maya_kenney_character_7700_binary.fbx",
    "unitychan_walk_tpose_lead_in.bvh",
    "RobotExpressive.glb#Running",
)
REPEATED = ("byebye_normal", "call_normal", "respond_normal", "walk-back_normal", "walk_normal")


def seam_of(clip: Clip, c: Correspondence, period: int) -> tuple[float, float]:
    """Centimetres, and metres a second. period: how many frames later the clip begins again"""
    canonical = c.axes, clip.world_position[:, c.joints] * c.scale_to_canonical
    pose = rotation.rotate(*canonical)
    pose = pose - pose[:, [c.joints.tolist().index(c.mapping.joints["hips"])]]
    first, second, last, before = pose[0], pose[1], pose[-1], pose[-2]
    across = np.sum(first[:, 2] * last[:, 0] - first[:, 0] * last[:, 2])
    turn = np.arctan2(across, np.sum(first[:, [0, 2]] * last[:, [0, 2]]))
    first, second = (rotation.rotate(rotation.about_y(np.array(turn)), p) for p in (first, second))
    if period == clip.frame_count:  # the first pose comes one frame after the last
        first, second, before = 2.0 * first - second, first, last
    seam = np.linalg.norm(first - last, axis=-1).max()
    bend = np.linalg.norm((second - first) - (last - before), axis=-1).max()
    return float(100.0 * seam), float(bend / clip.frame_time_seconds)


def stance_of(
    clip: Clip, c: Correspondence, contact: np.ndarray
) -> tuple[float, float, float] | None:
    """Metres a second of the left and the right foot, and percent; None where one never stands."""
    position = contact_positions(clip, c, to_canonical(clip, c))[..., [0, 2]]
    velocity = np.diff(position, axis=0) / clip.frame_time_seconds
    stands = contact[1:] & contact[:-1]
    sides = []
    for side in (0, 1):
        some = [velocity[stands[:, k], k] for k in (2 * side, 2 * side + 1)]
        if not any(map(len, some)):
            return None
        sides.append(np.concatenate(some).mean(axis=0))
    mean = np.mean(sides, axis=0)
    speed = np.linalg.norm(mean)
    off = max(np.linalg.norm(side - mean) for side in sides) / max(speed, 1e-9)
    left, right = (float(np.linalg.norm(side)) for side in sides)
    return left, right, float(100.0 * off)


def drift_of(clip: Clip, c: Correspondence, last: int) -> float:
    """Centimetres."""
    hips = rotation.rotate(c.axes, clip.world_position[:, c.mapping.joints["hips"]])[:, [0, 2]]
    return float(100.0 * np.linalg.norm(hips[last] - hips[0]) * c.scale_to_canonical)


def figures(clip: Clip, analysis: Analysis[Clip], unrolled: Unrolled) -> list[str]:
    """Seam, bend, drift, stance of the frames behind a lead-in."""
    c, clip = analysis.correspondence, clip.window(analysis.seen.lead_in, clip.frame_count)
    cycle = unrolled.cycle
    seam, bend = ("", "")
    if cycle is not None:
        clip = clip.window(0, cycle.period + cycle.whole)
        seam, bend = (f"{x:.2f}" for x in seam_of(clip, c, cycle.period))
    in_place = cycle is None or cycle.is_in_place
    drift = f"{drift_of(clip, c, -1):.2f}" if in_place and (cycle is None or cycle.whole) else ""
    stance = ["", "", ""]
    if unrolled.belt is not None:
        contact = analysis.survey.contact[unrolled.frames][: clip.frame_count]
        found = stance_of(clip, c, contact)
        stance = (
            stance if found is None else [f"{found[0]:.2f}", f"{found[1]:.2f}", f"{found[2]:.1f}"]
        )
    return [seam, bend, drift, *stance]


def clips(options: argparse.Namespace) -> Iterator[tuple[str, Clip]]:
    from made_cycles import made_cycles

    if not options.files:
        for clip in made_cycles():
            yield clip.name, clip
    files = list(options.files)
    if options.cases:
        files += [str(options.cases / "characters" / name) for name in CASES]
    if options.data:
        folder = options.data / "bandai" / "Bandai-Namco-Research-Motiondataset-1" / "data"
        files += [str(p) for name in REPEATED for p in sorted(folder.glob(f"*_{name}_*.bvh"))]
    for file in files:
        path, _, animation = file.partition("#")
        if not Path(path).exists():
            print(f"SKIPPED: {path} is not there", file=sys.stderr)
            continue
        yield file.split("/")[-1], read_motion(path, animation=animation or None)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("files", nargs="*")
    parser.add_argument("--cases", type=Path)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--styles", help="names with commas between them; all without it")
    parser.add_argument("--root", default="planted")
    parser.add_argument("--bundle", type=Path)
    options = parser.parse_args()
    stylizer = Stylizer.load(options.bundle)
    styles = options.styles.split(",") if options.styles else [s.label for s in stylizer.styles]
    print("| clip | style | seam | bend | drift | left | right | off % |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    worst = np.zeros(3)
    for name, clip in clips(options):
        analysis = stylizer.analyse(clip)
        unrolled = analysis.seen.unrolled
        if unrolled is None:
            print(f"| {name} | neither a cycle nor in place | | | | | | |", flush=True)
            continue
        before = figures(clip, analysis, unrolled)
        print(f"| {name} | as it is | {' | '.join(before)} |", flush=True)
        for style in dict.fromkeys(styles):
            code = stylizer.style_of(style)
            after = figures(stylizer.apply(analysis, code, root=options.root), analysis, unrolled)
            print(f"| {name} | {style} | {' | '.join(after)} |", flush=True)
            seam, drift, off = (float(after[i] or 0.0) for i in (0, 2, 5))
            worst = np.maximum(worst, [seam - float(before[0] or 0.0), drift, off])
    more, drift, off = worst
    print(f"\nworst: seam {more:+.2f} cm, drift {drift:.2f} cm, stance {off:.1f} % off")


if __name__ == "__main__":
    main()
