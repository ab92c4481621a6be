"""Mixtures of isotropic Gaussians, with the log density of the truth."""

import abc
import dataclasses
from typing import Any

import numpy as np
from scipy.special import logsumexp


class Dataset(abc.ABC):
    """Abstract: something that gives rows to train on."""

    @abc.abstractmethod
    def sample(self, n: int, seed: int) -> np.ndarray:
        """n rows as float32 `(n, D)`."""


@dataclasses.dataclass(frozen=True, eq=False)
class GaussianMixture(Dataset):
    """p(x) = Σ_k w_k N(x; c_k, σ² I).

    Args:
        centres: `(K, D)`.
        sd: σ > 0.
        weights: `(K,)`, summing to 1; None for 1/K.
    """

    centres: Any
    sd: float
    weights: Any = None

    def __post_init__(self):
        centres = np.asarray(self.centres, "float64")
        weights = (
            np.full(len(centres), 1 / len(centres)) if self.weights is None else np.asarray(self.weights, "float64")
        )
        if (
            centres.ndim != 2
            or not self.sd > 0
            or weights.shape != centres.shape[:1]
            or not np.isclose(weights.sum(), 1)
        ):
            raise ValueError(
                f"A Gaussian mixture needs centres (K, D), sd > 0 and K weights that sum to 1, but got centres of shape "
                f"{centres.shape}, sd={self.sd} and weights of shape {weights.shape} with sum {weights.sum():g}."
            )
        object.__setattr__(self, "centres", centres)
        object.__setattr__(self, "weights", weights)

    @property
    def num_modes(self) -> int:
        return len(self.centres)

    @property
    def dimension(self) -> int:
        return self.centres.shape[1]

    def sample(self, n: int, seed: int) -> np.ndarray:
        """n rows as float32 `(n, D)`."""
        rng = np.random.default_rng(seed)
        mode = rng.choice(self.num_modes, size=n, p=self.weights)
        return (self.centres[mode] + self.sd * rng.standard_normal((n, self.dimension))).astype("float32")

    def log_prob(self, x: Any) -> np.ndarray:
        """log p(x) of each row, in nats, in float64."""
        x = np.asarray(x, "float64")
        squares = (self.distances(x) ** 2).T  # by differences: |x|² + |c|² − 2xc would lose digits at narrow modes
        log_norm = -self.dimension * np.log(self.sd * np.sqrt(2 * np.pi))
        return logsumexp(np.log(self.weights)[:, None] + log_norm - 0.5 * squares, axis=0)

    def distances(self, x: Any) -> np.ndarray:
        """Distance of each row to each mode in units of σ, `(n, K)`."""
        x = np.asarray(x, "float64")
        return np.stack([np.sqrt(((x - c) ** 2).sum(axis=1)) for c in self.centres], axis=1) / self.sd

    def entropy(self) -> float:
        """−E log p(x) in nats, for modes far apart: −Σ w log w + D/2 log(2πe σ²)."""
        weights = self.weights[self.weights > 0]
        return float(-(weights * np.log(weights)).sum() + self.dimension / 2 * np.log(2 * np.pi * np.e * self.sd**2))


def four_gaussians() -> GaussianMixture:
    """Four modes in the plane, standard deviation 0.5, entropy 2.8379 nats (stats.stackexchange.com/questions/577126)."""
    return GaussianMixture([[1, 3], [5, -7], [-3, 1], [-7, -5]], 0.5)


def random_mixture(num_modes: int = 4, dimension: int = 2, seed: int = 0) -> GaussianMixture:
    """Modes at integer centres in (−10, 10], with random weights."""
    rng = np.random.default_rng(seed)
    weights = rng.random(num_modes)
    return GaussianMixture(-rng.integers(-10, 10, (num_modes, dimension)), 0.5, weights / weights.sum())


def gaussian_ring(num_modes: int = 8, radius: float = 1.0, sd: float = 0.01) -> GaussianMixture:
    """Modes on a circle; the defaults are PacGAN's ring."""
    angle = 2 * np.pi * np.arange(num_modes) / num_modes
    return GaussianMixture(radius * np.stack([np.cos(angle), np.sin(angle)], axis=1), sd)


def gaussian_grid(side: int = 5, spacing: float = 2.0, sd: float = 0.05) -> GaussianMixture:
    """Modes on a square grid around 0; the defaults are PacGAN's grid of 25."""
    ticks = spacing * (np.arange(side) - (side - 1) / 2)
    return GaussianMixture(np.stack(np.meshgrid(ticks, ticks, indexing="ij"), axis=-1).reshape(-1, 2), sd)
