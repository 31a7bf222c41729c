"""Training data as arrays: every clip as features, one after the other, with a table of what is
where.

`build` reads motion files once (a few minutes on two cores) into one folder; `Corpus.load` maps it
into memory.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from kinestyle.errors import DataError
from kinestyle.label import Label
from kinestyle.learn.data.reading import Reading, read_files
from kinestyle.learn.data.splits import ClipLabel, read_splits
from kinestyle.retarget.features import LAYOUT, mirror_features, pad_last
from kinestyle.rig.rig_file import Rig
from kinestyle.storage import replace_bytes

PARTS = "parts"
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
    def one_sided(self) -> bool:
        """Whether the style names a side, as "left-hop" does: in a mirror it would be another
        style.
        """
        label = Label.parse(self.style).name
        return mirror_label(label) != label


@dataclass(frozen=True, eq=False)
class Corpus:
    """features: (N, 260) float32 of all clips, one after the other; entries: the table."""

    features: np.ndarray
    entries: tuple[Entry, ...]
    sha256: str = ""
    """Of the features, where they were loaded."""

    @classmethod
    def load(cls, folder: Path) -> Corpus:
        """Open a prepared corpus. Raises DataError where there is none, or one of another layout."""
        try:
            table = json.loads((folder / "corpus.json").read_text())
        except (OSError, ValueError) as error:
            raise DataError(
                f"{folder} holds no prepared corpus ({error}); make one with `kinestyle train "
                f"--stage corpus`"
            ) from None
        if table["layout"] != [list(group) for group in LAYOUT.sizes]:
            raise DataError(
                f"the corpus in {folder} has another feature layout than this version; prepare it "
                f"again"
            )
        features = np.load(folder / "features.npy", mmap_mode="r")
        return cls(features, tuple(Entry(**row) for row in table["entries"]), table["sha256"])

    def save(self, folder: Path) -> None:
        """Write the corpus, the table last, so that a cut run leaves nothing that `load` would
        take.
        """
        folder.mkdir(parents=True, exist_ok=True)
        digest = write_features(folder, [self.features], len(self.features))
        write_table(folder, digest, self.entries)

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


def holds_bandai(data: Path) -> bool:
    """Whether a folder is the unpacked Bandai-Namco sets, to which the committed splits belong."""
    return any((data / "bandai").glob("*/data/*.bvh"))


def motion_files(data: Path) -> Iterator[Source]:
    """The files to learn from under the unpacked Bandai-Namco sets.

    Clips that the committed splits name; unlabelled BVH clips for the autoencoder, one in ten for
    validation.
    Raises DataError where there is nothing.
    """
    splits = read_splits()
    found = False
    for path in sorted((data / "bandai").glob("*/data/*.bvh")):
        if path.stem in splits:
            label = ClipLabel.parse(path.stem)
            found = True
            style = str(Label(label.set_name, label.style))
            yield Source(path, path.stem, label.set_name, style, label.content, splits[path.stem])
    if not found:
        raise DataError(
            f"no clip of the committed splits is under {data / 'bandai'}; unpack the Bandai-Namco "
            f"archives there"
        )
    for i, path in enumerate(sorted((data / "unlabelled").glob("cmu/**/*.bvh"))):
        yield Source(path, path.stem, "cmu", "", "", "validation" if i % 10 == 5 else "train")


def build(
    sources: Iterable[Source],
    folder: Path,
    report: Callable[[str], None],
    processes: int | None = None,
) -> dict[str, str]:
    """Read files into a corpus in `folder`. Returns the reason for every file that could not be
    used, by its name.
    """
    read, refused = read_sources(list(sources), folder, report, processes)
    assemble(read, folder)
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
    read: Sequence[tuple[Source, Reading]], folder: Path, own: Mapping[str, Any] | None = None
) -> None:
    """Put what was read into one corpus. `own`: what `own_clips` keeps with it."""
    entries, start = [], 0
    for source, reading in read:
        known = {name: value for name, value in vars(source).items() if name != "path"}
        entries.append(Entry(**known, start=start, stop=start + reading.frame_count))
        start += reading.frame_count
    digest = write_features(folder, (reading.features for _, reading in read), start)
    write_table(folder, digest, entries, own)


def write_features(folder: Path, clips: Iterable[np.ndarray], frame_count: int) -> str:
    """Write (T, 260) float32 of clips one after the other, never holding them all. Returns the
    SHA-256.
    """
    beside = folder / "features.tmp.npy"  # another run may have the old one open
    whole = np.lib.format.open_memmap(beside, "w+", np.float32, (frame_count, LAYOUT.size))
    digest, start = hashlib.sha256(), 0
    for features in clips:
        whole[start : start + len(features)] = features
        digest.update(features.tobytes())
        start += len(features)
    whole.flush()
    beside.replace(folder / "features.npy")
    return digest.hexdigest()


def write_table(
    folder: Path,
    features_sha256: str,
    entries: Sequence[Entry],
    own: Mapping[str, Any] | None = None,
) -> None:
    """Write the table of a corpus, whole or not at all.

    Its hash is that of the features. On own clips labels and splits count as well, which nobody
    committed.
    """
    rows = [asdict(entry) for entry in entries]
    table: dict[str, Any] = {"layout": LAYOUT.sizes, "sha256": features_sha256, "entries": rows}
    if own is not None:
        labelled = hashlib.sha256((features_sha256 + json.dumps(rows)).encode()).hexdigest()
        table |= {"sha256": labelled, "features_sha256": features_sha256, "own": own}
    replace_bytes(folder / "corpus.json", json.dumps(table).encode())


def group_deviation(features: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """features: (N, 260) -> mean (260,) and deviation (260,), one deviation for each feature group
    so that no joint dominates.

    Contacts are left as they are.
    """
    mean = features.mean(axis=0, dtype=np.float64)
    deviation = np.ones(LAYOUT.size)
    for group, _ in LAYOUT.sizes:
        span = LAYOUT[group]
        deviation[span] = np.sqrt(features[:, span].var(axis=0, dtype=np.float64).mean())
    mean[LAYOUT["foot_contact"]], deviation[LAYOUT["foot_contact"]] = 0.0, 1.0
    return mean.astype(np.float32), deviation.astype(np.float32)


@dataclass(frozen=True)
class Crop:
    """Frames start to stop of a corpus, to be seen in a mirror or not. Where they are too few, the
    last is held.
    """

    start: int
    stop: int
    mirror: bool


class CropSampler:
    """Draws crops of `frames` frames; clips shorter than that are held at their last frame. Its
    state is its generator's.
    """

    def __init__(self, corpus: Corpus, frames: int, seed: int):
        self.corpus, self.frames = corpus, frames
        self.random = np.random.default_rng(seed)

    def place(self, entry: Entry, mirror: bool = False) -> Crop:
        """A crop of one clip at a random place, not cut yet. A one-sided clip is never mirrored."""
        spare = entry.frame_count - self.frames
        start = entry.start + (int(self.random.integers(spare + 1)) if spare > 0 else 0)
        return Crop(start, min(start + self.frames, entry.stop), mirror and not entry.one_sided)

    def cut(self, crops: Sequence[Crop]) -> np.ndarray:
        """(n, frames, 260) of n crops."""
        features = np.empty((len(crops), self.frames, LAYOUT.size), self.corpus.features.dtype)
        for row, crop in zip(features, crops, strict=True):
            row[:] = self._cut(crop)
        return features

    def crop(self, entry: Entry, mirror: bool = False) -> np.ndarray:
        """(frames, 260) of one clip, at a random place."""
        return self._cut(self.place(entry, mirror))

    def _cut(self, crop: Crop) -> np.ndarray:
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
