"""Tables."""

import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure

from tfvae.plots.panels import make_panels, words


def column_histograms(tables: dict, columns_shown: int = 12, title: str = "", columns: int = 4) -> Figure:
    """Histograms of each column, several tables in one panel.

    Args:
        tables: dict label -> `pandas.DataFrame` with the same columns.
    """
    names = list(next(iter(tables.values())).columns)[:columns_shown]
    figure, axes = make_panels(len(names), columns, size=2.6)
    for axis, name in zip(axes, names, strict=True):
        frame = pd.concat([pd.DataFrame({"value": t[name], "table": k}) for k, t in tables.items()], ignore_index=True)
        numeric = pd.api.types.is_numeric_dtype(frame["value"])
        sns.histplot(
            frame, x="value", hue="table", stat="density", common_norm=False, element="step" if numeric else "bars",
            bins=30 if numeric else "auto", ax=axis, legend=axis is axes[0], discrete=not numeric,
        )  # fmt: skip
        axis.set(title=words(name), xlabel="", ylabel="")
        if not numeric:
            axis.tick_params(axis="x", rotation=60)
    figure.suptitle(title)
    return figure
