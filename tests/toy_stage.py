"""A stage that is done in no time, and what tests of the training loop ask of its folder."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

from torch import Tensor, nn  # noqa: E402

from kinestyle.learn.data.corpus import Corpus, Crop, CropSampler  # noqa: E402
from kinestyle.learn.loop.training import LoopConfig, Stage  # noqa: E402
from kinestyle.retarget.features import LAYOUT  # noqa: E402


class KilledError(Exception):
    """Stands for a power cut."""


class Toy(Stage[nn.Module]):
    """Learns from draws of both generators, with dropout and a buffer that is not a float."""

    def __init__(self, corpus: Corpus, killed_at: int | None = None, scores: Sequence[float] = ()):
        torch.manual_seed(99)
        network = nn.Sequential(
            nn.Linear(LAYOUT.size, 8), nn.Dropout(0.3), nn.BatchNorm1d(8), nn.Linear(8, 1)
        )
        super().__init__(network, CropSampler(corpus, 16, seed=0))
        self.calls, self.killed_at = 0, killed_at
        self.scores = list(scores)

    def draw(self) -> list[Crop]:
        return [self.sampler.choose_crop(self.sampler.choose(self.sampler.corpus.entries))]

    def losses_of(self, samples: Sequence[Crop]) -> dict[str, Tensor]:
        if self.calls == self.killed_at:
            raise KilledError
        self.calls += 1
        crop = self.cut(samples)[0]
        predicted = self.network(crop + 0.1 * torch.randn_like(crop))
        return {"total": (predicted.float() - 1.0).square().mean(), "size": predicted.abs().mean()}

    def validate(self) -> dict[str, float]:
        self.sampler.coin()  # what validation draws must not change what training draws
        torch.randn(5)
        assert not self.network.training
        size = float(self.network[0].weight.square().sum())
        return {"score": self.scores.pop(0) if self.scores else size, "size": size}


LOOP = LoopConfig(
    steps=6, learning_rate=1e-2, warmup_steps=2, validate_every=4, checkpoint_seconds=0.0
)


def silent(_: str) -> None: ...


def rows(folder: Path) -> list[dict[str, float]]:
    """The log without its times."""
    lines = (folder / "log.jsonl").read_text().splitlines()
    return [
        {name: value for name, value in json.loads(line).items() if name != "seconds"}
        for line in lines
    ]


def weights(path: Path) -> dict[str, Tensor]:
    return torch.load(path)["network"]


def assert_equal_weights(a: dict[str, Tensor], b: dict[str, Tensor]) -> None:
    assert set(a) == set(b)
    assert [name for name in a if not torch.equal(a[name], b[name])] == []
