"""A user's own clips as a corpus: which files, in which style, for what.

No file stops a run: what cannot be used is listed with its reason, also in RUN/corpus/refused.txt.
RUN/splits.csv says which clips are for validation. Labels, splits, files and the stated rig may
change until training begins: what was read is kept, so that preparing again takes seconds; with
another rig the clips are read again.
"""

from __future__ import annotations

import os
import re
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from kinestyle.errors import DataError
from kinestyle.formats.table import FORMATS
from kinestyle.label import Label
from kinestyle.learn.data.corpus import PARTS, Source, assemble, digest, read_sources
from kinestyle.learn.data.own_labels import TABLE, Labelling, find_labels
from kinestyle.learn.data.own_summary import SPLITS, Summary, write_lists
from kinestyle.learn.data.reading import Reading, size_and_time
from kinestyle.learn.data.splits import RuleClip, read_list, split_by_rule, write_list
from kinestyle.rig.rig_file import Rig

SET_NAME = "own"
ReadClip = tuple[Source, Reading]


@dataclass(frozen=True)
class OwnClips:
    """What a user may say of clips that are not the Bandai-Namco sets."""

    labels: str | None = None
    """Where styles come from, see `find_labels`; None: find out."""
    name: str | None = None
    """Of the bundle, and of its file."""
    licence: str | None = None
    """Of the bundle."""
    rig: Rig | None = None
    """Which joint is which in all clips that it fits; in the others, or with None: find out."""
    attribution: str | None = None
    """Whom the bundle has to name, in a line."""

    def __post_init__(self) -> None:
        if self.name is not None and not re.fullmatch(r"\w[\w.+-]*", self.name):
            raise DataError(
                f"the name {self.name!r} cannot name a file; use letters, digits, - and _"
            )


@dataclass(frozen=True)
class OwnFolder:
    """The clips in the folder `data`, to be read into RUN/corpus.

    labels: where styles come from, see `find_labels`; rig: stated for all clips that it fits
    """

    data: Path
    run: Path
    labels: str | None
    rig: Rig | None

    def fingerprint(self) -> str:
        """Changes with the files, the table of labels, the splits, and what was said of labels and
        rig.
        """
        tables = [path for path in (*self._tables(), self.run / SPLITS) if path.is_file()]
        files = [(file, *size_and_time(self.data / file)) for file in self.files()]
        return digest([self.labels, self.rig, files, *(path.read_bytes() for path in tables)])

    def files(self) -> list[str]:
        """All files in the folder and below, joined by "/": without hidden ones, the table of
        labels, and what a run wrote there. Raises DataError where there is no folder.
        """
        if not self.data.is_dir():
            raise DataError(f"{self.data} is no folder; --data names a folder of motion files")
        tables = {path.resolve() for path in self._tables()}
        entered = {self.run.resolve()}
        found = []
        for at, folders, names in os.walk(self.data, followlinks=True):
            entered.add(Path(at).resolve())  # a link may lead back to a folder above
            folders[:] = sorted(
                name
                for name in folders
                if not _hidden(name) and Path(at, name).resolve() not in entered
            )
            found += [Path(at, name) for name in names if not _hidden(name)]
        return sorted(
            path.relative_to(self.data).as_posix() for path in found if path.resolve() not in tables
        )

    def _tables(self) -> list[Path]:
        """Where a table of labels may be."""
        stated = [self.data / self.labels, Path(self.labels)] if self.labels else []
        return [self.data / TABLE, *stated]

    def prepare(self, report: Callable[[str], None]) -> None:
        """Read the clips, decide what each is for, and write the corpus, RUN/splits.csv and the
        lists of what was left out. Raises DataError where nothing can be learned from them.
        """
        report(f"reading motion under {self.data}")
        folder = self.run / "corpus"
        motion, others = self._motion_files()
        labelling = find_labels(self.data, motion, self.labels)
        read, unread = read_sources(self._sources(labelling), folder, report, rig=self.rig)
        self._require_fit([reading for _, reading in read])
        unique, copies = without_copies(read)
        clips, remark = with_useful_contents(unique)
        clips = self._split(clips)
        summary = Summary(
            labels=labelling.origin + remark,
            refused=labelling.refused | unread | copies | others,
            doubtful=sum(bool(reading.doubts) for _, reading in clips),
            rig=None if self.rig is None else self.rig.name,
            other_rigs=sum(bool(reading.misfit) for _, reading in clips),
        )
        write_lists(
            folder,
            summary.refused,
            [(source.stem, doubt) for source, reading in clips for doubt in reading.doubts],
            [(source.stem, reading.misfit) for source, reading in clips if reading.misfit],
        )
        for part in set((folder / PARTS).iterdir()) - {reading.part for _, reading in read}:
            part.unlink()
        assemble(clips, folder, self.fingerprint(), asdict(summary))

    def _motion_files(self) -> tuple[list[str], dict[str, str]]:
        """The motion files, and for every other file that it is none. Raises DataError where there
        is no motion.
        """
        formats = ", ".join(FORMATS)
        files = self.files()
        motion = [file for file in files if Path(file).suffix.lower() in FORMATS]
        if not motion:
            raise DataError(
                f"{self.data} holds no motion file; expected files of these kinds, in any "
                f"folders: {formats}"
            )
        reason = f"is no motion file that can be read, those are {formats}"
        return motion, dict.fromkeys(sorted(set(files) - set(motion)), reason)

    def _sources(self, labelling: Labelling) -> list[Source]:
        """The labelled files. Raises DataError where there is none."""
        if not labelling.labels:
            reasons = [f"{file}: {reason}" for file, reason in labelling.refused.items()]
            raise DataError(
                f"no clip in {self.data} can be labelled: {labelling.origin}, but "
                f"{'; '.join(reasons[:3])}"
            )
        return [
            Source(
                self.data / file,
                file,
                SET_NAME,
                str(Label(SET_NAME, label.style)) if label.style else "",
                label.content,
                label.split,
            )
            for file, label in sorted(labelling.labels.items())
        ]

    def _require_fit(self, readings: Sequence[Reading]) -> None:
        """Raises DataError where a stated rig fits none of the clips: it is not theirs, or has a
        mistake.
        """
        if self.rig is not None and all(reading.misfit for reading in readings):
            raise DataError(
                f"{self.rig.name} fits none of {len(readings)} clips; the first reason: "
                f"{readings[0].misfit}"
            )

    def _split(self, clips: Sequence[ReadClip]) -> list[ReadClip]:
        """Clips with their splits, which are also written to RUN/splits.csv. Raises DataError where
        nothing is left for training.
        """
        path = self.run / SPLITS
        listed = read_list(path) if path.exists() else {}
        splits = assign_splits(clips, listed)
        if "train" not in splits.values():
            raise DataError(
                f"{path}, or the table of labels, leaves no clip for training; write train for "
                f"most of them"
            )
        write_list(splits, path)
        return [(replace(source, split=splits[source.stem]), reading) for source, reading in clips]


def _hidden(name: str) -> bool:
    return name.startswith(".") or name == "__MACOSX"


def without_copies(read: Sequence[ReadClip]) -> tuple[list[ReadClip], dict[str, str]]:
    """The same motion once: copies would be learned twice, and leak from training into validation.
    Of one motion in two styles: none. Returns the clips and the reasons for the others, by file.
    Raises DataError where no clip is left.
    """
    same: dict[str, list[ReadClip]] = defaultdict(list)
    for source, reading in read:
        same[reading.digest].append((source, reading))
    kept: list[ReadClip] = []
    refused: dict[str, str] = {}
    for clips in same.values():
        names = [source.stem for source, _ in clips]
        if len({source.style for source, _ in clips}) > 1:
            reason = f"is one motion in several styles: {', '.join(names)}"
            refused |= dict.fromkeys(names, reason)
        else:
            kept.append(clips[0])
            refused |= dict.fromkeys(names[1:], f"is the same motion as {names[0]}")
    if not kept:
        raise DataError("every clip is there in several styles, so nothing says what a style is")
    return kept, refused


def with_useful_contents(clips: Sequence[ReadClip]) -> tuple[list[ReadClip], str]:
    """Clips with their contents, or with none and the reason in words: contents serve only where
    every labelled clip has one and most occur in several styles. A content of one style alone would
    teach that the content is the style.
    """
    labelled = [source for source, _ in clips if source.style]
    styles: dict[str, set[str]] = defaultdict(set)
    for source in labelled:
        styles[source.content].add(source.style)
    missing = sum(not source.content for source in labelled)
    shared = sum(len(styles[source.content]) > 1 for source in labelled)
    if labelled and not missing and 2 * shared >= len(labelled):
        return list(clips), ""
    remark = ""
    if missing < len(labelled):
        why = f"{missing} clips have none" if missing else "most occur in one style only"
        remark = f"; contents are not used, because {why}"
    return [(replace(source, content=""), reading) for source, reading in clips], remark


def assign_splits(clips: Sequence[ReadClip], listed: dict[str, str]) -> dict[str, str]:
    """By file: what the table of labels says or, where it says nothing at all, the list.

    What neither names is split by the rule, in a style that no clip is named to validate with; else
    it is for training.
    """
    stated = {source.stem: source.split for source, _ in clips if source.split} or listed
    validated = {source.style for source, _ in clips if stated.get(source.stem) == "validation"}
    splits: dict[str, str] = {}
    free: dict[str, RuleClip] = {}
    for source, reading in clips:
        if source.stem in stated or source.style in validated:
            splits[source.stem] = stated.get(source.stem, "train")
        else:
            free[source.stem] = RuleClip(source.style, source.content, reading.frame_count)
    trained = [
        source.content for source, _ in clips if source.style and splits.get(source.stem) == "train"
    ]
    return splits | split_by_rule(free, trained)
