"""Images in a grid."""

from typing import Any

import numpy as np
from matplotlib.figure import Figure

from tfvae.data.tiling import tiled


def image_grid(
    images: np.ndarray, title: str = "", columns: int = 10, gap: int = 1, ink: bool = True, limits: Any = (0, 1)
) -> Figure:
    """Images in a grid, on one scale.

    Args:
        images: `(n, H, W)`, `(n, H, W, 1)` or `(n, H, W, 3)`.
        columns: images in a row.
        gap: pixels between them.
        limits: the values of grey images from the one end of the scale to the other; colours are in [0, 1].
        ink: bool, show grey values as ink on paper (0 is white) and not as light (0 is black).
    """
    canvas = tiled(images, columns, gap)
    rows = -(-len(images) // columns)
    width, height = columns * 0.7, rows * 0.7 * images.shape[1] / images.shape[2]
    size = max(12.0, width)  # of the title, to be read where a wide grid is shown in the width of a page
    figure = Figure(figsize=(width, height + size / 24), layout="constrained")
    axis = figure.subplots()
    axis.imshow(np.clip(canvas, *limits), cmap="gray_r" if ink else "gray", vmin=limits[0], vmax=limits[1])
    axis.set_axis_off()
    figure.suptitle(title, fontsize=size)
    return figure
