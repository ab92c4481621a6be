"""The latent explorer as one self-contained page."""

import json
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np

from tfvae.data.files import check_folder, replacing
from tfvae.explorer.decoded import as_images, as_texts, sprite
from tfvae.explorer.latent_map import latent_map
from tfvae.host.requirements import require

_PIXELS = 2_000_000  # of all decoded images together, by which the grid of large ones is coarser
_GRID, _SMALLEST = 25, 9
_DRAWS = 2_000  # shown behind a decoded point of the plane
_COLUMNS = 25  # images in a row of the sprite


def write_page(run: Any, out: str | Path | None = None, data: Any = None, label: str = "", seed: int = 0) -> Path:
    """Writes a page that shows a run's latent space and decodes where the reader points; it needs no server.

    The map shows the density of the prior, the codes of data or of draws, and a mixture prior's components. What codes
    decode to (means of p(x|z)) is computed beforehand on a grid. Needs the extra `explore`.

    Args:
        run: a `Run` of a table, of images or of points.
        out: the file; None for `explorer.html` in the run directory.
        data, label: see `latent_map`.
        seed: of draws.

    Returns:
        The path of the page.

    Raises:
        UserError: where plotly or the folder of `out` is missing, or the run has no map: see `latent_map`.
    """
    from jinja2 import Environment

    plotly = require("plotly.offline", "explore")
    path = Path(out) if out is not None else run.directory.path / "explorer.html"
    check_folder(path)
    drawn = latent_map(run, data, label, _grid_size(run), seed)
    codes = np.concatenate([drawn.grid(), *drawn.lines.values()])
    content = _content(drawn) | _decoded(run, codes, seed)
    template = resources.files("tfvae.explorer").joinpath("explorer.html.jinja").read_text(encoding="utf-8")
    name = run.directory.title()
    page = (
        Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True)
        .from_string(template)
        .render(
            title=f"{name}: {run.name}" if run.name else name,
            plotly=plotly.get_plotlyjs(),
            content=json.dumps(content, allow_nan=False).replace("</", "<\\/"),
            about=drawn.about,
            dimensions=len(drawn.origin),
            mixture=len(drawn.components) > 0,
        )
    )
    with replacing(path) as temporary:
        Path(temporary).write_text(page, encoding="utf-8")
    return path


def _grid_size(run):
    if run.codec.kind != "images":
        return _GRID
    pixels = int(np.prod(run.codec.shape[:2]))
    return int(np.clip((_PIXELS // pixels) ** 0.5, _SMALLEST, _GRID))


def _content(drawn):
    """The map, as the page's script reads it."""
    labels = [""] * len(drawn.points) if drawn.labels is None else drawn.labels.tolist()
    return {
        "names": drawn.names,
        "ticks": [np.round(t, 5).tolist() for t in drawn.ticks],
        "density": np.round(drawn.shades, 3).tolist(),
        "points": np.round(drawn.points, 4).tolist(),
        "labels": labels,
        "about": drawn.about,
        "components": np.round(drawn.components, 4).tolist(),
        "weights": np.round(drawn.weights, 5).tolist(),
        "lines": [{"name": f"z{d}", "values": np.round(line[:, d], 3).tolist()} for d, line in drawn.lines.items()],
    }


def _decoded(run, codes, seed):
    """What the codes decode to: pixels, or rows and, of two columns of numbers, places."""
    rows = run.decode(codes)
    images = as_images(run.codec, rows)
    if images is not None:
        return {"sprite": sprite(images, _COLUMNS), "size": images.shape[1:3], "across": _COLUMNS}
    found = {"columns": [str(c) for c in rows], "rows": as_texts(rows)}
    numbers = rows.select_dtypes("number")
    if numbers.shape[1] == rows.shape[1] == 2:
        found |= {"places": numbers.to_numpy("float64").round(5).tolist()}
        found |= {"draws": run.sample(_DRAWS, seed=seed).to_numpy("float64").round(4).tolist()}
    return found
