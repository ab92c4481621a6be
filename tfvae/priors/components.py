"""The components of a prior: where they start, and what they may be."""

import random
from typing import Any

import numpy as np

from tfvae.host.arguments import as_count
from tfvae.host.saving import register


def seed_or_random(seed):
    """`seed`, or where it is None one from Python's generator, which `keras.utils.set_random_seed` sets."""
    return random.randrange(2**31) if seed is None else seed


class Components:
    """Abstract: (K, D, rng) -> means and standard deviations, arrays `(K, D)`."""

    def __call__(self, num_components: int, dimension: int, rng: np.random.Generator) -> Any:
        raise NotImplementedError(f"{type(self).__name__} must define `__call__(num_components, dimension, rng)`.")

    def get_config(self) -> dict:
        return dict(vars(self))

    @classmethod
    def from_config(cls, config: dict) -> Any:
        return cls(**config)


@register
class RandomComponents(Components):
    """Means from N(0, spread²), one standard deviation for all.

    Components that start apart are more easily used in a plane, and never used in many dimensions, where each is far from
    all codes. By default, for D > 2, the whole has the variance 1 of N(0, I), and the means a length near √2.

    Args:
        spread: float >= 0; None for √(2/D), at most 1.
        scale: float > 0; None for √(1 − spread²), at least 0.5.
    """

    def __init__(self, spread: float | None = None, scale: Any = None):
        if (scale is not None and not scale > 0) or (spread is not None and not spread >= 0):
            raise ValueError(f"`scale` must be above 0 and `spread` at least 0, but got {scale!r} and {spread!r}.")
        self.spread, self.scale = (None if v is None else float(v) for v in (spread, scale))

    def __call__(self, num_components: int, dimension: int, rng: np.random.Generator) -> Any:
        shape = num_components, dimension
        spread = min(1.0, (2 / dimension) ** 0.5) if self.spread is None else self.spread
        scale = max(0.5, max(0.0, 1 - spread**2) ** 0.5) if self.scale is None else self.scale
        return spread * rng.normal(size=shape), np.full(shape, scale)


@register
class UniformComponents(Components):
    """Means and log variances from U(−1, 1), the bias of a Torch7 layer with one input: of "VAE on multi-modal data"."""

    def __call__(self, num_components: int, dimension: int, rng: np.random.Generator) -> Any:
        loc, log_variance = rng.uniform(-1, 1, size=(2, num_components, dimension))
        return loc, np.exp(log_variance / 2)


@register
class NarrowComponents(Components):
    """Means from N(0, 1)/√(K D) and variances softplus of the same, near 0.69: Stanford CS236's, homework 2."""

    def __call__(self, num_components: int, dimension: int, rng: np.random.Generator) -> Any:
        loc, raw = rng.normal(size=(2, num_components, dimension)) / np.sqrt(num_components * dimension)
        return loc, np.sqrt(np.log1p(np.exp(raw)))


def check_components(prior, num_components):
    """`num_components` as an int; ValueError where it, or the prior's event shape, makes no mixture."""
    if len(prior.event_shape) != 1 or prior.event_shape[0] < 1:
        raise ValueError(f"{type(prior).__name__} needs an event_shape (D,) with D >= 1, but got {prior.event_shape}.")
    return as_count(num_components, "num_components")


def check_points(prior, points, least, shape):
    """`points` as a float32 array `(n, *shape)`; ValueError for another shape, fewer than `least`, NaN or infinity."""
    points = np.asarray(points, "float32")
    if points.shape[1:] != tuple(shape):
        raise ValueError(
            f"{type(prior).__name__} starts from points of shape {tuple(shape)}, but got {points.shape[1:]}."
        )
    if len(points) < least:
        raise ValueError(
            f"{type(prior).__name__} starts {least} components from data, but got only {len(points)} points: "
            "give more points or ask for fewer components."
        )
    if not np.isfinite(points).all():
        raise ValueError(f"{type(prior).__name__} cannot start from points that are NaN or infinite.")
    return points
