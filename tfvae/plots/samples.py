"""Samples in two dimensions, and densities."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from tfvae.plots.panels import frame_axis, make_panels, some, words

_NAMED = 20  # labels in a key


def displot(samples: Any, title: str = "", bins: int = 200, limits: Any = None) -> Figure:
    """Two-dimensional histograms of several samples in one frame, with rugs.

    Args:
        samples: dict label -> `(n, 2)`; the label says whether decoder means or draws are shown.
        title: of the figure.
        bins: of each axis.
        limits: ((x0, x1), (y0, y1)) or None.
    """
    table = pd.concat(
        [pd.DataFrame(some(s)[:, :2], columns=["x0", "x1"]).assign(role=role) for role, s in samples.items()],
        ignore_index=True,
    )
    grid = sns.displot(data=table, x="x0", y="x1", hue="role", kind="hist", rug=True, height=6, bins=bins,
                       rug_kws={"height": 0.015, "alpha": 0.02})  # fmt: skip
    if limits is not None:
        grid.ax.set(xlim=limits[0], ylim=limits[1])
    grid.figure.suptitle(title, y=1.02)
    return _detached(grid.figure)


def scatter_panels(panels: dict, title: str = "", limits: Any = None, centres: Any = None, columns: int = 4) -> Figure:
    """One scatter plot for each sample.

    Args:
        panels: dict title -> `(n, 2)`.
        title: of the figure.
        limits: ((x0, x1), (y0, y1)) for all panels, or None.
        centres: `(K, 2)` marked in each panel, or None.
        columns: panels in a row.
    """
    figure, axes = make_panels(len(panels), columns)
    for axis, (name, sample) in zip(axes, panels.items(), strict=True):
        sample = some(sample)
        axis.scatter(sample[:, 0], sample[:, 1], s=1, alpha=0.25, linewidths=0, rasterized=True)
        if centres is not None:
            axis.scatter(*np.asarray(centres).T, marker="+", c="crimson", s=40)
        frame_axis(axis, name, limits)
    figure.suptitle(title)
    return figure


def labelled_scatter(panels: dict, title: str = "", columns: int = 4, names: Sequence = ()) -> Figure:
    """Scatter plots coloured by a label; points of one dimension stand beside each other in their order.

    Args:
        panels: dict title -> (`(n, 1)` or `(n, 2)` points, `(n,)` integer labels).
        title: of the figure.
        columns: panels in a row.
        names: of the labels, for a key beside the panels, which shows the first 20; empty for none.
    """
    figure, axes = make_panels(len(panels), columns, size=3.4 if len(panels) > 1 else 4.6)
    for axis, (name, (points, labels)) in zip(axes, panels.items(), strict=True):
        points = np.asarray(points)
        if points.shape[1] == 1:
            points = np.column_stack([points, np.linspace(points.min(), points.max(), len(points))])
        colours = np.asarray(sns.color_palette("tab10" if max(labels) < 10 else "husl", int(max(labels)) + 1))
        size = float(np.clip(4000 / len(points), 2, 25))
        axis.scatter(*some(points)[:, :2].T, s=size, alpha=0.5, linewidths=0, c=colours[some(labels)], rasterized=True)
        frame_axis(axis, name)
    if len(names):
        dots = [Line2D([], [], marker="o", ls="", ms=5, color=colours[k]) for k in range(min(len(names), _NAMED))]
        keys = [words(name) for name in names[:_NAMED]]
        figure.set_figwidth(figure.get_figwidth() + 1.4)
        figure.legend(dots, keys, loc="outside right center", fontsize="small", frameon=False)
    figure.suptitle(title)
    return figure


def density_contours(densities: dict, limits: Any, title: str = "", columns: int = 4) -> Figure:
    """Filled contours of log densities.

    Args:
        densities: dict title -> callable from `(n, 2)` points to log p in nats.
        limits: ((x0, x1), (y0, y1)).
    """
    ticks = [np.linspace(low, high, 100) for low, high in limits]
    mesh = np.stack(np.meshgrid(*ticks, indexing="ij"), axis=-1).reshape(-1, 2).astype("float32")
    figure, axes = make_panels(len(densities), columns)
    for axis, (name, log_density) in zip(axes, densities.items(), strict=True):
        values = np.asarray(log_density(mesh)).reshape(100, 100).T
        shown = axis.contourf(
            *ticks, np.clip(values, -12, None), levels=np.linspace(-12, 0, 25), cmap="magma", extend="max"
        )
        frame_axis(axis, name, limits)
    figure.colorbar(shown, ax=axes, label="log p(x) in nats, cut at −12", fraction=0.02)
    figure.suptitle(title)
    return figure


def _detached(figure):
    """The figure, no longer held by pyplot, which would keep every one until the end."""
    import matplotlib.pyplot as plt

    plt.close(figure)
    return figure
