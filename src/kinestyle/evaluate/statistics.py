"""Numbers of many results: means, with intervals that know which results belong together, and
distances between sets.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np

from kinestyle.motion.rotation import Array


@dataclass(frozen=True)
class Estimate:
    """A figure and half the width of its 95 % confidence interval; both not a number where there is
    nothing to tell.
    """

    value: float
    interval: float


def estimate(
    values: Sequence[float] | np.ndarray,
    groups: Sequence[Hashable],
    divisors: Sequence[float] | np.ndarray | None = None,
) -> Estimate:
    """The sum of values over the sum of divisors (None: their mean), with an interval for results
    that come in groups.

    values, divisors: N; groups: N, equal for results that are not independent of each other (one
    clip in several styles, clips cut from one take). The interval is that of a ratio of means under
    sampling of whole groups (Cochran, "Sampling Techniques", 1977, chapter 6): results of one group
    count as much as they differ from it. Values or divisors that are not finite are left out.
    """
    over = np.asarray(values, dtype=float)
    under = np.ones(len(over)) if divisors is None else np.asarray(divisors, dtype=float)
    known = np.isfinite(over) & np.isfinite(under)
    over, under = over[known], under[known]
    if not under.sum() > 0:
        return Estimate(float("nan"), float("nan"))
    ratio = over.sum() / under.sum()
    sums: dict[Hashable, float] = {}
    for place, error in zip(np.flatnonzero(known).tolist(), over - ratio * under, strict=True):
        sums[groups[place]] = sums.get(groups[place], 0.0) + error
    count = len(sums)
    if count < 2:
        return Estimate(float(ratio), float("nan"))
    variance = count / (count - 1) * np.square(list(sums.values())).sum() / under.sum() ** 2
    return Estimate(float(ratio), float(1.96 * np.sqrt(variance)))


_STUDENT = {2: 12.71, 3: 4.30, 4: 3.18, 5: 2.78, 6: 2.57, 7: 2.45, 8: 2.36, 9: 2.31, 10: 2.26}


def over_repeats(values: Sequence[float]) -> Estimate:
    """The mean of one figure from each repeat, with the interval of Student's t, because repeats
    are few.
    """
    known = [value for value in values if np.isfinite(value)]
    if len(known) < 2:
        return Estimate(known[0] if known else float("nan"), float("nan"))
    return Estimate(
        float(np.mean(known)),
        float(_STUDENT.get(len(known), 2.1) * np.std(known, ddof=1) / np.sqrt(len(known))),
    )


def frechet_distance(a: Array, b: Array) -> float:
    """a: (N, V), b: (M, V) vectors -> the Frechet distance between the Gaussians of the two sets
    (what "FID" computes).
    """
    mean = a.mean(axis=0, dtype=float), b.mean(axis=0, dtype=float)
    # With covariances A'A and B'B, the trace of the root of their product is the sum of the
    # singular values of A B'; triangular factors have the same covariances and no more rows than
    # vectors have numbers.
    first, second = (
        np.asarray(np.linalg.qr((x - m) / np.sqrt(len(x) - 1), mode="r"))
        for x, m in zip((a, b), mean, strict=True)
    )
    shared = np.linalg.svd(first @ second.T, compute_uv=False).sum()
    apart = (
        np.square(mean[0] - mean[1]).sum()
        + np.square(first).sum()
        + np.square(second).sum()
        - 2.0 * shared
    )
    return float(max(0.0, apart))


def mean_pairwise_distance(vectors: Array) -> float:
    """vectors: (N, ..., V), N > 1 -> the mean length of the difference between two of the N, over
    all pairs and all `...`.
    """
    first, second = np.triu_indices(len(vectors), k=1)
    return float(np.linalg.norm(vectors[first] - vectors[second], axis=-1).mean())
