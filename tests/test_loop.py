"""The loop that every stage is trained by: what it keeps, what it tells, and that a kill at any
moment changes nothing.
"""

from __future__ import annotations

import json
import math
import random
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from torch import Tensor, nn  # noqa: E402

import small_training  # noqa: E402
from kinestyle import storage  # noqa: E402
from kinestyle.errors import DataError, MotionFileError  # noqa: E402
from kinestyle.learn.data.corpus import Corpus, Crop  # noqa: E402
from kinestyle.learn.loop import progress, training  # noqa: E402
from kinestyle.learn.loop.averaging import Average  # noqa: E402
from kinestyle.learn.loop.checkpoint import load_checkpoint, save_checkpoint  # noqa: E402
from kinestyle.learn.loop.devices import device_name, find_device  # noqa: E402
from kinestyle.learn.loop.process_group import ProcessGroup  # noqa: E402
from kinestyle.learn.loop.schedule import Schedule  # noqa: E402
from kinestyle.retarget.features import LAYOUT  # noqa: E402
from toy_stage import (  # noqa: E402
    LOOP,
    KilledError,
    Toy,
    assert_equal_weights,
    rows,
    silent,
    weights,
)

NAN = float("nan")


@pytest.fixture(scope="module")
def made_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_training.save_made_corpus(tmp_path_factory.mktemp("made"))


@pytest.fixture(scope="module")
def corpus(made_folder: Path) -> Corpus:
    return Corpus.load(made_folder)


# being killed


@pytest.mark.parametrize("killed_at", [0, 1, 3, 5])
def test_a_run_that_was_killed_goes_on_as_if_it_had_not_been(
    corpus: Corpus, tmp_path: Path, killed_at: int
) -> None:
    straight = training.train(Toy(corpus), LOOP, tmp_path / "straight", silent).state_dict()
    with pytest.raises(KilledError):
        training.train(Toy(corpus, killed_at), LOOP, tmp_path / "killed", silent)
    assert not (tmp_path / "killed" / "trained.pt").exists()
    messages: list[str] = []
    stage = Toy(corpus)
    if killed_at:
        stage.network[0].weight.data.zero_()  # whatever it begins with
    resumed = training.train(stage, LOOP, tmp_path / "killed", messages.append).state_dict()
    assert stage.calls == LOOP.steps - killed_at
    assert_equal_weights(straight, resumed)
    assert_equal_weights(
        weights(tmp_path / "straight" / "trained.pt"), weights(tmp_path / "killed" / "trained.pt")
    )
    assert rows(tmp_path / "straight") == rows(tmp_path / "killed")
    checkpoints = [torch.load(tmp_path / run / "checkpoint.pt") for run in ("straight", "killed")]
    assert_equal_weights(checkpoints[0]["network"], checkpoints[1]["network"])
    assert checkpoints[0]["sampler"] == checkpoints[1]["sampler"]
    assert (f"killed: continuing at step {killed_at} of 6" in messages) == (killed_at > 0)


PATIENT = 'plateau={"patience": 5, "improvement": 0.01, "decay": 0.25}'
"""Never better than at its first validations, the classifier stalls after some."""


@pytest.mark.slow
@pytest.mark.parametrize("settings", [("steps=100",), ("steps=2000", PATIENT)])
def test_kill_9_at_any_moment_leaves_no_trace(tmp_path: Path, settings: tuple[str, ...]) -> None:
    corpus = small_training.save_corpus(tmp_path / "corpus")

    def start(folder: str) -> subprocess.Popen[bytes]:
        # the stage with noise, with dropout, and with a score that is often the same
        command = [
            sys.executable,
            small_training.__file__,
            "classifier",
            str(corpus),
            str(tmp_path / folder),
        ]
        return subprocess.Popen(
            [*command, *settings, "validate_every=10"], stdout=subprocess.DEVNULL
        )

    assert start("straight").wait() == 0
    moments = random.Random(7)
    checkpoint, kills = tmp_path / "killed" / "checkpoint.pt", 0
    while True:
        process = start("killed")
        if kills < 4:
            before = checkpoint.stat().st_mtime_ns if checkpoint.exists() else 0
            while process.poll() is None and not (
                checkpoint.exists() and checkpoint.stat().st_mtime_ns > before
            ):
                time.sleep(0.002)
            time.sleep(moments.uniform(0.0, 0.12))
            process.send_signal(signal.SIGKILL)
        if process.wait() == 0:
            break
        assert process.returncode == -signal.SIGKILL
        kills += 1
    assert kills >= 2, "it was done before it could be killed"
    assert rows(tmp_path / "straight") == rows(tmp_path / "killed")
    steps = len(rows(tmp_path / "killed"))
    assert steps == 100 or 60 < steps < 2000
    straight, killed = (torch.load(tmp_path / run / "trained.pt") for run in ("straight", "killed"))
    assert_equal_weights(straight.pop("network"), killed.pop("network"))
    for trained in (straight, killed):
        assert trained["budget"].pop("seconds").keys() == {device_name(find_device())}
    assert straight == killed
    assert not list((tmp_path / "killed").glob(".*"))


def test_half_a_row_at_the_end_of_the_log_is_dropped(corpus: Corpus, tmp_path: Path) -> None:
    config = replace(LOOP, log_every=1)
    training.train(Toy(corpus), config, tmp_path / "straight", silent)
    with pytest.raises(KilledError):
        training.train(Toy(corpus, killed_at=3), config, tmp_path / "killed", silent)
    with (tmp_path / "killed" / "log.jsonl").open("a") as log:
        log.write('{"step": 4, "seconds": 0.1, "to')
    (tmp_path / "killed" / ".kinestyle-0123456789abcdef.tmp").write_bytes(b"half a checkpoint")
    storage._cleared.clear()  # as in the process that goes on
    training.train(Toy(corpus), config, tmp_path / "killed", silent)
    assert rows(tmp_path / "straight") == rows(tmp_path / "killed")
    assert not list((tmp_path / "killed").glob(".*"))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="torch finds no CUDA GPU here")
@pytest.mark.parametrize("order", [("cuda", "cpu"), ("cpu", "cuda")])
@pytest.mark.parametrize("name", small_training.STAGES)
def test_a_run_goes_on_with_another_device(
    name: str, corpus: Corpus, tmp_path: Path, order: tuple[str, str]
) -> None:
    config = replace(small_training.LOOP, steps=6, validate_every=2, checkpoint_seconds=0.0)
    before, after = (ProcessGroup(device=torch.device(device)) for device in order)
    stage = small_training.small_stage(name, corpus, config)
    run = training.Training(stage, config, tmp_path, silent, asdict(config), before)
    for _ in range(3):
        run.record(run.learn(), validates=True)
    run.save()
    stage = small_training.small_stage(name, corpus, config)
    network = training.train(stage, config, tmp_path, silent, group=after)
    assert all(value.device.type == "cpu" for value in network.state_dict().values())
    assert all(value.isfinite().all() for value in network.state_dict().values())
    steps = [row["step"] for row in rows(tmp_path)]
    assert steps == sorted(set(steps))
    assert steps[-1] == 6


def test_seconds_count_from_the_first_start(corpus: Corpus, tmp_path: Path) -> None:
    with pytest.raises(KilledError):
        training.train(Toy(corpus, killed_at=3), LOOP, tmp_path, silent)
    path = tmp_path / "checkpoint.pt"
    save_checkpoint(path, {**load_checkpoint(path), "seconds": {"cpu": 1000.0, "a GPU": 5.0}})
    training.train(Toy(corpus), LOOP, tmp_path, silent)
    assert json.loads((tmp_path / "log.jsonl").read_text().splitlines()[-1])["seconds"] >= 1005.0
    budget = torch.load(tmp_path / "trained.pt")["budget"]
    assert budget["seconds"]["a GPU"] == 5.0
    assert 1000.0 <= budget["seconds"]["cpu"] < 1100.0
    assert (budget["steps"], budget["samples"], budget["processes"]) == (6, 6 * LOOP.batch, 1)
    assert budget["stopped"] == "all steps"


class HalfWritten:
    """A file that takes half of what it is given, and then fails."""

    def __init__(self, file: Any, failure: BaseException):
        self.file, self.failure = file, failure

    def __enter__(self) -> HalfWritten:
        return self

    def __exit__(self, *_: object) -> None:
        self.file.close()

    def write(self, data: bytes) -> None:
        self.file.write(data[: len(data) // 2])
        raise self.failure

    def __getattr__(self, name: str) -> Any:
        return getattr(self.file, name)


@pytest.mark.parametrize("failure", [OSError(28, "No space left on device"), KilledError()])
def test_a_checkpoint_is_never_half_written(
    corpus: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failure: Exception
) -> None:
    straight = training.train(Toy(corpus), LOOP, tmp_path / "straight", silent).state_dict()
    run = tmp_path / "run"
    with pytest.raises(KilledError):
        training.train(Toy(corpus, killed_at=3), LOOP, run, silent)
    opened = Path.open

    def half(path: Path, mode: str = "r", *rest: Any) -> Any:
        file = opened(path, mode, *rest)
        return HalfWritten(file, failure) if "b" in mode and mode != "rb" else file

    with monkeypatch.context() as patched:
        patched.setattr(Path, "open", half)
        with pytest.raises((KilledError, MotionFileError)):
            training.train(Toy(corpus), LOOP, run, silent)
    assert torch.load(run / "checkpoint.pt")["step"] == 3
    assert {path.name for path in run.iterdir()} == {"checkpoint.pt", "log.jsonl"}
    assert_equal_weights(straight, training.train(Toy(corpus), LOOP, run, silent).state_dict())


def test_a_checkpoint_of_another_configuration_is_refused(corpus: Corpus, tmp_path: Path) -> None:
    training.train(Toy(corpus), LOOP, tmp_path, silent)
    before = (tmp_path / "checkpoint.pt").read_bytes()
    sentence = (
        "checkpoint.pt was made with another configuration; name another folder, or "
        "delete it to start over"
    )
    with pytest.raises(DataError, match=sentence):
        training.train(Toy(corpus), replace(LOOP, learning_rate=2e-2), tmp_path, silent)
    assert (tmp_path / "checkpoint.pt").read_bytes() == before


# which weights are selected


def test_how_often_it_validates_does_not_change_what_it_learns(
    corpus: Corpus, tmp_path: Path
) -> None:
    config = replace(LOOP, select_checkpoint="last")
    rare = training.train(Toy(corpus), config, tmp_path / "rare", silent).state_dict()
    often = training.train(
        Toy(corpus), replace(config, validate_every=1), tmp_path / "often", silent
    ).state_dict()
    assert_equal_weights(rare, often)
    assert [row["step"] for row in rows(tmp_path / "often")] == [1, 2, 3, 4, 5, 6]
    assert [row["step"] for row in rows(tmp_path / "rare")] == [4, 6]


def test_what_is_released_is_the_average_and_not_the_last_step(
    corpus: Corpus, tmp_path: Path
) -> None:
    stage = Toy(corpus)
    training.train(stage, replace(LOOP, select_checkpoint="last"), tmp_path, silent)
    checkpoint = torch.load(tmp_path / "checkpoint.pt")
    averaged = checkpoint["averaged"]
    assert_equal_weights(stage.network.state_dict(), averaged)
    assert not torch.equal(averaged["0.weight"], checkpoint["network"]["0.weight"])
    assert not stage.network.training


def test_the_average_forgets_what_it_began_with_and_is_an_ema_then() -> None:
    network = nn.Linear(1, 1, bias=False)
    averaged = Average(network, 0.9)
    expected = 0.0
    for step in range(200):
        value = math.sin(step)
        network.weight.data.fill_(value)
        averaged.update(network, step)
        decay = min(0.9, (1 + step) / (10 + step)) if step else 0.0
        expected = decay * expected + (1.0 - decay) * value
        assert float(averaged.module.weight.detach()) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize(
    ("select", "scores", "step"),
    [
        ("best", [3.0, 1.0, 2.0], 4),
        ("best", [1.0, 2.0, 3.0], 2),
        ("best", [2.0, 1.0, 1.0], 6),  # of equal ones the latest
        ("best", [2.0, NAN, 3.0], 2),
        ("best", [NAN, 3.0, 4.0], 4),
        ("best", [NAN, NAN, NAN], 6),
        ("last", [1.0, 2.0, 3.0], 6),
    ],
)
def test_which_weights_are_kept(
    select: Any, scores: list[float], step: int, corpus: Corpus, tmp_path: Path
) -> None:
    stage = Toy(corpus, scores=scores)
    training.train(
        stage, replace(LOOP, select_checkpoint=select, validate_every=2), tmp_path, silent
    )
    trained = torch.load(tmp_path / "trained.pt")
    assert trained["step"] == step
    assert_equal_weights(stage.network.state_dict(), trained["network"])
    np.testing.assert_equal(trained["validation"]["score"], scores[step // 2 - 1])
    # they are those that were validated at that step
    assert trained["validation"]["size"] == float(trained["network"]["0.weight"].square().sum())
    assert rows(tmp_path)[step // 2 - 1]["validation/size"] == trained["validation"]["size"]


def test_a_killed_run_remembers_its_best(corpus: Corpus, tmp_path: Path) -> None:
    config = replace(LOOP, validate_every=2)
    with pytest.raises(KilledError):
        training.train(Toy(corpus, killed_at=3, scores=[1.0]), config, tmp_path, silent)
    training.train(Toy(corpus, scores=[2.0, 2.0]), config, tmp_path, silent)
    assert torch.load(tmp_path / "trained.pt")["step"] == 2


# what is reported


def test_rows_of_losses_come_between_validations(corpus: Corpus, tmp_path: Path) -> None:
    messages: list[str] = []
    training.train(
        Toy(corpus), replace(LOOP, log_every=2, validate_every=5), tmp_path, messages.append
    )
    written = rows(tmp_path)
    assert [row["step"] for row in written] == [2, 4, 5, 6]
    assert ["validation/score" in row for row in written] == [False, False, True, True]
    assert all({"total", "size", "learning_rate"} <= set(row) for row in written)
    assert written[0]["learning_rate"] == 1e-2
    assert [line.split(",")[0] for line in messages] == [
        f"{tmp_path.name} 5/6",
        f"{tmp_path.name} 6/6",
    ]
    assert " left  total " in messages[0]


def test_progress_is_told_after_a_while(
    corpus: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress, "REPORT_SECONDS", 0.0)
    messages: list[str] = []
    training.train(
        Toy(corpus), replace(LOOP, log_every=2, validate_every=6), tmp_path, messages.append
    )
    assert len(messages) == 3


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0.2, "0 s"),
        (99.4, "99 s"),
        (99.6, "2 min"),
        (5969.0, "99 min"),
        (5999.0, "1 h 40 min"),
        (11110.0, "3 h 05 min"),
    ],
)
def test_durations_as_one_would_say_them(seconds: float, said: str) -> None:
    assert progress.duration(seconds) == said


# networks that compete


class Contest(Toy):
    """One part of the network learns against the other, from a loss `weight` times as large."""

    def __init__(self, corpus: Corpus, weight: float):
        super().__init__(corpus)
        self.weight = weight
        self.network.opponent = nn.Linear(LAYOUT.size, 1)

    def opponents(self) -> dict[str, nn.Module]:
        return {"opponent": self.network.opponent}

    def losses_of(self, samples: Sequence[Crop]) -> dict[str, Tensor]:
        crop = self.cut(samples)[0]
        learner = 100.0 * (self.network[0](crop).float() - 1.0).square().mean()
        opponent = self.weight * (self.network.opponent(crop).float() - 1.0).square().mean()
        return {"total": learner + opponent}


def test_the_gradient_of_an_opponent_does_not_shrink_that_of_the_rest(
    corpus: Corpus, tmp_path: Path
) -> None:
    gradients = []
    for weight in (1.0, 1e6):
        stage = Contest(corpus, weight)
        run = training.Training(stage, LOOP, tmp_path / str(weight), silent, {}, ProcessGroup())
        run.learn()
        assert [group["name"] for group in run.optimizer.param_groups] == ["network", "opponent"]
        gradient = stage.network[0].weight.grad
        norm = torch.cat([p.grad.flatten() for p in stage.network[0].parameters()]).norm()
        assert float(norm) == pytest.approx(LOOP.gradient_clip, rel=1e-4)
        gradients.append(gradient)
        assert float(stage.network.opponent.weight.grad.norm()) <= LOOP.gradient_clip
    torch.testing.assert_close(gradients[0], gradients[1])


# the rest


def test_no_two_steps_or_processes_draw_the_same_noise() -> None:
    seeds = {
        training.step_seed(seed, step, process)
        for seed in range(3)
        for step in range(50)
        for process in range(4)
    }
    assert len(seeds) == 3 * 50 * 4


def test_the_learning_rate_warms_up_and_falls() -> None:
    schedule = Schedule(steps=1000, warmup_steps=100)
    rates = np.array([schedule.rate(step) for step in range(1000)])
    assert rates[0] == pytest.approx(0.01)
    assert rates[99] == rates[100] == 1.0
    assert (np.diff(rates[:100]) > 0).all()
    assert (np.diff(rates[101:]) < 0).all()
    assert rates[-1] == pytest.approx(0.02, abs=1e-4)
    assert rates[550] == pytest.approx(0.51, abs=1e-3)


@pytest.mark.parametrize("hardware", [True, False])
def test_products_are_in_half_precision_where_that_is_asked_for_and_faster(
    hardware: bool, corpus: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training, "bfloat16_is_faster", lambda _: hardware)

    class Seen(Toy):
        def losses_of(self, samples: Sequence[Crop]) -> dict[str, Tensor]:
            predicted = self.network(self.cut(samples)[0])
            self.precision = predicted.dtype
            return {"total": predicted.float().mean()}

    for half, precision in (
        (True, torch.bfloat16 if hardware else torch.float32),
        (False, torch.float32),
    ):
        stage = Seen(corpus)
        training.train(stage, replace(LOOP, half_precision=half), tmp_path / str(half), silent)
        assert stage.precision == precision
        assert all(value.dtype != torch.bfloat16 for value in stage.network.state_dict().values())


@pytest.mark.parametrize("name", small_training.STAGES)
def test_every_parameter_of_a_stage_learns(name: str, corpus: Corpus, tmp_path: Path) -> None:
    config = replace(small_training.LOOP, steps=3, validate_every=3)
    stage = small_training.small_stage(name, corpus, config)
    stage.losses()["total"].backward()
    without = [
        parameter_name
        for parameter_name, parameter in stage.network.named_parameters()
        if parameter.grad is None or not parameter.grad.any()
    ]
    assert without == []
    before = {key: value.clone() for key, value in stage.network.named_parameters()}
    training.train(stage, config, tmp_path, silent)
    after = dict(stage.network.named_parameters())
    assert [key for key, value in before.items() if torch.equal(value, after[key])] == []


@pytest.mark.parametrize("name", small_training.STAGES)
def test_the_losses_of_a_stage_stay_on_its_device(
    name: str, corpus: Corpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        torch, "autocast", lambda *_, **__: nullcontext()
    )  # there is none for the device of this test
    stage = small_training.small_stage(name, corpus, small_training.LOOP)
    elsewhere = torch.device("meta")  # as good as a GPU for this: mixing devices fails on it too
    stage.to(elsewhere)
    with elsewhere:
        assert all(value.device == elsewhere for value in stage.losses_of(stage.draw()).values())
