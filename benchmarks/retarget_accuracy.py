"""How exactly motion goes onto the canonical skeleton and back, on every rig there is.

    python benchmarks/retarget_accuracy.py DATA [--frames 400]

Columns: the round trip with the rig's own pose for joints without a role, and with its
first frame's (then all that is known is what the canonical skeleton carries): error of the mapped
joint positions in percent of the body's height, mean and worst; and the angle between the rig's
bones and the canonical ones in degrees, mean and worst, where a bone is one joint long. DATA is the
folder with bandai/, unlabelled/ and wild/.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from kinestyle.formats.table import FORMATS, read_motion
from kinestyle.motion import rotation
from kinestyle.motion.canonical import CANONICAL
from kinestyle.motion.clip import Clip
from kinestyle.motion.rotation import Array
from kinestyle.retarget.changes import from_canonical
from kinestyle.retarget.correspondence import Correspondence, correspond, to_canonical


def rigs(data: Path) -> Iterator[Path]:
    """Clips of every rig: Bandai's, all of wild/, one of each HDM05 skeleton, all of CMU, some of
    the character rig's.
    """
    yield from sorted((data / "bandai").rglob("*walk_normal_00[12].bvh"))[:3]
    yield from (
        path for path in sorted((data / "wild").glob("*")) if path.suffix.lower() in FORMATS
    )
    actors = {
        path.name[:6]: path
        for path in sorted((data / "unlabelled" / "hdm05").glob("*.amc"), reverse=True)
    }
    yield from sorted(actors.values())
    yield from sorted((data / "unlabelled" / "cmu").glob("*.bvh"))
    yield from sorted((data / "unlabelled" / "cmu" / "iclone").glob("*.bvh"))[::12]


def bone_degrees(clip: Clip, c: Correspondence, canonical: Clip) -> Array:
    """(T, N) between the bones of the rig and of the canonical skeleton, where no joint of the rig
    lies within the bone.
    """
    found = []
    position = rotation.rotate(c.axes, clip.world_position)
    height = np.ptp(position[..., 1])
    for role, joint in c.mapping.joints.items():
        children = [
            child
            for child in CANONICAL.children[CANONICAL.index(role)]
            if CANONICAL.names[child] in c.mapping.joints
        ]
        if role in ("hips", "chest") or not children:
            continue
        child = c.mapping.joints[CANONICAL.names[children[0]]]
        bone = position[:, child] - position[:, joint]
        if (
            clip.skeleton.parents[child] != joint
            or np.linalg.norm(bone, axis=-1).mean() < 0.005 * height
        ):
            continue
        shown = rotation.rotate(
            canonical.world_rotation[:, CANONICAL.index(role)], CANONICAL.offsets[children[0]]
        )
        found.append(
            np.degrees(
                np.arctan2(
                    np.linalg.norm(np.cross(shown, bone), axis=-1), np.sum(shown * bone, axis=-1)
                )
            )
        )
    return np.stack(found, axis=1)


def percent_apart(clip: Clip, again: Clip, c: Correspondence) -> Array:
    """(T, N) of the mapped joints, of the body's height."""
    head = c.mapping.joints.get("head", c.mapping.joints["chest"])
    position = clip.world_position
    feet = 0.5 * (
        position[:, c.mapping.joints["left_foot"]] + position[:, c.mapping.joints["right_foot"]]
    )
    height = np.percentile(np.linalg.norm(position[:, head] - feet, axis=-1), 90) / 0.85
    return (
        100.0
        * np.linalg.norm(again.world_position[:, c.joints] - position[:, c.joints], axis=-1)
        / height
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path)
    parser.add_argument(
        "--frames", type=int, default=400, help="of each clip at most, spread over it"
    )
    options = parser.parse_args()
    print("| rig | joints | own pose, % | worst | first pose, % | worst | bones, degrees | worst |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    for path in rigs(options.data):
        whole = read_motion(path)
        c = correspond(whole)
        frames = np.unique(
            np.linspace(0, whole.frame_count - 1, options.frames).round().astype(int)
        )
        clip = whole.with_motion(whole.local_position[frames], whole.local_rotation[frames])
        canonical = to_canonical(clip, c)
        first = clip.with_motion(clip.local_position[:1], clip.local_rotation[:1])
        own, posed = (
            percent_apart(clip, from_canonical(canonical, c, pose), c) for pose in (clip, first)
        )
        degrees = bone_degrees(clip, c, canonical)
        figures = [own.mean(), own.max(), posed.mean(), posed.max(), degrees.mean(), degrees.max()]
        row = " | ".join(f"{figure:.3f}" for figure in figures)
        print(f"| {path.stem} | {clip.skeleton.joint_count} | {row} |", flush=True)


if __name__ == "__main__":
    main()
