"""Made styles as a set of a corpus: exact pairs, in every step that learns from them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from kinestyle.errors import DataError
from kinestyle.evaluate.protocol import TestClip
from kinestyle.evaluate.unseen_styles import draw_hearings
from kinestyle.formats.table import read_motion, write_motion
from kinestyle.learn.data.corpus import TABLE, Corpus
from kinestyle.learn.data.made_clips import (
    SET_NAME,
    MadeConfig,
    exact_pairs,
    held_out_set,
    is_made,
    plan,
    style_name,
    style_numbers,
    with_made_clips,
    without_made,
)
from kinestyle.learn.data.made_styles import held_out
from kinestyle.retarget.features import LAYOUT, clip_to_features, features_to_clip
from kinestyle.runtime.made_styles import apply_style
from made_rigs import as_rig, walk

CONFIG = MadeConfig(styles=12, clips=3, group=6, longest_seconds=1.2)


def silent(_: str) -> None: ...


@pytest.fixture(scope="module")
def long_corpus() -> Corpus:
    """Walks long enough to be cut into pieces, two without a label."""
    from kinestyle.learn.data.corpus import Entry

    arrays, entries, start = [], [], 0
    for number in range(8):
        features = clip_to_features(walk(2.0, start_heading=0.4 * number).clip).astype(np.float32)
        unlabelled = number % 4 == 3
        entries.append(
            Entry(
                f"walk_{number}",
                "cmu" if unlabelled else "one",
                "" if unlabelled else f"one/{'ab'[number % 2]}",
                "" if unlabelled else "walk",
                "validation" if number == 6 else "train",
                start,
                start + len(features),
            )
        )
        arrays.append(features)
        start += len(features)
    return Corpus(np.concatenate(arrays), tuple(entries), "sha")


@pytest.fixture(scope="module")
def made(long_corpus: Corpus, tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    return with_made_clips(long_corpus, CONFIG, tmp_path_factory.mktemp("run") / "made", silent)


def test_styles_come_in_groups_of_the_same_pieces(long_corpus: Corpus) -> None:
    first, second = groups = plan(long_corpus, CONFIG)
    assert plan(long_corpus, CONFIG) == groups
    assert plan(long_corpus, replace(CONFIG, seed=1)) != groups
    styles = [{made.entry.style for made in group} for group in groups]
    assert sorted(styles[0] | styles[1]) == [style_name(number) for number in style_numbers(12)]
    assert not any(held_out(number) for number in style_numbers(200))
    for group in (first, second):
        pieces = {(made.piece.base.stem, made.piece.first) for made in group}
        assert len(pieces) == 3
        assert len({stem for stem, _ in pieces}) == 3
        assert len(group) == 6 * 3
        for made in group:
            assert made.piece.base.split == "train"
            assert made.piece.frame_count == 36
            assert 0 <= made.piece.first <= made.piece.base.frame_count - 36
    # clips without a label are as good a base, and their set counts as much as a larger one
    bases = [made.piece.base.set_name for group in groups for made in group]
    assert {"cmu", "one"} == set(bases)


def test_a_corpus_without_a_long_clip_is_refused(long_corpus: Corpus) -> None:
    short = replace(
        long_corpus,
        entries=tuple(replace(entry, stop=entry.start + 20) for entry in long_corpus.entries),
    )
    with pytest.raises(DataError, match="no training clip has 40 frames or more"):
        plan(short, CONFIG)


def test_real_clips_stay_where_they_were(long_corpus: Corpus, made: Corpus) -> None:
    count = len(long_corpus.features)
    np.testing.assert_array_equal(made.features[:count], long_corpus.features)
    assert without_made(made).entries == long_corpus.entries
    assert made.entries[: len(long_corpus.entries)] == long_corpus.entries
    added = [entry for entry in made.entries if is_made(entry)]
    assert len(added) == 12 * 3
    assert len({entry.stem for entry in made.entries}) == len(made.entries)
    assert {entry.split for entry in added} == {"train"}
    assert all(entry.style.startswith(f"{SET_NAME}/") for entry in added)
    assert np.isfinite(made.features).all()


def test_a_pair_is_the_piece_in_the_style_frame_by_frame(long_corpus: Corpus, made: Corpus) -> None:
    pytest.importorskip("torch")
    from kinestyle.learn.data.device_corpus import DeviceCorpus

    pairs = exact_pairs(groups := plan(long_corpus, CONFIG))
    motion = LAYOUT.only("root_height", "joint_position", "joint_rotation")
    tempos = set()
    for clip in (group[k] for group in groups for k in (0, 7, 14)):
        piece, style = clip.piece, clip.style
        frames = pairs.frames[piece.base.stem, clip.entry.style]
        assert len(frames) == piece.base.frame_count
        known = np.flatnonzero(np.isfinite(frames))
        np.testing.assert_array_equal(known, np.arange(piece.first, piece.last))
        found = DeviceCorpus(made).between(frames[None])[0].numpy()[known]
        start = piece.base.start
        rows = long_corpus.features[start + piece.first : start + piece.last].astype(float)
        contact = rows[:, LAYOUT["foot_contact"]] > 0.5
        # the same style in the piece's own time
        timed = apply_style(features_to_clip(rows), replace(style, tempo=1.0), contact)
        wanted = clip_to_features(timed)
        off = np.abs(found[:, motion] - wanted[:, motion])[2:-2]
        tempos.add(style.tempo)
        assert off.max() < (1e-5 if style.tempo == 1.0 else 0.12)
        assert off.mean() < 0.01
        assert np.abs(found[:, motion] - rows[:, motion]).mean() > 1e-3
    assert len(tempos) > 1
    assert 1.0 in tempos


def test_two_made_styles_of_a_piece_are_each_others_pairs(
    long_corpus: Corpus, made: Corpus
) -> None:
    groups = plan(long_corpus, CONFIG)
    pairs = exact_pairs(groups)
    group = groups[0]
    for source in group:
        for target in group:
            key = source.entry.stem, target.entry.style
            if source.piece != target.piece or source.entry.style == target.entry.style:
                continue
            frames = pairs.frames[key]
            assert len(frames) == source.entry.frame_count
            assert frames[0] == target.entry.start
            assert frames[-1] <= target.entry.stop - 1
            assert frames[-1] > target.entry.stop - 3
    assert not any(
        (source.entry.stem, target.entry.style) in pairs.frames
        for source in groups[0]
        for target in groups[1]
    )


def test_they_are_made_once(long_corpus: Corpus, tmp_path: Path) -> None:
    said: list[str] = []
    with_made_clips(long_corpus, CONFIG, tmp_path, said.append)
    assert said == [
        "made styles: 1 of 2 groups, 18 clips",
        "made styles: 2 of 2 groups, 18 clips",
    ]
    stamp = (tmp_path / TABLE).stat().st_mtime_ns
    with_made_clips(long_corpus, CONFIG, tmp_path, said.append)
    assert (tmp_path / TABLE).stat().st_mtime_ns == stamp
    fewer = with_made_clips(long_corpus, replace(CONFIG, styles=6), tmp_path, said.append)
    assert len(said) == 3
    assert sum(map(is_made, fewer.entries)) == 18


# ---------------------------------------------------------------- the stylizer's samples


def test_a_share_of_the_samples_has_an_exact_pair(long_corpus: Corpus, made: Corpus) -> None:
    pytest.importorskip("torch")
    from kinestyle.learn.data.corpus import CropSampler
    from kinestyle.learn.data.device_corpus import DeviceCorpus
    from kinestyle.learn.stages.classifiers import UNKNOWN
    from kinestyle.learn.stages.stylizer_batches import StylizerBatches

    pairs = exact_pairs(plan(long_corpus, CONFIG))
    sampler = CropSampler(made, 24, 0)
    batches = StylizerBatches(made, sampler, pairs, 0.2, 0.5, made_share=0.5)
    samples = [sample for _ in range(8) for sample in batches.draw(16)]
    styles = batches.labels.styles
    exact = [s for s in samples if styles[s.target.style].startswith(f"{SET_NAME}/")]
    assert len(exact) == 8 * 8
    # ordinary samples never see a made style
    assert not any(is_made(s.source.entry) for s in samples if s not in exact)
    sources = {is_made(sample.source.entry) for sample in exact}
    assert sources == {True, False}
    assert any(sample.source.style == UNKNOWN for sample in exact)
    for sample in exact:
        assert sample.target.entry.style == styles[sample.target.style]
        assert sample.source.style != sample.target.style
        if sample.source.style != UNKNOWN:
            assert styles[sample.source.style] == sample.source.entry.style
    batch = batches.cut(exact, DeviceCorpus(made))
    assert float(batch.paired.min()) == 1.0
    height = LAYOUT["root_height"]
    # the pair is the same moment: where the base stands, so does the pair
    apart = (batch.pair[..., height] - batch.a[..., height]).abs().mean()
    assert 0.0 < float(apart) < 0.2
    none = StylizerBatches(long_corpus, CropSampler(long_corpus, 24, 0), pairs, 0.2, 0.5, 0.5)
    assert not any(is_made(sample.target.entry) for sample in none.draw(16))


def test_auxiliary_classifiers_are_asked_of_real_styles_only(
    long_corpus: Corpus, made: Corpus, tiny_networks: object
) -> None:
    pytest.importorskip("torch")
    import torch

    from kinestyle.learn.data.corpus import group_statistics
    from kinestyle.learn.stages.classifiers import (
        ClassifierConfig,
        Labels,
        StyleContentClassifier,
    )
    from kinestyle.learn.stages.stylizer import (
        EXACT_PAIR_TERMS,
        StylizerConfig,
        StylizerStage,
        StylizerWeights,
    )
    from small_training import LOOP

    known = StyleContentClassifier(
        Labels.of(long_corpus), ClassifierConfig(width=8), *group_statistics(long_corpus.features)
    )
    config = StylizerConfig(loop=replace(LOOP, batch=8), crop_frames=24, made_share=0.5)
    stage = StylizerStage(
        made,
        tiny_networks.sizes,  # type: ignore[attr-defined]
        config,
        tiny_networks.autoencoder,  # type: ignore[attr-defined]
        [known],
        exact_pairs(plan(long_corpus, CONFIG)),
    )
    samples = stage.draw()
    made_ones, real = samples[4:], samples[:4]
    losses = stage.losses_of(made_ones)
    assert float(losses["auxiliary_style"].detach()) == 0.0
    assert float(losses["pair"].detach()) > 0.0
    assert float(stage.losses_of(real)["auxiliary_style"].detach()) > 0.0
    losses = stage.losses_of(samples)
    assert all(torch.isfinite(value) for value in losses.values())
    losses["total"].backward()
    # what only exact pairs teach is there where something weighs it, and in no other batch
    assert not set(EXACT_PAIR_TERMS) & set(losses)
    weighed = replace(StylizerWeights(), **dict.fromkeys(EXACT_PAIR_TERMS, 1.0))
    stage.config = replace(config, weights=weighed)
    losses = stage.losses_of(samples)
    assert set(EXACT_PAIR_TERMS) <= set(losses)
    for name in ("made_pair", "pair_latent", "pair_content", "contrast"):
        assert float(losses[name].detach()) > 0.0, name
    more = {name: value.detach() for name, value in losses.items()}
    own = stage.opponents()
    rest = sum(weight * more[name] for name, weight in vars(weighed).items() if name in more) + sum(
        more[name] for name in own
    )
    torch.testing.assert_close(more["total"], rest)
    assert not {"contrast", "pair_latent"} & set(stage.losses_of(real))


# ---------------------------------------------------------------- P6


def test_styles_for_the_benchmark_are_those_that_are_never_learned(tmp_path: Path) -> None:
    bases = []
    for number in range(4):
        path = tmp_path / f"{number}.bvh"
        clip = walk(2.0 if number else 0.5, start_heading=float(number)).clip
        write_motion(as_rig(clip, up="Z"), path)
        bases.append(TestClip(path, "", "", path.name))
    (tmp_path / "broken.bvh").write_text("no motion")
    bases.append(TestClip(tmp_path / "broken.bvh", "", "", ""))
    folder = tmp_path / "made"
    folder.mkdir()
    found = held_out_set(bases, folder, styles=2, pieces=2)
    assert found.styles == ("made/0009", "made/0019")
    assert len(found.clips) == 3 * 2
    hearings = draw_hearings(found, ("reference",))
    assert len(hearings) == 2 * 2 * 2
    neutral, styled = (
        read_motion(path) for path in (hearings[0].case.clip.path, hearings[0].styled.path)
    )
    assert neutral.skeleton.names == styled.skeleton.names
    again = held_out_set(bases, folder, styles=2, pieces=2)
    assert again == found
