"""Numbers of many results: means, with intervals that know which results belong together, and
distances between sets.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np

from kinestyle.motion.rotation import Array


@dataclass(frozen=True)
class Estimate:
    """A figure and half the width of its 95 % confidence interval; NaN where unknown."""

    value: float
    interval: float


def estimate(
    values: Sequence[float] | np.ndarray,
    groups: Sequence[Hashable],
    divisors: Sequence[float] | np.ndarray | None = None,
) -> Estimate:
    """The sum of values over the sum of divisors (None: their mean), with an interval that knows
    which results come in groups.

    values, divisors: N, of which those that are not finite are left out
    groups: N, equal for results that are not independent of each other (one clip in several styles,
        clips cut from one take)

    The interval is that of a ratio of means under sampling of whole groups (Cochran, "Sampling
    Techniques", 1977, chapter 6): results of one group count as much as they differ from it.
    """
    numerator = np.asarray(values, dtype=float)
    denominator = np.ones(len(numerator)) if divisors is None else np.asarray(divisors, dtype=float)
    known = np.isfinite(numerator) & np.isfinite(denominator)
    numerator, denominator = numerator[known], denominator[known]
    if not denominator.sum() > 0:
        return Estimate(float("nan"), float("nan"))
    ratio = numerator.sum() / denominator.sum()
    residual = numerator - ratio * denominator
    sums: dict[Hashable, float] = {}
    for index, value in zip(np.flatnonzero(known).tolist(), residual, strict=True):
        sums[groups[index]] = sums.get(groups[index], 0.0) + value
    count = len(sums)
    if count < 2:
        return Estimate(float(ratio), float("nan"))
    variance = count / (count - 1) * np.square(list(sums.values())).sum() / denominator.sum() ** 2
    return Estimate(float(ratio), float(1.96 * np.sqrt(variance)))


def over_repeats(values: Sequence[float]) -> Estimate:
    """The mean of one figure from each repeat. The interval is Student's: repeats are few."""
    known = [value for value in values if np.isfinite(value)]
    count = len(known)
    if count < 2:
        return Estimate(known[0] if known else float("nan"), float("nan"))
    error = np.std(known, ddof=1) / np.sqrt(count)
    return Estimate(float(np.mean(known)), float(student_t(count - 1) * error))


def student_t(freedom: int, confidence: float = 0.95) -> float:
    """The t below which the size of a Student-distributed number stays with that confidence: the
    two-sided quantile for `freedom` >= 1 degrees of freedom.
    """
    low, high = 0.0, 0.5 * math.pi
    for _ in range(60):
        angle = 0.5 * (low + high)
        low, high = (angle, high) if _within(angle, freedom) < confidence else (low, angle)
    return math.sqrt(freedom) * math.tan(low)


def _within(angle: float, freedom: int) -> float:
    """The probability of |t| <= sqrt(freedom) tan(angle), a finite sum for whole degrees of freedom
    (Abramowitz and Stegun 26.7.3 and 26.7.4).
    """
    odd = freedom % 2
    term = math.cos(angle) if odd else 1.0
    total = term if freedom > 1 else 0.0
    for k in range(2 + odd, freedom - 1, 2):
        term *= (k - 1) / k * math.cos(angle) ** 2
        total += term
    return 2.0 / math.pi * (angle + math.sin(angle) * total) if odd else math.sin(angle) * total


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
