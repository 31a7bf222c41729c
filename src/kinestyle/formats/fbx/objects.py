"""The objects in a binary file of FBX 7 and what connects them. Objects have numbers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from kinestyle.formats.fbx.records import Document, Record, Value


@dataclass
class Link:
    """A connection from an object to another one, or to a property of it."""

    item: Record
    child: int
    parent: int
    channel: str


class Objects:
    """The objects of a document. Raises MotionFileError where there are none."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self.objects = document.find("Objects")
        self.connections = document.find("Connections")
        self.by_number: dict[int, Record] = {}
        for item in self.objects.children:
            values = item.decoded() if item.count == 3 else []
            if values and isinstance(values[0], np.int64):
                self.by_number[int(values[0])] = item
        self.links = [
            link for item in self.connections.all("C") if (link := _link(item)) is not None
        ]
        self.into: dict[int, list[Link]] = {}
        self.out_of: dict[int, list[Link]] = {}
        for link in self.links:
            self.into.setdefault(link.parent, []).append(link)
            self.out_of.setdefault(link.child, []).append(link)

    def kind(self, number: int) -> str:
        """An object's kind, "" for one that does not exist."""
        item = self.by_number.get(number)
        return "" if item is None else item.name

    def name(self, number: int) -> str:
        """An object's name."""
        return str(self.by_number[number].decoded()[1]).split("\x00")[0]

    def below(self, number: int, kind: str) -> list[int]:
        """The objects of a kind that are connected to one, in the file's order."""
        return [link.child for link in self.into.get(number, []) if self.kind(link.child) == kind]

    def above(self, number: int, kind: str) -> list[int]:
        """The objects of a kind that one is connected to, in the file's order."""
        links = self.out_of.get(number, [])
        return [link.parent for link in links if self.kind(link.parent) == kind]

    def property(self, number: int, name: str) -> list[Value]:
        """The values of an object's property; none where the file does not state it."""
        properties = self.by_number[number].find("Properties70")
        for item in properties.all("P") if properties is not None else ():
            values = item.decoded()
            if values and values[0] == name:
                return values[4:]
        return []


def _link(item: Record) -> Link | None:
    """The connection of a record, None for one of another kind."""
    values = item.decoded()
    if (
        len(values) < 3
        or not isinstance(values[1], np.int64)
        or not isinstance(values[2], np.int64)
    ):
        return None
    return Link(item, int(values[1]), int(values[2]), str(values[3]) if len(values) > 3 else "")
