"""What readers of text formats share: bytes to text, what a number looks like, quoting the file in
a message.
"""

from __future__ import annotations

import codecs
import re

from kinestyle.errors import MotionFileError

NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")
"""A number. Unlike `float` it takes no "nan", "inf", "1_000" or digits of other scripts."""


def quoted(found: str) -> str:
    """A piece of the file for a message, cut to 40 characters."""
    return repr(found if len(found) <= 40 else found[:37] + "...")


def decode_text(data: bytes, name: str, kind: str, first: str) -> tuple[str, str, bytes]:
    """data: the bytes of file `name`, a file of `kind` that starts with `first` -> text, encoding
    and byte-order mark.

    What is not UTF-8 or UTF-16 is read in the code page that makes words of a skeleton of it, or
    else as Latin-1. Raises MotionFileError for an empty file, and
    for one that is no text.
    """
    encoding, mark = _encoding(data)
    body = data[len(mark) :]
    try:
        text = body.decode(encoding)
    except UnicodeDecodeError as error:
        if encoding != "utf-8":
            at = error.start + len(mark)
            raise MotionFileError(
                f"{name} starts as {encoding} text but its byte {at} is not; save it as UTF-8"
            ) from error
        text, encoding = _in_a_code_page(body)
    if not text or text.isspace():
        raise MotionFileError(f"{name}, line 1: found an empty file, expected {first}")
    if "\0" in text:
        raise MotionFileError(
            f"{name} holds zero bytes: it is a binary or damaged file, expected {kind} text"
        )
    return text, encoding, mark


def _encoding(data: bytes) -> tuple[str, bytes]:
    """The encoding of a text and its byte-order mark, as its first bytes show them."""
    marks = {
        codecs.BOM_UTF8: "utf-8",
        codecs.BOM_UTF16_LE: "utf-16-le",
        codecs.BOM_UTF16_BE: "utf-16-be",
    }
    for mark, encoding in marks.items():
        if data.startswith(mark):
            return encoding, mark
    # without a mark UTF-16 still shows: every other byte of plain English is zero
    even, odd = data[0:8:2], data[1:8:2]
    if len(data) >= 8 and all(even) and not any(odd):
        return "utf-16-le", b""
    if len(data) >= 8 and all(odd) and not any(even):
        return "utf-16-be", b""
    return "utf-8", b""


_CODE_PAGES = {
    "cp932": (
        "Shift-JIS",
        "左右足腕首頭肩上下半身手指目ひじざつま先センターグルーブ腰親人中薬小ＩＫ髪",
    ),
    "gb18030": ("GBK", "左右腿脚臂手头颈脊椎骨盆胸腰肩肘膝踝腕指趾髋根上下前大小身躯头部"),
    "big5": ("Big5", "左右腿腳臂手頭頸脊椎骨盆胸腰肩肘膝踝腕指趾髖根上下前大小身軀頭部"),
    "cp949": ("EUC-KR", "왼오른쪽손발목머리어깨팔다리무릎허리가슴골반척추엄지"),
}
"""Encoding -> what it is called, and letters of which names of joints are made in it."""
_FOREIGN = re.compile(r"[^\x00-\x7f]")
_LIKELY = 0.5
"""The share of a text's foreign letters that are such letters from which on it is in that page."""


def _in_a_code_page(body: bytes) -> tuple[str, str]:
    """A text that is not UTF-8, and its encoding. Only one that gives the same bytes again counts:
    files are written as they were.
    """
    best, most = "latin-1", 0.0
    # all names are at the beginning
    sample = body[: 2**20]
    for encoding, (_, letters) in _CODE_PAGES.items():
        try:
            foreign = _FOREIGN.findall(sample.decode(encoding, errors="ignore"))
            share = sum(letter in letters for letter in foreign) / max(len(foreign), 1)
            if share > max(most, _LIKELY) and body.decode(encoding).encode(encoding) == body:
                best, most = encoding, share
        except UnicodeError:
            continue
    return body.decode(best), best


def encoding_warnings(name: str, encoding: str) -> list[str]:
    """What to say of the encoding in which a file names its joints."""
    if encoding.startswith("utf"):
        return []
    called = "Latin-1" if encoding == "latin-1" else _CODE_PAGES[encoding][0]
    return [f"{name} is not UTF-8 text; its names were read as {called}"]
