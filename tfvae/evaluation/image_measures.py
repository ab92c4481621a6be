"""Measures of images."""

import numpy as np


def sharpness(images: np.ndarray) -> float:
    """Mean absolute difference of neighbouring pixels, over both directions; images `(n, H, W)` in [0, 1]."""
    images = np.asarray(images, "float64")
    down, right = np.abs(np.diff(images, axis=1)), np.abs(np.diff(images, axis=2))
    return float((down.mean() + right.mean()) / 2)
