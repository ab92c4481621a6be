"""Tables."""

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from tfvae.plots.panels import make_panels, words

_DISTINCT = 12  # values of numbers that get a bar each
_CATEGORIES, _LETTERS = 12, 16  # shown of a column and of a name


def column_histograms(tables: dict, columns_shown: int = 12, title: str = "", columns: int = 4) -> Figure:
    """Histograms of each column, several tables in one panel; the most extreme half percent of numbers is cut off.

    Dates are shown in years.

    Args:
        tables: dict label -> `pandas.DataFrame` with the same columns.
    """
    names = list(next(iter(tables.values())).columns)[:columns_shown]
    figure, axes = make_panels(len(names), columns, size=2.6)
    colours = sns.color_palette(n_colors=len(tables))
    for axis, name in zip(axes, names, strict=True):
        series = {label: _years(table[name].dropna()) for label, table in tables.items()}
        numeric = all(pd.api.types.is_numeric_dtype(s) and not pd.api.types.is_bool_dtype(s) for s in series.values())
        (_draw_numbers if numeric else _draw_categories)(axis, list(series.values()), colours)
        axis.set(title=words(name), xlabel="", ylabel="", yticks=[])
    patches = [Patch(facecolor=colour, alpha=0.5) for colour in colours]
    figure.legend(patches, list(tables), loc="outside upper center", ncols=len(tables), frameon=False)
    if title:
        figure.suptitle(title)
    return figure


def _years(series):
    if not pd.api.types.is_datetime64_any_dtype(series):
        return series
    return series.dt.year + (series.dt.day_of_year - 1) / 365.25


def _draw_numbers(axis, series, colours):
    values = np.concatenate([s.to_numpy("float64") for s in series])
    values = values[np.isfinite(values)]
    if not len(values):
        return
    low, high = np.quantile(values, [0.005, 0.995])
    distinct = np.unique(values)
    if len(distinct) <= _DISTINCT:
        half = np.diff(distinct).min() / 2 if len(distinct) > 1 else 0.5
        edges = np.concatenate([distinct[:1] - half, (distinct[1:] + distinct[:-1]) / 2, distinct[-1:] + half])
    else:
        edges = np.linspace(low, high if high > low else low + 1, 31)
    for s, colour in zip(series, colours, strict=True):
        axis.hist(s, edges, weights=np.full(len(s), 1 / max(len(s), 1)), color=colour, alpha=0.5)


def _draw_categories(axis, series, colours):
    texts = [s.astype("string") for s in series]
    shown = texts[0].value_counts().index[:_CATEGORIES]
    places, width = np.arange(len(shown)), 0.8 / len(series)
    for k, (s, colour) in enumerate(zip(texts, colours, strict=True)):
        shares = s.value_counts(normalize=True).reindex(shown, fill_value=0)
        axis.bar(places + (k - (len(series) - 1) / 2) * width, shares, width, color=colour, alpha=0.7)
    labels = [words(name if len(name) <= _LETTERS else name[: _LETTERS - 1] + "…") for name in shown]
    axis.set_xticks(places, labels, rotation=60, ha="right", fontsize="small")
