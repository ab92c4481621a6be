"""What the figures share: a row of square panels, and text as a user wrote it."""

import numpy as np
from matplotlib.figure import Figure

_POINTS = 20_000  # more do not show in a figure, and make it slow


def make_panels(count, columns, size=3.4):
    columns = min(columns, count)
    rows = -(-count // columns)
    figure = Figure(figsize=(size * columns, size * rows + 0.3), layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False).ravel()
    for axis in axes[count:]:
        axis.set_axis_off()
    return figure, axes[:count]


def frame_axis(axis, title, limits=None):
    axis.set_title(words(title), fontsize="small")
    axis.set_aspect("equal", adjustable="box")
    if limits is not None:
        axis.set(xlim=limits[0], ylim=limits[1])


def words(text):
    """A user's text as matplotlib shows it, which would take dollars for mathematics."""
    return str(text).replace("$", r"\$")


def some(values):
    return np.asarray(values)[:_POINTS]
