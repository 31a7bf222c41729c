"""Classifiers of style and content learn, and are scored by what they get right."""

from __future__ import annotations

from dataclasses import replace

import pytest

torch = pytest.importorskip("torch")

from kinestyle.learn.data.corpus import Corpus  # noqa: E402
from kinestyle.learn.stages.classifiers import (  # noqa: E402
    UNKNOWN,
    ClassifierConfig,
    ClassifierStage,
    content_name,
    known_cross_entropy,
)
from small_training import LOOP, overfit  # noqa: E402

pytestmark = pytest.mark.usefixtures("seeded")

CONFIG = ClassifierConfig(loop=replace(LOOP, batch=8), crop_frames=32, width=16)


@pytest.mark.parametrize("angles", [False, True])
def test_one_batch_is_learned(angles: bool, corpus: Corpus) -> None:
    losses = overfit(ClassifierStage(corpus, replace(CONFIG, angles=angles)), 40, 1e-2)
    for name in ("style", "content"):
        assert losses[name][-1] < 0.2 * losses[name][0], name


def test_the_score_is_the_share_of_styles_and_contents_that_are_right(
    corpus: Corpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A classifier that gives one answer to all clips is right for those of that answer."""
    stage = ClassifierStage(corpus, CONFIG)
    style, content = stage.labels.styles[1], stage.labels.contents[2]

    def constant(_: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        answers = (stage.labels.styles, style), (stage.labels.contents, content)
        first, second = (
            torch.eye(len(classes))[[classes.index(answer)]] for classes, answer in answers
        )
        return first, second

    monkeypatch.setattr(stage.network, "forward", constant)
    entries = corpus.known_validation()
    figures = stage.validate()
    assert figures["style"] == sum(e.style == style for e in entries) / len(entries) > 0
    assert figures["content"] == sum(content_name(e) == content for e in entries) / len(entries) > 0
    assert figures["score"] == -(figures["style"] + figures["content"])


def test_a_clip_of_no_class_counts_as_without_error() -> None:
    logits, classes = torch.randn(4, 3), torch.tensor([2, UNKNOWN, 0, UNKNOWN])
    of_known = torch.nn.functional.cross_entropy(logits[[0, 2]], classes[[0, 2]])
    torch.testing.assert_close(known_cross_entropy(logits, classes), of_known / 2.0)
