"""What is worth telling a user and is no error: a sentence that an interface with little room can
make a line of its own from.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

Span = tuple[float, float]
"""From and to, in seconds of the clip."""

MOST_WORDS = 15
"""Of a short form."""


class Note(str):
    """The whole sentence, as the command line and Python show it.

    kind: what it is about, the same for all notes on the same fact: of two notes of one kind, one
        is enough
    short: the same in at most `MOST_WORDS` words, without a full stop
    spans: when it holds, in seconds of the clip; empty where it holds of all of it
    figures: the numbers in it, by name, with their unit at its end
    """

    __slots__ = ("figures", "kind", "short", "spans")

    kind: str
    short: str
    spans: tuple[Span, ...]
    figures: dict[str, float]

    def __new__(
        cls, sentence: str, kind: str, short: str, spans: Sequence[Span] = (), **figures: float
    ) -> Note:
        note = super().__new__(cls, sentence)
        # names in it, a file's or a joint's, may be any number of words
        note.kind, note.short = kind, first_words(short)
        note.spans, note.figures = tuple(spans), figures
        return note

    def __reduce__(self) -> Any:
        return _again, (str(self), self.kind, self.short, self.spans, self.figures)


def _again(
    sentence: str, kind: str, short: str, spans: Sequence[Span], figures: dict[str, float]
) -> Note:
    return Note(sentence, kind, short, spans, **figures)


def first_words(text: str) -> str:
    """A text that may be long, names in it may be, as a short form."""
    words = text.split()
    return text if len(words) <= MOST_WORDS else f"{' '.join(words[: MOST_WORDS - 1])} …"


def reworded(note: str, change: Callable[[str], str]) -> str:
    """A note, or any sentence, in other words that say the same."""
    if not isinstance(note, Note):
        return change(note)
    return Note(change(note), note.kind, change(note.short), note.spans, **note.figures)


def as_dict(note: str) -> dict[str, Any]:
    """A note, or any sentence, as JSON; `kind` and `short` are null where nobody said them."""
    if not isinstance(note, Note):
        note = Note(note, "", "")
    return {
        "sentence": str(note),
        "kind": note.kind or None,
        "short": note.short or None,
        "spans_seconds": [list(span) for span in note.spans],
        "figures": note.figures,
    }
