"""How a clip is restyled: `Settings`, one value with everything that can be set.

Each field says in its metadata what an interface has to know of it. The command line, the HTTP
schema, the studio's page and the command that the page copies are made from that, so a further
setting is a further field here and what the stylizer does with it.

This module loads neither numpy nor onnxruntime: a command that only shows its help names it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from numbers import Integral, Real
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypedDict

from kinestyle.errors import StyleError

if TYPE_CHECKING:
    from kinestyle.rig.rig_file import Rig

Root = Literal["planted", "predicted", "copied", "keep"]
"""Where the hips' path over the ground, and their height, come from:

planted: as far as planted feet carry them; where no foot is planted, as the global motion predictor
    says (the default)
predicted: the global motion predictor alone, as in Guo et al.; pace follows the style, feet are
    locked afterwards
copied: the input's velocity over the ground; height follows the style
keep: the rig's own numbers, height included: a clip that has to meet a prop or another character
"""

OutOfDomain = Literal["fade", "ignore"]
"""What is done where a clip is out of the bundle's domain, see `kinestyle.runtime.out_of_domain`."""

RigLike = "Rig | str | Path | None"
"""A rig, the name of a family, a file of `kinestyle map`; None: it is found in the clip."""

_NUMBERS: dict[str, tuple[type, type, str]] = {
    "number": (Real, float, "a number"),
    "integer": (Integral, int, "a whole number"),
}
"""Kinds of settings that are numbers: what is taken for one, what it becomes, what it is called."""


@dataclass(frozen=True)
class Option:
    """One setting as every interface shows it.

    name: of the field, and in JSON
    default: where nothing else is asked for
    kind: number, integer, choice, or rig, which belongs to the clip and is stated with it
    label: a word or two, for a form
    help: a sentence without its capital letter and full stop
    least, most: bounds of a number, both allowed
    slider: least, most and step of a number that a person will want
    choices: the values of a choice, and what each does
    aliases: further names on the command line
    """

    name: str
    default: Any
    kind: Literal["number", "integer", "choice", "rig"]
    label: str
    help: str
    least: float = float("nan")
    most: float = float("nan")
    slider: tuple[float, float, float] | None = None
    choices: Mapping[str, str] = field(default_factory=dict)
    aliases: tuple[str, ...] = ()

    @property
    def flag(self) -> str:
        """Its name on the command line."""
        return f"--{self.name.replace('_', '-')}"

    @property
    def bounds(self) -> dict[str, float]:
        """least and most of a number, nothing of other kinds."""
        return {"least": self.least, "most": self.most} if self.kind in _NUMBERS else {}

    @property
    def sentence(self) -> str:
        """The help, with what each choice does."""
        if not self.choices:
            return f"{self.help}."
        each = [f"{value} ({words})" for value, words in self.choices.items()]
        return f"{self.help}: {', '.join(each[:-1])} or {each[-1]}."

    def checked(self, value: Any) -> Any:
        """The value as `Settings` keeps it. Raises StyleError."""
        if self.kind == "rig" or (self.kind == "choice" and value in tuple(self.choices)):
            return value
        if self.kind in _NUMBERS:
            kind, make, _ = _NUMBERS[self.kind]
            is_number = isinstance(value, kind) and not isinstance(value, bool)
            if is_number and self.least <= value <= self.most:
                return make(value)
        raise StyleError(f"{self.name} is {value!r}, expected {self._expected}")

    @property
    def _expected(self) -> str:
        if self.kind == "choice":
            return f"one of {', '.join(self.choices)}"
        return f"{_NUMBERS[self.kind][2]} from {self.least:.10g} to {self.most:.10g}: {self.help}"

    def as_words(self, value: Any) -> list[str]:
        """A value on the command line; no words for the default."""
        return [] if value == self.default else [self.flag, str(value)]

    def as_dict(self) -> dict[str, Any]:
        """What a form needs, as JSON."""
        return {
            "name": self.name,
            "default": self.default,
            "kind": self.kind,
            "label": self.label,
            "help": self.help,
            **self.bounds,
            "slider": None if self.slider is None else list(self.slider),
            "choices": dict(self.choices),
        }


def _shown(kind: str, label: str, text: str, **more: Any) -> dict[str, Any]:
    """The metadata of a field of `Settings`; the arguments are fields of `Option`."""
    return {"kind": kind, "label": label, "help": text, **more}


@dataclass(frozen=True)
class Settings:
    """How a clip is restyled. Checked when it is made. Raises StyleError."""

    strength: float = field(
        default=1.0,
        metadata=_shown(
            "number",
            "Strength",
            "0 changes nothing, 1 is the style, more exaggerates",
            least=0.0,
            most=1e6,  # beyond all sense already, and still computable
            slider=(0.0, 1.5, 0.05),
        ),
    )
    seed: int = field(
        default=0,
        metadata=_shown(
            "integer",
            "Variation",
            "0 is the middle of a style, every other number another variation of it",
            least=0,
            most=2**32 - 1,
        ),
    )
    root: Root = field(
        default="planted",
        metadata=_shown(
            "choice",
            "Travel",
            "how the result travels",
            choices={
                "planted": "as planted feet carry it",
                "predicted": "as the networks say",
                "copied": "at the clip's velocity",
                "keep": "on the clip's very path",
            },
        ),
    )
    out_of_domain: OutOfDomain = field(
        default="fade",
        metadata=_shown(
            "choice",
            "Out of domain",
            "where the clip is unlike all that the model learned",
            choices={"fade": "the style fades out", "ignore": "it is restyled all the same"},
            aliases=("--beyond",),
        ),
    )
    rig: Rig | str | Path | None = field(
        default=None,
        metadata=_shown(
            "rig",
            "Rig",
            "which joint of the clip is which: a family such as mixamo, or a file of `kinestyle map`",
        ),
    )

    def __post_init__(self) -> None:
        for option in options(type(self)):
            object.__setattr__(self, option.name, option.checked(getattr(self, option.name)))

    def as_options(self) -> list[str]:
        """The words of the command line that set the same."""
        return [
            word
            for option in options(type(self))
            for word in option.as_words(getattr(self, option.name))
        ]

    def as_dict(self) -> dict[str, Any]:
        """As JSON, without the rig, which belongs to the clip."""
        return {
            option.name: getattr(self, option.name)
            for option in options(type(self))
            if option.kind != "rig"
        }


class SettingsChanges(TypedDict, total=False):
    """The fields of `Settings` as keywords, for those who check types."""

    strength: float
    seed: int
    root: Root
    out_of_domain: OutOfDomain
    rig: Rig | str | Path | None


def options(of: type = Settings) -> tuple[Option, ...]:
    """What can be set, in the order of the fields."""
    return tuple(Option(one.name, one.default, **one.metadata) for one in fields(of))
