"""Which modes of a known mixture a sample covers, and how well.

Sources: Srivastava et al., "VEEGAN" (2017) and Lin et al., "PacGAN" (2018) for high-quality samples, modes captured and the
reverse KL over modes; stats.stackexchange.com/questions/577126 for the bridges.
"""

import dataclasses
import math
from typing import Any

import numpy as np

HIGH_QUALITY = 3.0  # standard deviations in the plane; elsewhere what holds the same share of a mode
BRIDGE = 4.0
CORE = 0.5
COVERED_SHARE = 0.2  # of a mode's due: the plain count calls a mode captured after one stray point


@dataclasses.dataclass(frozen=True)
class ModeReport:
    """How a sample of n points lies on the K modes of a Gaussian mixture.

    Radii are those of the plane; in D dimensions the `radius` that holds the same share of a mode.
    """

    modes: int  # with at least one high-quality sample
    modes_covered: int  # with at least a fifth of the high-quality samples that are due
    weight_error: float  # largest |share of samples nearest to a mode − its weight|
    sd_ratio: float  # within-mode standard deviation of the samples within 4 sd of a mode, over the mode's own
    sd_ratio_worst: float  # of the mode where it is farthest from 1
    core_share: float  # share of samples within half a sd of a mode; a perfect sampler has 0.1175
    bridge_mass: float  # share of samples beyond 4 sd of every mode; a perfect sampler has at most 0.0003
    high_quality_share: float  # within 3 sd of a mode; a perfect sampler has 0.98889
    reverse_kl: float  # Σ p_j log(p_j / w_j) over high-quality samples, in nats; inf where there are none

    def as_dict(self) -> dict:
        return dataclasses.asdict(self)


def radius(sd: float, dimension: int) -> float:
    """What holds as much of a D-dimensional Gaussian as `sd` standard deviations hold of one in the plane."""
    from scipy.stats import chi

    return float(chi.isf(math.exp(-(sd**2) / 2), dimension))


def mode_report(truth: Any, samples: Any) -> ModeReport:
    """The `ModeReport` of `samples`, `(n, D)`, on the modes of `truth`, a `GaussianMixture`."""
    samples = np.asarray(samples, "float64")
    if samples.ndim != 2 or samples.shape[1] != truth.dimension or not len(samples):
        raise ValueError(f"`samples` must be (n, {truth.dimension}) with n > 0, but got shape {samples.shape}.")
    distances = truth.distances(samples)
    nearest = distances.argmin(axis=1)
    closest = distances.min(axis=1)
    good = closest < radius(HIGH_QUALITY, truth.dimension)
    counts = np.bincount(nearest[good], minlength=truth.num_modes)
    shares = np.bincount(nearest, minlength=truth.num_modes) / len(samples)
    ratios = _sd_ratios(truth, samples, nearest, closest)
    return ModeReport(
        modes=int((counts > 0).sum()),
        modes_covered=int((counts >= COVERED_SHARE * truth.weights * len(samples)).sum()),
        weight_error=float(np.abs(shares - truth.weights).max()),
        sd_ratio=float(np.mean(ratios)) if len(ratios) else float("nan"),
        sd_ratio_worst=float(max(ratios, key=lambda r: abs(np.log(r)))) if len(ratios) else float("nan"),
        core_share=float((closest < radius(CORE, truth.dimension)).mean()),
        bridge_mass=float((closest > radius(BRIDGE, truth.dimension)).mean()),
        high_quality_share=float(good.mean()),
        reverse_kl=_reverse_kl(counts, truth.weights),
    )


def _reverse_kl(counts, weights):
    if not counts.sum():
        return float("inf")
    shares = counts / counts.sum()
    hit = shares > 0
    return float((shares[hit] * np.log(shares[hit] / weights[hit])).sum())


def _sd_ratios(truth, samples, nearest, closest):
    """Per mode: root mean square deviation from the mode's own mean, over σ, of the samples within `BRIDGE` sd.

    Wider outliers count as bridge mass instead; the truth loses 0.2 % of its standard deviation to the cut.
    """
    ratios, whole = [], radius(BRIDGE, truth.dimension)
    for mode, width in enumerate(truth.widths):
        members = samples[(nearest == mode) & (closest <= whole)] / truth.units
        if len(members) > truth.dimension:
            ratios.append(max(float(np.sqrt(members.var(axis=0, ddof=1).mean())) / width, 1e-12))
    return ratios


def same_mode_share(truth: Any, inputs: Any, reconstructions: Any) -> float:
    """Share of reconstructions that are nearest to the mode that their input is nearest to."""
    return float((truth.distances(inputs).argmin(axis=1) == truth.distances(reconstructions).argmin(axis=1)).mean())


def component_assignment(truth: Any, weights: Any, locs: Any, least: float = 0.01) -> dict:
    """Which mode each component of a decoder's mixture serves.

    Args:
        truth: `GaussianMixture` of K modes.
        weights: `(n, C)` component weights at n codes.
        locs: `(n, C, D)` component means at n codes.
        least: a component counts at a mode where it carries at least this share of the mass.

    Returns:
        dict: `mass`, `(C, K)`, the share of all mass that component c puts nearest to mode k; `used`, the number of
        components that carry `least` or more; `components_per_mode`, a list; `shared`, the number of components that
        serve two modes or more.
    """
    weights, locs = np.asarray(weights), np.asarray(locs)
    n, num_components, _ = locs.shape
    nearest = truth.distances(locs.reshape(n * num_components, -1)).argmin(axis=1).reshape(n, num_components)
    mass = np.stack([np.where(nearest == k, weights, 0).sum(axis=0) for k in range(truth.num_modes)], axis=1) / n
    serves = mass >= least
    return {
        "mass": mass,
        "used": int((mass.sum(axis=1) >= least).sum()),
        "components_per_mode": serves.sum(axis=0).tolist(),
        "shared": int((serves.sum(axis=1) >= 2).sum()),
    }
