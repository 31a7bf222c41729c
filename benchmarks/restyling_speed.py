"""How many frames a second are analysed and restyled on one core, and how long a whole `kinestyle
stylize` takes: beside another version of the code, if you like.

    python benchmarks/restyling_speed.py [--against SRC] [--set NAME=VALUE ...] [--seconds 5,26,60]

SRC is the `src` folder of another checkout; --set changes a setting of this one only, to ask for
the same work of both. Each tree has a process of its own, and they take turns, so that whatever
else the machine does is in both; of all repeats the shortest counts, for others were disturbed.
Ratios of CPU time are what to compare. Clips are the example forwards and backwards, 53 joints at
30 frames a second. Bytecode is kept for both trees, as an installation has it.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

SRC = Path(__file__).resolve().parents[1] / "src"
CLIP = SRC / "kinestyle" / "examples" / "walk.bvh"

WORKER = """
import json, sys, time
import numpy as np
from kinestyle import Stylizer, read_motion
stylizer, example, settings = Stylizer.load(), read_motion(sys.argv[1]), json.loads(sys.argv[2])
code = next(style.mean for style in stylizer.styles if style.label == "old")
of_clip = {name: settings[name] for name in settings if name == "cycle"}
forth = np.arange(example.frame_count)
for line in sys.stdin:
    seconds, out = json.loads(line)
    frames = np.resize(np.concatenate([forth, forth[::-1]]), round(seconds * example.frame_rate))
    clip = example.with_motion(example.local_position[frames], example.local_rotation[frames])
    clocks = [(time.process_time(), time.perf_counter())]
    analysis = stylizer.analyse(clip, **of_clip)
    clocks.append((time.process_time(), time.perf_counter()))
    result = stylizer.apply(analysis, code, **settings)
    clocks.append((time.process_time(), time.perf_counter()))
    if out:
        np.savez(out, position=result.local_position, rotation=result.local_rotation)
    print(json.dumps([len(frames), clocks]), flush=True)
"""


@dataclass
class Tree:
    """One version of the code, in a process that restyles what it is told to.

    cache: a folder for its bytecode
    """

    name: str
    src: Path
    settings: dict[str, str]
    cache: Path

    def __post_init__(self) -> None:
        self.env = {
            **{key: value for key, value in os.environ.items() if "DONTWRITE" not in key},
            "PYTHONPATH": str(self.src),
            "PYTHONPYCACHEPREFIX": str(self.cache),
            "OMP_NUM_THREADS": "1",
            "ORT_DISABLE_TELEMETRY": "1",
        }
        self._process = subprocess.Popen(
            [sys.executable, "-c", WORKER, str(CLIP), json.dumps(self.settings)],
            env=self.env,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def restyle(self, seconds: float, out: Path | None = None) -> tuple[int, np.ndarray]:
        """Frames, and (2, 2) seconds: of analyse and apply, CPU and wall."""
        pipe = self._process
        assert pipe.stdin is not None, "it was asked for"
        assert pipe.stdout is not None, "it was asked for"
        pipe.stdin.write(json.dumps([seconds, str(out) if out else ""]) + "\n")
        pipe.stdin.flush()
        answer = pipe.stdout.readline()
        if not answer:
            raise SystemExit(f"{self.src} cannot do it; see above")
        frames, clocks = json.loads(answer)
        return frames, np.diff(np.array(clocks), axis=0)

    def stylize(self, out: Path) -> np.ndarray:
        """(2,) seconds of a whole command, CPU and wall."""
        before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
        options = [word for name, value in self.settings.items() for word in (f"--{name}", value)]
        command = ["stylize", str(CLIP), "--style", "old", *options, "-o", str(out)]
        subprocess.run(
            [sys.executable, "-c", "from kinestyle.cli import main; main()", *command],
            check=True,
            capture_output=True,
            env=self.env,
        )
        wall, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
        cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        return np.array([cpu, wall])

    def close(self) -> None:
        if self._process.stdin is not None:
            self._process.stdin.close()
        self._process.wait()


def by_turns(trees: list[Tree], repeats: int, run: Any) -> list[np.ndarray]:
    """The shortest times of each tree; the first turn is for caches and does not count."""
    times: list[list[np.ndarray]] = [[] for _ in trees]
    for turn in range(repeats + 1):
        for tree, found in zip(trees, times, strict=True):
            taken = run(tree)
            if turn:
                found.append(taken)
    return [np.min(found, axis=0) for found in times]


def apart(results: list[Path]) -> str:
    """How far two results are from each other, in words."""
    one, other = (np.load(path) for path in results)
    cosine = np.abs(np.sum(one["rotation"] * other["rotation"], axis=-1))
    sine = np.sqrt(np.maximum(1.0 - cosine**2, 0.0))
    radians = 2.0 * np.arctan2(sine, cosine).max()
    position = np.abs(one["position"] - other["position"]).max()
    return f"results differ by at most {radians:.1g} radians, {position:.1g} file units"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--against", type=Path, metavar="SRC")
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE")
    parser.add_argument("--seconds", default="5,26,60")
    parser.add_argument("--repeats", type=int, default=9)
    options = parser.parse_args()
    settings = dict(one.split("=", 1) for one in options.set)
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        trees = [Tree("this", SRC, settings, folder / "this")]
        if options.against:
            trees.append(Tree("that", options.against.resolve(), {}, folder / "that"))
        print(f"{'':<24}{'analyse':>12}{'apply':>12}{'both':>12}{'CPU':>14}{'wall':>14}")
        for seconds in map(float, options.seconds.split(",")):
            report(trees, seconds, options.repeats, folder)
        times = by_turns(trees, options.repeats, lambda tree: tree.stylize(folder / "out.bvh"))
        for tree, (cpu, wall) in zip(trees, times, strict=True):
            print(f"kinestyle stylize, {tree.name:<5}{cpu:>36.3f} s{wall:>26.3f} s")
        if len(trees) == 2:
            print(f"this / that, CPU: {times[0][0] / times[1][0]:.2f} of the time")
        for tree in trees:
            tree.close()


def report(trees: list[Tree], seconds: float, repeats: int, folder: Path) -> None:
    """Print what restyling so many seconds takes."""
    results = [folder / f"{tree.name}.npz" for tree in trees]
    counts = [tree.restyle(seconds, out)[0] for tree, out in zip(trees, results, strict=True)]
    times = by_turns(trees, repeats, lambda tree: tree.restyle(seconds)[1])
    for tree, frames, taken in zip(trees, counts, times, strict=True):
        milliseconds = 1000.0 * np.append(taken[:, 0], taken[:, 0].sum())
        spent = "".join(f"{value:>9.1f} ms" for value in milliseconds)
        rates = "".join(f"{frames / value:>9,.0f} fr/s" for value in taken.sum(axis=0))
        print(f"{seconds:>3g} s, {frames} frames, {tree.name}  {spent}{rates}")
    if len(trees) == 2:
        ratio = times[0][:, 0].sum() / times[1][:, 0].sum()
        print(f"      this / that, CPU: {ratio:.2f} of the time; {apart(results)}")


if __name__ == "__main__":
    main()
