"""Learning until validation no longer improves, within a budget of time, and across kills."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from torch.utils._python_dispatch import TorchDispatchMode  # noqa: E402

import small_training  # noqa: E402
from kinestyle.learn.data.corpus import Corpus  # noqa: E402
from kinestyle.learn.loop.process_group import ProcessGroup  # noqa: E402
from kinestyle.learn.loop.schedule import ALL_STEPS, STALLED, Plateau, Schedule  # noqa: E402
from kinestyle.learn.loop.training import OutOfTimeError, Training, train  # noqa: E402
from toy_stage import LOOP, KilledError, Toy, assert_equal_weights, rows, silent  # noqa: E402

NAN = float("nan")
PLATEAU = Plateau(patience=2, improvement=0.01, decay=0.25)
OPEN = replace(LOOP, steps=1000, validate_every=4, log_every=1, plateau=PLATEAU)
SCORES = [3.0, 2.0, 1.999, 2.5]
"""The third is lower than the second, by less than a hundredth of it: stalled at step 16, falling
for a quarter of that, 4 steps.
"""


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    return Corpus.load(small_training.save_made_corpus(tmp_path_factory.mktemp("made")))


# the schedule


def played(schedule: Schedule, scores: list[float], every: int = 4) -> list[float]:
    """The rates of all steps, with these scores in turn and the last one for ever."""
    rates: list[float] = []
    while len(rates) < schedule.last:
        rates.append(schedule.rate(len(rates)))
        if len(rates) % every == 0:
            number = len(rates) // every - 1
            schedule.validated(len(rates), scores[min(number, len(scores) - 1)])
    return rates


def test_the_rate_stays_until_validation_stalls_and_falls_then() -> None:
    schedule = Schedule(1000, 2, PLATEAU)
    rates = np.array(played(schedule, SCORES))
    assert len(rates) == 20
    assert rates[:2].tolist() == [0.5, 1.0]
    assert (rates[:17] == 1.0)[1:].all()
    assert (np.diff(rates[16:]) < 0).all()
    assert rates[-1] < 0.2
    assert schedule.why == STALLED
    assert schedule.of_all == " of 20"


def test_what_improves_for_ever_ends_at_the_most_steps_with_its_rate_fallen() -> None:
    schedule = Schedule(100, 2, PLATEAU)
    rates = np.array(played(schedule, [float(-n) for n in range(100)]))
    assert len(rates) == 100
    assert (rates[2:81] == 1.0).all()
    assert (np.diff(rates[80:]) < 0).all()
    assert rates[-1] < 0.03
    assert schedule.why == ALL_STEPS


@pytest.mark.parametrize(
    ("scores", "last"),
    [
        ([2.0, 1.0, 1.0, 0.9, 0.9, 0.9], 30),  # waiting begins anew with each that is better
        ([-1.0, -1.005, -1.02, -1.02, -1.0], 25),  # of a negative score too, the lower the better
        ([NAN], 1000),  # nothing is known, so nothing has stalled
        ([2.0, NAN, 2.0, NAN, 2.0], 25),
    ],
)
def test_when_validation_has_stalled(scores: list[float], last: int) -> None:
    schedule = Schedule(1000, 2, PLATEAU)
    assert len(played(schedule, scores)) == last == schedule.last


def test_once_the_rate_falls_a_better_score_changes_nothing() -> None:
    schedule = Schedule(1000, 2, PLATEAU)
    assert len(played(schedule, [1.0, 1.0, 1.0, 0.1])) == 15


@pytest.mark.parametrize("steps", [1, 2, 3, 7, 20, 101])
def test_a_few_steps_are_as_many_as_were_asked_for(steps: int) -> None:
    assert len(played(Schedule(steps, min(2, steps), Plateau()), [NAN])) == steps


# the loop


def test_a_stage_ends_when_validation_stalls_and_says_so(corpus: Corpus, tmp_path: Path) -> None:
    messages: list[str] = []
    stage = Toy(corpus, scores=SCORES)
    train(stage, OPEN, tmp_path, messages.append)
    assert stage.calls == 20
    assert [row["step"] for row in rows(tmp_path)] == list(range(1, 21))
    rates = [row["learning_rate"] for row in rows(tmp_path)]
    assert rates[2:17] == 15 * [OPEN.learning_rate]
    assert rates[17] > rates[18] > rates[19]
    said = [line.partition("  ")[0] for line in messages]
    name = tmp_path.name
    assert said[:3] == [
        f"{name} {step}, {waited} of 2 validations no better"
        for step, waited in ((4, 0), (8, 0), (12, 1))
    ]
    assert [line.split(",")[0] for line in said[3:]] == [f"{name} 16/20", f"{name} 20/20"]
    budget = torch.load(tmp_path / "trained.pt")["budget"]
    assert (budget["steps"], budget["samples"]) == (20, 20 * OPEN.batch)
    assert budget["stopped"] == STALLED


@pytest.mark.parametrize("killed_at", [1, 7, 13, 16, 17, 19])
def test_killed_while_it_waits_or_falls_it_goes_on_as_if_it_had_not_been(
    corpus: Corpus, tmp_path: Path, killed_at: int
) -> None:
    straight = train(Toy(corpus, scores=SCORES), OPEN, tmp_path / "straight", silent)
    with pytest.raises(KilledError):
        train(Toy(corpus, killed_at, SCORES), OPEN, tmp_path / "killed", silent)
    messages: list[str] = []
    rest = Toy(corpus, scores=SCORES[killed_at // 4 :])
    resumed = train(rest, OPEN, tmp_path / "killed", messages.append)
    assert rest.calls == 20 - killed_at
    assert_equal_weights(straight.state_dict(), resumed.state_dict())
    assert rows(tmp_path / "straight") == rows(tmp_path / "killed")
    of = " of 20" if killed_at >= 16 else ""
    assert messages[0] == f"killed: continuing at step {killed_at}{of}"


def test_a_stage_that_is_out_of_time_goes_on_the_next_time(corpus: Corpus, tmp_path: Path) -> None:
    straight = train(Toy(corpus, scores=SCORES), OPEN, tmp_path / "straight", silent)
    folder, scores = tmp_path / "cut", list(SCORES)
    rare = replace(OPEN, checkpoint_seconds=1e9)  # what is kept is what running out of time keeps
    for steps in range(1, 20):
        stage = Toy(corpus, scores=scores)
        with pytest.raises(OutOfTimeError) as unfinished:
            train(stage, rare, folder, silent, deadline=time.monotonic())
        assert str(unfinished.value).startswith(f"{folder}: {steps} steps so far, in ")
        assert str(unfinished.value).endswith(" and not done yet; the same command goes on")
        assert not (folder / "trained.pt").exists()
        scores = stage.scores
    last = Toy(corpus, scores=scores)
    resumed = train(last, rare, folder, silent, deadline=time.monotonic())
    assert last.calls == 1
    assert_equal_weights(straight.state_dict(), resumed.state_dict())
    assert rows(tmp_path / "straight") == rows(tmp_path / "cut")


def test_what_is_done_in_time_is_done(corpus: Corpus, tmp_path: Path) -> None:
    train(Toy(corpus), LOOP, tmp_path, silent, deadline=time.monotonic() + 1000.0)
    assert (tmp_path / "trained.pt").exists()


def test_a_checkpoint_knows_how_far_the_wait_was(corpus: Corpus, tmp_path: Path) -> None:
    run = Training(Toy(corpus, scores=SCORES), OPEN, tmp_path, silent, {}, ProcessGroup())
    for _ in range(12):
        run.record(run.learn(), validates=run.step % 4 == 0)
    run.save()
    again = Training(Toy(corpus), OPEN, tmp_path, silent, {}, ProcessGroup())
    assert again.schedule.state == run.schedule.state
    assert again.schedule.waited == 1


# nothing waits for a device


class Waits(TorchDispatchMode):
    """Counts what makes the host wait for a device: numbers and shapes that depend on data."""

    ASKS = ("_local_scalar_dense", "item", "nonzero", "equal", "is_nonzero", "masked_select")

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = func.overloadpacket.__name__
        if name in self.ASKS:
            self.found.append(name)
        return func(*args, **(kwargs or {}))


@pytest.mark.parametrize("name", small_training.STAGES)
def test_no_step_waits_for_its_device(name: str, corpus: Corpus, tmp_path: Path) -> None:
    config = replace(small_training.LOOP, half_precision=False)
    stage = small_training.small_stage(name, corpus, config)
    run = Training(stage, config, tmp_path, silent, {}, ProcessGroup())
    with Waits() as first:
        run.learn()  # makes the optimiser's state
    with Waits() as later:
        run.learn()
    assert (first.found, later.found) == ([], [])


def test_the_test_above_sees_a_step_that_waits(corpus: Corpus, tmp_path: Path) -> None:
    class Waiting(Toy):
        def losses_of(self, samples: Any) -> dict[str, Any]:
            losses = super().losses_of(samples)
            float(losses["size"].detach())
            return losses

    run = Training(Waiting(corpus), LOOP, tmp_path, silent, {}, ProcessGroup())
    with Waits() as waits:
        run.learn()
    assert waits.found == ["_local_scalar_dense"]
