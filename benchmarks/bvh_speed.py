"""How long a BVH file of 5,000 frames and 132 channels takes to read and to write, beside pybvh
0.9.0, in one run.

    python benchmarks/bvh_speed.py [--repeats 15]

Both libraries get the same file, made here: a random walk of 43 joints with six decimals, of the
plain kind that pybvh takes. They take turns, so that whatever else the machine does hits both, and
neither collects the other's garbage.
Printed are the median and the best of the repeats, wall and CPU, in milliseconds, and how many
times as long pybvh takes.

"read" is from a file to a clip, quaternions included, which pybvh does not compute; "parse" is the
same without them. "write" is a clip as it was read; "write, all turned" has every joint of every
frame changed, so that all angles are computed again.
"""

from __future__ import annotations

import argparse
import gc
import statistics
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np

from kinestyle.formats.bvh import parse_bvh, parser, read_bvh, write_bvh
from kinestyle.motion import rotation

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import pybvh

FRAMES, JOINTS = 5000, 43


def made_file(path: Path) -> None:
    """A file with a plain chain of joints and a random walk in each channel."""
    lines = ["HIERARCHY", "ROOT j0", "{", "OFFSET 0.0 0.0 0.0"]
    lines.append("CHANNELS 6 Xposition Yposition Zposition Zrotation Xrotation Yrotation")
    for j in range(1, JOINTS):
        lines += [
            f"JOINT j{j}",
            "{",
            "OFFSET 0.0 10.0 0.0",
            "CHANNELS 3 Zrotation Xrotation Yrotation",
        ]
    lines += [
        "End Site",
        "{",
        "OFFSET 0.0 1.0 0.0",
        "}",
        *["}"] * JOINTS,
        "MOTION",
        f"Frames: {FRAMES}",
        "Frame Time: 0.033333",
    ]
    walk = np.cumsum(
        np.random.default_rng(0).normal(scale=1.5, size=(FRAMES, 3 + 3 * JOINTS)), axis=0
    )
    lines += [" ".join(f"{value:.6f}" for value in row) for row in walk]
    path.write_text("\n".join(lines) + "\n", encoding="ascii")


def measure(
    calls: dict[str, Callable[[], object]], repeats: int
) -> dict[str, list[tuple[float, float]]]:
    """Wall and CPU milliseconds of each repeat of each call."""
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in calls}
    for turn in range(repeats + 1):
        for name, call in calls.items():
            gc.collect()
            wall, cpu = time.perf_counter(), time.process_time()
            call()
            spent = 1000.0 * (time.perf_counter() - wall), 1000.0 * (time.process_time() - cpu)
            if turn:  # the first turn warms up
                times[name].append(spent)
    return times


def main() -> None:
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("--repeats", type=int, default=15)
    repeats = options.parse_args().repeats
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        source, out = Path(folder) / "made.bvh", Path(folder) / "out.bvh"
        made_file(source)
        clip, theirs = read_bvh(source), pybvh.read_bvh_file(str(source))
        np.testing.assert_allclose(
            np.radians(clip.source.values[:, 3:]).reshape(FRAMES, JOINTS, 3), theirs.joint_angles
        )
        tilt = rotation.exp(np.array([0.1, 0.2, 0.3]))
        turned = clip.with_motion(clip.local_position, rotation.multiply(clip.local_rotation, tilt))

        def parse_only() -> None:
            decode = parser.decode
            parser.decode = lambda *_: (clip.local_position, clip.local_rotation)
            try:
                parse_bvh(source.read_bytes(), source.name)
            finally:
                parser.decode = decode

        times = measure(
            {
                "read, pybvh": lambda: pybvh.read_bvh_file(str(source)),
                "read": lambda: read_bvh(source),
                "parse": parse_only,
                "write, pybvh": lambda: pybvh.write_bvh_file(theirs, str(out)),
                "write": lambda: write_bvh(clip, out),
                "write, all turned": lambda: write_bvh(turned, out),
            },
            repeats,
        )
        megabytes = source.stat().st_size / 1e6
    print(
        f"{FRAMES} frames x {3 + 3 * JOINTS} channels, {megabytes:.1f} MB, {repeats} repeats, "
        f"milliseconds"
    )
    print(
        f"{'':<20}{'wall':>8}{'best':>8}{'CPU':>8}{'best':>8}   pybvh / ours by wall, CPU, best "
        f"wall, best CPU"
    )
    for name, spent in times.items():
        columns = list(zip(*spent, strict=True))
        wall, cpu = columns
        row = [statistics.median(wall), min(wall), statistics.median(cpu), min(cpu)]
        line = f"{name:<20}" + "".join(f"{value:8.1f}" for value in row)
        if not name.endswith("pybvh"):
            base_wall, base_cpu = zip(
                *times["read, pybvh" if name in ("read", "parse") else "write, pybvh"], strict=True
            )
            base = [
                statistics.median(base_wall),
                statistics.median(base_cpu),
                min(base_wall),
                min(base_cpu),
            ]
            ours = [row[0], row[2], row[1], row[3]]
            line += "   " + ", ".join(f"{b / o:.2f}" for b, o in zip(base, ours, strict=True))
        print(line)


if __name__ == "__main__":
    main()
