"""Takes to choose from: variations that differ as far as they can, and keep their numbers."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from itertools import combinations

import numpy as np
import pytest

from kinestyle import Settings, Stylizer, choose_takes
from kinestyle.motion.clip import Clip
from kinestyle.motion.rotation import Array
from kinestyle.runtime.cue import Cue
from kinestyle.runtime.takes import farthest, joint_distances
from made_rigs import walk


@pytest.fixture(scope="module")
def plain() -> Clip:
    return walk(seconds=3.0).clip


def least_distance(released: Stylizer, clip: Clip, style: str, seeds: tuple[int, ...]) -> float:
    """Metres between the two takes that are most alike, the mean of a joint."""
    analysis = released.analyse(clip)
    made = [released.apply(analysis, released.style_of(style, seed)) for seed in seeds]
    return min(float(joint_distances(body(a)[None], body(b))[0]) for a, b in combinations(made, 2))


def body(clip: Clip) -> Array:
    position = clip.world_position
    return position - position[:, :1] * [1.0, 0.0, 1.0]


@pytest.mark.parametrize("style", ["proud", "youthful"])
def test_takes_differ_more_than_variations_in_a_row(
    released: Stylizer, plain: Clip, style: str
) -> None:
    analysis = released.analyse(plain)
    seeds = choose_takes(released, analysis, Cue.of(style), 8)
    assert seeds[0] == 0
    assert len(set(seeds)) == 8
    assert seeds == tuple(sorted(seeds))
    apart = least_distance(released, plain, style, seeds)
    assert apart > 1.15 * least_distance(released, plain, style, tuple(range(8)))
    assert apart > 0.008
    assert choose_takes(released, analysis, Cue.of(style), 8) == seeds


def test_the_first_take_is_the_one_that_is_asked_for(released: Stylizer, plain: Clip) -> None:
    analysis = released.analyse(plain)
    settings = Settings(seed=7)
    assert choose_takes(released, analysis, Cue.of("old"), 2, settings)[0] == 7
    assert choose_takes(released, analysis, Cue.of("old"), 1, settings) == (7,)


def test_the_farthest_is_taken_from_what_is_there_already() -> None:
    at = np.array([0.0, 0.1, 1.0, 0.9, 0.5])
    bodies = np.zeros((5, 2, 3, 3))
    bodies[..., 0] = at[:, None, None]
    assert farthest(bodies, 3) == [0, 2, 4]
    assert sorted(farthest(np.zeros((4, 1, 1, 3)), 4)) == [0, 1, 2, 3]


def test_a_number_makes_the_same_take_in_another_process(released: Stylizer) -> None:
    script = (
        "from kinestyle import Stylizer; import hashlib; "
        "print(hashlib.sha256(Stylizer.load().style_of('old', 11).tobytes()).hexdigest())"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    here = hashlib.sha256(released.style_of("old", 11).tobytes()).hexdigest()
    assert done.stdout.strip() == here
