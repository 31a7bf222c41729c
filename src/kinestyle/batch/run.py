"""A whole run: what is wanted, less what is there already, made somewhere and written down."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from kinestyle import __version__
from kinestyle.batch.clips import find_clips
from kinestyle.batch.making import Maker, outcome_of
from kinestyle.batch.manifest import Manifest, Outcome, open_manifest
from kinestyle.batch.order import Order, Work, plan, require_folder
from kinestyle.batch.places import Results, open_results
from kinestyle.batch.processes import make_in_processes
from kinestyle.cores import usable_cores


@dataclass
class Tally:
    """How far a run is.

    wanted: results in all; made, refused, failed: by this run; before: what was there already
    kept: files that were not to be replaced
    notes: of the styles; left_out: clips that lie among the results
    began: when work began; known: what was counted then
    """

    wanted: int = 0
    before: int = 0
    kept: int = 0
    made: int = 0
    refused: int = 0
    failed: int = 0
    notes: tuple[str, ...] = ()
    left_out: int = 0
    began: float = field(default_factory=time.monotonic)
    known: int = 0

    @property
    def done(self) -> int:
        return self.before + self.kept + self.by_this_run

    @property
    def by_this_run(self) -> int:
        return self.made + self.refused + self.failed

    @property
    def missing(self) -> int:
        """Results that were asked for and are not there."""
        return self.wanted - self.before - self.kept - self.made

    @property
    def seconds_left(self) -> float | None:
        """None while nothing is done."""
        if self.by_this_run <= self.known:
            return None
        taken = time.monotonic() - self.began
        return taken / (self.by_this_run - self.known) * (self.wanted - self.done)

    def begin(self) -> None:
        """Count time from now on, in which what is known was not done."""
        self.began, self.known = time.monotonic(), self.by_this_run

    def count(self, outcome: Outcome) -> None:
        setattr(self, outcome.state, getattr(self, outcome.state) + 1)


def stylize_all(
    clips: Sequence[str],
    order: Order,
    out: str | Path,
    *,
    jobs: int | None = None,
    ray: str | None = None,
    shard: tuple[int, int] | None = None,
    overwrite: bool = False,
    no_clobber: bool = False,
    report: Callable[[Tally, Outcome | None], None] = lambda tally, outcome: None,
) -> Tally:
    """Restyle many clips, each in every style of an order, into a folder.

    clips, out: files, folders and patterns, and the folder of results; URLs too, see `places`
    jobs: processes, None for one a core
    ray: the address of a Ray cluster that does the work, see `on_ray`; jobs: cores of it, then
    shard: this part of the clips, and of how many
    overwrite: make what is there already as well; no_clobber: leave every file that is there
    report: called at the beginning, with None, and with each outcome

    What was made before, of the same clip in the same way, is not made again. A clip that cannot be
    restyled stops nothing. Raises StyleError, BundleError, MotionFileError for what concerns all.
    """
    require_folder(str(out))
    results = open_results(str(out))
    found, left_out = find_clips(clips, str(out))
    maker = Maker(order, results)
    order, notes = maker.with_known_styles()
    works = plan(order, found, _fingerprints(maker))
    if shard is not None:
        works = works[shard[0] - 1 :: shard[1]]
    with open_manifest(results, shard) as manifest:
        results.clear(result.out for work in works for result in work.results)
        tally = Tally(sum(len(work.results) for work in works), notes=notes, left_out=left_out)
        wanted = list(_wanted(works, manifest, tally, overwrite, no_clobber, maker))
        tally.begin()
        report(tally, None)
        if wanted:
            # which ends the processes, however the block ends
            with closing(_started(order, wanted, results, ray, jobs)) as outcomes:
                for outcome in outcomes:
                    manifest.add(outcome)
                    tally.count(outcome)
                    report(tally, outcome)
        return tally


def _started(
    order: Order, works: Sequence[Work], results: Results, ray: str | None, jobs: int | None
) -> Generator[Outcome, None, None]:
    """The outcomes, as they come."""
    if ray is None:
        return make_in_processes(order, works, results, min(jobs or usable_cores(), len(works)))
    from kinestyle.batch.on_ray import make_on_ray

    return make_on_ray(order, works, results, ray, jobs)


def _wanted(
    works: Sequence[Work],
    manifest: Manifest,
    tally: Tally,
    overwrite: bool,
    no_clobber: bool,
    maker: Maker,
) -> Iterator[Work]:
    """The work that is left."""
    for work in works:
        left = []
        for result in work.results:
            known = None if overwrite else manifest.settled(result.out, result.key)
            if known is not None:
                if known.state == "made":
                    tally.before += 1
                else:
                    tally.refused += 1
            elif no_clobber and manifest.results.exists(result.out):
                tally.kept += 1
                why = "there was a file in its place"
                manifest.add(outcome_of(maker.order, work, result, "kept", why=why))
            else:
                left.append(result)
        if left:
            yield replace(work, results=tuple(left))


def _fingerprints(maker: Maker) -> list[str]:
    """For each cue, a hash of what its results depend on beside their clip: bundle, style,
    settings, version. The seed stands in each result.
    """
    order = maker.order
    common = {
        "version": __version__,
        "bundle": maker.stylizer.bundle.sha256,
        "settings": order.settings.as_dict() | {"seed": None},
        "rig": str(order.settings.rig),
        "reading": order.reading.as_dict(),
    }
    every = [common | {"style": _styles_of(maker, cue)} for cue in order.cues]
    return [
        hashlib.sha256(json.dumps(said, sort_keys=True, default=str).encode()).hexdigest()
        for said in every
    ]


def _styles_of(maker: Maker, cue: Any) -> list[Any]:
    """What a cue says, and what its styles are: a file of that name may be another one by now."""
    named = [maker.stylizer.style(name) for name in cue.style_names]
    return [
        str(cue.weights),
        cue.parts,
        cue.random,
        [(style.name, style.mean.tolist(), style.std.tolist()) for style in (*named, *cue.like)],
    ]
