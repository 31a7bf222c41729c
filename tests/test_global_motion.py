"""The global motion predictor learns the root's velocity from how the body moves."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from kinestyle.learn.data.corpus import Corpus  # noqa: E402
from kinestyle.learn.stages.global_motion import GlobalMotionConfig, GlobalMotionStage  # noqa: E402
from kinestyle.retarget.features import LAYOUT  # noqa: E402
from small_training import LOOP, SIZES, overfit  # noqa: E402

pytestmark = pytest.mark.usefixtures("seeded")

CONFIG = GlobalMotionConfig(loop=replace(LOOP, batch=4), crop_frames=32)


def test_one_batch_is_learned(corpus: Corpus) -> None:
    losses = overfit(GlobalMotionStage(corpus, SIZES, CONFIG), 60, 1e-2)["total"]
    assert losses[-1] < 0.1 * losses[0]


def test_the_score_is_the_error_of_the_speed(
    corpus: Corpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A predictor that stands still errs by the speed of the clips."""
    stage = GlobalMotionStage(corpus, SIZES, CONFIG)
    span = LAYOUT["root_xz_velocity"]
    monkeypatch.setattr(
        stage.network, "forward", lambda features: torch.zeros_like(features[..., span])
    )
    speeds = [
        30.0 * 100.0 * np.linalg.norm(corpus.features[e.start : e.stop, span], axis=-1).mean()
        for e in corpus.select("validation")
    ]
    assert np.mean(speeds) > 10.0
    assert stage.validate()["score"] == pytest.approx(np.mean(speeds), rel=1e-4)
