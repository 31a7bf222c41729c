"""Training data as arrays: every clip as features, one after the other, with a table of what is where.

`build` reads motion files once (a few minutes on two cores) and saves one folder; `Corpus.load` maps it into memory.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from kinestyle.errors import DataError, KinestyleError
from kinestyle.learn.splits import ClipLabel, read_splits
from kinestyle.motion.features import LAYOUT, clip_to_features, hold_last, mirror_features
from kinestyle.motion.formats import read_motion
from kinestyle.motion.retarget import correspond, to_canonical
from kinestyle.storage import replace_bytes

SHORTEST_FRAMES = 16
Choice = TypeVar("Choice")


@dataclass(frozen=True)
class Entry:
    """One clip of a corpus: where its frames are and what is known of it. Unlabelled clips have style and content ""."""

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


@dataclass(frozen=True, eq=False)
class Corpus:
    """features: (N, 260) float32 of all clips, one after the other; entries: the table."""

    features: np.ndarray
    entries: tuple[Entry, ...]

    @classmethod
    def load(cls, folder: Path) -> Corpus:
        """Open a prepared corpus. Raises DataError where there is none, or one of another layout."""
        try:
            table = json.loads((folder / "corpus.json").read_text())
        except (OSError, ValueError) as error:
            raise DataError(
                f"{folder} holds no prepared corpus ({error}); make one with `kinestyle train --stage corpus`"
            ) from None
        if table["layout"] != [list(group) for group in LAYOUT.sizes]:
            raise DataError(f"the corpus in {folder} has another feature layout than this version; prepare it again")
        features = np.load(folder / "features.npy", mmap_mode="r")
        return cls(features, tuple(Entry(**row) for row in table["entries"]))

    def save(self, folder: Path) -> None:
        """Write the corpus, the table last, so that a cut run leaves nothing that `load` would take."""
        folder.mkdir(parents=True, exist_ok=True)
        np.save(folder / "features.npy", self.features)
        digest = hashlib.sha256(self.features.tobytes()).hexdigest()
        table = {"layout": LAYOUT.sizes, "sha256": digest, "entries": [asdict(entry) for entry in self.entries]}
        replace_bytes(folder / "corpus.json", json.dumps(table).encode())

    def select(self, split: str | None = None, labelled: bool | None = None, set_name: str | None = None) -> tuple[Entry, ...]:
        """The entries of one split, with or without a label, of one set; None means any."""
        return tuple(
            entry
            for entry in self.entries
            if (split is None or entry.split == split)
            and (labelled is None or bool(entry.style) == labelled)
            and (set_name is None or entry.set_name == set_name)
        )


def by_cell(entries: Iterable[Entry]) -> dict[str, list[list[Entry]]]:
    """For each style, its clips grouped by content, so that every content can be drawn equally often."""
    cells: dict[str, dict[str, list[Entry]]] = {}
    for entry in entries:
        cells.setdefault(entry.style, {}).setdefault(entry.content, []).append(entry)
    return {style: list(contents.values()) for style, contents in cells.items()}


def motion_files(data: Path) -> Iterator[tuple[Path, dict[str, str]]]:
    """The files to learn from under an unpacked data folder, with what is known of each.

    Bandai-Namco clips that the committed splits name; unlabelled BVH clips for the autoencoder, one in ten for validation.
    Raises DataError where there is nothing.
    """
    splits = read_splits()
    found = False
    for path in sorted((data / "bandai").glob("*/data/*.bvh")):
        if path.stem in splits:
            label = ClipLabel.parse(path.stem)
            found = True
            yield (
                path,
                {
                    "set_name": label.set_name,
                    "style": f"{label.set_name}/{label.style}",
                    "content": label.content,
                    "split": splits[path.stem],
                },
            )
    if not found:
        raise DataError(f"no clip of the committed splits is under {data / 'bandai'}; unpack the Bandai-Namco archives there")
    for i, path in enumerate(sorted((data / "unlabelled").glob("cmu/**/*.bvh"))):
        yield path, {"set_name": "cmu", "style": "", "content": "", "split": "validation" if i % 10 == 5 else "train"}


def clip_features(path: Path) -> np.ndarray | str:
    """(T, 260) float32 of one file, or the sentence that says why it cannot be used."""
    try:
        clip = read_motion(path)
        features = clip_to_features(to_canonical(clip, correspond(clip)))
    except KinestyleError as error:
        return str(error)
    if len(features) < SHORTEST_FRAMES:
        return f"{path.name} has {len(features)} frames at 30 frames/s, fewer than the {SHORTEST_FRAMES} that training takes"
    return features.astype(np.float32)


def build(files: Iterable[tuple[Path, dict[str, str]]], processes: int = 2) -> tuple[Corpus, list[str]]:
    """Read files into a corpus. Returns it with one sentence for every file that could not be used."""
    listed = list(files)
    arrays: list[np.ndarray] = []
    entries: list[Entry] = []
    refused: list[str] = []
    start = 0
    with ProcessPoolExecutor(processes) as pool:
        results = pool.map(clip_features, [path for path, _ in listed], chunksize=16)
        for (path, known), result in zip(listed, results, strict=True):
            if isinstance(result, str):
                refused.append(result)
                continue
            entries.append(Entry(stem=path.stem, start=start, stop=start + len(result), **known))
            arrays.append(result)
            start += len(result)
    if not arrays:
        raise DataError(f"none of {len(listed)} files could be used; the first reason: {refused[0] if refused else 'no files'}")
    return Corpus(np.concatenate(arrays), tuple(entries)), refused


def group_deviation(features: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """features: (N, 260) -> mean (260,) and deviation (260,), one deviation for each feature group so that no joint dominates.

    Contacts are left as they are.
    """
    mean = features.mean(axis=0, dtype=np.float64)
    deviation = np.ones(LAYOUT.size)
    for group, _ in LAYOUT.sizes:
        span = LAYOUT[group]
        deviation[span] = np.sqrt(features[:, span].var(axis=0, dtype=np.float64).mean())
    mean[LAYOUT["foot_contact"]], deviation[LAYOUT["foot_contact"]] = 0.0, 1.0
    return mean.astype(np.float32), deviation.astype(np.float32)


class CropSampler:
    """Draws crops of `frames` frames; clips shorter than that are held at their last frame. Its state is its generator's."""

    def __init__(self, corpus: Corpus, frames: int, seed: int):
        self.corpus, self.frames = corpus, frames
        self.random = np.random.default_rng(seed)

    def crop(self, entry: Entry, mirror: bool = False) -> np.ndarray:
        """(frames, 260) of one clip, at a random place."""
        spare = entry.frame_count - self.frames
        start = entry.start + (int(self.random.integers(spare + 1)) if spare > 0 else 0)
        crop = np.array(self.corpus.features[start : min(start + self.frames, entry.stop)])
        crop = hold_last(crop, self.frames)
        return mirror_features(crop) if mirror else crop

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


def mirror_content(content: str) -> str:
    """The content label of a clip seen in a mirror."""
    swap = {"left": "right", "right": "left"}
    return "-".join(swap.get(word, word) for word in content.split("-"))
