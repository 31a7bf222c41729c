"""What the networks of two bundles cost, in one run: parameters, and time on one thread for
everything that one restyling calls.

    python benchmarks/network_time.py A.kinestyle [B.kinestyle] [--repeats 31]

Each bundle may also be the name of one that ships. The calls are those that `Stylizer.analyse` and
`apply` really make: they are recorded once, then replayed by turns, A and B and A and B, so that
whatever else the machine does is in both. Times are the thread's CPU seconds, medians over the
repeats; ratios are what to compare between machines. Counting parameters needs the `train` extra.
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
from pathlib import Path
from typing import Any

os.environ["OMP_NUM_THREADS"] = (
    "1"  # before anything is loaded that asks how many threads there may be
)

import numpy as np
import onnx

from kinestyle.bundle import GRAPHS, Bundle
from kinestyle.formats.table import read_motion
from kinestyle.motion.clip import Clip
from kinestyle.runtime.graphs import Graphs
from kinestyle.runtime.stylizer import Stylizer

CLIP = Path(__file__).resolve().parents[1] / "src" / "kinestyle" / "examples" / "walk.bvh"
SECONDS = (5, 60)

Call = tuple[str, dict[str, np.ndarray]]


class Recorder(Graphs):
    """Remembers every call."""

    def __init__(self, bundle: Bundle):
        super().__init__(bundle)
        self.calls: list[Call] = []

    def _run(self, name: str, **inputs: np.ndarray) -> list[np.ndarray]:
        self.calls.append((name, inputs))
        return super()._run(name, **inputs)

    def replay(self, calls: list[Call]) -> dict[str, float]:
        """CPU seconds spent in each graph."""
        spent = dict.fromkeys(GRAPHS, 0.0)
        for name, inputs in calls:
            began = time.thread_time()
            super()._run(name, **inputs)
            spent[name] += time.thread_time() - began
        return spent


def there_and_back(clip: Clip, seconds: float) -> Clip:
    """The clip forwards and backwards until it is long enough."""
    frames = round(seconds * clip.frame_rate)
    forth = np.concatenate([np.arange(clip.frame_count), np.arange(clip.frame_count)[::-1]])
    order = np.resize(forth, frames)
    return clip.with_motion(clip.local_position[order], clip.local_rotation[order])


def recorded(bundle: Bundle, clip: Clip) -> tuple[Recorder, list[Call]]:
    """A restyling of the clip, to a style that is nowhere: the time does not depend on it."""
    stylizer, recorder = Stylizer(bundle), Recorder(bundle)
    stylizer.graphs = recorder
    analysis = stylizer.analyse(clip)
    stylizer.apply(analysis, np.zeros_like(analysis.style.mean))
    return recorder, recorder.calls.copy()


def parameters(graph: bytes) -> int:
    """Numbers in the graph's weights."""
    real = (onnx.TensorProto.FLOAT, onnx.TensorProto.FLOAT16)
    model = onnx.load_from_string(graph)
    return sum(int(np.prod(t.dims)) for t in model.graph.initializer if t.data_type in real)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "bundles",
        nargs="+",
        metavar="BUNDLE",
        help="one or two .kinestyle files, or names of what ships",
    )
    parser.add_argument("--repeats", type=int, default=31)
    options = parser.parse_args()
    bundles = [Bundle.open(name) for name in options.bundles]
    clip = read_motion(CLIP)
    medians: dict[int, list[dict[str, float]]] = {}
    counts: list[dict[str, int]] = []
    for seconds in SECONDS:
        made = [recorded(bundle, there_and_back(clip, seconds)) for bundle in bundles]
        counts = [
            {name: sum(call[0] == name for call in calls) for name in GRAPHS} for _, calls in made
        ]
        runs: list[list[dict[str, float]]] = [[] for _ in bundles]
        for _ in range(options.repeats):
            for times, (recorder, calls) in zip(runs, made, strict=True):
                times.append(recorder.replay(calls))
        medians[seconds] = [
            {name: statistics.median(t[name] for t in times) for name in GRAPHS}
            | {"total": statistics.median(sum(t.values()) for t in times)}
            for times in runs
        ]
    sizes = [{name: parameters(bundle.graph(name)) for name in GRAPHS} for bundle in bundles]
    totals = [sum(size.values()) for size in sizes]
    for i, bundle in enumerate(bundles):
        print(f"{bundle.path.name}  sha256 {bundle.sha256[:16]}")
        print(
            f"  {'graph':<16}{'calls':>6}{'parameters':>12}"
            + "".join(f"{f'{s} s of motion':>18}" for s in SECONDS)
        )
        rows: list[tuple[str, Any, int]] = [
            (name, counts[i][name], sizes[i][name]) for name in GRAPHS
        ]
        for name, calls, size in [*rows, ("total", sum(counts[i].values()), totals[i])]:
            print(
                f"  {name:<16}{calls:>6}{size:>12,}"
                + "".join(f"{1000 * medians[s][i][name]:>15.2f} ms" for s in SECONDS)
            )
        print()
    if len(bundles) == 2:
        print(
            f"{bundles[0].path.name} / {bundles[1].path.name}: {totals[0] / totals[1]:.3f} of the "
            f"parameters",
            end="",
        )
        for seconds in SECONDS:
            ratio = medians[seconds][0]["total"] / medians[seconds][1]["total"]
            print(f", {ratio:.3f} of the network time for {seconds} s of motion", end="")
        print(f"\nmedians of {options.repeats} interleaved repeats, one thread")


if __name__ == "__main__":
    main()
