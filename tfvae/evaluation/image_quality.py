"""How far images are from real ones, each measure beside the level that real ones have."""

import dataclasses
from typing import Any, NamedTuple

import numpy as np
from scipy.spatial.distance import cdist

from tfvae.evaluation.features import density_and_coverage, features_of, frechet_distance
from tfvae.evaluation.image_measures import laplacian_sharpness
from tfvae.evaluation.two_sample import as_pair

_BLOCKS = 10
_FOLDS = 5


@dataclasses.dataclass(frozen=True)
class ImageQuality:
    """Generated images against real ones of the same number, in the features of one network.

    `nearest_train` is the mean distance to the nearest training image over that of the real images: below 1 where images
    are copied.
    """

    frechet_distance: float  # never a "FID": of the network's features; biased upwards, so compare at equal numbers
    kernel_distance: float  # unbiased, in the form of the KID
    kernel_distance_error: float
    density: float
    coverage: float
    two_sample_accuracy: float  # of a classifier of generated against real, 0.5 where it finds nothing
    sharpness: float
    nearest_train: float

    def as_dict(self, prefix: str = "") -> dict:
        return {prefix + name: value for name, value in dataclasses.asdict(self).items()}


def image_quality(
    real: np.ndarray, generated: np.ndarray, train: np.ndarray, network: Any, seed: int = 0
) -> ImageQuality:
    """The `ImageQuality` of generated images.

    Args:
        real: held-out images `(n, H, W)` or `(n, H, W, C)` in [0, 1].
        generated: as many of the same shape.
        train: the images that the model was trained on, of which the first 10,000 are looked at for copies.
        network: from images `(n, H, W, C)` to features, such as `train_feature_network` gives.
        seed: of the two-sample classifier.
    """
    real_features, features, train_features = (
        features_of(network, images) for images in (real, generated, train[:10_000])
    )
    kernel = kernel_distance(real_features, features)
    density, coverage = density_and_coverage(real_features, features)
    return ImageQuality(
        frechet_distance=frechet_distance(real_features, features),
        kernel_distance=kernel.value,
        kernel_distance_error=kernel.standard_error,
        density=density,
        coverage=coverage,
        two_sample_accuracy=two_sample_accuracy(real_features, features, seed),
        sharpness=laplacian_sharpness(generated),
        nearest_train=float(nearest(features, train_features).mean() / nearest(real_features, train_features).mean()),
    )


class KernelDistance(NamedTuple):
    """A mean over blocks, with the standard error of that mean."""

    value: float
    standard_error: float


def kernel_distance(a: Any, b: Any) -> KernelDistance:
    """Unbiased MMD² of two samples of features, `(n, d)` each, with the kernel (xᵀy/d + 1)³: the KID's form.

    Mean over ten blocks of both samples; it may be negative where the two are of one law.

    Source: Bińkowski et al., "Demystifying MMD GANs" (2018).
    """
    a, b = as_pair(a, b)
    blocks = min(_BLOCKS, min(len(a), len(b)) // 2)
    pairs = zip(np.array_split(a, blocks), np.array_split(b, blocks), strict=True)
    values = [_kernel_mmd2(u, v) for u, v in pairs]
    error = np.std(values, ddof=1) / np.sqrt(blocks) if blocks > 1 else np.nan
    return KernelDistance(float(np.mean(values)), float(error))


def _kernel_mmd2(a, b):
    def kernel(u, v):
        return (u @ v.T / u.shape[1] + 1) ** 3

    def within(u):
        values = kernel(u, u)
        return (values.sum() - np.trace(values)) / (len(u) * (len(u) - 1))

    return within(a) + within(b) - 2 * kernel(a, b).mean()


def two_sample_accuracy(a: Any, b: Any, seed: int = 0) -> float:
    """Held-out accuracy of a gradient-boosted classifier of a against b, `(n, d)` each, over five folds.

    For two samples of one law it is 1/2 with a standard deviation of about 1/√(4 · 2n); `two_sample_null_sd` gives it.

    Source: Lopez-Paz and Oquab, "Revisiting classifier two-sample tests" (2017).
    """
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.model_selection import StratifiedKFold, cross_val_score

    a, b = as_pair(a, b)
    n = min(len(a), len(b))
    x, y = np.concatenate([a[:n], b[:n]]), np.repeat([0, 1], n)
    folds = StratifiedKFold(_FOLDS, shuffle=True, random_state=seed)
    return float(cross_val_score(HistGradientBoostingClassifier(random_state=seed), x, y, cv=folds).mean())


def two_sample_null_sd(n: int) -> float:
    """The standard deviation of `two_sample_accuracy` for two samples of n rows each of one law."""
    return float(np.sqrt(1 / (8 * n)))


def nearest(points: np.ndarray, others: np.ndarray, chunk: int = 1000) -> np.ndarray:
    """Distance of each point, `(n, d)`, to the nearest of others, `(m, d)`."""
    return np.concatenate([cdist(points[i : i + chunk], others).min(axis=1) for i in range(0, len(points), chunk)])
