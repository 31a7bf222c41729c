"""Training data as arrays: every clip as features, one after the other, with a table of what is
where.

`build` reads motion files once (a few minutes on two cores) into one folder; `Corpus.load` maps it
into memory. The folder holds `features.npy`, (N, 260) float32, and `corpus.json`, the table.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from kinestyle.errors import DataError
from kinestyle.label import Label
from kinestyle.learn.data.reading import Reading, read_files
from kinestyle.retarget.features import LAYOUT, mirror_features, pad_last
from kinestyle.rig.rig_file import Rig
from kinestyle.storage import replace_bytes, replacing

TABLE, FEATURES, PARTS = "corpus.json", "features.npy", "parts"
"""The files of a corpus, and the folder of clips that were read but are not put together yet."""
Choice = TypeVar("Choice")


@dataclass(frozen=True)
class Source:
    """A motion file to learn from and what is known of it; `stem` is its name in the corpus."""

    path: Path
    stem: str
    set_name: str
    style: str
    content: str
    split: str


@dataclass(frozen=True)
class Entry:
    """One clip of a corpus: where its frames are and what is known of it. Unlabelled clips have
    style and content "".

    A labelled clip may have content "" too; then no labelled clip of its set has one.
    """

    stem: str
    set_name: str
    style: str
    content: str
    split: str
    start: int
    stop: int

    @property
    def frame_count(self) -> int:
        return self.stop - self.start

    @property
    def style_name(self) -> str:
        """The style without its set."""
        return Label.parse(self.style).name

    @property
    def one_sided(self) -> bool:
        """Whether the style names a side, as "left-hop" does: in a mirror it would be another
        style.
        """
        return mirror_label(self.style_name) != self.style_name


@dataclass(frozen=True)
class Table:
    """What `corpus.json` says: whose features are where, and what they were made from.

    made_from: changes with the files, labels and splits that went in; "" where nothing is known
    own: what `own_clips` keeps with a corpus of own clips; None for another
    """

    features_sha256: str
    entries: tuple[Entry, ...]
    made_from: str = ""
    own: Mapping[str, Any] | None = None

    @property
    def sha256(self) -> str:
        """Of everything that is learned from: features, labels and splits."""
        return digest([self.features_sha256, *map(asdict, self.entries)])

    @classmethod
    def read(cls, folder: Path) -> Table | None:
        """None where no corpus was prepared. Raises DataError for a damaged table, and for one of
        another feature layout.
        """
        path = folder / TABLE
        try:
            saved = json.loads(path.read_bytes())
            layout, sha256 = saved["layout"], saved["sha256"]
            if layout != [list(group) for group in LAYOUT.sizes]:
                raise DataError(
                    f"the corpus in {folder} has another feature layout than this version; "
                    f"delete the folder, and the same command prepares it again"
                )
            table = cls.parse(saved)
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise _damaged(path, error) from None
        if table.sha256 != sha256:
            raise _damaged(path, "its hash is not that of its content")
        return table

    @classmethod
    def parse(cls, fields: Mapping[str, Any]) -> Table:
        """The inverse of `fields`. Raises KeyError and TypeError for others."""
        entries = tuple(Entry(**row) for row in fields["entries"])
        return cls(fields["features_sha256"], entries, fields["made_from"], fields["own"])

    @property
    def fields(self) -> dict[str, Any]:
        """All of it, as JSON takes it."""
        return {
            "features_sha256": self.features_sha256,
            "made_from": self.made_from,
            "own": self.own,
            "entries": [asdict(entry) for entry in self.entries],
        }

    def write(self, folder: Path) -> None:
        """Write the table, whole or not at all."""
        content = {"layout": LAYOUT.sizes, "sha256": self.sha256, **self.fields}
        replace_bytes(folder / TABLE, json.dumps(content).encode())


def digest(values: Iterable[object]) -> str:
    """SHA-256 of values as JSON or, where that has no word for them, as text."""
    return hashlib.sha256(json.dumps(list(values), default=repr).encode()).hexdigest()


def _damaged(path: Path, reason: object) -> DataError:
    return DataError(
        f"{path} is damaged or of another version ({reason}); delete the folder {path.parent}, and "
        f"the same command prepares it again"
    )


@dataclass(frozen=True, eq=False)
class Corpus:
    """features: (N, 260) float32 of all clips, one after the other; entries: the table."""

    features: np.ndarray
    entries: tuple[Entry, ...]
    sha256: str = ""
    """Of features, labels and splits, where they were loaded."""

    @classmethod
    def load(cls, folder: Path) -> Corpus:
        """Open a prepared corpus. Raises DataError where there is none, or a damaged one, or one of
        another layout.
        """
        table = Table.read(folder)
        if table is None:
            raise DataError(
                f"{folder} holds no prepared corpus; make one with `kinestyle train --stage corpus`"
            )
        path = folder / FEATURES
        expected = (table.entries[-1].stop if table.entries else 0, LAYOUT.size)
        try:
            # copy on write: torch asks for memory that may be written, and the file stays as it is
            features = np.load(path, mmap_mode="c")
        except (OSError, ValueError, EOFError) as error:
            raise _damaged(path, error) from None
        if features.shape != expected or features.dtype != np.float32:
            raise _damaged(
                path, f"it has {features.dtype} {features.shape}, expected float32 {expected}"
            )
        return cls(features, table.entries, table.sha256)

    def save(self, folder: Path) -> None:
        """Write the corpus, the table last, so that a cut run leaves nothing that `load` would
        take.
        """
        folder.mkdir(parents=True, exist_ok=True)
        features_sha256 = write_features(folder, [self.features], len(self.features))
        Table(features_sha256, self.entries).write(folder)

    def select(
        self, split: str | None = None, labelled: bool | None = None, set_name: str | None = None
    ) -> tuple[Entry, ...]:
        """The entries of one split, with or without a label, of one set; None means any."""
        return tuple(
            entry
            for entry in self.entries
            if (split is None or entry.split == split)
            and (labelled is None or bool(entry.style) == labelled)
            and (set_name is None or entry.set_name == set_name)
        )

    def known_validation(self) -> tuple[Entry, ...]:
        """The labelled validation clips whose style and content occur in training; about others no
        network can be right.
        """
        trained = self.select("train", labelled=True)
        styles = {entry.style for entry in trained}
        contents = {(entry.set_name, entry.content) for entry in trained}
        return tuple(
            entry
            for entry in self.select("validation", labelled=True)
            if entry.style in styles and (entry.set_name, entry.content) in contents
        )


def by_cell(entries: Iterable[Entry]) -> dict[str, list[list[Entry]]]:
    """For each style, its clips grouped by content, so that every content can be drawn equally
    often.
    """
    cells: dict[str, dict[str, list[Entry]]] = {}
    for entry in entries:
        cells.setdefault(entry.style, {}).setdefault(entry.content, []).append(entry)
    return {style: list(contents.values()) for style, contents in cells.items()}


def build(
    sources: Iterable[Source],
    folder: Path,
    report: Callable[[str], None],
    processes: int | None = None,
    made_from: str = "",
) -> dict[str, str]:
    """Read files into a corpus in `folder`. Returns the reason for every file that could not be
    used, by its name.
    """
    read, refused = read_sources(list(sources), folder, report, processes)
    assemble(read, folder, made_from)
    shutil.rmtree(folder / PARTS)
    return refused


def read_sources(
    sources: Sequence[Source],
    folder: Path,
    report: Callable[[str], None],
    processes: int | None = None,
    rig: Rig | None = None,
) -> tuple[list[tuple[Source, Reading]], dict[str, str]]:
    """Read files into parts of a corpus in `folder`; cut at any moment, it goes on there the next
    time.

    rig: stated for all clips that it fits

    Returns what was read, and the reason for every file that could not be used. Raises DataError
    where nothing is left.
    """
    read: list[tuple[Source, Reading]] = []
    refused: dict[str, str] = {}
    readings = read_files(
        [source.path for source in sources], folder / PARTS, report, processes, rig
    )
    for source, reading in zip(sources, readings, strict=True):
        if isinstance(reading, str):
            refused[source.stem] = reading
        else:
            read.append((source, reading))
    if not read:
        reason = next(iter(refused.values()), "there is no file")
        raise DataError(f"none of {len(sources)} files could be used; the first reason: {reason}")
    return read, refused


def assemble(
    read: Sequence[tuple[Source, Reading]],
    folder: Path,
    made_from: str,
    own: Mapping[str, Any] | None = None,
) -> None:
    """Put what was read into one corpus. made_from, own: as in `Table`."""
    entries, start = [], 0
    for source, reading in read:
        known = {name: value for name, value in vars(source).items() if name != "path"}
        entries.append(Entry(**known, start=start, stop=start + reading.frame_count))
        start += reading.frame_count
    features_sha256 = write_features(folder, (reading.features for _, reading in read), start)
    Table(features_sha256, tuple(entries), made_from, own).write(folder)


def write_features(folder: Path, clips: Iterable[np.ndarray], frame_count: int) -> str:
    """Write (T, 260) float32 of clips one after the other, never holding them all. Returns their
    SHA-256. Raises MotionFileError, as where the disk is full.

    Plain writes: a mapping of a file that the disk has no room for ends the process with SIGBUS.
    Another run may have the old file mapped, which stays whole until it is closed.
    """
    sha256 = hashlib.sha256()
    with replacing(folder / FEATURES) as file:
        header = {
            "descr": np.lib.format.dtype_to_descr(np.dtype(np.float32)),
            "fortran_order": False,
            "shape": (frame_count, LAYOUT.size),
        }
        np.lib.format.write_array_header_1_0(file, header)
        for features in clips:
            content = features.astype(np.float32, copy=False).tobytes()
            file.write(content)
            sha256.update(content)
    return sha256.hexdigest()


def group_statistics(features: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """features: (N, 260) -> mean (260,) and standard deviation (260,), one for each feature group
    so that no joint dominates. Of contacts 0 and 1.
    """
    mean = features.mean(axis=0, dtype=np.float64)
    std = np.ones(LAYOUT.size)
    for group, _ in LAYOUT.sizes:
        span = LAYOUT[group]
        std[span] = np.sqrt(features[:, span].var(axis=0, dtype=np.float64).mean())
    mean[LAYOUT["foot_contact"]], std[LAYOUT["foot_contact"]] = 0.0, 1.0
    return mean.astype(np.float32), std.astype(np.float32)


@dataclass(frozen=True)
class Crop:
    """Frames start to stop of a corpus, mirrored or not. Where they are too few, the last is
    repeated.
    """

    start: int
    stop: int
    mirror: bool


class CropSampler:
    """Draws crops of `frames` frames; shorter clips are padded with their last frame. Its state is
    its generator's.
    """

    def __init__(self, corpus: Corpus, frames: int, seed: int):
        self.corpus, self.frames = corpus, frames
        self.random = np.random.default_rng(seed)

    def choose_crop(self, entry: Entry, mirror: bool = False) -> Crop:
        """A random crop of one clip, not cut yet. A one-sided clip is never mirrored."""
        spare = entry.frame_count - self.frames
        start = entry.start + (int(self.random.integers(spare + 1)) if spare > 0 else 0)
        return Crop(start, min(start + self.frames, entry.stop), mirror and not entry.one_sided)

    def crop(self, entry: Entry, mirror: bool = False) -> np.ndarray:
        """(frames, 260) of a random crop of one clip."""
        return self.cut(self.choose_crop(entry, mirror))

    def cut(self, crop: Crop) -> np.ndarray:
        """(frames, 260) of a crop."""
        features = pad_last(np.asarray(self.corpus.features[crop.start : crop.stop]), self.frames)
        return mirror_features(features) if crop.mirror else features

    def coin(self, probability: float = 0.5) -> bool:
        return bool(self.random.random() < probability)

    def choose(self, among: Sequence[Choice]) -> Choice:
        return among[int(self.random.integers(len(among)))]

    @property
    def state(self) -> Mapping[str, Any]:
        return self.random.bit_generator.state

    @state.setter
    def state(self, state: Mapping[str, Any]) -> None:
        self.random.bit_generator.state = state


def mirror_label(label: str) -> str:
    """The style or content of a clip seen in a mirror."""
    swap = {"left": "right", "right": "left"}
    return "-".join(swap.get(word, word) for word in label.split("-"))
