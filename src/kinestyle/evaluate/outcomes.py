"""What is known of real clips and of results: the rows from which `kinestyle.evaluate.summary`
makes figures.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from kinestyle.evaluate.judge import Prediction
from kinestyle.evaluate.protocol import Case, TestClip
from kinestyle.evaluate.trivial import JointStatistics
from kinestyle.evaluate.truth import Cell, Take
from kinestyle.label import Label
from kinestyle.motion.rotation import Array


def style_right(prediction: Prediction, target: str) -> bool:
    """Whether a judge finds a style, among those of the style's set."""
    return prediction.style_in[Label.parse(target).set] == target


def content_right(contents: Sequence[str], prediction: Prediction, clip: TestClip) -> bool | None:
    """Whether a judge that learned `contents` finds a clip's, among those of the clip's set; None
    if it never learned it.
    """
    if clip.content not in contents:
        return None
    return prediction.content_in[clip.set_name] == clip.content


@dataclass(frozen=True, eq=False)
class RealClip:
    """A labelled clip as it is.

    predictions: of each judge
    body: (T, 21, 3) as `body_positions`, for the distance to the truth
    """

    clip: TestClip
    predictions: tuple[Prediction, ...]
    body: Array
    statistics: JointStatistics


@dataclass(frozen=True, eq=False)
class RealClips:
    """The real clips of a run by their file's name, and the truth made of some of them."""

    clips: Mapping[str, RealClip]

    @cached_property
    def cells(self) -> dict[tuple[str, str], Cell]:
        """By style, and by content without its set. Set 2 has enough test clips to be the truth;
        set 1, with one clip a cell, lends those of the training split too.
        """
        takes: dict[tuple[str, str], list[Take]] = {}
        for name, real in self.clips.items():
            if real.clip.split == "test" or real.clip.set_name == "bandai1":
                key = real.clip.style, Label.parse(real.clip.content).name
                takes.setdefault(key, []).append(Take(name, real.body))
        return {key: Cell(tuple(found)) for key, found in takes.items()}

    def cell(self, style: str, content: str) -> Cell | None:
        """The clips of a style and a content, whatever the content's set; None where there are
        none.
        """
        return self.cells.get((style, Label.parse(content).name))


@dataclass(frozen=True)
class Geometry:
    """Measures of a result beside its input. Metres, seconds, radians.

    planted_speed, input_planted_speed: sums over `planted_samples`, of the rig's own ankles and
        toes, on the canonical body's scale
    skating, input_skating: as `skating_ratio`, of the same joints
    path: mean distance between the two trajectories over the ground; path_length: of the input's
    beyond_limits: share of joints and frames
    flips: as `bone_flips`
    """

    planted_speed: float
    input_planted_speed: float
    planted_samples: int
    skating: float
    input_skating: float
    jerk: float
    input_jerk: float
    floor: float
    geodesic: float
    path: float
    path_length: float
    beyond_limits: float
    input_beyond_limits: float
    flips: int


@dataclass(frozen=True, eq=False)
class Outcome:
    """All that is known of one result.

    predictions: of each judge
    geometry: None where the result is another clip, which has no frames in common with the input
    truth, input_truth: metres a joint from the nearest real clip of the target cell; NaN where
        there is none
    """

    case: Case
    predictions: tuple[Prediction, ...]
    geometry: Geometry | None
    truth: float
    input_truth: float


@dataclass(frozen=True)
class Diversity:
    """How far several variations of one case are apart, as means over pairs.

    vectors: between style vectors, for each judge
    metres: between joints in equal frames
    right: for each judge, the share of variations with the right style and content
    all_right: for each judge, whether all of them are right
    """

    case: Case
    vectors: tuple[float, ...]
    metres: float
    right: tuple[float, ...]
    all_right: tuple[bool, ...]
