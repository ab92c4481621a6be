"""Distances between two samples, each beside the level that two samples of the same law have."""

from collections.abc import Callable, Sequence

import numpy as np
from scipy.spatial.distance import cdist, pdist


def sliced_wasserstein(a: np.ndarray, b: np.ndarray, num_projections: int = 200, seed: int = 0) -> float:
    """Sliced Wasserstein-2 distance of two samples of equal size, `(n, D)` each. Always positive, also under the null."""
    a, b = as_pair(a, b)
    if len(a) != len(b):
        raise ValueError(f"sliced_wasserstein needs samples of equal size, but got {len(a)} and {len(b)}.")
    directions = np.random.default_rng(seed).standard_normal((a.shape[1], num_projections))
    directions /= np.linalg.norm(directions, axis=0)
    difference = np.sort(a @ directions, axis=0) - np.sort(b @ directions, axis=0)
    return float(np.sqrt((difference**2).mean()))


def energy_distance(a: np.ndarray, b: np.ndarray) -> float:
    """Energy distance 2E|X−Y| − E|X−X'| − E|Y−Y'|, the U-statistic: mean 0 under the null, so it may be negative."""
    a, b = as_pair(a, b)
    return float(2 * cdist(a, b).mean() - pdist(a).mean() - pdist(b).mean())


def mmd2(a: np.ndarray, b: np.ndarray, bandwidths: Sequence[float]) -> float:
    """Unbiased squared maximum mean discrepancy with a sum of Gaussian kernels exp(−|x−y|²/(2h²)).

    Args:
        a, b: samples `(n, D)`, `(m, D)`.
        bandwidths: the h to sum over. Take some at the scale of the modes: with the median distance alone the measure is
            blind to the loss of every second mode.
    """
    a, b = as_pair(a, b)

    def kernel(squares):
        return sum(np.exp(-squares / (2 * h**2)) for h in bandwidths)

    within = [kernel(pdist(s, "sqeuclidean")).mean() for s in (a, b)]
    return float(sum(within) - 2 * kernel(cdist(a, b, "sqeuclidean")).mean())


def two_sample_distances(a: np.ndarray, b: np.ndarray, bandwidths: Sequence[float]) -> dict[str, float]:
    """All three distances by name; `bandwidths` as for `mmd2`."""
    return {
        "sliced_wasserstein": sliced_wasserstein(a, b),
        "energy_distance": energy_distance(a, b),
        "mmd2": mmd2(a, b, bandwidths),
    }


def two_sample_null(
    draw: Callable, bandwidths: Sequence[float], n: int, runs: int = 10, seed: int = 0
) -> dict[str, tuple[float, float]]:
    """The distances between two samples of the same law: name -> (mean, standard deviation) over `runs` pairs.

    Args:
        draw: callable (n, seed) -> `(n, D)`, draws of the law.
        bandwidths: as for `mmd2`.
        n: sample size, on which the level depends.
    """
    pairs = [(draw(n, seed + 2 * i), draw(n, seed + 2 * i + 1)) for i in range(runs)]
    values = [two_sample_distances(a, b, bandwidths) for a, b in pairs]
    return {
        name: (float(np.mean([v[name] for v in values])), float(np.std([v[name] for v in values], ddof=1)))
        for name in values[0]
    }


def as_pair(a, b):
    """Both as float64 arrays; ValueError where they are not two samples of one dimension."""
    a, b = np.asarray(a, "float64"), np.asarray(b, "float64")
    if a.ndim != 2 or b.ndim != 2 or a.shape[1] != b.shape[1] or min(len(a), len(b)) < 2:
        raise ValueError(f"Two samples (n, D) with n >= 2 are needed, but got shapes {a.shape} and {b.shape}.")
    return a, b
