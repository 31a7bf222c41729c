"""How server and workers talk: a JSON object and some byte strings at a time, over pipes. Nothing
is unpickled.

4 bytes, little endian, of the object's length; the object, whose `sizes` are those of the byte
strings; these.
"""

from __future__ import annotations

import asyncio
import json
import struct
from collections.abc import Sequence
from typing import Any, BinaryIO, NamedTuple


class Message(NamedTuple):
    """head: the object, blobs: the byte strings that belong to it"""

    head: dict[str, Any]
    blobs: tuple[bytes, ...] = ()


def packed(message: Message) -> list[bytes]:
    """A message as the byte strings to send one after the other."""
    head = json.dumps(message.head | {"sizes": [len(blob) for blob in message.blobs]}).encode()
    return [struct.pack("<I", len(head)), head, *message.blobs]


def send(pipe: BinaryIO, head: dict[str, Any], blobs: Sequence[bytes] = ()) -> None:
    """Send one message, from a worker."""
    for part in packed(Message(head, tuple(blobs))):
        pipe.write(part)
    pipe.flush()


def receive(pipe: BinaryIO) -> Message | None:
    """The next message, in a worker; None at the end."""
    start = pipe.read(4)
    if len(start) < 4:
        return None
    head = json.loads(pipe.read(struct.unpack("<I", start)[0]))
    return Message(head, tuple(pipe.read(size) for size in head["sizes"]))


async def receive_from(stream: asyncio.StreamReader) -> Message:
    """The next message, in the server. Raises asyncio.IncompleteReadError if the worker is gone."""
    (length,) = struct.unpack("<I", await stream.readexactly(4))
    head = json.loads(await stream.readexactly(length))
    return Message(head, tuple([await stream.readexactly(size) for size in head["sizes"]]))
