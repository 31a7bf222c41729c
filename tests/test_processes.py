"""Several processes that train as one."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

from torch import Tensor  # noqa: E402
from torch.nn import functional as F  # noqa: E402

import small_training  # noqa: E402
from kinestyle.errors import DataError  # noqa: E402
from kinestyle.formats.table import write_motion  # noqa: E402
from kinestyle.learn.loop.processes import Processes, WholeBatchDraws, here  # noqa: E402
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
@pytest.mark.parametrize("name", small_training.STAGES)
def test_two_processes_learn_what_one_does(name: str, corpus: Path, tmp_path: Path) -> None:
    one = train(ALONE, name, corpus, tmp_path / "one", "half_precision=false")
    two = train(TWO, name, corpus, tmp_path / "two", "half_precision=false")
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
def test_a_run_goes_on_with_another_number_of_processes(corpus: Path, tmp_path: Path) -> None:
    settings = "half_precision=false", "checkpoint_seconds=0.0"
    one = train(ALONE, "classifier", corpus, tmp_path / "one", *settings)
    checkpoint = tmp_path / "both" / "checkpoint.pt"
    with subprocess.Popen(
        command(TWO, "classifier", corpus, tmp_path / "both", *settings),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        while process.poll() is None and not checkpoint.exists():
            time.sleep(0.01)
        process.terminate()  # torchrun ends its processes with it
    both = train(ALONE, "classifier", corpus, tmp_path / "both", *settings)
    assert difference(one, both) < 1e-3


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
        *Processes(0, 3).rows(samples),
        *Processes(1, 3).rows(samples),
        *Processes(2, 3).rows(samples),
    ] == samples
    with pytest.raises(DataError, match="a batch of 12 cannot be shared evenly by 5 processes"):
        Processes(0, 5).rows(samples)


def test_alone_there_is_nothing_to_share() -> None:
    alone = here()
    assert (alone.index, alone.count, alone.first) == (0, 1, True)
    values = torch.arange(3.0)
    alone.average([values])
    with alone.rank_zero_first():
        alone.wait()
    assert values.tolist() == [0.0, 1.0, 2.0]


DRAWS: dict[str, Callable[[Tensor], Tensor]] = {
    "randn_like": torch.randn_like,
    "rand_like": torch.rand_like,
    "dropout": lambda x: F.dropout(x, 0.2),
    "dropout of channels": lambda x: F.dropout1d(x, 0.2),
    "dropout module": torch.nn.Dropout(0.3),
    "rand": lambda x: x * torch.rand(len(x), 1, 1),
    "randn": lambda x: torch.randn((len(x), 2)),
    "no dropout": lambda x: F.dropout(x, 0.2, training=False),
}


@pytest.mark.parametrize("name", DRAWS)
@pytest.mark.parametrize("times", [1, 3])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("time_last_in_memory", [True, False])
def test_rows_of_random_tensors_are_those_of_the_whole_batch(
    name: str, times: int, dtype: torch.dtype, time_last_in_memory: bool
) -> None:
    def in_memory(x: Tensor) -> Tensor:
        return x if time_last_in_memory else x.transpose(1, 2).contiguous().transpose(1, 2)

    processes, rows = 4, 2
    x = in_memory(torch.randn(times * processes * rows, 6, 10).to(dtype))
    torch.manual_seed(3)
    whole, after = DRAWS[name](x), torch.rand(3)
    for index in range(processes):
        own, expected = (
            torch.cat(
                [
                    block[index * rows : (index + 1) * rows]
                    for block in tensor.split(processes * rows)
                ]
            )
            for tensor in (x, whole)
        )
        torch.manual_seed(3)
        with WholeBatchDraws(rows, index, processes):
            found = DRAWS[name](in_memory(own))
        assert torch.equal(found, expected)
        assert torch.equal(torch.rand(3), after), "it drew another number of numbers"


def test_what_cannot_be_shared_is_refused() -> None:
    with WholeBatchDraws(4, 0, 2):
        with pytest.raises(AssertionError, match="randperm does not know of the whole batch"):
            torch.randperm(4)
        with pytest.raises(AssertionError, match="6 rows are drawn where every sample has one"):
            torch.rand(6, 2)
