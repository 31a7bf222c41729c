"""How fast training is, in one run: this project's step against the same networks trained as the
paper's released code trains.

    python benchmarks/training_speed.py CORPUS [--preset paper] [--seconds 20]

CORPUS is the folder `corpus` of a training run. Up to four rows for the stylizer stage of a preset,
each in a process of its own:

- **this project**: one thread, crops cut from one array, matrix products (in half precision where
the processor has it);
- **two processes**: the same under torchrun, the batch shared;
- **as the paper's code**: float32, torch's own convolutions and default threads, a `Dataset` that
  cuts, mirrors and stacks one sample at a time in Python, a `DataLoader` without workers, and Adam.
  The losses are the same;
- **one GPU**: this project's step on a CUDA device, and its validation; left out, with a line that
  says so, where torch finds none.

Weights are not trained, which costs no step less. Samples a second are the median of three
stretches; CPU seconds include all threads. The share of the machine's peak is what the matrix
products of a step count (`torch.utils.flop_counter`), a second, against the best product of the
machine, measured in the same process.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

METHODS = ("this project", "two processes", "as the paper's code", "one GPU")


def stage_of(preset: str, folder: Path) -> Any:
    from kinestyle.learn.data.corpus import Corpus
    from kinestyle.learn.presets import RECIPES
    from kinestyle.learn.stages.autoencoder import AutoencoderStage
    from kinestyle.learn.stages.classifiers import ClassifierStage
    from kinestyle.learn.stages.paper import PaperConfig, PaperStage
    from kinestyle.learn.stages.stylizer import StylizerStage

    corpus, recipe = Corpus.load(folder), RECIPES[preset]
    autoencoder = AutoencoderStage(corpus, recipe.sizes, recipe.autoencoder).network
    if isinstance(recipe.stylizer, PaperConfig):
        return PaperStage(corpus, recipe.sizes, recipe.stylizer, autoencoder)
    auxiliary = [ClassifierStage(corpus, config).network for config in recipe.auxiliary]
    return StylizerStage(corpus, recipe.sizes, recipe.stylizer, autoencoder, auxiliary)


def peak(seconds: float = 1.0) -> float:
    """Floating-point operations a second of the best product on one thread, whichever precision
    that is.
    """
    import torch

    best = 0.0
    for dtype in (torch.float32, torch.bfloat16):
        a, b = torch.ones(1024, 1024, dtype=dtype), torch.ones(1024, 1024, dtype=dtype)
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            began = time.thread_time()
            a @ b
            best = max(best, 2.0 * 1024**3 / (time.thread_time() - began))
    return best


def ours(preset: str, folder: Path, seconds: float, device: str | None = "cpu") -> dict[str, float]:
    """One process, or as many as torchrun started."""
    import torch

    from kinestyle.learn.loop.process_group import process_group
    from kinestyle.learn.loop.training import Training

    torch.set_num_threads(1)
    with process_group(device) as group, tempfile.TemporaryDirectory() as run:
        stage = stage_of(preset, folder)
        training = Training(
            stage, stage.config.loop, Path(run), lambda _: None, asdict(stage.config.loop), group
        )
        counted = matrix_operations(training)
        batch, several = stage.config.loop.batch, group.world_size > 1
        ready = torch.cuda.synchronize if group.device.type == "cuda" else None
        found = timed(training.learn, batch, seconds, several, ready)
        validated = time.monotonic()
        if not several:
            training._validate()
        return {
            **found,
            "operations_per_sample": counted,
            "validation_seconds": time.monotonic() - validated,
            "peak": peak() if not several and group.device.type == "cpu" else 0.0,
            "first": group.is_rank_zero,
        }


def matrix_operations(training: Any) -> float:
    """Of one step, a sample: forward and backward."""
    from torch.utils.flop_counter import FlopCounterMode

    stage = training.stage
    samples = stage.draw()[:4]
    with FlopCounterMode(display=False) as counter, training._on_device():
        stage.losses_of(samples)["total"].backward()
    stage.network.zero_grad(set_to_none=True)
    return float(counter.get_total_flops()) / len(samples)


def as_the_paper(preset: str, folder: Path, seconds: float) -> dict[str, float]:
    """The same stage and losses behind a Dataset and a DataLoader, with torch's defaults."""
    import torch
    from torch.utils.data import DataLoader, Dataset

    stage = stage_of(preset, folder)
    batch = stage.config.loop.batch
    stage.config = replace(stage.config, loop=replace(stage.config.loop, batch=1))
    crops = ("first", "second", "third")

    class Samples(Dataset[dict[str, Any]]):
        def __len__(self) -> int:
            return 1 << 30

        def __getitem__(self, index: int) -> dict[str, Any]:
            (sample,) = stage._samples(stage.sampler, stage.entries)
            cut = {
                name: torch.from_numpy(stage.sampler.cut(getattr(sample, name))) for name in crops
            }
            return {**cut, "style": sample.style, "third_style": sample.third_style}

    optimizer = torch.optim.Adam(stage.network.parameters(), lr=1e-4)
    batches = iter(DataLoader(Samples(), batch_size=batch))

    def step() -> None:
        from kinestyle.learn.stages.paper import Sequences

        drawn = next(batches)
        labels = (stage._one_hot(drawn[name]) for name in ("style", "third_style"))
        sequences = Sequences(*(drawn[name] for name in crops), *labels)
        stage._sequences = lambda _: sequences
        optimizer.zero_grad()
        stage.losses_of(range(batch))["total"].backward()
        torch.nn.utils.clip_grad_norm_(stage.network.parameters(), 0.5)
        optimizer.step()

    return {**timed(step, batch, seconds), "threads": torch.get_num_threads()}


def timed(
    step: Any,
    batch: int,
    seconds: float,
    steps_alike: bool = False,
    ready: Callable[[], None] | None = None,
) -> dict[str, float]:
    """Samples a second: the median of three stretches. Several processes have to make the same
    number of steps. ready: waits until the device is done with all steps
    """
    for _ in range(3 if ready else 1):
        step()
    rates, cpu, count = [], [], 0
    for _ in range(3):
        began, began_cpu, done = time.monotonic(), time.process_time(), 0
        while time.monotonic() - began < seconds / 3 if not steps_alike else done < 4:
            step()
            done += 1
        if ready is not None:
            ready()
        rates.append(done * batch / (time.monotonic() - began))
        cpu.append((time.process_time() - began_cpu) / (done * batch))
        count += done
    return {
        "samples_a_second": statistics.median(rates),
        "cpu_seconds_a_sample": statistics.median(cpu),
        "steps": count,
    }


def run_apart(method: str, options: argparse.Namespace) -> dict[str, float]:
    """One row, in a process of its own (or two), because threads are set once."""
    environment = {
        key: value
        for key, value in os.environ.items()
        if key not in ("OMP_NUM_THREADS", "OMP_WAIT_POLICY")
    }
    if method != METHODS[2]:
        environment |= {"OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE"}
    launch = [sys.executable]
    if method == METHODS[1]:
        launch += ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    arguments = [
        __file__,
        str(options.corpus),
        "--preset",
        options.preset,
        "--seconds",
        str(options.seconds),
        "--method",
        method,
    ]
    done = subprocess.run(
        [*launch, *arguments], capture_output=True, text=True, env=environment, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    rows = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    return next(row for row in rows if row.get("first", True))


def one_method(options: argparse.Namespace) -> dict[str, float]:
    """A row, in this process."""
    if options.method == METHODS[2]:
        return as_the_paper(options.preset, options.corpus, options.seconds)
    device = "cuda" if options.method == METHODS[3] else "cpu"
    return ours(options.preset, options.corpus, options.seconds, device)


def print_gpu(row: dict[str, float], one: dict[str, float]) -> None:
    """The GPU's row beside that of one core."""
    ratio = row["samples_a_second"] / one["samples_a_second"]
    print(f"one GPU / one core:              {ratio:.1f} (aim: 20)")
    print(
        f"validation:                      {row['validation_seconds']:.2f} s on the GPU, "
        f"{one['validation_seconds']:.2f} s on one core"
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--preset", default="paper")
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--method", choices=METHODS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.method:
        print(json.dumps(one_method(options)), flush=True)
        return
    import torch

    gpu = torch.cuda.is_available()
    rows = {method: run_apart(method, options) for method in METHODS if gpu or method != METHODS[3]}
    print(
        f"preset {options.preset}, {os.cpu_count()} cores, {os.getloadavg()[0]:.1f} processes "
        f"waiting"
    )
    print(f"{'':<22}{'samples/s':>12}{'CPU ms a sample':>18}")
    for method, row in rows.items():
        print(
            f"{method:<22}{row['samples_a_second']:>12.2f}"
            f"{1000 * row['cpu_seconds_a_sample']:>18.1f}"
        )
    one, two, paper = (rows[method]["samples_a_second"] for method in METHODS[:3])
    done = rows[METHODS[0]]["operations_per_sample"] / rows[METHODS[0]]["cpu_seconds_a_sample"]
    print(
        f"one process / the paper's code:  {one / paper:.2f}   two / the paper's code: "
        f"{two / paper:.2f} (aim: 5)"
    )
    print(f"two processes / one:             {two / one:.2f} (aim: 1.6)")
    print(
        f"of the peak of one core:         {done / rows[METHODS[0]]['peak']:.2f}, "
        f"{done / 1e9:.0f} of",
        end=" ",
    )
    print(f"{rows[METHODS[0]]['peak'] / 1e9:.0f} GFLOP/s (aim: 0.5)")
    if gpu:
        print(f"GPU: {torch.cuda.get_device_name()}")
        print_gpu(rows[METHODS[3]], rows[METHODS[0]])
    else:
        print(f"one GPU: SKIPPED, torch {torch.__version__} finds none here")


if __name__ == "__main__":
    main()
