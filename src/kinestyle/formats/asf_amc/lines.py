"""The lines of an ASF or AMC file as words. Refusals name line, column, what was found and what was
expected.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NoReturn

from kinestyle.errors import MotionFileError
from kinestyle.formats.limits import MAX_MAGNITUDE
from kinestyle.formats.text_files import NUMBER, quoted

# in this format commas and parentheses are blanks
_WORD = re.compile(r"[^\s,()]+", re.ASCII)
_LINE = re.compile(r"([^\r\n]*)(?:\r\n|\r|\n|\Z)")


class Lines:
    """A cursor that steps from line to line, past blank lines and comments.

    words: those of the current line; none before the first line and after the last
    """

    def __init__(self, text: str, name: str) -> None:
        self.text, self.name, self.number, self.words = text, name, 0, list[str]()
        self._end = 0
        self._line = ""

    def next(self) -> list[str]:
        """Step to the next line that has words and return them; none at the end of the file."""
        self.words = []
        while not self.words and self._end < len(self.text):
            match = _LINE.match(self.text, self._end)
            assert match, "the pattern matches anywhere"
            self._line, self._end = match.group(1), match.end()
            self.number += 1
            self.words = _WORD.findall(self._line)
            if "#" in self._line:
                # only where a word begins: some programs print NaN as "1.#QNAN"
                comment = next(
                    (i for i, word in enumerate(self.words) if word.startswith("#")),
                    len(self.words),
                )
                del self.words[comment:]
        return self.words

    @property
    def keyword(self) -> str:
        """The first word of the line in small letters, empty at the end of the file."""
        return self.words[0].lower() if self.words else ""

    def section(self) -> Iterator[str]:
        """The keyword of each line up to the next section, which begins with a colon, or the end of
        the file. Steps to the next line after each.
        """
        while self.words and not self.keyword.startswith(":"):
            yield self.keyword
            self.next()

    def fail(self, word: int, found: str, expected: str) -> NoReturn:
        """Refuse the file at a word of the current line, or at the line's end if it has no such
        word.
        """
        columns = [match.start() + 1 for match in _WORD.finditer(self._line)]
        column = columns[word] if word < len(self.words) else len(self._line.rstrip()) + 1
        where = f"{self.name}, line {max(self.number, 1)}, column {column}"
        raise MotionFileError(f"{where}: found {found}, expected {expected}")

    def refuse(self, word: int, expected: str) -> NoReturn:
        """Refuse a word of the current line, or its absence."""
        if word < len(self.words):
            self.fail(word, quoted(self.words[word]), expected)
        self.fail(word, "the end of the line" if self.words else "the end of the file", expected)

    def number_at(self, word: int, of: str) -> float:
        """A word of the current line as a number."""
        if word >= len(self.words) or not NUMBER.fullmatch(self.words[word]):
            self.refuse(word, f"a number for {of}")
        value = float(self.words[word])
        if abs(value) > MAX_MAGNITUDE:
            self.refuse(word, f"a number for {of} of at most {MAX_MAGNITUDE:g}")
        return value

    def numbers(self, of: str, count: int) -> list[float]:
        """The `count` numbers after the first word of the current line. It must hold nothing
        else.
        """
        values = [self.number_at(1 + i, f"value {1 + i} of {count} of {of}") for i in range(count)]
        self.end_of_line(1 + count, of)
        return values

    def end_of_line(self, word: int, of: str) -> None:
        """Refuse a line of more than `word` words."""
        if len(self.words) > word:
            self.refuse(word, f"the end of the line after {of}")
