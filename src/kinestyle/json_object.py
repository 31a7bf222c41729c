"""JSON read field by field, with refusals that say where, what was found and what was expected."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, NoReturn, TypeGuard

from kinestyle.errors import KinestyleError

MAX_ITEMS = 2**20
"""Of one list."""
MAX_LINE = 1000
"""Characters of a text that is shown on a line."""


@dataclass(frozen=True, eq=False)
class JsonObject:
    """One object of a JSON file.

    file: what messages call the file; where: the object's path in it, such as "nodes[3]", empty for
        the outermost one; error: what is raised for a field that is not what is wanted
    """

    file: str
    where: str
    fields: dict[str, Any]
    error: type[KinestyleError]

    @classmethod
    def parse(
        cls, text: bytes, file: str, error: type[KinestyleError], expected: str
    ) -> JsonObject:
        """The outermost object of a file in UTF-8. expected: what the file should be, for messages.
        Raises `error`.
        """

        def constant(word: str) -> NoReturn:
            raise error(f"{file}: found {word} in its JSON, expected numbers")

        try:
            tree = json.loads(text.decode("utf-8-sig"), parse_constant=constant)
        except UnicodeDecodeError as broken:
            raise error(
                f"{file}: its byte {broken.start} is no UTF-8 text, expected {expected}"
            ) from None
        except json.JSONDecodeError as broken:
            raise error(
                f"{file}, line {broken.lineno}, column {broken.colno}: found no sound JSON "
                f"({broken.msg}), expected {expected}"
            ) from None
        except (RecursionError, ValueError):
            raise error(
                f"{file}: its JSON is nested too deeply or has numbers of too many digits"
            ) from None
        if not isinstance(tree, dict):
            raise error(f"{file}: found JSON that is no object, expected {expected}")
        return cls(file, "", tree, error)

    def place(self, key: str) -> str:
        return f"{self.where}.{key}" if self.where else key

    def refuse(self, key: str, wanted: str) -> NoReturn:
        """Raises `error`: what stands at `key` is not what is wanted."""
        found = _shown(self.fields[key]) if key in self.fields else "nothing"
        raise self.error(f"{self.file}, {self.place(key)}: found {found}, expected {wanted}")

    def integer(
        self, key: str, low: int, high: int, wanted: str, default: int | None = None
    ) -> int:
        """A whole number from `low` to `high`."""
        value = self.fields.get(key, default)
        if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
            self.refuse(key, f"{wanted}, a whole number from {low} to {high}")
        return value

    def number(self, key: str, low: float, high: float) -> float:
        """A number from `low` to `high`."""
        value = self.fields.get(key)
        if not _is_number(value) or not low <= value <= high:
            self.refuse(key, f"a number from {low:g} to {high:g}")
        return float(value)

    def numbers(self, key: str, wanted: str, low: float, high: float) -> list[float]:
        """A list of numbers from `low` to `high`; wanted: what they are, such as "3 numbers"."""
        values = self.fields.get(key)
        if not isinstance(values, list) or len(values) > MAX_ITEMS:
            self.refuse(key, wanted)
        if not all(_is_number(value) and low <= value <= high for value in values):
            self.refuse(key, f"{wanted} from {low:g} to {high:g}")
        return values

    def text(self, key: str, default: str | None = None) -> str:
        value = self.fields.get(key, default)
        if not isinstance(value, str):
            self.refuse(key, "text")
        return value

    def line(self, key: str, default: str | None = None) -> str:
        """Text that can be shown on a line as it is."""
        value = self.fields.get(key, default)
        if not isinstance(value, str) or not value.isprintable() or len(value) > MAX_LINE:
            self.refuse(key, f"a line of at most {MAX_LINE} printable characters")
        return value

    def lines(self, key: str) -> tuple[str, ...]:
        """The list of such texts at `key`; an absent one is empty."""
        values = self.fields.get(key, [])
        if not isinstance(values, list) or len(values) > MAX_ITEMS:
            self.refuse(key, "a list of texts")
        if not all(isinstance(v, str) and v.isprintable() and len(v) <= MAX_LINE for v in values):
            self.refuse(key, f"a list of lines of at most {MAX_LINE} printable characters")
        return tuple(values)

    def part(self, key: str) -> JsonObject:
        """The object at `key`; an absent one is empty."""
        value = self.fields.get(key, {})
        if not isinstance(value, dict):
            self.refuse(key, "an object")
        return JsonObject(self.file, self.place(key), value, self.error)

    def parts(self, key: str) -> list[JsonObject]:
        """The objects of the list at `key`; an absent one is empty."""
        values = self.fields.get(key, [])
        if (
            not isinstance(values, list)
            or len(values) > MAX_ITEMS
            or not all(isinstance(value, dict) for value in values)
        ):
            self.refuse(key, f"a list of at most {MAX_ITEMS} objects")
        where = self.place(key)
        return [
            JsonObject(self.file, f"{where}[{i}]", value, self.error)
            for i, value in enumerate(values)
        ]

    def indices(self, key: str, count: int, wanted: str) -> list[int]:
        """The list at `key` of numbers below `count`; an absent one is empty."""
        values = self.fields.get(key, [])
        if not isinstance(values, list) or len(values) > MAX_ITEMS:
            self.refuse(key, f"a list of {wanted}")
        for value in values:
            if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < count:
                self.refuse(key, f"a list of {wanted}, of which the file has {count}")
        return values


def _is_number(value: Any) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _shown(value: Any) -> str:
    """A value for a message: on one line, and not longer than that can bear."""
    try:
        found = json.dumps(value)
    except RecursionError:
        return "something nested too deeply"
    return found if len(found) <= 40 else found[:37] + "..."
