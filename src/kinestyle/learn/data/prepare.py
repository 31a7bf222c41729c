"""The corpus of a run, of what the user gave: the Bandai-Namco sets, or clips of their own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from kinestyle.errors import DataError
from kinestyle.learn.data.bandai import BandaiClips, holds_bandai
from kinestyle.learn.data.corpus import Corpus, Table
from kinestyle.learn.data.own_clips import SET_NAME, OwnFolder
from kinestyle.learn.data.own_summary import Summary, describe
from kinestyle.rig.rig_file import Rig

NO_RIG = (
    "--rig is for own clips; which joint is which in the Bandai-Namco sets is known: leave it out"
)


def open_corpus(
    data: Path,
    run: Path,
    labels: str | None,
    report: Callable[[str], None],
    rig: Rig | None = None,
    may_prepare: bool = True,
) -> Corpus:
    """The corpus in RUN/corpus. It is prepared now unless it was made from the same files, labels
    and splits before, or `data` is no longer there.

    labels: where the styles of own clips come from, see `find_labels`; with it the Bandai-Namco
        sets are own clips too
    rig: stated for all own clips that it fits
    may_prepare: False for the run of somebody else

    Raises DataError where nothing can be learned from `data`, where the corpus is damaged or of
    other data, or where the rig fits no clip or is stated for the Bandai-Namco sets.
    """
    folder = run / "corpus"
    table = Table.read(folder)
    if table is None or data.is_dir():
        table = _prepared(table, data, run, labels, report, rig, may_prepare)
    elif rig is not None and table.own is None:
        raise DataError(NO_RIG)
    corpus = Corpus.load(folder)
    if table.own is not None:
        for line in describe(corpus, Summary(**table.own), folder):
            report(line)
    return corpus


def _prepared(
    table: Table | None,
    data: Path,
    run: Path,
    labels: str | None,
    report: Callable[[str], None],
    rig: Rig | None,
    may_prepare: bool,
) -> Table:
    """The table of what is in `data` now: `table`, unless that is of something else."""
    folder = run / "corpus"
    own = labels is not None or not holds_bandai(data)
    if rig is not None and not own:
        raise DataError(NO_RIG)
    if table is not None and own != (table.own is not None):
        raise DataError(
            f"{folder} was prepared from other data or for other labels than these; name another "
            f"--run"
        )
    clips = OwnFolder(data, run, labels, rig) if own else BandaiClips(data, folder)
    if table is None or table.made_from != clips.fingerprint():
        if not may_prepare:
            raise DataError(
                f"{folder} was made from other files, labels, splits or rig than these; run the "
                f"command that made it again, or leave --from out"
            )
        clips.prepare(report)
        table = Table.read(folder)
        assert table is not None, "it was written just now"
    return table


def is_own(corpus: Corpus) -> bool:
    """Whether a corpus is a user's clips and not the Bandai-Namco sets."""
    return all(entry.set_name == SET_NAME for entry in corpus.entries)


def require_styles(corpus: Corpus) -> None:
    """Raises DataError where there are too few styles to learn from labels."""
    styles = sorted({entry.style_name for entry in corpus.select("train", labelled=True)})
    if len(styles) < 2:
        found = f"one style, {styles[0]}" if styles else "no clip with a style"
        raise DataError(
            f"there is {found}; what one style is can only be learned beside another: add clips "
            f"of a second one (plain ones, called normal, will do), or train without labels with "
            f"--preset unsupervised"
        )
