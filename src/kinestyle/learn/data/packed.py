"""A prepared corpus as one small file, to be taken to a machine that has no motion files.

Most of a frame's 260 numbers follow from the rest. Kept are the rotations of the joints with the
heading removed, as vectors of three numbers in steps of a ten-thousandth of a radian, the motion of
the root, and the contacts; differences from frame to frame, compressed. What is unpacked differs
from what was packed by some hundredths of a millimetre, and is another corpus: its hash follows
from the file, so that it is the same wherever that is unpacked.
"""

from __future__ import annotations

import hashlib
import io
import json
import lzma
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from kinestyle.errors import DataError
from kinestyle.learn.data.corpus import FEATURES, Corpus, Table, write_features
from kinestyle.motion import rotation
from kinestyle.motion.canonical import CANONICAL
from kinestyle.retarget.features import (
    LAYOUT,
    clip_to_features,
    features_to_clip,
    heading_free_rotation,
)
from kinestyle.storage import replace_bytes

STEP = 1e-4
"""Radians. The largest rotation is far below what 16 bits hold of them."""
_ROOT = ("root_yaw_velocity", "root_xz_velocity", "root_height")
_PRESET = 6
"""Of the compression."""


def pack(folder: Path, path: Path) -> None:
    """Write the corpus in a folder into a file, whole or not at all. Raises DataError where there
    is no corpus.
    """
    corpus = Corpus.load(folder)
    table = Table.read(folder)
    assert table is not None, "it was read just now"
    frames = len(corpus.features)
    vectors = np.zeros((frames, 3 * CANONICAL.joint_count), np.int16)
    for entry in corpus.entries:
        rows = np.array(corpus.features[entry.start : entry.stop], dtype=float)
        turns = rotation.log(heading_free_rotation(rows)).reshape(len(rows), -1)
        steps = np.round(turns / STEP).astype(np.int16)
        vectors[entry.start : entry.stop] = np.diff(steps, axis=0, prepend=np.int16(0))
    # the joints one after the other, low bytes apart from high ones, which are nearly constant
    numbers = np.ascontiguousarray(vectors.T).view(np.uint8).reshape(-1, 2)
    buffer = io.BytesIO()
    np.savez(
        buffer,
        rotation=np.ascontiguousarray(numbers.T),
        root=np.ascontiguousarray(corpus.features[:, LAYOUT.only(*_ROOT)].T),
        contact=np.packbits(corpus.features[:, LAYOUT["foot_contact"]] > 0.5, axis=0),
        table=np.frombuffer(json.dumps(table.fields).encode(), np.uint8),
    )
    replace_bytes(path, lzma.compress(buffer.getvalue(), preset=_PRESET))


def unpack(path: Path, folder: Path) -> Corpus:
    """Put the corpus of a packed file into a folder. Raises DataError for a file that `pack` did
    not write.
    """
    content = path.read_bytes()
    try:
        with np.load(io.BytesIO(lzma.decompress(content))) as saved:
            arrays = {name: saved[name] for name in ("rotation", "root", "contact", "table")}
            table = Table.parse(json.loads(arrays["table"].tobytes()))
    except (lzma.LZMAError, OSError, ValueError, KeyError, TypeError, zipfile.BadZipFile) as error:
        raise DataError(
            f"{path} is no packed corpus, or a damaged one ({error}); pack it again"
        ) from None
    folder.mkdir(parents=True, exist_ok=True)
    write_features(folder, _clips(table, arrays), arrays["root"].shape[1])
    replace(table, features_sha256=hashlib.sha256(content).hexdigest()).write(folder)
    assert (folder / FEATURES).exists(), "it was written just now"
    return Corpus.load(folder)


def _clips(table: Table, arrays: dict[str, np.ndarray]) -> Iterator[np.ndarray]:
    """(T, 260) of each clip."""
    frames = arrays["root"].shape[1]
    numbers = np.ascontiguousarray(arrays["rotation"].T).view(np.int16).reshape(-1, frames)
    contact = np.unpackbits(arrays["contact"], axis=0, count=frames)
    for entry in table.entries:
        span = slice(entry.start, entry.stop)
        steps = np.cumsum(numbers[:, span].T, axis=0, dtype=np.int16)
        turns = rotation.exp(STEP * steps.reshape(len(steps), -1, 3))
        rows = np.zeros((len(steps), LAYOUT.size))
        rows[:, LAYOUT["joint_rotation"]] = rotation.to_sixd(turns).reshape(len(rows), -1)
        rows[:, LAYOUT.only(*_ROOT)] = arrays["root"][:, span].T
        yield clip_to_features(features_to_clip(rows), contact[span].astype(float))
