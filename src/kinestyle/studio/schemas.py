"""The bodies of the HTTP interface, for checking and for its documentation."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, WithJsonSchema, WrapValidator, create_model

from kinestyle.formats.reading import Reading
from kinestyle.formats.table import MAX_FPS, MIN_FPS
from kinestyle.runtime.cue import Cue
from kinestyle.runtime.options import Number, Option, options_of
from kinestyle.runtime.settings import Settings

JOB = r"^[A-Za-z0-9_-]{1,64}$"
Other = TypeVar("Other")

ENDING = r"^\.[a-z0-9]{1,8}$"

JobName = Annotated[
    str,
    Field(
        pattern=JOB, description="A name of the client's choice, to ask for progress or to cancel."
    ),
]
Name = Annotated[str, Field(min_length=1, max_length=200)]
MOST_TAKES = 48
MOST_CURVE_LETTERS = 50_000


def _or_curve(value: Any, handler: Callable[[Any], Any]) -> Any:
    """Keys over time are text, which is read with all else that is checked together."""
    if not (isinstance(value, str) and ":" in value):
        return handler(value)
    if len(value) > MOST_CURVE_LETTERS:
        raise ValueError(f"a curve of {len(value)} letters, at most {MOST_CURVE_LETTERS} are read")
    return value


_TEXT = {"type": "string", "pattern": ":", "maxLength": MOST_CURVE_LETTERS}
NumberOrCurve = Annotated[
    float,
    WrapValidator(_or_curve),
    WithJsonSchema({"anyOf": [{"type": "number"}, _TEXT]}),
]
Weights = Annotated[
    list[float],
    Field(max_length=64),
    WrapValidator(_or_curve),
    WithJsonSchema({"anyOf": [{"type": "array", "items": {"type": "number"}}, _TEXT]}),
]
RigName = Annotated[str, Field(min_length=1, max_length=100)]
Fps = Annotated[float, Field(ge=MIN_FPS, le=MAX_FPS)]
AnimationName = Annotated[str, Field(min_length=1, max_length=300)]
CharacterNumber = Annotated[int, Field(ge=1, le=100_000)]
CHARACTER = (
    "Which character, where the file holds several skeletons, persons or samples: its number, from "
    "1 on, see `inspection.characters`."
)
UpAxis = Literal["+X", "+Y", "+Z", "-X", "-Y", "-Z"]
UP = "The axis of the file that points up, where that is found wrongly."
SWAP_SIDES = (
    "Whether left and right are swapped in the clip's names, as in mirrored captures; without it, "
    "knees that bend clearly tell."
)
LEVEL = (
    "Whether to bring a tilted floor to level for the work, as planted feet show it; without it, "
    "that is done where they show it clearly."
)
ANIMATION = (
    "Which animation, where the file holds several: its name, see `inspection.animations`, or its "
    "number, from 1. Without it, the active one, else the one that moves most."
)
FPS = "Frames a second of the clip, where its file states none or a wrong rate."


class Failure(BaseModel):
    status: int
    kind: str = Field(description="What is wrong: rig, motion-file, limit, style, unknown, ...")
    message: str = Field(description="One sentence, fit to be shown.")


class ErrorAnswer(BaseModel):
    """Every error looks like this."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "error": {
                    "status": 404,
                    "kind": "unknown",
                    "message": "there is no such clip; send it again",
                }
            }
        }
    )

    error: Failure


class Health(BaseModel):
    """How the server is."""

    status: Literal["ok", "starting"]
    version: str
    bundle: str = Field(description="The model that restyles.")
    workers: int = Field(description="Workers that are ready.")
    uptime_seconds: float
    boot: str = Field(
        description="Another one after every start of the server, which forgets all clips."
    )


class Formats(BaseModel):
    """Suffixes of the formats that can be sent and asked for."""

    read: list[str]
    write: list[str]


class Rigs(BaseModel):
    """What can be stated of a clip's rig by name."""

    families: list[str]


class StyleRow(BaseModel):
    name: str
    label: str
    seconds: float = Field(description="How much motion it was learned from.")
    default: bool = Field(description="Whether the label alone means this one.")
    group: str = Field(description="What it stands under in a library; may be empty.")
    sentence: str = Field(description="What one sees of it, and what it was learned from.")
    well_learned: bool = Field(description="Whether there was much to learn it from.")


class Styles(BaseModel):
    """The styles that the bundle knows, those of one group after one another, the best learned of
    each first.
    """

    bundle: str
    styles: list[StyleRow]


class Setting(BaseModel):
    """One setting of a restyling, as a form shows it."""

    name: str = Field(description="In a request.")
    kind: Literal["number", "whole number", "frame count", "moment", "choice", "switch", "parts"]
    label: str
    help: str
    default: bool | float | int | str | None
    least: float | None = None
    most: float | None = None
    slider: tuple[float, float, float] | None = Field(
        None, description="Least, most and step that a person will want."
    )
    over_time: bool = Field(
        False, description='Whether it may change over a clip: keys as text, "0:0,1.5:1".'
    )
    choices: dict[str, str] = Field({}, description="The values, and what each does.")
    parts: dict[str, list[str]] = Field(
        {}, description="Parts of the body by name, and the smallest parts each is made of."
    )


class SentStyle(BaseModel):
    """A style that a client sent, which the server keeps."""

    id: str
    style: str = Field(description="What it is called in `style` of a request.")
    file: str
    name: str
    label: str
    seconds: float = Field(description="How much motion it was learned from.")
    warnings: list[str]
    expires_in_seconds: float


class Learning(BaseModel):
    """What can be learned here."""

    refine: bool = Field(description="Whether a style that is heard can be refined as well.")
    reason: str | None = Field(description="Why it cannot, in a sentence; null where it can.")
    refinements: int = Field(
        description="Under way and waiting, of everybody: one is done at a time."
    )


class LearnRequest(BaseModel):
    """The clips of a style of one's own, in any contents and on any rigs."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [{"clips": ["UPapfIRyfxp4OSzKaV9pow"], "name": "goblin", "refine": True}]
        },
    )

    clips: Name | list[Name] = Field(description="Ids of clips that are kept.")
    name: str = Field(min_length=1, max_length=80, description="What the style is called.")
    refine: bool = Field(
        False,
        description="Learn from the clips for a minute or two, where that helps; see `GET "
        "/api/learn` for whether that can be done here.",
    )
    job: JobName | None = None


class Refinement(BaseModel):
    """Whether refining helped, told by motion of the style that was not learned from."""

    taken: bool = Field(description="Whether the style is the refined one, or as it was heard.")
    held_out: int = Field(
        description="Clips, or their ends, that were put out of the style and back; 0 where there "
        "was too little to hold any out."
    )
    left: float | None = Field(description="The share of that way that is left, refined.")
    left_as_heard: float | None = Field(description="The same in the style as it was heard.")


class LearnedStyle(SentStyle):
    """A style that was heard, and perhaps refined, which the server keeps."""

    said: list[str] = Field(description="What `kinestyle learn` prints, a line each.")
    disagree: list[str] = Field(description="Clips that are unlike the others, and count less.")
    left_out: list[str] = Field(description="Why clips were left out in which nothing is heard.")
    refined: Refinement | None = Field(description="Null where that was not asked for.")
    command: str | None = Field(
        description="The command line that makes the same file; null for clips on several stated "
        "rigs."
    )


class Example(BaseModel):
    example: str
    title: str


def _type_of(option: Option) -> Any:
    if option.of_clip:
        return RigName | None
    if isinstance(option, Number) and option.over_time:
        return NumberOrCurve
    return option.value_type


def _settings_body(*, with_rig: bool) -> Any:
    """A model with a field for each setting. Its type is checked here, all else by `Settings`, in
    the words that it has everywhere. with_rig: for a clip that comes along
    """
    fields: Any = {
        option.name: (
            _type_of(option),
            Field(option.default, description=option.sentence, json_schema_extra=option.schema),
        )
        for option in options_of(Settings)
        if with_rig or not option.of_clip
    }
    return create_model("Body", **fields)


class Restyling(BaseModel):
    """What both kinds of request say beside the settings."""

    model_config = ConfigDict(extra="forbid")

    random: bool = Field(False, description="A style without any cue; every seed is another.")
    weights: Weights | None = Field(
        None,
        description="The share of each style, then of each reference clip; without it, equal ones; "
        'over the clip, keys as text, "0:1,0;4:0,1".',
    )
    job: JobName | None = None

    def settings(self) -> Settings:
        """All but the rig, which belongs to the clip."""
        names = Settings().as_dict()
        return Settings(**{name: getattr(self, name) for name in names})


class StylizeRequest(Restyling, _settings_body(with_rig=False)):  # type: ignore[misc]
    """`style`, `like` or both, which are mixed; or `random`, alone."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {"style": "old", "strength": 0.8},
                {"style": ["old", "proud"], "weights": [0.7, 0.3]},
                {"style": ["old", "proud@arms"], "parts": "upper", "strength": "0:0,1.5:1"},
                {"random": True},
            ]
        },
    )

    style: Name | list[Name] | None = Field(
        None,
        description="Names or labels of styles, see `/api/styles`; for parts of the body only, "
        "old@spine,head.",
    )
    like: Name | list[Name] | None = Field(None, description="Ids of clips whose style is taken.")

    def cue(self) -> Cue[str]:
        return Cue.of(self.style, like=self.like, weights=self.weights, random=self.random)


class StylizeForm(Restyling, _settings_body(with_rig=True)):  # type: ignore[misc]
    """The fields of the form beside its files: `file`, the clip, `like`, reference clips, and rigs
    that are sent as files.
    """

    style: list[Name] = Field([], description="A name or label of a style; may be repeated.")
    like_rig: RigName | None = Field(None, description="The same for every reference clip.")
    fps: Fps | None = Field(None, description=FPS)
    like_fps: Fps | None = Field(None, description="The same for every reference clip.")
    animation: AnimationName | None = Field(None, description=ANIMATION)
    like_animation: AnimationName | None = Field(
        None, description="The same for every reference clip."
    )
    up: UpAxis | None = Field(None, description=UP)
    like_up: UpAxis | None = Field(None, description="The same for every reference clip.")
    swap_sides: bool | None = Field(None, description=SWAP_SIDES)
    like_swap_sides: bool | None = Field(None, description="The same for every reference clip.")
    level: bool | None = Field(None, description=LEVEL)
    like_level: bool | None = Field(None, description="The same for every reference clip.")
    character: CharacterNumber | None = Field(None, description=CHARACTER)
    like_character: CharacterNumber | None = Field(
        None, description="The same for every reference clip."
    )
    format: str | None = Field(
        None,
        pattern=ENDING,
        description="Of the result; without it, the clip's own if it is written.",
    )

    def reading(self) -> Reading:
        """What is said of the clip's file."""
        return Reading(*(getattr(self, name) for name in Reading._fields))

    def like_reading(self) -> Reading:
        """What is said of the files of reference clips."""
        return Reading(*(getattr(self, f"like_{name}") for name in Reading._fields))

    def cue(self, like: Sequence[Other]) -> Cue[Other]:
        return Cue.of(self.style, like=like, weights=self.weights, random=self.random)


class NoteRow(BaseModel):
    """One of the `warnings`, and what can be made of it."""

    sentence: str
    kind: str | None = Field(
        description="What it is about: out-of-domain, joints, travel, ...; of two of one kind, one "
        "is enough. Null for what a file's reader or writer says."
    )
    short: str | None = Field(description="The same in at most 15 words; null where there is none.")
    spans_seconds: list[tuple[float, float]] = Field(
        description="From and to, in the clip's time; empty where it is said of all of it."
    )
    figures: dict[str, float] = Field(description="The numbers in it, by name.")


class ClipAnswer(BaseModel):
    """A clip that the server keeps."""

    id: str
    name: str
    format: str
    frame_count: int
    frame_time_seconds: float
    duration_seconds: float
    joint_count: int
    rig: str | None = Field(
        description="What was stated of its rig, a family or a file; null where it was found in "
        "the clip."
    )
    reading: dict[str, Any] = Field(
        description="What was said of how its file is to be read, by the fields of an upload."
    )
    expires_in_seconds: float = Field(description="Until it is forgotten if nobody uses it.")
    inspection: dict[str, Any] = Field(description="What `kinestyle inspect --json` prints.")
    warnings: list[str] = Field(description="Whole sentences: what is doubtful, and what was done.")
    notes: list[NoteRow] = Field(description="The same, for a form with little room.")
    end_distance_m: float | None = Field(
        default=None,
        description="How far over the ground the hips end from where those of the clip it was made "
        "from do, in metres on a body of 1.70 m; null for an upload.",
    )
    holds_mesh: bool = Field(
        default=False,
        description="Whether its file shows more than a skeleton, see `/api/clips/{id}/mesh`.",
    )
    request: dict[str, Any] | None = Field(description="What made it; null for an upload.")
    of: str | None = Field(description="The clip it was made from; null for an upload.")
    command: str | None = Field(
        description="The command line that makes the same file; null for an upload, and for "
        "references on several stated rigs."
    )


class LiveRequest(StylizeRequest):
    """As for a clip, without what needs a clip: references, curves, timing, edits."""


class LiveAnswer(BaseModel):
    """A performer who is heard while they move."""

    source: str | None = Field(
        description="Where they are heard; null where the server hears nobody, see `kinestyle "
        "studio --live`."
    )
    stage: Literal["waiting", "calibrating", "running"] | None = Field(
        default=None,
        description="calibrating: the first seconds show how the rig stands and moves.",
    )
    lookahead_seconds: float | None = Field(
        default=None, description="How long after it came a frame leaves."
    )
    settings: list[str] = Field(default=[], description="The settings that a stream has.")
    request: dict[str, Any] | None = Field(default=None, description="What was asked for last.")
    command: str | None = Field(
        default=None, description="The command line that puts the same between two programs."
    )
    counts: dict[str, int] = Field(
        default={}, description="Packets and frames: what came and what left."
    )
    error: str | None = Field(
        default=None, description="Why no body is shown, or not in the style."
    )


class Takes(BaseModel):
    """Variations of a style to choose from."""

    seeds: list[int] = Field(description="Ascending; `seed` of a request makes each.")


class JobAnswer(BaseModel):
    """How far a job is."""

    stage: str = Field(
        description="waiting, reading, analysing, choosing takes, restyling, writing, listening or "
        "refining",
        examples=["restyling"],
    )
    share: float = Field(ge=0.0, le=1.0, description="Roughly how much of it is done.")
