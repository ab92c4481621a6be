"""Many images as one."""

import numpy as np


def tiled(images: np.ndarray, columns: int = 10, gap: int = 1) -> np.ndarray:
    """One large image of many: `(n, H, W)` or `(n, H, W, C)` -> `(rows·(H + gap), columns·(W + gap)[, C])`.

    Gaps are NaN between grey images, which matplotlib leaves white, and 1 between colour ones.
    """
    images = np.asarray(images, "float32")
    images = images[..., 0] if images.ndim == 4 and images.shape[-1] == 1 else images
    colour = images.ndim == 4
    padding = [(0, 0), (0, gap), (0, gap)] + [(0, 0)] * colour
    images = np.pad(images, padding, constant_values=1.0 if colour else np.nan)
    rows = -(-len(images) // columns)
    height, width = images.shape[1:3]
    canvas = np.full((rows * height, columns * width, *images.shape[3:]), 1.0 if colour else np.nan, "float32")
    for k, image in enumerate(images):
        top, left = k // columns * height, k % columns * width
        canvas[top : top + height, left : left + width] = image
    return canvas
