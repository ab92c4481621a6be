"""Generated haplotypes beside real ones."""

from typing import Any

import numpy as np
from matplotlib.figure import Figure

from tfvae.plots.panels import frame_axis, make_panels, some


def overlay_panels(panels: dict, base: Any, title: str = "", columns: int = 4) -> Figure:
    """Base data as wide grey dots, decoded data as small red ones over them, on two principal components.

    Args:
        panels: dict title -> `(n, 2)` decoded; the title says whether means or draws are shown.
        base: `(m, 2)`, the same in all panels; or a dict like `panels`.
        title: of the figure.
        columns: panels in a row.
    """
    figure, axes = make_panels(len(panels), columns)
    for axis, (name, points) in zip(axes, panels.items(), strict=True):
        below = np.asarray(base[name] if isinstance(base, dict) else base)
        low, high = below.min(axis=0), below.max(axis=0)
        margin = 0.15 * (high - low).max()
        for values, color, size in ((some(below), "0.7", 22), (some(points), "crimson", 4)):
            axis.scatter(values[:, 0], values[:, 1], s=size, alpha=0.6, linewidths=0, color=color, rasterized=True)
        frame_axis(axis, name, tuple(zip(low - margin, high + margin, strict=True)))
        axis.set_aspect("auto")
    figure.suptitle(title, fontsize="medium")
    return figure


def frequency_scatter(real: Any, generated: Any, title: str = "") -> Figure:
    """ALT frequencies `(V,)` of generated haplotypes against those of real ones."""
    figure, (axis,) = make_panels(1, 1, size=4.2)
    axis.plot([0, 1], [0, 1], color="0.7", linewidth=1)
    axis.scatter(real, generated, s=5, alpha=0.5, linewidths=0)
    frame_axis(axis, title, ((-0.02, 1.02), (-0.02, 1.02)))
    axis.set(xlabel="held-out haplotypes", ylabel="draws")
    return figure


def decay_curves(curves: Any, edges: Any, title: str = "") -> Figure:
    """Mean r² against the distance of two sites.

    Args:
        curves: dict panel -> dict label -> `(len(edges) - 1,)`, NaN where there are no pairs.
        edges: increasing, base pairs.
        title: of the figure.
    """
    figure, axes = make_panels(len(curves), 4)
    middles = np.sqrt(np.maximum(edges[:-1], 1) * np.asarray(edges[1:], float))
    for axis, (panel, lines) in zip(axes, curves.items(), strict=True):
        for label, values in lines.items():
            axis.plot(middles / 1e3, values, label=label, marker="o", markersize=3)
        axis.set(xscale="log", xlabel="distance, kb", ylabel="mean r²", title=panel)
        axis.set_ylim(bottom=0)
    axes[0].legend(fontsize="small")
    figure.suptitle(title)
    return figure


def grouped_bars(table: Any, title: str = "", ylabel: str = "") -> Figure:
    """A group of bars for each row of a `pandas.DataFrame`, a bar for each column."""
    figure, (axis,) = make_panels(1, 1, size=4.5)
    figure.set_size_inches(min(14.0, max(6.0, 0.28 * table.size)), 4.5)
    table.plot.bar(ax=axis, width=0.8, rot=0, colormap="tab20")
    axis.set(title=title, ylabel=ylabel, xlabel=table.index.name or "")
    axis.legend(fontsize="small", loc="center left", bbox_to_anchor=(1.0, 0.5))
    return figure
