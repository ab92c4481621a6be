"""Mixtures of isotropic Gaussians, with the log density of the truth."""

import abc
import dataclasses
from typing import Any

import numpy as np
from scipy.special import logsumexp

_APART = 6.0  # widths of the wider of two modes


class Dataset(abc.ABC):
    """Abstract: something that gives rows to train on."""

    @abc.abstractmethod
    def sample(self, n: int, seed: int) -> np.ndarray:
        """n rows as float32 `(n, D)`."""


@dataclasses.dataclass(frozen=True, eq=False)
class GaussianMixture(Dataset):
    """p(x) = Σ_k w_k N(x; c_k, (σ_k diag u)²).

    Args:
        centres: `(K, D)`.
        sd: σ > 0, one for all modes or `(K,)`.
        weights: `(K,)`, summing to 1; None for 1/K.
        units: u > 0, `(D,)`, of the columns; None for 1.
    """

    centres: Any
    sd: Any
    weights: Any = None
    units: Any = None

    def __post_init__(self):
        centres = np.asarray(self.centres, "float64")
        k, d = centres.shape if centres.ndim == 2 else (0, 0)
        weights = np.full(k, 1 / max(k, 1)) if self.weights is None else np.asarray(self.weights, "float64")
        units = np.ones(d) if self.units is None else np.asarray(self.units, "float64")
        sd = np.asarray(self.sd, "float64")
        shapes = (weights.shape, units.shape, sd.shape in ((), (k,)))
        if not k or shapes != ((k,), (d,), True) or not np.isclose(weights.sum(), 1) or min(sd.min(), units.min()) <= 0:
            raise ValueError(
                "A Gaussian mixture needs centres (K, D), one sd > 0 or K of them, K weights that sum to 1 and D units > 0, "
                f"but got centres of shape {centres.shape}, sd={self.sd}, weights of shape {weights.shape} with sum "
                f"{weights.sum():g} and units of shape {units.shape}."
            )
        for name, value in (("centres", centres), ("weights", weights), ("units", units)):
            object.__setattr__(self, name, value)

    @property
    def num_modes(self) -> int:
        return len(self.centres)

    @property
    def dimension(self) -> int:
        return self.centres.shape[1]

    @property
    def widths(self) -> np.ndarray:
        """σ of each mode, `(K,)`."""
        return np.broadcast_to(np.asarray(self.sd, "float64"), (self.num_modes,))

    def sample(self, n: int, seed: int) -> np.ndarray:
        """n rows as float32 `(n, D)`."""
        rng = np.random.default_rng(seed)
        mode = rng.choice(self.num_modes, size=n, p=self.weights)
        noise = self.widths[mode, None] * rng.standard_normal((n, self.dimension))
        return (self.centres[mode] + self.units * noise).astype("float32")

    def log_prob(self, x: Any) -> np.ndarray:
        """log p(x) of each row, in nats, in float64."""
        squares = self.distances(x) ** 2  # by differences: |x|² + |c|² − 2xc would lose digits at narrow modes
        volumes = self.dimension * np.log(self.widths * np.sqrt(2 * np.pi)) + np.log(self.units).sum()
        return logsumexp(np.log(self.weights) - volumes - 0.5 * squares, axis=1)

    def distances(self, x: Any) -> np.ndarray:
        """Distance of each row to each mode in units of its σ, `(n, K)`."""
        x = np.asarray(x, "float64") / self.units
        centres = self.centres / self.units
        return np.stack([np.sqrt(((x - c) ** 2).sum(axis=1)) for c in centres], axis=1) / self.widths

    def entropy(self) -> float:
        """−E log p(x) in nats, for modes far apart: Σ w (−log w + D/2 log(2πe σ²)) + Σ log u."""
        w, sd = self.weights[self.weights > 0], self.widths[self.weights > 0]
        of_modes = -np.log(w) + self.dimension / 2 * np.log(2 * np.pi * np.e * sd**2)
        return float((w * of_modes).sum() + np.log(self.units).sum())


def four_gaussians() -> GaussianMixture:
    """Four modes in the plane, standard deviation 0.5, entropy 2.8379 nats (stats.stackexchange.com/questions/577126)."""
    return GaussianMixture([[1, 3], [5, -7], [-3, 1], [-7, -5]], 0.5)


def random_mixture(num_modes: int = 4, dimension: int = 2, seed: int = 0) -> GaussianMixture:
    """Modes at integer centres in (−10, 10], with random weights."""
    rng = np.random.default_rng(seed)
    weights = rng.random(num_modes)
    return GaussianMixture(-rng.integers(-10, 10, (num_modes, dimension)), 0.5, weights / weights.sum())


def random_table(seed: int = 0) -> GaussianMixture:
    """4 to 12 modes in 2 to 8 columns: unequal weights and widths, none nearer than 6 widths, units from 0.01 to 1000."""
    rng = np.random.default_rng(seed)
    num_modes, dimension = int(rng.integers(4, 13)), int(rng.integers(2, 9))
    widths = np.exp(rng.uniform(np.log(0.3), np.log(1.2), num_modes))
    centres: list = []
    while len(centres) < num_modes:
        centre, width = rng.uniform(-12, 12, dimension), widths[len(centres)]
        apart = (np.linalg.norm(centre - c) >= _APART * max(width, w) for c, w in zip(centres, widths, strict=False))
        if all(apart):
            centres.append(centre)
    units = 10.0 ** rng.uniform(-2, 3, dimension)
    weights = 0.2 / num_modes + 0.8 * rng.dirichlet(np.full(num_modes, 2.0))
    return GaussianMixture(units * (np.array(centres) + rng.normal(size=dimension)), widths, weights, units)


def gaussian_ring(num_modes: int = 8, radius: float = 1.0, sd: float = 0.01) -> GaussianMixture:
    """Modes on a circle; the defaults are PacGAN's ring."""
    angle = 2 * np.pi * np.arange(num_modes) / num_modes
    return GaussianMixture(radius * np.stack([np.cos(angle), np.sin(angle)], axis=1), sd)


def gaussian_grid(side: int = 5, spacing: float = 2.0, sd: float = 0.05) -> GaussianMixture:
    """Modes on a square grid around 0; the defaults are PacGAN's grid of 25."""
    ticks = spacing * (np.arange(side) - (side - 1) / 2)
    return GaussianMixture(np.stack(np.meshgrid(ticks, ticks, indexing="ij"), axis=-1).reshape(-1, 2), sd)
