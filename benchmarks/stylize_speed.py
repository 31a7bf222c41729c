"""How long `kinestyle stylize` takes, from process start to file on disk, beside what it cannot be
faster than.

    python benchmarks/stylize_speed.py [--bundle FILE] [--repeats 7]

Times are medians over interleaved repeats, wall and CPU seconds; ratios are what to compare between
machines. The split by stage is measured inside one process, in which nothing had been loaded
before.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

CLIP = Path(__file__).resolve().parents[1] / "src" / "kinestyle" / "examples" / "walk.bvh"

STAGES = """
import sys, time
began = time.perf_counter()
def lap(name):
    global began
    now = time.perf_counter()
    print(f"{name}\\t{now - began}")
    began = now
import numpy
lap("import numpy")
from kinestyle.formats.table import read_motion, write_motion
from kinestyle.retarget.correspondence import correspond, to_canonical
lap("import kinestyle.motion")
clip = read_motion(sys.argv[1])
lap("read")
import onnxruntime
lap("import onnxruntime")
from kinestyle import Stylizer
stylizer = Stylizer.load(sys.argv[3] or None)
lap("open bundle")
code = stylizer.style_of("old")
from kinestyle.bundle import GRAPHS
for name in GRAPHS:
    stylizer.graphs.session(name)
lap("load graphs")
correspondence = correspond(clip)
to_canonical(clip, correspondence)
lap("map and retarget")
analysis = stylizer.analyse(clip, correspondence)
lap("analyse")
result = stylizer.apply(analysis, code)
lap("restyle, plant feet")
write_motion(result, sys.argv[2])
lap("write")
from statistics import median
clocks = (("another style or strength", time.perf_counter), ("the same, CPU", time.process_time))
slid = [[], []]
for i in range(21):
    began = [clock() for _, clock in clocks]
    stylizer.apply(analysis, code, strength=0.5 + i / 20)
    for times, (_, clock), start in zip(slid, clocks, began):
        times.append(clock() - start)
for times, (name, _) in zip(slid, clocks):
    print(f"{name}\t{median(times)}")
"""


def run(*arguments: str) -> tuple[float, float]:
    """Wall and CPU seconds of one process."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    began = time.perf_counter()
    subprocess.run(
        [sys.executable, *arguments],
        check=True,
        capture_output=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    wall = time.perf_counter() - began
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--bundle", default="", help="a .kinestyle file instead of the one that ships"
    )
    parser.add_argument("--repeats", type=int, default=7)
    options = parser.parse_args()
    # as `import kinestyle` does for every command of ours
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"
    with tempfile.TemporaryDirectory() as folder:
        out = str(Path(folder) / "out.bvh")
        stylize = [
            "-c",
            "from kinestyle.cli import main; main()",
            "stylize",
            str(CLIP),
            "--style",
            "old",
            "-o",
            out,
        ]
        commands = {
            "import onnxruntime, numpy": ["-c", "import onnxruntime, numpy"],
            "kinestyle stylize": [
                *stylize,
                *(["--bundle", options.bundle] if options.bundle else []),
            ],
        }
        if (
            subprocess.run([sys.executable, "-c", "import torch"], capture_output=True).returncode
            == 0
        ):
            commands["import torch"] = ["-c", "import torch"]
        times: dict[str, list[tuple[float, float]]] = {name: [] for name in commands}
        for _ in range(options.repeats):
            for name, arguments in commands.items():
                times[name].append(run(*arguments))
        wall = {name: statistics.median(t[0] for t in rows) for name, rows in times.items()}
        cpu = {name: statistics.median(t[1] for t in rows) for name, rows in times.items()}
        for name in commands:
            print(f"{name:<28}{wall[name]:7.3f} s wall{cpu[name]:8.3f} s CPU")
        ours, base = wall["kinestyle stylize"], wall["import onnxruntime, numpy"]
        print(
            f"\nstylize / (1.5 x import onnxruntime, numpy + 1 s): "
            f"{ours / (1.5 * base + 1.0):.2f}, to be at most 1"
        )
        if "import torch" in wall:
            print(
                f"stylize / (import torch + 1 s):                    "
                f"{ours / (wall['import torch'] + 1.0):.2f}, to be below 1"
            )
        print(f"\nby stage, one process, {CLIP.name}:")
        split = subprocess.run(
            [sys.executable, "-c", STAGES, str(CLIP), out, options.bundle],
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        for line in split.splitlines():
            stage, seconds = line.split("\t")
            print(f"  {stage:<26}{1000 * float(seconds):7.0f} ms")
        print(
            "another style or strength, a slider's step once the clip is analysed, is to be at "
            "most 50 ms"
        )


if __name__ == "__main__":
    main()
