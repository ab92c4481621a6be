"""Correlation matrices."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from tfvae.plots.panels import words


def correlation_panels(tables: dict, columns_shown: int = 12) -> Figure:
    """Rank correlations of the first columns of numbers, a panel for each table.

    Args:
        tables: dict title -> `pandas.DataFrame`, all with the same columns.
    """
    first = next(iter(tables.values()))
    names = [c for c in first if pd.api.types.is_numeric_dtype(first[c])][:columns_shown]
    side = 0.35 * len(names) + 1.5
    figure = Figure(figsize=(side * len(tables) + 0.8, side), layout="constrained")
    axes = figure.subplots(1, len(tables), squeeze=False)[0]
    for axis, (title, table) in zip(axes, tables.items(), strict=True):
        with np.errstate(invalid="ignore", divide="ignore"):
            values = table[names].corr("spearman").to_numpy()
        shown = axis.imshow(values, cmap="RdBu_r", vmin=-1, vmax=1)
        axis.set_title(title, fontsize="medium")
        labels = [words(name) for name in names]
        axis.set_xticks(range(len(names)), labels, rotation=90, fontsize="small")
        axis.set_yticks(range(len(names)), labels if axis is axes[0] else [], fontsize="small")
    figure.colorbar(shown, ax=axes, label="rank correlation", fraction=0.03)
    return figure
