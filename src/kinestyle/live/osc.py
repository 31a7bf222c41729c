"""Open Sound Control 1.0 packets: read strictly, whatever bytes come, and written.

A packet is a message or a bundle of packets. A message is an address, a string of type tags and the
arguments, all of them padded to four bytes and big-endian.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import NamedTuple

Argument = int | float | str | bytes | bool | None

_BUNDLE = b"#bundle\0"
_NOW = b"\0\0\0\0\0\0\0\1"
_DEEPEST = 4
"""Bundles in bundles."""
_MOST_MESSAGES = 4096
_NUMBERS = {"i": ">i", "f": ">f", "h": ">q", "d": ">d", "t": ">Q"}
_CONSTANTS: dict[str, Argument] = {"T": True, "F": False, "N": None, "I": True}


class BadPacketError(ValueError):
    """Bytes that are no packet. No user sees it: such packets are counted and dropped."""


class Message(NamedTuple):
    """What is said to an address."""

    address: str
    arguments: tuple[Argument, ...] = ()


def parse_packet(data: bytes) -> list[Message]:
    """The messages of a packet, those in bundles as well. Raises BadPacketError."""
    messages: list[Message] = []
    _parse(data, messages, 0)
    return messages


def _parse(data: bytes, messages: list[Message], depth: int) -> None:
    if not data.startswith(_BUNDLE):
        if len(messages) == _MOST_MESSAGES:
            raise BadPacketError(f"more than {_MOST_MESSAGES} messages in one packet")
        messages.append(_message(data))
        return
    if depth == _DEEPEST:
        raise BadPacketError(f"bundles lie more than {_DEEPEST} deep in each other")
    at = len(_BUNDLE) + 8
    if len(data) < at:
        raise BadPacketError("a bundle ends before its time tag does")
    while at < len(data):
        size = _size(data, at)
        at += 4
        if size <= 0 or size % 4 or at + size > len(data):
            raise BadPacketError(f"an element of {size} bytes, where {len(data) - at} are left")
        _parse(data[at : at + size], messages, depth + 1)
        at += size


def _message(data: bytes) -> Message:
    if len(data) % 4 or not data.startswith(b"/"):
        raise BadPacketError("neither a bundle nor a message: those begin with / and are padded")
    address, at = _text(data, 0)
    if at == len(data):
        return Message(address)
    tags, at = _text(data, at)
    if not tags.startswith(","):
        raise BadPacketError(f"type tags are {tags[:20]!r}, which do not begin with a comma")
    arguments: list[Argument] = []
    for tag in tags[1:]:
        value, at = _argument(tag, data, at)
        arguments.append(value)
    if at != len(data):
        raise BadPacketError(f"{len(data) - at} bytes are left behind the arguments")
    return Message(address, tuple(arguments))


def _argument(tag: str, data: bytes, at: int) -> tuple[Argument, int]:
    if tag in _NUMBERS:
        (number,) = _unpacked(_NUMBERS[tag], data, at)
        return number, at + struct.calcsize(_NUMBERS[tag])
    if tag in "sS":
        return _text(data, at)
    if tag == "b":
        size = _size(data, at)
        end = at + 4 + size
        if size < 0 or end > len(data):
            raise BadPacketError(f"a blob of {size} bytes, where {len(data) - at - 4} are left")
        return data[at + 4 : end], end + -size % 4
    if tag in _CONSTANTS:
        return _CONSTANTS[tag], at
    raise BadPacketError(f"an argument of the type {tag!r}")


def _size(data: bytes, at: int) -> int:
    return int(_unpacked(">i", data, at)[0])


def _unpacked(form: str, data: bytes, at: int) -> tuple[int | float]:
    try:
        found: tuple[int | float] = struct.unpack_from(form, data, at)
    except struct.error:
        raise BadPacketError(f"the packet ends within a number, at byte {at}") from None
    return found


def _text(data: bytes, at: int) -> tuple[str, int]:
    end = data.find(b"\0", at)
    if end < 0:
        raise BadPacketError("a text without an end")
    try:
        text = data[at:end].decode()
    except UnicodeDecodeError:
        raise BadPacketError("a text that is not UTF-8") from None
    return text, end + 4 - (end - at) % 4


def format_message(message: Message) -> bytes:
    """Raises BadPacketError for an argument that has no type tag here."""
    tags, values = ",", b""
    for value in message.arguments:
        if isinstance(value, bool):
            tags += "T" if value else "F"
        elif isinstance(value, int):
            tags, values = tags + "i", values + struct.pack(">i", value)
        elif isinstance(value, float):
            tags, values = tags + "f", values + struct.pack(">f", value)
        elif isinstance(value, str):
            tags, values = tags + "s", values + _padded(value)
        else:
            raise BadPacketError(f"an argument that is a {type(value).__name__} is not written")
    return _padded(message.address) + _padded(tags) + values


def format_bundles(messages: Sequence[Message], most_bytes: int) -> list[bytes]:
    """Bundles that are to be acted on at once, each of at most so many bytes, or one message."""
    bundles: list[bytes] = []
    bundle = _BUNDLE + _NOW
    for message in messages:
        element = format_message(message)
        if len(bundle) > 16 and len(bundle) + 4 + len(element) > most_bytes:
            bundles.append(bundle)
            bundle = _BUNDLE + _NOW
        bundle += struct.pack(">i", len(element)) + element
    return [*bundles, bundle]


def _padded(text: str) -> bytes:
    data = text.encode() + b"\0"
    return data + b"\0" * (-len(data) % 4)
