"""Training: networks, splits, sampling, the loop that goes on after a kill, export, and the whole
way to a bundle.
"""

from __future__ import annotations

import json
import math
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")
onnx = pytest.importorskip("onnx")

from conftest import TinyNetworks  # noqa: E402
from kinestyle.errors import BundleError, DataError  # noqa: E402
from kinestyle.evaluate.judge import judges  # noqa: E402
from kinestyle.formats.table import read_motion  # noqa: E402
from kinestyle.learn import export  # noqa: E402
from kinestyle.learn.data.bandai import BandaiName, read_splits  # noqa: E402
from kinestyle.learn.data.corpus import (  # noqa: E402
    Corpus,
    group_deviation,
)
from kinestyle.learn.data.pairs import Pairs  # noqa: E402
from kinestyle.learn.loop.training import LoopConfig  # noqa: E402
from kinestyle.learn.nets.networks import (  # noqa: E402
    Classifier,
    GlobalMotionPredictor,
    Modulated,
    MotionDecoder,
    MotionEncoder,
    NetworkSizes,
    StylePrior,
    conv,
    gaussian_kl,
    reparameterize,
)
from kinestyle.learn.nets.residual_stylization import style_residual  # noqa: E402
from kinestyle.learn.pipeline import Recipe, Run, shortened  # noqa: E402
from kinestyle.learn.presets import RELEASED  # noqa: E402
from kinestyle.learn.stages.autoencoder import (  # noqa: E402
    Autoencoder,
    AutoencoderConfig,
    AutoencoderStage,
    set_latent_scale,
)
from kinestyle.learn.stages.classifiers import (  # noqa: E402
    UNKNOWN,
    ClassifierConfig,
    Labels,
    StyleContentClassifier,
)
from kinestyle.learn.stages.stylizer import StylizerStage, other_style  # noqa: E402
from kinestyle.retarget.features import LAYOUT  # noqa: E402
from kinestyle.runtime import stylizer as runtime  # noqa: E402
from kinestyle.runtime.stylizer import Stylizer  # noqa: E402
from own_clip_files import put  # noqa: E402

SIZES = NetworkSizes(
    latent=12,
    encoder=(12, 12),
    decoder=(24, 16, 12),
    content=12,
    content_code=8,
    style=(12, 12),
    style_code=6,
    generator=(12, 16, 12),
    global_motion=(8, 8, 8),
)


def exporter(test: Callable[..., None]) -> Callable[..., None]:
    """A test that exports: what the exporter warns of is its own affair."""
    for text in ("You are using the legacy TorchScript-based ONNX export", "Constant folding"):
        test = pytest.mark.filterwarnings(f"ignore:{text}")(test)
    return test


@pytest.fixture(autouse=True)
def seeded() -> Iterator[None]:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        yield


def statistics(corpus: Corpus) -> tuple[np.ndarray, np.ndarray]:
    return group_deviation(corpus.features)


# ---------------------------------------------------------------- networks


@pytest.mark.parametrize("frames", [16, 24, 64, 136])
def test_shapes_at_any_length(tiny_networks: TinyNetworks, frames: int) -> None:
    autoencoder, stylizer, predictor = (
        tiny_networks.autoencoder,
        tiny_networks.stylizer,
        tiny_networks.predictor,
    )
    sizes = tiny_networks.sizes
    features = torch.randn(3, frames, LAYOUT.size)
    with torch.no_grad():
        latent = autoencoder.encoder(features)
        content, (mean, log_std) = (
            stylizer.content_encoder(latent),
            stylizer.style_encoder(latent),
        )
        assert latent.shape == (3, sizes.latent, frames // 4)
        assert content.shape == (3, sizes.content_code, frames // 8)
        assert mean.shape == log_std.shape == (3, sizes.style_code)
        assert stylizer.generator(content, mean).shape == latent.shape
        assert autoencoder.decoder(latent).shape == features.shape
        assert predictor(features).shape == (3, frames, 2)
        assert stylizer.adversary(content).shape == (3, 4)
        assert stylizer.critic(features, torch.tensor([0, 3, 1])).shape == (3, frames // 8)


def test_a_longer_clip_has_the_same_latent_where_it_is_the_same(
    tiny_networks: TinyNetworks,
) -> None:
    long = torch.randn(1, 96, LAYOUT.size)
    with torch.no_grad():
        whole = tiny_networks.autoencoder.encoder(long)
        beginning = tiny_networks.autoencoder.encoder(long[:, :48])
    # sums of floats in another order, which differs from processor to processor
    torch.testing.assert_close(whole[..., :10], beginning[..., :10], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(("width", "stride"), [(1, 1), (3, 1), (5, 1), (3, 2), (5, 2)])
def test_a_convolution_keeps_or_halves_time_and_holds_the_ends(width: int, stride: int) -> None:
    layer = conv(4, 6, width, stride)
    for frames in (8, 10, 32):
        assert layer(torch.randn(2, 4, frames)).shape == (2, 6, frames // stride)
    # with zeros beyond its ends a constant would not stay constant
    held = layer(torch.full((1, 4, 16), 0.7))
    torch.testing.assert_close(held, held[..., :1].expand_as(held))


def test_encoder_and_decoder_take_and_give_physical_units() -> None:
    mean, deviation = torch.randn(LAYOUT.size), torch.rand(LAYOUT.size) + 0.5
    zero, one = torch.zeros(LAYOUT.size), torch.ones(LAYOUT.size)
    features, latent = (
        torch.randn(2, 32, LAYOUT.size) * deviation + mean,
        torch.randn(2, SIZES.latent, 8),
    )
    encoder, bare_encoder = MotionEncoder(SIZES, mean, deviation), MotionEncoder(SIZES, zero, one)
    decoder, bare_decoder = MotionDecoder(SIZES, mean, deviation), MotionDecoder(SIZES, zero, one)
    predictor, bare_predictor = (
        GlobalMotionPredictor(SIZES, mean, deviation),
        GlobalMotionPredictor(SIZES, zero, one),
    )
    for a, b in ((encoder, bare_encoder), (decoder, bare_decoder), (predictor, bare_predictor)):
        b.load_state_dict(
            {
                key: value
                for key, value in a.state_dict().items()
                if key not in ("mean", "deviation")
            },
            strict=False,
        )
        assert {"mean", "deviation"} <= set(a.state_dict())
    normalized = (features - mean) / deviation
    torch.testing.assert_close(encoder(features), bare_encoder(normalized))
    contact = LAYOUT["foot_contact"]
    decoded, bare = decoder(latent), bare_decoder(latent)
    torch.testing.assert_close(
        decoded[..., : contact.start], (bare * deviation + mean)[..., : contact.start]
    )
    torch.testing.assert_close(decoded[..., contact], bare[..., contact])
    assert ((decoded[..., contact] > 0) & (decoded[..., contact] < 1)).all()
    velocity = LAYOUT["root_xz_velocity"]
    torch.testing.assert_close(
        predictor(features), bare_predictor(normalized) * deviation[velocity] + mean[velocity]
    )


@pytest.mark.parametrize(
    ("network", "unread"),
    [("encoder", ("foot_contact",)), ("predictor", ("foot_contact", "root_xz_velocity"))],
)
def test_what_a_network_must_not_read_does_not_reach_it(
    tiny_networks: TinyNetworks, network: str, unread: tuple[str, ...]
) -> None:
    module = {"encoder": tiny_networks.autoencoder.encoder, "predictor": tiny_networks.predictor}[
        network
    ]
    features = torch.randn(1, 32, LAYOUT.size)
    for group, _ in LAYOUT.sizes:
        changed = features.clone()
        changed[..., LAYOUT[group]] += 1.0
        with torch.no_grad():
            same = torch.equal(module(features), module(changed))
        assert same == (group in unread), group


def test_a_classifier_reads_its_groups_only() -> None:
    reads = torch.from_numpy(LAYOUT.only("joint_position"))
    classifier = Classifier(
        5, torch.zeros(LAYOUT.size), torch.ones(LAYOUT.size), reads, width=8
    ).eval()
    features = torch.randn(2, 40, LAYOUT.size)
    changed = torch.randn(2, 40, LAYOUT.size)
    changed[..., LAYOUT["joint_position"]] = features[..., LAYOUT["joint_position"]]
    assert classifier(features).shape == (2, 5)
    torch.testing.assert_close(classifier(features), classifier(changed))


def test_without_modulation_only_the_norm_is_left() -> None:
    block = Modulated(4, 6, 3, over_time=False)
    with torch.no_grad():
        block.modulation.weight.zero_()
        block.modulation.bias.zero_()
    normed = block(torch.randn(2, 4, 16), torch.randn(2, 3))
    torch.testing.assert_close(normed.mean(dim=1), torch.zeros(2, 16), atol=1e-5, rtol=0)
    torch.testing.assert_close(
        normed.var(dim=1, unbiased=False), torch.ones(2, 16), atol=1e-2, rtol=0
    )


def test_the_kl_of_gaussians() -> None:
    a, b = (
        (torch.randn(5, 7), torch.randn(5, 7).mul(0.5)),
        (torch.randn(5, 7), torch.randn(5, 7).mul(0.5)),
    )
    assert float(gaussian_kl(*a, *a)) == pytest.approx(0.0, abs=1e-7)
    wanted = torch.distributions.kl_divergence(
        *(torch.distributions.Normal(m, d.exp()) for m, d in (a, b))
    ).mean()
    torch.testing.assert_close(gaussian_kl(*a, *b), wanted)
    assert float(gaussian_kl(*a, *b)) != pytest.approx(float(gaussian_kl(*b, *a)))


def test_draws_are_of_the_gaussian_they_are_drawn_from() -> None:
    mean, log_std = torch.tensor([[1.0, -2.0]]), torch.tensor([[-1.0, 0.5]])
    draws = reparameterize(mean.expand(20_000, 2), log_std.expand(20_000, 2))
    torch.testing.assert_close(draws.mean(dim=0), mean[0], atol=0.05, rtol=0)
    torch.testing.assert_close(draws.std(dim=0), log_std[0].exp(), atol=0.03, rtol=0)


def test_a_style_prior_has_one_gaussian_for_each_label() -> None:
    prior = StylePrior(3, SIZES)
    mean, log_std = prior(torch.tensor([2, 0, 2]))
    torch.testing.assert_close(mean, prior.mean[[2, 0, 2]])
    assert log_std.shape == (3, SIZES.style_code)


# ---------------------------------------------------------------- the latent's scale


def test_the_latent_scale_changes_nothing_in_the_reconstruction(corpus: Corpus) -> None:
    autoencoder = Autoencoder(SIZES, AutoencoderConfig(), *statistics(corpus)).eval()
    features = torch.from_numpy(corpus.features[:64])[None]
    with torch.no_grad():
        before, latent = (
            autoencoder.decoder(autoencoder.encoder(features)),
            autoencoder.encoder(features),
        )
        set_latent_scale(autoencoder, corpus)
        after, scaled = (
            autoencoder.decoder(autoencoder.encoder(features)),
            autoencoder.encoder(features),
        )
    torch.testing.assert_close(after, before, atol=1e-5, rtol=1e-5)
    assert not torch.allclose(scaled, latent, rtol=0.2)
    assert float(scaled.square().mean().sqrt()) == pytest.approx(1.0, rel=0.3)
    again = [parameter.detach().clone() for parameter in autoencoder.parameters()]
    set_latent_scale(autoencoder, corpus)
    for a, b in zip(again, autoencoder.parameters(), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-6)


# ---------------------------------------------------------------- choosing among clips


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


def test_the_stylizer_learns_from_clips_without_a_label_too(
    corpus: Corpus, tiny_networks: TinyNetworks
) -> None:
    """Their style and content are in no loss, whatever they are."""
    walk_alone = replace(corpus.select("train")[0], style="", content="")
    more = replace(corpus, entries=(*corpus.entries, walk_alone))
    guide = StyleContentClassifier(
        Labels.of(corpus), ClassifierConfig(width=8), *statistics(corpus)
    )
    loop = replace(RELEASED.stylizer.loop, batch=12)
    config = replace(RELEASED.stylizer, loop=loop, crop_frames=32, unlabelled_share=0.5)
    stage = StylizerStage(more, SIZES, config, tiny_networks.autoencoder, [guide])
    samples = stage.draw()
    unknown = [sample for sample in samples if sample.style == UNKNOWN]
    assert 0 < len(unknown) < 12
    assert all(sample.content == UNKNOWN and sample.entry == walk_alone for sample in unknown)
    assert all(sample.target_style != UNKNOWN for sample in samples)
    torch.manual_seed(0)
    losses = stage.losses_of(unknown)
    for name in ("prior", "tell", "guide_content", "pair"):
        assert float(losses[name].detach()) == 0.0, name
    assert all(math.isfinite(float(value.detach())) for value in losses.values())


def test_what_is_missed_is_manner_in_training_as_at_use() -> None:
    missed = (
        np.random.default_rng(0).standard_normal((3, 16, 40)).astype(np.float32).cumsum(axis=-1)
    )
    missed *= np.array([0.02, 0.22, 2.0], np.float32)[
        :, None, None
    ]  # all of it, a part of it, none of it counts
    wanted = np.stack([runtime.style_residual(one) for one in missed])
    np.testing.assert_allclose(style_residual(torch.from_numpy(missed)), wanted, atol=1e-5)
    shares = np.abs(wanted).max(axis=(1, 2)) / np.abs(missed).max(axis=(1, 2))
    assert shares[0] > 0.8 > shares[1] > 0.0 == shares[2]


def test_a_pair_lies_at_the_frames_of_its_clip(corpus: Corpus, tiny_networks: TinyNetworks) -> None:
    """Pairs that are the clips themselves come out as the very crops, mirrored ones too; without
    pairs there are zeros.
    """
    labels = Labels.of(corpus)
    guide = StyleContentClassifier(labels, ClassifierConfig(width=8), *statistics(corpus))
    config = replace(
        RELEASED.stylizer, loop=replace(RELEASED.stylizer.loop, batch=12), crop_frames=48
    )
    entries = corpus.select("train", labelled=True)
    same = {
        (e.stem, style): np.arange(e.start, e.stop, dtype=float)
        for e in entries
        for style in labels.styles[:1]
    }
    stage = StylizerStage(corpus, SIZES, config, tiny_networks.autoencoder, [guide], Pairs(same))
    samples = stage.draw()
    batch = stage._batch(samples)
    motion = torch.from_numpy(LAYOUT.only("root_height", "joint_position", "joint_rotation"))
    paired = [sample.target_style == 0 for sample in samples]
    assert any(paired)
    assert not all(paired)
    for i, known in enumerate(paired):
        assert float(batch.paired[i].mean()) == known
        wanted = batch.a[i] if known else torch.zeros_like(batch.a[i])
        torch.testing.assert_close(batch.pair[i][:, motion], wanted[:, motion], rtol=0, atol=1e-6)
    assert float(stage.losses_of(samples)["pair"].detach()) > 0.0
    none = StylizerStage(corpus, SIZES, config, tiny_networks.autoencoder, [guide])
    assert float(none.losses_of(samples)["pair"].detach()) == 0.0


def silent(_: str) -> None: ...


# ---------------------------------------------------------------- the loop


def test_a_stage_begins_with_the_same_weights_whatever_ran_before(corpus: Corpus) -> None:
    config = AutoencoderConfig(loop=LoopConfig(steps=1))
    first = AutoencoderStage(corpus, SIZES, config).network.state_dict()
    torch.randn(1)
    second = AutoencoderStage(corpus, SIZES, config).network.state_dict()
    assert all(torch.equal(first[name], second[name]) for name in first)


# ---------------------------------------------------------------- export


@exporter
def test_exported_graphs_do_what_their_networks_do(
    tiny_networks: TinyNetworks, tiny_graphs: dict[str, bytes]
) -> None:
    autoencoder, stylizer, predictor = (
        tiny_networks.autoencoder,
        tiny_networks.stylizer,
        tiny_networks.predictor,
    )
    networks = {
        "motion_encoder": autoencoder.encoder,
        "content_encoder": stylizer.content_encoder,
        "style_encoder": stylizer.style_encoder,
        "generator": stylizer.generator,
        "motion_decoder": autoencoder.decoder,
        "global_motion": predictor,
    }
    signatures = export.signatures(autoencoder, stylizer)
    assert set(signatures) == set(tiny_graphs) == set(networks)
    for name, signature in signatures.items():
        assert (
            export.verify(name, tiny_graphs[name], networks[name], signature)
            < 0.5 * export.TOLERANCE
        )


@pytest.mark.parametrize("off", [0.05, -1.0, float("nan")])
@exporter
def test_a_graph_that_differs_from_its_network_is_refused(
    tiny_networks: TinyNetworks, tiny_graphs: dict[str, bytes], off: float
) -> None:
    encoder = tiny_networks.autoencoder.encoder
    signature = export.signatures(tiny_networks.autoencoder, tiny_networks.stylizer)[
        "motion_encoder"
    ]
    other = MotionEncoder(SIZES, encoder.mean, encoder.deviation)
    other.load_state_dict(encoder.state_dict())
    export.verify("motion_encoder", tiny_graphs["motion_encoder"], other, signature)
    with torch.no_grad():
        other.latent.weight.mul_(1.0 + off)
    with pytest.raises(
        BundleError, match=r"exported graph motion_encoder differs from its network by"
    ):
        export.verify("motion_encoder", tiny_graphs["motion_encoder"], other, signature)


def test_a_graph_of_another_shape_is_refused(
    tiny_networks: TinyNetworks, tiny_graphs: dict[str, bytes]
) -> None:
    encoder = tiny_networks.autoencoder.encoder
    signature = export.signatures(tiny_networks.autoencoder, tiny_networks.stylizer)[
        "motion_encoder"
    ]
    other = MotionEncoder(replace(SIZES, latent=SIZES.latent + 2), encoder.mean, encoder.deviation)
    with pytest.raises(
        BundleError, match=r"exported graph motion_encoder gives shape .*, its network"
    ):
        export.verify("motion_encoder", tiny_graphs["motion_encoder"], other, signature)


def test_large_weights_are_stored_in_half_precision(
    tiny_networks: TinyNetworks, tiny_graphs: dict[str, bytes]
) -> None:
    model = onnx.load_from_string(tiny_graphs["motion_encoder"])
    onnx.checker.check_model(model)
    arrays = [onnx.numpy_helper.to_array(constant) for constant in model.graph.initializer]
    large = [array for array in arrays if array.dtype.kind == "f" and array.size >= 1024]
    assert large
    assert all(array.dtype == np.float16 for array in large)
    weight = tiny_networks.autoencoder.encoder.layers[0].weight.detach().numpy()
    stored = next(array for array in large if array.shape == weight.shape)
    np.testing.assert_allclose(stored, weight, rtol=1e-3, atol=1e-6)
    # mean and deviation are too small to be worth it
    assert any(array.dtype == np.float32 and array.size == LAYOUT.size for array in arrays)


@exporter
def test_a_graph_runs_at_lengths_it_was_not_exported_with(
    tiny: Stylizer, tiny_networks: TinyNetworks
) -> None:
    for frames in (16, 40, 200):
        features = (
            np.random.default_rng(frames).normal(size=(frames, LAYOUT.size)).astype(np.float32)
        )
        with torch.no_grad():
            wanted = tiny_networks.autoencoder.encoder(torch.from_numpy(features)[None])[0].numpy()
        np.testing.assert_allclose(
            tiny.graphs.encode(features), wanted, atol=0.02 * np.sqrt((wanted**2).mean()) + 1e-6
        )


@exporter
def test_a_classifier_is_exported_with_two_heads(corpus: Corpus) -> None:
    labels = Labels.of(corpus)
    assert labels.styles == ("bandai1/calm", "bandai1/proud", "bandai2/calm", "bandai2/proud")
    assert labels.contents == (
        "bandai1/turn-left",
        "bandai1/walk",
        "bandai2/turn-left",
        "bandai2/walk",
    )
    graph = onnx.load_from_string(
        export.classifier_graph(
            StyleContentClassifier(labels, ClassifierConfig(width=8), *statistics(corpus))
        )
    )
    assert [output.name for output in graph.graph.output] == [
        "style",
        "content",
        "style_vector",
        "content_vector",
    ]


# ---------------------------------------------------------------- the pipeline


def small(recipe: Recipe) -> Recipe:
    """The recipe with small networks and batches, every stage, loss and guide still in it."""

    def light(loop_config: LoopConfig) -> LoopConfig:
        return replace(loop_config, batch=4)

    return replace(
        recipe,
        sizes=SIZES,
        autoencoder=replace(recipe.autoencoder, loop=light(recipe.autoencoder.loop)),
        global_motion=replace(recipe.global_motion, loop=light(recipe.global_motion.loop)),
        guides=tuple(replace(guide, width=16, loop=light(guide.loop)) for guide in recipe.guides),
        stylizer=replace(recipe.stylizer, loop=light(recipe.stylizer.loop)),
        judge=replace(recipe.judge, width=16, loop=light(recipe.judge.loop)),
    )


def chosen_stems() -> list[str]:
    """For every style two clips to train on, and for those of set 2 one to validate with, all of
    contents that are common.
    """
    wanted: list[str] = []
    taken: dict[tuple[str, str, str], int] = defaultdict(int)
    for stem, split in sorted(read_splits().items()):
        label = BandaiName.parse(stem)
        if label.content not in ("walk", "dash", "walk-back") or (
            label.set_name,
            label.content,
        ) == ("bandai2", "walk-back"):
            continue
        key = (label.set_name, label.style, split)
        if taken[key] < {"train": 2, "validation": 1, "test": 0}[split]:
            taken[key] += 1
            wanted.append(stem)
    return wanted


def real_data(folder: Path, data: Path) -> None:
    found = {path.stem: path for path in (data / "bandai").glob("*/data/*.bvh")}
    for stem in chosen_stems():
        place = folder / "bandai" / found[stem].parents[1].name / "data"
        place.mkdir(parents=True, exist_ok=True)
        (place / found[stem].name).symlink_to(found[stem])


def made_data(folder: Path) -> None:
    for number, stem in enumerate(chosen_stems()):
        put(
            folder,
            f"bandai/made/data/{stem}.bvh",
            0.8 + 0.1 * (number % 4),
            0.3 * number,
        )
    for number in range(6):
        put(folder, f"unlabelled/cmu/{number}.bvh", 1.0, 0.5 * number)


def assert_trained(run: Run, told: list[str], walk_file: Path) -> None:
    """Everything is there, the bundle restyles, and a second call trains nothing again."""
    stylizer = Stylizer.load(run.folder / "bandai.kinestyle")
    assert len(stylizer.styles) == 22
    assert stylizer.bundle.manifest.training["recipe"] == json.loads(json.dumps(asdict(run.recipe)))
    assert set(stylizer.bundle.manifest.training["validation"]) == {
        "autoencoder",
        "global_motion",
        "stylizer",
        "refined",
    }
    clip = read_motion(walk_file)
    result = stylizer.stylize(clip, "old", strength=0.5)
    assert result.frame_count == clip.frame_count
    assert np.isfinite(result.local_rotation).all()
    first, second = judges(run.judge())
    assert (first.name, second.name) == ("network", "random kernels")
    assert first.styles == second.styles == tuple(style.name for style in stylizer.styles)
    stamp = second.path.stat().st_mtime_ns
    run.judge()
    assert second.path.stat().st_mtime_ns == stamp
    assert not [line for line in told if line.startswith("left out")]
    stamps = {path: path.stat().st_mtime_ns for path in run.folder.rglob("trained.pt")}
    assert len(stamps) == 9
    before = (run.folder / "bandai.kinestyle").read_bytes()
    run.stages()["bundle"]()
    assert {path: path.stat().st_mtime_ns for path in run.folder.rglob("trained.pt")} == stamps
    assert (run.folder / "bandai.kinestyle").read_bytes() == before


def trained(data: Path, folder: Path) -> tuple[Run, list[str]]:
    told: list[str] = []
    run = Run(small(shortened(RELEASED, 2)), data, folder, told.append)
    for stage in run.stages().values():
        stage()
    return run, told


@exporter
def test_from_motion_files_to_a_bundle(tmp_path: Path, walk_file: Path) -> None:
    made_data(tmp_path / "data")
    run, told = trained(tmp_path / "data", tmp_path / "run")
    assert any(line.startswith(f"{len(chosen_stems()) + 6} clips, ") for line in told)
    assert_trained(run, told, walk_file)
    changed = Run(small(shortened(RELEASED, 3)), run.data, run.folder, silent)
    with pytest.raises(
        DataError, match=r"trained.pt was made with another configuration; name another folder"
    ):
        changed.autoencoder()


@exporter
def test_from_real_motion_files_to_a_bundle(
    data_dir: Path, tmp_path: Path, walk_file: Path
) -> None:
    real_data(tmp_path / "data", data_dir)
    run, told = trained(tmp_path / "data", tmp_path / "run")
    assert_trained(run, told, walk_file)


def test_a_stage_trained_with_other_weights_of_losses_is_refused(tmp_path: Path) -> None:
    made_data(tmp_path / "data")
    recipe = small(shortened(RELEASED, 1))
    Run(recipe, tmp_path / "data", tmp_path / "run", silent).autoencoder()
    changed = replace(recipe, autoencoder=replace(recipe.autoencoder, kinematics=7.0))
    with pytest.raises(DataError):
        Run(changed, tmp_path / "data", tmp_path / "run", silent).autoencoder()


def test_a_shortened_recipe_differs_in_its_steps_only() -> None:
    short = shortened(RELEASED, 3)
    assert short.sizes == RELEASED.sizes
    for stage in ("autoencoder", "global_motion", "stylizer", "judge"):
        whole, cut = getattr(RELEASED, stage), getattr(short, stage)
        assert (cut.loop.steps, cut.loop.validate_every, cut.loop.warmup_steps) == (3, 3, 3)
        assert replace(cut, loop=whole.loop) == whole
    assert len(short.guides) == len(RELEASED.guides) == 3


def test_the_stylizer_never_trains_towards_the_clip_s_own_style(
    corpus: Corpus, tiny_networks: TinyNetworks
) -> None:
    labels = Labels.of(corpus)
    guide = StyleContentClassifier(labels, ClassifierConfig(width=8), *statistics(corpus))
    config = replace(
        RELEASED.stylizer, loop=replace(RELEASED.stylizer.loop, batch=12), crop_frames=32
    )
    stage = StylizerStage(corpus, SIZES, config, tiny_networks.autoencoder, [guide])
    for _ in range(3):
        samples = stage.draw()
        assert all(sample.target_style != sample.style for sample in samples)
        others = {sample.b: sample.style for sample in samples}
        assert all(others[sample.p] == sample.target_style for sample in samples)
    losses = stage.losses()
    assert all(math.isfinite(float(value.detach())) for value in losses.values())
    losses["total"].backward()
    # the guides and the autoencoder are listened to, and learn nothing
    assert all(
        parameter.grad is None
        for parameter in (*guide.parameters(), *tiny_networks.autoencoder.parameters())
    )
    assert all(parameter.grad is not None for parameter in stage.network.parameters())
