"""Whether Blender reads the motion files that Kinestyle writes as Kinestyle means them.
`scripts/blender_check` runs it.

    blender_oracle.py INTERPRETER CLIP ...

INTERPRETER is one that has bpy. Each clip is read, written as BVH, GLB and FBX, and imported by
Blender, a process for each file. Checked are: there is one armature and one action; the bones have
the joints' names; the frame rate and the number of frames are those of the clip; each joint is on
each frame where the library has it, within TOLERANCE_M. Blender is Z up: what is (x, y, z) in a
file that is Y up has to be at (x, -z, y). Prints a line for each file, and exits with 1 if one of
them is wrong.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from kinestyle.errors import KinestyleError
from kinestyle.formats.table import read_motion, write_motion
from kinestyle.motion.clip import Clip
from kinestyle.motion.rotation import Array
from kinestyle.rig.world_frame import bring_into_world, find_world

TOLERANCE_M = 1e-4
RATE_TOLERANCE = 1e-3
SUFFIXES = (".bvh", ".glb", ".fbx")
IMPORTER = Path(__file__).with_name("blender_import.py")


@dataclass(frozen=True)
class Verdict:
    """What was found in one file: the largest distance of any joint on any frame in metres, and
    what is wrong in words.
    """

    distance_m: float
    wrong: tuple[str, ...]


def expected_positions(clip: Clip, suffix: str) -> tuple[Array, float]:
    """(T, J, 3) where Blender has to have the joints, in its units, and how many metres one of them
    is.
    """
    if suffix == ".bvh":
        position, metres = clip.world_position, find_world(clip).metres_per_unit
    else:
        position, metres = bring_into_world(clip)[0].world_position, 1.0
    return np.stack([position[..., 0], -position[..., 2], position[..., 1]], axis=-1), metres


def examine(clip: Clip, suffix: str, found: dict[str, np.ndarray]) -> Verdict:
    """found: what `blender_import.py` wrote."""
    position, metres = expected_positions(clip, suffix)
    names, bones = list(clip.skeleton.names), found["bones"].tolist()
    armatures = [item for item in found["objects"].tolist() if item.startswith("ARMATURE")]
    wrong = []
    if len(armatures) != 1:
        wrong.append(f"{len(armatures)} armatures among {found['objects'].tolist()[:6]}")
    if len(found["actions"]) != 1:
        wrong.append(f"{len(found['actions'])} actions")
    if abs(found["rate"] * clip.frame_time_seconds - 1.0) > RATE_TOLERANCE:
        wrong.append(f"{found['rate']:.4f} frames a second instead of {clip.frame_rate:.4f}")
    length = float(np.ptp(found["range"])) + 1.0
    if abs(length - clip.frame_count) > 0.01:
        wrong.append(f"{length:g} frames instead of {clip.frame_count}")
    if missing := [name for name in names if name not in bones]:
        wrong.append(f"no bones for {len(missing)} of {len(names)} joints, such as {missing[0]!r}")
    frames = min(len(found["heads"]), clip.frame_count)
    kept = [i for i, name in enumerate(names) if name in bones]
    if not frames or not kept:
        return Verdict(float("inf"), tuple(wrong))
    heads = found["heads"][:frames, [bones.index(names[i]) for i in kept]]
    distance = metres * np.linalg.norm(heads - position[:frames, kept], axis=-1)
    frame, joint = np.unravel_index(int(np.argmax(distance)), distance.shape)
    if not distance.max() <= TOLERANCE_M:
        wrong.append(f"{names[kept[joint]]!r} is {distance.max():.3g} m off on frame {frame + 1}")
    return Verdict(float(distance.max()), tuple(wrong))


def main() -> None:
    interpreter, paths = sys.argv[1], sys.argv[2:]
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        for path in paths:
            clip = read_motion(path)
            for suffix in SUFFIXES:
                file, out = Path(folder) / f"{clip.name}{suffix}", Path(folder) / "found.npz"
                out.unlink(missing_ok=True)
                label = (
                    f"{Path(path).name:<28} {suffix[1:]}  {clip.frame_count} frames x "
                    f"{clip.skeleton.joint_count} joints"
                )
                try:
                    write_motion(clip, file)
                except KinestyleError as error:
                    print(f"{label}: not written: {error}")
                    continue
                command = [interpreter, str(IMPORTER), str(out), repr(clip.frame_rate), str(file)]
                run = subprocess.run(command, capture_output=True, text=True)
                if not out.exists():
                    failed += 1
                    print(
                        f"{label}: WRONG: Blender does not import it: "
                        f"{(run.stderr or run.stdout).strip()[-600:]}"
                    )
                    continue
                with np.load(out) as found:
                    verdict = examine(clip, suffix, dict(found))
                failed += bool(verdict.wrong)
                said = f"WRONG: {'; '.join(verdict.wrong)}" if verdict.wrong else "the same"
                print(f"{label}: {said}, at most {verdict.distance_m:.1e} m apart", flush=True)
    print(f"{failed} files are wrong" if failed else "Blender agrees")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
