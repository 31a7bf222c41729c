"""What is said of a user's own clips before they are learned from: styles, contents, splits, and
what was left out and why.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from kinestyle.learn.data.corpus import Corpus, Entry
from kinestyle.learn.data.splits import UNUSED
from kinestyle.retarget.features import FRAME_RATE
from kinestyle.storage import replace_bytes

SPLITS = "splits.csv"
REFUSED, DOUBTFUL, OTHER_RIGS = "refused.txt", "doubtful.txt", "other_rigs.txt"
"""Lists in the folder of the corpus: a file and a reason in each line."""
FEW_SECONDS = 20.0
"""Less motion of a style than this is said to be little."""
SHOWN = 50
"""Refused files that are named one by one on the screen; the file names all."""


@dataclass(frozen=True)
class Summary:
    """What is known of a corpus of own clips beyond its table.

    labels: where they come from, in words
    refused: the reason for each file that was left out
    doubtful: number of clips whose rig is in doubt
    rig: name of the stated rig; other_rigs: number of clips that it does not fit
    """

    labels: str
    refused: Mapping[str, str]
    doubtful: int
    rig: str | None
    other_rigs: int


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


def describe(corpus: Corpus, summary: Summary, folder: Path) -> Iterator[str]:
    """The lines to report of a corpus in `folder`."""
    yield (
        f"own clips: {Share.of(corpus.entries)}, {len(summary.refused)} files left out; "
        f"{summary.labels}"
    )
    yield from _labels(corpus)
    yield from _splits(corpus, folder.parent / SPLITS)
    if summary.rig:
        yield _rig(summary, len(corpus.entries), folder)
    if summary.doubtful:
        yield f"of {summary.doubtful} clips the rig is in doubt: look at {folder / DOUBTFUL}"
    for file, reason in list(summary.refused.items())[:SHOWN]:
        yield f"left out: {_line(file, reason)}"
    if len(summary.refused) > SHOWN:
        yield f"and {len(summary.refused) - SHOWN} more, all in {folder / REFUSED}"


def _labels(corpus: Corpus) -> Iterator[str]:
    styles: dict[str, list[Entry]] = defaultdict(list)
    contents: dict[str, list[Entry]] = defaultdict(list)
    for entry in corpus.select(labelled=True):
        styles[entry.style_name].append(entry)
        contents[entry.content].append(entry)
    for style, entries in sorted(styles.items()):
        trained = Share.of(entry for entry in entries if entry.split == "train")
        yield f"  {style}: {Share.of(entries)}{_remark(trained)}"
    if unlabelled := corpus.select(labelled=False):
        yield (
            f"  without a style: {Share.of(unlabelled)}; only what needs no labels learns from them"
        )
    if set(contents) - {""}:
        counts = (f"{content} {len(entries)}" for content, entries in sorted(contents.items()))
        yield f"contents: {', '.join(counts)}"
    else:
        yield "contents: not used; what a clip does is kept without the help of labels"


def _remark(trained: Share) -> str:
    if trained.clips == 0:
        return " - none of it for training: the style will not be learned"
    if trained.clips == 1:
        return " - one clip to learn from: what it does will be taken for its style"
    if trained.seconds < FEW_SECONDS:
        return f" - less than {FEW_SECONDS:.0f} s to learn from: expect little"
    return ""


def _splits(corpus: Corpus, path: Path) -> Iterator[str]:
    for split, what in (("validation", "validation"), ("test", "the test"), (UNUSED, "nothing")):
        if chosen := corpus.select(split):
            yield f"for {what}: {Share.of(chosen)}, listed in {path}"
    if not corpus.select("validation"):
        yield "for validation: none, so that training cannot tell when it is best"
    skipped = set(corpus.select("validation", labelled=True)) - set(corpus.known_validation())
    if skipped:
        names = sorted(entry.stem for entry in skipped)
        yield (
            f"validation skips {Share.of(skipped)}, whose style or content no training clip has: "
            f"{', '.join(names[:3])}{', ...' * (len(names) > 3)}"
        )


def _rig(summary: Summary, clips: int, folder: Path) -> str:
    fits = f"rig: as {summary.rig} says in {clips - summary.other_rigs} of {clips} clips"
    if not summary.other_rigs:
        return fits
    return (
        f"{fits}; it does not fit the others, whose rigs were found: look at {folder / OTHER_RIGS}"
    )


def write_lists(
    folder: Path,
    refused: Mapping[str, str],
    doubts: Sequence[tuple[str, str]],
    misfits: Sequence[tuple[str, str]],
) -> None:
    """Write the reasons, by file, into the folder of the corpus."""
    for name, reasons in (
        (REFUSED, refused.items()),
        (DOUBTFUL, doubts),
        (OTHER_RIGS, misfits),
    ):
        lines = (f"{_line(file, reason)}\n" for file, reason in reasons)
        replace_bytes(folder / name, "".join(lines).encode())


def _line(file: str, reason: str) -> str:
    """Most reasons begin with the file's or the clip's name, which stands before them already."""
    for name in (Path(file).name, f"{Path(file).stem}:"):
        reason = reason.removeprefix(name).lstrip(" :,")
    return f"{file}: {reason}"
