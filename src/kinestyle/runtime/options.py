"""What an interface has to know of one setting: an `Option` of some kind.

The command line, the HTTP schema, the studio's page and the command that the page copies are made
from these, so that a setting is described once, beside its field in `kinestyle.runtime.settings`.

The classes are plain because every command imports them: dataclasses take 2 ms to be made.
"""

from __future__ import annotations

from collections.abc import Mapping
from copy import copy
from dataclasses import fields
from operator import index
from pathlib import PurePath
from typing import Any, ClassVar

from kinestyle.errors import StyleError
from kinestyle.runtime.curve import Curve
from kinestyle.runtime.part_names import format_parts, made_of_smallest, parts_of


class Option:
    """One setting as every interface shows it.

    name, default: the field's, see `options_of`
    label: a word or two, for a form
    help: a sentence without its capital letter and full stop
    aliases: further names on the command line
    """

    kind: ClassVar[str]
    """What a form chooses its control by."""
    value_type: ClassVar[Any]
    """What text and JSON are converted to before they are checked here."""
    of_clip: ClassVar[bool] = False
    """Whether it is a property of the clip, and stated with that, not with each request."""

    name: str
    default: Any
    word: str | None = None
    """Its name on the command line without dashes, where that is not the field's."""

    def __init__(self, label: str, help: str, *, aliases: tuple[str, ...] = ()):  # noqa: A002
        self.label, self.help, self.aliases = label, help, aliases

    @property
    def flag(self) -> str:
        """Its name on the command line."""
        return f"--{self.word or self.name.replace('_', '-')}"

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

    def as_json(self, value: Any) -> Any:
        """A value in JSON."""
        return value

    def as_dict(self) -> dict[str, Any]:
        """What a form needs, as JSON."""
        shown = {key: value for key, value in vars(self).items() if key not in ("aliases", "word")}
        return {"kind": self.kind, **shown}

    def _refused(self, value: Any, expected: str) -> StyleError:
        return StyleError(f"{self.name} is {value!r}, expected {expected}")


class Number(Option):
    """least, most: bounds, both allowed; slider: least, most and step that a person will want

    over_time: whether it may change over a clip: a `Curve`, in any of the forms that `Curve.of`
        takes, or a function of seconds. A curve that is the same everywhere becomes its number.
    """

    kind = "number"
    value_type: ClassVar[type] = float
    _word = "a number"

    def __init__(
        self,
        label: str,
        help: str,  # noqa: A002
        *,
        least: float,
        most: float,
        slider: tuple[float, float, float] | None = None,
        over_time: bool = False,
        aliases: tuple[str, ...] = (),
    ):
        super().__init__(label, help, aliases=aliases)
        self.least, self.most, self.slider, self.over_time = least, most, slider, over_time

    @property
    def sentence(self) -> str:
        if not self.over_time:
            return super().sentence
        return f"{super().sentence[:-1]}; TIME:VALUE,... over the clip, as 0:0,1.5:1 or 0f:0,45f:1."

    @property
    def schema(self) -> dict[str, Any]:
        return {"minimum": self.least, "maximum": self.most}

    def checked(self, value: Any) -> Any:
        if self.over_time and callable(value):
            return value
        if self.over_time and _is_several(value):
            curve = Curve.of(value)
            for (number,) in curve.values:
                self._checked(number)
            return curve if curve.constant is None else curve.constant[0]
        return self._checked(value)

    def as_words(self, value: Any) -> list[str]:
        if callable(value):
            raise StyleError(
                f"{self.name} is a function, which no command line can say; give a curve"
            )
        return super().as_words(value)

    def as_json(self, value: Any) -> Any:
        return str(value) if isinstance(value, Curve) else value

    def _checked(self, value: Any) -> Any:
        try:
            number = None if isinstance(value, (bool, str, bytes)) else self._convert(value)
        except (TypeError, ValueError, OverflowError):
            number = None
        if number is not None and self.least <= number <= self.most:
            return number
        bounds = f"{self.least:.10g} to {self.most:.10g}"
        raise self._refused(value, f"{self._word} from {bounds}: {self.help}")

    def _convert(self, value: Any) -> float:
        return float(value)


def _is_several(value: Any) -> bool:
    """Whether a value can only be a curve: keys as text, a path, or a list of any kind."""
    if isinstance(value, str):
        return ":" in value
    if isinstance(value, bytes) or getattr(value, "ndim", None) == 0:
        return False
    return isinstance(value, (Curve, PurePath)) or hasattr(value, "__len__")


class WholeNumber(Number):
    """As `Number`."""

    kind = "whole number"
    value_type: ClassVar[type] = int
    _word = "a whole number"

    def _convert(self, value: Any) -> int:
        return index(value)


class FrameCount(WholeNumber):
    """As `Number`, of a stretch of frames."""

    kind = "frame count"


class Moment(Option):
    """A time in a clip: seconds from its first frame on, or text such as "45f", the number of a
    frame, the first being 0f; None where none is said.

    word: as of `Option`
    """

    kind = "moment"
    value_type: ClassVar[Any] = str | float | None

    def __init__(self, label: str, help: str, *, word: str):  # noqa: A002
        super().__init__(label, help)
        self.word = word

    def checked(self, value: Any) -> Any:
        if value is None or (isinstance(value, str) and not value.strip()):
            return None
        found = None if isinstance(value, bool) else _moment(value)
        if found is None:
            name = self.word or self.name
            raise StyleError(
                f"{name} is {value!r}, expected a time in the clip: seconds, such as 1.5, or a "
                f"frame, such as 45f"
            )
        return found

    def as_words(self, value: Any) -> list[str]:
        if value is None:
            return []
        return [self.flag, value if isinstance(value, str) else f"{value:.10g}"]


def _moment(value: Any) -> float | str | None:
    """Seconds, or "45f"; None for what is no moment."""
    text = value.strip().lower() if isinstance(value, str) else ""
    if text.endswith("f") and text[:-1].isascii() and text[:-1].isdecimal():
        return f"{int(text[:-1])}f"
    try:
        seconds = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return seconds if 0.0 <= seconds < float("inf") else None


class Choice(Option):
    """choices: the values, and what each does"""

    kind = "choice"
    value_type: ClassVar[type] = str

    def __init__(
        self,
        label: str,
        help: str,  # noqa: A002
        *,
        choices: Mapping[str, str],
        aliases: tuple[str, ...] = (),
    ):
        super().__init__(label, help, aliases=aliases)
        self.choices = choices

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


class Switch(Option):
    """Off, unless it is asked for."""

    kind = "switch"
    value_type: ClassVar[type] = bool

    def checked(self, value: Any) -> Any:
        if isinstance(value, bool):
            return value
        raise self._refused(value, "true or false")

    def as_words(self, value: Any) -> list[str]:
        return [self.flag] if value else []


class BodyParts(Option):
    """Names of parts and joints with their weights: text, names, or weights by name; kept as text.
    Names of joints are checked against the clip, when that is restyled.
    """

    kind = "parts"
    value_type: ClassVar[type] = str

    def checked(self, value: Any) -> Any:
        return format_parts(parts_of(value))

    def as_dict(self) -> dict[str, Any]:
        return super().as_dict() | {"parts": made_of_smallest()}


class ClipRig(Option):
    """A rig, the name of a family, or a file of `kinestyle map`. The rig itself is checked against
    the clip, when that is analysed.
    """

    kind = "rig"
    value_type: ClassVar[type] = str
    of_clip = True


def options_of(settings: type) -> tuple[Option, ...]:
    """What can be set, in the order of the fields, each of which has its option as metadata."""
    return tuple(_named(one.metadata["option"], one.name, one.default) for one in fields(settings))


def _named(option: Option, name: str, default: Any) -> Option:
    named = copy(option)
    named.name, named.default = name, default
    return named
