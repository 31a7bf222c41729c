"""Where a style comes from: mixes, references, draws without a cue."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kinestyle.bundle import Manifest, Style, shipped, write_bundle
from kinestyle.errors import RigError, StyleError
from kinestyle.motion.clip import Clip
from kinestyle.motion.rotation import Array
from kinestyle.rig.mapping import map_joints, rig_of
from kinestyle.rig.presets import preset
from kinestyle.rig.rig_file import write_rig
from kinestyle.runtime.cue import Cue
from kinestyle.runtime.settings import Settings
from kinestyle.runtime.stylizer import Stylizer
from made_rigs import (
    as_rig,
    stand,
    walk,
)
from stylizer_checks import degrees_apart


@pytest.fixture(scope="module")
def made(
    tmp_path_factory: pytest.TempPathFactory,
    tiny_manifest: Manifest,
    tiny_graphs: dict[str, bytes],
) -> Callable[..., Stylizer]:
    """The tiny bundle with another manifest."""

    def make(**changes: Any) -> Stylizer:
        path = tmp_path_factory.mktemp("made") / "made.kinestyle"
        write_bundle(path, replace(tiny_manifest, **changes), tiny_graphs)
        return Stylizer.load(path)

    return make


@pytest.fixture(scope="module")
def unlabelled(made: Callable[..., Stylizer]) -> Stylizer:
    return made(styles=(), prior="standard normal")


# ---------------------------------------------------------------- mixes


def test_a_mix_begins_and_ends_with_its_codes(tiny: Stylizer) -> None:
    a, b = tiny.style_of("proud", 3), tiny.style_of("one/calm", 3)

    def mix(*weights: float) -> Array:
        return tiny.style_of(Cue.of(("proud", "one/calm"), weights=weights or None), 3)

    np.testing.assert_array_equal(mix(1, 0), a)
    np.testing.assert_array_equal(mix(0, 0.3), b)
    np.testing.assert_allclose(mix(3, 1), 0.75 * a + 0.25 * b, atol=1e-6)
    np.testing.assert_array_equal(mix(), mix(7, 7))


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("size", [1e308, 1e-308])
def test_weights_of_any_size_mix(tiny: Stylizer, size: float) -> None:
    mixed = tiny.style_of(Cue.of(("proud", "calm"), weights=(size, size)))
    np.testing.assert_array_equal(mixed, tiny.style_of(Cue.of(("proud", "calm"))))


def test_a_mix_moves_from_a_style_to_a_reference_without_a_jump(
    released: Stylizer, walk_clip: Clip
) -> None:
    analysis = released.analyse(walk_clip)
    reference = released.reference_style(as_rig(walk(3.0).clip))

    def at(share: float) -> Clip:
        cue = Cue.of("old", like=reference, weights=(1.0 - share, share))
        return released.apply(analysis, released.style_of(cue))

    ends = [
        released.apply(analysis, released.style_of(cue))
        for cue in (Cue.of("old"), Cue.of(like=reference))
    ]
    for share, end in zip((0.0, 1.0), ends, strict=True):
        np.testing.assert_array_equal(at(share).local_rotation, end.local_rotation)
        np.testing.assert_array_equal(at(share).local_position, end.local_position)
    whole = degrees_apart(*ends).mean()
    assert whole > 1.0
    clips = [at(share) for share in np.linspace(0.0, 1.0, 11)]
    steps = np.array([degrees_apart(a, b).mean() for a, b in pairwise(clips)])
    assert (steps > 0.01 * whole).all()
    assert steps.max() < 0.4 * whole
    # and each step is as small as one likes
    for share in (0.0, 0.35, 0.8):
        assert degrees_apart(at(share), at(share + 1e-3)).mean() < 10.0 * whole * 1e-3
    left = np.array([degrees_apart(clip, ends[0]).mean() for clip in clips])
    arrived = np.array([degrees_apart(clip, ends[1]).mean() for clip in clips])
    assert (np.diff(left) > 0.0).all()
    assert (np.diff(arrived) < 0.0).all()


@pytest.mark.parametrize(
    ("weights", "sentence"),
    [
        ([1.0], "1 weights given for 2 styles to mix, expected one for each"),
        ([1.0, 1.0, 1.0], "3 weights given for 2 styles"),
        ([], "0 weights given for 2 styles"),
        (
            [0.0, 0.0],
            "the weights to mix by are 0, 0; they must be 0 or greater, and not all of them 0",
        ),
        ([1.5, -0.5], "by are 1.5, -0.5; they must be 0 or greater"),
        ([float("nan"), 1.0], "by are nan, 1; they must be"),
        ([float("inf"), 1.0], "by are inf, 1; they must be"),
    ],
)
def test_weights_that_are_none_are_refused(weights: list[float], sentence: str) -> None:
    with pytest.raises(StyleError) as caught:
        Cue.of(("proud", "calm"), weights=weights)
    assert sentence in str(caught.value)


def test_nothing_cannot_be_mixed() -> None:
    for nothing in ({}, {"style": []}, {"like": []}, {"weights": [1.0]}):
        with pytest.raises(StyleError, match="neither style nor like nor random is given"):
            Cue.of(**nothing)


# ---------------------------------------------------------------- references


@pytest.mark.parametrize("seed", [0, 5])
def test_several_references_give_the_mean_of_their_codes(
    tiny: Stylizer, walk_clip: Clip, seed: int
) -> None:
    clips = [walk_clip, stand(), as_rig(walk(2.0).clip)]
    codes = [tiny.style_of(Cue.of(like=clip), seed) for clip in clips]
    np.testing.assert_allclose(
        tiny.style_of(Cue.of(like=clips), seed), np.mean(codes, axis=0), rtol=1e-5
    )
    np.testing.assert_array_equal(tiny.style_of(Cue.of(like=[walk_clip]), seed), codes[0])
    np.testing.assert_allclose(
        tiny.style_of(Cue.of(like=[walk_clip] * 3), seed), codes[0], rtol=1e-6
    )
    together = tiny.stylize(walk_clip, like=clips, seed=seed)
    np.testing.assert_array_equal(
        together.local_rotation,
        tiny.apply(tiny.analyse(walk_clip), tiny.style_of(Cue.of(like=clips), seed)).local_rotation,
    )


def test_only_networks_that_read_labels_get_one(
    tiny: Stylizer, made: Callable[..., Stylizer], tiny_manifest: Manifest, walk_clip: Clip
) -> None:
    styles = tuple(
        replace(
            style, mean=np.array([*style.mean[:2], *one_hot]), std=np.repeat([0.5, 0.0], [2, 4])
        )
        for style, one_hot in zip(tiny_manifest.styles, np.eye(4), strict=True)
    )
    reads = made(styles=styles, label_numbers=4)
    for seed in (0, 2):
        plain, told = (
            reads.reference_style(walk_clip, label).variation(seed) for label in (None, "one/proud")
        )
        np.testing.assert_array_equal(told[-4:], [0.0, 1.0, 0.0, 0.0])
        np.testing.assert_array_equal(told[:-4], plain[:-4])
        np.testing.assert_array_equal(
            tiny.reference_style(walk_clip, "one/proud").variation(seed), plain
        )
    assert not np.array_equal(
        reads.style_of(Cue.of(like=walk_clip), 2)[:2], reads.style_of(Cue.of(like=walk_clip))[:2]
    )
    with pytest.raises(StyleError, match="no style is called 'furious'"):
        reads.reference_style(walk_clip, "furious")


# ---------------------------------------------------------------- no cue at all


def test_draws_without_a_cue_are_a_standard_normal_where_no_style_has_a_name(
    unlabelled: Stylizer,
) -> None:
    draws = np.array([unlabelled.style_of(Cue.of(random=True), seed) for seed in range(400)])
    assert draws.shape == (400, unlabelled.graphs.code_size)
    assert draws.dtype == np.float32
    np.testing.assert_allclose(draws.mean(axis=0), 0.0, atol=5.0 / np.sqrt(400))
    np.testing.assert_allclose(draws.std(axis=0), 1.0, rtol=0.2)
    assert len(np.unique(draws, axis=0)) == 400
    again = Stylizer.load(unlabelled.bundle.path)
    np.testing.assert_array_equal(
        draws[[0, 7]], [again.style_of(Cue.of(random=True), seed) for seed in (0, 7)]
    )


def test_a_bundle_with_nothing_to_draw_from_says_so(made: Callable[..., Stylizer]) -> None:
    with pytest.raises(
        StyleError, match=r"made.kinestyle has neither named styles nor a prior to draw from"
    ):
        made(styles=[]).style_of(Cue.of(random=True), 1)


def test_draws_without_a_cue_come_from_every_named_style_where_there_are_some(
    tiny: Stylizer,
) -> None:
    draws = np.array([tiny.style_of(Cue.of(random=True), seed) for seed in range(200)])
    away = np.stack([np.abs((draws - style.mean) / style.std).max(axis=1) for style in tiny.styles])
    assert (away.min(axis=0) < 5.0).all()
    counts = np.bincount(away.argmin(axis=0), minlength=len(tiny.styles))
    assert counts.min() > 25
    np.testing.assert_array_equal(tiny.style_of(Cue.of(random=True), 3), draws[3])
    assert len(np.unique(draws, axis=0)) == 200


def test_seeds_that_are_none_are_refused(
    tiny: Stylizer, unlabelled: Stylizer, walk_clip: Clip
) -> None:
    for call in (
        lambda: tiny.style_of(Cue.of(random=True), -1),
        lambda: unlabelled.style_of(Cue.of(random=True), -1),
        lambda: tiny.style_of(Cue.of(like=walk_clip), -1),
        lambda: tiny.stylize(walk_clip, "proud", seed=-1),
        lambda: Settings(seed=-1),
    ):
        with pytest.raises(StyleError, match="seed is -1, expected a whole number from 0 to"):
            call()


def test_a_bundle_without_named_styles_says_so_and_takes_references(
    unlabelled: Stylizer, walk_clip: Clip
) -> None:
    assert unlabelled.styles == ()
    with pytest.raises(
        StyleError, match=r"no style is called 'old'; the bundle made.kinestyle has no named styles"
    ):
        unlabelled.stylize(walk_clip, "old")
    assert degrees_apart(unlabelled.stylize(walk_clip, like=stand()), walk_clip).max() > 0.5


@pytest.mark.skipif(
    "unsupervised" not in shipped(),
    reason="the unsupervised bundle does not ship with this version",
)
def test_the_unsupervised_bundle_gives_variations_that_differ(walk_clip: Clip) -> None:
    stylizer = Stylizer.load("unsupervised")
    assert stylizer.styles == ()
    assert stylizer.bundle.manifest.prior == "standard normal"
    analysis = stylizer.analyse(walk_clip)
    variations = [
        stylizer.apply(analysis, stylizer.style_of(Cue.of(random=True), seed)) for seed in range(4)
    ]
    for i, variation in enumerate(variations):
        assert (
            0.3
            < degrees_apart(variation, walk_clip)[:, analysis.correspondence.joints].mean()
            < 40.0
        )
        assert all(degrees_apart(variation, other).mean() > 0.1 for other in variations[:i])


# ---------------------------------------------------------------- how Python asks


def test_every_way_to_ask_gives_the_same(tiny: Stylizer, walk_clip: Clip) -> None:
    standing = stand()
    analysis = tiny.analyse(walk_clip)
    cue: Cue[Clip | Style] = Cue.of(("proud", "calm"), like=standing, weights=(3, 2, 1))
    settings = Settings(strength=0.5, seed=2)
    expected = tiny.apply(analysis, tiny.style_of(cue, 2), strength=0.5)
    words: Any = {"weights": (3, 2, 1), "like": standing}
    for result in (
        tiny.stylize(walk_clip, cue, settings),
        tiny.stylize(walk_clip, cue, strength=0.5, seed=2),
        tiny.stylize(walk_clip, cue, Settings(seed=2), strength=0.5),
        tiny.stylize(walk_clip, style=("proud", "calm"), settings=settings, **words),
        tiny.stylize(walk_clip, ["proud", "calm"], strength=0.5, seed=2, **words),
        tiny.stylize(walk_clip, tiny.read_references(cue), settings),
    ):
        np.testing.assert_array_equal(result.local_rotation, expected.local_rotation)
        np.testing.assert_array_equal(result.local_position, expected.local_position)
    drawn = tiny.stylize(walk_clip, random=True, seed=4)
    other = tiny.apply(analysis, tiny.style_of(Cue.of(random=True), 4))
    np.testing.assert_array_equal(drawn.local_rotation, other.local_rotation)
    with pytest.raises(TypeError, match="strenght"):
        tiny.stylize(walk_clip, "proud", strenght=0.5)  # type: ignore[call-arg]


def test_a_rig_is_given_by_name_by_file_or_as_it_is(
    tiny: Stylizer, walk_clip: Clip, tmp_path: Path
) -> None:
    write_rig(rig_of(walk_clip, map_joints(walk_clip, preset("mixamo"))), tmp_path / "rig.json")
    expected = tiny.stylize(walk_clip, "proud", rig=preset("mixamo"))
    for rig in ("mixamo", tmp_path / "rig.json", str(tmp_path / "rig.json")):
        result = tiny.stylize(walk_clip, "proud", rig=rig)
        np.testing.assert_array_equal(result.local_rotation, expected.local_rotation)
        np.testing.assert_array_equal(
            tiny.style_of(Cue.of(like=walk_clip, like_rig=rig)),
            tiny.reference_style(walk_clip, rig=preset("mixamo")).mean,
        )
    with pytest.raises(RigError, match="no rig is called 'nosuch'"):
        tiny.stylize(walk_clip, "proud", rig="nosuch")
