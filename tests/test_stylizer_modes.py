"""The ways to ask for a style (names, references, mixes, draws without a cue), to travel, and how
well a clip is known.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest

from kinestyle.bundle import Manifest, shipped, write_bundle
from kinestyle.errors import StyleError
from kinestyle.evaluate.measures import planted_speed
from kinestyle.formats.table import read_motion, write_motion
from kinestyle.motion import rotation
from kinestyle.motion.clip import Clip
from kinestyle.motion.rotation import Array
from kinestyle.motion.smoothing import smooth_in_time
from kinestyle.retarget.contacts import find_contacts
from kinestyle.retarget.correspondence import correspond, to_canonical
from kinestyle.retarget.features import LAYOUT, at_feature_rate, clip_to_features
from kinestyle.runtime.change import HEIGHT_CLAMP_M, soft_clamp_height
from kinestyle.runtime.cue import Cue
from kinestyle.runtime.out_of_domain import FADE, FAR, DomainScore, reconstruction_error_cm
from kinestyle.runtime.residual import style_residual
from kinestyle.runtime.sequences import SMOOTHING_FRAMES
from kinestyle.runtime.settings import Root, Settings
from kinestyle.runtime.stylizer import Stylizer
from made_rigs import as_rig, stand, thrown_about, walk


def degrees_apart(a: Clip, b: Clip) -> Array:
    """(T, J) degrees between local rotations."""
    return np.degrees(
        rotation.angle(rotation.multiply(rotation.inverse(a.local_rotation), b.local_rotation))
    )


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


def test_the_way_from_a_style_to_a_reference_has_no_jump(
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
    way = [at(share) for share in np.linspace(0.0, 1.0, 11)]
    steps = np.array([degrees_apart(a, b).mean() for a, b in pairwise(way)])
    assert (steps > 0.01 * whole).all()
    assert steps.max() < 0.4 * whole
    # and each step is as small as one likes
    for share in (0.0, 0.35, 0.8):
        assert degrees_apart(at(share), at(share + 1e-3)).mean() < 10.0 * whole * 1e-3
    left = np.array([degrees_apart(clip, ends[0]).mean() for clip in way])
    arrived = np.array([degrees_apart(clip, ends[1]).mean() for clip in way])
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


def test_a_label_is_told_to_networks_that_read_labels_and_to_no_others(
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
def test_the_unsupervised_bundle_gives_takes_that_differ(walk_clip: Clip) -> None:
    stylizer = Stylizer.load("unsupervised")
    assert stylizer.styles == ()
    assert stylizer.bundle.manifest.prior == "standard normal"
    analysis = stylizer.analyse(walk_clip)
    takes = [
        stylizer.apply(analysis, stylizer.style_of(Cue.of(random=True), seed)) for seed in range(4)
    ]
    for i, take in enumerate(takes):
        assert 0.3 < degrees_apart(take, walk_clip)[:, analysis.correspondence.joints].mean() < 40.0
        assert all(degrees_apart(take, other).mean() > 0.1 for other in takes[:i])


# ---------------------------------------------------------------- the way it travels


def hips_path(clip: Clip) -> Array:
    """(T, 3) where the hips are, in file units."""
    return clip.world_position[:, clip.skeleton.index("Hips")]


@pytest.mark.parametrize("moving_root", [False, True])
def test_kept_root_is_the_input_s_to_the_last_digit(
    tiny: Stylizer, tmp_path: Path, moving_root: bool
) -> None:
    clip, path, out = (
        as_rig(walk(2.0).clip, moving_root=moving_root),
        tmp_path / "in.bvh",
        tmp_path / "out.bvh",
    )
    write_motion(clip, path)
    clip = read_motion(path)
    result = tiny.stylize(clip, "one/calm", root="keep")
    np.testing.assert_array_equal(result.local_position, clip.local_position)
    np.testing.assert_allclose(hips_path(result), hips_path(clip), atol=1e-9)
    assert degrees_apart(result, clip).max() > 1.0
    write_motion(result, out)
    np.testing.assert_array_equal(read_motion(out).local_position, clip.local_position)


def test_a_copied_root_goes_over_the_ground_as_the_input_s_and_rises_with_the_style(
    tiny: Stylizer,
) -> None:
    clip = as_rig(walk(2.0).clip, metres_per_unit=1.0)
    result = tiny.stylize(clip, "one/calm", root="copied")
    change = hips_path(result) - hips_path(clip)
    np.testing.assert_allclose(change[:, [0, 2]], 0.0, atol=1e-9)
    assert np.abs(change[:, 1]).max() > 0.001


def test_a_predicted_root_goes_as_the_global_motion_predictor_says(tiny: Stylizer) -> None:
    clip = as_rig(walk(2.0).clip, metres_per_unit=1.0)
    analysis, code, strength = tiny.analyse(clip), tiny.style_of("one/calm"), 0.8
    graphs = tiny.graphs
    velocity = []
    for style in (code, analysis.style.mean):
        features = smooth_in_time(
            graphs.decode(graphs.generate(analysis.content, style)).astype(float), SMOOTHING_FRAMES
        )
        velocity.append(graphs.root_velocity(features[: clip.frame_count]).astype(float))
    step = np.zeros((clip.frame_count, 3))
    step[:, [0, 2]] = strength * (velocity[0] - velocity[1])
    expected = np.cumsum(rotation.rotate(rotation.about_y(analysis.heading), step), axis=0)[:-1]
    change = hips_path(tiny.apply(analysis, code, strength=strength, root="predicted")) - hips_path(
        clip
    )
    scale = analysis.correspondence.scale_to_canonical  # the rig's metres to canonical ones
    np.testing.assert_allclose(scale * change[1:, [0, 2]], expected[:, [0, 2]], atol=1e-6)
    assert np.abs(expected).max() > 0.005


def test_planted_feet_carry_the_hips_only_where_they_are_planted(
    tiny: Stylizer, walk_clip: Clip
) -> None:
    code = tiny.style_of("one/calm")

    def paths(clip: Clip) -> dict[Root, Array]:
        analysis = tiny.analyse(clip)
        return {root: hips_path(tiny.apply(analysis, code, root=root)) for root in get_args(Root)}

    walking = paths(walk_clip)
    assert np.abs(walking["planted"] - walking["predicted"])[:, [0, 2]].max() > 0.5  # centimetres
    away = walk(2.0).clip
    position = away.local_position.copy()
    position[:, 0, 2] += 0.1 * np.arange(
        len(position)
    )  # 3 m/s faster than the legs walk: no foot is planted
    gliding = paths(as_rig(away.with_motion(position, away.local_rotation)))
    np.testing.assert_array_equal(gliding["planted"], gliding["predicted"])
    assert np.abs(gliding["planted"] - gliding["copied"])[:, [0, 2]].max() > 0.01


@pytest.mark.parametrize("root", get_args(Root))
def test_every_root_gives_the_clip_back_at_strength_0(
    tiny: Stylizer, walk_clip: Clip, root: Root
) -> None:
    same = tiny.stylize(walk_clip, "proud", strength=0.0, root=root)
    np.testing.assert_array_equal(same.local_rotation, walk_clip.local_rotation)
    np.testing.assert_array_equal(same.local_position, walk_clip.local_position)
    little = tiny.stylize(walk_clip, "proud", strength=1e-6, root=root)
    assert np.abs(little.world_position - walk_clip.world_position).max() < 0.01  # centimetres


def test_a_root_that_is_none_is_refused(tiny: Stylizer, walk_clip: Clip) -> None:
    with pytest.raises(
        StyleError, match="root is 'floating', expected one of planted, predicted, copied, keep"
    ):
        tiny.stylize(walk_clip, "proud", root="floating")  # type: ignore[arg-type]


@pytest.mark.parametrize("root", get_args(Root))
@pytest.mark.parametrize("name", ["cmu_12_01_walk", "zombie"])
def test_feet_stay_planted_on_real_rigs_whatever_the_root_does(
    released: Stylizer, data_dir: Path, name: str, root: Root
) -> None:
    clip = read_motion(data_dir / "wild" / f"{name}.bvh")
    analysis = released.analyse(clip)
    result = released.apply(analysis, released.style_of("elderly"), root=root)
    before, after = (
        at_feature_rate(to_canonical(c, analysis.correspondence)) for c in (clip, result)
    )
    contact = find_contacts(before)
    assert planted_speed(after, contact).mean() <= 1.25 * planted_speed(before, contact).mean()
    if root == "keep":
        np.testing.assert_array_equal(result.local_position, clip.local_position)


# ---------------------------------------------------------------- how well a clip is known


def test_a_clip_that_comes_back_as_it_was_fits(walk_clip: Clip) -> None:
    features = clip_to_features(to_canonical(walk_clip, correspond(walk_clip)))
    same = DomainScore("walk", reconstruction_error_cm(features, features), 0.5)
    np.testing.assert_allclose(same.error_cm, 0.0, atol=1e-9)
    assert not same.is_far
    assert same.warnings == ()
    turned = features.copy()
    turned[:, LAYOUT["joint_rotation"]] = np.roll(turned[:, LAYOUT["joint_rotation"]], 20, axis=0)
    error_cm = reconstruction_error_cm(features, turned)
    assert DomainScore("walk", error_cm, 0.01).is_far
    unknown = DomainScore("walk", error_cm, None)
    assert np.isnan(unknown.times_reference).all()
    assert not unknown.is_far
    assert unknown.warnings == ()


def test_motion_unlike_any_that_was_learned_is_pointed_out(
    released: Stylizer, walk_clip: Clip
) -> None:
    usual = released.bundle.manifest.reference_error_cm
    assert usual is not None
    known = released.analyse(walk_clip).domain
    assert len(known.error_cm) == 151
    assert known.warnings == ()
    found = released.analyse(thrown_about(walk_clip, "Spine", "LeftArm", "RightArm")).domain
    assert found.times_reference.mean() > FAR
    (sentence,) = found.warnings
    assert sentence.startswith("walk is unlike what the model learned from (given back to ")
    assert sentence.endswith(
        "times its reference error); look at the result, a lower strength may be better"
    )


def test_a_bundle_that_does_not_say_its_usual_error_warns_of_nothing(
    tiny: Stylizer, walk_clip: Clip
) -> None:
    assert tiny.bundle.manifest.reference_error_cm is None
    found = tiny.analyse(walk_clip).domain
    assert found.error_cm.mean() > 5.0
    assert found.warnings == ()


def far_from(clip: str, times_reference: Array) -> DomainScore:
    return DomainScore(clip, 0.5 * times_reference, 0.5)


def test_a_style_fades_where_the_error_stays_far_and_nowhere_else() -> None:
    time = np.arange(400)
    np.testing.assert_array_equal(far_from("walk", np.full(400, 0.99 * FADE[0])).share, 1.0)
    np.testing.assert_allclose(far_from("lying", np.full(400, FADE[1])).share, 0.0, atol=1e-12)
    # one bad frame is no reason, a bad second is one, and the way there is smooth
    assert far_from("walk", np.where(time == 200, 3.0 * FADE[0], 1.0)).share.min() == 1.0
    share = far_from("fall", np.where(abs(time - 200) < 40, 2.0 * FADE[1], 1.0)).share
    assert share[200] == 0.0
    np.testing.assert_array_equal(share[[80, 320]], 1.0)
    assert np.abs(np.diff(share)).max() < 0.12
    np.testing.assert_array_equal(DomainScore("walk", np.full(9, 1e3), None).share, 1.0)


def test_what_was_faded_is_said() -> None:
    time = np.arange(300)
    (note,) = far_from("fall", np.where(abs(time - 150) < 40, 40.0, 1.0)).notes("fade")
    assert "fall is unlike what the model learned from" in note
    assert "the style is faded from " in note
    assert "(at the least 0 % of it is left" in note
    assert far_from("walk", np.ones(300)).notes("fade") == ()
    ignored = far_from("fall", np.full(300, 40.0))
    assert ignored.notes("ignore") == ignored.warnings != ()


def test_where_a_clip_is_unlike_all_that_was_learned_it_stays_as_it_is(
    tiny: Stylizer, walk_clip: Clip
) -> None:
    analysis, code = tiny.analyse(walk_clip), tiny.style_of("one/calm")
    late = np.arange(len(analysis.heading)) > 0.6 * len(analysis.heading)
    odd = replace(analysis, domain=far_from("walk", np.where(late, 100.0, 1.0)))
    known, faded, ignored = (
        tiny.apply(analysis, code),
        tiny.apply(odd, code),
        tiny.apply(odd, code, out_of_domain="ignore"),
    )
    np.testing.assert_array_equal(known.local_rotation, ignored.local_rotation)
    np.testing.assert_array_equal(known.local_position, ignored.local_position)
    arms = [walk_clip.skeleton.index(name) for name in ("LeftArm", "RightForeArm", "Head")]
    frames = walk_clip.frame_count
    early, end = slice(0, int(0.35 * frames)), slice(int(0.85 * frames), None)
    # what is far has no say about what is not, but for the spline from one rate to the other
    np.testing.assert_allclose(
        faded.local_rotation[early, arms], known.local_rotation[early, arms], atol=1e-9
    )
    np.testing.assert_allclose(
        faded.local_rotation[end, arms], walk_clip.local_rotation[end, arms], atol=1e-9
    )
    assert (
        np.abs(known.local_rotation[end, arms] - walk_clip.local_rotation[end, arms]).max() > 1e-3
    )
    with pytest.raises(StyleError, match="out_of_domain is 'guess', expected one of fade, ignore"):
        tiny.apply(analysis, code, out_of_domain="guess")  # type: ignore[arg-type]


def test_real_motion_of_the_training_kind_fits_and_a_dance_does_not(
    released: Stylizer, data_dir: Path
) -> None:
    usual = (
        data_dir
        / "bandai"
        / "Bandai-Namco-Research-Motiondataset-2"
        / "data"
        / "dataset-2_walk_normal_001.bvh"
    )
    near, far = (
        released.analyse(read_motion(p)).domain
        for p in (usual, data_dir / "wild" / "jesse_dance.bvh")
    )
    assert near.times_reference.mean() < 3.0
    assert far.error_cm.mean() > 3.0 * near.error_cm.mean()


def test_what_is_missed_slowly_is_manner_unless_it_is_too_much() -> None:
    steps = np.arange(60)
    lasting = np.full((8, 60), 0.3, dtype=np.float32)
    np.testing.assert_allclose(style_residual(lasting), lasting, atol=1e-6)
    quick = np.broadcast_to(0.3 * np.where(steps % 2, 1.0, -1.0), (8, 60)).astype(np.float32)
    assert np.abs(style_residual(quick)[:, 10:-10]).max() < 0.01
    np.testing.assert_array_equal(style_residual(10.0 * lasting), np.zeros((8, 60)))
    between = style_residual(3.0 * lasting)
    assert 0.0 < between.min() <= between.max() < 0.9


def test_hips_rise_as_far_as_a_manner_can_be_believed() -> None:
    rise = np.linspace(-1.0, 1.0, 2001)
    taken = soft_clamp_height(rise)
    np.testing.assert_allclose(taken, -taken[::-1], atol=1e-12)
    small = np.abs(rise) <= HEIGHT_CLAMP_M[0]
    np.testing.assert_array_equal(taken[small], rise[small])
    assert 0.9 * HEIGHT_CLAMP_M[1] < taken.max() < HEIGHT_CLAMP_M[1]
    slope = np.diff(taken) / np.diff(rise)
    assert np.abs(np.diff(slope)).max() < 0.02, "a corner would be seen as a jolt"
