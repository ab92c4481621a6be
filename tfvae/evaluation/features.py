"""How far samples of images are from real ones, in the features of a small network trained on the same data."""

from typing import Any

import keras
import numpy as np
from scipy.spatial.distance import cdist

from tfvae.evaluation.two_sample import as_pair

FEATURES = 32
_CODES = 64  # features of an autoencoder


def train_feature_network(x: Any, y: Any, epochs: int = 3, seed: int = 0) -> tuple[Any, float]:
    """A small convolutional classifier of images x, `(n, H, W)` or `(n, H, W, C)`, with integer labels y.

    Returns:
        (network, accuracy): a model from images to the 32 features of its last hidden layer, and the classifier's accuracy
        on the last tenth of the data, which it does not train on.
    """
    keras.utils.set_random_seed(seed)
    x = with_channels(x)
    inputs = keras.Input(x.shape[1:])
    h = keras.layers.Conv2D(16, 5, 2, "same", activation="relu")(inputs)
    h = keras.layers.Conv2D(32, 5, 2, "same", activation="relu")(h)
    features = keras.layers.Dense(FEATURES, activation="relu", name="features")(keras.layers.Flatten()(h))
    classifier = keras.Model(inputs, keras.layers.Dense(int(y.max()) + 1)(keras.layers.Dropout(0.2)(features)))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    classifier.compile("adam", loss, metrics=["accuracy"], steps_per_execution=50)
    held_out = len(x) // 10
    classifier.fit(x[:-held_out], y[:-held_out], epochs=epochs, batch_size=128, verbose=0)
    accuracy = classifier.evaluate(x[-held_out:], y[-held_out:], verbose=0)[1]
    return keras.Model(inputs, features), float(accuracy)


def train_feature_autoencoder(x: Any, epochs: int = 5, seed: int = 0) -> tuple[Any, float]:
    """The encoder of a small convolutional autoencoder of images x, `(n, H, W, C)`, for data without labels.

    H and W must be divisible by 8.

    Returns:
        (network, error): a model from images to 64 features, and the root mean squared error of a pixel on the last tenth of
        the data, which it does not train on.
    """
    keras.utils.set_random_seed(seed)
    height, width, channels = x.shape[1:]
    image = h = keras.Input(x.shape[1:])
    for filters in (32, 64, 128):
        h = keras.layers.Conv2D(filters, 4, 2, "same", activation="relu")(h)
    features = keras.layers.Dense(_CODES, name="features")(keras.layers.Flatten()(h))
    small = (height // 8, width // 8, 128)
    h = keras.layers.Reshape(small)(keras.layers.Dense(small[0] * small[1] * small[2], activation="relu")(features))
    for filters in (64, 32):
        h = keras.layers.Conv2DTranspose(filters, 4, 2, "same", activation="relu")(h)
    back = keras.layers.Conv2DTranspose(channels, 4, 2, "same")(h)
    autoencoder = keras.Model(image, back)
    autoencoder.compile("adam", "mse", steps_per_execution=20)
    held_out = len(x) // 10
    autoencoder.fit(x[:-held_out], x[:-held_out], epochs=epochs, batch_size=128, verbose=0)
    error = np.sqrt(autoencoder.evaluate(x[-held_out:], x[-held_out:], verbose=0))
    return keras.Model(image, features), float(error)


def features_of(network: Any, images: np.ndarray) -> np.ndarray:
    """Features of images `(n, H, W)` or `(n, H, W, C)`, as `(n, d)`."""
    return network.predict(with_channels(np.asarray(images, "float32")), batch_size=500, verbose=0)


def with_channels(images: np.ndarray) -> np.ndarray:
    """Images `(n, H, W)` or `(n, H, W, C)` as `(n, H, W, C)`."""
    return images[..., None] if images.ndim == 3 else images


def frechet_distance(a: np.ndarray, b: np.ndarray) -> float:
    """|μ_a − μ_b|² + Tr(S_a + S_b − 2 (S_a^½ S_b S_a^½)^½) of two samples of features, `(n, d)` and `(m, d)`.

    Biased upwards at finite n, by about 2d/n + d(d+1)/(2n) for two samples of one law with unit covariance: compare at equal
    n, beside the level of real against real.
    """
    (mean_a, cov_a), (mean_b, cov_b) = ((s.mean(axis=0), np.cov(s, rowvar=False)) for s in as_pair(a, b))
    root = _root(cov_a)
    cross = _root(root @ cov_b @ root)
    return float(((mean_a - mean_b) ** 2).sum() + np.trace(cov_a) + np.trace(cov_b) - 2 * np.trace(cross))


def density_and_coverage(real: Any, generated: Any, k: int = 5, chunk: int = 1000) -> tuple[float, float]:
    """(density, coverage) of generated points in the balls to each real point's k-th nearest real one.

    Density is 1 on average under the null, coverage 1 − Π_{i<k} (N−1−i)/(N+M−1−i).

    Args:
        real: `(N, d)`; generated: `(M, d)`; distances are held for `chunk` real points at a time.

    Source: Naeem et al., "Reliable fidelity and diversity metrics for generative models" (2020).
    """
    real, generated = as_pair(real, generated)
    if len(real) <= k:
        raise ValueError(f"density_and_coverage needs more than k = {k} real points, but got {len(real)}.")
    inside, covered = 0, 0
    for start in range(0, len(real), chunk):
        some = real[start : start + chunk]
        radius = np.partition(cdist(some, real), k, axis=1)[:, k]  # its own distance of 0 comes first
        close = cdist(some, generated) < radius[:, None]
        inside += int(close.sum())
        covered += int(close.any(axis=1).sum())
    return inside / (k * len(generated)), covered / len(real)


def null_coverage(n: int, m: Any, k: int = 5) -> float:
    """The expected coverage of n points by m of the same law."""
    i = np.arange(k)
    return float(1 - np.prod((n - 1 - i) / (n + m - 1 - i)))


def _root(matrix):
    """The symmetric square root of a covariance."""
    values, vectors = np.linalg.eigh(matrix)
    return vectors * np.sqrt(np.clip(values, 0, None)) @ vectors.T
