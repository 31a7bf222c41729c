"""OSC packets: what is written is read, and no bytes do worse than be refused."""

from __future__ import annotations

import struct

import numpy as np
import pytest

from kinestyle.live.osc import BadPacketError, Message, format_bundles, format_message, parse_packet

MESSAGES = [
    Message("/VMC/Ext/OK", (1,)),
    Message("/VMC/Ext/T", (2.5,)),
    Message("/VMC/Ext/Bone/Pos", ("Hips", 0.0, 1.0, -0.5, 0.0, 0.0, 0.0, 1.0)),
    Message("/a", ("", "abc", "abcd", True, False)),
    Message("/nothing"),
]


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: message.address)
def test_a_message_is_read_as_it_was_written(message: Message) -> None:
    data = format_message(message)
    assert len(data) % 4 == 0
    assert parse_packet(data) == [message]


def test_a_message_has_the_bytes_that_the_specification_shows() -> None:
    # the example of the OSC 1.0 specification
    data = b"/oscillator/4/frequency\0,f\0\0\x43\xdc\0\0"
    assert parse_packet(data) == [Message("/oscillator/4/frequency", (440.0,))]
    assert format_message(Message("/oscillator/4/frequency", (440.0,))) == data


def test_bundles_hold_their_messages_in_order_and_are_small_enough() -> None:
    bundles = format_bundles(MESSAGES * 40, 600)
    assert max(map(len, bundles)) <= 600
    assert [each for bundle in bundles for each in parse_packet(bundle)] == MESSAGES * 40


def test_further_types_are_read() -> None:
    data = b"/t\0\0,hdbNI\0\0" + struct.pack(">qd", -3, 0.25) + b"\0\0\0\3abc\0"
    assert parse_packet(data) == [Message("/t", (-3, 0.25, b"abc", None, True))]


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (b"", "neither a bundle nor a message"),
        (b"abcd", "neither a bundle nor a message"),
        (b"/abcdefg", "without an end"),
        (b"/a\0\0i\0\0\0", "do not begin with a comma"),
        (b"/a\0\0,i\0\0", "ends within a number"),
        (b"/a\0\0,i\0\0\0\0\0\1\0\0\0\1", "left behind"),
        (b"/a\0\0,[\0\0", "the type '\\['"),
        (b"/a\0\0,b\0\0\x7f\xff\xff\xff", "a blob of 2147483647 bytes"),
        (b"/\xff\0\0", "not UTF-8"),
        (b"#bundle\0\0\0\0\0", "before its time tag"),
        (b"#bundle\0" + bytes(8) + b"\0\0\0\x09abcd", "an element of 9 bytes"),
        (b"#bundle\0" + bytes(8) + b"\xff\xff\xff\xfc", "an element of -4 bytes"),
    ],
)
def test_what_is_no_packet_is_refused(data: bytes, found: str) -> None:
    with pytest.raises(BadPacketError, match=found):
        parse_packet(data)


def test_bundles_in_bundles_end_somewhere() -> None:
    data = format_message(MESSAGES[0])
    for _ in range(50):
        data = b"#bundle\0" + bytes(8) + struct.pack(">i", len(data)) + data
    with pytest.raises(BadPacketError, match="deep"):
        parse_packet(data)


def test_no_bytes_do_worse_than_be_refused() -> None:
    random = np.random.default_rng(0)
    whole = b"".join(format_bundles(MESSAGES, 10_000))
    for _ in range(4000):
        data = bytearray(whole[: random.integers(len(whole) + 1)])
        for _ in range(random.integers(4)):
            if data:
                data[random.integers(len(data))] = random.integers(256)
        try:
            parse_packet(bytes(data))
        except BadPacketError:
            continue
