"""The bundle for commercial use: its named styles are made ones, shown exactly on any rig."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from kinestyle.bundle import Bundle, Style
from kinestyle.bundle.made_style import (
    PLAIN,
    MadeStyle,
    as_json,
    mix_styles,
    parse_made_style,
    vary_style,
)
from kinestyle.bundle.manifest import Manifest
from kinestyle.errors import BundleError
from kinestyle.json_object import JsonObject
from kinestyle.motion import rotation
from kinestyle.motion.canonical import CANONICAL
from kinestyle.motion.clip import Clip
from kinestyle.motion.rotation import Array
from kinestyle.motion.window import WindowSize
from kinestyle.retarget.correspondence import to_canonical
from kinestyle.runtime.cue import Cue
from kinestyle.runtime.made_styles import apply_style
from kinestyle.runtime.stylizer import Analysis, Stylizer
from made_rigs import as_rig, walk

NAMES = sorted(style.label for style in Bundle.open("open").styles)


@pytest.fixture(scope="module")
def opened() -> Stylizer:
    return Stylizer.load("open")


@pytest.fixture(scope="module")
def analysis(opened: Stylizer) -> Analysis[Clip]:
    return opened.analyse(as_rig(walk(4.0).clip))


def on_canonical(analysis: Analysis[Clip], result: Clip) -> Array:
    return to_canonical(result, analysis.correspondence).world_rotation


def made(opened: Stylizer, name: str) -> MadeStyle:
    found = opened.bundle.style(name).made
    assert found is not None
    return found


def apart(a: Array, b: Array) -> Array:
    """Degrees, of each joint in each frame."""
    return np.degrees(rotation.angle(rotation.multiply(rotation.inverse(a), b)))


def pitch(world: Array, of: str = "chest") -> float:
    """Degrees by which a joint leans to the front."""
    up = rotation.rotate(world[:, CANONICAL.index(of)], np.array([0.0, 1.0, 0.0]))
    return float(np.degrees(np.arccos(np.clip(up[:, 1], -1.0, 1.0))).mean())


def test_it_says_that_it_may_be_used_commercially_and_knows_a_dozen_styles(
    opened: Stylizer,
) -> None:
    manifest = opened.bundle.manifest
    assert manifest.licence.startswith("CC BY 3.0")
    for owner in ("mocap.cs.cmu.edu", "Linden Research", "MIT"):
        assert owner in manifest.attribution
    assert len(NAMES) >= 12
    assert all(style.made is not None for style in opened.styles)
    assert len(opened.bundle.content) < 12e6


@pytest.mark.parametrize("name", NAMES)
def test_a_named_style_is_shown_exactly(
    opened: Stylizer, analysis: Analysis[Clip], name: str
) -> None:
    canonical = to_canonical(analysis.clip, analysis.correspondence)
    wanted = apply_style(canonical, replace(made(opened, name), tempo=1.0)).world_rotation
    result = on_canonical(analysis, opened.apply(analysis, opened.style_of(name)))
    legs = [k for k, n in enumerate(CANONICAL.names) if n.split("_")[-1] in ("foot", "toe")]
    upper = np.delete(np.arange(CANONICAL.joint_count), legs)  # feet are locked by the runtime
    was = apart(canonical.world_rotation, wanted)[:, upper].mean()
    assert apart(result, wanted)[:, upper].mean() < 0.35 * was


def test_strength_scales_it_and_goes_beyond(opened: Stylizer, analysis: Analysis[Clip]) -> None:
    leans = [
        pitch(
            on_canonical(
                analysis, opened.apply(analysis, opened.style_of("stooped"), strength=strength)
            )
        )
        for strength in (0.0, 0.5, 1.0, 1.5)
    ]
    steps = np.diff(leans)
    assert steps.min() > 8.0
    np.testing.assert_allclose(steps, steps.mean(), rtol=0.25)


def test_two_mix(opened: Stylizer, analysis: Analysis[Clip]) -> None:
    mixed = opened.style_of(Cue(style=("stooped", "arms-wide"), weights=(1.0, 1.0)))
    world = on_canonical(analysis, opened.apply(analysis, mixed))
    alone = on_canonical(analysis, opened.apply(analysis, opened.style_of("stooped")))
    plain = on_canonical(analysis, analysis.clip)
    assert 0.35 < (pitch(world) - pitch(plain)) / (pitch(alone) - pitch(plain)) < 0.65


def test_it_mixes_with_a_reference(opened: Stylizer, analysis: Analysis[Clip]) -> None:
    like = as_rig(walk(3.0, start_heading=1.0).clip)
    half = opened.style_of(Cue(style=("stooped",), like=(like,), weights=(1.0, 1.0)))
    assert half.made_share == 0.5
    whole = opened.style_of("stooped")
    leans = [pitch(on_canonical(analysis, opened.apply(analysis, code))) for code in (half, whole)]
    assert pitch(on_canonical(analysis, analysis.clip)) + 4.0 < leans[0] < leans[1] - 4.0


def test_every_number_is_another_variation(opened: Stylizer, analysis: Analysis[Clip]) -> None:
    results = [
        opened.apply(analysis, opened.style_of("swaggering", seed)).local_rotation
        for seed in (0, 1, 1, 2)
    ]
    np.testing.assert_array_equal(results[1], results[2])
    for one, other in ((0, 1), (1, 3), (0, 3)):
        assert apart(results[one], results[other]).max() > 2.0


def test_timing_is_the_styles_own(opened: Stylizer, analysis: Analysis[Clip]) -> None:
    style = made(opened, "heavy")
    assert style.tempo < 0.95
    slow = opened.apply(analysis, opened.style_of("heavy"), timing="style")
    assert slow.frame_count == pytest.approx(analysis.clip.frame_count / style.tempo, abs=2)
    kept = opened.apply(analysis, opened.style_of("heavy"))
    assert kept.frame_count == analysis.clip.frame_count


def test_a_long_clip_passes_from_window_to_window_without_a_jump() -> None:
    clip = as_rig(walk(24.0).clip)
    cut = Stylizer.load("open")
    cut.windows = WindowSize(whole_frames=60, whole_seconds=2.0, frames=120, seconds=4.0)
    whole = Stylizer.load("open")
    worlds = []
    for stylizer in (whole, cut):
        analysis = stylizer.analyse(clip)
        result = stylizer.apply(analysis, stylizer.style_of("loose"))
        shown = result.window(0, result.frame_count)
        worlds.append(on_canonical(analysis, shown))
    assert apart(*worlds).mean() < 2.0
    steps = [apart(world[:-1], world[1:]).max() for world in worlds]
    assert steps[1] < 1.2 * steps[0]


def test_a_manifest_says_what_a_made_style_is(opened: Stylizer) -> None:
    manifest = opened.bundle.manifest
    again = Manifest.parse(manifest.to_json(), "it")
    assert again.styles == manifest.styles
    assert again.styles[0] != replace(again.styles[0], made=None)
    assert isinstance(again.styles[0], Style)


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("offsets", [0.0] * 62, "63 numbers"),
        ("stride", 0.0, "a number from 0.1 to 3"),
        ("tempo", "slow", "a number from 0.25 to 4"),
        ("amplitude", [1.0], "2 numbers"),
        ("number", -1, "a whole number"),
    ],
)
def test_a_made_style_that_is_none_is_refused(name: str, value: object, said: str) -> None:
    content = json.dumps({**as_json(PLAIN), name: value}).encode()
    found = JsonObject.parse(content, "it", BundleError, "a style")
    with pytest.raises(BundleError, match=f"{name}: .*{said}"):
        parse_made_style(found)


def test_mixing_and_varying_stay_between_and_around() -> None:
    tall = replace(PLAIN, hip_height_m=0.02, stride=2.0, amplitude=(1.5, 1.0))
    low = replace(PLAIN, hip_height_m=-0.1, stride=0.5, amplitude=(0.6, 1.0), tremble=0.05)
    middle = mix_styles([tall, low], [1.0, 1.0])
    assert middle.hip_height_m == pytest.approx(-0.04)
    assert middle.stride == pytest.approx(1.0)
    assert middle.amplitude == pytest.approx((np.sqrt(0.9), 1.0))
    assert (middle.tremble, middle.tremble_hz) == (pytest.approx(0.025), low.tremble_hz)
    assert as_json(mix_styles([low], [3.0])) == as_json(low)
    assert vary_style(low, 0) is low
    varied = vary_style(low, 4)
    assert as_json(varied) == as_json(vary_style(low, 4)) != as_json(vary_style(low, 5))
    assert -0.25 < varied.hip_height_m < -0.03
    assert as_json(vary_style(PLAIN, 3)) == as_json(PLAIN) | {
        "tremble_hz": vary_style(PLAIN, 3).tremble_hz
    }
