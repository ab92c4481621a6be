"""An S-shaped curve: one hidden parameter, two coordinates."""

import dataclasses
from typing import Any

import numpy as np

from tfvae.data.gaussian_mixture import Dataset


def embed_features(x: Any) -> np.ndarray:
    """Parameters x in [0, 1], `(n,)` -> points on an S in the unit square, `(n, 2)`."""
    x = np.asarray(x, "float64")
    if x.ndim != 1:
        raise ValueError(f"`x` must be one-dimensional, but has shape {x.shape}.")
    t = 3 * np.pi * (x - 0.5)
    return np.stack([(1 + np.sin(t)) / 2, (np.sign(t) * (np.cos(t) - 1) + 2) / 4], axis=1)


@dataclasses.dataclass(frozen=True)
class SCurve(Dataset):
    """An S-shaped curve in the unit square, with optional noise: uniform parameters.

    Args:
        noise: float >= 0, standard deviation of the noise in each coordinate.
    """

    noise: float = 0.0

    def __post_init__(self):
        if not self.noise >= 0:
            raise ValueError(f"`noise` must be at least 0, but got {self.noise}.")

    def sample(self, n: int, seed: int) -> np.ndarray:
        """n points as float32 `(n, 2)`."""
        return self.sample_with_parameter(n, seed)[0]

    def sample_with_parameter(self, n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
        """(points, parameters): float32 `(n, 2)`, and float64 `(n,)` in [0, 1]."""
        rng = np.random.default_rng(seed)
        parameter = rng.random(n)
        points = embed_features(parameter) + self.noise * rng.standard_normal((n, 2))
        return points.astype("float32"), parameter
