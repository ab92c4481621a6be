"""Arrays in, matplotlib figures out. Nothing here knows a model."""

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure

_POINTS = 20_000  # more do not show in a figure, and make it slow


def displot(samples, title="", bins=200, limits=None):
    """Document 000's plot: two-dimensional histograms of several samples in one frame, with rugs.

    Args:
        samples: dict label -> `(n, 2)`; the label says whether decoder means or draws are shown.
        title: of the figure.
        bins: of each axis.
        limits: ((x0, x1), (y0, y1)) or None.
    """
    frame = pd.concat(
        [pd.DataFrame(_some(s)[:, :2], columns=["x0", "x1"]).assign(role=role) for role, s in samples.items()],
        ignore_index=True,
    )
    grid = sns.displot(data=frame, x="x0", y="x1", hue="role", kind="hist", rug=True, height=6, bins=bins,
                       rug_kws={"height": 0.015, "alpha": 0.02})  # fmt: skip
    if limits is not None:
        grid.ax.set(xlim=limits[0], ylim=limits[1])
    grid.figure.suptitle(title, y=1.02)
    return _detached(grid.figure)


def scatter_panels(panels, title="", limits=None, centres=None, columns=4):
    """One scatter plot for each sample.

    Args:
        panels: dict title -> `(n, 2)`.
        title: of the figure.
        limits: ((x0, x1), (y0, y1)) for all panels, or None.
        centres: `(K, 2)` marked in each panel, or None.
        columns: panels in a row.
    """
    figure, axes = _panels(len(panels), columns)
    for axis, (name, sample) in zip(axes, panels.items(), strict=True):
        sample = _some(sample)
        axis.scatter(sample[:, 0], sample[:, 1], s=1, alpha=0.25, linewidths=0, rasterized=True)
        if centres is not None:
            axis.scatter(*np.asarray(centres).T, marker="+", c="crimson", s=40)
        _frame(axis, name, limits)
    figure.suptitle(title)
    return figure


def labelled_scatter(panels, title="", columns=4):
    """Scatter plots coloured by a label.

    Args:
        panels: dict title -> (`(n, 2)` points, `(n,)` integer labels).
    """
    figure, axes = _panels(len(panels), columns)
    for axis, (name, (points, labels)) in zip(axes, panels.items(), strict=True):
        colours = np.asarray(sns.color_palette("tab10" if max(labels) < 10 else "husl", int(max(labels)) + 1))
        size = float(np.clip(4000 / len(points), 2, 25))
        axis.scatter(
            *_some(points)[:, :2].T, s=size, alpha=0.5, linewidths=0, c=colours[_some(labels)], rasterized=True
        )
        _frame(axis, name)
    figure.suptitle(title)
    return figure


def density_contours(densities, limits, title="", columns=4):
    """Filled contours of log densities.

    Args:
        densities: dict title -> callable from `(n, 2)` points to log p in nats.
        limits: ((x0, x1), (y0, y1)).
    """
    ticks = [np.linspace(*limit, 100) for limit in limits]
    mesh = np.stack(np.meshgrid(*ticks, indexing="ij"), axis=-1).reshape(-1, 2).astype("float32")
    figure, axes = _panels(len(densities), columns)
    for axis, (name, log_density) in zip(axes, densities.items(), strict=True):
        values = np.asarray(log_density(mesh)).reshape(100, 100).T
        shown = axis.contourf(
            *ticks, np.clip(values, -12, None), levels=np.linspace(-12, 0, 25), cmap="magma", extend="max"
        )
        _frame(axis, name, limits)
    figure.colorbar(shown, ax=axes, label="log p(x) in nats, cut at −12", fraction=0.02)
    figure.suptitle(title)
    return figure


def loss_curves(histories, quantities=("loss", "reconstruction", "kl"), title="", columns=3):
    """Training curves, with their `val_` twins dashed.

    Args:
        histories: dict label -> `pandas.DataFrame` with an `epoch` column.
        quantities: columns to show, a panel each; in nats per example.
    """
    figure, axes = _panels(len(quantities), columns)
    for axis, quantity in zip(axes, quantities, strict=True):
        for k, (name, history) in enumerate(histories.items()):
            if quantity in history:
                axis.plot(history["epoch"], history[quantity], f"C{k % 10}", label=name)
            if f"val_{quantity}" in history:
                axis.plot(history["epoch"], history[f"val_{quantity}"], f"C{k % 10}--")
        axis.set(title=quantity, xlabel="epoch", ylabel="nats")
    axes[0].legend(fontsize="x-small")
    figure.suptitle(title)
    return figure


def sweep(frame, x, quantities, title="", log_x=True, columns=3):
    """One panel for each quantity against `x`: every run a dot, the mean a line.

    Args:
        frame: `pandas.DataFrame`, a row for each run.
        x: column.
        quantities: columns.
    """
    figure, axes = _panels(len(quantities), columns)
    for axis, quantity in zip(axes, quantities, strict=True):
        axis.plot(frame[x], frame[quantity], "o", alpha=0.5)
        means = frame.groupby(x)[quantity].mean()
        axis.plot(means.index, means.to_numpy(), "-")
        axis.set(title=quantity, xlabel=x)
        if log_x:
            axis.set_xscale("log")
    figure.suptitle(title)
    return figure


def image_grid(images, title="", columns=10):
    """Grey images in a grid, `(n, H, W)`, with a gap between them; one grey scale for all."""
    images = np.pad(np.asarray(images, "float64"), [(0, 0), (0, 1), (0, 1)], constant_values=np.nan)
    rows = -(-len(images) // columns)
    height, width = images.shape[1:3]
    canvas = np.full((rows * height, columns * width), np.nan)
    for k, image in enumerate(images):
        top, left = k // columns * height, k % columns * width
        canvas[top : top + height, left : left + width] = image
    figure = Figure(figsize=(columns * 0.7, rows * 0.7 + 0.5), layout="constrained")
    axis = figure.subplots()
    axis.imshow(canvas, cmap="gray_r")
    axis.set_axis_off()
    figure.suptitle(title)
    return figure


def column_histograms(tables, columns_shown=12, title="", columns=4):
    """Histograms of each column, several tables in one panel.

    Args:
        tables: dict label -> `pandas.DataFrame` with the same columns.
    """
    names = list(next(iter(tables.values())).columns)[:columns_shown]
    figure, axes = _panels(len(names), columns, size=2.6)
    for axis, name in zip(axes, names, strict=True):
        frame = pd.concat([pd.DataFrame({"value": t[name], "table": k}) for k, t in tables.items()], ignore_index=True)
        numeric = pd.api.types.is_numeric_dtype(frame["value"])
        sns.histplot(
            frame, x="value", hue="table", stat="density", common_norm=False, element="step" if numeric else "bars",
            bins=30 if numeric else "auto", ax=axis, legend=axis is axes[0], discrete=not numeric,
        )  # fmt: skip
        axis.set(title=_words(name), xlabel="", ylabel="")
        if not numeric:
            axis.tick_params(axis="x", rotation=60)
    figure.suptitle(title)
    return figure


def _panels(count, columns, size=3.4):
    columns = min(columns, count)
    rows = -(-count // columns)
    figure = Figure(figsize=(size * columns, size * rows + 0.3), layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False).ravel()
    for axis in axes[count:]:
        axis.set_axis_off()
    return figure, axes[:count]


def _frame(axis, title, limits=None):
    axis.set_title(_words(title), fontsize="small")
    axis.set_aspect("equal", adjustable="box")
    if limits is not None:
        axis.set(xlim=limits[0], ylim=limits[1])


def _words(text):
    """A user's text as matplotlib shows it, which would take dollars for mathematics."""
    return str(text).replace("$", r"\$")


def _some(values):
    return np.asarray(values)[:_POINTS]


def _detached(figure):
    """The figure, no longer held by pyplot, which would keep every one until the end."""
    import matplotlib.pyplot as plt

    plt.close(figure)
    return figure
