"""How well a bundle knows a clip, and what is done where it does not."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from kinestyle.errors import StyleError
from kinestyle.formats.table import read_motion
from kinestyle.motion.clip import Clip
from kinestyle.motion.rotation import Array
from kinestyle.retarget.correspondence import correspond, to_canonical
from kinestyle.retarget.features import LAYOUT, clip_to_features, heading_free_rotation
from kinestyle.runtime.out_of_domain import FADE, FAR, DomainScore, reconstruction_error_cm
from kinestyle.runtime.settings import Settings
from kinestyle.runtime.stylizer import Stylizer
from made_rigs import (
    thrown_about,
)


def test_a_clip_that_comes_back_as_it_was_fits(walk_clip: Clip) -> None:
    features = clip_to_features(to_canonical(walk_clip, correspond(walk_clip)))
    rotation = heading_free_rotation(features)
    same = DomainScore("walk", reconstruction_error_cm(rotation, rotation), 0.5)
    np.testing.assert_allclose(same.error_cm, 0.0, atol=1e-9)
    assert not same.is_far
    assert same.warnings == ()
    turned = features.copy()
    turned[:, LAYOUT["joint_rotation"]] = np.roll(turned[:, LAYOUT["joint_rotation"]], 20, axis=0)
    error_cm = reconstruction_error_cm(rotation, heading_free_rotation(turned))
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


def test_a_bundle_without_a_reference_error_warns_of_nothing(
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
    # one bad frame is no reason, a bad second is one, and the fade is smooth
    assert far_from("walk", np.where(time == 200, 3.0 * FADE[0], 1.0)).share.min() == 1.0
    share = far_from("fall", np.where(abs(time - 200) < 40, 2.0 * FADE[1], 1.0)).share
    assert share[200] == 0.0
    np.testing.assert_array_equal(share[[80, 320]], 1.0)
    assert np.abs(np.diff(share)).max() < 0.12
    np.testing.assert_array_equal(DomainScore("walk", np.full(9, 1e3), None).share, 1.0)


FADE_ALL = Settings(action="free")


def test_what_was_faded_is_said() -> None:
    time = np.arange(300)
    (note,) = far_from("fall", np.where(abs(time - 150) < 40, 40.0, 1.0)).notes(FADE_ALL)
    assert "fall is unlike what the model learned from" in note
    assert "the style is faded from " in note
    assert "(at the least 0 % of it is left" in note
    assert far_from("walk", np.ones(300)).notes(FADE_ALL) == ()
    ignored = far_from("fall", np.full(300, 40.0))
    assert ignored.notes(Settings(out_of_domain="ignore")) == ignored.warnings != ()


def test_where_a_clip_is_unlike_all_that_was_learned_it_stays_as_it_is(
    tiny: Stylizer, walk_clip: Clip
) -> None:
    analysis, code = tiny.analyse(walk_clip), tiny.style_of("one/calm")
    late = np.arange(len(analysis.heading)) > 0.6 * len(analysis.heading)
    odd = replace(analysis, domain=far_from("walk", np.where(late, 100.0, 1.0)))
    known, faded, ignored = (
        tiny.apply(analysis, code, FADE_ALL),
        tiny.apply(odd, code, FADE_ALL),
        tiny.apply(odd, code, FADE_ALL, out_of_domain="ignore"),
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
