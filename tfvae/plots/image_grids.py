"""Images in a grid."""

from collections.abc import Mapping
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


def image_rows(
    rows: Mapping[str, np.ndarray], title: str = "", gap: int = 1, ink: bool = True, limits: Any = (0, 1)
) -> Figure:
    """A row of images for each name, with the name at its left; the other arguments are those of `image_grid`.

    Args:
        rows: name -> `(n, H, W)`, `(n, H, W, 1)` or `(n, H, W, 3)`, of one n.
    """
    if len({len(row) for row in rows.values()}) != 1:
        raise ValueError(f"Rows need as many images each, but have {[len(row) for row in rows.values()]}.")
    images = np.concatenate(list(rows.values()))
    columns = len(images) // len(rows)
    figure = image_grid(images, title, columns, gap, ink, limits)
    (axis,) = figure.axes
    middles = (np.arange(len(rows)) + 0.5) * (images.shape[1] + gap)
    axis.set_axis_on()
    axis.set_yticks(middles, list(rows), fontsize=9)
    axis.set_xticks([])
    axis.tick_params(length=0)
    axis.spines[:].set_visible(False)
    return figure
