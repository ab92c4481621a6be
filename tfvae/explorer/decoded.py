"""What codes decode to, as a page or a widget shows it."""

import base64
import io
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image

_DIGITS = 4


def as_texts(rows: pd.DataFrame) -> list[list[str]]:
    """Rows of a table as short texts."""
    return [[_text(value) for value in row] for row in rows.itertuples(index=False)]


def as_images(codec: Any, rows: Any) -> np.ndarray | None:
    """Decoded rows as images in [0, 1], also those of a table whose columns are pixels; None where they are none."""
    if codec.kind == "images":
        return np.asarray(rows)
    if codec.kind != "table" or codec.side is None:
        return None
    values = rows.to_numpy("float64")
    low, high = values.min(), values.max()
    return ((values - low) / max(high - low, 1e-12)).reshape(-1, codec.side, codec.side)


def as_pixels(images: np.ndarray) -> np.ndarray:
    """Images in [0, 1], `(n, H, W)` or `(n, H, W, C)`, as bytes `(n, H, W)` or `(n, H, W, 3)`."""
    images = np.clip(np.asarray(images), 0, 1)
    images = (
        images[..., 0]
        if images.ndim == 4 and images.shape[-1] == 1
        else images[..., :3]
        if images.ndim == 4
        else images
    )
    return np.round(images * 255).astype("uint8")


def sprite(images: np.ndarray, columns: int) -> str:
    """Images side by side in one PNG, row by row, as base64."""
    pixels = as_pixels(images)
    n, height, width = pixels.shape[:3]
    rows = -(-n // columns)
    canvas = np.zeros((rows * columns, *pixels.shape[1:]), "uint8")
    canvas[:n] = pixels
    canvas = canvas.reshape(rows, columns, *pixels.shape[1:]).swapaxes(1, 2)
    return png(canvas.reshape(rows * height, columns * width, *pixels.shape[3:]))


def png(pixels: np.ndarray) -> str:
    """One image of bytes as a base64 PNG."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG", optimize=True)
    return base64.b64encode(buffer.getvalue()).decode()


def _text(value: Any) -> str:
    if isinstance(value, bool | np.bool_):
        return "yes" if value else "no"
    if isinstance(value, float | np.floating):
        return f"{value:.{_DIGITS}g}"
    return str(value)
