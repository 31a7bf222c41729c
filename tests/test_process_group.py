"""Several processes that train as one."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

import small_training  # noqa: E402
from kinestyle.errors import DataError  # noqa: E402
from kinestyle.formats.table import write_motion  # noqa: E402
from kinestyle.learn.loop.process_group import ProcessGroup  # noqa: E402
from made_rigs import as_rig, walk  # noqa: E402

STEPS = 25
ALONE = [sys.executable]
TWO = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_training.save_corpus(tmp_path_factory.mktemp("corpus"))


def command(
    processes: list[str], name: str, corpus: Path, folder: Path, *settings: str
) -> list[str]:
    return [
        *processes,
        small_training.__file__,
        name,
        str(corpus),
        str(folder),
        f"steps={STEPS}",
        *settings,
    ]


def train(
    processes: list[str], name: str, corpus: Path, folder: Path, *settings: str
) -> list[dict[str, float]]:
    """The rows of a small run of a stage by one or several processes."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        command(processes, name, corpus, folder, *settings),
        capture_output=True,
        text=True,
        env=environment,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]


def difference(a: list[dict[str, float]], b: list[dict[str, float]]) -> float:
    """The largest difference of a loss, as a share of it, or of a hundredth of the total where it
    is smaller than that.
    """
    assert [row["step"] for row in a] == [row["step"] for row in b] == list(range(1, len(a) + 1))
    names = [name for name in a[0] if name not in ("step", "seconds")]
    return max(
        abs(x[name] - y[name]) / max(abs(x[name]), 0.01 * abs(x["total"]))
        for x, y in zip(a, b, strict=True)
        for name in names
    )


@pytest.mark.slow
def test_two_processes_learn_what_one_does(corpus: Path, tmp_path: Path) -> None:
    one = train(ALONE, "autoencoder", corpus, tmp_path / "one", "half_precision=false")
    two = train(TWO, "autoencoder", corpus, tmp_path / "two", "half_precision=false")
    # sums in another order differ in their last digits, and every step of the optimiser makes that
    # more
    assert difference(one[:6], two[:6]) < 1e-3
    assert len(one) == STEPS
    assert difference(one, two) < 2e-2
    trained = [torch.load(tmp_path / folder / "trained.pt")["network"] for folder in ("one", "two")]
    apart, size = (
        sum(float(value.float().square().sum()) for value in values) ** 0.5
        for values in (
            [a - b for a, b in zip(*(t.values() for t in trained), strict=True)],
            trained[0].values(),
        )
    )
    assert apart < 1e-2 * size


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in small_training.STAGES if name != "autoencoder"])
def test_two_processes_with_noise_of_their_own_learn_about_the_same(
    name: str, corpus: Path, tmp_path: Path
) -> None:
    one, two = (
        np.array([row["total"] for row in train(processes, name, corpus, tmp_path / folder)])
        for processes, folder in ((ALONE, "one"), (TWO, "two"))
    )
    assert (one != two).all()
    # each step's mean over the rows of a batch; of ten steps, because later ones differ by more
    np.testing.assert_allclose(two[:10], one[:10], atol=0.15 * one[0], rtol=0.0)


@pytest.mark.slow
def test_a_run_goes_on_with_another_number_of_processes(corpus: Path, tmp_path: Path) -> None:
    settings = "half_precision=false", "checkpoint_seconds=0.0"
    one = train(ALONE, "autoencoder", corpus, tmp_path / "one", *settings)
    checkpoint = tmp_path / "both" / "checkpoint.pt"
    with subprocess.Popen(
        command(TWO, "autoencoder", corpus, tmp_path / "both", *settings),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        while process.poll() is None and not checkpoint.exists():
            time.sleep(0.01)
        process.terminate()  # torchrun ends its processes with it
    both = train(ALONE, "autoencoder", corpus, tmp_path / "both", *settings)
    assert difference(one, both) < 1e-3


@pytest.mark.slow
def test_two_processes_end_together_where_validation_stalls(corpus: Path, tmp_path: Path) -> None:
    """Only the first one validates. Nothing is nine tenths better, so step 10 has stalled."""
    settings = (
        'plateau={"patience": 1, "improvement": 0.9, "decay": 0.2}',
        *("steps=1000", "validate_every=5", "half_precision=false"),
    )
    one, two = (
        train(processes, "autoencoder", corpus, tmp_path / folder, *settings)
        for processes, folder in ((ALONE, "one"), (TWO, "two"))
    )
    assert [row["step"] for row in two] == list(range(1, 13))
    assert difference(one, two) < 1e-2


@pytest.mark.slow
def test_the_command_under_torchrun(tmp_path: Path) -> None:
    for number in range(6):
        path = tmp_path / "clips" / ("calm", "proud")[number % 2] / f"{number}.bvh"
        path.parent.mkdir(parents=True, exist_ok=True)
        write_motion(as_rig(walk(1.0, 30.0, 0.5 * number).clip, metres_per_unit=0.01), path)
    options = (
        "--data",
        str(tmp_path / "clips"),
        "--run",
        str(tmp_path / "run"),
        "--stage",
        "autoencoder",
        "--steps",
        "2",
    )
    done = subprocess.run(
        [*TWO, "-m", "--", "kinestyle", "train", *options],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert (tmp_path / "run" / "autoencoder" / "trained.pt").exists()
    assert done.stderr.count("autoencoder 2/2") == 1, "only the first process reports"


def test_the_processes_of_a_batch_share_it_evenly() -> None:
    samples = list(range(12))
    assert [
        *ProcessGroup(0, 3).shard(samples),
        *ProcessGroup(1, 3).shard(samples),
        *ProcessGroup(2, 3).shard(samples),
    ] == samples
    with pytest.raises(DataError, match="a batch of 12 cannot be shared evenly by 5 processes"):
        ProcessGroup(0, 5).shard(samples)


def test_alone_there_is_nothing_to_share() -> None:
    alone = ProcessGroup()
    assert (alone.rank, alone.world_size, alone.is_rank_zero) == (0, 1, True)
    values = torch.arange(3.0)
    alone.average([values])
    with alone.rank_zero_first():
        alone.barrier()
    assert values.tolist() == [0.0, 1.0, 2.0]
