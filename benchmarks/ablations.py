"""Judges what `runs/ablations` trained, on all test clips, and prints its tables.

    python benchmarks/ablations.py DATA RUN --presets 'paper no-alignment ...' [--table]

A bundle that was judged is not judged again; RUN/ablations.json holds the figures. RUN/ABLATIONS.md
gets the tables. Reasons that somebody wrote into the last column of its table of signs stay. What
is judged is what the networks say by themselves: no posture of references, no action that is kept,
no gate, all of which would make the rows alike.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path
from typing import Any

from kinestyle.bundle import Bundle
from kinestyle.evaluate.ablations import Progress, as_sign_table, as_table, signs
from kinestyle.evaluate.report import FULL, QUICK, Request, compare
from kinestyle.learn.data.bandai import labelled_clips
from kinestyle.runtime.settings import Settings, SettingsChanges
from kinestyle.storage import replace_bytes

NETWORKS_ALONE: SettingsChanges = {"reference": "code", "action": "free", "out_of_domain": "ignore"}


def say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def judged(path: Path, known: list[dict[str, Any]], options: Any) -> list[dict[str, Any]]:
    """The rows of a bundle: those that are known, or new ones."""
    sha256 = Bundle.open(path).sha256
    found = [
        row
        for row in known
        if (row["bundle"], row["sha256"], row.get("settings"))
        == (path.stem, sha256, NETWORKS_ALONE)
    ]
    if found or options.table:
        return found
    request = Request(
        options.data,
        labelled_clips(options.data),
        budget=QUICK if options.quick else FULL,
        settings=Settings(**NETWORKS_ALONE),
        processes=options.processes,
        progress=say,
    )
    return [{**row, "settings": NETWORKS_ALONE} for row in compare({path.stem: path}, request)]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path)
    parser.add_argument("run", type=Path)
    parser.add_argument("--presets", required=True, help="names, apart by blanks")
    parser.add_argument("--table", action="store_true", help="judge nothing")
    parser.add_argument("--quick", action="store_true", help="one clip of every cell")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    options = parser.parse_args()
    store, page = options.run / "ablations.json", options.run / "ABLATIONS.md"
    known = json.loads(store.read_bytes()) if store.exists() else []
    rows: list[dict[str, Any]] = []
    unjudged = {}
    for preset in options.presets.split():
        path = options.run / preset / f"{preset}.kinestyle"
        if not path.exists():
            unjudged[preset] = Progress.of(options.run / preset).text
            continue
        found = judged(path, known, options)
        if not found:
            unjudged[preset] = "done, not judged yet"
        rows += found
        others = [row for row in known if row["bundle"] not in {r["bundle"] for r in rows}]
        replace_bytes(store, (json.dumps([*rows, *others]) + "\n").encode())
    before = page.read_text() if page.exists() else ""
    text = "\n".join([*as_table(rows, unjudged), *as_sign_table(signs(rows), before)])
    replace_bytes(page, (text + "\n").encode())
    print(text)


if __name__ == "__main__":
    main()
