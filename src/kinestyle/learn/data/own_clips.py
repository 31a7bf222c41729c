"""A user's own clips as a corpus: which files, in which style, for what, and in words what was
understood.

Nothing that a file can be stops a run: what cannot be used is listed with the reason, also in
RUN/corpus/refused.txt. Which clips are for validation is in RUN/splits.csv. Labels, splits and
files may change until training begins: what was read is kept, so that preparing again takes
seconds. So may the rig that is stated for the clips; with another one they are read again.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from kinestyle.errors import DataError
from kinestyle.formats.table import FORMATS
from kinestyle.label import Label
from kinestyle.learn.data.corpus import (
    PARTS,
    Corpus,
    Entry,
    Source,
    assemble,
    build,
    holds_bandai,
    motion_files,
    read_sources,
)
from kinestyle.learn.data.own_labels import TABLE, Labelling, find_labels
from kinestyle.learn.data.reading import Reading
from kinestyle.learn.data.splits import UNUSED, RuleClip, read_list, split_by_rule, write_list
from kinestyle.retarget.features import FRAME_RATE
from kinestyle.rig.rig_file import Rig
from kinestyle.storage import replace_bytes

SET_NAME = "own"
FEW_SECONDS = 20.0
"""Less motion of a style than this is said to be little."""
SHOWN = 50
"""Refused files that are named one by one on the screen; the file names all."""
SPLITS = "splits.csv"
OTHER_RIGS = "other_rigs.txt"


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

    def __post_init__(self) -> None:
        if self.name is not None and not re.fullmatch(r"\w[\w.+-]*", self.name):
            raise DataError(
                f"the name {self.name!r} cannot name a file; use letters, digits, - and _"
            )


def open_corpus(
    data: Path, run: Path, told: str | None, report: Callable[[str], None], rig: Rig | None = None
) -> Corpus:
    """The corpus of a run, prepared now unless it was before: of the Bandai-Namco sets, or of own
    clips labelled as `told`.

    rig: stated for all own clips that it fits. Raises DataError where it fits none, or is stated
        for the Bandai-Namco sets.
    """
    folder = run / "corpus"
    prepared = (folder / "corpus.json").exists()
    own = _own(folder) if prepared else None
    kept = prepared and not data.is_dir()
    bandai = own is None if kept else told is None and holds_bandai(data)
    if bandai and rig is not None:
        raise DataError(
            "--rig is for own clips; which joint is which in the Bandai-Namco sets is known, so "
            "leave it out"
        )
    if not kept:
        if prepared and bandai != (own is None):
            raise DataError(
                f"{folder} was prepared from other data or for other labels than these; name "
                f"another --run"
            )
        if bandai and not prepared:
            _prepare_bandai(data, folder, report)
        elif not bandai and (own is None or own["made_from"] != _state(data, run, told, rig)):
            own = _prepare(data, run, told, rig, report)
    corpus = Corpus.load(folder)
    if own is not None:
        _say(corpus, own, folder, report)
    return corpus


def is_own(corpus: Corpus) -> bool:
    """Whether a corpus is a user's clips and not the Bandai-Namco sets."""
    return all(entry.set_name == SET_NAME for entry in corpus.entries)


def require_styles(corpus: Corpus) -> None:
    """Raises DataError where there are too few styles to learn from labels."""
    styles = sorted(
        {Label.parse(entry.style).name for entry in corpus.select("train", labelled=True)}
    )
    if len(styles) < 2:
        found = f"one style, {styles[0]}" if styles else "no clip with a style"
        raise DataError(
            f"there is {found}; what one style is can only be learned beside another: add clips "
            f"of a second one "
            "(plain ones, called normal, will do), or train without labels with --preset "
            "unsupervised"
        )


def _own(folder: Path) -> dict[str, Any] | None:
    """What was kept with a corpus of own clips; None for another corpus."""
    table: dict[str, Any] = json.loads((folder / "corpus.json").read_text())
    return table.get("own")


# ---------------------------------------------------------------- preparing


def _prepare_bandai(data: Path, folder: Path, report: Callable[[str], None]) -> None:
    report(f"reading motion under {data}")
    for reason in build(motion_files(data), folder, report).values():
        report(f"left out: {reason}")


def _prepare(
    data: Path, run: Path, told: str | None, rig: Rig | None, report: Callable[[str], None]
) -> dict[str, Any]:
    """Read own clips into a corpus; returns what is kept with it."""
    report(f"reading motion under {data}")
    folder = run / "corpus"
    files = _files(data, run, told)
    formats = ", ".join(FORMATS)
    motion = [file for file in files if Path(file).suffix.lower() in FORMATS]
    if not motion:
        raise DataError(
            f"{data} holds no motion file; expected files of these kinds, in any folders: {formats}"
        )
    labelling = find_labels(data, motion, told)
    sources = [
        Source(
            data / file,
            file,
            SET_NAME,
            str(Label(SET_NAME, label.style)) if label.style else "",
            label.content,
            label.split,
        )
        for file, label in sorted(labelling.labels.items())
    ]
    if not sources:
        first = "; ".join(
            f"{file}: {reason}" for file, reason in list(labelling.refused.items())[:3]
        )
        raise DataError(f"no clip in {data} can be labelled: {labelling.said}, but {first}")
    read, unread = read_sources(sources, folder, report, rig=rig)
    _require_fit(rig, [reading for _, reading in read])
    kept, copies = _without_copies(read)
    others = dict.fromkeys(
        sorted(set(files) - set(motion)), f"is no motion file that can be read, those are {formats}"
    )
    refused = labelling.refused | unread | copies | others
    sources, said = _agreed_contents([source for source, _ in kept], labelling)
    splits = _splits(sources, [reading for _, reading in kept], run)
    sources = [replace(source, split=splits[source.stem]) for source in sources]
    if "train" not in splits.values():
        raise DataError(
            f"{run / SPLITS}, or the table of labels, leaves no clip for training; write train "
            f"for most of them"
        )
    write_list(splits, run / SPLITS)
    misfits = [(source.stem, reading.misfit) for source, reading in kept if reading.misfit]
    doubts = [(source.stem, doubt) for source, reading in kept for doubt in reading.doubts]
    _write_list(folder / "refused.txt", refused.items())
    _write_list(folder / "doubtful.txt", doubts)
    _write_list(folder / OTHER_RIGS, misfits)
    for part in set((folder / PARTS).iterdir()) - {reading.part for _, reading in read}:
        part.unlink()
    own = {
        "made_from": _state(data, run, told, rig),
        "said": said,
        "refused": refused,
        "doubtful": len({file for file, _ in doubts}),
        "rig": None if rig is None else rig.name,
        "other_rigs": len(misfits),
    }
    assemble(
        [(source, reading) for source, (_, reading) in zip(sources, kept, strict=True)], folder, own
    )
    return own


def _require_fit(rig: Rig | None, readings: Sequence[Reading]) -> None:
    """Raises DataError where a stated rig fits none of the clips: it is not theirs, or has a
    mistake.
    """
    if rig is not None and all(reading.misfit for reading in readings):
        raise DataError(
            f"{rig.name} fits none of {len(readings)} clips; the first reason: {readings[0].misfit}"
        )


def _state(data: Path, run: Path, told: str | None, rig: Rig | None) -> str:
    """A hash that changes with the files, the table of labels, the splits, what was told of labels,
    and the stated rig.
    """
    tables = [path for path in (*_tables(data, told), run / SPLITS) if path.is_file()]
    files = [(file, *_size_and_time(data / file)) for file in _files(data, run, told)]
    return hashlib.sha256(
        repr((told, files, [path.read_bytes() for path in tables], rig)).encode()
    ).hexdigest()


def _size_and_time(path: Path) -> tuple[int, int]:
    try:
        return path.stat().st_size, path.stat().st_mtime_ns
    except OSError:  # a link to nothing
        return 0, 0


def _tables(data: Path, told: str | None) -> list[Path]:
    """Where a table of labels may be."""
    return [data / TABLE, *([data / told, Path(told)] if told else [])]


def _files(data: Path, run: Path, told: str | None) -> list[str]:
    """All files in a folder, below each other by "/", but hidden ones, the table of labels, and
    what a run wrote there.
    """
    if not data.is_dir():
        raise DataError(f"{data} is no folder; --data names a folder of motion files")
    tables = {path.resolve() for path in _tables(data, told)}
    found, seen = [], set()
    for at, folders, names in os.walk(data, followlinks=True):
        here = Path(at)
        seen.add(here.resolve())  # a link may lead back to a folder above
        folders[:] = sorted(
            f
            for f in folders
            if _shown(f) and (p := (here / f).resolve()) not in seen and p != run.resolve()
        )
        found += [
            here / name for name in names if _shown(name) and (here / name).resolve() not in tables
        ]
    return sorted(path.relative_to(data).as_posix() for path in found)


def _shown(name: str) -> bool:
    return not name.startswith(".") and name != "__MACOSX"


def _without_copies(
    read: Sequence[tuple[Source, Reading]],
) -> tuple[list[tuple[Source, Reading]], dict[str, str]]:
    """The same motion once: copies would be learned twice, and leak from training into validation.
    Of two styles: neither.
    """
    same: dict[str, list[tuple[Source, Reading]]] = defaultdict(list)
    for source, reading in read:
        same[reading.digest].append((source, reading))
    kept: list[tuple[Source, Reading]] = []
    refused: dict[str, str] = {}
    for (first, reading), *copies in same.values():
        differs = {source.style for source, _ in copies} - {first.style}
        if differs:
            names = ", ".join([first.stem, *(source.stem for source, _ in copies)])
            refused |= {
                source.stem: f"is one motion in several styles: {names}"
                for source, _ in [(first, reading), *copies]
            }
            continue
        kept.append((first, reading))
        refused |= {source.stem: f"is the same motion as {first.stem}" for source, _ in copies}
    if not kept:
        raise DataError("every clip is there in several styles, so nothing says what a style is")
    return kept, refused


def _agreed_contents(sources: list[Source], labelling: Labelling) -> tuple[list[Source], str]:
    """Contents as they are, or none: they serve only where every labelled clip has one and most
    occur in several styles.

    A content of one style alone would teach that the content is the style.
    """
    labelled = [source for source in sources if source.style]
    missing = sum(not source.content for source in labelled)
    styles: dict[str, set[str]] = defaultdict(set)
    for source in labelled:
        styles[source.content].add(source.style)
    crossing = sum(len(styles[source.content]) > 1 for source in labelled)
    said = labelling.said
    if labelled and not missing and 2 * crossing >= len(labelled):
        return sources, said
    if labelled and missing < len(labelled):
        why = f"{missing} clips have none" if missing else "most occur in one style only"
        said += f"; contents are not used, because {why}"
    return [replace(source, content="") for source in sources], said


def _splits(sources: Sequence[Source], readings: Sequence[Reading], run: Path) -> dict[str, str]:
    """By file: what the table of labels says, or RUN/splits.csv where that says nothing.

    What neither names is split by the rule, in a style that no clip is named to validate with; else
    it is for training.
    """
    said = {source.stem: source.split for source in sources if source.split}
    if not said and (run / SPLITS).exists():
        said = read_list(run / SPLITS)
    validated = {source.style for source in sources if said.get(source.stem) == "validation"}
    splits: dict[str, str] = {}
    free: dict[str, RuleClip] = {}
    for source, reading in zip(sources, readings, strict=True):
        if source.stem in said or source.style in validated:
            splits[source.stem] = said.get(source.stem, "train")
        else:
            free[source.stem] = RuleClip(source.style, source.content, reading.frame_count)
    trained = [
        source.content for source in sources if source.style and splits.get(source.stem) == "train"
    ]
    return splits | split_by_rule(free, trained)


# ---------------------------------------------------------------- saying


@dataclass(frozen=True)
class Share:
    """Clips and seconds of them."""

    clips: int
    seconds: float

    @classmethod
    def of(cls, entries: Iterable[Entry]) -> Share:
        lengths = [entry.frame_count / FRAME_RATE for entry in entries]
        return cls(len(lengths), sum(lengths))

    def __str__(self) -> str:
        amount = f"{self.seconds / 60:.1f} min" if self.seconds >= 120 else f"{self.seconds:.0f} s"
        return f"{self.clips} clip{'s' * (self.clips != 1)}, {amount}"


def _say(
    corpus: Corpus, own: Mapping[str, Any], folder: Path, report: Callable[[str], None]
) -> None:
    """In words: styles, contents, splits, what was refused and why."""
    labelled, unlabelled = corpus.select(labelled=True), corpus.select(labelled=False)
    report(
        f"own clips: {Share.of(corpus.entries)}, {len(own['refused'])} files left out; "
        f"{own['said']}"
    )
    styles: dict[str, list[Entry]] = defaultdict(list)
    contents: dict[str, list[Entry]] = defaultdict(list)
    for entry in labelled:
        styles[Label.parse(entry.style).name].append(entry)
        contents[entry.content].append(entry)
    for style, entries in sorted(styles.items()):
        trained = Share.of(entry for entry in entries if entry.split == "train")
        report(f"  {style}: {Share.of(entries)}{_remark(trained)}")
    if unlabelled:
        report(
            f"  without a style: {Share.of(unlabelled)}; only what needs no labels learns from them"
        )
    if set(contents) - {""}:
        report(
            "contents: "
            + ", ".join(
                f"{content} {len(entries)}" for content, entries in sorted(contents.items())
            )
        )
    else:
        report("contents: not used; what a clip does is kept without the help of labels")
    for split, what in (("validation", "validation"), ("test", "the test"), (UNUSED, "nothing")):
        if chosen := corpus.select(split):
            report(f"for {what}: {Share.of(chosen)}, listed in {folder.parent / SPLITS}")
    if not corpus.select("validation"):
        report("for validation: none, so that training cannot tell when it is best")
    skipped = set(corpus.select("validation", labelled=True)) - set(corpus.known_validation())
    if skipped:
        report(
            f"validation skips {Share.of(skipped)}, whose style or content no training clip has: "
            + ", ".join(sorted(entry.stem for entry in skipped)[:3])
            + (", ..." if len(skipped) > 3 else "")
        )
    if own.get("rig"):
        report(_said_of_rig(own["rig"], own["other_rigs"], len(corpus.entries), folder))
    if own["doubtful"]:
        report(f"of {own['doubtful']} clips the rig is in doubt: look at {folder / 'doubtful.txt'}")
    for file, reason in list(own["refused"].items())[:SHOWN]:
        report(f"left out: {_line(file, reason)}")
    if len(own["refused"]) > SHOWN:
        report(f"and {len(own['refused']) - SHOWN} more, all in {folder / 'refused.txt'}")


def _said_of_rig(name: str, others: int, clips: int, folder: Path) -> str:
    said = f"rig: as {name} says in {clips - others} of {clips} clips"
    return (
        f"{said}; it does not fit the others, whose rigs were found: look at {folder / OTHER_RIGS}"
        if others
        else said
    )


def _remark(trained: Share) -> str:
    if trained.clips == 0:
        return " - none of it for training: the style will not be learned"
    if trained.clips == 1:
        return " - one clip to learn from: what it does will be taken for its style"
    return (
        f" - less than {FEW_SECONDS:.0f} s to learn from: expect little"
        if trained.seconds < FEW_SECONDS
        else ""
    )


def _line(file: str, reason: str) -> str:
    """Most reasons begin with the file's or the clip's name, which is said with its folder already."""
    for name in (Path(file).name, f"{Path(file).stem}:"):
        reason = reason.removeprefix(name).lstrip(" :,")
    return f"{file}: {reason}"


def _write_list(path: Path, reasons: Iterable[tuple[str, str]]) -> None:
    replace_bytes(path, "".join(f"{_line(file, reason)}\n" for file, reason in reasons).encode())
