"""Parts of the body, and strength over time, on every rig of the contract."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from contract_rigs import RIGS, opened
from kinestyle.errors import StyleError
from kinestyle.motion import rotation
from kinestyle.motion.clip import Clip
from kinestyle.motion.rotation import Array
from kinestyle.retarget.correspondence import to_canonical
from kinestyle.retarget.legs import contact_positions
from kinestyle.runtime import restyled
from kinestyle.runtime.analysis import Analysis
from kinestyle.runtime.cue import Cue
from kinestyle.runtime.curve import Curve
from kinestyle.runtime.part_names import BODY_PARTS, SMALLEST_PARTS
from kinestyle.runtime.parts import joint_weights
from kinestyle.runtime.reference import StyleCode
from kinestyle.runtime.settings import Settings
from kinestyle.runtime.stylizer import Stylizer

each_rig = pytest.mark.parametrize("rig", RIGS)


@dataclass(frozen=True, eq=False)
class Opened:
    stylizer: Stylizer
    analysis: Analysis[Clip]
    code: StyleCode

    @property
    def clip(self) -> Clip:
        return self.analysis.clip

    def restyled(self, **changes: object) -> Clip:
        return self.stylizer.apply(self.analysis, self.code, Settings(**changes))  # type: ignore[arg-type]

    def weights(self, parts: str) -> Array:
        return joint_weights(Settings(parts=parts).body_parts, self.analysis.correspondence)

    def slide(self, clip: Clip) -> float:
        """Metres a second of planted feet."""
        c = self.analysis.correspondence
        feet = contact_positions(clip, c, to_canonical(clip, c))
        planted = self.analysis.contact[1:] & self.analysis.contact[:-1]
        steps = np.linalg.norm(np.diff(feet, axis=0)[..., [0, 2]], axis=-1)
        return float((steps * planted).sum() / max(planted.sum(), 1) / clip.frame_time_seconds)


@pytest.fixture(scope="module")
def open_rig(released: Stylizer, data_dir: Path):  # type: ignore[no-untyped-def]
    @cache
    def opening(rig: str) -> Opened:
        analysis = released.analyse(opened(data_dir, RIGS[rig]))
        return Opened(released, analysis, released.style_of("old"))

    return opening


def turn(before: Clip, after: Clip) -> Array:
    """(T, J, 3) rotation vectors of the change of local rotations."""
    change = rotation.multiply(rotation.inverse(before.local_rotation), after.local_rotation)
    return rotation.log(change)


def assert_same(a: Clip, b: Clip) -> None:
    np.testing.assert_array_equal(a.local_rotation, b.local_rotation)
    np.testing.assert_array_equal(a.local_position, b.local_position)


@each_rig
def test_no_weight_is_the_input_and_full_weight_is_no_mask(open_rig, rig: str) -> None:  # type: ignore[no-untyped-def]
    case: Opened = open_rig(rig)
    whole = case.restyled()
    for parts in ("upper=0", {"spine": 0, "left_leg": 0}):
        assert_same(case.restyled(parts=parts), case.clip)
    for parts in ({"all": 1.0}, "upper,lower", SMALLEST_PARTS):
        assert_same(case.restyled(parts=parts), whole)


@each_rig
def test_what_is_left_out_keeps_its_numbers(open_rig, rig: str) -> None:  # type: ignore[no-untyped-def]
    case: Opened = open_rig(rig)
    for parts in ("upper", "arms,head", "spine=1,left_arm=.5"):
        result = case.restyled(parts=parts)
        out = case.weights(parts) == 0.0
        np.testing.assert_array_equal(
            result.local_rotation[:, out], case.clip.local_rotation[:, out]
        )
        # without legs nobody goes anywhere else
        np.testing.assert_array_equal(result.local_position, case.clip.local_position)
        assert np.abs(turn(case.clip, result)[:, ~out]).max() > 1e-3
    hips = case.analysis.correspondence.mapping.joints["hips"]
    result, out = case.restyled(parts="lower"), case.weights("lower") == 0.0
    np.testing.assert_array_equal(result.local_rotation[:, out], case.clip.local_rotation[:, out])
    assert case.weights("lower")[hips] == 1.0


@each_rig
def test_parts_add_up(open_rig, rig: str, monkeypatch: pytest.MonkeyPatch) -> None:  # type: ignore[no-untyped-def]
    # where a styled arm is in the way of a styled leg, the two together are more than both
    monkeypatch.setattr(restyled, "hands_out_of_legs", lambda _, after, *__: after)
    case: Opened = open_rig(rig)
    whole = turn(case.clip, case.restyled())
    upper, lower = (turn(case.clip, case.restyled(parts=parts)) for parts in ("upper", "lower"))
    weights = np.stack([case.weights("upper"), case.weights("lower")])
    roles = list(case.analysis.correspondence.mapping.joints.values())
    np.testing.assert_allclose(weights.sum(axis=0)[roles], 1.0)
    shared = (weights > 0.0).all(axis=0)
    np.testing.assert_allclose((upper + lower)[:, ~shared], whole[:, ~shared], atol=1e-3)
    # one change taken twice half: about one axis they add up as well
    np.testing.assert_allclose((upper + lower)[:, shared], whole[:, shared], atol=1e-3)


@each_rig
def test_weights_fall_off_along_the_chain(open_rig, rig: str) -> None:  # type: ignore[no-untyped-def]
    case: Opened = open_rig(rig)
    joints = case.analysis.correspondence.mapping.joints
    arms = case.weights("arms")
    assert arms[joints["left_upper_arm"]] == 1.0
    if "left_clavicle" in joints and "chest" in joints:
        assert arms[joints["left_clavicle"]] == 0.5
    assert arms[joints["hips"]] == 0.0
    for part in BODY_PARTS:
        weights = case.weights(part)
        assert ((weights >= 0.0) & (weights <= 1.0)).all()


@each_rig
def test_feet_are_no_worse_under_any_mask(open_rig, rig: str) -> None:  # type: ignore[no-untyped-def]
    case: Opened = open_rig(rig)
    allowed = max(case.slide(case.clip), case.slide(case.restyled())) + 0.005
    for parts in ("lower", "hips", "left_leg", "legs", "spine,hips=.5", "right_leg=.3,arms"):
        assert case.slide(case.restyled(parts=parts)) <= allowed, parts


@each_rig
def test_strength_over_time(open_rig, rig: str) -> None:  # type: ignore[no-untyped-def]
    """A constant curve is its number; where it is 0 there is the input; no key pops, no foot
    slides.
    """
    case: Opened = open_rig(rig)
    end = case.clip.duration_seconds
    assert_same(case.restyled(strength=f"0:.5,{end:.2f}:.5"), case.restyled(strength=0.5))
    assert_same(case.restyled(strength=lambda _: 0.5), case.restyled(strength=0.5))
    keys = np.array([0.2, 0.4, 0.6, 0.8]) * end
    result = case.restyled(strength=Curve(keys, [[0.0], [1.0], [1.0], [0.0]]))
    seconds = np.arange(case.clip.frame_count) * case.clip.frame_time_seconds
    none = (seconds <= keys[0]) | (seconds >= keys[-1])
    assert none.any()
    for name in ("local_rotation", "local_position"):
        np.testing.assert_array_equal(getattr(result, name)[none], getattr(case.clip, name)[none])
    change = turn(case.clip, result)
    assert np.abs(change).max() > 0.02
    bend = np.linalg.norm(np.diff(change, n=2, axis=0), axis=-1).max(axis=1)
    at_keys = np.zeros(len(bend), dtype=bool)
    for key in np.searchsorted(seconds, keys):
        at_keys[max(0, key - 3) : key + 2] = True
    usual = np.linalg.norm(np.diff(turn(case.clip, case.restyled()), n=2, axis=0), axis=-1)
    assert bend[at_keys].max() <= max(bend[~at_keys].max(), usual.max(), 0.02)
    allowed = max(case.slide(case.clip), case.slide(case.restyled())) + 0.01
    assert case.slide(result) <= allowed


@each_rig
def test_a_part_of_the_clip_is_the_result_cut_afterwards(open_rig, rig: str) -> None:  # type: ignore[no-untyped-def]
    case: Opened = open_rig(rig)
    last = case.clip.frame_count - 1
    first, stop = last // 4, last // 2
    whole, part = case.restyled(), case.restyled(start=f"{first}f", stop=f"{stop}f")
    assert_same(part, whole.window(first, stop + 1))
    seconds = case.clip.frame_time_seconds
    assert_same(case.restyled(start=first * seconds, stop=stop * seconds), part)


@each_rig
def test_shares_that_stay_are_those_numbers(open_rig, rig: str) -> None:  # type: ignore[no-untyped-def]
    case: Opened = open_rig(rig)
    end = case.clip.duration_seconds

    def mixed(weights: object) -> Clip:
        cue = Cue.of(["old", "childish"], weights=weights)  # type: ignore[arg-type]
        return case.stylizer.apply(case.analysis, case.stylizer.style_of(cue))

    assert_same(mixed(f"0:3,1;{end:.1f}:3,1"), mixed((0.75, 0.25)))
    assert_same(mixed((1.0, 0.0)), case.restyled())


def test_a_style_for_each_part(open_rig) -> None:  # type: ignore[no-untyped-def]
    case: Opened = open_rig("bandai")
    old, proud = (case.restyled(parts=parts) for parts in ("spine,head", "arms"))
    of_proud = case.stylizer.apply(case.analysis, case.stylizer.style_of("proud"))
    both = case.stylizer.apply(
        case.analysis, case.stylizer.style_of(Cue.of(["old@spine,head", "proud@arms"]))
    )
    back, arms = case.weights("spine,head"), case.weights("arms")
    np.testing.assert_array_equal(
        both.local_rotation[:, back == 1.0], old.local_rotation[:, back == 1.0]
    )
    np.testing.assert_array_equal(
        both.local_rotation[:, arms == 1.0], of_proud.local_rotation[:, arms == 1.0]
    )
    neither = (back == 0.0) & (arms == 0.0)
    np.testing.assert_array_equal(
        both.local_rotation[:, neither], case.clip.local_rotation[:, neither]
    )
    # a style without parts takes what the others leave
    rest = case.stylizer.apply(case.analysis, case.stylizer.style_of(Cue.of(["old", "proud@arms"])))
    legs = case.weights("lower") == 1.0
    np.testing.assert_array_equal(
        rest.local_rotation[:, legs], case.restyled().local_rotation[:, legs]
    )
    assert not np.array_equal(old.local_rotation, proud.local_rotation)


def test_shares_of_two_styles_over_time(open_rig) -> None:  # type: ignore[no-untyped-def]
    case: Opened = open_rig("bandai")
    end = case.clip.duration_seconds

    def mixed(weights: object) -> Clip:
        cue = Cue.of(["old", "childish"], weights=weights)  # type: ignore[arg-type]
        return case.stylizer.apply(case.analysis, case.stylizer.style_of(cue))

    assert_same(mixed(f"0:1,1;{end:.1f}:1,1"), mixed((1.0, 1.0)))
    third = end / 3.0
    over_time = mixed(f"{third:.3f}:1,0;{2 * third:.3f}:0,1")
    seconds = np.arange(case.clip.frame_count) * case.clip.frame_time_seconds
    for where, weights in ((seconds < third, (1.0, 0.0)), (seconds > 2 * third, (0.0, 1.0))):
        only, upper = mixed(weights), case.weights("upper") == 1.0
        apart = rotation.angle(
            rotation.multiply(
                rotation.inverse(only.local_rotation[where]), over_time.local_rotation[where]
            )
        )
        # but for the spline between 30 frames a second and the clip's
        assert apart[2:-2, upper].max() < 1e-3


def test_hands_that_are_left_out_may_stay_where_they_are(open_rig) -> None:  # type: ignore[no-untyped-def]
    case: Opened = open_rig("wave_hello")
    c = case.analysis.correspondence
    hands = [c.mapping.joints[f"{side}_hand"] for side in ("left", "right")]

    def off(keep: str) -> float:
        result = case.restyled(parts="spine,head", keep=keep)
        apart = result.world_position[:, hands] - case.clip.world_position[:, hands]
        return float(np.linalg.norm(apart, axis=-1).max() * c.scale_to_canonical)

    assert off("local") > 0.02
    assert off("world") < 0.005  # stretched arms reach as far as they can


def test_a_joint_has_a_name_of_its_own(open_rig) -> None:  # type: ignore[no-untyped-def]
    case: Opened = open_rig("wave_hello")
    forearm = case.analysis.correspondence.mapping.joints["right_forearm"]
    name = case.clip.skeleton.names[forearm]
    for said in (name, name.upper(), "right_forearm"):
        weights = case.weights(f"{said}=.25")
        assert np.flatnonzero(weights).tolist() == [forearm]
        assert weights[forearm] == 0.25
    upper = case.weights(f"upper,{name}=0")
    assert upper[forearm] == 0.0
    assert upper.sum() == case.weights("upper").sum() - 1.0
    assert case.weights(f"{name}=0,upper")[forearm] == 1.0


@pytest.mark.parametrize(
    ("parts", "sentence"),
    [
        ("left_am", "neither a part nor a joint; did you mean 'left_arm'\\? Parts are all, upper"),
        ("xyzzy", "neither a part nor a joint; Parts are all, upper.*; joints are "),
    ],
)
def test_an_unknown_part_is_refused_with_what_there_is(  # type: ignore[no-untyped-def]
    open_rig, parts: str, sentence: str
) -> None:
    case: Opened = open_rig("bandai")
    with pytest.raises(StyleError, match=sentence):
        case.restyled(parts=parts)
    code = case.stylizer.style_of(Cue.of(f"old@{parts}"))
    with pytest.raises(StyleError, match=sentence):
        case.stylizer.apply(case.analysis, code)


@pytest.mark.parametrize("parts", ["", "arms,,head", "arms=2", "arms=-1", "arms=x", "=1", 3])
def test_parts_that_say_nothing_are_refused(parts: object) -> None:
    with pytest.raises(StyleError, match=r"parts is .* expected names with commas between them"):
        Settings(parts=parts)  # type: ignore[arg-type]
    if isinstance(parts, str):
        with pytest.raises(StyleError, match="parts is "):
            Cue.of(f"old@{parts}")
