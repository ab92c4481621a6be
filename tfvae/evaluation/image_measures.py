"""Measures of images."""

import numpy as np

_GREY = (0.299, 0.587, 0.114)


def sharpness(images: np.ndarray) -> float:
    """Mean absolute difference of neighbouring pixels, over both directions; images `(n, H, W)` in [0, 1]."""
    images = np.asarray(images, "float64")
    down, right = np.abs(np.diff(images, axis=1)), np.abs(np.diff(images, axis=2))
    return float((down.mean() + right.mean()) / 2)


def laplacian_sharpness(images: np.ndarray) -> float:
    """Mean over images of the variance of the Laplace filter's response, in grey: larger is sharper.

    Args:
        images: `(n, H, W)` or `(n, H, W, C)` in [0, 1]; the response is taken where the filter lies within the image.

    Source: Tolstikhin et al., "Wasserstein auto-encoders" (2018).
    """
    images = np.asarray(images, "float32")
    if images.ndim == 4:
        images = images @ np.asarray(_GREY, "float32") if images.shape[-1] == 3 else images.mean(axis=-1)
    response = images[:, :-2, 1:-1] + images[:, 2:, 1:-1] + images[:, 1:-1, :-2] + images[:, 1:-1, 2:]
    response = response - 4 * images[:, 1:-1, 1:-1]
    return float(response.reshape(len(images), -1).var(axis=1).mean())
