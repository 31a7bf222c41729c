"""How a clip is restyled: `Settings`, one value with everything that can be set.

A further setting is a further field here, and what the stylizer does with it: all that an interface
has to know of it is in the field's metadata, see `kinestyle.runtime.options`.

This module loads neither numpy nor onnxruntime: a command that only shows its help names it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypedDict

from kinestyle.errors import StyleError, WrongTypeError, wrong_type
from kinestyle.runtime.curve import OverTime
from kinestyle.runtime.options import (
    BodyParts,
    Choice,
    ClipRig,
    FrameCount,
    Moment,
    Number,
    Switch,
    WholeNumber,
    options_of,
)
from kinestyle.runtime.part_names import ALL, Parts, parse_parts

if TYPE_CHECKING:
    from kinestyle.rig.rig_file import Rig

EDITS = ("start", "stop", "loop", "in_place", "root_motion", "out_fps")
"""The settings of what is done to any motion, restyled or not: which part of it, where, and at what
rate."""

Root = Literal["auto", "planted", "predicted", "copied", "keep"]
"""Where the hips' trajectory over the ground, and their height, come from:

auto: as `planted` where the body walks or runs; on the clip's path where it does not, as in a
    dance or a fight (the default)
planted: as far as planted feet carry them; where no foot is planted, as the global motion predictor
    says
predicted: the global motion predictor alone, as in Guo et al.; pace follows the style, feet are
    locked afterwards
copied: the input's velocity over the ground; height follows the style
keep: the rig's own numbers, height included: a clip that has to meet a prop or another character
"""

Timing = Literal["keep", "style", "fit"]
"""What becomes of the clip's tempo, see `kinestyle.runtime.timing`:

keep: nothing, every frame stays at its time (the default)
style: as fast as the style is; the frame time stays, the number of frames changes
fit: movements are hurried or slowed as the style does it, pauses make up for it; the number of
    frames stays
"""

ActionMode = Literal["keep", "free"]
"""What limbs do where they do what the networks do not know, see `kinestyle.runtime.action`:

keep: hands and feet get as high, as low and as far as in the clip, and when (the default)
free: as the networks say
"""

CycleMode = Literal["auto", "yes", "no"]
"""Whether a clip is a round that repeats, or on a treadmill, see `kinestyle.runtime.cycles`:

auto: where its last pose is its first, and where its feet show a treadmill (the default)
yes: it is a cycle, whatever its seam
no: it is a clip that begins and ends, in the place where it is
"""

Keep = Literal["local", "world"]
"""What parts of the body that take no style keep, see `kinestyle.runtime.parts`:

local: their pose, the clip's own numbers (the default)
world: hands their place in the world too; arms reach for it
"""

STRENGTH_BOUNDS = (0.0, 1e6)
"""The most is beyond all sense already, and still computable."""

ReferenceMode = Literal["posture", "code"]
"""How a reference is heard whose style the bundle did not learn, see `kinestyle.runtime.reference`:

posture: as far as no learned style is near, by how the body is held in it (the default)
code: by the networks alone, like any other
"""

OutOfDomain = Literal["fade", "ignore"]
"""What is done where a clip is out of the bundle's domain, see `kinestyle.runtime.out_of_domain`:

fade: the style fades out, as far as the score says (the default)
ignore: the clip is restyled all the same
"""

FootMode = Literal["lock", "free"]
"""What becomes of planted feet where the motion is changed, see `kinestyle.retarget.foot_lock`:

lock: they stay planted (the default)
free: they go where the change takes them
"""

RootMotion = Literal["keep", "root", "hips"]
"""Which bone carries the travel over the ground, on a rig with one above the hips, see
`kinestyle.retarget.placement`:

keep: the one that carries it in the clip (the default)
root: the root; the hips sway against it
hips: the hips; the root stays where it is in the first frame
"""

Output = Literal["motion", "layer"]
"""What is written, see `kinestyle.motion.layer`:

motion: the motion itself (the default)
layer: what changed, as an additive animation
"""


@dataclass(frozen=True)
class Settings:
    """How a clip is restyled. Checked when it is made. Raises StyleError."""

    strength: OverTime = field(
        default=1.0,
        metadata={
            "option": Number(
                label="Strength",
                help="0 changes nothing, 1 is the style, more exaggerates",
                least=STRENGTH_BOUNDS[0],
                most=STRENGTH_BOUNDS[1],
                slider=(0.0, 1.5, 0.05),
                over_time=True,
            )
        },
    )
    parts: str = field(
        default=ALL,
        metadata={
            "option": BodyParts(
                label="Parts",
                help="the parts of the body and joints that take the style, each with a weight "
                "from 0 to 1 if that is not 1, as arms,head or spine=1,left_arm=.5",
            )
        },
    )
    keep: Keep = field(
        default="local",
        metadata={
            "option": Choice(
                label="Left-out hands",
                help="where hands are that are not among the parts",
                choices={
                    "local": "where the body carries them, in the clip's own pose",
                    "world": "where they are in the clip, as on a rail",
                },
            )
        },
    )
    seed: int = field(
        default=0,
        metadata={
            "option": WholeNumber(
                label="Variation",
                help="0 is the middle of a style, every other number another variation of it",
                least=0,
                most=2**32 - 1,
            )
        },
    )
    root: Root = field(
        default="auto",
        metadata={
            "option": Choice(
                label="Travel",
                help="how the result travels",
                choices={
                    "auto": "as planted feet carry it in walks, else on the clip's path",
                    "planted": "as planted feet carry it",
                    "predicted": "as the networks say",
                    "copied": "at the clip's velocity",
                    "keep": "on the clip's very path",
                },
            )
        },
    )
    action: ActionMode = field(
        default="keep",
        metadata={
            "option": Choice(
                label="Action",
                help="what limbs do where the clip does what the model never learned",
                choices={
                    "keep": "what they do in the clip",
                    "free": "what the model makes of it",
                },
            )
        },
    )
    reference: ReferenceMode = field(
        default="posture",
        metadata={
            "option": Choice(
                label="Reference",
                help="how a reference is heard whose style the model never learned",
                choices={
                    "posture": "by how the body is held in it",
                    "code": "by the model alone",
                },
            )
        },
    )
    timing: Timing = field(
        default="keep",
        metadata={
            "option": Choice(
                label="Timing",
                help="how fast the result moves",
                choices={
                    "keep": "as the clip does, frame by frame",
                    "style": "as the style does, in more frames or fewer",
                    "fit": "as the style does within the clip's frames",
                },
            )
        },
    )
    out_of_domain: OutOfDomain = field(
        default="fade",
        metadata={
            "option": Choice(
                label="Out of domain",
                help="where the clip is unlike all that the model learned",
                choices={"fade": "fade the style out", "ignore": "restyle it all the same"},
                aliases=("--beyond",),
            )
        },
    )
    cycle: CycleMode = field(
        default="auto",
        metadata={
            "option": Choice(
                label="Cycle",
                help="whether the clip repeats, so that the result has to",
                choices={
                    "auto": "where its last pose is its first; a clip on a treadmill stays there",
                    "yes": "it does",
                    "no": "it begins and ends",
                },
            )
        },
    )
    feet: FootMode = field(
        default="lock",
        metadata={
            "option": Choice(
                label="Feet",
                help="what becomes of planted feet",
                choices={"lock": "they stay planted", "free": "they go along with the change"},
            )
        },
    )
    start: float | str | None = field(
        default=None,
        metadata={
            "option": Moment(
                label="From",
                help="where in the clip the result begins, in seconds, or as a frame such as 45f; "
                "what lies before still counts as context",
                word="from",
            )
        },
    )
    stop: float | str | None = field(
        default=None,
        metadata={
            "option": Moment(
                label="To",
                help="where in the clip the result ends, in seconds, or as a frame such as 90f, "
                "which is its last",
                word="to",
            )
        },
    )
    loop: int = field(
        default=0,
        metadata={
            "option": FrameCount(
                label="Loop over",
                help="make a cycle: the last frames of the result, so many, are blended into its "
                "first; 0 leaves it as it is",
                least=0,
                most=100_000,
            )
        },
    )
    in_place: bool = field(
        default=False,
        metadata={
            "option": Switch(
                label="In place",
                help="take the travel over the ground away, as on a treadmill; the hips still sway",
            )
        },
    )
    root_motion: RootMotion = field(
        default="keep",
        metadata={
            "option": Choice(
                label="Root motion",
                help="which bone carries the travel, on a rig with a root above the hips",
                choices={
                    "keep": "the one that carries it in the clip",
                    "root": "the root",
                    "hips": "the hips",
                },
            )
        },
    )
    out_fps: float = field(
        default=0.0,
        metadata={
            "option": Number(
                label="Rate",
                help="frames a second of the result, 0 for those of the clip; it lasts as long "
                "(--fps says what rate a clip has)",
                least=0.0,
                most=1000.0,
            )
        },
    )
    output: Output = field(
        default="motion",
        metadata={
            "option": Choice(
                label="Output",
                help="what the file holds",
                choices={
                    "motion": "the result",
                    "layer": "what changed, as an additive animation over the clip",
                },
            )
        },
    )
    keep_original: bool = field(
        default=False,
        metadata={
            "option": Switch(
                label="Keep the original",
                help="in a file with animations, write the result as a further one instead of "
                "replacing the one that was read",
            )
        },
    )
    t_pose: bool = field(
        default=False,
        metadata={
            "option": Switch(
                label="T-pose in front",
                help="begin the result with one more frame, the rig's T-pose, as many retargeting "
                "tools want it",
            )
        },
    )
    rig: Rig | str | Path | None = field(
        default=None,
        metadata={
            "option": ClipRig(
                label="Rig",
                help="which joint of the clip is which: a family such as mixamo, or a file of "
                "`kinestyle map`; without it, the body is found in the clip",
            )
        },
    )

    def __post_init__(self) -> None:
        for option in options_of(type(self)):
            object.__setattr__(self, option.name, option.checked(getattr(self, option.name)))
        if self.output == "layer" and self.timing != "keep":
            raise StyleError(
                f"output is layer and timing {self.timing}: a layer lies over the clip's own "
                f"frames, so give timing keep, or output motion"
            )

    @property
    def body_parts(self) -> Parts:
        """What `parts` says."""
        return parse_parts(self.parts)

    def as_options(self) -> list[str]:
        """The words of the command line that set the same."""
        return [
            word
            for option in options_of(type(self))
            for word in option.as_words(getattr(self, option.name))
        ]

    def as_dict(self) -> dict[str, Any]:
        """As JSON, without what belongs to the clip."""
        return {
            option.name: option.as_json(getattr(self, option.name))
            for option in options_of(type(self))
            if not option.of_clip
        }


def changed(settings: Settings | None, changes: Mapping[str, Any]) -> Settings:
    """The settings, or the defaults, with some changed. Raises StyleError, WrongTypeError."""
    if settings is not None and not isinstance(settings, Settings):
        raise wrong_type("settings", settings, "Settings, or keywords such as strength=0.5")
    known = [option.name for option in options_of(Settings)]
    for name in changes:
        if name not in known:
            from difflib import get_close_matches  # only where something is refused

            near = get_close_matches(name, known, 1)
            mean = f"did you mean {near[0]}?" if near else f"there are {', '.join(known)}"
            raise WrongTypeError(f"there is no setting {name!r}; {mean}")
    return replace(settings or Settings(), **changes)


class SettingsChanges(TypedDict, total=False):
    """The fields of `Settings` as keywords, for those who check types."""

    strength: OverTime
    parts: str
    keep: Keep
    seed: int
    root: Root
    action: ActionMode
    reference: ReferenceMode
    timing: Timing
    out_of_domain: OutOfDomain
    cycle: CycleMode
    feet: FootMode
    start: float | str | None
    stop: float | str | None
    loop: int
    in_place: bool
    root_motion: RootMotion
    out_fps: float
    output: Output
    keep_original: bool
    t_pose: bool
    rig: Rig | str | Path | None
