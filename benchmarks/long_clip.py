"""What a long clip costs: CPU, wall and peak memory of `kinestyle stylize`, each time in a process
of its own.

    python benchmarks/long_clip.py [--minutes 1,10,60] [--formats bvh,glb,fbx,npz] [--joints 53]
        [--bundle FILE]

The motion is made, at 30 frames a second: the walk and the wave of the examples in a changing order
and pace, with rests, on a winding path. Their rig has 53 joints; fewer leave out fingers, more hang
behind the head; an .npz holds poses of SMPL's 52 joints. One thread; memory is what was resident at
most, libraries included, of the process or of the largest that it starts. Linux or macOS.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np

from kinestyle.bundle import Bundle
from kinestyle.evaluate import provenance
from kinestyle.formats.arrays.body_poses import rest_skeleton
from kinestyle.formats.table import write_motion
from kinestyle.motion import rotation
from kinestyle.motion.clip import METRES_Y_UP, Clip
from kinestyle.motion.skeleton import Skeleton
from kinestyle.motion.window import cut
from kinestyle.retarget.transfer import transfer
from kinestyle.rig.mapping import map_joints

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

POSED_AT_ONCE = 3600
"""Frames."""
MAXRSS_BYTES = 1 if sys.platform == "darwin" else 1024


class Cost(NamedTuple):
    cpu_seconds: float
    wall_seconds: float
    peak_mb: float


def make(path: Path, minutes: float, joints: int) -> None:
    from long_motion import long_clip

    clip = with_joints(long_clip(60.0 * minutes), joints)
    if path.suffix == ".npz":
        write_poses(clip, path)
    else:
        write_motion(clip, path)


def write_poses(clip: Clip, path: Path) -> None:
    """The motion as AMASS stores it: 52 rotations a frame, and where the pelvis is."""
    skeleton = rest_skeleton()
    still = np.tile(rotation.IDENTITY, (1, skeleton.joint_count, 1))
    upright = skeleton.offsets[None] + np.array([0.0, 0.95, 0.0]) * (skeleton.parents < 0)[:, None]
    body = Clip(skeleton, upright, still, clip.frame_time_seconds, world=METRES_Y_UP)
    poses, path_m = [], []
    for window in cut(clip.frame_count, POSED_AT_ONCE, 0):
        part = transfer(clip.window(window.start, window.stop), body)
        poses.append(rotation.log(part.local_rotation).reshape(part.frame_count, -1))
        path_m.append(part.local_position[:, 0])
    of_body = np.concatenate(poses)
    fingers = np.zeros((len(of_body), 3 * (52 - skeleton.joint_count)))
    np.savez(
        path,
        poses=np.concatenate([of_body, fingers], axis=1),
        trans=np.concatenate(path_m),
        mocap_framerate=clip.frame_rate,
        betas=np.zeros(16),
    )


def with_joints(clip: Clip, count: int) -> Clip:
    """The clip on a rig of `count` joints."""
    rig = clip.skeleton
    if count < rig.joint_count:
        return without_fingers(clip, rig.joint_count - count)
    more = count - rig.joint_count
    if not more:
        return clip
    head = rig.index("Head")
    chain = [head, *range(rig.joint_count, count - 1)]
    skeleton = Skeleton(
        (*rig.names, *(f"Tail{i + 1}" for i in range(more))),
        np.concatenate([rig.parents, chain]),
        np.concatenate([rig.offsets, np.tile([0.0, -0.5, -0.5], (more, 1))]),
        rig.end_parents,
        rig.end_offsets,
    )
    position = np.broadcast_to(skeleton.offsets[-more:], (clip.frame_count, more, 3))
    return replace(
        clip,
        skeleton=skeleton,
        local_position=np.concatenate([clip.local_position, position], axis=1),
        local_rotation=np.concatenate(
            [clip.local_rotation, np.repeat(clip.local_rotation[:, [head]], more, axis=1)], axis=1
        ),
        source=None,
    )


def without_fingers(clip: Clip, count: int) -> Clip:
    """The clip without so many of the joints that have no role, the last ones first."""
    body = clip.skeleton.leading_to(map_joints(clip.window(0, 300)).joints.values())
    if count > np.count_nonzero(~body):
        raise SystemExit(f"the body alone has {np.count_nonzero(body)} joints; ask for no fewer")
    kept = np.delete(np.arange(len(body)), np.flatnonzero(~body)[-count:])
    return clip.window(0, clip.frame_count, kept.tolist())


def stylize(clip: Path, out: Path, style: str, bundle: Path) -> Cost:
    """Restyle a file in a new process."""
    command = [sys.executable, "-m", "kinestyle", "stylize", str(clip), "--style", style]
    began = time.perf_counter()
    process = subprocess.Popen(
        [*command, "--bundle", str(bundle), "-o", str(out)],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        stdout=subprocess.DEVNULL,
    )
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit("kinestyle stylize failed, see above")
    return Cost(
        used.ru_utime + used.ru_stime,
        time.perf_counter() - began,
        used.ru_maxrss * MAXRSS_BYTES / 1e6,
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--minutes", default="1,10,60", help="of each clip")
    parser.add_argument("--formats", default="bvh", help="of the clips and their results")
    parser.add_argument("--joints", type=int, default=53)
    parser.add_argument("--style", default="old")
    parser.add_argument("--bundle", type=Path)
    options = parser.parse_args()
    bundle = Bundle.open(options.bundle)
    print(
        f"kinestyle stylize --style {options.style}, {options.joints} joints at 30 frames/s, "
        f"one thread\nbundle {bundle.path.name} ({bundle.sha256[:12]}), "
        f"commit {provenance.commit()}, {provenance.machine()}\n"
    )
    print(
        f"{'format':>7}{'minutes':>8}{'file MB':>9}{'CPU s':>8}{'wall s':>8}"
        f"{'CPU s a minute':>16}{'peak MB':>9}"
    )
    # a process that forks from one with much memory counts that as its own
    spawn = multiprocessing.get_context("spawn")
    for suffix in options.formats.split(","):
        for minutes in map(float, options.minutes.split(",")):
            with tempfile.TemporaryDirectory() as folder:
                clip, out = (Path(folder) / f"{name}.{suffix}" for name in ("long", "out"))
                maker = spawn.Process(target=make, args=(clip, minutes, options.joints))
                maker.start()
                maker.join()
                if maker.exitcode:
                    raise SystemExit(f"no clip of {minutes:g} minutes could be made, see above")
                cost = stylize(clip, out, options.style, bundle.path)
                megabytes = clip.stat().st_size / 1e6
            print(
                f"{suffix:>7}{minutes:8g}{megabytes:9.1f}{cost.cpu_seconds:8.1f}"
                f"{cost.wall_seconds:8.1f}{cost.cpu_seconds / minutes:16.2f}{cost.peak_mb:9.0f}",
                flush=True,
            )


if __name__ == "__main__":
    main()
