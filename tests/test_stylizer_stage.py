"""Stage 2: what it draws, what each of its losses teaches whom, and which weights it keeps."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from conftest import TinyNetworks  # noqa: E402
from kinestyle.learn.data.corpus import Corpus, group_statistics  # noqa: E402
from kinestyle.learn.data.pairs import PairConfig, Pairs, find_pairs  # noqa: E402
from kinestyle.learn.loop.training import parameter_groups  # noqa: E402
from kinestyle.learn.stages.autoencoder import (  # noqa: E402
    Autoencoder,
    AutoencoderConfig,
    AutoencoderStage,
)
from kinestyle.learn.stages.classifiers import (  # noqa: E402
    UNKNOWN,
    ClassifierConfig,
    ClassifierStage,
    Labels,
    StyleContentClassifier,
)
from kinestyle.learn.stages.stylizer import (  # noqa: E402
    StylizerConfig,
    StylizerStage,
    StylizerWeights,
)
from kinestyle.learn.stages.stylizer_batches import other_style  # noqa: E402
from kinestyle.retarget.features import LAYOUT  # noqa: E402
from small_training import LOOP, overfit  # noqa: E402

pytestmark = pytest.mark.usefixtures("seeded")

CONFIG = StylizerConfig(
    loop=replace(LOOP, batch=4),
    crop_frames=32,
    set_2_share=0.5,
    style_noise=0.1,
    result_noise=0.1,
)


def classifier(corpus: Corpus) -> StyleContentClassifier:
    return StyleContentClassifier(
        Labels.of(corpus), ClassifierConfig(width=8), *group_statistics(corpus.features)
    )


@pytest.fixture
def stage(corpus: Corpus, tiny_networks: TinyNetworks) -> StylizerStage:
    """Untrained, twelve samples a step."""
    config = replace(CONFIG, loop=replace(LOOP, batch=12))
    return StylizerStage(
        corpus, tiny_networks.sizes, config, tiny_networks.autoencoder, [classifier(corpus)]
    )


# what is drawn


@pytest.mark.parametrize("seed", range(20))
def test_the_target_is_of_another_style_where_there_is_one(seed: int) -> None:
    random = np.random.default_rng(seed)
    style = random.integers(0, 1 + seed % 5, 24)
    target = other_style(style, random)
    assert target.shape == style.shape
    assert ((target >= 0) & (target < 24)).all()
    if len(np.unique(style)) > 1:
        assert (style[target] != style).all()


def test_one_clip_of_another_style_is_the_target_of_all_others() -> None:
    style = np.array([4, 4, 4, 7, 4])
    target = other_style(style, np.random.default_rng(0))
    np.testing.assert_array_equal(target[[0, 1, 2, 4]], 3)
    assert target[3] != 3


def test_a_clip_without_a_style_has_a_target_and_is_none() -> None:
    style = np.array([4, UNKNOWN, 7, UNKNOWN])
    for seed in range(20):
        target = other_style(style, np.random.default_rng(seed))
        assert (style[target] != UNKNOWN).all()
        assert target[0] == 2
        assert target[2] == 0


def test_a_clip_is_never_restyled_to_its_own_style(stage: StylizerStage) -> None:
    for _ in range(3):
        for sample in stage.draw():
            assert sample.target.style != sample.source.style
            assert stage.labels.styles[sample.source.style] == sample.source.entry.style
            assert stage.labels.styles[sample.target.style] == sample.target.entry.style


def test_clips_without_a_label_are_in_no_loss_of_labels(
    corpus: Corpus, tiny_networks: TinyNetworks
) -> None:
    unlabelled = replace(corpus.select("train")[0], style="", content="")
    more = replace(corpus, entries=(*corpus.entries, unlabelled))
    config = replace(CONFIG, loop=replace(LOOP, batch=12), unlabelled_share=0.5)
    stage = StylizerStage(
        more, tiny_networks.sizes, config, tiny_networks.autoencoder, [classifier(corpus)]
    )
    samples = stage.draw()
    drawn = [sample for sample in samples if sample.source.style == UNKNOWN]
    assert 0 < len(drawn) < 12
    assert all(sample.source.content == UNKNOWN for sample in drawn)
    assert all(sample.source.entry == unlabelled for sample in drawn)
    assert all(sample.target.style != UNKNOWN for sample in samples)
    losses = stage.losses_of(drawn)
    for name in ("style_kl", "prior_cross_entropy", "auxiliary_content", "pair", "adversary"):
        assert float(losses[name].detach()) == 0.0, name
    assert all(torch.isfinite(value) for value in losses.values())


def test_a_pair_lies_at_the_frames_of_its_clip(corpus: Corpus, tiny_networks: TinyNetworks) -> None:
    """Pairs that are the clips themselves come out as the very crops, mirrored ones too; without
    pairs there are zeros.
    """
    style = Labels.of(corpus).styles[0]
    same = {
        (e.stem, style): np.arange(e.start, e.stop, dtype=float)
        for e in corpus.select("train", labelled=True)
    }
    config = replace(CONFIG, loop=replace(LOOP, batch=12), crop_frames=48)
    auxiliary = [classifier(corpus)]
    stage = StylizerStage(
        corpus, tiny_networks.sizes, config, tiny_networks.autoencoder, auxiliary, Pairs(same)
    )
    samples = stage.draw()
    batch = stage.batches.cut(samples, stage.features)
    motion = torch.from_numpy(LAYOUT.only("root_height", "joint_position", "joint_rotation"))
    paired = [sample.target.style == 0 for sample in samples]
    assert any(paired)
    assert not all(paired)
    for i, known in enumerate(paired):
        assert float(batch.paired[i].mean()) == known
        wanted = batch.a[i] if known else torch.zeros_like(batch.a[i])
        torch.testing.assert_close(batch.pair[i][:, motion], wanted[:, motion], rtol=0, atol=1e-6)
    assert float(stage.losses_of(samples)["pair"].detach()) > 0.0
    none = StylizerStage(corpus, tiny_networks.sizes, config, tiny_networks.autoencoder, auxiliary)
    assert float(none.losses_of(samples)["pair"].detach()) == 0.0


# who learns what

ENCODERS = {"content_encoder", "style_encoder"}
ALL = {*ENCODERS, "generator", "prior"}
LEARNERS = {
    "self_reconstruction": {*ENCODERS, "generator"},
    "same_style": {*ENCODERS, "generator"},
    "same_style_motion": {*ENCODERS, "generator"},
    "content_consistency": {"content_encoder", "generator", "prior"},
    "content_cycle": {"content_encoder", "generator", "prior"},
    "style_cycle": {"style_encoder", "generator"},
    "style_kl": {"style_encoder", "prior"},
    "prior_kl": {"prior"},
    "homo_style_alignment": {"style_encoder"},
    "prior_cross_entropy": {"style_encoder", "prior"},
    "content_l2": {"content_encoder"},
    "adversarial_confusion": {"content_encoder"},
    "generator_adversarial": ALL,
    "auxiliary_style": ALL,
    "auxiliary_content": ALL,
    "orthonormality": ALL,
    "pair": ALL,
    "adversary": {"adversary"},
    "critic": {"critic"},
}


@dataclass(frozen=True)
class Trained:
    """What stage 2 builds on, fitted to a few crops so that motion follows from latents."""

    corpus: Corpus
    networks: TinyNetworks
    autoencoder: Autoencoder
    auxiliary: StyleContentClassifier
    pairs: Pairs

    def stage(self, **weights: float) -> StylizerStage:
        """Stage 2 with the weights of losses that are named, all others 0; all 1 without a name."""
        rest = 0.0 if weights else 1.0
        all_weights = {field.name: rest for field in fields(StylizerWeights)} | weights
        return StylizerStage(
            self.corpus,
            self.networks.sizes,
            replace(CONFIG, weights=StylizerWeights(**all_weights)),
            self.autoencoder,
            [self.auxiliary],
            self.pairs,
        )


@pytest.fixture(scope="module")
def trained(corpus: Corpus, tiny_networks: TinyNetworks) -> Trained:
    with torch.random.fork_rng():
        autoencoder = AutoencoderStage(
            corpus, tiny_networks.sizes, AutoencoderConfig(loop=CONFIG.loop, crop_frames=32)
        )
        overfit(autoencoder, 60, 1e-2)
        auxiliary = ClassifierStage(
            corpus, ClassifierConfig(loop=CONFIG.loop, crop_frames=32, width=16, noise=0.1)
        )
        overfit(auxiliary, 8)
    pairs = find_pairs(corpus, PairConfig(), lambda _: None)
    return Trained(corpus, tiny_networks, autoencoder.network, auxiliary.network, pairs)


def test_each_loss_teaches_the_networks_it_is_for_and_no_other(trained: Trained) -> None:
    stage = trained.stage()
    losses = stage.losses()
    parts = {name: list(part.parameters()) for name, part in stage.network.named_children()}
    assert set(losses) == {"total", *LEARNERS}
    for name, learners in LEARNERS.items():
        found = set()
        for part, parameters in parts.items():
            gradients = torch.autograd.grad(
                losses[name], parameters, retain_graph=True, allow_unused=True
            )
            if any(gradient is not None and bool(gradient.any()) for gradient in gradients):
                found.add(part)
        assert found == learners, name
    losses["total"].backward()
    frozen = (*trained.auxiliary.parameters(), *trained.autoencoder.parameters())
    assert all(parameter.grad is None for parameter in frozen)


def test_the_total_is_the_weighted_sum_and_the_opponents_own_losses(trained: Trained) -> None:
    stage = trained.stage(same_style=3.0, pair=0.25)
    losses = {name: float(value.detach()) for name, value in stage.losses().items()}
    expected = (
        3.0 * losses["same_style"] + 0.25 * losses["pair"] + losses["adversary"] + losses["critic"]
    )
    assert losses["total"] == pytest.approx(expected, rel=1e-6)


def test_opponents_have_groups_of_their_own_and_no_parameter_is_left_out(
    stage: StylizerStage,
) -> None:
    groups = {group["name"]: group["params"] for group in parameter_groups(stage)}
    assert set(groups) == {"network", "adversary", "critic"}
    assert set(groups["critic"]) == set(stage.network.critic.parameters())
    assert set(groups["adversary"]) == set(stage.network.adversary.parameters())
    together = [parameter for group in groups.values() for parameter in group]
    assert len(together) == len(set(together))
    assert set(together) == set(stage.network.parameters())


@pytest.mark.parametrize(
    "terms",
    [
        ("self_reconstruction", "same_style", "content_cycle"),
        ("style_kl", "prior_cross_entropy"),
        ("same_style_motion",),
        ("auxiliary_style", "auxiliary_content"),
        ("pair",),
    ],
    ids="-".join,
)
def test_one_batch_is_learned(trained: Trained, terms: tuple[str, ...]) -> None:
    losses = overfit(trained.stage(**dict.fromkeys(terms, 1.0)), 25, 1e-2)
    for name in terms:
        assert losses[name][-1] < 0.5 * losses[name][0], name


# which weights are kept


def test_the_score_is_the_distance_to_pairs(
    trained: Trained, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage = trained.stage()
    cases = stage._validation_cases()
    assert {entry.stem for entry, _, _ in cases} == {
        entry.stem for entry in trained.corpus.select("validation")
    }
    expected, pairs = [], {}
    for entry, style, reference in cases:
        assert reference.style == style != entry.style
        assert reference.split == "validation"
        frames = trained.pairs.frames[entry.stem, style][: entry.frame_count // 8 * 8]
        span = LAYOUT["joint_position"]
        low = np.floor(frames).astype(int)
        rows = np.array(trained.corpus.features)[:, span]
        between = rows[low] + (frames - low)[:, None] * (rows[low + 1] - rows[low])
        pairs[entry.stem] = between
        own = rows[entry.start : entry.start + len(frames)]
        apart = (own - between).reshape(len(frames), -1, 3)
        expected.append(100.0 * np.linalg.norm(apart, axis=-1).mean())
    with torch.no_grad():
        figures = stage.validate()
    assert figures["input/cm"] == pytest.approx(np.mean(expected), rel=1e-4)
    assert figures["score"] == pytest.approx((figures["label/cm"] + figures["reference/cm"]) / 2.0)
    assert figures["score"] != pytest.approx(figures["input/cm"], rel=1e-3)

    clips = {
        trained.corpus.features[entry.start : entry.stop][: len(pairs[entry.stem])].tobytes(): pair
        for entry in trained.corpus.select("validation")
        for pair in [pairs[entry.stem]]
    }

    def perfect(features: torch.Tensor, *_: torch.Tensor) -> torch.Tensor:
        result = features.clone()
        for row in result:
            row[:, LAYOUT["joint_position"]] = torch.from_numpy(clips[row.numpy().tobytes()])
        return result

    monkeypatch.setattr(stage, "_restyle", perfect)
    with torch.no_grad():
        assert stage.validate()["score"] == pytest.approx(0.0, abs=1e-3)


def test_auxiliary_classifiers_have_no_say_in_the_score(trained: Trained) -> None:
    scores = []
    for auxiliary in (trained.auxiliary, classifier(trained.corpus)):
        stage = replace(trained, auxiliary=auxiliary).stage()
        with torch.no_grad():
            scores.append(stage.validate())
    assert scores[0] == scores[1]


def test_without_a_pair_in_validation_no_score_is_better_than_another(
    stage: StylizerStage,
) -> None:
    with torch.no_grad():
        assert np.isnan(stage.validate()["score"])
