"""How often the automatic joint mapping is right, on generated rigs of every family driven by real
motion.

    python benchmarks/mapping_accuracy.py [--data DATA] [--rigs 40] [--seed 0] [--worst 10]

A row for each family with its own names, and a row for each family's rigs without names. `wrong`
counts roles, `silent` those of them that no low confidence gives away; `doubted` is the share of
right roles with low confidence, the price of that. Without DATA, the project's own walks drive the
rigs.
"""

from __future__ import annotations

import argparse
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from driving_motion import made_motions, real_motions
from generated_rigs import ANONYMOUS, Made, generate
from kinestyle.rig.mapping import JointMapping
from mapping_score import Score, Tally, score
from rig_namings import FAMILIES


def main() -> None:
    options = _options()
    motions = (
        real_motions(options.data, options.motions, options.seed)
        if options.data
        else made_motions()
    )
    print(
        f"{len(motions)} clips of {'real motion' if options.data else 'the made walk'}, "
        f"{options.rigs} rigs a row"
    )
    head = f"{'rigs':>5}{'roles':>7}{'right':>8}{'wrong':>7}{'silent':>8}{'doubted':>9}"
    head += f"{'swapped':>9}{'silent':>8}"
    print(f"{'':<26}{head}{'refused':>9}{'up':>8}{'unit':>8}{'ms':>6}")
    wrong = Wrong(options.worst)
    totals = {}
    for kind in ("family", "none") if options.naming is None else (options.naming,):
        total, total_spent = Tally(), list[float]()
        for row, family in enumerate(options.family or FAMILIES):
            tally, spent = Tally(), list[float]()
            for k in range(options.rigs):
                seed = options.seed + 1000 * row + k
                naming = kind if kind == "family" else ANONYMOUS[k % len(ANONYMOUS)]
                motion = motions[np.random.default_rng([seed, 7]).integers(len(motions))]
                made = generate(seed, family, motion, naming)
                began = time.process_time()
                found, mapping = score(made)
                spent.append(1000.0 * (time.process_time() - began))
                tally.scores.append(found)
                wrong.show(made, found, mapping)
            total.scores += tally.scores
            total_spent += spent
            _print_row(f"{family}{'' if kind == 'family' else ', no names'}", tally, spent)
        totals["ALL with names" if kind == "family" else "ALL without names"] = total, total_spent
    for name, (tally, spent) in totals.items():
        _print_row(name, tally, spent)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, help="The folder with bandai and unlabelled.")
    parser.add_argument("--rigs", type=int, default=40, help="Rigs in each row.")
    parser.add_argument("--motions", type=int, default=12, help="Clips of each source.")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--worst", type=int, default=0, help="Show this many rigs with something wrong."
    )
    parser.add_argument("--family", action="append", help="Only this one; may be repeated.")
    parser.add_argument(
        "--naming", choices=("family", "none"), help="Only rigs with their names, or without."
    )
    return parser.parse_args()


@dataclass
class Wrong:
    """Prints rigs with something wrong, until `left` have been."""

    left: int

    def show(self, made: Made, found: Score, mapping: JointMapping | None) -> None:
        if not self.left or not (found.wrong or not found.up):
            return
        self.left -= 1
        names = made.clip.skeleton.names
        print(f"  {made.clip.name} ({made.about}) {found.refused}")
        if mapping is None:
            return
        for role in found.wrong:
            joint, trust = mapping.joints.get(role), mapping.confidence.get(role, 0.0)
            wanted = "/".join(names[j] for j in made.expected.get(role, ())) or "none"
            mapped = names[joint] if joint is not None else "none"
            print(f"      {role:<18}{mapped} for {wanted}, {trust:.2f}")
        if not found.up:
            print(f"      up {mapping.up}, not {made.up}")


def _print_row(name: str, tally: Tally, spent: list[float]) -> None:
    print(
        f"{name:<26}{len(tally.scores):>5}{tally.roles:>7}{100 * tally.right_share:>7.2f}%"
        f"{tally.wrong:>7}{tally.silent:>8}{100 * tally.doubted_share:>8.1f}%"
        f"{tally.swapped_rigs:>9}{tally.silently_swapped_rigs:>8}{tally.refused:>9}"
        f"{100 * tally.up_share:>7.1f}%{100 * tally.unit_share:>7.1f}%{np.median(spent):>6.1f}"
    )


if __name__ == "__main__":
    main()
