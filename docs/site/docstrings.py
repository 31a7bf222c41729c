"""Docstrings as this project writes them, as Markdown.

A line `name: (T, J, 3) metres, ...` says the shape and unit of an argument or a field; lines that
are further in go on with it. Several stand below each other and become a list here. A paragraph
that begins with Raises names the errors.
"""

from __future__ import annotations

import re
from typing import Any

from griffe import Docstring, Extension, Object

FIELD = re.compile(r"^(?P<names>[a-z_]\w*(?:(?:, | and )[a-z_]\w*)*): (?P<said>.*)$")


def as_markdown(text: str) -> str:
    """text: a docstring without its indentation -> Markdown that shows it as it was meant."""
    return "\n\n".join(_paragraph(each) for each in re.split(r"\n\s*\n", text))


def _paragraph(text: str) -> str:
    lines = text.split("\n")
    if not FIELD.match(lines[0]):
        return re.sub(r"^Raises\b", "**Raises**", text)
    made: list[str] = []
    for line in lines:
        if found := FIELD.match(line):
            names = ", ".join(f"`{name}`" for name in re.split(r", | and ", found["names"]))
            made.append(f"- {names}: {found['said']}")
        elif line.startswith(" "):
            made.append(f"    {line.strip()}")
        else:
            made.append(f"\n{line}" if made[-1].startswith(("-", " ")) else line)
    return "\n".join(made)


class FieldLists(Extension):
    """Makes each docstring Markdown, before it is rendered."""

    def on_object(self, *, obj: Object, **_: Any) -> None:
        if obj.docstring is not None:
            text = as_markdown(obj.docstring.value)
            obj.docstring = Docstring(text, parent=obj, parser=None)
