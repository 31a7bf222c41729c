"""What an interface has to know of one setting: an `Option` of some kind.

The command line, the HTTP schema, the studio's page and the command that the page copies are made
from these, so that a setting is described once, beside its field in `kinestyle.runtime.settings`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from numbers import Integral, Real
from typing import Any, ClassVar

from kinestyle.errors import StyleError


@dataclass(frozen=True, kw_only=True)
class Option:
    """One setting as every interface shows it.

    label: a word or two, for a form
    help: a sentence without its capital letter and full stop
    aliases: further names on the command line
    name, default: the field's, see `options_of`
    """

    label: str
    help: str
    aliases: tuple[str, ...] = ()
    name: str = ""
    default: Any = None

    kind: ClassVar[str]
    """What a form chooses its control by."""
    value_type: ClassVar[type]
    """What text and JSON are converted to before they are checked here."""
    of_clip: ClassVar[bool] = False
    """Whether it is a property of the clip, and stated with that, not with each request."""

    @property
    def flag(self) -> str:
        """Its name on the command line."""
        return f"--{self.name.replace('_', '-')}"

    @property
    def sentence(self) -> str:
        """The help, whole."""
        return f"{self.help[:1].upper()}{self.help[1:]}."

    @property
    def schema(self) -> dict[str, Any]:
        """The keywords of JSON Schema for what is allowed beyond the type."""
        return {}

    def checked(self, value: Any) -> Any:
        """The value as `Settings` keeps it. Raises StyleError."""
        return value

    def as_words(self, value: Any) -> list[str]:
        """A value on the command line; no words for the default."""
        return [] if value == self.default else [self.flag, str(value)]

    def as_dict(self) -> dict[str, Any]:
        """What a form needs, as JSON."""
        own = {one.name: getattr(self, one.name) for one in fields(self)}
        del own["aliases"]
        return {"kind": self.kind, **own}

    def _refused(self, value: Any, expected: str) -> StyleError:
        return StyleError(f"{self.name} is {value!r}, expected {expected}")


@dataclass(frozen=True, kw_only=True)
class Number(Option):
    """least, most: bounds, both allowed; slider: least, most and step that a person will want"""

    least: float
    most: float
    slider: tuple[float, float, float] | None = None

    kind: ClassVar[str] = "number"
    value_type: ClassVar[type] = float
    accepted: ClassVar[type] = Real
    word: ClassVar[str] = "a number"

    @property
    def schema(self) -> dict[str, Any]:
        return {"minimum": self.least, "maximum": self.most}

    def checked(self, value: Any) -> Any:
        is_number = isinstance(value, self.accepted) and not isinstance(value, bool)
        if is_number and self.least <= value <= self.most:
            return self.value_type(value)
        bounds = f"{self.least:.10g} to {self.most:.10g}"
        raise self._refused(value, f"{self.word} from {bounds}: {self.help}")


@dataclass(frozen=True, kw_only=True)
class WholeNumber(Number):
    """As `Number`."""

    kind: ClassVar[str] = "whole number"
    value_type: ClassVar[type] = int
    accepted: ClassVar[type] = Integral
    word: ClassVar[str] = "a whole number"


@dataclass(frozen=True, kw_only=True)
class Choice(Option):
    """choices: the values, and what each does"""

    choices: Mapping[str, str] = field(default_factory=dict)

    kind: ClassVar[str] = "choice"
    value_type: ClassVar[type] = str

    @property
    def sentence(self) -> str:
        each = [f"{value} ({words})" for value, words in self.choices.items()]
        return f"{super().sentence[:-1]}: {', '.join(each[:-1])} or {each[-1]}."

    @property
    def schema(self) -> dict[str, Any]:
        return {"enum": list(self.choices)}

    def checked(self, value: Any) -> Any:
        if isinstance(value, str) and value in self.choices:
            return value
        raise self._refused(value, f"one of {', '.join(self.choices)}")


@dataclass(frozen=True, kw_only=True)
class ClipRig(Option):
    """A rig, the name of a family, or a file of `kinestyle map`. The rig itself is checked against
    the clip, when that is analysed.
    """

    kind: ClassVar[str] = "rig"
    value_type: ClassVar[type] = str
    of_clip: ClassVar[bool] = True


def options_of(settings: type) -> tuple[Option, ...]:
    """What can be set, in the order of the fields, each of which has its option as metadata."""
    return tuple(
        replace(one.metadata["option"], name=one.name, default=one.default)
        for one in fields(settings)
    )
