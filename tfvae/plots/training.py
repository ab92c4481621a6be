"""Training curves, and what a setting changes."""

from tfvae.plots.panels import make_panels


def loss_curves(histories, quantities=("loss", "reconstruction", "kl"), title="", columns=3):
    """Training curves, with their `val_` twins dashed.

    Args:
        histories: dict label -> `pandas.DataFrame` with an `epoch` column.
        quantities: columns to show, a panel each; in nats per example.
    """
    figure, axes = make_panels(len(quantities), columns)
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
