"""The name of a style or of a content: which set of clips it belongs to, and its own word."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self


@dataclass(frozen=True, order=True)
class Label:
    """`set/name`, as "bandai2/old" stands in manifests, judges and tables.

    The same name in two sets means two things. set is "" for what belongs to none, as the style
    that is read from a clip.
    """

    set: str
    name: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """The inverse of str(). Without a "/" there is no set; of several the last one counts."""
        return cls(*text.rpartition("/")[::2])

    def __str__(self) -> str:
        return f"{self.set}/{self.name}" if self.set else self.name
