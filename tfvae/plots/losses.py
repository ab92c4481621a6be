"""Training curves, and what a setting changes."""

from collections.abc import Sequence
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from tfvae.plots.panels import make_panels


def loss_curves(
    histories: dict, quantities: Sequence[str] = ("loss", "reconstruction", "kl"), title: str = "", columns: int = 3
) -> Figure:
    """Training curves, with their `val_` twins dashed.

    Args:
        histories: dict label -> `pandas.DataFrame` with an `epoch` column.
        quantities: columns to show, a panel each; in nats per example.
    """
    quantities = [q for q in quantities if any(q in history for history in histories.values())]
    figure, axes = make_panels(len(quantities), columns)
    for axis, quantity in zip(axes, quantities, strict=True):
        for k, (name, history) in enumerate(histories.items()):
            if quantity in history:
                axis.plot(history["epoch"], history[quantity], f"C{k % 10}", label=name)
            if f"val_{quantity}" in history:
                axis.plot(history["epoch"], history[f"val_{quantity}"], f"C{k % 10}--")
        axis.set(title=quantity, xlabel="epoch", ylabel="nats")
    if len(histories) > 1:
        figure.legend(*axes[0].get_legend_handles_labels(), loc="outside right center", fontsize="small", frameon=False)
    figure.suptitle(title)
    return figure


def sweep(
    frame: pd.DataFrame, x: Any, quantities: Sequence[str], title: str = "", log_x: bool = True, columns: int = 3
) -> Figure:
    """One panel for each quantity against `x`: every run a dot, the mean a line.

    Args:
        frame: `pandas.DataFrame`, a row for each run.
        x: column.
        quantities: columns.
    """
    figure, axes = make_panels(len(quantities), columns)
    for axis, quantity in zip(axes, quantities, strict=True):
        axis.plot(frame[x], frame[quantity], "o", alpha=0.5)
        means = frame.groupby(x)[quantity].mean()
        axis.plot(means.index, means.to_numpy(), "-")
        axis.set(title=quantity, xlabel=x)
        if log_x:
            axis.set_xscale("log")
    figure.suptitle(title)
    return figure


def gains(table: Any, title: str = "") -> Figure:
    """What each variant gains over its reference: a dot with its standard error for each seed.

    Args:
        table: rows with `variant`, `seed`, `gain` and `standard_error`, in nats.
    """
    names = list(dict.fromkeys(row["variant"] for row in table))
    figure = Figure(figsize=(7, 0.9 + 0.35 * max(len(names), 1)), layout="constrained")
    axis = figure.subplots()
    for row in table:
        same = [r["seed"] for r in table if r["variant"] == row["variant"]]
        height = names.index(row["variant"]) + 0.12 * (same.index(row["seed"]) - (len(same) - 1) / 2)
        axis.errorbar(row["gain"], height, xerr=row["standard_error"], fmt="o", ms=4, c="tab:blue", capsize=2)
    axis.axvline(0, c="grey", lw=0.8)
    axis.set(yticks=range(len(names)), yticklabels=names, xlabel="gain in nats", title=title)
    axis.invert_yaxis()
    return figure


def by_group(frame: pd.DataFrame, x: Any, group: str, quantities: Sequence[str], title: str = "") -> Figure:
    """One panel for each quantity against `x`, a line for each group.

    Args:
        frame: `pandas.DataFrame`, a row for each run.
        x, group: columns.
        quantities: columns.
    """
    figure, axes = make_panels(len(quantities), len(quantities))
    for axis, quantity in zip(axes, quantities, strict=True):
        for name, rows in frame.groupby(group, sort=False):
            mean = rows.groupby(x)[quantity].mean()
            axis.plot(mean.index, mean, "o-", ms=4, label=name)
        axis.set(xlabel=x, title=quantity, xscale="log", xticks=sorted(frame[x].unique()))
        axis.set_xticklabels(sorted(frame[x].unique()))
        axis.minorticks_off()
    axes[0].legend(fontsize="small")
    figure.suptitle(title)
    return figure


def trade_off(rows: Sequence[dict], x: str, y: str, group: str, title: str = "", log_x: bool = False) -> Figure:
    """One measure against another: a line of dots for each group, in the order of the rows.

    Args:
        rows: dicts with the keys `x`, `y` and `group`.
        x, y, group: keys.
    """
    figure = Figure(figsize=(5, 4), layout="constrained")
    axis = figure.subplots()
    for name in dict.fromkeys(row[group] for row in rows):
        same = [row for row in rows if row[group] == name]
        axis.plot([row[x] for row in same], [row[y] for row in same], "o-", ms=4, label=name)
    axis.set(xlabel=x.replace("_", " "), ylabel=y.replace("_", " "), title=title)
    axis.legend(fontsize="small")
    if log_x:
        axis.set_xscale("log")
    return figure
