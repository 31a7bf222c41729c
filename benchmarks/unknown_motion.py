"""How far clips of any rig are from what a bundle knows, and how much of a style's strength is left
to them.

    python benchmarks/unknown_motion.py DATA [--bundle BUNDLE] [--most 60]

For each clip the error with which the bundle's autoencoder gives it back, as a multiple of the
reference error (that on the motion it learned from): mean, and worst when smoothed as the fading
sees it; then the share of strength, least and mean. First a sample of Bandai's test clips, whose
share is 1 at every moment, then a sample of the unlabelled clips.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from kinestyle.evaluate.out_of_domain import unlabelled_clips
from kinestyle.formats.table import read_motion
from kinestyle.learn.data.bandai import labelled_clips
from kinestyle.motion.smoothing import smooth_in_time
from kinestyle.runtime.out_of_domain import FADE_FRAMES
from kinestyle.runtime.stylizer import Stylizer


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path)
    parser.add_argument("--bundle", type=Path)
    parser.add_argument("--most", type=int, default=60, help="clips of each kind")
    options = parser.parse_args()
    stylizer = Stylizer.load(options.bundle)
    known = [clip.path for clip in labelled_clips(options.data) if clip.split == "test"]
    order = np.random.default_rng(0).permutation(len(known))[: options.most]
    unknown = [clip.path for clip in unlabelled_clips(options.data, options.most)]
    print("| clip | times the reference error, mean | worst | strength left, least | mean |")
    print("| --- | --- | --- | --- | --- |")
    for path in [*(known[i] for i in order), *unknown]:
        domain = stylizer.analyse(read_motion(path)).domain
        times, share = domain.times_reference, domain.share
        worst = smooth_in_time(times, FADE_FRAMES).max()
        figures = (times.mean(), worst, share.min(), share.mean())
        print(f"| {path.stem} | {' | '.join(f'{figure:.2f}' for figure in figures)} |", flush=True)


if __name__ == "__main__":
    main()
